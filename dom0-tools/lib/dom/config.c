/* SPDX-License-Identifier: MIT */
/*
 * From settings to a domain's configuration: one table row per key. What is wrong is
 * reported where it stands, and a key nobody knows with the nearest one that exists.
 *
 * Reference: xl.cfg(5), "OPTIONS".
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "dom/cfg.h"
#include "dom/config.h"
#include "dom/config_keys.h"
#include "dom/file.h"

#define MAX_MEMORY_MIB (16LL << 20)

/* What reading one configuration collects besides the result itself. */
struct reader {
    struct dom_config *out;
    const char *root, *extra, *cmdline;
    bool has_uuid;
    dom_warn_t *warn;
    struct dom_error *err;
    const char *key; /* being read, for messages */
};

static int bad(struct reader *r, const struct cfg_value *v, const char *what)
{
    return cfg_fail(r->err, &v->pos, "%s: %s", r->key, what);
}

static int get_string(struct reader *r, const struct cfg_value *v, const char **out)
{
    if (v->type != CFG_STRING)
        return bad(r, v, "this key takes a quoted string");
    *out = v->string;
    return 0;
}

static int get_copy(struct reader *r, const struct cfg_value *v, char **out)
{
    const char *text = "";
    int rc = get_string(r, v, &text);

    if (rc)
        return rc;
    free(*out);
    *out = strdup(text);
    return *out ? 0 : dom_fail(r->err, -ENOMEM, "out of memory");
}

/* A number, or a string that holds one (as xl takes it). */
static int get_number(struct reader *r, const struct cfg_value *v, long long min,
                      long long max, long long *out)
{
    long long n;
    char *rest;

    if (v->type == CFG_LIST)
        return bad(r, v, "this key takes a number");
    errno = 0;
    n = strtoll(v->string, &rest, 0);
    if (errno || *rest || rest == v->string)
        return bad(r, v, "this key takes a number");
    if (n < min || n > max)
        return cfg_fail(r->err, &v->pos, "%s: %lld is out of range: %lld to %lld", r->key,
                        n, min, max);
    *out = n;
    return 0;
}

static int get_unsigned(struct reader *r, const struct cfg_value *v, unsigned int min,
                        unsigned int max, unsigned int *out)
{
    long long n;
    int rc = get_number(r, v, min, max, &n);

    if (!rc)
        *out = (unsigned int)n;
    return rc;
}

static int get_memory(struct reader *r, const struct cfg_value *v, uint64_t *kib)
{
    long long mib;
    int rc = get_number(r, v, 1, MAX_MEMORY_MIB, &mib);

    if (!rc)
        *kib = (uint64_t)mib << 10;
    return rc;
}

static int get_action(struct reader *r, const struct cfg_value *v, enum dom_action *out)
{
    static const struct {
        const char *name;
        enum dom_action action;
    } actions[] = {
        {"destroy", DOM_ACTION_DESTROY},
        {"restart", DOM_ACTION_RESTART},
        {"rename-restart", DOM_ACTION_RENAME_RESTART},
        {"preserve", DOM_ACTION_PRESERVE},
        {"coredump-destroy", DOM_ACTION_DESTROY},
        {"coredump-restart", DOM_ACTION_RESTART},
    };
    const char *text = "";
    char line[256];
    int rc = get_string(r, v, &text);

    for (size_t i = 0; !rc && i < sizeof(actions) / sizeof(actions[0]); i++) {
        if (strcmp(text, actions[i].name))
            continue;
        *out = actions[i].action;
        if (!strncmp(text, "coredump-", 9) && r->warn) {
            snprintf(line, sizeof(line),
                     "%s:%u:%u: %s: core dumps are not written yet, '%s' is done without",
                     v->pos.file, v->pos.line, v->pos.column, r->key, text + 9);
            r->warn(line);
        }
        return 0;
    }
    return rc ? rc
              : bad(r, v,
                    "unknown action; there are destroy, restart, rename-restart, "
                    "preserve, coredump-destroy, coredump-restart");
}

