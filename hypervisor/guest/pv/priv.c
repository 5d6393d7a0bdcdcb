/* SPDX-License-Identifier: MIT */
/* Privileged instructions of PV kernels, met as #GP because the kernel runs in ring 3.
 *
 * Decoding is pure: `struct insn` is filled from bytes that were read once; executing it
 * then changes state. Only what 64-bit kernels use is known; everything else is #GP to
 * the guest, as on Xen. Reference: Intel SDM volume 2, "Instruction Format"; AMD APM
 * volume 3. */
#include "guest/pv/priv.h"
#include "abi/arch_x86.h"
#include "guest/cpuid.h"
#include "guest/pv/msr.h"
#include "guest/pv/domain.h"
#include "guest/pv/priv_io.h"
#include "kern/log.h"
#include "lib/errno.h"
#include "mm/mmu.h"
#include "port/clock.h"
#include "port/guest_mem.h"
#include "port/priv.h"

#define MAX_INSN 15
/* A guest's own bits: TSD, DE, FSGSBASE, OSXSAVE. The others read as the machine has
 * them.
 */
#define CR4_GUEST 0x5000cull

struct insn {
    uint8_t bytes[MAX_INSN + 1];
    unsigned have, at;
    bool opsize16, rep;
    uint8_t rex;
    bool two_byte;
    uint8_t op, modrm;
};

/* Reads as much of the instruction as is mapped: it may end just before a hole. */
static unsigned fetch(struct insn *i, vaddr_t ip)
{
    unsigned to_page_end = (unsigned)(PAGE_SIZE - (ip & (PAGE_SIZE - 1)));
    unsigned first = MIN(to_page_end, (unsigned)MAX_INSN);

    if (guest_read(i->bytes, ip, first))
        return 0;
    if (first < MAX_INSN && !guest_read(i->bytes + first, ip + first, MAX_INSN - first))
        return MAX_INSN;
    return first;
}

static bool next(struct insn *i, uint8_t *b)
{
    if (i->at >= i->have)
        return false;
    *b = i->bytes[i->at++];
    return true;
}

static bool decode(struct insn *i, vaddr_t ip)
{
    uint8_t b;

    i->have = fetch(i, ip);
    for (;;) {
        if (!next(i, &b))
            return false;
        if (b == 0x66)
            i->opsize16 = true;
        else if (b == 0xf3 || b == 0xf2)
            i->rep = true;
        else if (b != 0x2e && b != 0x3e && b != 0x26 && b != 0x36 && b != 0x64 &&
                 b != 0x65)
            break;
    }
    if ((b & 0xf0) == 0x40) {
        i->rex = b;
        if (!next(i, &b))
            return false;
    }
    if (b == 0x0f) {
        i->two_byte = true;
        if (!next(i, &b))
            return false;
    }
    i->op = b;
    return true;
}

static uint64_t *reg_of(struct hv_cpu_user_regs *r, unsigned n)
{
    switch (n & 15) {
    case 0:
        return &r->rax;
    case 1:
        return &r->rcx;
    case 2:
        return &r->rdx;
    case 3:
        return &r->rbx;
    case 4:
        return &r->rsp;
    case 5:
        return &r->rbp;
    case 6:
        return &r->rsi;
    case 7:
        return &r->rdi;
    case 8:
        return &r->r8;
    case 9:
        return &r->r9;
    case 10:
        return &r->r10;
    case 11:
        return &r->r11;
    case 12:
        return &r->r12;
    case 13:
        return &r->r13;
    case 14:
        return &r->r14;
    default:
        return &r->r15;
    }
}

static void set_low(uint64_t *reg, unsigned size, uint32_t val)
{
    if (size == 1)
        *reg = (*reg & ~0xffull) | (val & 0xff);
    else if (size == 2)
        *reg = (*reg & ~0xffffull) | (val & 0xffff);
    else
        *reg = val;
}

static enum priv_result do_in_out(struct vcpu *v, struct hv_cpu_user_regs *r,
                                  struct insn *i)
{
    bool out = i->op & 2, imm = !(i->op & 8);
    unsigned size = !(i->op & 1) ? 1 : i->opsize16 ? 2 : 4;
    uint8_t b = 0;
    uint16_t port;

    if (imm && !next(i, &b))
        return PRIV_FAULT;
    port = imm ? b : (uint16_t)r->rdx;
    if (!priv_io_allowed(v, r, port, size))
        return PRIV_FAULT;
    if (out)
        priv_io_out(v, port, size, (uint32_t)r->rax);
    else
        set_low(&r->rax, size, priv_io_in(v, port, size));
    return PRIV_DONE;
}

/* INS and OUTS: one element a time; a REP whose count is left goes on by faulting again.
 */
static enum priv_result do_string_io(struct vcpu *v, struct hv_cpu_user_regs *r,
                                     struct insn *i, bool *again)
{
    bool out = i->op & 2;
    unsigned size = !(i->op & 1) ? 1 : i->opsize16 ? 2 : 4;
    uint64_t *index = out ? &r->rsi : &r->rdi;
    uint32_t val = 0;

