/* SPDX-License-Identifier: MIT */
/*
 * Measures what a kernel does for a program, one JSON line an operation:
 *   {"in":"dom0","op":"getpid","index":1,"reps":400,"min":..,"median":..,"mean":..}
 * in ticks of the TSC, which under QEMU's -icount are instructions. The same static
 * program runs on bare Linux, in dom0 and in a guest; what a place does not offer it
 * leaves out.
 *
 * Each repetition is measured alone, between BEGIN and END, so that its preparation does
 * not count; the cost of an empty pair is taken off. The median of many leaves out the
 * timer's ticks. The marks are for icount.so, which counts what the TSC does not show.
 *
 *   bench [OPERATION...]    bench -s N: only writes stamp N (0 to 9)
 *
 * As /init of a guest it stamps 9, measures what the kernel's command line names, or
 * everything, and powers the guest off.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "mark.h"
#include "xen_dev.h"

#define MAX_REPS 1000
#define PAGE     4096ul
#define PAGES    256
/* An address in a slot of the level-4 table that is empty otherwise. */
#define FAR  0x200000000000ul
#define MIB2 0x200000ul

static uint64_t ticks[MAX_REPS], empty_cost;
static unsigned done;

static inline uint64_t rdtsc(void)
{
    uint32_t lo, hi;

    __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
    return (uint64_t)hi << 32 | lo;
}

/* The number in the marks is the operation's place in the table below. */
enum {
    OP_EMPTY,
    OP_GETPID,
    OP_CLOCK,
    OP_SIGNAL,
    OP_FAULT,
    OP_MMAP,
    OP_MUNMAP,
    OP_MPROTECT,
    OP_FORK,
    OP_EXEC,
    OP_PIPE,
    OP_IOCTL,
    OP_HYPERCALL,
    OP_EVENT,
    OP_INB,
};

/* A guest's operations have numbers of their own, for the machine counts dom0's as well.
 */
static bool in_guest;
#define GUEST_OP 16
#define MARK_OP(kind, op)                                                                \
    do {                                                                                 \
        if (in_guest)                                                                    \
            MARK(kind, (op) + GUEST_OP);                                                 \
        else                                                                             \
            MARK(kind, op);                                                              \
    } while (0)

#define BEGIN(op)                                                                        \
    MARK_OP(MARK_BEGIN, op);                                                             \
    uint64_t begin_ = rdtsc()
#define END(op)                                                                          \
    do {                                                                                 \
        uint64_t end_ = rdtsc();                                                         \
        MARK_OP(MARK_END, op);                                                           \
        ticks[done++] = end_ - begin_;                                                   \
    } while (0)

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
    exit(1);
}

static char *map_at(unsigned long at, size_t len)
{
    char *p = mmap((void *)at, len, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | (at ? MAP_FIXED : 0), -1, 0);

    if (p == MAP_FAILED)
        die("mmap");
    madvise(p, len, MADV_NOHUGEPAGE);
    return p;
}

static void touch(volatile char *p, size_t pages)
{
    for (size_t i = 0; i < pages; i++)
        p[i * PAGE] = 1;
}

static bool op_empty(unsigned reps)
{
    while (reps--) {
        BEGIN(OP_EMPTY);
        END(OP_EMPTY);
    }
    return true;
}

static bool op_getpid(unsigned reps)
{
    while (reps--) {
        BEGIN(OP_GETPID);
        syscall(SYS_getpid);
        END(OP_GETPID);
    }
    return true;
}

static bool op_clock(unsigned reps)
{
    struct timespec t;

    while (reps--) {
        BEGIN(OP_CLOCK);
        clock_gettime(CLOCK_MONOTONIC, &t);
        END(OP_CLOCK);
    }
    return true;
}

static void handler(int sig)
{
}

static bool op_signal(unsigned reps)
{
    struct sigaction act = {.sa_handler = handler};
    pid_t pid = getpid();

    sigaction(SIGUSR1, &act, NULL);
    while (reps--) {
        BEGIN(OP_SIGNAL);
        syscall(SYS_kill, pid, SIGUSR1);
        END(OP_SIGNAL);
    }
    return true;
}

static bool op_fault(unsigned reps)
{
    volatile char *p = map_at(FAR, MIB2);

    p[MIB2 - PAGE] = 1;
    for (unsigned i = 0; i < reps; i++) {
        BEGIN(OP_FAULT);
        p[i * PAGE] = 1;
        END(OP_FAULT);
    }
    munmap((void *)p, MIB2);
    return true;
}

/* Nothing else is mapped near FAR: new tables of levels 1 to 3 are needed, and go again.
 */
