/* SPDX-License-Identifier: MIT */
/*
 * The log: a ring that tools read, written together with the consoles.
 *
 * The ring holds the last LOG_SIZE characters; a position is a 32-bit count of characters
 * ever written, so that a reader who kept one can tell what is new and what he missed.
 * Lines carry the prefix that people and scripts know from Xen.
 *
 * Locks: log_lock (RANK_CONSOLE, irqs masked) keeps lines whole. A CPU that dies while it
 * holds it, or another one that does, must still be able to print: once panicking is set,
 * printing does not wait.
 */
#include "kern/log.h"
#include "kern/lock.h"
#include "kern/param.h"
#include "lib/string.h"
#include "port/clock.h"
#include "port/console.h"
#include "port/cpu.h"

#define LOG_SIZE (32u << 10) /* power of two */
#define LINE     512

static char ring[LOG_SIZE];
static uint32_t produced, start; /* start: what a clear dropped */
static spinlock_t log_lock = SPINLOCK_INIT(RANK_CONSOLE);
static _Atomic bool panicking;
static bool line_open; /* the last line lacks its newline */

static bool lock_log(irqflags_t *f)
{
    if (atomic_load(&panicking)) {
        *f = irq_save();
        return false;
    }
    *f = spin_lock_irq(&log_lock);
    return true;
}

static void unlock_log(bool locked, irqflags_t f)
{
    if (locked)
        spin_unlock_irq(&log_lock, f);
    else
        irq_restore(f);
}

/* To the consoles only: what the control domain prints is not the hypervisor's log. */
static void emit_raw(const char *s, size_t n)
{
    if (!n)
        return;
    line_open = s[n - 1] != '\n';
    console_write(s, n);
}

static void emit(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ring[produced++ % LOG_SIZE] = s[i];
    emit_raw(s, n);
}

static void close_line(void)
{
    if (line_open)
        emit_raw("\n", 1);
}

/* Every line of the text with its prefix; a missing last newline is added. */
static void emit_lines(const char *prefix, const char *s)
{
    close_line();
    do {
        size_t n = 0;

        while (s[n] && s[n] != '\n')
            n++;
        emit(prefix, strlen(prefix));
        emit(s, n);
        emit("\n", 1);
        s += n + (s[n] == '\n');
    } while (*s);
}

static void log_vprint(const char *fmt, va_list ap)
{
    char text[LINE];
    irqflags_t f;
    bool locked;

    vsnprintf(text, sizeof(text), fmt, ap);
    locked = lock_log(&f);
    emit_lines("(XEN) ", text);
    unlock_log(locked, f);
}

void log_print(enum log_level level, const char *fmt, ...)
{
    va_list ap;

    if ((unsigned)level > boot_params.loglvl)
        return;
    va_start(ap, fmt);
    log_vprint(fmt, ap);
    va_end(ap);
}

/* What guests cause may not fill the log or stop the machine at the serial line's speed:
 * a bucket of characters that fills with time. */
#define BUCKET_MAX 16384
#define BUCKET_NS_PER_CHAR                                                               \
    100000ull /* 10 characters a millisecond: about 115200 baud                          \
               */

static uint64_t bucket = BUCKET_MAX, bucket_time;
static uint32_t suppressed;

/* log_lock is held. */
static bool bucket_take(size_t n)
{
    uint64_t now = clock_now(), add = (now - bucket_time) / BUCKET_NS_PER_CHAR;

    if (add) {
        bucket = MIN(bucket + add, (uint64_t)BUCKET_MAX);
        bucket_time = now;
    }
    if (bucket < n) {
        suppressed++;
        return false;
    }
    bucket -= n;
    if (suppressed) {
        char text[64];

        snprintf(text, sizeof(text), "%u guest messages were suppressed", suppressed);
        suppressed = 0;
        emit_lines("(XEN) ", text);
    }
    return true;
}

