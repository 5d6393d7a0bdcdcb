/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "blkback/blk_worker.h"
#include "blkback/image.h"
#include "blkback/plan.h"

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

static int lock_image(const struct image *image, const char **why)
{
    struct flock lock = {.l_type = image->readonly ? F_RDLCK : F_WRLCK,
                         .l_whence = SEEK_SET,
                         .l_len = WORKER_LOCK_BYTE};

    if (!fcntl(image->fd, F_OFD_SETLK, &lock))
        return 0;
    *why = errno == EAGAIN || errno == EACCES
               ? "it is in use (another guest or program has locked it)"
               : strerror(errno);
    return errno == EAGAIN || errno == EACCES ? -EBUSY : -errno;
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

static bool in_memory(int fd)
{
    struct statfs fs;

    return !fstatfs(fd, &fs) && (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC);
}

static int measure(struct image *image, const char *path, const struct stat *st,
                   const char **why)
{
    int rc = 0;

    if (S_ISBLK(st->st_mode)) {
        rc = measure_device(image);
    } else {
        measure_file(image, st);
        image->inline_io = in_memory(image->fd);
    }
    if (rc) {
        *why = strerror(-rc);
        return rc;
    }
    if (!image->sectors) {
        *why = "it is empty";
        return -EINVAL;
    }
    image->direct = try_direct(image, path);
    return 0;
}

int image_open(struct image *out, const char *path, bool readonly, const char **why)
{
    struct stat st;
    int rc;

    *out = (struct image){.readonly = readonly};
    out->fd = open_file(path, readonly, &st, why);
    if (out->fd < 0)
        return out->fd;
    rc = lock_image(out, why);
    if (!rc)
        rc = measure(out, path, &st, why);
    if (rc)
        image_close(out);
    return rc;
}

void image_close(struct image *image)
{
    close(image->fd);
    image->fd = -1;
}
