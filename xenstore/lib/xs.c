/* SPDX-License-Identifier: MIT */
/* The requests of libxenstore, each one a call over the link. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/link.h"
#include "lib/restrict.h"
#include "lib/xenstore.h"
#include "wire/xs_perm.h"

#define EXPORT __attribute__((visibility("default")))

struct xs_handle {
    struct restrict_handle restrict_handle;
    struct link link;
    bool filter; /* XS_UNWATCH_FILTER */
};

static struct iovec string(const char *s)
{
    return (struct iovec){(void *)(uintptr_t)s, strlen(s) + 1};
}

static char *call1(struct xs_handle *h, uint32_t type, xs_transaction_t t, const char *s,
                   size_t *len)
{
    struct iovec v = string(s);

    return link_call(&h->link, type, t, &v, 1, len);
}

/* For requests whose answer is "OK". */
static bool done(char *reply)
{
    free(reply);
    return reply != NULL;
}

/* --- handles --- */

static const char *kernel_device(void)
{
    return access("/dev/xen/xenbus", F_OK) == 0 ? "/dev/xen/xenbus" : "/proc/xen/xenbus";
}

/* From now on the connection leads nowhere. */
static int cut_off(struct restrict_handle *r, uint16_t domid)
{
    return link_cut(&((struct xs_handle *)r)->link);
}

EXPORT struct xs_handle *xs_open(unsigned long flags)
{
    struct xs_handle *h = malloc(sizeof(*h));
    int rc;

    if (!h)
        return NULL;
    h->filter = (flags & XS_UNWATCH_FILTER) != 0;
    rc = link_open(&h->link, xs_daemon_socket());
    if (rc && !(flags & XS_OPEN_SOCKETONLY))
        rc = link_open(&h->link, kernel_device());
    if (rc == 0) {
        h->restrict_handle.restrict_callback = cut_off;
        restrict_register(&h->restrict_handle);
        return h;
    }
    free(h);
    errno = rc;
    return NULL;
}

EXPORT void xs_close(struct xs_handle *h)
{
    if (!h)
        return;
    restrict_deregister(&h->restrict_handle);
    link_close(&h->link);
    free(h);
}

EXPORT struct xs_handle *xs_daemon_open(void)
{
    return xs_open(0);
}

EXPORT struct xs_handle *xs_domain_open(void)
{
    return xs_open(0);
}

EXPORT struct xs_handle *xs_daemon_open_readonly(void)
{
    return xs_open(XS_OPEN_READONLY);
}

EXPORT void xs_daemon_close(struct xs_handle *h)
{
    xs_close(h);
}

EXPORT void xs_daemon_destroy_postfork(struct xs_handle *h)
{
    xs_close(h);
}

/* --- nodes --- */

EXPORT void *xs_read(struct xs_handle *h, xs_transaction_t t, const char *path,
                     unsigned int *len)
{
    size_t n;
    char *value = call1(h, HV_XS_READ, t, path, &n);

    if (value && len)
        *len = (unsigned int)n;
    return value;
}

EXPORT bool xs_write(struct xs_handle *h, xs_transaction_t t, const char *path,
                     const void *data, unsigned int len)
{
    struct iovec v[2] = {string(path), {(void *)(uintptr_t)data, len}};

    return done(link_call(&h->link, HV_XS_WRITE, t, v, 2, NULL));
}

EXPORT bool xs_mkdir(struct xs_handle *h, xs_transaction_t t, const char *path)
{
    return done(call1(h, HV_XS_MKDIR, t, path, NULL));
}

EXPORT bool xs_rm(struct xs_handle *h, xs_transaction_t t, const char *path)
{
    return done(call1(h, HV_XS_RM, t, path, NULL));
}

EXPORT bool xs_restrict(struct xs_handle *h, unsigned int domid)
{
    errno = ENOSYS;
    return false;
}

/* --- lists --- */

/* One block: the pointers, then the strings. Takes list, which has len bytes. */
static char **split_list(char *list, size_t len, unsigned int *num)
{
    unsigned int count = 0;
    char **out, *copy;

    for (size_t i = 0; i < len; i++)
        count += list[i] == '\0';
    out = malloc((count + 1) * sizeof(*out) + len);
    if (out) {
        copy = memcpy(out + count + 1, list, len);
        *num = count;
        for (unsigned int i = 0; i < count; i++) {
            out[i] = copy;
            copy += strlen(copy) + 1;
        }
        out[count] = NULL;
    }
    free(list);
    return out;
}

/* One part of a long list, from offset on. *names points into the reply, behind its
 * version. */
