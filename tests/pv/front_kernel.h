/* SPDX-License-Identifier: MIT */
/*
 * A kernel that carries a front end, for tests of one: what front/port.h asks for, and
 * the hypervisor's copy, which reaches just what is granted. All of it can be looked at.
 * The test says before what FRONT and BACK are, the folders of both ends, and declares
 * look(), by which the front end sees what has changed.
 */
#ifndef FRONT_KERNEL_H
#define FRONT_KERNEL_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake_door.h"
#include "front/port.h"
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
static unsigned int grants_left, pages_out, revoked_in_use;
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
    if (grant[ref].mapped) {
        revoked_in_use++;
        return -EBUSY;
    }
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

/* For the hypervisor's copy. */
uint8_t *fake_granted_page(uint32_t ref, bool write)
{
    return ref < GRANTS && !(write && grant[ref].readonly) ? grant[ref].page : NULL;
}

/* ---- The back end's folder ---- */
static void set(const char *name, const char *value)
{
    char path[128];

    snprintf(path, sizeof(path), BACK "/%s", name);
    front_write(path, value);
}

static void state(unsigned int s)
{
    char text[8];

    snprintf(text, sizeof(text), "%u", s);
    set("state", text);
    look();
}

static unsigned int said(void)
{
    return (unsigned int)atoi(value_of(FRONT "/state"));
}

#endif
