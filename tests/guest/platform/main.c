/* SPDX-License-Identifier: MIT */
/* What a control domain asks of the machine: firmware, memory types, microcode, CPUs. */
#include "guest.h"
#include "abi/platform.h"

#define WC 1
#define WB 6

static struct hv_platform_op op;
static uint8_t blob[8192];

static long platform(uint32_t cmd)
{
    op.cmd = cmd;
    op.interface_version = HV_PF_INTERFACE_VERSION;
    return hcall1(HV_CALL_PLATFORM_OP, P(&op));
}

static long add(uint64_t mfn, uint64_t n, uint32_t type)
{
    op.u.add_memtype.mfn = mfn;
    op.u.add_memtype.nr_mfns = n;
    op.u.add_memtype.type = type;
    return platform(HV_PF_ADD_MEMTYPE);
}

static long del(uint32_t handle, uint32_t reg)
{
    op.u.del_memtype.handle = handle;
    op.u.del_memtype.reg = reg;
    return platform(HV_PF_DEL_MEMTYPE);
}

static long read(uint32_t reg)
{
    op.u.read_memtype.reg = reg;
    return platform(HV_PF_READ_MEMTYPE);
}

static void memory_types(void)
{
    uint32_t reg;

    test_num("platform: register 0 is firmware's", read(0), 0);
    test_true("platform: it has a range", op.u.read_memtype.nr_mfns);
    test_num("platform: a register that is not there", read(200), -EINVAL);
    test_num("platform: a range is added", add(0xe0000, 0x1000, WC), 0);
    reg = op.u.add_memtype.reg;
    test_num("platform: ... without a handle", op.u.add_memtype.handle, 0);
    test_num("platform: it can be read", read(reg), 0);
    test_num("platform: ... where it begins", (long)op.u.read_memtype.mfn, 0xe0000);
    test_num("platform: ... its size", (long)op.u.read_memtype.nr_mfns, 0x1000);
    test_num("platform: ... its type", op.u.read_memtype.type, WC);
    test_num("platform: the same again", add(0xe0000, 0x1000, WC), 0);
    test_num("platform: ... is the same register", op.u.add_memtype.reg, reg);
    test_num("platform: another type there", add(0xe0000, 0x1000, WB), -EINVAL);
    test_num("platform: no size", add(0xd0000, 0, WC), -EINVAL);
    test_num("platform: a type that is none", add(0xd0000, 0x1000, 7), -EINVAL);
    test_num("platform: not a power of two", add(0xd1000, 0x3000, WC), -EINVAL);
    test_num("platform: not aligned", add(0xd0800, 0x1000, WC), -EINVAL);
    test_num("platform: beyond the machine", add(1UL << 40, 0x1000, WC), -EINVAL);
    test_num("platform: a handle", del(1, reg), -EINVAL);
    test_num("platform: a register beyond the last is not deleted", del(0, 9), -EINVAL);
    test_num("platform: it is deleted", del(0, reg), 0);
    test_num("platform: ... as often as it was added", del(0, reg), 0);
    test_num("platform: ... and not once more", del(0, reg), -EINVAL);
    test_num("platform: its register is read", read(reg), 0);
    test_num("platform: ... and is empty", (long)op.u.read_memtype.nr_mfns, 0);
}

static long microcode(uint32_t size)
{
    op.u.microcode.data = P(blob);
    op.u.microcode.length = size;
    return platform(HV_PF_MICROCODE_UPDATE);
}

static void update(void)
{
    test_num("platform: no microcode", microcode(0), -EINVAL);
    test_num("platform: microcode of zeroes", microcode(4096), -EINVAL);
    memcpy(blob, "DMA", 4);
    test_num("platform: microcode that ends early", microcode(4096), -EINVAL);
    test_num("platform: huge microcode", microcode(0x10000000), -EINVAL);
}

static void firmware(void)
{
    test_num("platform: EFI's services without EFI", platform(HV_PF_EFI_RUNTIME_CALL),
             -ENOSYS);
    memset(&op, 0, sizeof(op));
    op.u.firmware_info.type = HV_FW_EFI_INFO;
    test_num("platform: EFI's tables without EFI", platform(HV_PF_FIRMWARE_INFO),
             -ENOSYS);
    op.u.firmware_info.type = 7;
    test_num("platform: firmware of another kind", platform(HV_PF_FIRMWARE_INFO),
             -EINVAL);
}

static void cpus(void)
{
    memset(&op, 0, sizeof(op));
    test_num("platform: CPU 0 is online", platform(HV_PF_CPU_ONLINE), 0);
    test_num("platform: CPU 0 stays so", platform(HV_PF_CPU_OFFLINE), -EOPNOTSUPP);
    op.u.cpu_ol.cpuid = 5;
    test_num("platform: CPU 5 is not there", platform(HV_PF_CPU_ONLINE), -EINVAL);
    test_num("platform: an unknown command", platform(99), -ENOSYS);
}

void test_main(void)
{
    firmware();
    memory_types();
    update();
    cpus();
}
