/* SPDX-License-Identifier: MIT */
/* Check tests of the parts: wire formats, the tree of nodes, permissions, the tree of
 * watches, the queue of turns. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "daemon/conn.h"
#include "daemon/domain.h"
#include "daemon/loop.h"
#include "daemon/perm.h"
#include "daemon/special.h"
#include "daemon/store.h"
#include "daemon/txn.h"
#include "daemon/watch.h"
#include "unit.h"
#include "wire/xs_path.h"

/* --- wire --- */

START_TEST(paths_of_bad_form_are_refused)
{
    static const char *const bad[] = {"",     "/a/",  "//",    "/a//b",
                                      "/a b", "/a.b", "/\x80", "@x"};
    struct xs_path p;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_int_eq(xs_path_make(&p, bad[i], "/local/domain/1", false), EINVAL);
}
END_TEST

START_TEST(relative_paths_are_completed)
{
    struct xs_path p;

    ck_assert_int_eq(xs_path_make(&p, "a/b", "/local/domain/7", false), 0);
    ck_assert_str_eq(p.s, "/local/domain/7/a/b");
    ck_assert_str_eq(p.s + p.base, "a/b");
}
END_TEST

START_TEST(parents_and_components_of_paths_are_found)
{
    size_t at = 0, len;
    const char *name;

    ck_assert_uint_eq(xs_path_parent("/a/b", 4), 2);
    ck_assert_uint_eq(xs_path_parent("/a", 2), 1);
    ck_assert_uint_eq(xs_path_parent("/", 1), 0);
    ck_assert(xs_path_component("/ab/c", 5, &at, &name, &len) && len == 2 &&
              name[0] == 'a');
    ck_assert(xs_path_component("/ab/c", 5, &at, &name, &len) && len == 1 &&
              name[0] == 'c');
    ck_assert(!xs_path_component("/ab/c", 5, &at, &name, &len));
}
END_TEST

START_TEST(a_path_is_below_its_parents_only)
{
    unsigned int depth;

    ck_assert(xs_path_below("/", 1, "/a/b", 4, &depth) && depth == 2);
    ck_assert(xs_path_below("/a", 2, "/a", 2, &depth) && depth == 0);
    ck_assert(!xs_path_below("/a", 2, "/ab", 3, &depth));
    ck_assert(!xs_path_below("/a/b", 4, "/a", 2, &depth));
}
END_TEST

START_TEST(permissions_come_through_text_unchanged)
{
    char text[XS_PERM_CHARS];
    struct xs_perm p, q;

    for (uint32_t access = 0; access < 4; access++) {
        p = (struct xs_perm){4294967295u, access};
        xs_perm_format(text, &p);
        ck_assert(xs_perm_parse(text, &q));
        ck_assert(q.id == p.id && q.access == p.access);
    }
    ck_assert(!xs_perm_parse("r", &p) && !xs_perm_parse("x1", &p) &&
              !xs_perm_parse("r1x", &p));
}
END_TEST

START_TEST(strings_of_a_payload_are_taken_one_by_one)
{
    struct xs_args a = {"one\0\0end", 8};
    size_t len;

    ck_assert_str_eq(xs_args_next(&a, &len), "one");
    ck_assert_str_eq(xs_args_next(&a, &len), "");
    ck_assert_ptr_null(xs_args_next(&a, &len));
    ck_assert_uint_eq(a.left, 3);
    ck_assert_ptr_nonnull(xs_args_one("x", 2));
    ck_assert_ptr_null(xs_args_one("x", 1));
    ck_assert_ptr_null(xs_args_one("x\0y", 4));
}
END_TEST

START_TEST(errors_have_the_names_of_the_wire)
{
    ck_assert_str_eq(xs_error_name(ENOENT), "ENOENT");
    ck_assert_str_eq(xs_error_name(ELOOP), "EINVAL");
    ck_assert_int_eq(xs_error_number("EAGAIN", 6), EAGAIN);
    ck_assert_int_eq(xs_error_number("ENONSENSE", 9), 0);
}
END_TEST

START_TEST(numbers_out_of_range_are_refused)
{
    uint64_t v;

    ck_assert(xs_number("4096", 4096, &v) && v == 4096);
    ck_assert(!xs_number("4097", 4096, &v) && !xs_number("", 1, &v) &&
              !xs_number("-1", 1, &v));
    ck_assert(!xs_number("18446744073709551616", UINT64_MAX, &v));
}
END_TEST

/* --- store --- */

static struct perms *dom0, *guest;

