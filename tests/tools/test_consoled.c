/* SPDX-License-Identifier: MIT */
/*
 * hvconsoled and our xenstored, running, on doors of files (fake_guest.h): guests'
 * consoles from their rings to terminals, sockets and logs, with guests that behave and
 * guests that do not, and a daemon that is killed.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xenstore.h>

#include "abi/io/console.h"
#include "abi/io/xenbus.h"
#include "fake_guest.h"
#include "store_world.h"
#include "unit.h"

#define PATIENCE_MS 20000
#define LIMIT       65536

static char dir[] = "/tmp/hvconsoledXXXXXX";
static pid_t store, daemon_pid;
static struct xs_handle *xs;
static int to_daemon, to_guest;
static const char *log_size = "1M";

/* A daemon that ends is not asked what it still had. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}

typedef volatile struct hv_console_interface ring_t;

static const char *in_dir(const char *name)
{
    static char path[2][160];
    static int turn;

    turn = !turn;
    snprintf(path[turn], sizeof(path[turn]), "%s/%s", dir, name);
    return path[turn];
}

static pid_t start(char *const argv[])
{
    pid_t pid = fork();

    if (!pid) {
        if (!getenv("TEST_VERBOSE"))
            dup2(open("/dev/null", O_RDWR), STDERR_FILENO);
        execv(argv[0], argv);
        _exit(127);
    }
    return pid;
}

static void start_daemon(void)
{
    daemon_pid = start((char *[]){
        BUILD "/tests/tools/fake-hvconsoled", "-n", "--log", "guest", "--log-dir",
        strdup(in_dir("log")), "--log-size", (char *)log_size, "--log-keep", "9",
        "--run-dir", strdup(in_dir("run")), "--pid-file", strdup(in_dir("pid")), NULL});
}

static void kill_daemon(void)
{
    kill(daemon_pid, SIGKILL);
    waitpid(daemon_pid, NULL, 0);
}

static void prepare(void)
{
    ck_assert_ptr_nonnull(mkdtemp(dir));
    setenv(FAKE_DIR, dir, 1);
    ck_assert_int_eq(mkfifo(in_dir(FAKE_TO_DAEMON), 0600), 0);
    ck_assert_int_eq(mkfifo(in_dir(FAKE_TO_GUEST), 0600), 0);
    to_daemon = open(in_dir(FAKE_TO_DAEMON), O_RDWR | O_CLOEXEC);
    to_guest = open(in_dir(FAKE_TO_GUEST), O_RDWR | O_NONBLOCK | O_CLOEXEC);
    store = store_start(dir, &xs);
    start_daemon();
}

static void finish(void)
{
    char command[160];

    kill(daemon_pid, SIGTERM);
    waitpid(daemon_pid, NULL, 0);
    store_stop(store, xs);
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    ck_assert_int_eq(system(command), 0);
}

/* --- guests --- */

static void put(const char *value, const char *fmt, ...)
{
    char path[160];
    va_list args;

    va_start(args, fmt);
    vsnprintf(path, sizeof(path), fmt, args);
    va_end(args);
    ck_assert(xs_write(xs, XBT_NULL, path, value, (unsigned int)strlen(value)));
}

/* The value of a node once it is there and not `not`; freed by whoever likes. */
static char *wait_node(const char * not, const char *fmt, ...)
{
    char path[160], *value = NULL;
    va_list args;

    va_start(args, fmt);
    vsnprintf(path, sizeof(path), fmt, args);
    va_end(args);
    for (int ms = 0; ms < PATIENCE_MS; ms += 2) {
        value = xs_read(xs, XBT_NULL, path, NULL);
        if (value && strcmp(value, not ))
            return value;
        free(value);
        usleep(2000);
    }
    ck_abort_msg("%s stays '%s'", path, not );
}

static void wait_state(unsigned int domid, unsigned int devid, unsigned int want)
{
    char path[160], *value;
    unsigned long state = 0;

    snprintf(path, sizeof(path), "/local/domain/0/backend/console/%u/%u/state", domid,
             devid);
    for (int ms = 0; ms < PATIENCE_MS && state != want; ms += 2) {
        usleep(2000);
        value = xs_read(xs, XBT_NULL, path, NULL);
        state = value ? strtoul(value, NULL, 10) : 0;
        free(value);
    }
    ck_assert_uint_eq(state, want);
}

