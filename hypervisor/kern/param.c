/* SPDX-License-Identifier: MIT */
/*
 * Boot options.
 *
 * One table says for each option what kind of value it takes, where that goes and what it
 * means. The names are Xen's, so that an existing boot entry works; those of Xen's that
 * have no meaning here are listed behind it and accepted without a word. Anything else is
 * answered with the nearest known name. No locks: parsed once, before other CPUs run. The
 * heap does not exist yet.
 *
 * Reference: Xen Hypervisor Command Line Options (xen-command-line.pandoc).
 */
#include "kern/log.h"
#include "kern/param_priv.h"
#include "lib/string.h"

struct boot_params boot_params = {
    .loglvl = LOG_INFO,
    .guest_loglvl = LOG_WARN,
    .sched_ratelimit_us = 1000,
    .xpti_dom0 = -1,
    .xpti_domu = -1,
    .l1tf_dom0 = -1,
    .l1tf_domu = -1,
    .verw = -1,
    .bhb_entry = -1,
    .bhi_dis_s = -1,
    .pcid = true,
    .smep = true,
    .smap = true,
    .watchdog_timeout = 5,
    .gnttab_max_frames = 64,
    .gnttab_max_maptrack_frames = 1024,
};

#define WORD_MAX 256

enum kind { BOOL, UINT, STRING, LEVEL, SPECIAL };

struct option {
    const char *name;
    enum kind kind;
    void *target;                       /* bool, unsigned, char[64] */
    bool (*special)(const char *value); /* SPECIAL: false when the value is bad */
    const char *help;
    bool takes_no; /* SPECIAL: a boolean as well, which "no-" switches off */
};

static bool parse_bootscrub(const char *v);
static bool parse_dom0_mem(const char *v);
static bool parse_dom0_vcpus(const char *v);
static bool parse_sched(const char *v);
static bool parse_ucode(const char *v);
static bool parse_watchdog(const char *v);
static bool parse_watchdog_timeout(const char *v);

static const struct option options[] = {
    {"bootscrub", SPECIAL, NULL, parse_bootscrub,
     "when RAM that is free at boot is zeroed: idle, or a boolean: at once, or as it is "
     "used",
     true},
    {"com1", STRING, boot_params.com1, NULL, "first serial port: baud,8n1,port,irq"},
    {"com2", STRING, boot_params.com2, NULL, "second serial port: baud,8n1,port,irq"},
    {"console", STRING, boot_params.console, NULL,
     "where output goes: com1, com2, vga, none"},
    {"console_to_ring", BOOL, &boot_params.console_to_ring, NULL,
     "guests' output into the log"},
    {"dom0_max_vcpus", SPECIAL, NULL, parse_dom0_vcpus, "vCPUs of dom0: n or min-max"},
    {"dom0_mem", SPECIAL, NULL, parse_dom0_mem,
     "memory of dom0: size[,min:size][,max:size]"},
    {"dom0_vcpus_pin", BOOL, &boot_params.dom0_vcpus_pin, NULL,
     "dom0's vCPU n stays on CPU n"},
    {"gnttab_max_frames", UINT, &boot_params.gnttab_max_frames, NULL,
     "grant table frames"},
    {"gnttab_max_maptrack_frames", UINT, &boot_params.gnttab_max_maptrack_frames, NULL,
     "frames that track a domain's grant mappings"},
    {"guest_loglvl", LEVEL, &boot_params.guest_loglvl, NULL,
     "none, error, warning, info, debug, all"},
    {"loglvl", LEVEL, &boot_params.loglvl, NULL,
     "none, error, warning, info, debug, all"},
    {"maxcpus", UINT, &boot_params.maxcpus, NULL, "use at most so many CPUs"},
    {"noreboot", BOOL, &boot_params.noreboot, NULL,
     "stop instead of restarting after a crash"},
    {"nosmp", BOOL, &boot_params.nosmp, NULL, "use one CPU"},
    {"pcid", SPECIAL, NULL, param_pcid,
     "isolated guests' tables have TLB entries of their own: boolean, xpti=", true},
    {"pv-l1tf", SPECIAL, NULL, param_l1tf,
     "end guests whose page tables lead CPUs astray: boolean, dom0=, domu=", true},
    {"pv-linear-pt", BOOL, &boot_params.pv_linear_pt, NULL,
     "top page tables may map themselves, and lead hypercalls into the hypervisor"},
    {"sched", SPECIAL, NULL, parse_sched, "credit2 is the only one"},
    {"sched_ratelimit_us", UINT, &boot_params.sched_ratelimit_us, NULL,
     "a vCPU runs at least so long before another takes its place"},
    {"smap", BOOL, &boot_params.smap, NULL,
     "the hypervisor cannot touch guests' pages by accident"},
    {"smep", BOOL, &boot_params.smep, NULL,
     "the hypervisor cannot run guests' code by accident"},
    {"spec-ctrl", SPECIAL, NULL, param_spec_ctrl,
     "barriers against speculation: boolean, pv=, verw=, bhb-entry=, ...", true},
    {"ucode", SPECIAL, NULL, parse_ucode, "read past: xen-ucode in dom0 loads microcode"},
    {"watchdog", SPECIAL, NULL, parse_watchdog, "panic when a CPU is stuck: bool, force",
     true},
    {"watchdog_timeout", SPECIAL, NULL, parse_watchdog_timeout,
     "seconds until that; 0: no watchdog, else it is on"},
    {"xpti", SPECIAL, NULL, param_xpti,
     "hide the hypervisor's memory from guests: default, boolean, dom0=, domu=", true},
};

