/* SPDX-License-Identifier: MIT */
/* Which update is chosen from Intel's and AMD's files, and what is refused. */
#include "call/microcode.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "pv_world.h"

static uint8_t file[16384];
static uint32_t used;
static struct microcode_patch p;

static const struct microcode_cpu intel = {MICROCODE_INTEL, 0x50654, 0x80, 0x100};
static const struct microcode_cpu amd = {MICROCODE_AMD, 0x800f12, 0, 0x08001200};

static void put(uint32_t at, uint32_t v)
{
    memcpy(file + at, &v, sizeof(v));
}

/* One of 64 bytes of data, and a table of one more processor if second is not 0. */
static uint32_t add_intel(uint32_t revision, uint32_t signature, uint32_t flags,
                          uint32_t second)
{
    uint32_t at = used, total = 48 + 64 + (second ? 32 : 0), sum = 0, v;
    const uint32_t head[] = {1, revision, 0x01012024, signature, 0, 1, flags, 64, total};

    memcpy(file + at, head, sizeof(head));
    for (uint32_t i = 0; i < 48 + 64; i += 4) {
        memcpy(&v, file + at + i, 4);
        sum += v;
    }
    put(at + 16, -sum);
    if (second) {
        put(at + 112, 1);
        put(at + 132, second);
        put(at + 136, flags);
    }
    used += total;
    return at;
}

static int find(const struct microcode_cpu *c)
{
    return microcode_find(c, file, used, &p);
}

START_TEST(the_newest_of_the_right_kind_is_taken)
{
    uint32_t best;

    add_intel(0x200, 0x50654, 0x80, 0);
    best = add_intel(0x300, 0x50654, 0xff, 0);
    add_intel(0x400, 0x50655, 0x80, 0); /* another processor */
    add_intel(0x500, 0x50654, 0x01, 0); /* another socket */
    add_intel(0x250, 0x50654, 0x80, 0);
    ck_assert_int_eq(find(&intel), 0);
    ck_assert_ptr_eq(p.at, file + best);
    ck_assert_uint_eq(p.revision, 0x300);
}
END_TEST

START_TEST(the_table_behind_the_data_counts_too)
{
    add_intel(0x300, 0x1, 0x80, 0x50654);
    ck_assert_int_eq(find(&intel), 0);
    ck_assert_uint_eq(p.revision, 0x300);
}
END_TEST

START_TEST(what_is_not_newer_is_none)
{
    add_intel(0x100, 0x50654, 0x80, 0);
    add_intel(0x080, 0x50654, 0x80, 0);
    ck_assert_int_eq(find(&intel), 0);
    ck_assert_ptr_null(p.at);
}
END_TEST

START_TEST(damage_is_refused)
{
    const uint32_t words[] = {0, 20, 28, 32, 60};

    for (unsigned i = 0; i < ARRAY_SIZE(words); i++) {
        used = 0;
        memset(file, 0, sizeof(file));
        add_intel(0x200, 0x50654, 0x80, 0);
        put(words[i], 0xfffffff0);
        ck_assert_int_eq(find(&intel), -EINVAL);
    }
    used = 0;
    memset(file, 0, sizeof(file));
    add_intel(0x200, 0x50654, 0x80, 0);
    for (used--; used; used--)
        ck_assert_int_eq(find(&intel), -EINVAL);
    ck_assert_int_eq(find(&intel), -EINVAL);
}
END_TEST

static void add_amd(uint32_t signature, uint16_t equivalent)
{
    const uint32_t head[] = {0x00414d44, 0, 32, signature, 0, 0, equivalent};

    memcpy(file + used, head, sizeof(head));
    memset(file + used + sizeof(head), 0, 16);
    used += 12 + 32;
}

static uint32_t add_amd_patch(uint32_t revision, uint16_t equivalent)
{
    uint32_t at = used + 8;

    put(used, 1);
    put(used + 4, 128);
    memset(file + at, 0, 128);
    put(at + 4, revision);
    put(at + 24, equivalent);
    used += 8 + 128;
    return at;
}

START_TEST(amd_patches_go_by_the_table)
{
    uint32_t best;

    add_amd(0x800f82, 0x8082);
    add_amd_patch(0x08009999, 0x8012); /* not in this container's table */
    add_amd(0x800f12, 0x8012);
    add_amd_patch(0x08001100, 0x8012); /* older */
    best = add_amd_patch(0x08001250, 0x8012);
    add_amd_patch(0x08001299, 0x8013);
    ck_assert_int_eq(find(&amd), 0);
    ck_assert_ptr_eq(p.at, file + best);
    ck_assert_uint_eq(p.size, 128);
}
END_TEST

START_TEST(amd_files_cut_short_are_refused)
{
    add_amd(0x800f12, 0x8012);
    add_amd_patch(0x08001250, 0x8012);
    for (used--; used; used--)
        if (used != 44) /* a table and no patches */
            ck_assert_int_eq(find(&amd), -EINVAL);
    put(0, 1);
    used = 44;
    ck_assert_int_eq(find(&amd), -EINVAL);
    ck_assert_int_eq(find(&(struct microcode_cpu){0}), -EINVAL);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        the_newest_of_the_right_kind_is_taken,
        the_table_behind_the_data_counts_too,
        what_is_not_newer_is_none,
        damage_is_refused,
        amd_patches_go_by_the_table,
        amd_files_cut_short_are_refused,
        NULL,
    };

    return unit_run("microcode", NULL, tests);
}
