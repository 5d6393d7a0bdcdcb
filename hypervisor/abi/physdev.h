/* SPDX-License-Identifier: MIT */
/*
 * Physical devices and interrupts, for domains that drive hardware:
 * physdev_op(HV_PHYSDEVOP_*, struct hv_physdev_*).
 *
 * Reference: Xen public interface, physdev.h.
 */
#ifndef HV_ABI_PHYSDEV_H
#define HV_ABI_PHYSDEV_H

#include "xen.h"

#define HV_PHYSDEVOP_IRQ_UNMASK_NOTIFY 4   /* old interface */
#define HV_PHYSDEVOP_IRQ_STATUS_QUERY 5    /* hv_physdev_irq_status_query */
#define HV_PHYSDEVOP_SET_IOPL 6            /* hv_physdev_set_iopl */
#define HV_PHYSDEVOP_SET_IOBITMAP 7        /* hv_physdev_set_iobitmap */
#define HV_PHYSDEVOP_APIC_READ 8           /* hv_physdev_apic */
#define HV_PHYSDEVOP_APIC_WRITE 9          /* hv_physdev_apic */
#define HV_PHYSDEVOP_ALLOC_IRQ_VECTOR 10   /* hv_physdev_irq */
#define HV_PHYSDEVOP_FREE_IRQ_VECTOR 11    /* hv_physdev_irq */
#define HV_PHYSDEVOP_EOI 12                /* hv_physdev_eoi */
#define HV_PHYSDEVOP_MAP_PIRQ 13           /* hv_physdev_map_pirq */
#define HV_PHYSDEVOP_UNMAP_PIRQ 14         /* hv_physdev_unmap_pirq */
#define HV_PHYSDEVOP_MANAGE_PCI_ADD 15     /* hv_physdev_manage_pci */
#define HV_PHYSDEVOP_MANAGE_PCI_REMOVE 16  /* hv_physdev_manage_pci */
#define HV_PHYSDEVOP_PIRQ_EOI_GMFN_V1 17   /* hv_physdev_pirq_eoi_gmfn */
#define HV_PHYSDEVOP_RESTORE_MSI 19        /* hv_physdev_restore_msi */
#define HV_PHYSDEVOP_MANAGE_PCI_ADD_EXT 20 /* hv_physdev_manage_pci_ext */
#define HV_PHYSDEVOP_SETUP_GSI 21          /* hv_physdev_setup_gsi */
#define HV_PHYSDEVOP_GET_FREE_PIRQ 23      /* hv_physdev_get_free_pirq */
#define HV_PHYSDEVOP_PCI_MMCFG_RESERVED 24 /* hv_physdev_pci_mmcfg_reserved */
#define HV_PHYSDEVOP_PCI_DEVICE_ADD 25     /* hv_physdev_pci_device_add */
#define HV_PHYSDEVOP_PCI_DEVICE_REMOVE 26  /* hv_physdev_pci_device */
#define HV_PHYSDEVOP_RESTORE_MSI_EXT 27    /* hv_physdev_pci_device */
#define HV_PHYSDEVOP_PIRQ_EOI_GMFN_V2 28   /* hv_physdev_pirq_eoi_gmfn */
#define HV_PHYSDEVOP_PIRQ_EOI_GMFN HV_PHYSDEVOP_PIRQ_EOI_GMFN_V2
#define HV_PHYSDEVOP_DBGP_OP 29            /* hv_physdev_dbgp_op */
#define HV_PHYSDEVOP_PREPARE_MSIX 30       /* hv_physdev_pci_device */
#define HV_PHYSDEVOP_RELEASE_MSIX 31       /* hv_physdev_pci_device */

#define HV_IRQSTAT_NEEDS_EOI (1U << 0)
#define HV_IRQSTAT_SHARED (1U << 1)

#define HV_MAP_PIRQ_TYPE_MSI 0x0
#define HV_MAP_PIRQ_TYPE_GSI 0x1
#define HV_MAP_PIRQ_TYPE_UNKNOWN 0x2
#define HV_MAP_PIRQ_TYPE_MSI_SEG 0x3   /* bus carries the segment in bits 16.. */
#define HV_MAP_PIRQ_TYPE_MULTI_MSI 0x4 /* entry_nr vectors */