static int key_name(struct reader *r, const struct cfg_value *v)
{
    int rc = get_copy(r, v, &r->out->name);

    if (rc)
        return rc;
    if (!r->out->name[0] || strchr(r->out->name, '/'))
        return bad(r, v, "a name has at least one character and no '/'");
    if (strlen(r->out->name) >= DOM_MAX_NAME)
        return bad(r, v, "this name is too long");
    return 0;
}

static int key_uuid(struct reader *r, const struct cfg_value *v)
{
    const char *text = "";
    int rc = get_string(r, v, &text);

    if (!rc && dom_uuid_parse(r->out->uuid, text))
        rc = bad(r, v, "a UUID is 32 hexadecimal digits, with or without dashes");
    r->has_uuid = !rc;
    return rc;
}

static int key_type(struct reader *r, const struct cfg_value *v)
{
    const char *text = "";
    int rc = get_string(r, v, &text);

    if (rc || !strcmp(text, "pv") || !strcmp(text, "generic"))
        return rc;
    if (!strcmp(text, "pvh") || !strcmp(text, "hvm"))
        return bad(r, v, "only type = \"pv\" can be built yet");
    return bad(r, v, "unknown type; there is \"pv\"");
}

static int key_kernel(struct reader *r, const struct cfg_value *v)
{
    return get_copy(r, v, &r->out->kernel);
}

static int key_ramdisk(struct reader *r, const struct cfg_value *v)
{
    return get_copy(r, v, &r->out->ramdisk);
}

static int key_extra(struct reader *r, const struct cfg_value *v)
{
    return get_string(r, v, &r->extra);
}

static int key_root(struct reader *r, const struct cfg_value *v)
{
    return get_string(r, v, &r->root);
}

static int key_cmdline(struct reader *r, const struct cfg_value *v)
{
    return get_string(r, v, &r->cmdline);
}

static int key_memory(struct reader *r, const struct cfg_value *v)
{
    return get_memory(r, v, &r->out->memory_kib);
}

static int key_maxmem(struct reader *r, const struct cfg_value *v)
{
    return get_memory(r, v, &r->out->maxmem_kib);
}

static int key_vcpus(struct reader *r, const struct cfg_value *v)
{
    return get_unsigned(r, v, 1, DOM_MAX_VCPUS, &r->out->vcpus);
}

static int key_maxvcpus(struct reader *r, const struct cfg_value *v)
{
    return get_unsigned(r, v, 1, DOM_MAX_VCPUS, &r->out->maxvcpus);
}

static int key_weight(struct reader *r, const struct cfg_value *v)
{
    return get_unsigned(r, v, 1, 65535, &r->out->weight);
}

static int key_cap(struct reader *r, const struct cfg_value *v)
{
    long long cap;
    int rc = get_number(r, v, 0, 65535, &cap);

    if (!rc)
        r->out->cap = (int)cap;
    return rc;
}

static int key_tsc_mode(struct reader *r, const struct cfg_value *v)
{
    static const char *const modes[] = {"default", "always_emulate", "native",
                                        "native_paravirt"};

    for (unsigned int i = 0; v->type == CFG_STRING && i < 4; i++) {
        if (!strcmp(v->string, modes[i])) {
            r->out->tsc_mode = i;
            return 0;
        }
    }
    if (v->type == CFG_NUMBER)
        return get_unsigned(r, v, 0, 3, &r->out->tsc_mode);
    return bad(r, v,
               "unknown mode; there are default, always_emulate, native, "
               "native_paravirt");
}

static int key_on_poweroff(struct reader *r, const struct cfg_value *v)
{
    return get_action(r, v, &r->out->on_poweroff);
}

static int key_on_reboot(struct reader *r, const struct cfg_value *v)
{
    return get_action(r, v, &r->out->on_reboot);
}

