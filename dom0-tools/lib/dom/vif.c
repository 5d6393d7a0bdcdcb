/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "dom/vif.h"

#define DEFAULT_BRIDGE  "xenbr0"
#define DEFAULT_US      50000 /* how often a rate's credit is filled up */
#define MAX_INTERVAL_US 1000000000ULL
#define MIN_MTU         68U
#define MAX_MTU         65521U
#define MAX_DEVID       65535U

/* Tests have no dom0. */
#ifndef NET_CLASS
#define NET_CLASS "/sys/class/net"
#endif

struct spec {
    struct dom_vif *out;
    struct dom_error *err;
};

static int bad(struct spec *s, const char *what, const char *word)
{
    return dom_fail(s->err, -EINVAL, "%s '%.80s'", what, word);
}

int dom_mac_parse(char out[DOM_MAX_MAC], const char *text)
{
    unsigned int byte[6], len = 0;

    if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &byte[0], &byte[1], &byte[2], &byte[3],
               &byte[4], &byte[5], &len) != 6 ||
        len != DOM_MAX_MAC - 1 || text[len])
        return -EINVAL;
    /* Nobody has a group's address, or none at all. */
    if (byte[0] & 1 || !(byte[0] | byte[1] | byte[2] | byte[3] | byte[4] | byte[5]))
        return -EINVAL;
    for (unsigned int i = 0; i < DOM_MAX_MAC; i++)
        out[i] = (char)tolower((unsigned char)text[i]);
    return 0;
}

static int random_mac(char out[DOM_MAX_MAC])
{
    uint8_t any[3];

    if (getrandom(any, sizeof(any), 0) != sizeof(any))
        return -EIO;
    snprintf(out, DOM_MAX_MAC, "00:16:3e:%02x:%02x:%02x", any[0] & 0x7f, any[1], any[2]);
    return 0;
}

static int set_mac(struct spec *s, const char *value)
{
    if (dom_mac_parse(s->out->mac, value))
        return bad(s, "not a MAC address (00:16:3e:01:02:03):", value);
    return 0;
}

/* A name that an interface may have. */
static int set_name(struct spec *s, char out[IFNAMSIZ], const char *value)
{
    if (strlen(value) >= IFNAMSIZ || strpbrk(value, "/: \t") || !strcmp(value, ".") ||
        !strcmp(value, "..") || strchr(value, '%'))
        return bad(s, "not an interface's name (at most 15 letters):", value);
    snprintf(out, IFNAMSIZ, "%s", value);
    return 0;
}

static int set_bridge(struct spec *s, const char *value)
{
    return set_name(s, s->out->bridge, value);
}

static int set_vifname(struct spec *s, const char *value)
{
    return set_name(s, s->out->name, value);
}

static int set_text(struct spec *s, char **out, const char *value)
{
    free(*out);
    *out = strdup(value);
    return *out ? 0 : dom_fail(s->err, -ENOMEM, "out of memory");
}

static int set_script(struct spec *s, const char *value)
{
    snprintf(s->out->warning, sizeof(s->out->warning),
             "the script '%.60s' is not run: interfaces join the bridge without", value);
    return set_text(s, &s->out->script, value);
}

static int set_ip(struct spec *s, const char *value)
{
    return set_text(s, &s->out->ip, value);
}

static int set_count(struct spec *s, const char *value, unsigned int min,
                     unsigned int max, unsigned int *out)
{
    unsigned long n;
    char *rest;

    errno = 0;
    n = strtoul(value, &rest, 10);
    if (!isdigit((unsigned char)*value) || *rest || errno || n < min || n > max)
        return dom_fail(s->err, -EINVAL, "'%.40s' is not a number from %u to %u", value,
                        min, max);
    *out = (unsigned int)n;
    return 0;
}

static int set_mtu(struct spec *s, const char *value)
{
    return set_count(s, value, MIN_MTU, MAX_MTU, &s->out->mtu);
}

static int set_devid(struct spec *s, const char *value)
{
    unsigned int devid = 0;
    int rc = set_count(s, value, 0, MAX_DEVID, &devid);

    s->out->devid = (int)devid;
    return rc;
}

/* "20ms": microseconds; 0: it is none. */
static uint64_t interval(const char *text)
{
    static const struct {
        const char *name;
        uint64_t us;
    } units[] = {{"us", 1}, {"ms", 1000}, {"s", 1000000}};
    char *unit;
    uint64_t n = strtoull(text, &unit, 10);

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (isdigit((unsigned char)*text) && !strcmp(unit, units[i].name) &&
            n <= MAX_INTERVAL_US / units[i].us)
            return n * units[i].us;
    return 0;
}

/* The number of bits a second that "10Mb" or "250KB" says; 0: none. */
static uint64_t bits(const char *text, size_t len)
{
    char *unit;
    uint64_t n = strtoull(text, &unit, 10), factor = 1;

    if (!isdigit((unsigned char)*text) || n > UINT32_MAX)
        return 0;
    if (*unit == 'G' || *unit == 'M' || *unit == 'K')
        factor = *unit == 'G' ? 1000000000 : *unit == 'M' ? 1000000 : 1000, unit++;
    if ((*unit != 'B' && *unit != 'b') || unit + 1 != text + len)
        return 0;
    return n * factor * (*unit == 'B' ? 8 : 1);
}

