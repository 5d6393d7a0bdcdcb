/* SPDX-License-Identifier: MIT */
/*
 * Who owns a frame and who refers to it.
 *
 * A frame that a domain owns has count > 0. One reference stands for PGC_ALLOCATED (the
 * domain has not given it back); others are page-table entries (also of other domains:
 * foreign and grant mappings), pins, base pointers, and short-lived ones of the
 * hypervisor. The owner cannot change while a reference is held. When the last goes the
 * frame leaves the owner's list and is free, or, if it is the hypervisor's own (PGC_HV),
 * just no longer shared. A domain with frames holds a reference to itself, so that an
 * owner is never a stale pointer: what others still map of a dead domain keeps its struct
 * until the mapping goes.
 *
 * Locks: counts are atomic; lists and totals under mm_domain.lock.
 */
#include "mm/page.h"
#include "kern/heap.h"
#include "kern/log.h"
#include "kern/page_list.h"
#include "kern/room.h"
#include "kern/softirq.h"
#include "lib/errno.h"
#include "lib/rangeset.h"
#include "lib/string.h"
#include "mm/mm_priv.h"
#include "mm/mmu.h"
#include "port/ipi.h"
#include "port/map.h"

struct domain *dom_io, *dom_xen;

/* One more reference, if there is one already. */
static bool get_live(struct page *pg)
{
    uint32_t x = atomic_load_explicit(&pg->count, memory_order_relaxed);

    do {
        if (!(x & PGC_COUNT) || (x & PGC_COUNT) == PGC_COUNT)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(
        &pg->count, &x, x + 1, memory_order_acquire, memory_order_relaxed));
    return true;
}

bool page_get(struct page *pg, const struct domain *d)
{
    if (!get_live(pg))
        return false;
    if (likely(pg->owner == d && d->dying == DOM_ALIVE))
        return true;
    page_put(pg);
    return false;
}

bool page_get_any(struct page *pg)
{
    if (!get_live(pg))
        return false;
    if (pg->owner && pg->owner->dying == DOM_ALIVE)
        return true;
    page_put(pg);
    return false;
}

/* Under mm->lock: the first frame of a domain holds the domain. */
static void owner_hold(struct domain *d)
{
    if (d->mm->tot + d->mm->hv_tot == 0 && !domain_hold(d))
        panic("memory is given to domain %u, which is gone\n", d->id);
}

/* Under mm->lock: off the list it is in. Only the one it is the first of has to know. */
static void list_leave(struct mm_domain *mm, struct page *pg)
{
    struct page_list *lists[] = {&mm->quiet, &mm->gone, &mm->hv_pages}, *l = &mm->pages;

    for (unsigned i = 0; i < ARRAY_SIZE(lists); i++)
        if (page_list_first(lists[i]) == pg)
            l = lists[i];
    page_list_del(l, pg);
}

static void page_release(struct page *pg)
{
    struct domain *d = pg->owner;
    bool hv = pg->count & PGC_HV, last;

    while (page_settle(pg))
        ;
    ASSERT((pg->type & PGT_COUNT) == 0);
    spin_lock(&d->mm->lock);
    list_leave(d->mm, pg);
    if (hv)
        d->mm->hv_tot--;
    else
        d->mm->tot--;
    last = d->mm->tot + d->mm->hv_tot == 0;
    spin_unlock(&d->mm->lock);
    pg->owner = NULL;
    pg->type = 0;
    pg->count = 0;
    if (!hv) {
        m2p_set(page_mfn(pg), INVALID_GFN);
        page_free(page_mfn(pg), 0);
    }
    if (last)
        domain_put(d);
}

void page_put(struct page *pg)
{
    uint32_t x = atomic_fetch_sub_explicit(&pg->count, 1, memory_order_acq_rel);

    if (unlikely((x & PGC_COUNT) == 1))
        page_release(pg);
}

bool page_get_and_type(struct page *pg, const struct domain *d, unsigned type)
{
    if (!page_get(pg, d))
        return false;
    if (likely(page_get_type(pg, type) == 0))
        return true;
    page_put(pg);
    return false;
}

void page_put_and_type(struct page *pg)
{
    page_put_type(pg);
    page_put(pg);
}

/* A CPU flushes everything when it takes on another vCPU, so only where one runs
 * something of it can be left. Who is not seen running here loads its tables later, and
 * sees them as they are by then. */
cpumask_t vcpu_tlb_cpus(const struct vcpu *v)
{
    return atomic_load(&v->running) ? cpumask_of(v->processor) : CPUMASK_NONE;
}

cpumask_t dom_dirty_cpus(const struct domain *d)
{
    cpumask_t m = 0;

    for (unsigned i = 0; d->vcpu && i < d->max_vcpus; i++)
        if (d->vcpu[i])
            m |= vcpu_tlb_cpus(d->vcpu[i]);
    return m;
}

