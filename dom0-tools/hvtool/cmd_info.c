/* SPDX-License-Identifier: MIT */
/* hvtool info, dmesg, debug-keys. info's lines are xl's, since scripts read them. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "abi/version.h"
#include "tool.h"

#define LOG_STEP  8192U
#define MAX_NODES 64U

/* Lines go to the terminal at once, or into a document. */
struct report {
    struct tool *t;
    struct json_object *doc;
};

__attribute__((format(printf, 3, 4))) static void line(struct report *r, const char *key,
                                                       const char *fmt, ...)
{
    char value[2048];
    va_list args;

    va_start(args, fmt);
    vsnprintf(value, sizeof(value), fmt, args);
    va_end(args);
    if (r->doc)
        json_object_object_add(r->doc, key, json_object_new_string(value));
    else
        printf("%-23s: %s\n", key, value);
}

static void number(struct report *r, const char *key, unsigned long long value)
{
    if (r->doc)
        json_object_object_add(r->doc, key, json_object_new_int64((int64_t)value));
    else
        line(r, key, "%llu", value);
}

static void kernel_lines(struct report *r)
{
    struct utsname u;

    uname(&u);
    line(r, "host", "%s", u.nodename);
    line(r, "release", "%s", u.release);
    line(r, "version", "%s", u.version);
    line(r, "machine", "%s", u.machine);
}

static void capability_line(struct report *r, uint32_t caps)
{
    static const struct {
        uint32_t need;
        const char *name;
    } names[] = {
        {HV_SYSCTL_PHYSCAP_PV, " pv"},
        {HV_SYSCTL_PHYSCAP_HVM, " hvm"},
        {HV_SYSCTL_PHYSCAP_HVM | HV_SYSCTL_PHYSCAP_DIRECTIO, " hvm_directio"},
        {HV_SYSCTL_PHYSCAP_PV | HV_SYSCTL_PHYSCAP_DIRECTIO, " pv_directio"},
        {HV_SYSCTL_PHYSCAP_HAP, " hap"},
        {HV_SYSCTL_PHYSCAP_SHADOW, " shadow"},
        {HV_SYSCTL_PHYSCAP_IOMMU_HAP_PT_SHARE, " iommu_hap_pt_share"},
        {HV_SYSCTL_PHYSCAP_VMTRACE, " vmtrace"},
        {HV_SYSCTL_PHYSCAP_VPMU, " vpmu"},
        {HV_SYSCTL_PHYSCAP_GNTTAB_V1, " gnttab-v1"},
        {HV_SYSCTL_PHYSCAP_GNTTAB_V2, " gnttab-v2"},
    };
    char text[160] = "";

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if ((caps & names[i].need) == names[i].need)
            strcat(text, names[i].name);
    line(r, "virt_caps", "%s", text[0] ? text + 1 : "");
}

static int machine_lines(struct report *r)
{
    struct hv_sysctl op = {.cmd = HV_SYSCTL_PHYSINFO};
    const struct hv_sysctl_physinfo *p = &op.u.physinfo;
    struct door *door = r->t->host.door;
    int rc = door_sysctl(door, &op);
    long freed, used;

    if (rc)
        return dom_fail(&r->t->err, rc,
                        "the hypervisor does not describe the machine: "
                        "%s",
                        strerror(-rc));
    freed = door_call(door, HV_CALL_MEMORY_OP, HV_MEM_GET_SHARING_FREED_PAGES, 0, 0, 0);
    used = door_call(door, HV_CALL_MEMORY_OP, HV_MEM_GET_SHARING_SHARED_PAGES, 0, 0, 0);
    number(r, "nr_cpus", p->nr_cpus);
    number(r, "max_cpu_id", p->max_cpu_id);
    number(r, "nr_nodes", p->nr_nodes);
    number(r, "cores_per_socket", p->cores_per_socket);
    number(r, "threads_per_core", p->threads_per_core);
    line(r, "cpu_mhz", "%u.%03u", p->cpu_khz / 1000, p->cpu_khz % 1000);
    line(r, "hw_caps", "%08x:%08x:%08x:%08x:%08x:%08x:%08x:%08x", p->hw_cap[0],
         p->hw_cap[1], p->hw_cap[2], p->hw_cap[3], p->hw_cap[4], p->hw_cap[5],
         p->hw_cap[6], p->hw_cap[7]);
    capability_line(r, p->capabilities);
    number(r, "total_memory", p->total_pages / PAGES_PER_MIB);
    number(r, "free_memory", (p->free_pages - p->outstanding_pages) / PAGES_PER_MIB);
    /* To the page, for those who count exactly; xl has no such line. */
    if (r->doc)
        number(r, "free_pages", p->free_pages);
    number(r, "sharing_freed_memory", freed > 0 ? (uint64_t)freed / PAGES_PER_MIB : 0);
    number(r, "sharing_used_memory", used > 0 ? (uint64_t)used / PAGES_PER_MIB : 0);
    number(r, "outstanding_claims", p->outstanding_pages / PAGES_PER_MIB);
    return 0;
}

