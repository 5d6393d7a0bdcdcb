/* SPDX-License-Identifier: MIT */
/* Hypercalls by the page that the hypervisor fills. Pointers are passed as numbers. */
#ifndef TESTS_GUEST_HYPERCALL_H
#define TESTS_GUEST_HYPERCALL_H

#include <stdint.h>
#include "abi/xen.h"

extern char hypercall_page[];

static inline long hypercall(unsigned int nr, uint64_t a1, uint64_t a2, uint64_t a3,
                             uint64_t a4, uint64_t a5)
{
    register uint64_t r10 asm("r10") = a4;
    register uint64_t r8 asm("r8") = a5;
    long ret;

    asm volatile("call *%[slot]"
                 : "=a"(ret), "+D"(a1), "+S"(a2), "+d"(a3), "+r"(r10), "+r"(r8)
                 : [slot] "b"(hypercall_page + nr * 32)
                 : "rcx", "r11", "r9", "memory", "cc");
    return ret;
}

#define P(ptr)                       ((uint64_t)(uintptr_t)(ptr))

#define hcall0(nr)                   hypercall(nr, 0, 0, 0, 0, 0)
#define hcall1(nr, a)                hypercall(nr, a, 0, 0, 0, 0)
#define hcall2(nr, a, b)             hypercall(nr, a, b, 0, 0, 0)
#define hcall3(nr, a, b, c)          hypercall(nr, a, b, c, 0, 0)
#define hcall4(nr, a, b, c, d)       hypercall(nr, a, b, c, d, 0)

#define evtchn_op(op, arg)           hcall2(HV_CALL_EVENT_CHANNEL_OP, op, P(arg))
#define sched_op(op, arg)            hcall2(HV_CALL_SCHED_OP, op, P(arg))
#define vcpu_op(op, vcpu, arg)       hcall3(HV_CALL_VCPU_OP, op, vcpu, P(arg))
#define memory_op(op, arg)           hcall2(HV_CALL_MEMORY_OP, op, P(arg))
#define version_op(op, arg)          hcall2(HV_CALL_XEN_VERSION, op, P(arg))
#define grant_op(op, arg, n)         hcall3(HV_CALL_GRANT_TABLE_OP, op, P(arg), n)
#define callback_op(op, arg)         hcall2(HV_CALL_CALLBACK_OP, op, P(arg))
#define physdev_op(op, arg)          hcall2(HV_CALL_PHYSDEV_OP, op, P(arg))
#define mmuext_op(ops, n, done, dom) hcall4(HV_CALL_MMUEXT_OP, P(ops), n, P(done), dom)
#define mmu_update(reqs, n, done, dom)                                                   \
    hcall4(HV_CALL_MMU_UPDATE, P(reqs), n, P(done), dom)
#define update_va_mapping(va, pte, flags)                                                \
    hcall3(HV_CALL_UPDATE_VA_MAPPING, P(va), pte, flags)

/* One MMUEXT command on a frame. */
static inline long mmuext(unsigned int cmd, uint64_t mfn)
{
    struct hv_mmuext_op op = {.cmd = cmd, .arg1 = {.mfn = mfn}};

    return mmuext_op(&op, 1, 0, HV_DOMID_SELF);
}

/* One checked write of a page-table entry, by its machine address. */
static inline long mmu_write(uint64_t maddr, uint64_t val)
{
    struct hv_mmu_update u = {maddr, val};

    return mmu_update(&u, 1, 0, HV_DOMID_SELF);
}

#endif
