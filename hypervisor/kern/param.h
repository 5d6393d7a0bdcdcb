/* SPDX-License-Identifier: MIT */
/* Boot options; sizes take B, K, M, G, T and mean KiB without a letter, as Xen's do. All
 * options stand in one table in param.c (name, kind, target, one-line help), so that an
 * unknown one can be answered with the nearest known. */
#ifndef KERN_PARAM_H
#define KERN_PARAM_H

#include "lib/types.h"

struct boot_params {
    enum { SCRUB_IDLE, SCRUB_AT_BOOT, SCRUB_AS_USED } bootscrub;
    uint64_t dom0_mem;       /* bytes, 0: all but a reserve */
    uint64_t dom0_mem_max;   /* bytes, 0: no limit */
    unsigned dom0_max_vcpus; /* 0: one a CPU */
    bool dom0_vcpus_pin;
    unsigned maxcpus; /* 0: all */
    bool noreboot;    /* on a panic or when dom0 crashes: stop instead of restarting */
    bool console_to_ring;
    bool nosmp;
    unsigned loglvl, guest_loglvl; /* highest level printed */
    unsigned sched_ratelimit_us;
    /* -1: as the CPU needs it */
    int8_t xpti_dom0, xpti_domu, l1tf_dom0, l1tf_domu, verw, bhb_entry, bhi_dis_s;
    bool pv_linear_pt; /* level-4 tables may map themselves */
    bool pcid;         /* for isolated guests, if the CPU has them */
    bool unpriv_mmio;  /* guests other than dom0 will have devices */
    bool smep, smap;
    bool watchdog;
    unsigned watchdog_timeout; /* seconds */
    /* defaults for domains that do not say */
    unsigned gnttab_max_frames, gnttab_max_maptrack_frames;
    char console[64], com1[64], com2[64];
};
extern struct boot_params boot_params;
void param_parse(const char *cmdline); /* warns by name about what it does not know */
/* "512M" up to a comma or the end; false when it is no size. *end: what follows. */
bool param_size(const char *s, uint64_t *out, const char **end);
/* Values, as param_live.c needs them as well; false: it is none, *out stays. */
bool param_number(const char *v, unsigned max, unsigned *out);
bool param_level(const char *v, unsigned *out); /* one of log.h's, perhaps /and another */
const char *param_level_name(unsigned level);
/* the known option that is spelled most like it */
const char *param_nearest(const char *name);

#endif
