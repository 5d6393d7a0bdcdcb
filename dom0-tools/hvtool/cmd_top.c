/* SPDX-License-Identifier: MIT */
/*
 * hvtool top: what domains use, as rates between two looks. On a terminal it redraws and
 * obeys keys; otherwise, or with -b, it prints one block after another.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "daemon/clock.h"
#include "dom/usage.h"
#include "tool.h"

struct row {
    hv_domid_t domid;
    uint8_t uuid[16];
    uint64_t cpu_ns, pages;
    unsigned int vcpus;
    struct dom_traffic disk, net;
    char name[32], state[7];
    /* Since the last look, a second. */
    double cpu; /* percent of one CPU */
    struct {
        double in, out; /* bytes */
    } disk_rate, net_rate;
};

struct look {
    struct row *row;
    unsigned int nr;
    double at; /* seconds */
};

enum order { BY_CPU, BY_MEMORY, BY_DISK, BY_NET, BY_ID, NR_ORDERS };

static struct {
    enum order order;
    double delay;
    long rounds; /* 0: until stopped */
    bool batch;
} opt;

/* --- looking --- */

static double now(void)
{
    return (double)clock_ns() / 1e9;
}

static void fill(struct tool *t, struct row *r, const struct hv_domctl_getdomaininfo *i)
{
    char *name = dom_name(&t->host, i->domain);

    *r = (struct row){.domid = i->domain,
                      .cpu_ns = i->cpu_time,
                      .pages = i->tot_pages,
                      .vcpus = i->nr_online_vcpus};
    memcpy(r->uuid, i->handle, sizeof(r->uuid));
    tool_state_letters(i, r->state);
    snprintf(r->name, sizeof(r->name), "%s", name ? name : "(null)");
    free(name);
}

static int look(struct tool *t, struct look *out)
{
    struct hv_domctl_getdomaininfo *list;
    struct dom_usage *usage;
    unsigned int nr_usage;

    if (dom_list(&t->host, 0, &list, &out->nr, &t->err))
        return 1;
    out->row = calloc(out->nr + 1, sizeof(*out->row));
    if (!out->row || dom_usage_read("", &usage, &nr_usage)) {
        free(list);
        return dom_fail(&t->err, 1, "out of memory");
    }
    out->at = now();
    for (unsigned int i = 0; i < out->nr; i++) {
        struct row *r = &out->row[i];

        fill(t, r, &list[i]);
        r->disk = dom_usage_sum(usage, nr_usage, DOM_DISK, r->domid);
        r->net = dom_usage_sum(usage, nr_usage, DOM_NET, r->domid);
    }
    free(usage);
    free(list);
    return 0;
}

/* A counter that has begun anew, with its device, shows nothing for once. */
static double rate(uint64_t before, uint64_t after, double seconds)
{
    return after > before && seconds > 0 ? (double)(after - before) / seconds : 0;
}

static void rates(const struct look *before, struct look *after)
{
    double seconds = after->at - before->at;

    for (unsigned int i = 0; i < after->nr; i++) {
        struct row *r = &after->row[i];
        const struct row *b = NULL;

        for (unsigned int j = 0; j < before->nr && !b; j++)
            if (before->row[j].domid == r->domid &&
                !memcmp(before->row[j].uuid, r->uuid, sizeof(r->uuid)))
                b = &before->row[j];
        if (!b)
            continue; /* new: nothing to compare with yet */
        r->cpu = rate(b->cpu_ns, r->cpu_ns, seconds) / 1e7;
        r->disk_rate.in = rate(b->disk.in_bytes, r->disk.in_bytes, seconds);
        r->disk_rate.out = rate(b->disk.out_bytes, r->disk.out_bytes, seconds);
        r->net_rate.in = rate(b->net.in_bytes, r->net.in_bytes, seconds);
        r->net_rate.out = rate(b->net.out_bytes, r->net.out_bytes, seconds);
    }
}

/* --- showing --- */

static double key_of(const struct row *r)
{
    switch (opt.order) {
    case BY_CPU:
        return r->cpu;
    case BY_MEMORY:
        return (double)r->pages;
    case BY_DISK:
        return r->disk_rate.in + r->disk_rate.out;
    case BY_NET:
        return r->net_rate.in + r->net_rate.out;
    default:
        return -(double)r->domid;
    }
}

static int greater_first(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    double kx = key_of(x), ky = key_of(y);

    if (kx != ky)
        return kx > ky ? -1 : 1;
    return x->domid < y->domid ? -1 : x->domid > y->domid;
}

