/* SPDX-License-Identifier: MIT */
/* What is done against speculation on which CPU, what the log says of it, and where entry
 * code is led then. */
#include "fake_processor.h"
#include "host/host.h"
#include "kern/param.h"
#include "unit.h"

#include "hw/boot/boot.h"
/* The host's stand-in has that name. */
#define l1tf_safe_address safe_address_of
#include "hw/cpu/features.c"
#include "hw/cpu/bugs.c"
#include "hw/cpu/mitigate.c"

/* What the linker makes of entry code: one way out with its three others, and one call.
 */
extern uint8_t way[], isolated[], isolated_verw[], way_verw[], call[], forgetting[];
__asm__(".data\n"
        "way: .skip 16\n isolated: .skip 16\n isolated_verw: .skip 16\n"
        "way_verw: .skip 16\n call: .skip 16\n forgetting: .skip 16\n"
        ".balign 4\n"
        "__ways_out_start: .long way - ., isolated - ., isolated_verw - ., way_verw - .\n"
        "__ways_out_end:\n"
        "__c_calls_start: .long call - ., forgetting - .\n"
        "__c_calls_end:\n");

const uint16_t verw_selector;
uint64_t boot_phys_base = IMAGE_START - IMAGE_PHYS; /* text is writable where it is */
bool isolate_on;
static uint64_t ram_end;

void isolate_boot(void)
{
    isolate_on =
        boot_params.xpti_domu < 0 ? cpu_features.meltdown : boot_params.xpti_domu;
}
unsigned memory_ram_ranges(const struct boot_range **r)
{
    static struct boot_range ram;

    ram = (struct boot_range){.end = ram_end};
    *r = &ram;
    return 1;
}

static void boot(struct processor p, const char *options)
{
    boot_on(p, options);
    mitigate_boot();
}

static void assert_told(const char *line)
{
    ck_assert_msg(strstr(host_console(), line) != NULL, "no '%s' in:\n%s", line,
                  host_console());
}

/* NULL: it is as it was assembled. */
static void assert_leads(const uint8_t *at, uint8_t opcode, const uint8_t *to)
{
    int32_t off;

    memcpy(&off, at + 1, sizeof(off));
    if (!to) {
        ck_assert_uint_eq(at[0], 0);
    } else {
        ck_assert_uint_eq(at[0], opcode);
        ck_assert_ptr_eq(at + 5 + off, to);
    }
}

#define SKYLAKE_X INTEL, 7, .eax1 = MODEL(6, 0x55, 4), .bits = 46, .ebx7 = SMEP | RTM
#define ALL_NO    (CAPS_RDCL_NO | CAPS_MDS_NO | CAPS_TAA_NO | CAPS_RFDS_NO | CAPS_BHI_NO)

/* What each CPU has VERW for. */
static const struct {
    const char *what;
    struct processor p;
    bool verw;
} verws[] = {
    {"no microcode for it", {SKYLAKE_X}, false},
    {"MDS", {SKYLAKE_X, .edx7 = MD_CLEAR}, true},
    {"says no to all",
     {SKYLAKE_X, .edx7 = MD_CLEAR | ARCH_CAPS, .arch_caps = ALL_NO},
     false},
    {"TAA", {SKYLAKE_X, .edx7 = MD_CLEAR | ARCH_CAPS, .arch_caps = CAPS_MDS_NO}, true},
    {"TAA, but no transactions",
     {INTEL, 7, .eax1 = MODEL(6, 0x55, 7), .bits = 46, .edx7 = MD_CLEAR | ARCH_CAPS,
      .arch_caps = CAPS_MDS_NO},
     false},
    {"an old Atom has no MDS",
     {INTEL, 7, .eax1 = MODEL(6, 0x1c, 9), .bits = 39, .edx7 = MD_CLEAR},
     false},
    {"RFDS",
     {INTEL, 7, .eax1 = MODEL(6, 0x5c, 9), .bits = 39, .edx7 = ARCH_CAPS,
      .arch_caps = CAPS_RFDS_CLEAR | CAPS_RDCL_NO | CAPS_MDS_NO},
     true},
    {"no RFDS",
     {INTEL, 7, .eax1 = MODEL(6, 0x5c, 9), .bits = 39, .edx7 = ARCH_CAPS,
      .arch_caps = CAPS_RFDS_CLEAR | CAPS_RFDS_NO | CAPS_MDS_NO},
     false},
    {"devices only",
     {INTEL, 7, .eax1 = MODEL(6, 0x6a, 6), .bits = 46, .edx7 = MD_CLEAR | ARCH_CAPS,
      .arch_caps = ALL_NO | CAPS_FB_CLEAR},
     false},
    {"AMD without it", {AMD, 7, .eax1 = MODEL(0x19, 0x21, 0), .bits = 48}, false},
    {"TSA",
     {AMD, 7, .eax1 = MODEL(0x19, 0x21, 0), .bits = 48, .eax_e21 = VERW_CLEAR},
     true},
    {"no TSA",
     {AMD, 7, .eax1 = MODEL(0x19, 0x21, 0), .bits = 48, .eax_e21 = VERW_CLEAR,
      .ecx_e21 = TSA_NO},
     false},
    {"half TSA",
     {AMD, 7, .eax1 = MODEL(0x19, 0x21, 0), .bits = 48, .eax_e21 = VERW_CLEAR,
      .ecx_e21 = 2},
     true},
    {"Zen 2",
     {AMD, 7, .eax1 = MODEL(0x17, 0x31, 0), .bits = 48, .eax_e21 = VERW_CLEAR},
     false},
};

