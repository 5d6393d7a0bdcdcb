/* SPDX-License-Identifier: MIT */
/* platform_op as the control domain calls it, with firmware and a machine that the test
 * plays. */
#include "abi/platform.h"
#include "port/layout.h"
#include "pv_world.h"

#define GUARD 0xee

static struct hv_platform_op op;
static unsigned calls;

static uint16_t seen_name[16];
static uint8_t seen_data[16];
static uint64_t seen_size, seen_attr;

/* Keeps what it is given; says that a variable has five bytes. */
static uint64_t firmware(unsigned function, const uint64_t arg[EFI_ARGS])
{
    calls++;
    switch (function) {
    case HV_EFI_GET_VARIABLE:
        memcpy(seen_name, (void *)arg[0], sizeof(seen_name));
        seen_size = *(uint64_t *)arg[3];
        *(uint64_t *)arg[3] = 5;
        if (seen_size < 5)
            return EFI_ERROR | 5;
        *(uint32_t *)arg[2] = 7;
        memcpy((void *)arg[4], "hello", 5);
        return 0;
    case HV_EFI_SET_VARIABLE:
        seen_attr = arg[2];
        seen_size = arg[3];
        memcpy(seen_data, (void *)arg[4], MIN(arg[3], sizeof(seen_data)));
        return 0;
    case HV_EFI_GET_NEXT_VARIABLE_NAME:
        seen_size = *(uint64_t *)arg[0];
        *(uint64_t *)arg[0] = 8;
        memcpy((void *)arg[1], u"abc", 8);
        return 0;
    default:
        return EFI_UNSUPPORTED;
    }
}

/* Firmware that writes nothing but says that it wrote a lot. */
static uint64_t liar(unsigned function, const uint64_t arg[EFI_ARGS])
{
    *(uint64_t *)arg[function == HV_EFI_GET_VARIABLE ? 3 : 0] = 1ull << 40;
    return 0;
}

static void control_world(void)
{
    world();
    g->privileged = true;
    host_efi.info = (struct platform_efi){.revision = 0x20046,
                                          .runtime_revision = 0x20046,
                                          .config_table = 0x7f000000,
                                          .config_entries = 9};
    host_efi.range = (struct platform_efi_range){0x1000, 0x9000, 0xf, 4};
    host_efi.call = firmware;
}

static long platform(uint32_t cmd)
{
    struct hcall h = {.v = gv, .d = g, .arg = {(uint64_t)&op}};

    op.cmd = cmd;
    op.interface_version = HV_PF_INTERFACE_VERSION;
    return hcall_dispatch(&h, HV_CALL_PLATFORM_OP);
}

static long efi(unsigned function)
{
    op.u.efi_runtime_call.function = function;
    return platform(HV_PF_EFI_RUNTIME_CALL);
}

START_TEST(a_variable_is_read)
{
    struct hv_pf_efi_variable *v = &op.u.efi_runtime_call.u.get_variable;
    uint8_t data[8];

    memset(data, GUARD, sizeof(data));
    v->name = (hv_handle_t)u"Boot0001";
    v->data = (hv_handle_t)data;
    v->size = sizeof(data);
    ck_assert_int_eq(efi(HV_EFI_GET_VARIABLE), 0);
    ck_assert_uint_eq(op.u.efi_runtime_call.status, 0);
    ck_assert_uint_eq(op.u.efi_runtime_call.misc, 7);
    ck_assert_uint_eq(v->size, 5);
    ck_assert_mem_eq(seen_name, u"Boot0001", 18);
    ck_assert_mem_eq(data, "hello\xee\xee\xee", 8);
}
END_TEST

START_TEST(too_little_room_is_told_with_the_size)
{
    struct hv_pf_efi_variable *v = &op.u.efi_runtime_call.u.get_variable;
    uint8_t data[8];

    memset(data, GUARD, sizeof(data));
    v->name = (hv_handle_t)u"x";
    v->data = (hv_handle_t)data;
    v->size = 2;
    ck_assert_int_eq(efi(HV_EFI_GET_VARIABLE), 0);
    ck_assert_uint_eq(op.u.efi_runtime_call.status, EFI_ERROR | 5);
    ck_assert_uint_eq(v->size, 5);
    ck_assert_uint_eq(data[0], GUARD);
}
END_TEST

