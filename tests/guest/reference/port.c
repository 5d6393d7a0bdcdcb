/* SPDX-License-Identifier: MIT */
/* front/port.h for this kernel: pages of a pool, version 1 grants, 2-level events. */
#include "abi/event_channel.h"
#include "abi/grant_table.h"
#include "abi/sched.h"
#include "reference.h"

/* ---- Pages: the first run of free ones ---- */
#define POOL_PAGES 1200
static char pool[POOL_PAGES][PAGE_SIZE] __attribute__((aligned(4096)));
static bool used[POOL_PAGES];

void *front_pages(unsigned int n)
{
    unsigned int free = 0;

    for (unsigned int i = 0; i < POOL_PAGES; i++) {
        free = used[i] ? 0 : free + 1;
        if (free < n)
            continue;
        i -= n - 1;
        memset(used + i, 1, n);
        memset(pool[i], 0, n * PAGE_SIZE);
        return pool[i];
    }
    return NULL;
}

void front_pages_free(void *pages, unsigned int n)
{
    memset(used + ((char *)pages - pool[0]) / PAGE_SIZE, 0, n);
}

/* ---- Grants: a list of free ones through a table of our own ---- */
#define GRANT_FRAMES 8
#define GRANTS       (GRANT_FRAMES * 512U)
#define FIRST_GRANT  HV_GNTTAB_NR_RESERVED_ENTRIES
static struct hv_grant_entry_v1 *table;
static uint32_t next_free[GRANTS], free_grants;

static void grants_init(void)
{
    uint64_t frames[GRANT_FRAMES];
    struct hv_gnttab_setup_table s = {
        .dom = HV_DOMID_SELF, .nr_frames = GRANT_FRAMES, .frame_list = P(frames)};

    if (grant_op(HV_GNTTABOP_SETUP_TABLE, &s, 1) || s.status)
        say("no grant table: %d\n", s.status);
    table = front_pages(GRANT_FRAMES);
    for (int i = 0; i < GRANT_FRAMES; i++)
        map_mfn((char *)table + (size_t)i * PAGE_SIZE, frames[i] << 12 | PTE_RW);
    for (uint32_t i = GRANTS - 1; i >= FIRST_GRANT; i--) {
        next_free[i] = free_grants;
        free_grants = i;
    }
}

int front_grant(uint16_t dom, const void *p, bool readonly)
{
    uint32_t ref = free_grants;
    uint16_t flags = HV_GTF_PERMIT_ACCESS | (readonly ? HV_GTF_READONLY : 0);

    if (!ref)
        return -ENOSPC;
    free_grants = next_free[ref];
    table[ref].domid = dom;
    table[ref].frame = (uint32_t)va_mfn(p);
    __atomic_store_n(&table[ref].flags, flags, __ATOMIC_RELEASE);
    return (int)ref;
}

int front_revoke(uint32_t ref)
{
    uint16_t flags = __atomic_load_n(&table[ref].flags, __ATOMIC_ACQUIRE);

    do {
        if (flags & (HV_GTF_READING | HV_GTF_WRITING))
            return -EBUSY;
    } while (!__atomic_compare_exchange_n(&table[ref].flags, &flags, 0, false,
                                          __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
    next_free[ref] = free_grants;
    free_grants = ref;
    return 0;
}

/* ---- Events ---- */
#define LISTENERS 16
static struct {
    uint32_t port, seen;
    void (*fn)(void *);
    void *arg;
} listener[LISTENERS];

void port_listen(uint32_t port, void (*fn)(void *), void *arg)
{
    struct hv_evtchn_unmask unmask = {port};
    int i = 0;

    while (listener[i].port)
        i++;
    listener[i].port = port;
    listener[i].seen = event_count[port];
    listener[i].fn = fn;
    listener[i].arg = arg;
    evtchn_op(HV_EVTCHNOP_UNMASK, &unmask);
}

int front_event_open(uint16_t dom, void (*fn)(void *arg), void *arg)
{
    struct hv_evtchn_alloc_unbound a = {.dom = HV_DOMID_SELF, .remote_dom = dom};
    long rc = evtchn_op(HV_EVTCHNOP_ALLOC_UNBOUND, &a);

    if (rc)
        return (int)rc;
    port_listen(a.port, fn, arg);
    return (int)a.port;
}

void front_event_close(uint32_t port)
{
    struct hv_evtchn_close c = {port};

    for (int i = 0; i < LISTENERS; i++)
        if (listener[i].port == port)
            listener[i].port = 0;
    evtchn_op(HV_EVTCHNOP_CLOSE, &c);
}

void front_event_send(uint32_t port)
{
    struct hv_evtchn_send s = {port};

    evtchn_op(HV_EVTCHNOP_SEND, &s);
}

/* Calls what the events since the last time are for; whether there were any. */
static bool dispatch(void)
{
    bool any = false;

    for (int i = 0; i < LISTENERS; i++) {
        uint32_t now =
            listener[i].port ? event_count[listener[i].port] : listener[i].seen;

        if (now == listener[i].seen)
            continue;
        listener[i].seen = now;
        any = true;
        if (listener[i].fn)
            listener[i].fn(listener[i].arg);
    }
    return any;
}

/* With events off between looking and blocking none can slip through: block turns them
 * on. */
void port_wait(void)
{
    for (;;) {
        events_off();
        if (dispatch())
            break;
        sched_op(HV_SCHEDOP_BLOCK, NULL);
    }
    events_on();
}

void port_alarm(uint64_t ns)
{
    hcall1(HV_CALL_SET_TIMER_OP, ns);
}

void port_init(void)
{
    struct hv_evtchn_bind_virq timer = {.virq = HV_VIRQ_TIMER};

    grants_init();
    if (evtchn_op(HV_EVTCHNOP_BIND_VIRQ, &timer))
        say("no timer\n");
    port_listen(timer.port, NULL, NULL);
    events_on();
}