static ring_t *make_page(unsigned int domid, unsigned int frame)
{
    char name[64];
    void *page;
    int fd;

    snprintf(name, sizeof(name), "page-%u-%u", domid, frame);
    fd = open(in_dir(name), O_RDWR | O_CREAT, 0600);
    ck_assert_int_eq(ftruncate(fd, 4096), 0);
    page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    return page;
}

static void set_domains(const char *list)
{
    int fd = open(in_dir(FAKE_DOMAINS), O_WRONLY | O_CREAT | O_TRUNC, 0600);

    ck_assert_int_eq(write(fd, list, strlen(list)), (int)strlen(list));
    close(fd);
    /* With no domains xenstored tells of none: the daemon looks when its consoles move.
     */
    kill_daemon();
    start_daemon();
}

/* A guest with its first console: frame and port 2. */
static ring_t *make_guest(unsigned int domid)
{
    ring_t *ring = make_page(domid, 2);
    char text[32];

    snprintf(text, sizeof(text), "/vm/%u", domid);
    put(text, "/local/domain/%u/vm", domid);
    snprintf(text, sizeof(text), "guest%u", domid);
    put(text, "/local/domain/%u/name", domid);
    put("65536", "/local/domain/%u/console/limit", domid);
    put("2", "/local/domain/%u/console/port", domid);
    put("2", "/local/domain/%u/console/ring-ref", domid);
    return ring;
}

/* As hvtool writes a channel; its frame and port are 10 plus its number. */
static ring_t *make_channel(unsigned int domid, unsigned int devid, const char *socket)
{
    char back[96], front[96];

    snprintf(back, sizeof(back), "/local/domain/0/backend/console/%u/%u", domid, devid);
    snprintf(front, sizeof(front), "/local/domain/%u/device/console/%u", domid, devid);
    put(socket ? "socket" : "pty", "%s/connection", back);
    if (socket)
        put(socket, "%s/path", back);
    put("xenconsoled", "%s/type", back);
    put("1", "%s/state", back);
    put("1", "%s/state", front);
    return make_page(domid, 10 + devid);
}

static void connect_channel(unsigned int domid, unsigned int devid)
{
    char front[96], number[16];

    snprintf(front, sizeof(front), "/local/domain/%u/device/console/%u", domid, devid);
    snprintf(number, sizeof(number), "%u", 10 + devid);
    put(number, "%s/ring-ref", front);
    put(number, "%s/port", front);
    put("3", "%s/state", front);
    wait_state(domid, devid, HV_XENBUS_STATE_CONNECTED);
}

static void send_event(unsigned int domid, unsigned int port)
{
    uint32_t local = domid * FAKE_PORTS + port;

    ck_assert_int_eq(write(to_daemon, &local, sizeof(local)), sizeof(local));
}

/* As a guest does it: waits for room. */
static void guest_says(ring_t *ring, unsigned int domid, unsigned int port,
                       const char *text)
{
    for (; *text; text++) {
        for (int ms = 0; ring->out_prod - ring->out_cons == sizeof(ring->out); ms += 1) {
            ck_assert_int_lt(ms, PATIENCE_MS);
            send_event(domid, port);
            usleep(1000);
        }
        ring->out[ring->out_prod % sizeof(ring->out)] = *text;
        __atomic_store_n(&ring->out_prod, ring->out_prod + 1, __ATOMIC_RELEASE);
    }
    send_event(domid, port);
}

static void guest_hears(ring_t *ring, const char *text)
{
    for (; *text; text++) {
        for (int ms = 0; ring->in_cons == ring->in_prod; ms += 1) {
            ck_assert_int_lt(ms, PATIENCE_MS);
            usleep(1000);
        }
        ck_assert_int_eq(ring->in[ring->in_cons % sizeof(ring->in)], *text);
        __atomic_store_n(&ring->in_cons, ring->in_cons + 1, __ATOMIC_RELEASE);
    }
}

static void user_reads(int fd, const char *text)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    char got[256];
    size_t len = 0, want = strlen(text);

    while (len < want) {
        ssize_t n;

        ck_assert_int_gt(poll(&p, 1, PATIENCE_MS), 0);
        n = read(fd, got + len, want - len);
        ck_assert_int_gt(n, 0);
        len += (size_t)n;
    }
    ck_assert_mem_eq(got, text, want);
}

static int open_tty(unsigned int domid)
{
    char *name = wait_node("", "/local/domain/%u/console/tty", domid);
    int fd = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);

    ck_assert_int_ge(fd, 0);
    free(name);
    return fd;
}