/* Xen's options without a meaning here, and what boot loaders add. */
static const char *const silent[] = {"acpi",
                                     "acpi_apic_instance",
                                     "acpi_pstate_strict",
                                     "acpi_skip_timer_override",
                                     "acpi_sleep",
                                     "allow_unsafe",
                                     "altp2m",
                                     "apic",
                                     "apicv",
                                     "apic_verbosity",
                                     "arat",
                                     "argo",
                                     "asid",
                                     "async-show-all",
                                     "ats",
                                     "availmem",
                                     "badpage",
                                     "bootscrub_chunk",
                                     "cet",
                                     "clocksource",
                                     "cmci-threshold",
                                     "cmos-rtc-probe",
                                     "conring_size",
                                     "console_timestamps",
                                     "conswitch",
                                     "core_parking",
                                     "cpufreq",
                                     "cpuid",
                                     "cpuidle",
                                     "cpuinfo",
                                     "crashinfo_maxaddr",
                                     "crashkernel",
                                     "credit2_balance_over",
                                     "credit2_balance_under",
                                     "credit2_cap_period_ms",
                                     "credit2_load_precision_shift",
                                     "credit2_load_window_shift",
                                     "credit2_runqueue",
                                     "dbgp",
                                     "debug_stack_lines",
                                     "debugtrace",
                                     "dit",
                                     "dma_bits",
                                     "dom0",
                                     "dom0-cpuid",
                                     "dom0-iommu",
                                     "dom0_ioports_disable",
                                     "dom0_nodes",
                                     "e820-mtrr-clip",
                                     "e820-verbose",
                                     "edd",
                                     "edid",
                                     "efi",
                                     "ept",
                                     "extra_guest_irqs",
                                     "flask",
                                     "font",
                                     "gdb",
                                     "global-pages",
                                     "gnttab",
                                     "hap",
                                     "hap_1gb",
                                     "hap_2mb",
                                     "hardware_dom",
                                     "hest_disable",
                                     "highmem-start",
                                     "hpet",
                                     "hpetbroadcast",
                                     "hvm_debug",
                                     "hvm_fep",
                                     "idle_latency_factor",
                                     "invpcid",
                                     "ioapic_ack",
                                     "iommu",
                                     "iommu_dev_iotlb_timeout",
                                     "iommu_inclusive_mapping",
                                     "irq-max-guests",
                                     "irq_ratelimit",
                                     "irq_vector_map",
                                     "ivmd",
                                     "ivrs_hpet",
                                     "ivrs_ioapic",
                                     "lapic",
                                     "lapic_timer_c2_ok",
                                     "ler",
                                     "low_crashinfo",
                                     "low_mem_virq_limit",
                                     "max_cstate",
                                     "max_gsi_irqs",
                                     "mce",
                                     "mce_fb",
                                     "mce_verbosity",
                                     "mem",
                                     "memop-max-order",
                                     "mmcfg",
                                     "mmio-relax",
                                     "msi",
                                     "mwait-idle",
                                     "nmi",
                                     "no-real-mode",
                                     "noapic",
                                     "noirqbalance",
                                     "nolapic",
                                     "nr_irqs",
                                     "numa",
                                     "pci",
                                     "pci-phantom",
                                     "pku",
                                     "placeholder",
                                     "ple_gap",
                                     "ple_window",
                                     "preferred-cstates",
                                     "psr",
                                     "pv",
                                     "pv-linear-pt",
                                     "rcu-idle-timer-period-ms",
                                     "reboot",
                                     "rmrr",
                                     "ro-hpet",
                                     "sched-gran",
                                     "sched_credit2_max_cpus_runqueue",
                                     "sched_credit2_migrate_resist",
                                     "sched_credit_tslice_ms",
                                     "sched_smt_power_savings",
                                     "scrub-domheap",
                                     "serial_tx_buffer",
                                     "smt",
                                     "snb_igd_quirk",
                                     "sync_console",
                                     "tboot",
                                     "tbuf_size",
                                     "tdt",
                                     "tevt_mask",
                                     "tickle_one_idle_cpu",
                                     "timer_slop",
                                     "tsc",
                                     "tsx",
                                     "unrestricted_guest",
                                     "vcpu_migration_delay",
                                     "vesa-ram",
                                     "vga",
                                     "viridian-version",
                                     "vm-notify-window",
                                     "vpid",
                                     "vpmu",
                                     "x2apic",
                                     "x2apic-mode",
                                     "x2apic_phys",
                                     "xsave",
                                     "xsm"};

