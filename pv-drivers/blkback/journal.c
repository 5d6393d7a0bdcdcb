/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "blkback/journal.h"

/* A process that is killed has done all stores up to one, and none after it: only the
 * compiler must keep the order. */
static void store(uint32_t *at, uint32_t value)
{
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    __atomic_store_n(at, value, __ATOMIC_RELAXED);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

struct journal *journal_map(int fd, bool keep)
{
    struct journal *j;

    if (!keep && ftruncate(fd, 0))
        return NULL;
    if (ftruncate(fd, sizeof(*j)))
        return NULL;
    j = mmap(NULL, sizeof(*j), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (j == MAP_FAILED)
        return NULL;
    if (keep && j->counts.magic != JOURNAL_MAGIC) {
        journal_unmap(j);
        errno = EINVAL;
        return NULL;
    }
    /* Seen by the next worker before anything is: it is stored first. */
    store(&j->counts.magic, JOURNAL_MAGIC);
    return j;
}

void journal_unmap(struct journal *j)
{
    munmap(j, sizeof(*j));
}

void journal_take(struct journal_queue *q, struct journal_record *rec, uint32_t req_index)
{
    rec->req_index = req_index;
    store(&rec->state, JOURNAL_TAKEN);
    store(&q->req_cons, req_index + 1);
}

void journal_answer(struct journal_record *rec, uint32_t rsp_index)
{
    rec->rsp_index = rsp_index;
    store(&rec->state, JOURNAL_ANSWERED);
}

void journal_show(struct journal_queue *q, uint32_t rsp_prod)
{
    store(&q->rsp_prod, rsp_prod);
}

void journal_free(struct journal_record *rec)
{
    store(&rec->state, JOURNAL_FREE);
}

int journal_recover(struct journal_queue *q, uint32_t nr_ents)
{
    uint32_t taken = 0;

    for (uint32_t i = 0; i < JOURNAL_MAX_ENTRIES; i++) {
        struct journal_record *rec = &q->record[i];

        if (rec->state > JOURNAL_ANSWERED || (rec->state && i >= nr_ents))
            return -EINVAL;
        if (rec->state == JOURNAL_ANSWERED && (int32_t)(rec->rsp_index - q->rsp_prod) < 0)
            journal_free(rec);
        else if (rec->state == JOURNAL_ANSWERED)
            store(&rec->state, JOURNAL_TAKEN);
        if (rec->state != JOURNAL_TAKEN)
            continue;
        if (rec->req_index == q->req_cons)
            store(&q->req_cons, rec->req_index + 1);
        taken++;
    }
    return q->req_cons - q->rsp_prod == taken ? 0 : -EINVAL;
}
