/* SPDX-License-Identifier: MIT */
/*
 * Timers: a pairing heap per CPU.
 *
 * The heap is built of the timers themselves (child, sibling, back), so that setting one
 * needs no memory and cannot fail. Setting is O(1), stopping and expiring O(log n) on
 * average. The machine's deadline is moved only when the earliest timer changes; a timer
 * set from another CPU raises SOFTIRQ_TIMER there, whose handler sets the deadline anew.
 *
 * Locks: each heap has one, RANK_TIMER, irqs masked. A timer belongs to the heap of
 * t->cpu, which changes only with the locks of both heaps held. Functions run without
 * locks; heap.running names the one that does.
 */
#include "kern/timer.h"
#include "kern/lock.h"
#include "kern/log.h"
#include "kern/softirq.h"
#include "port/clock.h"
#include "port/upcall.h"

enum { IDLE, QUEUED, KILLED };

/* 36 years. Guests name any time they like, but machines count in units of their own: a
 * time that does not fit comes out as one that has passed, again and again. */
#define NEVER (1ull << 60)

struct timer_heap {
    spinlock_t lock;
    struct timer *root;
    struct timer *_Atomic running;
    uint64_t deadline; /* what the machine was told */
} __attribute__((aligned(CACHE_LINE)));

static struct timer_heap heaps[HV_MAX_CPUS];

/* Two heaps become one; both roots have no siblings. */
static struct timer *meld(struct timer *a, struct timer *b)
{
    if (!a || !b)
        return a ? a : b;
    if (b->expires < a->expires) {
        struct timer *t = a;

        a = b;
        b = t;
    }
    b->back = a;
    b->sibling = a->child;
    if (a->child)
        a->child->back = b;
    a->child = b;
    return a;
}

/* The children of a removed root, melded in pairs from left to right, then from right to
 * left. */
static struct timer *meld_children(struct timer *c)
{
    struct timer *pairs = NULL, *root = NULL;

    while (c) {
        struct timer *a = c, *b = c->sibling;

        c = b ? b->sibling : NULL;
        a->sibling = a->back = NULL;
        if (b)
            b->sibling = b->back = NULL;
        a = meld(a, b);
        a->sibling = pairs; /* a stack of pairs */
        pairs = a;
    }
    while (pairs) {
        struct timer *next = pairs->sibling;

        pairs->sibling = NULL;
        root = meld(root, pairs);
        pairs = next;
    }
    return root;
}

/* back of a first child is its parent, of the others the sibling before. */
static void cut(struct timer_heap *h, struct timer *t)
{
    struct timer *rest = meld_children(t->child);

    if (h->root == t) {
        h->root = rest;
    } else {
        if (t->back->child == t)
            t->back->child = t->sibling;
        else
            t->back->sibling = t->sibling;
        if (t->sibling)
            t->sibling->back = t->back;
        h->root = meld(h->root, rest);
    }
    t->child = t->sibling = t->back = NULL;
    t->state = IDLE;
}

static void insert(struct timer_heap *h, struct timer *t)
{
    t->child = t->sibling = t->back = NULL;
    h->root = meld(h->root, t);
    t->state = QUEUED;
}

/* The lock of the heap that t belongs to. */
static struct timer_heap *lock_heap(struct timer *t, irqflags_t *f)
{
    for (;;) {
        unsigned cpu = __atomic_load_n(&t->cpu, __ATOMIC_RELAXED);
        struct timer_heap *h = &heaps[cpu];

        *f = spin_lock_irq(&h->lock);
        if (t->cpu == cpu)
            return h;
        spin_unlock_irq(&h->lock, *f);
    }
}

/* With the lock held, after the root may have changed. A deadline that comes too early is
 * only a wasted interrupt, so a later root is not worth telling the machine. */
static void update_deadline(struct timer_heap *h, unsigned cpu)
{
    uint64_t first = h->root ? h->root->expires : ~0ull;

    if (first >= h->deadline)
        return;
    if (cpu != cpu_id()) {
        softirq_raise_cpu(cpu, SOFTIRQ_TIMER);
        return;
    }
    h->deadline = first;
    clock_set_deadline(first);
}

void timer_init(struct timer *t, void (*fn)(void *arg), void *arg, unsigned cpu)
{
    *t = (struct timer){.fn = fn, .arg = arg, .cpu = (uint16_t)cpu, .state = IDLE};
}

