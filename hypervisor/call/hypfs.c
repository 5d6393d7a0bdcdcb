/* SPDX-License-Identifier: MIT */
/*
 * hypfs_op: the hypervisor's files, for the control domain: how it was built, the pools
 * of CPUs, and boot options that can be changed while the machine runs. Names stand in
 * their folder in order. The domctl's lock keeps pools and options still.
 *
 * Reference: Xen public interface, hypfs.h; docs, Xenhypfs Paths.
 */
#include "abi/hypfs.h"
#include "call/call.h"
#include "call/domctl.h"
#include "call/version.h"
#include "kern/cpupool.h"
#include "kern/param.h"
#include "kern/param_live.h"
#include "lib/string.h"

#define NAME        32 /* longest name of a file, zero included */
#define GRANULARITY 8  /* longest text that may be given for one, zero included */
#define NAME_AT     offsetof(struct hv_hypfs_dirlistentry, name)

union value {
    char text[PARAM_LIVE_TEXT];
    uint32_t number;
};

/* What was known when the hypervisor was built. Of the others only the folder's place is.
 */
struct fixed {
    const char *name;
    enum { FIXED, POOLS, PARAMS } what;
    const struct fixed *sub; /* a folder's, up to one without a name */
    const char *text;        /* a file's: this, or if NULL the number */
    uint32_t number;
};

static const struct fixed compileinfo[] = {
    {"compile_by", .text = VERSION_BY},
    {"compile_date", .text = VERSION_DATE},
    {"compile_domain", .text = VERSION_DOMAIN},
    {"compiler", .text = VERSION_COMPILER},
    {NULL},
};
/* By the names that Xen's build has for what is chosen there. */
static const char config[] = "#\n"
                             "# Ostler, as Xen 4.17 would be built\n"
                             "#\n"
                             "CONFIG_X86_64=y\n"
                             "CONFIG_X86=y\n"
                             "CONFIG_PV=y\n"
                             "# CONFIG_PV32 is not set\n"
                             "# CONFIG_HVM is not set\n"
                             "# CONFIG_XSM is not set\n"
                             "CONFIG_HYPFS=y\n"
                             "CONFIG_HYPFS_CONFIG=y\n"
                             "CONFIG_SCHED_CREDIT2=y\n"
                             "CONFIG_SCHED_DEFAULT=\"credit2\"\n"
                             "# CONFIG_PERF_COUNTERS is not set\n"
                             "# CONFIG_DEBUG is not set\n";
static const struct fixed version[] = {
    {"extra", .text = VERSION_EXTRA},
    {"major", .number = VERSION_MAJOR},
    {"minor", .number = VERSION_MINOR},
    {NULL},
};
static const struct fixed buildinfo[] = {
    {"changeset", .text = VERSION_CHANGESET},
    {"compileinfo", .sub = compileinfo},
    {"config", .text = config},
    {"version", .sub = version},
    {NULL},
};
static const struct fixed top[] = {
    {"buildinfo", .sub = buildinfo},
    {"cpupool", POOLS},
    {"params", PARAMS},
    {NULL},
};
static const struct fixed root = {"", .sub = top};

/* A file or folder that was found. */
struct entry {
    enum { OF_FIXED, OF_POOL, OF_GRANULARITY, OF_PARAM } what;
    char name[NAME];
    const struct fixed *fixed; /* OF_FIXED */
    const struct param_live *param;
    unsigned pool; /* OF_POOL, OF_GRANULARITY: its number */
};

static bool is_folder(const struct entry *e)
{
    return e->what == OF_POOL ||
           (e->what == OF_FIXED && (e->fixed->sub || e->fixed->what != FIXED));
}

static bool is_number(const struct entry *e)
{
    return e->what == OF_FIXED && !e->fixed->text;
}

static bool nth_pool(unsigned n, struct entry *out)
{
    const struct cpupool *p = cpupool_get_next(0);

    while (p && n--)
        p = cpupool_get_next(p->id + 1);
    if (!p)
        return false;
    out->what = OF_POOL;
    out->pool = p->id;
    snprintf(out->name, NAME, "%u", p->id);
    return true;
}

/* What stands in a folder at place n; false: nothing more. */
static bool nth(const struct entry *folder, unsigned n, struct entry *out)
{
    const struct fixed *f = folder->fixed;

    if (folder->what == OF_POOL) {
        *out = (struct entry){OF_GRANULARITY, "sched-gran", .pool = folder->pool};
        return n == 0;
    }
    if (f->what == POOLS)
        return nth_pool(n, out);
    if (f->what == PARAMS) {
        *out = (struct entry){OF_PARAM, .param = &params_live[n]};
        snprintf(out->name, NAME, "%s", out->param->name ? out->param->name : "");
    } else {
        *out = (struct entry){OF_FIXED, .fixed = &f->sub[n]};
        snprintf(out->name, NAME, "%s", out->fixed->name ? out->fixed->name : "");
    }
    return out->name[0];
}

/* What a file holds, in *v if it lies nowhere else; *size: its bytes. */
static const void *contents(const struct entry *e, union value *v, uint32_t *size)
{
    const char *text = v->text;

    if (is_number(e)) {
        v->number = e->fixed->number;
        *size = sizeof(v->number);
        return v;
    }
    if (e->what == OF_PARAM)
        e->param->show(e->param, v->text, sizeof(v->text));
    else
        text = e->what == OF_GRANULARITY ? "cpu" : e->fixed->text;
    *size = (uint32_t)strlen(text) + 1;
    return text;
}

static uint32_t listed_size(const struct entry *e)
{
    return (uint32_t)(NAME_AT + ROUND_UP(strlen(e->name) + 1, 4ul));
}

