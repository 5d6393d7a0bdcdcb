/* SPDX-License-Identifier: MIT */
/* Grants: copying between domains, pins, versions, and forged entries. Domain b grants,
 * domain a uses. */
#include "comm_world.h"
#include "kern/param.h"

#define REF 9

static struct hv_grant_entry_v1 *table_v1(void)
{
    mfn_t m;

    ck_assert_int_eq(grant_get_frame(b, 0, false, &m), 0);
    return map_mfn(m);
}

static void offer(uint32_t ref, mfn_t frame, uint16_t flags, domid_t to)
{
    struct hv_grant_entry_v1 *e = &table_v1()[ref];

    e->frame = (uint32_t)frame.n;
    e->domid = to;
    e->flags = flags;
}

/* A call with one copy in it. */
static int copy_as(struct domain *d, struct hv_gnttab_copy *op)
{
    struct grant_copies c = {.me = d};

    grant_copy(&c, op);
    grant_copies_end(&c);
    return op->status;
}

static int copy(uint32_t ref, bool to_grant, mfn_t mine, uint16_t offset, uint16_t len)
{
    struct hv_gnttab_copy op = {
        .len = len, .flags = to_grant ? HV_GNTCOPY_DEST_GREF : HV_GNTCOPY_SOURCE_GREF};
    struct hv_gnttab_copy_ptr *theirs = to_grant ? &op.dest : &op.source,
                              *own = to_grant ? &op.source : &op.dest;

    theirs->u.ref = ref;
    theirs->domid = b->id;
    theirs->offset = offset;
    own->u.gmfn = mine.n;
    own->domid = HV_DOMID_SELF;
    own->offset = offset;
    return copy_as(a, &op);
}

START_TEST(granted_bytes_can_be_copied_both_ways)
{
    mfn_t theirs = frame_of(b), mine = frame_of(a);

    offer(REF, theirs, HV_GTF_PERMIT_ACCESS, a->id);
    strcpy((char *)map_mfn(theirs) + 100, "hello");
    ck_assert_int_eq(copy(REF, false, mine, 100, 6), HV_GNTST_OKAY);
    ck_assert_str_eq((char *)map_mfn(mine) + 100, "hello");
    strcpy((char *)map_mfn(mine) + 200, "back");
    ck_assert_int_eq(copy(REF, true, mine, 200, 5), HV_GNTST_OKAY);
    ck_assert_str_eq((char *)map_mfn(theirs) + 200, "back");
    ck_assert_uint_eq(table_v1()[REF].flags, HV_GTF_PERMIT_ACCESS); /* no longer in use */
}
END_TEST

START_TEST(a_read_only_grant_cannot_be_written)
{
    mfn_t mine = frame_of(a);

    offer(REF, frame_of(b), HV_GTF_PERMIT_ACCESS | HV_GTF_READONLY, a->id);
    ck_assert_int_eq(copy(REF, true, mine, 0, 5), HV_GNTST_GENERAL_ERROR);
    ck_assert_int_eq(copy(REF, false, mine, 0, 5), HV_GNTST_OKAY);
}
END_TEST

START_TEST(forged_grants_are_refused)
{
    mfn_t mine = frame_of(a);

    offer(REF, frame_of(b), HV_GTF_PERMIT_ACCESS, 3);
    ck_assert_int_eq(copy(REF, false, mine, 0, 5),
                     HV_GNTST_GENERAL_ERROR); /* for somebody else */
    offer(REF, frame_of(b), HV_GTF_INVALID, a->id);
    ck_assert_int_eq(copy(REF, false, mine, 0, 5), HV_GNTST_GENERAL_ERROR);
    offer(REF, mine, HV_GTF_PERMIT_ACCESS, a->id);
    ck_assert_int_lt(copy(REF, false, mine, 0, 5),
                     0); /* b does not own the frame it grants */
    offer(REF, mk_mfn(0xffffffff), HV_GTF_PERMIT_ACCESS, a->id);
    ck_assert_int_lt(copy(REF, false, mine, 0, 5), 0);
    ck_assert_int_eq(copy(100000, false, mine, 0, 5), HV_GNTST_BAD_GNTREF);
    ck_assert_uint_eq(table_v1()[REF].flags, HV_GTF_PERMIT_ACCESS);
}
END_TEST

