/* SPDX-License-Identifier: MIT */
/*
 * Reader of 64-bit x86 ELF kernels and of the notes by which they ask for what a
 * hypervisor should give them.
 *
 * Reference: System V ABI, "Object Files"; the hypervisor's abi/elfnote.h.
 */
#include <elf.h>
#include <errno.h>
#include <string.h>

#include "abi/elfnote.h"
#include "dom/elf.h"

#define MAX_PADDR (1ULL << 40)

/* The numeric notes by number; presence is a bit of `have`. */
struct notes {
    uint64_t value[HV_ELFNOTE_MAX + 1];
    uint32_t have;
    char guest_os[32], version[16], loader[16];
};

struct elf_file {
    const uint8_t *data;
    size_t size;
    struct dom_error *err;
};

static int bad(struct elf_file *f, const char *what)
{
    return dom_fail(f->err, -EINVAL, "%s", what);
}

static bool inside(const struct elf_file *f, uint64_t offset, uint64_t size)
{
    return offset <= f->size && size <= f->size - offset;
}

bool dom_elf_probe(const void *data, size_t size)
{
    return size >= SELFMAG && !memcmp(data, ELFMAG, SELFMAG);
}

static uint64_t number(const uint8_t *desc, size_t size)
{
    uint64_t value = 0;

    memcpy(&value, desc, size < 8 ? size : 8);
    return value;
}

static void text(char *out, size_t room, const uint8_t *desc, size_t size)
{
    size_t len = strnlen((const char *)desc, size);

    if (len >= room)
        len = room - 1;
    memcpy(out, desc, len);
    out[len] = 0;
}

static void take_note(struct notes *notes, uint32_t type, const uint8_t *desc,
                      size_t size)
{
    if (type > HV_ELFNOTE_MAX)
        return;
    notes->have |= 1U << type;
    if (type == HV_ELFNOTE_GUEST_OS)
        text(notes->guest_os, sizeof(notes->guest_os), desc, size);
    else if (type == HV_ELFNOTE_XEN_VERSION)
        text(notes->version, sizeof(notes->version), desc, size);
    else if (type == HV_ELFNOTE_LOADER)
        text(notes->loader, sizeof(notes->loader), desc, size);
    else
        notes->value[type] = number(desc, size);
}

/* A note section: name and contents are padded to 4 bytes each. */
static void read_notes(struct notes *notes, const uint8_t *at, size_t size)
{
    Elf64_Nhdr head;

    while (size >= sizeof(head)) {
        uint64_t name, desc;

        memcpy(&head, at, sizeof(head));
        name = ((uint64_t)head.n_namesz + 3) & ~3ULL;
        desc = ((uint64_t)head.n_descsz + 3) & ~3ULL;
        at += sizeof(head);
        size -= sizeof(head);
        if (name > size || head.n_descsz > size - name)
            return;
        if (head.n_namesz == 4 && !memcmp(at, "Xen", 4))
            take_note(notes, head.n_type, at + name, head.n_descsz);
        if (desc > size - name)
            return;
        at += name + desc;
        size -= name + desc;
    }
}

static int read_headers(struct elf_file *f, Elf64_Ehdr *head)
{
    if (f->size < sizeof(*head))
        return bad(f, "the ELF header is truncated");
    memcpy(head, f->data, sizeof(*head));
    if (head->e_ident[EI_CLASS] != ELFCLASS64 || head->e_ident[EI_DATA] != ELFDATA2LSB ||
        head->e_machine != EM_X86_64)
        return bad(f, "this ELF file is not for 64-bit x86");
    if (!head->e_phnum || head->e_phentsize != sizeof(Elf64_Phdr))
        return bad(f, "the ELF file has no program headers");
    if (!inside(f, head->e_phoff, (uint64_t)head->e_phnum * sizeof(Elf64_Phdr)))
        return bad(f, "the ELF program headers are truncated");
    return 0;
}

static int add_segment(struct elf_file *f, struct dom_elf *out, const Elf64_Phdr *ph)
{
    unsigned int i = out->nr_segments;

    if (!ph->p_memsz)
        return 0;
    if (ph->p_filesz > ph->p_memsz || !inside(f, ph->p_offset, ph->p_filesz))
        return bad(f, "the ELF file is truncated: a segment lies beyond its end");
    if (ph->p_paddr > UINT64_MAX - ph->p_memsz)
        return bad(f, "an ELF segment wraps around the address space");
    if (i == DOM_ELF_MAX_SEGMENTS)
        return bad(f, "the ELF file has too many segments");
    for (; i > 0 && out->segment[i - 1].paddr > ph->p_paddr; i--)
        out->segment[i] = out->segment[i - 1];
    out->segment[i] =
        (struct dom_elf_segment){ph->p_paddr, ph->p_offset, ph->p_filesz, ph->p_memsz};
    out->nr_segments++;
    return 0;
}

