/* SPDX-License-Identifier: MIT */
/* What a CPU is taken to need against speculation, and what is written when vCPUs change.
 * The files are compiled right here, with a processor whose CPUID and MSRs are the
 * test's. */
#include <check.h>
#include <string.h>
#define __ASSEMBLY__ /* of msr.h the numbers only */
#include "hw/cpu/msr.h"
#undef __ASSEMBLY__
#include "hw/cpu/percpu.h"
#include "lib/types.h"
#include "unit.h"

#define INTEL                                                                            \
    {                                                                                    \
        0x756e6547, 0x6c65746e, 0x49656e69                                               \
    } /* EBX, ECX, EDX */
#define AMD                                                                              \
    {                                                                                    \
        0x68747541, 0x444d4163, 0x69746e65                                               \
    }
#define HYGON                                                                            \
    {                                                                                    \
        0x6f677948, 0x656e6975, 0x6e65476e                                               \
    }
#define CENTAUR                                                                          \
    {                                                                                    \
        0x746e6543, 0x736c7561, 0x48727561                                               \
    }

#define IBRSB     (1u << 26) /* leaf 7, EDX */
#define ARCH_CAPS (1u << 29)
#define IBPB      (1u << 12) /* leaf 0x80000008, EBX */

static struct processor {
    uint32_t vendor[3];
    uint32_t last, ebx7, edx7, ebx_e8;
    uint64_t arch_caps;
} cpu;

static struct write {
    uint32_t msr;
    uint64_t val;
} writes[16];
static unsigned n;
static struct cpu_info info;

static inline struct cpu_info *cpu_info(void)
{
    return &info;
}
static inline void cpuid_raw(uint32_t leaf, uint32_t sub, uint32_t r[4])
{
    memset(r, 0, 4 * sizeof(*r));
    if (leaf == 0) {
        r[0] = cpu.last;
        memcpy(r + 1, cpu.vendor, sizeof(cpu.vendor));
    } else if (leaf == 7 && cpu.last >= 7) {
        r[1] = cpu.ebx7;
        r[3] = cpu.edx7;
    } else if (leaf == 0x80000000) {
        r[0] = 0x80000008;
    } else if (leaf == 0x80000008) {
        r[1] = cpu.ebx_e8;
    }
}
static inline uint64_t rdmsr(uint32_t msr)
{
    ck_assert_uint_eq(msr, MSR_ARCH_CAPS);
    ck_assert_msg(cpu.edx7 & ARCH_CAPS, "reads a register that is not there");
    return cpu.arch_caps;
}
static inline void wrmsr(uint32_t msr, uint64_t val)
{
    writes[n++] = (struct write){msr, val};
}
static inline uint64_t read_cr4(void)
{
    return 0;
}
static inline void write_cr4(uint64_t v)
{
}
static inline void write_cr0(uint64_t v)
{
}
static inline void xsetbv(uint64_t v)
{
}

#include "hw/cpu/features.c"
#include "hw/cpu/spec.c"

static const struct cpu_features *probe(struct processor p)
{
    cpu = p;
    memset(&cpu_features, 0, sizeof(cpu_features));
    features_probe();
    return &cpu_features;
}

START_TEST(meltdown_concerns_all_but_who_says_no)
{
    ck_assert(probe((struct processor){INTEL, 7})->meltdown);
    ck_assert(probe((struct processor){INTEL, 5})->meltdown);
    ck_assert(probe((struct processor){CENTAUR, 7})->meltdown);
    ck_assert(!probe((struct processor){AMD, 7})->meltdown);
    ck_assert(!probe((struct processor){HYGON, 7})->meltdown);
    ck_assert(probe((struct processor){INTEL, 7, .edx7 = ARCH_CAPS})->meltdown);
    ck_assert(probe((struct processor){INTEL, 7, .edx7 = ARCH_CAPS, .arch_caps = ~1ull})
                  ->meltdown);
    ck_assert(!probe((struct processor){INTEL, 7, .edx7 = ARCH_CAPS, .arch_caps = 1})
                   ->meltdown);
    /* Without the feature nothing is asked. */
    ck_assert(probe((struct processor){INTEL, 7, .arch_caps = 1})->meltdown);
}
END_TEST

