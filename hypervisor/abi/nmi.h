/* SPDX-License-Identifier: MIT */
/*
 * The old way to ask for NMIs: nmi_op(HV_NMI_*, argument). callback.h has the new one.
 *
 * Reference: Xen public interface, nmi.h.
 */
#ifndef HV_ABI_NMI_H
#define HV_ABI_NMI_H

#include "xen.h"

/* hv_arch_shared_info.nmi_reason */
#define HV_NMIREASON_IO_ERROR (HV_UL(1) << 0)
#define HV_NMIREASON_PCI_SERR (HV_UL(1) << 1)
#define HV_NMIREASON_UNKNOWN (HV_UL(1) << 2)

#define HV_NMI_REGISTER_CALLBACK 0   /* hv_nmi_callback */
#define HV_NMI_UNREGISTER_CALLBACK 1 /* NULL */

#ifndef __ASSEMBLY__

struct hv_nmi_callback {
    uint64_t handler_address;
    uint64_t pad;
};

#endif /* !__ASSEMBLY__ */
#endif