static char *get_part(struct xs_handle *h, xs_transaction_t t, const char *path,
                      size_t offset, char **names, size_t *len)
{
    char number[24];
    struct iovec v[2] = {string(path)};
    char *reply;
    size_t n;

    snprintf(number, sizeof(number), "%zu", offset);
    v[1] = string(number);
    reply = link_call(&h->link, HV_XS_DIRECTORY_PART, t, v, 2, &n);
    if (!reply)
        return NULL;
    *names = reply + strlen(reply) + 1;
    if (*names > reply + n) {
        free(reply);
        errno = EIO;
        return NULL;
    }
    *len = n - (size_t)(*names - reply);
    return reply;
}

/* A list that is too long for one message. If it changes meanwhile we begin again. */
static char *get_long_list(struct xs_handle *h, xs_transaction_t t, const char *path,
                           size_t *total)
{
    char version[24] = "", *list = NULL;
    size_t used = 0;

    for (;;) {
        char *names, *more;
        size_t len;
        char *reply = get_part(h, t, path, used, &names, &len);
        bool last;

        if (!reply)
            break;
        if (used && strncmp(reply, version, sizeof(version)) != 0) {
            free(reply);
            used = 0;
            continue;
        }
        snprintf(version, sizeof(version), "%s", reply);
        /* An empty name ends the list, behind other names or alone. */
        last =
            len == 0 || (names[len - 1] == '\0' && (len == 1 || names[len - 2] == '\0'));
        len -= len && last;
        more = realloc(list, used + len + 1);
        if (!more) {
            free(reply);
            break;
        }
        list = more;
        memcpy(list + used, names, len);
        used += len;
        free(reply);
        if (last) {
            *total = used;
            return list;
        }
    }
    free(list);
    return NULL;
}

EXPORT char **xs_directory(struct xs_handle *h, xs_transaction_t t, const char *path,
                           unsigned int *num)
{
    size_t len;
    char *list = call1(h, HV_XS_DIRECTORY, t, path, &len);

    if (!list && errno == E2BIG)
        list = get_long_list(h, t, path, &len);
    return list ? split_list(list, len, num) : NULL;
}

/* --- permissions --- */

EXPORT struct xs_permissions *xs_get_permissions(struct xs_handle *h, xs_transaction_t t,
                                                 const char *path, unsigned int *num)
{
    size_t len;
    char *list = call1(h, HV_XS_GET_PERMS, t, path, &len);
    struct xs_permissions *perms;
    unsigned int count = 0;

    if (!list)
        return NULL;
    for (size_t i = 0; i < len; i++)
        count += list[i] == '\0';
    perms = calloc(count ? count : 1, sizeof(*perms));
    if (perms && !xs_strings_to_perms(perms, count, list)) {
        free(perms);
        perms = NULL;
    }
    free(list);
    if (perms)
        *num = count;
    return perms;
}

EXPORT bool xs_set_permissions(struct xs_handle *h, xs_transaction_t t, const char *path,
                               struct xs_permissions *perms, unsigned int num_perms)
{
    struct iovec v[2] = {string(path)};
    char text[HV_STORE_PAYLOAD_MAX];
    size_t used = 0;

    for (unsigned int i = 0; i < num_perms; i++) {
        struct xs_perm p = {perms[i].id, perms[i].perms};

        if (used + XS_PERM_CHARS > sizeof(text)) {
            errno = ENOSPC;
            return false;
        }
        if (perms[i].perms & ~(unsigned int)(XS_PERM_READ | XS_PERM_WRITE)) {
            errno = EINVAL;
            return false;
        }
        used += xs_perm_format(text + used, &p) + 1;
    }
    v[1] = (struct iovec){text, used};
    return done(link_call(&h->link, HV_XS_SET_PERMS, t, v, 2, NULL));
}

/* --- watches --- */

EXPORT bool xs_watch(struct xs_handle *h, const char *path, const char *token)
{
    errno = link_watch(&h->link, path, token, true);
    return errno == 0;
}

struct unwatched {
    const char *path, *token;
};

static bool is_unwatched(const struct event *e, void *arg)
{
    const struct unwatched *u = arg;
    size_t path_len = strnlen(e->data, e->len);

    return path_len + 1 < e->len && strcmp(e->data + path_len + 1, u->token) == 0 &&
           xs_path_is_subpath(u->path, e->data);
}

EXPORT bool xs_unwatch(struct xs_handle *h, const char *path, const char *token)
{
    struct unwatched u = {path, token};
    int rc = link_watch(&h->link, path, token, false);

    if (h->filter)
        link_drop_events(&h->link, is_unwatched, &u);
    errno = rc;
    return rc == 0;
}

