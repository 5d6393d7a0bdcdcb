/* SPDX-License-Identifier: MIT */
/*
 * Ticket locks, reader/writer locks, and the check of their order.
 *
 * The check keeps a stack of held locks per CPU. An interrupt may come while a lock of
 * any rank is held and take one of lower rank, without harm, because such locks are never
 * held with irqs on; so a lock taken with irqs off is only compared with others taken
 * with irqs off.
 */
#include "kern/lock.h"
#include "kern/log.h"

#define HELD_MAX 16

struct held {
    const void *lock;
    uint16_t rank;
    bool irqs_on;
};
struct held_stack {
    struct held held[HELD_MAX];
    unsigned n;
} __attribute__((aligned(CACHE_LINE)));

static struct held_stack held_stack[LOCK_CHECK ? HV_MAX_CPUS : 1];

static void remember(const void *lock, uint16_t rank, bool irqs_on)
{
    struct held_stack *s;

    if (!LOCK_CHECK)
        return;
    s = &held_stack[cpu_id()];
    ASSERT(s->n < HELD_MAX);
    s->held[s->n++] = (struct held){lock, rank, irqs_on};
}

void lock_check_take(const void *lock, uint16_t rank, bool irqs_on)
{
    struct held_stack *s;

    if (!LOCK_CHECK)
        return;
    s = &held_stack[cpu_id()];
    for (unsigned i = 0; i < s->n; i++) {
        ASSERT(s->held[i].lock != lock);
        if (irqs_on || !s->held[i].irqs_on)
            ASSERT(s->held[i].rank <= rank);
    }
    remember(lock, rank, irqs_on);
}

/* Unlocking in another order than the reverse is fine. */
void lock_check_drop(const void *lock)
{
    struct held_stack *s;
    unsigned i;

    if (!LOCK_CHECK)
        return;
    s = &held_stack[cpu_id()];
    for (i = s->n; i > 0 && s->held[i - 1].lock != lock; i--)
        ;
    ASSERT(i > 0);
    for (; i < s->n; i++)
        s->held[i - 1] = s->held[i];
    s->n--;
}

void spin_init(spinlock_t *l, enum lock_rank rank)
{
    *l = (spinlock_t)SPINLOCK_INIT((uint16_t)rank);
}

static void own(spinlock_t *l)
{
    atomic_store_explicit(&l->owner, (uint16_t)(cpu_id() + 1), memory_order_relaxed);
}

void spin_wait(spinlock_t *l, uint16_t mine)
{
    while (atomic_load_explicit(&l->serving, memory_order_acquire) != mine)
        cpu_relax();
}

void spin_lock(spinlock_t *l)
{
    spin_take(l, LOCK_CHECK && irq_enabled());
    own(l);
}

/* A try may break the order: it cannot wait, so it is remembered but not compared. */
bool spin_trylock(spinlock_t *l)
{
    uint16_t s = atomic_load_explicit(&l->serving, memory_order_relaxed);

    if (!atomic_compare_exchange_strong_explicit(
            &l->next, &s, (uint16_t)(s + 1), memory_order_acquire, memory_order_relaxed))
        return false;
    remember(l, l->rank, LOCK_CHECK && irq_enabled());
    own(l);
    return true;
}

void spin_unlock(spinlock_t *l)
{
    atomic_store_explicit(&l->owner, 0, memory_order_relaxed);
    spin_drop(l);
}

bool spin_held(const spinlock_t *l)
{
    spinlock_t *m = (spinlock_t *)(uintptr_t)l;

    return atomic_load_explicit(&m->owner, memory_order_relaxed) == cpu_id() + 1;
}

#define WRITER (~0u)

void rwlock_init(rwlock_t *l, enum lock_rank rank)
{
    *l = (rwlock_t)RWLOCK_INIT((uint16_t)rank);
}

void read_lock(rwlock_t *l)
{
    uint32_t v = atomic_load_explicit(&l->v, memory_order_relaxed);

    lock_check_take(l, l->rank, LOCK_CHECK && irq_enabled());
    for (;;) {
        if (v == WRITER) {
            cpu_relax();
            v = atomic_load_explicit(&l->v, memory_order_relaxed);
        } else if (atomic_compare_exchange_weak_explicit(
                       &l->v, &v, v + 1, memory_order_acquire, memory_order_relaxed)) {
            return;
        }
    }
}

void read_unlock(rwlock_t *l)
{
    lock_check_drop(l);
    atomic_fetch_sub_explicit(&l->v, 1, memory_order_release);
}

void write_lock(rwlock_t *l)
{
    uint32_t none = 0;

    lock_check_take(l, l->rank, LOCK_CHECK && irq_enabled());
    while (!atomic_compare_exchange_weak_explicit(
        &l->v, &none, WRITER, memory_order_acquire, memory_order_relaxed)) {
        cpu_relax();
        none = 0;
    }
}

void write_unlock(rwlock_t *l)
{
    lock_check_drop(l);
    atomic_store_explicit(&l->v, 0, memory_order_release);
}
