/* SPDX-License-Identifier: MIT */
/*
 * Pages granted to us by other domains, by /dev/xen/gntdev, and pages of our own that are
 * granted to ourselves, by /dev/xen/gntalloc: in a copy, the kernel has to look up and to
 * hold each page that is named by its address, but not one that is named by a grant.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hv/door_priv.h"

#define MAX_OWN 8 /* areas */

/* Memory of ours whose pages have references. */
struct own_pages {
    uint8_t *at;
    size_t nr;
    uint32_t *refs;
};

struct door_grants {
    int fd;
    unsigned int nr_own;
    struct own_pages own[MAX_OWN];
};

struct gntdev_ref {
    uint32_t domid;
    uint32_t ref;
};

/* Followed by the references. */
struct gntdev_map {
    uint32_t count;
    uint32_t pad;
    uint64_t index; /* OUT: the offset to mmap at */
};

struct gntdev_unmap {
    uint64_t index;
    uint32_t count;
    uint32_t pad;
};

union gntdev_place {
    void *local;
    struct {
        uint32_t ref;
        uint16_t offset;
        uint16_t domid;
    } foreign;
};

struct gntdev_piece {
    union gntdev_place source, dest;
    uint16_t len;
    uint16_t flags;
    int16_t status; /* OUT */
};

struct gntdev_copy {
    uint32_t count;
    struct gntdev_piece *pieces;
};

/* Followed by room for as many references. */
struct gntalloc_pages {
    uint16_t domid;
    uint16_t flags;
    uint32_t count;
    uint64_t index; /* OUT: the offset to mmap at */
    uint32_t refs[1];
};

#define GNTALLOC_ALLOC    _IOC(_IOC_NONE, 'G', 5, sizeof(struct gntalloc_pages))
#define GNTALLOC_WRITABLE 1
#define DOM0              0 /* where all of this runs */

/* The size in the request's number is that of a map request with one reference. */
#define GNTDEV_MAP                                                                       \
    _IOC(_IOC_NONE, 'G', 0, sizeof(struct gntdev_map) + sizeof(struct gntdev_ref))
#define GNTDEV_UNMAP     _IOC(_IOC_NONE, 'G', 1, sizeof(struct gntdev_unmap))
#define GNTDEV_COPY      _IOC(_IOC_NONE, 'G', 8, sizeof(struct gntdev_copy))

#define MAX_REFS         64 /* mapped in one go */
#define COPY_STEP        32 /* pieces copied in one go */
#define COPY_FROM_DOMAIN 1  /* GNTCOPY_source_gref */
#define COPY_TO_DOMAIN   2  /* GNTCOPY_dest_gref */

int door_grants_open(struct door_grants **out)
{
    struct door_grants *gr = calloc(1, sizeof(*gr));

    if (!gr)
        return -ENOMEM;
    gr->fd = open("/dev/xen/gntdev", O_RDWR | O_CLOEXEC);
    if (gr->fd < 0) {
        free(gr);
        return -errno;
    }
    *out = gr;
    return 0;
}

void door_grants_close(struct door_grants *gr)
{
    if (!gr)
        return;
    close(gr->fd);
    for (unsigned int i = 0; i < gr->nr_own; i++)
        free(gr->own[i].refs);
    free(gr);
}

int door_grant_map(struct door_grants *gr, hv_domid_t domid, const uint32_t *refs,
                   size_t nr, void **out, uint64_t *index)
{
    struct {
        struct gntdev_map head;
        struct gntdev_ref refs[MAX_REFS];
    } map = {.head.count = (uint32_t)nr};
    void *addr;
    int rc;

    if (!nr || nr > MAX_REFS)
        return -EINVAL;
    for (size_t i = 0; i < nr; i++)
        map.refs[i] = (struct gntdev_ref){.domid = domid, .ref = refs[i]};
    if (ioctl(gr->fd, GNTDEV_MAP, &map) < 0)
        return -errno;
    addr = mmap(NULL, nr * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, gr->fd,
                (off_t)map.head.index);
    if (addr == MAP_FAILED) {
        struct gntdev_unmap unmap = {.index = map.head.index, .count = (uint32_t)nr};

        rc = -errno;
        ioctl(gr->fd, GNTDEV_UNMAP, &unmap);
        return rc;
    }
    *out = addr;
    *index = map.head.index;
    return 0;
}

void door_grant_unmap(struct door_grants *gr, void *addr, size_t nr, uint64_t index)
{
    struct gntdev_unmap unmap = {.index = index, .count = (uint32_t)nr};

    munmap(addr, nr * PAGE_SIZE);
    ioctl(gr->fd, GNTDEV_UNMAP, &unmap);
}

static union gntdev_place by_grant(hv_domid_t domid, uint32_t ref, size_t offset)
{
    return (union gntdev_place){
        .foreign = {.ref = ref, .offset = (uint16_t)offset, .domid = domid}};
}

/* Our side of a piece: by a grant, if it lies in one page that has one. */
static bool own_place(const struct door_grants *gr, const struct door_copy *piece,
                      union gntdev_place *out)
{
    const uint8_t *at = piece->local;