static bool parse_uint(const char *s, uint64_t *out, const char **end)
{
    unsigned base = 10;
    uint64_t v = 0;
    const char *p = s;

    if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X')) {
        base = 16;
        p += 2;
        s = p;
    }
    for (;; p++) {
        unsigned d = *p >= '0' && *p <= '9'   ? (unsigned)(*p - '0')
                     : *p >= 'a' && *p <= 'f' ? (unsigned)(*p - 'a' + 10)
                     : *p >= 'A' && *p <= 'F' ? (unsigned)(*p - 'A' + 10)
                                              : 99;

        if (d >= base)
            break;
        if (v > (~0ull - d) / base)
            return false;
        v = v * base + d;
    }
    *out = v;
    *end = p;
    return p != s;
}

bool param_size(const char *s, uint64_t *out, const char **end)
{
    static const char units[] = "BKMGT";
    const char *unit;
    unsigned shift = 10;

    if (!parse_uint(s, out, end))
        return false;
    if (**end && **end != ',') {
        char up = **end >= 'a' ? (char)(**end - 32) : **end;

        unit = strchr(units, up);
        if (!unit)
            return false;
        shift = 10 * (unsigned)(unit - units);
        ++*end;
    }
    if (shift && *out >> (64 - shift))
        return false;
    *out <<= shift;
    return true;
}

/* "512M", "512M,max:1G", "min:256M,max:1G"; a size alone is both what it gets and its
 * limit. */
