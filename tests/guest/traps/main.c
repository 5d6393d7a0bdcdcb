/* SPDX-License-Identifier: MIT */
/* Exceptions in the kernel arrive with the right vector, error code and frame. */
#include "guest.h"

static void int3(void *p)
{
    asm volatile("int3");
}

static void ud2(void *p)
{
    asm volatile("ud2");
}

static void divide(void *p)
{
    asm volatile("xor %%edx, %%edx\n div %%ecx" ::"a"(1), "c"(0) : "edx");
}

static void bad_segment(void *p)
{
    asm volatile("mov %0, %%es" ::"r"(0x1234));
}

static void noncanonical(void *p)
{
    *(volatile char *)0x8000000000000000 = 1;
}

static void null_read(void *p)
{
    asm volatile("mov 16, %%al" ::: "al");
}

static void call_data(void *p)
{
    asm volatile("call *%0" ::"r"(0x10UL));
}

static void int_ff(void *p)
{
    asm volatile("int $0xff");
}

static void int_13(void *p)
{
    asm volatile("int $13");
}

static void rdmsr_bad(void *p)
{
    uint32_t lo, hi;

    asm volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(0x12345678));
}

static void wrmsr_lstar(void *p)
{
    asm volatile("wrmsr" ::"a"(0), "d"(0), "c"(0xc0000082));
}

static void write_cr4(void *p)
{
    asm volatile("mov %0, %%cr4" ::"r"(0xffffffffUL));
}

static void lgdt(void *p)
{
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) d = {0, 0};

    asm volatile("lgdt %0" ::"m"(d));
}

static void cli(void *p)
{
    asm volatile("cli");
}

static void trap(const char *name, void (*fn)(void *), long vector)
{
    test_num(name, guarded(fn, 0), vector);
}

static int hits;

/* Counts int3s and returns to the code behind them. */
static bool count_int3(struct frame *f)
{
    if (f->vector != TRAP_BP)
        return false;
    hits++;
    last_trap = *f;
    return true;
}

static void returns(void)
{
    uint64_t before, after, rip, flags = 0x8d5; /* carry, parity, adjust, zero, sign,
over */

    entry_hook = count_int3;
    asm volatile("push %[f]\n popf\n mov %%rsp, %[b]\n lea 1f(%%rip), %[r]\n"
                 "mov $0x1111222233334444, %%rcx\n mov $0x5555666677778888, %%r11\n"
                 "int3\n1: mov %%rsp, %[a]\n pushf\n pop %[f]\n cld"
                 : [b] "=&r"(before), [a] "=&r"(after), [r] "=&r"(rip), [f] "+&r"(flags)
                 :
                 : "rcx", "r11", "cc", "memory");
    entry_hook = NULL;
    test_num("traps: int3 goes to its handler and back", hits, 1);
    test_num("traps: the frame's rip is behind int3", (long)last_trap.rip, (long)rip);
    test_num("traps: its rsp is the interrupted one", (long)last_trap.rsp, (long)before);
    test_num("traps: and comes back", (long)after, (long)before);
    test_num("traps: rcx is in the frame", (long)last_trap.rcx, 0x1111222233334444);
    test_num("traps: r11 is in the frame", (long)last_trap.r11, 0x5555666677778888);
    test_num("traps: a kernel frame's cs shows ring 0", (long)(last_trap.cs & 3), 0);
    test_num("traps: its ss is the flat one", (long)(last_trap.ss & ~3UL),
             HV_FLAT_KERNEL_SS & ~3);
    test_num("traps: the flags are in the frame", (long)(last_trap.rflags & 0x8d5),
             0x8d5);
    test_num("traps: and come back", (long)(flags & 0x8d5), 0x8d5);
}

static void page_faults(void)
{
    trap("traps: a load from a missing page is #PF", null_read, TRAP_PF);
    test_num("traps: ... a read", (long)last_trap.error, 0);
    test_num("traps: ... with its address", (long)last_cr2, 16);
    trap("traps: a jump to a missing page is #PF", call_data, TRAP_PF);
    test_num("traps: ... at that address", (long)last_cr2, 0x10);
    test_num("traps: ... which is rip", (long)last_trap.rip, 0x10);
}

/* The CPU says vector * 8 + 2; QEMU up to 7.2 says vector * 16 + 2. */
static bool vector_error(unsigned int vector)
{
    return last_trap.error == vector * 8 + 2 || last_trap.error == vector * 16 + 2;
}

