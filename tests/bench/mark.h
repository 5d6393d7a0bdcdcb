/* SPDX-License-Identifier: MIT */
/*
 * What bench.c tells icount.so, the plugin that counts: instructions that do nothing but
 * carry a number. A mark is the seven-byte NOP `nopl MARK(%rax)`, whose displacement is
 * 0x4f530000 | kind << 8 | operation.
 */
#ifndef BENCH_MARK_H
#define BENCH_MARK_H

#define MARK_MAGIC 0x4f530000u
#define MARK_BEGIN 1 /* the operation's window opens */
#define MARK_END   2 /* and closes */
#define MARK_STAMP 3 /* write down how many instructions ran until here */

#define MARK(kind, op)                                                                   \
    __asm__ volatile("nopl %c0(%%rax)"                                                   \
                     :                                                                   \
                     : "i"(MARK_MAGIC | (kind) << 8 | (op))                              \
                     : "memory")

#endif
