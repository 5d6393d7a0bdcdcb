/* SPDX-License-Identifier: MIT */
/* To user mode by iret and back by syscall, int and faults; the two page tables. */
#include "guest.h"
#include "abi/event_channel.h"
#include "abi/physdev.h"

#define CODE      0x400000UL
#define STACK_TOP 0x402000UL

extern char user_code[], user_code_end[];

/* Position independent: rdi says what to do, and comes back unchanged. */
asm(".pushsection .rodata\n"
    "user_code:\n"
    "  cmp $0, %edi\n  je 1f\n  cmp $1, %edi\n  je 2f\n  cmp $2, %edi\n  je 3f\n"
    "  cmp $3, %edi\n  je 4f\n  cmp $4, %edi\n  je 5f\n  ud2\n"
    "1: mov $0x77, %eax\n  syscall\n"
    "  mov $0x78, %eax\n  syscall\n"
    "2: int $0x80\n  mov $0x79, %eax\n  syscall\n"
    "3: mov (%rsi), %rax\n  mov $0x7a, %eax\n  syscall\n"
    "4: cli\n  mov $0x7b, %eax\n  syscall\n"
    "5: mov %cs, %ax\n  jmp 5b\n"
    "user_code_end:\n"
    ".popsection\n");

static char stack[16384] __attribute__((aligned(16)));
static uint64_t *user_l4;
static struct frame user;
static struct frame seen[8];
static int entries;
static struct frame kernel;

/* Records an entry from user mode; the last one wanted goes back to go_user(). */
static int wanted;
static volatile bool events_wanted, was_masked;
static bool hook(struct frame *f)
{
    if ((f->vector == ENTRY_EVENT && !events_wanted) || (f->cs & 3) != 3)
        return false;
    was_masked = shared_info->vcpu_info[0].evtchn_upcall_mask == 1;
    if (entries < 8)
        seen[entries] = *f;
    if (++entries < wanted)
        return true;
    *f = kernel;
    return true;
}

/* Runs user code until it has entered the kernel n times. */
static __attribute__((noinline)) void go_user(uint64_t what, uint64_t rsi, int n)
{
    entries = 0;
    wanted = n;
    user = (struct frame){.rdi = what,
                          .rsi = rsi,
                          .rip = CODE,
                          .cs = HV_FLAT_USER_CS64 | 3,
                          .rflags = 0x202,
                          .rsp = STACK_TOP,
                          .ss = HV_FLAT_USER_SS64 | 3,
                          .r15 = 0x1515,
                          .rbx = 0xbbbb};
    entry_hook = hook;
    asm volatile("mov %%rsp, %0\n lea 1f(%%rip), %%rax\n mov %%rax, %1\n mov %%rbp, %2\n"
                 "mov %3, %%rdi\n jmp resume\n1:"
                 : "=m"(kernel.rsp), "=m"(kernel.rip), "=m"(kernel.rbp)
                 : "r"(&user)
                 : "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11",
                   "r12", "r13", "r14", "r15", "memory", "cc");
    entry_hook = NULL;
}

static void make_tables(void)
{
    uint64_t *l3 = page_alloc(), *l2 = page_alloc(), *l1 = page_alloc();
    char *code = page_alloc(), *stack = page_alloc();

    user_l4 = page_alloc();
    memcpy(code, user_code, (size_t)(user_code_end - user_code));
    l1[0] = pte_of(code, PTE_RO);
    l1[1] = pte_of(stack, PTE_RW);
    l2[2] = pte_of(l1, PTE_RW);
    l3[0] = pte_of(l2, PTE_RW);
    user_l4[0] = pte_of(l3, PTE_RW);
    remap(l1, PTE_RO);
    remap(l2, PTE_RO);
    remap(l3, PTE_RO);
    remap(user_l4, PTE_RO);
    test_num("usermode: a user page table can be pinned",
             mmuext(HV_MMUEXT_PIN_L4_TABLE, va_mfn(user_l4)), 0);
    test_num("usermode: and installed",
             mmuext(HV_MMUEXT_NEW_USER_BASEPTR, va_mfn(user_l4)), 0);
}

static void system_calls(void)
{
    go_user(0, 0, 1);
    test_num("usermode: a system call arrives", (long)seen[0].vector, ENTRY_SYSCALL);
    test_num("usermode: with rax", (long)seen[0].rax, 0x77);
    test_num("usermode: rip is behind syscall", (long)seen[0].rip, (long)seen[0].rcx);
    test_true("usermode: rip is in the code",
              seen[0].rip > CODE && seen[0].rip < CODE + 4096);
    test_num("usermode: cs is the user's", (long)seen[0].cs, HV_FLAT_USER_CS64 | 3);
    test_num("usermode: ss is the user's", (long)seen[0].ss, HV_FLAT_USER_SS64 | 3);
    test_num("usermode: rsp is the user's", (long)seen[0].rsp, STACK_TOP);
    test_num("usermode: r11 holds the flags", (long)seen[0].r11, (long)seen[0].rflags);
    test_num("usermode: interrupts are on there", (long)(seen[0].rflags & 0x200), 0x200);
    test_num("usermode: other registers too", (long)seen[0].r15, 0x1515);
    test_num("usermode: and rbx", (long)seen[0].rbx, 0xbbbb);
    go_user(0, 0, 2);
    test_num("usermode: going back, the next system call arrives", (long)seen[1].rax,
             0x78);
    test_num("usermode: with registers kept", (long)seen[1].r15, 0x1515);
}

