/* SPDX-License-Identifier: MIT */
/*
 * Entry points of a PV kernel: callback_op(HV_CALLBACKOP_*, struct hv_callback_*).
 *
 * Reference: Xen public interface, callback.h.
 */
#ifndef HV_ABI_CALLBACK_H
#define HV_ABI_CALLBACK_H

#include "xen.h"

#define HV_CALLBACKTYPE_EVENT 0    /* an event is pending */
#define HV_CALLBACKTYPE_FAILSAFE 1 /* a selector could not be loaded on return */
#define HV_CALLBACKTYPE_SYSCALL 2  /* syscall from 64-bit user mode */
#define HV_CALLBACKTYPE_SYSENTER_DEPRECATED 3
#define HV_CALLBACKTYPE_NMI 4
#define HV_CALLBACKTYPE_SYSENTER 5
#define HV_CALLBACKTYPE_SYSCALL32 7 /* syscall from 32-bit user mode */

#define HV_CALLBACKF_MASK_EVENTS (1U << 0) /* enter with events masked */

#define HV_CALLBACKOP_REGISTER 0
#define HV_CALLBACKOP_UNREGISTER 1

#ifndef __ASSEMBLY__

struct hv_callback_register {
    uint16_t type;  /* HV_CALLBACKTYPE_* */
    uint16_t flags; /* HV_CALLBACKF_* */
    hv_callback_t address;
};

struct hv_callback_unregister {
    uint16_t type;
    uint16_t _unused;
};

#endif /* !__ASSEMBLY__ */
#endif
