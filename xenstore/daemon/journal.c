/* SPDX-License-Identifier: MIT */
/* Writing the journal. See journal.h; recover.c reads it. */
#include "daemon/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "daemon/alloc.h"
#include "daemon/domain.h"
#include "daemon/log.h"
#include "daemon/special.h"
#include "daemon/txn.h"
#include "daemon/watch.h"

#define WINDOW                                                                           \
    (256u << 10)       /* mapped of the file, at its end; records are much smaller       \
                        */
#define TIDY_SLICE 256 /* nodes written between two rounds */
#define TIDY_COPY  (64u << 10) /* bytes of the old journal copied between two rounds */
#define TIDY_MIN   (1u << 20)  /* a smaller file is left alone */
#define TIDY_FREE                                                                        \
    (1u << 20) /* bytes of a replaced journal given back between two rounds */

struct file {
    int fd;
    struct journal_head *head;
    char *window;
    uint64_t window_at; /* offset of the window in the file */
    uint64_t end;       /* where the next record goes */
};

static struct file log_file = {.fd = -1};
static char log_path[256];
static uint64_t tidy_size; /* of the file when it was last written anew */

/* --- the file --- */

uint32_t journal_sum(const void *data, size_t len)
{
    const char *p = data;
    uint64_t sum = len * 0x9e3779b97f4a7c15u, word;

    for (; len; p += sizeof(word)) {
        size_t n = len < sizeof(word) ? len : sizeof(word);

        word = 0;
        memcpy(&word, p, n);
        sum = (sum ^ word) * 0xff51afd7ed558ccdu;
        sum ^= sum >> 29;
        len -= n;
    }
    return (uint32_t)(sum >> 32) ^ (uint32_t)sum;
}

void journal_boot_id(char *out)
{
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, out, 36) : 0;

    if (fd >= 0)
        close(fd);
    memset(out + (n > 0 ? n : 0), 0, 40 - (size_t)(n > 0 ? n : 0));
}

static void file_close(struct file *f)
{
    if (f->head)
        munmap(f->head, JOURNAL_HEAD);
    if (f->window)
        munmap(f->window, WINDOW);
    if (f->fd >= 0)
        close(f->fd);
    *f = (struct file){.fd = -1};
}

/* Moves the window so that it begins on the page that holds the end. */
static int file_remap(struct file *f)
{
    uint64_t at = f->end & ~4095ull;
    void *window;

    if (posix_fallocate(f->fd, 0, (off_t)(at + WINDOW)))
        return ENOSPC;
    window = mmap(NULL, WINDOW, PROT_READ | PROT_WRITE, MAP_SHARED, f->fd, (off_t)at);
    if (window == MAP_FAILED)
        return errno;
    if (f->window)
        munmap(f->window, WINDOW);
    f->window = window;
    f->window_at = at;
    return 0;
}

static int file_open(struct file *f, const char *path, bool resume)
{
    int rc;

    *f = (struct file){.fd = -1};
    f->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | (resume ? 0 : O_TRUNC), 0600);
    if (f->fd < 0)
        return errno;
    rc = resume ? 0 : posix_fallocate(f->fd, 0, JOURNAL_HEAD);
    if (rc == 0) {
        void *head =
            mmap(NULL, JOURNAL_HEAD, PROT_READ | PROT_WRITE, MAP_SHARED, f->fd, 0);

        if (head == MAP_FAILED)
            rc = errno;
        else
            f->head = head;
    }
    if (rc == 0) {
        f->end = resume ? f->head->committed : JOURNAL_HEAD;
        rc = file_remap(f);
    }
    if (rc) {
        file_close(f);
        return rc;
    }
    if (!resume) {
        journal_boot_id(f->head->boot_id);
        f->head->committed = JOURNAL_HEAD;
        f->head->magic = JOURNAL_MAGIC;
    }
    return 0;
}

static void file_commit(struct file *f)
{
    __atomic_store_n(&f->head->committed, f->end, __ATOMIC_RELEASE);
}

