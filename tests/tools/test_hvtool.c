/* SPDX-License-Identifier: MIT */
/*
 * hvtool and our xenstored, on a hypervisor of files (fake_hyper.c): the options that
 * users of xl type, and what is left when any step of a creation fails: nothing.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xenstore.h>

#include "image.h"
#include "store_world.h"
#include "unit.h"

static char dir[] = "/tmp/hvtoolXXXXXX";
static pid_t store;
static struct xs_handle *xs;
static char out[65536]; /* of the last command, both streams */
static int status;

const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}

__attribute__((format(printf, 1, 2))) static int run(const char *fmt, ...)
{
    char args[512], line[1024];
    va_list list;
    size_t len = 0, n;
    FILE *f;

    va_start(list, fmt);
    vsnprintf(args, sizeof(args), fmt, list);
    va_end(list);
    snprintf(line, sizeof(line), "cd %s && %s/tests/tools/fake-hvtool %s 2>&1", dir,
             BUILD, args);
    f = popen(line, "r");
    while ((n = fread(out + len, 1, sizeof(out) - 1 - len, f)))
        len += n;
    out[len] = 0;
    status = pclose(f);
    status = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
    return status;
}

static void says(const char *text)
{
    ck_assert_msg(strstr(out, text), "no '%s' in: %s", text, out);
}

/* Macros, so that a failure names its line. */
#define works(...) ck_assert_msg(!run(__VA_ARGS__), "status %d: %s", status, out)
#define refuses(why, ...)                                                                \
    do {                                                                                 \
        ck_assert_int_eq(run(__VA_ARGS__), 1);                                           \
        says(why);                                                                       \
    } while (0)

static void write_file(const char *name, const void *data, size_t size)
{
    char path[128];
    int fd;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ck_assert_int_eq(write(fd, data, size), (int)size);
    close(fd);
}

static void prepare(void)
{
    static struct test_elf kernel;
    char text[512];

    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(text, sizeof(text), "%s/domains", dir);
    setenv("FAKE_DOMAINS", text, 1);
    store = store_start(dir, &xs);
    ck_assert(xs_write(xs, XBT_NULL, "/local/domain/0/name", "Domain-0", 8));
    /* Folders that stay. */
    xs_mkdir(xs, XBT_NULL, "/vm");
    xs_mkdir(xs, XBT_NULL, "/libxl");
    test_elf_make(&kernel);
    write_file("kernel", &kernel, sizeof(kernel));
    snprintf(text, sizeof(text),
             "name = 'g'\nkernel = '%s/kernel'\nmemory = 64\nvcpus = 2\nmaxvcpus = 4\n"
             "channel = ['connection=pty,name=one',"
             "'connection=socket,name=two,path=%s/sock']\n",
             dir, dir);
    write_file("g.cfg", text, strlen(text));
}

static void finish(void)
{
    char command[64];

    store_stop(store, xs);
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    ck_assert_int_eq(system(command), 0);
}

static char *node(const char *path)
{
    return xs_read(xs, XBT_NULL, path, NULL);
}

/* All paths of the store, in its order. */
static size_t tree(const char *path, char *to, size_t at, size_t size)
{
    unsigned int nr = 0;
    char **list = xs_directory(xs, XBT_NULL, path, &nr), child[256];

    for (unsigned int i = 0; list && i < nr; i++) {
        snprintf(child, sizeof(child), "%s/%s", strcmp(path, "/") ? path : "", list[i]);
        if (!strncmp(child, "/tool", 5))
            continue;
        at += (size_t)snprintf(to + at, size - at, "%s\n", child);
        ck_assert_uint_lt(at, size);
        at = tree(child, to, at, size);
    }
    free(list);
    return at;
}

START_TEST(whatever_fails_while_a_domain_is_made_nothing_is_left)
{
    static char before[16384], after[16384];
    char number[16];
    int n = 0;

    tree("/", before, 0, sizeof(before));
    for (;;) {
        snprintf(number, sizeof(number), "%d", ++n);
        setenv("FAKE_FAIL", number, 1);
        run("create -e g.cfg");
        ck_assert_msg(status < 2, "call %d: status %d, %s", n, status, out);
        if (!status)
            break;
        /* One line says why. */
        says(" fails]\nhvtool create: ");
        ck_assert_str_eq(strchr(strstr(out, "hvtool create: "), '\n'), "\n");
        run("list");
        ck_assert_msg(!strstr(out, "\ng "), "call %d: %s", n, out);
        after[0] = 0;
        tree("/", after, 0, sizeof(after));
        ck_assert_msg(!strcmp(before, after), "call %d leaves %s", n, after);
        ck_assert_int_lt(n, 1000);
    }
    unsetenv("FAKE_FAIL");
    ck_assert_msg(n > 100, "%d: %s", n, out);
    works("list g");
    works("destroy -f g");
    tree("/", after, 0, sizeof(after));
    ck_assert_str_eq(before, after);
}
END_TEST

