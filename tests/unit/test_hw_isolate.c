/* SPDX-License-Identifier: MIT */
/* What is loaded into CR3 on the ways in and out of an isolated guest, with PCIDs and
 * without. */
/* The host's stand-ins have these names, and string.h has index(). */
#define isolate_wanted wanted
#define isolate_l4     l4_of
#define mmu_isolate    copies_loaded
#include "fake_processor.h"
#include "host/host.h"
#include "kern/param.h"
#include "unit.h"

static struct {
    unsigned pcid;
    uint64_t va;
} flushed[8];
static unsigned flushes;

static inline void invpcid(uint64_t type, uint64_t pcid, vaddr_t va)
{
    ck_assert_uint_eq(type, 0);
    flushed[flushes].pcid = (unsigned)pcid;
    flushed[flushes++].va = va;
}

#include "hw/boot/boot.h"
#include "hw/cpu/features.c"
#define index table_index
#include "hw/cpu/isolate.c"

/* The image has one page that guests see, and no ways to lead away. */
__asm__(".data\n.balign 4096\n"
        "__isolate_start: .skip 4096\n__isolate_end:\n"
        "__detours_start:\n__detours_end:\n");
uint64_t boot_phys_base;
static uint64_t an_entry;
static unsigned loads;

paddr_t boot_page(void)
{
    return (paddr_t)page_alloc_mapped(0);
}
uint64_t *paging_entry(vaddr_t va, unsigned level, bool user)
{
    return &an_entry;
}
void paging_no_global(void)
{
}
uint64_t desc_isolate(void)
{
    return STACKS_START;
}
void mitigate_lead(uint64_t at, uint8_t opcode, uint64_t to)
{
}
void mmu_isolate(struct vcpu *v)
{
    loads++;
}

#define BOTH                                                                             \
    (struct processor)                                                                   \
    {                                                                                    \
        INTEL, 7, .ecx1 = PCID, .ebx7 = INVPCID                                          \
    }
#define KERNEL 0x111000ull
#define USER   0x222000ull

static void boot(struct processor p, const char *options)
{
    boot_on(p, options);
    isolate_boot();
}

static uint64_t copies(void)
{
    return mfn_to_paddr(map_to_mfn(l4_of(0, false)));
}

START_TEST(pcids_are_used_where_the_cpu_has_all_it_takes)
{
    static const struct {
        struct processor p;
        const char *options;
        bool used;
    } t[] = {{{INTEL, 7, .ecx1 = PCID, .ebx7 = INVPCID}, "", true},
             {{INTEL, 7, .ecx1 = PCID}, "", false},
             {{INTEL, 7, .ebx7 = INVPCID}, "", false},
             {{AMD, 7, .ecx1 = PCID, .ebx7 = INVPCID}, "", false},
             {{AMD, 7, .ecx1 = PCID, .ebx7 = INVPCID}, "xpti=1", true},
             {{INTEL, 7, .ecx1 = PCID, .ebx7 = INVPCID}, "pcid=0", false},
             {{INTEL, 7, .ecx1 = PCID, .ebx7 = INVPCID}, "no-pcid", false},
             {{INTEL, 7, .ecx1 = PCID, .ebx7 = INVPCID}, "pcid=xpti=no", false},
             {{INTEL, 7, .ecx1 = PCID, .ebx7 = INVPCID}, "pcid=no-xpti", false},
             {{INTEL, 7, .ecx1 = PCID, .ebx7 = INVPCID}, "pcid=xpti", true},
             {{INTEL, 7, .ecx1 = PCID, .ebx7 = INVPCID}, "pcid=1", true},
             {{INTEL, 7, .ecx1 = PCID, .ebx7 = INVPCID}, "xpti=0", false}};

    boot(t[_i].p, t[_i].options);
    ck_assert_ptr_nonnull(
        strstr(host_console(), t[_i].used ? "(with PCID)" : "(without PCID)"));
    ck_assert_uint_eq(!!(cpu.cr4 & CR4_PCIDE), t[_i].used);
    cpu.cr4 = 0; /* another CPU */
    isolate_start_pcid();
    ck_assert_uint_eq(!!(cpu.cr4 & CR4_PCIDE), t[_i].used);
}
END_TEST

START_TEST(four_tables_have_four_numbers_and_flush_nothing)
{
    struct vcpu_hw v = {.cr3_kernel = KERNEL, .cr3_user = USER, .isolated = 1};
    uint64_t seen = 0;

    boot(BOTH, "");
    isolate_tell(&v);
    ck_assert_uint_eq(loads, 1);
    for (unsigned user = 0; user < 2; user++) {
        ck_assert_uint_eq(info.full_cr3[user] & PTE_ADDR, user ? USER : KERNEL);
        ck_assert_uint_eq(info.guest_cr3[user] & PTE_ADDR, copies() + user * PAGE_SIZE);
        ck_assert(info.full_cr3[user] & info.guest_cr3[user] & CR3_NOFLUSH);
        ck_assert_uint_eq(info.seen_cr3[user], info.guest_cr3[user] & ~CR3_NOFLUSH);
        seen |= 1ull << (info.full_cr3[user] & 0xfff);
        seen |= 1ull << (info.guest_cr3[user] & 0xfff);
    }
    ck_assert_uint_eq(seen, 0xf);
}
END_TEST

START_TEST(c_runs_on_what_entry_code_has_loaded)
{
    struct vcpu_hw v = {.cr3_kernel = KERNEL, .cr3_user = USER, .isolated = 1};

    boot(BOTH, _i ? "pcid=0" : "");
    for (unsigned kernel = 0; kernel < 2; kernel++) {
        v.kernel_mode = (uint8_t)kernel;
        isolate_tell(&v);
        ck_assert_uint_eq(isolate_full_cr3(&v), info.full_cr3[!kernel] & ~CR3_NOFLUSH);
    }
}
END_TEST

START_TEST(without_them_nothing_but_addresses_is_loaded)
{
    struct vcpu_hw v = {.cr3_kernel = KERNEL, .isolated = _i != 2};

    boot(BOTH, _i == 0 ? "pcid=0" : _i == 1 ? "pcid=0 xpti=1" : "xpti=dom0=1,domu=0");
    isolate_tell(&v);
    for (unsigned user = 0; user < 2; user++) {
        uint64_t guest = v.isolated ? copies() + user * PAGE_SIZE : KERNEL;

        ck_assert_uint_eq(info.full_cr3[user], KERNEL); /* it has no user tables */
        ck_assert_uint_eq(info.guest_cr3[user], guest);
        ck_assert_uint_eq(info.seen_cr3[user], guest);
    }
}
END_TEST

START_TEST(a_page_is_flushed_of_all_four)
{
    unsigned seen = 0;

    boot(BOTH, "");
    isolate_flush_page(0x1234000);
    for (unsigned i = 0; i < flushes; i++) {
        ck_assert_uint_eq(flushed[i].va, 0x1234000);
        seen |= 1u << flushed[i].pcid;
    }
    ck_assert_uint_eq(seen, 0xf);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("hw/isolate");
    TCase *c = tcase_create("hw/isolate");

    tcase_add_loop_test(c, pcids_are_used_where_the_cpu_has_all_it_takes, 0, 12);
    tcase_add_test(c, four_tables_have_four_numbers_and_flush_nothing);
    tcase_add_loop_test(c, c_runs_on_what_entry_code_has_loaded, 0, 2);
    tcase_add_loop_test(c, without_them_nothing_but_addresses_is_loaded, 0, 3);
    tcase_add_test(c, a_page_is_flushed_of_all_four);
    suite_add_tcase(s, c);
    return unit_run_suite(s);
}
