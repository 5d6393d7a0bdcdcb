/* SPDX-License-Identifier: MIT */
/* Unpacking a kernel packed by xz, for dom0's tools and, linked into its image beside
 * liblzma, for the hypervisor. */
#ifndef XZ_XZ_H
#define XZ_XZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where bytes go: up to `room` at `at`. put() is told that the first n there are final
 * and that `left` behind them are not yet: it takes the former away, and sees to it that
 * `at` is then where the others are. false: it cannot. */
struct xz_out {
    uint8_t *at;
    size_t room;
    bool (*put)(struct xz_out *o, size_t n, size_t left);
};

#define XZ_LEFT 4 /* most that put() has to keep */

/* The stream at src, which may be followed by something else. All its checks are made.
 * limit: bytes of memory, at most. */
bool xz_unpack(const uint8_t *src, size_t n, uint64_t limit, struct xz_out *o);

/* The second half of it: undoes the filter for x86 code (branches were made absolute) and
 * computes the CRC32 of the result. */
#define XZ_FOLD 3006 /* xz_fold.c */
struct xz_crc {
    _Alignas(16) uint8_t ring[XZ_FOLD * 16];
    uint8_t part[16]; /* a word that is not complete */
    uint64_t size;
};
void xz_crc_begin(struct xz_crc *c);
void xz_crc_add(struct xz_crc *c, const uint8_t *p, size_t n);
uint32_t xz_crc_end(struct xz_crc *c);

struct xz_x86 {
    uint32_t at;      /* how far the filter came: the position of the buffer's start */
    uint32_t skipped; /* bit d: at `at` - d there is a branch that was left alone */
};
/* Undoes it in a part of the data; how many bytes are final, up to XZ_LEFT fewer than n.
 * The next part begins with the others, which at the very end are final, too. */
size_t xz_x86_undo(struct xz_x86 *x, uint8_t *buf, size_t n);

#endif
