/* SPDX-License-Identifier: MIT */
/*
 * The heart of the guest ABI: hypercall numbers, virtual interrupts, page-table
 * operations, and the two pages every paravirtualized guest is born with
 * (shared_info and start_info).
 *
 * Naming: docs/STYLE.md, "The guest ABI". Layouts are those of a 64-bit x86 guest
 * and of the interface as of Xen 4.17 (HV_INTERFACE_VERSION). Constants can be used
 * from assembly; tests/abi proves every number, size and offset.
 *
 * Reference: Xen public interface, xen.h.
 */
#ifndef HV_ABI_XEN_H
#define HV_ABI_XEN_H

#include "base.h"
#include "arch_x86.h"

#define HV_INTERFACE_VERSION 0x00040e00

/* Hypercall numbers: rax, or the slot (32 bytes each) of the hypercall page. */
#define HV_CALL_SET_TRAP_TABLE 0
#define HV_CALL_MMU_UPDATE 1
#define HV_CALL_SET_GDT 2
#define HV_CALL_STACK_SWITCH 3
#define HV_CALL_SET_CALLBACKS 4
#define HV_CALL_FPU_TASKSWITCH 5
#define HV_CALL_SCHED_OP_COMPAT 6
#define HV_CALL_PLATFORM_OP 7
#define HV_CALL_SET_DEBUGREG 8
#define HV_CALL_GET_DEBUGREG 9
#define HV_CALL_UPDATE_DESCRIPTOR 10
#define HV_CALL_MEMORY_OP 12
#define HV_CALL_MULTICALL 13
#define HV_CALL_UPDATE_VA_MAPPING 14
#define HV_CALL_SET_TIMER_OP 15
#define HV_CALL_EVENT_CHANNEL_OP_COMPAT 16
#define HV_CALL_XEN_VERSION 17
#define HV_CALL_CONSOLE_IO 18
#define HV_CALL_PHYSDEV_OP_COMPAT 19
#define HV_CALL_GRANT_TABLE_OP 20
#define HV_CALL_VM_ASSIST 21
#define HV_CALL_UPDATE_VA_MAPPING_OTHERDOMAIN 22
#define HV_CALL_IRET 23
#define HV_CALL_VCPU_OP 24
#define HV_CALL_SET_SEGMENT_BASE 25
#define HV_CALL_MMUEXT_OP 26
#define HV_CALL_XSM_OP 27
#define HV_CALL_NMI_OP 28
#define HV_CALL_SCHED_OP 29
#define HV_CALL_CALLBACK_OP 30
#define HV_CALL_XENOPROF_OP 31
#define HV_CALL_EVENT_CHANNEL_OP 32
#define HV_CALL_PHYSDEV_OP 33
#define HV_CALL_HVM_OP 34
#define HV_CALL_SYSCTL 35
#define HV_CALL_DOMCTL 36
#define HV_CALL_KEXEC_OP 37
#define HV_CALL_TMEM_OP 38
#define HV_CALL_ARGO_OP 39
#define HV_CALL_XENPMU_OP 40
#define HV_CALL_DM_OP 41
#define HV_CALL_HYPFS_OP 42
#define HV_CALL_ARCH_0 48
#define HV_CALL_ARCH_1 49
#define HV_CALL_ARCH_2 50
#define HV_CALL_ARCH_3 51
#define HV_CALL_ARCH_4 52
#define HV_CALL_ARCH_5 53
#define HV_CALL_ARCH_6 54
#define HV_CALL_ARCH_7 55
/* x86 gives the first architecture slot to machine checks (arch_x86.h). */
#define HV_CALL_MCA HV_CALL_ARCH_0

/*
 * Virtual interrupts. V: one binding per vCPU, fixed to it. G: one binding per
 * domain, made on vCPU 0, can be moved. D: only the hardware domain gets it.
 */
