/* SPDX-License-Identifier: MIT */
/*
 * What EFI left behind. The system table is read once at boot, while nobody can have
 * changed the memory it lies in; runtime services are not called.
 *
 * Reference: UEFI Specification 2.10, "EFI System Table".
 */
#include "hw/plat/plat.h"
#include "kern/log.h"
#include "lib/string.h"
#include "port/map.h"
#include "port/platform.h"
#include "port/upcall.h"

struct systab {
    uint64_t signature;
    uint32_t revision, header_size, crc, reserved;
    uint64_t vendor; /* UCS-2 */
    uint32_t vendor_revision, pad;
    uint64_t con_in[2], con_out[2], std_err[2];
    uint64_t runtime, boot;
    uint64_t entries, config;
};
#define SIGNATURE 0x5453595320494249ull /* "IBI SYST" */

static struct platform_efi info;
static bool present;

static const void *at(paddr_t a, size_t n)
{
    const char *p = map_io(a & PAGE_MASK, (a & ~PAGE_MASK) + n);

    return p ? p + (a & ~PAGE_MASK) : NULL;
}

void efi_init(const struct boot_info *bi)
{
    const struct systab *t;
    const uint16_t *vendor;

    if (!bi->efi_systab)
        return;
    t = at(bi->efi_systab, sizeof(*t));
    if (!t || t->signature != SIGNATURE) {
        log_warn("EFI: no system table at %#lx\n", (unsigned long)bi->efi_systab);
        return;
    }
    info.revision = t->revision;
    info.vendor_revision = t->vendor_revision;
    info.config_table = t->config;
    info.config_entries = (uint32_t)t->entries;
    vendor = t->vendor ? at(t->vendor, sizeof(info.vendor)) : NULL;
    for (unsigned i = 0; vendor && i + 1 < ARRAY_SIZE(info.vendor) && vendor[i]; i++)
        info.vendor[i] = vendor[i];
    present = true;
}

bool platform_efi_info(struct platform_efi *e)
{
    if (present)
        memcpy(e, &info, sizeof(*e));
    return present;
}
