/* SPDX-License-Identifier: MIT */
/* See restrict.h. The two functions are weak: they are there if libxentoolcore is. */
#include "lib/restrict.h"

#define WEAK __attribute__((weak, visibility("default")))

WEAK void xentoolcore__register_active_handle(struct restrict_handle *r);
WEAK void xentoolcore__deregister_active_handle(struct restrict_handle *r);

void restrict_register(struct restrict_handle *r)
{
    if (xentoolcore__register_active_handle)
        xentoolcore__register_active_handle(r);
}

void restrict_deregister(struct restrict_handle *r)
{
    if (xentoolcore__deregister_active_handle)
        xentoolcore__deregister_active_handle(r);
}