START_TEST(controls_are_found_where_each_vendor_tells_them)
{
    const struct cpu_features *f = probe((struct processor){INTEL, 7});

    ck_assert(!f->spec_ctrl && !f->ibpb);
    f = probe((struct processor){INTEL, 7, .edx7 = IBRSB});
    ck_assert(f->spec_ctrl && f->ibpb);
    f = probe((struct processor){AMD, 7, .ebx_e8 = IBPB});
    ck_assert(!f->spec_ctrl && f->ibpb);
    f = probe((struct processor){INTEL, 5, .edx7 = IBRSB});
    ck_assert(!f->spec_ctrl && !f->ibpb);
}
END_TEST

static void prepare(struct processor p)
{
    probe(p);
    memset(&info, 0, sizeof(info));
    n = 0;
}

START_TEST(a_change_of_vcpus_flushes_predictors_and_loads_the_control)
{
    struct vcpu_hw a = {.spec_ctrl = 1}, b = {.spec_ctrl = 1};

    prepare((struct processor){INTEL, 7, .edx7 = IBRSB});
    spec_switch(&a);
    ck_assert_uint_eq(n, 2);
    ck_assert_uint_eq(writes[0].msr, MSR_SPEC_CTRL);
    ck_assert_uint_eq(writes[0].val, 1);
    ck_assert_uint_eq(writes[1].msr, MSR_PRED_CMD);
    ck_assert_uint_eq(writes[1].val, 1);
    spec_switch(&b); /* wants the same */
    ck_assert_uint_eq(n, 3);
    ck_assert_uint_eq(writes[2].msr, MSR_PRED_CMD);
}
END_TEST

START_TEST(the_vcpu_that_was_here_last_comes_back_for_nothing)
{
    struct vcpu_hw a = {.spec_ctrl = 3};

    prepare((struct processor){INTEL, 7, .edx7 = IBRSB});
    spec_switch(&a);
    n = 0;
    spec_switch(&a); /* an idle vCPU was in between */
    ck_assert_uint_eq(n, 0);
}
END_TEST

START_TEST(a_guest_that_wants_nothing_gets_the_control_cleared)
{
    struct vcpu_hw a = {.spec_ctrl = 1}, b = {.spec_ctrl = 0};

    prepare((struct processor){INTEL, 7, .edx7 = IBRSB});
    spec_switch(&a);
    n = 0;
    spec_switch(&b);
    ck_assert_uint_eq(n, 2);
    ck_assert_uint_eq(writes[0].msr, MSR_SPEC_CTRL);
    ck_assert_uint_eq(writes[0].val, 0);
}
END_TEST

START_TEST(a_running_guests_new_value_is_loaded_once)
{
    struct vcpu_hw a = {.spec_ctrl = 0};

    prepare((struct processor){INTEL, 7, .edx7 = IBRSB});
    spec_switch(&a);
    n = 0;
    a.spec_ctrl = 2;
    ctx_load_spec_ctrl(&a);
    ctx_load_spec_ctrl(&a);
    ck_assert_uint_eq(n, 1);
    ck_assert_uint_eq(writes[0].val, 2);
}
END_TEST

START_TEST(registers_that_are_not_there_are_not_written)
{
    struct vcpu_hw a = {.spec_ctrl = 1}, b = {.spec_ctrl = 2};

    prepare((struct processor){AMD, 7, .ebx_e8 = IBPB});
    spec_switch(&a);
    spec_switch(&b);
    ck_assert_uint_eq(n, 2);
    ck_assert_uint_eq(writes[0].msr, MSR_PRED_CMD);
    ck_assert_uint_eq(writes[1].msr, MSR_PRED_CMD);

    prepare((struct processor){INTEL, 7});
    spec_switch(&a);
    spec_switch(&b);
    ck_assert_uint_eq(n, 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        meltdown_concerns_all_but_who_says_no,
        controls_are_found_where_each_vendor_tells_them,
        a_change_of_vcpus_flushes_predictors_and_loads_the_control,
        the_vcpu_that_was_here_last_comes_back_for_nothing,
        a_guest_that_wants_nothing_gets_the_control_cleared,
        a_running_guests_new_value_is_loaded_once,
        registers_that_are_not_there_are_not_written,
        NULL};

    return unit_run("hw/spec", NULL, tests);
}
