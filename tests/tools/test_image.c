/* SPDX-License-Identifier: MIT */
/* Kernels of every form, whole and damaged, and the first memory layout they get. */
#include <lzma.h>
#include <stdio.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "dom/image.h"
#include "dom/layout.h"
#include "gather.h"
#include "image.h"
#include "unit.h"

static struct test_elf file;
static struct dom_elf elf;
static struct dom_error err;

static int parse(void)
{
    memset(&err, 0, sizeof(err));
    return dom_elf_parse(&elf, (const uint8_t *)&file, sizeof(file), &err);
}

static void refused(const char *why)
{
    ck_assert_int_lt(parse(), 0);
    ck_assert_str_eq(err.text, why);
}

START_TEST(an_elf_kernel_is_understood)
{
    test_elf_make(&file);
    ck_assert_int_eq(parse(), 0);
    ck_assert_uint_eq(elf.nr_segments, 2);
    ck_assert_uint_eq(elf.paddr_start, KERNEL_AT);
    ck_assert_uint_eq(elf.paddr_end, KERNEL_AT + 0x3000 + BSS_SIZE);
    ck_assert_uint_eq(elf.virt_base, VIRT_BASE);
    ck_assert_uint_eq(elf.entry, VIRT_BASE + KERNEL_AT + 0x10);
    ck_assert(!elf.has_init_p2m && !elf.mod_start_pfn && !elf.has_hypercall_page);
    ck_assert_str_eq(elf.guest_os, "testos");
}
END_TEST

START_TEST(notes_of_newer_kernels_are_understood)
{
    test_elf_make(&file);
    test_note64(&file, HV_ELFNOTE_INIT_P2M, 0x8000000000);
    test_note64(&file, HV_ELFNOTE_MOD_START_PFN, 1);
    test_note64(&file, HV_ELFNOTE_HYPERCALL_PAGE, VIRT_BASE + KERNEL_AT + 0x1000);
    ck_assert_int_eq(parse(), 0);
    ck_assert(elf.has_init_p2m && elf.mod_start_pfn && elf.has_hypercall_page);
    ck_assert_uint_eq(elf.init_p2m, 0x8000000000);
    ck_assert_uint_eq(elf.hypercall_page, KERNEL_AT + 0x1000);
}
END_TEST

START_TEST(a_paddr_offset_is_subtracted)
{
    test_elf_make(&file);
    file.ph[0].p_paddr += VIRT_BASE;
    file.ph[1].p_paddr += VIRT_BASE;
    test_note64(&file, HV_ELFNOTE_PADDR_OFFSET, VIRT_BASE);
    ck_assert_int_eq(parse(), 0);
    ck_assert_uint_eq(elf.paddr_start, KERNEL_AT);
}
END_TEST

START_TEST(segments_are_sorted)
{
    Elf64_Phdr swap;

    test_elf_make(&file);
    swap = file.ph[0];
    file.ph[0] = file.ph[1];
    file.ph[1] = swap;
    ck_assert_int_eq(parse(), 0);
    ck_assert_uint_eq(elf.segment[0].filesz, TEXT_SIZE);
    ck_assert_uint_eq(elf.segment[1].filesz, 0);
}
END_TEST

START_TEST(notes_in_a_section_are_found)
{
    struct {
        struct test_elf elf;
        Elf64_Shdr sh;
    } with = {.sh = {.sh_type = SHT_NOTE}};

    test_elf_make(&with.elf);
    with.sh.sh_offset = with.elf.ph[2].p_offset;
    with.sh.sh_size = with.elf.ph[2].p_filesz;
    with.elf.head.e_phnum = 2;
    with.elf.head.e_shoff = sizeof(with.elf);
    with.elf.head.e_shentsize = sizeof(Elf64_Shdr);
    with.elf.head.e_shnum = 1;
    ck_assert_int_eq(dom_elf_parse(&elf, (const uint8_t *)&with, sizeof(with), &err), 0);
    ck_assert_str_eq(elf.guest_os, "testos");
}
END_TEST

START_TEST(kernels_that_cannot_be_started_are_refused)
{
    test_elf_make(&file);
    file.ph[2].p_filesz = 0;
    refused("this kernel has no paravirtualized entry (no Xen ELF note; Linux needs "
            "CONFIG_XEN_PV)");
    test_note64(&file, HV_ELFNOTE_PHYS32_ENTRY, KERNEL_AT);
    refused("this kernel has a PVH entry only, no paravirtualized one");
    test_elf_make(&file);
    file.head.e_machine = EM_386;
    refused("this ELF file is not for 64-bit x86");
    test_elf_make(&file);
    file.ph[0].p_type = file.ph[1].p_type = PT_NULL;
    refused("the ELF file has nothing to load");
    test_elf_make(&file);
    file.ph[1].p_paddr = KERNEL_AT + 0x1000;
    refused("two ELF segments overlap");
    test_elf_make(&file);
    file.ph[0].p_memsz = UINT64_MAX;
    refused("an ELF segment wraps around the address space");
    test_elf_make(&file);
    test_note64(&file, HV_ELFNOTE_ENTRY, 0x1234);
    refused("the kernel's entry point lies outside of the kernel");
    test_elf_make(&file);
    test_note64(&file, HV_ELFNOTE_HYPERCALL_PAGE, VIRT_BASE);
    refused("the kernel's hypercall page lies outside of the kernel");
    test_elf_make(&file);
    test_note64(&file, HV_ELFNOTE_VIRT_BASE, UINT64_MAX & ~0xfffULL);
    refused("the kernel's virtual base address makes no sense");
    test_elf_make(&file);
    test_note(&file, HV_ELFNOTE_LOADER, "other", 6);
    refused("this kernel wants another loader than the generic one");
}
END_TEST

