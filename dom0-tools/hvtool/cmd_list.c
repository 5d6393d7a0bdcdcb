/* SPDX-License-Identifier: MIT */
/* hvtool list, uptime: columns are xl's, since scripts read them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <xenstore.h>

#include "abi/sched.h"
#include "tool.h"

/* The columns that xl's options add. */
struct columns {
    bool verbose, context, cpupool, numa;
};

static void print_heading(const struct columns *c)
{
    printf("%-40s %5s %5s %5s\tState\tTime(s)%s%s%s\n", "Name", "ID", "Mem", "VCPUs",
           c->verbose   ? "   UUID                            Reason-Code\tSecurity Label"
           : c->context ? "   Security Label"
                        : "",
           c->cpupool ? "         Cpupool" : "", c->numa ? " NODE Affinity" : "");
}

static void print_row(struct tool *t, const struct hv_domctl_getdomaininfo *info,
                      const struct columns *c)
{
    char *name = dom_name(&t->host, info->domain), state[7], uuid[37];

    tool_state_letters(info, state);
    printf("%-40s %5u %5llu %5u     %s  %8.1f", name ? name : "(null)", info->domain,
           (unsigned long long)(info->tot_pages + info->outstanding_pages) /
               PAGES_PER_MIB,
           info->nr_online_vcpus, state, (double)info->cpu_time / 1e9);
    if (c->verbose) {
        dom_uuid_format(info->handle, uuid);
        printf(" %s %8s", uuid, tool_reason_name(info));
    }
    if (c->verbose || c->context)
        printf(" %16s", "-");
    if (c->cpupool)
        printf(" %15s", "Pool-0");
    /* No domain is tied to nodes. */
    if (c->numa)
        printf(" all");
    printf("\n");
    free(name);
}

static struct json_object *json_row(struct tool *t,
                                    const struct hv_domctl_getdomaininfo *info)
{
    static const struct {
        unsigned int flag;
        const char *name;
    } flags[] = {{HV_DOMINF_RUNNING, "running"},
                 {HV_DOMINF_BLOCKED, "blocked"},
                 {HV_DOMINF_PAUSED, "paused"},
                 {HV_DOMINF_SHUTDOWN, "shutdown"},
                 {HV_DOMINF_DYING, "dying"}};
    struct json_object *doc = tool_json_domain(t, info->domain);
    struct json_object *state = json_object_new_array();
    const char *reason = tool_reason_name(info);
    char uuid[37];

    dom_uuid_format(info->handle, uuid);
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
        if (info->flags & flags[i].flag)
            json_object_array_add(state, json_object_new_string(flags[i].name));
    json_object_object_add(doc, "uuid", json_object_new_string(uuid));
    json_object_object_add(doc, "memory_kib",
                           json_object_new_int64((int64_t)info->tot_pages * 4));
    json_object_object_add(doc, "max_memory_kib",
                           json_object_new_int64((int64_t)info->max_pages * 4));
    json_object_object_add(doc, "vcpus", json_object_new_int((int)info->nr_online_vcpus));
    json_object_object_add(doc, "state", state);
    json_object_object_add(doc, "shutdown_reason",
                           *reason == '-' ? NULL : json_object_new_string(reason));
    json_object_object_add(doc, "cpu_time_ns",
                           json_object_new_int64((int64_t)info->cpu_time));
    return doc;
}

int cmd_list(struct tool *t, int argc, char **argv)
{
    static const struct option names[] = {{"json", no_argument, NULL, 'j'},
                                          {"long", no_argument, NULL, 'j'},
                                          {"verbose", no_argument, NULL, 'v'},
                                          {"context", no_argument, NULL, 'Z'},
                                          {"cpupool", no_argument, NULL, 'c'},
                                          {"numa", no_argument, NULL, 'n'},
                                          {0}};
    struct hv_domctl_getdomaininfo *list;
    struct json_object *doc;
    struct columns columns = {0};
    bool json = false;
    unsigned int nr;
    int c;

    while ((c = getopt_long(argc, argv, "vlZcn", names, NULL)) != -1) {
        json |= c == 'j' || c == 'l';
        columns.verbose |= c == 'v';
        columns.context |= c == 'Z';
        columns.cpupool |= c == 'c';
        columns.numa |= c == 'n';
        if (c == '?')
            return tool_usage(t);
    }
    if (tool_open(t) || tool_domains(t, argc - optind, argv + optind, &list, &nr))
        return 1;
    if (!json)
        print_heading(&columns);
    doc = json ? json_object_new_array() : NULL;
    for (unsigned int i = 0; i < nr; i++) {
        if (json)
            json_object_array_add(doc, json_row(t, &list[i]));
        else
            print_row(t, &list[i], &columns);
    }
    free(list);
    return json ? tool_print_json(doc) : 0;
}