/* As backends do: a grant to oneself saves a kernel the look-up of a page. */
START_TEST(a_copy_goes_from_grant_to_grant_also_of_ones_own)
{
    mfn_t from = frame_of(b), to = frame_of(b);
    struct hv_gnttab_copy op = {.len = 6,
                                .flags = HV_GNTCOPY_SOURCE_GREF | HV_GNTCOPY_DEST_GREF};

    offer(REF, from, HV_GTF_PERMIT_ACCESS, b->id);
    offer(REF + 1, to, HV_GTF_PERMIT_ACCESS, b->id);
    op.source = (struct hv_gnttab_copy_ptr){.u.ref = REF, .domid = b->id, .offset = 5};
    op.dest = (struct hv_gnttab_copy_ptr){.u.ref = REF + 1, .domid = HV_DOMID_SELF};
    strcpy((char *)map_mfn(from) + 5, "hello");
    copy_as(b, &op);
    ck_assert_int_eq(op.status, HV_GNTST_OKAY);
    ck_assert_str_eq((char *)map_mfn(to), "hello");
    op.dest = op.source; /* within one page */
    op.dest.offset = 50;
    copy_as(b, &op);
    ck_assert_int_eq(op.status, HV_GNTST_OKAY);
    ck_assert_str_eq((char *)map_mfn(from) + 50, "hello");
    for (uint32_t ref = REF; ref < REF + 2; ref++)
        ck_assert_uint_eq(table_v1()[ref].flags, HV_GTF_PERMIT_ACCESS);
    offer(REF + 1, to, HV_GTF_PERMIT_ACCESS | HV_GTF_READONLY, b->id);
    op.dest.u.ref = REF + 1;
    copy_as(b, &op);
    ck_assert_int_eq(op.status, HV_GNTST_GENERAL_ERROR);
    ck_assert_uint_eq(table_v1()[REF].flags, HV_GTF_PERMIT_ACCESS);
}
END_TEST

START_TEST(a_copy_stays_within_its_page)
{
    offer(REF, frame_of(b), HV_GTF_PERMIT_ACCESS, a->id);
    ck_assert_int_eq(copy(REF, false, frame_of(a), 4000, 97), HV_GNTST_BAD_COPY_ARG);
    ck_assert_int_eq(copy(REF, false, frame_of(a), 4000, 96), HV_GNTST_OKAY);
    ck_assert_int_lt(copy(REF, false, frame_of(b), 0, 5),
                     0); /* into a frame that is not the caller's */
}
END_TEST

/* One call may name several domains, also some that are not there. */
START_TEST(copies_of_one_call_let_go_of_every_domain)
{
    struct hv_gnttab_copy op = {.len = 6, .flags = HV_GNTCOPY_SOURCE_GREF};
    const domid_t names[] = {b->id, b->id, a->id, 77, b->id, HV_DOMID_SELF, 77, b->id};
    uint32_t refs_a = atomic_load(&a->refs), refs_b = atomic_load(&b->refs);
    mfn_t theirs = frame_of(b), mine = frame_of(a);
    struct grant_copies c = {.me = a};

    offer(REF, theirs, HV_GTF_PERMIT_ACCESS, a->id);
    strcpy(map_mfn(theirs), "hello");
    op.source.u.ref = REF;
    op.dest = (struct hv_gnttab_copy_ptr){.u.gmfn = mine.n, .domid = HV_DOMID_SELF};
    for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
        memset(map_mfn(mine), 0, 6);
        op.source.domid = names[i];
        grant_copy(&c, &op);
        if (names[i] == b->id)
            ck_assert_str_eq(map_mfn(mine), "hello");
        ck_assert_int_eq(op.status, names[i] == b->id ? HV_GNTST_OKAY
                                    : names[i] == 77  ? HV_GNTST_BAD_DOMAIN
                                                      : HV_GNTST_BAD_GNTREF);
    }
    grant_copies_end(&c);
    ck_assert_uint_eq(atomic_load(&a->refs), refs_a);
    ck_assert_uint_eq(atomic_load(&b->refs), refs_b);
}
END_TEST

