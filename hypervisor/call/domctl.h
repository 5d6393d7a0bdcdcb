/* SPDX-License-Identifier: MIT */
/* Furniture of domctl: one function a command, one row each in domctl.c's table. */
#ifndef CALL_DOMCTL_H
#define CALL_DOMCTL_H

#include "abi/domctl.h"
#include "call/call.h"

/* d: the domain named (a reference is held), NULL for createdomain. 0 or -errno;
 * -ERESTART: call again with what op holds now. The structure is written back when the
 * row says so, whatever the result. */
#define DOMCTL(name) int name(struct hcall *h, struct domain *d, struct hv_domctl *op)

DOMCTL(domctl_create);
DOMCTL(domctl_destroy);
DOMCTL(domctl_pause);
DOMCTL(domctl_unpause);
DOMCTL(domctl_resume);
DOMCTL(domctl_max_vcpus);
DOMCTL(domctl_max_mem);
DOMCTL(domctl_set_handle);
DOMCTL(domctl_scheduler);
DOMCTL(domctl_set_time_offset);
DOMCTL(domctl_set_tsc);
DOMCTL(domctl_get_tsc);
DOMCTL(domctl_set_virq_handler);
DOMCTL(domctl_set_address_size);
DOMCTL(domctl_get_address_size);
DOMCTL(domctl_accept);
DOMCTL(domctl_get_node_affinity);
DOMCTL(domctl_get_cpu_policy);
DOMCTL(domctl_set_cpu_policy);
DOMCTL(domctl_get_mempool);
DOMCTL(domctl_trigger);
DOMCTL(domctl_no_device);
DOMCTL(domctl_set_context);
DOMCTL(domctl_get_context);
DOMCTL(domctl_vcpu_info);
DOMCTL(domctl_set_affinity);
DOMCTL(domctl_get_affinity);
DOMCTL(domctl_set_ext_context);
DOMCTL(domctl_get_ext_context);
DOMCTL(domctl_irq_permission);
DOMCTL(domctl_iomem_permission);
DOMCTL(domctl_ioport_permission);
DOMCTL(domctl_hypercall_init);
DOMCTL(domctl_page_types);
DOMCTL(domctl_get_info);

void domctl_fill_info(
    struct domain *d,
    struct hv_domctl_getdomaininfo *i); /* also sysctl getdomaininfolist */
int domctl_put_policy(const struct vcpu *v, int kind, uint32_t *nr_leaves,
                      hv_handle_t leaves, uint32_t *nr_msrs);
/* One control operation at a time; false: another CPU is at one, so call again. */
bool must_check domctl_lock(void);
void domctl_unlock(void);
/* Tools' CPU bitmaps. */
int bitmap_in(const struct hv_ctl_bitmap *b, cpumask_t *m);
int bitmap_out(const struct hv_ctl_bitmap *b, cpumask_t m);

#endif