static bool op_mmap(unsigned reps)
{
    volatile char *p;

    while (reps--) {
        BEGIN(OP_MMAP);
        p = mmap((void *)FAR, 16 * PAGE, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        *p = 1;
        munmap((void *)p, 16 * PAGE);
        END(OP_MMAP);
    }
    return true;
}

static bool op_munmap(unsigned reps)
{
    while (reps--) {
        char *p = map_at(FAR, PAGES * PAGE);

        touch(p, PAGES);
        BEGIN(OP_MUNMAP);
        munmap(p, PAGES * PAGE);
        END(OP_MUNMAP);
    }
    return true;
}

static bool op_mprotect(unsigned reps)
{
    char *p = map_at(FAR, PAGES * PAGE);

    touch(p, PAGES);
    while (reps--) {
        BEGIN(OP_MPROTECT);
        mprotect(p, PAGES * PAGE, PROT_READ);
        mprotect(p, PAGES * PAGE, PROT_READ | PROT_WRITE);
        END(OP_MPROTECT);
        touch(p, PAGES);
    }
    munmap(p, PAGES * PAGE);
    return true;
}

static bool op_fork(unsigned reps)
{
    while (reps--) {
        BEGIN(OP_FORK);
        pid_t pid = fork();

        if (pid < 0)
            die("fork");
        if (!pid)
            _exit(0);
        waitpid(pid, NULL, 0);
        END(OP_FORK);
    }
    return true;
}

static bool op_exec(unsigned reps)
{
    while (reps--) {
        BEGIN(OP_EXEC);
        pid_t pid = fork();

        if (pid < 0)
            die("fork");
        if (!pid) {
            execl("/proc/self/exe", "bench", "-x", (char *)NULL);
            _exit(1);
        }
        waitpid(pid, NULL, 0);
        END(OP_EXEC);
    }
    return true;
}

static bool op_pipe(unsigned reps)
{
    int there[2], back[2];
    char c = 0;
    pid_t pid;

    if (pipe(there) || pipe(back))
        die("pipe");
    pid = fork();
    if (!pid) {
        close(there[1]);
        while (read(there[0], &c, 1) == 1)
            if (write(back[1], &c, 1) != 1)
                break;
        _exit(0);
    }
    while (reps--) {
        BEGIN(OP_PIPE);
        if (write(there[1], &c, 1) != 1 || read(back[0], &c, 1) != 1)
            die("pipe");
        END(OP_PIPE);
    }
    close(there[1]);
    waitpid(pid, NULL, 0);
    close(there[0]);
    close(back[0]);
    close(back[1]);
    return true;
}

/* The same way into the driver as a hypercall's, turned away at once. */
static bool op_ioctl(unsigned reps)
{
    int fd = open("/dev/xen/privcmd", O_RDWR | O_CLOEXEC);

    if (fd < 0)
        return false;
    while (reps--) {
        BEGIN(OP_IOCTL);
        ioctl(fd, XEN_DEV_NO_SUCH_CALL, NULL);
        END(OP_IOCTL);
    }
    close(fd);
    return true;
}

static bool op_hypercall(unsigned reps)
{
    struct privcmd_call call = {.op = HV_CALL_XEN_VERSION};
    int fd = open("/dev/xen/privcmd", O_RDWR | O_CLOEXEC);

    if (fd < 0)
        return false;
    if (ioctl(fd, XEN_DEV_HYPERCALL, &call) <= 0)
        return false;
    while (reps--) {
        BEGIN(OP_HYPERCALL);
        ioctl(fd, XEN_DEV_HYPERCALL, &call);
        END(OP_HYPERCALL);
    }
    close(fd);
    return true;
}

static bool op_event(unsigned reps)
{
    struct evtchn_bind_remote other = {0}; /* remote domain 0: ourselves, in dom0 */
    struct evtchn_port ours = {0};
    uint32_t port;
    int fd = open("/dev/xen/evtchn", O_RDWR | O_CLOEXEC), n;

    if (fd < 0)
        return false;
    n = ioctl(fd, XEN_DEV_BIND_UNBOUND, &ours); /* its argument, too, is a domain */
    if (n < 0)
        return false;
    other.remote_port = (uint32_t)n;
    n = ioctl(fd, XEN_DEV_BIND_INTERDOMAIN, &other);
    if (n < 0)
        return false;
    ours.port = (uint32_t)n;
    while (reps--) {
        BEGIN(OP_EVENT);
        ioctl(fd, XEN_DEV_NOTIFY, &ours);
        if (read(fd, &port, 4) != 4 || write(fd, &port, 4) != 4)
            die("/dev/xen/evtchn");
        END(OP_EVENT);
    }
    close(fd);
    return true;
}

/* Whether the instruction is let through: one that is not kills the child. */
static bool inb_works(void)
{
    int status = 1;
    pid_t pid = fork();

    if (!pid) {
        inb(0x80);
        _exit(0);
    }
    waitpid(pid, &status, 0);
    return status == 0;
}

static bool op_inb(unsigned reps)
{
    if (ioperm(0x80, 1, 1) || !inb_works())
        return false;
    while (reps--) {
        BEGIN(OP_INB);
        inb(0x80);
        END(OP_INB);
    }
    ioperm(0x80, 1, 0);
    return true;
}

static const struct operation {
    const char *name;
    bool (*run)(unsigned reps);
    unsigned reps;
} operations[] = {
    [OP_EMPTY] = {"empty", op_empty, 400},
    [OP_GETPID] = {"getpid", op_getpid, 400},
    [OP_CLOCK] = {"clock_gettime", op_clock, 400},
    [OP_SIGNAL] = {"signal", op_signal, 400},
    [OP_FAULT] = {"fault", op_fault, 400},
    [OP_MMAP] = {"mmap", op_mmap, 100},
    [OP_MUNMAP] = {"munmap", op_munmap, 20},
    [OP_MPROTECT] = {"mprotect", op_mprotect, 20},
    [OP_FORK] = {"fork", op_fork, 60},
    [OP_EXEC] = {"exec", op_exec, 40},
    [OP_PIPE] = {"pipe", op_pipe, 200},
    [OP_IOCTL] = {"ioctl", op_ioctl, 400},
    [OP_HYPERCALL] = {"hypercall", op_hypercall, 400},
    [OP_EVENT] = {"event", op_event, 200},
    [OP_INB] = {"inb", op_inb, 400},
};
#define OPERATIONS (sizeof(operations) / sizeof(operations[0]))

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static unsigned long long less_empty(uint64_t cost)
{
    return cost > empty_cost ? cost - empty_cost : 0;
}

static void report(unsigned index)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < done; i++)
        sum += ticks[i];
    qsort(ticks, done, sizeof(ticks[0]), by_size);
    if (index == OP_EMPTY)
        empty_cost = ticks[done / 2];
    printf("{\"in\":\"%s\",\"op\":\"%s\",\"index\":%u,\"reps\":%u,",
           in_guest ? "guest" : "dom0", operations[index].name,
           index + (in_guest ? GUEST_OP : 0), done);
    printf("\"min\":%llu,\"median\":%llu,\"mean\":%llu}\n", less_empty(ticks[0]),
           less_empty(ticks[done / 2]), less_empty(sum / done));
    fflush(stdout);
}

