/* SPDX-License-Identifier: MIT */
/*
 * Descriptor tables of PV guests. The CPU reads GDT and LDT through a window of each vCPU
 * in the per-domain part of the address space (port/layout.h), which only the
 * hypervisor's privilege can reach. The guest's frames appear there while they hold a
 * PGT_SEG reference, so their contents were checked and nobody writes them but
 * mmu_update_descriptor(). GDT frames are mapped when they are set, LDT pages when the
 * CPU first faults on them, as a guest may set an LDT of 16 pages and use one.
 *
 * Locks: mm_vcpu.ldt_lock covers the LDT half of the window, as any CPU of the domain may
 * tear it down; the GDT half is changed by the vCPU itself or while it does not run.
 */
#include "kern/log.h"
#include "lib/errno.h"
#include "mm/mm_priv.h"
#include "mm/mmu.h"
#include "port/ipi.h"
#include "port/layout.h"
#include "port/map.h"

#define LDT_PAGES    (VCPU_WINDOW_PAGES - VCPU_GDT_PAGES)
#define VCPUS_PER_L1 (PT_ENTRIES / VCPU_WINDOW_PAGES)
#define PTE_WINDOW   (PTE_HV | PTE_NX)

/* Descriptors (Intel SDM vol. 3, "Segment Descriptors"), as one 64-bit number. */
#define DESC_TYPE_MASK (0xfull << 40)
#define DESC_S         (1ull << 44) /* code or data, not a system descriptor */
#define DESC_DPL3      (3ull << 45)
#define DESC_P         (1ull << 47)

bool mmu_fix_descriptor(uint64_t *desc)
{
    if (!(*desc & DESC_P))
        return true; /* using it always faults */
    if (!(*desc & DESC_S))
        return !(*desc & DESC_TYPE_MASK); /* type 0 is invalid anywhere, so harmless */
    *desc |= DESC_DPL3;                   /* guests have ring 3 only */
    return true;
}

int desc_page_check(struct page *pg)
{
    uint64_t *desc = map_mfn(page_mfn(pg));

    for (unsigned i = 0; i < PAGE_SIZE / sizeof(*desc); i++)
        if (desc[i] && !mmu_fix_descriptor(&desc[i]))
            return -EINVAL;
    return 0;
}

int mmu_update_descriptor(struct domain *d, paddr_t entry, uint64_t desc)
{
    mfn_t m = paddr_to_mfn(entry);
    struct page *pg;
    bool seg;

    if ((entry & 7) || !mfn_valid(m) || !mmu_fix_descriptor(&desc))
        return -EINVAL;
    pg = page_of(m);
    if (!page_get(pg, d))
        return -EINVAL;
    seg = pgt_type(pg->type) == PGT_SEG && (pg->type & PGT_COUNT);
    if (page_get_type(pg, seg ? PGT_SEG : PGT_WRITABLE)) {
        page_put(pg);
        return -EINVAL;
    }
    __atomic_store_n((uint64_t *)map_mfn(m) + (entry & (PAGE_SIZE - 1)) / 8, desc,
                     __ATOMIC_RELEASE);
    page_put_and_type(pg);
    return 0;
}

/* The per-domain slot: one L3, one L2, and an L1 for each 16 vCPUs. */

int desc_domain_init(struct domain *d)
{
    struct mm_domain *mm = d->mm;

    mm->window_l3 = page_alloc_mapped(0);
    mm->window_l2 = page_alloc_mapped(0);
    if (!mm->window_l3 || !mm->window_l2) {
        desc_domain_free(d);
        return -ENOMEM;
    }
    mm->window_l3[pt_index(PERDOMAIN_START, 3)] =
        pte_make(map_to_mfn(mm->window_l2), PTE_HV);
    mm->window_l4e = pte_make(map_to_mfn(mm->window_l3), PTE_HV);
    return 0;
}

void desc_domain_free(struct domain *d)
{
    struct mm_domain *mm = d->mm;

    for (unsigned i = 0; mm->window_l2 && i < PT_ENTRIES; i++)
        if (mm->window_l2[i])
            page_free(pte_mfn(mm->window_l2[i]), 0);
    page_free_mapped(mm->window_l2, 0);
    page_free_mapped(mm->window_l3, 0);
    mm->window_l2 = mm->window_l3 = NULL;
}

int desc_vcpu_init(struct vcpu *v)
{
    uint64_t *l2e = &v->domain->mm->window_l2[v->id / VCPUS_PER_L1];

    if (v->id >= VCPUS_PER_L1 * PT_ENTRIES)
        return -EINVAL;
    if (!*l2e) {
        void *l1 = page_alloc_mapped(0);

        if (!l1)
            return -ENOMEM;
        *l2e = pte_make(map_to_mfn(l1), PTE_HV);
    }
    v->mm->window =
        (uint64_t *)map_mfn(pte_mfn(*l2e)) + v->id % VCPUS_PER_L1 * VCPU_WINDOW_PAGES;
    v->hw.window = PERDOMAIN_START + (uint64_t)v->id * VCPU_WINDOW_PAGES * PAGE_SIZE;
    v->hw.gdt_l1e = v->mm->window + GDT_RESERVED_PAGE;
    v->hw.isolated = v->domain->mm->isolated;
    return 0;
}

void desc_vcpu_free(struct vcpu *v)
{
    for (unsigned i = 0; v->mm->window && i < VCPU_WINDOW_PAGES; i++)
        v->mm->window[i] = 0;
    v->mm->window = NULL;
}

