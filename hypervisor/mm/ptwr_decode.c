/* SPDX-License-Identifier: MIT */
/* See the header. Prefixes, opcode, ModRM with SIB and displacement (only their length
 * matters), immediate. */
#include "mm/ptwr_decode.h"

#define RF_CF    (1u << 0)
#define RF_PF    (1u << 2)
#define RF_AF    (1u << 4)
#define RF_ZF    (1u << 6)
#define RF_SF    (1u << 7)
#define RF_OF    (1u << 11)
#define RF_ARITH (RF_CF | RF_PF | RF_AF | RF_ZF | RF_SF | RF_OF)

struct cursor {
    const uint8_t *b;
    unsigned n, i;
    uint8_t rex;
    bool opsize, rep;
};

static bool prefixes(struct cursor *c)
{
    for (; c->i < c->n; c->i++) {
        switch (c->b[c->i]) {
        case 0x66:
            c->opsize = true;
            break;
        case 0xf2:
        case 0xf3:
            c->rep = true;
            break;
        case 0xf0: /* lock: the page lock makes every one of these atomic */
        case 0x26: /* segment overrides: the address is known already */
        case 0x2e:
        case 0x36:
        case 0x3e:
        case 0x64:
        case 0x65:
            break;
        default:
            if ((c->b[c->i] & 0xf0) == 0x40)
                c->rex = c->b[c->i++];
            return c->i < c->n;
        }
    }
    return false;
}

/* Skips ModRM, SIB, displacement; reg field with REX.R. False for a register operand or
 * missing bytes. */
static bool modrm(struct cursor *c, uint8_t *reg)
{
    uint8_t m, mod, rm;

    if (c->i >= c->n)
        return false;
    m = c->b[c->i++];
    mod = m >> 6;
    rm = m & 7;
    *reg = ((m >> 3) & 7) | (c->rex & 4 ? 8 : 0);
    if (mod == 3)
        return false;
    if (rm == 4) {
        if (c->i >= c->n)
            return false;
        if ((c->b[c->i++] & 7) == 5 && mod == 0)
            c->i += 4;
    } else if (rm == 5 && mod == 0) {
        c->i += 4; /* rip-relative */
    }
    c->i += mod == 1 ? 1 : mod == 2 ? 4 : 0;
    return c->i <= c->n;
}

static bool immediate(struct cursor *c, unsigned bytes, struct ptwr_insn *in)
{
    uint64_t v = 0;

    if (c->i + bytes > c->n)
        return false;
    for (unsigned k = 0; k < bytes; k++)
        v |= (uint64_t)c->b[c->i + k] << (8 * k);
    c->i += bytes;
    if (bytes < 8 && (v >> (8 * bytes - 1)))
        v |= ~0ull << (8 * bytes);
    in->imm = v;
    in->reg = PTWR_REG_NONE;
    return true;
}

static bool reg_operand(struct cursor *c, struct ptwr_insn *in, enum ptwr_op op)
{
    in->op = op;
    if (!modrm(c, &in->reg))
        return false;
    if (in->size == 1 && !c->rex && in->reg >= 4)
        in->reg = (in->reg - 4) | PTWR_HIGH_BYTE;
    return true;
}

/* Opcode groups whose reg field says what to do with an immediate. */
static bool imm_group(struct cursor *c, struct ptwr_insn *in, unsigned imm_bytes)
{
    uint8_t ext;

    if (!modrm(c, &ext))
        return false;
    switch (ext & 7) {
    case 1:
        in->op = PTWR_OR;
        break;
    case 4:
        in->op = PTWR_AND;
        break;
    case 6:
        in->op = PTWR_XOR;
        break;
    default:
        return false;
    }
    return immediate(c, imm_bytes, in);
}

static bool two_byte(struct cursor *c, struct ptwr_insn *in, unsigned full)
{
    uint8_t op, ext;

    if (c->i >= c->n)
        return false;
    op = c->b[c->i++];
    in->size = op == 0xb0 ? 1 : full;
    switch (op) {
    case 0xb0:
    case 0xb1:
        return reg_operand(c, in, PTWR_CMPXCHG);
    case 0xab:
        return reg_operand(c, in, PTWR_BTS);
    case 0xb3:
        return reg_operand(c, in, PTWR_BTR);
    case 0xbb:
        return reg_operand(c, in, PTWR_BTC);
    case 0xc3: /* movnti */
        return reg_operand(c, in, PTWR_MOV);
    case 0xba:
        if (!modrm(c, &ext) || (ext & 7) < 5)
            return false;
        in->op = PTWR_BTS + (ext & 7) - 5;
        return immediate(c, 1, in);
    default:
        return false;
    }
}

