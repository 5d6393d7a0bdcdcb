/* SPDX-License-Identifier: MIT */
/* The console daemon's ring, what it keeps, and its logs, with guests good and bad. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hvconsoled/consoled.h"
#include "unit.h"

static struct hv_console_interface ring;
static char dir[] = "/tmp/consoleXXXXXX";

/* Takes and frees. */
static size_t ring_take(struct hv_console_interface *r, char *to)
{
    uint32_t at;
    size_t len = ring_peek(r, to, &at);

    if (len)
        ring_free(r, at + (uint32_t)len);
    return len;
}

static void guest_writes(const char *text)
{
    for (; *text; text++)
        ring.out[ring.out_prod++ % sizeof(ring.out)] = *text;
}

START_TEST(output_is_taken_in_order_and_freed)
{
    char out[HV_CONSOLE_OUT_SIZE];

    guest_writes("hello");
    ck_assert_uint_eq(ring_take(&ring, out), 5);
    ck_assert_mem_eq(out, "hello", 5);
    ck_assert_uint_eq(ring.out_cons, 5);
    ck_assert_uint_eq(ring_take(&ring, out), 0);
}
END_TEST

START_TEST(indices_may_wrap)
{
    char out[HV_CONSOLE_OUT_SIZE];

    ring.out_cons = ring.out_prod = UINT32_MAX - 2;
    guest_writes("wrapped");
    ck_assert_uint_eq(ring_take(&ring, out), 7);
    ck_assert_mem_eq(out, "wrapped", 7);
    ring.in_cons = ring.in_prod = UINT32_MAX - 1;
    ring_give(&ring, "abcd", 4);
    ck_assert_uint_eq(ring.in_prod, 2);
    ck_assert_int_eq(ring.in[(UINT32_MAX - 1) % sizeof(ring.in)], 'a');
    ck_assert_int_eq(ring.in[1], 'd');
}
END_TEST

START_TEST(impossible_indices_are_an_empty_ring)
{
    char out[HV_CONSOLE_OUT_SIZE];

    for (uint32_t bad = HV_CONSOLE_OUT_SIZE + 1; bad; bad *= 2) {
        ring.out_cons = 0;
        ring.out_prod = bad;
        ck_assert_uint_eq(ring_take(&ring, out), 0);
        ck_assert_uint_eq(ring.out_cons, 0);
    }
    ring.out_cons = 1;
    ring.out_prod = 0;
    ck_assert_uint_eq(ring_take(&ring, out), 0);
    ring.in_prod = 0;
    ring.in_cons = 1;
    ck_assert_uint_eq(ring_room(&ring), 0);
    ring.in_cons = UINT32_MAX - HV_CONSOLE_IN_SIZE;
    ck_assert_uint_eq(ring_room(&ring), 0);
}
END_TEST

START_TEST(a_full_ring_is_taken_whole)
{
    char out[HV_CONSOLE_OUT_SIZE];

    ring.out_prod = HV_CONSOLE_OUT_SIZE;
    ck_assert_uint_eq(ring_take(&ring, out), HV_CONSOLE_OUT_SIZE);
    ring.in_prod = HV_CONSOLE_IN_SIZE;
    ck_assert_uint_eq(ring_room(&ring), 0);
    ring.in_cons = 10;
    ck_assert_uint_eq(ring_room(&ring), 10);
}
END_TEST

START_TEST(what_was_freed_before_is_not_taken_again)
{
    char out[HV_CONSOLE_OUT_SIZE];

    ring.out_cons = ring.out_prod = UINT32_MAX - 2;
    guest_writes("twice");
    ring_free_again(&ring, UINT32_MAX - 2 + 3); /* "twi" had been taken */
    ck_assert_uint_eq(ring_take(&ring, out), 2);
    ck_assert_mem_eq(out, "ce", 2);
    guest_writes("more");
    ring_free_again(&ring, ring.out_cons - 1);   /* neither what it had before */
    ring_free_again(&ring, ring.out_prod + 1);   /* nor what it has not written */
    ring_free_again(&ring, ring.out_prod + 999); /* is freed */
    ck_assert_uint_eq(ring_take(&ring, out), 4);
}
END_TEST

