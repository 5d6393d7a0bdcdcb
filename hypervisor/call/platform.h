/* SPDX-License-Identifier: MIT */
/* Commands of platform_op that have a file of their own. What they answer goes into the
 * structure; the result is the command's. */
#ifndef CALL_PLATFORM_H
#define CALL_PLATFORM_H

#include "abi/platform.h"

/* platform_efi.c */
int platform_efi_op(struct hv_pf_efi_runtime_call *op);
int platform_efi_firmware(struct hv_pf_firmware_info *f);

/* memtype.c */
int platform_add_memtype(struct hv_pf_add_memtype *m);
int platform_del_memtype(const struct hv_pf_del_memtype *m);
int platform_read_memtype(struct hv_pf_read_memtype *m);

int platform_microcode(const struct hv_pf_microcode_update *m); /* microcode.c */

#endif
