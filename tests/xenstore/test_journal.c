/* SPDX-License-Identifier: MIT */
/*
 * Damages a journal in every way at every place and reads it again. As long as one of its
 * two files has a record whole, nothing may be missing and the files must be as they
 * were; what both have lost must be said, and cost nothing else.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/domain.h"
#include "daemon/journal.h"
#include "daemon/journal_file.h"
#include "daemon/quota.h"
#include "daemon/special.h"
#include "daemon/store.h"
#include "daemon/txn.h"

#define FILE_MAX  (16u << 10)
#define STATE_MAX (64u << 10)
#define DOMAINS   10u

static char dir[64];
static unsigned int number;
static int said; /* what the daemon says: a file */

struct image {
    char data[FILE_MAX];
    size_t len;
};
static struct image good[2];
static uint64_t record[512]; /* where records begin, and the last one ends */
static size_t records, behind_tree;

static void check(bool ok, const char *name, const char *why)
{
    printf("%sok %u - %s%s%s\n", ok ? "" : "not ", ++number, name, ok ? "" : ": ",
           ok ? "" : why);
    if (!ok)
        exit(1);
}

/* --- the daemon's state as text --- */

struct text {
    char data[STATE_MAX];
    size_t len;
};
static struct text before, after;

static void add(struct text *t, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    t->len += (size_t)vsnprintf(t->data + t->len, STATE_MAX - t->len, format, ap);
    va_end(ap);
}

static void add_perms(struct text *t, const struct perms *p)
{
    for (uint32_t i = 0; i < p->count; i++)
        add(t, " %u:%u", p->entry[i].id, p->entry[i].access);
    add(t, "\n");
}

static bool add_node(void *arg, const char *path, size_t len, struct node *n)
{
    char names[HV_STORE_PAYLOAD_MAX];
    size_t names_len = store_list(n, 0, names, sizeof(names));

    add(arg, "%.*s = %.*s", (int)len, path, (int)n->value_len, node_value(n));
    add_perms(arg, n->perms);
    for (size_t at = 0; at < names_len; at += strlen(names + at) + 1)
        add(arg, " child %s\n", names + at);
    return true;
}

static void describe(struct text *t)
{
    t->len = 0;
    store_walk(store.root, "/", 1, false, add_node, t);
    for (int i = 0; i < SPECIAL_COUNT; i++)
        add_perms(t, special_perms((enum special)i));
    for (uint32_t id = 0; id < DOMAINS; id++) {
        const struct domain *d = domain_find(id);

        if (d)
            add(t, "domain %u: %u nodes of %u bytes, %d %d %u gfn %llx port %u\n", id,
                d->nodes, d->bytes, d->introduced, d->has_target, d->target,
                (unsigned long long)d->gfn, d->port);
    }
    for (int i = 0; i < QUOTA_COUNT; i++)
        add(t, "%u %u\n", quotas[i].limit, quotas[i].soft);
}

/* As in a daemon that has just begun. */
static void begin(void)
{
    journal_close();
    recover_rings(true);
    node_put(store.root);
    while (store_reap(1000))
        ;
    for (uint32_t id = 0; id < DOMAINS; id++) {
        struct domain *d = domain_find(id);

        if (!d)
            continue;
        d->introduced = d->has_target = false;
        d->nodes = d->bytes = 0;
        domain_drop_if_idle(d);
    }
    quotas[QUOTA_NODES].limit = 1;
    store_init();
    special_init();
}

/* --- a journal --- */

static void write_node(const char *path, const char *value, uint32_t owner)
{
    struct xs_perm entry[2] = {{owner, 0}, {7, XS_MAY_READ}};
    struct perms *p = perms_make(entry, owner ? 2 : 1);

    if (store_find(store.root, path, strlen(path)))
        edit_value(NULL, path, strlen(path), value, strlen(value));
    else
        edit_create(NULL, path, strlen(path), value, strlen(value), p, true);
    perms_put(p);
}

/* Records of every kind, some as the tree is written anew and some behind it. */
static void write_journal(void)
{
    static const char token[] = "token";
    struct xs_path p = {.s = "/local/domain/3/x", .len = 17};
    struct domain *d;

    begin();
    journal_open(dir, NULL);
    write_node("/local", "", 0);
    write_node("/local/domain", "some value", 0);
    write_node("/local/domain/3", "", 3);
    write_node("/local/domain/3/z", "last name, first born", 3);
    write_node("/local/domain/3/a", "", 3);
    write_node("/local/domain/3/m", "1", 3);
    write_node("/vm", "x", 0);
    write_node("/vm/below", "y", 0);
    journal_renew();
    while (journal_tidy())
        ;
    d = domain_get(3);
    d->introduced = true;
    d->gfn = 0x1234;
    d->port = 17;
    journal_domain(d);
    journal_watch(3, &p, token, 2);
    journal_txn(3, 5, true);
    quotas[QUOTA_NODES].limit = 777;
    journal_quotas();
    write_node("/local/domain/3/new", "v", 3);
    write_node("/vm/below", "changed", 0);
    edit_remove(NULL, "/local/domain/3/m", 17);
    journal_commit();
}