static uint32_t size_of(const struct entry *e)
{
    struct entry sub;
    union value v;
    uint32_t size = 0;

    if (!is_folder(e)) {
        (void)contents(e, &v, &size);
        return size;
    }
    for (unsigned n = 0; nth(e, n, &sub); n++)
        size += listed_size(&sub);
    return size;
}

static uint32_t writable_size(const struct entry *e)
{
    return e->what == OF_PARAM         ? e->param->room
           : e->what == OF_GRANULARITY ? GRANULARITY
                                       : 0;
}

static struct hv_hypfs_direntry describe(const struct entry *e)
{
    return (struct hv_hypfs_direntry){.type = is_folder(e)   ? HV_HYPFS_TYPE_DIR
                                              : is_number(e) ? HV_HYPFS_TYPE_UINT
                                                             : HV_HYPFS_TYPE_STRING,
                                      .content_len = size_of(e),
                                      .max_write_len = writable_size(e)};
}

/* A pool's folder may be called by any number that is its: 00. */
static bool is_called(const struct entry *e, const char *name, size_t n)
{
    unsigned id;
    char text[NAME];

    if (n >= NAME)
        return false;
    memcpy(text, name, n);
    text[n] = '\0';
    if (e->what != OF_POOL)
        return !strcmp(e->name, text);
    return param_number(text, ~0u - 1, &id) && (text[1] | 0x20) != 'x' && id == e->pool;
}

static int find(const char *path, struct entry *e)
{
    *e = (struct entry){OF_FIXED, .fixed = &root};
    if (*path != '/')
        return -EINVAL;
    for (path++; *path;) {
        struct entry folder = *e;
        size_t len = 0;
        unsigned n = 0;

        if (!is_folder(&folder))
            return -ENOENT;
        while (path[len] && path[len] != '/')
            len++;
        do
            if (!nth(&folder, n++, e))
                return -ENOENT;
        while (!is_called(e, path, len));
        path += len;
        if (*path && !*++path && !is_folder(e)) /* a folder's name may end in a slash */
            return -ENOENT;
    }
    return 0;
}

/* A folder's contents: each one's description, how far the next one is, its name. */
static int list(const struct entry *folder, vaddr_t to)
{
    struct entry e, next;
    bool more = nth(folder, 0, &e);

    for (unsigned n = 1; more; n++) {
        struct {
            struct hv_hypfs_direntry e;
            uint16_t off_next;
            char name[NAME];
        } __attribute__((packed)) out = {describe(&e), 0, {0}};
        uint32_t size = listed_size(&e);

        more = nth(folder, n, &next);
        out.off_next = more ? (uint16_t)size : 0;
        memcpy(out.name, e.name, sizeof(e.name));
        if (guest_write(to, &out, size))
            return -EFAULT;
        to += size;
        e = next;
    }
    return 0;
}

static int read(const struct entry *e, vaddr_t to, uint64_t room)
{
    struct hv_hypfs_direntry d = describe(e);
    union value v;
    const void *from;
    uint32_t size;

    if (room < sizeof(d))
        return -EINVAL;
    if (copy_out(to, &d))
        return -EFAULT;
    if (room - sizeof(d) < d.content_len)
        return -ENOBUFS;
    to += sizeof(d);
    if (is_folder(e))
        return list(e, to);
    from = contents(e, &v, &size);
    return guest_write(to, from, size) ? -EFAULT : 0;
}

/* There is one granularity, but only a pool without CPUs would take it. */
static int set_granularity(const struct entry *e, const char *text)
{
    const struct cpupool *p = cpupool_get(e->pool);

    if (strcmp(text, "cpu") && strcmp(text, "core") && strcmp(text, "socket"))
        return -EINVAL;
    if (p->cpus & cpu_online())
        return -EBUSY;
    return strcmp(text, "cpu") ? -EINVAL : 0;
}

static int write(const struct entry *e, vaddr_t from, uint64_t size)
{
    char text[PARAM_LIVE_TEXT];

    if (!writable_size(e))
        return -EACCES;
    if (size > writable_size(e))
        return -ENOSPC;
    if (guest_read(text, from, size))
        return -EFAULT;
    if (!size || strnlen(text, size) != size - 1)
        return -EDOM;
    if (e->what == OF_GRANULARITY)
        return set_granularity(e, text);
    return e->param->change(e->param, text) ? 0 : -EINVAL;
}

static long with_path(struct hcall *h, const char *path)
{
    struct entry e;
    int rc = find(path, &e);

    if (rc)
        return rc;
    switch (h->arg[0]) {
    case HV_HYPFS_OP_READ:
        return read(&e, h->arg[3], h->arg[4]);
    case HV_HYPFS_OP_WRITE_CONTENTS:
        return write(&e, h->arg[3], h->arg[4]);
    default:
        return -EOPNOTSUPP;
    }
}

HCALL(call_hypfs_op)
{
    char path[HV_HYPFS_MAX_PATHLEN];
    uint64_t len = h->arg[2];
    long rc;

    if (!h->d->privileged)
        return -EPERM;
    if (h->arg[0] == HV_HYPFS_OP_GET_VERSION)
        return h->arg[1] || len || h->arg[3] || h->arg[4] ? -EINVAL : HV_HYPFS_VERSION;
    if (!len || len > sizeof(path))
        return -EINVAL;
    if (guest_read(path, h->arg[1], len))
        return -EFAULT;
    if (strnlen(path, len) != len - 1)
        return -EINVAL;
    if (!domctl_lock())
        return HCALL_AGAIN;
    rc = with_path(h, path);
    domctl_unlock();
    return rc;
}