static int join(const char *path)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    strcpy(at.sun_path, path);
    for (int ms = 0; connect(fd, (struct sockaddr *)&at, sizeof(at)); ms += 2) {
        ck_assert_int_lt(ms, PATIENCE_MS);
        usleep(2000);
    }
    return fd;
}

/* Whose terminal is not taken for the one before. */
static void start_another_daemon(void)
{
    kill_daemon();
    xs_rm(xs, XBT_NULL, "/local/domain/1/console/tty");
    start_daemon();
}

/* --- tests --- */

START_TEST(a_guests_console_is_a_terminal)
{
    ring_t *ring = make_guest(1);
    int tty;

    set_domains("1");
    tty = open_tty(1);
    guest_says(ring, 1, 2, "hello");
    user_reads(tty, "hello");
    ck_assert_int_eq(write(tty, "ls\r", 3), 3);
    guest_hears(ring, "ls\r");
}
END_TEST

START_TEST(a_guest_has_several_consoles_with_pty_and_socket)
{
    ring_t *first = make_guest(1), *pty, *sock;
    char *name, *path = strdup(in_dir("channel"));
    int tty, peer;

    pty = make_channel(1, 1, NULL);
    sock = make_channel(1, 2, path);
    set_domains("1");
    wait_state(1, 1, HV_XENBUS_STATE_INIT_WAIT);
    peer = join(path); /* before the guest has a driver */
    connect_channel(1, 1);
    connect_channel(1, 2);
    name = wait_node("", "/local/domain/1/device/console/1/tty");
    ck_assert_str_eq(name, wait_node("", "/local/domain/0/backend/console/1/1/tty"));
    tty = open(name, O_RDWR | O_NOCTTY);
    guest_says(first, 1, 2, "first");
    guest_says(pty, 1, 11, "second");
    guest_says(sock, 1, 12, "third");
    user_reads(open_tty(1), "first");
    user_reads(tty, "second");
    user_reads(peer, "third");
    ck_assert_int_eq(write(peer, "in", 2), 2);
    guest_hears(sock, "in");
    /* What comes while nobody has joined is kept for the next one. */
    close(peer);
    guest_says(sock, 1, 12, "kept");
    peer = join(path);
    user_reads(peer, "kept");
    ck_assert_int_eq(write(peer, "again", 5), 5);
    guest_hears(sock, "again");
}
END_TEST

START_TEST(a_socket_may_be_used_again_at_once)
{
    char *path = strdup(in_dir("channel"));
    ring_t *ring;

    make_guest(1);
    ring = make_channel(1, 1, path);
    set_domains("1");
    connect_channel(1, 1);
    guest_says(ring, 1, 11, "nobody reads this");
    xs_rm(xs, XBT_NULL, "/local/domain/0/backend/console/1/1");
    ring = make_channel(1, 2, path); /* as when a guest reboots */
    connect_channel(1, 2);
    guest_says(ring, 1, 12, "second life");
    user_reads(join(path), "second life");
}
END_TEST

START_TEST(a_driver_may_leave_and_come_back)
{
    ring_t *ring;

    make_guest(1);
    ring = make_channel(1, 1, NULL);
    set_domains("1");
    for (int i = 0; i < 20; i++) {
        connect_channel(1, 1);
        put("6", "/local/domain/1/device/console/1/state");
        wait_state(1, 1, HV_XENBUS_STATE_CLOSED);
        put("1", "/local/domain/1/device/console/1/state");
        wait_state(1, 1, HV_XENBUS_STATE_INIT_WAIT);
    }
    connect_channel(1, 1);
    guest_says(ring, 1, 11, "still");
    user_reads(
        open(wait_node("", "/local/domain/1/device/console/1/tty"), O_RDWR | O_NOCTTY),
        "still");
}
END_TEST

START_TEST(what_others_serve_is_left_to_them)
{
    make_guest(1);
    make_channel(1, 1, NULL);
    put("", "/local/domain/0/backend/console/1/1/type");
    /* The guest's own word for it is none. */
    put("xenconsoled", "/local/domain/1/device/console/1/type");
    set_domains("1");
    free(wait_node("", "/local/domain/1/console/tty"));
    ck_assert_ptr_null(
        xs_read(xs, XBT_NULL, "/local/domain/1/device/console/1/tty", NULL));
}
END_TEST

