/* SPDX-License-Identifier: MIT */
/* Event channels of every kind in the 2-level ABI, and what is refused. */
#include "guest.h"
#include "abi/event_channel.h"
#include "abi/physdev.h"
#include "abi/sched.h"

static long status(uint32_t port, struct hv_evtchn_status *st)
{
    *st = (struct hv_evtchn_status){.dom = HV_DOMID_SELF, .port = port};
    return evtchn_op(HV_EVTCHNOP_STATUS, st);
}

static long close_port(uint32_t port)
{
    struct hv_evtchn_close c = {port};

    return evtchn_op(HV_EVTCHNOP_CLOSE, &c);
}

static long send(uint32_t port)
{
    struct hv_evtchn_send s = {port};

    return evtchn_op(HV_EVTCHNOP_SEND, &s);
}

static bool pending(uint32_t port)
{
    return shared_info->evtchn_pending[port / 64] >> (port % 64) & 1;
}

static void set_mask(uint32_t port, bool on)
{
    uint64_t bit = 1UL << (port % 64);

    if (on)
        __atomic_or_fetch(&shared_info->evtchn_mask[port / 64], bit, __ATOMIC_SEQ_CST);
    else
        __atomic_and_fetch(&shared_info->evtchn_mask[port / 64], ~bit, __ATOMIC_SEQ_CST);
}

static void loop(void)
{
    struct hv_evtchn_bind_interdomain b = {.remote_dom = HV_DOMID_SELF};
    struct hv_evtchn_status st;
    uint32_t a;

    test_num("evtchn: a port is allocated", evtchn_alloc_loop(&a), 0);
    test_true("evtchn: it is not port 0", a != 0);
    test_num("evtchn: its status is known", status(a, &st), 0);
    test_num("evtchn: it is unbound", st.status, HV_EVTCHNSTAT_UNBOUND);
    test_num("evtchn: waiting for the caller", st.u.unbound.dom, 0);
    test_num("evtchn: a send on it is taken", send(a), 0);
    b.remote_port = a;
    test_num("evtchn: it can be bound", evtchn_op(HV_EVTCHNOP_BIND_INTERDOMAIN, &b), 0);
    test_true("evtchn: the new end starts pending", pending(b.local_port));
    test_num("evtchn: not twice", evtchn_op(HV_EVTCHNOP_BIND_INTERDOMAIN, &b), -EINVAL);
    test_num("evtchn: the status is interdomain", status(a, &st) + st.status,
             HV_EVTCHNSTAT_INTERDOMAIN);
    test_num("evtchn: with the other port", st.u.interdomain.port, b.local_port);
    events_on();
    test_true("evtchn: the event is delivered when unmasked",
              event_wait(b.local_port, 1));
    test_num("evtchn: send works", send(a), 0);
    test_true("evtchn: and reaches the other end", event_wait(b.local_port, 2));
    test_num("evtchn: in both directions", send(b.local_port), 0);
    test_true("evtchn: reaches this end", event_wait(a, 1));

    set_mask(a, true);
    send(b.local_port);
    test_num("evtchn: a masked port is not delivered", event_count[a], 1);
    test_true("evtchn: but pending", pending(a));
    set_mask(a, false);
    struct hv_evtchn_unmask um = {a};
    test_num("evtchn: unmask is a call", evtchn_op(HV_EVTCHNOP_UNMASK, &um), 0);
    set_mask(a, true);
    test_num("evtchn: which delivers", evtchn_op(HV_EVTCHNOP_UNMASK, &um), 0);
    test_true("evtchn: the pending event", event_wait(a, 2));
    events_off();
    send(b.local_port);
    test_num("evtchn: nothing is delivered with upcalls masked", event_count[a], 2);
    test_true("evtchn: the vCPU knows",
              shared_info->vcpu_info[0].evtchn_upcall_pending == 1);
    test_true("evtchn: and which word", shared_info->vcpu_info[0].evtchn_pending_sel & 1);
    events_on();
    test_true("evtchn: it comes later", event_wait(a, 3));

    test_num("evtchn: one end closes", close_port(a), 0);
    test_num("evtchn: the other is unbound again", status(b.local_port, &st) + st.status,
             HV_EVTCHNSTAT_UNBOUND);
    test_num("evtchn: the closed one is closed", status(a, &st) + st.status,
             HV_EVTCHNSTAT_CLOSED);
    test_num("evtchn: it cannot be closed again", close_port(a), -EINVAL);
    test_num("evtchn: nor sent to", send(a), -EINVAL);
    close_port(b.local_port);
}

