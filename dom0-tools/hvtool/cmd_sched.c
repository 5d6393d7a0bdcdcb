/* SPDX-License-Identifier: MIT */
/* hvtool vcpu-list, vcpu-pin, sched. Columns are xl's, since scripts read them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenstore.h>

#include "tool.h"

/* CPUs of the machine, for writing "all". */
static unsigned int count_cpus(struct tool *t)
{
    struct hv_sysctl op = {.cmd = HV_SYSCTL_PHYSINFO};
    unsigned int nr = door_sysctl(t->host.door, &op) ? 1 : op.u.physinfo.max_cpu_id + 1;

    return nr < DOM_MAX_CPUS ? nr : DOM_MAX_CPUS;
}

/* Gets or sets both sets of a vCPU, or those that flags name. */
static int affinity(struct tool *t, unsigned int cmd, hv_domid_t domid, unsigned int vcpu,
                    unsigned int flags, struct dom_cpuset *hard, struct dom_cpuset *soft)
{
    struct hv_domctl op = {.cmd = cmd, .domain = domid};
    struct dom_cpuset *buf = door_buf_get(t->host.door, 2 * sizeof(*buf));
    int rc;

    if (!buf)
        return -ENOMEM;
    buf[0] = *hard;
    buf[1] = *soft;
    op.u.vcpuaffinity.vcpu = vcpu;
    op.u.vcpuaffinity.flags = flags;
    op.u.vcpuaffinity.cpumap_hard = (struct hv_ctl_bitmap){(uintptr_t)buf, DOM_MAX_CPUS};
    op.u.vcpuaffinity.cpumap_soft =
        (struct hv_ctl_bitmap){(uintptr_t)(buf + 1), DOM_MAX_CPUS};
    rc = door_domctl(t->host.door, &op);
    *hard = buf[0];
    *soft = buf[1];
    door_buf_put(t->host.door, buf, 2 * sizeof(*buf));
    return rc;
}

struct vcpu_row {
    struct hv_domctl_getvcpuinfo info;
    char hard[256], soft[256];
};

static int read_vcpu(struct tool *t, hv_domid_t domid, unsigned int vcpu,
                     unsigned int nr_cpus, struct vcpu_row *out)
{
    struct hv_domctl op = {.cmd = HV_DOMCTL_GETVCPUINFO, .domain = domid};
    struct dom_cpuset hard = {{0}}, soft = {{0}};
    int rc;

    op.u.getvcpuinfo.vcpu = vcpu;
    rc = door_domctl(t->host.door, &op);
    if (rc)
        return rc;
    out->info = op.u.getvcpuinfo;
    rc = affinity(t, HV_DOMCTL_GETVCPUAFFINITY, domid, vcpu,
                  HV_VCPUAFFINITY_HARD | HV_VCPUAFFINITY_SOFT, &hard, &soft);
    dom_cpuset_format(&hard, nr_cpus, out->hard, sizeof(out->hard));
    dom_cpuset_format(&soft, nr_cpus, out->soft, sizeof(out->soft));
    return rc;
}

static void print_vcpu(const char *name, hv_domid_t domid, unsigned int vcpu,
                       const struct vcpu_row *row)
{
    printf("%-32s %5u %5u", name ? name : "(null)", domid, vcpu);
    if (row->info.online)
        printf("%5u   %c%c-", row->info.cpu, row->info.running ? 'r' : '-',
               row->info.blocked ? 'b' : '-');
    else
        printf("%5c   --p", '-');
    printf(" %9.1f  %s / %s\n", (double)row->info.cpu_time / 1e9, row->hard, row->soft);
}