START_TEST(create_takes_xls_options_in_any_place)
{
    works("create g.cfg -e -q -p");
    ck_assert_str_eq(out, "");
    works("destroy g");
    works("create -e -d -f g.cfg memory=32 name=h");
    says("Domain 1: h");
    works("destroy h");
    works("create -e --defconfig=g.cfg 'name=\"i\"'");
    works("destroy i");
    works("create -n g.cfg");
    works("-v -N create g.cfg");
    refuses("there is no domain named 'g'", "list g");
    ck_assert_int_eq(run("-N destroy g"), 1);
    refuses("there is no option '-x' before a command", "-x list");
    refuses("Usage: hvtool create", "create -e");
}
END_TEST

START_TEST(lists_have_xls_columns)
{
    works("create -e -q g.cfg");
    works("list -Z");
    says("\tTime(s)   Security Label\n");
    works("list -c");
    says("\tTime(s)         Cpupool\n");
    says(" Pool-0\n");
    works("list --numa g");
    says(" NODE Affinity\n");
    says(" all\n");
    ck_assert(!strstr(out, "Domain-0"));
    works("list -v -c -n g");
    says("Reason-Code\tSecurity Label         Cpupool NODE Affinity\n");
    works("list -l g");
    says("\"name\": \"g\"");
    works("vm-list");
    says("  1    g");
    ck_assert(!strstr(out, "Domain-0"));
    works("vcpu-list Domain-0 g");
    says("Domain-0 ");
    says("\ng ");
    works("sched-credit -d g");
    works("sched-credit2 -d g");
}
END_TEST

START_TEST(vcpu_set_and_sysrq_reach_the_guest)
{
    works("create -e -q g.cfg");
    ck_assert_str_eq(node("/local/domain/1/cpu/1/availability"), "online");
    ck_assert_str_eq(node("/local/domain/1/cpu/2/availability"), "offline");
    works("vcpu-set g 3");
    ck_assert_str_eq(node("/local/domain/1/cpu/2/availability"), "online");
    ck_assert_str_eq(node("/local/domain/1/cpu/3/availability"), "offline");
    works("vcpu-set -i g 1");
    ck_assert_str_eq(node("/local/domain/1/cpu/0/availability"), "online");
    ck_assert_str_eq(node("/local/domain/1/cpu/1/availability"), "offline");
    refuses("domain 1 has at most 4 vCPUs", "vcpu-set g 5");
    ck_assert_int_eq(run("vcpu-set g 0"), 1);
    ck_assert_int_eq(run("vcpu-set g many"), 1);
    works("sysrq g h");
    ck_assert_str_eq(node("/local/domain/1/control/sysrq"), "h");
    ck_assert_int_eq(run("sysrq g help"), 1);
}
END_TEST

START_TEST(memory_is_set_as_xl_sets_it)
{
    static const char *const bad[] = {"0",    "x",  "12q",
                                      "12mm", "-5", "99999999999999999999"};

    works("create -e -q g.cfg maxmem=128");
    ck_assert_str_eq(node("/local/domain/1/memory/target"), "65536");
    works("mem-set g 100m");
    ck_assert_str_eq(node("/local/domain/1/memory/target"), "102400");
    works("list -l g");
    says("\"max_memory_kib\": 103424"); /* a MiB more, as libxl has it */
    works("mem-set g 51200");
    ck_assert_str_eq(node("/local/domain/1/memory/target"), "51200");
    refuses("domain 1 may have at most 131072 KiB", "mem-set g 1g");
    works("mem-max g 1G");
    works("list -l g");
    says("\"max_memory_kib\": 1049600");
    ck_assert_str_eq(node("/local/domain/1/memory/target"), "51200");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ck_assert_int_eq(run("mem-set g %s", bad[i]), 1);
        says("is not an amount of memory");
    }
}
END_TEST

START_TEST(stats_tell_of_each_virtual_cpu)
{
    works("create -e -q g.cfg");
    works("stats g");
    says("\"vcpu_times\"");
    says("\"cpu_time_ns\": 12000000000");
    works("stats --prometheus");
    says("# TYPE ostler_vcpu_seconds_total counter\n");
    says("ostler_vcpu_seconds_total{domid=\"1\",name=\"g\",vcpu=\"3\"} 14.000000000\n");
    says("ostler_vcpu_seconds_total{domid=\"0\",name=\"Domain-0\",vcpu=\"1\"} 2.0");
}
END_TEST

