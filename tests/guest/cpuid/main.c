/* SPDX-License-Identifier: MIT */
/* What the machine looks like through CPUID and MSRs. Everything is printed, so that two
 * hypervisors can be compared; what every kernel relies on is tested. */
#include "guest.h"

struct regs {
    uint32_t a, b, c, d;
};

static struct regs cpuid(uint32_t leaf, uint32_t sub)
{
    struct regs r;

    asm volatile("ud2; .ascii \"xen\"; cpuid"
                 : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d)
                 : "a"(leaf), "c"(sub));
    return r;
}

static struct regs show(uint32_t leaf, uint32_t sub)
{
    struct regs r = cpuid(leaf, sub);

    printf("cpuid %08x.%x %08x %08x %08x %08x\n", leaf, sub, r.a, r.b, r.c, r.d);
    return r;
}

struct msr {
    uint32_t nr;
    uint64_t val;
};

static void read_msr(void *arg)
{
    struct msr *m = arg;
    uint32_t lo, hi;

    asm volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(m->nr));
    m->val = lo | (uint64_t)hi << 32;
}

static void write_msr(void *arg)
{
    const struct msr *m = arg;

    asm volatile("wrmsr" : : "c"(m->nr), "a"((uint32_t)m->val), "d"(m->val >> 32));
}

static void show_msr(uint32_t nr)
{
    struct msr m = {nr, 0};

    if (guarded(read_msr, &m) >= 0)
        printf("msr %08x faults\n", nr);
    else
        printf("msr %08x %016lx, rewriting it %s\n", nr, m.val,
               guarded(write_msr, &m) < 0 ? "works" : "faults");
}

static void try_write(uint32_t nr, uint64_t val)
{
    struct msr m = {nr, val};

    printf("msr %08x = %lx %s\n", nr, val,
           guarded(write_msr, &m) < 0 ? "works" : "faults");
}

static void leaves(void)
{
    uint32_t top = show(0, 0).a;

    for (uint32_t i = 1; i <= top + 1 || i <= 0x21; i++)
        for (uint32_t sub = 0; sub < (i == 4 || i == 7 || i == 0xb || i == 0xd ? 4u : 1u);
             sub++)
            show(i, sub);
    for (uint32_t sub = 4; sub < 11; sub++)
        show(0xd, sub);
    for (uint32_t i = 0x40000000; i <= 0x40000006; i++)
        for (uint32_t sub = 0; sub < (i == 0x40000003 ? 3u : 1u); sub++)
            show(i, sub);
    top = show(0x80000000, 0).a;
    for (uint32_t i = 0x80000001; i <= top + 1 || i <= 0x80000021; i++)
        show(i, 0);
}

static void msrs(void)
{
    static const uint32_t list[] = {
        0x00,       0x10,       0x17,       0x1b,       0x2a,       0x34,
        0x3a,       0x48,       0x49,       0x79,       0x8b,       0xce,
        0xe1,       0xfe,       0x10a,      0x10b,      0x11e,      0x122,
        0x140,      0x174,      0x175,      0x176,      0x179,      0x17a,
        0x186,      0x198,      0x199,      0x19c,      0x1a0,      0x1a2,
        0x1b0,      0x1d9,      0x1db,      0x200,      0x250,      0x277,
        0x2ff,      0x345,      0x38f,      0x400,      0x401,      0x404,
        0x480,      0x606,      0x610,      0x611,      0x620,      0x639,
        0x6e0,      0x770,      0x802,      0xd90,      0xda0,      0xc0000080,
        0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084, 0xc0000100, 0xc0000101,
        0xc0000102, 0xc0000103, 0xc0000104, 0xc0010000, 0xc0010004, 0xc0010010,
        0xc0010015, 0xc0010016, 0xc001001f, 0xc0010055, 0xc0010058, 0xc0010061,
        0xc0010062, 0xc0010063, 0xc0010064, 0xc0010114, 0xc0010117, 0xc001011f,
        0xc0010140, 0xc0010141, 0xc0010200, 0xc0011004, 0xc0011020, 0xc0011022,
        0xc0011023, 0xc0011029, 0xc0011030, 0x40000000, 0x40000200,
    };

    for (unsigned i = 0; i < sizeof(list) / sizeof(list[0]); i++)
        show_msr(list[i]);
    for (unsigned bit = 0; bit < 12; bit++)
        try_write(0x48, 1ul << bit);
    try_write(0x48, 0);
    try_write(0x49, 0);
    try_write(0x49, 1);
    try_write(0x49, 2);
    try_write(0x49, 0x80);
    try_write(0x10b, 1);
    try_write(0xc001011f, 0);
    try_write(0xc001011f, 4);
    try_write(0xc001011f, 1);
    try_write(0x140, 1);
    try_write(0x122, 3);
    try_write(0x10, 0);
    try_write(0x8b, 0);
    try_write(0x1a0, 0);
    try_write(0x277, 0x0007040600070406);
    try_write(0xc0000080, 0xd01);
    try_write(0xc0000080, 0);
}