static void json_vcpu(struct tool *t, struct json_object *doc, hv_domid_t domid,
                      unsigned int vcpu, const struct vcpu_row *row)
{
    struct json_object *o = tool_json_domain(t, domid);

    json_object_object_add(o, "vcpu", json_object_new_int((int)vcpu));
    json_object_object_add(o, "online", json_object_new_boolean(row->info.online));
    json_object_object_add(
        o, "cpu", row->info.online ? json_object_new_int((int)row->info.cpu) : NULL);
    json_object_object_add(o, "running", json_object_new_boolean(row->info.running));
    json_object_object_add(o, "blocked", json_object_new_boolean(row->info.blocked));
    json_object_object_add(o, "cpu_time_ns",
                           json_object_new_int64((int64_t)row->info.cpu_time));
    json_object_object_add(o, "hard", json_object_new_string(row->hard));
    json_object_object_add(o, "soft", json_object_new_string(row->soft));
    json_object_array_add(doc, o);
}

static void list_vcpus(struct tool *t, const struct hv_domctl_getdomaininfo *info,
                       unsigned int nr_cpus, struct json_object *doc)
{
    char *name = dom_name(&t->host, info->domain);
    struct vcpu_row row;

    for (unsigned int vcpu = 0; vcpu <= info->max_vcpu_id && vcpu < DOM_MAX_VCPUS;
         vcpu++) {
        if (read_vcpu(t, info->domain, vcpu, nr_cpus, &row))
            continue;
        if (doc)
            json_vcpu(t, doc, info->domain, vcpu, &row);
        else
            print_vcpu(name, info->domain, vcpu, &row);
    }
    free(name);
}

/* The start of a command that takes --json and domains. Returns 0 to go on. */
static int json_and_domains(struct tool *t, int argc, char **argv,
                            struct json_object **doc,
                            struct hv_domctl_getdomaininfo **list, unsigned int *nr)
{
    int c;

    *doc = NULL;
    while ((c = getopt_long(argc, argv, "", tool_json_option, NULL)) != -1) {
        if (c != 'j')
            return tool_usage(t);
        *doc = *doc ? *doc : json_object_new_array();
    }
    return tool_open(t) || tool_domains(t, argc - optind, argv + optind, list, nr);
}

int cmd_vcpu_list(struct tool *t, int argc, char **argv)
{
    struct hv_domctl_getdomaininfo *list;
    struct json_object *doc;
    unsigned int nr, nr_cpus;

    if (json_and_domains(t, argc, argv, &doc, &list, &nr))
        return 1;
    nr_cpus = count_cpus(t);
    if (!doc)
        printf("%-32s %5s %5s %5s %5s %9s %s\n", "Name", "ID", "VCPU", "CPU", "State",
               "Time(s)", "Affinity (Hard / Soft)");
    for (unsigned int i = 0; i < nr; i++)
        list_vcpus(t, &list[i], nr_cpus, doc);
    free(list);
    return doc ? tool_print_json(doc) : 0;
}

/* -f skips checks in xl; here the hypervisor does them all. */
static void skip_force(int *argc, char ***argv)
{
    if (*argc > 1 && (!strcmp((*argv)[1], "-f") || !strcmp((*argv)[1], "--force"))) {
        ++*argv;
        --*argc;
    }
}

static int parse_pins(struct tool *t, int argc, char **argv, unsigned int *flags,
                      struct dom_cpuset *hard, struct dom_cpuset *soft)
{
    if (argc < 4 || argc > 5)
        return tool_usage(t);
    if (strcmp(argv[3], "-")) {
        *flags |= HV_VCPUAFFINITY_HARD;
        if (dom_cpuset_parse(hard, argv[3]))
            return dom_fail(&t->err, 1, "'%s' are no CPUs, as in 0-3,^2 or all", argv[3]);
    }
    if (argc > 4 && strcmp(argv[4], "-")) {
        *flags |= HV_VCPUAFFINITY_SOFT;
        if (dom_cpuset_parse(soft, argv[4]))
            return dom_fail(&t->err, 1, "'%s' are no CPUs, as in 0-3,^2 or all", argv[4]);
    }
    return 0;
}