static bool parse_dom0_mem(const char *v)
{
    uint64_t amount = 0, min = 0, max = 0;

    while (*v) {
        uint64_t *to = &amount;

        if (!strncmp(v, "min:", 4) || !strncmp(v, "max:", 4)) {
            to = v[1] == 'i' ? &min : &max;
            v += 4;
        }
        if (!param_size(v, to, &v) || (*v && *v != ','))
            return false;
        v += *v == ',';
    }
    amount = MAX(amount, min);
    if (max && amount > max)
        amount = max;
    boot_params.dom0_mem = amount;
    boot_params.dom0_mem_max = max;
    return true;
}

/* "4", "2-4", "-4", "2-": the number is fitted between the bounds when CPUs are known;
 * the upper counts. */
static bool parse_dom0_vcpus(const char *v)
{
    uint64_t min = 0, max = 0;

    if (*v != '-' && !parse_uint(v, &min, &v))
        return false;
    if (!*v)
        max = min;
    else if (*v++ != '-' || (*v && (!parse_uint(v, &max, &v) || *v)))
        return false;
    max = max ? max : min;
    if (!max || max > 4096)
        return false;
    boot_params.dom0_max_vcpus = (unsigned)max;
    return true;
}

static bool parse_bootscrub(const char *v)
{
    int b = param_bool(v);

    if (strcmp(v, "idle") && b < 0)
        return false;
    boot_params.bootscrub = b < 0 ? SCRUB_IDLE : b ? SCRUB_AT_BOOT : SCRUB_AS_USED;
    return true;
}

static bool parse_sched(const char *v)
{
    return !strcmp(v, "credit2");
}

static bool parse_ucode(const char *v)
{
    if (param_bool(v) != 0)
        log_warn("Boot option 'ucode=%s': microcode is not loaded at boot; firmware does "
                 "it, or xen-ucode in dom0",
                 v);
    return true;
}

static bool parse_watchdog(const char *v)
{
    int b = !strcmp(v, "force") ? 1 : param_bool(v);

    boot_params.watchdog = b > 0;
    return b >= 0;
}

static bool parse_watchdog_timeout(const char *v)
{
    uint64_t n;

    if (!parse_uint(v, &n, &v) || *v || n > 3600)
        return false;
    boot_params.watchdog_timeout = (unsigned)n;
    boot_params.watchdog = n;
    return true;
}

static const struct {
    const char *name;
    unsigned level;
} levels[] = {{"none", LOG_ERR},  {"error", LOG_ERR},   {"warning", LOG_WARN},
              {"info", LOG_INFO}, {"debug", LOG_DEBUG}, {"all", LOG_DEBUG}};

static unsigned level_of(const char *name, size_t n)
{
    for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
        if (strlen(levels[i].name) == n && !strncmp(name, levels[i].name, n))
            return levels[i].level;
    return ~0u;
}

bool param_level(const char *v, unsigned *out)
{
    unsigned level;
    size_t n = 0;

    while (v[n] && v[n] != '/')
        n++;
    level = level_of(v, n);
    if (level == ~0u || (v[n] && level_of(v + n + 1, strlen(v + n + 1)) == ~0u))
        return false;
    *out = level; /* what follows is printed at a limited rate: the lower counts */
    return true;
}

const char *param_level_name(unsigned level)
{
    for (size_t i = ARRAY_SIZE(levels); i--;)
        if (levels[i].level == level)
            return levels[i].name;
    return "none";
}

bool param_number(const char *v, unsigned max, unsigned *out)
{
    const char *end;
    uint64_t n;

    if (!parse_uint(v, &n, &end) || *end || n > max)
        return false;
    *out = (unsigned)n;
    return true;
}

