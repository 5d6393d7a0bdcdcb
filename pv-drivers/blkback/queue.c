/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blkback/queue.h"

/* A request under way. Belongs to one record of the journal. */
struct flight {
    struct disk_op op;
    struct queue *queue;
    uint32_t record;
    int16_t status;
    struct flight *next; /* in queue->unshown or queue->held */
    char *buffer;        /* of the pool; NULL: the guest's pages themselves are used */
    struct plan plan;
    char *page[PLAN_MAX_SEGMENTS]; /* where segments are mapped; NULL: to be copied */
    struct iovec iov[PLAN_MAX_SEGMENTS];
};

static struct journal_record *record_of(const struct flight *f)
{
    return &f->queue->journal->record[f->record];
}

static int fetch_segments(void *ctx, uint32_t ref, struct hv_blkif_request_segment *out,
                          unsigned int nr)
{
    struct queue_device *dev = ctx;
    uint16_t len = (uint16_t)(nr * sizeof(*out));
    struct door_copy piece = {.local = out, .ref = ref, .len = len};
    const void *page = pages_get(&dev->pages, ref);

    if (!page)
        return door_grant_copy_from(dev->grants, dev->domid, &piece, 1);
    memcpy(out, page, len);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    return 0;
}

static void answer(struct flight *f, int status)
{
    struct journal_record *rec = record_of(f);
    struct queue *q = f->queue;
    struct hv_blkif_response rsp = {.status = (int16_t)status};

    /* In the other kinds of request the identity stands at another place. */
    if (rec->req.operation == HV_BLKIF_OP_INDIRECT) {
        struct hv_blkif_request_indirect ind;

        memcpy(&ind, &rec->req, sizeof(ind));
        rsp.id = ind.id;
        rsp.operation = ind.indirect_op;
    } else {
        rsp.id = rec->req.id;
        rsp.operation = rec->req.operation;
    }
    ring_back_answer(&q->ring, &rsp, sizeof(rsp));
    journal_answer(rec, q->ring.r.rsp_prod_pvt - 1);
    f->next = q->unshown;
    q->unshown = f;
}

static void complain(struct queue_device *dev, const struct plan *plan, const char *why)
{
    static const char *const names[] = {"read", "write", "flush", "discard"};
    char line[160];

    snprintf(line, sizeof(line), "%s of %llu bytes at byte %llu: %s", names[plan->kind],
             (unsigned long long)plan->length, (unsigned long long)plan->offset, why);
    dev->complain(line);
}

static void free_buffer(struct flight *f)
{
    if (f->buffer)
        pool_put(&f->queue->dev->pool, f->buffer, f->plan.length);
    f->buffer = NULL;
}

/* Between the buffer and the guest's pages: those that are mapped, then the others. */
static int move_data(struct flight *f, bool to_guest)
{
    struct queue_device *dev = f->queue->dev;
    struct door_copy copy[PLAN_MAX_SEGMENTS];
    unsigned int nr_copies = 0;
    char *at = f->buffer;

    for (unsigned int i = 0; at && i < f->plan.nr; i++) {
        const struct plan_segment *seg = &f->plan.seg[i];

        if (!f->page[i])
            copy[nr_copies++] = (struct door_copy){
                .local = at, .ref = seg->ref, .offset = seg->offset, .len = seg->len};
        else if (to_guest)
            memcpy(f->page[i] + seg->offset, at, seg->len);
        else
            memcpy(at, f->page[i] + seg->offset, seg->len);
        at += seg->len;
    }
    if (!nr_copies)
        return 0;
    return to_guest ? door_grant_copy_to(dev->grants, dev->domid, copy, nr_copies)
                    : door_grant_copy_from(dev->grants, dev->domid, copy, nr_copies);
}

static void count(struct disk_counts *c, const struct plan *plan)
{
    if (plan->kind == PLAN_READ) {
        c->reads++;
        c->read_bytes += plan->length;
    } else if (plan->kind == PLAN_WRITE) {
        c->writes++;
        c->written_bytes += plan->length;
    }
}

/* A write without space: it keeps nothing but its record. */
static void park(struct flight *f)
{
    struct queue_device *dev = f->queue->dev;

    free_buffer(f);
    f->next = f->queue->full;
    f->queue->full = f;
    dev->started--;
    dev->full++;
    if (!dev->was_full)
        dev->complain("no space is left for the image: writes wait until there is some");
    dev->was_full = true;
}

