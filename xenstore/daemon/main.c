/* SPDX-License-Identifier: MIT */
/*
 * xenstored: options, set-up in one visible order, the loop.
 *
 * As a daemon the parent waits until the child serves, and fails if the child does, so
 * whoever starts it knows that the socket is there when the command returns.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/conn_ring.h"
#include "daemon/conn_socket.h"
#include "daemon/domain.h"
#include "daemon/hv.h"
#include "daemon/journal.h"
#include "daemon/log.h"
#include "daemon/loop.h"
#include "daemon/special.h"
#include "daemon/state.h"
#include "daemon/store.h"
#include "daemon/txn.h"
#include "daemon/update.h"

#define REAP_NODES 512u /* unreachable nodes freed between two rounds */

static struct options {
    const char *rundir, *pid_file, *trace_file;
    int state; /* what a daemon before us has left: a descriptor; negative: nothing */
    bool no_fork, no_domains, no_dom0, no_recovery, output_pid, verbose;
} opt = {.state = -1};

static const char usage[] =
    "Usage: xenstored [options]\n"
    "\n"
    "  -N, --no-fork             stay in the foreground\n"
    "      --no-domains          serve the socket only; no hypervisor is needed\n"
    "      --rundir DIR          serve DIR/socket (default $XENSTORED_RUNDIR or\n"
    "                            /var/run/xenstored)\n"
    "  -F, --pid-file FILE       write the daemon's process number here\n"
    "                            (default /var/run/xenstored.pid)\n"
    "  -P, --output-pid          print the daemon's process number\n"
    "  -T, --trace-file FILE     log every request and reply\n"
    "  -D, --no-domain-init      do not connect to this domain's kernel\n"
    "  -E, --entry-nb N          nodes a domain may own\n"
    "  -S, --entry-size N        size of a domain's node\n"
    "  -W, --watch-nb N          watches a domain may set\n"
    "  -t, --transaction N       transactions a domain may have open\n"
    "  -A, --perm-nb N           permission entries of a node\n"
    "  -M, --path-max N          length of a domain's paths\n"
    "  -Q, --quota NAME=N        any limit by name; xenstore-control quota lists them\n"
    "  -R, --no-recovery         begin with an empty store, whatever the journal holds\n"
    "  -q, --quota-soft NAME=N   where the log gets a warning; NAME is memory\n"
    "  -V, --verbose             accepted, as are -I, -K, -w and their arguments\n"
    "  -H, --help                this text\n";

static const struct option long_options[] = {
    {"no-fork", no_argument, NULL, 'N'},
    {"no-domains", no_argument, NULL, 1},
    {"rundir", required_argument, NULL, 2},
    {"live-update", required_argument, NULL, 3},
    {"can-update", required_argument, NULL, 4},
    {"pid-file", required_argument, NULL, 'F'},
    {"output-pid", no_argument, NULL, 'P'},
    {"trace-file", required_argument, NULL, 'T'},
    {"no-domain-init", no_argument, NULL, 'D'},
    {"entry-nb", required_argument, NULL, 'E'},
    {"entry-size", required_argument, NULL, 'S'},
    {"watch-nb", required_argument, NULL, 'W'},
    {"transaction", required_argument, NULL, 't'},
    {"perm-nb", required_argument, NULL, 'A'},
    {"path-max", required_argument, NULL, 'M'},
    {"quota", required_argument, NULL, 'Q'},
    {"quota-soft", required_argument, NULL, 'q'},
    {"timeout", required_argument, NULL, 'w'},
    {"no-recovery", no_argument, NULL, 'R'},
    {"internal-db", optional_argument, NULL, 'I'},
    {"keep-orphans", no_argument, NULL, 'K'},
    {"verbose", no_argument, NULL, 'V'},
    {"help", no_argument, NULL, 'H'},
    {NULL, 0, NULL, 0},
};

static void fail(const char *what, const char *name, int error)
{
    log_say("%s%s%s: %s", what, name ? " " : "", name ? name : "", strerror(error));
    exit(1);
}

static void set_quota(const char *name, const char *text, bool soft)
{
    enum quota q = quota_by_name(name);
    uint64_t v;

    if (q == QUOTA_COUNT || (soft && !quotas[q].soft_what) ||
        !xs_number(text, UINT32_MAX, &v)) {
        log_say("no such limit, or not a number: %s=%s", name, text);
        exit(1);
    }
    *(soft ? &quotas[q].soft : &quotas[q].limit) = (uint32_t)v;
}

static void named_quota(char *arg, bool soft)
{
    char *value = strchr(arg, '=');

    if (!value) {
        log_say("a limit is given as NAME=NUMBER, not as %s", arg);
        exit(1);
    }
    *value = '\0';
    set_quota(arg, value + 1, soft);
}

