/* SPDX-License-Identifier: MIT */
/* Boot options and the log that they steer. */
#include "host/host.h"
#include "kern/log.h"
#include "kern/param.h"
#include "lib/string.h"
#include "unit.h"

#define MIB (1ull << 20)

static void prepare(void)
{
    host_boot(1, 16);
}

static bool quiet(void)
{
    return !*host_console();
}

START_TEST(microcode_at_boot_is_answered_with_a_warning)
{
    param_parse("ucode=scan");
    ck_assert_ptr_nonnull(strstr(host_console(), "microcode is not loaded at boot"));
}
END_TEST

START_TEST(a_usual_line_is_taken_without_a_word)
{
    param_parse(
        "placeholder dom0_mem=512M,max:1G com1=115200,8n1 console=com1,vga loglvl=all "
        "guest_loglvl=all ucode=no iommu=no cpufreq=xen dom0_max_vcpus=2 noreboot "
        "sched=credit2 no-smep smap=off maxcpus=3 nosmp=1 dom0_vcpus_pin");
    ck_assert_msg(quiet(), "%s", host_console());
    ck_assert_uint_eq(boot_params.dom0_mem, 512 * MIB);
    ck_assert_uint_eq(boot_params.dom0_mem_max, 1024 * MIB);
    ck_assert_str_eq(boot_params.com1, "115200,8n1");
    ck_assert_str_eq(boot_params.console, "com1,vga");
    ck_assert_uint_eq(boot_params.loglvl, LOG_DEBUG);
    ck_assert_uint_eq(boot_params.guest_loglvl, LOG_DEBUG);
    ck_assert_uint_eq(boot_params.dom0_max_vcpus, 2);
    ck_assert_uint_eq(boot_params.maxcpus, 3);
    ck_assert(boot_params.noreboot && boot_params.nosmp && boot_params.dom0_vcpus_pin);
    ck_assert(!boot_params.smep && !boot_params.smap);
}
END_TEST

START_TEST(an_unknown_one_is_named_with_the_nearest)
{
    param_parse("dom0_men=512M");
    ck_assert_ptr_nonnull(strstr(host_console(), "'dom0_men'"));
    ck_assert_ptr_nonnull(strstr(host_console(), "'dom0_mem'"));
    ck_assert_uint_eq(boot_params.dom0_mem, 0);
    ck_assert_str_eq(param_nearest("norebot"), "noreboot");
    ck_assert_str_eq(param_nearest("lolgvl"), "loglvl");
    ck_assert_str_eq(param_nearest("iomnu"), "iommu");
}
END_TEST

START_TEST(free_ram_is_zeroed_when_it_is_asked_for)
{
    static const struct {
        const char *line;
        unsigned when;
    } t[] = {{"", SCRUB_IDLE},
             {"bootscrub", SCRUB_AT_BOOT},
             {"bootscrub=true bootscrub_chunk=64M", SCRUB_AT_BOOT},
             {"bootscrub=0", SCRUB_AS_USED},
             {"no-bootscrub", SCRUB_AS_USED},
             {"bootscrub=0 bootscrub=idle", SCRUB_IDLE}};

    for (unsigned i = 0; i < ARRAY_SIZE(t); i++) {
        boot_params.bootscrub = SCRUB_IDLE;
        param_parse(t[i].line);
        ck_assert_msg(quiet(), "%s", host_console());
        ck_assert_uint_eq(boot_params.bootscrub, t[i].when);
    }
}
END_TEST

START_TEST(a_bad_value_is_named_and_changes_nothing)
{
    static const char *const bad[] = {
        "dom0_mem=lots",      "dom0_mem=512Q",
        "dom0_mem=1M,mix:2M", "maxcpus=",
        "maxcpus=2x",         "loglvl=loud",
        "noreboot=perhaps",   "dom0_max_vcpus=0",
        "sched=credit",       "maxcpus",
        "xpti=maybe",         "xpti=dom0=1,domu",
        "xpti=x=1",           "dom0_mem=99999999999999999999T",
        "spec-ctrl=1",        "spec-ctrl=nonsense",
        "spec-ctrl=verw=ask", "spec-ctrl=no-verw=1",
        "pv-l1tf=default",    "pv-l1tf=dom1=1",
        "loglvl=info/loud",   "bootscrub=sometimes"};

    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        host_console_clear();
        param_parse(bad[i]);
        ck_assert_msg(strstr(host_console(), "bad value"), "%s: %s", bad[i],
                      host_console());
    }
    ck_assert_uint_eq(boot_params.maxcpus, 0);
    ck_assert_uint_eq(boot_params.dom0_mem, 0);
    ck_assert_int_eq(boot_params.xpti_dom0, -1);
}
END_TEST

