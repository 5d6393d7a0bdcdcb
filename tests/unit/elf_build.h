/* SPDX-License-Identifier: MIT */
/* Small ELF images for tests of what reads them. */
#ifndef ELF_BUILD_H
#define ELF_BUILD_H

#include <elf.h>
#include <stdint.h>
#include <string.h>

struct elf_build {
    uint8_t data[4096];
    Elf64_Ehdr *h;
    Elf64_Phdr *load, *note;
    size_t note_at;
};

/* One segment of 256 bytes at physical 0x1000, entry there; notes are added with
 * elf_build_note(). */
static inline void elf_build_start(struct elf_build *b)
{
    static const unsigned char ident[EI_NIDENT] = {
        0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT};

    memset(b, 0, sizeof(*b));
    b->h = (Elf64_Ehdr *)b->data;
    b->load = (Elf64_Phdr *)(b->data + sizeof(Elf64_Ehdr));
    b->note = b->load + 1;
    memcpy(b->h->e_ident, ident, EI_NIDENT);
    b->h->e_type = ET_EXEC;
    b->h->e_machine = EM_X86_64;
    b->h->e_version = EV_CURRENT;
    b->h->e_entry = 0x1000;
    b->h->e_phoff = sizeof(Elf64_Ehdr);
    b->h->e_phentsize = sizeof(Elf64_Phdr);
    b->h->e_phnum = 2;
    *b->load = (Elf64_Phdr){.p_type = PT_LOAD,
                            .p_offset = 0x800,
                            .p_vaddr = 0x1000,
                            .p_paddr = 0x1000,
                            .p_filesz = 0x100,
                            .p_memsz = 0x400};
    *b->note = (Elf64_Phdr){.p_type = PT_NOTE, .p_offset = 0x200, .p_align = 4};
    b->note_at = 0x200;
}

static inline void elf_build_note(struct elf_build *b, uint32_t type, const void *desc,
                                  uint32_t n)
{
    uint32_t head[4] = {4, n, type, 0x006e6558}; /* "Xen" */

    memcpy(b->data + b->note_at, head, sizeof(head));
    memcpy(b->data + b->note_at + sizeof(head), desc, n);
    b->note_at += sizeof(head) + ((n + 3) & ~3u);
    b->note->p_filesz = b->note_at - 0x200;
}

static inline void elf_build_number(struct elf_build *b, uint32_t type, uint64_t v)
{
    elf_build_note(b, type, &v, sizeof(v));
}

#endif
