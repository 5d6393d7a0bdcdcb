/* SPDX-License-Identifier: MIT */
/*
 * x86-64 part of the guest ABI: registers, selectors, address-space layout, trap
 * tables, the context a vCPU starts with, CPUID leaves.
 *
 * A hypercall passes its number in rax and arguments in rdi, rsi, rdx, r10, r8, r9;
 * the result comes back in rax. Argument registers may be clobbered.
 *
 * Reference: Xen public interface, arch-x86/xen.h, xen-x86_64.h, cpuid.h.
 */
#ifndef HV_ABI_ARCH_X86_H
#define HV_ABI_ARCH_X86_H

#include "base.h"

/* Flat segments in the hypervisor's part of every GDT. */
#define HV_FLAT_RING3_CS32 0xe023
#define HV_FLAT_RING3_CS64 0xe033
#define HV_FLAT_RING3_DS32 0xe02b
#define HV_FLAT_RING3_DS64 0x0000
#define HV_FLAT_RING3_SS32 0xe02b
#define HV_FLAT_RING3_SS64 0xe02b
#define HV_FLAT_KERNEL_CS HV_FLAT_RING3_CS64
#define HV_FLAT_KERNEL_CS64 HV_FLAT_RING3_CS64
#define HV_FLAT_KERNEL_CS32 HV_FLAT_RING3_CS32
#define HV_FLAT_KERNEL_DS HV_FLAT_RING3_DS64
#define HV_FLAT_KERNEL_DS64 HV_FLAT_RING3_DS64
#define HV_FLAT_KERNEL_DS32 HV_FLAT_RING3_DS32
#define HV_FLAT_KERNEL_SS HV_FLAT_RING3_SS64
#define HV_FLAT_KERNEL_SS64 HV_FLAT_RING3_SS64
#define HV_FLAT_KERNEL_SS32 HV_FLAT_RING3_SS32
#define HV_FLAT_USER_CS HV_FLAT_RING3_CS64
#define HV_FLAT_USER_CS64 HV_FLAT_RING3_CS64
#define HV_FLAT_USER_CS32 HV_FLAT_RING3_CS32
#define HV_FLAT_USER_DS HV_FLAT_RING3_DS64
#define HV_FLAT_USER_DS64 HV_FLAT_RING3_DS64
#define HV_FLAT_USER_DS32 HV_FLAT_RING3_DS32
#define HV_FLAT_USER_SS HV_FLAT_RING3_SS64
#define HV_FLAT_USER_SS64 HV_FLAT_RING3_SS64
#define HV_FLAT_USER_SS32 HV_FLAT_RING3_SS32

/* GDT pages from here on belong to the hypervisor; set_gdt takes fewer entries. */
#define HV_FIRST_RESERVED_GDT_PAGE 14
#define HV_FIRST_RESERVED_GDT_BYTE (HV_FIRST_RESERVED_GDT_PAGE * 4096)
#define HV_FIRST_RESERVED_GDT_ENTRY (HV_FIRST_RESERVED_GDT_BYTE / 8)

/* Guests may not map anything here: L4 slots 256..271. */
#define HV_HYPERVISOR_VIRT_START HV_UL(0xffff800000000000)
#define HV_HYPERVISOR_VIRT_END HV_UL(0xffff880000000000)
/* The machine-to-physical table, readable by every guest: uint64_t m2p[mfn]. */
#define HV_MACH2PHYS_VIRT_START HV_UL(0xffff800000000000)
#define HV_MACH2PHYS_VIRT_END HV_UL(0xffff804000000000)
#define HV_MACH2PHYS_NR_ENTRIES                                                          \
    ((HV_MACH2PHYS_VIRT_END - HV_MACH2PHYS_VIRT_START) >> 3)

/* set_segment_base(which, base) */
#define HV_SEGBASE_FS 0
#define HV_SEGBASE_GS_USER 1
#define HV_SEGBASE_GS_KERNEL 2
#define HV_SEGBASE_GS_USER_SEL 3 /* base is a selector for user gs */

