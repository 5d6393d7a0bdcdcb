/* SPDX-License-Identifier: MIT */
/*
 * hvblkd as a whole, under our xenstored, with guests made of files (fake_guest.h): what
 * the tools and the guests see of it, above all when it, or a part of it, is killed.
 */
#include <dirent.h>
#include <linux/capability.h>

#include "daemon_guest.h"

/* The youngest process of the daemon, by /proc; 0: it has none. */
static pid_t worker_of(pid_t parent)
{
    DIR *proc = opendir("/proc");
    struct dirent *entry;
    pid_t found = 0;

    while ((entry = readdir(proc))) {
        char path[300];
        int pid, ppid;
        FILE *file;

        snprintf(path, sizeof(path), "/proc/%s/stat", entry->d_name);
        file = *entry->d_name >= '0' && *entry->d_name <= '9' ? fopen(path, "r") : NULL;
        if (!file)
            continue;
        if (fscanf(file, "%d (%*[^)]) %*c %d", &pid, &ppid) == 2 && ppid == parent)
            found = pid;
        fclose(file);
    }
    closedir(proc);
    return found;
}

static unsigned int files_of(pid_t pid)
{
    char path[64];
    unsigned int n = 0;
    DIR *fds;

    snprintf(path, sizeof(path), "/proc/%d/fd", pid);
    fds = opendir(path);
    while (readdir(fds))
        n++;
    closedir(fds);
    return n;
}

START_TEST(data_goes_both_ways)
{
    struct guest g;

    open_guest(&g, 1);
    work(&g, 200);
    read_back(&g);
}
END_TEST

START_TEST(a_killed_worker_is_not_noticed_by_its_guest)
{
    struct guest g;

    open_guest(&g, 1);
    for (unsigned int round = 0; round < 40; round++) {
        pid_t worker = worker_of(daemon_pid);

        work(&g, (unsigned int)rand() % 60);
        if (worker)
            kill(worker, SIGKILL);
    }
    read_back(&g);
    ck_assert_uint_eq(state(g.back), HV_XENBUS_STATE_CONNECTED);
}
END_TEST

START_TEST(a_killed_daemon_is_not_noticed_once_another_runs)
{
    struct guest copied, mapped;

    open_guest(&mapped, 1);
    open_guest(&copied, 2);
    for (unsigned int round = 0; round < 20; round++) {
        work(&mapped, (unsigned int)rand() % 40);
        work(&copied, (unsigned int)rand() % 40);
        kill(daemon_pid, SIGKILL);
        waitpid(daemon_pid, NULL, 0);
        start_daemon();
    }
    read_back(&mapped);
    read_back(&copied);
}
END_TEST

/* With direct I/O answers come in any order. */
static void open_direct_guest(struct guest *g)
{
    memset(g, 0, sizeof(*g));
    make_image(1);
    put("/local/domain/0/backend/hvblk/1/51712", "direct-io-safe", "1", 0);
    attach(g, 1, "image-%u");
    connect_disk(g);
}

static void is_closed(struct guest *g)
{
    put(g->front, "state", "5", 0);
    wait_state(g->back, HV_XENBUS_STATE_CLOSING);
    put(g->front, "state", "6", 0);
    wait_state(g->back, HV_XENBUS_STATE_CLOSED);
}

/* A detachment is a wish until the guest's driver has closed the disk. */
START_TEST(a_worker_killed_during_a_detachment_is_not_noticed)
{
    struct guest g;

    open_direct_guest(&g);
    work(&g, 20);
    detach(&g);
    for (unsigned int round = 0; round < 20; round++) {
        pid_t worker = worker_of(daemon_pid);

        work(&g, (unsigned int)rand() % 60);
        if (worker)
            kill(worker, SIGKILL);
    }
    read_back(&g);
    is_closed(&g);
}
END_TEST

START_TEST(nor_is_the_daemon)
{
    struct guest g;

    open_direct_guest(&g);
    work(&g, 20);
    detach(&g);
    for (unsigned int round = 0; round < 10; round++) {
        kill(daemon_pid, SIGKILL);
        waitpid(daemon_pid, NULL, 0);
        start_daemon();
        work(&g, (unsigned int)rand() % 60);
    }
    read_back(&g);
    is_closed(&g);
}
END_TEST

