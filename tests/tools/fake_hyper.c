/* SPDX-License-Identifier: MIT */
/*
 * What stands for the hypervisor under hvtool's test: a list of domains in the file that
 * an environment variable names, and memory that is forgotten. Where FAKE_FAIL says n,
 * the n-th call that can fail does, once: those to the hypervisor, and those that write
 * to XenStore, which the linker sends through here.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xenstore.h>

#include "hv/door.h"

#define MAX_DOMAINS 8
#define FAKE_VCPUS  2U

static struct hv_domctl_getdomaininfo list[MAX_DOMAINS];
static unsigned int nr;

/* Everything is freed by the end of the program. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}

static bool fails(const char *what)
{
    const char *at = getenv("FAKE_FAIL");
    static int calls;

    if (++calls != (at ? atoi(at) : 0))
        return false;
    fprintf(stderr, "[%s fails]\n", what);
    return true;
}

/* --- domains --- */

static void load(void)
{
    FILE *f = fopen(getenv("FAKE_DOMAINS"), "re");

    nr = 1;
    memset(list, 0, sizeof(list));
    list[0].max_vcpu_id = FAKE_VCPUS - 1;
    if (f)
        nr += (unsigned int)fread(list + 1, sizeof(list[0]), MAX_DOMAINS - 1, f);
    if (f)
        fclose(f);
}

static void save(void)
{
    FILE *f = fopen(getenv("FAKE_DOMAINS"), "we");

    fwrite(list + 1, sizeof(list[0]), nr - 1, f);
    fclose(f);
}

static struct hv_domctl_getdomaininfo *find(hv_domid_t domid)
{
    load();
    for (unsigned int i = 0; i < nr; i++)
        if (list[i].domain == domid)
            return &list[i];
    return NULL;
}

static int create(struct hv_domctl *op)
{
    load();
    op->domain = (hv_domid_t)(list[nr - 1].domain + 1);
    list[nr] = (struct hv_domctl_getdomaininfo){.domain = op->domain};
    list[nr].max_vcpu_id = op->u.createdomain.max_vcpus - 1;
    list[nr].nr_online_vcpus = 1;
    list[nr].flags = HV_DOMINF_PAUSED;
    memcpy(list[nr].handle, op->u.createdomain.handle, 16);
    nr++;
    save();
    return 0;
}

static void destroy(struct hv_domctl_getdomaininfo *d)
{
    size_t at = (size_t)(d - list);

    memmove(d, d + 1, (nr - at - 1) * sizeof(*d));
    nr--;
    save();
}

int door_domctl(struct door *door, struct hv_domctl *op)
{
    struct hv_domctl_getdomaininfo *d = find(op->domain);

    if (op->cmd == HV_DOMCTL_CREATEDOMAIN)
        return fails("createdomain") ? -ENOMEM : create(op);
    if (!d)
        return -ESRCH;
    if (op->cmd == HV_DOMCTL_DESTROYDOMAIN) {
        destroy(d);
        return 0;
    }
    if (op->cmd == HV_DOMCTL_GETDOMAININFO) {
        op->u.getdomaininfo = *d;
        return 0;
    }
    if (op->cmd == HV_DOMCTL_GETVCPUINFO) {
        hv_domid_t domid = op->domain;

        if (op->u.getvcpuinfo.vcpu > d->max_vcpu_id)
            return -ESRCH;
        op->u.getvcpuinfo.online = 1;
        op->u.getvcpuinfo.cpu_time =
            1000000000ULL * (domid * 10U + op->u.getvcpuinfo.vcpu + 1);
        return 0;
    }
    if (op->cmd == HV_DOMCTL_PAUSEDOMAIN)
        return 0;
    if (op->cmd == HV_DOMCTL_MAX_MEM) {
        d->max_pages = op->u.max_mem.max_memkb / 4;
        save();
    }
    return fails("domctl") ? -EINVAL : 0;
}

int door_sysctl(struct door *door, struct hv_sysctl *op)
{
    struct hv_sysctl_getdomaininfolist *l = &op->u.getdomaininfolist;
    struct hv_domctl_getdomaininfo *to;

    if (op->cmd != HV_SYSCTL_GETDOMAININFOLIST)
        return 0;
    to = (void *)l->buffer;
    l->num_domains = 0;
    load();
    for (unsigned int i = 0; i < nr && l->num_domains < l->max_domains; i++)
        if (list[i].domain >= l->first_domain)
            to[l->num_domains++] = list[i];
    return 0;
}

/* --- the rest --- */

int door_open(struct door **out)
{
    *out = NULL;
    return 0;
}

