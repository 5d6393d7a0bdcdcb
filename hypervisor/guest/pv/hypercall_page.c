/* SPDX-License-Identifier: MIT */
/* The hypercall page of a PV guest: 128 stubs of 32 bytes. SYSCALL destroys rcx and r11,
 * so each stub keeps them on the stack; the stub of `iret` leaves them (and rax) there as
 * the tail of struct hv_iret_context. */
#include "guest/pv/hypercall_page.h"
#include "abi/xen.h"
#include "lib/string.h"
#include "lib/types.h"

#define STUB 32

void pv_fill_hypercall_page(void *page)
{
    static const uint8_t normal[] = {0x51, 0x41, 0x53, 0xb8, 0,    0,    0,
                                     0,    0x0f, 0x05, 0x41, 0x5b, 0x59, 0xc3};
    static const uint8_t iret[] = {0x51, 0x41, 0x53, 0x50, 0xb8, HV_CALL_IRET,
                                   0,    0,    0,    0x0f, 0x05};
    uint8_t *p = page;

    memset(p, 0xcc, PAGE_SIZE);
    for (unsigned i = 0; i < PAGE_SIZE / STUB; i++) {
        memcpy(p + i * STUB, normal, sizeof(normal));
        p[i * STUB + 4] = (uint8_t)i;
    }
    memset(p + HV_CALL_IRET * STUB, 0xcc, STUB);
    memcpy(p + HV_CALL_IRET * STUB, iret, sizeof(iret));
}