static void name_of(char *out, size_t size, int copy)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/journal", dir);
    journal_path(out, size, path, copy);
}

static void load_files(struct image *m)
{
    for (int i = 0; i < 2; i++) {
        char name[160];
        ssize_t n = 0;
        int fd;

        name_of(name, sizeof(name), i);
        fd = open(name, O_RDONLY);
        if (fd >= 0) {
            n = read(fd, m[i].data, FILE_MAX);
            close(fd);
        }
        m[i].len = n > 0 ? (size_t)n : 0;
    }
}

static void store_files(const struct image *m)
{
    for (int i = 0; i < 2; i++) {
        char name[160];
        int fd;

        name_of(name, sizeof(name), i);
        fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        if (fd < 0 || write(fd, m[i].data, m[i].len) != (ssize_t)m[i].len)
            exit(2);
        close(fd);
    }
}

static void find_records(void)
{
    struct journal_head head;
    uint64_t at = JOURNAL_HEAD, end = 0;

    memcpy(&head, good[0].data, sizeof(head));
    journal_word_get(head.committed, &end);
    for (records = 0; at < end; records++) {
        struct journal_record r;

        record[records] = at;
        memcpy(&r, good[0].data + at, sizeof(r));
        if (good[0].data[at + sizeof(r)] == JOURNAL_TREE)
            behind_tree = records + 1;
        at += sizeof(r) + r.len;
    }
    record[records] = at;
    good[0].len = good[1].len = at;
}

/* --- reading it --- */

static struct recovered found;
static char words[4096]; /* what was said */

/* What a daemon finds that starts on these files; false if it begins anew. */
static bool restart(const struct image *m)
{
    ssize_t n;
    bool ok;

    begin();
    store_files(m);
    if (ftruncate(said, 0))
        exit(2);
    lseek(said, 0, SEEK_SET);
    ok = recover(dir, &found);
    n = pread(said, words, sizeof(words) - 1, 0);
    words[n > 0 ? n : 0] = '\0';
    describe(&after);
    return ok;
}

static bool same_state(void)
{
    return after.len == before.len && memcmp(after.data, before.data, after.len) == 0;
}

static struct image now[2];

/* Nothing is missing, it was said that something was wrong, and both files are right. */
static bool mended(const struct image *m)
{
    if (!restart(m) || !same_state() || !strstr(words, "nothing is lost"))
        return false;
    load_files(now);
    for (int i = 0; i < 2; i++) {
        size_t len = good[i].len - JOURNAL_HEAD;

        if (now[i].len != good[i].len ||
            memcmp(now[i].data + JOURNAL_HEAD, good[i].data + JOURNAL_HEAD, len) != 0)
            return false;
    }
    return true;
}

static struct image bad[2];

static void flip(int file, size_t bit)
{
    bad[file].data[bit / 8] = (char)(bad[file].data[bit / 8] ^ 1 << bit % 8);
}

static char why[256];

static const char *because(int file, size_t at)
{
    snprintf(why, sizeof(why), "file %d, at %zu; said: %.120s", file, at, words);
    return why;
}

/* --- tests --- */

static void undamaged(void)
{
    bool ok = restart(good) && same_state() && !found.damaged;

    check(ok && !strstr(words, "damaged"), "what was written is read", words);
}

static void every_bit(void)
{
    for (int file = 0; file < 2; file++) {
        for (size_t bit = 0; bit < good[file].len * 8; bit++) {
            if (bit == sizeof(struct journal_head) * 8)
                bit = JOURNAL_HEAD * 8;
            memcpy(bad, good, sizeof(bad));
            flip(file, bit);
            if (!mended(bad))
                check(false, "any flipped bit is mended", because(file, bit));
        }
    }
    check(true, "any flipped bit is mended", "");
}

static void many_bits(void)
{
    for (int round = 0; round < 2000; round++) {
        int file = rand() % 2, bits = 2 + rand() % 200;

        memcpy(bad, good, sizeof(bad));
        while (bits--)
            flip(file,
                 JOURNAL_HEAD * 8 + (size_t)rand() % (8 * (good[0].len - JOURNAL_HEAD)));
        if (!memcmp(bad, good, sizeof(bad)) || mended(bad))
            continue;
        check(false, "many flipped bits in one file are mended", because(file, 0));
    }
    check(true, "many flipped bits in one file are mended", "");
}

static void one_truncated(void)
{
    for (int file = 0; file < 2; file++) {
        for (size_t len = 0; len < good[file].len; len++) {
            memcpy(bad, good, sizeof(bad));
            bad[file].len = len;
            if (!mended(bad))
                check(false, "a file that ends anywhere is mended", because(file, len));
        }
    }
    check(true, "a file that ends anywhere is mended", "");
}

