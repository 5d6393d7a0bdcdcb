/* SPDX-License-Identifier: MIT */
/* A PV domain's first memory: the order of things, and the page tables, walked. */
#include <stdio.h>

#include "dom/layout.h"
#include "image.h"
#include "unit.h"

#define PAGE   4096ULL
#define OFFSET 0x777000ULL /* frames[pfn] = pfn + OFFSET */

static struct pv_layout l;
static struct dom_elf elf;
static struct dom_error err;
static uint64_t *frames, *tables, *p2m_tables;

static void kernel(bool init_p2m, bool mod_start_pfn)
{
    elf = (struct dom_elf){.nr_segments = 1,
                           .segment = {{KERNEL_AT, 0, 0x10000, 0x400000}},
                           .paddr_start = KERNEL_AT,
                           .paddr_end = KERNEL_AT + 0x400000,
                           .virt_base = VIRT_BASE,
                           .entry = VIRT_BASE + KERNEL_AT,
                           .has_init_p2m = init_p2m,
                           .init_p2m = 0x8000000000,
                           .mod_start_pfn = mod_start_pfn};
}

static void compute(uint64_t nr_pages, uint64_t ramdisk)
{
    memset(&err, 0, sizeof(err));
    ck_assert_msg(!pv_layout_compute(&l, &elf, nr_pages, ramdisk, &err), "%s", err.text);
    frames = malloc(nr_pages * 8);
    tables = calloc(l.tables.nr + 1, PAGE);
    p2m_tables = calloc(l.p2m_tables.nr + 1, PAGE);
    for (uint64_t i = 0; i < nr_pages; i++)
        frames[i] = i + OFFSET;
    pv_layout_fill(&l, frames, tables, p2m_tables);
}

static void done(void)
{
    free(frames);
    free(tables);
    free(p2m_tables);
}

static uint64_t *table_at(uint64_t pfn)
{
    if (pfn - l.tables.first < l.tables.nr)
        return tables + (pfn - l.tables.first) * 512;
    ck_assert_msg(pfn - l.p2m_tables.first < l.p2m_tables.nr, "pfn %#lx is no table",
                  pfn);
    return p2m_tables + (pfn - l.p2m_tables.first) * 512;
}

/* The leaf entry for an address, 0 if there is none. */
static uint64_t walk(uint64_t va)
{
    uint64_t *table = tables, entry = 0;

    for (int level = 4; level >= 1; level--) {
        entry = table[va >> (12 + 9 * (level - 1)) & 511];
        if (!(entry & 1))
            return 0;
        if (level > 1)
            table = table_at((entry & 0xffffffffff000ULL) / PAGE - OFFSET);
    }
    return entry;
}

static uint64_t pfn_of(uint64_t entry)
{
    return (entry & 0xffffffffff000ULL) / PAGE - OFFSET;
}

static void region_maps_everything(void)
{
    for (uint64_t va = l.region.start; va != l.region.end; va += PAGE) {
        uint64_t pfn = (va - l.virt_base) / PAGE, entry = walk(va);
        bool is_table = pfn - l.tables.first < l.tables.nr ||
                        pfn - l.p2m_tables.first < l.p2m_tables.nr;

        if (pfn >= l.nr_pages) {
            ck_assert_uint_eq(entry, 0);
            continue;
        }
        ck_assert_uint_eq(pfn_of(entry), pfn);
        ck_assert_int_eq(!(entry & 2), is_table);
    }
    ck_assert_uint_eq(walk(l.region.end), 0);
}

static void p2m_is_mapped(void)
{
    for (uint64_t i = 0; i < l.p2m.nr; i++)
        ck_assert_uint_eq(pfn_of(walk(l.p2m_virt + i * PAGE)), l.p2m.first + i);
}

static void ranges_do_not_overlap(void)
{
    const struct pv_range all[] = {l.kernel,          l.ramdisk,    l.p2m,
                                   {l.start_info, 1}, {l.store, 1}, {l.console, 1},
                                   l.tables,          {l.stack, 1}, l.p2m_tables};
    const int nr = sizeof(all) / sizeof(all[0]);

    for (int i = 0; i < nr; i++) {
        ck_assert_uint_le(all[i].first + all[i].nr, l.nr_pages);
        for (int j = 0; j < i; j++)
            ck_assert(!all[i].nr || !all[j].nr ||
                      all[i].first + all[i].nr <= all[j].first ||
                      all[j].first + all[j].nr <= all[i].first);
    }
}

static void rules_hold(void)
{
    ranges_do_not_overlap();
    region_maps_everything();
    p2m_is_mapped();
    ck_assert_uint_eq(l.region.end % (4 << 20), 0);
    ck_assert_uint_ge(l.region.end - l.virt_base, (l.stack + 1) * PAGE + (512 << 10));
}

