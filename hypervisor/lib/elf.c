/* SPDX-License-Identifier: MIT */
/*
 * 64-bit ELF executables with Xen's notes.
 *
 * Nothing in the file is believed: each table and each segment is checked against the
 * file's size before it is read, headers are copied out (they may lie unaligned), and
 * sums that could wrap are written as differences. After elf_parse() said yes, elf_load()
 * needs no further checks.
 *
 * Reference: System V ABI, "ELF header", "Program header", "Note section"; Xen public
 * interface, elfnote.h; Xen's man page of the domain builder rules for PADDR_OFFSET: 0
 * where there are notes.
 */
#include "lib/elf.h"
#include "abi/elfnote.h"
#include "abi/features.h"
#include "lib/errno.h"
#include "lib/string.h"

struct ehdr {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, phoff, shoff;
    uint32_t flags;
    uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};
struct phdr {
    uint32_t type, flags;
    uint64_t offset, vaddr, paddr, filesz, memsz, align;
};
struct shdr {
    uint32_t name, type;
    uint64_t flags, addr, offset, size;
    uint32_t link, info;
    uint64_t align, entsize;
};
struct nhdr {
    uint32_t namesz, descsz, type;
};

#define PT_LOAD   1
#define PT_NOTE   4
#define SHT_NOTE  7
#define ET_EXEC   2
#define ET_DYN    3
#define EM_386    3
#define EM_X86_64 62
#define MAX_SEGMENTS                                                                     \
    128 /* no kernel comes near; bounds the work a hostile file can cause */
#define MAX_SECTIONS 4096
#define UNSET        (~0ull)

static const char *const feature_names[] = {
    [HV_FEAT_WRITABLE_PAGE_TABLES] = "writable_page_tables",
    [HV_FEAT_WRITABLE_DESCRIPTOR_TABLES] = "writable_descriptor_tables",
    [HV_FEAT_AUTO_TRANSLATED_PHYSMAP] = "auto_translated_physmap",
    [HV_FEAT_SUPERVISOR_MODE_KERNEL] = "supervisor_mode_kernel",
    [HV_FEAT_PAE_PGDIR_ABOVE_4GB] = "pae_pgdir_above_4gb",
    [HV_FEAT_MMU_PT_UPDATE_PRESERVE_AD] = "mmu_pt_update_preserve_ad",
    [HV_FEAT_HIGHMEM_ASSIST] = "highmem_assist",
    [HV_FEAT_GNTTAB_MAP_AVAIL_BITS] = "gnttab_map_avail_bits",
    [HV_FEAT_HVM_CALLBACK_VECTOR] = "hvm_callback_vector",
    [HV_FEAT_HVM_SAFE_PVCLOCK] = "hvm_safe_pvclock",
    [HV_FEAT_HVM_PIRQS] = "hvm_pirqs",
    [HV_FEAT_DOM0] = "dom0",
};

static bool in_file(const struct elf_image *e, uint64_t off, uint64_t n)
{
    return off <= e->size && n <= e->size - off;
}

/* Copies n bytes at off, false when they are not all there. */
static bool fetch(const struct elf_image *e, void *dst, uint64_t off, size_t n)
{
    if (!in_file(e, off, n))
        return false;
    memcpy(dst, e->data + off, n);
    return true;
}

static bool phdr_at(const struct elf_image *e, const struct ehdr *h, unsigned i,
                    struct phdr *p)
{
    return fetch(e, p, h->phoff + (uint64_t)i * h->phentsize, sizeof(*p));
}

static int check_header(const struct elf_image *e, struct ehdr *h, const char **why)
{
    static const uint8_t magic[4] = {0x7f, 'E', 'L', 'F'};

    *why = "is not an ELF file";
    if (!fetch(e, h, 0, sizeof(*h)) || memcmp(h->ident, magic, 4))
        return -EINVAL;
    *why = "is a 32-bit kernel; only 64-bit ones are supported";
    if (h->ident[4] != 2 || h->machine == EM_386)
        return -ENOEXEC;
    *why = "is an ELF file for another machine";
    if (h->ident[5] != 1 || h->machine != EM_X86_64)
        return -ENOEXEC;
    *why = "is not an executable";
    if (h->type != ET_EXEC && h->type != ET_DYN)
        return -ENOEXEC;
    *why = "has a damaged program header table";
    if (h->phentsize < sizeof(struct phdr) || !h->phnum || h->phnum > MAX_SEGMENTS ||
        h->phoff > e->size || !in_file(e, h->phoff, (uint64_t)h->phnum * h->phentsize))
        return -EINVAL;
    return 0;
}