void log_print_guest(enum log_level level, const char *fmt, ...)
{
    char text[LINE];
    irqflags_t f;
    bool locked;
    va_list ap;

    if ((unsigned)level > boot_params.guest_loglvl)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    locked = lock_log(&f);
    if (bucket_take(strlen(text)))
        emit_lines("(XEN) ", text);
    unlock_log(locked, f);
}

/* Lines of guests other than dom0 are put together here; the one whose line is oldest
 * loses its place. */
#define GUEST_LINE 128
static struct guest_line {
    unsigned domid; /* 0: free */
    unsigned used;  /* turn of last use */
    unsigned n;
    char text[GUEST_LINE + 1];
} guest_lines[8];
static unsigned guest_turn;

static void flush_guest(struct guest_line *g)
{
    char prefix[16];

    g->text[g->n] = '\0';
    snprintf(prefix, sizeof(prefix), "(d%u) ", g->domid);
    if (g->n && bucket_take(g->n))
        emit_lines(prefix, g->text);
    g->n = 0;
}

static struct guest_line *guest_line(unsigned domid)
{
    struct guest_line *g = &guest_lines[0];

    for (unsigned i = 0; i < ARRAY_SIZE(guest_lines); i++) {
        if (guest_lines[i].domid == domid) {
            g = &guest_lines[i];
            break;
        }
        if (guest_lines[i].used < g->used)
            g = &guest_lines[i];
    }
    if (g->domid != domid) {
        flush_guest(g);
        g->domid = domid;
    }
    g->used = ++guest_turn;
    return g;
}

/* Terminals obey escape sequences, so a guest's control characters do not get through. */
static void guest_char(struct guest_line *g, char c)
{
    if (c == '\n' || g->n == GUEST_LINE)
        flush_guest(g);
    if ((c >= ' ' && c < 0x7f) || c == '\t')
        g->text[g->n++] = c;
}

void log_guest(unsigned domid, const char *s, size_t n)
{
    irqflags_t f;
    bool locked;

    if (domid && boot_params.guest_loglvl < LOG_DEBUG)
        return;
    locked = lock_log(&f);
    if (domid) {
        struct guest_line *g = guest_line(domid);

        for (size_t i = 0; i < n; i++)
            guest_char(g, s[i]);
    } else if (boot_params.console_to_ring) {
        emit(s, n);
    } else {
        emit_raw(s, n); /* the control domain owns the console: raw, as Xen does */
    }
    unlock_log(locked, f);
}

size_t log_read(char *buf, size_t n, uint32_t *index, bool clear)
{
    uint32_t from = *index, oldest;
    size_t got = 0;
    irqflags_t f;
    bool locked = lock_log(&f);

    oldest = produced > LOG_SIZE ? produced - LOG_SIZE : 0;
    if ((int32_t)(start - oldest) > 0)
        oldest = start;
    if ((int32_t)(from - oldest) < 0 || (int32_t)(produced - from) < 0)
        from = oldest;
    while (got < n && from != produced)
        buf[got++] = ring[from++ % LOG_SIZE];
    *index = from;
    if (clear)
        start = produced;
    unlock_log(locked, f);
    return got;
}

void panic(const char *fmt, ...)
{
    bool first = !atomic_exchange(&panicking, true);
    char text[LINE];
    va_list ap;

    irq_disable();
    if (!first)
        cpu_halt_forever();
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    cpu_stop_others();
    cpu_dump_state();
    cpu_dump_others();
    log_err("%s", "");
    log_err("****************************************");
    log_err("Panic on CPU %u:", cpu_id());
    log_err("%s", text);
    log_err("****************************************");
    log_err("%s", "");
    if (boot_params.noreboot) {
        log_err("Manual reset required ('noreboot' specified)");
        cpu_halt_forever();
    }
    log_err("Reboot in five seconds...");
    for (uint64_t end = clock_now() + 5000000000ull; clock_now() < end;)
        cpu_relax();
    machine_restart();
}

void assert_failed(const char *what, const char *file, int line)
{
    panic("Assertion '%s' failed at %s:%d", what, file, line);
}
