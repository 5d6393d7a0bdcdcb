/* SPDX-License-Identifier: MIT */
/*
 * The host port: machine memory is an arena, "guest virtual addresses" are addresses of
 * this process, and the kernel itself does the copying, so that a wild guest pointer is
 * answered with -EFAULT as on a machine.
 */
#include "host/host.h"
#include "kern/page_alloc.h"
#include "lib/errno.h"
#include "port/guest_mem.h"
#include "port/layout.h"
#include "port/map.h"
#include "lib/string.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

uint8_t *host_arena;
/* Read-only where no frame was opened, as on the machine. */
static struct page table[HOST_FRAMES] __attribute__((aligned(PAGE_SIZE)));
struct page *const frametable = table;
static uint64_t m2p[HOST_FRAMES] __attribute__((aligned(PAGE_SIZE)));
static mfn_t m2p_block = {~0ull};
static uint64_t master_l4[512];

__attribute__((constructor)) static void make_arena(void)
{
    host_arena = mmap(NULL, (size_t)HOST_FRAMES << PAGE_SHIFT, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    memset(m2p, 0xff, sizeof(m2p));
    if (host_arena == MAP_FAILED || mprotect(table, sizeof(table), PROT_READ) ||
        mprotect(m2p, sizeof(m2p), PROT_READ))
        abort();
}

void map_copy(void *to, const void *from, size_t n)
{
    memcpy(to, from, n);
}

/* Pages of both, by their place: the frame that would be their memory, 0: they have none.
 */
#define TABLE_PAGES (sizeof(table) / PAGE_SIZE)
#define M2P_PAGES   (sizeof(m2p) / PAGE_SIZE)
static uint64_t table_memory[TABLE_PAGES], m2p_memory[M2P_PAGES];

/* What is done with each page that tells of [start, end). */
struct visit {
    uint64_t none, own;   /* found without memory; with memory at or behind first */
    uint64_t first, give; /* where the next one's memory lies, 0: give none */
    bool take;
};

static void visit(struct visit *v, uint64_t *memory, void *base, int fill, uint64_t from,
                  uint64_t to)
{
    for (uint64_t n = from / PAGE_SIZE; n < ROUND_UP(to, PAGE_SIZE) / PAGE_SIZE; n++) {
        char *page = (char *)base + n * PAGE_SIZE;

        v->none += !memory[n];
        v->own += memory[n] && memory[n] >= v->first;
        if (v->give && !memory[n]) {
            memory[n] = v->give++;
            if (mprotect(page, PAGE_SIZE, PROT_READ | PROT_WRITE))
                abort();
        }
        if (v->take) {
            memory[n] = 0;
            memset(page, fill, PAGE_SIZE);
            if (mprotect(page, PAGE_SIZE, PROT_READ))
                abort();
        }
    }
}
static void visit_both(struct visit *v, mfn_t start, mfn_t end)
{
    visit(v, table_memory, table, 0, start.n * sizeof(*table), end.n * sizeof(*table));
    visit(v, m2p_memory, m2p, 0xff, start.n * sizeof(*m2p), end.n * sizeof(*m2p));
}
uint64_t map_frames_cost(mfn_t start, mfn_t end)
{
    struct visit v = {0};

    visit_both(&v, start, end);
    return v.none;
}
void map_frames_open(mfn_t start, mfn_t end, mfn_t first)
{
    struct visit v = {.give = first.n};

    visit_both(&v, start, end);
}
bool map_frames_own(mfn_t start, mfn_t end, mfn_t first)
{
    struct visit v = {.first = first.n};

    visit_both(&v, start, end);
    return !v.none && v.own == end.n - first.n;
}
void map_frames_close(mfn_t start, mfn_t end)
{
    struct visit v = {.take = true};

    visit_both(&v, start, end);
}
mfn_t map_m2p_piece(uint64_t n)
{
    return m2p_block;
}
void map_m2p_gather(uint64_t n, mfn_t block)
{
    m2p_block = block;
}

void map_zero(mfn_t m, uint64_t frames)
{
    memset(map_mfn(m), 0, frames * PAGE_SIZE);
}
void map_zero_cold(mfn_t m, uint64_t frames)
{
    map_zero(m, frames);
}

void *map_io(paddr_t addr, size_t len)
{
    return calloc(1, len);
}
const uint64_t *map_master_l4(void)
{
    return master_l4;
}
uint64_t *map_m2p(void)
{
    return m2p;
}
uint64_t map_ram_frames(void)
{
    return page_range[0].frames;
}
uint64_t map_max_mfn(void)
{
    return HOST_FRAMES;
}
const struct boot_info *boot_info_get(void)
{
    static const struct boot_info info = {
        .cmdline = "",
        .loader = "test",
        .map = {{HOST_FIRST_FRAME << PAGE_SHIFT, (paddr_t)HOST_FRAMES << PAGE_SHIFT, 1}},
        .ranges = 1,
    };

    return &info;
}
void map_free_modules(void)
{
}

bool guest_range_ok(vaddr_t va, size_t n)
{
    return va + n >= va && (va + n <= 1ull << 47 || va >= HV_VIRT_END);
}

static vaddr_t window_start, window_end = ~0ull;

void host_guest_window(void *start, size_t n)
{
    window_start = (vaddr_t)start;
    window_end = window_start + n;
}

static int copy(void *local, vaddr_t guest, size_t n, bool write)
{
    struct iovec l = {local, n}, r = {(void *)guest, n};
    ssize_t got;

    if (!n)
        return 0;
    if (!guest_range_ok(guest, n) || guest < window_start || guest + n > window_end)
        return -EFAULT;
    got = write ? process_vm_writev(getpid(), &l, 1, &r, 1, 0)
                : process_vm_readv(getpid(), &l, 1, &r, 1, 0);
    return got == (ssize_t)n ? 0 : -EFAULT;
}

int guest_read(void *dst, vaddr_t src, size_t n)
{
    return copy(dst, src, n, false);
}
bool guest_peek(vaddr_t va, uint64_t *val)
{
    return guest_read(val, va, sizeof(*val)) == 0;
}
bool guest_peek32(vaddr_t va, uint32_t *val)
{
    return guest_read(val, va, sizeof(*val)) == 0;
}
bool guest_peek_pair(vaddr_t va, uint64_t val[2])
{
    return guest_read(val, va, 16) == 0;
}
int guest_write(vaddr_t dst, const void *src, size_t n)
{
    return copy((void *)(uintptr_t)src, dst, n, true);
}
