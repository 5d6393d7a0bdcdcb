/* SPDX-License-Identifier: MIT */
/* How many references and uses of its type each frame of guests should have, counted anew
 * from what is there: vCPUs' bases and descriptor tables, pins, page tables' entries.
 * Before it is included AUDIT_FRAMES says how many frames there are. */
#ifndef TESTS_AUDIT_H
#define TESTS_AUDIT_H

#include "mm/mm_priv.h"
#include "port/map.h"

static uint64_t want_refs[AUDIT_FRAMES], want_type[AUDIT_FRAMES];

static void expect(mfn_t m, bool type)
{
    want_refs[m.n]++;
    want_type[m.n] += type;
}

/* The first `end` entries of a table, and half of the next one: a reference, no type. */
static void expect_entries(mfn_t m, unsigned level, unsigned end, bool half)
{
    const uint64_t *pt = map_mfn(m);

    for (unsigned i = 0; i < PT_ENTRIES; i++) {
        mfn_t to = pte_mfn(pt[i]);

        if (!(pt[i] & PTE_P) || !mfn_valid(to) || (level > 1 && mfn_eq(to, m)) ||
            (level == 4 && i >= HV_FIRST_SLOT && i <= HV_LAST_SLOT))
            continue;
        if (i < end)
            expect(to, level > 1 || (pt[i] & PTE_RW));
        else if (i == end && half)
            expect(to, false);
    }
}

/* What a guest's frame is expected to have for itself, and what it holds as a table. */
static void expect_frame(mfn_t m)
{
    const struct page *pg = page_of(m);
    unsigned level = pgt_type(pg->type);

    want_refs[m.n]++;
    if (pg->type & PGT_PINNED)
        expect(m, true);
    if (level < PGT_L1 || level > PGT_L4)
        return;
    if (pg->type & PGT_PARTIAL)
        expect_entries(m, level, pg->partial_idx, pg->partial_flags);
    else if (pg->type & PGT_COUNT)
        expect_entries(m, level, PT_ENTRIES, false);
}

static void expect_vcpu(const struct mm_vcpu *vm)
{
    if (!mfn_eq(vm->base_kernel, INVALID_MFN))
        expect(vm->base_kernel, true);
    if (!mfn_eq(vm->base_user, INVALID_MFN))
        expect(vm->base_user, true);
    for (unsigned i = 0; i < vm->gdt_frames; i++)
        expect(vm->gdt[i], true);
}

static bool as_expected(mfn_t m)
{
    const struct page *pg = page_of(m);

    return (pg->count & PGC_COUNT) == want_refs[m.n] &&
           (pg->type & PGT_COUNT) == want_type[m.n];
}

#endif