/* At any instant: before the worker runs, while it does, after the guest was told. */
START_TEST(a_daemon_killed_while_a_guest_connects_is_not_noticed)
{
    struct guest g;

    memset(&g, 0, sizeof(g));
    make_image(1);
    for (unsigned int round = 0; round < 60; round++) {
        attach(&g, 1, "image-%u");
        offer_disk(&g);
        usleep(round * 100);
        kill(daemon_pid, SIGKILL);
        waitpid(daemon_pid, NULL, 0);
        start_daemon();
        wait_state(g.back, HV_XENBUS_STATE_CONNECTED);
        put(g.front, "state", "4", 0);
        work(&g, 10);
        read_back(&g);
        detach(&g);
        is_closed(&g);
        xs_rm(xs, XBT_NULL, g.front);
        xs_rm(xs, XBT_NULL, g.back);
        close(g.to_back);
        close(g.to_front);
    }
}
END_TEST

/* Its image is right each time: the daemon checks it all when it opens it. */
START_TEST(so_it_is_with_a_qcow2_image)
{
    struct guest g;

    open_qcow2_guest(&g, 1);
    for (unsigned int round = 0; round < 40; round++) {
        pid_t worker = worker_of(daemon_pid);

        work(&g, (unsigned int)rand() % 20);
        if (round % 4 == 3) {
            kill(daemon_pid, SIGKILL);
            waitpid(daemon_pid, NULL, 0);
            start_daemon();
        } else if (worker) {
            kill(worker, SIGKILL);
        }
    }
    read_back(&g);
    ck_assert_uint_eq(state(g.back), HV_XENBUS_STATE_CONNECTED);
}
END_TEST

/* All that it asks fails; a driver that begins anew is served, if there is an image. */
static void is_refused(struct guest *g, const char *because)
{
    char *why;

    g->refused = true;
    wait_state(g->back, HV_XENBUS_STATE_CLOSING);
    why = get(g->back, "hotplug-error");
    ck_assert_ptr_nonnull(strstr(why, because));
    free(why);
    for (unsigned int job = 0; job < JOBS; job++)
        if (!g->job[job].busy)
            ask(g, job, job & 1);
    while (busy(g))
        take_answers(g);
    put(g->front, "state", "6", 0);
    wait_state(g->back, HV_XENBUS_STATE_CLOSED);
    put(g->front, "state", "1", 0);
}

START_TEST(a_worker_that_crashes_again_and_again_leaves_errors_and_no_hang)
{
    struct guest g;

    open_guest(&g, 1);
    work(&g, 20);
    while (busy(&g))
        take_answers(&g);
    while (state(g.back) == HV_XENBUS_STATE_CONNECTED) {
        pid_t worker = worker_of(daemon_pid);

        if (worker)
            kill(worker, SIGABRT);
        usleep(5000);
    }
    is_refused(&g, "crashes again and again");
    g.refused = false;
    connect_disk(&g);
    for (unsigned int job = 0; job < JOBS; job++)
        ask(&g, job, true);
    read_back(&g);
}
END_TEST

START_TEST(an_image_that_has_gone_leaves_errors_and_no_hang)
{
    struct guest g;
    char path[128];
    pid_t worker;

    open_guest(&g, 1);
    work(&g, 20);
    while (busy(&g))
        take_answers(&g);
    worker = worker_of(daemon_pid);
    kill(worker, SIGSTOP);
    for (unsigned int job = 0; job < JOBS; job++)
        ask(&g, job, true);
    kill(daemon_pid, SIGKILL);
    waitpid(daemon_pid, NULL, 0);
    kill(worker, SIGKILL);
    file_name(path, "image-%u", 1);
    ck_assert_int_eq(unlink(path), 0);
    start_daemon();
    is_refused(&g, "No such file");
    wait_state(g.back, HV_XENBUS_STATE_CLOSING);
}
END_TEST

START_TEST(an_index_out_of_range_closes_that_disk_and_no_other)
{
    struct hv_ring_index *idx;
    struct guest bad, good;
    char *why;

    open_guest(&bad, 1);
    open_guest(&good, 2);
    work(&good, 20);
    idx = (void *)(memory + bad.first_page * PAGE_SIZE);
    idx->req_prod += 1000;
    notify(&bad);
    wait_state(bad.back, HV_XENBUS_STATE_CLOSING);
    why = get(bad.back, "hotplug-error");
    ck_assert_ptr_nonnull(strstr(why, "index is out of range"));
    free(why);
    work(&good, 200);
    read_back(&good);
    /* A driver that begins anew is served anew. */
    put(bad.front, "state", "6", 0);
    wait_state(bad.back, HV_XENBUS_STATE_CLOSED);
    put(bad.front, "state", "1", 0);
    memset(&bad.job, 0, sizeof(bad.job));
    connect_disk(&bad);
    work(&bad, 50);
}
END_TEST

