/* SPDX-License-Identifier: MIT */
/*
 * What the hardware domain asks of, or tells about, the machine:
 * platform_op(struct hv_platform_op *).
 *
 * Reference: Xen public interface, platform.h.
 */
#ifndef HV_ABI_PLATFORM_H
#define HV_ABI_PLATFORM_H

#include "xen.h"

#define HV_PF_INTERFACE_VERSION 0x03000001

/* Commands, with the member of hv_platform_op.u each uses. */
#define HV_PF_SETTIME32 17          /* settime32 */
#define HV_PF_ADD_MEMTYPE 31        /* add_memtype */
#define HV_PF_DEL_MEMTYPE 32        /* del_memtype */
#define HV_PF_READ_MEMTYPE 33       /* read_memtype */
#define HV_PF_MICROCODE_UPDATE 35   /* microcode */
#define HV_PF_PLATFORM_QUIRK 39     /* platform_quirk */
#define HV_PF_GET_CPU_VERSION 48    /* pcpu_version */
#define HV_PF_EFI_RUNTIME_CALL 49   /* efi_runtime_call */
#define HV_PF_FIRMWARE_INFO 50      /* firmware_info */
#define HV_PF_ENTER_ACPI_SLEEP 51   /* enter_acpi_sleep */
#define HV_PF_CHANGE_FREQ 52        /* change_freq */
#define HV_PF_GETIDLETIME 53        /* getidletime */
#define HV_PF_SET_PROCESSOR_PMINFO 54 /* set_pminfo */
#define HV_PF_GET_CPUINFO 55        /* pcpu_info */
#define HV_PF_CPU_ONLINE 56         /* cpu_ol */
#define HV_PF_CPU_OFFLINE 57        /* cpu_ol */
#define HV_PF_CPU_HOTADD 58         /* cpu_add */
#define HV_PF_MEM_HOTADD 59         /* mem_add */
#define HV_PF_CORE_PARKING 60       /* core_parking */
#define HV_PF_RESOURCE_OP 61        /* resource_op */
#define HV_PF_SETTIME64 62          /* settime64 */
#define HV_PF_SETTIME HV_PF_SETTIME64
#define HV_PF_GET_SYMBOL 63         /* symdata */

#define HV_QUIRK_NOIRQBALANCING 1
#define HV_QUIRK_IOAPIC_BAD_REGSEL 2
#define HV_QUIRK_IOAPIC_GOOD_REGSEL 3

/* efi_runtime_call.function; misc holds the flags below. */
#define HV_EFI_GET_TIME 1
#define HV_EFI_SET_TIME 2
#define HV_EFI_GET_WAKEUP_TIME 3
#define HV_EFI_SET_WAKEUP_TIME 4
#define HV_EFI_GET_NEXT_HIGH_MONOTONIC_COUNT 5
#define HV_EFI_GET_VARIABLE 6
#define HV_EFI_SET_VARIABLE 7
#define HV_EFI_GET_NEXT_VARIABLE_NAME 8
#define HV_EFI_QUERY_VARIABLE_INFO 9
#define HV_EFI_QUERY_CAPSULE_CAPABILITIES 10
#define HV_EFI_UPDATE_CAPSULE 11
#define HV_EFI_GET_TIME_SET_CLEARS_NS 0x00000001
#define HV_EFI_GET_WAKEUP_TIME_ENABLED 0x00000001
#define HV_EFI_GET_WAKEUP_TIME_PENDING 0x00000002
#define HV_EFI_SET_WAKEUP_TIME_ENABLE 0x00000001
#define HV_EFI_SET_WAKEUP_TIME_ENABLE_ONLY 0x00000002
#define HV_EFI_VARIABLE_NON_VOLATILE 0x00000001
#define HV_EFI_VARIABLE_BOOTSERVICE_ACCESS 0x00000002
#define HV_EFI_VARIABLE_RUNTIME_ACCESS 0x00000004
#define HV_EFI_VARINFO_BOOT_SNAPSHOT 0x00000001

