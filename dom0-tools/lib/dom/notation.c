/* SPDX-License-Identifier: MIT */
/* How CPU sets and UUIDs are written, and which known word a wrong one is nearest to. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dom/config.h"

static bool has_cpu(const struct dom_cpuset *set, unsigned int cpu)
{
    return set->bits[cpu / 64] >> (cpu % 64) & 1;
}

static void put_range(struct dom_cpuset *set, unsigned int first, unsigned int last,
                      bool in)
{
    for (unsigned int cpu = first; cpu <= last; cpu++) {
        uint64_t bit = 1ULL << (cpu % 64);

        set->bits[cpu / 64] = in ? set->bits[cpu / 64] | bit : set->bits[cpu / 64] & ~bit;
    }
}

static int read_cpu(const char **at, unsigned int *cpu)
{
    char *rest;
    unsigned long n;

    if (!isdigit((unsigned char)**at))
        return -EINVAL;
    n = strtoul(*at, &rest, 10);
    if (n >= DOM_MAX_CPUS)
        return -EINVAL;
    *at = rest;
    *cpu = (unsigned int)n;
    return 0;
}

int dom_cpuset_parse(struct dom_cpuset *set, const char *text)
{
    const char *at = text;

    for (;;) {
        unsigned int first = 0, last = DOM_MAX_CPUS - 1;
        bool in = *at != '^';

        at += !in;
        if (!strncmp(at, "all", 3)) {
            at += 3;
        } else {
            if (read_cpu(&at, &first))
                return -EINVAL;
            last = first;
            if (*at == '-' && (at++, read_cpu(&at, &last)))
                return -EINVAL;
            if (last < first)
                return -EINVAL;
        }
        put_range(set, first, last, in);
        if (!*at)
            return 0;
        if (*at++ != ',')
            return -EINVAL;
        while (*at == ' ')
            at++;
    }
}

void dom_cpuset_format(const struct dom_cpuset *set, unsigned int nr_cpus, char *out,
                       size_t size)
{
    unsigned int count = 0;
    size_t len = 0;

    out[0] = 0;
    for (unsigned int cpu = 0; cpu < nr_cpus; cpu++)
        count += has_cpu(set, cpu);
    if (count == nr_cpus) {
        snprintf(out, size, "all");
        return;
    }
    for (unsigned int cpu = 0; cpu < nr_cpus; cpu++) {
        unsigned int first = cpu;

        if (!has_cpu(set, cpu))
            continue;
        while (cpu + 1 < nr_cpus && has_cpu(set, cpu + 1))
            cpu++;
        len += (size_t)snprintf(out + len, size - len, first == cpu ? "%s%u" : "%s%u-%u",
                                len ? "," : "", first, cpu);
        if (len >= size)
            return;
    }
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)tolower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int dom_uuid_parse(uint8_t uuid[16], const char *text)
{
    uint8_t out[16];

    for (int i = 0; i < 16; i++, text += 2) {
        if (*text == '-')
            text++;
        int high = hex_digit(text[0]), low = high < 0 ? -1 : hex_digit(text[1]);

        if (low < 0)
            return -EINVAL;
        out[i] = (uint8_t)(high << 4 | low);
    }
    if (*text)
        return -EINVAL;
    memcpy(uuid, out, 16);
    return 0;
}

void dom_uuid_format(const uint8_t uuid[16], char out[37])
{
    static const char digits[] = "0123456789abcdef";

    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *out++ = '-';
        *out++ = digits[uuid[i] >> 4];
        *out++ = digits[uuid[i] & 15];
    }
    *out = 0;
}

/* Edit distance: letters inserted, removed or exchanged. Words longer than 40: far. */
static unsigned int distance(const char *a, const char *b)
{
    unsigned int row[42];
    size_t la = strlen(a), lb = strlen(b);

    if (la > 40 || lb > 40)
        return 100;
    for (unsigned int j = 0; j <= lb; j++)
        row[j] = j;
    for (size_t i = 1; i <= la; i++) {
        unsigned int diagonal = row[0];

        row[0] = (unsigned int)i;
        for (size_t j = 1; j <= lb; j++) {
            unsigned int best = diagonal + (a[i - 1] != b[j - 1]);

            diagonal = row[j];
            best = row[j] + 1 < best ? row[j] + 1 : best;
            row[j] = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
        }
    }
    return row[lb];
}

const char *dom_nearest(const char *word, const char *const *list)
{
    unsigned int best = (unsigned int)strlen(word) / 3 + 2;
    const char *found = NULL;

    for (; *list; list++) {
        unsigned int d = distance(word, *list);

        if (d < best) {
            best = d;
            found = *list;
        }
    }
    return found;
}