static unsigned int free_cpus(struct tool *t)
{
    struct hv_sysctl op = {.cmd = HV_SYSCTL_CPUPOOL_OP};
    uint8_t *map = door_buf_get(t->host.door, DOM_MAX_CPUS / 8);
    unsigned int nr = 0;

    if (!map)
        return 0;
    op.u.cpupool_op.op = HV_SYSCTL_CPUPOOL_OP_FREEINFO;
    op.u.cpupool_op.cpumap = (struct hv_ctl_bitmap){(uintptr_t)map, DOM_MAX_CPUS};
    if (!door_sysctl(t->host.door, &op))
        for (unsigned int i = 0; i < DOM_MAX_CPUS / 8; i++)
            nr += (unsigned int)__builtin_popcount(map[i]);
    door_buf_put(t->host.door, map, DOM_MAX_CPUS / 8);
    return nr;
}

static void cpu_line(struct json_object *doc, unsigned int cpu,
                     const struct hv_sysctl_cputopo *topo)
{
    struct json_object *row;

    if (!doc) {
        printf("%3u:    %4u     %4u     %4u\n", cpu, topo->core, topo->socket,
               topo->node);
        return;
    }
    row = json_object_new_object();
    json_object_object_add(row, "cpu", json_object_new_int((int)cpu));
    json_object_object_add(row, "core", json_object_new_int((int)topo->core));
    json_object_object_add(row, "socket", json_object_new_int((int)topo->socket));
    json_object_object_add(row, "node", json_object_new_int((int)topo->node));
    json_object_array_add(doc, row);
}

static void topology_lines(struct report *r, struct json_object *doc)
{
    size_t size = DOM_MAX_CPUS * sizeof(struct hv_sysctl_cputopo);
    struct hv_sysctl_cputopo *cpu = door_buf_get(r->t->host.door, size);
    struct hv_sysctl op = {.cmd = HV_SYSCTL_CPUTOPOINFO};

    if (!cpu)
        return;
    op.u.cputopoinfo.num_cpus = DOM_MAX_CPUS;
    op.u.cputopoinfo.cputopo = (uintptr_t)cpu;
    if (door_sysctl(r->t->host.door, &op))
        op.u.cputopoinfo.num_cpus = 0;
    for (unsigned int i = 0; i < op.u.cputopoinfo.num_cpus && i < DOM_MAX_CPUS; i++)
        if (cpu[i].core != HV_INVALID_CORE_ID)
            cpu_line(doc, i, &cpu[i]);
    door_buf_put(r->t->host.door, cpu, size);
}

/* One node's row; distance to each of nr. */
static void node_line(struct json_object *doc, unsigned int node,
                      const struct hv_sysctl_meminfo *mem, const uint32_t *distance,
                      unsigned int nr)
{
    struct json_object *row, *list;

    if (!doc) {
        printf("%4u:    %6llu     %6llu      %u", node,
               (unsigned long long)mem->memsize >> 20,
               (unsigned long long)mem->memfree >> 20, distance[0]);
        for (unsigned int i = 1; i < nr; i++)
            printf(",%u", distance[i]);
        printf("\n");
        return;
    }
    row = json_object_new_object();
    list = json_object_new_array();
    for (unsigned int i = 0; i < nr; i++)
        json_object_array_add(list, json_object_new_int((int)distance[i]));
    json_object_object_add(row, "node", json_object_new_int((int)node));
    json_object_object_add(row, "memsize", json_object_new_int64((int64_t)mem->memsize));
    json_object_object_add(row, "memfree", json_object_new_int64((int64_t)mem->memfree));
    json_object_object_add(row, "distances", list);
    json_object_array_add(doc, row);
}

