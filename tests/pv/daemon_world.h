/* SPDX-License-Identifier: MIT */
/*
 * Our xenstored and a backend (WORLD_DAEMON: hvblkd, if not said otherwise), running, in
 * a folder of their own: before each test they are started; after it all of it is gone.
 */
#ifndef DAEMON_WORLD_H
#define DAEMON_WORLD_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xenstore.h>

#include "abi/io/xenbus.h"
#include "fake_guest.h"
#include "hv/door.h"
#include "store_world.h"
#include "unit.h"

#ifndef WORLD_DAEMON
#define WORLD_DAEMON "fake-hvblkd"
#endif

#define IMAGE_SIZE  (4UL << 20)
#define PATIENCE_MS 20000

static char dir[] = "/tmp/hvblkdXXXXXX";
static pid_t store, daemon_pid;
static struct xs_handle *xs;
static uint8_t *memory;

static void file_name(char out[128], const char *fmt, unsigned int n)
{
    int len = snprintf(out, 128, "%s/", dir);

    snprintf(out + len, 128 - (size_t)len, fmt, n);
}

static pid_t start(char *const argv[])
{
    pid_t pid = fork();

    if (!pid) {
        int null = open("/dev/null", O_RDWR);

        if (!getenv("TEST_VERBOSE"))
            dup2(null, STDERR_FILENO);
        dup2(null, STDOUT_FILENO);
        execv(argv[0], argv);
        _exit(127);
    }
    return pid;
}

static void start_daemon(void)
{
    char run[128], program[256];

    file_name(run, "run", 0);
    snprintf(program, sizeof(program), "%s/tests/pv/" WORLD_DAEMON, BUILD);
    daemon_pid = start((char *[]){program, "-n", "--run-dir", run, NULL});
}

static void prepare(void)
{
    char path[256];
    int fd;

    ck_assert_ptr_nonnull(mkdtemp(dir));
    setenv(GUEST_DIR_VARIABLE, dir, 1);
    store = store_start(dir, &xs);
    file_name(path, GUEST_MEMORY "-0", 0);
    fd = open(path, O_RDWR | O_CREAT, 0666);
    ck_assert_int_eq(ftruncate(fd, GUEST_PAGES * PAGE_SIZE), 0);
    memory =
        mmap(NULL, GUEST_PAGES * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    start_daemon();
}

static void finish(void)
{
    char command[160];

    if (daemon_pid) {
        kill(daemon_pid, SIGTERM);
        waitpid(daemon_pid, NULL, 0);
    }
    store_stop(store, xs);
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    ck_assert_int_eq(system(command), 0);
}

static void put(const char *folder, const char *name, const char *fmt, unsigned int n)
{
    char path[160], value[160];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    snprintf(value, sizeof(value), fmt, n);
    ck_assert(xs_write(xs, XBT_NULL, path, value, (unsigned int)strlen(value)));
}

static char *get(const char *folder, const char *name)
{
    char path[160];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return xs_read(xs, XBT_NULL, path, NULL);
}

static unsigned int state(const char *folder)
{
    char *text = get(folder, "state");
    unsigned int n = text ? (unsigned int)strtoul(text, NULL, 10) : 0;

    free(text);
    return n;
}

static void wait_state(const char *folder, unsigned int want)
{
    for (int ms = 0; ms < PATIENCE_MS && state(folder) != want; ms += 2)
        usleep(2000);
    ck_assert_uint_eq(state(folder), want);
}

static unsigned int nodes_below(const char *path)
{
    unsigned int nr = 0, all = 0;
    char **list = xs_directory(xs, XBT_NULL, path, &nr), child[256];

    for (unsigned int i = 0; list && i < nr; i++) {
        snprintf(child, sizeof(child), "%s/%s", strcmp(path, "/") ? path : "", list[i]);
        all += 1 + nodes_below(child);
    }
    free(list);
    return all;
}

static inline void make_image(unsigned int domid)
{
    char path[128];
    int fd;

    file_name(path, "image-%u", domid);
    fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0666);
    ck_assert_int_eq(ftruncate(fd, IMAGE_SIZE), 0);
    close(fd);
}

/* The tests, with this world around each. */
static int world_run(const char *name, const TTest *const *tests)
{
    return unit_run_in(name, prepare, finish, 120, tests);
}

/* A guest's end of an event channel. */
static inline int open_pipe(const char *fmt, unsigned int domid)
{
    char path[128];
    mode_t mask = umask(0);

    file_name(path, fmt, domid);
    ck_assert(!mkfifo(path, 0666) || errno == EEXIST);
    umask(mask);
    return open(path, O_RDWR | O_NONBLOCK);
}

#endif
