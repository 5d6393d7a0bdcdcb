/* SPDX-License-Identifier: MIT */
/* 2-level event channels on vCPU 0, and time. */
#include "guest.h"
#include "abi/event_channel.h"
#include "abi/sched.h"
#include "abi/version.h"

volatile uint32_t event_count[4096];

void event_scan(void)
{
    struct hv_vcpu_info *v = &shared_info->vcpu_info[0];
    uint64_t words, ports;

    v->evtchn_upcall_pending = 0;
    words = __atomic_exchange_n(&v->evtchn_pending_sel, 0, __ATOMIC_SEQ_CST);
    while (words) {
        int w = __builtin_ctzl(words);

        words &= words - 1;
        ports = shared_info->evtchn_pending[w] & ~shared_info->evtchn_mask[w];
        __atomic_and_fetch(&shared_info->evtchn_pending[w], ~ports, __ATOMIC_SEQ_CST);
        for (; ports; ports &= ports - 1)
            event_count[w * 64 + __builtin_ctzl(ports)]++;
    }
}

void events_off(void)
{
    *(volatile uint8_t *)&shared_info->vcpu_info[0].evtchn_upcall_mask = 1;
}

/* A hypercall lets the hypervisor deliver what came while events were masked. */
void events_on(void)
{
    *(volatile uint8_t *)&shared_info->vcpu_info[0].evtchn_upcall_mask = 0;
    version_op(HV_VER_VERSION, NULL);
}

static uint64_t rdtsc(void)
{
    uint32_t lo, hi;

    asm volatile("rdtsc" : "=a"(lo), "=d"(hi));
    return (uint64_t)hi << 32 | lo;
}

uint64_t now_ns(void)
{
    volatile struct hv_vcpu_time_info *t = &shared_info->vcpu_info[0].time;
    uint64_t ns, delta;
    uint32_t version;

    do {
        version = t->version & ~1u;
        asm volatile("" ::: "memory");
        delta = rdtsc() - t->tsc_timestamp;
        delta = t->tsc_shift < 0 ? delta >> -t->tsc_shift : delta << t->tsc_shift;
        ns = t->system_time +
             (uint64_t)(((unsigned __int128)delta * t->tsc_to_system_mul) >> 32);
        asm volatile("" ::: "memory");
    } while (t->version != version);
    return ns;
}

bool event_wait(uint32_t port, uint32_t count)
{
    uint64_t end = now_ns() + PATIENCE_NS;

    while (event_count[port] < count && now_ns() < end)
        sched_op(HV_SCHEDOP_YIELD, NULL);
    return event_count[port] >= count;
}

long evtchn_alloc_loop(uint32_t *port)
{
    struct hv_evtchn_alloc_unbound a = {.dom = HV_DOMID_SELF,
                                        .remote_dom = HV_DOMID_SELF};
    long rc = evtchn_op(HV_EVTCHNOP_ALLOC_UNBOUND, &a);

    *port = a.port;
    return rc;
}
