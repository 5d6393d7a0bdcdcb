/* SPDX-License-Identifier: MIT */
/*
 * System time is the TSC times a constant. The constant is measured once against the best
 * timer there is: HPET, the ACPI PM timer, or channel 2 of the 8254. Both ends of the
 * measurement take the tightest of a few paired readings, so that 10 ms are enough for
 * about 10 ppm even where a read takes microseconds.
 *
 * `scale` is written once before other CPUs run and is constant from then on; only
 * `stable` changes once more, from true to false, when TSCs of two CPUs are seen to
 * disagree. From then on clock_now() never steps back on any CPU thanks to `last_ns`, but
 * is only as good as the TSCs are.
 *
 * Reference: Intel SDM vol. 3, "Time-Stamp Counter", "Invariant TSC"; vol. 2, "CPUID",
 * leaf 15H; IA-PC HPET Specification 1.0a, "Register Overview"; Motorola MC146818 data
 * sheet.
 */
#include "hw/plat/clock.h"
#include "hw/plat/acpi.h"
#include "hw/plat/apic.h"
#include "hw/plat/io.h"
#include "hw/plat/irq.h"
#include "hw/plat/plat.h"
#include "kern/lock.h"
#include "kern/log.h"
#include "port/clock.h"
#include "port/ipi.h"
#include "port/map.h"
#include "port/platform.h"
#include "port/upcall.h"
#include <stdatomic.h>

#define MEASURE_NS 10000000ull

static struct clock_scale scale = {.mul = 0x80000000u, .shift = 1}; /* a guess: 1 GHz */
static uint64_t tsc_khz = 1000000;
static uint64_t apic_mul; /* one-shot ticks per ns, 32 fraction bits */
static uint64_t tsc_mul;  /* TSC ticks per ns, 32 fraction bits */
static uint64_t wall_at_boot;
static bool stable = true;
static _Atomic uint64_t last_ns;

/* ---- the measurement ---- */

struct reference {
    const char *name;
    uint64_t hz;
    uint64_t mask; /* it wraps there */
    uint64_t (*read)(void);
};

static volatile char *hpet;

static uint64_t hpet_read(void)
{
    return mmio_read(hpet + 0xf0);
}

static uint64_t pmtimer_read(void)
{
    return pio_in32((uint16_t)acpi.pm_timer.address);
}

/* Channel 2 counts down from 65535; the latch command freezes a value to read. */
static uint64_t pit_read(void)
{
    uint32_t lo;

    pio_out8(0x43, 0x80);
    lo = pio_in8(0x42);
    return 0xffffu - (lo | (uint32_t)pio_in8(0x42) << 8);
}

static bool try_hpet(struct reference *r)
{
    uint32_t period;

    if (!acpi.hpet)
        return false;
    hpet = map_io(acpi.hpet, 1024);
    if (!hpet)
        return false;
    period = mmio_read(hpet + 4); /* femtoseconds */
    if (!period || period > 100000000 || mmio_read(hpet) == ~0u)
        return false;
    mmio_write(hpet + 0x10, mmio_read(hpet + 0x10) | 1); /* runs */
    *r = (struct reference){"HPET", 1000000000000000ull / period, ~0u, hpet_read};
    return true;
}

static bool try_pmtimer(struct reference *r)
{
    uint64_t a;

    if (!acpi.pm_timer.address || acpi.pm_timer.space != 1)
        return false;
    *r = (struct reference){"PM timer", 3579545, acpi.pm_timer_32bit ? ~0u : 0xffffff,
                            pmtimer_read};
    a = pmtimer_read();
    for (int i = 0; i < 1000; i++)
        if (pmtimer_read() != a)
            return true;
    return false;
}

static void use_pit(struct reference *r)
{
    pio_out8(0x61, (pio_in8(0x61) & ~2u) | 1); /* gate on, speaker off */
    pio_out8(0x43, 0xb4);                      /* channel 2, both bytes, mode 2 */
    pio_out8(0x42, 0xff);
    pio_out8(0x42, 0xff);
    *r = (struct reference){"PIT", 1193182, 0xffff, pit_read};
}

struct sample {
    uint64_t tsc, ref;
    uint32_t apic;
};

/* The reading with the least time between the two TSC reads around it. */
static struct sample take_sample(const struct reference *r)
{
    struct sample best = {0};
    uint64_t best_width = ~0ull;

    for (int i = 0; i < 5; i++) {
        uint64_t t0 = tsc_read_ordered(), ref = r->read(), t1 = tsc_read_ordered();

        if (t1 - t0 >= best_width)
            continue;
        best_width = t1 - t0;
        best.tsc = t0 + (t1 - t0) / 2;
        best.ref = ref;
        best.apic = apic_timer_left();
    }
    return best;
}

static uint64_t mul_div(uint64_t a, uint64_t b, uint64_t c)
{
    /* A 128-bit quotient would need libgcc; ours fits 64 bits by choice of operands. */
    __asm__("mulq %1; divq %2" : "+a"(a) : "r"(b), "r"(c) : "rdx", "cc");
    return a;
}

