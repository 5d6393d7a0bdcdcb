/* SPDX-License-Identifier: MIT */
/*
 * A kernel that carries a front end, for tests of one: what front/port.h asks for, and
 * the hypervisor's copy, which reaches just what is granted. All of it can be looked at.
 */
#ifndef FRONT_KERNEL_H
#define FRONT_KERNEL_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "front/port.h"
#include "hv/door.h"
#include "unit.h"

#define GRANTS 4096U
#define PORTS  16U

static struct {
    char path[128], value[64];
} node[96];
static struct {
    uint8_t *page;
    bool readonly, mapped; /* mapped: the back end has not let go */
} grant[GRANTS];
static unsigned int grants_left, pages_out;
static struct {
    void (*fn)(void *);
    void *arg;
    unsigned int sent;
} port[PORTS];

static char *value_of(const char *path)
{
    for (size_t i = 0; i < 96; i++)
        if (!node[i].path[0] || !strcmp(node[i].path, path)) {
            snprintf(node[i].path, sizeof(node[i].path), "%s", path);
            return node[i].value;
        }
    abort();
}

int front_write(const char *path, const char *value)
{
    snprintf(value_of(path), 64, "%s", value);
    return 0;
}

int front_read(const char *path, char *value, size_t size)
{
    if (!value_of(path)[0])
        return -ENOENT;
    return snprintf(value, size, "%s", value_of(path));
}

void *front_pages(unsigned int n)
{
    void *p = aligned_alloc(FRONT_PAGE_SIZE, (size_t)n * FRONT_PAGE_SIZE);

    memset(p, 0, (size_t)n * FRONT_PAGE_SIZE);
    pages_out += n;
    return p;
}

void front_pages_free(void *pages, unsigned int n)
{
    pages_out -= n;
    free(pages);
}

int front_grant(uint16_t dom, const void *p, bool readonly)
{
    if (!grants_left)
        return -ENOSPC;
    grants_left--;
    for (unsigned int ref = 8; ref < GRANTS; ref++)
        if (!grant[ref].page) {
            grant[ref].page = (uint8_t *)((uintptr_t)p & ~(FRONT_PAGE_SIZE - 1UL));
            grant[ref].readonly = readonly;
            return (int)ref;
        }
    abort();
}

int front_revoke(uint32_t ref)
{
    ck_assert_ptr_nonnull(grant[ref].page);
    if (grant[ref].mapped)
        return -EBUSY;
    grant[ref].page = NULL;
    grants_left++;
    return 0;
}

int front_event_open(uint16_t dom, void (*fn)(void *arg), void *arg)
{
    for (unsigned int n = 1; n < PORTS; n++)
        if (!port[n].fn) {
            port[n].fn = fn;
            port[n].arg = arg;
            return (int)n;
        }
    return -ENOSPC;
}

void front_event_close(uint32_t n)
{
    ck_assert_ptr_nonnull(port[n].fn);
    port[n].fn = NULL;
}

void front_event_send(uint32_t n)
{
    ck_assert_ptr_nonnull(port[n].fn);
    port[n].sent++;
}

static unsigned int ports(void)
{
    unsigned int n = 0;

    for (unsigned int i = 0; i < PORTS; i++)
        n += port[i].fn != NULL;
    return n;
}

static void event(unsigned int n)
{
    if (port[n].fn)
        port[n].fn(port[n].arg);
}

/* ---- The hypervisor's copy ---- */
static int copy(const struct door_copy *c, size_t nr, bool to_guest)
{
    for (; nr; nr--, c++) {
        if (c->ref >= GRANTS || !grant[c->ref].page ||
            (to_guest && grant[c->ref].readonly) || c->offset + c->len > (int)PAGE_SIZE)
            return -EFAULT;
        if (to_guest)
            memcpy(grant[c->ref].page + c->offset, c->local, c->len);
        else
            memcpy(c->local, grant[c->ref].page + c->offset, c->len);
    }
    return 0;
}

int door_grant_copy_from(struct door_grants *gr, hv_domid_t domid,
                         const struct door_copy *pieces, size_t nr)
{
    return copy(pieces, nr, false);
}

int door_grant_copy_to(struct door_grants *gr, hv_domid_t domid,
                       const struct door_copy *pieces, size_t nr)
{
    return copy(pieces, nr, true);
}

void *door_grants_pages(struct door_grants *gr, size_t nr)
{
    void *at = mmap(NULL, nr * PAGE_SIZE, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return at == MAP_FAILED ? NULL : at;
}

#endif