START_TEST(what_cannot_be_opened_is_said)
{
    struct guest none, one, two;
    char *why;

    attach(&none, 1, "no-image-%u");
    wait_state(none.back, HV_XENBUS_STATE_CLOSING);
    why = get(none.back, "hotplug-error");
    ck_assert_ptr_nonnull(strstr(why, "no-image-1: No such file"));
    free(why);
    make_image(4);
    put("/local/domain/0/backend/hvblk/4/51712", "format", "qcow2", 0);
    attach(&none, 4, "image-%u");
    wait_state(none.back, HV_XENBUS_STATE_CLOSING);
    why = get(none.back, "hotplug-error");
    ck_assert_ptr_nonnull(strstr(why, "image-4: it is no qcow2 image"));
    free(why);
    open_guest(&one, 2);
    attach(&two, 3, "image-2");
    wait_state(two.back, HV_XENBUS_STATE_CLOSING);
    why = get(two.back, "hotplug-error");
    ck_assert_ptr_nonnull(strstr(why, "in use"));
    free(why);
    work(&one, 50);
}
END_TEST

START_TEST(a_guest_that_wants_what_was_not_offered_is_refused)
{
    static const struct {
        const char *name, *value;
    } wrong[] = {{"ring-page-order", "5"},
                 {"multi-queue-num-queues", "9"},
                 {"multi-queue-num-queues", "0"},
                 {"protocol", "x86_32-abi"},
                 {"ring-ref", "-1"},
                 {"ring-ref", "99999999999"},
                 {"event-channel", "x"}};
    struct guest g = {0};

    make_image(1);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        attach(&g, 1, "image-%u");
        wait_state(g.back, HV_XENBUS_STATE_INIT_WAIT);
        put(g.front, "ring-ref", "8", 0);
        put(g.front, "event-channel", "1", 0);
        put(g.front, wrong[i].name, wrong[i].value, 0);
        put(g.front, "state", "3", 0);
        wait_state(g.back, HV_XENBUS_STATE_CLOSING);
        detach(&g);
        wait_state(g.back, HV_XENBUS_STATE_CLOSED);
        xs_rm(xs, XBT_NULL, g.front);
        xs_rm(xs, XBT_NULL, g.back);
    }
}
END_TEST

/* What is in the ring when the guest closes is still done. */
START_TEST(a_guest_that_closes_gets_its_last_answers)
{
    struct guest g;

    open_guest(&g, 1);
    work(&g, 20);
    while (busy(&g))
        take_answers(&g);
    for (unsigned int job = 0; job < JOBS; job++)
        ask(&g, job, true);
    put(g.front, "state", "5", 0);
    while (busy(&g))
        take_answers(&g);
    wait_state(g.back, HV_XENBUS_STATE_CLOSING);
    put(g.front, "state", "6", 0);
    wait_state(g.back, HV_XENBUS_STATE_CLOSED);
}
END_TEST

START_TEST(a_guest_that_vanishes_leaves_its_image_to_others)
{
    struct guest g, next;

    open_guest(&g, 1);
    work(&g, 50);
    detach(&g);
    xs_rm(xs, XBT_NULL, g.front);
    wait_state(g.back, HV_XENBUS_STATE_CLOSED);
    xs_rm(xs, XBT_NULL, g.back);
    attach(&next, 2, "image-1");
    wait_state(next.back, HV_XENBUS_STATE_INIT_WAIT);
}
END_TEST