EXPORT int xs_fileno(struct xs_handle *h)
{
    return link_fileno(&h->link);
}

static char **get_event(struct xs_handle *h, bool wait)
{
    struct event *e = link_event(&h->link, wait);
    unsigned int num = 0;
    char *copy;
    size_t len;

    if (!e)
        return NULL;
    len = e->len;
    copy = malloc(len + 2);
    if (copy) {
        /* Two strings, whatever the daemon sent. */
        memcpy(copy, e->data, len);
        memcpy(copy + len, "\0", 2);
    }
    free(e);
    return copy ? split_list(copy, len + 2, &num) : NULL;
}

EXPORT char **xs_check_watch(struct xs_handle *h)
{
    return get_event(h, false);
}

EXPORT char **xs_read_watch(struct xs_handle *h, unsigned int *num)
{
    char **event = get_event(h, true);

    if (event)
        *num = 2;
    return event;
}

/* --- transactions --- */

EXPORT xs_transaction_t xs_transaction_start(struct xs_handle *h)
{
    char *reply = call1(h, HV_XS_TRANSACTION_START, XBT_NULL, "", NULL);
    xs_transaction_t t;

    if (!reply)
        return XBT_NULL;
    t = (xs_transaction_t)strtoul(reply, NULL, 0);
    free(reply);
    return t;
}

EXPORT bool xs_transaction_end(struct xs_handle *h, xs_transaction_t t, bool abort)
{
    if (done(call1(h, HV_XS_TRANSACTION_END, t, abort ? "F" : "T", NULL)))
        return true;
    return abort && errno == EAGAIN; /* gone with the daemon it was in */
}

/* --- domains --- */

static char *call_numbers(struct xs_handle *h, uint32_t type, const unsigned long *number,
                          unsigned int count)
{
    char text[3][24];
    struct iovec v[3];

    for (unsigned int i = 0; i < count; i++) {
        snprintf(text[i], sizeof(text[i]), "%lu", number[i]);
        v[i] = string(text[i]);
    }
    return link_call(&h->link, type, XBT_NULL, v, count, NULL);
}

EXPORT bool xs_introduce_domain(struct xs_handle *h, unsigned int domid,
                                unsigned long mfn, unsigned int eventchn)
{
    unsigned long n[3] = {domid, mfn, eventchn};

    return done(call_numbers(h, HV_XS_INTRODUCE, n, 3));
}

EXPORT bool xs_set_target(struct xs_handle *h, unsigned int domid, unsigned int target)
{
    unsigned long n[2] = {domid, target};

    return done(call_numbers(h, HV_XS_SET_TARGET, n, 2));
}

EXPORT bool xs_resume_domain(struct xs_handle *h, unsigned int domid)
{
    unsigned long n = domid;

    return done(call_numbers(h, HV_XS_RESUME, &n, 1));
}

EXPORT bool xs_release_domain(struct xs_handle *h, unsigned int domid)
{
    unsigned long n = domid;

    return done(call_numbers(h, HV_XS_RELEASE, &n, 1));
}

EXPORT char *xs_get_domain_path(struct xs_handle *h, unsigned int domid)
{
    unsigned long n = domid;

    return call_numbers(h, HV_XS_GET_DOMAIN_PATH, &n, 1);
}

EXPORT bool xs_is_domain_introduced(struct xs_handle *h, unsigned int domid)
{
    unsigned long n = domid;
    char *reply = call_numbers(h, HV_XS_IS_DOMAIN_INTRODUCED, &n, 1);
    bool yes = reply && strcmp(reply, "T") == 0;

    free(reply);
    return yes;
}

/* --- the rest --- */

EXPORT char *xs_control_command(struct xs_handle *h, const char *cmd, void *data,
                                unsigned int len)
{
    struct iovec v[2] = {string(cmd), {data, len}};

    return link_call(&h->link, HV_XS_CONTROL, XBT_NULL, v, 2, NULL);
}

EXPORT char *xs_debug_command(struct xs_handle *h, const char *cmd, void *data,
                              unsigned int len)
{
    return xs_control_command(h, cmd, data, len);
}

EXPORT int xs_suspend_evtchn_port(int domid)
{
    struct xs_handle *h = xs_open(0);
    char path[64], *value;
    int port = -1;

    if (!h)
        return -1;
    snprintf(path, sizeof(path), "/local/domain/%d/device/suspend/event-channel", domid);
    value = xs_read(h, XBT_NULL, path, NULL);
    if (value)
        port = atoi(value);
    free(value);
    xs_close(h);
    return port;
}
