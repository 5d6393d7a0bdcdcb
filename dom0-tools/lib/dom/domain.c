/* SPDX-License-Identifier: MIT */
/* Finding, creating and ending domains. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenstore.h>

#include "abi/sched.h"
#include "dom/device.h"
#include "dom/domain.h"
#include "dom/store.h"

#define LIST_STEP 64
/* What a domain may have beyond its memory, as libxl allows it. */
#define MEMORY_SLACK_KIB 1024
#define MAX_EVTCHN_PORT  1023

int dom_host_open(struct dom_host *host, struct dom_error *err)
{
    int rc = door_open(&host->door);

    host->xs = NULL;
    if (rc)
        return dom_fail(err, rc,
                        rc == -EACCES || rc == -EPERM
                            ? "this needs the rights of root (/dev/xen/privcmd: %s)"
                            : "no hypervisor below: is this dom0? (/dev/xen/privcmd: %s)",
                        strerror(-rc));
    host->xs = xs_open(0);
    if (!host->xs) {
        rc = -errno;
        door_close(host->door);
        host->door = NULL;
        return dom_fail(err, rc, "cannot reach XenStore (%s): is xenstored running?",
                        strerror(-rc));
    }
    return 0;
}

static int list_step(struct dom_host *host, hv_domid_t first,
                     struct hv_domctl_getdomaininfo *out)
{
    size_t size = LIST_STEP * sizeof(*out);
    struct hv_domctl_getdomaininfo *buf = door_buf_get(host->door, size);
    struct hv_sysctl op = {.cmd = HV_SYSCTL_GETDOMAININFOLIST};
    int rc;

    if (!buf)
        return -ENOMEM;
    op.u.getdomaininfolist.first_domain = first;
    op.u.getdomaininfolist.max_domains = LIST_STEP;
    op.u.getdomaininfolist.buffer = (uintptr_t)buf;
    rc = door_sysctl(host->door, &op);
    if (!rc) {
        rc = (int)op.u.getdomaininfolist.num_domains;
        memcpy(out, buf, (size_t)rc * sizeof(*out));
    }
    door_buf_put(host->door, buf, size);
    return rc;
}

int dom_list(struct dom_host *host, hv_domid_t first,
             struct hv_domctl_getdomaininfo **out, unsigned int *nr,
             struct dom_error *err)
{
    struct hv_domctl_getdomaininfo *list = NULL, *more;
    int got;

    *nr = 0;
    do {
        more = realloc(list, (*nr + LIST_STEP) * sizeof(*list));
        if (!more) {
            free(list);
            return dom_fail(err, -ENOMEM, "out of memory");
        }
        list = more;
        got = list_step(host, first, list + *nr);
        if (got < 0) {
            free(list);
            return dom_fail(err, got, "the hypervisor does not list domains: %s",
                            strerror(-got));
        }
        *nr += (unsigned int)got;
        if (got)
            first = (hv_domid_t)(list[*nr - 1].domain + 1);
    } while (got == LIST_STEP);
    *out = list;
    return 0;
}

int dom_info(struct dom_host *host, hv_domid_t domid, struct hv_domctl_getdomaininfo *out,
             struct dom_error *err)
{
    struct hv_domctl op = {.cmd = HV_DOMCTL_GETDOMAININFO, .domain = domid};
    int rc = door_domctl(host->door, &op);

    /* Where there is none of this number the hypervisor tells of the next one. */
    if (!rc && op.domain != domid)
        rc = -ESRCH;
    if (rc)
        return dom_fail(err, rc,
                        rc == -ESRCH ? "there is no domain %u"
                                     : "the hypervisor does not tell of domain %u",
                        domid);
    *out = op.u.getdomaininfo;
    return 0;
}

char *dom_name(struct dom_host *host, hv_domid_t domid)
{
    char path[40];

    snprintf(path, sizeof(path), "/local/domain/%u/name", domid);
    return xs_read(host->xs, XBT_NULL, path, NULL);
}

int dom_find_name(struct dom_host *host, const char *name, hv_domid_t *out,
                  struct dom_error *err)
{
    unsigned int nr, found = 0;
    char **list = xs_directory(host->xs, XBT_NULL, "/local/domain", &nr);

    for (unsigned int i = 0; list && i < nr && !found; i++) {
        hv_domid_t domid = (hv_domid_t)strtoul(list[i], NULL, 10);
        char *its = dom_name(host, domid);

        if (its && !strcmp(its, name)) {
            *out = domid;
            found = 1;
        }
        free(its);
    }
    free(list);
    return found ? 0 : dom_fail(err, -ESRCH, "there is no domain named '%s'", name);
}

int dom_find(struct dom_host *host, const char *what, hv_domid_t *out,
             struct dom_error *err)
{
    struct hv_domctl_getdomaininfo info;
    char *rest;
    unsigned long n;

