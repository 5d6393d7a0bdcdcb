/* SPDX-License-Identifier: MIT */
/* Boot options that are lists, for param.c. False: the value is bad, nothing is changed.
 */
#ifndef KERN_PARAM_PRIV_H
#define KERN_PARAM_PRIV_H

#include "kern/param.h"

int param_bool(const char *v); /* 1 true, 0 false, -1 neither */
bool param_xpti(const char *v);
bool param_l1tf(const char *v);
bool param_pcid(const char *v);
bool param_spec_ctrl(const char *v);

#endif
