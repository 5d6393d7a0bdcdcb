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
    ck_assert_int_eq(run("list g"), 0);
    ck_assert_int_eq(run("destroy -f g"), 0);
    tree("/", after, 0, sizeof(after));
    ck_assert_str_eq(before, after);
}
END_TEST

START_TEST(create_takes_xls_options_in_any_place)
{
    ck_assert_int_eq(run("create g.cfg -e -q -p"), 0);
    ck_assert_str_eq(out, "");
    ck_assert_int_eq(run("destroy g"), 0);
    ck_assert_int_eq(run("create -e -d -f g.cfg memory=32 name=h"), 0);
    says("Domain 1: h");
    ck_assert_int_eq(run("destroy h"), 0);
    ck_assert_int_eq(run("create -e --defconfig=g.cfg 'name=\"i\"'"), 0);
    ck_assert_int_eq(run("destroy i"), 0);
    ck_assert_int_eq(run("create -n g.cfg"), 0);
    ck_assert_int_eq(run("-v -N create g.cfg"), 0);
    ck_assert_int_eq(run("list g"), 1);
    says("there is no domain named 'g'");
    ck_assert_int_eq(run("-N destroy g"), 1);
    ck_assert_int_eq(run("-x list"), 1);
    says("there is no option '-x' before a command");
    ck_assert_int_eq(run("create -e"), 1);
    says("Usage: hvtool create");
}
END_TEST

START_TEST(lists_have_xls_columns)
{
    ck_assert_int_eq(run("create -e -q g.cfg"), 0);
    ck_assert_int_eq(run("list -Z"), 0);
    says("\tTime(s)   Security Label\n");
    ck_assert_int_eq(run("list -c"), 0);
    says("\tTime(s)         Cpupool\n");
    says(" Pool-0\n");
    ck_assert_int_eq(run("list --numa g"), 0);
    says(" NODE Affinity\n");
    says(" all\n");
    ck_assert(!strstr(out, "Domain-0"));
    ck_assert_int_eq(run("list -v -c -n g"), 0);
    says("Reason-Code\tSecurity Label         Cpupool NODE Affinity\n");
    ck_assert_int_eq(run("list -l g"), 0);
    says("\"name\": \"g\"");
    ck_assert_int_eq(run("vm-list"), 0);
    says("  1    g");
    ck_assert(!strstr(out, "Domain-0"));
    ck_assert_int_eq(run("vcpu-list Domain-0 g"), 0);
    says("Domain-0 ");
    says("\ng ");
    ck_assert_int_eq(run("sched-credit -d g"), 0);
    ck_assert_int_eq(run("sched-credit2 -d g"), 0);
}
END_TEST

START_TEST(vcpu_set_and_sysrq_reach_the_guest)
{
    ck_assert_int_eq(run("create -e -q g.cfg"), 0);
    ck_assert_str_eq(node("/local/domain/1/cpu/1/availability"), "online");
    ck_assert_str_eq(node("/local/domain/1/cpu/2/availability"), "offline");
    ck_assert_int_eq(run("vcpu-set g 3"), 0);
    ck_assert_str_eq(node("/local/domain/1/cpu/2/availability"), "online");
    ck_assert_str_eq(node("/local/domain/1/cpu/3/availability"), "offline");
    ck_assert_int_eq(run("vcpu-set -i g 1"), 0);
    ck_assert_str_eq(node("/local/domain/1/cpu/0/availability"), "online");
    ck_assert_str_eq(node("/local/domain/1/cpu/1/availability"), "offline");
    ck_assert_int_eq(run("vcpu-set g 5"), 1);
    says("domain 1 has at most 4 vCPUs");
    ck_assert_int_eq(run("vcpu-set g 0"), 1);
    ck_assert_int_eq(run("vcpu-set g many"), 1);
    ck_assert_int_eq(run("sysrq g h"), 0);
    ck_assert_str_eq(node("/local/domain/1/control/sysrq"), "h");
    ck_assert_int_eq(run("sysrq g help"), 1);
}
END_TEST

