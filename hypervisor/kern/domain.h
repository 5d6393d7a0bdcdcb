/* SPDX-License-Identifier: MIT */
/* Domains: life cycle, lookup, references.
 *
 * Legend for fields: (c) set at creation, never changed; (d) under d->lock; (a) atomic; (s) the scheduler's
 * lock; (r) owned by the room named, only its files look inside. */
#ifndef KERN_DOMAIN_H
#define KERN_DOMAIN_H

#include "abi/xen.h"
#include "kern/lock.h"
#include "lib/list.h"
#include "lib/types.h"

struct vcpu;
struct rangeset;
struct hv_domctl_createdomain;

enum dying_state { DOM_ALIVE, DOM_DYING, DOM_DEAD };

struct domain {
    domid_t id;                      /* (c) */
    bool privileged;                 /* (c) the control domain */
    bool is_hvm;                     /* (c) */
    uint32_t create_flags;           /* (c) HV_DOMCTL_CDF_* */
    uint32_t ssidref;                /* (c) */
    uint8_t handle[16];              /* (d) uuid */
    _Atomic uint32_t refs;           /* (a) */
    _Atomic int dying;               /* (a) enum dying_state */
    spinlock_t lock;
    struct list_head list;           /* all domains, RANK_DOMLIST */

    unsigned max_vcpus;              /* (c) */
    struct vcpu **vcpu;              /* (c) array of max_vcpus; entries appear under d->lock */

    bool is_shutting_down, is_shut_down; /* (d) */
    int shutdown_code;               /* (d) HV_SHUTDOWN_*, -1: none */
    unsigned controller_pauses;      /* (d) domctl pause count */
    _Atomic int pauses;              /* (a) vCPUs do not run while it is not 0 */
    bool creation_finished;          /* (d) first unpause happened */

    struct hv_shared_info *shared;   /* (c) in hypervisor memory, a frame shared with the guest */
    mfn_t shared_mfn;                /* (c) */
    uint64_t vm_assist;              /* (a) bits of HV_VMASST_TYPE_* */
    bool suspend_evtchn_set;

    struct rangeset *iomem, *ioports, *irqs; /* (d) what it may touch: frames, ports, pirqs */

    struct mm_domain *mm;            /* (r) mm/page.c */
    struct evtchn_domain *evtchn;    /* (r) comm/event.c */
    struct grant_domain *grant;      /* (r) comm/grant.c */
    struct pirq_domain *pirq;        /* (r) comm/pirq.c */
    struct pv_domain *pv;            /* (r) guest/pv/domain.c */
    struct time_domain *time;        /* (r) guest/time.c */
    struct sched_domain *sched;      /* (r) kern/sched_credit.c */
};

extern struct domain *dom0;          /* the control domain; NULL before it exists */

/* Creates it paused, with one controller pause, all rooms initialised, in the list. id HV_DOMID_INVALID picks
 * a free one. *out holds a reference. */
int must_check domain_create(domid_t id, const struct hv_domctl_createdomain *c, struct domain **out);
struct domain *domain_get(domid_t id);   /* a reference, or NULL; finds dying ones until they are gone */
struct domain *domain_get_next(domid_t id); /* first with id >= the given, with a reference, or NULL */
bool domain_hold(struct domain *d);      /* one more reference; false when the last is gone */
void domain_put(struct domain *d);
/* Takes everything back; -ERESTART: call again (was preempted). The id stays taken until the last put. */
int domain_kill(struct domain *d);

void domain_pause(struct domain *d);          /* waits until no vCPU runs; not for the own domain */
void domain_pause_nosync(struct domain *d);
void domain_unpause(struct domain *d);
int domain_pause_by_controller(struct domain *d);
int domain_unpause_by_controller(struct domain *d);
void domain_shutdown(struct domain *d, int reason); /* HV_SHUTDOWN_*; raises VIRQ_DOM_EXC to the store's domain */
int domain_resume(struct domain *d);
/* The guest did what it must not: logs the line, shuts it down with HV_SHUTDOWN_CRASH. Returns at once. */
void domain_crash(struct domain *d, const char *fmt, ...) printf_like(2, 3);
/* VIRQ_DOM_EXC and other global virqs: who gets them is comm's affair; it sets this. */
extern void (*domain_state_changed)(struct domain *d);

#endif
