/* SPDX-License-Identifier: MIT */
/* A second vCPU: bring-up, its own state, events between the two, going down. */
#include "guest.h"
#include "abi/event_channel.h"
#include "abi/sched.h"
#include "abi/vcpu.h"

static char stack[32768] __attribute__((aligned(16)));
static struct hv_vcpu_guest_context ctxt;
static volatile uint64_t up, counter;
static volatile long rc_in_second, fs_in_second;
static volatile bool go_down;
static uint64_t fs_cell = 0x1357;

void secondary_main(long vcpu)
{
    uint64_t fs;

    asm volatile("mov %%fs:0, %0" : "=r"(fs));
    fs_in_second = (long)fs;
    rc_in_second = vcpu;
    up = 1;
    while (!go_down)
        counter++;
    up = 2;
    vcpu_op(HV_VCPUOP_DOWN, vcpu, NULL);
    up = 3; /* brought up again, a vCPU goes on where it was */
    for (;;)
        sched_op(HV_SCHEDOP_BLOCK, NULL);
}

static bool wait_up(uint64_t want)
{
    uint64_t end = now_ns() + PATIENCE_NS;

    while (up != want && now_ns() < end)
        sched_op(HV_SCHEDOP_YIELD, NULL);
    return up == want;
}

static void fill_context(void)
{
    secondary_context(&ctxt, 1, stack + sizeof(stack));
    ctxt.user_regs.ds = HV_FLAT_KERNEL_DS;
    ctxt.user_regs.es = HV_FLAT_KERNEL_DS;
    ctxt.user_regs.rflags = 0x1000;
    ctxt.event_callback_eip = P(event_stub);
    ctxt.failsafe_callback_eip = P(failsafe_stub);
    ctxt.syscall_callback_eip = P(syscall_stub);
    ctxt.fs_base = P(&fs_cell);
}

static void bring_up(void)
{
    struct hv_vcpu_get_physid id;

    test_num("smp: vCPU 1 exists and is down", vcpu_op(HV_VCPUOP_IS_UP, 1, NULL), 0);
    test_num("smp: vCPU 0 is up", vcpu_op(HV_VCPUOP_IS_UP, 0, NULL), 1);
    test_num("smp: vCPU 5 does not exist", vcpu_op(HV_VCPUOP_IS_UP, 5, NULL), -ENOENT);
    test_num("smp: it cannot go up without a context", vcpu_op(HV_VCPUOP_UP, 1, NULL),
             -EINVAL);
    fill_context();
    ctxt.ctrlreg[3] = hv_pfn_to_cr3(va_mfn(stack));
    test_true("smp: not with a page table that is none",
              vcpu_op(HV_VCPUOP_INITIALISE, 1, &ctxt) < 0);
    fill_context();
    test_num("smp: a context is given", vcpu_op(HV_VCPUOP_INITIALISE, 1, &ctxt), 0);
    test_num("smp: not twice", vcpu_op(HV_VCPUOP_INITIALISE, 1, &ctxt), -EEXIST);
    test_num("smp: it goes up", vcpu_op(HV_VCPUOP_UP, 1, NULL), 0);
    test_true("smp: it runs", wait_up(1));
    test_num("smp: with its argument", rc_in_second, 1);
    test_num("smp: and its own fs", fs_in_second, 0x1357);
    test_num("smp: it is up", vcpu_op(HV_VCPUOP_IS_UP, 1, NULL), 1);
    test_num("smp: its APIC id is known", vcpu_op(HV_VCPUOP_GET_PHYSID, 1, &id),
             vcpu_op(HV_VCPUOP_GET_PHYSID, 0, &id));
}

static void parallel(void)
{
    uint64_t c = counter, end = now_ns() + PATIENCE_NS;
    struct hv_evtchn_bind_ipi b = {.vcpu = 1};
    struct hv_evtchn_send s;

    while (counter == c && now_ns() < end)
        ;
    test_true("smp: both run at once", counter > c);
    test_num("smp: an IPI port of the other vCPU", evtchn_op(HV_EVTCHNOP_BIND_IPI, &b),
             0);
    shared_info->vcpu_info[1].evtchn_upcall_mask = 1;
    s.port = b.port;
    test_num("smp: is sent from this one", evtchn_op(HV_EVTCHNOP_SEND, &s), 0);
    test_true("smp: and marks that vCPU",
              *(volatile uint8_t *)&shared_info->vcpu_info[1].evtchn_upcall_pending == 1);
}

/* A mapping changed here is seen there, when the flush says so. */
static void shootdown(void)
{
    uint64_t *a = page_alloc(), *b = page_alloc(), mask = 3;
    struct hv_mmuext_op op = {.cmd = HV_MMUEXT_TLB_FLUSH_MULTI};

    a[0] = 1;
    b[0] = 2;
    test_num("smp: update_va_mapping with a flush everywhere",
             update_va_mapping(a, pte_of(b, PTE_RW), HV_UVMF_TLB_FLUSH | HV_UVMF_ALL), 0);
    test_num("smp: shows the other page", (long)a[0], 2);
    op.arg2.vcpumask = P(&mask);
    test_num("smp: flush of a set of vCPUs", mmuext_op(&op, 1, NULL, HV_DOMID_SELF), 0);
    op.cmd = HV_MMUEXT_INVLPG_MULTI;
    op.arg1.linear_addr = P(a);
    test_num("smp: invlpg on a set of vCPUs", mmuext_op(&op, 1, NULL, HV_DOMID_SELF), 0);
    op.arg2.vcpumask = 0x123456789000;
    test_num("smp: a wild set", mmuext_op(&op, 1, NULL, HV_DOMID_SELF), -EINVAL);
}

static void down(void)
{
    uint64_t end;

    go_down = true;
    test_true("smp: the second vCPU goes down", wait_up(2));
    end = now_ns() + PATIENCE_NS;
    while (vcpu_op(HV_VCPUOP_IS_UP, 1, NULL) && now_ns() < end)
        ;
    test_num("smp: it is down", vcpu_op(HV_VCPUOP_IS_UP, 1, NULL), 0);
    test_num("smp: it goes up again", vcpu_op(HV_VCPUOP_UP, 1, NULL), 0);
    test_true("smp: where it was", wait_up(3));
}

void test_main(void)
{
    bring_up();
    parallel();
    shootdown();
    down();
}
