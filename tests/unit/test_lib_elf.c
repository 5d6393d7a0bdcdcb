/* SPDX-License-Identifier: MIT */
/* ELF images: good ones, and each way to be bad. */
#include "abi/elfnote.h"
#include "abi/features.h"
#include "elf_build.h"
#include "lib/elf.h"
#include "lib/errno.h"
#include "unit.h"

static struct elf_build b;
static struct elf_image e;
static const char *why;

static void prepare(void)
{
    elf_build_start(&b);
}

static int parse(void)
{
    return elf_parse(&e, b.data, sizeof(b.data), &why);
}

#define BASE 0xffffffff80000000ull

START_TEST(a_kernel_with_notes_is_understood)
{
    elf_build_note(&b, HV_ELFNOTE_XEN_VERSION, "xen-3.0", 8);
    elf_build_note(&b, HV_ELFNOTE_GUEST_OS, "linux", 6);
    elf_build_note(&b, HV_ELFNOTE_LOADER, "generic", 8);
    elf_build_number(&b, HV_ELFNOTE_VIRT_BASE, BASE);
    elf_build_number(&b, HV_ELFNOTE_ENTRY, BASE + 0x1010);
    elf_build_number(&b, HV_ELFNOTE_HYPERCALL_PAGE, BASE + 0x1000);
    elf_build_number(&b, HV_ELFNOTE_INIT_P2M, 0x8000000000ull);
    elf_build_number(&b, HV_ELFNOTE_MOD_START_PFN, 1);
    elf_build_note(&b, HV_ELFNOTE_FEATURES,
                   "!writable_page_tables|pae_pgdir_above_4gb|what", 47);
    elf_build_number(&b, HV_ELFNOTE_SUPPORTED_FEATURES, 1u << HV_FEAT_DOM0);
    ck_assert_int_eq(parse(), 0);
    ck_assert(e.has_notes && e.mod_start_pfn);
    ck_assert_str_eq(e.guest_os, "linux");
    ck_assert_str_eq(e.loader, "generic");
    ck_assert_uint_eq(e.start, BASE + 0x1000);
    ck_assert_uint_eq(e.end, BASE + 0x1400);
    ck_assert_uint_eq(e.entry, BASE + 0x1010);
    ck_assert_uint_eq(e.hypercall_page, BASE + 0x1000);
    ck_assert_uint_eq(e.init_p2m, 0x8000000000ull);
    ck_assert_uint_eq(e.paddr_offset, 0);
    ck_assert_uint_eq(e.features_required[0], 1u << HV_FEAT_WRITABLE_PAGE_TABLES);
    ck_assert_uint_eq(e.features_supported[0], 1u << HV_FEAT_WRITABLE_PAGE_TABLES |
                                                   1u << HV_FEAT_PAE_PGDIR_ABOVE_4GB |
                                                   1u << HV_FEAT_DOM0);
}
END_TEST

START_TEST(without_notes_it_says_so)
{
    ck_assert_int_eq(parse(), 0);
    ck_assert(!e.has_notes);
    ck_assert_uint_eq(e.entry, 0x1000);
    ck_assert_uint_eq(e.hypercall_page, ~0ull);
    ck_assert_uint_eq(e.phys32_entry, ~0ull);
}
END_TEST

START_TEST(an_unknown_feature_that_is_needed_is_refused)
{
    elf_build_number(&b, HV_ELFNOTE_ENTRY, 0x1000);
    elf_build_note(&b, HV_ELFNOTE_FEATURES, "!time_travel", 13);
    ck_assert_int_eq(parse(), -EINVAL);
    ck_assert_str_eq(why, "needs a feature that this hypervisor does not know");
}
END_TEST

static int took(void *arg, uint64_t va, const void *src, uint64_t filesz, uint64_t memsz)
{
    ck_assert_uint_eq(va, 0x1000);
    ck_assert_ptr_eq(src, b.data + 0x800);
    ck_assert_uint_eq(filesz, 0x100);
    ck_assert_uint_eq(memsz, 0x400);
    return ++*(int *)arg == 1 ? 0 : -EIO;
}

START_TEST(each_segment_is_loaded_once)
{
    int n = 0;

    ck_assert_int_eq(parse(), 0);
    ck_assert_int_eq(elf_load(&e, took, &n), 0);
    ck_assert_int_eq(n, 1);
    ck_assert_int_eq(elf_load(&e, took, &n), -EIO);
}
END_TEST