START_TEST(who_writes_later_gets_the_frame_of_the_first_use)
{
    struct hv_gnttab_map_grant_ref m = {
        .flags = HV_GNTMAP_DEVICE_MAP | HV_GNTMAP_READONLY, .ref = REF, .dom = b->id};
    mfn_t first = frame_of(b), second = frame_of(b), mine = frame_of(a);

    offer(REF, first, HV_GTF_PERMIT_ACCESS, a->id);
    grant_map(a->vcpu[0], &m);
    ck_assert_int_eq(m.status, HV_GNTST_OKAY);
    table_v1()[REF].frame = (uint32_t)second.n;
    strcpy(map_mfn(mine), "hello");
    ck_assert_int_eq(copy(REF, true, mine, 0, 6), HV_GNTST_OKAY);
    ck_assert_str_eq(map_mfn(first), "hello");
    ck_assert_str_eq(map_mfn(second), "");
    ck_assert_uint_eq(table_v1()[REF].flags, HV_GTF_PERMIT_ACCESS | HV_GTF_READING);
}
END_TEST

START_TEST(others_frames_cannot_be_named_without_a_grant)
{
    struct hv_gnttab_copy op = {.len = 8};

    op.source.u.gmfn = frame_of(b).n;
    op.source.domid = b->id;
    op.dest.u.gmfn = frame_of(a).n;
    op.dest.domid = HV_DOMID_SELF;
    copy_as(a, &op);
    ck_assert_int_eq(op.status, HV_GNTST_PERMISSION_DENIED);
}
END_TEST

START_TEST(mapping_takes_the_frame_of_the_first_use)
{
    struct hv_gnttab_map_grant_ref m = {
        .flags = HV_GNTMAP_DEVICE_MAP, .ref = REF, .dom = b->id};
    struct hv_gnttab_unmap_grant_ref u = {0};
    struct grant_release r;
    mfn_t theirs = frame_of(b);

    offer(REF, theirs, HV_GTF_PERMIT_ACCESS, a->id);
    grant_map(a->vcpu[0], &m);
    ck_assert_int_eq(m.status, HV_GNTST_OKAY);
    ck_assert_uint_eq(m.dev_bus_addr, mfn_to_paddr(theirs));
    ck_assert_uint_eq(table_v1()[REF].flags,
                      HV_GTF_PERMIT_ACCESS | HV_GTF_READING | HV_GTF_WRITING);
    table_v1()[REF].frame = (uint32_t)frame_of(b).n; /* too late to take it back */
    u.handle = m.handle;
    u.dev_bus_addr = m.dev_bus_addr;
    grant_unmap(a->vcpu[0], &u, 0, &r);
    ck_assert_int_eq(u.status, HV_GNTST_OKAY);
    /* A CPU may still have the page in its TLB: it is not b's alone before it is flushed.
     */
    ck_assert_uint_eq(table_v1()[REF].flags,
                      HV_GTF_PERMIT_ACCESS | HV_GTF_READING | HV_GTF_WRITING);
    grant_release(&r);
    ck_assert_uint_eq(table_v1()[REF].flags, HV_GTF_PERMIT_ACCESS);
    grant_unmap(a->vcpu[0], &u, 0, &r);
    ck_assert_int_eq(u.status, HV_GNTST_BAD_HANDLE);
    grant_release(&r);
}
END_TEST

START_TEST(a_mapper_that_dies_leaves_no_pin)
{
    struct hv_gnttab_map_grant_ref m = {
        .flags = HV_GNTMAP_DEVICE_MAP, .ref = REF, .dom = b->id};

    offer(REF, frame_of(b), HV_GTF_PERMIT_ACCESS, a->id);
    grant_map(a->vcpu[0], &m);
    ck_assert_int_eq(m.status, HV_GNTST_OKAY);
    kill_domain(a);
    ck_assert_uint_eq(table_v1()[REF].flags, HV_GTF_PERMIT_ACCESS);
}
END_TEST

START_TEST(handles_run_out_with_an_error)
{
    struct hv_gnttab_map_grant_ref m = {
        .flags = HV_GNTMAP_DEVICE_MAP, .ref = REF, .dom = b->id};
    unsigned n = 0;

    offer(REF, frame_of(b), HV_GTF_PERMIT_ACCESS, a->id);
    for (grant_map(a->vcpu[0], &m); m.status == HV_GNTST_OKAY; grant_map(a->vcpu[0], &m))
        n++;
    ck_assert_int_eq(m.status, HV_GNTST_NO_DEVICE_SPACE);
    ck_assert_uint_gt(n, 500);
}
END_TEST