START_TEST(a_socket_that_somebody_serves_is_not_taken_away)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int other = socket(AF_UNIX, SOCK_STREAM, 0), peer;

    strcpy(at.sun_path, in_dir("busy"));
    ck_assert_int_eq(bind(other, (struct sockaddr *)&at, sizeof(at)), 0);
    ck_assert_int_eq(listen(other, 5), 0);
    make_guest(1);
    make_channel(1, 1, at.sun_path);
    set_domains("1");
    free(wait_node("", "/local/domain/1/console/tty"));
    peer = join(at.sun_path);
    ck_assert_int_ge(peer, 0);
    ck_assert_int_ge(accept(other, NULL, NULL), 0);
}
END_TEST

/* Counts the numbered lines of a text, or fails. */
static unsigned int check_lines(const char *text)
{
    unsigned int n, next = 0;
    int len;

    while (*text) {
        ck_assert_int_eq(sscanf(text, "line %u\n%n", &n, &len), 1);
        ck_assert_uint_eq(n, next);
        next++;
        text += len;
    }
    return next;
}

static char *file_text(const char *name)
{
    static char text[1 << 20];
    int fd = open(name, O_RDONLY);
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

    text[n > 0 ? n : 0] = 0;
    close(fd);
    return text;
}

/* Nobody reads: what is kept must be there at the end, too. */
START_TEST(kill_9_at_any_instant_loses_and_repeats_nothing)
{
    ring_t *ring;
    static char all[1 << 20];
    unsigned int lines = 0;
    char line[32], name[64], got[8192];
    size_t len = 0, kept = 0;
    pid_t writer;
    int tty;

    log_size = "8K";
    ring = make_guest(1);
    set_domains("1");
    free(wait_node("", "/local/domain/1/console/tty"));
    writer = fork();
    if (!writer) {
        for (;;) {
            snprintf(line, sizeof(line), "line %u\n", lines++);
            guest_says(ring, 1, 2, line);
            usleep(200);
            if (lines == 5000)
                _exit(0);
        }
    }
    for (unsigned int i = 0; !waitpid(writer, NULL, WNOHANG); i++) {
        usleep(3000 + i * 7919 % 30000);
        kill_daemon();
        start_daemon();
    }
    for (int ms = 0; ring->out_cons != ring->out_prod && ms < PATIENCE_MS; ms += 2)
        usleep(2000);
    ck_assert_uint_eq(ring->out_cons, ring->out_prod);
    for (int i = 9; i >= 0; i--) {
        snprintf(name, sizeof(name),
                 i ? "log/guest-guest1.log.%d" : "log/guest-guest1.log", i);
        strcat(all, file_text(in_dir(name)));
    }
    ck_assert_uint_eq(check_lines(all), 5000);
    start_another_daemon();
    tty = open_tty(1);
    fcntl(tty, F_SETFL, O_NONBLOCK);
    for (int ms = 0; ms < PATIENCE_MS && kept < ring->out_prod && kept < LIMIT; ms++) {
        ssize_t n = read(tty, got, sizeof(got));

        kept += n > 0 ? (size_t)n : 0;
        len = n > 0 ? (size_t)n : len;
        usleep(1000);
    }
    ck_assert_uint_eq(kept, ring->out_prod < LIMIT ? ring->out_prod : LIMIT);
    ck_assert(len >= 10 && !memcmp(got + len - 10, "line 4999\n", 10));
}
END_TEST

START_TEST(what_was_read_is_not_shown_again_by_the_next_daemon)
{
    ring_t *ring = make_guest(1);
    int tty;

    set_domains("1");
    tty = open_tty(1);
    guest_says(ring, 1, 2, "old");
    user_reads(tty, "old");
    close(tty);
    guest_says(ring, 1, 2, "new");
    for (int ms = 0; ring->out_cons != ring->out_prod && ms < PATIENCE_MS; ms += 2)
        usleep(2000);
    start_another_daemon();
    user_reads(open_tty(1), "new");
}
END_TEST

