/* SPDX-License-Identifier: MIT */
/* Isolation: the hypervisor's part of the tables that are loaded while a guest runs, and
 * who gets them (port/isolate.h; entry code is isolate_entry.S).
 *
 * Each CPU has two level-4 tables, one behind the other. Of slots 256 to 271 they have
 * the M2P that guests may read, the per-domain slot (mm fills it in), and slot 261 with
 * pages of the image that all CPUs share and pages of this CPU's stacks.
 *
 * Nothing of the hypervisor's is global then: what the TLB keeps could be read as well.
 *
 * With PCIDs (Xen's `pcid=`) the guest's own tables and the CPU's two have one each, four
 * in all, and the writes of CR3 on the ways in and out and between modes leave the TLB as
 * it is. What changes tables flushes all four: tlb_flush_local(), tlb_load_cr3().
 *
 * Reference: Lipp et al., "Meltdown: Reading Kernel Memory from User Space"; Gruss et
 * al., "KASLR is Dead: Long Live KASLR". */
#include "port/isolate.h"
#include "hw/boot/boot.h"
#include "hw/cpu/desc.h"
#include "hw/cpu/features.h"
#include "hw/cpu/isolate.h"
#include "hw/cpu/mitigate.h"
#include "hw/cpu/msr.h"
#include "kern/log.h"
#include "kern/page_alloc.h"
#include "kern/param.h"
#include "lib/string.h"
#include "port/map.h"
#include "port/upcall.h"

/* For kernel mode, and one more for user mode. What has no PCID of its own has 0 as well,
 * and is loaded with a flush of everything. */
#define PCID_FULL  0ull
#define PCID_GUEST 2ull
#define PCIDS      4
#define ENTRIES    512
#define PTE_TABLE  (PTE_P | PTE_RW | PTE_A | PTE_D)

struct detour {
    int32_t at, to; /* self-relative */
};
extern const struct detour __detours_start[], __detours_end[];
extern const char __isolate_start[], __isolate_end[];

bool isolate_on, isolate_pcid;
static bool dom0_on, domu_on;
static uint64_t *roots[HV_MAX_CPUS]; /* two tables each */
static uint64_t image_l3e;           /* the image's part of slot 261 */

static unsigned index(uint64_t va, unsigned level)
{
    return va >> (12 + 9 * (level - 1)) & (ENTRIES - 1);
}

bool isolate_wanted(bool control_domain)
{
    return control_domain ? dom0_on : domu_on;
}

uint64_t *isolate_l4(unsigned cpu, bool user)
{
    return roots[cpu] ? roots[cpu] + user * ENTRIES : NULL;
}

static uint64_t *below(uint64_t *e)
{
    if (!*e)
        *e = boot_page() | PTE_TABLE;
    return phys_ptr(*e & PTE_ADDR);
}

/* The page at va of the hypervisor's own tables is also in those that l3 begins. */
static void show(uint64_t *l3, uint64_t va)
{
    uint64_t *l2 = below(&l3[index(va, 3)]), *l1 = below(&l2[index(va, 2)]);

    l1[index(va, 1)] = *paging_entry(va, 1, false);
}

static void show_image(uint64_t *l3, uint64_t idt)
{
    for (uint64_t va = (uint64_t)__isolate_start; va < (uint64_t)__isolate_end;
         va += PAGE_SIZE)
        show(l3, va);
    show(l3, idt);
    image_l3e = l3[index(IMAGE_START, 3)];
}

static void show_stacks(uint64_t *l3, unsigned cpu)
{
    uint64_t slot = STACKS_START + (uint64_t)cpu * STACK_SLOT;

    for (unsigned i = 0; i < STACK_SLOT / PAGE_SIZE; i++)
        if ((STACK_ENTRY_MASK | 1u << STACK_DESC_PAGE) >> i & 1)
            show(l3, slot + i * PAGE_SIZE);
}

void isolate_create(unsigned cpu)
{
    const uint64_t *master = map_master_l4();
    uint64_t *l3;
    paddr_t pa;

    if (!isolate_on)
        return;
    roots[cpu] = page_alloc_mapped(1);
    if (!roots[cpu])
        panic("too little memory for the tables of CPU %u", cpu);
    pa = boot_page();
    l3 = phys_ptr(pa);
    l3[index(IMAGE_START, 3)] = image_l3e;
    show_stacks(l3, cpu);
    for (unsigned user = 0; user < 2; user++) {
        uint64_t *l4 = isolate_l4(cpu, user);

        l4[index(M2P_RO_START, 4)] = master[index(M2P_RO_START, 4)];
        l4[index(IMAGE_START, 4)] = pa | PTE_TABLE;
    }
}

static void lead_away(void)
{
    for (const struct detour *d = __detours_start; d < __detours_end; d++) {
        uint64_t at = (uint64_t)&d->at + (int64_t)d->at,
                 to = (uint64_t)&d->to + (int64_t)d->to;

        mitigate_lead(at, 0xe9, to);
    }
}

void isolate_boot(void)
{
    const struct boot_params *p = &boot_params;
    paddr_t pa;

    dom0_on = p->xpti_dom0 < 0 ? cpu_features.meltdown : p->xpti_dom0;
    domu_on = p->xpti_domu < 0 ? cpu_features.meltdown : p->xpti_domu;
    isolate_on = dom0_on || domu_on;
    isolate_pcid = isolate_on && p->pcid && cpu_features.pcid && cpu_features.invpcid;
    log_info("  XPTI (64-bit PV only): Dom0 %s, DomU %s (with%s PCID)",
             dom0_on ? "enabled" : "disabled", domu_on ? "enabled" : "disabled",
             isolate_pcid ? "" : "out");
    if (!isolate_on)
        return;
    isolate_start_pcid();
    paging_no_global();
    lead_away();
    pa = boot_page();
    show_image(phys_ptr(pa), desc_isolate());
    page_free_mapped(phys_ptr(pa), 0); /* its one entry is what is wanted */
    isolate_create(0);
}

void isolate_start_pcid(void)
{
    if (isolate_pcid)
        write_cr4(read_cr4() | CR4_PCIDE);
}

void isolate_flush_page(vaddr_t va)
{
    for (unsigned pcid = 0; pcid < PCIDS; pcid++)
        invpcid(0, pcid, va);
}

static uint64_t own_tables(const struct vcpu_hw *v, bool user)
{
    return user && v->cr3_user ? v->cr3_user : v->cr3_kernel;
}

static bool has_pcids(const struct vcpu_hw *v)
{
    return isolate_pcid && v->isolated;
}

uint64_t isolate_full_cr3(const struct vcpu_hw *v)
{
    bool user = !v->kernel_mode;

    return own_tables(v, user) | (has_pcids(v) ? PCID_FULL + user : 0);
}

void isolate_tell(struct vcpu_hw *v)
{
    struct cpu_info *info = cpu_info();
    uint64_t copies = mfn_to_paddr(map_to_mfn(isolate_l4(info->cpu, false)));
    bool pcids = has_pcids(v);

    if (v->isolated)
        mmu_isolate((struct vcpu *)v);
    for (unsigned user = 0; user < 2; user++) {
        uint64_t full = own_tables(v, user),
                 guest = v->isolated ? copies + user * PAGE_SIZE : full;

        info->full_cr3[user] = full | (pcids ? CR3_NOFLUSH | (PCID_FULL + user) : 0);
        info->seen_cr3[user] = guest | (pcids ? PCID_GUEST + user : 0);
        info->guest_cr3[user] = info->seen_cr3[user] | (pcids ? CR3_NOFLUSH : 0);
    }
}
