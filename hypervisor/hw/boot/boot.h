/* SPDX-License-Identifier: MIT */
/* From the boot loader's hands to hv_main(): head.S, boot.c, multiboot.c, memory.c,
 * paging.c. */
#ifndef HW_BOOT_BOOT_H
#define HW_BOOT_BOOT_H

#define IMAGE_PHYS      0x200000 /* where the boot loader puts the image (link.lds) */
#define BOOT_STACK_SIZE 8192

#ifndef __ASSEMBLY__
#include "lib/types.h"
#include "port/layout.h"
#include "port/upcall.h"

static inline paddr_t image_pa(uint64_t va)
{
    return va - IMAGE_START + IMAGE_PHYS;
}
/* Until the hypervisor's own tables are loaded, the low 4 GiB are mapped one to one. */
extern uint64_t boot_phys_base;
static inline void *phys_ptr(paddr_t pa)
{
    return (void *)(boot_phys_base + pa);
}

extern struct boot_info boot_info;
_Noreturn void boot_main(uint32_t magic,
                         paddr_t mbi);    /* from head.S, on the boot stack */
_Noreturn void boot_die(const char *why); /* before there is a console */

void multiboot_parse(paddr_t mbi, struct boot_info *bi);

/* memory.c: RAM, and the allocator that serves until page_alloc() has it. */
void memory_init(const struct boot_info *bi, paddr_t mbi);
paddr_t boot_alloc(uint64_t bytes,
                   uint64_t align); /* zeroed; boot_die() when there is none */
paddr_t boot_page(void);            /* one, zeroed, also after the hand-over */
void memory_all_reachable(void);    /* the direct map is there: also above 4 GiB */
void memory_hand_over(void);        /* the rest goes to page_alloc_add() */
unsigned
memory_ram_ranges(const struct boot_range **r); /* page-aligned, sorted, merged */

/* paging.c */
#define PTE_P    0x001ull
#define PTE_RW   0x002ull
#define PTE_US   0x004ull
#define PTE_PWT  0x008ull
#define PTE_PCD  0x010ull
#define PTE_A    0x020ull
#define PTE_D    0x040ull
#define PTE_PS   0x080ull
#define PTE_G    0x100ull
#define PTE_NX   0x8000000000000000ull
#define PTE_ADDR 0x000ffffffffff000ull
/* Kernel data. */
#define PTE_DATA (PTE_P | PTE_RW | PTE_A | PTE_D | PTE_G | PTE_NX)

void paging_build(void);        /* image and direct map, then loads them */
void paging_build_frames(void); /* frames.c: frame table and M2P */
/* The entry for va in the table of that level (1: 4 KiB), with tables made on the way;
 * NULL: no memory. */
uint64_t *paging_entry(vaddr_t va, unsigned level, bool user);
void paging_map(vaddr_t va, paddr_t pa, uint64_t len, uint64_t flags);
/* The same in tables of another's; false: no memory for one. */
bool paging_map_in(uint64_t *root, vaddr_t va, paddr_t pa, uint64_t len, uint64_t flags);
uint64_t paging_bits(uint64_t flags); /* those of them that are used on this machine */
/* Boot CPU, alone: nothing of the hypervisor's is global any more. */
void paging_no_global(void);
void paging_late(void);      /* from now on tables come from page_alloc_mapped() */
paddr_t paging_master(void); /* CR3 of CPUs without a guest */
void paging_trampoline(
    bool on); /* identity mapping in the tables that starting CPUs use */
paddr_t paging_trampoline_cr3(void);
#endif

#endif