/* Room for len bytes at the end, or NULL: then the journal is given up. */
static char *file_room(struct file *f, size_t len)
{
    int rc = 0;

    if (f->end + len > f->window_at + WINDOW)
        rc = file_remap(f);
    if (rc) {
        log_say("the journal cannot grow (%s): a restart will not find this state again",
                strerror(rc));
        f->head->magic = 0;
        file_close(f);
        return NULL;
    }
    return f->window + (f->end - f->window_at);
}

static void file_append(struct file *f, const struct iovec *part, int parts)
{
    struct journal_record r = {0};
    char *to;

    for (int i = 0; i < parts; i++)
        r.len += (uint32_t)part[i].iov_len;
    to = file_room(f, sizeof(r) + r.len);
    if (!to)
        return;
    for (int i = 0, at = sizeof(r); i < parts; i++) {
        if (part[i].iov_len)
            memcpy(to + at, part[i].iov_base, part[i].iov_len);
        at += (int)part[i].iov_len;
    }
    r.sum = journal_sum(to + sizeof(r), r.len);
    memcpy(to, &r, sizeof(r));
    f->end += sizeof(r) + r.len;
}

/* --- records --- */

static void put(struct file *f, struct journal_entry e, const void *a, const void *b,
                const struct perms *perms)
{
    struct iovec part[4] = {
        {&e, sizeof(e)},
        {(void *)(uintptr_t)a, e.a_len},
        {(void *)(uintptr_t)b, e.b_len},
        {perms ? (void *)(uintptr_t)perms->entry : NULL,
         e.perms * sizeof(struct xs_perm)},
    };

    if (f->fd >= 0)
        file_append(f, part, 4);
}

void journal_node(const char *path, size_t len)
{
    struct journal_entry e = {.type = JOURNAL_NODE, .a_len = (uint16_t)len};
    struct node *n;

    if (log_file.fd < 0)
        return;
    n = store_find(store.root, path, len);
    e.b_len = n->value_len;
    e.perms = (uint16_t)n->perms->count;
    put(&log_file, e, path, node_value(n), n->perms);
}

void journal_removed(const char *path, size_t len)
{
    struct journal_entry e = {.type = JOURNAL_REMOVED, .a_len = (uint16_t)len};

    put(&log_file, e, path, NULL, NULL);
}

/*
 * number: the depth, shifted by one; flags: whether the path was given as a relative one.
 */
static void put_watch(struct file *f, uint32_t domid, const struct xs_path *p,
                      const char *token, int depth, enum journal_type type)
{
    struct journal_entry e = {
        .type = (uint8_t)type,
        .flags = p->base != 0,
        .a_len = (uint16_t)p->len,
        .b_len = (uint16_t)(strlen(token) + 1),
        .domid = domid,
        .number = (uint32_t)(depth + 1),
    };

    put(f, e, p->s, token, NULL);
}

void journal_watch(uint32_t domid, const struct xs_path *p, const char *token, int depth)
{
    put_watch(&log_file, domid, p, token, depth, JOURNAL_WATCH);
}

void journal_unwatch(uint32_t domid, const struct xs_path *p, const char *token)
{
    put_watch(&log_file, domid, p, token, -1, JOURNAL_UNWATCH);
}

void journal_reset(uint32_t domid)
{
    put(&log_file, (struct journal_entry){.type = JOURNAL_RESET, .domid = domid}, NULL,
        NULL, NULL);
}

static void put_txn(struct file *f, uint32_t domid, uint32_t id, enum journal_type type)
{
    struct journal_entry e = {.type = (uint8_t)type, .domid = domid, .number = id};

    put(f, e, NULL, NULL, NULL);
}

void journal_txn(uint32_t domid, uint32_t id, bool start)
{
    put_txn(&log_file, domid, id, start ? JOURNAL_TXN_START : JOURNAL_TXN_END);
}

static void put_domain(struct file *f, const struct domain *d)
{
    struct journal_domain_quota q[QUOTA_COUNT];
    struct journal_domain s = {
        .gfn = d->gfn,
        .port = d->port,
        .target = d->target,
        .features = d->features,
        .introduced = d->introduced,
        .shutdown = d->shutdown,
        .has_target = d->has_target,
    };
    struct journal_entry e = {
        .type = JOURNAL_DOMAIN, .a_len = sizeof(s), .domid = d->domid};

    for (uint32_t i = 0; i < QUOTA_COUNT; i++) {
        if (d->has_quota[i])
            q[s.quotas++] = (struct journal_domain_quota){i, d->quota[i]};
    }
    e.b_len = (uint16_t)(s.quotas * sizeof(q[0]));
    put(f, e, &s, q, NULL);
}

