/* SPDX-License-Identifier: MIT */
/* Spin locks with ranks. A CPU takes locks in rising rank; debug builds check it. */
#ifndef KERN_LOCK_H
#define KERN_LOCK_H

#include <stdatomic.h>
#include "port/cpu.h"

enum lock_rank {
    RANK_DOMCTL = 10, /* one control operation at a time */
    RANK_DOMLIST = 20,
    RANK_DOMAIN = 30, /* struct domain: life cycle */
    RANK_GRANT = 40,
    RANK_EVENT = 45,
    RANK_PAGELOCK = 50, /* one page table page */
    RANK_PAGELIST = 55, /* a domain's page list and counters */
    RANK_PIRQ = 60,
    RANK_CHANNEL = 62, /* one event channel; interrupts take it */
    RANK_FIFO = 64,    /* a domain's FIFO queues */
    RANK_SCHED = 70,   /* a run queue */
    RANK_TIMER = 75,
    RANK_HEAP = 80,
    RANK_FRAMES = 85, /* frame allocator */
    RANK_IRQ = 90,
    RANK_CONSOLE = 95,
    RANK_LEAF = 100, /* takes no other */
};

/* Built with LOCK_CHECK=1 (the host port, debug builds) every lock taken is checked: not
 * held already, and of no lower rank than those held. Two locks of one rank are ordered
 * by the room that has them. A lock that an interrupt handler takes is only ever taken by
 * spin_lock_irq(). */
#ifndef LOCK_CHECK
#define LOCK_CHECK 0
#endif

typedef struct {
    _Atomic uint16_t next;    /* ticket for the one who comes */
    _Atomic uint16_t serving; /* ticket that holds the lock */
    uint16_t rank;
    _Atomic uint16_t owner; /* CPU + 1, 0: nobody */
} spinlock_t;
#define SPINLOCK_INIT(r)                                                                 \
    {                                                                                    \
        0, 0, (r), 0                                                                     \
    }
void spin_init(spinlock_t *l, enum lock_rank rank);
void spin_lock(spinlock_t *l); /* not for locks that interrupts take */
bool spin_trylock(spinlock_t *l);
void spin_unlock(spinlock_t *l);
/* spin_lock_irq(), spin_unlock_irq(): below, in line, for events take several of them
 * each.
 */
/* by this CPU; only for locks that are taken by spin_lock() */
bool spin_held(const spinlock_t *l);

/* lock.c's parts of them. */
void lock_check_take(const void *lock, uint16_t rank, bool irqs_on);
void lock_check_drop(const void *lock);
void spin_wait(spinlock_t *l, uint16_t mine); /* until the ticket's turn has come */

/* The load pairs with the release in spin_drop(). */
static inline void spin_take(spinlock_t *l, bool irqs_on)
{
    uint16_t mine;

    if (LOCK_CHECK)
        lock_check_take(l, l->rank, irqs_on);
    mine = atomic_fetch_add_explicit(&l->next, 1, memory_order_relaxed);
    if (unlikely(atomic_load_explicit(&l->serving, memory_order_acquire) != mine))
        spin_wait(l, mine);
}

static inline void spin_drop(spinlock_t *l)
{
    uint16_t s = atomic_load_explicit(&l->serving, memory_order_relaxed);

    if (LOCK_CHECK)
        lock_check_drop(l);
    atomic_store_explicit(&l->serving, (uint16_t)(s + 1), memory_order_release);
}

/* Masks interrupts first. */
static inline irqflags_t must_check spin_lock_irq(spinlock_t *l)
{
    irqflags_t f = irq_save();

    spin_take(l, false);
    return f;
}

static inline void spin_unlock_irq(spinlock_t *l, irqflags_t f)
{
    spin_drop(l);
    irq_restore(f);
}

/* The same where interrupts are known to be on, as in a hypercall's handler. */
static inline void spin_lock_irq_off(spinlock_t *l)
{
    irq_disable();
    spin_take(l, false);
}

static inline void spin_unlock_irq_on(spinlock_t *l)
{
    spin_drop(l);
    irq_enable();
}

typedef struct {
    _Atomic uint32_t v; /* readers, or ~0 for a writer */
    uint16_t rank;
} rwlock_t;
#define RWLOCK_INIT(r)                                                                   \
    {                                                                                    \
        0, (r)                                                                           \
    }
void rwlock_init(rwlock_t *l, enum lock_rank rank);
void read_lock(rwlock_t *l);
void read_unlock(rwlock_t *l);
void write_lock(rwlock_t *l);
void write_unlock(rwlock_t *l);

#endif
