/* SPDX-License-Identifier: MIT */
/*
 * What EFI left behind: its system table and memory map, read once at boot, while nobody
 * can have changed the memory they lie in, and the runtime services.
 *
 * Runtime services are firmware's code, which is not trusted to be right. They run in
 * tables of their own: the memory that the map marks for them, one to one as they were at
 * boot, for they are never told of another place, and the hypervisor's own half, where
 * their arguments lie and interrupts are taken. A fault in them ends the call and the use
 * of them; the machine goes on.
 *
 * Lock: efi_lock, held while firmware runs, with interrupts on: writing flash takes long.
 *
 * Reference: UEFI Specification 2.10, "EFI System Table", "EFI Runtime Services Table",
 * "EFI_BOOT_SERVICES.GetMemoryMap()".
 */
#include "hw/plat/efi.h"
#include "abi/platform.h"
#include "hw/boot/boot.h"
#include "hw/cpu/context.h"
#include "hw/cpu/fpu.h"
#include "hw/cpu/msr.h"
#include "hw/cpu/trap.h"
#include "hw/plat/clock.h"
#include "kern/lock.h"
#include "kern/log.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "port/map.h"
#include "port/platform.h"
#include "port/upcall.h"

struct table_head {
    uint64_t signature;
    uint32_t revision, header_size, crc, reserved;
};
struct systab {
    struct table_head head;
    uint64_t vendor; /* UCS-2 */
    uint32_t vendor_revision, pad;
    uint64_t con_in[2], con_out[2], std_err[2];
    uint64_t runtime, boot;
    uint64_t entries, config;
};
#define SYSTAB_SIGNATURE  0x5453595320494249ull /* "IBI SYST" */
#define RUNTIME_SIGNATURE 0x56524553544e5552ull /* "RUNTSERV" */

enum service {
    GET_TIME,
    SET_TIME,
    GET_WAKEUP_TIME,
    SET_WAKEUP_TIME,
    GET_VARIABLE = 6,
    GET_NEXT_VARIABLE_NAME,
    SET_VARIABLE,
    GET_NEXT_HIGH_MONOTONIC_COUNT,
    RESET_SYSTEM,
    QUERY_VARIABLE_INFO = 13,
    SERVICES
};
struct runtime {
    struct table_head head;
    uint64_t fn[SERVICES];
};

struct efi_range {
    uint32_t type, pad;
    uint64_t start, virtual, pages, attr;
};
#define TYPE_RUNTIME_CODE 5
#define ATTR_WB           0x8ull
#define ATTR_RUNTIME      0x8000000000000000ull
#define RESET_COLD        0
#define LOW_HALF          (1ull << 47)

uint64_t efi_call(uint64_t fn, const uint64_t arg[EFI_ARGS]);
extern const char efi_abort[];
extern uint64_t efi_stack;

static struct platform_efi info;
static bool present;
static const struct boot_info *boot; /* has the memory map */
static struct runtime services;
static uint64_t *tables; /* level 4 */
static spinlock_t efi_lock = SPINLOCK_INIT(RANK_DOMAIN);
static _Atomic int caller = -1; /* the CPU that is in firmware */
static _Atomic bool broken;

static const void *at(paddr_t a, size_t n)
{
    const char *p = map_io(a & PAGE_MASK, (a & ~PAGE_MASK) + n);

    return p ? p + (a & ~PAGE_MASK) : NULL;
}

static const struct efi_range *range(unsigned i)
{
    if ((i + 1) * (uint64_t)boot->efi_entry_size > boot->efi_map_size ||
        boot->efi_entry_size < sizeof(struct efi_range))
        return NULL;
    return phys_ptr(boot->efi_map + (uint64_t)i * boot->efi_entry_size);
}

static bool map_range(const struct efi_range *r)
{
    uint64_t flags = PTE_DATA & ~PTE_G;

    if (r->start & ~PAGE_MASK || r->start >= LOW_HALF ||
        r->pages > (LOW_HALF - r->start) >> PAGE_SHIFT)
        return false;
    if (r->type == TYPE_RUNTIME_CODE) /* with its data: nothing tells them apart */
        flags &= ~PTE_NX;
    if (!(r->attr & ATTR_WB))
        flags |= PTE_PCD | PTE_PWT;
    return paging_map_in(tables, r->start, r->start, r->pages << PAGE_SHIFT, flags);
}

/* false: they cannot be called. */
static bool map_runtime(void)
{
    const struct efi_range *r;
    bool any = false;

    tables = phys_ptr(boot_page());
    for (unsigned i = 0; (r = range(i)); i++) {
        if (!(r->attr & ATTR_RUNTIME))
            continue;
        if (!map_range(r))
            return false;
        any = true;
    }
    return any;
}

static void find_runtime(paddr_t addr)
{
    const struct runtime *t = addr ? at(addr, sizeof(*t)) : NULL;

    if (!boot->efi_map || !t || t->head.signature != RUNTIME_SIGNATURE ||
        t->head.header_size < sizeof(*t)) {
        log_warn("EFI: no runtime services, or no memory map: they are not called");
        return;
    }
    memcpy(&services, t, sizeof(services));
    if (map_runtime())
        info.runtime_revision = services.head.revision;
    else
        log_warn("EFI: runtime services' memory cannot be mapped: they are not called");
}

