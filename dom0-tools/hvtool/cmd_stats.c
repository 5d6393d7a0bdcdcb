/* SPDX-License-Identifier: MIT */
/* hvtool stats: every counter there is of each domain, for programs that watch them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dom/usage.h"
#include "tool.h"

#define PAGE_BYTES 4096

struct stats {
    struct tool *t;
    struct hv_domctl_getdomaininfo *list;
    char **name; /* of each in the list; NULL: it has none */
    unsigned int nr;
    struct dom_usage *usage;
    unsigned int nr_usage;
};

/* --- JSON --- */

static void put(struct json_object *doc, const char *key, uint64_t value)
{
    json_object_object_add(doc, key, json_object_new_int64((int64_t)value));
}

static struct json_object *json_device(const struct dom_usage *u)
{
    static const char *const keys[][4] = {
        [DOM_DISK] = {"reads", "writes", "read_bytes", "written_bytes"},
        [DOM_NET] = {"rx_packets", "tx_packets", "rx_bytes", "tx_bytes"},
    };
    struct json_object *doc = json_object_new_object();

    put(doc, "devid", u->devid);
    put(doc, keys[u->kind][0], u->traffic.in_ops);
    put(doc, keys[u->kind][1], u->traffic.out_ops);
    put(doc, keys[u->kind][2], u->traffic.in_bytes);
    put(doc, keys[u->kind][3], u->traffic.out_bytes);
    return doc;
}

/* A virtual CPU's figures; false: there is none of this number. */
static bool read_vcpu(const struct stats *s, hv_domid_t domid, unsigned int vcpu,
                      struct hv_domctl_getvcpuinfo *out)
{
    struct hv_domctl op = {.cmd = HV_DOMCTL_GETVCPUINFO, .domain = domid};

    op.u.getvcpuinfo.vcpu = vcpu;
    if (door_domctl(s->t->host.door, &op))
        return false;
    *out = op.u.getvcpuinfo;
    return true;
}

static struct json_object *json_vcpus(const struct stats *s,
                                      const struct hv_domctl_getdomaininfo *info)
{
    struct json_object *all = json_object_new_array();
    struct hv_domctl_getvcpuinfo v;

    for (unsigned int i = 0; i <= info->max_vcpu_id && i < DOM_MAX_VCPUS; i++) {
        struct json_object *doc;

        if (!read_vcpu(s, info->domain, i, &v))
            continue;
        doc = json_object_new_object();
        put(doc, "vcpu", i);
        json_object_object_add(doc, "online", json_object_new_boolean(v.online));
        put(doc, "cpu_time_ns", v.cpu_time);
        json_object_array_add(all, doc);
    }
    return all;
}

static struct json_object *json_domain(const struct stats *s,
                                       const struct hv_domctl_getdomaininfo *info)
{
    struct json_object *doc = tool_json_domain(s->t, info->domain);
    struct json_object *disks = json_object_new_array();
    struct json_object *nets = json_object_new_array();

    put(doc, "cpu_time_ns", info->cpu_time);
    put(doc, "vcpus", info->nr_online_vcpus);
    put(doc, "memory_bytes", info->tot_pages * PAGE_BYTES);
    put(doc, "max_memory_bytes", info->max_pages * PAGE_BYTES);
    for (unsigned int i = 0; i < s->nr_usage; i++) {
        const struct dom_usage *u = &s->usage[i];

        if (u->domid == info->domain)
            json_object_array_add(u->kind == DOM_DISK ? disks : nets, json_device(u));
    }
    json_object_object_add(doc, "vcpu_times", json_vcpus(s, info));
    json_object_object_add(doc, "disks", disks);
    json_object_object_add(doc, "interfaces", nets);
    return doc;
}

static int print_json(const struct stats *s)
{
    struct json_object *doc = json_object_new_array();

    for (unsigned int i = 0; i < s->nr; i++)
        json_object_array_add(doc, json_domain(s, &s->list[i]));
    return tool_print_json(doc);
}

/* --- Prometheus: the text format, version 0.0.4 --- */

static void print_label(const char *text)
{
    for (; *text; text++) {
        if (*text == '\n')
            printf("\\n");
        else if (*text == '"' || *text == '\\')
            printf("\\%c", *text);
        else
            putchar(*text);
    }
}

static void print_head(const char *name, const char *type, const char *help)
{
    printf("# HELP ostler_%s %s\n# TYPE ostler_%s %s\n", name, help, name, type);
}

/* The sample's name and its labels, of the list's i-th domain, up to those of a device.
 */
static void print_sample(const struct stats *s, const char *name, unsigned int i)
{
    printf("ostler_%s{domid=\"%u\",name=\"", name, s->list[i].domain);
    print_label(s->name[i] ? s->name[i] : "");
    putchar('"');
}

static uint64_t memory_of(const struct hv_domctl_getdomaininfo *i)
{
    return i->tot_pages * PAGE_BYTES;
}

static uint64_t max_memory_of(const struct hv_domctl_getdomaininfo *i)
{
    return i->max_pages * PAGE_BYTES;
}

static uint64_t vcpus_of(const struct hv_domctl_getdomaininfo *i)
{
    return i->nr_online_vcpus;
}