START_TEST(two_hundred_cycles_leave_nothing_behind)
{
    unsigned int files = 0, nodes = 0;
    char run[128];
    struct stat st;
    struct guest g;

    make_image(1);
    memset(&g, 0, sizeof(g));
    for (unsigned int cycle = 0; cycle < 200; cycle++) {
        attach(&g, 1, "image-%u");
        connect_disk(&g);
        work(&g, 10);
        detach(&g);
        while (busy(&g))
            take_answers(&g);
        put(g.front, "state", "5", 0);
        wait_state(g.back, HV_XENBUS_STATE_CLOSING);
        put(g.front, "state", "6", 0);
        wait_state(g.back, HV_XENBUS_STATE_CLOSED);
        xs_rm(xs, XBT_NULL, g.front);
        xs_rm(xs, XBT_NULL, g.back);
        close(g.to_back);
        close(g.to_front);
        if (!cycle) {
            files = files_of(daemon_pid);
            nodes = nodes_below("/");
        }
    }
    ck_assert_uint_eq(files_of(daemon_pid), files);
    ck_assert_uint_eq(nodes_below("/"), nodes);
    ck_assert_int_eq(worker_of(daemon_pid), 0);
    file_name(run, "run/pid", 0);
    ck_assert_int_eq(stat(run, &st), 0);
    ck_assert_int_eq(unlink(run), 0);
    file_name(run, "run", 0);
    ck_assert_int_eq(rmdir(run), 0); /* no journal is left */
}
END_TEST

/* A line of /proc/PID/status, as a number. */
static unsigned long status_of(pid_t pid, const char *name, int base)
{
    char path[64], line[256];
    unsigned long n = 0;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/status", pid);
    file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof(line), file))
        if (!strncmp(line, name, strlen(name)))
            n = strtoul(line + strlen(name) + 1, NULL, base);
    fclose(file);
    return n;
}

static void random_ring(struct guest *g)
{
    uint32_t *ring = (uint32_t *)(memory + g->first_page * PAGE_SIZE);

    for (unsigned int i = 0; i < PAGE_SIZE / 4; i++)
        ring[i] = (uint32_t)rand();
    ring[0] = ring[2] + (uint32_t)rand() % 40; /* requests, from the last response on */
    notify(g);
}

static void offer_ring(struct guest *g, unsigned int ref, const char *state)
{
    put(g->front, "ring-ref", "%u", ref);
    put(g->front, "event-channel", "1", 0);
    put(g->front, "state", state, 0);
}

/* One of the ways in which a driver begins and does not go on. */
static void misbehave(struct guest *g, unsigned int way)
{
    uint32_t *req_prod = (uint32_t *)(memory + g->first_page * PAGE_SIZE);

    switch (way % 7) {
    case 0:
        connect_disk(g);
        *req_prod += 1000;
        notify(g);
        wait_state(g->back, HV_XENBUS_STATE_CLOSING);
        break;
    case 1:
        connect_disk(g);
        random_ring(g);
        break;
    case 2: /* A page that is not granted. */
        offer_ring(g, GUEST_PAGES + way, "3");
        wait_state(g->back, HV_XENBUS_STATE_CLOSING);
        break;
    case 3: /* Gone before it is served. */
        offer_ring(g, g->first_page, "3");
        usleep(way * 7 % 2000);
        break;
    case 4:
        put(g->front, "ring-ref", "none", 0);
        put(g->front, "state", "3", 0);
        wait_state(g->back, HV_XENBUS_STATE_CLOSING);
        break;
    case 5:
        offer_ring(g, g->first_page, "4");
        put(g->front, "state", "no number", 0);
        break;
    case 6:
        connect_disk(g);
        ask(g, way % JOBS, true);
        ck_assert(xs_rm(xs, XBT_NULL, g->front));
        put(g->front, "backend", g->back, 0);
        break;
    }
}

START_TEST(a_thousand_bad_connections_leave_nothing_behind)
{
    unsigned int files = 0, nodes = 0;
    unsigned long data = 0;
    struct guest bad = {0}, good;

    open_guest(&good, 2);
    make_image(1);
    attach(&bad, 1, "image-%u");
    bad.to_back = open_pipe(GUEST_TO_BACK "-%u", 1);
    bad.to_front = open_pipe(GUEST_TO_FRONT "-%u", 1);
    bad.first_page = GUEST_PAGES_EACH;
    for (unsigned int cycle = 0; cycle < 1000; cycle++) {
        wait_state(bad.back, HV_XENBUS_STATE_INIT_WAIT);
        if (cycle == 100) {
            files = files_of(daemon_pid);
            nodes = nodes_below("/");
            data = status_of(daemon_pid, "VmData:", 10);
        }
        misbehave(&bad, cycle);
        put(bad.front, "state", "6", 0);
        wait_state(bad.back, HV_XENBUS_STATE_CLOSED);
        work(&good, 1);
        put(bad.front, "state", "1", 0);
    }
    memset(&bad.job, 0, sizeof(bad.job));
    wait_state(bad.back, HV_XENBUS_STATE_INIT_WAIT);
    ck_assert_uint_eq(files_of(daemon_pid), files);
    ck_assert_uint_eq(nodes_below("/"), nodes);
    ck_assert_uint_eq(status_of(daemon_pid, "VmData:", 10), data);
    connect_disk(&bad);
    for (unsigned int job = 0; job < JOBS; job++)
        ask(&bad, job, true);
    read_back(&bad);
    read_back(&good);
}
END_TEST