static void refused(int rc)
{
    ck_assert_int_eq(parse(), rc);
    ck_assert_ptr_nonnull(why);
}

START_TEST(no_elf_files_are_refused)
{
    ck_assert_int_eq(elf_parse(&e, b.data, 0, &why), -EINVAL);
    ck_assert_int_eq(elf_parse(&e, b.data, 63, &why), -EINVAL);
    b.data[0] = 'x';
    refused(-EINVAL);
}
END_TEST

START_TEST(other_machines_are_refused)
{
    b.h->e_machine = EM_AARCH64;
    refused(-ENOEXEC);
    b.h->e_machine = EM_386;
    refused(-ENOEXEC);
    ck_assert_ptr_nonnull(strstr(why, "32-bit"));
    prepare();
    b.h->e_ident[EI_CLASS] = ELFCLASS32;
    refused(-ENOEXEC);
    prepare();
    b.h->e_type = ET_REL;
    refused(-ENOEXEC);
}
END_TEST

START_TEST(header_tables_outside_the_file_are_refused)
{
    b.h->e_phoff = sizeof(b.data);
    refused(-EINVAL);
    b.h->e_phoff = ~0ull - 8;
    refused(-EINVAL);
    prepare();
    b.h->e_phnum = 0;
    refused(-EINVAL);
    b.h->e_phnum = 0xffff;
    refused(-EINVAL);
    prepare();
    b.h->e_phentsize = 8;
    refused(-EINVAL);
}
END_TEST

START_TEST(segments_outside_the_file_are_refused)
{
    b.load->p_offset = sizeof(b.data) - 0xff;
    refused(-EINVAL);
    b.load->p_offset = ~0ull;
    refused(-EINVAL);
    prepare();
    b.load->p_memsz = b.load->p_filesz - 1;
    refused(-EINVAL);
    prepare();
    b.load->p_paddr = ~0ull - 0x100;
    refused(-EINVAL);
    prepare();
    b.load->p_type = PT_NULL;
    refused(-ENOEXEC);
}
END_TEST

START_TEST(a_wrapping_virtual_range_is_refused)
{
    elf_build_number(&b, HV_ELFNOTE_ENTRY, 0);
    elf_build_number(&b, HV_ELFNOTE_VIRT_BASE, ~0ull - 0x1200);
    refused(-EINVAL);
}
END_TEST

START_TEST(an_entry_outside_is_refused)
{
    elf_build_number(&b, HV_ELFNOTE_ENTRY, 0x5000);
    refused(-EINVAL);
}
END_TEST

START_TEST(damaged_notes_are_left_unread)
{
    uint32_t huge[4] = {4, 0xfffffff0, HV_ELFNOTE_ENTRY, 0x006e6558};

    memcpy(b.data + 0x200, huge, sizeof(huge));
    b.note->p_filesz = 0x20;
    ck_assert_int_eq(parse(), 0);
    ck_assert(!e.has_notes);
    b.note->p_offset = ~0ull - 4;
    ck_assert_int_eq(parse(), 0);
    huge[0] = 0xfffffffd;
    memcpy(b.data + 0x200, huge, sizeof(huge));
    b.note->p_offset = 0x200;
    ck_assert_int_eq(parse(), 0);
}
END_TEST

START_TEST(every_truncation_is_survived)
{
    elf_build_number(&b, HV_ELFNOTE_ENTRY, 0x1000);
    for (size_t n = 0; n < sizeof(b.data); n++) {
        uint8_t *copy = malloc(n ? n : 1); /* the sanitizer watches its end */

        memcpy(copy, b.data, n);
        ck_assert(elf_parse(&e, copy, n, &why) == 0 || n < 0x900);
        free(copy);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {a_kernel_with_notes_is_understood,
                                  without_notes_it_says_so,
                                  an_unknown_feature_that_is_needed_is_refused,
                                  each_segment_is_loaded_once,
                                  no_elf_files_are_refused,
                                  other_machines_are_refused,
                                  header_tables_outside_the_file_are_refused,
                                  segments_outside_the_file_are_refused,
                                  a_wrapping_virtual_range_is_refused,
                                  an_entry_outside_is_refused,
                                  damaged_notes_are_left_unread,
                                  every_truncation_is_survived,
                                  NULL};

    return unit_run("elf", prepare, tests);
}
