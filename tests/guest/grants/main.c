/* SPDX-License-Identifier: MIT */
/* Grant tables: a domain grants to itself, maps, copies, and forges. */
#include "guest.h"
#include "abi/grant_table.h"

static struct hv_grant_entry_v1 *table;
static struct hv_gnttab_map_grant_ref m;

static void grant(uint32_t ref, const void *page, uint16_t flags, uint16_t dom)
{
    table[ref].domid = dom;
    table[ref].frame = (uint32_t)va_mfn(page);
    __atomic_store_n(&table[ref].flags, flags, __ATOMIC_RELEASE);
}

static int map(uint32_t ref, void *where, uint32_t flags)
{
    long rc;

    m = (struct hv_gnttab_map_grant_ref){
        .host_addr = P(where), .flags = flags, .ref = ref, .dom = 0};
    rc = grant_op(HV_GNTTABOP_MAP_GRANT_REF, &m, 1);
    return rc ? (int)rc * 1000 : m.status;
}

static int unmap(void *where, uint32_t handle)
{
    struct hv_gnttab_unmap_grant_ref u = {.host_addr = P(where), .handle = handle};
    long rc = grant_op(HV_GNTTABOP_UNMAP_GRANT_REF, &u, 1);

    return rc ? (int)rc * 1000 : u.status;
}

static void store(void *p)
{
    *(volatile uint64_t *)p = 0x55;
}

static void setup(void)
{
    uint64_t frames[2] = {0};
    struct hv_gnttab_query_size q = {.dom = HV_DOMID_SELF};
    struct hv_gnttab_setup_table s = {
        .dom = HV_DOMID_SELF, .nr_frames = 1, .frame_list = P(frames)};
    struct hv_gnttab_get_version v = {.dom = HV_DOMID_SELF};

    test_num("grants: query_size", grant_op(HV_GNTTABOP_QUERY_SIZE, &q, 1) + q.status, 0);
    test_true("grants: there may be several frames", q.max_nr_frames >= 4);
    test_num("grants: version 1 at first",
             grant_op(HV_GNTTABOP_GET_VERSION, &v, 1) * 100 + v.version, 1);
    test_num("grants: setup_table", grant_op(HV_GNTTABOP_SETUP_TABLE, &s, 1) + s.status,
             0);
    test_true("grants: gives a frame", frames[0] != 0);
    table = page_alloc();
    test_num("grants: which can be mapped", map_mfn(table, frames[0] << 12 | PTE_RW), 0);
    s.nr_frames = q.max_nr_frames + 1;
    grant_op(HV_GNTTABOP_SETUP_TABLE, &s, 1);
    test_num("grants: not more than the limit", s.status, HV_GNTST_GENERAL_ERROR);
    s.dom = 1234;
    s.nr_frames = 1;
    grant_op(HV_GNTTABOP_SETUP_TABLE, &s, 1);
    test_num("grants: not of a missing domain", s.status, HV_GNTST_BAD_DOMAIN);
}

