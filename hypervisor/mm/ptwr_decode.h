/* SPDX-License-Identifier: MIT */
/*
 * The instructions by which kernels write page-table entries in place, decoded and
 * computed. Pure: bytes and numbers in, numbers out; the caller knows the address (the
 * fault told it) and does the writing.
 *
 * Reference: Intel SDM vol. 2, "Instruction Format" and the instructions' pages.
 */
#ifndef MM_PTWR_DECODE_H
#define MM_PTWR_DECODE_H

#include "lib/types.h"

enum ptwr_op {
    PTWR_MOV,
    PTWR_XCHG,
    PTWR_CMPXCHG,
    PTWR_AND,
    PTWR_OR,
    PTWR_XOR,
    PTWR_BTS,
    PTWR_BTR,
    PTWR_BTC,
    PTWR_STOS
};

#define PTWR_REG_NONE  0xff /* the source is imm */
#define PTWR_HIGH_BYTE 0x10 /* in reg: ah, ch, dh, bh */

struct ptwr_insn {
    uint8_t op;   /* enum ptwr_op */
    uint8_t size; /* of the operand in memory: 1, 2, 4, 8 */
    uint8_t len;  /* of the instruction */
    uint8_t reg;  /* source register number, or PTWR_REG_NONE */
    bool rep;
    uint64_t imm;
};

/* n bytes of code are at b. False: none of ours, or not complete. */
bool ptwr_decode(const uint8_t *b, unsigned n, struct ptwr_insn *in);

struct ptwr_result {
    uint64_t val;  /* to be written, size bytes */
    bool write;    /* false: a compare-exchange that did not match */
    bool sets_reg; /* XCHG: reg = old; CMPXCHG without match: rax = old */
    uint64_t rflags;
};
/* old: the operand in memory; src: register or imm; rax for CMPXCHG. */
struct ptwr_result ptwr_compute(const struct ptwr_insn *in, uint64_t old, uint64_t src,
                                uint64_t rax, uint64_t rflags);

#endif
