/* SPDX-License-Identifier: MIT */
/* Boot options that can be read and changed while the machine runs. Callers hold the
 * domctl lock. */
#ifndef KERN_PARAM_LIVE_H
#define KERN_PARAM_LIVE_H

#include "lib/types.h"

#define PARAM_LIVE_TEXT 128 /* longest value, zero included */

struct param_live {
    const char *name;
    unsigned room; /* longest text that may be given, zero included */
    void (*show)(const struct param_live *p, char *text, size_t n);
    bool (*change)(const struct param_live *p, const char *text); /* false: bad value */
    unsigned *number;                                             /* what they work on */
};
extern const struct param_live params_live[]; /* by name; one without a name ends them */

#endif