void door_close(struct door *door)
{
}

void *door_buf_get(struct door *door, size_t size)
{
    return calloc(1, size);
}

void door_buf_put(struct door *door, void *buf, size_t size)
{
    free(buf);
}

long door_call(struct door *door, uint64_t op, uint64_t a0, uint64_t a1, uint64_t a2,
               uint64_t a3)
{
    return 0;
}

long door_call_struct(struct door *door, uint64_t op, uint64_t cmd, void *arg,
                      size_t size)
{
    return 0;
}

static int memory(size_t pages, const char *what, void **out)
{
    *out = mmap(NULL, pages * PAGE_SIZE, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return fails(what) || *out == MAP_FAILED ? -ENOMEM : 0;
}

int door_map(struct door *door, hv_domid_t domid, const hv_pfn_t *frames, size_t n,
             void **out)
{
    return memory(n, "map", out);
}

int door_map_resource(struct door *door, hv_domid_t domid, unsigned int type,
                      unsigned int id, unsigned long first, size_t n, void **out)
{
    return memory(n, "map_resource", out);
}

void door_unmap(void *addr, size_t n)
{
    munmap(addr, n * PAGE_SIZE);
}

int door_populate(struct door *door, hv_domid_t domid, hv_pfn_t *frames, size_t n,
                  void (*progress)(void *ctx, size_t done, size_t all), void *ctx)
{
    for (size_t i = 0; i < n; i++)
        frames[i] = 0x1000 + i;
    return fails("populate") ? -ENOMEM : 0;
}

int door_mmuext(struct door *door, hv_domid_t domid, const struct hv_mmuext_op *ops,
                size_t n)
{
    return fails("mmuext") ? -EINVAL : 0;
}

int door_clear_pages(struct door *door, hv_domid_t domid, const hv_pfn_t *frames,
                     size_t n)
{
    return fails("clear_pages") ? -EINVAL : 0;
}

int door_evtchn_alloc(struct door *door, hv_domid_t domid, hv_domid_t remote,
                      uint32_t *port)
{
    *port = 1;
    return fails("evtchn_alloc") ? -ENOSPC : 0;
}

int door_evtchn_status(struct door *door, struct hv_evtchn_status *op)
{
    op->status = HV_EVTCHNSTAT_CLOSED;
    return 0;
}

int door_version(struct door *door)
{
    return 4 << 16 | 17;
}

int door_version_text(struct door *door, unsigned int cmd, void *out, size_t size)
{
    memset(out, 0, size);
    return 0;
}

/* --- XenStore --- */

bool __real_xs_write(struct xs_handle *h, xs_transaction_t t, const char *path,
                     const void *data, unsigned int len);
bool __wrap_xs_write(struct xs_handle *h, xs_transaction_t t, const char *path,
                     const void *data, unsigned int len);
bool __real_xs_set_permissions(struct xs_handle *h, xs_transaction_t t, const char *path,
                               struct xs_permissions *p, unsigned int n);
bool __wrap_xs_set_permissions(struct xs_handle *h, xs_transaction_t t, const char *path,
                               struct xs_permissions *p, unsigned int n);
xs_transaction_t __real_xs_transaction_start(struct xs_handle *h);
xs_transaction_t __wrap_xs_transaction_start(struct xs_handle *h);
bool __wrap_xs_introduce_domain(struct xs_handle *h, unsigned int domid,
                                unsigned long mfn, unsigned int port);
bool __wrap_xs_release_domain(struct xs_handle *h, unsigned int domid);

static bool refuse(const char *what)
{
    if (!fails(what))
        return false;
    errno = ENOSPC;
    return true;
}

bool __wrap_xs_write(struct xs_handle *h, xs_transaction_t t, const char *path,
                     const void *data, unsigned int len)
{
    return !refuse("xs_write") && __real_xs_write(h, t, path, data, len);
}

bool __wrap_xs_set_permissions(struct xs_handle *h, xs_transaction_t t, const char *path,
                               struct xs_permissions *p, unsigned int n)
{
    return !refuse("xs_set_permissions") && __real_xs_set_permissions(h, t, path, p, n);
}

xs_transaction_t __wrap_xs_transaction_start(struct xs_handle *h)
{
    return refuse("xs_transaction_start") ? XBT_NULL : __real_xs_transaction_start(h);
}

bool __wrap_xs_introduce_domain(struct xs_handle *h, unsigned int domid,
                                unsigned long mfn, unsigned int port)
{
    return !refuse("xs_introduce_domain");
}

bool __wrap_xs_release_domain(struct xs_handle *h, unsigned int domid)
{
    return true;
}
