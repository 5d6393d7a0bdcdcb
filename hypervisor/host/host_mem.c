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

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

uint8_t *host_arena;
static struct page table[HOST_FRAMES];
struct page *const frametable = table;
static uint64_t m2p[HOST_FRAMES];
static uint64_t master_l4[512];

__attribute__((constructor)) static void make_arena(void)
{
    host_arena = mmap(NULL, (size_t)HOST_FRAMES << PAGE_SHIFT, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (host_arena == MAP_FAILED)
        abort();
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
uint64_t map_max_mfn(void)
{
    return HOST_FRAMES;
}
bool map_is_ram(mfn_t m)
{
    return mfn_valid(m);
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
void map_free_module(const struct boot_module *m)
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

int guest_read32(uint32_t *dst, vaddr_t src)
{
    return guest_read(dst, src, sizeof(*dst));
}

int guest_read(void *dst, vaddr_t src, size_t n)
{
    return copy(dst, src, n, false);
}
bool guest_peek(vaddr_t va, uint64_t *val)
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