/* Memory of a domain. */

/* type: of idle pages. PGT_NONE says of an ordinary guest's page that it is all zero: who
 * writes to it gives it another type first. */
static int assign(struct domain *d, struct page *pg, unsigned order, unsigned type)
{
    const uint64_t type_count =
        (uint64_t)(PGC_ALLOCATED | 1) << 32 | type << PGT_TYPE_SHIFT;
    struct mm_domain *mm = d->mm;
    uint64_t n = 1ull << order;
    int rc = -ENOMEM;

    spin_lock(&mm->lock);
    if (d->dying != DOM_ALIVE) {
        rc = -EINVAL;
        goto out;
    }
    if (mm->tot + n > mm->max || mm->tot + n < n)
        goto out;
    owner_hold(d);
    page_list_add_tail_block(&mm->pages, pg, n);
#pragma GCC unroll 8
    for (uint64_t i = 0; i < n; i++) {
        ASSERT(pg[i].count == 0);
        pg[i].owner = d;
        atomic_store_explicit(&pg[i].type_count, type_count, memory_order_release);
    }
    mm->tot += n;
    rc = 0;
out:
    spin_unlock(&mm->lock);
    return rc;
}

int dom_page_assign(struct domain *d, struct page *pg, unsigned order)
{
    return assign(d, pg, order, PGT_NONE);
}

int dom_page_give_back(struct domain *d, struct page *pg)
{
    return assign(d, pg, 0, PGT_WRITABLE);
}

static int alloc_below(struct domain *d, unsigned order, unsigned flags, uint64_t end,
                       struct page **out)
{
    mfn_t m;
    int rc;

    /* What others left in a frame is nothing for an ordinary guest. */
    if (!d->privileged)
        flags |= PAGE_ZERO;
    if (d->mm->tot + (1ull << order) > d->mm->max)
        return -ENOMEM;
    m = page_alloc_below(order, flags, end);
    if (mfn_eq(m, INVALID_MFN))
        return -ENOMEM;
    rc = dom_page_assign(d, page_of(m), order);
    if (rc)
        page_free(m, order);
    else
        *out = page_of(m);
    return rc;
}

int dom_page_alloc(struct domain *d, unsigned order, unsigned flags, struct page **out)
{
    return alloc_below(d, order, flags, ~0ull, out);
}

int dom_page_alloc_bits(struct domain *d, unsigned order, unsigned bits,
                        struct page **out)
{
    uint64_t end =
        bits && bits < 52 ? bits > PAGE_SHIFT ? 1ull << (bits - PAGE_SHIFT) : 0 : ~0ull;

    return alloc_below(d, order, 0, end, out);
}

int dom_page_steal(struct domain *d, struct page *pg)
{
    uint32_t count = atomic_load(&pg->count);
    cpumask_t cpus;
    bool last;
    int rc = page_settle(pg);

    if (rc)
        return rc;
    if (pg->owner != d || (count & PGC_HV))
        return -EINVAL;
    if ((count & ~PGC_FOREIGN) != (PGC_ALLOCATED | 2) ||
        !atomic_compare_exchange_strong(&pg->count, &count, 0))
        return -EBUSY;
    while (page_settle(pg)) /* another vCPU may just have begun to make it a table */
        ;
    ASSERT((pg->type & PGT_COUNT) == 0);
    spin_lock(&d->mm->lock);
    list_leave(d->mm, pg);
    d->mm->tot--;
    last = d->mm->tot + d->mm->hv_tot == 0;
    spin_unlock(&d->mm->lock);
    pg->owner = NULL;
    pg->type = 0;
    m2p_set(page_mfn(pg), INVALID_GFN);
    cpus =
        tlb_filter(count & PGC_FOREIGN ? cpu_online() : dom_dirty_cpus(d), pg->tlb_stamp);
    if (cpus)
        tlb_flush_mask(cpus, TLB_ALL);
    if (last)
        domain_put(d);
    return 0;
}

bool dom_page_drop(struct page *pg)
{
    if (!(atomic_fetch_and(&pg->count, ~PGC_ALLOCATED) & PGC_ALLOCATED))
        return false;
    page_put(pg);
    return true;
}

/* Of a page with a reference: ends its pin, and what a check has left behind. */
static int page_quiet(struct page *pg)
{
    int rc = 0;

    if (atomic_fetch_and(&pg->type, ~PGT_PINNED) & PGT_PINNED) {
        rc = page_put_type_preempt(pg);
        /* The pin's reference; ours keeps the page. */
        page_put(pg);
    }
    return rc ? rc : page_settle(pg);
}