static volatile bool stop;

static void *scribble(void *unused)
{
    volatile uint32_t *index[] = {&ring.out_prod, &ring.out_cons, &ring.in_prod,
                                  &ring.in_cons};
    unsigned int seed = 7;

    while (!stop)
        *index[rand_r(&seed) % 4] = (uint32_t)rand_r(&seed) * (rand_r(&seed) % 3);
    return NULL;
}

START_TEST(indices_that_change_all_the_time_do_no_harm)
{
    struct {
        char data[HV_CONSOLE_OUT_SIZE], guard[64];
    } out;
    char in[HV_CONSOLE_IN_SIZE] = {0};
    pthread_t thread;

    memset(out.guard, 'G', sizeof(out.guard));
    ck_assert_int_eq(pthread_create(&thread, NULL, scribble, NULL), 0);
    for (int i = 0; i < 20000; i++) {
        size_t room = ring_room(&ring);

        ck_assert_uint_le(ring_take(&ring, out.data), sizeof(out.data));
        ck_assert_uint_le(room, sizeof(in));
        ring_give(&ring, in, room);
        ring_free_again(&ring, (uint32_t)i);
    }
    stop = true;
    pthread_join(thread, NULL);
    for (size_t i = 0; i < sizeof(out.guard); i++)
        ck_assert_int_eq(out.guard[i], 'G');
}
END_TEST

static const char *in_dir(const char *name)
{
    static char path[64];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return path;
}

/* What is kept but was not read. */
static size_t unread(struct backlog *b, char *to, size_t max)
{
    return backlog_copy(b, b->head->seen, to, max);
}

START_TEST(the_backlog_keeps_the_newest)
{
    struct backlog b;
    char out[32];

    ck_assert_int_eq(backlog_open(&b, NULL, "me", 10), 0);
    backlog_add(&b, "01234567", 8, 0);
    backlog_add(&b, "abcd", 4, 8);
    ck_assert_uint_eq(unread(&b, out, sizeof(out)), 10);
    ck_assert_mem_eq(out, "234567abcd", 10);
    ck_assert_uint_eq(b.given, 2);
    backlog_add(&b, "ABCDEFGHIJKLMNOP", 16, 12);
    ck_assert_uint_eq(unread(&b, out, sizeof(out)), 10);
    ck_assert_mem_eq(out, "GHIJKLMNOP", 10);
    ck_assert_uint_eq(unread(&b, out, 3), 3);
    ck_assert_mem_eq(out, "GHI", 3);
    backlog_close(&b);
}
END_TEST

START_TEST(the_backlog_behaves_like_a_queue)
{
    struct backlog b;
    unsigned char next_in = 0, next_out = 0, data[300];
    unsigned int seed = 1;

    ck_assert_int_eq(backlog_open(&b, NULL, "me", 5000), 0);
    for (int i = 0; i < 20000; i++) {
        size_t n = rand_r(&seed) % 256;
        bool same = true;

        for (size_t j = 0; j < n; j++)
            data[j] = next_in++;
        backlog_add(&b, (char *)data, n, 0);
        if (b.head->end - b.head->seen > 4500 || i % 7 == 0) {
            while ((n = unread(&b, (char *)data, sizeof(data)))) {
                for (size_t j = 0; j < n; j++)
                    same &= data[j] == next_out++;
                b.head->seen += n;
            }
        }
        ck_assert(same);
    }
    ck_assert_uint_eq(b.head->seen, b.head->end);
    backlog_close(&b);
}
END_TEST

START_TEST(a_backlog_of_no_size_keeps_nothing)
{
    struct backlog b;
    char out[8];

    ck_assert_int_eq(backlog_open(&b, NULL, "me", 0), 0);
    backlog_add(&b, "abc", 3, 0);
    ck_assert_uint_eq(unread(&b, out, sizeof(out)), 0);
    ck_assert_uint_eq(b.head->end, 3);
    backlog_close(&b);
}
END_TEST

