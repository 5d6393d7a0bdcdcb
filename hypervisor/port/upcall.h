/* SPDX-License-Identifier: MIT */
/* The doors in the other direction: what the machine calls in the core, beside
 * hcall_table (port/hcall.h). Nothing else is called upward. */
#ifndef PORT_UPCALL_H
#define PORT_UPCALL_H

#include "abi/xen.h"
#include "port/cpu.h"

struct boot_module {
    paddr_t start, end;  /* bytes, as the boot loader laid it */
    const char *cmdline; /* in hypervisor memory; may be "" */
};
struct boot_range {
    paddr_t start, end;
    uint32_t type; /* E820 type: 1 RAM, 2 reserved, 3 ACPI, 4 NVS, 5 bad */
};
/* A colour's bits in a pixel. */
struct boot_colour {
    uint8_t pos, size;
};
/* The screen in a graphics mode; width 0: it is not. */
struct boot_screen {
    paddr_t base;
    uint32_t pitch, width, height; /* pitch: bytes from line to line */
    uint8_t bpp;
    struct boot_colour red, green, blue;
};
/* What the loader said, copied out of loader memory. */
struct boot_info {
    const char *cmdline, *loader;
    struct boot_module module[8];
    unsigned modules;
    struct boot_range map[128]; /* sorted, no overlaps */
    unsigned ranges;
    paddr_t image_start, image_end; /* the hypervisor itself */
    paddr_t rsdp;                   /* 0: search the BIOS area */
    bool efi;
    paddr_t efi_systab; /* EFI system table; 0: not known */
    paddr_t efi_map;    /* EFI's memory map, which stays there; 0: not known */
    uint32_t efi_map_size, efi_entry_size; /* bytes */
    struct boot_screen screen;
};

const struct boot_info *boot_info_get(void);  /* what hv_main() was given */
_Noreturn void hv_main(struct boot_info *bi); /* boot CPU, on its final stack, irqs off */
_Noreturn void hv_ap_main(void); /* every other CPU, once its tables are loaded */

void pv_trap(
    struct hv_cpu_user_regs *r); /* exception from a PV guest; vector in entry_vector */
void pv_page_fault(struct hv_cpu_user_regs *r); /* the same for a page fault */
/* Page fault in a PV guest's kernel mode at va: interrupts are off and the return stack
 * is not filled, so it neither calls nor returns but leaves by ctx_leave_*(). */
_Noreturn void mmu_quick_fault(struct hv_cpu_user_regs *r, struct vcpu *v, vaddr_t va);
/* Hypercalls about the caller's own memory (DOMID_SELF), their other arguments as they
 * came, in the same state: 0, it is done and well; else the number of the hypercall that
 * is still to be made. update does all or nothing. */
unsigned mmu_quick_update(vaddr_t at, uint64_t count, vaddr_t done,
                          struct vcpu *v); /* mmu_update */
unsigned mmu_quick_bases(vaddr_t at, uint64_t count, vaddr_t done,
                         struct vcpu *v); /* mmuext_op */
bool hv_fault_fixup(
    struct hv_cpu_user_regs *r); /* fault in the hypervisor: hw resolves exception tables
                                  * itself; called for what is left: true = resolved */
void pv_iret(struct hv_cpu_user_regs *r); /* the hypercall, when asm has no fast way */
void pv_syscall(struct hv_cpu_user_regs
                    *r); /* SYSCALL from guest user mode when asm has no fast way */
void pv_exit_work(
    struct hv_cpu_user_regs *r); /* softirqs or an event are pending before the way out */
void pv_exit_fault(
    struct hv_cpu_user_regs *r);        /* IRET to the guest faulted: its frame is bad */
void sched_switched(struct vcpu *prev); /* prev is saved and may run elsewhere */
/* v's base pointers, on this CPU, are these from now on: its copies of them
 * (port/isolate.h) are brought up to date. For isolated vCPUs. */
void mmu_isolate(struct vcpu *v);
void timer_irq(void); /* this CPU's deadline passed (irq context) */

#endif
