/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "consoled.h"

static struct log_options opt;

/* Like mkdir -p. */
static int make_path(const char *dir)
{
    char path[512];

    snprintf(path, sizeof(path), "%s", dir);
    for (char *at = strchr(path + 1, '/'); at; at = strchr(at + 1, '/')) {
        *at = 0;
        mkdir(path, 0755);
        *at = '/';
    }
    return mkdir(path, 0750) && errno != EEXIST ? -errno : 0;
}

void log_guests(const struct log_options *options)
{
    opt = *options;
    if (opt.dir && make_path(opt.dir))
        log_line("cannot make %s: %s", opt.dir, strerror(errno));
}

static uint64_t size_of(const struct guest_log *l)
{
    struct stat st;

    return fstat(l->fd, &st) ? 0 : (uint64_t)st.st_size;
}

void log_guest_reopen(struct guest_log *l)
{
    if (l->fd >= 0)
        close(l->fd);
    l->fd = -1;
    if (!*l->path)
        return;
    l->fd = open(l->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (l->fd < 0)
        log_line("cannot open %s: %s", l->path, strerror(errno));
}

/* FILE becomes FILE.1, that FILE.2, and so on; the last one goes. */
static void rotate(struct guest_log *l)
{
    char from[340], to[340];

    for (unsigned int i = opt.keep; i; i--) {
        snprintf(to, sizeof(to), "%s.%u", l->path, i);
        snprintf(from, sizeof(from), i > 1 ? "%s.%u" : "%s", l->path, i - 1);
        rename(from, to);
    }
    if (!opt.keep)
        unlink(l->path);
    log_guest_reopen(l);
}

struct out {
    int fd;
    uint64_t skip; /* of what comes first: it is there */
    size_t len;
    char data[8192];
};

/* A full disk costs the log, not the console. */
static void flush(struct out *o)
{
    uint64_t skip = o->skip < o->len ? o->skip : o->len;
    const char *at = o->data + skip, *end = o->data + o->len;

    while (at < end) {
        ssize_t n = write(o->fd, at, (size_t)(end - at));

        if (n < 0 && errno != EINTR)
            break;
        at += n > 0 ? n : 0;
    }
    o->skip -= skip;
    o->len = 0;
}

static void put(struct out *o, const char *data, size_t len)
{
    if (o->len + len > sizeof(o->data))
        flush(o);
    memcpy(o->data + o->len, data, len);
    o->len += len;
}

/* With the time before each line, if that is wanted. Returns whether the last has no end.
 */
static bool write_lines(struct out *o, const struct backlog_head *h, const char *data,
                        size_t len)
{
    time_t when = h->log_time;
    bool mid_line = h->logged & 1;
    char stamp[32];
    size_t stamp_len =
        strftime(stamp, sizeof(stamp), "[%Y-%m-%d %H:%M:%S] ", localtime(&when));

    for (size_t i = 0; i < len;) {
        const char *end = memchr(data + i, '\n', len - i);
        size_t n = end ? (size_t)(end - data) + 1 - i : len - i;

        if (opt.timestamps && !mid_line)
            put(o, stamp, stamp_len);
        put(o, data + i, n);
        mid_line = !end;
        i += n;
    }
    flush(o);
    return mid_line;
}

/* From here on a killed daemon's successor knows what is to be done, and in what form. */
static void begin(struct guest_log *l, struct backlog_head *h, size_t len)
{
    if (opt.max_size && size_of(l) && size_of(l) + len > opt.max_size)
        rotate(l);
    h->log_size = size_of(l);
    __atomic_store_n(&h->log_time, time(NULL), __ATOMIC_RELEASE);
}

static void end(struct guest_log *l, struct backlog_head *h, bool mid_line)
{
    __atomic_store_n(&h->logged, h->end * 2 + mid_line, __ATOMIC_RELEASE);
    h->log_size = size_of(l);
    h->log_time = 0;
}

void log_guest_write(struct guest_log *l, struct backlog *b, const char *data, size_t len)
{
    struct out o = {0};
    bool mid_line = false;

    if (l->fd >= 0) {
        begin(l, b->head, len);
        o.fd = l->fd;
        mid_line = write_lines(&o, b->head, data, len);
    }
    end(l, b->head, mid_line);
}

/* What the backlog has beyond the log, the beginning of which may be there. */
static void resume(struct guest_log *l, struct backlog *b)
{
    struct backlog_head *h = b->head;
    struct out o = {0};
    char data[HV_CONSOLE_OUT_SIZE];
    size_t len = backlog_copy(b, h->logged / 2, data, sizeof(data));

    if (!h->log_time)
        begin(l, h, len);
    else if (size_of(l) > h->log_size)
        o.skip = size_of(l) - h->log_size;
    o.fd = l->fd;
    end(l, h, write_lines(&o, h, data, len));
}

void log_guest_open(struct guest_log *l, const char *name, struct backlog *b)
{
    l->fd = -1;
    *l->path = 0;
    /* The name comes from XenStore: it must stay inside the folder. */
    if (!opt.dir || !name || !*name || strchr(name, '/') || name[0] == '.')
        return;
    snprintf(l->path, sizeof(l->path), "%.150s/guest-%.150s.log", opt.dir, name);
    log_guest_reopen(l);
    if (l->fd >= 0)
        resume(l, b);
}

void log_guest_close(struct guest_log *l)
{
    if (l->fd >= 0)
        close(l->fd);
    l->fd = -1;
}