#define HV_LEGACY_MAX_VCPUS 32

/* Flags of struct hv_vcpu_guest_context, and of the iret frame. */
#define HV_VGCF_I387_VALID (1 << 0)
#define HV_VGCF_IN_KERNEL (1 << 2)
#define HV_VGCF_FAILSAFE_DISABLES_EVENTS (1 << 3)
#define HV_VGCF_SYSCALL_DISABLES_EVENTS (1 << 4)
#define HV_VGCF_ONLINE (1 << 5)
#define HV_VGCF_IN_SYSCALL (1 << 8) /* iret may use sysret: rcx, r11 are lost */

/* hv_trap_info.flags: low two bits are the privilege level allowed to use `int`. */
#define HV_TI_DPL_MASK 3
#define HV_TI_IF 4 /* mask events on entry, like an interrupt gate */

/* hv_arch_domainconfig.emulation_flags: devices the hypervisor emulates. */
#define HV_X86_EMU_LAPIC (1U << 0)
#define HV_X86_EMU_HPET (1U << 1)
#define HV_X86_EMU_PM (1U << 2)
#define HV_X86_EMU_RTC (1U << 3)
#define HV_X86_EMU_IOAPIC (1U << 4)
#define HV_X86_EMU_PIC (1U << 5)
#define HV_X86_EMU_VGA (1U << 6)
#define HV_X86_EMU_IOMMU (1U << 7)
#define HV_X86_EMU_PIT (1U << 8)
#define HV_X86_EMU_USE_PIRQ (1U << 9)
#define HV_X86_EMU_VPCI (1U << 10)
#define HV_X86_EMU_ALL 0x7ffU
/* .misc_flags */
#define HV_X86_MSR_RELAXED (1u << 0) /* unknown MSRs read 0 instead of faulting */
#define HV_X86_MISC_FLAGS_MAX HV_X86_MSR_RELAXED

/* CPUID leaves, at 0x40000000 or the next free multiple of 0x100. */
#define HV_CPUID_FIRST_LEAF 0x40000000
#define HV_CPUID_LEAF(i) (HV_CPUID_FIRST_LEAF + (i))
#define HV_CPUID_SIGNATURE_EBX 0x566e6558 /* "XenVMMXenVMM" */
#define HV_CPUID_SIGNATURE_ECX 0x65584d4d
#define HV_CPUID_SIGNATURE_EDX 0x4d4d566e
#define HV_CPUID_FEAT1_MMU_PT_UPDATE_PRESERVE_AD (1u << 0)
#define HV_HVM_CPUID_APIC_ACCESS_VIRT (1u << 0)
#define HV_HVM_CPUID_X2APIC_VIRT (1u << 1)
#define HV_HVM_CPUID_IOMMU_MAPPINGS (1u << 2)
#define HV_HVM_CPUID_VCPU_ID_PRESENT (1u << 3)
#define HV_HVM_CPUID_DOMID_PRESENT (1u << 4)
#define HV_HVM_CPUID_EXT_DEST_ID (1u << 5)
#define HV_HVM_CPUID_UPCALL_VECTOR (1u << 6)
#define HV_CPUID_MACHINE_ADDRESS_WIDTH_MASK (0xffu << 0)
#define HV_CPUID_MAX_NUM_LEAVES 5
#define HV_CPUID_NO_SUBLEAF 0xffffffffu

/* Writing a page's address (| page number) to this MSR fills the hypercall page. */
#define HV_MSR_HYPERCALL 0x40000000
#define HV_MSR_HYPERCALL_VIRIDIAN 0x40000200 /* where it is under Viridian leaves */

#define HV_HVM_DEBUGCONS_IOPORT 0xe9