/* firmware_info.type, and index of HV_FW_EFI_INFO */
#define HV_FW_DISK_INFO 1
#define HV_FW_DISK_MBR_SIGNATURE 2
#define HV_FW_VBEDDC_INFO 3
#define HV_FW_EFI_INFO 4
#define HV_FW_KBD_SHIFT_FLAGS 5
#define HV_FW_EFI_VERSION 0
#define HV_FW_EFI_CONFIG_TABLE 1
#define HV_FW_EFI_VENDOR 2
#define HV_FW_EFI_MEM_INFO 3
#define HV_FW_EFI_RT_VERSION 4
#define HV_FW_EFI_PCI_ROM 5
#define HV_FW_EFI_APPLE_PROPERTIES 6

#define HV_PF_ACPI_SLEEP_EXTENDED 0x00000001

#define HV_PROCESSOR_PM_CX 1
#define HV_PROCESSOR_PM_PX 2
#define HV_PROCESSOR_PM_TX 4
#define HV_PM_CX 0
#define HV_PM_PX 1
#define HV_PM_TX 2
#define HV_PM_PDC 3
#define HV_PX_PCT 1
#define HV_PX_PSS 2
#define HV_PX_PPC 4
#define HV_PX_PSD 8
#define HV_CPUPERF_SHARED_TYPE_HW 1
#define HV_CPUPERF_SHARED_TYPE_ALL 2
#define HV_CPUPERF_SHARED_TYPE_ANY 3

#define HV_PCPU_FLAGS_ONLINE 1
#define HV_PCPU_FLAGS_INVALID 2

#define HV_CORE_PARKING_SET 1
#define HV_CORE_PARKING_GET 2

#define HV_RESOURCE_OP_MSR_READ 0
#define HV_RESOURCE_OP_MSR_WRITE 1

#ifndef __ASSEMBLY__

struct hv_pf_settime32 {
    uint32_t secs;
    uint32_t nsecs;
    uint64_t system_time;
};

struct hv_pf_settime64 {
    uint64_t secs;
    uint32_t nsecs;
    uint32_t mbz;
    uint64_t system_time; /* when that wall-clock time was true */
};

struct hv_pf_add_memtype {
    hv_pfn_t mfn;
    uint64_t nr_mfns;
    uint32_t type;
    uint32_t handle; /* OUT */
    uint32_t reg;    /* OUT */
};

struct hv_pf_del_memtype {
    uint32_t handle;
    uint32_t reg;
};

struct hv_pf_read_memtype {
    uint32_t reg;
    hv_pfn_t mfn;     /* OUT */
    uint64_t nr_mfns; /* OUT */
    uint32_t type;    /* OUT */
};

struct hv_pf_microcode_update {
    hv_handle_t data;
    uint32_t length;
};

struct hv_pf_platform_quirk {
    uint32_t quirk_id; /* HV_QUIRK_* */
};

struct hv_pf_efi_time {
    uint16_t year;
    uint8_t month;
    uint8_t day;
    uint8_t hour;
    uint8_t min;
    uint8_t sec;
    uint32_t ns;
    int16_t tz;
    uint8_t daylight;
};

struct hv_pf_efi_guid {
    uint32_t data1;
    uint16_t data2;
    uint16_t data3;
    uint8_t data4[8];
};

struct hv_pf_efi_variable {
    hv_handle_t name;
    hv_ulong_t size;
    hv_handle_t data;
    struct hv_pf_efi_guid vendor_guid;
};

struct hv_pf_efi_runtime_call {
    uint32_t function;
    uint32_t misc;
    hv_ulong_t status; /* OUT: EFI_STATUS */
    union {
        struct {
            struct hv_pf_efi_time time;
            uint32_t resolution;
            uint32_t accuracy;
        } get_time;
        struct hv_pf_efi_time set_time;
        struct hv_pf_efi_time get_wakeup_time;
        struct hv_pf_efi_time set_wakeup_time;
        struct hv_pf_efi_variable get_variable, set_variable;
        struct {
            hv_ulong_t size;
            hv_handle_t name;
            struct hv_pf_efi_guid vendor_guid;
        } get_next_variable_name;
        struct {
            uint32_t attr;
            uint64_t max_store_size;
            uint64_t remain_store_size;
            uint64_t max_size;
        } query_variable_info;
        struct {
            hv_handle_t capsule_header_array;
            hv_ulong_t capsule_count;
            uint64_t max_capsule_size;
            uint32_t reset_type;
        } query_capsule_capabilities;
        struct {
            hv_handle_t capsule_header_array;
            hv_ulong_t capsule_count;
            uint64_t sg_list;
        } update_capsule;
    } u;
};

