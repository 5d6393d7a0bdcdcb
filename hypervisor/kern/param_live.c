/* SPDX-License-Identifier: MIT */
/* Boot options that can be read and changed while the machine runs; what is set holds
 * from then on: a limit for domains that are created later, a level for what is logged.
 */
#include "kern/param_live.h"
#include "kern/log.h"
#include "kern/param.h"
#include "lib/string.h"

#define LIMIT_MAX 0x7fffffffu

static void show_limit(const struct param_live *p, char *text, size_t n)
{
    snprintf(text, n, "%u", *p->number);
}

static bool change_limit(const struct param_live *p, const char *text)
{
    return param_number(text, LIMIT_MAX, p->number);
}

/* One level does for what Xen has two: always printed, and printed at a limited rate. */
static void show_level(const struct param_live *p, char *text, size_t n)
{
    const char *name = param_level_name(*p->number);

    snprintf(text, n, "%s/%s", name, name);
}

static bool change_level(const struct param_live *p, const char *text)
{
    return param_level(text, p->number);
}

const struct param_live params_live[] = {
    {"gnttab_max_frames", 12, show_limit, change_limit, &boot_params.gnttab_max_frames},
    {"gnttab_max_maptrack_frames", 12, show_limit, change_limit,
     &boot_params.gnttab_max_maptrack_frames},
    {"guest_loglvl", 16, show_level, change_level, &boot_params.guest_loglvl},
    {"loglvl", 16, show_level, change_level, &boot_params.loglvl},
    {NULL},
};
