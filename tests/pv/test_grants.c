/* SPDX-License-Identifier: MIT */
/*
 * The tools' door to granted pages (dom0-tools/lib/hv/gnttab.c), on devices that are
 * this file: what a copy names by its address, and what by a grant to dom0 itself.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#include "hv/door.h"
#include "unit.h"

#define GUEST      7
#define OWN_REF    500 /* the first of dom0's own */
#define GNTDEV_FD  1000
#define ALLOC_FD   1001
#define MAP_OF_OWN 0x40000
#define BY_GRANT   3 /* both sides */
#define FROM       1
#define TO         2

/* As in the kernel's header (xen/gntdev.h). */
struct piece {
    union {
        uint8_t *local;
        struct {
            uint32_t ref;
            uint16_t offset, domid;
        } foreign;
    } source, dest;
    uint16_t len, flags;
    int16_t status;
};

static uint8_t guest[4][PAGE_SIZE];
static uint8_t *own; /* pages that the kernel has allocated */
static size_t own_pages, own_allowed;
static bool have_alloc, refuse_own;
static unsigned int opened, closed, by_grant, by_address;

int fake_open(const char *path, int flags, ...)
{
    bool alloc = !strcmp(path, "/dev/xen/gntalloc");

    if (alloc && !have_alloc) {
        errno = ENOENT;
        return -1;
    }
    opened++;
    return alloc ? ALLOC_FD : GNTDEV_FD;
}

int fake_close(int fd)
{
    closed++;
    return 0;
}

void *fake_mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset)
{
    if (fd == ALLOC_FD) {
        ck_assert_int_eq(offset, MAP_OF_OWN);
        ck_assert_uint_eq(size, own_pages * PAGE_SIZE);
        own =
            mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        return own;
    }
    return mmap(at, size, prot, flags, fd, offset);
}

static uint8_t *granted(unsigned int domid, uint32_t ref, unsigned int offset)
{
    if (domid == GUEST && ref < 4)
        return guest[ref] + offset;
    if (domid == 0 && !refuse_own && ref >= OWN_REF && ref < OWN_REF + own_pages)
        return own + (ref - OWN_REF) * PAGE_SIZE + offset;
    return NULL;
}

static void copy_piece(struct piece *p)
{
    uint8_t *from = p->source.local, *to = p->dest.local;

    if (p->flags & FROM)
        from = granted(p->source.foreign.domid, p->source.foreign.ref,
                       p->source.foreign.offset);
    if (p->flags & TO)
        to = granted(p->dest.foreign.domid, p->dest.foreign.ref, p->dest.foreign.offset);
    p->status = from && to ? 0 : -1;
    if (from && to)
        memmove(to, from, p->len);
    if (p->flags == BY_GRANT)
        by_grant++;
    else
        by_address++;
}

static int allocate(void *request)
{
    struct {
        uint16_t domid, flags;
        uint32_t count;
        uint64_t index;
        uint32_t ref[];
    } *r = request;

    ck_assert_uint_eq(r->domid, 0);
    ck_assert_uint_eq(r->flags, 1); /* writable */
    if (r->count > own_allowed) {
        errno = ENOSPC;
        return -1;
    }
    own_pages = r->count;
    r->index = MAP_OF_OWN;
    for (uint32_t i = 0; i < r->count; i++)
        r->ref[i] = OWN_REF + i;
    return 0;
}

int fake_ioctl(int fd, unsigned long request, ...)
{
    struct {
        uint32_t count;
        struct piece *pieces;
    } * copy;
    va_list args;

    va_start(args, request);
    copy = va_arg(args, void *);
    va_end(args);
    if (fd == ALLOC_FD)
        return allocate(copy);
    ck_assert_int_eq(fd, GNTDEV_FD);
    for (uint32_t i = 0; i < copy->count; i++)
        copy_piece(&copy->pieces[i]);
    return 0;
}

static struct door_grants *gr;

static void prepare(void)
{
    have_alloc = true;
    own_allowed = 100;
    for (unsigned int i = 0; i < sizeof(guest); i++)
        guest[i / PAGE_SIZE][i % PAGE_SIZE] = (uint8_t)(i * 7);
    ck_assert_int_eq(door_grants_open(&gr), 0);
}

static uint8_t *pages(size_t nr)
{
    uint8_t *at = door_grants_pages(gr, nr);

    ck_assert_ptr_nonnull(at);
    for (size_t i = 0; i < nr * PAGE_SIZE; i++)
        ck_assert_uint_eq(at[i], 0);
    by_grant = by_address = 0;
    return at;
}

/* A copy of 100 bytes from the guest to `at`, and back to another page. */
static void there_and_back(uint8_t *at)
{
    struct door_copy piece = {.local = at, .ref = 1, .offset = 50, .len = 100};

    ck_assert_int_eq(door_grant_copy_from(gr, GUEST, &piece, 1), 0);
    ck_assert_mem_eq(at, guest[1] + 50, 100);
    piece.ref = 2;
    memset(guest[2], 0, PAGE_SIZE);
    ck_assert_int_eq(door_grant_copy_to(gr, GUEST, &piece, 1), 0);
    ck_assert_mem_eq(guest[2] + 50, guest[1] + 50, 100);
}

START_TEST(pages_with_grants_are_copied_by_them)
{
    uint8_t *at = pages(5);

    ck_assert_ptr_eq(at, own);
    for (unsigned int i = 0; i < 5; i++)
        there_and_back(at + i * PAGE_SIZE + 30);
    there_and_back(at + PAGE_SIZE - 100);
    ck_assert(by_grant == 12 && by_address == 0);
}
END_TEST

START_TEST(other_memory_is_named_by_its_address)
{
    static uint8_t mine[100];
    uint8_t *at = pages(5);

    there_and_back(mine);
    there_and_back(at + PAGE_SIZE - 99); /* in two pages */
    ck_assert(by_grant == 0 && by_address == 4);
}
END_TEST

START_TEST(without_the_device_there_are_pages_all_the_same)
{
    have_alloc = false;
    there_and_back(pages(5));
    ck_assert(by_grant == 0 && by_address == 2);
}
END_TEST

START_TEST(beyond_the_kernels_limit_there_are_pages_all_the_same)
{
    there_and_back(pages(101));
    ck_assert(by_grant == 0 && by_address == 2);
    ck_assert_uint_eq(opened - closed, 1);
}
END_TEST

START_TEST(a_hypervisor_that_does_not_copy_so_is_asked_no_more)
{
    refuse_own = true;
    there_and_back(pages(5));
    ck_assert(by_grant == 0 && by_address == 2);
}
END_TEST

START_TEST(a_copy_that_fails_is_told)
{
    uint8_t *at = pages(5);
    struct door_copy piece = {.local = at, .ref = 9, .len = 100};

    ck_assert_int_eq(door_grant_copy_from(gr, GUEST, &piece, 1), -EFAULT);
    ck_assert_int_eq(door_grant_copy_to(gr, GUEST, &piece, 1), -EFAULT);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {pages_with_grants_are_copied_by_them,
                                  other_memory_is_named_by_its_address,
                                  without_the_device_there_are_pages_all_the_same,
                                  beyond_the_kernels_limit_there_are_pages_all_the_same,
                                  a_hypervisor_that_does_not_copy_so_is_asked_no_more,
                                  a_copy_that_fails_is_told,
                                  NULL};

    return unit_run("grants", prepare, tests);
}