START_TEST(channels_are_laid_out_as_libxl_does_it)
{
    static const char *const dom0s[] = {"name", "type", "tty", "limit", "output"};
    unsigned int nr;
    char path[128];

    works("create -e -q g.cfg");
    ck_assert_str_eq(node("/local/domain/1/device/console/1/name"), "one");
    ck_assert_str_eq(node("/local/domain/1/device/console/1/backend"),
                     "/local/domain/0/backend/console/1/1");
    ck_assert_str_eq(node("/local/domain/0/backend/console/1/1/connection"), "pty");
    ck_assert_str_eq(node("/local/domain/0/backend/console/1/2/connection"), "socket");
    ck_assert_ptr_nonnull(node("/local/domain/0/backend/console/1/2/path"));
    for (size_t i = 0; i < sizeof(dom0s) / sizeof(dom0s[0]); i++) {
        struct xs_permissions *p;

        snprintf(path, sizeof(path), "/local/domain/1/device/console/2/%s", dom0s[i]);
        p = xs_get_permissions(xs, XBT_NULL, path, &nr);
        ck_assert_ptr_nonnull(p);
        ck_assert_uint_eq(p[0].id, 0); /* the guest does not own it */
        free(p);
    }
    works("channel-list g");
    says("\n1   0  1     0      0        pty ");
    says("\n2   0  1     0      0        socket ");
    works("channel-list --json g");
    says("\"name\": \"two\"");
    refuses("console 2 of domain 1 is the socket ", "console -n 2 g");
    refuses("domain 1 has no console 7; 'hvtool channel-list'", "console -n 7 g");
    refuses("type pv only, not 'serial'", "console -t serial g");
    refuses("'x' is not a console's number", "console -n x g");
}
END_TEST

START_TEST(console_goes_where_dom0_says_and_not_the_guest)
{
    works("create -e -q g.cfg");
    ck_assert(xs_write(xs, XBT_NULL, "/local/domain/1/device/console/1/tty",
                       "/dev/guests-choice", 18));
    ck_assert(xs_write(xs, XBT_NULL, "/local/domain/0/backend/console/1/1/tty",
                       "/dev/ours", 9));
    refuses("cannot open the console /dev/ours", "console -t pv -n 1 g");
}
END_TEST

START_TEST(messages_name_what_is_wrong_and_what_to_do)
{
    refuses("hvtool create: cannot open nowhere.cfg: No such file or directory",
            "create nowhere.cfg");
    refuses("cannot open kernel /nowhere/k: No such file or directory",
            "create g.cfg kernel=/nowhere/k");
    refuses("argument:1:1: unknown key 'memroy', did you mean 'memory'?",
            "create g.cfg memroy=5");
    refuses("'x' are no CPUs, as in 0-3,^2 or all", "vcpu-pin 0 0 x");
    refuses("there is no domain 77", "shutdown 77");
    refuses("hvtool destroy: there is no domain named 'nobody'", "destroy nobody");
    refuses("there is no command 'crate', did you mean 'create'?", "crate g.cfg");
}
END_TEST

START_TEST(a_channel_that_cannot_be_is_said_before_the_domain_is_made)
{
    ck_assert_int_eq(run("create -e g.cfg "
                         "'channel=[\"connection=socket,name=c,path=/nowhere/at/all\"]'"),
                     1);
    says("channel c: cannot make a socket in /nowhere/at: No such file or directory");
    ck_assert_int_eq(run("create -e g.cfg 'channel=[\"connection=socket,name=c,"
                         "path=%s/kernel\"]'",
                         dir),
                     1);
    says("is there and is not a socket");
    ck_assert_int_eq(run("list g"), 1);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        whatever_fails_while_a_domain_is_made_nothing_is_left,
        create_takes_xls_options_in_any_place,
        lists_have_xls_columns,
        vcpu_set_and_sysrq_reach_the_guest,
        memory_is_set_as_xl_sets_it,
        stats_tell_of_each_virtual_cpu,
        channels_are_laid_out_as_libxl_does_it,
        console_goes_where_dom0_says_and_not_the_guest,
        messages_name_what_is_wrong_and_what_to_do,
        a_channel_that_cannot_be_is_said_before_the_domain_is_made,
        NULL};

    return unit_run_in("hvtool", prepare, finish, 120, tests);
}
