/* SPDX-License-Identifier: MIT */
/* Frames: the buddy allocator under everything. mm/page.h says what an allocated frame means to a domain. */
#ifndef KERN_PAGE_ALLOC_H
#define KERN_PAGE_ALLOC_H

#include "lib/types.h"

#define MAX_ORDER 18 /* 1 GiB */

#define PAGE_ZERO 1u  /* contents zeroed */
#define PAGE_LOW 2u   /* below 4 GiB */

void page_alloc_add(mfn_t start, mfn_t end);     /* boot: this RAM is free */
mfn_t page_alloc(unsigned order, unsigned flags); /* INVALID_MFN when there is none */
void page_free(mfn_t m, unsigned order);
uint64_t page_alloc_free_count(void);            /* frames */
uint64_t page_alloc_total_count(void);           /* frames ever added */

/* The hypervisor's own pages, by address. Zeroed. */
void *page_alloc_mapped(unsigned order);
void page_free_mapped(void *p, unsigned order);

#endif
