/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/major.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "blkback/image.h"
#include "blkback/plan.h"
#include "dom/imagelock.h"

#define DEFAULT_SECTOR 512U
#define DEFAULT_BLOCK  4096U

static int open_file(const char *path, bool readonly, struct stat *st, const char **why)
{
    int flags = O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (readonly ? O_RDONLY : O_RDWR);
    int fd;

    if (stat(path, st)) {
        *why = strerror(errno);
        return -errno;
    }
    if (!S_ISREG(st->st_mode) && !S_ISBLK(st->st_mode)) {
        *why = "neither a file nor a block device";
        return -EINVAL;
    }
    /* A writer claims a block device for itself: mounted in dom0, it cannot be had. */
    fd = open(path, flags | (S_ISBLK(st->st_mode) && !readonly ? O_EXCL : 0));
    if (fd < 0) {
        *why = errno == EBUSY ? "it is in use (mounted, or another guest's disk)"
                              : strerror(errno);
        return -errno;
    }
    return fd;
}

static int lock_file(int fd, bool readonly, const char **why)
{
    int rc = image_lock(fd, readonly);

    if (rc)
        *why = rc == -EBUSY ? "it is in use (another guest or program has locked it)"
                            : strerror(-rc);
    return rc;
}

static int measure_device(struct image *image)
{
    unsigned int physical = 0;
    uint64_t bytes;
    int logical;

    if (ioctl(image->fd, BLKGETSIZE64, &bytes) || ioctl(image->fd, BLKSSZGET, &logical))
        return -errno;
    ioctl(image->fd, BLKPBSZGET, &physical);
    image->sectors = bytes / PLAN_SECTOR;
    image->sector_size = (unsigned int)logical;
    image->physical_sector =
        physical < image->sector_size ? image->sector_size : physical;
    image->discard_granularity = image->physical_sector;
    return 0;
}

static void measure_file(struct image *image, const struct stat *st)
{
    image->sectors = (uint64_t)st->st_size / PLAN_SECTOR;
    image->sector_size = DEFAULT_SECTOR;
    image->physical_sector = DEFAULT_BLOCK;
    image->discard_granularity = (unsigned int)st->st_blksize;
}

/* Whether this file system does direct I/O by sectors of the size that we offer. */
static bool try_direct(const struct image *image, const char *path)
{
    void *sector = NULL;
    bool ok = false;
    int fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);

    if (fd < 0)
        return false;
    if (!posix_memalign(&sector, DEFAULT_BLOCK, image->sector_size))
        ok = pread(fd, sector, image->sector_size, image->sector_size) >= 0;
    free(sector);
    close(fd);
    return ok;
}

/* A file of a file system in memory, or a RAM disk. */
static bool in_memory(int fd)
{
    struct statfs fs;
    struct stat st;

    if (!fstat(fd, &st) && S_ISBLK(st.st_mode))
        return major(st.st_rdev) == RAMDISK_MAJOR;
    return !fstatfs(fd, &fs) && (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC);
}

static enum disk_way choose_way(const struct image *image, const char *path, bool direct)
{
    if (direct && try_direct(image, path))
        return DISK_DIRECT;
    for (unsigned int i = 0; i < image->nr_layers; i++)
        if (!in_memory(image->layer[i].fd))
            return DISK_CACHED;
    return DISK_MEMORY;
}

static int measure(struct image *image, const struct stat *st, const char **why)
{
    int rc = 0;

    if (S_ISBLK(st->st_mode))
        rc = measure_device(image);
    else
        measure_file(image, st);
    if (rc) {
        *why = strerror(-rc);
        return rc;
    }
    if (!image->sectors) {
        *why = "it is empty";
        return -EINVAL;
    }
    image->layer[0].bytes = image->sectors * PLAN_SECTOR;
    return 0;
}

/* Adds a file to the chain; *st is what it is. */
static int add_file(struct image *image, const char *path, bool readonly, struct stat *st,
                    const char **why)
{
    int fd = open_file(path, readonly, st, why);

    if (fd < 0)
        return fd;
    image->layer[image->nr_layers++] = (struct volume_file){.fd = fd};
    return lock_file(fd, readonly, why);
}

static int take_format(struct volume_file *file, const char *format, const char **why)
{
    file->qcow2 = !strcmp(format, "qcow2");
    if (file->qcow2 || !strcmp(format, "raw"))
        return 0;
    *why = "its format is neither raw nor qcow2";
    return -EINVAL;
}

/* Of a file behind: what is wrong, with its name. */
static int refuse_behind(const char **why, const char *name, const char *text)
{
    static char line[200];

    snprintf(line, sizeof(line), "its backing file %.100s: %.80s", name, text);
    *why = line;
    return -EINVAL;
}

