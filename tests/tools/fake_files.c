/* SPDX-License-Identifier: MIT */
/* The doors of fake_guest.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fake_guest.h"
#include "hv/door.h"

/* A daemon that ends has the system free what it has. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}

struct door_events {
    int in, out;
};

static void file_name(char out[256], const char *name)
{
    snprintf(out, 256, "%.150s/%s", getenv(FAKE_DIR), name);
}

static int open_file(const char *name)
{
    char path[256];
    int fd;

    file_name(path, name);
    fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int door_open(struct door **out)
{
    *out = NULL;
    return 0;
}

void *door_buf_get(struct door *door, size_t size)
{
    return calloc(1, size);
}

void door_buf_put(struct door *door, void *buf, size_t size)
{
    free(buf);
}

int door_sysctl(struct door *door, struct hv_sysctl *op)
{
    struct hv_domctl_getdomaininfo *list = (void *)op->u.getdomaininfolist.buffer;
    unsigned int domid, nr = 0;
    char path[256];
    FILE *f;

    file_name(path, FAKE_DOMAINS);
    f = fopen(path, "re");
    while (f && fscanf(f, "%u", &domid) == 1)
        if (domid >= op->u.getdomaininfolist.first_domain)
            list[nr++].domain = (hv_domid_t)domid;
    if (f)
        fclose(f);
    op->u.getdomaininfolist.num_domains = nr;
    return 0;
}

static int map_page(hv_domid_t domid, uint64_t frame, void **out)
{
    char name[64];
    int fd;

    snprintf(name, sizeof(name), "page-%u-%llu", domid, (unsigned long long)frame);
    fd = open_file(name);
    if (fd < 0)
        return -EINVAL;
    *out = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    return *out == MAP_FAILED ? -errno : 0;
}

int door_map(struct door *door, hv_domid_t domid, const hv_pfn_t *frames, size_t nr,
             void **out)
{
    return map_page(domid, frames[0], out);
}

void door_unmap(void *addr, size_t nr)
{
    munmap(addr, nr * PAGE_SIZE);
}

int door_grants_open(struct door_grants **out)
{
    *out = (struct door_grants *)out;
    return 0;
}

int door_grant_map(struct door_grants *gr, hv_domid_t domid, const uint32_t *refs,
                   size_t nr, void **out, uint64_t *index)
{
    *index = 0;
    return map_page(domid, refs[0], out);
}

void door_grant_unmap(struct door_grants *gr, void *addr, size_t nr, uint64_t index)
{
    munmap(addr, nr * PAGE_SIZE);
}

int door_events_open(struct door_events **out)
{
    *out = malloc(sizeof(**out));
    (*out)->in = open_file(FAKE_TO_DAEMON);
    (*out)->out = open_file(FAKE_TO_GUEST);
    return (*out)->in < 0 || (*out)->out < 0 ? -ENOENT : 0;
}

int door_events_fd(const struct door_events *ev)
{
    return ev->in;
}

int door_events_bind(struct door_events *ev, hv_domid_t domid, uint32_t remote_port)
{
    return remote_port < FAKE_PORTS ? (int)(domid * FAKE_PORTS + remote_port) : -EINVAL;
}

int door_events_unbind(struct door_events *ev, uint32_t port)
{
    return 0;
}

int door_events_next(struct door_events *ev)
{
    uint32_t port;

    return read(ev->in, &port, sizeof(port)) == sizeof(port) ? (int)port : -EAGAIN;
}

int door_events_unmask(struct door_events *ev, uint32_t port)
{
    return 0;
}

int door_events_notify(struct door_events *ev, uint32_t port)
{
    /* A full pipe is an event that is pending already. */
    return write(ev->out, &port, sizeof(port)) < 0 && errno != EAGAIN ? -errno : 0;
}
