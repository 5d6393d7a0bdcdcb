/* SPDX-License-Identifier: MIT */
/* The PV room's own state, and vCPU contexts in and out. */
#ifndef GUEST_PV_DOMAIN_H
#define GUEST_PV_DOMAIN_H

#include "abi/arch_x86.h"
#include "kern/room.h"
#include "kern/vcpu.h"

/* CR4 as the machine has it for every guest: PAE, MCE, OSFXSR, OSXMMEXCPT. */
#define PV_CR4_FIXED 0x660ull

struct pv_domain {
    uint64_t tsc_mode, tsc_incarnation;
    _Atomic uint32_t pci_cf8; /* what it wrote to PCI's address port */
};

/* Only the vCPU itself, or whoever has paused it, touches this. */
struct pv_vcpu {
    struct hv_trap_info traps[256]; /* address 0: not set */
    uint64_t cr0, cr4;              /* as the guest sees them */
    uint64_t ldt_base;
    unsigned iopl; /* what PHYSDEVOP_set_iopl said, 0-3 */
    vaddr_t iobitmap;
    unsigned iobitmap_ports;
    uint64_t nmi_ip;
    mfn_t gdt_frames[16];
    unsigned gdt_frame_count;
};

extern const struct room pv_room;

/* Where its kernel is entered from user mode. */
void pv_set_kernel_stack(struct vcpu *v, uint64_t ss, uint64_t sp);
/* Its stack, its entry for system calls or its handler of page faults has changed: entry
 * code is told. */
void pv_update_entries(struct vcpu *v);
/* Bits of vm_assist go on and off. */
void pv_vm_assist(struct domain *d, uint64_t set, uint64_t clear);
/* Loads a start-of-day or saved context into a vCPU that does not run. -EINVAL: refused,
 * nothing changed but descriptor tables and page tables that were already set. */
int must_check pv_set_context(struct vcpu *v, const struct hv_vcpu_guest_context *c);
void pv_get_context(struct vcpu *v, struct hv_vcpu_guest_context *c); /* v is paused */

/* Makes the register frame fit for a return to ring 3 whatever the guest wrote into it.
 */
void pv_sanitise_regs(struct hv_cpu_user_regs *r);
bool pv_is_canonical(uint64_t va);

#endif
