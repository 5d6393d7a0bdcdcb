/* SPDX-License-Identifier: MIT */
/* Traps and privileged instructions of PV guests: the frames that a kernel gets, and what
 * it may not do. */
#include "abi/vcpu.h"
#include "guest/pv/msr.h"
#include "port/priv.h"
#include "pv_world.h"

#define MSR_SPEC_CTRL 0x48
#define MSR_PRED_CMD  0x49
#define MSR_TSC_AUX   0xc0000103
#define KERNEL_RIP    0xffffffff81000123ull
#define HANDLER       0xffffffff81001000ull

static uint64_t stack[64] __attribute__((aligned(16)));
static struct hv_cpu_user_regs r;

static void enter(bool kernel, unsigned vector, uint32_t error)
{
    memset(&r, 0, sizeof(r));
    memset(stack, 0xee, sizeof(stack));
    r.rip = kernel ? KERNEL_RIP : 0x400000;
    r.cs = 0xe033;
    r.ss = 0xe02b;
    r.rflags = 0x10246; /* RF, IF, ZF, PF */
    r.rcx = 0x1111;
    r.r11 = 0x2222;
    r.rsp = kernel ? (uint64_t)&stack[40] + 5 : 0x7fff0000;
    r.entry_vector = vector;
    r.error_code = error;
    gv->hw.kernel_mode = kernel;
    gv->hw.kernel_sp = (uint64_t)&stack[48];
}

static void handler(unsigned vector, unsigned flags)
{
    gv->pv->traps[vector] =
        (struct hv_trap_info){(uint8_t)vector, (uint8_t)flags, 0xe033, HANDLER};
}

START_TEST(an_exception_in_kernel_mode_lands_on_the_same_stack)
{
    uint64_t *f;

    handler(TRAP_BP, 0);
    enter(true, TRAP_BP, 0);
    pv_trap(&r);
    f = (uint64_t *)r.rsp;
    ck_assert_uint_eq(r.rip, HANDLER);
    ck_assert_uint_eq(r.rsp % 16, 8); /* seven words below an aligned top */
    ck_assert_ptr_eq(f + 7, &stack[40]);
    ck_assert_uint_eq(f[0], 0x1111);
    ck_assert_uint_eq(f[1], 0x2222);
    ck_assert_uint_eq(f[2], KERNEL_RIP);
    ck_assert_uint_eq(f[3], 0xe030); /* RPL 0: it was the kernel */
    ck_assert_uint_eq(f[4] & 0x200, 0x200);
    ck_assert_uint_eq(f[5], (uint64_t)&stack[40] + 5);
    ck_assert_uint_eq(f[6], 0xe02b);
    ck_assert_uint_eq(r.rflags & 0x10100, 0);
}
END_TEST

START_TEST(an_exception_in_user_mode_switches_to_the_kernel_stack)
{
    uint64_t *f;

    handler(TRAP_GP, HV_TI_IF);
    enter(false, TRAP_GP, 0x18);
    pv_trap(&r);
    f = (uint64_t *)r.rsp;
    ck_assert(gv->hw.kernel_mode);
    ck_assert_ptr_eq(f + 8, &stack[48]);
    ck_assert_uint_eq(f[2], 0x18); /* error code */
    ck_assert_uint_eq(f[3], 0x400000);
    ck_assert_uint_eq(f[4], 0xe033);
    ck_assert_uint_eq(gv->hw.info->evtchn_upcall_mask, 1);
}
END_TEST

START_TEST(the_frame_tells_whether_events_were_masked)
{
    uint64_t *f;

    handler(TRAP_BP, 0);
    gv->hw.info->evtchn_upcall_mask = 1;
    enter(true, TRAP_BP, 0);
    pv_trap(&r);
    f = (uint64_t *)r.rsp;
    ck_assert_uint_eq(f[3] >> 32, 1);
    ck_assert_uint_eq(f[4] & 0x200, 0);
}
END_TEST

START_TEST(a_bad_kernel_stack_crashes_that_guest_with_a_line)
{
    handler(TRAP_BP, 0);
    enter(true, TRAP_BP, 0);
    r.rsp = 0x1000;
    host_console_clear();
    pv_trap(&r);
    ck_assert(crashed());
    ck_assert_ptr_nonnull(strstr(host_console(), "kernel stack"));
}
END_TEST