START_TEST(firmware_that_lies_about_sizes_gets_nothing_copied)
{
    struct hv_pf_efi_variable *v = &op.u.efi_runtime_call.u.get_variable;
    uint8_t data[8];
    uint16_t name[8] = {0};

    host_efi.call = liar;
    memset(data, GUARD, sizeof(data));
    v->name = (hv_handle_t)u"x";
    v->data = (hv_handle_t)data;
    v->size = 4;
    ck_assert_int_eq(efi(HV_EFI_GET_VARIABLE), 0);
    ck_assert_uint_eq(data[0], GUARD);

    memset(&op, 0, sizeof(op));
    op.u.efi_runtime_call.u.get_next_variable_name.name = (hv_handle_t)name;
    op.u.efi_runtime_call.u.get_next_variable_name.size = sizeof(name);
    ck_assert_int_eq(efi(HV_EFI_GET_NEXT_VARIABLE_NAME), 0);
    ck_assert_uint_eq(name[0], 0);
}
END_TEST

START_TEST(a_variable_is_written)
{
    struct hv_pf_efi_variable *v = &op.u.efi_runtime_call.u.set_variable;

    v->name = (hv_handle_t)u"x";
    v->data = (hv_handle_t) "world";
    v->size = 5;
    op.u.efi_runtime_call.misc = 3;
    ck_assert_int_eq(efi(HV_EFI_SET_VARIABLE), 0);
    ck_assert_uint_eq(seen_attr, 3);
    ck_assert_uint_eq(seen_size, 5);
    ck_assert_mem_eq(seen_data, "world", 5);
}
END_TEST

START_TEST(names_without_an_end_and_huge_sizes_never_reach_firmware)
{
    static uint16_t endless[2048];
    struct hv_pf_efi_variable *v = &op.u.efi_runtime_call.u.get_variable;

    for (unsigned i = 0; i < ARRAY_SIZE(endless); i++)
        endless[i] = 'x';
    v->name = (hv_handle_t)endless;
    ck_assert_int_eq(efi(HV_EFI_GET_VARIABLE), -E2BIG);
    v->name = HV_VIRT_START;
    ck_assert_int_eq(efi(HV_EFI_GET_VARIABLE), -EFAULT);
    v->name = (hv_handle_t)u"x";
    v->size = 1ull << 40;
    ck_assert_int_eq(efi(HV_EFI_GET_VARIABLE), -ENOMEM);
    v->size = 16;
    v->data = HV_VIRT_START;
    ck_assert_int_eq(efi(HV_EFI_SET_VARIABLE), -EFAULT);
    ck_assert_uint_eq(calls, 0);
}
END_TEST

START_TEST(names_are_listed_within_the_room_given)
{
    uint16_t name[8] = {0};

    op.u.efi_runtime_call.u.get_next_variable_name.name = (hv_handle_t)name;
    op.u.efi_runtime_call.u.get_next_variable_name.size = sizeof(name);
    ck_assert_int_eq(efi(HV_EFI_GET_NEXT_VARIABLE_NAME), 0);
    ck_assert_uint_eq(seen_size, sizeof(name));
    ck_assert_uint_eq(op.u.efi_runtime_call.u.get_next_variable_name.size, 8);
    ck_assert_mem_eq(name, u"abc", 8);
}
END_TEST

START_TEST(without_efi_there_are_no_services)
{
    host_efi.call = NULL;
    ck_assert_int_eq(efi(HV_EFI_GET_TIME), -ENOSYS);
    op.u.firmware_info.type = HV_FW_EFI_INFO;
    op.u.firmware_info.index = HV_FW_EFI_VERSION;
    ck_assert_int_eq(platform(HV_PF_FIRMWARE_INFO), -ENOSYS);
}
END_TEST

START_TEST(capsules_and_unknown_functions_are_refused)
{
    ck_assert_int_eq(efi(HV_EFI_UPDATE_CAPSULE), -ENOSYS);
    ck_assert_int_eq(efi(4711), -ENOSYS);
    op.u.efi_runtime_call.misc = 1;
    ck_assert_int_eq(efi(HV_EFI_GET_TIME), -EINVAL);
    ck_assert_uint_eq(calls, 0);
}
END_TEST

START_TEST(the_memory_map_tells_types_and_cuts_ranges)
{
    union hv_pf_efi_info *info = &op.u.firmware_info.u.efi_info;

    op.u.firmware_info.type = HV_FW_EFI_INFO;
    op.u.firmware_info.index = HV_FW_EFI_MEM_INFO;
    info->mem.addr = 0x2000;
    info->mem.size = ~0ull;
    ck_assert_int_eq(platform(HV_PF_FIRMWARE_INFO), 0);
    ck_assert_uint_eq(info->mem.size, 0x7000);
    ck_assert_uint_eq(info->mem.type, 4);
    info->mem.addr = 0x9000;
    ck_assert_int_eq(platform(HV_PF_FIRMWARE_INFO), -ESRCH);
    op.u.firmware_info.index = HV_FW_EFI_RT_VERSION;
    ck_assert_int_eq(platform(HV_PF_FIRMWARE_INFO), 0);
    ck_assert_uint_eq(info->version, 0x20046);
}
END_TEST