static bool one_byte(struct cursor *c, struct ptwr_insn *in, uint8_t op, unsigned full)
{
    unsigned imm = full == 2 ? 2 : 4;
    uint8_t ext;

    in->size = op & 1 ? full : 1;
    switch (op) {
    case 0x88:
    case 0x89:
        return reg_operand(c, in, PTWR_MOV);
    case 0x86:
    case 0x87:
        return reg_operand(c, in, PTWR_XCHG);
    case 0x08:
    case 0x09:
        return reg_operand(c, in, PTWR_OR);
    case 0x20:
    case 0x21:
        return reg_operand(c, in, PTWR_AND);
    case 0x30:
    case 0x31:
        return reg_operand(c, in, PTWR_XOR);
    case 0x80:
    case 0x83: /* imm8, sign-extended */
        return imm_group(c, in, 1);
    case 0x81:
        return imm_group(c, in, imm);
    case 0xc6:
    case 0xc7:
        in->op = PTWR_MOV;
        return modrm(c, &ext) && !(ext & 7) && immediate(c, op == 0xc6 ? 1 : imm, in);
    case 0xa2: /* mov to an absolute address */
    case 0xa3:
        in->op = PTWR_MOV;
        c->i += 8;
        in->reg = 0;
        return c->i <= c->n;
    case 0xaa:
    case 0xab:
        in->op = PTWR_STOS;
        in->reg = 0;
        in->rep = c->rep;
        return true;
    default:
        return false;
    }
}

bool ptwr_decode(const uint8_t *b, unsigned n, struct ptwr_insn *in)
{
    struct cursor c = {.b = b, .n = n};
    unsigned full;
    uint8_t op;

    *in = (struct ptwr_insn){0};
    if (!prefixes(&c))
        return false;
    full = c.rex & 8 ? 8 : c.opsize ? 2 : 4;
    op = b[c.i++];
    if (!(op == 0x0f ? two_byte(&c, in, full) : one_byte(&c, in, op, full)))
        return false;
    in->len = c.i;
    return c.i <= 15;
}

static uint64_t size_mask(unsigned size)
{
    return size == 8 ? ~0ull : (1ull << (8 * size)) - 1;
}

/* ZF, SF, PF of a result. */
static uint64_t result_flags(uint64_t v, unsigned size)
{
    uint64_t f = 0;

    if (!(v & size_mask(size)))
        f |= RF_ZF;
    if (v >> (8 * size - 1) & 1)
        f |= RF_SF;
    if (!(__builtin_popcount(v & 0xff) & 1))
        f |= RF_PF;
    return f;
}

/* Flags of a - b. */
static uint64_t compare_flags(uint64_t a, uint64_t b, unsigned size)
{
    uint64_t mask = size_mask(size), diff = (a - b) & mask, f = result_flags(diff, size);

    if ((a & mask) < (b & mask))
        f |= RF_CF;
    if ((a ^ b ^ diff) & 0x10)
        f |= RF_AF;
    if (((a ^ b) & (a ^ diff)) >> (8 * size - 1) & 1)
        f |= RF_OF;
    return f;
}

struct ptwr_result ptwr_compute(const struct ptwr_insn *in, uint64_t old, uint64_t src,
                                uint64_t rax, uint64_t rflags)
{
    struct ptwr_result r = {.val = src, .write = true, .rflags = rflags};
    uint64_t mask = size_mask(in->size), bit = 1ull << (src & (8 * in->size - 1));

    switch (in->op) {
    case PTWR_XCHG:
        r.sets_reg = true;
        break;
    case PTWR_CMPXCHG:
        r.write = (old & mask) == (rax & mask);
        r.sets_reg = !r.write;
        r.rflags = (rflags & ~(uint64_t)RF_ARITH) | compare_flags(rax, old, in->size);
        break;
    case PTWR_AND:
    case PTWR_OR:
    case PTWR_XOR:
        r.val = in->op == PTWR_AND  ? old & src
                : in->op == PTWR_OR ? old | src
                                    : old ^ src;
        r.rflags = (rflags & ~(uint64_t)RF_ARITH) | result_flags(r.val, in->size);
        break;
    case PTWR_BTS:
    case PTWR_BTR:
    case PTWR_BTC:
        r.val = in->op == PTWR_BTS   ? old | bit
                : in->op == PTWR_BTR ? old & ~bit
                                     : old ^ bit;
        r.rflags = (rflags & ~(uint64_t)RF_CF) | (old & bit ? RF_CF : 0);
        break;
    default: /* MOV, STOS */
        break;
    }
    r.val &= mask;
    return r;
}
