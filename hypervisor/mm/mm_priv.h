/* SPDX-License-Identifier: MIT */
/* What the files of this room share and nobody else sees. */
#ifndef MM_PRIV_H
#define MM_PRIV_H

#include "abi/memory.h"
#include "kern/lock.h"
#include "lib/errno.h"
#include "mm/page_quick.h"
#include "mm/ptwr_decode.h"
#include "port/layout.h"

/* Bits of a page-table entry (Intel SDM vol. 3, "4-Level Paging"). */
#define PTE_P   (1ull << 0)
#define PTE_RW  (1ull << 1)
#define PTE_US  (1ull << 2)
#define PTE_PWT (1ull << 3)
#define PTE_PCD (1ull << 4)
#define PTE_A   (1ull << 5)
#define PTE_D   (1ull << 6)
#define PTE_PAT (1ull << 7) /* in an L1 entry */
#define PTE_PSE (1ull << 7) /* in an L2, L3 entry */
#define PTE_G   (1ull << 8)
#define PTE_GUEST_KERNEL                                                                 \
    (1ull << 52) /* ours: the guest made this mapping without the user bit */
#define PTE_NX    (1ull << 63)
#define PTE_FRAME 0x000ffffffffff000ull
#define PTE_AVAIL (0xe00ull | (0x7ffull << 52))
#define PTE_CACHE (PTE_PWT | PTE_PCD | PTE_PAT)
/* What a guest may not set in the entries of L2, L3, L4 tables. */
#define PTE_TABLE_BAD (PTE_PWT | PTE_PCD | PTE_PSE | PTE_G)
/* Mapping of the hypervisor's own in the per-domain area. */
#define PTE_HV (PTE_P | PTE_RW | PTE_A | PTE_D)

/* Page-fault error code (Intel SDM vol. 3, "Page-Fault Exceptions"). */
#define PF_PRESENT  1u
#define PF_WRITE    2u
#define PF_RESERVED 8u
#define PF_FETCH    16u
#define PF_KIND     (PF_PRESENT | PF_WRITE | PF_RESERVED | PF_FETCH)

#define PT_ENTRIES  512u
static inline mfn_t pte_mfn(uint64_t e)
{
    return (mfn_t){(e & PTE_FRAME) >> PAGE_SHIFT};
}
static inline uint64_t pte_make(mfn_t m, uint64_t flags)
{
    return (m.n << PAGE_SHIFT) | flags;
}
static inline uint64_t pte_read(const uint64_t *p)
{
    return __atomic_load_n(p, __ATOMIC_RELAXED);
}
static inline unsigned pt_index(vaddr_t va, unsigned level) /* level 1-4 */
{
    return (unsigned)(va >> (PAGE_SHIFT + 9 * (level - 1))) & (PT_ENTRIES - 1);
}

/* Of a page that has this type already, or keeps it. False: nothing was done. */
static inline bool table_try_get(struct page *pg, unsigned level)
{
    uint32_t x = atomic_load_explicit(&pg->type, memory_order_relaxed);

    return likely((x & (PGT_TYPE | PGT_VALIDATED)) ==
                  (level << PGT_TYPE_SHIFT | PGT_VALIDATED)) &&
           likely((x & PGT_COUNT) - 1 < PGT_MAX - 1) &&
           likely(atomic_compare_exchange_strong_explicit(
               &pg->type, &x, x + 1, memory_order_acquire, memory_order_relaxed));
}
static inline bool table_try_put(struct page *pg)
{
    uint32_t x = atomic_load_explicit(&pg->type, memory_order_relaxed);

    return (x & PGT_COUNT) > 2 && /* one may be a locker's */
           likely(atomic_compare_exchange_strong_explicit(
               &pg->type, &x, x - 1, memory_order_acq_rel, memory_order_relaxed));
}
static inline void page_unlock_fast(struct page *pg)
{
    atomic_fetch_sub_explicit(&pg->type, PGT_LOCKED + 1, memory_order_release);
}
/* As page_lock(), for an L1 of d that nobody has locked. */
static inline bool l1_try_lock(struct page *pg, const struct domain *d)
{
    uint32_t x = atomic_load_explicit(&pg->type, memory_order_relaxed);

    if (unlikely((x & (PGT_TYPE | PGT_VALIDATED | PGT_LOCKED)) !=
                 (PGT_L1 << PGT_TYPE_SHIFT | PGT_VALIDATED)) ||
        unlikely(!atomic_compare_exchange_strong_explicit(
            &pg->type, &x, x + 1 + PGT_LOCKED, memory_order_acquire,
            memory_order_relaxed)))
        return false;
    if (likely(pg->owner == d))
        return true;
    page_unlock_fast(pg);
    return false;
}

