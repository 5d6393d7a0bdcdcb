/* SPDX-License-Identifier: MIT */
/* Structure offsets for entry.S; the Makefile turns this file's assembly into offsets.h.
 */
#include "abi/xen.h"
#include "hw/cpu/percpu.h"
#include "kern/domain.h"
#include "port/context.h"

#define DEFINE(name, value) __asm__ volatile("\n@@ " #name " %c0" : : "i"(value))
#define REG(m)              DEFINE(UREGS_##m, offsetof(struct hv_cpu_user_regs, m))
/* From the guest's frame to the CPU's data behind it. */
#define INFO(m)                                                                          \
    DEFINE(INFO_##m, offsetof(struct cpu_info, m) - offsetof(struct cpu_info, regs))
#define VCPU(m) DEFINE(VCPU_##m, offsetof(struct vcpu_hw, m))

void offsets(void);
void offsets(void)
{
    REG(r15);
    REG(rbp);
    REG(rbx);
    REG(r11);
    REG(r10);
    REG(rax);
    REG(rcx);
    REG(rdx);
    REG(rdi);
    REG(error_code);
    REG(entry_vector);
    REG(rip);
    REG(cs);
    REG(rflags);
    REG(rsp);
    REG(ss);
    DEFINE(UREGS_SIZE, sizeof(struct hv_cpu_user_regs));
    DEFINE(INFO_SIZE, sizeof(struct cpu_info));
    DEFINE(INFO_REGS, offsetof(struct cpu_info, regs));
    DEFINE(CPUS, HV_MAX_CPUS);
    INFO(current);
    INFO(info);
    INFO(nr);
    INFO(hcall);
    DEFINE(INFO_hcall_d,
           offsetof(struct cpu_info, hcall.d) - offsetof(struct cpu_info, regs));
    DEFINE(INFO_hcall_arg,
           offsetof(struct cpu_info, hcall.arg) - offsetof(struct cpu_info, regs));
    INFO(softirq);
    INFO(scratch);
    INFO(forget);
    INFO(full_cr3);
    INFO(guest_cr3);
    INFO(seen_cr3);
    VCPU(info);
    VCPU(cr3_kernel);
    VCPU(cr3_user);
    VCPU(syscall_frame);
    VCPU(fault_frame);
    VCPU(event_ip);
    VCPU(syscall_ip);
    VCPU(kernel_mode);
    VCPU(syscall_masks_events);
    VCPU(nmi_pending);
    VCPU(nmi_masked);
    VCPU(pf_ip);
    VCPU(pf_masks_events);
    DEFINE(VMASST_IOPL, 1 << HV_VMASST_TYPE_ARCHITECTURAL_IOPL);
    DEFINE(DOMAIN_vm_assist, offsetof(struct domain, vm_assist));
    DEFINE(GINFO_cr2, offsetof(struct hv_vcpu_info, arch.cr2));
}