#define HV_PCI_MMCFG_RESERVED 0x1
#define HV_PCI_DEV_EXTFN 0x1
#define HV_PCI_DEV_VIRTFN 0x2
#define HV_PCI_DEV_PXM 0x4 /* optarr[0] holds the proximity domain */

#define HV_PHYSDEVOP_DBGP_RESET_PREPARE 1
#define HV_PHYSDEVOP_DBGP_RESET_DONE 2
#define HV_PHYSDEVOP_DBGP_BUS_UNKNOWN 0
#define HV_PHYSDEVOP_DBGP_BUS_PCI 1

#ifndef __ASSEMBLY__

struct hv_physdev_eoi {
    uint32_t irq;
};

/* The page becomes a bitmap of pirqs that need an end-of-interrupt call. */
struct hv_physdev_pirq_eoi_gmfn {
    hv_pfn_t gmfn;
};

struct hv_physdev_irq_status_query {
    uint32_t irq;   /* IN */
    uint32_t flags; /* OUT: HV_IRQSTAT_* */
};

struct hv_physdev_set_iopl {
    uint32_t iopl;
};

struct hv_physdev_set_iobitmap {
    hv_handle_t bitmap; /* bit set: port refused to user mode */
    uint32_t nr_ports;
};

/* An I/O APIC register. */
struct hv_physdev_apic {
    uint64_t apic_physbase;
    uint32_t reg;
    uint32_t value; /* OUT for read */
};

struct hv_physdev_irq {
    uint32_t irq;
    uint32_t vector; /* OUT */
};

struct hv_physdev_map_pirq {
    hv_domid_t domid;
    int32_t type;  /* HV_MAP_PIRQ_TYPE_* */
    int32_t index; /* GSI, or -1 for MSI */
    int32_t pirq;  /* IN, OUT: -1 chooses one */
    int32_t bus;
    int32_t devfn;
    int32_t entry_nr;    /* of the MSI-X table; OUT for multi MSI */
    uint64_t table_base; /* MSI-X table, 0: MSI */
};

struct hv_physdev_unmap_pirq {
    hv_domid_t domid;
    int32_t pirq;
};

struct hv_physdev_manage_pci {
    uint8_t bus;
    uint8_t devfn;
};

struct hv_physdev_restore_msi {
    uint8_t bus;
    uint8_t devfn;
};

struct hv_physdev_manage_pci_ext {
    uint8_t bus;
    uint8_t devfn;
    uint32_t is_extfn;
    uint32_t is_virtfn;
    struct {
        uint8_t bus;
        uint8_t devfn;
    } physfn;
};

/* Argument of the old physdev_op_compat hypercall. */
struct hv_physdev_op {
    uint32_t cmd;
    union {
        struct hv_physdev_irq_status_query irq_status_query;
        struct hv_physdev_set_iopl set_iopl;
        struct hv_physdev_set_iobitmap set_iobitmap;
        struct hv_physdev_apic apic_op;
        struct hv_physdev_irq irq_op;
    } u;
};

struct hv_physdev_setup_gsi {
    int32_t gsi;
    uint8_t triggering; /* 0 edge, 1 level */
    uint8_t polarity;   /* 0 active high, 1 active low */
};

struct hv_physdev_get_free_pirq {
    int32_t type;  /* HV_MAP_PIRQ_TYPE_* */
    uint32_t pirq; /* OUT */
};

struct hv_physdev_pci_mmcfg_reserved {
    uint64_t address;
    uint16_t segment;
    uint8_t start_bus;
    uint8_t end_bus;
    uint32_t flags; /* HV_PCI_MMCFG_RESERVED */
};

struct hv_physdev_pci_device_add {
    uint16_t seg;
    uint8_t bus;
    uint8_t devfn;
    uint32_t flags; /* HV_PCI_DEV_* */
    struct {
        uint8_t bus;
        uint8_t devfn;
    } physfn;
    __extension__ uint32_t optarr[];
};

struct hv_physdev_pci_device {
    uint16_t seg;
    uint8_t bus;
    uint8_t devfn;
};

struct hv_physdev_dbgp_op {
    uint8_t op;
    uint8_t bus;
    union {
        struct hv_physdev_pci_device pci;
    } u;
};

#endif /* !__ASSEMBLY__ */
#endif