static int key_on_crash(struct reader *r, const struct cfg_value *v)
{
    return get_action(r, v, &r->out->on_crash);
}

static int key_disk(struct reader *r, const struct cfg_value *v)
{
    struct dom_config *out = r->out;
    size_t nr = v->type == CFG_LIST ? v->nr_items : 0;
    struct dom_error why = {{0}};

    if (v->type != CFG_LIST)
        return bad(r, v, "this key takes a list of strings");
    out->disks = calloc(nr + 1, sizeof(*out->disks));
    if (!out->disks)
        return dom_fail(r->err, -ENOMEM, "out of memory");
    for (size_t i = 0; i < nr; i++) {
        if (v->items[i].type != CFG_STRING)
            return bad(r, &v->items[i], "a disk is a quoted string");
        if (dom_disk_parse(&out->disks[i], v->items[i].string, &why))
            return bad(r, &v->items[i], why.text);
        out->nr_disks++;
        for (size_t j = 0; j < i; j++)
            if (out->disks[j].devid == out->disks[i].devid)
                return bad(r, &v->items[i], "there is a disk with this vdev already");
    }
    return 0;
}

/* A vif that has no number of its own has its place in the list. */
static int take_vif(struct reader *r, const struct cfg_value *v, unsigned int at)
{
    struct dom_vif *vif = &r->out->vifs[at];
    struct dom_error why = {{0}};
    char line[256];

    if (v->type != CFG_STRING)
        return bad(r, v, "a network interface is a quoted string");
    if (dom_vif_parse(vif, v->string, &why))
        return bad(r, v, why.text);
    r->out->nr_vifs++;
    if (vif->devid < 0)
        vif->devid = (int)at;
    for (unsigned int i = 0; i < at; i++)
        if (r->out->vifs[i].devid == vif->devid)
            return bad(r, v, "there is an interface with this devid already");
    if (*vif->warning && r->warn) {
        snprintf(line, sizeof(line), "%s:%u:%u: vif: %s", v->pos.file, v->pos.line,
                 v->pos.column, vif->warning);
        r->warn(line);
    }
    return 0;
}

static int key_vif(struct reader *r, const struct cfg_value *v)
{
    size_t nr = v->type == CFG_LIST ? v->nr_items : 0;
    int rc = 0;

    if (v->type != CFG_LIST)
        return bad(r, v, "this key takes a list of strings");
    r->out->vifs = calloc(nr + 1, sizeof(*r->out->vifs));
    if (!r->out->vifs)
        return dom_fail(r->err, -ENOMEM, "out of memory");
    for (size_t i = 0; i < nr && !rc; i++)
        rc = take_vif(r, &v->items[i], (unsigned int)i);
    return rc;
}

static int key_channel(struct reader *r, const struct cfg_value *v)
{
    size_t nr = v->type == CFG_LIST ? v->nr_items : 0;
    struct dom_error why = {{0}};

    if (v->type != CFG_LIST)
        return bad(r, v, "this key takes a list of strings");
    r->out->channels = calloc(nr + 1, sizeof(*r->out->channels));
    if (!r->out->channels)
        return dom_fail(r->err, -ENOMEM, "out of memory");
    for (size_t i = 0; i < nr; i++) {
        if (v->items[i].type != CFG_STRING)
            return bad(r, &v->items[i], "a channel is a quoted string");
        r->out->nr_channels++;
        if (dom_channel_parse(&r->out->channels[i], v->items[i].string, &why))
            return bad(r, &v->items[i], why.text);
    }
    return 0;
}

/* "cpus" needs the number of vCPUs; it is worked on at the end. */
static int key_cpus(struct reader *r, const struct cfg_value *v)
{
    return 0;
}