static void protection(void)
{
    uint64_t cr4;

    trap("traps: a non-canonical address is #GP", noncanonical, TRAP_GP);
    test_num("traps: ... with error code 0", (long)last_trap.error, 0);
    trap("traps: a selector beyond the table is #GP", bad_segment, TRAP_GP);
    test_num("traps: ... with the selector", (long)last_trap.error, 0x1234);
    trap("traps: int to a vector without a handler is #GP", int_ff, TRAP_GP);
    test_true("traps: ... with the vector", vector_error(0xff));
    trap("traps: int to a vector of level 0 is #GP", int_13, TRAP_GP);
    test_true("traps: ... with the vector", vector_error(13));
    trap("traps: an unknown MSR is #GP", rdmsr_bad, TRAP_GP);
    trap("traps: the system call MSR is not the guest's", wrmsr_lstar, TRAP_GP);
    trap("traps: a write of cr4 is taken", write_cr4, -1);
    asm volatile("mov %%cr4, %0" : "=r"(cr4));
    test_num("traps: but does not switch on what is not the guest's",
             (long)(cr4 & 0x6000), 0);
    trap("traps: lgdt is #GP", lgdt, TRAP_GP);
    trap("traps: cli is #GP: the kernel is in ring 3", cli, TRAP_GP);
}

static void emulated(void)
{
    uint64_t cr0, cr4;
    uint32_t lo, hi;

    asm volatile("mov %%cr0, %0" : "=r"(cr0));
    test_num("traps: cr0 reads with paging and protection on", (long)(cr0 & 0x80000001),
             0x80000001);
    asm volatile("mov %%cr4, %0" : "=r"(cr4));
    test_num("traps: cr4 reads with PAE on", (long)(cr4 & 0x20), 0x20);
    asm volatile("clts" ::: "memory");
    asm volatile("mov %%cr0, %0" : "=r"(cr0));
    test_num("traps: clts clears TS", (long)(cr0 & 8), 0);
    test_num("traps: fpu_taskswitch sets it", hcall1(HV_CALL_FPU_TASKSWITCH, 1), 0);
    asm volatile("mov %%cr0, %0" : "=r"(cr0));
    test_num("traps: then cr0 shows TS", (long)(cr0 & 8), 8);
    asm volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(0xc0000080));
    test_true("traps: EFER reads with long mode active", lo & 0x400);
    test_num("traps: fpu_taskswitch clears it", hcall1(HV_CALL_FPU_TASKSWITCH, 0), 0);
}

static void fpu(void *p)
{
    asm volatile("fninit");
}

static void segment_bases(void)
{
    uint64_t lo = 0xdeadbeef, got;
    static uint64_t cell = 0xfeedface;

    test_num("traps: set_segment_base sets fs",
             hcall2(HV_CALL_SET_SEGMENT_BASE, HV_SEGBASE_FS, P(&cell)), 0);
    asm volatile("mov %%fs:0, %0" : "=r"(got));
    test_num("traps: fs reads through its base", (long)got, 0xfeedface);
    test_num("traps: set_segment_base sets the kernel's gs",
             hcall2(HV_CALL_SET_SEGMENT_BASE, HV_SEGBASE_GS_KERNEL, P(&cell)), 0);
    asm volatile("mov %%gs:0, %0" : "=r"(got));
    test_num("traps: gs reads through its base", (long)got, 0xfeedface);
    test_num("traps: and the user's gs",
             hcall2(HV_CALL_SET_SEGMENT_BASE, HV_SEGBASE_GS_USER, P(&lo)), 0);
    asm volatile("mov %%gs:0, %0" : "=r"(got));
    test_num("traps: which is another one", (long)got, 0xfeedface);
    test_num("traps: a base beyond the canonical range",
             hcall2(HV_CALL_SET_SEGMENT_BASE, HV_SEGBASE_FS, 1UL << 60), -EINVAL);
    test_num("traps: an unknown base", hcall2(HV_CALL_SET_SEGMENT_BASE, 9, 0), -EINVAL);
    asm volatile("wrmsr" ::"a"((uint32_t)P(&lo)), "d"((uint32_t)(P(&lo) >> 32)),
                 "c"(0xc0000100));
    asm volatile("mov %%fs:0, %0" : "=r"(got));
    test_num("traps: the FS base MSR works as well", (long)got, 0xdeadbeef);
}

void test_main(void)
{
    trap("traps: int3", int3, TRAP_BP);
    trap("traps: ud2", ud2, TRAP_UD);
    trap("traps: division by zero", divide, TRAP_DE);
    returns();
    page_faults();
    protection();
    emulated();
    hcall1(HV_CALL_FPU_TASKSWITCH, 1);
    trap("traps: the FPU with TS set is #NM", fpu, TRAP_NM);
    hcall1(HV_CALL_FPU_TASKSWITCH, 0);
    trap("traps: without it works", fpu, -1);
    segment_bases();
}