static void set_up(void)
{
    struct xs_perm zero = {0, 0}, one = {1, XS_MAY_READ};

    if (!store.root) {
        store_init();
        special_init();
        domain_no_hypervisor = true;
        dom0 = perms_make(&zero, 1);
        guest = perms_make(&one, 1);
    }
}

static void clear(void)
{
    char name[HV_STORE_PAYLOAD_MAX + 1] = "/";

    while (store_list(store.root, 0, name + 1, HV_STORE_PAYLOAD_MAX))
        edit_remove(NULL, name, strlen(name));
    while (store_reap(1000))
        ;
    ck_assert_uint_eq(store.nodes, 1);
}

static void insert(struct node **root, const char *path, const char *value,
                   struct perms *p)
{
    store_insert(root, path, strlen(path), value, strlen(value), p);
}

/* Sums and order of a treap of siblings, recomputed. Returns its bytes of names. */
static uint32_t audit(const struct node *t, const struct node *low,
                      const struct node *high, uint32_t *guests)
{
    uint32_t bytes, below = 0, sides = 0;

    if (!t)
        return 0;
    if (low)
        ck_assert_int_lt(strncmp(low->bytes, t->bytes, low->name_len), 1);
    if (high)
        ck_assert_int_lt(strncmp(t->bytes, high->bytes, t->name_len), 1);
    ck_assert(!t->left || t->left->prio <= t->prio);
    ck_assert(!t->right || t->right->prio <= t->prio);
    bytes = t->name_len + 1u + audit(t->left, low, t, &sides) +
            audit(t->right, t, high, &sides);
    audit(t->child, NULL, NULL, &below);
    ck_assert_uint_eq(t->names_bytes, bytes);
    ck_assert_uint_eq(t->guests, sides + below + (node_owner(t) != 0));
    *guests += t->guests;
    return bytes;
}

static void audit_all(void)
{
    uint32_t guests = 0;

    audit(store.root, NULL, NULL, &guests);
}

START_TEST(a_held_root_does_not_change)
{
    struct node *held;

    insert(&store.root, "/a", "1", dom0);
    insert(&store.root, "/a/b", "2", dom0);
    held = node_ref(store.root);
    store_set_value(&store.root, "/a/b", 4, "changed", 7);
    insert(&store.root, "/a/c", "3", guest);
    store_remove(&store.root, "/a/b", 4);
    ck_assert_ptr_null(store_find(store.root, "/a/b", 4));
    ck_assert_ptr_null(store_find(held, "/a/c", 4));
    ck_assert_int_eq(node_value(store_find(held, "/a/b", 4))[0], '2');
    ck_assert_uint_eq(store_find(held, "/a/b", 4)->value_len, 1);
    audit_all();
    node_put(held);
    edit_owned(NULL, 1);
    store_remove(&store.root, "/a", 2);
    clear();
}
END_TEST

START_TEST(an_exclusive_tree_is_changed_in_place)
{
    uint64_t before;

    insert(&store.root, "/a", "1", dom0);
    before = store.nodes;
    for (int i = 0; i < 100; i++)
        store_set_value(&store.root, "/a", 2, "value", (size_t)i % 6);
    ck_assert_uint_eq(store.nodes, before);
    clear();
}
END_TEST

START_TEST(children_are_listed_in_order_of_creation)
{
    char list[64];

    insert(&store.root, "/z", "", dom0);
    insert(&store.root, "/b", "", dom0);
    insert(&store.root, "/m", "", dom0);
    ck_assert_uint_eq(store_list(store.root, 0, list, sizeof(list)), 6);
    ck_assert_int_eq(memcmp(list, "z\0b\0m", 6), 0);
    ck_assert_uint_eq(store_list(store.root, 2, list, sizeof(list)), 4);
    ck_assert_int_eq(memcmp(list, "b\0m", 4), 0);
    clear();
}
END_TEST

START_TEST(a_long_list_is_whole_in_its_parts)
{
    char path[64], part[1000];
    size_t at = 0, n, names = 0;

    insert(&store.root, "/d", "", dom0);
    for (int i = 0; i < 3000; i++) {
        sprintf(path, "/d/child-%d", i);
        insert(&store.root, path, "", dom0);
    }
    while ((n = store_list(store_find(store.root, "/d", 2), at, part, sizeof(part)))) {
        for (size_t i = 0; i < n; i++)
            names += part[i] == '\0';
        at += n;
    }
    ck_assert_uint_eq(names, 3000);
    ck_assert_uint_eq(at, store_list_bytes(store_find(store.root, "/d", 2)));
    clear();
}
END_TEST

