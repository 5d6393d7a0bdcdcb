/* SPDX-License-Identifier: MIT */
/* What a domain shall be, as its configuration says. */
#ifndef DOM_CONFIG_H
#define DOM_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "dom/channel.h"
#include "dom/disk.h"
#include "dom/error.h"
#include "dom/vif.h"

#define DOM_MAX_CPUS  256U
#define DOM_MAX_VCPUS 512U
#define DOM_MAX_NAME  256U /* with its NUL */

struct dom_cpuset {
    uint64_t bits[DOM_MAX_CPUS / 64];
};

/* What happens when a domain has ended. */
enum dom_action {
    DOM_ACTION_DESTROY,
    DOM_ACTION_RESTART,
    DOM_ACTION_RENAME_RESTART,
    DOM_ACTION_PRESERVE,
};

struct dom_config {
    char *name;
    uint8_t uuid[16];
    char *kernel;
    char *ramdisk; /* NULL: none */
    char *cmdline; /* never NULL */
    uint64_t memory_kib, maxmem_kib;
    unsigned int vcpus, maxvcpus;
    struct dom_cpuset *pins; /* maxvcpus of them, NULL: run anywhere */
    unsigned int weight;     /* 0: the scheduler's default */
    int cap;                 /* per cent of one CPU; -1: the default, none */
    unsigned int tsc_mode;   /* 0 default, 1 always emulated, 2 native, 3 paravirt */
    struct dom_disk *disks;
    unsigned int nr_disks;
    struct dom_vif *vifs;
    unsigned int nr_vifs;
    struct dom_channel *channels; /* consoles 1 and up */
    unsigned int nr_channels;
    enum dom_action on_poweroff, on_reboot, on_crash;
};

typedef void dom_warn_t(const char *line);

/*
 * Reads a configuration file and `key=value` arguments that override it. Keys that are
 * known but not served yet are warned of. Free with dom_config_free, also on error.
 */
int dom_config_load(struct dom_config *out, const char *path, char *const *overrides,
                    int nr_overrides, dom_warn_t *warn, struct dom_error *err);
/* The same from text already read; `file` is for messages. */
int dom_config_parse(struct dom_config *out, const char *file, const char *text,
                     size_t len, char *const *overrides, int nr_overrides,
                     dom_warn_t *warn, struct dom_error *err);
void dom_config_free(struct dom_config *cfg);

/* "0-3,^2", "all", "5": CPUs. Adds to set. -EINVAL if it is nothing of the kind. */
int dom_cpuset_parse(struct dom_cpuset *set, const char *text);
/* The same notation from a set, within the first nr_cpus; "all" when it has all. */
void dom_cpuset_format(const struct dom_cpuset *set, unsigned int nr_cpus, char *out,
                       size_t size);

int dom_uuid_parse(uint8_t uuid[16], const char *text);
void dom_uuid_format(const uint8_t uuid[16], char out[37]);

/* The entry of a NULL-terminated list most like word, or NULL if none is. */
const char *dom_nearest(const char *word, const char *const *list);

#endif
