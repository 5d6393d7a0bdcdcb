/* SPDX-License-Identifier: MIT */
/*
 * Any sequence of what a PV guest can do to its page tables: pins, base pointers, updates
 * of entries by hypercall, by address and by stores that fault, in a pool of frames that
 * hold anything. At the end the frames count exactly the references that tables, pins and
 * bases are worth, and when the guest is killed they all come back.
 */
#include "abi/domctl.h"
#include "host/host.h"
#include "kern/log.h"
#include "kern/room.h"
#include "kern/sched.h"
#include "kern/softirq.h"
#include "lib/errno.h"
#include "mm/mm_priv.h"
#include "mm/mmu.h"
#include "port/map.h"
#include "port/upcall.h"

#define AUDIT_FRAMES HOST_FRAMES
#include "audit.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

const struct room *const rooms[] = {&mm_room, &sched_room, NULL};

void pv_page_fault(struct hv_cpu_user_regs *r)
{
}

#define POOL 24
static mfn_t pool[POOL];
static struct domain *g;
static struct vcpu *v;

static const uint8_t *in;
static size_t left;

static unsigned byte(void)
{
    if (!left)
        return 0;
    left--;
    return *in++;
}

static mfn_t any_frame(void)
{
    return pool[byte() % POOL];
}

static unsigned any_slot(void)
{
    static const uint16_t slots[] = {0, 1, 2, 7, 8, 255, 256, 260, 271, 272, 504, 511};

    return slots[byte() % ARRAY_SIZE(slots)];
}

static uint64_t any_entry(void)
{
    static const uint64_t flags[] = {
        0,
        PTE_P,
        PTE_P | PTE_US,
        PTE_P | PTE_US | PTE_RW,
        PTE_P | PTE_US | PTE_RW,
        PTE_P | PTE_US | PTE_RW | PTE_PSE,
        PTE_P | PTE_RW | PTE_G | PTE_NX,
        PTE_P | PTE_RW | PTE_PCD,
        PTE_RW | PTE_US,
    };
    unsigned what = byte();

    if (what == 255)
        return (uint64_t)byte() << 44 | (uint64_t)byte() << 12 | PTE_P | PTE_RW;
    return pte_make(any_frame(), flags[what % ARRAY_SIZE(flags)]);
}

static vaddr_t any_va(void)
{
    uint64_t va = 0;

    for (unsigned level = 4; level; level--)
        va |= (uint64_t)any_slot() << (PAGE_SHIFT + 9 * (level - 1));
    va |= (uint64_t)any_slot() * 8;
    return (vaddr_t)((int64_t)(va << 16) >> 16);
}

static void finish(void)
{
    softirq_cpu[0].pending = 0;
    while (mmu_pending(v))
        ;
}

static void ext(unsigned cmd, mfn_t m, bool interrupted)
{
    struct hv_mmuext_op op = {.cmd = cmd, .arg1.mfn = m.n};

    if (interrupted)
        softirq_raise(SOFTIRQ_TASK);
    (void)!mmu_ext(v, g, &op);
    finish();
}

/* A store by an instruction of the guest's. Few bytes make one, so most are given. */
static void store(vaddr_t va)
{
    static const uint8_t codes[][16] = {
        {0x48, 0x89, 0x07},             /* mov %rax, (%rdi) */
        {0x48, 0x87, 0x0f},             /* xchg %rcx, (%rdi) */
        {0xf0, 0x80, 0x27, 0xfd},       /* lock andb $~2, (%rdi) */
        {0xf0, 0x48, 0x0f, 0xb1, 0x17}, /* lock cmpxchg %rdx, (%rdi) */
        {0xf0, 0x48, 0x0f, 0xba, 0x37, 0x01},
    };
    uint8_t code[16];
    struct hv_cpu_user_regs r = {.error_code = PF_PRESENT | PF_WRITE, .rdi = va};
    unsigned which = byte();

    memcpy(code, codes[which % ARRAY_SIZE(codes)], sizeof(code));
    for (unsigned i = 0; which > 250 && i < sizeof(code); i++)
        code[i] = (uint8_t)byte();
    r.rip = (uint64_t)code;
    r.rax = r.rcx = r.rdx = any_entry();
    host_leave_by = pv_page_fault;
    if (!setjmp(host_leave))
        mmu_quick_fault(&r, v, va);
    if (host_leave_by == pv_page_fault)
        (void)mmu_fault(v, va, &r);
    else if (host_leave_by)
        host_leave_by(&r);
    finish();
}