static void machine_with_memtypes(void)
{
    host_msrs[0] = (struct host_msr){0xfe, 0x400 | 3}; /* three, and write-combining */
    for (unsigned i = 0; i < 6; i++)
        host_msrs[1 + i].msr = 0x200 + i;
    host_msrs[1].val = 0xc0000000; /* uncacheable, 1 GiB */
    host_msrs[2].val = 0xfc0000800;
}

static long add_memtype(uint64_t mfn, uint64_t n, uint32_t type)
{
    op.u.add_memtype = (struct hv_pf_add_memtype){mfn, n, type, 9, 9};
    return platform(HV_PF_ADD_MEMTYPE);
}

static long del_memtype(uint32_t handle, uint32_t reg)
{
    op.u.del_memtype = (struct hv_pf_del_memtype){handle, reg};
    return platform(HV_PF_DEL_MEMTYPE);
}

START_TEST(memory_types_are_counted)
{
    machine_with_memtypes();
    ck_assert_int_eq(add_memtype(0xe0000, 0x1000, 1), 0);
    ck_assert_uint_eq(op.u.add_memtype.reg, 1);
    ck_assert_uint_eq(op.u.add_memtype.handle, 0);
    ck_assert_uint_eq(host_msrs[3].val, 0xe0000001);
    ck_assert_uint_eq(host_msrs[4].val, 0xfff000800);
    ck_assert_int_eq(add_memtype(0xe0000, 0x800, 1), 0);
    ck_assert_int_eq(add_memtype(0xe0000, 0x1000, 0), 0); /* within firmware's */
    ck_assert_uint_eq(op.u.add_memtype.reg, 0);
    ck_assert_int_eq(del_memtype(0, 1), 0);
    ck_assert_uint_ne(host_msrs[4].val, 0);
    ck_assert_int_eq(del_memtype(0, 1), 0);
    ck_assert_uint_eq(host_msrs[4].val, 0);
    ck_assert_int_eq(del_memtype(0, 1), -EINVAL);
    ck_assert_int_eq(del_memtype(0, 0), 0);
    ck_assert_uint_eq(host_msrs[2].val, 0xfc0000800);
}
END_TEST

START_TEST(memory_types_that_cannot_be_are_refused)
{
    machine_with_memtypes();
    ck_assert_int_eq(add_memtype(0x100, 0x100, 1), 0);
    ck_assert_int_eq(add_memtype(0x100, 0x100, 6), -EINVAL);   /* conflict */
    ck_assert_int_eq(add_memtype(0x1000, 0, 6), -EINVAL);      /* nothing */
    ck_assert_int_eq(add_memtype(0x3000, 0x3000, 6), -EINVAL); /* no power of two */
    ck_assert_int_eq(add_memtype(0x800, 0x1000, 6), -EINVAL);  /* not aligned */
    ck_assert_int_eq(add_memtype(0x1000, 0x1000, 7), -EINVAL);
    ck_assert_int_eq(add_memtype(0x1000, 0x1000, 2), -EINVAL);
    ck_assert_int_eq(add_memtype(1ull << 24, 0x1000, 6), -EINVAL); /* 36 bits here */
    ck_assert_int_eq(add_memtype(0x1000, 0x1000, 4), 0);
    ck_assert_int_eq(add_memtype(0x4000, 0x1000, 4), -ENOSPC);
    ck_assert_int_eq(del_memtype(1, 1), -EINVAL);
    ck_assert_int_eq(del_memtype(0, 3), -EINVAL);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_variable_is_read,
        too_little_room_is_told_with_the_size,
        firmware_that_lies_about_sizes_gets_nothing_copied,
        a_variable_is_written,
        names_without_an_end_and_huge_sizes_never_reach_firmware,
        names_are_listed_within_the_room_given,
        without_efi_there_are_no_services,
        capsules_and_unknown_functions_are_refused,
        the_memory_map_tells_types_and_cuts_ranges,
        memory_types_are_counted,
        memory_types_that_cannot_be_are_refused,
        NULL,
    };

    return unit_run("platform", control_world, tests);
}