/* A domain's memory. Legend: (l) under lock; (k) only by domain_kill. */
struct mm_domain {
    spinlock_t lock;           /* RANK_PAGELIST */
    struct page_list pages;    /* (l) frames it owns */
    struct page_list hv_pages; /* (l) hypervisor's pages shared with it */
    struct page_list quiet,
        gone; /* (l) dying: pages without pins; pages given back, still referenced */
    uint64_t tot, hv_tot; /* (l) lengths of the lists */
    uint64_t max;         /* (l) limit of tot */
    bool has_devices;     /* may map device memory and choose cache attributes */
    unsigned kill_phase;  /* (k) */
    uint64_t *window_l3, *window_l2; /* per-domain slot; NULL when it has none */
    uint64_t window_l4e;             /* what its L4 tables hold in PERDOMAIN_SLOT */
    _Atomic uint64_t tables_gen;     /* grows with each change of an L2 to L4 entry */
    bool isolated;                   /* its vCPUs run on copies of its L4 tables */
    uint64_t l1tf_last;              /* pt_entry.c; 0: it is not looked at */
    struct hv_e820entry *e820;       /* (l) set_memory_map */
    unsigned e820_n;
};

/* fault_quick.c: what the last store to an L1 that fault.c carried out has shown. */
struct ptwr_quick {
    uint64_t at;  /* page of the guest kernel's that is the L1; ~0: nothing known */
    uint64_t gen; /* of tables_gen, when that was true */
    const uint64_t *map; /* the entry that maps it */
    uint64_t map_entry;  /* ... and what it held */
    struct page *table;
    uint64_t code, code_mask; /* the instruction's bytes, of the first eight at rip */
    uint8_t len, reg;         /* its length, and the frame's offset of its register */
    bool xchg;                /* else a plain store */
    uint64_t late; /* an entry taken out whose references are still to be put */
};

struct mm_vcpu {
    mfn_t base_kernel,
        base_user;     /* held with a reference and an L4 type each, or INVALID_MFN */
    struct page *undo; /* a page that still has to be settled, with a reference */
    bool undo_typed;   /* ... which has a reference of its type, too */
    bool flush_all;    /* put off to mmu_update_end() */
    bool ptwr_cached;  /* fault.c: ptwr_insn is what ptwr_code means */
    uint64_t ptwr_code[2];
    struct ptwr_insn ptwr_insn;
    uint64_t *walk_l1; /* fault.c: the L1 that maps walk_at << 21, NULL: not known */
    uint64_t walk_at, walk_gen;
    struct ptwr_quick quick;
    uint64_t *window; /* L1 entries of its 32 pages; NULL when it has none */
    mfn_t gdt[14];
    unsigned gdt_frames, gdt_entries;
    spinlock_t ldt_lock; /* RANK_LEAF: the LDT's part of the window */
    bool ldt_mapped;
    vaddr_t ldt_base;
    unsigned ldt_entries;
};

/* pt_entry.c: references that entries hold. d: whose table it is, pg_owner: whose frame.
 */
void pt_entry_init(void);
void l1tf_init(struct domain *d);
bool may_choose_cache(const struct domain *d); /* it has devices */
int l1e_get_rare(uint64_t e, struct domain *d, struct domain *pg_owner);
/* Before another domain than its owner maps a page: from now on TLBs of any may know it.
 */
static inline void page_mark_foreign(struct page *pg)
{
    if (!(atomic_load_explicit(&pg->count, memory_order_relaxed) & PGC_FOREIGN))
        atomic_fetch_or(&pg->count, PGC_FOREIGN);
}
static inline int l1e_get(uint64_t e, struct domain *d, struct domain *pg_owner)
{
    struct page *pg = page_of(pte_mfn(e));
    int rc;

    if (unlikely(e & PTE_CACHE) || unlikely(!mfn_valid_first(pte_mfn(e))) ||
        unlikely(pg_owner != d))
        return l1e_get_rare(e, d, pg_owner);
    if ((e & PTE_RW) && likely(page_try_get_and_writable(pg, pg_owner)))
        return 0;
    if (unlikely(!page_get_fast(pg, pg_owner)))
        return -EINVAL;
    if (!(e & PTE_RW))
        return 0;
    rc = page_get_writable(pg);
    if (unlikely(rc))
        page_put(pg);
    return rc;
}
void l1e_put_present(uint64_t e, struct domain *d);
static inline void l1e_put(uint64_t e, struct domain *d)
{
    if (e & PTE_P)
        l1e_put_present(e, d);
}
/* The user bit tells guest user from guest kernel mappings, but both run in ring 3: so
 * all get it, and the kernel's are marked by a bit of ours. User mappings are the same in
 * both page tables of a process, so they may be global and survive the change between the
 * two. */
