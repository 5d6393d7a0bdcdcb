/* SPDX-License-Identifier: MIT */
/*
 * ACPI tables, read once at boot into `acpi`. Firmware is not trusted to be right:
 * lengths are checked before use, sums are checked (a bad one is reported, the table
 * ignored).
 *
 * No AML is interpreted. \_S5_ is found by its bytes in the DSDT, which every compiler
 * lays the same way: NameOp "_S5_" PackageOp PkgLength NumElements, then byte constants.
 *
 * Reference: ACPI Specification 6.4, "ACPI Software Programming Model", "Multiple APIC
 * Description Table", "Fixed ACPI Description Table"; IA-PC HPET Specification 1.0a,
 * "ACPI 2.0 HPET Description Table"; PCI Firmware Specification 3.0, "MCFG Table
 * Description".
 */
#include "hw/plat/acpi.h"
#include "hw/plat/clock.h"
#include "hw/plat/io.h"
#include "hw/plat/pci.h"
#include "kern/log.h"
#include "lib/string.h"
#include "port/map.h"
#include "port/upcall.h"

struct acpi_info acpi;

struct sdt {
    char sig[4];
    uint32_t len;
    uint8_t rev, sum;
    char oem[6], oem_table[8];
    uint32_t oem_rev, creator, creator_rev;
} __attribute__((packed));

struct rsdp {
    char sig[8];
    uint8_t sum;
    char oem[6];
    uint8_t rev;
    uint32_t rsdt;
    uint32_t len;
    uint64_t xsdt;
    uint8_t sum2, pad[3];
} __attribute__((packed));

#define MAX_TABLE   (4u << 20)
#define SDT_SUM     9
#define BGRT_LEN    56 /* "Boot Graphics Resource Table" */
#define BGRT_STATUS 38
#define BGRT_IMAGE  40

static uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}
static uint32_t get32(const uint8_t *p)
{
    return get16(p) | (uint32_t)get16(p + 2) << 16;
}
static uint64_t get64(const uint8_t *p)
{
    return get32(p) | (uint64_t)get32(p + 4) << 32;
}

static bool sum_ok(const void *p, size_t n)
{
    const uint8_t *b = p;
    uint8_t s = 0;

    while (n--)
        s = (uint8_t)(s + *b++);
    return s == 0;
}

/* map_io() keeps what it maps, so nothing is unmapped; tables are few. */
static const void *phys(paddr_t a, size_t n)
{
    paddr_t base = a & PAGE_MASK;
    const char *p = map_io(base, a - base + n);

    return p ? p + (a - base) : NULL;
}

static const struct sdt *map_table(paddr_t a)
{
    const struct sdt *h = a ? phys(a, sizeof(*h)) : NULL;

    if (!h || h->len < sizeof(*h) || h->len > MAX_TABLE)
        return NULL;
    if ((a & ~PAGE_MASK) + h->len > PAGE_SIZE)
        h = phys(a, h->len);
    if (h && !sum_ok(h, h->len)) {
        log_warn("ACPI: table %.4s has a wrong checksum, left out\n", h->sig);
        return NULL;
    }
    return h;
}

static bool scan_rsdp(paddr_t start, size_t n)
{
    const char *p = phys(start, n);

    for (size_t i = 0; p && i + 20 <= n; i += 16) {
        if (!memcmp(p + i, "RSD PTR ", 8) && sum_ok(p + i, 20)) {
            acpi.rsdp = start + i;
            return true;
        }
    }
    return false;
}

static void find_rsdp(const struct boot_info *bi)
{
    const uint8_t *bda;
    paddr_t ebda = 0;

    acpi.rsdp = bi->rsdp;
    if (acpi.rsdp || bi->efi)
        return;
    bda = phys(0x400, 0x100);
    if (bda)
        ebda = (paddr_t)get16(bda + 0x0e) << 4;
    if (ebda >= 0x80000 && ebda < 0xa0000 && scan_rsdp(ebda, 1024))
        return;
    scan_rsdp(0xe0000, 0x20000);
}

/* ---- MADT ---- */

static unsigned cpus_left_out;

