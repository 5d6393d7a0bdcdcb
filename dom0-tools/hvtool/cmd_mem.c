/* SPDX-License-Identifier: MIT */
/*
 * hvtool mem-set and mem-max: what a guest's balloon driver is asked to keep to, and what
 * the hypervisor gives the domain at most.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dom/split.h"
#include "tool.h"

/* As xl takes it: KiB, or with b, k, m, g or t behind. 0: it is no size, or too large. */
static uint64_t to_kib(const char *text)
{
    static const char units[] = "bkmgt";
    unsigned long long n;
    const char *unit;
    char *rest;

    errno = 0;
    n = strtoull(text, &rest, 10);
    unit = *rest ? strchr(units, tolower((unsigned char)*rest)) : units + 1;
    if (errno || rest == text || *text == '-' || !unit || (*rest && rest[1]) ||
        n >= 1ULL << 50)
        return 0;
    n = unit == units ? n >> 10 : n << (10 * (unit - units - 1));
    return n < 1ULL << 44 ? n : 0;
}

static int parse(struct tool *t, int argc, char **argv, hv_domid_t *domid, uint64_t *kib)
{
    if (argc != 3)
        return tool_usage(t);
    *kib = to_kib(argv[2]);
    if (!*kib)
        return dom_fail(&t->err, 1,
                        "'%.40s' is not an amount of memory: KiB, or as in 512m or 2g",
                        argv[2]);
    return tool_open(t) || tool_domain(t, argv[1], domid);
}

int cmd_mem_max(struct tool *t, int argc, char **argv)
{
    hv_domid_t domid;
    uint64_t kib;

    return parse(t, argc, argv, &domid, &kib) ||
           dom_set_max_memory(&t->host, domid, kib, &t->err);
}

int cmd_mem_set(struct tool *t, int argc, char **argv)
{
    char dir[48], text[24];
    unsigned int most;
    hv_domid_t domid;
    uint64_t kib;
    int rc;

    if (parse(t, argc, argv, &domid, &kib))
        return 1;
    snprintf(dir, sizeof(dir), "/local/domain/%u/memory", domid);
    most = dom_get_number(&t->host, dir, "static-max");
    if (most && kib > most)
        return dom_fail(&t->err, 1,
                        "domain %u may have at most %u KiB (maxmem of its configuration)",
                        domid, most);
    rc = dom_set_max_memory(&t->host, domid, kib, &t->err);
    if (rc)
        return rc;
    snprintf(text, sizeof(text), "%llu", (unsigned long long)kib);
    rc = dom_put(t->host.xs, XBT_NULL, dir, "target", text);
    return rc ? dom_fail(&t->err, rc, "cannot write %s/target: %s", dir, strerror(-rc))
              : 0;
}