#define HV_VIRQ_TIMER 0       /* V  a timer of this vCPU expired */
#define HV_VIRQ_DEBUG 1       /* V  please dump your state */
#define HV_VIRQ_CONSOLE 2     /* GD input on the hypervisor's serial line */
#define HV_VIRQ_DOM_EXC 3     /* GD a domain died or shut down */
#define HV_VIRQ_TBUF 4        /* GD trace records wait */
#define HV_VIRQ_DEBUGGER 6    /* GD a domain stopped for its debugger */
#define HV_VIRQ_XENOPROF 7    /* V  a profiling sample waits */
#define HV_VIRQ_CON_RING 8    /* GD the hypervisor's log grew */
#define HV_VIRQ_PCPU_STATE 9  /* GD a physical CPU came or went */
#define HV_VIRQ_MEM_EVENT 10  /* GD memory event */
#define HV_VIRQ_ARGO 11       /* G  Argo message */
#define HV_VIRQ_ENOMEM 12     /* GD the heap runs low */
#define HV_VIRQ_XENPMU 13     /* V  performance counter */
#define HV_VIRQ_ARCH_0 16
#define HV_VIRQ_ARCH_1 17
#define HV_VIRQ_ARCH_2 18
#define HV_VIRQ_ARCH_3 19
#define HV_VIRQ_ARCH_4 20
#define HV_VIRQ_ARCH_5 21
#define HV_VIRQ_ARCH_6 22
#define HV_VIRQ_ARCH_7 23
#define HV_VIRQ_MCA HV_VIRQ_ARCH_0 /* GD a machine check was logged */
#define HV_NR_VIRQS 24

/* mmu_update: the command is in the two low bits of hv_mmu_update.ptr. */
#define HV_MMU_NORMAL_PT_UPDATE 0       /* checked write of one page-table entry */
#define HV_MMU_MACHPHYS_UPDATE 1        /* M2P entry of ptr's frame = val */
#define HV_MMU_PT_UPDATE_PRESERVE_AD 2  /* as 0, keeps Accessed and Dirty */
#define HV_MMU_PT_UPDATE_NO_TRANSLATE 3 /* as 0, val is never translated */

/* mmuext_op commands; each says which members of hv_mmuext_op it reads. */
#define HV_MMUEXT_PIN_L1_TABLE 0       /* mfn */
#define HV_MMUEXT_PIN_L2_TABLE 1       /* mfn */
#define HV_MMUEXT_PIN_L3_TABLE 2       /* mfn */
#define HV_MMUEXT_PIN_L4_TABLE 3       /* mfn */
#define HV_MMUEXT_UNPIN_TABLE 4        /* mfn */
#define HV_MMUEXT_NEW_BASEPTR 5        /* mfn */
#define HV_MMUEXT_TLB_FLUSH_LOCAL 6    /* - */
#define HV_MMUEXT_INVLPG_LOCAL 7       /* linear_addr */
#define HV_MMUEXT_TLB_FLUSH_MULTI 8    /* vcpumask */
#define HV_MMUEXT_INVLPG_MULTI 9       /* linear_addr, vcpumask */
#define HV_MMUEXT_TLB_FLUSH_ALL 10     /* - */
#define HV_MMUEXT_INVLPG_ALL 11        /* linear_addr */
#define HV_MMUEXT_FLUSH_CACHE 12       /* - */
#define HV_MMUEXT_SET_LDT 13           /* linear_addr, nr_ents */
#define HV_MMUEXT_NEW_USER_BASEPTR 15  /* mfn, 0 for none */
#define HV_MMUEXT_CLEAR_PAGE 16        /* mfn */
#define HV_MMUEXT_COPY_PAGE 17         /* mfn, src_mfn */
#define HV_MMUEXT_FLUSH_CACHE_GLOBAL 18 /* - */
#define HV_MMUEXT_MARK_SUPER 19        /* mfn */
#define HV_MMUEXT_UNMARK_SUPER 20      /* mfn */

/*
 * update_va_mapping flags: the flush to do, and where. Any other value of the upper
 * bits is the guest address of a vCPU bitmap (HV_UVMF_MULTI).
 */
