/* SPDX-License-Identifier: MIT */
/*
 * Opening a kernel image, whatever its form. A bzImage is unpacked into memory and the
 * result offered to the cache; the next time the cache's file is used as if the kernel
 * were a plain ELF file.
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
    *out = (struct dom_image){mem, (size_t)st.st_size, fd};
    return 0;
}

static int unpack(struct dom_image *out, const struct dom_image *file,
                  struct dom_error *err)
{
    struct dom_payload payload;
    void *mem;
    int rc = dom_bzimage_payload(&payload, file->data, file->size, err);

    if (rc)
        return rc;
    mem = mmap(NULL, payload.unpacked_size, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mem == MAP_FAILED)
        return dom_fail(err, -errno, "no memory to unpack the kernel");
    rc = dom_payload_unpack(&payload, mem, err);
    if (rc) {
        munmap(mem, payload.unpacked_size);
        return rc;
    }
    *out = (struct dom_image){mem, payload.unpacked_size, -1};
    return 0;
}

/* Replaces an opened bzImage by the ELF file inside it. */
static int replace_by_payload(struct dom_image *image, struct dom_error *err)
{
    struct dom_image unpacked;
    struct dom_cache_key key;
    int fd = -1, rc;
    bool cached = !dom_cache_key(&key, image->fd);

    if (cached)
        fd = dom_cache_find(&key);
    if (fd >= 0 && from_fd(&unpacked, fd)) {
        close(fd);
        fd = -1;
    }
    if (fd < 0) {
        rc = unpack(&unpacked, image, err);
        if (rc)
            return rc;
        if (cached)
            dom_cache_add(&key, unpacked.data, unpacked.size);
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
    if (dom_bzimage_probe(out->data, out->size))
        rc = replace_by_payload(out, err);
    else
        rc = dom_fail(err, -EINVAL, "it is neither a bzImage nor an ELF file");
    if (!rc && !dom_elf_probe(out->data, out->size))
        rc = dom_fail(err, -EINVAL, "there is no ELF file in this bzImage");
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
    if (image->fd < 0) {
        memcpy(to, image->data + offset, size);
        return 0;
    }
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
