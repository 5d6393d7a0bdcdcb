/* SPDX-License-Identifier: MIT */
/*
 * Wild pointers in every hypercall: unmapped, read-only, half mapped, non-canonical, and
 * into the hypervisor. The answer is an error; the hypervisor does not fault.
 */
#include "guest.h"
#include "abi/callback.h"
#include "abi/domctl.h"
#include "abi/event_channel.h"
#include "abi/grant_table.h"
#include "abi/hvm/hvm_op.h"
#include "abi/memory.h"
#include "abi/physdev.h"
#include "abi/platform.h"
#include "abi/sched.h"
#include "abi/sysctl.h"
#include "abi/vcpu.h"
#include "abi/version.h"

static const struct {
    const char *name;
    uint64_t address;
} wild[] = {
    {"an unmapped address", 0x123456789000},
    {"page 0", 8},
    {"a non-canonical address", 0x8000123412341230},
    {"the hypervisor's direct map", 0xffff830000100000},
    {"the hypervisor's text", 0xffff82d040200000},
    {"the end of the hypervisor's range", 0xffff87fffffffff8},
    {"the last byte of memory", 0xfffffffffffffff8},
};

static const struct {
    const char *name;
    unsigned int nr;
    uint64_t a[5]; /* 1: the wild pointer */
    long want;     /* 0: any error */
} calls[] = {
#define W 0xbad
    {"set_trap_table", HV_CALL_SET_TRAP_TABLE, {W}, -EFAULT},
    {"mmu_update", HV_CALL_MMU_UPDATE, {W, 2, 0, HV_DOMID_SELF}, -EFAULT},
    {"mmu_update's count", HV_CALL_MMU_UPDATE, {0, 0, W, HV_DOMID_SELF}, 0},
    {"set_gdt", HV_CALL_SET_GDT, {W, 512}, -EFAULT},
    {"platform_op", HV_CALL_PLATFORM_OP, {W}, -EFAULT},
    {"memory_op exchange", HV_CALL_MEMORY_OP, {HV_MEM_EXCHANGE, W}, -EFAULT},
    {"memory_op increase", HV_CALL_MEMORY_OP, {HV_MEM_INCREASE_RESERVATION, W}, 0},
    {"memory_op populate", HV_CALL_MEMORY_OP, {HV_MEM_POPULATE_PHYSMAP, W}, 0},
    {"memory_op current", HV_CALL_MEMORY_OP, {HV_MEM_CURRENT_RESERVATION, W}, -EFAULT},
    {"memory_op memory_map", HV_CALL_MEMORY_OP, {HV_MEM_MACHINE_MEMORY_MAP, W}, -EFAULT},
    {"memory_op machphys", HV_CALL_MEMORY_OP, {HV_MEM_MACHPHYS_MAPPING, W}, -EFAULT},
    {"memory_op mfn_list", HV_CALL_MEMORY_OP, {HV_MEM_MACHPHYS_MFN_LIST, W}, -EFAULT},
    {"memory_op add", HV_CALL_MEMORY_OP, {HV_MEM_ADD_TO_PHYSMAP, W}, -EFAULT},
    {"memory_op resource", HV_CALL_MEMORY_OP, {HV_MEM_ACQUIRE_RESOURCE, W}, -EFAULT},
    {"multicall", HV_CALL_MULTICALL, {W, 2}, -EFAULT},
    {"evtchn_op alloc",
     HV_CALL_EVENT_CHANNEL_OP,
     {HV_EVTCHNOP_ALLOC_UNBOUND, W},
     -EFAULT},
    {"evtchn_op bind", HV_CALL_EVENT_CHANNEL_OP, {HV_EVTCHNOP_BIND_VIRQ, W}, -EFAULT},
    {"evtchn_op send", HV_CALL_EVENT_CHANNEL_OP, {HV_EVTCHNOP_SEND, W}, -EFAULT},
    {"evtchn_op status", HV_CALL_EVENT_CHANNEL_OP, {HV_EVTCHNOP_STATUS, W}, -EFAULT},
    {"evtchn_op init", HV_CALL_EVENT_CHANNEL_OP, {HV_EVTCHNOP_INIT_CONTROL, W}, -EFAULT},
    {"xen_version extra", HV_CALL_XEN_VERSION, {HV_VER_EXTRAVERSION, W}, -EFAULT},
    {"xen_version features", HV_CALL_XEN_VERSION, {HV_VER_GET_FEATURES, W}, -EFAULT},
    {"xen_version handle", HV_CALL_XEN_VERSION, {HV_VER_GUEST_HANDLE, W}, -EFAULT},
    {"console_io", HV_CALL_CONSOLE_IO, {HV_CONSOLEIO_WRITE, 10, W}, -EFAULT},
    {"physdev_op eoi", HV_CALL_PHYSDEV_OP, {HV_PHYSDEVOP_EOI, W}, -EFAULT},
    {"physdev_op map", HV_CALL_PHYSDEV_OP, {HV_PHYSDEVOP_MAP_PIRQ, W}, -EFAULT},
    {"physdev_op iopl", HV_CALL_PHYSDEV_OP, {HV_PHYSDEVOP_SET_IOPL, W}, -EFAULT},
    {"grant_op map", HV_CALL_GRANT_TABLE_OP, {HV_GNTTABOP_MAP_GRANT_REF, W, 2}, -EFAULT},
    {"grant_op unmap",
     HV_CALL_GRANT_TABLE_OP,
     {HV_GNTTABOP_UNMAP_GRANT_REF, W, 2},
     -EFAULT},
    {"grant_op copy", HV_CALL_GRANT_TABLE_OP, {HV_GNTTABOP_COPY, W, 2}, -EFAULT},
    {"grant_op setup", HV_CALL_GRANT_TABLE_OP, {HV_GNTTABOP_SETUP_TABLE, W, 1}, -EFAULT},
    {"grant_op size", HV_CALL_GRANT_TABLE_OP, {HV_GNTTABOP_QUERY_SIZE, W, 1}, -EFAULT},
    {"vcpu_op init", HV_CALL_VCPU_OP, {HV_VCPUOP_INITIALISE, 0, W}, 0},
    {"vcpu_op runstate", HV_CALL_VCPU_OP, {HV_VCPUOP_GET_RUNSTATE_INFO, 0, W}, -EFAULT},
    {"vcpu_op timer", HV_CALL_VCPU_OP, {HV_VCPUOP_SET_SINGLESHOT_TIMER, 0, W}, -EFAULT},
    {"vcpu_op area",
     HV_CALL_VCPU_OP,
     {HV_VCPUOP_REGISTER_RUNSTATE_MEMORY_AREA, 0, W},
     -EFAULT},
    {"mmuext_op", HV_CALL_MMUEXT_OP, {W, 2, 0, HV_DOMID_SELF}, -EFAULT},
    {"sched_op poll", HV_CALL_SCHED_OP, {HV_SCHEDOP_POLL, W}, -EFAULT},
    {"sched_op shutdown", HV_CALL_SCHED_OP, {HV_SCHEDOP_SHUTDOWN, W}, -EFAULT},
    {"sched_op watchdog", HV_CALL_SCHED_OP, {HV_SCHEDOP_WATCHDOG, W}, -EFAULT},
    {"callback_op", HV_CALL_CALLBACK_OP, {HV_CALLBACKOP_REGISTER, W}, -EFAULT},
    {"sysctl", HV_CALL_SYSCTL, {W}, -EFAULT},
    {"domctl", HV_CALL_DOMCTL, {W}, -EFAULT},
    {"nmi_op", HV_CALL_NMI_OP, {0, W}, 0},
    {"hvm_op get_param", HV_CALL_HVM_OP, {HV_HVMOP_GET_PARAM, W}, 0},
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static long call(unsigned int i, uint64_t p)
{
    uint64_t a[5];

    for (int j = 0; j < 5; j++)
        a[j] = calls[i].a[j] == W ? p : calls[i].a[j];
    return hypercall(calls[i].nr, a[0], a[1], a[2], a[3], a[4]);
}

static void name(char *buf, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    format(buf, 100, fmt, args);
    va_end(args);
}

/* A structure that ends on the next, unmapped page. */
static void half_mapped(void)
{
    char *pages[2] = {page_alloc(), page_alloc()}, *end = pages[1] + 4096 - 8;
    struct hv_mmu_update *u = (void *)(pages[1] + 4096 - 8);
    char *next = page_alloc();

    map_mfn(next, 0);
    (void)end;
    u->ptr = 0;
    test_num("pointers: a request that is half mapped",
             mmu_update(u, 1, 0, HV_DOMID_SELF), -EFAULT);
    test_num("pointers: a version string that is",
             version_op(HV_VER_CAPABILITIES, pages[1] + 4096 - 16), -EFAULT);
    remap(next, PTE_RW);
}

static void read_only(void)
{
    struct hv_evtchn_alloc_unbound *a = page_alloc();
    struct hv_feature_info *f = (void *)(a + 8);

    a->dom = a->remote_dom = HV_DOMID_SELF;
    remap(a, PTE_RO);
    test_num("pointers: a result for a read-only page",
             evtchn_op(HV_EVTCHNOP_ALLOC_UNBOUND, a), -EFAULT);
    test_num("pointers: features for a read-only page",
             version_op(HV_VER_GET_FEATURES, f), -EFAULT);
    test_num("pointers: the m2p table as a result's place",
             version_op(HV_VER_EXTRAVERSION, HV_MACH2PHYS_VIRT_START), -EFAULT);
    test_num("pointers: a page table as a result's place",
             version_op(HV_VER_EXTRAVERSION, start_info->pt_base), -EFAULT);
}

void test_main(void)
{
    static char text[100];

    for (unsigned int i = 0; i < COUNT(calls); i++) {
        unsigned int bad = 0;

        for (unsigned int w = 0; w < COUNT(wild); w++) {
            long rc = call(i, wild[w].address);

            if (calls[i].want ? rc == calls[i].want : rc <= 0)
                continue;
            name(text, "pointers: %s with %s", calls[i].name, wild[w].name);
            test_fail(text, "got %ld, wanted %ld", rc, calls[i].want);
            bad++;
        }
        name(text, "pointers: %s refuses wild pointers", calls[i].name);
        if (!bad)
            test_ok(text);
    }
    half_mapped();
    read_only();
}
