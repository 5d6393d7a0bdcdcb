/* SPDX-License-Identifier: MIT */
/*
 * A hypervisor made of files, for daemons under test: $XS_FAKE_DIR holds ring.N, the ring
 * page of domain N; events, a FIFO of port numbers for the daemon; state.N, which says
 * "shutdown" or "gone" (without the file domain N runs). Domain N's event channel is port
 * 100 + N, the domain exception interrupt is port 1.
 */
#ifndef TESTS_XENSTORE_FAKE_DIR_H
#define TESTS_XENSTORE_FAKE_DIR_H

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define FAKE_PORT_BASE 100u
#define FAKE_PORT_VIRQ 1u

static inline void fake_path(char *out, size_t size, const char *name, unsigned int domid)
{
    const char *dir = getenv("XS_FAKE_DIR");

    snprintf(out, size, name, dir ? dir : "/nonexistent", domid);
}

static inline int fake_events(void)
{
    char path[256];

    fake_path(path, sizeof(path), "%s/events", 0);
    mkfifo(path, 0600);
    return open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
}

static inline void *fake_ring(unsigned int domid)
{
    char path[256];
    void *page;
    int fd;

    fake_path(path, sizeof(path), "%s/ring.%u", domid);
    fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    return page == MAP_FAILED ? NULL : page;
}

/* 'r'unning, 's'hutdown or 'g'one. */
static inline char fake_state(unsigned int domid)
{
    char path[256], c = 'r';
    int fd;

    fake_path(path, sizeof(path), "%s/state.%u", domid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && read(fd, &c, 1) != 1)
        c = 'r';
    if (fd >= 0)
        close(fd);
    return c;
}

#endif