static int remove_page(struct domain *d, mfn_t m, bool drop)
{
    struct page *pg;
    int rc;

    if (!mfn_valid(m) || !page_get(pg = page_of(m), d))
        return -EINVAL;
    rc = pg->count & PGC_HV ? -EINVAL : page_quiet(pg);
    if (!rc && drop) {
        m2p_set(m, INVALID_GFN);
        dom_page_drop(pg);
    }
    page_put(pg);
    return rc;
}

int dom_page_prepare_remove(struct domain *d, mfn_t m)
{
    return remove_page(d, m, false);
}

int dom_page_remove(struct domain *d, mfn_t m)
{
    return remove_page(d, m, true);
}

void dom_set_e820(struct domain *d, struct hv_e820entry *map, unsigned n)
{
    struct hv_e820entry *old;

    spin_lock(&d->mm->lock);
    old = d->mm->e820;
    d->mm->e820 = map;
    d->mm->e820_n = n;
    spin_unlock(&d->mm->lock);
    heap_free(old);
}

unsigned dom_get_e820(struct domain *d, struct hv_e820entry *map, unsigned max)
{
    unsigned n;

    spin_lock(&d->mm->lock);
    n = d->mm->e820_n;
    for (unsigned i = 0; i < MIN(n, max); i++)
        map[i] = d->mm->e820[i];
    spin_unlock(&d->mm->lock);
    return n;
}

void page_share_with_guest(struct page *pg, struct domain *d, bool writable)
{
    spin_lock(&d->mm->lock);
    owner_hold(d);
    pg->owner = d;
    pg->type =
        ((writable ? PGT_WRITABLE : PGT_SHARED_RO) << PGT_TYPE_SHIFT) | PGT_VALIDATED | 1;
    page_list_add_tail(&d->mm->hv_pages, pg);
    d->mm->hv_tot++;
    atomic_store_explicit(&pg->count, PGC_ALLOCATED | PGC_HV | 1, memory_order_release);
    spin_unlock(&d->mm->lock);
}

uint64_t dom_tot_pages(const struct domain *d)
{
    return d->mm->tot;
}

uint64_t dom_max_pages(const struct domain *d)
{
    return d->mm->max;
}

int dom_set_max_pages(struct domain *d, uint64_t n)
{
    spin_lock(&d->mm->lock);
    d->mm->max = n;
    spin_unlock(&d->mm->lock);
    return 0;
}

uint64_t dom_shared_pages(const struct domain *d)
{
    (void)d;
    return 0; /* frames shared between guests copy-on-write: we do not do that */
}

int dom_get_memlist(struct domain *d, uint64_t start, uint64_t max, uint64_t *mfns)
{
    uint64_t i = 0, n = 0;
    const struct page *pg;

    spin_lock(&d->mm->lock);
    page_list_for_each(pg, &d->mm->pages)
    {
        if (i++ < start)
            continue;
        if (n == max)
            break;
        mfns[n++] = page_mfn(pg).n;
    }
    spin_unlock(&d->mm->lock);
    return (int)n;
}

/* For a domain that never ran: frames of dead ones are no longer shared when their rooms
 * free them. */
static void stop_sharing(struct page *pg)
{
    struct domain *d = pg->owner;

    spin_lock(&d->mm->lock);
    page_list_del(&d->mm->hv_pages, pg);
    d->mm->hv_tot--;
    spin_unlock(&d->mm->lock);
    pg->owner = NULL;
    pg->type = 0;
    pg->count = 0;
}

void page_free_shared(void *p)
{
    if (!p)
        return;
    if (page_of(map_to_mfn(p))->count & PGC_HV)
        stop_sharing(page_of(map_to_mfn(p)));
    page_free_mapped(p, 0);
}

/* The end of a domain: each step works through a list and can be interrupted between two
 * pages. */

static int page_give_back(struct page *pg)
{
    if (pg->count & PGC_HV)
        atomic_fetch_sub(&pg->type, 1); /* the sharing's own type reference */
    dom_page_drop(pg);
    return 0;
}

static int sweep(struct mm_domain *mm, struct page_list *from, struct page_list *to,
                 int (*fn)(struct page *))
{
    int rc = 0;

    for (;;) {
        struct page *pg;
        bool got;

        spin_lock(&mm->lock);
        pg = page_list_take(from);
        if (!pg) {
            spin_unlock(&mm->lock);
            return 0;
        }
        page_list_add_tail(to, pg);
        got = get_live(pg); /* else another CPU is about to take it off the list */
        spin_unlock(&mm->lock);
        if (!got)
            continue;
        rc = fn(pg);
        if (rc) {
            spin_lock(&mm->lock);
            page_list_del(to, pg);
            page_list_add(from, pg);
            spin_unlock(&mm->lock);
        }
        page_put(pg);
        if (rc)
            return rc;
        if (softirq_pending())
            return -ERESTART;
    }
}

