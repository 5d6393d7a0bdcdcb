/* SPDX-License-Identifier: MIT */
/*
 * hvblkd: disks for guests. What the two ends tell each other in XenStore, and what is
 * kept of a disk between one worker and the next.
 *
 * Reference: Xen public interface, io/blkif.h, "Backend XenBus Nodes" and "Frontend
 * XenBus Nodes". As Linux's and QEMU's ends do, `sectors` counts 512 bytes whatever
 * sector-size is.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include "blkback/blk_worker.h"
#include "blkback/image.h"
#include "common/backend.h"
#include "common/sandbox.h"
#include "common/worker.h"

#define OFFERED_QUEUES 4U
#define MAX_PORT       (1U << 17)
#define JOURNAL_KEY    16 /* hexadecimal digits */

/* To open any image, to lock memory that io_uring knows, to be somebody else. */
#define CAPABILITIES                                                                     \
    (1ULL << CAP_DAC_OVERRIDE | 1ULL << CAP_IPC_LOCK | 1ULL << CAP_SETUID |              \
     1ULL << CAP_SETGID)

/* Our part of a device. */
struct disk_device {
    struct image image;
    bool discard;     /* to be offered */
    char journal[64]; /* the file's name; empty: none */
};

/* An image's tables may be anybody's work: who reads them has nothing but the image. */
static void read_facts(void *ctx, int fd, bool readonly, bool whole,
                       struct image_facts *out)
{
    const struct daemon *d = ctx;
    struct image_facts *facts = mmap(NULL, sizeof(*facts), PROT_READ | PROT_WRITE,
                                     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int status;
    pid_t pid = facts == MAP_FAILED ? -1 : fork();

    if (!pid) {
        sandbox_keep_files(&fd, 1);
        if (!sandbox_enter(d->user))
            image_read_facts(NULL, fd, readonly, whole, facts);
        _exit(0);
    }
    if (pid > 0 && waitpid(pid, &status, 0) == pid && !status)
        *out = *facts;
    else
        *out = (struct image_facts){0};
    if (facts != MAP_FAILED)
        munmap(facts, sizeof(*facts));
    /* It was another process's: texts end, whatever it says. */
    out->name[sizeof(out->name) - 1] = out->format[sizeof(out->format) - 1] = 0;
    out->why[sizeof(out->why) - 1] = 0;
    if (out->rc > 0 || (!out->rc && !out->cluster))
        *out = (struct image_facts){.rc = -EIO, .why = "its tables cannot be read"};
}

static int open_disk(struct device *dev, char what[200], const char **why)
{
    const struct image_trust trust = {.read = read_facts, .ctx = dev->daemon};
    struct disk_device *own = dev->own;
    char *path = xenbus_read(dev->daemon->xs, dev->back, "params");
    char *mode = xenbus_read(dev->daemon->xs, dev->back, "mode");
    char *format = xenbus_read(dev->daemon->xs, dev->back, "format");
    bool readonly = !mode || *mode != 'w';
    uint64_t direct = 0, discard = 1;
    int rc = -ENOENT;

    xenbus_number(dev->daemon->xs, dev->back, "direct-io-safe", 1, &direct);
    xenbus_number(dev->daemon->xs, dev->back, "discard-enable", 1, &discard);
    own->discard = discard && !readonly;
    if (path)
        rc = image_open(&own->image, path, format ? format : "raw", readonly, direct,
                        &trust, why);
    snprintf(what, 200, "%s", path ? path : "no image");
    free(path);
    free(mode);
    free(format);
    return rc;
}

static void close_disk(struct device *dev)
{
    struct disk_device *own = dev->own;

    image_close(&own->image);
}

static void offer_disk(const struct device *dev, struct offer *o)
{
    const struct disk_device *own = dev->own;
    const struct image *image = &own->image;

    offer_number(o, "feature-flush-cache", 1);
    offer_number(o, "feature-persistent", 1);
    offer_number(o, "feature-max-indirect-segments", PLAN_MAX_SEGMENTS);
    offer_number(o, "max-ring-page-order", WORKER_MAX_RING_ORDER);
    offer_number(o, "multi-queue-max-queues", OFFERED_QUEUES);
    if (own->discard) {
        offer_number(o, "feature-discard", 1);
        offer_number(o, "discard-granularity", image->discard_granularity);
        offer_number(o, "discard-alignment", 0);
        offer_number(o, "discard-secure", 0);
    }
    offer_number(o, "sectors", image->sectors);
    offer_number(o, "sector-size", image->sector_size);
    offer_number(o, "physical-sector-size", image->physical_sector);
    offer_number(o, "info", image->readonly ? HV_VDISK_READONLY : 0);
}

/* A ring's references: "ring-ref" for one page, or "ring-ref0", "ring-ref1", ... */
static bool read_refs(struct xs_handle *xs, const char *dir, bool numbered,
                      unsigned int pages, uint32_t *refs)
{
    char name[24] = "ring-ref";
    uint64_t ref;

    for (unsigned int i = 0; i < pages; i++) {
        if (numbered)
            snprintf(name, sizeof(name), "ring-ref%u", i);
        if (!xenbus_number(xs, dir, name, UINT32_MAX, &ref))
            return false;
        refs[i] = (uint32_t)ref;
    }
    return true;
}

static const char *read_queue(struct xs_handle *xs, const char *dir,
                              struct worker_config *cfg, unsigned int i, bool numbered)
{
    uint64_t port;