/* The end of a request that was started. */
static void finish(struct flight *f, int rc)
{
    struct queue_device *dev = f->queue->dev;

    if (rc == -EOPNOTSUPP && f->plan.kind == PLAN_DISCARD) {
        dev->started--;
        answer(f, HV_BLKIF_RSP_EOPNOTSUPP);
        return;
    }
    if (rc == -ENOSPC && f->plan.kind == PLAN_WRITE && dev->wait_when_full) {
        park(f);
        return;
    }
    if (rc)
        complain(dev, &f->plan, strerror(-rc));
    if (!rc && f->plan.kind == PLAN_READ) {
        rc = move_data(f, true);
        if (rc)
            complain(dev, &f->plan, "its pages are not granted to be written to");
    }
    if (!rc)
        count(dev->counts, &f->plan);
    if (!rc && f->plan.kind == PLAN_WRITE && dev->was_full && !dev->full) {
        dev->was_full = false;
        dev->complain("there is space for the image again");
    }
    free_buffer(f);
    dev->started--;
    answer(f, rc ? HV_BLKIF_RSP_ERROR : HV_BLKIF_RSP_OKAY);
}

static void disk_done(struct disk_op *op, int rc)
{
    finish((struct flight *)op, rc);
}

static void start_data(struct flight *f)
{
    static const enum disk_kind kinds[] = {[PLAN_READ] = DISK_READ,
                                           [PLAN_WRITE] = DISK_WRITE,
                                           [PLAN_FLUSH] = DISK_FLUSH,
                                           [PLAN_DISCARD] = DISK_DISCARD};

    f->op.kind = kinds[f->plan.kind];
    f->op.offset = f->plan.offset;
    f->op.length = f->plan.length;
    f->op.done = disk_done;
}

static void flushed_first(struct disk_op *op, int rc)
{
    struct flight *f = (struct flight *)op;

    if (rc) {
        finish(f, rc);
        return;
    }
    start_data(f);
    /* There is room: ours has just become free. */
    disk_start(&f->queue->dev->disk, op);
}

/*
 * Where the data are while the disk works on them: in the pool; or, where the kernel
 * copies them itself, in the guest's pages if all of them are mapped. -EAGAIN: not now.
 */
static int find_memory(struct flight *f)
{
    struct queue_device *dev = f->queue->dev;
    const struct plan *plan = &f->plan;
    bool all_mapped = true;

    f->op.iov = f->iov;
    f->op.nr_iov = plan->nr;
    for (unsigned int i = 0; i < plan->nr; i++) {
        f->page[i] = pages_get(&dev->pages, plan->seg[i].ref);
        if (!f->page[i])
            all_mapped = false;
        else
            f->iov[i] = (struct iovec){.iov_base = f->page[i] + plan->seg[i].offset,
                                       .iov_len = plan->seg[i].len};
    }
    if (!plan->nr || (dev->disk.way != DISK_DIRECT && all_mapped))
        return 0;
    f->buffer = pool_get(&dev->pool, plan->length);
    if (!f->buffer)
        return -EAGAIN;
    f->iov[0] = (struct iovec){.iov_base = f->buffer, .iov_len = plan->length};
    f->op.nr_iov = 1;
    return 0;
}

/* False: something is short; to be tried again when others have ended. */
static bool start(struct flight *f)
{
    struct queue_device *dev = f->queue->dev;

    if (!dev->disk.room)
        return false;
    /* The pool is large enough for any request alone. */
    if (find_memory(f))
        return false;
    if (f->plan.kind == PLAN_WRITE && move_data(f, false)) {
        complain(dev, &f->plan, "its pages are not granted");
        free_buffer(f);
        answer(f, HV_BLKIF_RSP_ERROR);
        return true;
    }
    start_data(f);
    if (f->plan.flush_first) {
        f->op.kind = DISK_FLUSH;
        f->op.done = flushed_first;
    }
    dev->started++;
    return disk_start(&dev->disk, &f->op);
}

static void hold(struct queue *q, struct flight *f)
{
    f->next = NULL;
    *q->held_end = f;
    q->held_end = &f->next;
}

/* A request that stands in its record. */
static void begin(struct queue *q, struct flight *f)
{
    struct queue_device *dev = q->dev;
    const char *why;
    int status;

    if (dev->refuse) {
        answer(f, HV_BLKIF_RSP_ERROR);
        return;
    }
    status =
        plan_make(&f->plan, &record_of(f)->req, &dev->limits, fetch_segments, dev, &why);

    if (why)
        dev->complain(why);
    if (status != HV_BLKIF_RSP_OKAY)
        answer(f, status);
    else if (q->held || !start(f))
        hold(q, f);
}