static void add_cpu(uint32_t apic_id, uint32_t acpi_id, uint32_t flags)
{
    if (!(flags & 1))
        return;
    for (unsigned i = 0; i < acpi.cpus; i++)
        if (acpi.apic_id[i] == apic_id)
            return;
    if (acpi.cpus == HV_MAX_CPUS) {
        cpus_left_out++;
        return;
    }
    acpi.apic_id[acpi.cpus] = apic_id;
    acpi.acpi_id[acpi.cpus++] = acpi_id;
}

static void add_ioapic(const uint8_t *e)
{
    unsigned i = acpi.ioapics;

    if (i == ACPI_MAX_IOAPICS)
        return;
    acpi.ioapic[i].id = e[2];
    acpi.ioapic[i].addr = get32(e + 4);
    acpi.ioapic[i].gsi_base = get32(e + 8);
    acpi.ioapics++;
}

/* Polarity 1 high, 3 low; trigger 1 edge, 3 level; 0: as the bus, which for ISA is high
 * and edge. */
static void add_override(const uint8_t *e)
{
    uint16_t flags = get16(e + 8);

    if (e[2] != 0 || e[3] >= ARRAY_SIZE(acpi.isa))
        return;
    acpi.isa[e[3]].present = true;
    acpi.isa[e[3]].gsi = get32(e + 4);
    acpi.isa[e[3]].low = (flags & 3) == 3;
    acpi.isa[e[3]].level = (flags >> 2 & 3) == 3;
}

static void madt_entry(const uint8_t *e)
{
    uint8_t len = e[1];

    switch (e[0]) {
    case 0:
        if (len >= 8)
            add_cpu(e[3], e[2], get32(e + 4));
        break;
    case 1:
        if (len >= 12)
            add_ioapic(e);
        break;
    case 2:
        if (len >= 10)
            add_override(e);
        break;
    case 5:
        if (len >= 12)
            acpi.lapic = get64(e + 4);
        break;
    case 9:
        if (len >= 16)
            add_cpu(get32(e + 4), get32(e + 12), get32(e + 8));
        break;
    default:
        break;
    }
}

static void boot_cpu_first(void)
{
    struct cpuid_regs r = cpuid_get(0, 0);
    uint32_t self = cpuid_get(1, 0).b >> 24, t;

    if (r.a >= 0xb && cpuid_get(0xb, 0).b)
        self = cpuid_get(0xb, 0).d;
    if (!acpi.cpus) {
        acpi.apic_id[0] = self;
        acpi.cpus = 1;
        return;
    }
    for (unsigned i = 1; i < acpi.cpus; i++) {
        if (acpi.apic_id[i] != self)
            continue;
        t = acpi.acpi_id[i];
        for (unsigned k = i; k > 0; k--) {
            acpi.apic_id[k] = acpi.apic_id[k - 1];
            acpi.acpi_id[k] = acpi.acpi_id[k - 1];
        }
        acpi.apic_id[0] = self;
        acpi.acpi_id[0] = t;
    }
}

static void read_madt(const struct sdt *h)
{
    const uint8_t *t = (const uint8_t *)h;

    if (h->len < 44)
        return;
    acpi.lapic = get32(t + 36);
    acpi.has_8259 = get32(t + 40) & 1;
    for (size_t i = 44; i + 2 <= h->len && t[i + 1] >= 2; i += t[i + 1])
        if (i + t[i + 1] <= h->len)
            madt_entry(t + i);
    if (cpus_left_out)
        log_warn(
            "This machine has %u CPUs; Ostler uses %u of them, which is the most it can",
            acpi.cpus + cpus_left_out, acpi.cpus);
}

/* ---- FADT, DSDT ---- */

static struct acpi_gas gas_at(const uint8_t *p)
{
    return (struct acpi_gas){p[0], p[1], p[2], p[3], get64(p + 4)};
}

/* The extended address when the table is long enough and has one, else the old port
 * number. */
static struct acpi_gas fadt_block(const struct sdt *h, unsigned x_off, unsigned off,
                                  unsigned bytes)
{
    const uint8_t *t = (const uint8_t *)h;
    struct acpi_gas g = {1, (uint8_t)(bytes * 8), 0, 0, get32(t + off)};

    if (x_off + 12 <= h->len && get64(t + x_off + 4))
        g = gas_at(t + x_off);
    return g;
}