static void window_flush(struct vcpu *v)
{
    cpumask_t cpus = vcpu_tlb_cpus(v);

    if (cpus)
        tlb_flush_mask(cpus, TLB_ALL);
}

/* GDT */

static void gdt_drop(struct vcpu *v)
{
    struct mm_vcpu *vm = v->mm;
    unsigned n = vm->gdt_frames;

    if (!n)
        return;
    v->hw.gdt_entries = 0;
    vm->gdt_frames = vm->gdt_entries = 0;
    for (unsigned i = 0; i < n; i++)
        vm->window[i] = 0;
    window_flush(v);
    for (unsigned i = 0; i < n; i++)
        page_put_and_type(page_of(vm->gdt[i]));
}

int mmu_set_gdt(struct vcpu *v, const mfn_t *frames, unsigned n, unsigned entries)
{
    struct mm_vcpu *vm = v->mm;
    unsigned i;

    if (n > GDT_RESERVED_PAGE || entries > n * (PAGE_SIZE / 8) || (n && !vm->window))
        return -EINVAL;
    for (i = 0; i < n; i++)
        if (!mfn_valid(frames[i]) ||
            !page_get_and_type(page_of(frames[i]), v->domain, PGT_SEG))
            goto drop_frames;
    gdt_drop(v);
    for (i = 0; i < n; i++) {
        vm->gdt[i] = frames[i];
        vm->window[i] = pte_make(frames[i], PTE_WINDOW);
    }
    vm->gdt_frames = n;
    vm->gdt_entries = entries;
    v->hw.gdt_entries = entries;
    if (cpu_current() == v)
        ctx_load_tables(&v->hw);
    return 0;

drop_frames:
    while (i-- > 0)
        page_put_and_type(page_of(frames[i]));
    return -EINVAL;
}

unsigned mmu_get_gdt(struct vcpu *v, mfn_t *frames, unsigned *entries)
{
    for (unsigned i = 0; i < v->mm->gdt_frames; i++)
        frames[i] = v->mm->gdt[i];
    *entries = v->mm->gdt_entries;
    return v->mm->gdt_frames;
}

/* LDT */

static bool ldt_unmap(struct vcpu *v)
{
    struct mm_vcpu *vm = v->mm;
    mfn_t old[LDT_PAGES];
    unsigned n = 0;

    if (!vm || !vm->ldt_mapped)
        return false;
    spin_lock(&vm->ldt_lock);
    for (unsigned i = VCPU_GDT_PAGES; i < VCPU_WINDOW_PAGES; i++) {
        if (!vm->window[i])
            continue;
        old[n++] = pte_mfn(vm->window[i]);
        vm->window[i] = 0;
    }
    vm->ldt_mapped = false;
    spin_unlock(&vm->ldt_lock);
    if (n)
        window_flush(v);
    for (unsigned i = 0; i < n; i++)
        page_put_and_type(page_of(old[i]));
    return n != 0;
}

void desc_ldt_unmap_all(struct domain *d)
{
    for (unsigned i = 0; i < d->max_vcpus; i++)
        if (d->vcpu[i])
            ldt_unmap(d->vcpu[i]);
}

void desc_drop(struct vcpu *v)
{
    gdt_drop(v);
    ldt_unmap(v);
}

int mmu_set_ldt(struct vcpu *v, vaddr_t base, unsigned entries)
{
    struct mm_vcpu *vm = v->mm;

    if (entries > LDT_PAGES * (PAGE_SIZE / 8) || (base & (PAGE_SIZE - 1)) ||
        (entries && !guest_va_ok(base)))
        return -EINVAL;
    if (vm->ldt_base == base && vm->ldt_entries == entries)
        return 0;
    ldt_unmap(v);
    vm->ldt_base = base;
    vm->ldt_entries = entries;
    v->hw.ldt_entries = entries;
    if (cpu_current() == v)
        ctx_load_tables(&v->hw);
    return 0;
}

void mmu_get_ldt(struct vcpu *v, vaddr_t *base, unsigned *entries)
{
    *base = v->mm->ldt_base;
    *entries = v->mm->ldt_entries;
}

bool mmu_ldt_fault(struct vcpu *v, vaddr_t offset)
{
    struct mm_vcpu *vm = v->mm;
    unsigned i = VCPU_GDT_PAGES + (offset >> PAGE_SHIFT);
    struct page *pg;
    uint64_t *l1e, e;

    if (offset >= (vaddr_t)vm->ldt_entries * 8)
        return false;
    /* A selector loaded in user mode faults there, but the table is the kernel's memory.
     */
    l1e = walk_l1_kernel(v, vm->ldt_base + (offset & PAGE_MASK));
    if (!l1e)
        return false;
    e = pte_read(l1e);
    if (!(e & PTE_P) || (e & PTE_RW) || !mfn_valid(pte_mfn(e)))
        return false;
    pg = page_of(pte_mfn(e));
    if (!page_get_and_type(pg, v->domain, PGT_SEG))
        return false;
    spin_lock(&vm->ldt_lock);
    if (vm->window[i]) {
        spin_unlock(&vm->ldt_lock);
        page_put_and_type(pg);
        return true;
    }
    vm->window[i] = pte_make(pte_mfn(e), PTE_WINDOW);
    vm->ldt_mapped = true;
    spin_unlock(&vm->ldt_lock);
    return true;
}