/* A few repetitions first: caches of the kernel's, and copies of pages shared with the
 * parent. They are marked too, so the plugin's counts are of reps + WARM_UP repetitions.
 */
#define WARM_UP 8

static void measure(unsigned index)
{
    const struct operation *o = &operations[index];

    done = 0;
    if (!o->run(WARM_UP))
        return;
    done = 0;
    o->run(o->reps);
    report(index);
}

static bool wanted(const char *name, char **names)
{
    if (!names[0])
        return true;
    for (; *names; names++)
        if (!strcmp(*names, name))
            return true;
    return false;
}

/* Where pages lie decides how many tables an operation touches: no randomness, one CPU.
 */
static void settle(char **argv)
{
    cpu_set_t one;

    if (!(personality(0xffffffff) & ADDR_NO_RANDOMIZE)) {
        personality((unsigned long)personality(0xffffffff) | ADDR_NO_RANDOMIZE);
        execv("/proc/self/exe", argv);
        die("exec");
    }
    CPU_ZERO(&one);
    CPU_SET(0, &one);
    sched_setaffinity(0, sizeof(one), &one);
}

static int stamp(int n)
{
    switch (n) {
#define STAMP(n)                                                                         \
    case n:                                                                              \
        MARK(MARK_STAMP, n);                                                             \
        return 0
        STAMP(0);
        STAMP(1);
        STAMP(2);
        STAMP(3);
        STAMP(4);
        STAMP(5);
        STAMP(6);
        STAMP(7);
        STAMP(8);
        STAMP(9);
    }
    return 2;
}

/* /init of a guest has nothing around it but a console. */
static void guest_begin(void)
{
    in_guest = true;
    stamp(9);
    mkdir("/proc", 0755);
    if (mount("proc", "/proc", "proc", 0, NULL))
        die("mount");
}

static void guest_end(void)
{
    puts("guest done");
    fflush(stdout);
    tcdrain(1);
    reboot(RB_POWER_OFF);
}

int main(int argc, char **argv)
{
    if (argc == 2 && !strcmp(argv[1], "-x"))
        return 0;
    if (argc == 3 && !strcmp(argv[1], "-s"))
        return stamp(atoi(argv[2]));
    if (getpid() == 1 && access("/proc/self", F_OK))
        guest_begin();
    in_guest = getpid() == 1;
    settle(argv);
    measure(OP_EMPTY);
    for (unsigned i = OP_EMPTY + 1; i < OPERATIONS; i++)
        if (wanted(operations[i].name, argv + 1))
            measure(i);
    if (in_guest)
        guest_end();
    return 0;
}
