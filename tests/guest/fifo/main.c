/* SPDX-License-Identifier: MIT */
/* The FIFO ABI of event channels: queues, priorities, many ports. */
#include "guest.h"
#include "abi/event_channel.h"

static struct hv_evtchn_fifo_control_block *control;
static uint32_t *words[4]; /* event array: 1024 ports a page */
static uint32_t head[HV_EVTCHN_FIFO_MAX_QUEUES];
static uint32_t order[64];
static int served;

#define BIT(n) (1u << (n))

static uint32_t *word(uint32_t port)
{
    return &words[port / 1024][port % 1024];
}

/* Takes one event off a queue: clears Linked and the link, keeps the rest. */
static uint32_t unlink_event(uint32_t *w)
{
    uint32_t old = __atomic_load_n(w, __ATOMIC_ACQUIRE), new;

    do
        new = old & ~(BIT(HV_EVTCHN_FIFO_LINKED) | HV_EVTCHN_FIFO_LINK_MASK);
    while (!__atomic_compare_exchange_n(w, &old, new, false, __ATOMIC_SEQ_CST,
                                        __ATOMIC_SEQ_CST));
    return old & HV_EVTCHN_FIFO_LINK_MASK;
}

static void drain(int q, uint32_t *ready)
{
    while (*ready & BIT(q)) {
        uint32_t port = head[q] ? head[q] : control->head[q];
        uint32_t *w = word(port);

        head[q] = unlink_event(w);
        if (!head[q])
            *ready &= ~BIT(q);
        if ((*w & BIT(HV_EVTCHN_FIFO_PENDING)) && !(*w & BIT(HV_EVTCHN_FIFO_MASKED))) {
            __atomic_and_fetch(w, ~BIT(HV_EVTCHN_FIFO_PENDING), __ATOMIC_SEQ_CST);
            if (served < 64)
                order[served] = port;
            served++;
            if (port < 4096)
                event_count[port]++;
        }
    }
}

static bool fifo_hook(struct frame *f)
{
    uint32_t ready;

    if (f->vector != ENTRY_EVENT)
        return false;
    shared_info->vcpu_info[0].evtchn_upcall_pending = 0;
    ready = __atomic_exchange_n(&control->ready, 0, __ATOMIC_SEQ_CST);
    while (ready) {
        drain(__builtin_ctz(ready), &ready);
        ready |= __atomic_exchange_n(&control->ready, 0, __ATOMIC_SEQ_CST);
    }
    return true;
}

static long expand(uint32_t *page)
{
    struct hv_evtchn_expand_array e = {va_mfn(page)};

    return evtchn_op(HV_EVTCHNOP_EXPAND_ARRAY, &e);
}

static void start(void)
{
    struct hv_evtchn_init_control c = {0};
    void *page = page_alloc();

    test_num("fifo: no array before the control block", expand(page), -EOPNOTSUPP);
    control = (void *)((char *)page + 1024);
    c.control_gfn = va_mfn(page);
    c.offset = 1025;
    test_num("fifo: a control block must be aligned",
             evtchn_op(HV_EVTCHNOP_INIT_CONTROL, &c), -EINVAL);
    c.offset = 4096 - 16;
    test_num("fifo: it must lie within its page", evtchn_op(HV_EVTCHNOP_INIT_CONTROL, &c),
             -EINVAL);
    c.offset = 1024;
    c.vcpu = 55;
    test_num("fifo: it belongs to an existing vCPU",
             evtchn_op(HV_EVTCHNOP_INIT_CONTROL, &c), -ENOENT);
    c.vcpu = 0;
    c.control_gfn = 0xffffffffff;
    test_num("fifo: it needs a page", evtchn_op(HV_EVTCHNOP_INIT_CONTROL, &c), -EINVAL);
    c.control_gfn = va_mfn(page);
    test_num("fifo: init_control", evtchn_op(HV_EVTCHNOP_INIT_CONTROL, &c), 0);
    test_num("fifo: link_bits is 17", c.link_bits, HV_EVTCHN_FIFO_LINK_BITS);
    test_true("fifo: a second control block is refused",
              evtchn_op(HV_EVTCHNOP_INIT_CONTROL, &c) < 0);
    for (int i = 0; i < 2; i++) {
        words[i] = page_alloc();
        for (int j = 0; j < 1024; j++)
            words[i][j] = BIT(HV_EVTCHN_FIFO_MASKED);
    }
    test_num("fifo: expand_array", expand(words[0]), 0);
    test_num("fifo: again", expand(words[1]), 0);
    test_true("fifo: not with a page that is not there",
              evtchn_op(HV_EVTCHNOP_EXPAND_ARRAY,
                        &(struct hv_evtchn_expand_array){0xffffffffff}) < 0);
    entry_hook = fifo_hook;
}

