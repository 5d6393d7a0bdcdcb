/* SPDX-License-Identifier: MIT */
/* Where the hypervisor enters the kernel: traps, events, system calls. */
#include "guest.h"
#include "abi/callback.h"

extern char trap_stubs[], int80_stub[], guarded_end[];
extern uint64_t guard_rsp;

struct frame last_trap;
uint64_t last_cr2;
bool (*entry_hook)(struct frame *f);

static struct hv_trap_info traps[34];

const char *trap_stub(unsigned int vector)
{
    return trap_stubs + vector * 32;
}

void secondary_context(struct hv_vcpu_guest_context *c, unsigned int vcpu,
                       void *stack_end)
{
    c->flags = HV_VGCF_IN_KERNEL;
    c->user_regs.rip = P(start_secondary);
    c->user_regs.rsp = P(stack_end);
    c->user_regs.rdi = vcpu;
    c->user_regs.cs = HV_FLAT_KERNEL_CS;
    c->user_regs.ss = HV_FLAT_KERNEL_SS;
    c->kernel_ss = HV_FLAT_KERNEL_SS;
    c->kernel_sp = P(stack_end);
    c->ctrlreg[3] = hv_pfn_to_cr3(va_mfn((void *)start_info->pt_base));
    memcpy(c->trap_ctxt, traps, sizeof(traps));
}

static void set_callback(unsigned int type, const char *stub)
{
    struct hv_callback_register r = {.type = (uint16_t)type, .address = P(stub)};

    callback_op(HV_CALLBACKOP_REGISTER, &r);
}

void trap_init(void)
{
    int n = 0;

    for (int v = 0; v < 32; v++) {
        if (v == TRAP_NMI)
            continue;
        traps[n].vector = (uint8_t)v;
        traps[n].flags = v == TRAP_BP || v == TRAP_OF ? 3 : 0;
        traps[n].cs = HV_FLAT_KERNEL_CS;
        traps[n++].address = P(trap_stub((unsigned int)v));
    }
    traps[n].vector = 0x80;
    traps[n].flags = 3;
    traps[n].cs = HV_FLAT_KERNEL_CS;
    traps[n++].address = P(int80_stub);
    traps[n].address = 0;
    hcall1(HV_CALL_SET_TRAP_TABLE, P(traps));
    set_callback(HV_CALLBACKTYPE_EVENT, event_stub);
    set_callback(HV_CALLBACKTYPE_FAILSAFE, failsafe_stub);
    set_callback(HV_CALLBACKTYPE_SYSCALL, syscall_stub);
    set_callback(HV_CALLBACKTYPE_SYSCALL32, syscall32_stub);
}

void guest_entry(struct frame *f);
void guest_entry(struct frame *f)
{
    uint64_t cr2 = shared_info->vcpu_info[0].arch.cr2;

    if (entry_hook && entry_hook(f))
        return;
    if (f->vector == ENTRY_EVENT) {
        event_scan();
        return;
    }
    if (guard_rsp && f->vector < 32) {
        last_trap = *f;
        last_cr2 = cr2;
        f->rip = P(guarded_end);
        f->rsp = guard_rsp;
        f->rax = f->vector;
        return;
    }
    test_fail("no unexpected entry",
              "vector %lx error %lx rip %lx cs %lx rsp %lx cr2 %lx", f->vector, f->error,
              f->rip, f->cs, f->rsp, cr2);
    test_end();
}

__attribute__((weak)) void secondary_main(long vcpu)
{
    test_fail("no unexpected vCPU", "vCPU %ld runs", vcpu);
    test_end();
}