START_TEST(buffers_are_cleaned_where_the_cpu_leaks_and_can)
{
    boot(verws[_i].p, "");
    ck_assert_msg(mitigations.verw == verws[_i].verw, "%s", verws[_i].what);
    ck_assert_int_eq(strstr(strstr(host_console(), "PV VMs:"), " VERW") != NULL,
                     verws[_i].verw);
}
END_TEST

START_TEST(a_guest_with_devices_makes_a_difference)
{
    struct processor p = {INTEL,
                          7,
                          .eax1 = MODEL(6, 0x6a, 6),
                          .bits = 46,
                          .edx7 = MD_CLEAR | ARCH_CAPS,
                          .arch_caps = ALL_NO | CAPS_FB_CLEAR};

    if (_i)
        p.arch_caps |= CAPS_SBDR_SSDP_NO | CAPS_FBSDP_NO | CAPS_PSDP_NO;
    boot(p, "spec-ctrl=unpriv-mmio");
    ck_assert(mitigations.verw == !_i);
}
END_TEST

START_TEST(verw_can_be_chosen)
{
    static const struct {
        const char *options;
        bool leaks, verw;
    } t[] = {{"spec-ctrl=no-verw", true, false},    {"spec-ctrl=verw", false, true},
             {"spec-ctrl=md-clear=0", true, false}, {"spec-ctrl=verw=pv", false, true},
             {"spec-ctrl=verw=no-pv", true, false}, {"spec-ctrl=verw=hvm", false, false},
             {"spec-ctrl=no-pv", true, false},      {"spec-ctrl=pv=1", false, true},
             {"spec-ctrl=no", true, false},         {"spec-ctrl=no-xen", true, false},
             {"no-spec-ctrl", true, false},         {"spec-ctrl=no-hvm", true, true},
             {"spec-ctrl=no,verw", false, true},    {"spec-ctrl=ibpb=0,rsb", true, true}};

    boot((struct processor){SKYLAKE_X, .edx7 = t[_i].leaks ? MD_CLEAR : 0},
         t[_i].options);
    ck_assert_msg(mitigations.verw == t[_i].verw, "%s", t[_i].options);
}
END_TEST

START_TEST(ways_out_are_led_to_what_the_cpu_needs)
{
    static const struct {
        const char *options;
        const uint8_t *to;
    } t[] = {{"xpti=0 spec-ctrl=no-verw", NULL},
             {"xpti=1 spec-ctrl=no-verw", isolated},
             {"xpti=0 spec-ctrl=verw", way_verw},
             {"xpti=1 spec-ctrl=verw", isolated_verw}};

    boot((struct processor){SKYLAKE_X}, t[_i].options);
    assert_leads(way, 0xe9, t[_i].to);
}
END_TEST

START_TEST(branch_history_is_forgotten_on_intels_for_guests)
{
    boot((struct processor){SKYLAKE_X}, "");
    ck_assert(mitigations.forget_domu && !mitigations.forget_dom0);
    assert_leads(call, 0xe8, forgetting);
    assert_told("BHB-Seq: SHORT, ");
    assert_told(" BHB-entry");
}
END_TEST

START_TEST(branch_history_is_left_alone_elsewhere)
{
    static const struct {
        struct processor p;
        const char *options;
    } t[] = {{{AMD, 7, .eax1 = MODEL(0x17, 1, 2), .bits = 48}, ""},
             {{SKYLAKE_X, .edx7 = ARCH_CAPS, .arch_caps = CAPS_BHI_NO}, ""},
             {{SKYLAKE_X}, "spec-ctrl=no-bhb-entry"},
             {{SKYLAKE_X}, "spec-ctrl=no"},
             {{SKYLAKE_X, .edx7 = IBRSB, .edx72 = BHI_CTRL}, ""}};

    boot(t[_i].p, t[_i].options);
    ck_assert(!mitigations.forget_domu && !mitigations.forget_dom0);
    assert_leads(call, 0xe8, NULL);
    ck_assert(!strstr(host_console(), "BHB-entry"));
    ck_assert_uint_eq(mitigations.spec_ctrl, t[_i].p.edx72 ? SPEC_BHI_DIS_S : 0);
}
END_TEST