START_TEST(isolation_is_chosen_for_each_side)
{
    static const struct {
        const char *text;
        int dom0, domu;
    } lines[] = {
        {"xpti", 1, 1},
        {"no-xpti", 0, 0},
        {"xpti=default", -1, -1},
        {"xpti=dom0=0", 0, -1},
        {"xpti=domu=1", -1, 1},
        {"xpti=no,domu=yes", 0, 1},
        {"xpti=dom0=on,domu=off", 1, 0},
    };

    for (unsigned i = 0; i < ARRAY_SIZE(lines); i++) {
        boot_params.xpti_dom0 = boot_params.xpti_domu = -1;
        param_parse(lines[i].text);
        ck_assert_msg(boot_params.xpti_dom0 == lines[i].dom0 &&
                          boot_params.xpti_domu == lines[i].domu,
                      "%s: %d, %d", lines[i].text, boot_params.xpti_dom0,
                      boot_params.xpti_domu);
    }
    ck_assert_msg(quiet(), "%s", host_console());
}
END_TEST

START_TEST(sizes_have_units)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } sizes[] = {{"4", 4096},      {"4k", 4096},       {"4096B", 4096},
                 {"2M", 2 * MIB},  {"1g", 1024 * MIB}, {"0x10M", 16 * MIB},
                 {"1T", MIB * MIB}};
    const char *end;
    uint64_t v;

    for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
        ck_assert(param_size(sizes[i].text, &v, &end));
        ck_assert_uint_eq(v, sizes[i].bytes);
        ck_assert_int_eq(*end, 0);
    }
    ck_assert(param_size("7M,max:1G", &v, &end));
    ck_assert_str_eq(end, ",max:1G");
    ck_assert(!param_size("", &v, &end) && !param_size("M", &v, &end));
}
END_TEST

START_TEST(dom0_mem_is_kept_between_its_bounds)
{
    param_parse("dom0_mem=min:256M,max:1G");
    ck_assert_uint_eq(boot_params.dom0_mem, 256 * MIB);
    param_parse("dom0_mem=4G,max:1G");
    ck_assert_uint_eq(boot_params.dom0_mem, 1024 * MIB);
}
END_TEST

START_TEST(the_loaders_path_and_blanks_are_skipped)
{
    param_parse("  ");
    param_parse("/boot/ostler.gz   noreboot\t 'console=com1'");
    ck_assert_msg(quiet(), "%s", host_console());
    ck_assert(boot_params.noreboot);
    ck_assert_str_eq(boot_params.console, "com1");
}
END_TEST

START_TEST(overlong_words_are_survived)
{
    static char line[5000];

    memset(line, 'a', sizeof(line) - 1);
    param_parse(line);
    memcpy(line, "com1=", 5);
    param_parse(line);
    ck_assert_str_eq(boot_params.com1, "");
}
END_TEST

START_TEST(lines_get_the_prefix_people_know)
{
    log_info("one\ntwo");
    log_debug("not shown by default");
    ck_assert_str_eq(host_console(), "(XEN) one\n(XEN) two\n");
}
END_TEST

START_TEST(dom0_writes_raw_and_others_get_a_prefix)
{
    log_guest(0, "[  0.1] hel", 11);
    log_warn("between");
    log_guest(0, "lo\n", 3);
    log_guest(3, "hidden by default\n", 18);
    boot_params.guest_loglvl = LOG_DEBUG;
    log_guest(3, "par", 3);
    log_guest(4, "other\n", 6);
    log_guest(3, "t\x1b[2J\n", 6);
    ck_assert_str_eq(host_console(),
                     "[  0.1] hel\n(XEN) between\nlo\n(d4) other\n(d3) part[2J\n");
}
END_TEST