/* clang-format off */
static const struct {
    const char *name;
    int (*set)(struct reader *r, const struct cfg_value *v);
} served_keys[] = {
    {"builder", key_type},
    {"cap", key_cap},
    {"channel", key_channel},
    {"cmdline", key_cmdline},
    {"cpu_weight", key_weight},
    {"cpus", key_cpus},
    {"disk", key_disk},
    {"extra", key_extra},
    {"kernel", key_kernel},
    {"maxmem", key_maxmem},
    {"maxvcpus", key_maxvcpus},
    {"memory", key_memory},
    {"name", key_name},
    {"on_crash", key_on_crash},
    {"on_poweroff", key_on_poweroff},
    {"on_reboot", key_on_reboot},
    {"ramdisk", key_ramdisk},
    {"root", key_root},
    {"tsc_mode", key_tsc_mode},
    {"type", key_type},
    {"uuid", key_uuid},
    {"vcpus", key_vcpus},
    {"vif", key_vif},
};
/* clang-format on */
#define NR_SERVED   (sizeof(served_keys) / sizeof(served_keys[0]))
#define NR_UNSERVED (sizeof(unserved_keys) / sizeof(unserved_keys[0]))

static int unknown_key(struct reader *r, const struct cfg_setting *s)
{
    const char *names[NR_SERVED + NR_UNSERVED], *near;
    char line[192];

    for (size_t i = 0; unserved_keys[i]; i++) {
        if (strcmp(s->key, unserved_keys[i]))
            continue;
        snprintf(line, sizeof(line), "%s:%u:%u: '%s' has no effect yet", s->pos.file,
                 s->pos.line, s->pos.column, s->key);
        if (r->warn)
            r->warn(line);
        return 0;
    }
    for (size_t i = 0; i < NR_SERVED; i++)
        names[i] = served_keys[i].name;
    memcpy(&names[NR_SERVED], unserved_keys, sizeof(unserved_keys));
    near = dom_nearest(s->key, names);
    if (near)
        return cfg_fail(r->err, &s->pos, "unknown key '%.60s', did you mean '%s'?",
                        s->key, near);
    return cfg_fail(r->err, &s->pos, "unknown key '%.60s'", s->key);
}

static int apply(struct reader *r, const struct cfg_setting *s)
{
    r->key = s->key;
    for (size_t i = 0; i < NR_SERVED; i++)
        if (!strcmp(s->key, served_keys[i].name))
            return served_keys[i].set(r, &s->value);
    return unknown_key(r, s);
}

static int pin(struct reader *r, const struct cfg_value *v, unsigned int vcpu)
{
    if (v->type == CFG_LIST || dom_cpuset_parse(&r->out->pins[vcpu], v->string))
        return bad(r, v, "CPUs are given as in \"0-3,^2\" or \"all\"");
    return 0;
}

/* One set for all vCPUs, or a list with one for each. */
static int apply_cpus(struct reader *r, const struct cfg_value *v)
{
    struct dom_config *out = r->out;
    int rc = 0;

    r->key = "cpus";
    out->pins = calloc(out->maxvcpus, sizeof(*out->pins));
    if (!out->pins)
        return dom_fail(r->err, -ENOMEM, "out of memory");
    for (unsigned int i = 0; i < out->maxvcpus && !rc; i++) {
        if (v->type != CFG_LIST)
            rc = pin(r, v, i);
        else if (i < v->nr_items)
            rc = pin(r, &v->items[i], i);
        else
            dom_cpuset_parse(&out->pins[i], "all");
    }
    return rc;
}

static int make_cmdline(struct reader *r)
{
    const char *root = r->root ? r->root : "", *extra = r->extra ? r->extra : "";
    int rc;

    if (r->cmdline)
        rc = asprintf(&r->out->cmdline, "%s", r->cmdline);
    else
        rc = asprintf(&r->out->cmdline, "%s%s%s%s", r->root ? "root=" : "", root,
                      r->root && r->extra ? " " : "", extra);
    if (rc < 0) {
        r->out->cmdline = NULL;
        return dom_fail(r->err, -ENOMEM, "out of memory");
    }
    return 0;
}

