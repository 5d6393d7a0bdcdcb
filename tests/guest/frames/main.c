/* SPDX-License-Identifier: MIT */
/*
 * Hostile return frames and entry points. Whatever the kernel asks to return to, the
 * hypervisor's own iret or sysret never faults in it: the kernel is told, and goes on.
 */
#include "guest.h"
#include "abi/callback.h"

#define CODE         0x400000UL
#define NONCANONICAL 0x0000800000000000UL

struct iret_frame {
    uint64_t flags, rip, cs, rflags, rsp, ss;
};

static struct frame kernel;
static volatile long seen;
static struct frame seen_frame;

static bool hook(struct frame *f)
{
    if (f->vector == ENTRY_EVENT)
        return false;
    seen = (long)f->vector;
    seen_frame = *f;
    *f = kernel;
    return true;
}

/* Goes there by the iret hypercall; the vector by which the kernel was entered next. */
static __attribute__((noinline)) long go(uint64_t flags, uint64_t rip, uint64_t cs,
                                         uint64_t rflags, uint64_t ss)
{
    static struct iret_frame f;

    f = (struct iret_frame){flags, rip, cs, rflags, CODE + 0x1ff0, ss};
    seen = -1;
    kernel.cs = HV_FLAT_KERNEL_CS & ~3;
    kernel.ss = HV_FLAT_KERNEL_SS;
    kernel.rflags = 2;
    entry_hook = hook;
    asm volatile("mov %%rsp, %0\n lea 1f(%%rip), %%rax\n mov %%rax, %1\n mov %%rbp, %2\n"
                 "push 40(%3)\n push 32(%3)\n push 24(%3)\n push 16(%3)\n push 8(%3)\n"
                 "push (%3)\n jmp hypercall_page + 23 * 32\n1:"
                 : "=m"(kernel.rsp), "=m"(kernel.rip), "=m"(kernel.rbp)
                 : "r"(&f)
                 : "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11",
                   "r12", "r13", "r14", "r15", "memory", "cc");
    entry_hook = NULL;
    return seen;
}

static void user_tables(void)
{
    static char stack[16384] __attribute__((aligned(16)));
    uint64_t *l4 = page_alloc(), *l3 = page_alloc(), *l2 = page_alloc();
    uint64_t *l1 = page_alloc();
    uint8_t *code = page_alloc();

    code[0] = 0x0f; /* syscall */
    code[1] = 0x05;
    l1[0] = pte_of(code, PTE_RO);
    l1[1] = pte_of(page_alloc(), PTE_RW);
    l2[2] = pte_of(l1, PTE_RW);
    l3[0] = pte_of(l2, PTE_RW);
    l4[0] = pte_of(l3, PTE_RW);
    remap(l1, PTE_RO);
    remap(l2, PTE_RO);
    remap(l3, PTE_RO);
    remap(l4, PTE_RO);
    mmuext(HV_MMUEXT_PIN_L4_TABLE, va_mfn(l4));
    mmuext(HV_MMUEXT_NEW_USER_BASEPTR, va_mfn(l4));
    hcall2(HV_CALL_STACK_SWITCH, HV_FLAT_KERNEL_SS, P(stack + sizeof(stack)));
}

/* It goes to user mode with less than asked for, or it is refused with a fault. */
static void survives(const char *name, long vector)
{
    if (vector == ENTRY_SYSCALL || vector == ENTRY_FAILSAFE || vector == TRAP_GP ||
        vector == TRAP_SS || vector == TRAP_NP || vector == TRAP_PF)
        test_ok(name);
    else
        test_fail(name, "entered by %ld", vector);
}

static void returns(void)
{
    const uint64_t cs = HV_FLAT_USER_CS64 | 3, ss = HV_FLAT_USER_SS64 | 3;

    test_num("frames: a good frame reaches user mode", go(0, CODE, cs, 0x202, ss),
             ENTRY_SYSCALL);
    test_num("frames: by sysret too", go(HV_VGCF_IN_SYSCALL, CODE, cs, 0x202, ss),
             ENTRY_SYSCALL);
    survives("frames: a non-canonical rip", go(0, NONCANONICAL, cs, 0x202, ss));
    survives("frames: a non-canonical rip by sysret",
             go(HV_VGCF_IN_SYSCALL, NONCANONICAL, cs, 0x202, ss));
    survives("frames: a rip just below the hole by sysret",
             go(HV_VGCF_IN_SYSCALL, NONCANONICAL - 1, cs, 0x202, ss));
    survives("frames: a rip in the hypervisor", go(0, 0xffff82d040200000, cs, 0x202, ss));
    test_num("frames: ... which is a fault of user mode", (long)(seen_frame.cs & 3), 3);
    survives("frames: a null cs", go(0, CODE, 3, 0x202, ss));
    survives("frames: the hypervisor's cs with ring 3", go(0, CODE, 0xe00b, 0x202, ss));
    survives("frames: a cs beyond the table", go(0, CODE, 0xfffb, 0x202, ss));
    survives("frames: a data segment as cs", go(0, CODE, ss, 0x202, ss));
    survives("frames: a code segment as ss", go(0, CODE, cs, 0x202, cs));
    survives("frames: an ss beyond the table", go(0, CODE, cs, 0x202, 0xfffb));
    survives("frames: an LDT selector without an LDT", go(0, CODE, 7, 0x202, ss));
}

static void flags(void)
{
    const uint64_t cs = HV_FLAT_USER_CS64 | 3, ss = HV_FLAT_USER_SS64 | 3;

    test_num("frames: IOPL 3 is not given", go(0, CODE, cs, 0x3202, ss), ENTRY_SYSCALL);
    test_num("frames: ... really", (long)(seen_frame.rflags & 0x3000), 0);
    survives("frames: nested task", go(0, CODE, cs, 0x4202, ss));
    survives("frames: virtual 8086 mode", go(0, CODE, cs, 0x20202, ss));
    survives("frames: virtual interrupts", go(0, CODE, cs, 0x180202, ss));
    survives("frames: all flags but single step", go(0, CODE, cs, 0xfffffeffUL, ss));
}

static long callback(unsigned int type, uint64_t address)
{
    struct hv_callback_register r = {.type = (uint16_t)type, .address = address};

    return callback_op(HV_CALLBACKOP_REGISTER, &r);
}

static void ud2(void *unused)
{
    asm volatile("ud2");
}

static void entry_points(void)
{
    struct hv_trap_info t[2] = {
        {.vector = 6, .cs = HV_FLAT_KERNEL_CS, .address = NONCANONICAL}, {0}};

    test_num("frames: a trap handler at a non-canonical address",
             hcall1(HV_CALL_SET_TRAP_TABLE, P(t)), -EINVAL);
    test_num("frames: an event callback there",
             callback(HV_CALLBACKTYPE_EVENT, NONCANONICAL), -EINVAL);
    test_num("frames: a syscall callback there",
             callback(HV_CALLBACKTYPE_SYSCALL, NONCANONICAL), -EINVAL);
    test_num("frames: an unknown callback", callback(99, P(syscall_stub)), -ENOSYS);
    t[0].vector = TRAP_UD;
    t[0].cs = 0xe008;
    t[0].address = P(trap_stub(TRAP_UD));
    test_num("frames: a trap handler in the hypervisor's code segment is taken",
             hcall1(HV_CALL_SET_TRAP_TABLE, P(t)), 0);
    test_num("frames: but runs in the kernel's", guarded(ud2, NULL), TRAP_UD);
}

void test_main(void)
{
    user_tables();
    returns();
    flags();
    entry_points();
}
