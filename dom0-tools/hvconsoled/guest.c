/* SPDX-License-Identifier: MIT */
/*
 * Which consoles there are: the one a guest boots with, in its folder console/, and
 * those of its devices, of which dom0's own folder tells, since the guest may write what
 * it likes into its own.
 *
 * Reference: Xen docs, misc/console.txt.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xenstore.h>

#include "guest.h"

static const char *const watched[] = {"console", "device/console"};
#define NR_WATCHED (sizeof(watched) / sizeof(watched[0]))

struct guest *guest_find(struct daemon *d, hv_domid_t domid)
{
    for (struct guest *g = d->guests; g; g = g->next)
        if (g->domid == domid)
            return g;
    return NULL;
}

struct console *console_by_port(struct daemon *d, int port)
{
    for (struct guest *g = d->guests; g; g = g->next)
        for (struct console *c = g->consoles; c; c = c->next)
            if (c->connected && c->port == port)
                return c;
    return NULL;
}

bool console_is_there(const struct daemon *d, const struct console *c)
{
    for (struct guest *g = d->guests; g; g = g->next)
        for (struct console *it = g->consoles; it; it = it->next)
            if (it == c)
                return true;
    return false;
}

static void watch(struct daemon *d, hv_domid_t domid, bool on)
{
    char path[64], token[16];

    snprintf(token, sizeof(token), "%u", domid);
    for (size_t i = 0; i < NR_WATCHED; i++) {
        snprintf(path, sizeof(path), "/local/domain/%u/%s", domid, watched[i]);
        if (on)
            xs_watch(d->xs, path, token);
        else
            xs_unwatch(d->xs, path, token);
    }
}

void guest_add(struct daemon *d, hv_domid_t domid)
{
    struct guest *g = calloc(1, sizeof(*g));

    if (!g)
        return;
    g->domid = domid;
    g->seen = true;
    g->next = d->guests;
    d->guests = g;
    /* Watches fire at once, which is when we look for the first time. */
    watch(d, domid, true);
}

static void add_or_mark(struct guest *g, unsigned int devid)
{
    struct console **at = &g->consoles;

    while (*at && (*at)->devid != devid)
        at = &(*at)->next;
    if (!*at)
        *at = console_new(g->domid, devid);
    if (*at)
        (*at)->seen = true;
}

static void find_consoles(struct daemon *d, struct guest *g)
{
    char path[64], **list;
    unsigned int nr = 0;

    for (struct console *c = g->consoles; c; c = c->next)
        c->seen = false;
    add_or_mark(g, 0);
    snprintf(path, sizeof(path), "/local/domain/0/backend/console/%u", g->domid);
    list = xs_directory(d->xs, XBT_NULL, path, &nr);
    for (unsigned int i = 0; list && i < nr; i++)
        add_or_mark(g, (unsigned int)strtoul(list[i], NULL, 10));
    free(list);
}

static void leave_unseen(struct daemon *d, struct guest *g)
{
    struct console **at = &g->consoles, *c;

    while ((c = *at)) {
        if (c->seen) {
            at = &c->next;
            continue;
        }
        *at = c->next;
        console_leave(d, c);
    }
}

void guest_check(struct daemon *d, struct guest *g)
{
    find_consoles(d, g);
    leave_unseen(d, g);
    for (struct console *c = g->consoles; c; c = c->next)
        console_check(d, c);
}

void guest_remove(struct daemon *d, struct guest *g)
{
    struct guest **at = &d->guests;

    watch(d, g->domid, false);
    while (*at != g)
        at = &(*at)->next;
    *at = g->next;
    for (struct console *c = g->consoles; c; c = c->next)
        c->seen = false;
    leave_unseen(d, g);
    free(g);
}

void guests_reopen_logs(struct daemon *d)
{
    for (struct guest *g = d->guests; g; g = g->next)
        for (struct console *c = g->consoles; c; c = c->next)
            if (c->opened)
                log_guest_reopen(&c->log);
}

void guests_tidy(struct daemon *d)
{
    DIR *dir = opendir(d->run_dir);
    struct dirent *entry;
    unsigned int domid, devid;

    if (!dir)
        return;
    while ((entry = readdir(dir)))
        if (sscanf(entry->d_name, "%u-%u", &domid, &devid) == 2 &&
            !guest_find(d, (hv_domid_t)domid))
            unlinkat(dirfd(dir), entry->d_name, 0);
    closedir(dir);
}
