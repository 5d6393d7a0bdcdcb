/* SPDX-License-Identifier: MIT */
/* hvtool channel-list: the named consoles of guests. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dom/split.h"
#include "tool.h"

struct channel {
    hv_domid_t domid;
    unsigned int devid, state, port, ring_ref;
    char name[128], connection[16], where[128]; /* a terminal, or a socket's path */
};

/* False: this console has no name. */
static bool read_channel(struct tool *t, struct channel *c)
{
    char front[80], back[80];

    snprintf(back, sizeof(back), "/local/domain/0/backend/console/%u/%u", c->domid,
             c->devid);
    snprintf(front, sizeof(front), "/local/domain/%u/device/console/%u", c->domid,
             c->devid);
    dom_get_text(&t->host, back, "name", c->name, sizeof(c->name));
    dom_get_text(&t->host, back, "connection", c->connection, sizeof(c->connection));
    dom_get_text(&t->host, back, "path", c->where, sizeof(c->where));
    if (strcmp(c->connection, "socket") != 0)
        dom_get_text(&t->host, front, "tty", c->where, sizeof(c->where));
    c->state = dom_get_number(&t->host, front, "state");
    c->port = dom_get_number(&t->host, front, "port");
    c->ring_ref = dom_get_number(&t->host, front, "ring-ref");
    return c->devid && *c->name;
}

static struct json_object *channel_json(const struct channel *c)
{
    struct json_object *doc = json_object_new_object();

    json_object_object_add(doc, "domid", json_object_new_int(c->domid));
    json_object_object_add(doc, "devid", json_object_new_int((int)c->devid));
    json_object_object_add(doc, "name", json_object_new_string(c->name));
    json_object_object_add(doc, "connection", json_object_new_string(c->connection));
    json_object_object_add(doc, "path", json_object_new_string(c->where));
    json_object_object_add(doc, "frontend_state", json_object_new_int((int)c->state));
    return doc;
}

/* xl's columns. */
#define HEADING "Idx BE state evt-ch ring-ref connection"
static int list_domain(struct tool *t, hv_domid_t domid, struct json_object *all)
{
    char path[64], **list;
    unsigned int nr = 0;

    snprintf(path, sizeof(path), "/local/domain/0/backend/console/%u", domid);
    list = xs_directory(t->host.xs, XBT_NULL, path, &nr);
    for (unsigned int i = 0; list && i < nr; i++) {
        struct channel c = {.domid = domid,
                            .devid = (unsigned int)strtoul(list[i], NULL, 10)};

        if (!read_channel(t, &c))
            continue;
        if (all)
            json_object_array_add(all, channel_json(&c));
        else
            printf("%-3u %-2d %-5u %-6u %-8u %-10s %s\n", c.devid, 0, c.state, c.port,
                   c.ring_ref, c.connection, c.where);
    }
    free(list);
    return 0;
}

int cmd_channel_list(struct tool *t, int argc, char **argv)
{
    return tool_device_list(t, argc, argv, HEADING, list_domain);
}
