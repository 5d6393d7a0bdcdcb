/* SPDX-License-Identifier: MIT */
/*
 * physdev_op: interrupts and devices of domains that drive hardware. Answers are
 * Xen 4.17's, errors included; what only exists there for hardware we do not handle says
 * -ENOSYS.
 *
 * Each operation is a row: its argument's size (copied in, and copied out when `out`),
 * whether only the control domain may use it, and the function.
 */
#include "abi/physdev.h"
#include "call/call.h"
#include "comm/event.h"
#include "comm/pirq.h"
#include "guest/pv/priv.h"
#include "kern/domain.h"
#include "port/irq.h"
#include "port/pci.h"

union arg {
    struct hv_physdev_eoi eoi;
    struct hv_physdev_pirq_eoi_gmfn eoi_gmfn;
    struct hv_physdev_irq_status_query query;
    struct hv_physdev_set_iopl iopl;
    struct hv_physdev_set_iobitmap iobitmap;
    struct hv_physdev_apic apic;
    struct hv_physdev_irq irq;
    struct hv_physdev_map_pirq map;
    struct hv_physdev_unmap_pirq unmap;
    struct hv_physdev_manage_pci manage;
    struct hv_physdev_restore_msi restore;
    struct hv_physdev_setup_gsi gsi;
    struct hv_physdev_get_free_pirq free_pirq;
    struct hv_physdev_pci_mmcfg_reserved mmcfg;
    struct hv_physdev_pci_device dev;
    uint8_t add[8]; /* hv_physdev_pci_device_add, without its optional array */
    struct hv_physdev_dbgp_op dbgp;
};

static int op_eoi(struct hcall *h, union arg *a)
{
    int rc = pirq_eoi(h->d, a->eoi.irq);

    if (!rc && pirq_auto_unmask(h->d))
        evtchn_unmask_pirq(h->d, a->eoi.irq);
    return rc;
}

static int op_unmask_notify(struct hcall *h, union arg *a)
{
    for (unsigned i = 0; i < pirq_count(h->d); i++)
        pirq_eoi(h->d, i);
    return 0;
}

static int op_eoi_page_v1(struct hcall *h, union arg *a)
{
    return pirq_set_eoi_page(h->d, a->eoi_gmfn.gmfn, true);
}

static int op_eoi_page_v2(struct hcall *h, union arg *a)
{
    return pirq_set_eoi_page(h->d, a->eoi_gmfn.gmfn, false);
}

/* A guest that asks has no EOI bitmap, so it is told to make the call always, as Xen
 * does: an edge-triggered irq can become a level one by setup_gsi. */
static int op_query(struct hcall *h, union arg *a)
{
    if (a->query.irq >= pirq_count(h->d))
        return -EINVAL;
    a->query.flags = HV_IRQSTAT_NEEDS_EOI;
    return 0;
}

static int op_iopl(struct hcall *h, union arg *a)
{
    return a->iopl.iopl > 3 ? -EINVAL : pv_set_iopl(h->v, a->iopl.iopl);
}

static int op_iobitmap(struct hcall *h, union arg *a)
{
    if (a->iobitmap.nr_ports > 65536 ||
        (a->iobitmap.nr_ports &&
         !guest_range_ok(a->iobitmap.bitmap, (a->iobitmap.nr_ports + 7) / 8)))
        return -EINVAL;
    return pv_set_iobitmap(h->v, a->iobitmap.bitmap, a->iobitmap.nr_ports);
}

static int op_apic_read(struct hcall *h, union arg *a)
{
    return irq_ioapic_read(a->apic.apic_physbase, a->apic.reg, &a->apic.value);
}

static int op_apic_write(struct hcall *h, union arg *a)
{
    return irq_ioapic_write(a->apic.apic_physbase, a->apic.reg, a->apic.value);
}

/* From times when guests wrote vectors into I/O APICs. */
static int op_alloc_vector(struct hcall *h, union arg *a)
{
    if (a->irq.irq >= irq_gsi_count())
        return -EINVAL;
    a->irq.vector = a->irq.irq;
    return 0;
}

static int op_free_vector(struct hcall *h, union arg *a)
{
    return 0;
}

static int map_msi(struct domain *d, struct hv_physdev_map_pirq *m)
{
    struct pci_msi msi = {
        .dev = mk_sbdf(m->type == HV_MAP_PIRQ_TYPE_MSI ? 0 : (uint32_t)m->bus >> 16,
                       (uint32_t)m->bus, (uint32_t)m->devfn),
        .entry = (uint16_t)m->entry_nr,
        .msix = m->table_base != 0,
        .table_base = m->table_base,
    };
    unsigned n = 1;

    if (m->type == HV_MAP_PIRQ_TYPE_MULTI_MSI) {
        if (m->entry_nr <= 0 || m->entry_nr > 32)
            return -EDOM;
        if (m->entry_nr != 1 && m->pirq >= 0)
            return -EPERM;
        n = (unsigned)m->entry_nr;
        msi.entry = 0;
    }
    if (m->entry_nr < 0 || m->entry_nr > 2047)
        return -EINVAL;
    return pirq_map_msi(d, &msi, n, &m->pirq);
}