START_TEST(a_stack_in_the_hypervisors_range_crashes_the_guest)
{
    handler(TRAP_BP, 0);
    enter(true, TRAP_BP, 0);
    r.rsp = 0xffff830000001000ull;
    pv_trap(&r);
    ck_assert(crashed());
}
END_TEST

START_TEST(an_exception_without_handler_crashes_the_guest)
{
    enter(true, TRAP_UD, 0);
    r.rip = (uint64_t) "\x0f\x0b\x90\x90\x90\x90\x90\x90";
    pv_trap(&r);
    ck_assert(crashed());
}
END_TEST

static bool run(const char *insn, bool kernel)
{
    handler(TRAP_GP, 0);
    enter(kernel, TRAP_GP, 0);
    r.rip = (uint64_t)insn;
    r.rdx = 0x1f0;
    r.rax = 0x5555;
    pv_trap(&r);
    return r.rip != HANDLER; /* else the guest got its #GP */
}

/* Tools give and take ports while the guest runs, which frees what is looked at here. */
static unsigned looked_at;
bool __real_rangeset_has(const struct rangeset *s, unsigned long first,
                         unsigned long last);
bool __wrap_rangeset_has(const struct rangeset *s, unsigned long first,
                         unsigned long last);
bool __wrap_rangeset_has(const struct rangeset *s, unsigned long first,
                         unsigned long last)
{
    looked_at++;
    ck_assert(spin_held(&g->lock));
    return __real_rangeset_has(s, first, last);
}

START_TEST(ports_stay_while_they_are_looked_for)
{
    ck_assert_int_eq(pv_set_iopl(gv, 1), 0);
    ck_assert(run("\xec", true)); /* in, out */
    ck_assert(run("\xee", true));
    ck_assert_uint_gt(looked_at, 1);
    ck_assert(!spin_held(&g->lock));
}
END_TEST

START_TEST(port_io_needs_the_privilege_level)
{
    static const char in[] = "\xec\x90\x90";

    ck_assert(!run(in, true));
    ck_assert_int_eq(pv_set_iopl(gv, 4), -EINVAL);
    ck_assert_int_eq(pv_set_iopl(gv, 1), 0);
    ck_assert(run(in, true));
    ck_assert_uint_eq(r.rip, (uint64_t)in + 1);
    ck_assert_uint_eq(r.rax,
                      0x55ff); /* a port that is not the guest's reads as all ones */
    ck_assert(!run(in, false));
}
END_TEST

START_TEST(an_io_bitmap_that_cannot_be_read_opens_nothing)
{
    static const char in[] = "\xec\x90\x90";
    static uint8_t map[8192];

    ck_assert_int_eq(pv_set_iobitmap(gv, (uint64_t)map, 65537), -EINVAL);
    ck_assert_int_eq(pv_set_iobitmap(gv, 0xffff830000000000ull, 65536), -EINVAL);
    /* All bits clear, but not mapped by the guest kernel's page tables, of which there
     * are none. */
    ck_assert_int_eq(pv_set_iobitmap(gv, (uint64_t)map, 65536), 0);
    ck_assert(!run(in, false));
}
END_TEST

START_TEST(control_registers_are_the_guests_own_picture)
{
    static const char read0[] = "\x0f\x20\xc0", write0[] = "\x0f\x22\xc0",
                      write8[] = "\x44\x0f\x22\xc0";

    ck_assert(run(read0, true));
    ck_assert_uint_eq(r.rax & 0x80000001, 0x80000001);
    ck_assert(!run(read0, false));
    ck_assert(!run(write0, true)); /* rax would switch paging off */
    ck_assert(!run(write8, true));
}
END_TEST

START_TEST(msr_bases_must_be_canonical)
{
    static const char wrmsr[] = "\x0f\x30";

    handler(TRAP_GP, 0);
    enter(true, TRAP_GP, 0);
    r.rip = (uint64_t)wrmsr;
    r.rcx = 0xc0000101;
    r.rax = 0;
    r.rdx = 0x80000000; /* 0x8000000000000000 */
    pv_trap(&r);
    ck_assert_uint_eq(r.rip, HANDLER);
}
END_TEST

/* Intel's CPU with IBRS, and SSBD if edx7 says so. */
static uint32_t edx7;
static void speculation_leaves(uint32_t leaf, uint32_t subleaf, struct cpuid_regs *out)
{
    if (leaf == 0)
        *out = (struct cpuid_regs){7, 0x756e6547, 0x6c65746e, 0x49656e69};
    else if (leaf == 7 && subleaf == 0)
        out->d = edx7;
}
static unsigned barriers;
static bool barrier(uint32_t msr, uint64_t val)
{
    barriers += msr == MSR_PRED_CMD && val == 1;
    return true;
}

