/* SPDX-License-Identifier: MIT */
/* hvtool block-attach, block-detach, block-list, cd-insert and cd-eject. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dom/device.h"
#include "tool.h"

int cmd_block_attach(struct tool *t, int argc, char **argv)
{
    struct dom_disk disk;
    hv_domid_t domid;
    char *text;
    int rc;

    if (argc < 3)
        return tool_usage(t);
    text = tool_join(argc - 2, argv + 2);
    if (!text)
        return dom_fail(&t->err, 1, "out of memory");
    rc = dom_disk_parse(&disk, text, &t->err);
    free(text);
    if (rc)
        return 1;
    rc = tool_open(t) || tool_domain(t, argv[1], &domid) ||
         dom_disk_attach(&t->host, domid, &disk, &t->err);
    dom_disk_free(&disk);
    return rc;
}

int cmd_block_detach(struct tool *t, int argc, char **argv)
{
    return tool_device_detach(t, argc, argv, dom_disk_detach);
}

int cmd_cd_insert(struct tool *t, int argc, char **argv)
{
    hv_domid_t domid;

    if (argc != 4)
        return tool_usage(t);
    if (*argv[3] != '/')
        return dom_fail(&t->err, 1, "a CD is a path that begins with '/', not '%.80s'",
                        argv[3]);
    return tool_open(t) || tool_domain(t, argv[1], &domid) ||
           dom_cd_change(&t->host, domid, argv[2], argv[3], &t->err);
}

int cmd_cd_eject(struct tool *t, int argc, char **argv)
{
    hv_domid_t domid;

    if (argc != 3)
        return tool_usage(t);
    return tool_open(t) || tool_domain(t, argv[1], &domid) ||
           dom_cd_change(&t->host, domid, argv[2], "", &t->err);
}

static struct json_object *disk_json(hv_domid_t domid, const struct dom_disk_info *disk)
{
    struct json_object *doc = json_object_new_object();

    json_object_object_add(doc, "domid", json_object_new_int(domid));
    json_object_object_add(doc, "vdev", json_object_new_string(disk->vdev));
    json_object_object_add(doc, "devid", json_object_new_int((int)disk->devid));
    json_object_object_add(doc, "target", json_object_new_string(disk->target));
    json_object_object_add(doc, "format", json_object_new_string(disk->format));
    json_object_object_add(doc, "backendtype", json_object_new_string(disk->backend));
    json_object_object_add(doc, "cdrom", json_object_new_boolean(disk->cdrom));
    json_object_object_add(doc, "readonly", json_object_new_boolean(disk->readonly));
    json_object_object_add(doc, "frontend_state",
                           json_object_new_int((int)disk->front_state));
    json_object_object_add(doc, "backend_state",
                           json_object_new_int((int)disk->back_state));
    return doc;
}

/* xl's columns. */
#define HEADING "Vdev  BE  handle state evt-ch ring-ref BE-path"
static void print_disk(const struct dom_disk_info *disk)
{
    printf("%-5u %-3d %-6d %-5u %-6u %-8u %s\n", disk->devid, 0, 0, disk->front_state,
           disk->event_channel, disk->ring_ref, disk->back);
}

static int list_domain(struct tool *t, hv_domid_t domid, struct json_object *all)
{
    struct dom_disk_info *disks;
    unsigned int nr;

    if (dom_disk_list(&t->host, domid, &disks, &nr, &t->err))
        return 1;
    for (unsigned int i = 0; i < nr; i++) {
        if (all)
            json_object_array_add(all, disk_json(domid, &disks[i]));
        else
            print_disk(&disks[i]);
    }
    free(disks);
    return 0;
}

int cmd_block_list(struct tool *t, int argc, char **argv)
{
    return tool_device_list(t, argc, argv, HEADING, list_domain);
}
