/* SPDX-License-Identifier: MIT */
/*
 * Writing the journal anew: first everything but the tree, then the tree from a root that
 * is held meanwhile, then the records that came in that time. The new files take the old
 * ones' place one after the other; a restart in between tells them apart by their number.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/alloc.h"
#include "daemon/journal_priv.h"
#include "daemon/store.h"

#define TIDY_SLICE 128          /* nodes written between two rounds */
#define TIDY_COPY  (16u << 10)  /* bytes of the old journal copied between two rounds */
#define TIDY_MIN   (1u << 20)   /* a smaller file is left alone */
#define TIDY_TAIL  25000u       /* records of a short tail */
#define LULL_TAIL  2000u        /* ... when there is time */
#define TIDY_FREE  (128u << 10) /* bytes of a replaced file given back between rounds */

struct place {
    struct node *n;
    uint16_t depth;
};

static struct tidy {
    bool running;
    uint64_t tail; /* journal_log.tail when it began */
    struct journal_file file;
    struct node *root;   /* the tree that is written: a reference */
    uint64_t copied;     /* of the old file: what came after that tree */
    uint64_t seen;       /* ... its end when we last looked */
    struct place *stack; /* subtrees still to be written */
    size_t depth, room;
} tidy = {.file = {.fd = {-1, -1}}};

static void push(struct node *n, uint16_t depth)
{
    if (!n)
        return;
    if (tidy.depth == tidy.room) {
        tidy.room = tidy.room ? tidy.room * 2 : 64;
        tidy.stack = xrealloc(tidy.stack, tidy.room * sizeof(*tidy.stack));
    }
    tidy.stack[tidy.depth++] = (struct place){n, depth};
}

/* The order is that of store_load. */
static void write_node(struct place at)
{
    struct node *n = at.n;
    struct journal_tree tree = {.born = n->born};
    struct journal_entry e = {
        .type = JOURNAL_TREE,
        .flags = (uint8_t)store_shape(n),
        .a_len = (uint16_t)(sizeof(tree) + n->name_len),
        .b_len = n->value_len,
        .perms = (uint16_t)n->perms->count,
        .number = at.depth,
    };
    char a[sizeof(tree) + HV_STORE_ABS_PATH_MAX];

    memcpy(a, &tree, sizeof(tree));
    memcpy(a + sizeof(tree), node_name(n), n->name_len);
    journal_put(&tidy.file, e, a, node_value(n), n->perms);
    push(n->left, at.depth);
    push(n->right, at.depth);
    push(n->child, (uint16_t)(at.depth + 1));
}

static void tidy_stop(void)
{
    node_put(tidy.root);
    journal_file_close(&tidy.file);
    free(tidy.stack);
    tidy = (struct tidy){.file = JOURNAL_FILE_NONE};
}

/* There is no room for two: we go on with the old one, and try when it has grown. */
static void not_again(void)
{
    journal_log.tidied = journal_log.file.end;
    journal_log.tail = 0;
}

static void new_path(char *out, size_t size)
{
    snprintf(out, size, "%s.new", journal_log.path);
}

static void tidy_start(void)
{
    char path[300];

    new_path(path, sizeof(path));
    journal_log.renew = false;
    if (journal_file_open(&tidy.file, path, false)) {
        not_again();
        return;
    }
    tidy.running = true;
    tidy.root = node_ref(store.root);
    tidy.copied = journal_log.file.end;
    tidy.tail = journal_log.tail;
    push(tidy.root, 0);
    journal_put_rest(&tidy.file);
}

/*
 * Copies records that came meanwhile; true when it has caught up, as it will: it copies
 * more than has come since it last did.
 */
