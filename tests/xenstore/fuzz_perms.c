/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer: permissions. The input is strings, each ended by a NUL: one that is a
 * permission becomes an entry of the list that is being made, an empty one ends that
 * list, and "!N" is the death of domain N. All lists live side by side, and what each of
 * a few domains may do by each of them is reckoned here once more from the entries alone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/domain.h"
#include "daemon/perm.h"
#include "daemon/store.h"
#include "wire/xs_msg.h"
#include "wire/xs_perm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LISTS   16
#define ENTRIES 8
#define DOMAINS 5

static struct list_under_test {
    struct perms *perms;
    uint32_t count;
    struct xs_perm entry[ENTRIES];
    bool dead[ENTRIES];
} lists[LISTS];
static uint32_t used;
static uint32_t targets[DOMAINS]; /* 0: none */

static void require(bool ok)
{
    if (!ok)
        abort();
}

/* A letter of four and a decimal number of 32 bits, no more and no less. */
static bool right_form(const char *s, struct xs_perm *out)
{
    static const char letters[] = "nrwb";
    const char *letter = *s ? strchr(letters, *s) : NULL;
    size_t digits = *s ? strspn(s + 1, "0123456789") : 0, zeros;

    if (!letter || digits == 0 || s[1 + digits])
        return false;
    zeros = strspn(s + 1, "0");
    if (digits - zeros > 10)
        return false;
    out->access = (uint32_t)(letter - letters);
    out->id = (uint32_t)strtoull(s + 1, NULL, 10);
    return strtoull(s + 1, NULL, 10) <= UINT32_MAX;
}

static bool check_entry(const char *s, struct xs_perm *p)
{
    char text[XS_PERM_CHARS];
    struct xs_perm want, again;

    require(xs_perm_parse(s, p) == right_form(s, &want));
    if (!right_form(s, &want))
        return false;
    require(p->id == want.id && p->access == want.access);
    require(xs_perm_format(text, p) == strlen(text) && strlen(text) < sizeof(text));
    require(xs_perm_parse(text, &again) && again.id == p->id &&
            again.access == p->access);
    return true;
}

static uint32_t allowed(const struct list_under_test *l, uint32_t domid)
{
    uint32_t all = XS_MAY_READ | XS_MAY_WRITE | XS_MAY_OWN;

    if (domid == 0)
        return all;
    for (uint32_t i = 0; i < l->count; i++) {
        uint32_t id = l->entry[i].id;

        if (l->dead[i] || (id != domid && (!targets[domid] || id != targets[domid])))
            continue;
        return i == 0 ? all : l->entry[i].access;
    }
    return l->entry[0].access;
}

static void check_lists(void)
{
    for (uint32_t i = 0; i < used; i++) {
        for (uint32_t domid = 0; domid < DOMAINS; domid++) {
            struct domain d = {.has_target = targets[domid] != 0,
                               .target = targets[domid]};
            struct conn c = {
                .id = domid, .privileged = domid == 0, .domain = domid ? &d : NULL};

            require(perm_for(&c, lists[i].perms) == allowed(&lists[i], domid));
        }
    }
}

static void die(uint32_t domid)
{
    perms_domain_died(domid);
    for (uint32_t i = 0; i < used; i++) {
        for (uint32_t k = 0; k < lists[i].count; k++)
            lists[i].dead[k] |= lists[i].entry[k].id == domid;
    }
}

static void end_list(void)
{
    struct list_under_test *l = &lists[used];

    if (!l->count)
        return;
    l->perms = perms_make(l->entry, l->count);
    used++;
    check_lists();
}

static void take(const char *s)
{
    struct list_under_test *l = &lists[used];
    struct xs_perm p;

    if (*s == '!') {
        die((uint32_t)strtoul(s + 1, NULL, 10));
        check_lists();
    } else if (!*s) {
        end_list();
    } else if (check_entry(s, &p) && l->count < ENTRIES) {
        l->entry[l->count++] = p;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = malloc(size + 1);

    memcpy(copy, data, size);
    copy[size] = '\0';
    memset(lists, 0, sizeof(lists));
    used = 0;
    for (uint32_t i = 1; i < DOMAINS; i++)
        targets[i] = size ? data[0] >> i & 1 ? i % (DOMAINS - 1) + 1 : 0 : 0;
    for (size_t at = 0; at < size && used < LISTS; at += strlen(copy + at) + 1)
        take(copy + at);
    for (uint32_t i = 0; i < used; i++)
        perms_put(lists[i].perms);
    free(copy);
    return 0;
}
