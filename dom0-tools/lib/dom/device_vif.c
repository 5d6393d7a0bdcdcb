/* SPDX-License-Identifier: MIT */
/*
 * Reference: Xen public interface, io/netif.h; what `xl create` leaves behind.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dom/bridge_port.h"
#include "dom/device.h"
#include "dom/split.h"

/* Tests have no root's folders. */
#ifndef NET_PID_FILE
#define NET_PID_FILE "/run/hvnetd/pid"
#endif

static int put_rate(struct xs_handle *xs, xs_transaction_t t, const char *dir,
                    const struct dom_vif *vif)
{
    char text[48];

    if (!vif->rate_bytes)
        return 0;
    snprintf(text, sizeof(text), "%" PRIu64 ",%u", vif->rate_bytes, vif->rate_us);
    return dom_put(xs, t, dir, "rate", text);
}

static int put_text(struct xs_handle *xs, xs_transaction_t t, const char *dir,
                    const char *name, const char *value)
{
    return value && *value ? dom_put(xs, t, dir, name, value) : 0;
}

static int put_mtu(struct xs_handle *xs, xs_transaction_t t, const char *dir,
                   const struct dom_vif *vif)
{
    return vif->mtu ? dom_put_number(xs, t, dir, "mtu", vif->mtu) : 0;
}

static int put_back(struct xs_handle *xs, xs_transaction_t t, const char *dir,
                    const void *device)
{
    const struct dom_vif *vif = device;
    int rc = put_text(xs, t, dir, "script", vif->script);

    rc = rc ? rc : put_text(xs, t, dir, "vifname", vif->name);
    rc = rc ? rc : dom_put(xs, t, dir, "mac", vif->mac);
    rc = rc ? rc : put_text(xs, t, dir, "ip", vif->ip);
    rc = rc ? rc : put_rate(xs, t, dir, vif);
    rc = rc ? rc : put_mtu(xs, t, dir, vif);
    rc = rc ? rc : put_text(xs, t, dir, "bridge", vif->bridge);
    rc = rc ? rc : dom_put_number(xs, t, dir, "handle", (unsigned int)vif->devid);
    return rc ? rc : dom_put(xs, t, dir, "type", "vif");
}

static int put_front(struct xs_handle *xs, xs_transaction_t t, const char *dir,
                     const void *device)
{
    const struct dom_vif *vif = device;
    int rc = dom_put_number(xs, t, dir, "handle", (unsigned int)vif->devid);

    rc = rc ? rc : dom_put(xs, t, dir, "mac", vif->mac);
    rc = rc ? rc : dom_put(xs, t, dir, "trusted", vif->untrusted ? "0" : "1");
    return rc ? rc : put_mtu(xs, t, dir, vif);
}

static const struct dom_kind vif_kind = {.what = "network interface",
                                         .back = "hvnet",
                                         .front = "vif",
                                         .daemon = "hvnetd",
                                         .pid_file = NET_PID_FILE,
                                         .hint = "",
                                         .put_back = put_back,
                                         .put_front = put_front};

/* The kernel's backend wants a script to name when it asks for the interface to be set
 * up. */
static int phy_back(struct xs_handle *xs, xs_transaction_t t, const char *dir,
                    const void *device)
{
    const struct dom_vif *vif = device;
    int rc = vif->script ? 0 : dom_put(xs, t, dir, "script", "/bin/true");

    return rc ? rc : put_back(xs, t, dir, device);
}

/* What the kernel's backend calls it, and ours does. */
static void kernel_name(const struct dom_place *p, char out[IFNAMSIZ])
{
    snprintf(out, IFNAMSIZ, "vif%u.%u", p->domid, p->devid);
}

static bool phy_taken(const struct dom_place *p)
{
    char name[IFNAMSIZ];

    kernel_name(p, name);
    return if_nametoindex(name);
}

static const struct dom_kind phy_kind = {.what = "network interface",
                                         .back = "vif",
                                         .front = "vif",
                                         .daemon = "xen-netback",
                                         .driver = "/sys/bus/xen-backend/drivers/vif",
                                         .hint = "",
                                         .put_back = phy_back,
                                         .put_front = put_front,
                                         .taken = phy_taken};

static const struct dom_kind *const kinds[] = {&vif_kind, &phy_kind};
#define NR_KINDS 2

static const struct dom_kind *kind_of(const struct dom_vif *vif)
{
    return vif->phy ? &phy_kind : &vif_kind;
}

/* The first number that is free, unless one was asked for. */
static int choose_devid(struct dom_host *host, hv_domid_t domid, struct dom_vif *vif)
{
    struct dom_place *places;
    unsigned int nr;
    bool taken = vif->devid < 0;
    int rc = dom_places_list(host, kinds, NR_KINDS, domid, &places, &nr);

    while (!rc && taken) {
        taken = false;
        vif->devid++;
        for (unsigned int i = 0; i < nr && !taken; i++)
            taken = places[i].devid == (unsigned int)vif->devid;
    }
    if (!rc)
        free(places);
    return rc;
}

/* What a hotplug script would do; the backend waits for the word that it is done. */
static int set_up_phy(struct dom_host *host, const struct dom_place *p,
                      const struct dom_vif *vif, struct dom_error *err)
{
    char name[IFNAMSIZ];
    const char *why = "it cannot be given its name";
    int rc = 0;

    kernel_name(p, name);
    if (*vif->name)
        rc = bridge_port_rename(name, vif->name);
    rc = rc ? rc
            : bridge_port_start(*vif->name ? vif->name : name,
                                *vif->bridge ? vif->bridge : NULL, vif->mtu, &why);
    if (rc)
        return dom_fail(err, rc, "network interface %s: %s: %s", name, why,
                        strerror(-rc));
    rc = dom_put(host->xs, XBT_NULL, p->back, "hotplug-status", "connected");
    return rc ? dom_fail(err, rc, "cannot write %s to XenStore: %s", p->back,
                         strerror(-rc))
              : 0;
}