/* What an image calls the file behind it, as a path: relative to its own folder. */
static bool path_behind(const char *image, const char *name, char out[PATH_MAX])
{
    const char *slash = strrchr(image, '/');
    int dir = slash ? (int)(slash + 1 - image) : 0, n;

    if (!strncmp(name, "file:", 5))
        name += 5;
    if (strcspn(name, ":") < strcspn(name, "/"))
        return false; /* a protocol of QEMU's */
    n = *name == '/' ? snprintf(out, PATH_MAX, "%s", name)
                     : snprintf(out, PATH_MAX, "%.*s%s", dir, image, name);
    return n < PATH_MAX;
}

static bool in_chain(const struct image *image, const struct stat *st)
{
    for (unsigned int i = 0; i < image->nr_layers; i++) {
        struct stat other;

        if (!fstat(image->layer[i].fd, &other) && other.st_dev == st->st_dev &&
            other.st_ino == st->st_ino)
            return true;
    }
    return false;
}

/* Opens the file that the image at `path` names; its path then. */
static int open_behind(struct image *image, char path[PATH_MAX], const char *name,
                       const char *format, const char **why)
{
    struct volume_file *file = &image->layer[image->nr_layers];
    char next[PATH_MAX];
    struct stat st;
    off_t end;

    if (!path_behind(path, name, next))
        return refuse_behind(why, name, "no plain path");
    if (!*format)
        return refuse_behind(why, name,
                             "its format is not told: 'qemu-img rebase -u -F' does so");
    if (image->nr_layers == VOLUME_MAX_LAYERS)
        return refuse_behind(why, name, "there are too many of them");
    if (!stat(next, &st) && in_chain(image, &st))
        return refuse_behind(why, name, "they form a loop");
    if (add_file(image, next, true, &st, why) || take_format(file, format, why))
        return refuse_behind(why, name, *why);
    end = lseek(file->fd, 0, SEEK_END);
    file->bytes = end < 0 ? 0 : (uint64_t)end;
    strcpy(path, next);
    return 0;
}

void image_read_facts(void *ctx, int fd, bool readonly, bool whole,
                      struct image_facts *out)
{
    const char *name, *format, *why = "";
    struct qcow2 *q;

    *out = (struct image_facts){.rc = qcow2_open(&q, fd, readonly, &why)};
    if (!out->rc) {
        out->bytes = qcow2_bytes(q);
        out->cluster = qcow2_cluster(q);
        name = qcow2_behind(q, &format);
        out->behind = name;
        if (name) {
            snprintf(out->name, sizeof(out->name), "%s", name);
            snprintf(out->format, sizeof(out->format), "%s", format);
        }
        if (whole)
            out->rc = qcow2_check(q, &why);
        qcow2_close(q);
    }
    if (out->rc)
        snprintf(out->why, sizeof(out->why), "%s", why);
}

/* One image of the chain: what it is, and the file that it names. */
static int read_image(struct image *image, unsigned int nr, char path[PATH_MAX],
                      const struct image_trust *trust, const char **why)
{
    static struct image_facts facts;

    trust->read(trust->ctx, image->layer[nr].fd, image->readonly || nr, !nr, &facts);
    if (facts.rc) {
        *why = facts.why;
        return nr ? refuse_behind(why, path, *why) : facts.rc;
    }
    image->layer[nr].bytes = facts.bytes;
    if (!nr) {
        image->sectors = facts.bytes / PLAN_SECTOR;
        image->sector_size = DEFAULT_SECTOR;
        image->physical_sector = DEFAULT_BLOCK;
        image->discard_granularity = facts.cluster;
    }
    return facts.behind ? open_behind(image, path, facts.name, facts.format, why) : 0;
}

static int open_chain(struct image *image, const char *path,
                      const struct image_trust *trust, const char **why)
{
    char at[PATH_MAX];
    int rc = 0;

    snprintf(at, sizeof(at), "%s", path);
    for (unsigned int i = 0; i < image->nr_layers && !rc; i++)
        if (image->layer[i].qcow2)
            rc = read_image(image, i, at, trust, why);
    return rc;
}

int image_open(struct image *out, const char *path, const char *format, bool readonly,
               bool direct, const struct image_trust *trust, const char **why)
{
    struct stat st;
    int rc;

    *out = (struct image){.readonly = readonly, .fd = -1};
    rc = add_file(out, path, readonly, &st, why);
    if (!rc) {
        out->fd = out->layer[0].fd;
        rc = take_format(&out->layer[0], format, why);
    }
    if (!rc)
        rc = measure(out, &st, why);
    if (!rc && out->layer[0].qcow2)
        rc = open_chain(out, path, trust, why);
    if (!rc)
        out->way = choose_way(out, path, direct);
    if (rc)
        image_close(out);
    return rc;
}

void image_close(struct image *image)
{
    for (unsigned int i = 0; i < image->nr_layers; i++)
        close(image->layer[i].fd);
    image->nr_layers = 0;
    image->fd = -1;
}