START_TEST(the_documented_order_is_kept)
{
    kernel(false, false);
    compute(16384, 50);
    ck_assert_uint_eq(l.ramdisk.first, l.kernel.first + l.kernel.nr);
    ck_assert_uint_eq(l.p2m.first, l.ramdisk.first + 50);
    ck_assert_uint_eq(l.start_info, l.p2m.first + 32);
    ck_assert_uint_eq(l.store, l.start_info + 1);
    ck_assert_uint_eq(l.console, l.store + 1);
    ck_assert_uint_eq(l.tables.first, l.console + 1);
    ck_assert_uint_eq(l.stack, l.tables.first + l.tables.nr);
    ck_assert_uint_eq(l.p2m_virt, VIRT_BASE + l.p2m.first * PAGE);
    ck_assert_uint_eq(l.p2m_tables.nr, 0);
    rules_hold();
    done();
}
END_TEST

START_TEST(linux_keeps_ramdisk_and_p2m_behind_the_region)
{
    kernel(true, true);
    compute(32768, 1000);
    ck_assert_uint_eq(l.start_info, l.kernel.first + l.kernel.nr);
    ck_assert_uint_eq(l.ramdisk.first, (l.region.end - VIRT_BASE) / PAGE);
    ck_assert_uint_eq(l.p2m.first, l.ramdisk.first + 1000);
    ck_assert_uint_eq(l.p2m_tables.first, l.p2m.first + l.p2m.nr);
    ck_assert_uint_eq(l.p2m_tables.nr, 3);
    ck_assert_uint_eq(l.p2m_virt, 0x8000000000);
    rules_hold();
    done();
}
END_TEST

START_TEST(large_domains_have_a_p2m_list_of_many_tables)
{
    kernel(true, true);
    compute(4 << 18, 0); /* 4 GiB */
    ck_assert_uint_eq(l.p2m.nr, 2048);
    ck_assert_uint_eq(l.p2m_tables.nr, 1 + 1 + 4);
    rules_hold();
    done();
}
END_TEST

START_TEST(a_p2m_list_may_share_tables_with_the_region)
{
    kernel(true, true);
    elf.init_p2m = VIRT_BASE + (64 << 20);
    compute(32768, 10);
    ck_assert_uint_eq(l.p2m_tables.nr, 1);
    rules_hold();
    done();
    elf.init_p2m = VIRT_BASE - (1 << 30);
    compute(32768, 10);
    rules_hold();
    done();
}
END_TEST

START_TEST(small_kernels_may_lie_at_zero)
{
    kernel(false, false);
    elf.virt_base = 0;
    elf.segment[0].paddr = elf.paddr_start = 0x100000;
    elf.paddr_end = 0x110000;
    compute(4096, 0);
    ck_assert_uint_eq(l.region.end, 4 << 20);
    rules_hold();
    done();
}
END_TEST

START_TEST(every_size_of_ramdisk_keeps_the_rules)
{
    for (uint64_t ramdisk = 0; ramdisk < 3000; ramdisk += 250) {
        kernel(ramdisk % 500, ramdisk % 1000);
        compute(32768, ramdisk);
        rules_hold();
        done();
    }
}
END_TEST

START_TEST(domains_that_are_too_small_are_refused)
{
    static const struct {
        uint64_t pages, ramdisk;
    } small[] = {
        {1, 0},     {4096, 0}, {5120, 0}, {8192, 8192}, {8192, UINT64_MAX / 8192},
        {5300, 100}};

    for (size_t i = 0; i < sizeof(small) / sizeof(small[0]); i++) {
        memset(&err, 0, sizeof(err));
        kernel(i & 1, i & 1);
        ck_assert_int_lt(
            pv_layout_compute(&l, &elf, small[i].pages, small[i].ramdisk, &err), 0);
        ck_assert_ptr_nonnull(strstr(err.text, "set memory higher"));
    }
}
END_TEST

START_TEST(addresses_of_the_hypervisor_are_refused)
{
    memset(&err, 0, sizeof(err));
    kernel(true, true);
    elf.init_p2m = 0xffff800000000000;
    ck_assert_int_lt(pv_layout_compute(&l, &elf, 32768, 0, &err), 0);
    ck_assert_str_eq(err.text, "the kernel's virtual addresses are not a guest's");
    memset(&err, 0, sizeof(err));
    kernel(false, false);
    elf.virt_base = 0xffff820000000000;
    ck_assert_int_lt(pv_layout_compute(&l, &elf, 32768, 0, &err), 0);
    memset(&err, 0, sizeof(err));
    kernel(false, false);
    elf.virt_base = 0xffffffffff000000;
    ck_assert_int_lt(pv_layout_compute(&l, &elf, 32768, 0, &err), 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {the_documented_order_is_kept,
                                  linux_keeps_ramdisk_and_p2m_behind_the_region,
                                  large_domains_have_a_p2m_list_of_many_tables,
                                  a_p2m_list_may_share_tables_with_the_region,
                                  small_kernels_may_lie_at_zero,
                                  every_size_of_ramdisk_keeps_the_rules,
                                  domains_that_are_too_small_are_refused,
                                  addresses_of_the_hypervisor_are_refused,
                                  NULL};

    return unit_run("layout", NULL, tests);
}