static void mapping(void)
{
    uint64_t *page = page_alloc(), *where = page_alloc();
    uint32_t handle;

    page[3] = 33;
    grant(8, page, HV_GTF_PERMIT_ACCESS, 0);
    test_num("grants: a grant to oneself is mapped", map(8, where, HV_GNTMAP_HOST_MAP),
             0);
    handle = m.handle;
    test_num("grants: the bus address is the frame's", (long)m.dev_bus_addr,
             (long)va_mfn(page) << 12);
    test_num("grants: it is the page", (long)where[3], 33);
    where[3] = 34;
    test_num("grants: in both directions", (long)page[3], 34);
    test_num("grants: the entry is marked in use",
             table[8].flags & (HV_GTF_READING | HV_GTF_WRITING),
             HV_GTF_READING | HV_GTF_WRITING);
    test_num("grants: unmap with another address is refused", unmap(page_alloc(), handle),
             HV_GNTST_GENERAL_ERROR);
    map_mfn(where, va_mfn(page) << 12);
    test_num("grants: nor where it is mapped with other rights", unmap(where, handle),
             HV_GNTST_GENERAL_ERROR);
    map_mfn(where, va_mfn(page) << 12 | PTE_RW);
    test_num("grants: unmap", unmap(where, handle), 0);
    test_num("grants: the marks are gone",
             table[8].flags & (HV_GTF_READING | HV_GTF_WRITING), 0);
    test_num("grants: the mapping too", guarded(store, where), TRAP_PF);
    test_num("grants: not twice", unmap(where, handle), HV_GNTST_BAD_HANDLE);
    test_num("grants: read-only", map(8, where, HV_GNTMAP_HOST_MAP | HV_GNTMAP_READONLY),
             0);
    test_num("grants: it reads", (long)where[3], 34);
    test_num("grants: and does not write", guarded(store, where), TRAP_PF);
    test_num("grants: marked as reading only",
             table[8].flags & (HV_GTF_READING | HV_GTF_WRITING), HV_GTF_READING);
    unmap(where, m.handle);
    test_num(
        "grants: by its entry's address",
        map(8, (void *)pte_maddr(where, 1), HV_GNTMAP_HOST_MAP | HV_GNTMAP_CONTAINS_PTE),
        0);
    mmuext(HV_MMUEXT_TLB_FLUSH_LOCAL, 0);
    test_num("grants: is the page again", (long)where[3], 34);
    unmap((void *)pte_maddr(where, 1), m.handle);
    remap(where, PTE_RW);
}

static void refused(void)
{
    uint64_t *page = page_alloc(), *where = page_alloc();
    struct hv_gnttab_map_grant_ref bad = {
        .host_addr = P(where), .flags = HV_GNTMAP_HOST_MAP, .ref = 9, .dom = 1234};

    bad.dom = HV_DOMID_SELF;
    grant_op(HV_GNTTABOP_MAP_GRANT_REF, &bad, 1);
    test_num("grants: DOMID_SELF is nobody to map from", bad.status, HV_GNTST_BAD_DOMAIN);
    bad.dom = 1234;
    test_num("grants: no entry", map(9, where, HV_GNTMAP_HOST_MAP),
             HV_GNTST_GENERAL_ERROR);
    test_num("grants: no reference so high", map(0x7fffffff, where, HV_GNTMAP_HOST_MAP),
             HV_GNTST_BAD_GNTREF);
    grant(9, page, HV_GTF_PERMIT_ACCESS, 5);
    test_num("grants: granted to another domain", map(9, where, HV_GNTMAP_HOST_MAP),
             HV_GNTST_GENERAL_ERROR);
    grant(9, page, HV_GTF_PERMIT_ACCESS | HV_GTF_READONLY, 0);
    test_num("grants: a read-only grant is not mapped writable",
             map(9, where, HV_GNTMAP_HOST_MAP), HV_GNTST_GENERAL_ERROR);
    table[9].flags = 0;
    table[9].frame = 0xfffffff;
    table[9].domid = 0;
    table[9].flags = HV_GTF_PERMIT_ACCESS;
    test_num("grants: a frame that is not there", map(9, where, HV_GNTMAP_HOST_MAP),
             HV_GNTST_BAD_PAGE);
    table[9].flags = 0;
    table[9].frame = (uint32_t)va_mfn((void *)start_info->pt_base);
    table[9].flags = HV_GTF_PERMIT_ACCESS;
    test_num("grants: a page table is not granted writable",
             map(9, where, HV_GNTMAP_HOST_MAP), HV_GNTST_GENERAL_ERROR);
    table[9].flags = 0;
    grant_op(HV_GNTTABOP_MAP_GRANT_REF, &bad, 1);
    test_num("grants: a missing domain", bad.status, HV_GNTST_BAD_DOMAIN);
    grant(9, page, HV_GTF_PERMIT_ACCESS, 0);
    test_num("grants: nowhere to map", map(9, (void *)0x123456789000, HV_GNTMAP_HOST_MAP),
             HV_GNTST_GENERAL_ERROR);
    test_num("grants: into the hypervisor",
             map(9, (void *)HV_HYPERVISOR_VIRT_START, HV_GNTMAP_HOST_MAP),
             HV_GNTST_GENERAL_ERROR);
    test_num("grants: no kind of mapping asked for", map(9, where, 0),
             HV_GNTST_BAD_GNTREF);
    test_num("grants: a handle never given", unmap(where, 12345), HV_GNTST_BAD_HANDLE);
    test_num("grants: an unknown operation", grant_op(99, &bad, 1), -ENOSYS);
    test_num("grants: a count below zero", grant_op(HV_GNTTABOP_MAP_GRANT_REF, &bad, -1),
             -EINVAL);
    table[9].flags = 0;
}