static void ipi(void)
{
    struct hv_evtchn_bind_ipi b = {.vcpu = 0};
    struct hv_evtchn_bind_vcpu v = {.vcpu = 0};
    struct hv_evtchn_status st;

    test_num("evtchn: an IPI port is bound", evtchn_op(HV_EVTCHNOP_BIND_IPI, &b), 0);
    test_num("evtchn: its status says so", status(b.port, &st) + st.status,
             HV_EVTCHNSTAT_IPI);
    event_count[b.port] = 0;
    test_num("evtchn: it is sent", send(b.port), 0);
    test_true("evtchn: and arrives", event_wait(b.port, 1));
    v.port = b.port;
    test_num("evtchn: an IPI port cannot move", evtchn_op(HV_EVTCHNOP_BIND_VCPU, &v),
             -EINVAL);
    b.vcpu = 99;
    test_num("evtchn: no IPI of a missing vCPU", evtchn_op(HV_EVTCHNOP_BIND_IPI, &b),
             -ENOENT);
    close_port(v.port);
}

static void virq(void)
{
    struct hv_evtchn_bind_virq t = {.virq = HV_VIRQ_TIMER, .vcpu = 0}, u;
    struct hv_evtchn_bind_vcpu v = {.vcpu = 0};
    struct hv_evtchn_status st;

    test_num("evtchn: the timer's VIRQ is bound", evtchn_op(HV_EVTCHNOP_BIND_VIRQ, &t),
             0);
    u = t;
    test_num("evtchn: once only", evtchn_op(HV_EVTCHNOP_BIND_VIRQ, &u), -EEXIST);
    test_num("evtchn: its status", status(t.port, &st) + st.status, HV_EVTCHNSTAT_VIRQ);
    test_num("evtchn: has the VIRQ", st.u.virq, HV_VIRQ_TIMER);
    event_count[t.port] = 0;
    hcall1(HV_CALL_SET_TIMER_OP, now_ns() + 1000000);
    test_true("evtchn: it fires", event_wait(t.port, 1));
    test_num("evtchn: a VIRQ cannot be sent to", send(t.port), -EINVAL);
    v.port = t.port;
    test_num("evtchn: a vCPU's VIRQ cannot move", evtchn_op(HV_EVTCHNOP_BIND_VCPU, &v),
             -EINVAL);
    close_port(t.port);
    u = (struct hv_evtchn_bind_virq){.virq = HV_VIRQ_CONSOLE, .vcpu = 0};
    test_num("evtchn: dom0 gets the console's VIRQ", evtchn_op(HV_EVTCHNOP_BIND_VIRQ, &u),
             0);
    v.port = u.port;
    test_num("evtchn: a global VIRQ may move", evtchn_op(HV_EVTCHNOP_BIND_VCPU, &v), 0);
    close_port(u.port);
    u.virq = HV_NR_VIRQS;
    test_num("evtchn: no such VIRQ", evtchn_op(HV_EVTCHNOP_BIND_VIRQ, &u), -EINVAL);
    u.virq = HV_VIRQ_TIMER;
    u.vcpu = 77;
    test_num("evtchn: no VIRQ of a missing vCPU", evtchn_op(HV_EVTCHNOP_BIND_VIRQ, &u),
             -ENOENT);
}

static void pirq(void)
{
    struct hv_evtchn_bind_pirq p = {.pirq = 0xfffff};
    struct hv_physdev_setup_gsi gsi = {.gsi = 8};
    struct hv_physdev_map_pirq map = {
        .domid = HV_DOMID_SELF, .type = HV_MAP_PIRQ_TYPE_GSI, .index = 8, .pirq = 8};
    struct hv_evtchn_status st;

    test_num("evtchn: no such physical interrupt", evtchn_op(HV_EVTCHNOP_BIND_PIRQ, &p),
             -EINVAL);
    p.pirq = 8; /* the RTC, which nobody else uses here */
    test_num("evtchn: an interrupt must be mapped first",
             evtchn_op(HV_EVTCHNOP_BIND_PIRQ, &p), -EPERM);
    test_num("evtchn: its line is set up", physdev_op(HV_PHYSDEVOP_SETUP_GSI, &gsi), 0);
    test_num("evtchn: it is mapped", physdev_op(HV_PHYSDEVOP_MAP_PIRQ, &map), 0);
    test_num("evtchn: a physical interrupt is bound",
             evtchn_op(HV_EVTCHNOP_BIND_PIRQ, &p), 0);
    test_num("evtchn: its status", status(p.port, &st) + st.status, HV_EVTCHNSTAT_PIRQ);
    test_num("evtchn: has the number", st.u.pirq, 8);
    test_num("evtchn: once only", evtchn_op(HV_EVTCHNOP_BIND_PIRQ, &p), -EEXIST);
    test_num("evtchn: it is closed", close_port(p.port), 0);
}

