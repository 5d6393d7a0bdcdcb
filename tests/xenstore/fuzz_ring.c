/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer: a guest that writes what it likes into its ring page. Each piece of the
 * input is an offset (two bytes), a length (one byte), bytes that are put into the page
 * there, and an event. The hypervisor is this file.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/conn_ring.h"
#include "daemon/domain.h"
#include "daemon/hv.h"
#include "daemon/loop.h"
#include "daemon/special.h"
#include "daemon/store.h"
#include "daemon/txn.h"
#include "daemon/watch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct hv_store_domain_interface *page;

int hv_open(void)
{
    return 0;
}

int hv_event_fd(void)
{
    return -1;
}

int hv_pending(uint32_t *ports, int max)
{
    return 0;
}

void hv_unmask(uint32_t port)
{
}

int hv_bind_domain(uint32_t domid, uint32_t remote_port)
{
    return (int)domid;
}

int hv_bind_virq_dom_exc(void)
{
    return 0;
}

void hv_unbind(uint32_t port)
{
}

void hv_notify(uint32_t port)
{
}

struct hv_store_domain_interface *hv_map_ring(uint32_t domid, uint64_t gfn)
{
    return page = calloc(1, sizeof(*page));
}

struct hv_store_domain_interface *hv_map_own_ring(void)
{
    return NULL;
}

int hv_own_port(void)
{
    return -1;
}

void hv_unmap_ring(struct hv_store_domain_interface *p)
{
    free(p);
    page = NULL;
}

enum hv_state hv_domain_state(uint32_t domid)
{
    return HV_STATE_RUNNING;
}

static void turns(void)
{
    struct domain *d = domain_find(1);

    for (int i = 0; i < 50 && d && d->conn && !d->conn->dead; i++) {
        if (!d->conn->task.turn(&d->conn->task))
            break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!store.root) {
        store_init();
        special_init();
        if (!freopen("/dev/null", "w", stderr))
            abort();
        if (loop_init())
            abort();
    }
    if (domain_introduce(1, 1, 1))
        abort();
    while (size >= 3) {
        size_t at = (data[0] | (size_t)data[1] << 8) % sizeof(*page), len = data[2];

        if (len > size - 3)
            len = size - 3;
        if (len > sizeof(*page) - at)
            len = sizeof(*page) - at;
        if (page) {
            memcpy((char *)page + at, data + 3, len);
            ring_event(1);
            turns();
        }
        data += 3 + len;
        size -= 3 + len;
    }
    if (domain_find(1) && domain_find(1)->introduced)
        domain_release(1);
    conn_bury();
    while (store_reap(1000))
        ;
    if (watch_stats.watches || watch_stats.points)
        abort();
    return 0;
}