START_TEST(speculation_controls_take_only_what_the_processor_has)
{
    host_cpuid = speculation_leaves;
    host_wrmsr = barrier;
    ck_assert(!guest_wrmsr(gv, MSR_SPEC_CTRL, 0)); /* no IBRS, no register */
    ck_assert(!guest_wrmsr(gv, MSR_PRED_CMD, 1));
    edx7 = 1u << 26;
    ck_assert(guest_wrmsr(gv, MSR_SPEC_CTRL, 3));
    ck_assert_uint_eq(gv->hw.spec_ctrl, 3);
    ck_assert(!guest_wrmsr(gv, MSR_SPEC_CTRL, 4)); /* the processor would fault */
    ck_assert(!guest_wrmsr(gv, MSR_SPEC_CTRL, 1ull << 32));
    ck_assert_uint_eq(gv->hw.spec_ctrl, 3);
    edx7 |= 1u << 31;
    ck_assert(guest_wrmsr(gv, MSR_SPEC_CTRL, 4));
    ck_assert(guest_wrmsr(gv, MSR_PRED_CMD, 0));
    ck_assert_uint_eq(barriers, 0);
    ck_assert(guest_wrmsr(gv, MSR_PRED_CMD, 1));
    ck_assert_uint_eq(barriers, 1);
    ck_assert(!guest_wrmsr(gv, MSR_PRED_CMD, 2));
}
END_TEST

static void with_xsave(uint32_t leaf, uint32_t subleaf, struct cpuid_regs *out)
{
    (void)subleaf;
    *out = (struct cpuid_regs){.a = 7};
    if (leaf == 1)
        out->c = 1u << 26;
}
static bool xsetbv(uint64_t val)
{
    handler(TRAP_GP, 0);
    enter(true, TRAP_GP, 0);
    r.rip = (uint64_t) "\x0f\x01\xd1\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90";
    r.rax = (uint32_t)val;
    r.rcx = 0;
    r.rdx = val >> 32;
    pv_trap(&r);
    return r.rip != HANDLER;
}

/* What the processor would refuse must not be loaded in the hypervisor's name. */
START_TEST(xcr0_takes_only_what_the_processor_would)
{
    static const uint64_t good[] = {1, 3, 7, 0xe7},
                          bad[] = {0,    2,    5,    0x27,  0x67,          0xc7,
                                   0xe3, 0xe1, 0xef, 0x207, 1ull << 32 | 7};

    host_cpuid = with_xsave;
    host_xcr0 = 0x2ff;
    for (unsigned i = 0; i < ARRAY_SIZE(good); i++) {
        ck_assert_msg(xsetbv(good[i]), "%#lx", (unsigned long)good[i]);
        ck_assert_uint_eq(gv->hw.xcr0, good[i]);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        ck_assert_msg(!xsetbv(bad[i]), "%#lx", (unsigned long)bad[i]);
        ck_assert_uint_eq(gv->hw.xcr0, 0xe7);
    }
    host_xcr0 = 7;
    ck_assert(!xsetbv(0xe7));
}
END_TEST

static void with_rdtscp(uint32_t leaf, uint32_t subleaf, struct cpuid_regs *out)
{
    (void)subleaf;
    *out = (struct cpuid_regs){.a = 0x80000001};
    if (leaf == 0x80000001)
        out->d = 1u << 27;
}

START_TEST(tsc_aux_has_32_bits)
{
    host_cpuid = with_rdtscp;
    ck_assert(guest_wrmsr(gv, MSR_TSC_AUX, 0xffffffff));
    ck_assert(!guest_wrmsr(gv, MSR_TSC_AUX, 1ull << 32));
    ck_assert_uint_eq(gv->hw.tsc_aux, 0xffffffff);
}
END_TEST

/* Waiting for it could take for ever, if it waits for the caller. */
START_TEST(a_vcpu_that_takes_another_down_does_not_wait_for_it)
{
    struct vcpu *v = g->vcpu[1];
    struct hcall h = {.v = gv, .d = g, .arg = {HV_VCPUOP_DOWN, 1}};

    v->initialised = true;
    v->pause_flags = 0;
    vcpu_wake(v);
    host_settle();
    host_on_cpu(gv->processor);
    ck_assert(v->running);
    ck_assert_int_eq(call_vcpu_op(&h), 0);
    ck_assert_uint_eq(v->pause_flags, VPF_DOWN);
    ck_assert(v->running); /* until its CPU sees to it */
    host_settle();
    ck_assert(!v->running);
}
END_TEST