START_TEST(sums_hold_under_random_edits_and_held_roots)
{
    struct node *held[8] = {NULL};
    char path[64];

    srand(1);
    for (int i = 0; i < 20000; i++) {
        size_t len = (size_t)sprintf(path, "/%d", rand() % 40);

        if (rand() % 3)
            len += (size_t)sprintf(path + len, "/%d", rand() % 40);
        if (store_find(store.root, path, len)) {
            if (rand() % 2)
                edit_remove(NULL, path, len);
            else
                edit_perms(NULL, path, len, rand() % 2 ? dom0 : guest);
        } else if (store_find(store.root, path, xs_path_parent(path, len))) {
            edit_create(NULL, path, len, "v", 1, rand() % 2 ? dom0 : guest, false);
        }
        if (i % 50 == 0) {
            int which = rand() % 8;

            node_put(held[which]);
            held[which] = node_ref(store.root);
            audit_all();
        }
        store_reap(3);
    }
    ck_assert_uint_eq(domain_get(1)->nodes, node_guests(store.root));
    for (int i = 0; i < 8; i++)
        node_put(held[i]);
    clear();
    ck_assert_uint_eq(domain_get(1)->nodes, 0);
}
END_TEST

START_TEST(equal_permissions_are_one_object_and_die_together)
{
    struct xs_perm entry[2] = {{0, 0}, {9, XS_MAY_READ}};
    struct perms *a = perms_make(entry, 2), *b = perms_make(entry, 2), *c;

    ck_assert_ptr_eq(a, b);
    perms_domain_died(9);
    ck_assert(a->entry[1].access & XS_PERM_DEAD);
    c = perms_make(entry, 2);
    ck_assert_ptr_ne(a, c);
    ck_assert(!(c->entry[1].access & XS_PERM_DEAD));
    perms_put(a);
    perms_put(b);
    perms_put(c);
}
END_TEST

START_TEST(each_domain_of_a_list_dies_by_itself)
{
    struct xs_perm entry[3] = {{0, 0}, {9, XS_MAY_READ}, {8, XS_MAY_READ}};
    struct perms *a = perms_make(entry, 3), *b;

    perms_domain_died(9);
    perms_domain_died(8);
    ck_assert(a->entry[1].access & a->entry[2].access & XS_PERM_DEAD);
    b = perms_make(entry, 3);
    ck_assert_ptr_ne(a, b);
    perms_put(a);
    ck_assert_ptr_eq(perms_make(entry, 3), b);
    perms_put(b);
    perms_put(b);
}
END_TEST

/* --- permissions and watches --- */

static ssize_t no_bytes(struct conn *c, void *buf, size_t len)
{
    return 0;
}

static ssize_t all_bytes(struct conn *c, const void *buf, size_t len)
{
    return (ssize_t)len;
}

static void nothing(struct conn *c, bool r, bool w)
{
}

static void closed(struct conn *c, uint32_t e)
{
}

static void release(struct conn *c)
{
    free(c);
}

static const struct conn_ops ops = {no_bytes, all_bytes, nothing, closed, release};

static struct conn *client(uint32_t domid)
{
    struct conn *c = calloc(1, sizeof(*c));

    conn_setup(c, &ops, domid);
    return c;
}

static uint32_t events(const struct conn *c)
{
    uint32_t n = 0, at = c->out.start;
    struct hv_xsd_sockmsg h;

    for (; at < c->out.end; at += (uint32_t)sizeof(h) + h.len, n++)
        memcpy(&h, c->out.data + at, sizeof(h));
    return n;
}

START_TEST(permissions_follow_owner_list_and_rest)
{
    struct xs_perm entry[3] = {{5, XS_MAY_READ}, {6, XS_MAY_WRITE}, {7, 0}};
    struct perms *p = perms_make(entry, 3);
    uint32_t want[] = {7, 7, XS_MAY_WRITE, 0, XS_MAY_READ}, domid[] = {0, 5, 6, 7, 8};

    for (int i = 0; i < 5; i++) {
        struct conn *c = client(domid[i]);

        ck_assert_uint_eq(perm_for(c, p), want[i]);
        conn_kill(c, 0);
    }
    conn_bury();
    perms_put(p);
}
END_TEST

static void watch(struct conn *c, const char *path, const char *token, int depth)
{
    struct watch *w;
    struct xs_path p;

    ck_assert_int_eq(xs_path_make(&p, path, "/local/domain/1", true), 0);
    ck_assert_int_eq(watch_add(c, &p, token, depth, &w), 0);
}