int cmd_vm_list(struct tool *t, int argc, char **argv)
{
    struct json_object *doc = NULL;
    struct hv_domctl_getdomaininfo *list;
    unsigned int nr;
    int c;

    while ((c = getopt_long(argc, argv, "", tool_json_option, NULL)) != -1) {
        if (c != 'j')
            return tool_usage(t);
        doc = doc ? doc : json_object_new_array();
    }
    if (optind != argc)
        return tool_usage(t);
    if (tool_open(t) || tool_domains(t, 0, NULL, &list, &nr))
        return 1;
    if (!doc)
        printf("UUID                                  ID    name\n");
    for (unsigned int i = 0; i < nr; i++) {
        char *name = dom_name(&t->host, list[i].domain), uuid[37];

        dom_uuid_format(list[i].handle, uuid);
        if (list[i].domain && doc)
            json_object_array_add(doc, json_row(t, &list[i]));
        else if (list[i].domain)
            printf("%s  %d    %-30s\n", uuid, list[i].domain, name ? name : "(null)");
        free(name);
    }
    free(list);
    return doc ? tool_print_json(doc) : 0;
}

/* Seconds since a domain was started, or -1 if nobody wrote that down. */
static long long uptime_of(struct tool *t, hv_domid_t domid)
{
    char path[128], *vm, *start;
    long long result = -1;
    struct timespec now;

    if (!domid) {
        clock_gettime(CLOCK_BOOTTIME, &now);
        return now.tv_sec;
    }
    snprintf(path, sizeof(path), "/local/domain/%u/vm", domid);
    vm = xs_read(t->host.xs, XBT_NULL, path, NULL);
    snprintf(path, sizeof(path), "%.90s/start_time", vm ? vm : "/nowhere");
    start = xs_read(t->host.xs, XBT_NULL, path, NULL);
    if (start)
        result = time(NULL) - strtoll(start, NULL, 10);
    free(start);
    free(vm);
    return result;
}

static void print_uptime(const char *name, hv_domid_t domid, long long s)
{
    char days[32] = "";

    if (s < 0) {
        printf("%-33s %4u %s\n", name ? name : "(null)", domid, "unknown");
        return;
    }
    if (s >= 86400)
        snprintf(days, sizeof(days), "%lld day%s, ", s / 86400, s >= 172800 ? "s" : "");
    printf("%-33s %4u %s%2lld:%02lld:%02lld\n", name ? name : "(null)", domid, days,
           s / 3600 % 24, s / 60 % 60, s % 60);
}

/* As of uptime(1): the time of day, and hours and minutes. */
static void print_short_uptime(const char *name, hv_domid_t domid, long long s)
{
    char now[16], days[32] = "";
    time_t t = time(NULL);

    strftime(now, sizeof(now), "%H:%M:%S", localtime(&t));
    s = s < 0 ? 0 : s;
    if (s >= 86400)
        snprintf(days, sizeof(days), "%lld day%s, ", s / 86400, s >= 172800 ? "s" : "");
    printf(" %s up %s%2lld:%02lld, %s (%u)\n", now, days, s / 3600 % 24, s / 60 % 60,
           name ? name : "(null)", domid);
}

int cmd_uptime(struct tool *t, int argc, char **argv)
{
    static const struct option names[] = {
        {"json", no_argument, NULL, 'j'}, {"short", no_argument, NULL, 's'}, {0}};
    struct hv_domctl_getdomaininfo *list;
    struct json_object *doc = NULL;
    bool brief = false;
    unsigned int nr;
    int c;

    while ((c = getopt_long(argc, argv, "s", names, NULL)) != -1) {
        if (c == '?')
            return tool_usage(t);
        brief |= c == 's';
        if (c == 'j' && !doc)
            doc = json_object_new_array();
    }
    if (tool_open(t) || tool_domains(t, argc - optind, argv + optind, &list, &nr))
        return 1;
    if (!doc && !brief)
        printf("%-33s %4s %s\n", "Name", "ID", "Uptime");
    for (unsigned int i = 0; i < nr; i++) {
        long long s = uptime_of(t, list[i].domain);
        char *name = dom_name(&t->host, list[i].domain);

        if (doc) {
            struct json_object *row = tool_json_domain(t, list[i].domain);

            json_object_object_add(row, "uptime_s",
                                   s < 0 ? NULL : json_object_new_int64(s));
            json_object_array_add(doc, row);
        } else if (brief) {
            print_short_uptime(name, list[i].domain, s);
        } else {
            print_uptime(name, list[i].domain, s);
        }
        free(name);
    }
    free(list);
    return doc ? tool_print_json(doc) : 0;
}