START_TEST(a_backlog_is_taken_up_by_its_owner_only)
{
    struct backlog b;
    char out[8];

    ck_assert_int_eq(backlog_open(&b, in_dir("1-0"), "/vm/one", 4096), 0);
    backlog_add(&b, "abc", 3, 100);
    backlog_close(&b);
    ck_assert_int_eq(backlog_open(&b, in_dir("1-0"), "/vm/one", 4096), 0);
    ck_assert_uint_eq(unread(&b, out, sizeof(out)), 3);
    ck_assert_mem_eq(out, "abc", 3);
    ck_assert_uint_eq(b.head->base + (uint32_t)b.head->end, 103);
    backlog_close(&b);
    ck_assert_int_eq(backlog_open(&b, in_dir("1-0"), "/vm/other", 4096), 0);
    ck_assert_uint_eq(unread(&b, out, sizeof(out)), 0);
    backlog_close(&b);
}
END_TEST

START_TEST(without_its_folder_the_backlog_is_in_memory)
{
    struct backlog b;
    char out[8];

    ck_assert_int_eq(backlog_open(&b, "/nowhere/1-0", "/vm/one", 4096), 0);
    backlog_add(&b, "abc", 3, 0);
    ck_assert_uint_eq(unread(&b, out, sizeof(out)), 3);
    backlog_close(&b);
}
END_TEST

static char *file_text(const char *name)
{
    static char text[65536];
    int fd = open(in_dir(name), O_RDONLY);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

    if (fd >= 0)
        close(fd);
    if (n < 0)
        return NULL;
    text[n] = 0;
    return text;
}

static void say(struct guest_log *l, struct backlog *b, const char *text)
{
    backlog_add(b, text, strlen(text), 0);
    log_guest_write(l, b, text, strlen(text));
}

START_TEST(a_log_is_rotated_by_size)
{
    const struct log_options options = {.dir = dir, .max_size = 10, .keep = 2};
    struct guest_log l;
    struct backlog b;

    log_guests(&options);
    ck_assert_int_eq(backlog_open(&b, NULL, "me", 4096), 0);
    log_guest_open(&l, "one", &b);
    say(&l, &b, "1234567\n");
    say(&l, &b, "a\n"); /* just fits */
    say(&l, &b, "b\n");
    ck_assert_str_eq(file_text("guest-one.log.1"), "1234567\na\n");
    ck_assert_str_eq(file_text("guest-one.log"), "b\n");
    say(&l, &b, "more than there is room for\n"); /* a piece is never torn */
    say(&l, &b, "c\n");
    ck_assert_str_eq(file_text("guest-one.log.2"), "b\n");
    ck_assert_str_eq(file_text("guest-one.log.1"), "more than there is room for\n");
    ck_assert_str_eq(file_text("guest-one.log"), "c\n");
    ck_assert_ptr_null(file_text("guest-one.log.3"));
    log_guest_close(&l);
    backlog_close(&b);
}
END_TEST

START_TEST(a_log_stays_in_its_folder)
{
    const struct log_options options = {.dir = dir};
    const char *const bad[] = {"", ".", "../x", "a/b", NULL};
    struct guest_log l;
    struct backlog b;

    log_guests(&options);
    ck_assert_int_eq(backlog_open(&b, NULL, "me", 4096), 0);
    for (int i = 0; bad[i]; i++) {
        log_guest_open(&l, bad[i], &b);
        ck_assert_int_eq(l.fd, -1);
        say(&l, &b, "nothing");
    }
    backlog_close(&b);
}
END_TEST

