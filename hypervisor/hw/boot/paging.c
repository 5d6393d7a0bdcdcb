/* SPDX-License-Identifier: MIT */
/* The hypervisor's address space (port/layout.h): image with W^X, direct map, devices.
 * frames.c has the frame table and the M2P.
 *
 * All level-3 tables of slots 256 to 271 are made here at boot and never change places,
 * because guests' level-4 tables carry copies of the slots' entries. Below level 4 only
 * map_io() adds entries later, under its lock. Reference: AMD64 Architecture Programmer's
 * Manual volume 2, "Long-Mode Page Translation". */
#include "hw/boot/boot.h"
#include "hw/cpu/features.h"
#include "hw/cpu/msr.h"
#include "kern/lock.h"
#include "kern/page_alloc.h"
#include "lib/string.h"
#include "port/ipi.h"
#include "port/map.h"

#define SIZE_2M (1ull << 21)
#define SIZE_1G (1ull << 30)

extern uint64_t boot_l4[512], boot_l3_low[512];
extern char __image_start[], __text_end[], __rodata_end[], __image_end[];

struct page *const frametable = (struct page *)FRAMETABLE_START;
uint64_t boot_phys_base;
static uint64_t *master; /* level 4 */
static uint64_t unused_bits; /* of entries, on this machine */
static bool late;        /* tables come from page_alloc() */
static spinlock_t io_lock = SPINLOCK_INIT(RANK_HEAP);
static vaddr_t io_next = IOMAP_START;

uint64_t paging_bits(uint64_t flags)
{
    return flags & ~unused_bits;
}

static void clear_bits(uint64_t *table, unsigned first, unsigned last, unsigned level)
{
    for (unsigned i = first; i <= last; i++) {
        if (!(table[i] & PTE_P))
            continue;
        if (level == 1 || (table[i] & PTE_PS))
            table[i] &= ~unused_bits;
        else
            clear_bits(phys_ptr(table[i] & PTE_ADDR), 0, 511, level - 1);
    }
}

void paging_no_global(void)
{
    unused_bits = PTE_G;
    clear_bits(master, HV_FIRST_SLOT, HV_LAST_SLOT, 4);
    tlb_flush_local();
}

static paddr_t new_table(void)
{
    void *p;

    if (!late)
        return boot_alloc(PAGE_SIZE, PAGE_SIZE);
    p = page_alloc_mapped(0);
    return p ? mfn_to_paddr(map_to_mfn(p)) : 0;
}

static uint64_t *entry_in(uint64_t *table, vaddr_t va, unsigned level, bool user)
{
    uint64_t *e;
    unsigned l;

    for (l = 4;; l--) {
        e = &table[va >> (12 + 9 * (l - 1)) & 511];
        if (l == level)
            return e;
        if (!(*e & PTE_P)) {
            paddr_t pa = new_table();

            if (!pa)
                return NULL;
            *e = pa | PTE_P | PTE_RW | PTE_A | PTE_D | (user ? PTE_US : 0);
        }
        table = phys_ptr(*e & PTE_ADDR);
    }
}

uint64_t *paging_entry(vaddr_t va, unsigned level, bool user)
{
    return entry_in(master, va, level, user);
}

static bool fits(vaddr_t va, paddr_t pa, uint64_t len, uint64_t size)
{
    return !((va | pa) & (size - 1)) && len >= size;
}

bool paging_map_in(uint64_t *root, vaddr_t va, paddr_t pa, uint64_t len, uint64_t flags)
{
    bool user = flags & PTE_US;

    flags = paging_bits(flags);
    while (len) {
        unsigned level = cpu_features.page1g && fits(va, pa, len, SIZE_1G) ? 3
                         : fits(va, pa, len, SIZE_2M)                      ? 2
                                                                           : 1;
        uint64_t size = 1ull << (12 + 9 * (level - 1)),
                 *e = entry_in(root, va, level, user);

        if (!e)
            return false;
        *e = pa | flags | (level > 1 ? PTE_PS : 0);
        va += size;
        pa += size;
        len -= size;
    }
    return true;
}

void paging_map(vaddr_t va, paddr_t pa, uint64_t len, uint64_t flags)
{
    (void)paging_map_in(master, va, pa, len, flags); /* boot: new_table() does not fail */
}

static void map_image(void)
{
    uint64_t text = (uint64_t)__image_start, ro = (uint64_t)__text_end,
             rw = (uint64_t)__rodata_end, end = (uint64_t)__image_end, va;

    for (va = text; va < end;
         va += PAGE_SIZE) { /* pages of 4 KiB: no large one crosses the borders */
        uint64_t flags = PTE_P | PTE_A | PTE_D | PTE_G;

        flags |= va < ro ? 0 : va < rw ? PTE_NX : PTE_NX | PTE_RW;
        *paging_entry(va, 1, false) = image_pa(va) | paging_bits(flags);
    }
}

static void map_ram(void)
{
    const struct boot_range *r;
    unsigned i, n = memory_ram_ranges(&r);

    for (i = 0; i < n; i++)
        paging_map(DIRECTMAP_START + r[i].start, r[i].start, r[i].end - r[i].start,
                   PTE_DATA);
}

void paging_build(void)
{
    paddr_t pa = boot_alloc(PAGE_SIZE, PAGE_SIZE);

    master = phys_ptr(pa);
    map_image();
    map_ram();
    (void)paging_entry(IOMAP_START, 3, false);
    (void)paging_entry(M2P_RO_START, 3, true);
    (void)paging_entry(FRAMETABLE_START, 3, false);
    /* Until the stack moves, the boot stack and this code go on in the image's mapping.
     */
    write_cr4(read_cr4() | (cpu_features.pge ? CR4_PGE : 0));
    write_cr3(pa);
    boot_phys_base = DIRECTMAP_START;
    master = phys_ptr(pa);
    memory_all_reachable();
}

paddr_t paging_master(void)
{
    return (uint64_t)master - boot_phys_base;
}

const uint64_t *map_master_l4(void)
{
    return master;
}

uint64_t *map_m2p(void)
{
    return (uint64_t *)M2P_RW_START;
}

void *map_io(paddr_t addr, size_t len)
{
    paddr_t first = addr & PAGE_MASK, last = ROUND_UP(addr + len, PAGE_SIZE);
    vaddr_t va;
    bool ok;

    spin_lock(&io_lock);
    va = io_next;
    if (last - first >= SIZE_2M) /* large pages for large windows */
        va = ROUND_UP(va, SIZE_2M) + (first & (SIZE_2M - 1));
    ok = last - first <= PERDOMAIN_START - va &&
         paging_map_in(master, va, first, last - first, PTE_DATA | PTE_PCD | PTE_PWT);
    if (ok)
        io_next = va + (last - first);
    spin_unlock(&io_lock);
    return ok ? (void *)(va + (addr - first)) : NULL;
}

void paging_late(void)
{
    late = true;
}

/* Starting CPUs need the trampoline mapped one to one, and the hypervisor: boot_l4 gets
 * both. */
void paging_trampoline(bool on)
{
    if (on) {
        memcpy(&boot_l4[HV_FIRST_SLOT], &master[HV_FIRST_SLOT],
               (HV_LAST_SLOT - HV_FIRST_SLOT + 1) * sizeof(*master));
        return;
    }
    boot_l4[0] = 0;
}

paddr_t paging_trampoline_cr3(void)
{
    return image_pa((uint64_t)boot_l4);
}