static bool s5_value(const uint8_t *p, const uint8_t *end, unsigned *used, uint8_t *v)
{
    if (p < end && (*p == 0x00 || *p == 0x01)) { /* ZeroOp, OneOp */
        *v = *p;
        *used = 1;
        return true;
    }
    if (p + 1 < end && *p == 0x0a) { /* BytePrefix */
        *v = p[1];
        *used = 2;
        return true;
    }
    return false;
}

static void find_s5(const struct sdt *dsdt)
{
    const uint8_t *t = (const uint8_t *)dsdt, *end = t + dsdt->len, *p;
    unsigned used;

    for (size_t i = sizeof(*dsdt); i + 8 <= dsdt->len; i++) {
        if (memcmp(t + i, "_S5_", 4))
            continue;
        p = t + i + 4;
        if (*p != 0x12) /* PackageOp */
            continue;
        /* PkgLength, whose first byte counts those that follow, and NumElements. */
        p += 3 + (p[1] >> 6);
        if (!s5_value(p, end, &used, &acpi.s5_typ_a))
            continue;
        if (!s5_value(p + used, end, &used, &acpi.s5_typ_b))
            acpi.s5_typ_b = acpi.s5_typ_a;
        acpi.s5_valid = true;
        return;
    }
}

static void read_fadt(const struct sdt *h)
{
    const uint8_t *t = (const uint8_t *)h;
    const struct sdt *dsdt;
    uint32_t flags;

    if (h->len < 116)
        return;
    acpi.sci_irq = get16(t + 46);
    acpi.smi_cmd = get32(t + 48);
    acpi.acpi_enable = t[52];
    acpi.pm1_evt_len = t[88];
    acpi.pm1_cnt_len = t[89];
    acpi.century = t[108];
    flags = get32(t + 112);
    acpi.pm_timer_32bit = flags & 1u << 8;
    acpi.pm1a_evt = fadt_block(h, 148, 56, t[88]);
    acpi.pm1b_evt = fadt_block(h, 160, 60, t[88]);
    acpi.pm1a_cnt = fadt_block(h, 172, 64, t[89]);
    acpi.pm1b_cnt = fadt_block(h, 184, 68, t[89]);
    acpi.pm_timer = fadt_block(h, 208, 76, 4);
    if (h->len >= 129 && (flags & 1u << 10)) {
        acpi.has_reset = true;
        acpi.reset = gas_at(t + 116);
        acpi.reset_value = t[128];
    }
    dsdt = h->len >= 148 && get64(t + 140) ? map_table(get64(t + 140))
                                           : map_table(get32(t + 40));
    if (dsdt)
        find_s5(dsdt);
}

static void read_hpet(const struct sdt *h)
{
    const uint8_t *t = (const uint8_t *)h;

    if (h->len < 56 || t[40] != 0)
        return;
    acpi.hpet = get64(t + 44);
    acpi.hpet_min_tick = get16(t + 53);
}

static void read_mcfg(const struct sdt *h)
{
    const uint8_t *t = (const uint8_t *)h;

    for (size_t i = 44; i + 16 <= h->len && acpi.mcfgs < ACPI_MAX_MCFG; i += 16) {
        unsigned n = acpi.mcfgs++;

        acpi.mcfg[n].addr = get64(t + i);
        acpi.mcfg[n].segment = get16(t + i + 8);
        acpi.mcfg[n].bus_start = t[i + 10];
        acpi.mcfg[n].bus_end = t[i + 11];
    }
}

/* Firmware's boot picture lies in memory that is guests' now: the table that names it is
 * made to say that there is none, and its sum right, which firmware often forgets. */
static void forget_picture(paddr_t a)
{
    uint8_t *t = (uint8_t *)phys(a, BGRT_LEN), sum = 0;

    if (!t || get32(t + 4) != BGRT_LEN)
        return;
    t[BGRT_STATUS] &= (uint8_t)~1u;
    memset(t + BGRT_IMAGE, 0, 8);
    t[SDT_SUM] = 0;
    for (unsigned i = 0; i < BGRT_LEN; i++)
        sum = (uint8_t)(sum + t[i]);
    t[SDT_SUM] = (uint8_t)-sum;
}