static uint32_t ipi_port(uint32_t priority)
{
    struct hv_evtchn_bind_ipi b = {.vcpu = 0};
    struct hv_evtchn_set_priority p = {.priority = priority};

    evtchn_op(HV_EVTCHNOP_BIND_IPI, &b);
    p.port = b.port;
    if (evtchn_op(HV_EVTCHNOP_SET_PRIORITY, &p))
        test_fail("fifo: set_priority", "port %u", b.port);
    __atomic_and_fetch(word(b.port), ~BIT(HV_EVTCHN_FIFO_MASKED), __ATOMIC_SEQ_CST);
    return b.port;
}

static long send(uint32_t port)
{
    struct hv_evtchn_send s = {port};

    return evtchn_op(HV_EVTCHNOP_SEND, &s);
}

static void delivery(void)
{
    uint32_t low = ipi_port(15), mid = ipi_port(7), mid2 = ipi_port(7),
             high = ipi_port(0);
    struct hv_evtchn_set_priority bad = {.port = low, .priority = 16};
    struct hv_evtchn_unmask um = {mid};

    events_on();
    test_num("fifo: send", send(mid), 0);
    test_true("fifo: the event arrives", event_wait(mid, 1));
    events_off();
    served = 0;
    send(low);
    send(mid);
    send(mid2);
    send(high);
    test_num("fifo: nothing comes with upcalls masked", served, 0);
    test_num("fifo: the queues are marked", (long)(control->ready & 0x8081), 0x8081);
    test_true("fifo: the word says pending and linked",
              (*word(low) & (BIT(31) | BIT(29))) == (BIT(31) | BIT(29)));
    events_on();
    test_num("fifo: then all come", served, 4);
    test_true("fifo: the highest priority first", order[0] == high);
    test_true("fifo: equal ones in the order sent", order[1] == mid && order[2] == mid2);
    test_true("fifo: the lowest last", order[3] == low);
    test_num("fifo: no such priority", evtchn_op(HV_EVTCHNOP_SET_PRIORITY, &bad),
             -EINVAL);

    __atomic_or_fetch(word(mid), BIT(HV_EVTCHN_FIFO_MASKED), __ATOMIC_SEQ_CST);
    served = 0;
    send(mid);
    test_num("fifo: a masked port waits", served, 0);
    test_true("fifo: pending", *word(mid) & BIT(HV_EVTCHN_FIFO_PENDING));
    test_num("fifo: unmask", evtchn_op(HV_EVTCHNOP_UNMASK, &um), 0);
    test_num("fifo: delivers it", served, 1);
}

/* A port may lie behind the array's end: its events wait until the array grows. */
static void grow(void)
{
    uint32_t port = 0;
    struct hv_evtchn_bind_ipi b = {.vcpu = 0};

    while (port < 2047)
        if (evtchn_alloc_loop(&port))
            break;
    test_num("fifo: ports are not limited to the array", port, 2047);
    test_num("fifo: the next lies behind it", evtchn_op(HV_EVTCHNOP_BIND_IPI, &b), 0);
    test_num("fifo: it is the next number", b.port, 2048);
    served = 0;
    test_num("fifo: send to it", send(b.port), 0);
    test_num("fifo: is not delivered yet", served, 0);
    words[2] = page_alloc();
    test_num("fifo: the array grows", expand(words[2]), 0);
    test_true("fifo: then it is", event_wait(b.port, 1));
}

/* The guest may write anything into its own words: only itself suffers. */
static void hostile(void)
{
    uint32_t a = ipi_port(3), b = ipi_port(3);

    events_off();
    send(a);
    *word(a) |= HV_EVTCHN_FIFO_LINK_MASK; /* a link to a port that is not there */
    send(b);
    test_num("fifo: a wild link does not stop the hypervisor", send(b), 0);
    *word(a) = 0xffffffff;
    send(a);
    *word(a) = 0;
    send(a);
    control->ready = 0xffffffff;
    for (int q = 0; q < 16; q++)
        control->head[q] = 0xffffffff;
    test_num("fifo: nor do wild heads", send(b), 0);
}

void test_main(void)
{
    start();
    delivery();
    grow();
    words[3] = page_alloc();
    for (int j = 0; j < 1024; j++)
        words[3][j] = BIT(HV_EVTCHN_FIFO_MASKED);
    expand(words[3]);
    hostile();
    struct hv_evtchn_reset r = {HV_DOMID_SELF};
    test_num("fifo: reset goes back to the 2-level ABI", evtchn_op(HV_EVTCHNOP_RESET, &r),
             0);
    entry_hook = NULL;
    memset(control, 0, sizeof(*control));
    struct hv_evtchn_bind_ipi b = {.vcpu = 0};
    test_num("fifo: where a port can be bound", evtchn_op(HV_EVTCHNOP_BIND_IPI, &b), 0);
    events_on();
    event_count[b.port] = 0;
    send(b.port);
    test_true("fifo: and works", event_wait(b.port, 1));
}
