/* SPDX-License-Identifier: MIT */
/* @introduceDomain and @releaseDomain. See special.h. */
#include "daemon/special.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/journal.h"
#include "daemon/watch.h"

static const char *const names[SPECIAL_COUNT] = {"@introduceDomain", "@releaseDomain"};
static struct perms *perms_of[SPECIAL_COUNT];

static int find(const struct xs_path *p)
{
    int i = 0;

    while (i < SPECIAL_COUNT && strcmp(p->s, names[i]) != 0)
        i++;
    return i;
}

void special_init(void)
{
    struct xs_perm dom0 = {.id = 0, .access = 0};

    for (int i = 0; i < SPECIAL_COUNT; i++)
        perms_of[i] = perms_make(&dom0, 1);
}

const struct perms *special_perms(enum special s)
{
    return perms_of[s];
}

bool special_restore(uint32_t which, struct perms *perms)
{
    if (which >= SPECIAL_COUNT)
        return false;
    perms_put(perms_of[which]);
    perms_of[which] = perms_ref(perms);
    return true;
}

int special_set_perms(const struct xs_path *p, struct perms *perms)
{
    int i = find(p);

    if (i == SPECIAL_COUNT)
        return EINVAL;
    special_restore((uint32_t)i, perms);
    journal_special((uint32_t)i, perms);
    return 0;
}

void special_fire(enum special s, uint32_t domid)
{
    char path[48];
    int len = snprintf(path, sizeof(path), "%s/%u", names[s], domid);

    watch_fire_special(path, strlen(names[s]), (size_t)len, perms_of[s]);
}
