/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer: the whole daemon in one process. The input is a list of pieces, each for one
 * of four clients: two privileged ones and two guests. A piece is one byte (client in the
 * low two bits, the rest says whether replies are taken), one byte of length, and as many
 * bytes as come in from that client. After each input everything is given back, and
 * nothing may be left.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/alloc.h"
#include "daemon/conn.h"
#include "daemon/domain.h"
#include "daemon/special.h"
#include "daemon/store.h"
#include "daemon/txn.h"
#include "daemon/watch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CLIENTS 4

struct fuzz_conn {
    struct conn c;
    const uint8_t *in;
    size_t left;
    bool deaf;
};

static ssize_t fuzz_read(struct conn *c, void *buf, size_t len)
{
    struct fuzz_conn *f = list_of(c, struct fuzz_conn, c);
    size_t n = f->left < len ? f->left : len;

    memcpy(buf, f->in, n);
    f->in += n;
    f->left -= n;
    return (ssize_t)n;
}

static ssize_t fuzz_write(struct conn *c, const void *buf, size_t len)
{
    return list_of(c, struct fuzz_conn, c)->deaf ? 0 : (ssize_t)len;
}

static void fuzz_settle(struct conn *c, bool want_read, bool want_write)
{
}

static void fuzz_close(struct conn *c, uint32_t ring_error)
{
    if (c->domain)
        c->domain->conn = NULL;
}

static void fuzz_release(struct conn *c)
{
    free(list_of(c, struct fuzz_conn, c));
}

static const struct conn_ops fuzz_ops = {fuzz_read, fuzz_write, fuzz_settle, fuzz_close,
                                         fuzz_release};

static struct fuzz_conn *clients[CLIENTS];

static void connect_all(void)
{
    for (uint32_t i = 0; i < CLIENTS; i++) {
        uint32_t domid = i < 2 ? 0 : i - 1;
        struct fuzz_conn *f = xzalloc(sizeof(*f));

        conn_setup(&f->c, &fuzz_ops, domid);
        if (domid) {
            f->c.domain = domain_get(domid);
            f->c.domain->introduced = true;
            f->c.domain->conn = &f->c;
        }
        clients[i] = f;
    }
}

static void feed(struct fuzz_conn *f, const uint8_t *data, size_t len, bool deaf)
{
    f->in = data;
    f->left = len;
    f->deaf = deaf;
    for (int turns = 0; !f->c.dead && turns < 100; turns++) {
        if (!f->c.task.turn(&f->c.task) && !f->left)
            break;
    }
}

static void forget_all(void)
{
    while (!list_empty(&conns))
        conn_kill(list_of(conns.next, struct conn, all), 0);
    conn_bury();
    for (uint32_t d = 1; d < 3; d++) {
        if (domain_find(d))
            domain_release(d);
    }
    while (store.root->child) {
        char path[HV_STORE_PAYLOAD_MAX + 2] = "/";
        size_t len = store_list(store.root, 0, path + 1, HV_STORE_PAYLOAD_MAX);

        if (!len)
            abort();
        edit_remove(NULL, path, strlen(path));
    }
    while (store_reap(1000))
        ;
    if (store.nodes != 1 || watch_stats.watches || watch_stats.points)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!store.root) {
        store_init();
        special_init();
        domain_no_hypervisor = true;
        if (loop_init())
            abort();
    }
    if (memmem(data, size, "rings", 5))
        return 0; /* CONTROL rings looks into rings, and these clients have none */
    connect_all();
    while (size >= 2) {
        size_t len = data[1];
        struct fuzz_conn *f = clients[data[0] & 3];
        bool deaf = data[0] & 4;

        if (len > size - 2)
            len = size - 2;
        if (!f->c.dead)
            feed(f, data + 2, len, deaf);
        data += 2 + len;
        size -= 2 + len;
    }
    forget_all();
    return 0;
}