static void refused(void)
{
    struct hv_evtchn_alloc_unbound a = {.dom = HV_DOMID_SELF, .remote_dom = 1};
    struct hv_evtchn_bind_interdomain b = {.remote_dom = 1234, .remote_port = 1};
    struct hv_evtchn_bind_vcpu v = {.port = 5000, .vcpu = 0};
    struct hv_evtchn_status st;

    a.dom = 1234;
    test_num("evtchn: no port in a missing domain",
             evtchn_op(HV_EVTCHNOP_ALLOC_UNBOUND, &a), -ESRCH);
    test_num("evtchn: no binding to a missing domain",
             evtchn_op(HV_EVTCHNOP_BIND_INTERDOMAIN, &b), -ESRCH);
    b.remote_dom = HV_DOMID_SELF;
    b.remote_port = 0;
    test_num("evtchn: port 0 is nobody's", evtchn_op(HV_EVTCHNOP_BIND_INTERDOMAIN, &b),
             -EINVAL);
    b.remote_port = 0xffffffff;
    test_num("evtchn: no port so high", evtchn_op(HV_EVTCHNOP_BIND_INTERDOMAIN, &b),
             -EINVAL);
    test_num("evtchn: no status of such a port", status(0xffffffff, &st), -EINVAL);
    test_num("evtchn: no close of such a port", close_port(0xffffffff), -EINVAL);
    test_num("evtchn: no close of port 0", close_port(0), -EINVAL);
    test_num("evtchn: no send to such a port", send(0xffffffff), -EINVAL);
    test_num("evtchn: no move of such a port", evtchn_op(HV_EVTCHNOP_BIND_VCPU, &v),
             -EINVAL);
    test_num("evtchn: an unknown operation", evtchn_op(99, &v), -ENOSYS);
}

static void fill_and_reset(void)
{
    struct hv_evtchn_reset r = {HV_DOMID_SELF};
    uint32_t port = 0, n = 0;
    long rc;

    while ((rc = evtchn_alloc_loop(&port)) == 0)
        n++;
    test_num("evtchn: ports run out", rc, -ENOSPC);
    test_true("evtchn: near 4096 in the 2-level ABI", n > 4000 && n < 4096);
    test_num("evtchn: reset closes all", evtchn_op(HV_EVTCHNOP_RESET, &r), 0);
    test_num("evtchn: then there are ports again", evtchn_alloc_loop(&port), 0);
    test_true("evtchn: low ones", port < 64);
}

static void block(void)
{
    struct hv_evtchn_bind_virq t = {.virq = HV_VIRQ_TIMER, .vcpu = 0};
    struct hv_sched_poll poll = {.ports = P(&t.port), .nr_ports = 1};
    uint64_t start = now_ns(), passed;

    evtchn_op(HV_EVTCHNOP_BIND_VIRQ, &t);
    events_off();
    event_count[t.port] = 0;
    hcall1(HV_CALL_SET_TIMER_OP, start + 30000000);
    sched_op(HV_SCHEDOP_BLOCK, NULL);
    passed = now_ns() - start;
    test_true("evtchn: block sleeps until an event", passed >= 29000000);
    test_num("evtchn: and unmasks upcalls: it was delivered", event_count[t.port], 1);
    events_off();
    start = now_ns();
    poll.timeout = start + 20000000;
    test_num("evtchn: poll returns", sched_op(HV_SCHEDOP_POLL, &poll), 0);
    test_true("evtchn: after its time", now_ns() - start >= 19000000);
    start = now_ns();
    hcall1(HV_CALL_SET_TIMER_OP, start + 10000000);
    poll.timeout = start + 2 * PATIENCE_NS;
    test_num("evtchn: poll returns for a port", sched_op(HV_SCHEDOP_POLL, &poll), 0);
    test_true("evtchn: long before its time", now_ns() - start < PATIENCE_NS);
    test_true("evtchn: the port is pending then", pending(t.port));
    test_num("evtchn: poll with a pending port returns at once",
             sched_op(HV_SCHEDOP_POLL, &poll), 0);
    poll.nr_ports = 129;
    test_num("evtchn: not too many ports", sched_op(HV_SCHEDOP_POLL, &poll), -EINVAL);
    close_port(t.port);
}

void test_main(void)
{
    events_off();
    loop();
    ipi();
    virq();
    pirq();
    refused();
    block();
    fill_and_reset();
}