static uint64_t cr4_val;
static void read_cr4(void *arg)
{
    asm volatile("mov %%cr4, %0" : "=r"(cr4_val));
}
static void write_cr4(void *arg)
{
    asm volatile("mov %0, %%cr4" : : "r"(*(uint64_t *)arg));
}

static void control(void)
{
    uint64_t old;

    guarded(read_cr4, NULL);
    old = cr4_val;
    printf("cr4 %lx\n", old);
    for (unsigned bit = 0; bit < 26; bit++) {
        uint64_t val = old ^ 1ul << bit;
        long trap = guarded(write_cr4, &val);

        guarded(read_cr4, NULL);
        printf("cr4 bit %u: %s %s\n", bit, trap < 0 ? "works" : "faults",
               cr4_val == val ? "taken" : "not taken");
        guarded(write_cr4, &old);
    }
}

static bool reads(uint32_t nr, uint64_t *val)
{
    struct msr m = {nr, 0};
    bool ok = guarded(read_msr, &m) < 0;

    *val = m.val;
    return ok;
}

static bool writes(uint32_t nr, uint64_t val)
{
    struct msr m = {nr, val};

    return guarded(write_msr, &m) < 0;
}

static void read_fs(void *arg)
{
    asm volatile("rdfsbase %0" : "=r"(*(uint64_t *)arg));
}
static void write_fs(void *arg)
{
    asm volatile("wrfsbase %0" : : "r"(*(uint64_t *)arg));
}

static void features(void)
{
    struct regs one = cpuid(1, 0), seven = cpuid(7, 0), ext = cpuid(0x80000001, 0);
    uint64_t val, base = 0x123456789000;

    test_true("cpuid: it says that it is a hypervisor", one.c >> 31);
    test_true("cpuid: no HVM-only features", !(one.c & 1u << 5) && !(ext.c & 1u << 2));
    test_num("cpuid: the CPU's own number is no business of a guest", one.b >> 24, 0);
    test_true("cpuid: XSAVE comes switched on", !(one.c & 1u << 26) || one.c & 1u << 27);
    test_true("cpuid: bases by instruction where the CPU can",
              !(seven.b & 1) || (guarded(write_fs, &base) < 0 &&
                                 guarded(read_fs, &val) < 0 && val == base));
    test_true("msr: and the register agrees",
              !(seven.b & 1) || (reads(0xc0000100, &val) && val == base));
    test_true("msr: SPEC_CTRL where CPUID has it",
              reads(0x48, &val) == (seven.d >> 26 & 1));
    test_true("msr: TSC_AUX where CPUID has it",
              reads(0xc0000103, &val) == (ext.d >> 27 & 1));
}

static void registers(void)
{
    uint64_t val, later;

    test_true("msr: the page attributes are fixed",
              reads(0x277, &val) && val == 0x0000050100070406 && !writes(0x277, val));
    test_true("msr: EFER can be written as it is only", reads(0xc0000080, &val) &&
                                                            writes(0xc0000080, val) &&
                                                            !writes(0xc0000080, val ^ 1));
    test_true("msr: the time stamp goes on", reads(0x10, &val) && reads(0x10, &later) &&
                                                 later > val && !writes(0x10, 0));
    test_true("msr: two error banks without errors",
              reads(0x179, &val) && (val & 0xff) == 2 && reads(0x401, &val) && !val);
    test_true("msr: SYSENTER's are not there", !reads(0x174, &val));
    test_true("msr: one that nobody has faults", !reads(0x12345, &val));
    guarded(read_cr4, NULL);
    test_num("cr4: PAE, MCE, OSFXSR, OSXMMEXCPT", (long)cr4_val, 0x660);
}

void test_main(void)
{
    struct regs r = cpuid(0x40000000, 0);

    registers();
    test_true("cpuid: the hypervisor's signature",
              r.b == HV_CPUID_SIGNATURE_EBX && r.c == HV_CPUID_SIGNATURE_ECX);
    test_num("cpuid: the hypervisor's leaves", r.a, 0x40000005);
    features();
    leaves();
    msrs();
    control();
}