static bool tidy_copy(void)
{
    char chunk[TIDY_COPY];
    uint64_t end = journal_log.file.end, some = 2 * (end - tidy.seen);
    uint64_t upto = tidy.copied + sizeof(chunk) + some;

    tidy.seen = end;
    upto = upto < end ? upto : end;
    while (tidy.copied < upto) {
        size_t len =
            upto - tidy.copied < sizeof(chunk) ? upto - tidy.copied : sizeof(chunk);
        ssize_t n = pread(journal_log.file.fd[0], chunk, len, (off_t)tidy.copied);

        if (n <= 0 || !journal_file_raw(&tidy.file, chunk, (size_t)n))
            return false;
        tidy.copied += (uint64_t)n;
    }
    return tidy.copied == end;
}

/* Large files take long to go, so replaced ones go in pieces. */
static struct {
    int fd[JOURNAL_COPIES];
    uint64_t size;
} replaced = {.fd = {-1, -1}};

static void forget_replaced(void)
{
    for (int i = 0; i < JOURNAL_COPIES; i++) {
        if (replaced.fd[i] >= 0)
            close(replaced.fd[i]);
        replaced.fd[i] = -1;
    }
}

static void replace(struct journal_file *f)
{
    forget_replaced();
    for (int i = 0; i < JOURNAL_COPIES; i++)
        replaced.fd[i] = fcntl(f->fd[i], F_DUPFD_CLOEXEC, 0);
    replaced.size = f->end;
    journal_file_close(f);
}

/* True while there is more of them. */
static bool free_replaced(void)
{
    bool more = replaced.size > TIDY_FREE;

    if (replaced.fd[0] < 0)
        return false;
    replaced.size -= more ? TIDY_FREE : replaced.size;
    for (int i = 0; i < JOURNAL_COPIES; i++)
        more &= ftruncate(replaced.fd[i], (off_t)replaced.size) == 0;
    if (!more)
        forget_replaced();
    return more;
}

static bool rename_new(void)
{
    bool first = true;

    for (int i = 0; i < JOURNAL_COPIES; i++) {
        char new[300], from[310], to[310];

        new_path(new, sizeof(new));
        journal_path(from, sizeof(from), new, i);
        journal_path(to, sizeof(to), journal_log.path, i);
        if (rename(from, to))
            return !first; /* with the first, the new one is the one that counts */
        first = false;
    }
    return true;
}

static void tidy_finish(void)
{
    journal_file_commit(&tidy.file);
    if (rename_new()) {
        replace(&journal_log.file);
        journal_log.file = tidy.file;
        journal_log.tidied = journal_log.file.end;
        journal_log.tail -= tidy.tail;
        tidy.file = JOURNAL_FILE_NONE;
    }
    tidy_stop();
}

/* It is three times what it would be if written now, and has grown since it was. */
static bool too_large(void)
{
    uint64_t end = journal_log.file.end;
    uint64_t live =
        store.bytes - store.nodes * sizeof(struct node) +
        store.nodes * (sizeof(struct journal_record) + sizeof(struct journal_entry) +
                       sizeof(struct journal_tree) + sizeof(struct xs_perm));

    return end > TIDY_MIN && end / 3 > live &&
           end > journal_log.tidied + journal_log.tidied / 2;
}

static bool tidy_due(void)
{
    return journal_log.renew || too_large() ||
           journal_log.tail > TIDY_TAIL + store.nodes / 2;
}

bool journal_stale(void)
{
    return journal_active() && journal_log.tail > LULL_TAIL + store.nodes / 16;
}

void journal_renew(void)
{
    journal_log.renew = journal_active();
}

bool journal_tidy(void)
{
    if (!journal_active()) {
        tidy_stop();
        return false;
    }
    if (free_replaced())
        return true;
    if (!tidy.running) {
        if (!tidy_due())
            return false;
        tidy_start();
        return tidy.running;
    }
    if (tidy.depth)
        tidy.seen = journal_log.file.end;
    for (int i = 0; tidy.depth && i < TIDY_SLICE; i++)
        write_node(tidy.stack[--tidy.depth]);
    if (!tidy.depth && journal_file_is_open(&tidy.file) && tidy_copy()) {
        tidy_finish();
        return false;
    }
    if (!journal_file_is_open(&tidy.file)) {
        tidy_stop();
        not_again();
    }
    return tidy.running;
}
