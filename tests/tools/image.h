/* SPDX-License-Identifier: MIT */
/* Makes small kernels of every form for tests: an ELF file, and bzImages around it. */
#ifndef TEST_IMAGE_H
#define TEST_IMAGE_H

#include <elf.h>
#include <string.h>

#include "abi/elfnote.h"
#include "dom/elf.h"

#define VIRT_BASE  0xffffffff80000000ULL
#define KERNEL_AT  0x1000000ULL /* 16 MiB */
#define TEXT_SIZE  0x2345
#define BSS_SIZE   0x5678
#define NOTES_SIZE 256

/* An ELF file with one loaded segment, one empty (bss) one, and notes. */
struct test_elf {
    Elf64_Ehdr head;
    Elf64_Phdr ph[3];
    uint8_t notes[NOTES_SIZE];
    uint8_t text[TEXT_SIZE];
};

static inline void test_note(struct test_elf *e, uint32_t type, const void *desc,
                             uint32_t size)
{
    uint8_t *at = e->notes + e->ph[2].p_filesz;
    Elf64_Nhdr head = {4, size, type};

    memcpy(at, &head, sizeof(head));
    memcpy(at + sizeof(head), "Xen", 4);
    memcpy(at + sizeof(head) + 4, desc, size);
    e->ph[2].p_filesz += sizeof(head) + 4 + ((size + 3) & ~3U);
}

static inline void test_note64(struct test_elf *e, uint32_t type, uint64_t value)
{
    test_note(e, type, &value, sizeof(value));
}

static inline void test_elf_make(struct test_elf *e)
{
    memset(e, 0, sizeof(*e));
    memcpy(e->head.e_ident, ELFMAG "\2\1\1", 7);
    e->head.e_machine = EM_X86_64;
    e->head.e_phoff = offsetof(struct test_elf, ph);
    e->head.e_phentsize = sizeof(Elf64_Phdr);
    e->head.e_phnum = 3;
    e->ph[0] = (Elf64_Phdr){.p_type = PT_LOAD,
                            .p_offset = offsetof(struct test_elf, text),
                            .p_paddr = KERNEL_AT,
                            .p_filesz = TEXT_SIZE,
                            .p_memsz = TEXT_SIZE};
    e->ph[1] = (Elf64_Phdr){
        .p_type = PT_LOAD, .p_paddr = KERNEL_AT + 0x3000, .p_memsz = BSS_SIZE};
    e->ph[2] =
        (Elf64_Phdr){.p_type = PT_NOTE, .p_offset = offsetof(struct test_elf, notes)};
    for (unsigned int i = 0; i < TEXT_SIZE; i++)
        e->text[i] = (uint8_t)(i * 7 + i / 256);
    test_note(e, HV_ELFNOTE_XEN_VERSION, "xen-3.0", 8);
    test_note(e, HV_ELFNOTE_GUEST_OS, "testos", 7);
    test_note64(e, HV_ELFNOTE_VIRT_BASE, VIRT_BASE);
    test_note64(e, HV_ELFNOTE_ENTRY, VIRT_BASE + KERNEL_AT + 0x10);
}

#endif