static int read_segments(struct elf_file *f, struct dom_elf *out, struct notes *notes)
{
    Elf64_Ehdr head;
    Elf64_Phdr ph;
    int rc = read_headers(f, &head);

    for (unsigned int i = 0; !rc && i < head.e_phnum; i++) {
        memcpy(&ph, f->data + head.e_phoff + i * sizeof(ph), sizeof(ph));
        if (ph.p_type == PT_LOAD)
            rc = add_segment(f, out, &ph);
        else if (ph.p_type == PT_NOTE && inside(f, ph.p_offset, ph.p_filesz))
            read_notes(notes, f->data + ph.p_offset, ph.p_filesz);
    }
    if (!rc && !out->nr_segments)
        rc = bad(f, "the ELF file has nothing to load");
    return rc;
}

/* Small kernels linked without a PT_NOTE segment keep their notes in a section. */
static void read_note_sections(struct elf_file *f, struct notes *notes)
{
    Elf64_Ehdr head;
    Elf64_Shdr sh;

    memcpy(&head, f->data, sizeof(head));
    if (head.e_shentsize != sizeof(sh) ||
        !inside(f, head.e_shoff, (uint64_t)head.e_shnum * sizeof(sh)))
        return;
    for (unsigned int i = 0; i < head.e_shnum; i++) {
        memcpy(&sh, f->data + head.e_shoff + i * sizeof(sh), sizeof(sh));
        if (sh.sh_type == SHT_NOTE && inside(f, sh.sh_offset, sh.sh_size))
            read_notes(notes, f->data + sh.sh_offset, sh.sh_size);
    }
}

static bool have(const struct notes *notes, unsigned int type)
{
    return notes->have >> type & 1;
}

static int check_notes(struct elf_file *f, const struct notes *notes)
{
    if (!have(notes, HV_ELFNOTE_ENTRY))
        return bad(f, have(notes, HV_ELFNOTE_PHYS32_ENTRY)
                          ? "this kernel has a PVH entry only, no paravirtualized one"
                          : "this kernel has no paravirtualized entry (no Xen ELF note; "
                            "Linux needs CONFIG_XEN_PV)");
    if (have(notes, HV_ELFNOTE_XEN_VERSION) && strcmp(notes->version, "xen-3.0"))
        return bad(f, "this kernel wants another hypervisor ABI than xen-3.0");
    if (have(notes, HV_ELFNOTE_LOADER) && strcmp(notes->loader, "generic"))
        return bad(f, "this kernel wants another loader than the generic one");
    return 0;
}

/* Physical addresses become relative to the start of the domain's memory. */
static int place(struct elf_file *f, struct dom_elf *out, uint64_t paddr_offset)
{
    uint64_t end = 0;

    for (unsigned int i = 0; i < out->nr_segments; i++) {
        struct dom_elf_segment *s = &out->segment[i];

        if (s->paddr < paddr_offset || s->paddr - paddr_offset > MAX_PADDR ||
            s->memsz > MAX_PADDR)
            return bad(f, "an ELF segment lies outside the domain's memory");
        s->paddr -= paddr_offset;
        if (s->paddr < end)
            return bad(f, "two ELF segments overlap");
        end = s->paddr + s->memsz;
    }
    out->paddr_start = out->segment[0].paddr;
    out->paddr_end = end;
    if (out->virt_base > UINT64_MAX - end || (out->virt_base & 0xfff))
        return bad(f, "the kernel's virtual base address makes no sense");
    if (out->entry - out->virt_base < out->paddr_start ||
        out->entry - out->virt_base >= end)
        return bad(f, "the kernel's entry point lies outside of the kernel");
    return 0;
}

int dom_elf_parse(struct dom_elf *out, const uint8_t *data, size_t size,
                  struct dom_error *err)
{
    struct elf_file f = {data, size, err};
    struct notes notes = {0};
    int rc;

    memset(out, 0, sizeof(*out));
    rc = read_segments(&f, out, &notes);
    if (!rc && !notes.have)
        read_note_sections(&f, &notes);
    if (!rc)
        rc = check_notes(&f, &notes);
    if (rc)
        return rc;
    out->virt_base = notes.value[HV_ELFNOTE_VIRT_BASE];
    out->entry = notes.value[HV_ELFNOTE_ENTRY];
    out->has_init_p2m = have(&notes, HV_ELFNOTE_INIT_P2M);
    out->init_p2m = notes.value[HV_ELFNOTE_INIT_P2M];
    if (out->has_init_p2m && (out->init_p2m & 0xfff))
        return bad(&f, "the kernel's p2m address is not aligned to a page");
    out->mod_start_pfn = notes.value[HV_ELFNOTE_MOD_START_PFN] != 0;
    memcpy(out->guest_os, notes.guest_os, sizeof(out->guest_os));
    rc = place(&f, out, notes.value[HV_ELFNOTE_PADDR_OFFSET]);
    if (!rc && have(&notes, HV_ELFNOTE_HYPERCALL_PAGE)) {
        out->has_hypercall_page = true;
        out->hypercall_page = notes.value[HV_ELFNOTE_HYPERCALL_PAGE] - out->virt_base;
        if ((out->hypercall_page & 0xfff) || out->hypercall_page >= out->paddr_end ||
            out->hypercall_page < out->paddr_start)
            rc = bad(&f, "the kernel's hypercall page lies outside of the kernel");
    }
    return rc;
}
