/* SPDX-License-Identifier: MIT */
/*
 * Counters of backends. See usage.h. Folders and files come and go with devices: what
 * cannot be read is not there.
 *
 * Reference: Linux, Documentation/ABI/testing/sysfs-class-net-statistics; the statistics
 * of vbd-* are in sectors of 512 bytes.
 */
#include "dom/usage.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/counts.h"

#define SECTOR 512

struct list {
    struct dom_usage *at;
    unsigned int nr, room;
    const char *root;
    bool failed;
};

static void append(struct list *l, struct dom_usage u)
{
    if (l->nr == l->room) {
        unsigned int room = l->room ? l->room * 2 : 16;
        struct dom_usage *at = realloc(l->at, room * sizeof(*at));

        if (!at) {
            l->failed = true;
            return;
        }
        l->at = at;
        l->room = room;
    }
    l->at[l->nr++] = u;
}

static uint64_t number_in(const char *folder, const char *name)
{
    char path[512], text[32] = "";
    FILE *f;

    snprintf(path, sizeof(path), "%s/statistics/%s", folder, name);
    f = fopen(path, "re");
    if (!f)
        return 0;
    if (!fgets(text, sizeof(text), f))
        text[0] = '\0';
    fclose(f);
    return strtoull(text, NULL, 10);
}

/* hvblkd's: NAME is DOMID-DEVID-KEY. */
static void add_journal(struct list *l, const char *folder, const char *name)
{
    struct dom_usage u = {.kind = DOM_DISK};
    struct disk_counts counts;
    char path[512], dash;
    unsigned int domid;
    FILE *f;

    if (sscanf(name, "%u-%u%c", &domid, &u.devid, &dash) != 3 || dash != '-')
        return;
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    f = fopen(path, "re");
    if (!f)
        return;
    if (fread(&counts, sizeof(counts), 1, f) == 1 && counts.magic == DISK_COUNTS_MAGIC) {
        u.domid = (hv_domid_t)domid;
        u.traffic = (struct dom_traffic){counts.reads, counts.writes, counts.read_bytes,
                                         counts.written_bytes};
        append(l, u);
    }
    fclose(f);
}

/* The kernel's block backend. */
static void add_vbd(struct list *l, const char *folder, const char *name)
{
    struct dom_usage u = {.kind = DOM_DISK};
    unsigned int domid;
    char path[400];

    if (sscanf(name, "vbd-%u-%u", &domid, &u.devid) != 2)
        return;
    snprintf(path, sizeof(path), "%.100s/%.200s", folder, name);
    u.domid = (hv_domid_t)domid;
    u.traffic.in_ops = number_in(path, "rd_req");
    u.traffic.out_ops = number_in(path, "wr_req");
    u.traffic.in_bytes = number_in(path, "rd_sect") * SECTOR;
    u.traffic.out_bytes = number_in(path, "wr_sect") * SECTOR;
    append(l, u);
}

/* dom0's end of an interface: what it receives, the guest has sent. */
static void add_vif(struct list *l, const char *folder, const char *name)
{
    struct dom_usage u = {.kind = DOM_NET};
    unsigned int domid;
    char path[400], more;

    if (sscanf(name, "vif%u.%u%c", &domid, &u.devid, &more) != 2)
        return;
    snprintf(path, sizeof(path), "%.100s/%.200s", folder, name);
    u.domid = (hv_domid_t)domid;
    u.traffic.in_ops = number_in(path, "tx_packets");
    u.traffic.out_ops = number_in(path, "rx_packets");
    u.traffic.in_bytes = number_in(path, "tx_bytes");
    u.traffic.out_bytes = number_in(path, "rx_bytes");
    append(l, u);
}

static void scan(struct list *l, const char *folder,
                 void (*add)(struct list *l, const char *folder, const char *name))
{
    struct dirent *entry;
    char path[256];
    DIR *dir;

    snprintf(path, sizeof(path), "%.100s%s", l->root, folder);
    dir = opendir(path);
    if (!dir)
        return;
    while ((entry = readdir(dir)))
        add(l, path, entry->d_name);
    closedir(dir);
}

int dom_usage_read(const char *root, struct dom_usage **out, unsigned int *nr)
{
    struct list l = {.root = root};

    scan(&l, "/run/hvblkd", add_journal);
    scan(&l, "/sys/bus/xen-backend/devices", add_vbd);
    scan(&l, "/sys/class/net", add_vif);
    if (l.failed) {
        free(l.at);
        return -ENOMEM;
    }
    *out = l.at;
    *nr = l.nr;
    return 0;
}

struct dom_traffic dom_usage_sum(const struct dom_usage *list, unsigned int nr,
                                 enum dom_device kind, hv_domid_t domid)
{
    struct dom_traffic sum = {0};

    for (unsigned int i = 0; i < nr; i++) {
        const struct dom_traffic *t = &list[i].traffic;

        if (list[i].kind != kind || list[i].domid != domid)
            continue;
        sum.in_ops += t->in_ops;
        sum.out_ops += t->out_ops;
        sum.in_bytes += t->in_bytes;
        sum.out_bytes += t->out_bytes;
    }
    return sum;
}
