/* SPDX-License-Identifier: MIT */
/*
 * Who comes first among clients whose transactions stand in each other's way: the one
 * that has asked for least of late. When it has lost a transaction, those who have asked
 * for more may not commit against its next for a moment, so a quiet client gets through
 * beside any number of busy loops. Guests are favoured over guests only, and whoever does
 * not use its favour has to wait before it gets another.
 */
#include <time.h>

#include "daemon/txn.h"
#include "daemon/txn_priv.h"

#define FAVOUR_MS     500
#define FAVOUR_AGAIN  1000
#define ACTIVITY_HALF 512 /* ms after which a request counts half */

static struct {
    struct conn *conn;
    int64_t until;
    struct txn *lost; /* the transaction that lost: the next one will be like it */
} favour;

int64_t txn_now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/*
 * Requests of late, older ones counting less; scaled so that fractions are kept. What was
 * asked since the last look counts as if asked right after it.
 */
static uint64_t activity(struct conn *c, int64_t now)
{
    int64_t halves = (now - c->activity_at) / ACTIVITY_HALF;

    c->activity += (c->requests - c->activity_seen) * 256;
    c->activity_seen = c->requests;
    if (halves > 0) {
        c->activity = halves < 64 ? c->activity >> halves : 0;
        c->activity_at += halves * ACTIVITY_HALF;
    }
    return c->activity;
}

void favour_look(struct conn *c)
{
    activity(c, txn_now_ms());
}

static void end_favour(void)
{
    if (favour.conn && txn_now_ms() > favour.until)
        favour.conn->favour_not_before = txn_now_ms() + FAVOUR_AGAIN;
    txn_release(favour.lost);
    favour.conn = NULL;
    favour.lost = NULL;
}

void favour_lost(struct txn *t)
{
    struct conn *c = t->conn;
    int64_t now = txn_now_ms();
    bool other = favour.conn && favour.conn != c && now <= favour.until;

    txn_detach(t);
    if (now < c->favour_not_before ||
        (other && activity(favour.conn, now) <= activity(c, now))) {
        txn_release(t);
        return;
    }
    if (favour.conn != c || now > favour.until) {
        end_favour();
        favour.until = now + FAVOUR_MS;
    }
    txn_release(favour.lost);
    favour.conn = c;
    favour.lost = t;
}

void favour_won(struct conn *c)
{
    if (favour.conn == c)
        end_favour();
    activity(c, txn_now_ms());
}

/* t would change something that the favoured client's transaction f has seen. */
static bool in_the_way(const struct txn *t, const struct txn *f)
{
    for (const struct touch *n = t->first_change; n; n = n->next_change) {
        size_t parent = xs_path_parent(n->path, n->len);
        const struct touch *seen = txn_find_touch(f, n->path, n->len);

        if (!seen && parent)
            seen = txn_find_touch(f, n->path, parent);
        if (seen && seen->seen)
            return true;
    }
    return false;
}

bool favour_bars(const struct txn *t)
{
    struct conn *f = favour.conn;

    int64_t now;

    if (!f || f == t->conn || (t->conn->privileged && !f->privileged))
        return false;
    now = txn_now_ms();
    if (now > favour.until) {
        end_favour();
        return false;
    }
    if (activity(t->conn, now) < activity(f, now))
        return false;
    for (struct list *l = f->txns.next; l != &f->txns; l = l->next) {
        if (in_the_way(t, list_of(l, struct txn, by_conn)))
            return true;
    }
    return in_the_way(t, favour.lost);
}

void txn_forget_conn(struct conn *c)
{
    txn_drop_all(c);
    if (favour.conn == c)
        end_favour();
}
