/* SPDX-License-Identifier: MIT */
/* 64-bit ELF executables with Xen's notes, as a PV kernel is. Input is hostile: every
 * offset is checked. */
#ifndef LIB_ELF_H
#define LIB_ELF_H

#include "lib/types.h"

struct elf_image {
    const uint8_t *data;
    size_t size;
    uint64_t virt_base;      /* note VIRT_BASE, default 0 */
    uint64_t paddr_offset;   /* note PADDR_OFFSET */
    uint64_t entry;          /* note ENTRY, else e_entry */
    uint64_t hypercall_page; /* note HYPERCALL_PAGE, ~0: none */
    uint64_t init_p2m;       /* note INIT_P2M, ~0: none */
    /* virtual range of the loaded segments (via p_paddr - paddr_offset + virt_base) */
    uint64_t start, end;
    bool has_notes;     /* there is a XEN_VERSION or ENTRY note or __xen_guest string */
    bool mod_start_pfn; /* note MOD_START_PFN */
    bool pae_extended;
    uint32_t features_supported[4], features_required[4]; /* bit = HV_FEAT_* */
    uint64_t phys32_entry;                                /* ~0: none */
    char guest_os[32], loader[16];
};

/* 0 or -EINVAL/-ENOEXEC with *why pointing to a fixed sentence. */
int elf_parse(struct elf_image *e, const void *data, size_t size, const char **why);
/* Calls put(arg, va, src, filesz, memsz) for each PT_LOAD segment, va as in start/end. */
int elf_load(const struct elf_image *e,
             int (*put)(void *arg, uint64_t va, const void *src, uint64_t filesz,
                        uint64_t memsz),
             void *arg);

#endif
