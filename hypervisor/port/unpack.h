/* SPDX-License-Identifier: MIT */
/* What a machine owes the core: unpacking a kernel image (liblzma, zlib, zstd behind it).
 */
#ifndef PORT_UNPACK_H
#define PORT_UNPACK_H

#include "lib/types.h"

struct unpacked {
    void *data; /* the ELF image; the input itself when it was not packed */
    size_t size;
    size_t room; /* for page_free_buffer(); 0: it is the input itself */
};

/* A bzImage (xz, gzip or zstd payload), a packed or a plain ELF. 0, or -errno with *why a
 * fixed sentence. */
int unpack_kernel(const void *image, size_t size, struct unpacked *out, const char **why);

#endif