START_TEST(who_asks_for_it_has_it_for_dom0_too)
{
    boot((struct processor){SKYLAKE_X}, "spec-ctrl=bhb-entry");
    ck_assert(mitigations.forget_domu && mitigations.forget_dom0);
}
END_TEST

START_TEST(a_control_that_is_refused_is_made_up_for)
{
    boot((struct processor){SKYLAKE_X, .edx7 = IBRSB, .edx72 = BHI_CTRL},
         "spec-ctrl=no-bhi-dis-s");
    ck_assert_uint_eq(mitigations.spec_ctrl, 0);
    ck_assert(mitigations.forget_domu);
}
END_TEST

/* What Xen 4.17 says on QEMU's Skylake-Server; that CPUID tells less than the cache
 * compares makes all that it does not tell safe. */
START_TEST(page_tables_are_looked_at_where_the_cpu_reads_ahead)
{
    struct processor p = {SKYLAKE_X};

    p.bits = 40;
    boot(p, "");
    assert_told("L1TF: believed vulnerable, maxphysaddr L1D 46, CPUID 40, Safe address "
                "10000000000");
    assert_told("PV L1TF shadowing: Dom0 disabled, DomU enabled");
    ck_assert_uint_eq(l1tf_safe_address(false), 1ull << 40);
    ck_assert_uint_eq(l1tf_safe_address(true), 0);
}
END_TEST

START_TEST(the_safe_address_lies_behind_memory)
{
    ram_end = _i ? 60ull << 40 : 1ull << 30;
    boot((struct processor){SKYLAKE_X}, "");
    ck_assert_uint_eq(l1tf_safe_address(false), _i ? 60ull << 40 : 48ull << 40);
}
END_TEST

START_TEST(page_tables_are_the_guests_affair_elsewhere)
{
    static const struct processor t[] = {
        {AMD, 7, .eax1 = MODEL(0x17, 1, 2), .bits = 48},
        {SKYLAKE_X, .edx7 = ARCH_CAPS, .arch_caps = CAPS_RDCL_NO},
        {INTEL, 7, .eax1 = MODEL(6, 0x5c, 9), .bits = 39},
    };

    boot(t[_i], "");
    ck_assert_uint_eq(l1tf_safe_address(false), 0);
    assert_told("PV L1TF shadowing: Dom0 disabled, DomU disabled");
    ck_assert(!strstr(host_console(), "L1TF: believed"));
}
END_TEST

START_TEST(looking_at_page_tables_can_be_chosen)
{
    static const struct {
        const char *options;
        bool dom0, domu;
    } t[] = {{"pv-l1tf", true, true},
             {"pv-l1tf=1", true, true},
             {"pv-l1tf=dom0=1", true, true},
             {"pv-l1tf=domu=0", false, false},
             {"no-pv-l1tf", false, false},
             {"pv-l1tf=dom0=1,domu=0", true, false},
             {"spec-ctrl=no", false, false},
             {"pv-l1tf=domu=1 spec-ctrl=no", false, true},
             {"spec-ctrl=no pv-l1tf", true, true}};

    boot((struct processor){SKYLAKE_X}, t[_i].options);
    ck_assert_msg(!l1tf_safe_address(true) == !t[_i].dom0, "%s", t[_i].options);
    ck_assert_msg(!l1tf_safe_address(false) == !t[_i].domu, "%s", t[_i].options);
}
END_TEST

static void add(TCase *c, const TTest *t, int n)
{
    tcase_add_loop_test(c, t, 0, n);
}

int main(void)
{
    Suite *s = suite_create("hw/mitigate");
    TCase *c = tcase_create("hw/mitigate");

    add(c, buffers_are_cleaned_where_the_cpu_leaks_and_can, ARRAY_SIZE(verws));
    add(c, a_guest_with_devices_makes_a_difference, 2);
    add(c, verw_can_be_chosen, 14);
    add(c, ways_out_are_led_to_what_the_cpu_needs, 4);
    add(c, branch_history_is_forgotten_on_intels_for_guests, 1);
    add(c, branch_history_is_left_alone_elsewhere, 5);
    add(c, who_asks_for_it_has_it_for_dom0_too, 1);
    add(c, a_control_that_is_refused_is_made_up_for, 1);
    add(c, page_tables_are_looked_at_where_the_cpu_reads_ahead, 1);
    add(c, the_safe_address_lies_behind_memory, 2);
    add(c, page_tables_are_the_guests_affair_elsewhere, 3);
    add(c, looking_at_page_tables_can_be_chosen, 9);
    suite_add_tcase(s, c);
    return unit_run_suite(s);
}