START_TEST(memory_is_set_as_xl_sets_it)
{
    static const char *const bad[] = {"0",    "x",  "12q",
                                      "12mm", "-5", "99999999999999999999"};

    ck_assert_int_eq(run("create -e -q g.cfg maxmem=128"), 0);
    ck_assert_str_eq(node("/local/domain/1/memory/target"), "65536");
    ck_assert_int_eq(run("mem-set g 100m"), 0);
    ck_assert_str_eq(node("/local/domain/1/memory/target"), "102400");
    ck_assert_int_eq(run("list -l g"), 0);
    says("\"max_memory_kib\": 103424"); /* a MiB more, as libxl has it */
    ck_assert_int_eq(run("mem-set g 51200"), 0);
    ck_assert_str_eq(node("/local/domain/1/memory/target"), "51200");
    ck_assert_int_eq(run("mem-set g 1g"), 1);
    says("domain 1 may have at most 131072 KiB");
    ck_assert_int_eq(run("mem-max g 1G"), 0);
    ck_assert_int_eq(run("list -l g"), 0);
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
    ck_assert_int_eq(run("create -e -q g.cfg"), 0);
    ck_assert_int_eq(run("stats g"), 0);
    says("\"vcpu_times\"");
    says("\"cpu_time_ns\": 12000000000");
    ck_assert_int_eq(run("stats --prometheus"), 0);
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

    ck_assert_int_eq(run("create -e -q g.cfg"), 0);
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
    ck_assert_int_eq(run("channel-list g"), 0);
    says("\n1   0  1     0      0        pty ");
    says("\n2   0  1     0      0        socket ");
    ck_assert_int_eq(run("channel-list --json g"), 0);
    says("\"name\": \"two\"");
    ck_assert_int_eq(run("console -n 2 g"), 1);
    says("console 2 of domain 1 is the socket ");
    ck_assert_int_eq(run("console -n 7 g"), 1);
    says("domain 1 has no console 7; 'hvtool channel-list'");
    ck_assert_int_eq(run("console -t serial g"), 1);
    says("type pv only, not 'serial'");
    ck_assert_int_eq(run("console -n x g"), 1);
    says("'x' is not a console's number");
}
END_TEST

START_TEST(console_goes_where_dom0_says_and_not_the_guest)
{
    ck_assert_int_eq(run("create -e -q g.cfg"), 0);
    ck_assert(xs_write(xs, XBT_NULL, "/local/domain/1/device/console/1/tty",
                       "/dev/guests-choice", 18));
    ck_assert(xs_write(xs, XBT_NULL, "/local/domain/0/backend/console/1/1/tty",
                       "/dev/ours", 9));
    ck_assert_int_eq(run("console -t pv -n 1 g"), 1);
    says("cannot open the console /dev/ours");
}
END_TEST

START_TEST(messages_name_what_is_wrong_and_what_to_do)
{
    ck_assert_int_eq(run("create nowhere.cfg"), 1);
    says("hvtool create: cannot open nowhere.cfg: No such file or directory");
    ck_assert_int_eq(run("create g.cfg kernel=/nowhere/k"), 1);
    says("cannot open kernel /nowhere/k: No such file or directory");
    ck_assert_int_eq(run("create g.cfg memroy=5"), 1);
    says("argument:1:1: unknown key 'memroy', did you mean 'memory'?");
    ck_assert_int_eq(run("vcpu-pin 0 0 x"), 1);
    says("'x' are no CPUs, as in 0-3,^2 or all");
    ck_assert_int_eq(run("shutdown 77"), 1);
    says("there is no domain 77");
    ck_assert_int_eq(run("destroy nobody"), 1);
    says("hvtool destroy: there is no domain named 'nobody'");
    ck_assert_int_eq(run("crate g.cfg"), 1);
    says("there is no command 'crate', did you mean 'create'?");
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
