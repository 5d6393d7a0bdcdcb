/* SPDX-License-Identifier: MIT */
/* domctl commands about memory, ports and interrupts that a domain may use, and its page
 * types. */
#include "call/domctl.h"
#include "guest/pv/hypercall_page.h"
#include "lib/rangeset.h"
#include "mm/page.h"
#include "port/map.h"

static int permit(struct domain *d, struct rangeset *r, uint64_t first, uint64_t count,
                  bool allow)
{
    int rc;

    if (count == 0 || first + count < first)
        return -EINVAL;
    spin_lock(&d->lock);
    rc = allow ? rangeset_add(r, first, first + count - 1)
               : rangeset_remove(r, first, first + count - 1);
    spin_unlock(&d->lock);
    return rc;
}

DOMCTL(domctl_irq_permission)
{
    struct hv_domctl_irq_permission *p = &op->u.irq_permission;

    return p->pirq >= 4096 ? -EINVAL : permit(d, d->irqs, p->pirq, 1, p->allow_access);
}

DOMCTL(domctl_iomem_permission)
{
    struct hv_domctl_iomem_permission *p = &op->u.iomem_permission;

    if (p->nr_mfns &&
        !rangeset_has(h->d->iomem, p->first_mfn, p->first_mfn + p->nr_mfns - 1))
        return -EPERM;
    return permit(d, d->iomem, p->first_mfn, p->nr_mfns, p->allow_access);
}

DOMCTL(domctl_ioport_permission)
{
    struct hv_domctl_ioport_permission *p = &op->u.ioport_permission;

    if (p->first_port > 0xffff || p->nr_ports > 0x10000 - p->first_port)
        return -EINVAL;
    if (p->nr_ports == 0)
        return 0;
    if (!rangeset_has(h->d->ioports, p->first_port, p->first_port + p->nr_ports - 1))
        return -EPERM;
    return permit(d, d->ioports, p->first_port, p->nr_ports, p->allow_access);
}

DOMCTL(domctl_hypercall_init)
{
    mfn_t m = mk_mfn(op->u.hypercall_init.gmfn);

    if (!mfn_valid(m) || !page_get_and_type(page_of(m), d, PGT_WRITABLE))
        return -EACCES;
    pv_fill_hypercall_page(map_mfn(m));
    page_put_and_type(page_of(m));
    return 0;
}

static uint32_t type_of(struct domain *d, mfn_t m)
{
    uint32_t t = HV_DOMCTL_PFINFO_NOTAB;
    struct page *pg;
    uint32_t type;

    if (!mfn_valid(m) || !page_get(pg = page_of(m), d))
        return HV_DOMCTL_PFINFO_XTAB;
    type = pg->type;
    if ((type & PGT_COUNT) && pgt_type(type) >= PGT_L1 && pgt_type(type) <= PGT_L4)
        t = pgt_type(type) << HV_DOMCTL_PFINFO_LTAB_SHIFT;
    if (type & PGT_PINNED)
        t |= HV_DOMCTL_PFINFO_LPINTAB;
    page_put(pg);
    return t;
}

/* A word an extent, in place; preemptible by taking what was done off the front. */
DOMCTL(domctl_page_types)
{
    struct hv_domctl_getpageframeinfo3 *p = &op->u.getpageframeinfo3;

    if (p->num > 1024)
        return -E2BIG;
    for (uint64_t i = 0; i < p->num; i++) {
        uint64_t w;

        if (copy_in(&w, p->array + i * 8))
            return -EFAULT;
        w = type_of(d, mk_mfn(w));
        if (copy_out(p->array + i * 8, &w))
            return -EFAULT;
    }
    return 0;
}