    if (!read_refs(xs, dir, numbered, cfg->ring_pages, cfg->queue[i].refs))
        return "its ring-ref is missing or no reference";
    if (!xenbus_number(xs, dir, "event-channel", MAX_PORT, &port))
        return "its event-channel is missing or no port";
    cfg->queue[i].port = (uint32_t)port;
    return NULL;
}

static bool protocol_served(struct xs_handle *xs, const char *front)
{
    char *protocol = xenbus_read(xs, front, "protocol");
    bool ok = !protocol || !strcmp(protocol, "x86_64-abi");

    free(protocol);
    return ok;
}

static const char *front_read(const struct device *dev, struct worker_config *cfg)
{
    struct xs_handle *xs = dev->daemon->xs;
    uint64_t order = 0, queues = 1, persistent = 0;
    char path[XENBUS_PATH + 24];
    const char *why = NULL;
    bool numbered;

    if (!protocol_served(xs, dev->front))
        return "only the protocol x86_64-abi is served";
    /* A node that is there must be right; one that is not means the default. */
    numbered = xenbus_number(xs, dev->front, "ring-page-order", UINT32_MAX, &order);
    xenbus_number(xs, dev->front, "multi-queue-num-queues", UINT32_MAX, &queues);
    xenbus_number(xs, dev->front, "feature-persistent", UINT32_MAX, &persistent);
    if (order > WORKER_MAX_RING_ORDER)
        return "its ring-page-order is more than was offered";
    if (!queues || queues > OFFERED_QUEUES)
        return "its multi-queue-num-queues is not what was offered";
    cfg->ring_pages = 1U << order;
    cfg->nr_queues = (unsigned int)queues;
    cfg->persistent = persistent;
    if (queues == 1)
        return read_queue(xs, dev->front, cfg, 0, numbered);
    for (unsigned int i = 0; i < queues && !why; i++) {
        snprintf(path, sizeof(path), "%s/queue-%u", dev->front, i);
        why = read_queue(xs, path, cfg, i, numbered);
    }
    return why;
}

static void journal_path(const struct daemon *d, const char *name, char out[512])
{
    snprintf(out, 512, "%s/%s", d->run_dir, name);
}

static void journal_remove(struct device *dev)
{
    struct disk_device *own = dev->own;
    char path[512];

    if (!own->journal[0])
        return;
    journal_path(dev->daemon, own->journal, path);
    unlink(path);
    own->journal[0] = 0;
}

static int journal_make(struct device *dev)
{
    struct disk_device *own = dev->own;
    struct xenbus_node node = {.name = "journal"};
    char path[512];
    uint64_t key;
    int fd, rc;

    if (getrandom(&key, sizeof(key), 0) != sizeof(key))
        return -EIO;
    journal_remove(dev);
    snprintf(node.value, sizeof(node.value), "%0*" PRIx64, JOURNAL_KEY, key);
    snprintf(own->journal, sizeof(own->journal), "%u-%u-%.16s", dev->domid, dev->devid,
             node.value);
    journal_path(dev->daemon, own->journal, path);
    fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    rc = xenbus_write(dev->daemon->xs, dev->back, &node, 1);
    if (!rc)
        return fd;
    close(fd);
    return rc;
}

/* The open file, new or (recover) the one that the last worker had. */
static int journal_open(struct device *dev, bool recover)
{
    struct disk_device *own = dev->own;
    char path[512], *key;
    int fd;

    if (!recover)
        return journal_make(dev);
    key = xenbus_read(dev->daemon->xs, dev->back, "journal");
    if (!key || strlen(key) != JOURNAL_KEY ||
        strspn(key, "0123456789abcdef") != JOURNAL_KEY) {
        free(key);
        return -ENOENT;
    }
    snprintf(own->journal, sizeof(own->journal), "%u-%u-%.16s", dev->domid, dev->devid,
             key);
    free(key);
    journal_path(dev->daemon, own->journal, path);
    fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    return fd < 0 ? -errno : fd;
}

static bool journal_wanted(const struct daemon *d, const char *name)
{
    char whose[32];

    for (const struct device *dev = d->devices; dev; dev = dev->next) {
        snprintf(whose, sizeof(whose), "%u-%u-", dev->domid, dev->devid);
        if (!strncmp(name, whose, strlen(whose)))
            return true;
    }
    return false;
}

/* Removes those that belong to no device. */
static void journal_sweep(struct daemon *d)
{
    DIR *dir = opendir(d->run_dir);
    struct dirent *entry;
    char path[512];

    while (dir && (entry = readdir(dir))) {
        /* Journals begin with a domain's number. */
        if (*entry->d_name < '0' || *entry->d_name > '9' ||
            journal_wanted(d, entry->d_name))
            continue;
        journal_path(d, entry->d_name, path);
        unlink(path);
    }
    if (dir)
        closedir(dir);
}

static bool waits_when_full(const struct device *dev)
{
    char *what = xenbus_read(dev->daemon->xs, dev->back, "enospc");
    bool waits = !what || strcmp(what, "fail") != 0;

    free(what);
    return waits;
}

static const char *spawn(struct device *dev, struct worker_config *cfg)
{
    int rc;

    cfg->journal = journal_open(dev, cfg->recover);
    if (cfg->journal < 0)
        return strerror(-cfg->journal);
    rc = worker_spawn(blk_worker, cfg, &dev->worker, &dev->control.fd);
    close(cfg->journal);
    return rc ? strerror(-rc) : NULL;
}

static const char *refuse_disk(struct device *dev)
{
    struct worker_config cfg = {.domid = dev->domid,
                                .recover = true,
                                .refuse = true,
                                .way = DISK_MEMORY,
                                .user = dev->daemon->user};
    const char *why = front_read(dev, &cfg);

    return why ? why : spawn(dev, &cfg);
}

static const char *start_disk(struct device *dev, bool recover)
{
    const struct disk_device *own = dev->own;
    const struct image *image = &own->image;
    struct worker_config cfg = {.domid = dev->domid,
                                .wait_when_full = waits_when_full(dev),
                                .recover = recover,
                                .nr_layers = image->nr_layers,
                                .way = image->way,
                                .user = dev->daemon->user};
    const char *why = front_read(dev, &cfg);

    if (why)
        return why;
    cfg.limits = (struct plan_limits){.sectors = image->sectors,
                                      .sector_size = image->sector_size,
                                      .readonly = image->readonly,
                                      .discard = own->discard};
    memcpy(cfg.layer, image->layer, sizeof(cfg.layer));
    return spawn(dev, &cfg);
}

int main(int argc, char **argv)
{
    static const struct backend_class class = {.name = "hvblkd",
                                               .root = "/local/domain/0/backend/hvblk",
                                               .what = "disk",
                                               .own_size = sizeof(struct disk_device),
                                               .capabilities = CAPABILITIES,
                                               .open = open_disk,
                                               .close = close_disk,
                                               .offer = offer_disk,
                                               .start = start_disk,
                                               .refuse = refuse_disk,
                                               .forget = journal_remove,
                                               .ready = journal_sweep};

    return backend_main(&class, argc, argv);
}
