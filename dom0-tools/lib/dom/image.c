/* SPDX-License-Identifier: MIT */
/*
 * Opening a kernel image, whatever its form. A bzImage or a gzip file is unpacked into a
 * file of the cache, or one in memory; the next time the cache's file is used as if the
 * kernel were a plain ELF file.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dom/cache.h"
#include "dom/elf.h"
#include "dom/image.h"
#include "dom/zeros.h"

#define SPARSE_PAGE 4096U

/* Makes an image of an open file; takes the file over only on success. */
static int from_fd(struct dom_image *out, int fd)
{
    struct stat st;
    void *mem;

    if (fstat(fd, &st) < 0)
        return -errno;
    if (S_ISDIR(st.st_mode))
        return -EISDIR;
    if (!S_ISREG(st.st_mode))
        return -EINVAL;
    if (!st.st_size)
        return -ENODATA;
    mem = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (mem == MAP_FAILED)
        return -errno;
    *out = (struct dom_image){mem, (size_t)st.st_size, fd,
                              (uint64_t)st.st_blocks * 512 >= (uint64_t)st.st_size};
    return 0;
}

/* An unpacked kernel is written where it is not zero: half of Linux is. */
struct sparse {
    int fd;
    uint64_t size;
};

static int write_at(int fd, const uint8_t *data, size_t size, uint64_t offset)
{
    while (size) {
        ssize_t n = pwrite(fd, data, size, (off_t)offset);

        if (n < 0 && errno != EINTR)
            return -errno;
        data += n > 0 ? n : 0;
        size -= n > 0 ? (size_t)n : 0;
        offset += n > 0 ? (uint64_t)n : 0;
    }
    return 0;
}

static int put_sparse(void *ctx, const uint8_t *data, size_t size)
{
    struct sparse *f = ctx;
    size_t from = 0, at = 0;
    int rc = 0;

    while (at < size && !rc) {
        size_t n = size - at < SPARSE_PAGE ? size - at : SPARSE_PAGE;

        if (dom_all_zero(data + at, n)) {
            rc = write_at(f->fd, data + from, at - from, f->size + from);
            from = at + n;
        }
        at += n;
    }
    if (!rc)
        rc = write_at(f->fd, data + from, at - from, f->size + from);
    f->size += size;
    return rc;
}

/* Unpacks to a file of which only fd is known, yet. */
static int unpack_to(int fd, const struct dom_payload *payload, struct dom_error *err)
{
    struct sparse f = {.fd = fd};
    int rc = dom_payload_unpack(payload, put_sparse, &f, err);

    if (!rc && ftruncate(fd, (off_t)f.size) < 0)
        rc =
            dom_fail(err, -errno, "cannot keep the unpacked kernel: %s", strerror(errno));
    return rc;
}

/* Returns a file with the ELF file in it: the cache's if that can be, else in memory. */
static int unpack(const struct dom_image *file, const struct dom_cache_key *key,
                  struct dom_error *err)
{
    struct dom_cache_file kept = {.fd = -1};
    struct dom_payload payload;
    int rc = dom_gzip_probe(file->data, file->size)
                 ? dom_gzip_payload(&payload, file->data, file->size, err)
                 : dom_bzimage_payload(&payload, file->data, file->size, err),
        fd;

    if (rc)
        return rc;
    if (key && !dom_cache_begin(&kept)) {
        rc = unpack_to(kept.fd, &payload, err);
        dom_cache_end(&kept, rc ? NULL : key);
        if (!rc)
            return kept.fd;
        close(kept.fd);
        if (rc == -EINVAL)
            return rc;
        memset(err, 0, sizeof(*err));
    }
    fd = memfd_create("kernel", MFD_CLOEXEC);
    if (fd < 0)
        return dom_fail(err, -errno, "no memory to unpack the kernel");
    rc = unpack_to(fd, &payload, err);
    if (rc)
        close(fd);
    return rc ? rc : fd;
}

/* Replaces an opened bzImage by the ELF file inside it. */
static int replace_by_payload(struct dom_image *image, struct dom_error *err)
{
    struct dom_image unpacked;
    struct dom_cache_key key;
    bool has_key = !dom_cache_key(&key, image->fd);
    int fd = has_key ? dom_cache_find(&key) : -1, rc;

    if (fd >= 0 && from_fd(&unpacked, fd)) {
        close(fd);
        fd = -1;
    }
    if (fd < 0) {
        fd = unpack(image, has_key ? &key : NULL, err);
        if (fd < 0)
            return fd;
        rc = from_fd(&unpacked, fd);
        if (rc) {
            close(fd);
            return dom_fail(err, rc, "cannot read the unpacked kernel: %s",
                            strerror(-rc));
        }
    }
    dom_image_close(image);
    *image = unpacked;
    return 0;
}

int dom_image_open(struct dom_image *out, const char *path, struct dom_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC), rc;

    if (fd < 0)
        return dom_fail(err, -errno, "cannot open kernel %.300s: %s", path,
                        strerror(errno));
    rc = from_fd(out, fd);
    if (rc) {
        close(fd);
        return dom_fail(err, rc, "cannot read kernel %.300s: %s", path,
                        rc == -ENODATA ? "the file is empty" : strerror(-rc));
    }
    if (dom_elf_probe(out->data, out->size))
        return 0;
    if (dom_bzimage_probe(out->data, out->size) || dom_gzip_probe(out->data, out->size))
        rc = replace_by_payload(out, err);
    else
        rc = dom_fail(err, -EINVAL, "it is neither a bzImage nor an ELF file");
    if (!rc && !dom_elf_probe(out->data, out->size))
        rc = dom_fail(err, -EINVAL, "there is no ELF file packed in it");
    if (rc)
        dom_image_close(out);
    return rc;
}

void dom_image_close(struct dom_image *image)
{
    if (image->data)
        munmap((void *)image->data, image->size);
    if (image->fd >= 0)
        close(image->fd);
    *image = (struct dom_image){.fd = -1};
}

int dom_image_read(const struct dom_image *image, uint64_t offset, void *to, size_t size)
{
    while (size) {
        ssize_t got = pread(image->fd, to, size, (off_t)offset);

        if (got <= 0)
            return got ? -errno : -ENODATA;
        to = (char *)to + got;
        offset += (uint64_t)got;
        size -= (size_t)got;
    }
    return 0;
}

uint64_t dom_image_data(const struct dom_image *image, uint64_t *from, uint64_t end)
{
    off_t data, hole;

    if (image->dense) /* asking would look at each page */
        return end;
    data = lseek(image->fd, (off_t)*from, SEEK_DATA);

    if (data < 0 && errno != ENXIO) /* a file system that cannot tell */
        return end;
    if (data < 0 || (uint64_t)data >= end)
        return *from = end;
    *from = (uint64_t)data;
    hole = lseek(image->fd, data, SEEK_HOLE);
    return hole < 0 || (uint64_t)hole > end ? end : (uint64_t)hole;
}
