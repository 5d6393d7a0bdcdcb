/* SPDX-License-Identifier: MIT */
/* The hypercall page: the hypervisor's stubs inside a guest. */
#ifndef GUEST_PV_HYPERCALL_PAGE_H
#define GUEST_PV_HYPERCALL_PAGE_H

/* Fills a page (by its hypervisor address). */
void pv_fill_hypercall_page(void *page);

#endif
