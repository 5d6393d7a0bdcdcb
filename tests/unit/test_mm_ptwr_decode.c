/* SPDX-License-Identifier: MIT */
/* The little decoder for writes to page tables, held against the assembler (lengths) and
 * the CPU (results). */
#include "lib/string.h"
#include "mm/ptwr_decode.h"
#include "unit.h"

#define RF_ARITH 0x8d5ull
#define RF_NO_AF (RF_ARITH & ~0x10ull) /* AF is undefined after and, or, xor */

/* One instruction on [rdi] with source rcx/cl/... and accumulator rax, as bytes and as a
 * function. */
struct sample {
    const char *text;
    const uint8_t *start, *end;
    uint64_t (*run)(uint64_t *mem, uint64_t *rcx, uint64_t *rax, uint64_t flags);
    uint64_t flags; /* the defined ones it changes */
};

#define SAMPLE(name, insn)                                                               \
    static uint64_t run_##name(uint64_t *mem, uint64_t *rcx, uint64_t *rax,              \
                               uint64_t flags)                                           \
    {                                                                                    \
        uint64_t c = *rcx, a = *rax;                                                     \
        __asm__ volatile("leaq -128(%%rsp), %%rsp; pushq %0; popfq\n\t"                  \
                         ".globl start_" #name ", end_" #name "\nstart_" #name           \
                         ":\n\t" insn "\nend_" #name                                     \
                         ":\n\tpushfq; popq %0; leaq 128(%%rsp), %%rsp"                  \
                         : "+r"(flags), "+c"(c), "+a"(a)                                 \
                         : "D"(mem), "S"(mem)                                            \
                         : "memory", "cc");                                              \
        *rcx = c;                                                                        \
        *rax = a;                                                                        \
        return flags;                                                                    \
    }                                                                                    \
    extern const uint8_t start_##name[], end_##name[];

SAMPLE(mov64, "movq %%rcx, (%%rdi)")
SAMPLE(mov32, "movl %%ecx, (%%rdi)")
SAMPLE(mov16, "movw %%cx, (%%rdi)")
SAMPLE(mov8, "movb %%cl, (%%rdi)")
SAMPLE(mov8h, "movb %%ch, (%%rdi)")
SAMPLE(movi64, "movq $-0x1234567, (%%rdi)")
SAMPLE(movi32, "movl $0x87654321, (%%rdi)")
SAMPLE(movi16, "movw $0x8765, (%%rdi)")
SAMPLE(movi8, "movb $0x87, (%%rdi)")
SAMPLE(movnti, "movnti %%rcx, (%%rdi)")
SAMPLE(xchg64, "xchgq %%rcx, (%%rdi)")
SAMPLE(xchg32, "xchgl %%ecx, (%%rdi)")
SAMPLE(xchg8, "xchgb %%cl, (%%rdi)")
SAMPLE(xchg8h, "xchgb %%ch, (%%rdi)")
SAMPLE(cmpx64, "lock cmpxchgq %%rcx, (%%rdi)")
SAMPLE(cmpx32, "lock cmpxchgl %%ecx, (%%rdi)")
SAMPLE(cmpx8, "lock cmpxchgb %%cl, (%%rdi)")
SAMPLE(and64, "lock andq %%rcx, (%%rdi)")
SAMPLE(andi8, "lock andb $0xfd, (%%rdi)")
SAMPLE(andi64s, "lock andq $-3, (%%rdi)")
SAMPLE(andi64l, "lock andq $-0x1003, (%%rdi)")
SAMPLE(andi16, "lock andw $0x7f0f, (%%rdi)")
SAMPLE(or64, "lock orq %%rcx, (%%rdi)")
SAMPLE(ori8, "lock orb $0x42, (%%rdi)")
SAMPLE(ori32, "lock orl $0x12345678, (%%rdi)")
SAMPLE(xor64, "lock xorq %%rcx, (%%rdi)")
SAMPLE(xori32, "lock xorl $0x71, (%%rdi)")
SAMPLE(btri, "lock btrq $1, (%%rdi)")
SAMPLE(btsi, "lock btsq $6, (%%rdi)")
SAMPLE(btci, "lock btcl $5, (%%rdi)")
SAMPLE(seg, "movq %%rcx, %%ds:(%%rdi)")
SAMPLE(rep1, ".byte 0xf3\n\txchgq %%rcx, (%%rdi)")