void journal_domain(const struct domain *d)
{
    put_domain(&log_file, d);
}

void journal_domain_gone(uint32_t domid)
{
    put(&log_file, (struct journal_entry){.type = JOURNAL_DOMAIN_GONE, .domid = domid},
        NULL, NULL, NULL);
}

static void put_special(struct file *f, uint32_t which, const struct perms *perms)
{
    struct journal_entry e = {
        .type = JOURNAL_SPECIAL, .number = which, .perms = (uint16_t)perms->count};

    put(f, e, NULL, NULL, perms);
}

void journal_special(uint32_t which, const struct perms *perms)
{
    put_special(&log_file, which, perms);
}

static void put_quotas(struct file *f)
{
    struct journal_quota q[QUOTA_COUNT];
    struct journal_entry e = {.type = JOURNAL_QUOTAS, .a_len = sizeof(q)};

    for (int i = 0; i < QUOTA_COUNT; i++)
        q[i] = (struct journal_quota){quotas[i].limit, quotas[i].soft};
    put(f, e, q, NULL, NULL);
}

void journal_quotas(void)
{
    put_quotas(&log_file);
}

/* number: the ring's index that goes with the bytes. */
static void put_bytes(struct file *f, uint32_t domid, uint32_t index, const void *data,
                      size_t len, enum journal_type type)
{
    struct journal_entry e = {
        .type = (uint8_t)type, .a_len = (uint16_t)len, .domid = domid, .number = index};

    put(f, e, data, NULL, NULL);
}

void journal_input(uint32_t domid, uint32_t cons, const void *data, size_t len)
{
    put_bytes(&log_file, domid, cons, data, len, JOURNAL_INPUT);
}

void journal_output(uint32_t domid, uint32_t prod, const void *data, size_t len)
{
    put_bytes(&log_file, domid, prod, data, len, JOURNAL_OUTPUT);
}

/* --- writing it anew --- */

struct place {
    struct node *n;
    uint16_t depth;
};

static struct tidy {
    bool running;
    struct file file;
    struct node *root;   /* the tree that is written: a reference */
    uint64_t copied;     /* of the old file: what came after that tree */
    struct place *stack; /* subtrees still to be written */
    size_t depth, room;
} tidy = {.file = {.fd = -1}};

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

/* Siblings later, so that children directly follow their parent. number: the depth. */
static void write_node(struct place at)
{
    struct node *n = at.n;
    struct journal_entry e = {
        .type = JOURNAL_TREE,
        .a_len = n->name_len,
        .b_len = n->value_len,
        .perms = (uint16_t)n->perms->count,
        .number = at.depth,
    };

    put(&tidy.file, e, node_name(n), node_value(n), n->perms);
    push(n->left, at.depth);
    push(n->right, at.depth);
    push(n->child, (uint16_t)(at.depth + 1));
}

static void write_client(struct file *f, struct conn *c)
{
    struct xs_path p;

    for (struct list *l = c->watches.next; l != &c->watches; l = l->next) {
        struct watch *w = list_of(l, struct watch, by_conn);

        p.len = watch_absolute(w, p.s);
        p.base = w->base;
        put_watch(f, c->id, &p, w->token, w->depth, JOURNAL_WATCH);
    }
    for (struct list *l = c->txns.next; l != &c->txns; l = l->next)
        put_txn(f, c->id, txn_id(txn_of(l)), JOURNAL_TXN_START);
}

/* All but the tree is small: it is written at once. */
static void write_rest(struct file *f)
{
    put_quotas(f);
    for (uint32_t i = 0; i < SPECIAL_COUNT; i++)
        put_special(f, i, special_perms((enum special)i));
    for (struct list *l = domains.next; l != &domains; l = l->next) {
        struct domain *d = list_of(l, struct domain, all);

        put_domain(f, d);
        if (d->conn)
            write_client(f, d->conn);
    }
}

