/* SPDX-License-Identifier: MIT */
/* On a CPU whose guests are isolated: two vCPUs share a level-4 table; what one changes
 * in it the other, which never enters the hypervisor by itself, sees at once. Then this
 * one runs in ring 3 for the one who looks at what its CPU could reach: `options`. */
#include "guest.h"
#include "abi/vcpu.h"

#define NEW_VA ((volatile uint64_t *)0x500000000000UL) /* nothing else is in its slot */

static char stack[16384] __attribute__((aligned(16)));
static struct hv_vcpu_guest_context ctxt;
static volatile uint64_t asked, answered, seen;

void secondary_main(long vcpu)
{
    for (uint64_t done = 0;;) {
        while (asked == done)
            ;
        seen = *NEW_VA;
        answered = done = asked;
    }
}

static void start_second(void)
{
    secondary_context(&ctxt, 1, stack + sizeof(stack));
    test_num("isolate: a second vCPU", vcpu_op(HV_VCPUOP_INITIALISE, 1, &ctxt), 0);
    test_num("isolate: goes up", vcpu_op(HV_VCPUOP_UP, 1, NULL), 0);
}

/* An L3 that leads NEW_VA to a page with this content. */
static uint64_t *way_to(uint64_t content)
{
    uint64_t *l3 = page_alloc(), *l2 = page_alloc(), *l1 = page_alloc(),
             *page = page_alloc();

    page[0] = content;
    l1[0] = pte_of(page, PTE_RW);
    l2[0] = pte_of(l1, PTE_RW);
    l3[0] = pte_of(l2, PTE_RW);
    remap(l1, PTE_RO);
    remap(l2, PTE_RO);
    remap(l3, PTE_RO);
    return l3;
}

static long look_there(void)
{
    uint64_t end = now_ns() + PATIENCE_NS;

    asked++;
    while (answered != asked && now_ns() < end)
        ;
    return answered == asked ? (long)seen : -1;
}

static void shared_table(void)
{
    uint64_t *one = way_to(1), *two = way_to(2);
    uint64_t l4e = pte_maddr((const void *)NEW_VA, 4);

    test_num("isolate: an entry of the shared table", mmu_write(l4e, pte_of(one, PTE_RW)),
             0);
    test_num("isolate: is there for the other vCPU", look_there(), 1);
    test_num("isolate: and for this one", (long)*NEW_VA, 1);
    test_num("isolate: another takes its place", mmu_write(l4e, pte_of(two, PTE_RW)), 0);
    mmuext(HV_MMUEXT_TLB_FLUSH_ALL, 0);
    test_num("isolate: the other vCPU sees that", look_there(), 2);
    test_num("isolate: and this one", (long)*NEW_VA, 2);
}

void test_main(void)
{
    events_off();
    start_second();
    shared_table();
    printf("@probe\n");
    for (;;)
        ;
}