static bool name_is(const char *s, size_t n, const char *name)
{
    return strlen(name) == n && !strncmp(s, name, n);
}

/* "a|b|!c": what the kernel can live with and, with !, what it needs. False: needs the
 * unknown. */
static bool parse_features(struct elf_image *e, const char *s)
{
    while (*s) {
        bool required = *s == '!';
        size_t n, bit;

        s += required;
        for (n = 0; s[n] && s[n] != '|'; n++)
            ;
        for (bit = 0; bit < ARRAY_SIZE(feature_names); bit++)
            if (feature_names[bit] && name_is(s, n, feature_names[bit]))
                break;
        if (bit < ARRAY_SIZE(feature_names)) {
            e->features_supported[0] |= 1u << bit;
            e->features_required[0] |= required ? 1u << bit : 0;
        } else if (required) {
            return false;
        }
        s += n + (s[n] == '|');
    }
    return true;
}

static uint64_t note_number(const uint8_t *desc, uint32_t n)
{
    uint64_t v = 0;

    memcpy(&v, desc, MIN(n, 8u));
    return v;
}

static void note_text(char *dst, size_t size, const uint8_t *desc, uint32_t n)
{
    size_t len = strnlen((const char *)desc, MIN((size_t)n, size - 1));

    memcpy(dst, desc, len);
    dst[len] = '\0';
}

static int take_note(struct elf_image *e, uint32_t type, const uint8_t *desc, uint32_t n,
                     const char **why)
{
    uint64_t v = note_number(desc, n);
    char text[512];

    note_text(text, sizeof(text), desc, n);
    switch (type) {
    case HV_ELFNOTE_ENTRY:
        e->entry = v;
        e->has_notes = true;
        break;
    case HV_ELFNOTE_XEN_VERSION:
        e->has_notes = true;
        break;
    case HV_ELFNOTE_HYPERCALL_PAGE:
        e->hypercall_page = v;
        break;
    case HV_ELFNOTE_VIRT_BASE:
        e->virt_base = v;
        break;
    case HV_ELFNOTE_PADDR_OFFSET:
        e->paddr_offset = v;
        break;
    case HV_ELFNOTE_INIT_P2M:
        e->init_p2m = v;
        break;
    case HV_ELFNOTE_MOD_START_PFN:
        e->mod_start_pfn = v != 0;
        break;
    case HV_ELFNOTE_PHYS32_ENTRY:
        e->phys32_entry = v;
        break;
    case HV_ELFNOTE_SUPPORTED_FEATURES:
        e->features_supported[0] |= (uint32_t)v;
        break;
    case HV_ELFNOTE_GUEST_OS:
        note_text(e->guest_os, sizeof(e->guest_os), desc, n);
        break;
    case HV_ELFNOTE_LOADER:
        note_text(e->loader, sizeof(e->loader), desc, n);
        break;
    case HV_ELFNOTE_PAE_MODE:
        e->pae_extended = strstr(text, "bimodal") || strstr(text, "yes");
        break;
    case HV_ELFNOTE_FEATURES:
        *why = "needs a feature that this hypervisor does not know";
        return parse_features(e, text) ? 0 : -EINVAL;
    default:
        break;
    }
    return 0;
}

/* The notes in size bytes at off; a damaged one ends the walk. */
static int walk_notes(struct elf_image *e, uint64_t off, uint64_t size, uint64_t align,
                      const char **why)
{
    struct nhdr n;
    uint64_t end;

    if (!in_file(e, off, size))
        return 0;
    align = align == 8 ? 8 : 4;
    for (end = off + size; end - off >= sizeof(n);) {
        uint64_t name = off + sizeof(n), desc, next;

        memcpy(&n, e->data + off, sizeof(n));
        desc = name + ROUND_UP((uint64_t)n.namesz, align);
        next = desc + ROUND_UP((uint64_t)n.descsz, align);
        if (desc > end || n.descsz > end - desc)
            return 0;
        if (n.namesz == 4 && !memcmp(e->data + name, "Xen", 4)) {
            int rc = take_note(e, n.type, e->data + desc, n.descsz, why);

            if (rc)
                return rc;
        }
        if (next > end)
            return 0;
        off = next;
    }
    return 0;
}