START_TEST(dom0s_output_is_in_the_ring_only_if_asked_for)
{
    char buf[64];
    uint32_t at = 0;

    log_guest(0, "kernel\n", 7);
    ck_assert_uint_eq(log_read(buf, sizeof(buf), &at, false), 0);
    boot_params.console_to_ring = true;
    log_guest(0, "kernel\n", 7);
    ck_assert_uint_eq(log_read(buf, sizeof(buf), &at, false), 7);
}
END_TEST

START_TEST(a_chatty_guest_is_cut_and_it_is_said)
{
    boot_params.guest_loglvl = LOG_DEBUG;
    for (unsigned i = 0; i < 2000; i++)
        log_guest(1, "0123456789012345678901234567890123456789\n", 41);
    ck_assert_uint_lt(strlen(host_console()), 40000);
    host_advance(1000000000ull);
    log_guest(1, "later\n", 6);
    ck_assert_ptr_nonnull(
        strstr(host_console(), "guest messages were suppressed\n(d1) later\n"));
}
END_TEST

START_TEST(the_ring_is_read_in_pieces_and_cleared)
{
    char buf[64];
    uint32_t at = 0;

    log_info("first");
    ck_assert_uint_eq(log_read(buf, 6, &at, false), 6);
    ck_assert_uint_eq(at, 6);
    ck_assert_uint_eq(log_read(buf, sizeof(buf), &at, false), 6);
    ck_assert_int_eq(memcmp(buf, "first\n", 6), 0);
    ck_assert_uint_eq(log_read(buf, sizeof(buf), &at, true), 0);
    log_info("second");
    at = 0;
    ck_assert_uint_eq(log_read(buf, sizeof(buf), &at, false), 13);
    ck_assert_int_eq(memcmp(buf, "(XEN) second\n", 13), 0);
}
END_TEST

START_TEST(an_overrun_ring_gives_its_newest_part)
{
    static char buf[200000];
    uint32_t at = 0;
    size_t n;

    for (unsigned i = 0; i < 10000; i++)
        log_info("line %u", i);
    n = log_read(buf, sizeof(buf) - 1, &at, false);
    ck_assert_uint_gt(n, 16000);
    buf[n] = 0;
    ck_assert_ptr_nonnull(strstr(buf, "(XEN) line 9999\n"));
    ck_assert_uint_eq(log_read(buf, sizeof(buf), &at, false), 0);
}
END_TEST

static void die(void *arg)
{
    panic("the %s is on fire", "printer");
}

START_TEST(a_panic_says_so_and_ends_the_machine)
{
    boot_params.noreboot = true;
    ck_assert_int_eq(host_catch(die, NULL), HOST_HALT);
    ck_assert_ptr_nonnull(
        strstr(host_console(), "(XEN) Panic on CPU 0:\n(XEN) the printer is on fire\n"));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {microcode_at_boot_is_answered_with_a_warning,
                                  a_usual_line_is_taken_without_a_word,
                                  an_unknown_one_is_named_with_the_nearest,
                                  free_ram_is_zeroed_when_it_is_asked_for,
                                  a_bad_value_is_named_and_changes_nothing,
                                  isolation_is_chosen_for_each_side,
                                  sizes_have_units,
                                  dom0_mem_is_kept_between_its_bounds,
                                  the_loaders_path_and_blanks_are_skipped,
                                  overlong_words_are_survived,
                                  lines_get_the_prefix_people_know,
                                  dom0_writes_raw_and_others_get_a_prefix,
                                  dom0s_output_is_in_the_ring_only_if_asked_for,
                                  a_chatty_guest_is_cut_and_it_is_said,
                                  the_ring_is_read_in_pieces_and_cleared,
                                  an_overrun_ring_gives_its_newest_part,
                                  a_panic_says_so_and_ends_the_machine,
                                  NULL};

    return unit_run("options and log", prepare, tests);
}