void efi_init(const struct boot_info *bi)
{
    const struct systab *t;
    const uint16_t *vendor;

    if (!bi->efi_systab)
        return;
    boot = bi;
    t = at(bi->efi_systab, sizeof(*t));
    if (!t || t->head.signature != SYSTAB_SIGNATURE) {
        log_warn("EFI: no system table at %#lx\n", (unsigned long)bi->efi_systab);
        return;
    }
    info.revision = t->head.revision;
    info.vendor_revision = t->vendor_revision;
    info.config_table = t->config;
    info.config_entries = (uint32_t)t->entries;
    vendor = t->vendor ? at(t->vendor, sizeof(info.vendor)) : NULL;
    for (unsigned i = 0; vendor && i + 1 < ARRAY_SIZE(info.vendor) && vendor[i]; i++)
        info.vendor[i] = vendor[i];
    present = true;
    find_runtime(t->runtime);
}

bool platform_efi_info(struct platform_efi *e)
{
    if (present)
        memcpy(e, &info, sizeof(*e));
    return present;
}

bool platform_efi_memory(paddr_t addr, struct platform_efi_range *out)
{
    const struct efi_range *r;

    for (unsigned i = 0; present && boot->efi_map && (r = range(i)); i++) {
        uint64_t end = r->start + (r->pages << PAGE_SHIFT);

        if (addr < r->start || addr >= end)
            continue;
        *out = (struct platform_efi_range){r->start, end, r->attr, r->type};
        return true;
    }
    return false;
}

/* ---- calls ---- */

/* The hypervisor's half is that of the tables in use: they have all it needs here. */
static uint64_t call(enum service s, const uint64_t arg[EFI_ARGS])
{
    uint64_t cr3 = read_cr3(), status;

    memcpy(&tables[HV_FIRST_SLOT], (uint64_t *)phys_ptr(cr3 & PTE_ADDR) + HV_FIRST_SLOT,
           (HV_LAST_SLOT - HV_FIRST_SLOT + 1) * sizeof(*tables));
    atomic_store(&caller, (int)cpu_id());
    tlb_load_cr3((uint64_t)tables - boot_phys_base); /* guests' user pages are global */
    status = efi_call(services.fn[s], arg);
    tlb_load_cr3(cr3);
    atomic_store(&caller, -1);
    return status;
}

bool efi_fault(struct hv_cpu_user_regs *r)
{
    char buf[24];

    /* Only while firmware's own instructions ran, not ours in an interrupt. */
    if (atomic_load(&caller) != (int)cpu_id() || r->rip >= HV_VIRT_START)
        return false;
    snprintf(buf, sizeof(buf), "%#lx", (unsigned long)read_cr2());
    log_err("EFI: exception %u at %#lx, error %#x, address %s: runtime services are not "
            "called any more",
            r->entry_vector & 0xff, (unsigned long)r->rip, r->error_code, buf);
    atomic_store(&broken, true);
    r->rip = (uint64_t)efi_abort;
    r->rsp = efi_stack;
    r->rflags = (r->rflags & EFLAGS_IF) | 2;
    return true;
}

static int service_of(unsigned function)
{
    static const int8_t of[] = {
        [HV_EFI_GET_TIME] = GET_TIME + 1,
        [HV_EFI_SET_TIME] = SET_TIME + 1,
        [HV_EFI_GET_WAKEUP_TIME] = GET_WAKEUP_TIME + 1,
        [HV_EFI_SET_WAKEUP_TIME] = SET_WAKEUP_TIME + 1,
        [HV_EFI_GET_NEXT_HIGH_MONOTONIC_COUNT] = GET_NEXT_HIGH_MONOTONIC_COUNT + 1,
        [HV_EFI_GET_VARIABLE] = GET_VARIABLE + 1,
        [HV_EFI_SET_VARIABLE] = SET_VARIABLE + 1,
        [HV_EFI_GET_NEXT_VARIABLE_NAME] = GET_NEXT_VARIABLE_NAME + 1,
        [HV_EFI_QUERY_VARIABLE_INFO] = QUERY_VARIABLE_INFO + 1,
    };

    return function < ARRAY_SIZE(of) ? of[function] - 1 : -1;
}

int platform_efi_call(unsigned function, const uint64_t arg[EFI_ARGS], uint64_t *status)
{
    struct vcpu_hw *v = (struct vcpu_hw *)cpu_current();
    int s = service_of(function);
    irqflags_t f;

    if (s < 0 || !info.runtime_revision)
        return -EOPNOTSUPP;
    spin_lock(&efi_lock);
    if (broken || !services.fn[s]) {
        spin_unlock(&efi_lock);
        return -EOPNOTSUPP;
    }
    f = irq_save();
    fpu_save(v);
    fpu_plain();
    irq_restore(f);
    if (s <= SET_WAKEUP_TIME) {
        f = cmos_hold();
        *status = call((enum service)s, arg);
        cmos_release(f);
    } else {
        *status = call((enum service)s, arg);
    }
    f = irq_save();
    fpu_load(v);
    irq_restore(f);
    spin_unlock(&efi_lock);
    return 0;
}

void efi_reset(void)
{
    static const uint64_t arg[EFI_ARGS] = {RESET_COLD};

    if (!info.runtime_revision || broken || atomic_load(&caller) >= 0)
        return;
    (void)call(RESET_SYSTEM, arg);
}
