/* SPDX-License-Identifier: MIT */
/* What a machine owes the core: copying from and to the current guest's virtual memory.
 * Each function refuses the hypervisor's range and non-canonical addresses, survives any
 * fault, and is the only way in which guest memory named by guest addresses is touched.
 * 0, or -EFAULT with an unknown part copied. */
#ifndef PORT_GUEST_MEM_H
#define PORT_GUEST_MEM_H

#include "lib/types.h"

int must_check guest_read(void *dst, vaddr_t src, size_t n);
int must_check guest_write(vaddr_t dst, const void *src, size_t n);
/* In <port_inline.h>, for one word where the guest executes (so that it is not in the
 * hypervisor's range):
 *   bool guest_peek(vaddr_t va, uint64_t *val);   false: it faulted; CR2 is lost
 * For two words anywhere:
 *   bool guest_peek_pair(vaddr_t va, uint64_t val[2]);   false: not readable
 * For a short one anywhere:
 *   bool guest_peek32(vaddr_t va, uint32_t *val);      false: not readable */
/* Is the whole of it outside the hypervisor's range (says nothing of being mapped)? */
bool guest_range_ok(vaddr_t va, size_t n);

#endif
