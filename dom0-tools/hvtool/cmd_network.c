/* SPDX-License-Identifier: MIT */
/* hvtool network-attach, network-detach and network-list. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dom/device.h"
#include "tool.h"

int cmd_network_attach(struct tool *t, int argc, char **argv)
{
    struct dom_vif vif;
    hv_domid_t domid;
    char *text;
    int rc;

    if (argc < 2)
        return tool_usage(t);
    text = tool_join(argc - 2, argv + 2);
    if (!text)
        return dom_fail(&t->err, 1, "out of memory");
    rc = dom_vif_parse(&vif, text, &t->err);
    free(text);
    if (rc)
        return 1;
    if (*vif.warning)
        fprintf(stderr, "hvtool: %s\n", vif.warning);
    rc = tool_open(t) || tool_domain(t, argv[1], &domid) ||
         dom_vif_attach(&t->host, domid, &vif, &t->err);
    dom_vif_free(&vif);
    return rc;
}

int cmd_network_detach(struct tool *t, int argc, char **argv)
{
    return tool_device_detach(t, argc, argv, dom_vif_detach);
}

static struct json_object *vif_json(hv_domid_t domid, const struct dom_vif_info *vif)
{
    struct json_object *doc = json_object_new_object();

    json_object_object_add(doc, "domid", json_object_new_int(domid));
    json_object_object_add(doc, "devid", json_object_new_int((int)vif->devid));
    json_object_object_add(doc, "mac", json_object_new_string(vif->mac));
    json_object_object_add(doc, "bridge", json_object_new_string(vif->bridge));
    json_object_object_add(doc, "vifname", json_object_new_string(vif->name));
    json_object_object_add(doc, "frontend_state",
                           json_object_new_int((int)vif->front_state));
    json_object_object_add(doc, "backend_state",
                           json_object_new_int((int)vif->back_state));
    return doc;
}

/* xl's columns. */
#define HEADING "Idx BE Mac Addr.         handle state evt-ch   tx-/rx-ring-ref BE-path"
static void print_vif(const struct dom_vif_info *vif)
{
    printf("%-3u %-2d %s %6u %5u %6d %5d/%-11d %s\n", vif->devid, 0, vif->mac, vif->devid,
           vif->front_state, vif->event_channel, vif->tx_ref, vif->rx_ref, vif->back);
}

static int list_domain(struct tool *t, hv_domid_t domid, struct json_object *all)
{
    struct dom_vif_info *vifs;
    unsigned int nr;

    if (dom_vif_list(&t->host, domid, &vifs, &nr, &t->err))
        return 1;
    for (unsigned int i = 0; i < nr; i++) {
        if (all)
            json_object_array_add(all, vif_json(domid, &vifs[i]));
        else
            print_vif(&vifs[i]);
    }
    free(vifs);
    return 0;
}

int cmd_network_list(struct tool *t, int argc, char **argv)
{
    return tool_device_list(t, argc, argv, HEADING, list_domain);
}