static inline uint64_t l1e_adjust(uint64_t e)
{
    if (!(e & PTE_P))
        return e;
    if (likely((e & (PTE_US | PTE_GUEST_KERNEL)) == PTE_US))
        return e | PTE_G;
    return (e & ~PTE_G) | PTE_US | PTE_GUEST_KERNEL;
}
/* An entry that is not present, of d's tables, through which the CPU could read ahead. */
static inline bool l1tf_vulnerable(uint64_t e, const struct domain *d)
{
    return (e & PTE_FRAME) - 1 < d->mm->l1tf_last; /* an address of 0 is none */
}
int l1tf_refuse(uint64_t e, unsigned level, struct domain *d);
/* 0 or -EINVAL, for an entry that is not present. */
static inline int l1tf_check(uint64_t e, unsigned level, struct domain *d)
{
    return unlikely(l1tf_vulnerable(e, d)) ? l1tf_refuse(e, level, d) : 0;
}
/* Entry of an L2-L4 table (level) in frame self. *half: the frame's reference is held,
 * only the type is missing; on -ERESTART it is set. */
int table_entry_get(uint64_t e, unsigned level, struct domain *d, mfn_t self, bool *half);
/* May leave the child unsettled: -ERESTART; then the child's reference is still held. */
int must_check table_entry_put(uint64_t e, mfn_t self);
/* To be called, under the page lock, before an entry of table pg becomes present. */
static inline void table_mark(struct page *pg, const uint64_t *p)
{
    pg->groups |= 1ull << (((uintptr_t)p >> 6) & 63);
}
/* The same for a table whose groups others may read meanwhile (isolate.c). */
static inline void table_mark_shared(struct page *pg, const uint64_t *p)
{
    __atomic_store_n(&pg->groups, pg->groups | 1ull << (((uintptr_t)p >> 6) & 63),
                     __ATOMIC_RELAXED);
}
/* Of an L4's groups, one that is the hypervisor's: an entry may name its own table. Set
 * before there is one. */
#define GROUP_SELF (1ull << HV_FIRST_SLOT / 8)
static inline void table_mark_self(struct page *pg)
{
    __atomic_store_n(&pg->groups, pg->groups | GROUP_SELF, __ATOMIC_RELEASE);
}
/* pt_update.c. The locked page pg of table type: replaces *p. vm takes what has to be
 * settled later. */
int pt_entry_update(struct mm_vcpu *vm, struct page *pg, uint64_t *p, uint64_t val,
                    struct domain *d, struct domain *pg_owner, bool keep_ad);
/* The same, if *p still is old: -EAGAIN when it is not. */
int pt_entry_cmpxchg(struct mm_vcpu *vm, struct page *pg, uint64_t *p, uint64_t old,
                     uint64_t val, struct domain *d);
/* *p, an entry of a locked L1, becomes val whatever it was. */
int pt_l1_exchange(struct page *pg, uint64_t *p, uint64_t val, struct domain *d,
                   uint64_t *old);
int mm_finish(struct mm_vcpu *vm); /* settles vm->undo: 0 or -ERESTART */
void mm_undo_later(struct mm_vcpu *vm, struct page *pg); /* takes over the reference */

static inline bool guest_va_ok(vaddr_t va) /* canonical and not the hypervisor's */
{
    return (va >> 47 == 0 || va >> 47 == 0x1ffff) &&
           !(va >= HV_VIRT_START && va < HV_VIRT_END);
}
/* page.c: where TLBs may hold something of it */
cpumask_t vcpu_tlb_cpus(const struct vcpu *v);

/* walk.c: the entry of level 1 that maps va in the guest's current tables, NULL: none. */
uint64_t *walk_l1(struct vcpu *v, vaddr_t va);
uint64_t *walk_l1_kernel(struct vcpu *v,
                         vaddr_t va); /* in the kernel's tables, whatever mode runs */
uint64_t *walk_l1_rights(struct vcpu *v, vaddr_t va,
                         uint64_t *rights); /* and what levels 4 to 2 allow */

/* fault.c: the vCPU's tables are others now. */
static inline void walk_forget(struct mm_vcpu *vm)
{
    vm->walk_l1 = NULL;
    vm->quick.at = ~0ull;
}
/* m2p.c */
void m2p_init(void);

/* isolate.c: copies of L4 tables follow these. */
void isolate_init(struct domain *d);
void isolate_l4_changed(struct page *pg, const uint64_t *p); /* under the page lock */
void isolate_l4_gone(struct page *pg); /* busy: no base pointer names it any more */

/* desc.c */
int desc_domain_init(struct domain *d);
void desc_domain_free(struct domain *d);
int desc_vcpu_init(struct vcpu *v);
void desc_vcpu_free(struct vcpu *v);
void desc_drop(struct vcpu *v);            /* GDT and LDT */
void desc_ldt_unmap_all(struct domain *d); /* of every vCPU */
int desc_page_check(struct page *pg);      /* a page that becomes PGT_SEG */

#endif
