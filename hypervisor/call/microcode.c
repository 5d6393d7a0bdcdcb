/* SPDX-License-Identifier: MIT */
/*
 * Microcode: finding the update for a processor in what the control domain gives, and
 * loading it on all CPUs, one after the other while the rest wait, because siblings share
 * what it changes. The data come from a tool: every length is checked before it is used.
 *
 * Reference: Intel SDM volume 3, "Microcode Update Facilities"; AMD's container as Linux
 * distributions ship it (amd-ucode): magic, table of equivalent processors, patches.
 */
#include "call/microcode.h"
#include <stdatomic.h>
#include "call/platform.h"
#include "kern/heap.h"
#include "kern/lock.h"
#include "kern/log.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "port/guest_mem.h"
#include "port/ipi.h"
#include "port/platform.h"
#include "port/priv.h"

#define MSR_PLATFORM_ID    0x17
#define MSR_INTEL_LOAD     0x79
#define MSR_REVISION       0x8b
#define MSR_AMD_LOAD       0xc0010020
#define DATA_MAX           (16u << 20)

#define INTEL_HEADER       48u
#define INTEL_OLD_TOTAL    2048u /* where the header says 0 */
#define INTEL_OLD_DATA     2000u
#define INTEL_TABLE_HEADER 20u
#define INTEL_TABLE_ENTRY  12u

#define AMD_MAGIC          0x00414d44u
#define AMD_TABLE          0u
#define AMD_PATCH          1u
#define AMD_PATCH_HEADER   64u
#define AMD_TABLE_ENTRY    16u

static uint32_t get32(const uint8_t *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof(v));
    return v;
}

static void prefer(struct microcode_patch *best, const struct microcode_cpu *c,
                   const uint8_t *at, uint32_t size, uint32_t revision)
{
    if (revision > c->revision && (!best->at || revision > best->revision))
        *best = (struct microcode_patch){at, size, revision};
}

/* ---- Intel ---- */

static bool fits(const struct microcode_cpu *c, const uint8_t *signature,
                 const uint8_t *flags)
{
    return get32(signature) == c->signature && get32(flags) & c->platform;
}

/* By its header or by the table behind its data. */
static bool intel_fits(const struct microcode_cpu *c, const uint8_t *u, uint32_t total,
                       uint32_t data)
{
    uint32_t at = INTEL_HEADER + data, n;

    if (fits(c, u + 12, u + 24))
        return true;
    if (total - at < INTEL_TABLE_HEADER)
        return false;
    n = get32(u + at);
    at += INTEL_TABLE_HEADER;
    n = MIN(n, (total - at) / INTEL_TABLE_ENTRY);
    for (; n; n--, at += INTEL_TABLE_ENTRY)
        if (fits(c, u + at, u + at + 4))
            return true;
    return false;
}

static int intel_find(const struct microcode_cpu *c, const uint8_t *u, size_t n,
                      struct microcode_patch *out)
{
    while (n) {
        uint32_t data, total, sum = 0;

        if (n < INTEL_HEADER || get32(u) != 1 || get32(u + 20) != 1)
            return -EINVAL;
        data = get32(u + 28);
        total = data ? get32(u + 32) : INTEL_OLD_TOTAL;
        data = data ? data : INTEL_OLD_DATA;
        if (total > n || total % 4 || total < INTEL_HEADER ||
            data > total - INTEL_HEADER || data % 4)
            return -EINVAL;
        for (uint32_t i = 0; i < INTEL_HEADER + data; i += 4)
            sum += get32(u + i);
        if (sum)
            return -EINVAL;
        if (intel_fits(c, u, total, data))
            prefer(out, c, u, total, get32(u + 4));
        u += total;
        n -= total;
    }
    return 0;
}

/* ---- AMD ---- */

/* The short name of the CPU's kind in patches; 0: not in the table. */
static uint16_t amd_equivalent(const struct microcode_cpu *c, const uint8_t *table,
                               uint32_t n)
{
    for (; n >= AMD_TABLE_ENTRY && get32(table);
         table += AMD_TABLE_ENTRY, n -= AMD_TABLE_ENTRY)
        if (get32(table) == c->signature)
            return (uint16_t)get32(table + 12);
    return 0;
}

static int amd_find(const struct microcode_cpu *c, const uint8_t *p, size_t n,
                    struct microcode_patch *out)
{
    uint16_t mine = 0;