/* Both end there: what comes before is read, and what is missing is said. */
static void both_truncated(void)
{
    static const char name[] = "where both files end, what comes before is read";
    size_t last = 0;

    for (size_t len = JOURNAL_HEAD; len < good[0].len; len++) {
        memcpy(bad, good, sizeof(bad));
        bad[0].len = bad[1].len = len;
        if (!restart(bad) || !found.damaged || !strstr(words, "bytes are lost") ||
            after.len > before.len + 200)
            check(false, name, because(0, len));
        while (record[last + 1] <= len)
            last++;
        load_files(now);
        if (now[0].len != record[last])
            check(false, name, because(0, len));
    }
    check(true, name, "");
}

/* True if every node in the state is one that was written, at its own place. */
static bool no_strangers(void)
{
    for (char *line = after.data, *end; line < after.data + after.len; line = end + 1) {
        end = strchr(line, '\n');
        *end = '\0';
        if (line[0] == '/' && line[1] != '/' && line[1] != ' ') {
            char *value = strstr(line, " = ");

            *value = '\0';
            if (!strstr(before.data, line) && strcmp(line, "/local/domain/3/m") != 0)
                return false;
        }
    }
    return true;
}

/* Hit in both files, each record in turn; also by the next start all is in order. */
static void both_damaged(void)
{
    static const char name[] = "a record that both files have lost costs no other";

    for (size_t i = 0; i < records; i++) {
        for (int part = 0; part < 2; part++) { /* header, payload */
            size_t bit = (record[i] + (part ? sizeof(struct journal_record) + 3 : 0)) * 8;

            memcpy(bad, good, sizeof(bad));
            flip(0, bit);
            flip(1, bit + 1);
            if (!restart(bad) || !found.damaged || !strstr(words, "bytes are lost") ||
                !no_strangers())
                check(false, name, because(part, i));
            describe(&after);
            if (strncmp(after.data, "/ = ", 4) != 0 ||
                (i >= behind_tree && !strstr(after.data, "/local/domain/3/z = last")))
                check(false, name, because(part, i));
            journal_open(dir, &found);
            while (journal_tidy())
                ;
            journal_close();
            load_files(now);
            if (!restart(now) || found.damaged || strstr(words, "damaged"))
                check(false, name, because(part, i));
        }
    }
    check(true, name, "");
}

/* Bytes of a value that look like a record are none, even where a record is looked for.
 */
static void forged(void)
{
    struct {
        struct journal_record r;
        struct journal_entry e;
        char path[8];
        struct xs_perm perm;
    } fake = {.e = {.type = JOURNAL_NODE, .a_len = 7, .perms = 1}, .path = "/forged"};
    char path[] = "/vm/value", payload[sizeof(fake)];
    size_t at, len = sizeof(fake.e) + 7 + sizeof(fake.perm);

    memcpy(payload, &fake.e, sizeof(fake.e) + 7);
    memcpy(payload + sizeof(fake.e) + 7, &fake.perm, sizeof(fake.perm));
    journal_set_key(0);
    fake.r.len = (uint16_t)len;
    fake.r.check = journal_check(fake.r.len);
    fake.r.sum = journal_sum(payload, len);
    write_journal();
    at = JOURNAL_HEAD;
    edit_create(NULL, path, strlen(path), &fake.r, sizeof(fake.r) + len,
                store.root->perms, true);
    journal_commit();
    load_files(good);
    find_records();
    at = record[records - 1];
    memcpy(bad, good, sizeof(bad));
    flip(0, at * 8);
    flip(1, at * 8);
    check(restart(bad) && found.damaged && !strstr(after.data, "/forged"),
          "what a client wrote is never taken for a record", words);
}

/* More comes between two slices than one of them copies by itself. */
static void catches_up(void)
{
    static char value[4001];
    int slices = 0;

    memset(value, 'v', sizeof(value) - 1);
    write_journal();
    journal_renew();
    while (journal_tidy() && slices++ < 100) {
        for (int i = 0; i < 40; i++)
            write_node("/vm/below", value, 0);
        journal_commit();
    }
    check(slices < 100, "it is written anew however fast records come", "no end of it");
}

int main(void)
{
    char command[96];

    snprintf(dir, sizeof(dir), "%s/xs-journal-XXXXXX",
             access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
    if (!mkdtemp(dir))
        return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    said = memfd_create("said", 0);
    dup2(said, STDERR_FILENO);
    domain_no_hypervisor = true;
    store_init();
    special_init();
    srand(1);
    puts("1..8");
    write_journal();
    describe(&before);
    load_files(good);
    find_records();
    undamaged();
    every_bit();
    many_bits();
    one_truncated();
    both_truncated();
    both_damaged();
    forged();
    catches_up();
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    return system(command) ? 1 : 0;
}