static void other_entries(void)
{
    go_user(1, 0, 2);
    test_num("usermode: int 0x80 arrives", (long)seen[0].vector, 0x80);
    test_num("usermode: then the code goes on", (long)seen[1].rax, 0x79);
    go_user(2, VIRT_BASE + 0x100000, 1);
    test_num("usermode: kernel memory faults", (long)seen[0].vector, TRAP_PF);
    test_num("usermode: as a user's read of a missing page", (long)seen[0].error, 4);
    test_num("usermode: cr2 is the address", (long)shared_info->vcpu_info[0].arch.cr2,
             VIRT_BASE + 0x100000);
    go_user(3, 0, 1);
    test_num("usermode: cli in user mode is #GP", (long)seen[0].vector, TRAP_GP);
    go_user(9, 0, 1);
    test_num("usermode: ud2 in user mode is #UD", (long)seen[0].vector, TRAP_UD);
}

static void set_iopl_shown(bool on, uint32_t level)
{
    struct hv_physdev_set_iopl set = {.iopl = level};

    test_num("usermode: the I/O privilege level is set",
             physdev_op(HV_PHYSDEVOP_SET_IOPL, &set), 0);
    test_num("usermode: its place in frames, too",
             hcall2(HV_CALL_VM_ASSIST, on ? HV_VMASST_CMD_ENABLE : HV_VMASST_CMD_DISABLE,
                    HV_VMASST_TYPE_ARCHITECTURAL_IOPL),
             0);
}

/* A kernel may ask to find its I/O privilege level in the flags of frames. */
static void io_privilege_level_in_frames(void)
{
    set_iopl_shown(true, 2);
    go_user(0, 0, 1);
    test_num("usermode: a system call's frame shows the I/O privilege level",
             (long)(seen[0].rflags & 0x3000), 0x2000);
    go_user(2, VIRT_BASE + 0x100000, 1);
    test_num("usermode: and a page fault's", (long)(seen[0].rflags & 0x3000), 0x2000);
    test_num("usermode: whose cr2 is the address",
             (long)shared_info->vcpu_info[0].arch.cr2, VIRT_BASE + 0x100000);
    go_user(2, 0x10, 1);
    test_num("usermode: or one of its own half's", (long)(seen[0].rflags & 0x3000),
             0x2000);
    test_num("usermode: with that address", (long)shared_info->vcpu_info[0].arch.cr2,
             0x10);
    set_iopl_shown(false, 2);
    hcall2(HV_CALL_STACK_SWITCH, HV_FLAT_KERNEL_SS, P(stack + sizeof(stack)));
    go_user(0, 0, 1);
    test_num("usermode: and no longer when it is not asked for",
             (long)(seen[0].rflags & 0x3000), 0);
    set_iopl_shown(false, 0);
}

/* User code that never calls anybody is interrupted by a timer's event. */
static void event_in_user_mode(void)
{
    struct hv_evtchn_bind_virq b = {.virq = HV_VIRQ_TIMER, .vcpu = 0};

    test_num("usermode: the timer is bound", evtchn_op(HV_EVTCHNOP_BIND_VIRQ, &b), 0);
    hcall1(HV_CALL_SET_TIMER_OP, now_ns() + 20000000);
    events_wanted = true;
    go_user(4, 0, 1);
    events_wanted = false;
    test_num("usermode: an event interrupts it", (long)seen[0].vector, ENTRY_EVENT);
    test_num("usermode: with the user's cs", (long)seen[0].cs, HV_FLAT_USER_CS64 | 3);
    test_num("usermode: and r15", (long)seen[0].r15, 0x1515);
    test_true("usermode: events are masked in the handler", was_masked);
}

void test_main(void)
{
    kernel.cs = HV_FLAT_KERNEL_CS & ~3; /* ring 0: stay in the kernel */
    kernel.ss = HV_FLAT_KERNEL_SS;
    kernel.rflags = 0x2;
    test_num("usermode: the kernel's stack is set",
             hcall2(HV_CALL_STACK_SWITCH, HV_FLAT_KERNEL_SS, P(stack + sizeof(stack))),
             0);
    make_tables();
    system_calls();
    other_entries();
    io_privilege_level_in_frames();
    event_in_user_mode();
}
