/* SPDX-License-Identifier: MIT */
/* What a domain's memory holds when it is built, on a hypervisor that is a file. */
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dom/build.h"
#include "image.h"
#include "unit.h"

#define PAGE      4096ULL
#define PAGES     8192ULL /* of the domain, 32 MiB */
#define SHARED    PAGES   /* the frame of its shared info */
#define FILE_SIZE 0x600000ULL

/* Frames are pages of this file, in no order that a pfn would have. */
static int memory;
static uint8_t *all;
/* What a child that builds does is counted, too. */
static struct {
    size_t mapped, copied;
    int fail_mmuext;
} * seen;

static hv_pfn_t frame_of(uint64_t pfn)
{
    return PAGES - 1 - pfn;
}

int door_open(struct door **out)
{
    *out = (void *)seen;
    return 0;
}

void door_close(struct door *door)
{
}

void *door_buf_get(struct door *door, size_t size)
{
    return calloc(1, size);
}

void door_buf_put(struct door *door, void *buf, size_t size)
{
    free(buf);
}

int door_domctl(struct door *door, struct hv_domctl *op)
{
    if (op->cmd == HV_DOMCTL_GETDOMAININFO)
        op->u.getdomaininfo.shared_info_frame = SHARED;
    return 0;
}

int door_sysctl(struct door *door, struct hv_sysctl *op)
{
    return 0;
}

