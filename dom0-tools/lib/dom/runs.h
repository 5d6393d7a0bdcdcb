/* SPDX-License-Identifier: MIT */
/*
 * Which pages of a kernel in memory have bytes of its file that are not zero, as far as
 * the file system tells: only these are read, the others are cleared by the hypervisor,
 * at a fraction of the cost. Half of Debian's kernel is zeros.
 */
#ifndef DOM_RUNS_H
#define DOM_RUNS_H

#include "dom/elf.h"
#include "dom/image.h"

#define DOM_MAX_RUNS 128

struct dom_run {
    uint64_t first, end; /* pfns */
    size_t at;           /* for the user: where its pages begin elsewhere */
};

/* Ascending, no two touch. */
struct dom_runs {
    struct dom_run run[DOM_MAX_RUNS];
    unsigned int nr;
};

void dom_runs_find(struct dom_runs *out, const struct dom_elf *elf,
                   const struct dom_image *image);
/* Pages that a segment's bytes of the file begin or end within. */
void dom_runs_edges(struct dom_runs *out, const struct dom_elf *elf);
/* How many pages they are. */
uint64_t dom_runs_pages(const struct dom_runs *runs);
/* The first pages from *pfn up to end that are in no run. Moves *pfn there, returns their
 * end; *pfn == end: there are none. */
uint64_t dom_runs_gap(const struct dom_runs *runs, uint64_t *pfn, uint64_t end);

#endif
