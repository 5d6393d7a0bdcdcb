/* SPDX-License-Identifier: MIT */
/* xen_version: who the hypervisor is. It answers as Xen 4.17, whose interfaces it serves;
 * extraversion and the compile strings say that it is Ostler. */
#include "call/call.h"
#include "abi/version.h"
#include "call/version.h"
#include "lib/string.h"
#include "port/layout.h"
#include "port/platform.h"
#include "port/upcall.h"

#define VERSION (VERSION_MAJOR << 16 | VERSION_MINOR)

static long put_string(vaddr_t to, const char *s, size_t size)
{
    char buf[HV_CAPABILITIES_INFO_LEN];

    memset(buf, 0, sizeof(buf));
    snprintf(buf, size, "%s", s);
    return guest_write(to, buf, size) ? -EFAULT : 0;
}

static long compile_info(vaddr_t to)
{
    struct hv_compile_info i;

    memset(&i, 0, sizeof(i));
    snprintf(i.compiler, sizeof(i.compiler), VERSION_COMPILER);
    snprintf(i.compile_by, sizeof(i.compile_by), VERSION_BY);
    snprintf(i.compile_domain, sizeof(i.compile_domain), VERSION_DOMAIN);
    snprintf(i.compile_date, sizeof(i.compile_date), VERSION_DATE);
    return copy_out(to, &i) ? -EFAULT : 0;
}

static uint32_t features(const struct domain *d)
{
    uint32_t f = 1u << HV_FEAT_MEMORY_OP_VNODE_SUPPORTED;

    if (d->privileged)
        f |= 1u << HV_FEAT_DOM0;
    if (!d->is_hvm)
        f |= 1u << HV_FEAT_MMU_PT_UPDATE_PRESERVE_AD | 1u << HV_FEAT_HIGHMEM_ASSIST |
             1u << HV_FEAT_GNTTAB_MAP_AVAIL_BITS;
    if (d->vm_assist & (1ull << HV_VMASST_TYPE_PAE_EXTENDED_CR3))
        f |= 1u << HV_FEAT_PAE_PGDIR_ABOVE_4GB;
    return f;
}

static long get_features(struct hcall *h)
{
    struct hv_feature_info f;

    if (copy_in(&f, h->arg[1]))
        return -EFAULT;
    if (f.submap_idx >= HV_FEAT_NR_SUBMAPS)
        return -EINVAL;
    f.submap = features(h->d);
    return copy_out(h->arg[1], &f) ? -EFAULT : 0;
}

static long build_id(struct hcall *h)
{
    struct hv_build_id b;
    const void *id;
    size_t n = platform_build_id(&id);

    if (!h->d->privileged)
        return -EPERM;
    if (!n)
        return -ENODATA;
    if (!h->arg[1]) /* how long is it? */
        return (long)n;
    if (copy_in(&b, h->arg[1]))
        return -EFAULT;
    if (!b.len)
        return -EINVAL;
    if (b.len < n)
        return -ENOBUFS;
    b.len = (uint32_t)n;
    if (copy_out(h->arg[1], &b) || guest_write(h->arg[1] + sizeof(b), id, n))
        return -EFAULT;
    return (long)n;
}

static __attribute__((noinline)) long answer(struct hcall *h)
{
    struct hv_platform_parameters p = {HV_VIRT_START};
    vaddr_t to = h->arg[1];

    switch ((uint32_t)h->arg[0]) {
    case HV_VER_EXTRAVERSION:
        return put_string(to, VERSION_EXTRA, HV_EXTRAVERSION_LEN);
    case HV_VER_COMPILE_INFO:
        return compile_info(to);
    case HV_VER_CAPABILITIES:
        return put_string(to, "xen-3.0-x86_64 ", HV_CAPABILITIES_INFO_LEN);
    case HV_VER_CHANGESET:
        return put_string(to, VERSION_CHANGESET, HV_CHANGESET_INFO_LEN);
    case HV_VER_PLATFORM_PARAMETERS:
        return copy_out(to, &p) ? -EFAULT : 0;
    case HV_VER_GET_FEATURES:
        return get_features(h);
    case HV_VER_PAGESIZE:
        return PAGE_SIZE;
    case HV_VER_GUEST_HANDLE:
        return copy_out(to, &h->d->handle) ? -EFAULT : 0;
    case HV_VER_COMMANDLINE:
        if (!h->d->privileged)
            return put_string(to, "<denied>", HV_COMMANDLINE_LEN);
        return put_string(to, boot_info_get()->cmdline, HV_COMMANDLINE_LEN);
    case HV_VER_BUILD_ID:
        return build_id(h);
    default:
        return -ENOSYS;
    }
}

/* Linux asks for the number when it only wants its events delivered. */
HCALL(call_xen_version)
{
    return likely((uint32_t)h->arg[0] == HV_VER_VERSION) ? VERSION : answer(h);
}