/* The daemon is killed when it had written `there` of "one\ntwo\n" to the log. */
static void killed_at(size_t there, const char *before)
{
    static const char said[] = "one\ntwo\n";
    struct backlog b;
    struct guest_log l;
    char expected[256], text[256], *file;
    size_t base;
    int fd;

    ck_assert_int_eq(backlog_open(&b, in_dir("7-0"), "/vm/seven", 4096), 0);
    log_guest_open(&l, "killed", &b);
    say(&l, &b, before);
    say(&l, &b, said);
    snprintf(expected, sizeof(expected), "%s", file_text("guest-killed.log"));
    /* As it would be then: the bytes are in the backlog, and part of them in the file. */
    file = file_text("guest-killed.log");
    base = strlen(before) + (expected[0] == '[' ? 22 : 0);
    snprintf(text, sizeof(text), "%.*s", (int)(base + there), file);
    b.head->logged = strlen(before) * 2 + (before[strlen(before) - 1] != '\n');
    b.head->log_size = base;
    b.head->log_time = 1;
    log_guest_close(&l);
    fd = open(in_dir("guest-killed.log"), O_WRONLY | O_TRUNC);
    ck_assert_int_eq(write(fd, text, strlen(text)), (int)strlen(text));
    close(fd);
    backlog_close(&b);
    ck_assert_int_eq(backlog_open(&b, in_dir("7-0"), "/vm/seven", 4096), 0);
    log_guest_open(&l, "killed", &b);
    ck_assert_uint_eq(strlen(file_text("guest-killed.log")), strlen(expected));
    if (expected[0] != '[')
        ck_assert_str_eq(file_text("guest-killed.log"), expected);
    ck_assert_uint_eq(b.head->logged / 2, b.head->end);
    say(&l, &b, "on\n");
    file = file_text("guest-killed.log");
    ck_assert_str_eq(file + strlen(file) - 3, "on\n");
    log_guest_close(&l);
    backlog_close(&b);
    unlink(in_dir("7-0"));
    unlink(in_dir("guest-killed.log"));
}

START_TEST(a_killed_daemons_log_is_finished_where_it_stopped)
{
    struct log_options options = {.dir = dir};

    log_guests(&options);
    for (size_t there = 0; there <= 8; there++)
        killed_at(there, "before\n");
    options.timestamps = true;
    log_guests(&options);
    for (size_t there = 0; there <= 30; there++)
        killed_at(there, "before\n");
    for (size_t there = 0; there <= 20; there++)
        killed_at(there, "mid-line");
}
END_TEST

START_TEST(lines_of_a_log_have_their_time)
{
    const struct log_options options = {.dir = dir, .timestamps = true};
    struct guest_log l;
    struct backlog b;
    int y, n = 0;

    log_guests(&options);
    ck_assert_int_eq(backlog_open(&b, NULL, "me", 4096), 0);
    log_guest_open(&l, "timed", &b);
    say(&l, &b, "begin");
    say(&l, &b, "ning\nsecond\n");
    ck_assert_int_eq(sscanf(file_text("guest-timed.log"),
                            "[%d-%*d-%*d %*d:%*d:%*d] beginning [%*d-%*d-%*d "
                            "%*d:%*d:%*d] second%n",
                            &y, &n),
                     1);
    ck_assert_int_gt(y, 2000);
    ck_assert_int_gt(n, 0);
    log_guest_close(&l);
    backlog_close(&b);
}
END_TEST

static void prepare(void)
{
    ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void finish(void)
{
    char command[64];

    snprintf(command, sizeof(command), "rm -rf %s", dir);
    ck_assert_int_eq(system(command), 0);
}

int main(void)
{
    const TTest *const tests[] = {output_is_taken_in_order_and_freed,
                                  indices_may_wrap,
                                  impossible_indices_are_an_empty_ring,
                                  a_full_ring_is_taken_whole,
                                  what_was_freed_before_is_not_taken_again,
                                  indices_that_change_all_the_time_do_no_harm,
                                  the_backlog_keeps_the_newest,
                                  the_backlog_behaves_like_a_queue,
                                  a_backlog_of_no_size_keeps_nothing,
                                  a_backlog_is_taken_up_by_its_owner_only,
                                  without_its_folder_the_backlog_is_in_memory,
                                  a_log_is_rotated_by_size,
                                  a_log_stays_in_its_folder,
                                  a_killed_daemons_log_is_finished_where_it_stopped,
                                  lines_of_a_log_have_their_time,
                                  NULL};

    return unit_run_in("console", prepare, finish, 60, tests);
}
