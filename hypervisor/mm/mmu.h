/* SPDX-License-Identifier: MIT */
/* How a PV guest changes its mappings. All run as the current vCPU v for domain d =
 * v->domain, on the foreign domain fd where the call names one. -ERESTART: preempted,
 * *done says how far. */
#ifndef MM_MMU_H
#define MM_MMU_H

#include "abi/xen.h"
#include "mm/page.h"

/* The requests have been copied from the guest. Before each: 0, or -ERESTART while
 * something that an earlier one left must still be finished (continue the hypercall). Ask
 * it once more before the hypercall ends. */
int must_check mmu_pending(struct vcpu *v);
int mmu_update_one(struct vcpu *v, struct domain *pt_owner, struct domain *pg_owner,
                   uint64_t ptr, uint64_t val);
/* The common case of one about the caller's own: false, and nothing done, if it is no
 * entry of an L1. */
bool mmu_update_l1(struct vcpu *v, uint64_t ptr, uint64_t val, int *rc);
/* Several: *done grows by each that was carried out. May stop early with 0 when something
 * is to be finished. */
int mmu_update_list(struct vcpu *v, struct domain *pt_owner, struct domain *pg_owner,
                    const struct hv_mmu_update *req, unsigned n, unsigned *done);
int mmu_update_va(struct vcpu *v, struct domain *pg_owner, vaddr_t va, uint64_t val,
                  uint64_t flags);
int mmu_set_va(struct vcpu *v, struct domain *pg_owner, vaddr_t va,
               uint64_t val); /* without the flush */
int mmu_ext(struct vcpu *v, struct domain *pg_owner,
            const struct hv_mmuext_op *op); /* but *_MULTI */
/* One page, or TLB_ALL, on the CPUs of the vCPUs in a bitmap of max_vcpus bits; or on
 * these CPUs. An address outside the guest's part is ignored. */
void mmu_flush_vcpus(struct vcpu *v, const uint64_t *vcpus, vaddr_t va);
void mmu_flush_cpus(cpumask_t cpus, vaddr_t va);
void mmu_update_end(struct vcpu *v); /* after a batch: flushes that were put off */

/* Page fault of a PV guest at va. What the guest room shall do: */
enum mmu_fault {
    MMU_FAULT_GUEST, /* the guest's own: inject it */
    MMU_FAULT_FIXED
}; /* emulated or spurious: go on at regs->rip */
enum mmu_fault mmu_fault(struct vcpu *v, vaddr_t va, struct hv_cpu_user_regs *r);

/* Guest's own tables. */
int mmu_set_base(struct vcpu *v, mfn_t l4,
                 bool user); /* new CR3 (kernel: takes the type reference) */
int must_check mmu_drop_bases(struct vcpu *v); /* when the vCPU goes; -ERESTART */
bool mmu_get_base(struct vcpu *v, mfn_t *l4);
bool mmu_get_user_base(struct vcpu *v, mfn_t *l4);
/* A byte of the guest kernel's memory, whatever mode it is in; its own frames only.
 * -EFAULT */
int mmu_read_kernel(struct vcpu *v, vaddr_t va, uint8_t *out);
int mmu_walk(struct vcpu *v, vaddr_t va,
             uint64_t *l1e); /* 0 and the guest's L1 entry, or -EFAULT */
/* va in the guest's current tables -> hypervisor address of the byte, for the emulator;
 * NULL if unmapped. */
void *mmu_guest_ptr(struct vcpu *v, vaddr_t va, bool write);

/* Grant mappings: host_addr is a guest virtual address, or, with is_pte, the machine
 * address of the entry. 0 or -EINVAL. map: the caller has taken a reference to frame, and
 * a PGT_WRITABLE one if writable; with success they belong to the entry, and go when the
 * guest overwrites it or its table goes. pte_flags: MMU_MAP_* and the guest's own bits
 * 9-11. unmap: of an entry that has just that right to write; with success its references
 * are the caller's again; the TLB flush is put off to mmu_update_end(), which must come
 * before the references are dropped. */
#define MMU_MAP_WRITE    (1ull << 1)
#define MMU_MAP_USER     (1ull << 2) /* GNTMAP_application_map */
#define MMU_MAP_AVAIL(x) (((uint64_t)(x)&7) << 9)
int mmu_grant_map(struct vcpu *v, uint64_t host_addr, bool is_pte, mfn_t frame,
                  uint64_t pte_flags);
int mmu_grant_unmap(struct vcpu *v, uint64_t host_addr, bool is_pte, mfn_t frame,
                    bool writable, uint64_t new_addr);

/* Descriptor tables: windows of port/layout.h. frames[n], each gets a PGT_SEG reference.
 * n = 0: drops all. */
unsigned mmu_get_gdt(struct vcpu *v, mfn_t *frames,
                     unsigned *entries); /* frames[14]; returns their number */
void mmu_get_ldt(struct vcpu *v, vaddr_t *base, unsigned *entries);
int mmu_set_gdt(struct vcpu *v, const mfn_t *frames, unsigned n, unsigned entries);
int mmu_set_ldt(struct vcpu *v, vaddr_t base, unsigned entries);
bool mmu_ldt_fault(
    struct vcpu *v,
    vaddr_t offset); /* a fault in the LDT window: maps the page, true = retry */
int mmu_update_descriptor(struct domain *d, paddr_t entry, uint64_t desc);
bool mmu_fix_descriptor(
    uint64_t *desc); /* makes it safe (DPL >= 1, no system types); false: refused */

#endif