#define HV_UVMF_NONE HV_UL(0)
#define HV_UVMF_TLB_FLUSH HV_UL(1)
#define HV_UVMF_INVLPG HV_UL(2)
#define HV_UVMF_FLUSHTYPE_MASK HV_UL(3)
#define HV_UVMF_MULTI HV_UL(0)
#define HV_UVMF_LOCAL HV_UL(0)
#define HV_UVMF_ALL HV_UL(4)

/* console_io(command, count, buffer): the emergency console. */
#define HV_CONSOLEIO_WRITE 0
#define HV_CONSOLEIO_READ 1

/* vm_assist(command, type): bit numbers of the domain's assist mask. */
#define HV_VMASST_CMD_ENABLE 0
#define HV_VMASST_CMD_DISABLE 1
#define HV_VMASST_TYPE_4GB_SEGMENTS 0
#define HV_VMASST_TYPE_4GB_SEGMENTS_NOTIFY 1
#define HV_VMASST_TYPE_WRITABLE_PAGETABLES 2
#define HV_VMASST_TYPE_PAE_EXTENDED_CR3 3
#define HV_VMASST_TYPE_ARCHITECTURAL_IOPL 4
#define HV_VMASST_TYPE_RUNSTATE_UPDATE_FLAG 5
#define HV_VMASST_TYPE_M2P_STRICT 32

/* Domain ids that are not domains. Real ids lie below HV_DOMID_FIRST_RESERVED. */
#define HV_DOMID_FIRST_RESERVED HV_U(0x7ff0)
#define HV_DOMID_SELF HV_U(0x7ff0)    /* the caller */
#define HV_DOMID_IO HV_U(0x7ff1)      /* owner of memory-mapped I/O */
#define HV_DOMID_XEN HV_U(0x7ff2)     /* owner of what the hypervisor shares */
#define HV_DOMID_COW HV_U(0x7ff3)
#define HV_DOMID_INVALID HV_U(0x7ff4) /* nobody */
#define HV_DOMID_IDLE HV_U(0x7fff)    /* owner of idle vCPUs */
#define HV_DOMID_MASK HV_U(0x7fff)

#define HV_PVCLOCK_TSC_STABLE_BIT (1 << 0) /* clocks of all vCPUs agree */
#define HV_PVCLOCK_GUEST_STOPPED (1 << 1)

/* start_info.flags */
#define HV_SIF_PRIVILEGED (1 << 0)
#define HV_SIF_INITDOMAIN (1 << 1)
#define HV_SIF_MULTIBOOT_MOD (1 << 2)   /* mod_start is a list of modules */
#define HV_SIF_MOD_START_PFN (1 << 3)   /* mod_start is a pfn, not mapped */
#define HV_SIF_VIRT_P2M_4TOOLS (1 << 4) /* tools understand a linear p2m */
#define HV_SIF_PM_MASK (0xff << 8)

#define HV_MAX_GUEST_CMDLINE 1024

#define HV_VGATYPE_TEXT_MODE_3 0x03
#define HV_VGATYPE_VESA_LFB 0x23
#define HV_VGATYPE_EFI_LFB 0x70

#ifndef __ASSEMBLY__

struct hv_mmu_update {
    uint64_t ptr; /* machine address of the entry, command in bits 0..1 */
    uint64_t val;
};

struct hv_mmuext_op {
    uint32_t cmd; /* HV_MMUEXT_* */
    union {
        hv_pfn_t mfn;
        hv_ulong_t linear_addr;
    } arg1;
    union {
        uint32_t nr_ents;
        hv_handle_t vcpumask; /* IN: bitmap of vCPUs */
        hv_pfn_t src_mfn;
    } arg2;
};

struct hv_multicall_entry {
    hv_ulong_t op;     /* IN: hypercall number */
    hv_ulong_t result; /* OUT */
    hv_ulong_t args[6];
};

/*
 * Time of one vCPU, written by the hypervisor under an even/odd version, as in any
 * seqlock: a reader repeats while version is odd or changed.
 *   ns = system_time + (((tsc - tsc_timestamp) shifted by tsc_shift)
 *                       * tsc_to_system_mul >> 32)
 */
