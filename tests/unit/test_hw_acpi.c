/* SPDX-License-Identifier: MIT */
/* ACPI tables as firmware might lay them, good and bad. The parser is compiled right
 * here, with machine memory faked by one buffer. */
#include <check.h>
#include <stdlib.h>

#include "unit.h"

#include "hw/plat/acpi.c"

#define BASE 0xe0000ull
#define SIZE 0x20000u

static uint8_t *mem; /* exactly SIZE bytes, so that the sanitizer sees the end */

void *map_io(paddr_t addr, size_t len)
{
    if (addr < BASE || addr + len > BASE + SIZE)
        return NULL;
    return mem + (addr - BASE);
}

static unsigned warnings;

void log_print(enum log_level level, const char *fmt, ...)
{
    warnings += level == LOG_WARN;
}

void clock_delay_us(unsigned us)
{
}

void pci_write(sbdf_t dev, unsigned reg, unsigned size, uint32_t val)
{
}

static void fix_sum(uint8_t *p, size_t n, size_t at)
{
    uint8_t s = 0;

    p[at] = 0;
    for (size_t i = 0; i < n; i++)
        s = (uint8_t)(s + p[i]);
    p[at] = (uint8_t)-s;
}

static void put32(uint8_t *p, uint32_t v)
{
    memcpy(p, &v, 4);
}

static void put64(uint8_t *p, uint64_t v)
{
    memcpy(p, &v, 8);
}

static void table(unsigned at, const char *sig, const void *body, uint32_t n)
{
    uint8_t *p = mem + at;

    memset(p, 0, 36);
    memcpy(p, sig, 4);
    put32(p + 4, 36 + n);
    memcpy(p + 36, body, n);
    fix_sum(p, 36 + n, 9);
}

/* RSDP at 0x1230, XSDT at 0x1400, tables behind. */
static void lay(void)
{
    uint8_t madt[] = {0, 0,  0xe0, 0xfe, 1, 0, 0,    0,                   /* */
                      0, 8,  0,    0,    1, 0, 0,    0,                   /* CPU 0 */
                      0, 8,  1,    3,    1, 0, 0,    0,                   /* CPU 3 */
                      0, 8,  2,    5,    0, 0, 0,    0,                   /* off */
                      1, 12, 0,    0,    0, 0, 0xc0, 0xfe, 0,    0, 0, 0, /* I/O APIC */
                      2, 10, 0,    9,    9, 0, 0,    0,    0x0d, 0, /* SCI: high, level */
                      2, 10, 0,    0,    2, 0, 0,    0,    0,    0}; /* timer */
    uint8_t dsdt[] = {0x08, '_',  'S',  '5', '_',  0x12,
                      0x06, 0x04, 0x0a, 5,   0x0a, 6}; /* ends with the table */
    uint8_t fadt[116 - 36 + 16] = {0}, xsdt[24];
    uint8_t *r = mem + 0x1230;

    memset(mem, 0, SIZE);
    memset(&acpi, 0, sizeof(acpi));
    memcpy(r, "RSD PTR ", 8);
    r[15] = 2;
    put32(r + 20, 36);
    put64(r + 24, BASE + 0x1400);
    fix_sum(r, 20, 8);
    table(0x2000, "APIC", madt, sizeof(madt));
    table(0x3000, "DSDT", dsdt, sizeof(dsdt));
    put32(fadt + 40 - 36, BASE + 0x3000);
    put32(fadt + 64 - 36, 0x604);
    put32(fadt + 76 - 36, 0x608);
    fadt[89 - 36] = 2;
    table(0x4000, "FACP", fadt, sizeof(fadt));
    put64(xsdt, BASE + 0x2000);
    put64(xsdt + 8, BASE + 0x4000);
    put64(xsdt + 16, 0xffffffff000ull); /* nothing there */
    table(0x1400, "XSDT", xsdt, sizeof(xsdt));
}

static const struct boot_info no_hint = {.rsdp = 0};

START_TEST(finds_cpus_and_io_apics)
{
    lay();
    acpi_init(&no_hint);
    ck_assert_uint_eq(acpi.rsdp, BASE + 0x1230);
    ck_assert_uint_eq(acpi.cpus, 2);
    ck_assert_uint_eq(acpi.ioapics, 1);
    ck_assert_uint_eq(acpi.ioapic[0].addr, 0xfec00000);
    ck_assert_uint_eq(acpi.lapic, 0xfee00000);
}
END_TEST