int cmd_vcpu_pin(struct tool *t, int argc, char **argv)
{
    struct hv_domctl_getdomaininfo info;
    struct dom_cpuset hard = {{0}}, soft = {{0}};
    unsigned int flags = 0, first = 0, last;
    hv_domid_t domid;
    char *rest;

    skip_force(&argc, &argv);
    if (parse_pins(t, argc, argv, &flags, &hard, &soft))
        return 1;
    if (tool_open(t) || tool_domain(t, argv[1], &domid) ||
        dom_info(&t->host, domid, &info, &t->err))
        return 1;
    last = info.max_vcpu_id;
    if (strcmp(argv[2], "all")) {
        first = last = (unsigned int)strtoul(argv[2], &rest, 10);
        if (*rest || !*argv[2] || first > info.max_vcpu_id)
            return dom_fail(&t->err, 1, "domain %u has no vCPU %s", domid, argv[2]);
    }
    for (unsigned int vcpu = first; vcpu <= last && flags; vcpu++) {
        struct dom_cpuset h = hard, s = soft;
        int rc = affinity(t, HV_DOMCTL_SETVCPUAFFINITY, domid, vcpu, flags, &h, &s);

        if (rc)
            return dom_fail(&t->err, rc, "cannot pin vCPU %u: %s", vcpu,
                            rc == -EINVAL ? "none of these CPUs is there"
                                          : strerror(-rc));
    }
    return 0;
}

static int parse_number(struct tool *t, const char *text, long min, long *out)
{
    char *rest;

    *out = strtol(text, &rest, 10);
    if (!*text || *rest || *out < min || *out > 65535)
        return dom_fail(&t->err, 1, "'%s' is not a number from %ld to 65535", text, min);
    return 0;
}

/* The guest takes virtual CPUs up and down as these nodes say. */
static int set_vcpus(struct tool *t, hv_domid_t domid, unsigned int want, unsigned int nr)
{
    for (unsigned int i = 0; i < nr; i++) {
        const char *text = i < want ? "online" : "offline";
        char path[64];

        snprintf(path, sizeof(path), "/local/domain/%u/cpu/%u/availability", domid, i);
        if (!xs_write(t->host.xs, XBT_NULL, path, text, (unsigned int)strlen(text)))
            return dom_fail(&t->err, 1, "cannot write %s: %s", path, strerror(errno));
    }
    return 0;
}

int cmd_vcpu_set(struct tool *t, int argc, char **argv)
{
    struct hv_domctl_getdomaininfo info;
    hv_domid_t domid;
    long want;
    int c;

    /* xl's -i lets there be more than CPUs of the machine: nothing is against that. */
    while ((c = getopt(argc, argv, "i")) != -1)
        if (c != 'i')
            return tool_usage(t);
    if (argc - optind != 2)
        return tool_usage(t);
    if (parse_number(t, argv[optind + 1], 1, &want) || tool_open(t) ||
        tool_domain(t, argv[optind], &domid) || dom_info(&t->host, domid, &info, &t->err))
        return 1;
    if (want > (long)info.max_vcpu_id + 1)
        return dom_fail(&t->err, 1,
                        "domain %u has at most %u vCPUs (maxvcpus of its configuration)",
                        domid, info.max_vcpu_id + 1);
    return set_vcpus(t, domid, (unsigned int)want, info.max_vcpu_id + 1);
}

struct sched_options {
    const char *domain;
    long weight, cap; /* -1: not given */
    struct json_object *doc;
};

static int parse_sched(struct tool *t, int argc, char **argv, struct sched_options *o)
{
    static const struct option names[] = {{"json", no_argument, NULL, 'j'},
                                          {"domain", required_argument, NULL, 'd'},
                                          {"weight", required_argument, NULL, 'w'},
                                          {"cap", required_argument, NULL, 'c'},
                                          {0}};
    int c, rc = 0;

    while (!rc && (c = getopt_long(argc, argv, "d:w:c:", names, NULL)) != -1) {
        if (c == 'd')
            o->domain = optarg;
        else if (c == 'w')
            rc = parse_number(t, optarg, 1, &o->weight);
        else if (c == 'c')
            rc = parse_number(t, optarg, 0, &o->cap);
        else if (c == 'j')
            o->doc = o->doc ? o->doc : json_object_new_array();
        else
            rc = tool_usage(t);
    }
    if (!rc && (optind != argc || (!o->domain && (o->weight >= 0 || o->cap >= 0))))
        rc = tool_usage(t);
    return rc;
}