/* value NULL: the name stood alone. */
static bool apply(const struct option *o, const char *value, bool negated)
{
    int b = value ? param_bool(value) : 1;

    switch (o->kind) {
    case BOOL:
        *(bool *)o->target = (b != 0) != negated;
        return b >= 0;
    case UINT:
        return value && !negated && param_number(value, ~0u, o->target);
    case STRING:
        if (!value || strlen(value) > 63)
            return false;
        memcpy(o->target, value, strlen(value) + 1);
        return true;
    case LEVEL:
        return value && param_level(value, o->target);
    case SPECIAL:
        return o->special(negated ? "0" : value ? value : "1");
    }
    return false;
}

/* Letters to change, add, remove or swap to make b of a; more than NEAR means "far". */
#define NAME_MAX_LEN 40
static unsigned distance(const char *a, const char *b)
{
    unsigned row[3][NAME_MAX_LEN + 1];
    size_t n = strlen(a), m = strlen(b);

    if (n > NAME_MAX_LEN || m > NAME_MAX_LEN)
        return 1000;
    for (unsigned j = 0; j <= m; j++)
        row[0][j] = j;
    for (unsigned i = 1; i <= n; i++) {
        unsigned *now = row[i % 3], *last = row[(i + 2) % 3], *before = row[(i + 1) % 3];

        now[0] = i;
        for (unsigned j = 1; j <= m; j++) {
            unsigned d = last[j - 1] + (a[i - 1] != b[j - 1]);

            d = MIN(d, MIN(last[j], now[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                d = MIN(d, before[j - 2] + 1);
            now[j] = d;
        }
    }
    return row[n % 3][m];
}

const char *param_nearest(const char *name)
{
    const char *best = NULL;
    unsigned d, least = 1000;

    for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
        d = distance(name, options[i].name);
        if (d < least) {
            least = d;
            best = options[i].name;
        }
    }
    for (size_t i = 0; i < ARRAY_SIZE(silent); i++) {
        d = distance(name, silent[i]);
        if (d < least) {
            least = d;
            best = silent[i];
        }
    }
    return best;
}

static const struct option *find(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(options); i++)
        if (!strcmp(options[i].name, name))
            return &options[i];
    return NULL;
}

static bool is_silent(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(silent); i++)
        if (!strcmp(silent[i], name))
            return true;
    return false;
}

/* "no-smep" and "nosmep" switch a boolean off. */
static const char *strip_no(const char *name)
{
    if (strncmp(name, "no", 2))
        return name;
    return name + (name[2] == '-' ? 3 : 2);
}

static void one_option(char *word)
{
    const struct option *o;
    char *value = strchr(word, '=');
    bool negated = false;

    if (value)
        *value++ = '\0';
    o = find(word);
    if (!o && strip_no(word) != word) {
        o = find(strip_no(word));
        if (o && o->kind != BOOL && !o->takes_no)
            o = NULL;
        negated = o != NULL;
    }
    if (!o) {
        if (!is_silent(word) && !is_silent(strip_no(word)))
            log_warn("Unknown boot option '%s' ignored; the nearest known one is '%s'",
                     word, param_nearest(word));
        return;
    }
    if (!apply(o, value, negated))
        log_warn("Boot option '%s': bad value '%s' ignored; it is: %s", o->name,
                 value ? value : "", o->help);
}

/* Words are divided by blanks; quotes keep blanks. A first word that is a path is the
 * loader's. */
void param_parse(const char *s)
{
    bool first = true;

    while (*s) {
        char word[WORD_MAX];
        size_t n = 0;
        char quote = 0;

        while (*s == ' ' || *s == '\t' || *s == '\n')
            s++;
        for (; *s && (quote || (*s != ' ' && *s != '\t' && *s != '\n')); s++) {
            if (*s == quote)
                quote = 0;
            else if (!quote && (*s == '"' || *s == '\''))
                quote = *s;
            else if (n < WORD_MAX - 1)
                word[n++] = *s;
        }
        word[n] = '\0';
        if (n && !(first && word[0] == '/'))
            one_option(word);
        first = false;
    }
}