static int copy(uint64_t from, uint64_t to, unsigned int flags, unsigned int so,
                unsigned int d_o, unsigned int len)
{
    struct hv_gnttab_copy c = {.len = (uint16_t)len, .flags = (uint16_t)flags};
    long rc;

    c.source.u.gmfn = from;
    c.source.domid = HV_DOMID_SELF;
    c.source.offset = (uint16_t)so;
    c.dest.u.gmfn = to;
    c.dest.domid = HV_DOMID_SELF;
    c.dest.offset = (uint16_t)d_o;
    rc = grant_op(HV_GNTTABOP_COPY, &c, 1);
    return rc ? (int)rc * 1000 : c.status;
}

static void copies(void)
{
    char *a = page_alloc(), *b = page_alloc();

    memcpy(a + 100, "between pages", 14);
    test_num("grants: copy from frame to frame",
             copy(va_mfn(a), va_mfn(b), 0, 100, 200, 14), 0);
    test_true("grants: the bytes are there", !memcmp(b + 200, "between pages", 14));
    grant(10, a, HV_GTF_PERMIT_ACCESS | HV_GTF_READONLY, 0);
    grant(11, b, HV_GTF_PERMIT_ACCESS, 0);
    test_num("grants: copy by reference",
             copy(10, 11, HV_GNTCOPY_SOURCE_GREF | HV_GNTCOPY_DEST_GREF, 100, 4000, 14),
             0);
    test_true("grants: the bytes are there too", !memcmp(b + 4000, "between pages", 14));
    test_num("grants: no copy into a read-only grant",
             copy(11, 10, HV_GNTCOPY_SOURCE_GREF | HV_GNTCOPY_DEST_GREF, 0, 0, 8),
             HV_GNTST_GENERAL_ERROR);
    test_num("grants: no copy across a page's end",
             copy(va_mfn(a), va_mfn(b), 0, 4090, 0, 10), HV_GNTST_BAD_COPY_ARG);
    test_num("grants: no copy of a wrong reference",
             copy(77777, va_mfn(b), HV_GNTCOPY_SOURCE_GREF, 0, 0, 10),
             HV_GNTST_BAD_GNTREF);
    test_num("grants: no copy into a page table",
             copy(va_mfn(a), va_mfn((void *)start_info->pt_base), 0, 0, 0, 8),
             HV_GNTST_GENERAL_ERROR);
    test_num("grants: no copy of a frame that is not there",
             copy(0xffffffffff, va_mfn(b), 0, 0, 0, 8), HV_GNTST_BAD_PAGE);
    table[10].flags = table[11].flags = 0;
}

/* Several in one call: each has a status of its own, and none changes its neighbours. */
static void batch(void)
{
    static const struct {
        uint16_t domid;
        uint32_t ref;
        int status;
    } want[] = {{0, 10, HV_GNTST_OKAY},
                {1234, 10, HV_GNTST_BAD_DOMAIN},
                {HV_DOMID_SELF, 10, HV_GNTST_OKAY},
                {0, 77777, HV_GNTST_BAD_GNTREF},
                {0, 12, HV_GNTST_GENERAL_ERROR},
                {0, 10, HV_GNTST_OKAY}};
    struct hv_gnttab_copy c[6];
    char *a = page_alloc(), *b = page_alloc();
    bool statuses = true, bytes = true;

    grant(10, a, HV_GTF_PERMIT_ACCESS | HV_GTF_READONLY, 0);
    for (unsigned int i = 0; i < 6; i++) {
        a[i] = (char)(i + 1);
        c[i] = (struct hv_gnttab_copy){.len = 1, .flags = HV_GNTCOPY_SOURCE_GREF};
        c[i].source.u.ref = want[i].ref;
        c[i].source.domid = want[i].domid;
        c[i].source.offset = (uint16_t)i;
        c[i].dest.u.gmfn = va_mfn(b);
        c[i].dest.domid = HV_DOMID_SELF;
        c[i].dest.offset = (uint16_t)i;
    }
    test_num("grants: several copies in a call", grant_op(HV_GNTTABOP_COPY, c, 6), 0);
    for (unsigned int i = 0; i < 6; i++) {
        statuses &= c[i].status == want[i].status;
        bytes &= b[i] == (want[i].status ? 0 : a[i]);
    }
    test_true("grants: each has its own status", statuses);
    test_true("grants: the good ones are done", bytes);
    test_num("grants: nothing is in use behind them",
             table[10].flags & (HV_GTF_READING | HV_GTF_WRITING), 0);
    table[10].flags = 0;
}