void timer_set(struct timer *t, uint64_t expires)
{
    irqflags_t f;
    struct timer_heap *h = lock_heap(t, &f);

    if (t->state == QUEUED)
        cut(h, t);
    if (t->state == IDLE) {
        t->expires = MIN(expires, NEVER);
        insert(h, t);
        update_deadline(h, t->cpu);
    }
    spin_unlock_irq(&h->lock, f);
}

void timer_stop(struct timer *t)
{
    irqflags_t f;
    struct timer_heap *h = lock_heap(t, &f);

    if (t->state == QUEUED)
        cut(h, t);
    spin_unlock_irq(&h->lock, f);
}

bool timer_active(struct timer *t)
{
    return __atomic_load_n(&t->state, __ATOMIC_RELAXED) == QUEUED;
}

void timer_kill(struct timer *t)
{
    irqflags_t f;
    struct timer_heap *h;

    if (!t->fn) /* was never initialised */
        return;
    h = lock_heap(t, &f);
    if (t->state == QUEUED)
        cut(h, t);
    t->state = KILLED;
    spin_unlock_irq(&h->lock, f);
    while (atomic_load(&h->running) == t && h != &heaps[cpu_id()])
        cpu_relax();
}

void timer_migrate(struct timer *t, unsigned cpu)
{
    for (;;) {
        unsigned old = __atomic_load_n(&t->cpu, __ATOMIC_RELAXED);
        struct timer_heap *lo = &heaps[MIN(old, cpu)], *hi = &heaps[MAX(old, cpu)];
        bool same;
        irqflags_t f;

        if (old == cpu)
            return;
        f = spin_lock_irq(&lo->lock);
        spin_lock(&hi->lock);
        same = t->cpu == old;
        if (same) {
            bool queued = t->state == QUEUED;

            if (queued)
                cut(&heaps[old], t);
            __atomic_store_n(&t->cpu, (uint16_t)cpu, __ATOMIC_RELAXED);
            if (queued) {
                insert(&heaps[cpu], t);
                update_deadline(&heaps[cpu], cpu);
            }
        }
        spin_unlock(&hi->lock);
        spin_unlock_irq(&lo->lock, f);
        if (same)
            return;
    }
}

static void timer_softirq(void)
{
    struct timer_heap *h = &heaps[cpu_id()];
    irqflags_t f = spin_lock_irq(&h->lock);
    uint64_t now = clock_now();

    while (h->root && h->root->expires <= now) {
        struct timer *t = h->root;
        void (*fn)(void *) = t->fn;
        void *arg = t->arg;

        cut(h, t);
        atomic_store(&h->running, t);
        spin_unlock_irq(&h->lock, f);
        fn(arg);
        f = spin_lock_irq(&h->lock);
        atomic_store(&h->running, NULL);
        now = clock_now();
    }
    h->deadline = h->root ? h->root->expires : ~0ull;
    clock_set_deadline(h->deadline);
    spin_unlock_irq(&h->lock, f);
}

/* The deadline has passed, so the machine has none now; the softirq sets the next. */
void timer_irq(void)
{
    softirq_raise(SOFTIRQ_TIMER);
}

void timer_subsys_init(void)
{
    for (unsigned cpu = 0; cpu < HV_MAX_CPUS; cpu++) {
        spin_init(&heaps[cpu].lock, RANK_TIMER);
        heaps[cpu].deadline = ~0ull;
        heaps[cpu].root = NULL;
    }
    softirq_register(SOFTIRQ_TIMER, timer_softirq);
}

#define DUMP_MAX 32

/* The heap's timers, parents first, as many as there is room for. */
static unsigned snapshot(const struct timer *t, struct timer *out, unsigned n)
{
    for (; t && n < DUMP_MAX; t = t->sibling) {
        out[n++] = *t;
        if (t->child) /* as deep as what is left of `out` */
            n = snapshot(t->child, out, n);
    }
    return n;
}

void timer_dump(void)
{
    struct timer found[DUMP_MAX];

    for (unsigned cpu = 0; cpu < cpu_count(); cpu++) {
        irqflags_t f = spin_lock_irq(&heaps[cpu].lock);
        unsigned n = snapshot(heaps[cpu].root, found, 0);
        uint64_t now = clock_now();

        spin_unlock_irq(&heaps[cpu].lock, f);
        log_info("CPU%u:\n", cpu);
        for (unsigned i = 0; i < n; i++)
            log_info("  in %ld us: %#lx(%#lx)\n", (long)(found[i].expires - now) / 1000,
                     (unsigned long)(uintptr_t)found[i].fn,
                     (unsigned long)(uintptr_t)found[i].arg);
    }
}