static void node_lines(struct report *r, struct json_object *doc)
{
    struct numa {
        struct hv_sysctl_meminfo mem[MAX_NODES];
        uint32_t distance[MAX_NODES * MAX_NODES];
    } *numa = door_buf_get(r->t->host.door, sizeof(*numa));
    struct hv_sysctl op = {.cmd = HV_SYSCTL_NUMAINFO};
    unsigned int nr;

    if (!numa)
        return;
    op.u.numainfo.num_nodes = MAX_NODES;
    op.u.numainfo.meminfo = (uintptr_t)numa->mem;
    op.u.numainfo.distance = (uintptr_t)numa->distance;
    nr = door_sysctl(r->t->host.door, &op) ? 0 : op.u.numainfo.num_nodes;
    for (unsigned int i = 0; i < nr && i < MAX_NODES; i++)
        if (numa->mem[i].memsize != HV_INVALID_MEM_SZ)
            node_line(doc, i, &numa->mem[i], &numa->distance[i * nr], nr);
    door_buf_put(r->t->host.door, numa, sizeof(*numa));
}

/* info -n: where CPUs and memory sit. Which node a device is at nobody knows here. */
static void numa_lines(struct report *r)
{
    struct json_object *cpus = NULL, *nodes = NULL;

    if (r->doc) {
        cpus = json_object_new_array();
        nodes = json_object_new_array();
        json_object_object_add(r->doc, "cpu_topology", cpus);
        json_object_object_add(r->doc, "numa_info", nodes);
    } else {
        printf("cpu_topology           :\ncpu:    core    socket     node\n");
    }
    topology_lines(r, cpus);
    if (!r->doc)
        printf("device topology        :\ndevice           node\n"
               "No device topology data available\n"
               "numa_info              :\nnode:    memsize    memfree    distances\n");
    node_lines(r, nodes);
}

static void build_id_line(struct report *r)
{
    struct {
        uint32_t len;
        unsigned char buf[64];
    } id = {.len = sizeof(id.buf)};
    char text[2 * sizeof(id.buf) + 1] = "";
    long rc = door_call_struct(r->t->host.door, HV_CALL_XEN_VERSION, HV_VER_BUILD_ID, &id,
                               sizeof(id));

    for (long i = 0; i < rc && i < (long)sizeof(id.buf); i++)
        snprintf(text + 2 * i, 3, "%02x", id.buf[i]);
    line(r, "build_id", "%s", text);
}

static void hypervisor_lines(struct report *r)
{
    struct door *door = r->t->host.door;
    struct hv_sysctl sched = {.cmd = HV_SYSCTL_SCHED_ID};
    struct hv_compile_info cc = {{0}};
    struct hv_platform_parameters platform = {0};
    hv_capabilities_info_t caps = {0};
    hv_commandline_t cmdline = {0};
    hv_changeset_info_t changeset = {0};
    hv_extraversion_t extra = {0};
    int version = door_version(door);

    door_version_text(door, HV_VER_EXTRAVERSION, extra, sizeof(extra));
    door_version_text(door, HV_VER_CAPABILITIES, caps, sizeof(caps));
    door_version_text(door, HV_VER_CHANGESET, changeset, sizeof(changeset));
    door_version_text(door, HV_VER_COMMANDLINE, cmdline, sizeof(cmdline));
    door_version_text(door, HV_VER_COMPILE_INFO, &cc, sizeof(cc));
    door_version_text(door, HV_VER_PLATFORM_PARAMETERS, &platform, sizeof(platform));
    door_sysctl(door, &sched);
    number(r, "xen_major", (unsigned int)version >> 16);
    number(r, "xen_minor", (unsigned int)version & 0xffff);
    line(r, "xen_extra", "%.16s", extra);
    line(r, "xen_version", "%d.%d%.16s", version >> 16, version & 0xffff, extra);
    line(r, "xen_caps", "%.1024s", caps);
    line(r, "xen_scheduler", "%s", tool_scheduler_name(sched.u.sched_id.sched_id));
    number(r, "xen_pagesize",
           (unsigned long long)door_call(door, HV_CALL_XEN_VERSION, HV_VER_PAGESIZE, 0, 0,
                                         0));
    line(r, "platform_params", "virt_start=0x%llx",
         (unsigned long long)platform.virt_start);
    line(r, "xen_changeset", "%.64s", changeset);
    line(r, "xen_commandline", "%.1024s", cmdline);
    line(r, "cc_compiler", "%.64s", cc.compiler);
    line(r, "cc_compile_by", "%.16s", cc.compile_by);
    line(r, "cc_compile_domain", "%.32s", cc.compile_domain);
    line(r, "cc_compile_date", "%.32s", cc.compile_date);
}