static void version2(void)
{
    struct hv_gnttab_set_version v = {.version = 3};
    uint64_t frames[1], status[1], *page = page_alloc(), *where = page_alloc();
    struct hv_gnttab_setup_table s = {
        .dom = HV_DOMID_SELF, .nr_frames = 1, .frame_list = P(frames)};
    struct hv_gnttab_get_status_frames st = {
        .nr_frames = 1, .dom = HV_DOMID_SELF, .frame_list = P(status)};
    union hv_grant_entry_v2 *t2 = (void *)table;
    uint16_t *stat = page_alloc();

    test_num("grants: no version 3", grant_op(HV_GNTTABOP_SET_VERSION, &v, 1), -EINVAL);
    v.version = 2;
    test_num("grants: version 2", grant_op(HV_GNTTABOP_SET_VERSION, &v, 1), 0);
    grant_op(HV_GNTTABOP_SETUP_TABLE, &s, 1);
    test_num("grants: version 2's frames are mapped",
             map_mfn(table, frames[0] << 12 | PTE_RW), 0);
    test_num("grants: its status frames are listed",
             grant_op(HV_GNTTABOP_GET_STATUS_FRAMES, &st, 1) + st.status, 0);
    test_num("grants: and mapped", map_mfn(stat, status[0] << 12 | PTE_RW), 0);
    t2[20].full_page.frame = va_mfn(page);
    t2[20].hdr.domid = 0;
    __atomic_store_n(&t2[20].hdr.flags, HV_GTF_PERMIT_ACCESS, __ATOMIC_RELEASE);
    test_num("grants: a version 2 grant is mapped", map(20, where, HV_GNTMAP_HOST_MAP),
             0);
    page[1] = 4242;
    test_num("grants: it is the page", (long)where[1], 4242);
    test_num("grants: the status says in use", stat[20] & 0x18,
             HV_GTF_READING | HV_GTF_WRITING);
    test_num("grants: no change of version in use",
             (v.version = 1, grant_op(HV_GNTTABOP_SET_VERSION, &v, 1)), -EBUSY);
    unmap(where, m.handle);
    test_num("grants: the status is clear", stat[20] & 0x18, 0);
    memcpy((char *)page + 64, "sub page", 9);
    t2[21].sub_page.page_off = 64;
    t2[21].sub_page.length = 16;
    t2[21].sub_page.frame = va_mfn(page);
    t2[21].hdr.domid = 0;
    __atomic_store_n(&t2[21].hdr.flags, HV_GTF_PERMIT_ACCESS | HV_GTF_SUB_PAGE,
                     __ATOMIC_RELEASE);
    remap(where, PTE_RW);
    test_num("grants: a part of a page is copied",
             copy(21, va_mfn(where), HV_GNTCOPY_SOURCE_GREF, 64, 0, 9), 0);
    test_num("grants: nothing outside of it",
             copy(21, va_mfn(where), HV_GNTCOPY_SOURCE_GREF, 80, 0, 9),
             HV_GNTST_GENERAL_ERROR);
    test_num("grants: nor is it mapped", map(21, where, HV_GNTMAP_HOST_MAP),
             HV_GNTST_GENERAL_ERROR);
}

void test_main(void)
{
    setup();
    mapping();
    refused();
    copies();
    batch();
    version2();
}