/* The guest's own frame with its vcpu_info: back to the shared page. Nothing writes there
 * any more. */
static void drop_info(struct vcpu *v)
{
    static struct hv_vcpu_info spare;
    mfn_t m = v->info_mfn;

    if (mfn_eq(m, INVALID_MFN))
        return;
    v->info = v->hw.info =
        v->id < HV_LEGACY_MAX_VCPUS ? &v->domain->shared->vcpu_info[v->id] : &spare;
    v->info_mfn = INVALID_MFN;
    page_put_and_type(page_of(m));
}

static int mm_domain_kill(struct domain *d)
{
    struct mm_domain *mm = d->mm;
    int rc = 0;

    if (mm->kill_phase == 0) {
        for (unsigned i = 0; i < d->max_vcpus; i++) {
            if (!d->vcpu[i])
                continue;
            drop_info(d->vcpu[i]);
            rc = mmu_drop_bases(d->vcpu[i]);
            if (rc)
                return rc;
        }
        mm->kill_phase = 1;
    }
    if (mm->kill_phase == 1) {
        rc = sweep(mm, &mm->pages, &mm->quiet, page_quiet);
        if (rc)
            return rc;
        mm->kill_phase = 2;
    }
    if (mm->kill_phase == 2) {
        rc = sweep(mm, &mm->quiet, &mm->gone, page_give_back);
        if (rc)
            return rc;
        mm->kill_phase = 3;
    }
    return sweep(mm, &mm->hv_pages, &mm->gone, page_give_back);
}

static struct mm_domain *mm_new(void)
{
    struct mm_domain *mm = heap_new(struct mm_domain);

    if (!mm)
        return NULL;
    spin_init(&mm->lock, RANK_PAGELIST);
    return mm;
}

static int mm_domain_init(struct domain *d, const struct hv_domctl_createdomain *c)
{
    int rc;

    (void)c;
    d->mm = mm_new();
    if (!d->mm)
        return -ENOMEM;
    d->mm->max = d->privileged ? ~0ull : 0;
    d->mm->has_devices = d->privileged;
    if (d->is_hvm || d->id >= HV_DOMID_FIRST_RESERVED)
        return 0;
    isolate_init(d);
    l1tf_init(d);
    rc = desc_domain_init(d);
    if (rc) {
        heap_free(d->mm);
        d->mm = NULL;
        return rc;
    }
    page_share_with_guest(page_of(d->shared_mfn), d, true);
    return 0;
}

static void mm_domain_free(struct domain *d)
{
    if (!d->mm)
        return;
    desc_domain_free(d);
    while (!page_list_empty(&d->mm->hv_pages)) /* d->shared, if it never came to be */
        stop_sharing(page_list_first(&d->mm->hv_pages));
    heap_free(d->mm->e820);
    heap_free(d->mm);
    d->mm = NULL;
}

static int mm_vcpu_init(struct vcpu *v)
{
    int rc = 0;

    v->mm = heap_new(struct mm_vcpu);
    if (!v->mm)
        return -ENOMEM;
    spin_init(&v->mm->ldt_lock, RANK_LEAF);
    v->mm->base_kernel = v->mm->base_user = INVALID_MFN;
    walk_forget(v->mm);
    if (v->domain->mm && v->domain->mm->window_l3)
        rc = desc_vcpu_init(v);
    if (rc) {
        heap_free(v->mm);
        v->mm = NULL;
    }
    return rc;
}

static void mm_vcpu_free(struct vcpu *v)
{
    if (!v->mm)
        return;
    desc_vcpu_free(v);
    heap_free(v->mm);
    v->mm = NULL;
}

static void mm_dump(struct domain *d)
{
    log_info("  memory: %lu pages of %lu, %lu shared ones\n", (unsigned long)d->mm->tot,
             (unsigned long)d->mm->max, (unsigned long)d->mm->hv_tot);
}

const struct room mm_room = {
    .name = "mm",
    .domain_init = mm_domain_init,
    .domain_kill = mm_domain_kill,
    .domain_free = mm_domain_free,
    .vcpu_init = mm_vcpu_init,
    .vcpu_free = mm_vcpu_free,
    .dump = mm_dump,
};

static struct domain *owner_new(domid_t id)
{
    struct domain *d = heap_new(struct domain);

    if (!d || !(d->mm = mm_new()))
        panic("no memory for the owner %#x\n", id);
    d->id = id;
    d->refs = 1;
    d->shutdown_code = -1;
    spin_init(&d->lock, RANK_DOMAIN);
    list_init(&d->list);
    return d;
}

void mm_init(void)
{
    m2p_init();
    pt_entry_init();
    dom_io = owner_new(HV_DOMID_IO);
    dom_xen = owner_new(HV_DOMID_XEN);
}
