/* SPDX-License-Identifier: MIT */
/*
 * Page faults that are ours and not the guest's: a PV kernel writes an entry of a page
 * table, which is mapped read-only to it, with an ordinary instruction (vm_assist
 * "writable page tables"). We do what the instruction would have done, as a checked
 * update, and go on behind it. Also faults in the LDT window (desc.c).
 *
 * The instruction's bytes and the table may change under us (other vCPUs): the entry is
 * changed by compare-exchange under its page lock and checked like any other; the worst a
 * guest can win is a write that it could have asked for by a hypercall.
 */
#include "lib/errno.h"
#include "mm/mm_priv.h"
#include "mm/mmu.h"
#include "mm/ptwr_decode.h"
#include "port/guest_mem.h"
#include "port/layout.h"
#include "port/map.h"

static uint64_t *reg_ptr(struct hv_cpu_user_regs *r, unsigned n)
{
#define AT(reg) offsetof(struct hv_cpu_user_regs, reg)
    static const uint8_t at[16] = {AT(rax), AT(rcx), AT(rdx), AT(rbx), AT(rsp), AT(rbp),
                                   AT(rsi), AT(rdi), AT(r8),  AT(r9),  AT(r10), AT(r11),
                                   AT(r12), AT(r13), AT(r14), AT(r15)};
#undef AT

    return (uint64_t *)((char *)r + at[n & 15]);
}

static uint64_t reg_read(struct hv_cpu_user_regs *r, unsigned n)
{
    uint64_t v = *reg_ptr(r, n & 15);

    return n & PTWR_HIGH_BYTE ? v >> 8 & 0xff : v;
}

static void reg_write(struct hv_cpu_user_regs *r, unsigned n, unsigned size, uint64_t val)
{
    uint64_t *p = reg_ptr(r, n & 15);

    switch (size) {
    case 8:
        *p = val;
        break;
    case 4: /* the upper half is cleared */
        *p = (uint32_t)val;
        break;
    case 2:
        *p = (*p & ~0xffffull) | (uint16_t)val;
        break;
    default:
        if (n & PTWR_HIGH_BYTE)
            *p = (*p & ~0xff00ull) | (uint64_t)(uint8_t)val << 8;
        else
            *p = (*p & ~0xffull) | (uint8_t)val;
        break;
    }
}

/* Up to 16 bytes of code; 0: none. */
static unsigned fetch(vaddr_t rip, uint64_t *buf)
{
    unsigned to_end = PAGE_SIZE - (rip & (PAGE_SIZE - 1));

    if (likely(guest_read(buf, rip, 16) == 0))
        return 16;
    return to_end < 16 && guest_read(buf, rip, to_end) == 0 ? to_end : 0;
}

/* The same few instructions do nearly all of it: the last one is kept decoded, by its
 * bytes. */
static const struct ptwr_insn *decode(struct mm_vcpu *vm, vaddr_t rip)
{
    uint64_t code[2] = {0, 0};
    unsigned n = fetch(rip, code);

    if (likely(vm->ptwr_cached && n == 16 && code[0] == vm->ptwr_code[0] &&
               code[1] == vm->ptwr_code[1]))
        return &vm->ptwr_insn;
    vm->ptwr_cached = false;
    if (!ptwr_decode((const uint8_t *)code, n, &vm->ptwr_insn))
        return NULL;
    vm->ptwr_cached = n == 16;
    vm->ptwr_code[0] = code[0];
    vm->ptwr_code[1] = code[1];
    return &vm->ptwr_insn;
}

static void commit(struct hv_cpu_user_regs *r, const struct ptwr_insn *in,
                   const struct ptwr_result *res, uint64_t old)
{
    if (res->sets_reg)
        reg_write(r, in->op == PTWR_XCHG ? in->reg : 0, in->size, old);
    r->rflags = res->rflags;
    if (in->op == PTWR_STOS) {
        r->rdi += r->rflags & 0x400 ? -(uint64_t)in->size : in->size;
        if (in->rep && --r->rcx)
            return; /* the next one faults again */
    }
    r->rip += in->len;
}

/* The instruction's effect on the locked table pg at va. */
static int emulate(struct vcpu *v, struct page *pg, vaddr_t va,
                   struct hv_cpu_user_regs *r, const struct ptwr_insn *in)
{
    uint64_t *p = (uint64_t *)map_mfn(page_mfn(pg)) + (va & (PAGE_SIZE - 1)) / sizeof(*p);
    uint64_t src = in->reg == PTWR_REG_NONE ? in->imm : reg_read(r, in->reg);
    unsigned shift = (va & 7) * 8;
    uint64_t mask = (in->size == 8 ? ~0ull : (1ull << 8 * in->size) - 1) << shift;
    int rc;

    do {
        uint64_t entry = pte_read(p), old = (entry & mask) >> shift;
        struct ptwr_result res = ptwr_compute(in, old, src, r->rax, r->rflags);

        rc = 0;
        if (res.write)
            rc = pt_entry_cmpxchg(v->mm, pg, p, entry, (entry & ~mask) | res.val << shift,
                                  v->domain);
        if (rc == 0)
            commit(r, in, &res, old);
    } while (rc == -EAGAIN);
    return rc;
}

/* A whole entry of an L1 is stored or exchanged, as when a page is unmapped: what was
 * there need not match. Nearly every fault ends here. */