#define ROW(name, fl)                                                                    \
    {                                                                                    \
#name, start_##name, end_##name, run_##name, fl                                  \
    }
static const struct sample samples[] = {
    ROW(mov64, 0),         ROW(mov32, 0),          ROW(mov16, 0),
    ROW(mov8, 0),          ROW(mov8h, 0),          ROW(movi64, 0),
    ROW(movi32, 0),        ROW(movi16, 0),         ROW(movi8, 0),
    ROW(movnti, 0),        ROW(xchg64, 0),         ROW(xchg32, 0),
    ROW(xchg8, 0),         ROW(xchg8h, 0),         ROW(cmpx64, RF_ARITH),
    ROW(cmpx32, RF_ARITH), ROW(cmpx8, RF_ARITH),   ROW(and64, RF_NO_AF),
    ROW(andi8, RF_NO_AF),  ROW(andi64s, RF_NO_AF), ROW(andi64l, RF_NO_AF),
    ROW(andi16, RF_NO_AF), ROW(or64, RF_NO_AF),    ROW(ori8, RF_NO_AF),
    ROW(ori32, RF_NO_AF),  ROW(xor64, RF_NO_AF),   ROW(xori32, RF_NO_AF),
    ROW(btri, 1),          ROW(btsi, 1),           ROW(btci, 1),
    ROW(seg, 0),           ROW(rep1, 0),
};

START_TEST(lengths_are_the_assemblers)
{
    for (unsigned i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        const struct sample *s = &samples[i];
        struct ptwr_insn in;

        ck_assert_msg(ptwr_decode(s->start, 15, &in), "%s is not decoded", s->text);
        ck_assert_msg(in.len == s->end - s->start, "%s: %u bytes, not %u", s->text,
                      (unsigned)(s->end - s->start), in.len);
    }
}
END_TEST

static uint64_t low(uint64_t v, unsigned size)
{
    return size == 8 ? v : v & ((1ull << 8 * size) - 1);
}

static void compare(const struct sample *s, uint64_t mem, uint64_t rcx, uint64_t rax)
{
    uint64_t m = mem, c = rcx, a = rax, flags = 0x202, got_flags, src, want;
    struct ptwr_result r;
    struct ptwr_insn in;

    ck_assert(ptwr_decode(s->start, 15, &in));
    src = in.reg == PTWR_REG_NONE   ? in.imm
          : in.reg & PTWR_HIGH_BYTE ? rcx >> 8 & 0xff
                                    : rcx;
    if (in.reg != PTWR_REG_NONE)
        ck_assert_uint_eq(in.reg & 0xf, 1);
    r = ptwr_compute(&in, low(mem, in.size), src, rax, flags);
    got_flags = s->run(&m, &c, &a, flags);
    want = low(mem, in.size) ^ mem; /* what lies above stays */
    want |= r.write ? r.val : low(mem, in.size);
    ck_assert_msg(m == want, "%s: %lx, not %lx", s->text, (unsigned long)want,
                  (unsigned long)m);
    ck_assert_msg(((got_flags ^ r.rflags) & s->flags) == 0, "%s: flags %lx, not %lx",
                  s->text, (unsigned long)r.rflags, (unsigned long)got_flags);
    if (in.op == PTWR_XCHG && in.size == 8)
        ck_assert(r.sets_reg && c == mem);
    if (in.op == PTWR_CMPXCHG)
        ck_assert_int_eq(r.sets_reg, low(mem, in.size) != low(rax, in.size));
}