static const struct {
    int c;
    bool *flag;
} flags[] = {
    {'N', &opt.no_fork}, {1, &opt.no_domains},    {'P', &opt.output_pid},
    {'D', &opt.no_dom0}, {'R', &opt.no_recovery}, {'V', &opt.verbose},
};

static const struct {
    int c;
    const char **text;
} texts[] = {{2, &opt.rundir}, {'F', &opt.pid_file}, {'T', &opt.trace_file}};

static const struct {
    int c;
    const char *quota;
} limits[] = {
    {'E', "nodes"},        {'S', "node-size"},   {'W', "watches"},
    {'t', "transactions"}, {'A', "permissions"}, {'M', "path-max"},
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void parse_one(int c)
{
    for (size_t i = 0; i < COUNT(flags); i++) {
        if (flags[i].c == c)
            *flags[i].flag = true;
    }
    for (size_t i = 0; i < COUNT(texts); i++) {
        if (texts[i].c == c)
            *texts[i].text = optarg;
    }
    for (size_t i = 0; i < COUNT(limits); i++) {
        if (limits[i].c == c)
            set_quota(limits[i].quota, optarg, false);
    }
    if (c == 'Q' || c == 'q')
        named_quota(optarg, c == 'q');
    if (c == 3)
        opt.state = atoi(optarg);
    if (c == 4)
        exit(strtoul(optarg, NULL, 10) == STATE_VERSION ? STATE_CAN_UPDATE : 1);
    if (c == 'H') {
        fputs(usage, stdout);
        exit(0);
    }
    if (c == '?') {
        fputs("Try xenstored --help.\n", stderr);
        exit(2);
    }
}

static void parse_options(int argc, char **argv)
{
    int c;

    while ((c = getopt_long(argc, argv, "NF:PT:DE:S:W:t:A:M:Q:q:w:RI::KVH", long_options,
                            NULL)) != -1)
        parse_one(c);
    if (optind < argc) {
        log_say("unexpected argument: %s", argv[optind]);
        exit(2);
    }
    if (!opt.rundir)
        opt.rundir = getenv("XENSTORED_RUNDIR");
    if (!opt.rundir)
        opt.rundir = "/var/run/xenstored";
    if (!opt.pid_file && !opt.no_domains)
        opt.pid_file = "/var/run/xenstored.pid";
}

/* --- becoming a daemon --- */

/*
 * Returns in the child only; the parent exits with what the child says through the pipe.
 */
static int detach(void)
{
    int fds[2];
    char ok = 1;
    pid_t pid;

    if (pipe2(fds, O_CLOEXEC))
        fail("pipe", NULL, errno);
    pid = fork();
    if (pid < 0)
        fail("fork", NULL, errno);
    if (pid > 0) {
        close(fds[1]);
        exit(read(fds[0], &ok, 1) == 1 ? ok : 1);
    }
    close(fds[0]);
    setsid();
    return fds[1];
}

static void tell_parent(int fd)
{
    char ok = 0;
    int null = open("/dev/null", O_RDWR);

    if (write(fd, &ok, 1) != 1)
        exit(1);
    close(fd);
    log_to_syslog();
    for (int i = 0; i < 3 && null >= 0; i++)
        dup2(null, i);
    if (null > 2)
        close(null);
    if (chdir("/"))
        log_say("chdir /: %s", strerror(errno));
}

/* The lock on the file, held until we end, keeps a second daemon away. */
static void write_pid_file(void)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char text[16];
    int len = snprintf(text, sizeof(text), "%d\n", getpid());
    int fd = open(opt.pid_file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (fd < 0)
        fail("cannot write", opt.pid_file, errno);
    if (fcntl(fd, F_SETLK, &lock)) {
        log_say("%s is locked: a XenStore daemon is running already", opt.pid_file);
        exit(1);
    }
    if (ftruncate(fd, 0) || write(fd, text, (size_t)len) != len)
        fail("cannot write", opt.pid_file, errno);
}

/* --- set-up --- */

static void make_nodes(void)
{
    static const char *const paths[] = {"/tool", "/tool/xenstored"};

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        edit_create(NULL, paths[i], strlen(paths[i]), NULL, 0, store.root->perms, false);
}

/* The tree that the last daemon left, or a new one; from here on it is journalled. */
static void make_store(void)
{
    static char absolute[PATH_MAX];
    struct recovered found = {0};
    bool resume;
    int rc;

    if (mkdir(opt.rundir, 0755) && errno != EEXIST)
        fail("cannot make directory", opt.rundir, errno);
    store_init();
    special_init();
    opt.rundir = realpath(opt.rundir, absolute);
    if (!opt.rundir)
        fail("no directory", "for the socket", errno);
    resume = (!opt.no_recovery || opt.state >= 0) && recover(opt.rundir, &found);
    rc = journal_open(opt.rundir, resume ? &found : NULL);
    if (rc)
        log_say("no journal in %s (%s): a restart will begin anew", opt.rundir,
                strerror(rc));
    if (!resume)
        make_nodes();
}

static void listen_socket(void)
{
    char path[256];
    int rc;

    snprintf(path, sizeof(path), "%s/socket", opt.rundir);
    rc = socket_listen(path);
    if (rc == -EADDRINUSE) {
        log_say("%s: another daemon serves it", path);
        exit(1);
    }
    if (rc)
        fail("cannot listen on", path, -rc);
}

/* A socket of our own, or that of the daemon before us with all its clients. */
static void serve_socket(void)
{
    if (opt.state < 0) {
        listen_socket();
        return;
    }
    if (!state_load(opt.state))
        fail("cannot take over", NULL, EPROTO);
}

static uint32_t dom_exc_port;

static void events_ready(struct source *s, uint32_t events)
{
    uint32_t ports[64];
    int n = hv_pending(ports, 64); /* more of them wait for the next look */

    for (int i = 0; i < n; i++) {
        hv_unmask(ports[i]);
        if (ports[i] == dom_exc_port)
            domain_check_all();
        else
            ring_event(ports[i]);
    }
}

static void connect_hypervisor(void)
{
    static struct source source = {.ready = events_ready};
    int rc = hv_open();
    int port;

    if (rc)
        fail("cannot open", "/dev/xen/evtchn", -rc);
    port = hv_bind_virq_dom_exc();
    if (port < 0)
        fail("cannot bind the domain exception interrupt", NULL, -port);
    dom_exc_port = (uint32_t)port;
    rc = loop_watch_fd(hv_event_fd(), EPOLLIN, &source);
    if (rc)
        fail("epoll", NULL, -rc);
    if (!opt.no_dom0) {
        rc = domain_introduce_dom0();
        if (rc)
            fail("cannot connect to this domain's kernel", NULL, rc);
    }
    recover_rings(opt.state >= 0);
}

static int signal_fd = -1;

static void signal_ready(struct source *s, uint32_t events)
{
    struct signalfd_siginfo info;

    if (read(signal_fd, &info, sizeof(info)) == sizeof(info))
        loop_stop();
}

static void catch_signals(void)
{
    static struct source source = {.ready = signal_ready};
    sigset_t set;

    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signal_fd < 0 || loop_watch_fd(signal_fd, EPOLLIN, &source))
        fail("signalfd", NULL, errno);
}