int door_map(struct door *door, hv_domid_t domid, const hv_pfn_t *frames, size_t nr,
             void **out)
{
    *out = mmap(NULL, nr * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (size_t i = 0; i < nr; i++)
        mmap((char *)*out + i * PAGE, PAGE, PROT_READ | PROT_WRITE,
             MAP_SHARED | MAP_FIXED, memory, (off_t)(frames[i] * PAGE));
    seen->mapped += nr;
    return 0;
}

int door_map_resource(struct door *door, hv_domid_t domid, unsigned int type,
                      unsigned int id, unsigned long first, size_t nr, void **out)
{
    *out =
        mmap(NULL, nr * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return 0;
}

void door_unmap(void *addr, size_t nr)
{
    munmap(addr, nr * PAGE);
}

int door_populate(struct door *door, hv_domid_t domid, hv_pfn_t *frames, size_t nr,
                  void (*progress)(void *ctx, size_t done, size_t all_pages), void *ctx)
{
    for (size_t i = 0; i < nr; i++)
        frames[i] = frame_of(i);
    return 0;
}

int door_mmuext(struct door *door, hv_domid_t domid, const struct hv_mmuext_op *ops,
                size_t nr)
{
    for (size_t i = 0; i < nr; i++) {
        uint8_t *to = all + ops[i].arg1.mfn * PAGE;

        if (seen->fail_mmuext && !--seen->fail_mmuext)
            return -EINVAL;
        if (ops[i].cmd == HV_MMUEXT_CLEAR_PAGE)
            memset(to, 0, PAGE);
        if (ops[i].cmd == HV_MMUEXT_COPY_PAGE) {
            memcpy(to, all + ops[i].arg2.src_mfn * PAGE, PAGE);
            seen->copied++;
        }
    }
    return 0;
}

int door_clear_pages(struct door *door, hv_domid_t domid, const hv_pfn_t *frames,
                     size_t nr)
{
    for (size_t i = 0; i < nr; i++)
        memset(all + frames[i] * PAGE, 0, PAGE);
    return 0;
}

int door_evtchn_alloc(struct door *door, hv_domid_t domid, hv_domid_t remote,
                      uint32_t *port)
{
    *port = 1;
    return 0;
}

int door_version(struct door *door)
{
    return 4 << 16 | 17;
}

/* Its segments: one that begins and ends within a page; one that begins where that ends,
 * with zeros behind its bytes; one whose bytes lie otherwise in the file than in memory;
 * one of a few bytes on both sides of a page's end. */
#define FIRST_END (KERNEL_AT + 8 + 0x2a0321)
static const Elf64_Phdr segments[] = {
    {PT_LOAD, 0, 0x10008, 0, KERNEL_AT + 8, 0x2a0321, 0x2a0321, 0},
    {PT_LOAD, 0, 0x300000, 0, FIRST_END + 0xf, 0x12345, 0x29000, 0},
    {PT_LOAD, 0, 0x400080, 0, KERNEL_AT + 0x300000, 0x100000, 0x100000, 0},
    {PT_LOAD, 0, 0x501000, 0, KERNEL_AT + 0x401ff0, 0x20, 0x20, 0},
};
#define SEGMENTS (sizeof(segments) / sizeof(segments[0]))
static char path[] = "/tmp/build-XXXXXX";
static uint8_t *file;

static uint8_t byte_at(uint64_t i)
{
    return i / PAGE % 3 ? (uint8_t)(i * 7 + i / 256) | 1 : 0;
}

/* The kernel's file; sparse: written where it is not zero. */
static void make_kernel(bool sparse)
{
    static struct test_elf e;
    Elf64_Phdr table[SEGMENTS + 1];
    int fd = mkstemp(path);

    test_elf_make(&e);
    memcpy(table, segments, sizeof(segments));
    table[SEGMENTS] = e.ph[2];
    e.head.e_phoff = sizeof(e);
    e.head.e_phnum = SEGMENTS + 1;
    file = malloc(FILE_SIZE);
    for (uint64_t i = 0; i < FILE_SIZE; i++)
        file[i] = byte_at(i);
    memcpy(file, &e, sizeof(e));
    memcpy(file + sizeof(e), table, sizeof(table));
    ck_assert_int_eq(ftruncate(fd, FILE_SIZE), 0);
    for (uint64_t i = 0; i < FILE_SIZE; i += PAGE)
        if (!sparse || i < 0x10000 || file[i])
            ck_assert_int_eq(pwrite(fd, file + i, PAGE, (off_t)i), (ssize_t)PAGE);
    close(fd);
}

static void prepare(void)
{
    memory = memfd_create("memory", MFD_CLOEXEC);
    ck_assert_int_eq(ftruncate(memory, (off_t)((PAGES + 1) * PAGE)), 0);
    all = mmap(NULL, (PAGES + 1) * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    seen = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    memset(all, 0xaa, (PAGES + 1) * PAGE);
}

static struct dom_error err;
static int build(uint64_t kib)
{
    struct dom_config cfg = {.memory_kib = kib, .kernel = path, .cmdline = ""};
    struct door *door;
    struct dom_built built;
    int rc;

    door_open(&door);
    rc = dom_build_pv(door, 1, &cfg, NULL, &built, &err);
    unlink(path);
    return rc;
}

static bool in_segment(uint64_t at, uint64_t *offset)
{
    for (unsigned int i = 0; i < SEGMENTS; i++) {
        *offset = segments[i].p_offset + (at - segments[i].p_paddr);
        if (at - segments[i].p_paddr < segments[i].p_filesz)
            return true;
    }
    return false;
}

/* All pages of the segments are as the file says, and zero elsewhere. */
static void check_memory(void)
{
    for (unsigned int i = 0; i < SEGMENTS; i++) {
        uint64_t at = segments[i].p_paddr & ~(PAGE - 1),
                 end = segments[i].p_paddr + segments[i].p_memsz, offset;

        for (; at < end || at % PAGE; at++) {
            uint8_t is = all[frame_of(at / PAGE) * PAGE + at % PAGE];

            if (is != (in_segment(at, &offset) ? file[offset] : 0))
                ck_abort_msg("%#lx is %#x", at, is);
        }
    }
}

#define MIB(n) ((n)*1024ULL)

START_TEST(a_large_kernel_goes_through_few_pages)
{
    make_kernel(false);
    ck_assert_msg(!build(MIB(32)), "%s", err.text);
    check_memory();
    ck_assert_uint_lt(seen->mapped, 400);
    ck_assert_uint_gt(seen->copied, 500);
    /* The hypervisor is not asked to copy zeros. */
    ck_assert_uint_lt(seen->copied, 750);
}
END_TEST

START_TEST(a_sparse_one_too)
{
    make_kernel(true);
    ck_assert_msg(!build(MIB(32)), "%s", err.text);
    check_memory();
}
END_TEST

START_TEST(what_went_through_leaves_nothing_behind)
{
    uint64_t used = 0;

    make_kernel(false);
    ck_assert_msg(!build(MIB(32)), "%s", err.text);
    for (uint64_t pfn = PAGES; pfn-- > (KERNEL_AT + 0x402000) / PAGE;) {
        const uint8_t *p = all + frame_of(pfn) * PAGE;

        used += p[1] != 0xaa && (p[1] || memcmp(p, p + 1, PAGE - 1));
    }
    /* The p2m list, its tables, the region's, and four pages more. */
    ck_assert_uint_lt(used, 64);
}
END_TEST

START_TEST(without_room_for_that_it_is_mapped_whole)
{
    make_kernel(false);
    ck_assert_msg(!build(MIB(20) + 768), "%s", err.text);
    check_memory();
    ck_assert_uint_gt(seen->mapped, 900);
    ck_assert_uint_eq(seen->copied, 0);
}
END_TEST

START_TEST(a_copy_that_is_refused_fails_the_build)
{
    make_kernel(false);
    seen->fail_mmuext = 300;
    ck_assert_int_lt(build(MIB(32)), 0);
    ck_assert_ptr_nonnull(strstr(err.text, "cannot load the kernel"));
}
END_TEST

START_TEST(a_file_that_ends_early_fails_the_build)
{
    make_kernel(false);
    ck_assert_int_eq(truncate(path, 0x10008 + 0x2a0321), 0);
    ck_assert_int_lt(build(MIB(32)), 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {a_large_kernel_goes_through_few_pages,
                                  a_sparse_one_too,
                                  what_went_through_leaves_nothing_behind,
                                  without_room_for_that_it_is_mapped_whole,
                                  a_copy_that_is_refused_fails_the_build,
                                  a_file_that_ends_early_fails_the_build,
                                  NULL};

    return unit_run("dom/build_pv", prepare, tests);
}