static void set_scale(uint64_t khz)
{
    uint64_t k = khz;
    int8_t shift = 0;

    /* mul = 10^6 / kHz as a 32-bit fraction; shift keeps it within 32 bits and as large
     * as possible. */
    while (k > 2000000ull) {
        k >>= 1;
        shift--;
    }
    while (k <= 1000000ull) {
        k <<= 1;
        shift++;
    }
    tsc_khz = khz;
    /* ticks << shift then * mul >> 32 must be ticks * 10^6 / khz. */
    scale.shift = shift;
    scale.mul = (uint32_t)(shift >= 0 ? mul_div(1000000ull, 1ull << 32, khz << shift)
                                      : mul_div(1000000ull << -shift, 1ull << 32, khz));
    tsc_mul = mul_div(khz, 1ull << 32, 1000000);
}

/* Exact rate from the CPU itself, where it tells: 0 if not. */
static uint64_t cpuid_khz(void)
{
    struct cpuid_regs r;

    if (cpuid_get(0, 0).a < 0x15)
        return 0;
    r = cpuid_get(0x15, 0);
    if (!r.a || !r.b || !r.c)
        return 0;
    return mul_div(r.c, r.b, (uint64_t)r.a * 1000);
}

static const char *measure(void)
{
    struct reference r;
    struct sample a, b;
    uint64_t ticks, ref_ticks, exact = cpuid_khz();

    if (!try_hpet(&r) && !try_pmtimer(&r))
        use_pit(&r);
    ref_ticks = r.hz * (MEASURE_NS / 1000000) / 1000;
    if (!apic_timer_deadline())
        apic_timer_set_count(~0u);
    a = take_sample(&r);
    do
        b.ref = r.read();
    while (((b.ref - a.ref) & r.mask) < ref_ticks);
    b = take_sample(&r);
    ticks = (b.ref - a.ref) & r.mask;
    /* kHz = TSC ticks * reference Hz / reference ticks / 1000, with the last digits kept.
     */
    set_scale(exact ? exact : mul_div(b.tsc - a.tsc, r.hz, ticks * 1000));
    if (!apic_timer_deadline()) {
        uint64_t apic_hz = mul_div(a.apic - b.apic, r.hz, ticks);

        apic_timer_set_count(0);
        apic_mul = mul_div(apic_hz, 1ull << 32, 1000000000ull);
    }
    return exact ? "CPUID" : r.name;
}

/* ---- the battery-backed clock ---- */

static spinlock_t cmos_lock = SPINLOCK_INIT(RANK_LEAF);

irqflags_t cmos_hold(void)
{
    return spin_lock_irq(&cmos_lock);
}

void cmos_release(irqflags_t f)
{
    spin_unlock_irq(&cmos_lock, f);
}

uint8_t platform_cmos_read(uint8_t index)
{
    irqflags_t f = spin_lock_irq(&cmos_lock);
    uint8_t v;

    pio_out8(0x70, index);
    v = pio_in8(0x71);
    spin_unlock_irq(&cmos_lock, f);
    return v;
}

void platform_cmos_write(uint8_t index, uint8_t val)
{
    irqflags_t f = spin_lock_irq(&cmos_lock);

    pio_out8(0x70, index);
    pio_out8(0x71, val);
    spin_unlock_irq(&cmos_lock, f);
}

static unsigned from_bcd(unsigned v, bool bcd)
{
    return bcd ? (v >> 4) * 10 + (v & 15) : v;
}

/* Days since 1970-01-01 of a date in the proleptic Gregorian calendar. */
static uint64_t days_of(unsigned y, unsigned m, unsigned d)
{
    unsigned leaps;

    if (m <= 2) { /* years begin in March, so that the leap day is the last */
        m += 12;
        y--;
    }
    leaps = y / 4 - y / 100 + y / 400;
    return (uint64_t)y * 365 + leaps + (153 * (m - 3) + 2) / 5 + d - 1 - 719468;
}

static uint64_t cmos_seconds(void)
{
    unsigned v[6], hour, year, century;
    static const uint8_t idx[6] = {0, 2, 4,
                                   7, 8, 9}; /* second minute hour day month year */
    uint8_t mode = platform_cmos_read(0x0b);
    bool bcd = !(mode & 4), pm, again;

    for (unsigned tries = 0; tries < 10; tries++) {
        again = platform_cmos_read(0x0a) & 0x80; /* being updated */
        for (unsigned i = 0; i < 6; i++)
            v[i] = platform_cmos_read(idx[i]);
        again |= (platform_cmos_read(0x0a) & 0x80) || v[0] != platform_cmos_read(0);
        if (!again)
            break;
        clock_delay_us(500);
    }
    pm = !(mode & 2) && (v[2] & 0x80);
    hour = from_bcd(v[2] & 0x7f, bcd);
    if (!(mode & 2))
        hour = hour % 12 + (pm ? 12 : 0);
    year = from_bcd(v[5], bcd);
    century = acpi.century ? from_bcd(platform_cmos_read(acpi.century), bcd) : 0;
    year += century >= 19 && century < 30 ? century * 100 : year < 70 ? 2000 : 1900;
    return ((days_of(year, from_bcd(v[4], bcd), from_bcd(v[3], bcd)) * 24 + hour) * 60 +
            from_bcd(v[1], bcd)) *
               60 +
           from_bcd(v[0], bcd);
}