static void print_vcpus(const struct stats *s)
{
    struct hv_domctl_getvcpuinfo v;

    print_head("vcpu_seconds_total", "counter", "CPU time of a virtual CPU.");
    for (unsigned int i = 0; i < s->nr; i++)
        for (unsigned int n = 0; n <= s->list[i].max_vcpu_id && n < DOM_MAX_VCPUS; n++) {
            if (!read_vcpu(s, s->list[i].domain, n, &v))
                continue;
            print_sample(s, "vcpu_seconds_total", i);
            printf(",vcpu=\"%u\"} %.9f\n", n, (double)v.cpu_time / 1e9);
        }
}

static int read_names(struct stats *s)
{
    s->name = calloc(s->nr + 1, sizeof(*s->name));
    for (unsigned int i = 0; s->name && i < s->nr; i++)
        s->name[i] = dom_name(&s->t->host, s->list[i].domain);
    return s->name ? 0 : -ENOMEM;
}

static void free_names(struct stats *s)
{
    for (unsigned int i = 0; s->name && i < s->nr; i++)
        free(s->name[i]);
    free(s->name);
}

static void print_domains(const struct stats *s)
{
    static const struct {
        const char *name, *help;
        uint64_t (*value)(const struct hv_domctl_getdomaininfo *i);
    } gauges[] = {
        {"domain_memory_bytes", "Memory the domain has.", memory_of},
        {"domain_max_memory_bytes", "Memory the domain may have.", max_memory_of},
        {"domain_vcpus", "Virtual CPUs that are on.", vcpus_of},
    };

    print_head("domain_cpu_seconds_total", "counter", "CPU time of all virtual CPUs.");
    for (unsigned int i = 0; i < s->nr; i++) {
        print_sample(s, "domain_cpu_seconds_total", i);
        printf("} %.9f\n", (double)s->list[i].cpu_time / 1e9);
    }
    for (size_t g = 0; g < sizeof(gauges) / sizeof(gauges[0]); g++) {
        print_head(gauges[g].name, "gauge", gauges[g].help);
        for (unsigned int i = 0; i < s->nr; i++) {
            print_sample(s, gauges[g].name, i);
            printf("} %llu\n", (unsigned long long)gauges[g].value(&s->list[i]));
        }
    }
}

/* Where in the list a domain is; nr: nowhere. */
static unsigned int find(const struct stats *s, hv_domid_t domid)
{
    unsigned int i = 0;

    while (i < s->nr && s->list[i].domain != domid)
        i++;
    return i;
}

static void print_devices(const struct stats *s)
{
    static const struct {
        enum dom_device kind;
        size_t offset;
        const char *name, *help;
    } counters[] = {
        {DOM_DISK, offsetof(struct dom_traffic, in_ops), "disk_reads_total",
         "Read requests that were done."},
        {DOM_DISK, offsetof(struct dom_traffic, out_ops), "disk_writes_total",
         "Write requests that were done."},
        {DOM_DISK, offsetof(struct dom_traffic, in_bytes), "disk_read_bytes_total",
         "Bytes read from the disk."},
        {DOM_DISK, offsetof(struct dom_traffic, out_bytes), "disk_written_bytes_total",
         "Bytes written to the disk."},
        {DOM_NET, offsetof(struct dom_traffic, in_ops), "interface_rx_packets_total",
         "Packets the guest has received."},
        {DOM_NET, offsetof(struct dom_traffic, out_ops), "interface_tx_packets_total",
         "Packets the guest has sent."},
        {DOM_NET, offsetof(struct dom_traffic, in_bytes), "interface_rx_bytes_total",
         "Bytes the guest has received."},
        {DOM_NET, offsetof(struct dom_traffic, out_bytes), "interface_tx_bytes_total",
         "Bytes the guest has sent."},
    };

    for (size_t c = 0; c < sizeof(counters) / sizeof(counters[0]); c++) {
        print_head(counters[c].name, "counter", counters[c].help);
        for (unsigned int i = 0; i < s->nr_usage; i++) {
            const struct dom_usage *u = &s->usage[i];
            unsigned int domain = find(s, u->domid);
            uint64_t value;

            if (u->kind != counters[c].kind || domain == s->nr)
                continue;
            memcpy(&value, (const char *)&u->traffic + counters[c].offset, sizeof(value));
            print_sample(s, counters[c].name, domain);
            printf(",devid=\"%u\"} %llu\n", u->devid, (unsigned long long)value);
        }
    }
}

int cmd_stats(struct tool *t, int argc, char **argv)
{
    static const struct option names[] = {
        {"json", no_argument, NULL, 'j'}, {"prometheus", no_argument, NULL, 'p'}, {0}};
    struct stats s = {.t = t};
    bool prometheus = false;
    int c, rc = 0;

    while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
        if (c == '?')
            return tool_usage(t);
        prometheus = c == 'p';
    }
    if (tool_open(t) || tool_domains(t, argc - optind, argv + optind, &s.list, &s.nr))
        return 1;
    if ((prometheus && read_names(&s)) || dom_usage_read("", &s.usage, &s.nr_usage))
        rc = dom_fail(&t->err, 1, "out of memory");
    else if (!prometheus)
        rc = print_json(&s);
    if (!rc && prometheus) {
        print_domains(&s);
        print_vcpus(&s);
        print_devices(&s);
    }
    free_names(&s);
    free(s.usage);
    free(s.list);
    return rc;
}