union hv_pf_efi_info {
    uint32_t version;
    struct {
        uint64_t addr;
        uint32_t nent;
    } cfg;
    struct {
        uint32_t revision;
        uint32_t bufsz;
        hv_handle_t name;
    } vendor;
    struct {
        uint64_t addr;
        uint64_t size;
        uint64_t attr;
        uint32_t type;
    } mem;
    struct {
        uint16_t segment;
        uint8_t bus;
        uint8_t devfn;
        uint16_t vendor;
        uint16_t devid;
        uint64_t address;
        hv_ulong_t size;
    } pci_rom;
    struct {
        uint64_t address;
        hv_ulong_t size;
    } apple_properties;
};

struct hv_pf_firmware_info {
    uint32_t type;  /* HV_FW_* */
    uint32_t index; /* ESRCH behind the last one */
    union {
        struct {
            uint8_t device;
            uint8_t version;
            uint16_t interface_support;
            uint16_t legacy_max_cylinder;
            uint8_t legacy_max_head;
            uint8_t legacy_sectors_per_track;
            hv_handle_t edd_params;
        } disk_info;
        struct {
            uint8_t device;
            uint32_t mbr_signature;
        } disk_mbr_signature;
        struct {
            uint8_t capabilities;
            uint8_t edid_transfer_time;
            hv_handle_t edid;
        } vbeddc_info;
        union hv_pf_efi_info efi_info;
        uint8_t kbd_shift_flags;
    } u;
};

struct hv_pf_enter_acpi_sleep {
    uint16_t val_a; /* PM1a control, or sleep control if EXTENDED */
    uint16_t val_b; /* PM1b control, or sleep status */
    uint32_t sleep_state;
    uint32_t flags; /* HV_PF_ACPI_SLEEP_EXTENDED */
};

struct hv_pf_change_freq {
    uint32_t flags;
    uint32_t cpu;
    uint64_t freq; /* Hz */
};

struct hv_pf_getidletime {
    hv_handle_t cpumap_bitmap; /* IN, OUT: which CPUs exist */
    uint32_t cpumap_nr_cpus;
    hv_handle_t idletime; /* OUT: uint64_t[], ns */
    uint64_t now;         /* OUT */
};

struct hv_power_register {
    uint32_t space_id;
    uint32_t bit_width;
    uint32_t bit_offset;
    uint32_t access_size;
    uint64_t address;
};

struct hv_processor_csd {
    uint32_t domain;
    uint32_t coord_type;
    uint32_t num;
};

struct hv_processor_cx {
    struct hv_power_register reg;
    uint8_t type;
    uint32_t latency;
    uint32_t power;
    uint32_t dpcnt;
    hv_handle_t dp; /* struct hv_processor_csd[] */
};

struct hv_processor_flags {
    uint32_t bm_control : 1;
    uint32_t bm_check : 1;
    uint32_t has_cst : 1;
    uint32_t power_setup_done : 1;
    uint32_t bm_rld_set : 1;
};

struct hv_processor_power {
    uint32_t count;
    struct hv_processor_flags flags;
    hv_handle_t states; /* struct hv_processor_cx[] */
};

struct hv_pct_register {
    uint8_t descriptor;
    uint16_t length;
    uint8_t space_id;
    uint8_t bit_width;
    uint8_t bit_offset;
    uint8_t reserved;
    uint64_t address;
};

struct hv_processor_px {
    uint64_t core_frequency;
    uint64_t power;
    uint64_t transition_latency;
    uint64_t bus_master_latency;
    uint64_t control;
    uint64_t status;
};