static void scribble(mfn_t m)
{
    if (!page_get_and_type(page_of(m), g, PGT_WRITABLE))
        return;
    for (unsigned n = byte() % 8; n; n--)
        ((uint64_t *)map_mfn(m))[any_slot()] = any_entry();
    page_put_and_type(page_of(m));
}

static void list(mfn_t m)
{
    struct hv_mmu_update req[4];
    unsigned done = 0, n = 1 + byte() % 4;

    for (unsigned i = 0; i < n; i++)
        req[i] = (struct hv_mmu_update){mfn_to_paddr(m) + any_slot() * 8, any_entry()};
    (void)!mmu_update_list(v, g, g, req, n, &done);
    finish();
}

static void step(void)
{
    unsigned op = byte();
    mfn_t m = any_frame();
    uint64_t ptr = mfn_to_paddr(m) + any_slot() * 8;
    int rc;

    switch (op % 12) {
    case 0:
        ext(HV_MMUEXT_PIN_L1_TABLE + byte() % 4, m, op & 128);
        break;
    case 1:
        ext(HV_MMUEXT_UNPIN_TABLE, m, op & 128);
        break;
    case 2:
        ext(op & 64 ? HV_MMUEXT_NEW_BASEPTR : HV_MMUEXT_NEW_USER_BASEPTR, m, op & 128);
        break;
    case 3:
        ext(HV_MMUEXT_CLEAR_PAGE, m, false);
        break;
    case 4:
        scribble(m);
        break;
    case 5:
        (void)!mmu_update_va(v, g, any_va(), any_entry(), op >> 5);
        finish();
        break;
    case 6:
        if (!mmu_update_l1(v, ptr | (op >> 5), any_entry(), &rc))
            finish();
        break;
    case 7:
        list(m);
        break;
    case 8:
        (void)!mmu_set_gdt(v, &m, op >> 7, 0);
        break;
    case 9:
        (void)!mmu_update_one(v, g, g, ptr | (op >> 5), any_entry());
        finish();
        break;
    default:
        store(any_va());
        break;
    }
}

/* The audit. */
static void audit(void)
{
    for (unsigned n = 0; n < POOL; n++)
        want_refs[pool[n].n] = want_type[pool[n].n] = 0;
    expect_vcpu(v->mm);
    for (unsigned n = 0; n < POOL; n++)
        expect_frame(pool[n]);
    for (unsigned n = 0; n < POOL; n++) {
        const struct page *pg = page_of(pool[n]);

        if (!as_expected(pool[n]) || (pg->type & PGT_LOCKED))
            abort();
    }
}

/* l4 -> l3 -> l2 -> l1 in the lower slots; entry 1 of the L1 maps itself read-only. */
static void start(void)
{
    struct hv_domctl_createdomain c = {.max_vcpus = 1};
    struct page *pg;

    if (domain_create(HV_DOMID_INVALID, &c, &g) || vcpu_create(g, 0, &v))
        abort();
    dom_set_max_pages(g, POOL);
    for (unsigned n = 0; n < POOL; n++) {
        if (dom_page_alloc(g, 0, PAGE_ZERO, &pg))
            abort();
        pool[n] = page_mfn(pg);
    }
    for (unsigned n = 0; n < 3; n++)
        ((uint64_t *)map_mfn(pool[n]))[0] =
            pte_make(pool[n + 1], PTE_P | PTE_US | PTE_RW);
    for (unsigned n = 0; n < 8; n++)
        ((uint64_t *)map_mfn(pool[3]))[n] =
            pte_make(pool[n + 2], PTE_P | PTE_US | (n > 1 ? PTE_RW : 0));
    g->vm_assist = 1ull << HV_VMASST_TYPE_WRITABLE_PAGETABLES;
    v->hw.kernel_mode = 1;
    ext(HV_MMUEXT_NEW_BASEPTR, pool[0], false);
}

static void stop(void)
{
    softirq_cpu[0].pending = 0;
    while (domain_kill(g) == -ERESTART)
        host_settle();
    if (dom_tot_pages(g))
        abort();
    domain_put(g);
    host_settle();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint64_t frames; /* free ones between two guests */

    if (!frames) {
        host_boot(1, 32);
        mm_init();
        start(); /* the heap takes what it keeps */
        stop();
        frames = page_alloc_free_count();
    }
    in = data;
    left = size;
    start();
    while (left)
        step();
    audit();
    stop();
    if (page_alloc_free_count() != frames)
        abort();
    return 0;
}