/* What is missing, and how settings fit together. */
static int finish(struct reader *r, const char *file)
{
    struct dom_config *out = r->out;

    if (!out->name)
        return dom_fail(r->err, -EINVAL, "%s: 'name' is not set", file);
    if (!out->kernel)
        return dom_fail(r->err, -EINVAL, "%s: 'kernel' is not set", file);
    if (!out->maxvcpus)
        out->maxvcpus = out->vcpus;
    if (out->vcpus > out->maxvcpus)
        return dom_fail(r->err, -EINVAL, "%s: vcpus = %u is more than maxvcpus = %u",
                        file, out->vcpus, out->maxvcpus);
    if (!out->maxmem_kib)
        out->maxmem_kib = out->memory_kib;
    if (out->memory_kib > out->maxmem_kib)
        return dom_fail(r->err, -EINVAL, "%s: memory is more than maxmem", file);
    if (!r->has_uuid) {
        if (getrandom(out->uuid, sizeof(out->uuid), 0) != sizeof(out->uuid))
            return dom_fail(r->err, -EIO, "no random numbers for a UUID");
        out->uuid[6] = (uint8_t)((out->uuid[6] & 0x0f) | 0x40); /* RFC 4122, version 4 */
        out->uuid[8] = (uint8_t)((out->uuid[8] & 0x3f) | 0x80);
    }
    return make_cmdline(r);
}

int dom_config_parse(struct dom_config *out, const char *file, const char *text,
                     size_t len, char *const *overrides, int nr_overrides,
                     dom_warn_t *warn, struct dom_error *err)
{
    struct reader r = {.out = out, .warn = warn, .err = err};
    const struct cfg_setting *cpus;
    struct cfg cfg;
    int rc;

    *out = (struct dom_config){.memory_kib = 32 << 10,
                               .vcpus = 1,
                               .cap = -1,
                               .on_poweroff = DOM_ACTION_DESTROY,
                               .on_reboot = DOM_ACTION_RESTART,
                               .on_crash = DOM_ACTION_DESTROY};
    cfg_init(&cfg);
    rc = cfg_parse(&cfg, file, text, len, err);
    for (int i = 0; i < nr_overrides && !rc; i++)
        rc = cfg_parse_override(&cfg, overrides[i], err);
    for (const struct cfg_setting *s = cfg.first; s && !rc; s = s->next)
        rc = apply(&r, s);
    if (!rc)
        rc = finish(&r, file);
    cpus = cfg_find(&cfg, "cpus");
    if (!rc && cpus)
        rc = apply_cpus(&r, &cpus->value);
    cfg_free(&cfg);
    return rc;
}

int dom_config_load(struct dom_config *out, const char *path, char *const *overrides,
                    int nr_overrides, dom_warn_t *warn, struct dom_error *err)
{
    struct dom_file file;
    int rc;

    memset(out, 0, sizeof(*out));
    rc = dom_file_map(&file, path, err);
    if (rc)
        return rc;
    rc = dom_config_parse(out, path, (const char *)file.data, file.size, overrides,
                          nr_overrides, warn, err);
    dom_file_unmap(&file);
    return rc;
}

void dom_config_free(struct dom_config *cfg)
{
    for (unsigned int i = 0; i < cfg->nr_disks; i++)
        dom_disk_free(&cfg->disks[i]);
    free(cfg->disks);
    for (unsigned int i = 0; i < cfg->nr_vifs; i++)
        dom_vif_free(&cfg->vifs[i]);
    free(cfg->vifs);
    for (unsigned int i = 0; i < cfg->nr_channels; i++)
        dom_channel_free(&cfg->channels[i]);
    free(cfg->channels);
    free(cfg->name);
    free(cfg->kernel);
    free(cfg->ramdisk);
    free(cfg->cmdline);
    free(cfg->pins);
    memset(cfg, 0, sizeof(*cfg));
}