    if (!priv_io_allowed(v, r, (uint16_t)r->rdx, size))
        return PRIV_FAULT;
    if (i->rep && r->rcx == 0)
        return PRIV_DONE;
    if (out) {
        if (guest_read(&val, *index, size))
            return PRIV_NOT_MINE;
        priv_io_out(v, (uint16_t)r->rdx, size, val);
    } else {
        /* The device is read before the store is known to work, so try the store first.
         */
        if (guest_read(&val, *index, size) || guest_write(*index, &val, size))
            return PRIV_NOT_MINE;
        val = priv_io_in(v, (uint16_t)r->rdx, size);
        if (guest_write(*index, &val, size))
            return PRIV_NOT_MINE;
    }
    *index += r->rflags & 0x400 ? -(uint64_t)size : size;
    if (i->rep && --r->rcx)
        *again = true;
    return PRIV_DONE;
}

static enum priv_result read_cr(struct vcpu *v, unsigned cr, uint64_t *val)
{
    mfn_t l4;

    switch (cr) {
    case 0:
        *val = v->pv->cr0;
        return PRIV_DONE;
    case 2:
        *val = v->hw.info->arch.cr2;
        return PRIV_DONE;
    case 3:
        *val = mmu_get_base(v, &l4) ? hv_pfn_to_cr3(l4.n) : 0;
        return PRIV_DONE;
    case 4:
        *val = v->pv->cr4;
        return PRIV_DONE;
    default:
        return PRIV_FAULT;
    }
}

static enum priv_result write_cr(struct vcpu *v, unsigned cr, uint64_t val)
{
    switch (cr) {
    case 0:
        if ((val ^ v->pv->cr0) & ~8ull) /* only TS is the guest's */
            return PRIV_FAULT;
        v->pv->cr0 = val;
        ctx_set_ts(&v->hw, val & 8);
        return PRIV_DONE;
    case 2:
        v->hw.info->arch.cr2 = val;
        return PRIV_DONE;
    case 3:
        return mmu_set_base(v, mk_mfn(hv_cr3_to_pfn(val)), false) ? PRIV_FAULT
                                                                  : PRIV_DONE;
    case 4:
        v->pv->cr4 = (val & CR4_GUEST) | PV_CR4_FIXED;
        return PRIV_DONE;
    default:
        return PRIV_FAULT;
    }
}

static enum priv_result do_mov_cr_dr(struct vcpu *v, struct hv_cpu_user_regs *r,
                                     struct insn *i)
{
    unsigned sys, reg;
    uint8_t m;

    if (!next(i, &m))
        return PRIV_FAULT;
    sys = ((m >> 3) & 7) | (i->rex & 4 ? 8 : 0);
    reg = (m & 7) | (i->rex & 1 ? 8 : 0);
    switch (i->op) {
    case 0x20:
        return read_cr(v, sys, reg_of(r, reg));
    case 0x22:
        return write_cr(v, sys, *reg_of(r, reg));
    case 0x21:
        if (sys > 7)
            return PRIV_FAULT;
        *reg_of(r, reg) = v->hw.dr[sys];
        return PRIV_DONE;
    default:
        return PRIV_FAULT; /* writes of debug registers: the set_debugreg hypercall checks
                              them */
    }
}

static enum priv_result do_msr(struct vcpu *v, struct hv_cpu_user_regs *r, bool write)
{
    uint64_t val = (r->rax & 0xffffffff) | r->rdx << 32;

    if (write)
        return guest_wrmsr(v, (uint32_t)r->rcx, val) ? PRIV_DONE : PRIV_FAULT;
    if (!guest_rdmsr(v, (uint32_t)r->rcx, &val))
        return PRIV_FAULT;
    r->rax = (uint32_t)val;
    r->rdx = val >> 32;
    return PRIV_DONE;
}

static void do_cpuid(struct vcpu *v, struct hv_cpu_user_regs *r)
{
    struct cpuid_regs c;

    guest_cpuid(v, (uint32_t)r->rax, (uint32_t)r->rcx, &c);
    r->rax = c.a;
    r->rbx = c.b;
    r->rcx = c.c;
    r->rdx = c.d;
}

#define XCR0_X87    0x01ull
#define XCR0_SSE    0x02ull
#define XCR0_AVX    0x04ull
#define XCR0_AVX512 0xe0ull

/* Loaded by XSETBV any other would fault (Intel SDM volume 1, "Enabling the XSAVE Feature
 * Set and XSAVE-Enabled Features"). Guests have no more components than these. */
static bool xcr0_ok(uint64_t val)
{
    uint64_t known = XCR0_X87 | XCR0_SSE | XCR0_AVX | XCR0_AVX512,
             avx512 = val & XCR0_AVX512;

    return (val & XCR0_X87) && !(val & ~(known & fpu_xcr0_supported())) &&
           (!(val & XCR0_AVX) || (val & XCR0_SSE)) &&
           (!avx512 || (avx512 == XCR0_AVX512 && (val & XCR0_AVX)));
}

