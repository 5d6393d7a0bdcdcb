/* SPDX-License-Identifier: MIT */
/* Exceptions. What a guest did is the guest room's affair (pv_trap). A fault in the
 * hypervisor is resolved by, in this order: the guest room for a descriptor page that is
 * mapped on demand, the exception table, the guest's failsafe callback when it was the
 * IRET to the guest that faulted. Anything else is our own mistake: panic. Reference:
 * AMD64 Architecture Programmer's Manual volume 2, "Exceptions and Interrupts". */
#include "hw/cpu/trap.h"
#include "hw/cpu/extable.h"
#include "hw/cpu/msr.h"
#include "hw/plat/efi.h"
#include "hw/plat/nmi.h"
#include "kern/hang.h"
#include "kern/log.h"
#include "lib/string.h"
#include "port/context.h"
#include "port/cpu.h"
#include "port/upcall.h"

enum {
    VEC_DB = 1,
    VEC_NMI = 2,
    VEC_DF = 8,
    VEC_GP = 13,
    VEC_PF = 14,
    VEC_MC = 18,
    VEC_INT80 = 0x80
};
#define ERR_IDT     2u
#define DR6_DEFAULT 0xffff0ff0ul

extern const char exit_iretq[], fast_iretq[], isolated_iretq[], isolated_fast_iretq[],
    verw_iretq[], verw_fast_iretq[], isolated_verw_iretq[], isolated_verw_fast_iretq[];
const struct hv_cpu_user_regs *trap_dump_regs;

static const char *const names[32] = {
    "divide error",
    "debug",
    "NMI",
    "breakpoint",
    "overflow",
    "bound",
    "invalid opcode",
    "device not available",
    "double fault",
    "coprocessor overrun",
    "invalid TSS",
    "segment not present",
    "stack fault",
    "general protection",
    "page fault",
    "reserved",
    "x87 error",
    "alignment check",
    "machine check",
    "SIMD error",
    "virtualization",
    "control protection",
};

static _Noreturn void die(const struct hv_cpu_user_regs *r)
{
    unsigned v = r->entry_vector & 0xff;
    char buf[80];

    trap_dump_regs = r;
    if (v == VEC_PF)
        panic("page fault in the hypervisor at %s: address %#lx, error %#x",
              symbol_name(r->rip, buf, sizeof(buf)), (unsigned long)read_cr2(),
              r->error_code);
    panic("%s (vector %u) in the hypervisor at %s, error %#x",
          v < 32 && names[v] ? names[v] : "interrupt", v,
          symbol_name(r->rip, buf, sizeof(buf)), r->error_code);
}

static uint64_t take_dr6(void)
{
    uint64_t dr6;

    __asm__ volatile("mov %%db6, %0; mov %1, %%db6" : "=&r"(dr6) : "r"(DR6_DEFAULT));
    return dr6;
}

/* On the NMI's own stack, if it came from the hypervisor, and with further ones held back
 * until the next IRET: nothing here may fault, but in a panic, which does not come back.
 */
static void nmi(const struct hv_cpu_user_regs *r)
{
    cpu_stop_if_asked(r);
    nmi_seen();
    if (hang_tick()) {
        trap_dump_regs = r;
        panic("Watchdog timer detects that CPU%u is stuck!", cpu_id());
    }
}

void trap_guest(struct hv_cpu_user_regs *r)
{
    struct vcpu_hw *v = (struct vcpu_hw *)cpu_current();

    switch (r->entry_vector) {
    case VEC_NMI:
        nmi(r);
        if (!hang_watching())
            log_warn("NMI while a guest ran; ignored");
        return;
    case VEC_MC:
        die(r);
    case VEC_DB:
        v->dr[6] = take_dr6();
        break;
    case VEC_INT80: /* as if its gate were closed like the others': one way for software
                       interrupts */
        r->rip -= 2;
        r->error_code = VEC_INT80 << 3 | ERR_IDT;
        r->entry_vector = VEC_GP;
        break;
    default:
        break;
    }
    pv_trap(r);
}

/* The guest's registers are those at the fault; the rest of its frame is where IRET read
 * it, which is at its place or just below (entry.S, iret_fast). All these overlap. */
static _Noreturn void iret_fault(const struct hv_cpu_user_regs *r)
{
    struct hv_cpu_user_regs *g = &cpu_info()->regs;
    uint32_t vector = r->entry_vector, error = r->error_code;
    uint64_t words[5]; /* rip, cs, rflags, rsp, ss */

    memcpy(words, (const void *)r->rsp, sizeof(words));
    memmove(g, r, offsetof(struct hv_cpu_user_regs, error_code));
    memcpy(&g->rip, words, sizeof(words));
    g->error_code = error;
    g->entry_vector = vector;
    exit_fault();
}

static bool leaves_to_guest(uint64_t rip)
{
    const char *const iretqs[] = {
        exit_iretq, fast_iretq,      isolated_iretq,      isolated_fast_iretq,
        verw_iretq, verw_fast_iretq, isolated_verw_iretq, isolated_verw_fast_iretq};

    for (unsigned i = 0; i < ARRAY_SIZE(iretqs); i++)
        if (rip == (uint64_t)iretqs[i])
            return true;
    return false;
}

static bool in_perdomain(uint64_t va)
{
    return va >= PERDOMAIN_START && va < FRAMETABLE_START;
}

void trap_hv(struct hv_cpu_user_regs *r)
{
    unsigned v = r->entry_vector & 0xff;
    uint64_t to;

    if (v == VEC_NMI) {
        nmi(r);
        return;
    }
    if (v == VEC_DB) { /* a guest's breakpoint met on our way: it is not for us */
        r->rflags &= ~(uint64_t)EFLAGS_TF;
        take_dr6();
        return;
    }
    if (v == VEC_MC)
        die(r);
    if (efi_fault(r)) /* even a double one: firmware may have run out of stack */
        return;
    if (v == VEC_DF)
        die(r);
    if (v == VEC_PF && in_perdomain(read_cr2()) && hv_fault_fixup(r))
        return;
    to = extable_find(r->rip);
    if (to) {
        r->rip = to;
        return;
    }
    if (leaves_to_guest(r->rip))
        iret_fault(r);
    if (!hv_fault_fixup(r))
        die(r);
}