struct hv_psd_package {
    uint64_t num_entries;
    uint64_t revision;
    uint64_t domain;
    uint64_t coord_type;
    uint64_t num_processors;
};

struct hv_processor_performance {
    uint32_t flags; /* HV_PX_* */
    uint32_t platform_limit;
    struct hv_pct_register control_register;
    struct hv_pct_register status_register;
    uint32_t state_count;
    hv_handle_t states; /* struct hv_processor_px[] */
    struct hv_psd_package domain_info;
    uint32_t shared_type; /* HV_CPUPERF_SHARED_TYPE_* */
};

struct hv_pf_set_processor_pminfo {
    uint32_t id;   /* ACPI id */
    uint32_t type; /* HV_PM_* */
    union {
        struct hv_processor_power power;
        struct hv_processor_performance perf;
        hv_handle_t pdc;
    } u;
};

struct hv_pf_pcpuinfo {
    uint32_t xen_cpuid;   /* IN */
    uint32_t max_present; /* OUT, as the rest */
    uint32_t flags;       /* HV_PCPU_FLAGS_* */
    uint32_t apic_id;
    uint32_t acpi_id;
};

struct hv_pf_pcpu_version {
    uint32_t xen_cpuid; /* IN, OUT: the next online one */
    uint32_t max_present;
    char vendor_id[12];
    uint32_t family;
    uint32_t model;
    uint32_t stepping;
};

struct hv_pf_cpu_ol {
    uint32_t cpuid;
};

struct hv_pf_cpu_hotadd {
    uint32_t apic_id;
    uint32_t acpi_id;
    uint32_t pxm;
};

struct hv_pf_mem_hotadd {
    uint64_t spfn;
    uint64_t epfn;
    uint32_t pxm;
    uint32_t flags;
};

struct hv_pf_core_parking {
    uint32_t type; /* HV_CORE_PARKING_* */
    uint32_t idle_nums;
};

struct hv_pf_resource_entry {
    union {
        uint32_t cmd; /* IN: HV_RESOURCE_OP_* */
        int32_t ret;  /* OUT */
    } u;
    uint32_t rsvd;
    uint64_t idx;
    uint64_t val;
};

struct hv_pf_resource_op {
    uint32_t nr_entries;
    uint32_t cpu;
    hv_handle_t entries;
};

struct hv_pf_symdata {
    uint32_t namelen; /* IN: room, OUT: length */
    uint32_t symnum;  /* IN, OUT: the next one */
    hv_handle_t name;
    uint64_t address;
    char type; /* as nm prints it */
};

struct hv_platform_op {
    uint32_t cmd;               /* HV_PF_* */
    uint32_t interface_version; /* HV_PF_INTERFACE_VERSION */
    union {
        struct hv_pf_settime64 settime;
        struct hv_pf_settime32 settime32;
        struct hv_pf_settime64 settime64;
        struct hv_pf_add_memtype add_memtype;
        struct hv_pf_del_memtype del_memtype;
        struct hv_pf_read_memtype read_memtype;
        struct hv_pf_microcode_update microcode;
        struct hv_pf_platform_quirk platform_quirk;
        struct hv_pf_efi_runtime_call efi_runtime_call;
        struct hv_pf_firmware_info firmware_info;
        struct hv_pf_enter_acpi_sleep enter_acpi_sleep;
        struct hv_pf_change_freq change_freq;
        struct hv_pf_getidletime getidletime;
        struct hv_pf_set_processor_pminfo set_pminfo;
        struct hv_pf_pcpuinfo pcpu_info;
        struct hv_pf_pcpu_version pcpu_version;
        struct hv_pf_cpu_ol cpu_ol;
        struct hv_pf_cpu_hotadd cpu_add;
        struct hv_pf_mem_hotadd mem_add;
        struct hv_pf_core_parking core_parking;
        struct hv_pf_resource_op resource_op;
        struct hv_pf_symdata symdata;
        uint8_t pad[128];
    } u;
};

#endif /* !__ASSEMBLY__ */
#endif