/* The bytes that make the next instruction (cpuid) trap: ud2, 'x','e','n'. */
#ifdef __ASSEMBLY__
#define HV_EMULATE_PREFIX .byte 0x0f, 0x0b, 0x78, 0x65, 0x6e ;
#define HV_CPUID HV_EMULATE_PREFIX cpuid
#else
#define HV_EMULATE_PREFIX ".byte 0x0f,0x0b,0x78,0x65,0x6e ; "
#define HV_CPUID HV_EMULATE_PREFIX "cpuid"
#endif

#ifndef __ASSEMBLY__

#define hv_pfn_to_cr3(pfn) ((uint64_t)(pfn) << 12)
#define hv_cr3_to_pfn(cr3) ((uint64_t)(cr3) >> 12)

typedef uint64_t hv_callback_t;

struct hv_cpu_user_regs {
    uint64_t r15, r14, r13, r12;
    uint64_t rbp, rbx;
    uint64_t r11, r10, r9, r8;
    uint64_t rax, rcx, rdx, rsi, rdi;
    uint32_t error_code;   /* private to the hypervisor */
    uint32_t entry_vector; /* private */
    uint64_t rip;
    uint16_t cs, _pad0[1];
    uint8_t saved_upcall_mask; /* evtchn_upcall_mask when the frame was made */
    uint8_t _pad1[3];
    uint64_t rflags;
    uint64_t rsp;
    uint16_t ss, _pad2[3];
    uint16_t es, _pad3[3];
    uint16_t ds, _pad4[3];
    uint16_t fs, _pad5[3];
    uint16_t gs, _pad6[3];
};

/* What the iret hypercall finds at rsp. */
struct hv_iret_context {
    uint64_t rax, r11, rcx, flags, rip, cs, rflags, rsp, ss;
};

/* One entry of the virtual IDT; the list given ends with address == 0. */
struct hv_trap_info {
    uint8_t vector;
    uint8_t flags; /* HV_TI_* */
    uint16_t cs;
    uint64_t address;
};

/* State a vCPU is started with or stopped in. */
struct hv_vcpu_guest_context {
    struct {
        char x[512]; /* FXSAVE image */
    } fpu_ctxt;
    uint64_t flags; /* HV_VGCF_* */
    struct hv_cpu_user_regs user_regs;
    struct hv_trap_info trap_ctxt[256];
    uint64_t ldt_base, ldt_ents; /* linear address, entries */
    uint64_t gdt_frames[16], gdt_ents;
    uint64_t kernel_ss, kernel_sp;
    uint64_t ctrlreg[8]; /* [1] holds the user page table, [3] the kernel's */
    uint64_t debugreg[8];
    uint64_t event_callback_eip;
    uint64_t failsafe_callback_eip;
    uint64_t syscall_callback_eip;
    uint64_t vm_assist;
    uint64_t fs_base;
    uint64_t gs_base_kernel;
    uint64_t gs_base_user;
};

struct hv_arch_vcpu_info {
    uint64_t cr2; /* of the last page fault delivered */
    uint64_t pad;
};

/* Where tools find the guest's p2m list: 3-level tree, or linear (p2m_cr3 != 0). */
struct hv_arch_shared_info {
    uint64_t max_pfn;
    hv_pfn_t pfn_to_mfn_frame_list_list;
    uint64_t nmi_reason; /* HV_NMIREASON_* */
    uint64_t p2m_cr3;
    uint64_t p2m_vaddr;
    uint64_t p2m_generation; /* odd while the guest changes the mapping */
};

struct hv_arch_domainconfig {
    uint32_t emulation_flags; /* HV_X86_EMU_* */
    uint32_t misc_flags;      /* HV_X86_MSR_RELAXED */
};

struct hv_cpuid_leaf {
    uint32_t leaf, subleaf; /* subleaf HV_CPUID_NO_SUBLEAF if there are none */
    uint32_t a, b, c, d;
};

struct hv_msr_entry {
    uint32_t idx;
    uint32_t flags; /* must be zero */
    uint64_t val;
};

#endif /* !__ASSEMBLY__ */
#endif
