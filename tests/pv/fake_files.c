/* SPDX-License-Identifier: MIT */
/* The doors of fake_guest.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fake_guest.h"
#include "hv/door.h"

struct door_grants {
    int fd;
    uint8_t *memory;
};

struct door_events {
    int in, out;
};

static int open_file(const char *name, unsigned int domid, int flags)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/%s-%u", getenv(GUEST_DIR_VARIABLE), name, domid);
    return open(path, flags | O_CLOEXEC);
}

int door_events_open(struct door_events **out)
{
    *out = malloc(sizeof(**out));
    return 0;
}

int door_events_fd(const struct door_events *ev)
{
    return ev->in;
}

/* The first thing that is told whose events they are. */
int door_events_restrict(struct door_events *ev, hv_domid_t domid)
{
    ev->in = open_file(GUEST_TO_BACK, domid, O_RDWR | O_NONBLOCK);
    ev->out = open_file(GUEST_TO_FRONT, domid, O_RDWR | O_NONBLOCK);
    return ev->in < 0 || ev->out < 0 ? -errno : 0;
}

int door_events_bind(struct door_events *ev, hv_domid_t domid, uint32_t remote_port)
{
    return (int)remote_port;
}

int door_events_notify(struct door_events *ev, uint32_t port)
{
    /* A full pipe is an event that is pending already. */
    return write(ev->out, "", 1) < 0 && errno != EAGAIN ? -errno : 0;
}

int door_events_set_wait(struct door_events *ev, bool wait)
{
    return fcntl(ev->in, F_SETFL, wait ? O_RDWR : O_RDWR | O_NONBLOCK) ? -errno : 0;
}

int door_events_take(struct door_events *ev, uint32_t *ports, int max)
{
    char bytes[64];
    ssize_t n = read(ev->in, bytes, sizeof(bytes));

    /* There is one port; all its events are one. */
    ports[0] = 1;
    return n < 0 ? -errno : n > 0;
}

int door_events_unmask_all(struct door_events *ev, const uint32_t *ports, unsigned int nr)
{
    return 0;
}

int door_grants_open(struct door_grants **out)
{
    struct door_grants *gr = malloc(sizeof(*gr));

    gr->fd = open_file(GUEST_MEMORY, 0, O_RDWR);
    gr->memory = mmap(NULL, GUEST_PAGES * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
                      gr->fd, 0);
    *out = gr;
    return gr->memory == MAP_FAILED ? -errno : 0;
}

int door_grant_map(struct door_grants *gr, hv_domid_t domid, const uint32_t *refs,
                   size_t nr, void **out, uint64_t *index)
{
    uint8_t *at =
        mmap(NULL, nr * PAGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    for (size_t i = 0; i < nr; i++) {
        if (refs[i] >= GUEST_PAGES)
            return -EINVAL;
        if (mmap(at + i * PAGE_SIZE, PAGE_SIZE, PROT_READ | PROT_WRITE,
                 MAP_SHARED | MAP_FIXED, gr->fd,
                 (off_t)(refs[i] * PAGE_SIZE)) == MAP_FAILED)
            return -errno;
    }
    *out = at;
    *index = 0;
    return 0;
}

void door_grant_unmap(struct door_grants *gr, void *addr, size_t nr, uint64_t index)
{
    munmap(addr, nr * PAGE_SIZE);
}

int door_grant_copy_from(struct door_grants *gr, hv_domid_t domid,
                         const struct door_copy *pieces, size_t nr)
{
    for (size_t i = 0; i < nr; i++) {
        if (pieces[i].ref >= GUEST_PAGES)
            return -EFAULT;
        memcpy(pieces[i].local, gr->memory + pieces[i].ref * PAGE_SIZE + pieces[i].offset,
               pieces[i].len);
    }
    return 0;
}

int door_grant_copy_to(struct door_grants *gr, hv_domid_t domid,
                       const struct door_copy *pieces, size_t nr)
{
    for (size_t i = 0; i < nr; i++) {
        if (pieces[i].ref >= GUEST_PAGES)
            return -EFAULT;
        memcpy(gr->memory + pieces[i].ref * PAGE_SIZE + pieces[i].offset, pieces[i].local,
               pieces[i].len);
    }
    return 0;
}

void *door_grants_pages(struct door_grants *gr, size_t nr)
{
    void *at = mmap(NULL, nr * PAGE_SIZE, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return at == MAP_FAILED ? NULL : at;
}