START_TEST(of_more_cpus_than_fit_the_rest_is_told_once)
{
    uint8_t madt[8 + 100 * 8] = {0, 0, 0xe0, 0xfe, 1};

    for (unsigned i = 0; i < 100; i++)
        memcpy(madt + 8 + 8 * i, (uint8_t[8]){0, 8, i, i, 1}, 8);
    lay();
    table(0x5000, "APIC", madt, sizeof(madt));
    put64(mem + 0x1400 + 36, BASE + 0x5000);
    fix_sum(mem + 0x1400, 36 + 24, 9);
    warnings = 0;
    acpi_init(&no_hint);
    ck_assert_uint_eq(acpi.cpus, HV_MAX_CPUS);
    ck_assert_uint_eq(warnings, 1);
}
END_TEST

START_TEST(the_boot_picture_is_forgotten)
{
    uint8_t body[20] = {1, 0, 1, 0, 0, 0xa0, 0x26, 0x7e};

    lay();
    table(0x5000, "BGRT", body, sizeof(body));
    mem[0x5009] ^= 1; /* its sum is wrong */
    put64(mem + 0x1400 + 36 + 16, BASE + 0x5000);
    fix_sum(mem + 0x1400, 36 + 24, 9);
    acpi_init(&no_hint);
    ck_assert_uint_eq(mem[0x5000 + 38], 0);
    ck_assert_uint_eq(get64(mem + 0x5000 + 40), 0);
    ck_assert(sum_ok(mem + 0x5000, 56));
    ck_assert_uint_eq(acpi.cpus, 2);
}
END_TEST

START_TEST(overrides_give_trigger_and_polarity)
{
    lay();
    acpi_init(&no_hint);
    ck_assert(acpi.isa[9].present && acpi.isa[9].level && !acpi.isa[9].low);
    ck_assert(acpi.isa[0].present && acpi.isa[0].gsi == 2 && !acpi.isa[0].level);
    ck_assert(!acpi.isa[1].present);
}
END_TEST

START_TEST(sleep_types_come_from_the_dsdt)
{
    lay();
    acpi_init(&no_hint);
    ck_assert(acpi.s5_valid);
    ck_assert_uint_eq(acpi.s5_typ_a, 5);
    ck_assert_uint_eq(acpi.s5_typ_b, 6);
    ck_assert_uint_eq(acpi.pm1a_cnt.address, 0x604);
    ck_assert_uint_eq(acpi.pm_timer.address, 0x608);
}
END_TEST

START_TEST(a_table_with_a_wrong_sum_is_left_out)
{
    lay();
    mem[0x2000 + 60] ^= 1;
    acpi_init(&no_hint);
    ck_assert_uint_eq(acpi.ioapics, 0);
    ck_assert_uint_eq(acpi.cpus, 1);
    ck_assert(acpi.s5_valid);
}
END_TEST

START_TEST(no_tables_mean_one_cpu)
{
    memset(mem, 0, SIZE);
    memset(&acpi, 0, sizeof(acpi));
    acpi_init(&no_hint);
    ck_assert_uint_eq(acpi.cpus, 1);
    ck_assert_uint_eq(acpi.rsdp, 0);
}
END_TEST

/* Bytes are changed and sums made right again: whatever the tables say, nothing outside
 * them is read. */
START_TEST(damaged_tables_do_no_harm)
{
    static const struct {
        unsigned at, n;
    } where[] = {{0x1400, 60}, {0x2000, 120}, {0x3000, 50}, {0x4000, 132}};

    srand(1);
    for (unsigned round = 0; round < 20000; round++) {
        unsigned w = (unsigned)rand() % ARRAY_SIZE(where);
        uint8_t *p;
        uint32_t len;

        lay();
        p = mem + where[w].at;
        for (int i = 0; i < 3; i++)
            p[4 + (unsigned)rand() % (where[w].n - 4)] = (uint8_t)rand();
        memcpy(&len, p + 4, 4);
        if (len >= 36 && len < 0x1000)
            fix_sum(p, len, 9);
        acpi_init(&no_hint);
        ck_assert_uint_ge(acpi.cpus, 1);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("acpi");
    TCase *t = tcase_create("tables");
    int failed;

    mem = malloc(SIZE);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, finds_cpus_and_io_apics);
    tcase_add_test(t, of_more_cpus_than_fit_the_rest_is_told_once);
    tcase_add_test(t, the_boot_picture_is_forgotten);
    tcase_add_test(t, overrides_give_trigger_and_polarity);
    tcase_add_test(t, sleep_types_come_from_the_dsdt);
    tcase_add_test(t, a_table_with_a_wrong_sum_is_left_out);
    tcase_add_test(t, no_tables_mean_one_cpu);
    tcase_add_test(t, damaged_tables_do_no_harm);
    suite_add_tcase(s, t);
    failed = unit_run_suite(s);
    free(mem);
    return failed;
}