    if (!isdigit((unsigned char)*what))
        return dom_find_name(host, what, out, err);
    n = strtoul(what, &rest, 10);
    if (*rest)
        return dom_find_name(host, what, out, err);
    if (n >= HV_DOMID_FIRST_RESERVED)
        return dom_fail(err, -ESRCH, "there is no domain %s", what);
    *out = (hv_domid_t)n;
    return dom_info(host, *out, &info, err);
}

static int make_domain(struct dom_host *host, const struct dom_config *cfg,
                       hv_domid_t *out, struct dom_error *err)
{
    struct hv_domctl op = {.cmd = HV_DOMCTL_CREATEDOMAIN};
    struct hv_domctl_createdomain *c = &op.u.createdomain;
    int rc;

    memcpy(c->handle, cfg->uuid, sizeof(c->handle));
    c->max_vcpus = cfg->maxvcpus;
    c->max_evtchn_port = MAX_EVTCHN_PORT;
    c->max_grant_frames = -1;
    c->max_maptrack_frames = -1;
    c->grant_opts = HV_DOMCTL_GRANT_VERSION(2);
    rc = door_domctl(host->door, &op);
    if (rc)
        return dom_fail(err, rc,
                        rc == -ENOMEM ? "not enough free memory for another domain"
                                      : "the hypervisor refuses to create a domain: %s",
                        strerror(-rc));
    *out = op.domain;
    return 0;
}

static int set_affinity(struct dom_host *host, hv_domid_t domid, unsigned int vcpu,
                        const struct dom_cpuset *cpus)
{
    struct hv_domctl op = {.cmd = HV_DOMCTL_SETVCPUAFFINITY, .domain = domid};
    struct dom_cpuset *buf = door_buf_get(host->door, sizeof(*buf));
    int rc;

    if (!buf)
        return -ENOMEM;
    *buf = *cpus;
    op.u.vcpuaffinity.vcpu = vcpu;
    op.u.vcpuaffinity.flags = HV_VCPUAFFINITY_HARD;
    op.u.vcpuaffinity.cpumap_hard = (struct hv_ctl_bitmap){(uintptr_t)buf, DOM_MAX_CPUS};
    rc = door_domctl(host->door, &op);
    door_buf_put(host->door, buf, sizeof(*buf));
    return rc;
}

static int set_scheduling(struct dom_host *host, hv_domid_t domid,
                          const struct dom_config *cfg, struct dom_error *err)
{
    struct hv_domctl op = {.cmd = HV_DOMCTL_SCHEDULER_OP, .domain = domid};
    struct hv_sysctl id = {.cmd = HV_SYSCTL_SCHED_ID};
    int rc = 0;

    for (unsigned int i = 0; cfg->pins && i < cfg->maxvcpus && !rc; i++)
        rc = set_affinity(host, domid, i, &cfg->pins[i]);
    if (rc)
        return dom_fail(err, rc, "'cpus' has no CPU of this machine");
    if (!cfg->weight && cfg->cap < 0)
        return 0;
    rc = door_sysctl(host->door, &id);
    op.u.scheduler_op.sched_id = id.u.sched_id.sched_id;
    op.u.scheduler_op.cmd = HV_DOMCTL_SCHEDOP_GETINFO;
    if (!rc)
        rc = door_domctl(host->door, &op);
    op.u.scheduler_op.cmd = HV_DOMCTL_SCHEDOP_PUTINFO;
    if (cfg->weight)
        op.u.scheduler_op.u.credit2.weight = (uint16_t)cfg->weight;
    if (cfg->cap >= 0)
        op.u.scheduler_op.u.credit2.cap = (uint16_t)cfg->cap;
    if (!rc)
        rc = door_domctl(host->door, &op);
    if (rc)
        return dom_fail(err, rc, "the scheduler refuses cpu_weight = %u, cap = %d: %s",
                        cfg->weight, cfg->cap, strerror(-rc));
    return 0;
}

int dom_set_max_memory(struct dom_host *host, hv_domid_t domid, uint64_t kib,
                       struct dom_error *err)
{
    struct hv_domctl op = {.cmd = HV_DOMCTL_MAX_MEM, .domain = domid};
    int rc;

    op.u.max_mem.max_memkb = kib + MEMORY_SLACK_KIB;
    rc = door_domctl(host->door, &op);
    return rc ? dom_fail(err, rc,
                         "the hypervisor refuses to let domain %u have %llu KiB: %s",
                         domid, (unsigned long long)kib, strerror(-rc))
              : 0;
}

