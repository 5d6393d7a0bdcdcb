/* SPDX-License-Identifier: MIT */
/* What the commands about any kind of split device have in common. */
#include <stdio.h>
#include <stdlib.h>

#include "tool.h"

int tool_device_detach(struct tool *t, int argc, char **argv, tool_detach_t *detach)
{
    static const struct option names[] = {{"force", no_argument, NULL, 'f'}, {0}};
    bool force = false;
    hv_domid_t domid;
    int c;

    while ((c = getopt_long(argc, argv, "f", names, NULL)) != -1) {
        if (c != 'f')
            return tool_usage(t);
        force = true;
    }
    if (argc - optind != 2)
        return tool_usage(t);
    return tool_open(t) || tool_domain(t, argv[optind], &domid) ||
           detach(&t->host, domid, argv[optind + 1], force, &t->err);
}

int tool_device_list(struct tool *t, int argc, char **argv, const char *heading,
                     tool_device_list_t *list)
{
    struct json_object *all = NULL;
    struct hv_domctl_getdomaininfo *domains;
    unsigned int nr;
    int c, rc = 0;

    while ((c = getopt_long(argc, argv, "", tool_json_option, NULL)) != -1) {
        if (c != 'j')
            return tool_usage(t);
        all = json_object_new_array();
    }
    if (optind == argc)
        return tool_usage(t);
    if (tool_open(t) || tool_domains(t, argc - optind, argv + optind, &domains, &nr))
        return 1;
    if (!all)
        puts(heading);
    for (unsigned int i = 0; i < nr && !rc; i++)
        rc = list(t, (hv_domid_t)domains[i].domain, all);
    free(domains);
    if (all && !rc)
        return tool_print_json(all);
    return rc;
}