START_TEST(a_disk_that_is_detached_at_once_goes)
{
    struct guest g;

    make_image(1);
    memset(&g, 0, sizeof(g));
    for (unsigned int cycle = 0; cycle < 300; cycle++) {
        attach(&g, 1, "image-%u");
        usleep(cycle * 10 % 1000);
        detach(&g);
        wait_state(g.back, HV_XENBUS_STATE_CLOSED);
        xs_rm(xs, XBT_NULL, g.front);
        xs_rm(xs, XBT_NULL, g.back);
    }
}
END_TEST

static uint64_t capabilities_of(pid_t pid, const char *name)
{
    return status_of(pid, name, 16);
}

START_TEST(a_worker_has_no_rights)
{
    struct guest g;
    pid_t pid;

    open_guest(&g, 1);
    pid = worker_of(daemon_pid);
    ck_assert_uint_eq(status_of(pid, "Seccomp:", 10), 2);
    ck_assert_uint_eq(status_of(pid, "NoNewPrivs:", 10), 1);
    ck_assert_uint_ne(status_of(pid, "Uid:", 10), 0);
    ck_assert_uint_ne(status_of(pid, "Gid:", 10), 0);
    ck_assert_uint_eq(capabilities_of(pid, "CapInh:"), 0);
    ck_assert_uint_eq(capabilities_of(pid, "CapPrm:"), 0);
    ck_assert_uint_eq(capabilities_of(pid, "CapEff:"), 0);
    ck_assert_uint_eq(capabilities_of(pid, "CapAmb:"), 0);
}
END_TEST

START_TEST(the_daemon_has_few)
{
    const uint64_t few = 1ULL << CAP_DAC_OVERRIDE | 1ULL << CAP_IPC_LOCK |
                         1ULL << CAP_SETUID | 1ULL << CAP_SETGID;
    struct guest g;

    open_guest(&g, 1);
    ck_assert_uint_eq(status_of(daemon_pid, "Seccomp:", 10), 2);
    ck_assert_uint_eq(status_of(daemon_pid, "NoNewPrivs:", 10), 1);
    ck_assert_uint_eq(capabilities_of(daemon_pid, "CapInh:"), 0);
    ck_assert_uint_eq(capabilities_of(daemon_pid, "CapPrm:") & ~few, 0);
    ck_assert_uint_eq(capabilities_of(daemon_pid, "CapEff:") & ~few, 0);
    ck_assert_uint_eq(capabilities_of(daemon_pid, "CapBnd:") & ~few, 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        data_goes_both_ways,
        a_killed_worker_is_not_noticed_by_its_guest,
        a_killed_daemon_is_not_noticed_once_another_runs,
        a_worker_killed_during_a_detachment_is_not_noticed,
        nor_is_the_daemon,
        a_daemon_killed_while_a_guest_connects_is_not_noticed,
        so_it_is_with_a_qcow2_image,
        a_worker_that_crashes_again_and_again_leaves_errors_and_no_hang,
        an_image_that_has_gone_leaves_errors_and_no_hang,
        an_index_out_of_range_closes_that_disk_and_no_other,
        what_cannot_be_opened_is_said,
        a_guest_that_wants_what_was_not_offered_is_refused,
        a_guest_that_closes_gets_its_last_answers,
        a_guest_that_vanishes_leaves_its_image_to_others,
        two_hundred_cycles_leave_nothing_behind,
        a_thousand_bad_connections_leave_nothing_behind,
        a_disk_that_is_detached_at_once_goes,
        a_worker_has_no_rights,
        the_daemon_has_few,
        NULL};
    return world_run("hvblkd", tests);
}