    if (n < 12 || get32(p) != AMD_MAGIC || get32(p + 4) != AMD_TABLE)
        return -EINVAL;
    while (n) {
        uint32_t type, size;

        if (n >= 4 && get32(p) == AMD_MAGIC) { /* the first or one more container */
            p += 4;
            n -= 4;
        }
        if (n < 8)
            return -EINVAL;
        type = get32(p);
        size = get32(p + 4);
        p += 8;
        n -= 8;
        if (size > n || (type != AMD_TABLE && type != AMD_PATCH) ||
            (type == AMD_PATCH && size < AMD_PATCH_HEADER))
            return -EINVAL;
        if (type == AMD_TABLE)
            mine = amd_equivalent(c, p, size);
        else if (mine && (uint16_t)get32(p + 24) == mine)
            prefer(out, c, p, size, get32(p + 4));
        p += size;
        n -= size;
    }
    return 0;
}

int microcode_find(const struct microcode_cpu *c, const uint8_t *data, size_t n,
                   struct microcode_patch *out)
{
    *out = (struct microcode_patch){0};
    if (!n || c->maker == MICROCODE_NONE)
        return -EINVAL;
    return c->maker == MICROCODE_INTEL ? intel_find(c, data, n, out)
                                       : amd_find(c, data, n, out);
}

/* ---- loading ---- */

static uint32_t revision(enum microcode_maker maker)
{
    struct cpuid_regs r;
    uint64_t v = 0;

    if (maker == MICROCODE_INTEL) {
        (void)cpu_wrmsr(MSR_REVISION, 0);
        cpu_cpuid(1, 0, &r); /* writes the revision there */
    }
    if (!cpu_rdmsr(MSR_REVISION, &v))
        return 0;
    return (uint32_t)(maker == MICROCODE_INTEL ? v >> 32 : v);
}

static void probe(struct microcode_cpu *c)
{
    struct platform_cpu_version v;
    struct cpuid_regs r;
    uint64_t id = 0;

    platform_cpu_version(&v);
    *c = (struct microcode_cpu){0};
    if (!memcmp(v.vendor, "GenuineIntel", 12) && v.family >= 6)
        c->maker = MICROCODE_INTEL;
    else if (!memcmp(v.vendor, "AuthenticAMD", 12) && v.family >= 0x10)
        c->maker = MICROCODE_AMD;
    cpu_cpuid(1, 0, &r);
    c->signature = r.a;
    if (c->maker == MICROCODE_INTEL && cpu_rdmsr(MSR_PLATFORM_ID, &id))
        c->platform = 1u << (id >> 50 & 7);
    if (c->maker != MICROCODE_NONE)
        c->revision = revision(c->maker);
}

struct load {
    enum microcode_maker maker;
    const struct microcode_patch *patch;
    _Atomic uint32_t arrived, turn, loaded;
    cpumask_t cpus;
};

static void load_cpu(void *arg)
{
    struct load *l = arg;
    uint32_t mine = atomic_fetch_add(&l->arrived, 1),
             all = (uint32_t)__builtin_popcountll(l->cpus);

    while (atomic_load(&l->arrived) < all || atomic_load(&l->turn) != mine)
        cpu_relax();
    if (l->maker == MICROCODE_INTEL)
        (void)cpu_wrmsr(MSR_INTEL_LOAD, (uint64_t)(l->patch->at + INTEL_HEADER));
    else
        (void)cpu_wrmsr(MSR_AMD_LOAD, (uint64_t)l->patch->at);
    if (revision(l->maker) == l->patch->revision)
        atomic_fetch_add(&l->loaded, 1);
    atomic_fetch_add(&l->turn, 1);
    while (atomic_load(&l->turn) < all)
        cpu_relax();
}

static int load(const struct microcode_cpu *c, const struct microcode_patch *p)
{
    struct load l = {.maker = c->maker, .patch = p, .cpus = cpu_online()};
    uint32_t all = (uint32_t)__builtin_popcountll(l.cpus);

    ipi_call(l.cpus, load_cpu, &l);
    log_info("Microcode: revision %#x to %#x on %u of %u CPUs", c->revision, p->revision,
             l.loaded, all);
    return l.loaded == all ? 0 : -EIO;
}

int platform_microcode(const struct hv_pf_microcode_update *m)
{
    struct microcode_cpu c;
    struct microcode_patch p;
    uint8_t *data, *aligned;
    int rc;

    probe(&c);
    if (c.maker == MICROCODE_NONE || !m->length)
        return -EINVAL;
    if (m->length > DATA_MAX)
        return -E2BIG;
    data = heap_alloc(m->length);
    if (!data)
        return -ENOMEM;
    rc = guest_read(data, m->data, m->length) ? -EFAULT : 0;
    if (!rc)
        rc = microcode_find(&c, data, m->length, &p);
    if (!rc && !p.at)
        rc = -ENOENT;
    if (!rc) { /* processors want it at a multiple of 16 */
        aligned = heap_alloc(p.size);
        rc = aligned ? 0 : -ENOMEM;
        if (aligned) {
            memcpy(aligned, p.at, p.size);
            p.at = aligned;
            rc = load(&c, &p);
        }
        heap_free(aligned);
    }
    heap_free(data);
    return rc;
}
