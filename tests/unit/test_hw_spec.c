/* SPDX-License-Identifier: MIT */
/* What a CPU is taken to need against speculation, and what is written when vCPUs change.
 * The files are compiled right here, with a processor whose CPUID and MSRs are the
 * test's. */
#include "fake_processor.h"
#include "hw/cpu/mitigate.h"
#include "unit.h"

struct mitigations mitigations;

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

START_TEST(what_the_hypervisor_wants_of_the_control_is_always_there)
{
    struct vcpu_hw a = {.spec_ctrl = 1}, b = {.spec_ctrl = 0};

    mitigations.spec_ctrl = SPEC_BHI_DIS_S;
    prepare((struct processor){INTEL, 7, .edx7 = IBRSB});
    spec_switch(&b);
    ck_assert_uint_eq(writes[0].msr, MSR_SPEC_CTRL);
    ck_assert_uint_eq(writes[0].val, SPEC_BHI_DIS_S);
    n = 0;
    spec_switch(&a);
    ck_assert_uint_eq(writes[0].val, SPEC_BHI_DIS_S | 1);
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
        what_the_hypervisor_wants_of_the_control_is_always_there,
        registers_that_are_not_there_are_not_written,
        NULL};

    return unit_run("hw/spec", NULL, tests);
}