/* 0F 01: XSETBV, RDTSCP; the rest of the group is not for guests. */
static enum priv_result do_group7(struct vcpu *v, struct hv_cpu_user_regs *r,
                                  struct insn *i)
{
    uint64_t tsc = clock_tsc(), xcr0 = (uint32_t)r->rax | r->rdx << 32;
    uint8_t m;

    if (!next(i, &m))
        return PRIV_FAULT;
    switch (m) {
    case 0xd1:
        if ((uint32_t)r->rcx != 0 || !guest_has_xsave() || !xcr0_ok(xcr0))
            return PRIV_FAULT;
        ctx_set_xcr0(&v->hw, xcr0);
        return PRIV_DONE;
    case 0xf9:
        r->rcx = v->hw.tsc_aux;
        r->rax = (uint32_t)tsc;
        r->rdx = tsc >> 32;
        return PRIV_DONE;
    default:
        return PRIV_FAULT;
    }
}

static enum priv_result two_byte(struct vcpu *v, struct hv_cpu_user_regs *r,
                                 struct insn *i)
{
    uint64_t tsc;

    switch (i->op) {
    case 0x01:
        return do_group7(v, r, i);
    case 0x06: /* clts */
        v->pv->cr0 &= ~8ull;
        ctx_set_ts(&v->hw, false);
        return PRIV_DONE;
    case 0x08: /* invd */
    case 0x09: /* wbinvd: matters only to who drives devices */
        if (v->domain->privileged)
            cpu_flush_caches();
        return PRIV_DONE;
    case 0x20 ... 0x23:
        return do_mov_cr_dr(v, r, i);
    case 0x30:
        return do_msr(v, r, true);
    case 0x31:
        tsc = clock_tsc();
        r->rax = (uint32_t)tsc;
        r->rdx = tsc >> 32;
        return PRIV_DONE;
    case 0x32:
        return do_msr(v, r, false);
    case 0xa2:
        do_cpuid(v, r);
        return PRIV_DONE;
    default:
        return PRIV_NOT_MINE;
    }
}

static bool for_user_mode(const struct insn *i)
{
    return i->two_byte ? i->op == 0xa2 || i->op == 0x31
                       : (i->op & 0xf4) == 0xe4 || (i->op & 0xfc) == 0x6c ||
                             (i->op & 0xfe) == 0xfa;
}

static enum priv_result one_byte(struct vcpu *v, struct hv_cpu_user_regs *r,
                                 struct insn *i, bool *again)
{
    switch (i->op) {
    case 0xe4 ... 0xe7:
    case 0xec ... 0xef:
        return do_in_out(v, r, i);
    case 0x6c ... 0x6f:
        return do_string_io(v, r, i, again);
    case 0xfa: /* cli, sti: without effect for who may use them; event masking is the
                  upcall mask */
    case 0xfb:
        return v->pv->iopl >= (v->hw.kernel_mode ? 1u : 3u) ? PRIV_DONE : PRIV_FAULT;
    case 0xf4: /* hlt */
        if (!v->hw.kernel_mode)
            return PRIV_FAULT;
        vcpu_block(v);
        return PRIV_DONE;
    default:
        return PRIV_NOT_MINE;
    }
}

enum priv_result priv_emulate(struct vcpu *v, struct hv_cpu_user_regs *r)
{
    struct insn i = {.at = 0};
    enum priv_result res;
    vaddr_t ip = r->rip;
    bool again = false;

    if (!decode(&i, ip) || (!v->hw.kernel_mode && !for_user_mode(&i)))
        return PRIV_NOT_MINE;
    res = i.two_byte ? two_byte(v, r, &i) : one_byte(v, r, &i, &again);
    if (res == PRIV_DONE && !again)
        r->rip = ip + i.at;
    return res;
}

bool priv_forced_cpuid(struct vcpu *v, struct hv_cpu_user_regs *r)
{
    static const uint8_t forced[] = {0x0f, 0x0b, 'x', 'e', 'n', 0x0f, 0xa2};
    uint8_t b[sizeof(forced)];

    if (guest_read(b, r->rip, sizeof(b)))
        return false;
    for (unsigned i = 0; i < sizeof(b); i++)
        if (b[i] != forced[i])
            return false;
    do_cpuid(v, r);
    r->rip += sizeof(forced);
    return true;
}

int pv_set_iopl(struct vcpu *v, unsigned iopl)
{
    if (iopl > 3)
        return -EINVAL;
    v->pv->iopl = iopl;
    return 0;
}

int pv_set_iobitmap(struct vcpu *v, vaddr_t bitmap, unsigned nr_ports)
{
    if (nr_ports > 65536 || (nr_ports && !guest_range_ok(bitmap, (nr_ports + 7) / 8)))
        return -EINVAL;
    v->pv->iobitmap = bitmap;
    v->pv->iobitmap_ports = nr_ports;
    return 0;
}
