/* SPDX-License-Identifier: MIT */
/* What the boot loader says, copied into the hypervisor's own memory. The information
 * lies anywhere below 4 GiB, mapped one to one while this runs. Reference: Multiboot2
 * Specification, "Boot information". */
#include "hw/boot/boot.h"
#include "lib/string.h"

#define TYPE_RESERVED 2
#define TYPE_LAST     5

enum mb2_tag_type {
    TAG_END,
    TAG_CMDLINE,
    TAG_LOADER,
    TAG_MODULE,
    TAG_MMAP = 6,
    TAG_FRAMEBUFFER = 8,
    TAG_EFI64 = 12,
    TAG_ACPI_OLD = 14,
    TAG_ACPI_NEW = 15,
    TAG_EFI_MAP = 17
};

struct mb2_info {
    uint32_t size, zero;
};
struct mb2_tag {
    uint32_t type, size;
};
struct mb2_string {
    struct mb2_tag tag;
    char s[];
};
struct mb2_module {
    struct mb2_tag tag;
    uint32_t start, end;
    char cmdline[];
};
struct mb2_range {
    uint64_t start, len;
    uint32_t type, zero;
};
struct mb2_mmap {
    struct mb2_tag tag;
    uint32_t entry_size, version;
    uint8_t entries[];
};

struct mb2_efi_map {
    struct mb2_tag tag;
    uint32_t entry_size, version;
    uint8_t entries[];
};

#define FRAMEBUFFER_RGB 1
struct mb2_framebuffer {
    struct mb2_tag tag;
    uint64_t base;
    uint32_t pitch, width, height;
    uint8_t bpp, type;
    uint16_t reserved;
    struct boot_colour red, green, blue; /* FRAMEBUFFER_RGB only */
} __attribute__((packed));

static char strings[4096];
static size_t strings_used;
static uint8_t rsdp_copy[64] __attribute__((aligned(16)));

/* A copy that stays, cut where the pool ends. */
static const char *keep(const char *s, size_t max)
{
    char *to = strings + strings_used;
    size_t n = strnlen(s, max), room = sizeof(strings) - strings_used;

    if (room <= 1)
        return "";
    n = MIN(n, room - 1);
    memcpy(to, s, n);
    to[n] = 0;
    strings_used += n + 1;
    return to;
}

static void add_module(struct boot_info *bi, const struct mb2_module *m)
{
    if (bi->modules < ARRAY_SIZE(bi->module))
        bi->module[bi->modules++] = (struct boot_module){
            m->start, m->end, keep(m->cmdline, m->tag.size - sizeof(*m))};
}

static void add_range(struct boot_info *bi, const struct mb2_range *r)
{
    unsigned i = bi->ranges;

    if (!r->len || i == ARRAY_SIZE(bi->map))
        return;
    for (; i && bi->map[i - 1].start > r->start; i--)
        bi->map[i] = bi->map[i - 1];
    /* GRUB has types of its own, such as 20 for EFI's code. */
    bi->map[i] = (struct boot_range){r->start, r->start + r->len,
                                     r->type <= TYPE_LAST ? r->type : TYPE_RESERVED};
    bi->ranges++;
}

static void add_ranges(struct boot_info *bi, const struct mb2_mmap *t)
{
    const uint8_t *p = t->entries, *end = (const uint8_t *)t + t->tag.size;

    if (t->entry_size < sizeof(struct mb2_range))
        return;
    for (; p + t->entry_size <= end; p += t->entry_size)
        add_range(bi, (const struct mb2_range *)p);
}

/* It stays where it is: memory_init() keeps the loader's information then. */
static void add_efi_map(struct boot_info *bi, const struct mb2_efi_map *t)
{
    bi->efi_map = (paddr_t)t->entries;
    bi->efi_map_size = t->tag.size - (uint32_t)sizeof(*t);
    bi->efi_entry_size = t->entry_size;
}

static void add_framebuffer(struct boot_info *bi, const struct mb2_framebuffer *t)
{
    if (t->tag.size < sizeof(*t) || t->type != FRAMEBUFFER_RGB)
        return;
    bi->screen = (struct boot_screen){t->base, t->pitch, t->width, t->height,
                                      t->bpp,  t->red,   t->green, t->blue};
}

/* Firmware's ranges may overlap: the later start wins unless it says RAM. */
static void fix_overlaps(struct boot_info *bi)
{
    unsigned i;

    for (i = 1; i < bi->ranges; i++) {
        struct boot_range *a = &bi->map[i - 1], *b = &bi->map[i];

        if (a->end <= b->start)
            continue;
        if (b->type == 1 && a->type != 1)
            b->start = MIN(a->end, b->end);
        else
            a->end = b->start;
    }
}

static void add_rsdp(struct boot_info *bi, const struct mb2_tag *t)
{
    if (bi->rsdp && t->type == TAG_ACPI_OLD)
        return;
    memcpy(rsdp_copy, t + 1, MIN(t->size - sizeof(*t), sizeof(rsdp_copy)));
    bi->rsdp = image_pa((uint64_t)rsdp_copy);
}

static void add_tag(struct boot_info *bi, const struct mb2_tag *t)
{
    const struct mb2_string *s = (const void *)t;

    switch (t->type) {
    case TAG_CMDLINE:
        bi->cmdline = keep(s->s, t->size - sizeof(*t));
        break;
    case TAG_LOADER:
        bi->loader = keep(s->s, t->size - sizeof(*t));
        break;
    case TAG_MODULE:
        add_module(bi, (const struct mb2_module *)t);
        break;
    case TAG_MMAP:
        add_ranges(bi, (const struct mb2_mmap *)t);
        break;
    case TAG_FRAMEBUFFER:
        add_framebuffer(bi, (const struct mb2_framebuffer *)t);
        break;
    case TAG_EFI64:
        bi->efi = true;
        memcpy(&bi->efi_systab, t + 1, sizeof(bi->efi_systab));
        break;
    case TAG_EFI_MAP:
        add_efi_map(bi, (const struct mb2_efi_map *)t);
        break;
    case TAG_ACPI_OLD:
    case TAG_ACPI_NEW:
        add_rsdp(bi, t);
        break;
    default:
        break;
    }
}

void multiboot_parse(paddr_t mbi, struct boot_info *bi)
{
    const struct mb2_info *info = phys_ptr(mbi);
    paddr_t at = mbi + sizeof(*info), end = mbi + info->size;

    bi->cmdline = bi->loader = "";
    while (at + sizeof(struct mb2_tag) <= end) {
        const struct mb2_tag *t = phys_ptr(at);

        if (t->type == TAG_END || t->size < sizeof(*t) || t->size > end - at)
            break;
        add_tag(bi, t);
        at += ROUND_UP(t->size, 8ul);
    }
    fix_overlaps(bi);
}