static int notes_from_segments(struct elf_image *e, const struct ehdr *h,
                               const char **why)
{
    struct phdr p;
    int rc = 0;

    for (unsigned i = 0; i < h->phnum && !rc; i++)
        if (phdr_at(e, h, i, &p) && p.type == PT_NOTE)
            rc = walk_notes(e, p.offset, p.filesz, p.align, why);
    return rc;
}

static int notes_from_sections(struct elf_image *e, const struct ehdr *h,
                               const char **why)
{
    struct shdr s;
    int rc = 0;

    if (h->shentsize < sizeof(s) || h->shnum > MAX_SECTIONS || h->shoff > e->size)
        return 0;
    for (unsigned i = 0; i < h->shnum && !rc; i++)
        if (fetch(e, &s, h->shoff + (uint64_t)i * h->shentsize, sizeof(s)) &&
            s.type == SHT_NOTE)
            rc = walk_notes(e, s.offset, s.size, s.align, why);
    return rc;
}

/* Checks the segments and finds the range that they cover, in physical addresses. */
static int check_segments(struct elf_image *e, const struct ehdr *h, const char **why)
{
    struct phdr p;

    e->start = UNSET;
    e->end = 0;
    for (unsigned i = 0; i < h->phnum; i++) {
        *why = "has a damaged program header table";
        if (!phdr_at(e, h, i, &p))
            return -EINVAL;
        if (p.type != PT_LOAD || !p.memsz)
            continue;
        *why = "is cut short: a segment lies beyond the end of the file";
        if (p.filesz > p.memsz || !in_file(e, p.offset, p.filesz))
            return -EINVAL;
        *why = "has a segment that wraps around the address space";
        if (p.memsz > UNSET - p.paddr)
            return -EINVAL;
        e->start = MIN(e->start, p.paddr);
        e->end = MAX(e->end, p.paddr + p.memsz);
    }
    *why = "has nothing to load";
    return e->end ? 0 : -ENOEXEC;
}

int elf_parse(struct elf_image *e, const void *data, size_t size, const char **why)
{
    uint64_t first, last;
    struct ehdr h;
    int rc;

    memset(e, 0, sizeof(*e));
    e->data = data;
    e->size = size;
    e->entry = e->hypercall_page = e->init_p2m = e->phys32_entry = UNSET;
    e->virt_base = e->paddr_offset = UNSET;
    rc = check_header(e, &h, why);
    if (!rc)
        rc = check_segments(e, &h, why);
    if (!rc)
        rc = notes_from_segments(e, &h, why);
    if (!rc && !e->has_notes)
        rc = notes_from_sections(e, &h, why);
    if (rc)
        return rc;
    if (e->virt_base == UNSET)
        e->virt_base = 0;
    if (e->paddr_offset == UNSET)
        e->paddr_offset = e->has_notes ? 0 : e->virt_base;
    if (e->entry == UNSET)
        e->entry = h.entry;
    *why = "has load addresses that do not fit its notes";
    first = e->start - e->paddr_offset + e->virt_base;
    last = first +
           (e->end - e->start); /* one past the end; 0 would be the top of the space */
    if (last <= first)
        return -EINVAL;
    e->start = first;
    e->end = last;
    *why = "has its entry point outside of what is loaded";
    if (e->entry < first || e->entry >= last)
        return -EINVAL;
    *why = NULL;
    return 0;
}

int elf_load(const struct elf_image *e,
             int (*put)(void *arg, uint64_t va, const void *src, uint64_t filesz,
                        uint64_t memsz),
             void *arg)
{
    struct ehdr h;
    struct phdr p;
    int rc;

    if (!fetch(e, &h, 0, sizeof(h)))
        return -EINVAL;
    for (unsigned i = 0; i < h.phnum; i++) {
        if (!phdr_at(e, &h, i, &p) || p.type != PT_LOAD || !p.memsz)
            continue;
        rc = put(arg, p.paddr - e->paddr_offset + e->virt_base, e->data + p.offset,
                 p.filesz, p.memsz);
        if (rc)
            return rc;
    }
    return 0;
}
