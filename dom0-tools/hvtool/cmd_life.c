/* SPDX-License-Identifier: MIT */
/* hvtool destroy, pause, unpause, shutdown, reboot, rename, domid, domname */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xenstore.h>

#include "tool.h"

typedef int act_t(struct dom_host *host, hv_domid_t domid, struct dom_error *err);

/* Does one thing to each domain named; goes on after a failure. */
static int for_each(struct tool *t, int argc, char **argv, act_t *act)
{
    int status = 0;

    /* xl's -f lets a dom0 be destroyed, which none of ours can do without. */
    if (argc > 1 && act == dom_destroy && !strcmp(argv[1], "-f")) {
        argc--;
        argv++;
    }
    if (argc < 2)
        return tool_usage(t);
    if (tool_open(t))
        return 1;
    for (int i = 1; i < argc; i++) {
        hv_domid_t domid;

        if (!tool_domain(t, argv[i], &domid) && !act(&t->host, domid, &t->err))
            continue;
        status = 1;
        fprintf(stderr, "hvtool %s: %s\n", t->command, t->err.text);
        t->err.text[0] = 0;
    }
    return status;
}

int cmd_destroy(struct tool *t, int argc, char **argv)
{
    return for_each(t, argc, argv, dom_destroy);
}

int cmd_pause(struct tool *t, int argc, char **argv)
{
    return for_each(t, argc, argv, dom_pause);
}

int cmd_unpause(struct tool *t, int argc, char **argv)
{
    return for_each(t, argc, argv, dom_unpause);
}

/* Asks every guest first, so that they shut down side by side. */
static int ask_all(struct tool *t, const struct hv_domctl_getdomaininfo *list,
                   unsigned int nr, bool wait, const char *request)
{
    int status = 0;

    for (unsigned int i = 0; i < nr; i++) {
        if (!list[i].domain)
            continue;
        if (!dom_ask(&t->host, list[i].domain, request, &t->err))
            continue;
        status = 1;
        fprintf(stderr, "hvtool %s: %s\n", t->command, t->err.text);
        t->err.text[0] = 0;
    }
    for (unsigned int i = 0; i < nr && wait && !status; i++)
        if (list[i].domain)
            status = dom_wait_gone(&t->host, list[i].domain, list[i].handle, &t->err);
    return status ? 1 : 0;
}

static int ask(struct tool *t, int argc, char **argv, const char *request)
{
    static const struct option names[] = {
        {"all", no_argument, NULL, 'a'}, {"wait", no_argument, NULL, 'w'}, {0}};
    struct hv_domctl_getdomaininfo *list;
    bool all = false, wait = false;
    unsigned int nr;
    int c, status;

    /* -F would send an ACPI event to a guest that does not listen: a PV guest has none.
     */
    while ((c = getopt_long(argc, argv, "awF", names, NULL)) != -1) {
        all |= c == 'a';
        wait |= c == 'w';
        if (c == '?')
            return tool_usage(t);
    }
    if (all != (optind == argc))
        return tool_usage(t);
    if (tool_open(t) || tool_domains(t, argc - optind, argv + optind, &list, &nr))
        return 1;
    if (!all && nr && !list[0].domain)
        status = dom_fail(&t->err, 1, "domain 0 is not shut down this way");
    else
        status = ask_all(t, list, nr, wait, request);
    free(list);
    return status;
}

int cmd_shutdown(struct tool *t, int argc, char **argv)
{
    return ask(t, argc, argv, "poweroff");
}

int cmd_reboot(struct tool *t, int argc, char **argv)
{
    return ask(t, argc, argv, "reboot");
}

int cmd_sysrq(struct tool *t, int argc, char **argv)
{
    hv_domid_t domid;
    char path[48];

    if (argc != 3 || strlen(argv[2]) != 1)
        return tool_usage(t);
    if (tool_open(t) || tool_domain(t, argv[1], &domid))
        return 1;
    snprintf(path, sizeof(path), "/local/domain/%u/control/sysrq", domid);
    if (xs_write(t->host.xs, XBT_NULL, path, argv[2], 1))
        return 0;
    return dom_fail(&t->err, 1, "cannot write %s: %s", path, strerror(errno));
}

int cmd_rename(struct tool *t, int argc, char **argv)
{
    hv_domid_t domid;

    if (argc != 3)
        return tool_usage(t);
    if (tool_open(t) || tool_domain(t, argv[1], &domid))
        return 1;
    return dom_rename(&t->host, domid, argv[2], &t->err);
}

/* Takes --json and one argument. Returns the argument, or NULL. */
static const char *one_argument(int argc, char **argv, bool *json)
{
    int c;

    while ((c = getopt_long(argc, argv, "", tool_json_option, NULL)) != -1) {
        if (c != 'j')
            return NULL;
        *json = true;
    }
    return argc == optind + 1 ? argv[optind] : NULL;
}

int cmd_domid(struct tool *t, int argc, char **argv)
{
    bool json = false;
    const char *name = one_argument(argc, argv, &json);
    hv_domid_t domid;

    if (!name)
        return tool_usage(t);
    if (tool_open(t) || dom_find_name(&t->host, name, &domid, &t->err))
        return 1;
    if (json)
        return tool_print_json(tool_json_domain(t, domid));
    printf("%u\n", domid);
    return 0;
}

int cmd_domname(struct tool *t, int argc, char **argv)
{
    bool json = false;
    const char *number = one_argument(argc, argv, &json);
    hv_domid_t domid;
    char *name;

    if (!number || number[strspn(number, "0123456789")])
        return tool_usage(t);
    if (tool_open(t) || tool_domain(t, number, &domid))
        return 1;
    if (json)
        return tool_print_json(tool_json_domain(t, domid));
    name = dom_name(&t->host, domid);
    if (!name)
        return dom_fail(&t->err, 1, "domain %u has no name", domid);
    printf("%s\n", name);
    free(name);
    return 0;
}