struct hv_vcpu_time_info {
    uint32_t version;
    uint32_t pad0;
    uint64_t tsc_timestamp;
    uint64_t system_time;
    uint32_t tsc_to_system_mul;
    int8_t tsc_shift;
    uint8_t flags; /* HV_PVCLOCK_* */
    uint8_t pad1[2];
};

/* What a vCPU and the hypervisor share; 64 bytes. */
struct hv_vcpu_info {
    uint8_t evtchn_upcall_pending; /* set by the hypervisor, cleared by the guest */
    uint8_t evtchn_upcall_mask;    /* the guest's "interrupts off" */
    hv_ulong_t evtchn_pending_sel; /* which words of evtchn_pending to look at */
    struct hv_arch_vcpu_info arch;
    struct hv_vcpu_time_info time;
};

struct hv_shared_info {
    struct hv_vcpu_info vcpu_info[HV_LEGACY_MAX_VCPUS];
    hv_ulong_t evtchn_pending[64]; /* 2-level event channels, one bit a port */
    hv_ulong_t evtchn_mask[64];
    uint32_t wc_version; /* seqlock around the wall clock at boot */
    uint32_t wc_sec;
    uint32_t wc_nsec;
    uint32_t wc_sec_hi;
    struct hv_arch_shared_info arch;
};

/* Given to a PV kernel in rsi. Valid at boot; the first part also after resume. */
struct hv_start_info {
    char magic[32];         /* "xen-<major>.<minor>-x86_64" */
    hv_ulong_t nr_pages;    /* memory of the domain */
    hv_ulong_t shared_info; /* machine address */
    uint32_t flags;         /* HV_SIF_* */
    hv_pfn_t store_mfn;
    uint32_t store_evtchn;
    union {
        struct {
            hv_pfn_t mfn;
            uint32_t evtchn;
        } domU;
        struct {
            uint32_t info_off;  /* of struct hv_dom0_vga_console_info, from here */
            uint32_t info_size;
        } dom0;
    } console;
    /* Boot only. */
    hv_ulong_t pt_base; /* virtual address of the top-level page table */
    hv_ulong_t nr_pt_frames;
    hv_ulong_t mfn_list;  /* virtual address of the p2m list */
    hv_ulong_t mod_start; /* virtual address, or pfn: HV_SIF_MOD_START_PFN */
    hv_ulong_t mod_len;
    int8_t cmd_line[HV_MAX_GUEST_CMDLINE];
    hv_ulong_t first_p2m_pfn; /* where the list is if ELFNOTE_INIT_P2M moved it */
    hv_ulong_t nr_p2m_frames;
};

/* One module in the list that HV_SIF_MULTIBOOT_MOD announces. */
struct hv_multiboot_mod_list {
    uint32_t mod_start;
    uint32_t mod_end; /* last byte, inclusive */
    uint32_t cmdline;
    uint32_t pad;
};

struct hv_dom0_vga_console_info {
    uint8_t video_type; /* HV_VGATYPE_* */
    union {
        struct {
            uint16_t font_height; /* pixels */
            uint16_t cursor_x, cursor_y;
            uint16_t rows, columns;
        } text_mode_3;
        struct {
            uint16_t width, height;
            uint16_t bytes_per_line;
            uint16_t bits_per_pixel;
            uint32_t lfb_base;
            uint32_t lfb_size; /* 64 KiB units */
            uint8_t red_pos, red_size;
            uint8_t green_pos, green_size;
            uint8_t blue_pos, blue_size;
            uint8_t rsvd_pos, rsvd_size;
            uint32_t gbl_caps;
            uint16_t mode_attrs;
            uint16_t pad;
            uint32_t ext_lfb_base; /* upper half of the address */
        } vesa_lfb;
    } u;
};

typedef struct {
    uint8_t a[16];
} hv_uuid_t;

/* A bitmap passed by tools; nr_bits is its size in bits. */
struct hv_ctl_bitmap {
    hv_handle_t bitmap;
    uint32_t nr_bits;
};

#endif /* !__ASSEMBLY__ */
#endif
