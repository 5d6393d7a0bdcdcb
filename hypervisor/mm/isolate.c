/* SPDX-License-Identifier: MIT */
/*
 * Copies of guests' level-4 tables for isolated vCPUs (port/isolate.h).
 *
 * Each CPU has two, for kernel and user mode. A copy is true of the table that src names:
 * whoever changes an entry of that table (under its page lock) changes the copies on all
 * CPUs before it goes on, so before the guest hears of it and before the old entry's
 * references go. src stays when the vCPU leaves the CPU, so that coming back costs
 * nothing, and is forgotten when the table is one no longer.
 *
 * An entry that names its own table (a guest's linear mapping) names the copy in the
 * copy: else the way through it would lead to the whole hypervisor.
 *
 * Two sides meet without a common lock. The changer writes the entry, then looks at src;
 * the loader writes src, then reads the entries; both with a fence between, so that one
 * of them sees the other. The copy's lock orders their writes to it.
 */
#include "lib/string.h"
#include "mm/mm_priv.h"
#include "port/isolate.h"
#include "port/map.h"
#include "port/upcall.h"

/* Groups of eight entries, as in struct page.groups, that are the hypervisor's. */
#define HV_GROUPS                                                                        \
    ((2ull << HV_LAST_SLOT / 8) - (1ull << HV_FIRST_SLOT / 8)) /* slots 256 to 271 */
_Static_assert(HV_FIRST_SLOT % 8 == 0 && HV_LAST_SLOT % 8 == 7, "groups are shared");

struct l4_copy {
    spinlock_t lock;      /* RANK_LEAF: table and groups */
    _Atomic uint64_t src; /* frame of the table, 0: none */
    uint64_t groups;      /* where present entries may be */
};
static struct l4_copy copies[HV_MAX_CPUS][2];
static bool used;

void isolate_init(struct domain *d)
{
    d->mm->isolated = isolate_wanted(d->privileged);
    if (!d->mm->isolated || used)
        return;
    for (unsigned cpu = 0; cpu < HV_MAX_CPUS; cpu++)
        for (unsigned user = 0; user < 2; user++)
            spin_init(&copies[cpu][user].lock, RANK_LEAF);
    used = true;
}

static uint64_t entry(mfn_t self, const uint64_t *table, uint64_t e)
{
    if ((e & PTE_P) && mfn_eq(pte_mfn(e), self))
        return pte_make(map_to_mfn(table), e & ~PTE_FRAME);
    return e;
}

/* A group's entries: as they are, or as they are in a copy. */
static inline void copy_group(uint64_t *to, const uint64_t *from)
{
#pragma GCC unroll 8
    for (unsigned i = 0; i < 8; i++)
        to[i] = pte_read(&from[i]);
}

static void translate(uint64_t *to, mfn_t l4, uint64_t groups)
{
    for (; groups; groups &= groups - 1) {
        unsigned first = 8 * (unsigned)__builtin_ctzll(groups);

        for (unsigned i = first; i < first + 8; i++)
            to[i] = entry(l4, to, to[i]);
    }
}

static void load(unsigned user, mfn_t l4, uint64_t window_l4e)
{
    struct l4_copy *c = &copies[cpu_id()][user];
    uint64_t *to = isolate_l4(cpu_id(), user), groups, left;
    const uint64_t *from = map_mfn(l4);
    irqflags_t f;

    if (atomic_load_explicit(&c->src, memory_order_relaxed) == l4.n)
        return;
    f = spin_lock_irq(&c->lock);
    atomic_store(&c->src, l4.n);
    atomic_thread_fence(memory_order_seq_cst);
    groups = __atomic_load_n(&page_of(l4)->groups, __ATOMIC_RELAXED) & ~HV_GROUPS;
    for (left = groups | c->groups; left; left &= left - 1) {
        unsigned n = (unsigned)__builtin_ctzll(left);

        if (likely(groups >> n & 1))
            copy_group(to + 8 * n, from + 8 * n);
        else
            memset(to + 8 * n, 0, 8 * sizeof(*to));
    }
    /* An entry that names its table was marked before it could be read above. */
    if (__atomic_load_n(&page_of(l4)->groups, __ATOMIC_ACQUIRE) & GROUP_SELF)
        translate(to, l4, groups);
    c->groups = groups;
    to[PERDOMAIN_SLOT] = window_l4e;
    spin_unlock_irq(&c->lock, f);
}

void mmu_isolate(struct vcpu *v)
{
    mfn_t kernel = v->mm->base_kernel, user = v->mm->base_user;

    if (mfn_eq(kernel, INVALID_MFN))
        return;
    load(0, kernel, v->domain->mm->window_l4e);
    load(1, mfn_eq(user, INVALID_MFN) ? kernel : user, v->domain->mm->window_l4e);
}

/* The copies of table l4, locked one after the other. */
static struct l4_copy *next_copy(mfn_t l4, unsigned *n)
{
    for (; *n < 2 * cpu_count(); ++*n) {
        struct l4_copy *c = &copies[*n / 2][*n % 2];

        if (atomic_load_explicit(&c->src, memory_order_relaxed) == l4.n)
            return c;
    }
    return NULL;
}

void isolate_l4_changed(struct page *pg, const uint64_t *p)
{
    unsigned slot = ((uintptr_t)p & (PAGE_SIZE - 1)) / sizeof(*p), n = 0;
    mfn_t l4 = page_mfn(pg);
    struct l4_copy *c;

    if (!used)
        return;
    atomic_thread_fence(memory_order_seq_cst);
    for (; (c = next_copy(l4, &n)); n++) {
        irqflags_t f = spin_lock_irq(&c->lock);

        if (c->src == l4.n) {
            uint64_t *to = isolate_l4(n / 2, n % 2);

            __atomic_store_n(&to[slot], entry(l4, to, pte_read(p)), __ATOMIC_RELEASE);
            c->groups |= 1ull << slot / 8;
        }
        spin_unlock_irq(&c->lock, f);
    }
}

void isolate_l4_gone(struct page *pg)
{
    mfn_t l4 = page_mfn(pg);
    struct l4_copy *c;
    unsigned n = 0;

    if (!used)
        return;
    for (; (c = next_copy(l4, &n)); n++) {
        irqflags_t f = spin_lock_irq(&c->lock);

        if (c->src == l4.n)
            c->src = 0;
        spin_unlock_irq(&c->lock, f);
    }
}