static inline int emulate_whole(struct vcpu *v, struct page *pg, vaddr_t va,
                                struct hv_cpu_user_regs *r, const struct ptwr_insn *in)
{
    uint64_t *p = (uint64_t *)map_mfn(page_mfn(pg)) + (va & (PAGE_SIZE - 1)) / sizeof(*p);
    bool imm = in->reg == PTWR_REG_NONE;
    uint64_t *reg = reg_ptr(r, in->reg), old;
    int rc = pt_l1_exchange(pg, p, imm ? in->imm : *reg, v->domain, &old);

    if (unlikely(rc))
        return rc;
    if (in->op == PTWR_XCHG)
        *reg = old;
    r->rip += in->len;
    return 0;
}

static int table_write(struct vcpu *v, struct page *pg, vaddr_t va,
                       struct hv_cpu_user_regs *r, const struct ptwr_insn *in)
{
    unsigned type;
    int rc = -EINVAL;

    if (unlikely(!page_lock(pg)))
        return -EINVAL;
    type = pgt_type(pg->type);
    if (likely(pg->owner == v->domain)) {
        if (likely(type == PGT_L1 && in->size == 8 && in->op <= PTWR_XCHG))
            rc = emulate_whole(v, pg, va, r, in);
        else if (type >= PGT_L1 && type <= PGT_L4)
            rc = emulate(v, pg, va, r, in);
    }
    page_unlock(pg);
    while (unlikely(v->mm->undo != NULL))
        if (!mm_finish(v->mm))
            break;
    return rc;
}

/* The kernel's L1 entry for va, if the levels above allow writes. Neighbours come one
 * after the other: the last table is remembered until an entry of a higher level changes.
 */
static inline uint64_t *walk_writable(struct vcpu *v, vaddr_t va)
{
    struct mm_vcpu *vm = v->mm;
    uint64_t gen = v->domain->mm->tables_gen, rights, *p;

    if (likely(vm->walk_l1 && vm->walk_at == va >> 21 && vm->walk_gen == gen))
        return vm->walk_l1 + pt_index(va, 1);
    p = walk_l1_rights(v, va, &rights);
    if (!p || !(rights & PTE_RW))
        return NULL;
    vm->walk_l1 = p - pt_index(va, 1);
    vm->walk_at = va >> 21;
    vm->walk_gen = gen;
    return p;
}

/* The store in to the L1 pg at va, which p maps, was carried out: more like it may follow
 * (fault_quick.c). */
static void quick_learn(struct mm_vcpu *vm, const struct ptwr_insn *in,
                        struct hv_cpu_user_regs *r, struct page *pg, vaddr_t va,
                        const uint64_t *p)
{
    if (!vm->ptwr_cached || in->op > PTWR_XCHG || in->size != 8 || in->len > 8 ||
        in->reg == PTWR_REG_NONE)
        return;
    vm->quick = (struct ptwr_quick){
        .at = va & PAGE_MASK,
        .gen = vm->walk_gen,
        .map = p,
        .map_entry = pte_read(p),
        .table = pg,
        .code = vm->ptwr_code[0],
        .code_mask = ~0ull >> (64 - 8 * in->len),
        .len = in->len,
        .reg = (uint8_t)((char *)reg_ptr(r, in->reg) - (char *)r),
        .xchg = in->op == PTWR_XCHG,
    };
}

static enum mmu_fault window_fault(struct vcpu *v, vaddr_t va)
{
    vaddr_t off = va - v->hw.window - VCPU_GDT_PAGES * PAGE_SIZE;

    return off < VCPU_GDT_PAGES * PAGE_SIZE && mmu_ldt_fault(v, off) ? MMU_FAULT_FIXED
                                                                     : MMU_FAULT_GUEST;
}

enum mmu_fault mmu_fault(struct vcpu *v, vaddr_t va, struct hv_cpu_user_regs *r)
{
    const struct ptwr_insn *in;
    struct page *pg;
    uint64_t *p, e;
    unsigned type;
    int rc;

    if (unlikely(va - v->hw.window < VCPU_WINDOW_PAGES * PAGE_SIZE))
        return window_fault(v, va);
    if ((r->error_code & PF_KIND) != (PF_PRESENT | PF_WRITE) || !v->hw.kernel_mode)
        return MMU_FAULT_GUEST;
    p = walk_writable(v, va);
    if (!p)
        return MMU_FAULT_GUEST;
    e = pte_read(p);
    if (unlikely(!(e & PTE_P) || !mfn_valid(pte_mfn(e))))
        return MMU_FAULT_GUEST;
    if (unlikely(e & PTE_RW))
        return MMU_FAULT_FIXED; /* another CPU made it writable meanwhile */
    pg = page_of(pte_mfn(e));
    type = pgt_type(atomic_load_explicit(&pg->type, memory_order_relaxed));
    if (type - PGT_L1 > PGT_L4 - PGT_L1 ||
        !(v->domain->vm_assist & (1ull << HV_VMASST_TYPE_WRITABLE_PAGETABLES)))
        return MMU_FAULT_GUEST;
    in = decode(v->mm, r->rip);
    if (unlikely(!in || (va & 7) + in->size > 8))
        return MMU_FAULT_GUEST;
    rc = table_write(v, pg, va, r, in);
    if (likely(rc == 0) && type == PGT_L1)
        quick_learn(v->mm, in, r, pg, va, p);
    /* Preempted in validating what the entry points to: the fault comes again, after the
     * softirqs. */
    return likely(rc == 0) || rc == -ERESTART ? MMU_FAULT_FIXED : MMU_FAULT_GUEST;
}