    *out = (union gntdev_place){.local = piece->local};
    for (unsigned int i = 0; i < gr->nr_own; i++) {
        const struct own_pages *own = &gr->own[i];
        size_t from = (size_t)(at - own->at), offset = from % PAGE_SIZE;

        if (at < own->at || from >= own->nr * PAGE_SIZE)
            continue;
        if (offset + piece->len > PAGE_SIZE)
            return false;
        *out = by_grant(DOM0, own->refs[from / PAGE_SIZE], offset);
        return true;
    }
    return false;
}

static struct gntdev_piece make_piece(const struct door_grants *gr, hv_domid_t domid,
                                      const struct door_copy *piece, uint16_t flags)
{
    union gntdev_place own, other = by_grant(domid, piece->ref, piece->offset);
    bool granted = own_place(gr, piece, &own), from = flags == COPY_FROM_DOMAIN;

    return (struct gntdev_piece){.source = from ? other : own,
                                 .dest = from ? own : other,
                                 .len = piece->len,
                                 .flags =
                                     granted ? COPY_FROM_DOMAIN | COPY_TO_DOMAIN : flags};
}

static int copy_step(struct door_grants *gr, hv_domid_t domid,
                     const struct door_copy *pieces, size_t nr, uint16_t flags)
{
    struct gntdev_piece step[COPY_STEP];
    struct gntdev_copy copy = {.count = (uint32_t)nr, .pieces = step};

    for (size_t i = 0; i < nr; i++)
        step[i] = make_piece(gr, domid, &pieces[i], flags);
    if (ioctl(gr->fd, GNTDEV_COPY, &copy) < 0)
        return -errno;
    for (size_t i = 0; i < nr; i++)
        if (step[i].status)
            return -EFAULT;
    return 0;
}

static int copy_all(struct door_grants *gr, hv_domid_t domid,
                    const struct door_copy *pieces, size_t nr, uint16_t flags)
{
    int rc = 0;

    for (size_t done = 0, step; done < nr && !rc; done += step) {
        step = nr - done < COPY_STEP ? nr - done : COPY_STEP;
        rc = copy_step(gr, domid, pieces + done, step, flags);
    }
    return rc;
}

int door_grant_copy_from(struct door_grants *gr, hv_domid_t domid,
                         const struct door_copy *pieces, size_t nr)
{
    return copy_all(gr, domid, pieces, nr, COPY_FROM_DOMAIN);
}

int door_grant_copy_to(struct door_grants *gr, hv_domid_t domid,
                       const struct door_copy *pieces, size_t nr)
{
    return copy_all(gr, domid, pieces, nr, COPY_TO_DOMAIN);
}

/* Whether the hypervisor copies from one of these pages to itself. */
static bool copies(struct door_grants *gr, const struct own_pages *own)
{
    const struct door_copy piece = {.local = own->at,
                                    .ref = own->refs[0],
                                    .offset = PAGE_SIZE / 2,
                                    .len = sizeof(uint64_t)};
    const uint64_t word = 0x6b636f6c62206e77;
    bool good;

    memcpy(own->at, &word, sizeof(word));
    good = !copy_step(gr, DOM0, &piece, 1, COPY_TO_DOMAIN) &&
           !memcmp(own->at + PAGE_SIZE / 2, &word, sizeof(word));
    memset(own->at, 0, PAGE_SIZE);
    return good;
}

static int allocate(struct own_pages *own, struct gntalloc_pages *request)
{
    int fd = open("/dev/xen/gntalloc", O_RDWR | O_CLOEXEC), rc = 0;

    if (fd < 0)
        return -errno;
    if (ioctl(fd, GNTALLOC_ALLOC, request) < 0)
        rc = -errno;
    if (!rc) {
        void *at = mmap(NULL, own->nr * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
                        (off_t)request->index);

        if (at == MAP_FAILED)
            rc = -errno;
        else
            own->at = at;
    }
    close(fd); /* the pages are the mapping's */
    return rc;
}

/* Adds pages with references. What kernel or hypervisor does not do is no error. */
static void *own_pages(struct door_grants *gr, size_t nr)
{
    struct own_pages *own = &gr->own[gr->nr_own];
    struct gntalloc_pages *request;
    bool good = false;

    if (gr->nr_own == MAX_OWN)
        return NULL;
    *own = (struct own_pages){.nr = nr, .refs = calloc(nr, sizeof(*own->refs))};
    request = calloc(1, sizeof(*request) + nr * sizeof(*own->refs));
    if (own->refs && request) {
        request->domid = DOM0;
        request->flags = GNTALLOC_WRITABLE;
        request->count = (uint32_t)nr;
        if (!allocate(own, request)) {
            memcpy(own->refs, request->refs, nr * sizeof(*own->refs));
            gr->nr_own++; /* for the trial */
            good = copies(gr, own);
            gr->nr_own -= !good;
        }
    }
    free(request);
    if (good)
        return own->at;
    if (own->at)
        munmap(own->at, nr * PAGE_SIZE);
    free(own->refs);
    return NULL;
}

void *door_grants_pages(struct door_grants *gr, size_t nr)
{
    void *at = own_pages(gr, nr);

    if (!at)
        at = mmap(NULL, nr * PAGE_SIZE, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return at == MAP_FAILED ? NULL : at;
}
