/* SPDX-License-Identifier: MIT */
/*
 * Regular files are mapped; anything else (a pipe, /dev/stdin) is read. A mapping is
 * private, so nobody is hurt when the file is replaced; that it is not truncated
 * meanwhile is the caller's risk, as with every tool that maps its input.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dom/file.h"

#define MAX_STREAM (64UL << 20)

static int read_stream(struct dom_file *out, int fd)
{
    size_t room = 0, size = 0;
    uint8_t *data = NULL;
    ssize_t got = 1;

    while (got > 0) {
        if (size == room) {
            uint8_t *more = realloc(data, room = room ? 2 * room : 4096);

            if (!more || room > MAX_STREAM) {
                free(more ? more : data);
                return more ? -EFBIG : -ENOMEM;
            }
            data = more;
        }
        got = read(fd, data + size, room - size);
        size += got > 0 ? (size_t)got : 0;
    }
    if (got < 0) {
        got = -errno;
        free(data);
        return (int)got;
    }
    *out = (struct dom_file){.data = data, .size = size};
    return 0;
}

static int map_fd(struct dom_file *out, int fd)
{
    struct stat st;
    void *mem;

    if (fstat(fd, &st) < 0)
        return -errno;
    if (S_ISDIR(st.st_mode))
        return -EISDIR;
    if (!S_ISREG(st.st_mode) || !st.st_size)
        return read_stream(out, fd);
    mem = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (mem == MAP_FAILED)
        return -errno;
    *out = (struct dom_file){.data = mem, .size = (size_t)st.st_size, .mapping = mem};
    return 0;
}

int dom_file_map(struct dom_file *out, const char *path, struct dom_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC), rc;

    if (fd < 0)
        return dom_fail(err, -errno, "cannot open %.300s: %s", path, strerror(errno));
    rc = map_fd(out, fd);
    close(fd);
    if (rc)
        return dom_fail(err, rc, "cannot read %.300s: %s", path, strerror(-rc));
    return 0;
}

void dom_file_unmap(struct dom_file *file)
{
    if (file->mapping)
        munmap(file->mapping, file->size);
    else
        free((void *)file->data);
    memset(file, 0, sizeof(*file));
}