static void read_table(paddr_t a)
{
    static const struct {
        char sig[5];
        void (*read)(const struct sdt *h);
    } readers[] = {
        {"APIC", read_madt},
        {"FACP", read_fadt},
        {"HPET", read_hpet},
        {"MCFG", read_mcfg},
    };
    const struct sdt *h = a ? phys(a, sizeof(*h)) : NULL;

    if (h && !memcmp(h->sig, "BGRT", 4))
        forget_picture(a);
    for (unsigned i = 0; h && i < ARRAY_SIZE(readers); i++) {
        if (memcmp(h->sig, readers[i].sig, 4))
            continue;
        h = map_table(a);
        if (h)
            readers[i].read(h);
        return;
    }
}

static void read_root(void)
{
    const struct rsdp *r = phys(acpi.rsdp, sizeof(*r));
    const struct sdt *root = NULL;
    const uint8_t *t;
    unsigned width = 8;

    if (!r || memcmp(r->sig, "RSD PTR ", 8))
        return;
    if (r->rev >= 2)
        root = map_table(r->xsdt);
    if (!root) {
        root = map_table(r->rsdt);
        width = 4;
    }
    if (!root)
        return;
    t = (const uint8_t *)root;
    for (size_t i = sizeof(*root); i + width <= root->len; i += width)
        read_table(width == 8 ? get64(t + i) : get32(t + i));
}

void acpi_init(const struct boot_info *bi)
{
    find_rsdp(bi);
    if (acpi.rsdp)
        read_root();
    else
        log_warn("ACPI: no tables found: one CPU, no power off\n");
    boot_cpu_first();
    log_info("ACPI: %u CPUs, %u I/O APICs%s%s\n", acpi.cpus, acpi.ioapics,
             acpi.hpet ? ", HPET" : "", acpi.s5_valid ? ", S5" : "");
}

/* ---- going down ---- */

static void gas_write(const struct acpi_gas *g, unsigned bytes, uint32_t v)
{
    volatile void *p;

    if (!g->address)
        return;
    if (g->space == 1) {
        if (bytes == 1)
            pio_out8((uint16_t)g->address, (uint8_t)v);
        else
            pio_out16((uint16_t)g->address, (uint16_t)v);
    } else if (g->space == 0) {
        p = (volatile void *)phys(g->address, bytes);
        if (p && bytes == 1)
            *(volatile uint8_t *)p = (uint8_t)v;
        else if (p)
            *(volatile uint16_t *)p = (uint16_t)v;
    } else if (g->space == 2) { /* bus 0: address holds device, function, register */
        pci_write(mk_sbdf(0, 0, (g->address >> 32 & 31) << 3 | (g->address >> 16 & 7)),
                  g->address & 0xffff, bytes, v);
    }
}

#define SLP_EN        0x2000u
#define SLP_TYP_SHIFT 10
#define WAK_STS       0x8000u
#define SCI_EN        1u

void acpi_enter_sleep(uint16_t a, uint16_t b)
{
    gas_write(&acpi.pm1a_evt, 2, WAK_STS);
    gas_write(&acpi.pm1b_evt, 2, WAK_STS);
    gas_write(&acpi.pm1a_cnt, 2, a & ~SLP_EN);
    gas_write(&acpi.pm1b_cnt, 2, b & ~SLP_EN);
    gas_write(&acpi.pm1a_cnt, 2, a | SLP_EN);
    gas_write(&acpi.pm1b_cnt, 2, b | SLP_EN);
    clock_delay_us(200000);
}

void acpi_poweroff(void)
{
    if (!acpi.s5_valid || !acpi.pm1a_cnt.address)
        return;
    /* Chips ignore SLP_EN in legacy mode; no control domain has left it for us yet if
     * none ever ran. */
    if (acpi.smi_cmd && acpi.acpi_enable && acpi.pm1a_cnt.space == 1 &&
        !(pio_in16((uint16_t)acpi.pm1a_cnt.address) & SCI_EN)) {
        pio_out8((uint16_t)acpi.smi_cmd, acpi.acpi_enable);
        for (int i = 0; i < 3000 && !(pio_in16((uint16_t)acpi.pm1a_cnt.address) & SCI_EN);
             i++)
            clock_delay_us(100);
    }
    acpi_enter_sleep((uint16_t)(acpi.s5_typ_a << SLP_TYP_SHIFT | SCI_EN),
                     (uint16_t)(acpi.s5_typ_b << SLP_TYP_SHIFT | SCI_EN));
}

void acpi_reset(void)
{
    if (!acpi.has_reset)
        return;
    gas_write(&acpi.reset, 1, acpi.reset_value);
    clock_delay_us(50000);
}
