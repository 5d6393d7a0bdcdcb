/* SPDX-License-Identifier: MIT */
/*
 * A kernel image as an ELF file: a plain ELF file, or what a Linux bzImage carries
 * (xz, gzip or zstd), unpacked once and then kept in a cache by content.
 */
#ifndef DOM_IMAGE_H
#define DOM_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dom/error.h"

struct dom_image {
    const uint8_t *data; /* the whole ELF file */
    size_t size;
    int fd; /* the same as a file, or -1: reading saves page faults */
};

int dom_image_open(struct dom_image *out, const char *path, struct dom_error *err);
void dom_image_close(struct dom_image *image);
/* Copies part of the file; [offset, offset + size) must lie inside. */
int dom_image_read(const struct dom_image *image, uint64_t offset, void *to, size_t size);

/* Where a bzImage keeps its compressed ELF file. */
struct dom_payload {
    const uint8_t *data;
    size_t size; /* with the four bytes that follow */
    size_t unpacked_size;
};

bool dom_bzimage_probe(const uint8_t *data, size_t size);
int dom_bzimage_payload(struct dom_payload *out, const uint8_t *data, size_t size,
                        struct dom_error *err);
/* Unpacks into `to`, of payload->unpacked_size bytes, all of which must be filled. */
int dom_payload_unpack(const struct dom_payload *payload, uint8_t *to,
                       struct dom_error *err);

#endif