START_TEST(results_are_the_cpus)
{
    static const uint64_t v[] = {
        0,      1,          0x80,       0xff,       0x8000000000000000ull,
        ~0ull,  0x67,       0x7fffffff, 0x80000000, 0x123456789abcdef0ull,
        0x8063, 0xffffff00, 0x10,       0x0f};
    const unsigned n = sizeof(v) / sizeof(v[0]);

    for (unsigned i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
        for (unsigned a = 0; a < n; a++)
            for (unsigned b = 0; b < n; b++)
                for (unsigned c = 0; c < n; c++)
                    compare(&samples[i], v[a], v[b], v[c]);
}
END_TEST

/* All addressing forms, of which only the length counts. */
START_TEST(addressing_forms_have_the_right_length)
{
    static const struct {
        uint8_t b[15];
        uint8_t len, reg;
    } t[] = {
        {{0x48, 0x89, 0x07}, 3, 0},                   /* mov %rax, (%rdi) */
        {{0x4c, 0x89, 0x47, 0x10}, 4, 8},             /* mov %r8, 16(%rdi) */
        {{0x48, 0x89, 0x87, 1, 2, 3, 4}, 7, 0},       /* disp32 */
        {{0x48, 0x89, 0x04, 0x24}, 4, 0},             /* (%rsp) */
        {{0x48, 0x89, 0x44, 0x24, 0x08}, 5, 0},       /* 8(%rsp) */
        {{0x48, 0x89, 0x84, 0x24, 1, 2, 3, 4}, 8, 0}, /* disp32(%rsp) */
        {{0x48, 0x89, 0x04, 0x25, 1, 2, 3, 4}, 8, 0}, /* absolute */
        {{0x48, 0x89, 0x05, 1, 2, 3, 4}, 7, 0},       /* (%rip) */
        {{0x4a, 0x89, 0x14, 0xc7}, 4, 2},             /* mov %rdx, (%rdi,%r8,8) */
        {{0x49, 0x89, 0x45, 0x00}, 4, 0},             /* (%r13) */
        {{0x49, 0x89, 0x04, 0x24}, 4, 0},             /* (%r12) */
        {{0x48, 0x87, 0x3c, 0x03}, 4, 7},             /* xchg %rdi, (%rbx,%rax) */
        {{0xf0, 0x80, 0x23, 0xfd}, 4, PTWR_REG_NONE}, /* lock andb $0xfd, (%rbx) */
        {{0x3e, 0xf0, 0x48, 0x0f, 0xba, 0x33, 0x05},
         7,
         PTWR_REG_NONE},                               /* btrq $5, (%rbx) */
        {{0x48, 0xa3, 1, 2, 3, 4, 5, 6, 7, 8}, 10, 0}, /* movabs %rax, moffs */
        {{0xf3, 0x48, 0xab}, 3, 0},                    /* rep stosq */
    };

    for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        struct ptwr_insn in;

        ck_assert_msg(ptwr_decode(t[i].b, t[i].len, &in), "form %u", i);
        ck_assert_uint_eq(in.len, t[i].len);
        ck_assert_uint_eq(in.reg, t[i].reg);
        for (unsigned n = 0; n < t[i].len; n++)
            ck_assert_msg(!ptwr_decode(t[i].b, n, &in),
                          "form %u is complete after %u bytes", i, n);
    }
}
END_TEST

START_TEST(other_instructions_are_left_alone)
{
    static const uint8_t t[][15] = {
        {0x48, 0x89, 0xc7},       /* to a register */
        {0x48, 0x8b, 0x07},       /* a load */
        {0x0f, 0x0b},             /* ud2 */
        {0x48, 0x83, 0x07, 0x01}, /* add */
        {0xff, 0x07},             /* inc */
        {0x48, 0xa5},             /* movs */
        {0x0f, 0xc7, 0x0f},       /* cmpxchg8b */
        {0x0f, 0xba, 0x27, 0x01}, /* bt */
        {0xc5, 0xf8, 0x29, 0x07}, /* vmovaps */
        {0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
         0x66, 0x66},
    };

    for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
        struct ptwr_insn in;

        ck_assert_msg(!ptwr_decode(t[i], 15, &in), "form %u", i);
    }
}
END_TEST

START_TEST(random_bytes_do_no_harm)
{
    uint64_t seed = 1;

    for (unsigned i = 0; i < 2000000; i++) {
        uint8_t b[16];
        struct ptwr_insn in;
        unsigned n;

        for (unsigned k = 0; k < 2; k++) {
            seed = seed * 6364136223846793005ull + 1442695040888963407ull;
            memcpy(b + 8 * k, &seed, 8);
        }
        n = seed >> 60;
        if (ptwr_decode(b, n, &in)) {
            ck_assert_uint_le(in.len, n);
            ck_assert(in.size == 1 || in.size == 2 || in.size == 4 || in.size == 8);
            (void)ptwr_compute(&in, seed, seed >> 7, seed >> 9, 2);
        }
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {lengths_are_the_assemblers,
                                  results_are_the_cpus,
                                  addressing_forms_have_the_right_length,
                                  other_instructions_are_left_alone,
                                  random_bytes_do_no_harm,
                                  NULL};

    return unit_run("mm/ptwr_decode", NULL, tests);
}