static int op_map(struct hcall *h, union arg *a)
{
    struct hv_physdev_map_pirq *m = &a->map;
    struct domain *d;
    int rc = 0;

    d = call_target(h, m->domid, &rc);
    if (!d)
        return rc;
    switch (m->type) {
    case HV_MAP_PIRQ_TYPE_GSI:
        rc = m->index < 0 ? -EINVAL : pirq_map_gsi(d, (unsigned)m->index, &m->pirq);
        break;
    case HV_MAP_PIRQ_TYPE_MSI:
    case HV_MAP_PIRQ_TYPE_MSI_SEG:
    case HV_MAP_PIRQ_TYPE_MULTI_MSI:
        rc = map_msi(d, m);
        break;
    default:
        rc = -EINVAL;
        break;
    }
    domain_put(d);
    return rc;
}

static int op_unmap(struct hcall *h, union arg *a)
{
    struct domain *d;
    int rc = 0;

    d = call_target(h, a->unmap.domid, &rc);
    if (!d)
        return rc;
    rc = a->unmap.pirq < 0 ? -EINVAL : pirq_unmap(d, (unsigned)a->unmap.pirq);
    domain_put(d);
    return rc;
}

static int op_setup_gsi(struct hcall *h, union arg *a)
{
    if (a->gsi.gsi < 0)
        return -EINVAL;
    return irq_setup_gsi((unsigned)a->gsi.gsi, a->gsi.triggering, a->gsi.polarity);
}

static int op_get_free(struct hcall *h, union arg *a)
{
    int rc;

    if (a->free_pirq.type != HV_MAP_PIRQ_TYPE_MSI &&
        a->free_pirq.type != HV_MAP_PIRQ_TYPE_GSI)
        return -EINVAL;
    rc = pirq_get_free(h->d, a->free_pirq.type == HV_MAP_PIRQ_TYPE_MSI);
    if (rc < 0)
        return rc;
    a->free_pirq.pirq = (uint32_t)rc;
    return 0;
}

/* The hypervisor keeps no list of devices: it looks at configuration space when it needs
 * to. */
static int device_known(unsigned seg, unsigned bus, unsigned devfn)
{
    if (!pci_has_segment(seg))
        return -ENODEV;
    return pci_read(mk_sbdf(seg, bus, devfn), 0, 2) == 0xffff ? -ENODEV : 0;
}

static int op_manage(struct hcall *h, union arg *a)
{
    return 0;
}

static int op_restore(struct hcall *h, union arg *a)
{
    return pci_msi_restore(mk_sbdf(0, a->restore.bus, a->restore.devfn));
}

static int op_restore_ext(struct hcall *h, union arg *a)
{
    return pci_msi_restore(mk_sbdf(a->dev.seg, a->dev.bus, a->dev.devfn));
}

static int op_mmcfg(struct hcall *h, union arg *a)
{
    if (a->mmcfg.flags & ~HV_PCI_MMCFG_RESERVED)
        return -EINVAL;
    return pci_add_mmcfg(a->mmcfg.address, a->mmcfg.segment, a->mmcfg.start_bus,
                         a->mmcfg.end_bus);
}

static int op_dev_add(struct hcall *h, union arg *a)
{
    return pci_has_segment(a->dev.seg) ? 0 : -ENODEV;
}

static int op_prepare_msix(struct hcall *h, union arg *a)
{
    int rc = device_known(a->dev.seg, a->dev.bus, a->dev.devfn);

    return rc ? rc
              : pci_msix_prepare(mk_sbdf(a->dev.seg, a->dev.bus, a->dev.devfn), false);
}

static int op_release_msix(struct hcall *h, union arg *a)
{
    int rc = device_known(a->dev.seg, a->dev.bus, a->dev.devfn);

    return rc ? rc
              : pci_msix_prepare(mk_sbdf(a->dev.seg, a->dev.bus, a->dev.devfn), true);
}

/* We have no debug port: nobody's reset needs care. */
static int op_dbgp(struct hcall *h, union arg *a)
{
    return a->dbgp.op == HV_PHYSDEVOP_DBGP_RESET_PREPARE ||
                   a->dbgp.op == HV_PHYSDEVOP_DBGP_RESET_DONE
               ? 0
               : -ENOSYS;
}