int cmd_info(struct tool *t, int argc, char **argv)
{
    static const struct option names[] = {
        {"json", no_argument, NULL, 'j'}, {"numa", no_argument, NULL, 'n'}, {0}};
    struct report r = {.t = t};
    bool numa = false;
    int c;

    while ((c = getopt_long(argc, argv, "n", names, NULL)) != -1) {
        if (c == '?')
            return tool_usage(t);
        numa |= c == 'n';
        if (c == 'j' && !r.doc)
            r.doc = json_object_new_object();
    }
    if (optind != argc)
        return tool_usage(t);
    if (tool_open(t))
        return 1;
    kernel_lines(&r);
    if (machine_lines(&r))
        return 1;
    number(&r, "free_cpus", free_cpus(t));
    if (numa)
        numa_lines(&r);
    hypervisor_lines(&r);
    build_id_line(&r);
    number(&r, "xend_config_format", 4);
    return r.doc ? tool_print_json(r.doc) : 0;
}

/* The whole log, allocated; NULL with t->err set. */
static char *read_log(struct tool *t, bool clear, size_t *len)
{
    char *buf = door_buf_get(t->host.door, LOG_STEP), *text = NULL;
    struct hv_sysctl op = {.cmd = HV_SYSCTL_READCONSOLE};
    uint32_t index = 0;
    int rc = 0;

    *len = 0;
    for (op.u.readconsole.count = 1; buf && !rc && op.u.readconsole.count;) {
        char *more = realloc(text, *len + LOG_STEP);

        rc = more ? 0 : -ENOMEM;
        text = more ? more : text;
        op.u.readconsole = (struct hv_sysctl_readconsole){.clear = clear,
                                                          .incremental = 1,
                                                          .index = index,
                                                          .buffer = (uintptr_t)buf,
                                                          .count = LOG_STEP};
        if (!rc)
            rc = door_sysctl(t->host.door, &op);
        if (rc || op.u.readconsole.count > LOG_STEP)
            break;
        memcpy(text + *len, buf, op.u.readconsole.count);
        *len += op.u.readconsole.count;
        index = op.u.readconsole.index;
    }
    door_buf_put(t->host.door, buf, LOG_STEP);
    if (!buf || rc) {
        free(text);
        dom_fail(&t->err, rc, "the hypervisor does not give its log: %s", strerror(-rc));
        return NULL;
    }
    return text;
}

static struct json_object *json_lines(const char *text, size_t len)
{
    struct json_object *doc = json_object_new_array();

    while (len) {
        const char *end = memchr(text, '\n', len);
        size_t n = end ? (size_t)(end - text) : len;

        json_object_array_add(doc, json_object_new_string_len(text, (int)n));
        n += end != NULL;
        text += n;
        len -= n;
    }
    return doc;
}

int cmd_dmesg(struct tool *t, int argc, char **argv)
{
    static const struct option names[] = {
        {"json", no_argument, NULL, 'j'}, {"clear", no_argument, NULL, 'c'}, {0}};
    bool clear = false, json = false;
    size_t len;
    char *text;
    int c;

    while ((c = getopt_long(argc, argv, "c", names, NULL)) != -1) {
        if (c == '?')
            return tool_usage(t);
        clear |= c == 'c';
        json |= c == 'j';
    }
    if (optind != argc)
        return tool_usage(t);
    if (tool_open(t))
        return 1;
    text = read_log(t, clear, &len);
    if (!text)
        return 1;
    if (json)
        tool_print_json(json_lines(text, len));
    else
        fwrite(text, 1, len, stdout);
    free(text);
    return 0;
}

int cmd_debug_keys(struct tool *t, int argc, char **argv)
{
    struct hv_sysctl op = {.cmd = HV_SYSCTL_DEBUG_KEYS};
    size_t len;
    char *buf;
    int rc;

    if (argc != 2 || !*argv[1])
        return tool_usage(t);
    if (tool_open(t))
        return 1;
    len = strlen(argv[1]);
    buf = door_buf_get(t->host.door, len);
    if (!buf)
        return dom_fail(&t->err, 1, "out of memory");
    memcpy(buf, argv[1], len);
    op.u.debug_keys.keys = (uintptr_t)buf;
    op.u.debug_keys.nr_keys = (uint32_t)len;
    rc = door_sysctl(t->host.door, &op);
    door_buf_put(t->host.door, buf, len);
    if (rc)
        return dom_fail(&t->err, rc, "the hypervisor refuses these keys: %s",
                        strerror(-rc));
    return 0;
}