static int set_rate(struct spec *s, const char *value)
{
    const char *slash = strchr(value, '/');
    uint64_t us = DEFAULT_US, per_second = 0, bytes;

    if (slash && slash[1] == 's' && (!slash[2] || slash[2] == '@')) {
        per_second = bits(value, (size_t)(slash - value)) / 8;
        if (slash[2])
            us = interval(slash + 3);
    }
    if (!per_second || !us)
        return bad(s, "not a rate (10Mb/s, 1MB/s@20ms):", value);
    if (per_second > UINT32_MAX * 1000000ULL / us)
        return bad(s, "too much for one interval:", value);
    bytes = per_second * us / 1000000;
    if (!bytes)
        return bad(s, "too little for one interval:", value);
    s->out->rate_bytes = bytes;
    s->out->rate_us = (unsigned int)us;
    return 0;
}

static int set_type(struct spec *s, const char *value)
{
    if (strcmp(value, "vif") && strcmp(value, "ioemu"))
        return bad(s, "type is vif, not", value);
    return 0;
}

static int set_backend(struct spec *s, const char *value)
{
    if (strcmp(value, "0") && strcmp(value, "Domain-0"))
        return bad(s, "interfaces are served by domain 0 only, not by", value);
    return 0;
}

static int set_backendtype(struct spec *s, const char *value)
{
    if (strcmp(value, "hvnet") && strcmp(value, "phy"))
        return bad(s, "backendtype is hvnet, or phy for the kernel's backend, not",
                   value);
    s->out->phy = *value == 'p';
    return 0;
}

static int set_route(struct spec *s, const char *value)
{
    snprintf(s->out->warning, sizeof(s->out->warning),
             "gatewaydev '%.40s' has no effect: interfaces join bridges only", value);
    return 0;
}

/* What a PV guest's interface has nothing to do with. */
static int ignore(struct spec *s, const char *value)
{
    return 0;
}

static const struct {
    const char *key;
    int (*set)(struct spec *s, const char *value);
} keys[] = {{"backend", set_backend},  {"backendtype", set_backendtype},
            {"bridge", set_bridge},    {"devid", set_devid},
            {"gatewaydev", set_route}, {"ip", set_ip},
            {"mac", set_mac},          {"model", ignore},
            {"mtu", set_mtu},          {"netdev", set_route},
            {"rate", set_rate},        {"script", set_script},
            {"type", set_type},        {"vifname", set_vifname}};

static int set(struct spec *s, char *word)
{
    char *equals = strchr(word, '=');

    if (!strcmp(word, "trusted") || !strcmp(word, "untrusted")) {
        s->out->untrusted = *word == 'u';
        return 0;
    }
    if (!equals)
        return bad(s, "not a setting of a network interface:", word);
    *equals = 0;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        if (!strcmp(word, keys[i].key))
            return keys[i].set(s, equals + 1);
    return bad(s, "not a setting of a network interface:", word);
}

static int set_all(struct spec *s, char *text)
{
    int rc = 0;

    while (text && !rc) {
        char *word = text + strspn(text, " \t"), *comma = strchr(word, ','), *end;

        if (comma)
            *comma = 0;
        text = comma ? comma + 1 : NULL;
        for (end = word + strlen(word); end > word && isspace((unsigned char)end[-1]);)
            *--end = 0;
        if (*word)
            rc = set(s, word);
    }
    return rc;
}

int dom_vif_parse(struct dom_vif *out, const char *text, struct dom_error *err)
{
    struct spec s = {.out = out, .err = err};
    char *copy = strdup(text);
    int rc;

    *out = (struct dom_vif){.devid = -1, .bridge = DEFAULT_BRIDGE};
    if (!copy)
        return dom_fail(err, -ENOMEM, "out of memory");
    rc = set_all(&s, copy);
    if (!rc && !*out->mac && random_mac(out->mac))
        rc = dom_fail(err, -EIO, "no random numbers for a MAC address");
    free(copy);
    if (rc)
        dom_vif_free(out);
    return rc;
}

void dom_vif_free(struct dom_vif *vif)
{
    free(vif->script);
    free(vif->ip);
    vif->script = vif->ip = NULL;
}

static bool is_bridge(const char *name)
{
    char path[320];

    snprintf(path, sizeof(path), NET_CLASS "/%s/bridge", name);
    return !access(path, F_OK);
}

/* "xenbr0, virbr0": those there are. */
static void list_bridges(char *out, size_t size)
{
    DIR *dir = opendir(NET_CLASS);
    const struct dirent *entry;
    size_t len = 0;

    *out = 0;
    while (dir && (entry = readdir(dir)) && len < size)
        if (*entry->d_name != '.' && is_bridge(entry->d_name))
            len += (size_t)snprintf(out + len, size - len, "%s%s", len ? ", " : "",
                                    entry->d_name);
    if (dir)
        closedir(dir);
}

int dom_vif_check(const struct dom_vif *vif, struct dom_error *err)
{
    char path[128], others[100];

    snprintf(path, sizeof(path), NET_CLASS "/%s", vif->name);
    if (*vif->name && !access(path, F_OK))
        return dom_fail(err, -EEXIST, "dom0 has an interface '%s' already", vif->name);
    if (!*vif->bridge || is_bridge(vif->bridge))
        return 0;
    list_bridges(others, sizeof(others));
    return dom_fail(err, -ENODEV, "dom0 has no bridge '%s'%s%s%s", vif->bridge,
                    *others ? " (it has " : ": make one first", others,
                    *others ? ")" : "");
}
