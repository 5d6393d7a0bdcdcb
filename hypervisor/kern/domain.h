/* SPDX-License-Identifier: MIT */
/* Domains: life cycle, lookup, references.
 *
 * Legend for fields: (c) set at creation, never changed; (d) under d->lock; (a) atomic;
 * (s) the scheduler's lock; (r) owned by the room named, only its files look inside. */
#ifndef KERN_DOMAIN_H
#define KERN_DOMAIN_H

#include "abi/xen.h"
#include "kern/lock.h"
#include "kern/softirq.h"
#include "lib/list.h"
#include "lib/types.h"

struct vcpu;
struct rangeset;
struct hv_domctl_createdomain;

#define HV_MAX_VCPUS 128 /* of a domain */

enum dying_state { DOM_ALIVE, DOM_DYING, DOM_DEAD };

struct domain {
    domid_t id;            /* (c) */
    bool privileged;       /* (c) the control domain */
    bool is_hvm;           /* (c) */
    uint32_t create_flags; /* (c) HV_DOMCTL_CDF_* */
    uint32_t ssidref;      /* (c) */
    uint8_t handle[16];    /* (d) uuid */
    _Atomic uint32_t refs; /* (a) */
    _Atomic bool ready;    /* (a) creation is complete: lookups find it */
    _Atomic int dying;     /* (a) enum dying_state */
    spinlock_t lock;
    struct list_head list;    /* all domains by rising id, RANK_DOMLIST */
    struct domain *hash_next; /* RANK_DOMLIST */
    struct task free_task;    /* the last put may happen anywhere; freeing is put off */
    unsigned kill_at;         /* rooms.c: how far killing has got */

    unsigned max_vcpus; /* (c) */
    struct vcpu **vcpu; /* (c) array of max_vcpus; entries appear under d->lock */

    bool is_shutting_down, is_shut_down; /* (d) */
    int shutdown_code;                   /* (d) HV_SHUTDOWN_*, -1: none */
    unsigned controller_pauses;          /* (d) domctl pause count */
    _Atomic int pauses;                  /* (a) vCPUs do not run while it is not 0 */
    bool creation_finished;              /* (d) first unpause happened */

    /* (c) in hypervisor memory, a frame shared with the guest */
    struct hv_shared_info *shared;
    mfn_t shared_mfn;   /* (c) */
    uint64_t vm_assist; /* (a) bits of HV_VMASST_TYPE_* */

    /* (d) what it may touch: frames, ports, pirqs */
    struct rangeset *iomem, *ioports, *irqs;

    struct mm_domain *mm;         /* (r) mm/page.c */
    struct evtchn_domain *evtchn; /* (r) comm/event.c */
    struct grant_domain *grant;   /* (r) comm/grant.c */
    struct pirq_domain *pirq;     /* (r) comm/pirq.c */
    struct pv_domain *pv;         /* (r) guest/pv/domain.c */
    struct time_domain *time;     /* (r) guest/time.c */
    struct sched_domain *sched;   /* (r) kern/sched_credit.c */
    struct watchdogs *watchdogs;  /* (r) kern/watchdog.c */
};

extern struct domain *dom0; /* the control domain; NULL before it exists */

void domains_init(void); /* boot */
/* Owners that are not guests (HV_DOMID_IO, _XEN, _IDLE): no vCPUs, no rooms, not in the
 * list. NULL: no memory. */
struct domain *domain_create_special(domid_t id);

/* Creates it paused, with one controller pause, all rooms initialised, in the list. id
 * HV_DOMID_INVALID picks a free one. *out holds a reference. */
int must_check domain_create(domid_t id, const struct hv_domctl_createdomain *c,
                             struct domain **out);
/* a reference, or NULL; finds dying ones until they are gone */
struct domain *domain_get(domid_t id);
/* first with id >= the given, with a reference, or NULL */
struct domain *domain_get_next(domid_t id);
bool domain_hold(struct domain *d); /* one more reference; false when the last is gone */
void domain_put(struct domain *d);
/* Takes everything back; -ERESTART: call again (was preempted). The id stays taken until
 * the last put. */
int domain_kill(struct domain *d);

/* waits until no vCPU runs; not for the own domain */
void domain_pause(struct domain *d);
void domain_pause_nosync(struct domain *d);
void domain_unpause(struct domain *d);
int domain_pause_by_controller(struct domain *d);
int domain_unpause_by_controller(struct domain *d);
/* HV_SHUTDOWN_*; raises VIRQ_DOM_EXC to the store's domain */
void domain_shutdown(struct domain *d, int reason);
/* SCHEDOP_shutdown_code: what a shutdown that comes later will be called. */
void domain_set_shutdown_code(struct domain *d, int reason);
int domain_resume(struct domain *d);
/* SCHEDOP_watchdog: id 0 makes one (its id is the result), timeout 0 ends it. When it
 * fires the domain is shut down with HV_SHUTDOWN_WATCHDOG. */
int domain_watchdog(struct domain *d, uint32_t id, uint32_t seconds);
void domain_watchdog_stop(struct domain *d);
/* The guest did what it must not: logs the line, shuts it down with HV_SHUTDOWN_CRASH.
 * Returns at once. */
void domain_crash(struct domain *d, const char *fmt, ...) printf_like(2, 3);
/* VIRQ_DOM_EXC and other global virqs: who gets them is comm's affair; it sets this. */
extern void (*domain_state_changed)(struct domain *d);

#endif