static int configure(struct dom_host *host, hv_domid_t domid,
                     const struct dom_config *cfg, struct dom_error *err)
{
    struct hv_domctl op = {.cmd = HV_DOMCTL_MAX_VCPUS, .domain = domid};
    int rc;

    op.u.max_vcpus.max = cfg->maxvcpus;
    rc = door_domctl(host->door, &op);
    if (rc)
        return dom_fail(err, rc, "cannot have %u vCPUs: %s", cfg->maxvcpus,
                        strerror(-rc));
    rc = dom_set_max_memory(host, domid, cfg->maxmem_kib, err);
    if (rc)
        return rc;
    if (cfg->tsc_mode) {
        op = (struct hv_domctl){.cmd = HV_DOMCTL_SETTSCINFO, .domain = domid};
        op.u.tsc_info.tsc_mode = cfg->tsc_mode;
        rc = door_domctl(host->door, &op);
    }
    if (rc)
        return dom_fail(err, rc, "cannot set up the domain: %s", strerror(-rc));
    return set_scheduling(host, domid, cfg, err);
}

int dom_create(struct dom_host *host, const struct dom_config *cfg,
               const struct dom_progress *progress, hv_domid_t *out,
               struct dom_error *err)
{
    struct dom_error ignored = {{0}};
    struct dom_built built;
    hv_domid_t domid;
    int rc;

    if (!dom_find_name(host, cfg->name, &domid, &ignored))
        return dom_fail(err, -EEXIST, "a domain named '%s' is already there (domain %u)",
                        cfg->name, domid);
    rc = dom_devices_check(cfg, err);
    if (!rc)
        rc = make_domain(host, cfg, &domid, err);
    if (rc)
        return rc;
    rc = configure(host, domid, cfg, err);
    if (!rc)
        rc = dom_build_pv(host->door, domid, cfg, progress, &built, err);
    if (!rc)
        rc = dom_store_add(host, domid, cfg, &built, err);
    if (!rc)
        rc = dom_devices_add(host, domid, cfg, err);
    if (rc)
        dom_destroy(host, domid, &ignored);
    else
        *out = domid;
    return rc;
}

static int simple(struct dom_host *host, hv_domid_t domid, unsigned int cmd,
                  const char *what, struct dom_error *err)
{
    struct hv_domctl op = {.cmd = cmd, .domain = domid};
    int rc;

    /* Destruction of a large domain is done in steps. */
    do {
        rc = door_domctl(host->door, &op);
    } while (rc == -EAGAIN || rc == -EBUSY);
    if (rc == -ESRCH)
        return dom_fail(err, rc, "there is no domain %u", domid);
    return rc ? dom_fail(err, rc, "cannot %s domain %u: %s", what, domid, strerror(-rc))
              : 0;
}

int dom_pause(struct dom_host *host, hv_domid_t domid, struct dom_error *err)
{
    return simple(host, domid, HV_DOMCTL_PAUSEDOMAIN, "pause", err);
}

int dom_unpause(struct dom_host *host, hv_domid_t domid, struct dom_error *err)
{
    int rc = simple(host, domid, HV_DOMCTL_UNPAUSEDOMAIN, "unpause", err);

    return rc == -EINVAL ? dom_fail(err, rc, "domain %u is not paused", domid) : rc;
}

int dom_destroy(struct dom_host *host, hv_domid_t domid, struct dom_error *err)
{
    struct dom_error ignored = {{0}};
    int rc;

    if (!domid)
        return dom_fail(err, -EINVAL, "domain 0 cannot be destroyed");
    rc = dom_pause(host, domid, &ignored);
    if (rc == -ESRCH)
        return dom_fail(err, rc, "%s", ignored.text);
    rc = simple(host, domid, HV_DOMCTL_DESTROYDOMAIN, "destroy", err);
    if (!rc || rc == -ESRCH) {
        dom_devices_remove(host, domid);
        dom_store_remove(host, domid);
    }
    return rc;
}

int dom_rename(struct dom_host *host, hv_domid_t domid, const char *name,
               struct dom_error *err)
{
    struct dom_error ignored = {{0}};
    char path[40], *vm;
    hv_domid_t other;
    bool ok;
    int rc;

    if (!*name || strchr(name, '/') || strlen(name) >= DOM_MAX_NAME)
        return dom_fail(err, -EINVAL, "'%.60s' cannot be a domain's name", name);
    if (!dom_find_name(host, name, &other, &ignored) && other != domid)
        return dom_fail(err, -EEXIST, "a domain named '%s' is already there (domain %u)",
                        name, other);
    snprintf(path, sizeof(path), "/local/domain/%u/name", domid);
    ok = xs_write(host->xs, XBT_NULL, path, name, (unsigned int)strlen(name));
    snprintf(path, sizeof(path), "/local/domain/%u/vm", domid);
    vm = xs_read(host->xs, XBT_NULL, path, NULL);
    if (ok && vm) {
        char vm_name[128];

        snprintf(vm_name, sizeof(vm_name), "%s/name", vm);
        ok = xs_write(host->xs, XBT_NULL, vm_name, name, (unsigned int)strlen(name));
    }
    rc = errno;
    free(vm);
    errno = rc;
    return ok ? 0
              : dom_fail(err, -EIO, "cannot write the name of domain %u to XenStore: %s",
                         domid, strerror(errno));
}
