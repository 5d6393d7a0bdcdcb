/* SPDX-License-Identifier: MIT */
/* The exception table and the holes in entry code that boot fills; all are lists of
 * self-relative offsets from link.lds. The table is short and is looked at only when
 * something faulted, so it is searched in line. */
#include "hw/cpu/extable.h"
#include "hw/boot/boot.h"
#include "hw/cpu/features.h"
#include "kern/param.h"
#include "lib/string.h"

struct extable_entry {
    int32_t from, to;
};
extern const struct extable_entry __extable_start[], __extable_end[];
extern const int32_t __stac_start[], __stac_end[], __clac_start[], __clac_end[];

struct rsb_site {
    int32_t at, len, bytes; /* where, bytes of code, bytes it leaves on the stack */
};
extern const struct rsb_site __rsb_start[], __rsb_end[];

static uint64_t rel(const int32_t *p)
{
    return (uint64_t)p + (int64_t)*p;
}

uint64_t extable_find(uint64_t rip)
{
    const struct extable_entry *e;

    for (e = __extable_start; e < __extable_end; e++)
        if (rel(&e->from) == rip)
            return rel(&e->to);
    return 0;
}

static void patch(const int32_t *p, const int32_t *end, const uint8_t insn[3])
{
    for (; p < end; p++) /* text is not writable: by way of the direct map */
        memcpy(phys_ptr(image_pa(rel(p))), insn, 3);
}

bool rsb_filling(uint64_t addr)
{
    const struct rsb_site *p;

    for (p = __rsb_start; p < __rsb_end; p++)
        if (addr - rel(&p->at) < (uint32_t)p->len)
            return true;
    return false;
}

/* sub $bytes, %rsp and a jump over the filling of the return stack buffer. */
static void skip_rsb_fills(void)
{
    const struct rsb_site *p;

    for (p = __rsb_start; p < __rsb_end; p++) {
        uint8_t code[12] = {0x48, 0x81, 0xec, 0, 0, 0, 0, 0xe9};
        int32_t left = p->len - (int32_t)sizeof(code);

        memcpy(code + 3, &p->bytes, sizeof(p->bytes));
        memcpy(code + 8, &left, sizeof(left));
        memcpy(phys_ptr(image_pa(rel(&p->at))), code, sizeof(code));
    }
}

void mitigate_patch(void)
{
    static const uint8_t stac[] = {0x0f, 0x01, 0xcb}, clac[] = {0x0f, 0x01, 0xca};

    if (cpu_features.smep && boot_params.smep)
        skip_rsb_fills();
    if (!cpu_features.smap || !boot_params.smap)
        return;
    patch(__stac_start, __stac_end, stac);
    patch(__clac_start, __clac_end, clac);
}
