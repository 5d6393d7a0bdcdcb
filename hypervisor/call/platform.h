/* SPDX-License-Identifier: MIT */
/* Commands of platform_op that have a file of their own. What they answer goes into the
 * structure; the result is the command's. */
#ifndef CALL_PLATFORM_H
#define CALL_PLATFORM_H

#include "abi/platform.h"

int platform_efi_op(struct hv_pf_efi_runtime_call *op);
int platform_efi_firmware(struct hv_pf_firmware_info *f);

#endif
