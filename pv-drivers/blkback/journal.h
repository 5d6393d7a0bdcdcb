/* SPDX-License-Identifier: MIT */
/*
 * The requests that were taken from a device's rings and not answered yet, in a file in
 * memory, so that the next backend goes on where a killed one was: it answers each
 * request that was not, and none twice.
 *
 * A record is where the request is copied to from the ring anyway, so the journal costs
 * no more than a few stores. It may end between any two of them: what is read back is
 * only what stands behind the store of `state`, and a request whose fate is unknown is
 * done again, which the guest cannot tell as it has not got an answer.
 */
#ifndef BLKBACK_JOURNAL_H
#define BLKBACK_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/io/blkif.h"
#include "daemon/counts.h"

#define JOURNAL_MAGIC       DISK_COUNTS_MAGIC
#define JOURNAL_MAX_QUEUES  8U
#define JOURNAL_MAX_ENTRIES 512U

enum journal_state { JOURNAL_FREE, JOURNAL_TAKEN, JOURNAL_ANSWERED };

struct journal_record {
    uint32_t state;
    uint32_t req_index; /* of the request in the ring; indices run freely */
    uint32_t rsp_index; /* of its response, once ANSWERED */
    uint32_t pad;
    struct hv_blkif_request req;
};

struct journal_queue {
    uint32_t req_cons; /* requests taken; a TAKEN record may be one ahead */
    uint32_t rsp_prod; /* responses shown to the front end, or just about to be */
    struct journal_record record[JOURNAL_MAX_ENTRIES];
};

struct journal {
    struct disk_counts counts; /* its magic: 0 in a new file */
    struct journal_queue queue[JOURNAL_MAX_QUEUES];
};

/*
 * Maps the file; makes it empty unless it is to be kept. NULL with errno: EINVAL if it is
 * to be kept and is none of ours.
 */
struct journal *journal_map(int fd, bool keep);
void journal_unmap(struct journal *j);

/* A request that was copied to rec->req. */
void journal_take(struct journal_queue *q, struct journal_record *rec,
                  uint32_t req_index);
/* Its response is in the ring but not shown. */
void journal_answer(struct journal_record *rec, uint32_t rsp_index);
/* All responses up to rsp_prod will now be shown. */
void journal_show(struct journal_queue *q, uint32_t rsp_prod);
/* After they were: the record can be used again. */
void journal_free(struct journal_record *rec);

/*
 * Puts a queue with nr_ents slots in order after a crash: what is left is FREE, or TAKEN
 * and to be done again; req_cons is right. -EINVAL: this is no journal of such a queue.
 */
int journal_recover(struct journal_queue *q, uint32_t nr_ents);

#endif