static void show(struct tool *t, struct look *l, const char *eol, unsigned int lines)
{
    static const char *const orders[] = {"CPU", "memory", "disk", "network", "number"};
    struct hv_sysctl op = {.cmd = HV_SYSCTL_PHYSINFO};
    const struct hv_sysctl_physinfo *p = &op.u.physinfo;
    char clock[16];
    time_t wall = time(NULL);

    strftime(clock, sizeof(clock), "%H:%M:%S", localtime(&wall));
    printf("hvtool top - %s  %u domains, by %s", clock, l->nr, orders[opt.order]);
    if (!door_sysctl(t->host.door, &op))
        printf("; %u CPUs, %llu of %llu MiB free", p->nr_cpus,
               (unsigned long long)p->free_pages / PAGES_PER_MIB,
               (unsigned long long)p->total_pages / PAGES_PER_MIB);
    printf("%s%-20s %5s %-6s %7s %9s %5s %9s %9s %9s %9s%s", eol, "Name", "ID", "State",
           "CPU%", "Mem MiB", "VCPUs", "Rd KiB/s", "Wr KiB/s", "Rx KiB/s", "Tx KiB/s",
           eol);
    qsort(l->row, l->nr, sizeof(l->row[0]), greater_first);
    for (unsigned int i = 0; i < l->nr && i + 2 < lines; i++) {
        const struct row *r = &l->row[i];

        printf("%-20.20s %5u %s %7.1f %9llu %5u %9.1f %9.1f %9.1f %9.1f%s", r->name,
               r->domid, r->state, r->cpu, (unsigned long long)r->pages / PAGES_PER_MIB,
               r->vcpus, r->disk_rate.in / 1024, r->disk_rate.out / 1024,
               r->net_rate.in / 1024, r->net_rate.out / 1024, eol);
    }
}

/* --- the terminal --- */

static struct termios before_us;

static void leave_terminal(void)
{
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_us);
    printf("\033[?25h");
    fflush(stdout);
}

static void enter_terminal(void)
{
    struct termios raw;

    tcgetattr(STDIN_FILENO, &before_us);
    raw = before_us;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw);
    printf("\033[?25l");
    atexit(leave_terminal);
}

static unsigned int terminal_lines(void)
{
    struct winsize size;

    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || size.ws_row < 4 ? 24 : size.ws_row;
}

/* Waits until it is time to look again, or a key was pressed; false: to leave. */
static bool wait_key(double until)
{
    struct pollfd fd = {.fd = STDIN_FILENO, .events = POLLIN};
    static const char keys[] = "cmdni";
    const char *key;
    char c;
    int ms = (int)((until - now()) * 1000);

    if (poll(&fd, 1, ms > 0 ? ms : 0) <= 0)
        return true;
    if (read(STDIN_FILENO, &c, 1) != 1 || c == 'q')
        return false;
    if (c == 's')
        opt.order = (opt.order + 1) % NR_ORDERS;
    key = c ? strchr(keys, c) : NULL;
    if (key)
        opt.order = (enum order)(key - keys);
    return true;
}

static void pause_for(double seconds)
{
    struct timespec t = {.tv_sec = (time_t)seconds};

    t.tv_nsec = (long)((seconds - (double)t.tv_sec) * 1e9);
    nanosleep(&t, NULL);
}

static int run(struct tool *t)
{
    struct look old, new;
    bool go_on = true;

    if (look(t, &old))
        return 1;
    for (long round = 0; go_on && (!opt.rounds || round < opt.rounds); round++) {
        if (opt.batch)
            pause_for(opt.delay);
        else
            go_on = wait_key(old.at + (round ? opt.delay : 0.2));
        if (!go_on || look(t, &new))
            break;
        rates(&old, &new);
        printf("%s", opt.batch ? (round ? "\n" : "") : "\033[H");
        show(t, &new, opt.batch ? "\n" : "\033[K\n", opt.batch ? -1U : terminal_lines());
        printf("%s", opt.batch ? "" : "\033[J");
        fflush(stdout);
        free(old.row);
        old = new;
    }
    free(old.row);
    return t->err.text[0] ? 1 : 0;
}

static bool set_order(const char *name)
{
    static const char *const names[NR_ORDERS] = {"cpu", "memory", "disk", "network",
                                                 "number"};

    for (int i = 0; i < NR_ORDERS; i++) {
        if (strcmp(name, names[i]) != 0)
            continue;
        opt.order = (enum order)i;
        return true;
    }
    return false;
}

int cmd_top(struct tool *t, int argc, char **argv)
{
    char *end = NULL;
    int c;

    opt.delay = 3;
    while ((c = getopt(argc, argv, "bn:d:o:")) != -1) {
        opt.batch |= c == 'b';
        if (c == 'n')
            opt.rounds = strtol(optarg, &end, 10);
        if (c == 'd')
            opt.delay = strtod(optarg, &end);
        if (c == '?' || (end && *end) || opt.rounds < 0 || !(opt.delay > 0) ||
            opt.delay > 86400 || (c == 'o' && !set_order(optarg)))
            return tool_usage(t);
    }
    if (optind < argc)
        return tool_usage(t);
    if (tool_open(t))
        return 1;
    opt.batch |= !isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO);
    if (!opt.batch)
        enter_terminal();
    return run(t);
}
