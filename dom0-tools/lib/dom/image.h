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
    int fd;     /* the same as a file: reading saves page faults */
    bool dense; /* it has no holes */
};

int dom_image_open(struct dom_image *out, const char *path, struct dom_error *err);
void dom_image_close(struct dom_image *image);
/* Copies part of the file; [offset, offset + size) must lie inside. */
int dom_image_read(const struct dom_image *image, uint64_t offset, void *to, size_t size);
/*
 * The first part of [*from, end) that may hold anything but zeros: moves *from to its
 * beginning and returns its end; *from == end: there is none.
 */
uint64_t dom_image_data(const struct dom_image *image, uint64_t *from, uint64_t end);

/* Where a bzImage keeps its compressed ELF file. */
struct dom_payload {
    const uint8_t *data;
    size_t size; /* with the four bytes that follow */
    size_t unpacked_size;
};

bool dom_bzimage_probe(const uint8_t *data, size_t size);
int dom_bzimage_payload(struct dom_payload *out, const uint8_t *data, size_t size,
                        struct dom_error *err);
/* A whole file packed with gzip. */
bool dom_gzip_probe(const uint8_t *data, size_t size);
int dom_gzip_payload(struct dom_payload *out, const uint8_t *data, size_t size,
                     struct dom_error *err);
/*
 * Takes a payload's bytes in order, in pieces of whole pages (the last may be shorter).
 * 0 or a negative errno value, which ends it.
 */
typedef int dom_sink_t(void *ctx, const uint8_t *data, size_t size);
/* Unpacks to a sink, payload->unpacked_size bytes in all, or it is an error. */
int dom_payload_unpack(const struct dom_payload *payload, dom_sink_t *sink, void *ctx,
                       struct dom_error *err);

#endif