static int attach_phy(struct dom_host *host, const struct dom_place *p, const char *name,
                      const struct dom_vif *vif, struct dom_error *err)
{
    int rc = dom_split_attach(host, p, name, vif, err);

    if (rc)
        return rc;
    rc = set_up_phy(host, p, vif, err);
    if (rc) {
        struct dom_error unused;

        dom_split_detach(host, p, name, true, &unused);
    }
    return rc;
}

int dom_vif_attach(struct dom_host *host, hv_domid_t domid, const struct dom_vif *vif,
                   struct dom_error *err)
{
    struct dom_vif chosen = *vif;
    struct dom_place p;
    char name[16];
    int rc = choose_devid(host, domid, &chosen);

    if (rc)
        return dom_fail(err, rc, "out of memory");
    snprintf(name, sizeof(name), "%d", chosen.devid);
    p = dom_place_of(kind_of(vif), domid, (unsigned int)chosen.devid);
    rc = dom_vif_check(vif, err);
    if (rc)
        return rc;
    return vif->phy ? attach_phy(host, &p, name, &chosen, err)
                    : dom_split_attach(host, &p, name, &chosen, err);
}

/* By its number or its MAC address. */
static int find_vif(struct dom_host *host, hv_domid_t domid, const char *which,
                    struct dom_place *out)
{
    struct dom_place *places;
    char mac[DOM_MAX_MAC] = "", its[DOM_MAX_MAC], *rest;
    unsigned long devid = strtoul(which, &rest, 10);
    unsigned int nr;
    int rc;

    if (dom_mac_parse(mac, which) && (*rest || rest == which))
        return -EINVAL;
    rc = dom_places_list(host, kinds, NR_KINDS, domid, &places, &nr);
    if (rc)
        return rc;
    rc = -ESRCH;
    for (unsigned int i = 0; i < nr && rc; i++) {
        dom_get_text(host, places[i].back, "mac", its, sizeof(its));
        if (*mac ? strcmp(mac, its) : places[i].devid != devid)
            continue;
        *out = places[i];
        rc = 0;
    }
    free(places);
    return rc;
}

int dom_vif_detach(struct dom_host *host, hv_domid_t domid, const char *which, bool force,
                   struct dom_error *err)
{
    struct dom_place p;
    int rc = find_vif(host, domid, which, &p);

    if (rc == -EINVAL)
        return dom_fail(err, rc, "neither a number nor a MAC address: '%.40s'", which);
    if (rc == -ESRCH)
        return dom_fail(err, rc, "domain %u has no network interface %.40s", domid,
                        which);
    return rc ? dom_fail(err, rc, "out of memory")
              : dom_split_detach(host, &p, which, force, err);
}

static int number_or_none(struct dom_host *host, const char *dir, const char *name)
{
    char *text = dom_get(host, dir, name);
    int n = text ? (int)strtoul(text, NULL, 10) : -1;

    free(text);
    return n;
}

static void read_info(struct dom_host *host, const struct dom_place *p, void *info)
{
    struct dom_vif_info *out = info;

    out->devid = p->devid;
    dom_get_text(host, p->back, "mac", out->mac, sizeof(out->mac));
    dom_get_text(host, p->back, "bridge", out->bridge, sizeof(out->bridge));
    dom_get_text(host, p->back, "vifname", out->name, sizeof(out->name));
    if (!*out->name)
        kernel_name(p, out->name);
    out->front_state = dom_get_number(host, p->front, "state");
    out->back_state = dom_get_number(host, p->back, "state");
    out->event_channel = number_or_none(host, p->front, "event-channel");
    if (out->event_channel < 0)
        out->event_channel = number_or_none(host, p->front, "event-channel-tx");
    out->tx_ref = number_or_none(host, p->front, "tx-ring-ref");
    out->rx_ref = number_or_none(host, p->front, "rx-ring-ref");
    snprintf(out->back, sizeof(out->back), "%s", p->back);
}

int dom_vif_list(struct dom_host *host, hv_domid_t domid, struct dom_vif_info **out,
                 unsigned int *nr, struct dom_error *err)
{
    void *list;

    if (dom_places_read(host, kinds, NR_KINDS, domid, read_info, sizeof(**out), &list,
                        nr))
        return dom_fail(err, -ENOMEM, "out of memory");
    *out = list;
    return 0;
}

int dom_vifs_check(const struct dom_config *cfg, struct dom_error *err)
{
    struct dom_error why = {{0}};
    int rc;

    for (unsigned int i = 0; i < cfg->nr_vifs; i++) {
        rc = dom_backend_check(kind_of(&cfg->vifs[i]), err);
        if (rc)
            return rc;
        rc = dom_vif_check(&cfg->vifs[i], &why);
        if (rc)
            return dom_fail(err, rc, "network interface %d: %s", cfg->vifs[i].devid,
                            why.text);
    }
    return 0;
}

int dom_vifs_add(struct dom_host *host, hv_domid_t domid, const struct dom_config *cfg,
                 struct dom_error *err)
{
    int rc = 0;

    for (unsigned int i = 0; i < cfg->nr_vifs && !rc; i++)
        rc = dom_vif_attach(host, domid, &cfg->vifs[i], err);
    return rc;
}

void dom_vifs_remove(struct dom_host *host, hv_domid_t domid)
{
    dom_split_remove(host, &vif_kind, domid);
    dom_split_remove(host, &phy_kind, domid);
}