START_TEST(an_instruction_of_nothing_but_prefixes_ends)
{
    static const char prefixes[] =
        "\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66";

    ck_assert(!run(prefixes, true));
}
END_TEST

START_TEST(int_n_obeys_the_gates_privilege_level)
{
    gv->pv->traps[0x80] = (struct hv_trap_info){0x80, 3, 0xe033, HANDLER + 0x80};
    gv->pv->traps[0x81] = (struct hv_trap_info){0x81, 0, 0xe033, HANDLER + 0x81};
    handler(TRAP_GP, 0);
    enter(false, TRAP_GP, 0x80 << 3 | 2);
    pv_trap(&r);
    ck_assert_uint_eq(r.rip, HANDLER + 0x80);
    ck_assert_uint_eq(((uint64_t *)r.rsp)[2], 0x400002);
    enter(false, TRAP_GP, 0x81 << 3 | 2);
    pv_trap(&r);
    ck_assert_uint_eq(r.rip, HANDLER);
}
END_TEST

START_TEST(contexts_with_bad_addresses_are_refused)
{
    static struct hv_vcpu_guest_context c;
    struct vcpu *v = g->vcpu[1];

    c.user_regs.rip = 0x0000800000000000ull;
    ck_assert_int_eq(pv_set_context(v, &c), -EINVAL);
    c.user_regs.rip = 0;
    c.event_callback_eip = 1ull << 62;
    ck_assert_int_eq(pv_set_context(v, &c), -EINVAL);
    c.event_callback_eip = 0;
    c.gdt_ents = 7169;
    ck_assert_int_eq(pv_set_context(v, &c), -EINVAL);
    c.gdt_ents = 0;
    c.ldt_ents = 8193;
    ck_assert_int_eq(pv_set_context(v, &c), -EINVAL);
    c.ldt_ents = 0;
    c.ctrlreg[3] = ~0ull;
    ck_assert_int_lt(pv_set_context(v, &c), 0);
    ck_assert(!v->initialised);
}
END_TEST

START_TEST(user_mode_needs_user_tables)
{
    static struct hv_vcpu_guest_context c;

    c.flags = HV_VGCF_ONLINE;
    gv->hw.cr3_user = 0;
    ck_assert_int_eq(pv_set_context(gv, &c), -EINVAL);
    ck_assert_uint_eq(gv->hw.kernel_mode, 1);
    c.flags |= HV_VGCF_IN_KERNEL;
    ck_assert_int_eq(pv_set_context(gv, &c), 0);
}
END_TEST

START_TEST(flags_that_would_hurt_are_taken_out)
{
    memset(&r, 0, sizeof(r));
    r.rflags = ~0ull;
    r.cs = 8;
    r.ss = 0x10;
    pv_sanitise_regs(&r);
    ck_assert_uint_eq(r.rflags & 0x3000, 0);
    ck_assert_uint_eq(r.rflags & 0x20000, 0);
    ck_assert_uint_eq(r.rflags & 0x200, 0x200);
    ck_assert_uint_eq(r.cs & 3, 3);
    ck_assert_uint_eq(r.ss & 3, 3);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        an_exception_in_kernel_mode_lands_on_the_same_stack,
        an_exception_in_user_mode_switches_to_the_kernel_stack,
        the_frame_tells_whether_events_were_masked,
        a_bad_kernel_stack_crashes_that_guest_with_a_line,
        a_stack_in_the_hypervisors_range_crashes_the_guest,
        an_exception_without_handler_crashes_the_guest,
        ports_stay_while_they_are_looked_for,
        port_io_needs_the_privilege_level,
        an_io_bitmap_that_cannot_be_read_opens_nothing,
        control_registers_are_the_guests_own_picture,
        msr_bases_must_be_canonical,
        speculation_controls_take_only_what_the_processor_has,
        xcr0_takes_only_what_the_processor_would,
        tsc_aux_has_32_bits,
        an_instruction_of_nothing_but_prefixes_ends,
        int_n_obeys_the_gates_privilege_level,
        contexts_with_bad_addresses_are_refused,
        user_mode_needs_user_tables,
        a_vcpu_that_takes_another_down_does_not_wait_for_it,
        flags_that_would_hurt_are_taken_out,
        NULL,
    };

    return unit_run("guest/pv", world, tests);
}