static int scheduler_op(struct tool *t, hv_domid_t domid, unsigned int cmd,
                        unsigned int sched_id, struct hv_domctl_sched_credit2 *params)
{
    struct hv_domctl op = {.cmd = HV_DOMCTL_SCHEDULER_OP, .domain = domid};
    int rc;

    op.u.scheduler_op.sched_id = sched_id;
    op.u.scheduler_op.cmd = cmd;
    op.u.scheduler_op.u.credit2 = *params;
    rc = door_domctl(t->host.door, &op);
    *params = op.u.scheduler_op.u.credit2;
    return rc;
}

static void print_sched(struct tool *t, hv_domid_t domid, struct json_object *doc,
                        const struct hv_domctl_sched_credit2 *params)
{
    char *name = dom_name(&t->host, domid);

    if (doc) {
        struct json_object *o = tool_json_domain(t, domid);

        json_object_object_add(o, "weight", json_object_new_int(params->weight));
        json_object_object_add(o, "cap", json_object_new_int(params->cap));
        json_object_array_add(doc, o);
    } else {
        printf("%-33s %4u %6u %4u\n", name ? name : "(null)", domid, params->weight,
               params->cap);
    }
    free(name);
}

static int set_sched(struct tool *t, hv_domid_t domid, unsigned int sched_id,
                     const struct sched_options *o)
{
    struct hv_domctl_sched_credit2 params = {0};
    int rc = scheduler_op(t, domid, HV_DOMCTL_SCHEDOP_GETINFO, sched_id, &params);

    if (o->weight >= 0)
        params.weight = (uint16_t)o->weight;
    if (o->cap >= 0)
        params.cap = (uint16_t)o->cap;
    if (!rc)
        rc = scheduler_op(t, domid, HV_DOMCTL_SCHEDOP_PUTINFO, sched_id, &params);
    return rc ? dom_fail(&t->err, rc, "the scheduler refuses: %s", strerror(-rc)) : 0;
}

static void sched_header(struct tool *t, unsigned int sched_id, bool pool)
{
    struct hv_sysctl op = {.cmd = HV_SYSCTL_SCHEDULER_OP};

    op.u.scheduler_op.sched_id = sched_id;
    op.u.scheduler_op.cmd = HV_SYSCTL_SCHEDOP_GETINFO;
    if (pool && sched_id == HV_SCHEDULER_CREDIT2 && !door_sysctl(t->host.door, &op))
        printf("Cpupool Pool-0: ratelimit=%uus\n",
               op.u.scheduler_op.u.sched_credit2.ratelimit_us);
    printf("%-33s %4s %6s %4s\n", "Name", "ID", "Weight", "Cap");
}

int cmd_sched(struct tool *t, int argc, char **argv)
{
    struct sched_options o = {.weight = -1, .cap = -1};
    struct hv_sysctl id = {.cmd = HV_SYSCTL_SCHED_ID};
    struct hv_domctl_getdomaininfo *list;
    unsigned int nr;
    int rc;

    if (parse_sched(t, argc, argv, &o) || tool_open(t))
        return 1;
    rc = door_sysctl(t->host.door, &id);
    if (rc)
        return dom_fail(&t->err, rc, "the hypervisor does not name its scheduler: %s",
                        strerror(-rc));
    if (tool_domains(t, o.domain != NULL, (char **)&o.domain, &list, &nr))
        return 1;
    if (o.weight >= 0 || o.cap >= 0) {
        rc = set_sched(t, list[0].domain, id.u.sched_id.sched_id, &o);
        free(list);
        return rc;
    }
    if (!o.doc)
        sched_header(t, id.u.sched_id.sched_id, !o.domain);
    for (unsigned int i = 0; i < nr; i++) {
        struct hv_domctl_sched_credit2 params = {0};

        if (!scheduler_op(t, list[i].domain, HV_DOMCTL_SCHEDOP_GETINFO,
                          id.u.sched_id.sched_id, &params))
            print_sched(t, list[i].domain, o.doc, &params);
    }
    free(list);
    return o.doc ? tool_print_json(o.doc) : 0;
}
