/* SPDX-License-Identifier: MIT */
/*
 * liblzma reads the container, its headers and its index and decodes LZMA; what comes out
 * of that goes through the filter for x86 code and a CRC32 of our own, which take a
 * fraction of the instructions. Streams with other filters or checks (Linux packs its
 * kernels with these) are liblzma's alone.
 *
 * Reference: the .xz file format 1.2.0; liblzma's API in <lzma.h>.
 */
#include "xz/xz.h"

#include <lzma.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK                                                                            \
    (64u << 10) /* decoded at a time: stays in the cache for what comes next             \
                 */

/* One block as it is decoded. */
struct work {
    lzma_stream z;
    struct xz_out *out;
    struct xz_crc *crc;
    struct xz_x86 x86;
    bool filtered;
    size_t left; /* bytes at out->at that are decoded, but not final */
};

static bool put(struct work *w, size_t n)
{
    struct xz_out *o = w->out;
    size_t final = w->filtered ? xz_x86_undo(&w->x86, o->at, n) : n;

    w->left = n - final;
    if (w->crc)
        xz_crc_add(w->crc, o->at, final);
    return !final || o->put(o, final, w->left);
}

/* What the filter kept is final when nothing follows. */
static bool put_rest(struct work *w)
{
    size_t n = w->left;

    w->left = 0;
    if (w->crc)
        xz_crc_add(w->crc, w->out->at, n);
    return !n || w->out->put(w->out, n, 0);
}

/* Runs the decoder that w->z was set up with. */
static bool decode(struct work *w)
{
    lzma_ret rc = LZMA_OK;

    while (rc == LZMA_OK) {
        size_t room = w->out->room - w->left, n = room < CHUNK ? room : CHUNK;

        w->z.next_out = w->out->at + w->left;
        w->z.avail_out = n;
        rc = lzma_code(&w->z, LZMA_FINISH);
        if (rc != LZMA_OK && rc != LZMA_STREAM_END)
            return false;
        if (!n && rc == LZMA_OK) /* it wants to say more than there is room for */
            return false;
        if (!put(w, w->left + n - w->z.avail_out))
            return false;
    }
    return put_rest(w);
}

/* The x86 filter in front, where there is one that starts at 0, is left to us. */
static bool take_filter(lzma_filter *f)
{
    const lzma_options_bcj *options = f[0].options;

    if (f[0].id != LZMA_FILTER_X86 || (options && options->start_offset))
        return false;
    for (unsigned i = 0; i < LZMA_FILTERS_MAX; i++)
        f[i] = f[i + 1];
    return true;
}

static bool same_crc(struct xz_crc *c, const uint8_t *stored)
{
    uint32_t have = xz_crc_end(c), want;

    memcpy(&want, stored, sizeof(want));
    return have == want;
}

struct stream {
    const uint8_t *src;
    size_t at, end;
    uint64_t limit;
    lzma_stream_flags flags;
    lzma_index_hash *index;
    struct xz_crc *crc;
};

static bool decode_block(struct stream *s, lzma_block *b, struct xz_out *o)
{
    struct work w = {.z = LZMA_STREAM_INIT, .out = o, .crc = s->crc};
    lzma_filter first = b->filters[0];
    bool ok;

    b->ignore_check = true;
    xz_crc_begin(s->crc);
    w.filtered = take_filter(b->filters);
    ok = lzma_raw_decoder_memusage(b->filters) <= s->limit &&
         lzma_block_decoder(&w.z, b) == LZMA_OK;
    w.z.next_in = s->src + s->at;
    w.z.avail_in = s->end - s->at;
    ok = ok && decode(&w);
    s->at = s->end - w.z.avail_in;
    lzma_end(&w.z);
    if (w.filtered) {
        memmove(b->filters + 1, b->filters, LZMA_FILTERS_MAX * sizeof(first));
        b->filters[0] = first;
    }
    return ok && same_crc(s->crc, b->raw_check) &&
           lzma_index_hash_append(s->index, lzma_block_unpadded_size(b),
                                  b->uncompressed_size) == LZMA_OK;
}

static bool read_block(struct stream *s, struct xz_out *o)
{
    lzma_filter filters[LZMA_FILTERS_MAX + 1];
    lzma_block b = {.version = 1, .check = s->flags.check, .filters = filters};
    bool ok;

    b.header_size = lzma_block_header_size_decode(s->src[s->at]);
    if (b.header_size > s->end - s->at ||
        lzma_block_header_decode(&b, NULL, s->src + s->at) != LZMA_OK)
        return false;
    s->at += b.header_size;
    ok = decode_block(s, &b, o);
    lzma_filters_free(filters, NULL);
    return ok;
}

static bool read_end(struct stream *s)
{
    lzma_stream_flags footer;

    if (lzma_index_hash_decode(s->index, s->src, &s->at, s->end) != LZMA_STREAM_END ||
        s->end - s->at < LZMA_STREAM_HEADER_SIZE ||
        lzma_stream_footer_decode(&footer, s->src + s->at) != LZMA_OK)
        return false;
    return lzma_stream_flags_compare(&s->flags, &footer) == LZMA_OK &&
           footer.backward_size == lzma_index_hash_size(s->index);
}

/* Streams with another check. */
static bool by_library(const struct stream *s, struct xz_out *o)
{
    struct work w = {.z = LZMA_STREAM_INIT, .out = o};
    bool ok = lzma_stream_decoder(&w.z, s->limit, 0) == LZMA_OK;

    w.z.next_in = s->src;
    w.z.avail_in = s->end;
    ok = ok && decode(&w);
    lzma_end(&w.z);
    return ok;
}

bool xz_unpack(const uint8_t *src, size_t n, uint64_t limit, struct xz_out *o)
{
    struct stream s = {.src = src, .end = n, .limit = limit};
    bool ok;

    if (n < LZMA_STREAM_HEADER_SIZE ||
        lzma_stream_header_decode(&s.flags, src) != LZMA_OK)
        return false;
    if (s.flags.check != LZMA_CHECK_CRC32)
        return by_library(&s, o);
    s.at = LZMA_STREAM_HEADER_SIZE;
    s.index = lzma_index_hash_init(NULL, NULL);
    s.crc = malloc(sizeof(*s.crc));
    ok = s.index && s.crc;
    while (ok && s.at < n && src[s.at])
        ok = read_block(&s, o);
    ok = ok && s.at < n && read_end(&s);
    lzma_index_hash_end(s.index, NULL);
    free(s.crc);
    return ok;
}