START_TEST(a_change_is_told_on_its_path_and_above)
{
    struct conn *c = client(0);

    watch(c, "/", "t", -1);
    watch(c, "/a", "t", -1);
    watch(c, "/a/b", "t", -1);
    watch(c, "/a/b/c", "t", -1);
    watch(c, "/ab", "t", -1);
    watch_fire("/a/b", 4, dom0, dom0);
    ck_assert_uint_eq(events(c), 3);
    conn_kill(c, 0);
    conn_bury();
    ck_assert_uint_eq(watch_stats.points, 0);
}
END_TEST

START_TEST(depth_limits_what_a_watch_hears)
{
    struct conn *c = client(0);

    watch(c, "/a", "t0", 0);
    watch(c, "/a", "t1", 1);
    watch(c, "/a", "t2", 2);
    watch(c, "/", "t3", 1);
    watch_fire("/a", 2, dom0, dom0);
    ck_assert_uint_eq(events(c), 4);
    watch_fire("/a/b", 4, dom0, dom0);
    ck_assert_uint_eq(events(c), 6);
    watch_fire("/a/b/c", 6, dom0, dom0);
    ck_assert_uint_eq(events(c), 7);
    conn_kill(c, 0);
    conn_bury();
}
END_TEST

START_TEST(watches_below_a_removed_node_hear_of_it)
{
    struct conn *c = client(0);
    struct node *a;

    insert(&store.root, "/a", "", dom0);
    insert(&store.root, "/a/b", "", dom0);
    watch(c, "/a/b", "t", -1);
    watch(c, "/a/nothing", "t", -1);
    a = store_find(store.root, "/a", 2);
    watch_fire_below("/a", 2, a);
    ck_assert_uint_eq(events(c), 1);
    conn_kill(c, 0);
    conn_bury();
    clear();
}
END_TEST

START_TEST(events_that_nobody_fetches_fold_into_one_per_watch)
{
    struct conn *c = client(0);

    watch(c, "/a", "t", -1);
    for (int i = 0; i < 100000; i++)
        watch_fire("/a", 2, dom0, dom0);
    ck_assert_uint_lt(c->out.end - c->out.start, 300 << 10);
    c->task.turn(&c->task);
    c->task.turn(&c->task);
    ck_assert_uint_eq(c->out.end, c->out.start);
    ck_assert(list_empty(&c->folded));
    conn_kill(c, 0);
    conn_bury();
}
END_TEST

START_TEST(the_same_watch_cannot_be_set_twice)
{
    struct conn *c = client(0), *d = client(0);
    struct watch *w;
    struct xs_path p;

    watch(c, "/a", "t", -1);
    watch(d, "/a", "t", -1);
    watch(c, "/a", "u", -1);
    xs_path_make(&p, "/a", "", false);
    ck_assert_int_eq(watch_add(c, &p, "t", -1, &w), EEXIST);
    ck_assert_int_eq(watch_remove(c, &p, "v"), ENOENT);
    ck_assert_int_eq(watch_remove(c, &p, "t"), 0);
    ck_assert_int_eq(watch_remove(c, &p, "t"), ENOENT);
    conn_kill(c, 0);
    conn_kill(d, 0);
    conn_bury();
    ck_assert_uint_eq(watch_stats.watches, 0);
}
END_TEST

/* --- turns --- */

#define BUSY   8
#define ROUNDS 20

/* Tasks that always have more to do. In each round the first of them wakes another one.
 */
static struct {
    struct task busy[BUSY], quiet;
    struct source source;
    int pipe[2];
    int turns, between, worst, quiet_turns;
} turns;

static bool busy_turn(struct task *t)
{
    turns.turns++;
    turns.between++;
    if (t == &turns.busy[0]) {
        turns.between = 0;
        ck_assert_int_eq(write(turns.pipe[1], "", 1), 1);
    }
    if (turns.turns == BUSY * ROUNDS)
        loop_stop();
    return true;
}

static bool quiet_turn(struct task *t)
{
    turns.quiet_turns++;
    if (turns.between > turns.worst)
        turns.worst = turns.between;
    return false;
}

static void wake_quiet(struct source *s, uint32_t events)
{
    char byte;

    ck_assert_int_eq(read(turns.pipe[0], &byte, 1), 1);
    task_queue(&turns.quiet);
}

static bool nothing_more(void)
{
    return false;
}

static void no_lull(void)
{
}

/* Runs the loop with all busy ones queued and ready called for each byte in the pipe. */
static void run_loop(bool (*busy)(struct task *),
                     void (*ready)(struct source *s, uint32_t events))
{
    ck_assert_int_eq(loop_init(), 0);
    ck_assert_int_eq(pipe(turns.pipe), 0);
    turns.source.ready = ready;
    ck_assert_int_eq(loop_watch_fd(turns.pipe[0], EPOLLIN, &turns.source), 0);
    task_init(&turns.quiet, quiet_turn);
    for (int i = 0; i < BUSY; i++) {
        task_init(&turns.busy[i], busy);
        task_queue(&turns.busy[i]);
    }
    loop_run(nothing_more, no_lull);
}