static void tidy_stop(void)
{
    node_put(tidy.root);
    file_close(&tidy.file);
    free(tidy.stack);
    tidy = (struct tidy){.file = {.fd = -1}};
}

static void tidy_path(char *out, size_t size)
{
    snprintf(out, size, "%s.new", log_path);
}

static void tidy_start(void)
{
    char path[300];

    tidy_path(path, sizeof(path));
    tidy_size = log_file.end; /* not again before it has grown, should this fail */
    if (file_open(&tidy.file, path, false))
        return;
    tidy.running = true;
    tidy.root = node_ref(store.root);
    tidy.copied = log_file.end;
    push(tidy.root, 0);
    write_rest(&tidy.file);
}

/* Copies records that came meanwhile; true when it has caught up. */
static bool tidy_copy(void)
{
    char chunk[TIDY_COPY];
    uint64_t left = log_file.end - tidy.copied;
    size_t len = left < sizeof(chunk) ? left : sizeof(chunk);
    ssize_t n = len ? pread(log_file.fd, chunk, len, (off_t)tidy.copied) : 0;
    char *to = n > 0 ? file_room(&tidy.file, (size_t)n) : NULL;

    if (to) {
        memcpy(to, chunk, (size_t)n);
        tidy.file.end += (uint64_t)n;
        tidy.copied += (uint64_t)n;
    }
    return tidy.copied == log_file.end;
}

/* A large file takes long to go, so the replaced one goes in pieces. */
static struct {
    int fd;
    uint64_t size;
} replaced = {.fd = -1};

static void replace(struct file *f)
{
    if (replaced.fd >= 0)
        close(replaced.fd);
    replaced.fd = fcntl(f->fd, F_DUPFD_CLOEXEC, 0);
    replaced.size = f->end;
    file_close(f);
}

/* True while there is more of it. */
static bool free_replaced(void)
{
    if (replaced.fd < 0)
        return false;
    replaced.size -= replaced.size < TIDY_FREE ? replaced.size : TIDY_FREE;
    if (ftruncate(replaced.fd, (off_t)replaced.size) == 0 && replaced.size)
        return true;
    close(replaced.fd);
    replaced.fd = -1;
    return false;
}

static void tidy_finish(void)
{
    char path[300];

    tidy_path(path, sizeof(path));
    file_commit(&tidy.file);
    if (rename(path, log_path) == 0) {
        replace(&log_file);
        log_file = tidy.file;
        tidy_size = log_file.end;
        tidy.file = (struct file){.fd = -1};
    }
    tidy_stop();
}

/* The file is three times what it would be if written now, and has grown since it was. */
static bool tidy_due(void)
{
    uint64_t live = store.bytes - store.nodes * sizeof(struct node) +
                    store.nodes * (sizeof(struct journal_record) +
                                   sizeof(struct journal_entry) + sizeof(struct xs_perm));

    return log_file.end > TIDY_MIN && log_file.end / 3 > live &&
           log_file.end > tidy_size + tidy_size / 2;
}

bool journal_tidy(void)
{
    if (log_file.fd < 0)
        return false;
    if (free_replaced())
        return true;
    if (!tidy.running) {
        if (!tidy_due())
            return false;
        tidy_start();
        return tidy.running;
    }
    for (int i = 0; tidy.depth && i < TIDY_SLICE; i++)
        write_node(tidy.stack[--tidy.depth]);
    if (!tidy.depth && tidy.file.fd >= 0 && tidy_copy()) {
        tidy_finish();
        return false;
    }
    if (tidy.file.fd < 0)
        tidy_stop(); /* no room for two: go on with the old one */
    return tidy.running;
}

/* --- life --- */

int journal_open(const char *dir, bool resume)
{
    snprintf(log_path, sizeof(log_path), "%s/journal", dir);
    tidy_size = 0;
    return file_open(&log_file, log_path, resume);
}

void journal_close(void)
{
    if (log_file.fd >= 0)
        journal_commit();
    file_close(&log_file);
}

bool journal_active(void)
{
    return log_file.fd >= 0;
}

void journal_commit(void)
{
    if (log_file.fd >= 0 && log_file.head->committed != log_file.end)
        file_commit(&log_file);
}