START_TEST(a_truncated_elf_file_is_refused_at_every_length)
{
    test_elf_make(&file);
    for (size_t size = 0; size < offsetof(struct test_elf, text) + TEXT_SIZE; size++) {
        /* A copy of just this size, so that the sanitizer sees its end. */
        uint8_t *copy = malloc(size ? size : 1);

        memcpy(copy, &file, size);
        memset(&err, 0, sizeof(err));
        ck_assert_int_lt(dom_elf_parse(&elf, copy, size, &err), 0);
        ck_assert(err.text[0]);
        free(copy);
    }
}
END_TEST

/* A bzImage around packed data. Returns its size; free *out. */
static size_t wrap(uint8_t **out, const void *packed, size_t size, uint32_t unpacked)
{
    size_t at = 5 * 512 + 0x20, all = at + size + 4;
    uint8_t *image = calloc(1, all);
    uint32_t offset = 0x20, length = (uint32_t)size + 4;

    image[0x1f1] = 4;
    memcpy(image + 0x202, "HdrS", 4);
    image[0x206] = 0x0f;
    image[0x207] = 0x02;
    memcpy(image + 0x248, &offset, 4);
    memcpy(image + 0x24c, &length, 4);
    memcpy(image + at, packed, size);
    memcpy(image + at + size, &unpacked, 4);
    *out = image;
    return all;
}

static size_t pack_xz(uint8_t *to, size_t room)
{
    size_t at = 0;

    ck_assert_int_eq(lzma_easy_buffer_encode(6, LZMA_CHECK_CRC32, NULL, (uint8_t *)&file,
                                             sizeof(file), to, &at, room),
                     LZMA_OK);
    return at;
}

static size_t pack_gzip(uint8_t *to, size_t room)
{
    z_stream z = {.next_in = (uint8_t *)&file,
                  .avail_in = sizeof(file),
                  .next_out = to,
                  .avail_out = (uInt)room};

    deflateInit2(&z, 9, Z_DEFLATED, 16 + MAX_WBITS, 9, Z_DEFAULT_STRATEGY);
    ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return z.total_out - 4; /* the size follows again, from wrap() */
}

static size_t pack_zstd(uint8_t *to, size_t room)
{
    return ZSTD_compress(to, room, &file, sizeof(file), 19);
}

static const struct {
    const char *name;
    size_t (*pack)(uint8_t *to, size_t room);
} packers[] = {{"xz", pack_xz}, {"gzip", pack_gzip}, {"zstd", pack_zstd}};

static int unpack(const uint8_t *image, size_t size, uint8_t **out, size_t *out_size)
{
    struct gathered g = {0};
    struct dom_payload p;
    int rc;

    memset(&err, 0, sizeof(err));
    *out = NULL;
    if (!dom_bzimage_probe(image, size))
        return -1;
    rc = dom_bzimage_payload(&p, image, size, &err);
    if (rc)
        return rc;
    g.data = *out = malloc(p.unpacked_size);
    rc = dom_payload_unpack(&p, gather, &g, &err);
    *out_size = g.size;
    return rc;
}

START_TEST(bzimages_are_unpacked)
{
    uint8_t packed[2 * sizeof(file)], *image, *out;
    size_t size, out_size = 0;

    test_elf_make(&file);
    size = packers[_i].pack(packed, sizeof(packed));
    size = wrap(&image, packed, size, sizeof(file));
    ck_assert_int_eq(unpack(image, size, &out, &out_size), 0);
    ck_assert_uint_eq(out_size, sizeof(file));
    ck_assert_mem_eq(out, &file, sizeof(file));
    free(out);
    free(image);
}
END_TEST

