/* SPDX-License-Identifier: MIT */
/* RAM at boot. `ram` is what the machine has, whole pages, sorted and merged. `vacant` is
 * the part that nobody uses: not the first MiB, the image, the modules, nor the loader's
 * information. boot_alloc() cuts from the top of the largest vacant range, so that low
 * memory stays whole; memory_hand_over() gives the rest away. Boot CPU only, no locks. */
#include "hw/boot/boot.h"
#include "kern/log.h"
#include "kern/page_alloc.h"
#include "lib/string.h"
#include "port/map.h"

#define MAX_RANGES 160
#define GB4        (1ull << 32)
#define FIRST_MIB  (1ull << 20)

static struct boot_range ram[MAX_RANGES], vacant[MAX_RANGES];
static unsigned rams, vacants;
static paddr_t limit = GB4; /* until the direct map is there */

static void add_ram(paddr_t start, paddr_t end)
{
    start = ROUND_UP(start, PAGE_SIZE);
    end = MIN(end, HV_VIRT_END - DIRECTMAP_START) & PAGE_MASK; /* what can be mapped */
    if (start >= end || rams == MAX_RANGES)
        return;
    if (rams && ram[rams - 1].end == start)
        ram[rams - 1].end = end;
    else
        ram[rams++] = (struct boot_range){start, end, 1};
}

static void take_out(paddr_t start, paddr_t end)
{
    unsigned i, n = vacants;

    start &= PAGE_MASK;
    end = ROUND_UP(end, PAGE_SIZE);
    for (i = 0; i < n; i++) {
        struct boot_range *r = &vacant[i];
        paddr_t s = r->start, e = r->end;

        if (end <= s || start >= e)
            continue;
        r->end = MAX(s, start);
        if (s >= start) {
            r->start = MIN(end, e);
            r->end = e;
        } else if (e > end && vacants < MAX_RANGES) {
            vacant[vacants++] = (struct boot_range){end, e, 1};
        }
    }
}

static bool overlaps_module(const struct boot_info *bi, paddr_t start, paddr_t end)
{
    unsigned i;

    for (i = 0; i < bi->modules; i++)
        if (start < bi->module[i].end && end > bi->module[i].start)
            return true;
    return false;
}

void memory_init(const struct boot_info *bi, paddr_t mbi)
{
    const uint32_t *mbi_size = phys_ptr(mbi);
    unsigned i;

    for (i = 0; i < bi->ranges; i++)
        if (bi->map[i].type == 1)
            add_ram(bi->map[i].start, bi->map[i].end);
    memcpy(vacant, ram, sizeof(ram));
    vacants = rams;
    take_out(0, FIRST_MIB);
    take_out(bi->image_start, bi->image_end);
    for (i = 0; i < bi->modules; i++)
        take_out(bi->module[i].start, bi->module[i].end);
    /* Copied already, so it may be used again, unless it shares a page with a module or
     * EFI's memory map is in it. */
    if (bi->efi_map || overlaps_module(bi, mbi, mbi + *mbi_size))
        take_out(mbi, mbi + *mbi_size);
}

static struct boot_range *largest(uint64_t bytes, uint64_t align)
{
    struct boot_range *best = NULL;
    unsigned i;

    for (i = 0; i < vacants; i++) {
        struct boot_range *r = &vacant[i];
        paddr_t end = MIN(r->end, limit);

        if (end <= r->start || r->end > limit || end - r->start < bytes ||
            ((end - bytes) & ~(align - 1)) < r->start)
            continue;
        if (!best || end - r->start > best->end - best->start)
            best = r;
    }
    return best;
}

paddr_t boot_alloc(uint64_t bytes, uint64_t align)
{
    struct boot_range *r;
    paddr_t at;

    bytes = ROUND_UP(bytes, PAGE_SIZE);
    r = largest(bytes, align);
    if (!r)
        boot_die("too little memory for the hypervisor's own tables");
    at = (r->end - bytes) & ~(align - 1);
    if (at + bytes < r->end && vacants < MAX_RANGES) /* what alignment left over */
        vacant[vacants++] = (struct boot_range){at + bytes, r->end, 1};
    r->end = at;
    memset(phys_ptr(at), 0, bytes);
    return at;
}

paddr_t boot_page(void)
{
    void *p;

    if (vacants)
        return boot_alloc(PAGE_SIZE, PAGE_SIZE);
    p = page_alloc_mapped(0);
    if (!p)
        panic("too little memory to start another processor");
    return mfn_to_paddr(map_to_mfn(p));
}

void memory_all_reachable(void)
{
    limit = ~0ull;
}

void memory_hand_over(void)
{
    unsigned i;

    /* The first MiB belongs to firmware and its tables: like a device's memory, the
     * control domain may map it, and nobody owns it. */
    for (i = 0; i < rams; i++)
        page_add_range(paddr_to_mfn(MAX(ram[i].start, FIRST_MIB)),
                       paddr_to_mfn(ram[i].end));
    for (i = 0; i < vacants; i++)
        if (vacant[i].start < vacant[i].end)
            page_alloc_add(paddr_to_mfn(vacant[i].start), paddr_to_mfn(vacant[i].end));
    vacants = 0;
}

unsigned memory_ram_ranges(const struct boot_range **r)
{
    *r = ram;
    return rams;
}

uint64_t map_ram_frames(void)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < rams; i++)
        n += (ram[i].end - ram[i].start) >> PAGE_SHIFT;
    return n;
}

uint64_t map_max_mfn(void)
{
    return rams ? ram[rams - 1].end >> PAGE_SHIFT : 0;
}

/* The loader's modules, whole pages, without what else lies in their first and last. */
void map_free_modules(void)
{
    for (unsigned i = 0; i < boot_info.modules; i++) {
        const struct boot_module *m = &boot_info.module[i];
        paddr_t start = m->start & PAGE_MASK, end = ROUND_UP(m->end, PAGE_SIZE);

        for (unsigned j = 0; j < i; j++)
            if (start < boot_info.module[j].end && end > boot_info.module[j].end)
                start = ROUND_UP(boot_info.module[j].end, PAGE_SIZE);
        if (start < end && vacants < MAX_RANGES)
            vacant[vacants++] = (struct boot_range){start, end, 1};
    }
    take_out(0, FIRST_MIB);
    take_out(boot_info.image_start, boot_info.image_end);
    for (unsigned i = 0; i < vacants; i++)
        if (vacant[i].start < vacant[i].end)
            page_alloc_add(paddr_to_mfn(vacant[i].start), paddr_to_mfn(vacant[i].end));
    vacants = 0;
}
