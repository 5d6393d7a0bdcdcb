/* SPDX-License-Identifier: MIT */
/* Hypercalls that exist on Xen and are answered as a Xen built without them answers. */
#include "call/call.h"

HCALL(call_xsm_op)
{
    return -ENOSYS;
}
HCALL(call_hvm_op)
{
    return -ENOSYS;
}
HCALL(call_kexec_op)
{
    return h->d->privileged ? -ENOSYS : -EPERM;
}
