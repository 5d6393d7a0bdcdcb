/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/xenbus.h"

#define MAX_TRIES 100 /* of a transaction that others disturb */

char *xenbus_read(struct xs_handle *xs, const char *dir, const char *name)
{
    char path[XENBUS_PATH + 64];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return xs_read(xs, XBT_NULL, path, NULL);
}

bool xenbus_number(struct xs_handle *xs, const char *dir, const char *name, uint64_t max,
                   uint64_t *out)
{
    char *text = xenbus_read(xs, dir, name), *rest;
    unsigned long long n;
    bool ok;

    if (!text)
        return false;
    errno = 0;
    n = strtoull(text, &rest, 10);
    ok = *text >= '0' && *text <= '9' && !*rest && !errno && n <= max;
    free(text);
    if (ok)
        *out = n;
    return ok;
}

unsigned int xenbus_state(struct xs_handle *xs, const char *dir)
{
    uint64_t state;

    if (!xenbus_number(xs, dir, "state", HV_XENBUS_STATE_RECONFIGURED, &state))
        return HV_XENBUS_STATE_UNKNOWN;
    return (unsigned int)state;
}

static uint64_t number_in(struct xs_handle *xs, xs_transaction_t t, const char *dir,
                          const char *name)
{
    char path[XENBUS_PATH + 64], *text;
    uint64_t n;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    text = xs_read(xs, t, path, NULL);
    n = text ? strtoull(text, NULL, 10) : 0;
    free(text);
    return n;
}

/* Whether the tools have asked for the device's end. */
static bool is_unplugged(struct xs_handle *xs, xs_transaction_t t, const char *dir)
{
    return number_in(xs, t, dir, "state") == HV_XENBUS_STATE_CLOSING &&
           !number_in(xs, t, dir, "online");
}

static int write_all(struct xs_handle *xs, xs_transaction_t t, const char *dir,
                     const struct xenbus_node *nodes, unsigned int nr)
{
    char path[XENBUS_PATH + 64], *alive;

    snprintf(path, sizeof(path), "%s/frontend", dir);
    alive = xs_read(xs, t, path, NULL);
    if (!alive)
        return -errno;
    free(alive);
    for (unsigned int i = 0; i < nr; i++) {
        snprintf(path, sizeof(path), "%s/%s", dir, nodes[i].name);
        if (!xs_write(xs, t, path, nodes[i].value, (unsigned int)strlen(nodes[i].value)))
            return -errno;
    }
    return 0;
}

static int write_if(struct xs_handle *xs, const char *dir,
                    const struct xenbus_node *nodes, unsigned int nr, bool even_unplugged)
{
    int rc = -EAGAIN;

    for (unsigned int tries = 0; tries < MAX_TRIES && rc == -EAGAIN; tries++) {
        xs_transaction_t t = xs_transaction_start(xs);

        if (t == XBT_NULL)
            return -errno;
        if (!even_unplugged && is_unplugged(xs, t, dir))
            rc = -ECANCELED;
        else
            rc = write_all(xs, t, dir, nodes, nr);
        if (!xs_transaction_end(xs, t, rc != 0) && !rc)
            rc = -errno;
    }
    return rc;
}

int xenbus_write(struct xs_handle *xs, const char *dir, const struct xenbus_node *nodes,
                 unsigned int nr)
{
    return write_if(xs, dir, nodes, nr, true);
}

int xenbus_write_on(struct xs_handle *xs, const char *dir,
                    const struct xenbus_node *nodes, unsigned int nr)
{
    return write_if(xs, dir, nodes, nr, false);
}

int xenbus_switch(struct xs_handle *xs, const char *dir, unsigned int state)
{
    struct xenbus_node node = {.name = "state"};

    snprintf(node.value, sizeof(node.value), "%u", state);
    return xenbus_write(xs, dir, &node, 1);
}