static struct flight *flight_get(struct queue *q, uint32_t record)
{
    struct flight *f = q->flight[record];

    if (f)
        return f;
    f = calloc(1, sizeof(*f));
    if (!f)
        return NULL;
    f->queue = q;
    f->record = record;
    q->flight[record] = f;
    return f;
}

static int recover(struct queue *q)
{
    for (uint32_t i = 0; i < q->nr_ents; i++) {
        struct flight *f;

        if (q->journal->record[i].state != JOURNAL_TAKEN)
            continue;
        f = flight_get(q, i);
        if (!f)
            return -ENOMEM;
        begin(q, f);
    }
    return 0;
}

static int set_up_ring(struct queue *q, void *shared, size_t bytes, bool recover)
{
    int rc;

    q->nr_ents = ring_entries(bytes, QUEUE_SLOT);
    if (q->nr_ents > JOURNAL_MAX_ENTRIES)
        return -EINVAL;
    if (!recover) {
        ring_back_init(&q->ring, shared, bytes, QUEUE_SLOT);
        q->journal->req_cons = q->journal->rsp_prod = q->ring.r.req_cons;
        return 0;
    }
    rc = journal_recover(q->journal, q->nr_ents);
    if (!rc)
        ring_back_resume(&q->ring, shared, bytes, QUEUE_SLOT, q->journal->req_cons,
                         q->journal->rsp_prod);
    return rc;
}

int queue_open(struct queue *q, struct queue_device *dev, void *shared, size_t bytes,
               struct journal_queue *journal, bool again)
{
    int rc;

    *q = (struct queue){.dev = dev, .journal = journal};
    q->held_end = &q->held;
    rc = set_up_ring(q, shared, bytes, again);
    if (rc)
        return rc;
    q->flight = calloc(q->nr_ents, sizeof(*q->flight));
    q->spare = calloc(q->nr_ents, sizeof(*q->spare));
    if (!q->flight || !q->spare) {
        queue_close(q);
        return -ENOMEM;
    }
    for (uint32_t i = q->nr_ents; i-- > 0;)
        if (q->journal->record[i].state == JOURNAL_FREE)
            q->spare[q->nr_spare++] = i;
    return again ? recover(q) : 0;
}

void queue_close(struct queue *q)
{
    for (uint32_t i = 0; q->flight && i < q->nr_ents; i++)
        free(q->flight[i]);
    free(q->flight);
    free(q->spare);
    q->flight = NULL;
    q->spare = NULL;
}

void queue_retry(struct queue *q)
{
    while (q->held) {
        struct flight *f = q->held, *next = f->next;

        if (!start(f))
            return;
        q->held = next;
    }
    q->held_end = &q->held;
}

void queue_retry_full(struct queue *q, bool give_up)
{
    struct flight *f = q->full, *next;

    q->full = NULL;
    for (; f; f = next) {
        next = f->next;
        q->dev->full--;
        if (give_up)
            answer(f, HV_BLKIF_RSP_ERROR);
        else if (q->held || !start(f))
            hold(q, f);
    }
}

int queue_take(struct queue *q)
{
    queue_retry(q);
    while (!q->held && q->nr_spare) {
        uint32_t record = q->spare[q->nr_spare - 1];
        struct journal_record *rec = &q->journal->record[record];
        struct flight *f = flight_get(q, record);
        int rc = f ? ring_back_take(&q->ring, &rec->req, sizeof(rec->req)) : -ENOMEM;

        if (rc <= 0)
            return rc;
        q->nr_spare--;
        journal_take(q->journal, rec, q->ring.r.req_cons - 1);
        begin(q, f);
    }
    return 0;
}

bool queue_show(struct queue *q)
{
    struct flight *done = q->unshown;
    bool notify;

    if (!done)
        return false;
    journal_show(q->journal, q->ring.r.rsp_prod_pvt);
    notify = ring_back_push(&q->ring);
    for (; done; done = done->next) {
        journal_free(record_of(done));
        q->spare[q->nr_spare++] = done->record;
    }
    q->unshown = NULL;
    return notify;
}

int queue_arm(struct queue *q)
{
    return q->held ? 0 : ring_back_arm(&q->ring);
}