START_TEST(who_asks_once_a_round_does_not_wait_for_its_end)
{
    run_loop(busy_turn, wake_quiet);
    ck_assert_int_ge(turns.quiet_turns, ROUNDS - 1);
    ck_assert_int_le(turns.worst, 2);
}
END_TEST

static bool again(struct task *t)
{
    turns.quiet_turns++;
    task_queue(t);
    return false;
}

START_TEST(nobody_has_two_turns_in_a_round)
{
    ck_assert_int_eq(loop_init(), 0);
    turns.pipe[1] = open("/dev/null", O_WRONLY);
    task_init(&turns.quiet, again);
    task_queue(&turns.quiet);
    for (int i = 0; i < BUSY; i++) {
        task_init(&turns.busy[i], busy_turn);
        task_queue(&turns.busy[i]);
    }
    loop_run(nothing_more, no_lull);
    ck_assert_int_le(turns.quiet_turns, ROUNDS + 1);
}
END_TEST

/*
 * While one task has always more to do, in each round others become ready together, and
 * now and then behind them one that has not asked for long.
 */
static bool waking_turn(struct task *t)
{
    turns.turns++;
    turns.between++;
    if (t == &turns.busy[0])
        ck_assert_int_eq(write(turns.pipe[1], "", 1), 1);
    if (turns.turns >= BUSY * ROUNDS * 4)
        loop_stop();
    return t < &turns.busy[2];
}

static void wake_all(struct source *s, uint32_t events)
{
    static int wakes;
    char byte;

    ck_assert_int_eq(read(turns.pipe[0], &byte, 1), 1);
    for (int i = 2; i < BUSY; i++)
        task_queue(&turns.busy[i]);
    if (++wakes % 4)
        return;
    turns.between = 0;
    task_queue(&turns.quiet);
}

START_TEST(who_asks_seldom_goes_before_who_asks_in_each_round)
{
    run_loop(waking_turn, wake_all);
    ck_assert_int_ge(turns.quiet_turns, ROUNDS / 4);
    ck_assert_int_le(turns.worst, 1);
}
END_TEST

static TCase *with(Suite *s, const char *name)
{
    TCase *t = tcase_create(name);

    tcase_add_unchecked_fixture(t, set_up, NULL);
    suite_add_tcase(s, t);
    return t;
}

int main(void)
{
    Suite *s = suite_create("xenstore");
    TCase *wire = with(s, "wire"), *tree = with(s, "store"), *watches = with(s, "watch"),
          *loop = with(s, "loop");

    tcase_add_test(wire, paths_of_bad_form_are_refused);
    tcase_add_test(wire, relative_paths_are_completed);
    tcase_add_test(wire, parents_and_components_of_paths_are_found);
    tcase_add_test(wire, a_path_is_below_its_parents_only);
    tcase_add_test(wire, permissions_come_through_text_unchanged);
    tcase_add_test(wire, strings_of_a_payload_are_taken_one_by_one);
    tcase_add_test(wire, errors_have_the_names_of_the_wire);
    tcase_add_test(wire, numbers_out_of_range_are_refused);
    tcase_add_test(tree, a_held_root_does_not_change);
    tcase_add_test(tree, an_exclusive_tree_is_changed_in_place);
    tcase_add_test(tree, children_are_listed_in_order_of_creation);
    tcase_add_test(tree, a_long_list_is_whole_in_its_parts);
    tcase_add_test(tree, sums_hold_under_random_edits_and_held_roots);
    tcase_add_test(tree, equal_permissions_are_one_object_and_die_together);
    tcase_add_test(tree, each_domain_of_a_list_dies_by_itself);
    tcase_add_test(watches, permissions_follow_owner_list_and_rest);
    tcase_add_test(watches, a_change_is_told_on_its_path_and_above);
    tcase_add_test(watches, depth_limits_what_a_watch_hears);
    tcase_add_test(watches, watches_below_a_removed_node_hear_of_it);
    tcase_add_test(watches, events_that_nobody_fetches_fold_into_one_per_watch);
    tcase_add_test(watches, the_same_watch_cannot_be_set_twice);
    tcase_add_test(loop, who_asks_once_a_round_does_not_wait_for_its_end);
    tcase_add_test(loop, who_asks_seldom_goes_before_who_asks_in_each_round);
    tcase_add_test(loop, nobody_has_two_turns_in_a_round);
    return unit_run_suite(s);
}