START_TEST(a_hostile_guest_harms_only_itself)
{
    ring_t *good = make_guest(1), *bad = make_guest(2), *channel;
    const char *const wild[] = {"4294967295", "99999999999999999999", "-1", "", "x", "7"};
    unsigned int seed = 3;
    int status;

    channel = make_channel(2, 1, NULL);
    set_domains("1 2");
    wait_state(2, 1, HV_XENBUS_STATE_INIT_WAIT);
    for (size_t i = 0; i < sizeof(wild) / sizeof(wild[0]); i++) {
        put(wild[i], "/local/domain/2/device/console/1/ring-ref");
        put(wild[i], "/local/domain/2/device/console/1/port");
        put("3", "/local/domain/2/device/console/1/state");
        usleep(5000);
        put("1", "/local/domain/2/device/console/1/state");
        wait_state(2, 1, HV_XENBUS_STATE_INIT_WAIT);
    }
    connect_channel(2, 1);
    put(in_dir("elsewhere"), "/local/domain/2/device/console/1/path");
    for (int i = 0; i < 5000; i++) {
        ring_t *ring = i & 1 ? bad : channel;
        volatile uint32_t *const index[] = {&ring->out_prod, &ring->out_cons,
                                            &ring->in_prod, &ring->in_cons};

        *index[rand_r(&seed) % 4] = (uint32_t)rand_r(&seed) * (rand_r(&seed) % 3);
        send_event(2, i & 1 ? 2 : 11);
    }
    guest_says(good, 1, 2, "unharmed");
    user_reads(open_tty(1), "unharmed");
    ck_assert_int_eq(waitpid(daemon_pid, &status, WNOHANG), 0);
}
END_TEST

START_TEST(nothing_is_left_of_a_guest_that_is_gone)
{
    char *path = strdup(in_dir("channel"));
    ring_t *ring = make_guest(1);

    make_guest(2);
    make_channel(1, 1, path);
    set_domains("1 2");
    guest_says(ring, 1, 2, "unread");
    close(join(path));
    connect_channel(1, 1);
    for (int ms = 0; access(in_dir("run/1-1"), F_OK) && ms < PATIENCE_MS; ms += 2)
        usleep(2000);
    xs_rm(xs, XBT_NULL, "/local/domain/0/backend/console/1");
    xs_rm(xs, XBT_NULL, "/local/domain/1/device");
    for (int ms = 0; !access(in_dir("run/1-1"), F_OK) && ms < PATIENCE_MS; ms += 2)
        usleep(2000);
    ck_assert(access(path, F_OK));
    ck_assert(access(in_dir("run/1-1"), F_OK));
    ck_assert(!access(in_dir("run/1-0"), F_OK));
    set_domains("2");
    for (int ms = 0; !access(in_dir("run/1-0"), F_OK) && ms < PATIENCE_MS; ms += 2)
        usleep(2000);
    ck_assert(access(in_dir("run/1-0"), F_OK));
    free(wait_node("", "/local/domain/2/console/tty"));
    ck_assert(!access(in_dir("run/2-0"), F_OK));
}
END_TEST

START_TEST(a_log_that_was_moved_away_begins_anew)
{
    ring_t *ring = make_guest(1);

    set_domains("1");
    guest_says(ring, 1, 2, "before\n");
    for (int ms = 0; ring->out_cons != ring->out_prod && ms < PATIENCE_MS; ms += 2)
        usleep(2000);
    ck_assert_int_eq(rename(in_dir("log/guest-guest1.log"), in_dir("moved")), 0);
    kill(daemon_pid, SIGHUP);
    for (int ms = 0; access(in_dir("log/guest-guest1.log"), F_OK) && ms < PATIENCE_MS;
         ms += 2)
        usleep(2000);
    guest_says(ring, 1, 2, "after\n");
    for (int ms = 0; ring->out_cons != ring->out_prod && ms < PATIENCE_MS; ms += 2)
        usleep(2000);
    ck_assert_str_eq(file_text(in_dir("moved")), "before\n");
    ck_assert_str_eq(file_text(in_dir("log/guest-guest1.log")), "after\n");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {a_guests_console_is_a_terminal,
                                  a_guest_has_several_consoles_with_pty_and_socket,
                                  a_socket_may_be_used_again_at_once,
                                  a_driver_may_leave_and_come_back,
                                  what_others_serve_is_left_to_them,
                                  a_socket_that_somebody_serves_is_not_taken_away,
                                  kill_9_at_any_instant_loses_and_repeats_nothing,
                                  what_was_read_is_not_shown_again_by_the_next_daemon,
                                  a_hostile_guest_harms_only_itself,
                                  nothing_is_left_of_a_guest_that_is_gone,
                                  a_log_that_was_moved_away_begins_anew,
                                  NULL};

    return unit_run_in("consoled", prepare, finish, 120, tests);
}
