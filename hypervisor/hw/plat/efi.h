/* SPDX-License-Identifier: MIT */
/* EFI, within the machine; the core's side is port/platform.h. */
#ifndef HW_PLAT_EFI_H
#define HW_PLAT_EFI_H

#include "abi/arch_x86.h"
#include "lib/types.h"

struct boot_info;

void efi_init(const struct boot_info *bi);  /* boot CPU, by plat_init() */
bool efi_fault(struct hv_cpu_user_regs *r); /* it was firmware's: resolved */
void efi_reset(void);                       /* interrupts off; comes back if it cannot */

#endif