static const struct row {
    int (*fn)(struct hcall *h, union arg *a);
    uint8_t size;
    bool out;
    bool control; /* for the control domain only */
} rows[] = {
#define ROW(op, f, type, ...) [HV_PHYSDEVOP_##op] = {f, sizeof(type), __VA_ARGS__}
    ROW(IRQ_UNMASK_NOTIFY, op_unmask_notify, char[0], false, false),
    ROW(IRQ_STATUS_QUERY, op_query, struct hv_physdev_irq_status_query, true, false),
    ROW(SET_IOPL, op_iopl, struct hv_physdev_set_iopl, false, false),
    ROW(SET_IOBITMAP, op_iobitmap, struct hv_physdev_set_iobitmap, false, false),
    ROW(APIC_READ, op_apic_read, struct hv_physdev_apic, true, true),
    ROW(APIC_WRITE, op_apic_write, struct hv_physdev_apic, false, true),
    ROW(ALLOC_IRQ_VECTOR, op_alloc_vector, struct hv_physdev_irq, true, true),
    ROW(FREE_IRQ_VECTOR, op_free_vector, struct hv_physdev_irq, false, true),
    ROW(EOI, op_eoi, struct hv_physdev_eoi, false, false),
    ROW(MAP_PIRQ, op_map, struct hv_physdev_map_pirq, true, true),
    ROW(UNMAP_PIRQ, op_unmap, struct hv_physdev_unmap_pirq, false, true),
    ROW(MANAGE_PCI_ADD, op_manage, struct hv_physdev_manage_pci, false, true),
    ROW(MANAGE_PCI_REMOVE, op_manage, struct hv_physdev_manage_pci, false, true),
    ROW(PIRQ_EOI_GMFN_V1, op_eoi_page_v1, struct hv_physdev_pirq_eoi_gmfn, false, false),
    ROW(PIRQ_EOI_GMFN_V2, op_eoi_page_v2, struct hv_physdev_pirq_eoi_gmfn, false, false),
    ROW(RESTORE_MSI, op_restore, struct hv_physdev_restore_msi, false, true),
    ROW(RESTORE_MSI_EXT, op_restore_ext, struct hv_physdev_pci_device, false, true),
    ROW(MANAGE_PCI_ADD_EXT, op_manage, struct hv_physdev_manage_pci, false, true),
    ROW(SETUP_GSI, op_setup_gsi, struct hv_physdev_setup_gsi, false, true),
    ROW(GET_FREE_PIRQ, op_get_free, struct hv_physdev_get_free_pirq, true, false),
    ROW(PCI_MMCFG_RESERVED, op_mmcfg, struct hv_physdev_pci_mmcfg_reserved, false, true),
    ROW(PCI_DEVICE_ADD, op_dev_add, uint8_t[8], false, true),
    ROW(PCI_DEVICE_REMOVE, op_manage, struct hv_physdev_pci_device, false, true),
    ROW(PREPARE_MSIX, op_prepare_msix, struct hv_physdev_pci_device, false, true),
    ROW(RELEASE_MSIX, op_release_msix, struct hv_physdev_pci_device, false, true),
    ROW(DBGP_OP, op_dbgp, struct hv_physdev_dbgp_op, false, true),
#undef ROW
};

static long run(struct hcall *h, unsigned long cmd, vaddr_t arg)
{
    const struct row *r;
    union arg a;
    int rc;

    if (cmd >= ARRAY_SIZE(rows) || !rows[cmd].fn)
        return -ENOSYS;
    r = &rows[cmd];
    if (r->control && !h->d->privileged)
        return -EPERM;
    if (r->size && guest_read(&a, arg, r->size))
        return -EFAULT;
    rc = r->fn(h, &a);
    /* A map that succeeded but cannot be told is left: the caller has no way to use it,
     * and unmaps by its end. */
    if (!rc && r->out && guest_write(arg, &a, r->size))
        return -EFAULT;
    return rc;
}

HCALL(call_physdev_op)
{
    return run(h, h->arg[0], h->arg[1]);
}

/* The old form: one argument, the number in front of the structure. */
HCALL(call_physdev_op_compat)
{
    struct hv_physdev_op op;

    if (guest_read(&op.cmd, h->arg[0], sizeof(op.cmd)))
        return -EFAULT;
    switch (op.cmd) {
    case HV_PHYSDEVOP_IRQ_UNMASK_NOTIFY:
    case HV_PHYSDEVOP_IRQ_STATUS_QUERY:
    case HV_PHYSDEVOP_SET_IOPL:
    case HV_PHYSDEVOP_SET_IOBITMAP:
    case HV_PHYSDEVOP_APIC_READ:
    case HV_PHYSDEVOP_APIC_WRITE:
    case HV_PHYSDEVOP_ALLOC_IRQ_VECTOR:
    case HV_PHYSDEVOP_FREE_IRQ_VECTOR:
        return run(h, op.cmd, h->arg[0] + offsetof(struct hv_physdev_op, u));
    default:
        return -ENOSYS;
    }
}