/* ---- what the core asks ---- */

static void on_timer(struct hv_cpu_user_regs *r)
{
    timer_irq();
}

void clock_init(void)
{
    const char *by = measure();

    irq_set_vector(VEC_TIMER, on_timer);
    scale.base_tsc = tsc_read();
    scale.base_ns = 0;
    wall_at_boot = cmos_seconds() * 1000000000ull;
    log_info("Clock: TSC %u.%03u MHz by %s, timer by %s\n", (unsigned)(tsc_khz / 1000),
             (unsigned)(tsc_khz % 1000), by,
             apic_timer_deadline() ? "deadline" : "count");
}

void clock_init_ap(void)
{
    clock_set_deadline(~0ull);
}

uint64_t clock_tsc(void)
{
    return tsc_read();
}

uint64_t clock_tsc_khz(void)
{
    return tsc_khz;
}

bool clock_tsc_stable(void)
{
    return stable;
}

void clock_get_scale(struct clock_scale *s)
{
    *s = scale;
}

uint64_t clock_wall_at_boot(void)
{
    return wall_at_boot;
}

static inline uint64_t mul_shift32(uint64_t a, uint64_t b)
{
    return (uint64_t)((unsigned __int128)a * b >> 32);
}

static uint64_t tsc_to_ns(uint64_t tsc)
{
    uint64_t d = tsc - scale.base_tsc;

    if ((int64_t)d < 0)
        return scale.base_ns;
    d = scale.shift >= 0 ? d << scale.shift : d >> -scale.shift;
    return scale.base_ns + mul_shift32(d, scale.mul);
}

uint64_t clock_now(void)
{
    uint64_t ns = tsc_to_ns(tsc_read()), last;

    if (likely(stable))
        return ns;
    last = last_ns;
    do {
        if (last >= ns)
            return last;
    } while (!atomic_compare_exchange_weak(&last_ns, &last, ns));
    return ns;
}

/* The timer must not fire early by rounding: a deadline not reached yet would be set
 * again and again. */
#define SLACK_NS 50
#define LONGEST_NS                                                                       \
    1000000000ull /* one-shot counters have 32 bits; firing early after that is harmless \
                   */

void clock_set_deadline(uint64_t ns)
{
    uint64_t now, delta, count;

    if (apic_timer_deadline()) {
        if (ns == ~0ull)
            apic_timer_set_tsc(0);
        else
            apic_timer_set_tsc(scale.base_tsc +
                               mul_shift32(ns - scale.base_ns + SLACK_NS, tsc_mul) + 1);
        return;
    }
    if (ns == ~0ull) {
        apic_timer_set_count(0);
        return;
    }
    now = clock_now();
    delta = ns > now ? MIN(ns - now + SLACK_NS, LONGEST_NS) : 1;
    count = mul_shift32(delta, apic_mul) + 1;
    apic_timer_set_count(count < ~0u ? (uint32_t)count : ~0u);
}

void clock_delay_us(unsigned us)
{
    uint64_t end = tsc_read() + tsc_khz * us / 1000;

    while ((int64_t)(tsc_read() - end) < 0)
        cpu_relax();
}

/* ---- do the CPUs' TSCs agree? ---- */

static spinlock_t warp_lock = SPINLOCK_INIT(RANK_LEAF);
static uint64_t warp_last; /* warp_lock */
static bool warp_found;    /* warp_lock */
static _Atomic unsigned warp_here;

/* Whoever holds the lock saw every earlier holder's value: a TSC below it is behind. */
static void warp_cpu(void *arg)
{
    unsigned all = *(unsigned *)arg;
    uint64_t give_up = tsc_read() + tsc_khz * 2; /* the others may come one by one */

    atomic_fetch_add(&warp_here, 1);
    while (atomic_load(&warp_here) < all && tsc_read() < give_up)
        cpu_relax();
    for (int i = 0; i < 200; i++) {
        irqflags_t f = spin_lock_irq(&warp_lock);
        uint64_t t = tsc_read_ordered();

        if (t < warp_last)
            warp_found = true;
        else
            warp_last = t;
        spin_unlock_irq(&warp_lock, f);
    }
}

void clock_check_stable(void)
{
    cpumask_t cpus = cpu_online();
    unsigned n = 0;

    for (cpumask_t m = cpus; m; m &= m - 1)
        n++;
    if (n < 2)
        return;
    atomic_store(&warp_here, 0);
    ipi_call(cpus, warp_cpu, &n);
    if (!warp_found)
        return;
    last_ns = tsc_to_ns(warp_last);
    stable = false;
    log_warn("Clock: the CPUs' TSCs differ; guests get time by system calls\n");
}