static void raise_file_limit(void)
{
    struct rlimit lim = {65536, 65536};

    if (setrlimit(RLIMIT_NOFILE, &lim) == 0)
        return;
    getrlimit(RLIMIT_NOFILE, &lim);
    lim.rlim_cur = lim.rlim_max;
    setrlimit(RLIMIT_NOFILE, &lim);
}

/* What takes a moment, for when nobody waits for us: memory goes back to the system. */
static void lull(void)
{
    malloc_trim(0);
    socket_look_again();
    if (journal_stale())
        journal_renew();
}

static bool idle(void)
{
    uint64_t before = store.nodes;
    bool more;

    conn_bury();
    journal_commit();
    txn_expire();
    update_run();
    more = journal_tidy();
    more |= store_reap(REAP_NODES);
    if (store.nodes != before || journal_stale())
        loop_want_lull();
    return more;
}

int main(int argc, char **argv)
{
    int parent = -1;
    int rc;

    parse_options(argc, argv);
    if (!opt.no_fork && opt.state < 0)
        parent = detach();
    else if (!opt.no_fork)
        log_to_syslog(); /* in a live update: what we have now is /dev/null */
    if (opt.pid_file)
        write_pid_file();
    if (opt.output_pid) {
        printf("%d\n", getpid());
        fflush(stdout);
    }
    if (opt.trace_file && (rc = log_trace(opt.trace_file)))
        fail("cannot write", opt.trace_file, rc);
    rc = loop_init();
    if (rc)
        fail("epoll", NULL, -rc);
    raise_file_limit();
    domain_no_hypervisor = opt.no_domains;
    catch_signals();
    make_store();
    if (!opt.no_domains)
        connect_hypervisor();
    update_remember(argv, opt.rundir);
    serve_socket();
    if (parent >= 0)
        tell_parent(parent);
    loop_run(idle, lull);
    journal_close();
    if (opt.pid_file)
        unlink(opt.pid_file);
    return 0;
}