START_TEST(the_version_changes_only_when_nothing_is_in_use)
{
    struct hv_gnttab_map_grant_ref m = {
        .flags = HV_GNTMAP_DEVICE_MAP, .ref = REF, .dom = b->id};

    offer(REF, frame_of(b), HV_GTF_PERMIT_ACCESS, a->id);
    offer(HV_GNTTAB_RESERVED_XENSTORE, mk_mfn(0x1234), HV_GTF_PERMIT_ACCESS, 0);
    grant_map(a->vcpu[0], &m);
    ck_assert_int_eq(grant_set_version(b, 2), -EBUSY);
    kill_domain(a);
    ck_assert_int_eq(grant_set_version(b, 3), -EINVAL);
    ck_assert_int_eq(grant_set_version(b, 2), 0);
    ck_assert_uint_eq(((union hv_grant_entry_v2 *)(void *)table_v1())[1].full_page.frame,
                      0x1234);
    ck_assert_uint_eq(((union hv_grant_entry_v2 *)(void *)table_v1())[REF].hdr.flags, 0);
}
END_TEST

START_TEST(version_2_grants_part_of_a_page)
{
    union hv_grant_entry_v2 *e;
    mfn_t theirs = frame_of(b), mine = frame_of(a);

    ck_assert_int_eq(grant_set_version(b, 2), 0);
    e = &((union hv_grant_entry_v2 *)(void *)table_v1())[REF];
    e->sub_page.frame = theirs.n;
    e->sub_page.page_off = 64;
    e->sub_page.length = 32;
    e->hdr.domid = a->id;
    e->hdr.flags = HV_GTF_PERMIT_ACCESS | HV_GTF_SUB_PAGE;
    ck_assert_int_eq(copy(REF, false, mine, 64, 32), HV_GNTST_OKAY);
    ck_assert_int_eq(copy(REF, false, mine, 64, 33), HV_GNTST_GENERAL_ERROR);
    ck_assert_int_eq(copy(REF, false, mine, 63, 2), HV_GNTST_GENERAL_ERROR);
}
END_TEST

START_TEST(the_table_does_not_grow_beyond_its_limit)
{
    mfn_t m;

    ck_assert_int_eq(grant_grow(b, 4), 0);
    ck_assert_int_eq(grant_grow(b, 5), -ENOSPC);
    ck_assert_uint_eq(grant_frames(b), 4);
    ck_assert_int_eq(grant_get_frame(b, ~0u, false, &m), -ENOSPC);
    ck_assert_int_eq(grant_set_version(b, 2), 0);
    ck_assert_int_eq(grant_get_frame(b, 0, true, &m), 0);
    ck_assert_int_eq(grant_get_frame(b, ~0u, true, &m), -ENOSPC);
}
END_TEST

START_TEST(nobody_gets_more_than_the_machines_limit)
{
    struct hv_domctl_createdomain c = {.max_vcpus = 1,
                                       .max_evtchn_port = ~0u,
                                       .max_grant_frames = 9,
                                       .max_maptrack_frames = 2,
                                       .grant_opts = 2};
    struct domain *d;

    world();
    boot_params.gnttab_max_frames = 8;
    ck_assert_int_eq(domain_create(9, &c, &d), -EINVAL);
    c.max_grant_frames = 8;
    ck_assert_int_eq(domain_create(9, &c, &d), 0);
    ck_assert_uint_eq(grant_max_frames(d), 8);
    ck_assert_uint_eq(grant_max_status_frames(d), 1);
    c.max_grant_frames = -1;
    ck_assert_int_eq(domain_create(10, &c, &d), 0);
    ck_assert_uint_eq(grant_max_frames(d), 8);
    c.max_maptrack_frames = 1025;
    ck_assert_int_eq(domain_create(11, &c, &d), -EINVAL);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        granted_bytes_can_be_copied_both_ways,
        a_read_only_grant_cannot_be_written,
        forged_grants_are_refused,
        a_copy_goes_from_grant_to_grant_also_of_ones_own,
        a_copy_stays_within_its_page,
        copies_of_one_call_let_go_of_every_domain,
        who_writes_later_gets_the_frame_of_the_first_use,
        others_frames_cannot_be_named_without_a_grant,
        mapping_takes_the_frame_of_the_first_use,
        a_mapper_that_dies_leaves_no_pin,
        handles_run_out_with_an_error,
        the_version_changes_only_when_nothing_is_in_use,
        version_2_grants_part_of_a_page,
        the_table_does_not_grow_beyond_its_limit,
        nobody_gets_more_than_the_machines_limit,
        NULL,
    };

    return unit_run("comm/grant", world, tests);
}