START_TEST(damaged_bzimages_are_refused)
{
    uint8_t packed[2 * sizeof(file)], *image, *out;
    size_t size, all, out_size;

    test_elf_make(&file);
    size = packers[_i].pack(packed, sizeof(packed));
    /* Truncated anywhere. */
    all = wrap(&image, packed, size, sizeof(file));
    for (size_t n = 0; n < all; n += 1 + n / 16) {
        uint8_t *copy = malloc(n ? n : 1);

        memcpy(copy, image, n);
        ck_assert_int_lt(unpack(copy, n, &out, &out_size), 0);
        free(out);
        free(copy);
    }
    free(image);
    /* A wrong size inside. */
    all = wrap(&image, packed, size, sizeof(file) - 1);
    ck_assert_int_lt(unpack(image, all, &out, &out_size), 0);
    free(out);
    free(image);
    all = wrap(&image, packed, size, sizeof(file) + 1);
    ck_assert_int_lt(unpack(image, all, &out, &out_size), 0);
    free(out);
    free(image);
    /* Data cut in the middle, as a failed download leaves it. */
    all = wrap(&image, packed, size / 2, sizeof(file));
    ck_assert_int_lt(unpack(image, all, &out, &out_size), 0);
    ck_assert(strstr(err.text, "damaged"));
    free(out);
    free(image);
}
END_TEST

START_TEST(other_packings_are_named)
{
    uint8_t *image, *out;
    size_t size = wrap(&image, "BZh91AY&SY......", 16, 100), out_size;

    ck_assert_int_lt(unpack(image, size, &out, &out_size), 0);
    ck_assert_str_eq(err.text, "this bzImage is packed with bzip2; xz, gzip and zstd can "
                               "be unpacked");
    free(out);
    free(image);
    size = wrap(&image, "................", 16, 100);
    ck_assert_int_lt(unpack(image, size, &out, &out_size), 0);
    ck_assert_str_eq(err.text, "this bzImage is packed in an unknown way");
    free(out);
    free(image);
}
END_TEST

static int open_bytes(struct dom_image *image, const void *data, size_t size)
{
    char path[] = "/tmp/image-XXXXXX";
    int fd = mkstemp(path), rc;

    ck_assert_int_eq(write(fd, data, size), (ssize_t)size);
    close(fd);
    memset(&err, 0, sizeof(err));
    rc = dom_image_open(image, path, &err);
    unlink(path);
    return rc;
}

START_TEST(elf_files_packed_with_gzip_are_opened)
{
    struct dom_image image;
    uint8_t packed[sizeof(file) + 1024];
    z_stream z = {.next_in = (uint8_t *)&file, .avail_in = sizeof(file)};

    test_elf_make(&file);
    ck_assert_int_eq(deflateInit2(&z, 1, Z_DEFLATED, 16 + MAX_WBITS, 8, 0), Z_OK);
    z.next_out = packed;
    z.avail_out = sizeof(packed);
    ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    ck_assert_int_eq(open_bytes(&image, packed, z.total_out), 0);
    ck_assert_uint_eq(image.size, sizeof(file));
    ck_assert_mem_eq(image.data, &file, sizeof(file));
    dom_image_close(&image);
    for (size_t size = 2; size < z.total_out; size++)
        ck_assert_int_lt(open_bytes(&image, packed, size), 0);
    deflateEnd(&z);
}
END_TEST

START_TEST(files_are_opened_whatever_they_are)
{
    struct dom_image image;
    uint8_t text[64];

    test_elf_make(&file);
    ck_assert_int_eq(open_bytes(&image, &file, sizeof(file)), 0);
    ck_assert_int_eq(
        dom_image_read(&image, offsetof(struct test_elf, text) + 5, text, 64), 0);
    ck_assert_mem_eq(text, file.text + 5, 64);
    dom_image_close(&image);
    ck_assert_int_lt(open_bytes(&image, "", 0), 0);
    ck_assert_ptr_nonnull(strstr(err.text, "the file is empty"));
    ck_assert_int_lt(open_bytes(&image, "#!/bin/sh\n", 10), 0);
    ck_assert_str_eq(err.text, "it is neither a bzImage nor an ELF file");
    memset(&err, 0, sizeof(err));
    ck_assert_int_lt(dom_image_open(&image, "/nonexistent", &err), 0);
    ck_assert_str_eq(err.text,
                     "cannot open kernel /nonexistent: No such file or directory");
    memset(&err, 0, sizeof(err));
    ck_assert_int_lt(dom_image_open(&image, "/tmp", &err), 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("image");
    TCase *c = tcase_create("image");

    tcase_set_timeout(c, 60);
    tcase_add_test(c, an_elf_kernel_is_understood);
    tcase_add_test(c, notes_of_newer_kernels_are_understood);
    tcase_add_test(c, a_paddr_offset_is_subtracted);
    tcase_add_test(c, segments_are_sorted);
    tcase_add_test(c, notes_in_a_section_are_found);
    tcase_add_test(c, kernels_that_cannot_be_started_are_refused);
    tcase_add_test(c, a_truncated_elf_file_is_refused_at_every_length);
    tcase_add_loop_test(c, bzimages_are_unpacked, 0, 3);
    tcase_add_loop_test(c, damaged_bzimages_are_refused, 0, 3);
    tcase_add_test(c, other_packings_are_named);
    tcase_add_test(c, elf_files_packed_with_gzip_are_opened);
    tcase_add_test(c, files_are_opened_whatever_they_are);
    suite_add_tcase(s, c);
    return unit_run_suite(s);
}
