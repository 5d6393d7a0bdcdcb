/* SPDX-License-Identifier: MIT */
/*
 * Event channels (/dev/xen/evtchn), ring pages (/dev/xen/gntdev, /dev/xen/privcmd) and
 * domain states (a domctl through /dev/xen/privcmd). See hv.h.
 */
#include "daemon/hv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* Linux's headers for these devices use two names that they do not define. */
typedef uint16_t domid_t;
typedef uint32_t grant_ref_t;
#include <xen/evtchn.h>
#include <xen/gntdev.h>

#define PAGE_SIZE          4096u
#define VIRQ_DOM_EXC       3u
#define XENSTORE_GRANT_REF 1u /* reserved by the tools for the ring in every domain */

/* /dev/xen/privcmd: its public header needs others that are not installed everywhere. */
struct privcmd_call {
    uint64_t op;
    uint64_t arg[5];
};
struct privcmd_batch {
    uint32_t num;
    uint16_t dom;
    uint64_t addr;
    const uint64_t *frames;
    int *errors;
};
#define PRIVCMD_CALL      _IOC(_IOC_NONE, 'P', 0, sizeof(struct privcmd_call))
#define PRIVCMD_BATCH     _IOC(_IOC_NONE, 'P', 4, sizeof(struct privcmd_batch))

#define CALL_DOMCTL       36u
#define DOMCTL_DOMAININFO 5u
#define DOMCTL_OLDEST     0x12u
#define DOMCTL_NEWEST     0x18u
#define INFO_DYING        1u
#define INFO_SHUTDOWN     4u

/* The head of a domctl and of the answer; both are stable across interface versions. */
struct domctl_info {
    uint32_t cmd;
    uint32_t version;
    uint16_t domain;
    uint16_t pad[3];
    uint16_t info_domain;
    uint16_t info_pad;
    uint32_t info_flags;
    uint8_t rest[512];
};

static int evtchn = -1, gntdev = -1, privcmd = -1;

/* The mappings made through gntdev have to be undone by their index. */
static struct mapping {
    void *page;
    uint64_t index;
    bool grant;
    struct mapping *next;
} * mappings;

int hv_open(void)
{
    evtchn = open("/dev/xen/evtchn", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    return evtchn < 0 ? -errno : 0;
}

int hv_event_fd(void)
{
    return evtchn;
}

int hv_pending(uint32_t *ports, int max)
{
    ssize_t n = read(evtchn, ports, (size_t)max * sizeof(*ports));

    return n > 0 ? (int)((size_t)n / sizeof(*ports)) : 0;
}

void hv_unmask(uint32_t port)
{
    ssize_t n = write(evtchn, &port, sizeof(port));

    (void)n; /* fails only for a port that is gone */
}

int hv_bind_domain(uint32_t domid, uint32_t remote_port)
{
    struct ioctl_evtchn_bind_interdomain b = {.remote_domain = domid,
                                              .remote_port = remote_port};
    int port = ioctl(evtchn, IOCTL_EVTCHN_BIND_INTERDOMAIN, &b);

    return port < 0 ? -errno : port;
}

int hv_bind_virq_dom_exc(void)
{
    struct ioctl_evtchn_bind_virq b = {.virq = VIRQ_DOM_EXC};
    int port = ioctl(evtchn, IOCTL_EVTCHN_BIND_VIRQ, &b);

    return port < 0 ? -errno : port;
}

void hv_unbind(uint32_t port)
{
    struct ioctl_evtchn_unbind u = {.port = port};

    ioctl(evtchn, IOCTL_EVTCHN_UNBIND, &u);
}

void hv_notify(uint32_t port)
{
    struct ioctl_evtchn_notify n = {.port = port};

    ioctl(evtchn, IOCTL_EVTCHN_NOTIFY, &n);
}

/* --- pages --- */

static void *remember(void *page, uint64_t index, bool grant)
{
    struct mapping *m = malloc(sizeof(*m));

    if (!m) {
        munmap(page, PAGE_SIZE);
        return NULL;
    }
    *m = (struct mapping){page, index, grant, mappings};
    mappings = m;
    return page;
}

static void *map_grant(uint32_t domid, uint32_t ref)
{
    struct ioctl_gntdev_map_grant_ref m = {.count = 1, .refs = {{domid, ref}}};
    struct ioctl_gntdev_unmap_grant_ref u = {.count = 1};
    void *page;

    if (gntdev < 0)
        gntdev = open("/dev/xen/gntdev", O_RDWR | O_CLOEXEC);
    if (gntdev < 0 || ioctl(gntdev, IOCTL_GNTDEV_MAP_GRANT_REF, &m))
        return NULL;
    page =
        mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, gntdev, (off_t)m.index);
    if (page != MAP_FAILED)
        return remember(page, m.index, true);
    u.index = m.index;
    ioctl(gntdev, IOCTL_GNTDEV_UNMAP_GRANT_REF, &u);
    return NULL;
}

static bool open_privcmd(void)
{
    if (privcmd < 0)
        privcmd = open("/dev/xen/privcmd", O_RDWR | O_CLOEXEC);
    return privcmd >= 0;
}

static void *map_frame(uint32_t domid, uint64_t gfn)
{
    struct privcmd_batch b = {.num = 1, .dom = (uint16_t)domid, .frames = &gfn};
    int error = 0;
    void *page;

    if (!open_privcmd())
        return NULL;
    page = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, privcmd, 0);
    if (page == MAP_FAILED)
        return NULL;
    b.addr = (uintptr_t)page;
    b.errors = &error;
    if (ioctl(privcmd, PRIVCMD_BATCH, &b) || error) {
        munmap(page, PAGE_SIZE);
        return NULL;
    }
    return remember(page, 0, false);
}

struct hv_store_domain_interface *hv_map_ring(uint32_t domid, uint64_t gfn)
{
    void *page = map_grant(domid, XENSTORE_GRANT_REF);

    return page ? page : map_frame(domid, gfn);
}

struct hv_store_domain_interface *hv_map_own_ring(void)
{
    int fd = open("/proc/xen/xsd_kva", O_RDWR | O_CLOEXEC);
    void *page;

    if (fd < 0)
        return NULL;
    page = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    return page == MAP_FAILED ? NULL : remember(page, 0, false);
}

int hv_own_port(void)
{
    int fd = open("/proc/xen/xsd_port", O_RDONLY | O_CLOEXEC);
    char text[20] = "";
    ssize_t n;

    if (fd < 0)
        return -errno;
    n = read(fd, text, sizeof(text) - 1);
    close(fd);
    return n > 0 ? atoi(text) : -EINVAL;
}

void hv_unmap_ring(struct hv_store_domain_interface *page)
{
    struct mapping **at = &mappings, *m;

    while ((m = *at) && m->page != page)
        at = &m->next;
    if (!m)
        return;
    *at = m->next;
    munmap(page, PAGE_SIZE);
    if (m->grant) {
        struct ioctl_gntdev_unmap_grant_ref u = {.index = m->index, .count = 1};

        ioctl(gntdev, IOCTL_GNTDEV_UNMAP_GRANT_REF, &u);
    }
    free(m);
}

/* --- domains --- */

/* Memory the hypervisor may write: never swapped or copied on write while it does. */
static struct domctl_info *call_buffer(void)
{
    static void *page;
    int fd;

    if (page)
        return page;
    fd = open("/dev/xen/hypercall", O_RDWR | O_CLOEXEC);
    if (fd >= 0) {
        page = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        close(fd);
    }
    if (fd < 0 || page == MAP_FAILED) {
        page = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                    -1, 0);
        if (page != MAP_FAILED)
            mlock(page, PAGE_SIZE);
    }
    if (page == MAP_FAILED)
        page = NULL;
    return page;
}

static int domain_info(struct domctl_info *info, uint32_t domid, uint32_t version)
{
    struct privcmd_call call = {.op = CALL_DOMCTL, .arg = {(uintptr_t)info}};

    memset(info, 0, sizeof(*info));
    info->cmd = DOMCTL_DOMAININFO;
    info->version = version;
    info->domain = (uint16_t)domid;
    return ioctl(privcmd, PRIVCMD_CALL, &call) < 0 ? -errno : 0;
}

/*
 * The interface version this hypervisor speaks: the one that is not refused; 0 if none.
 */
static uint32_t domctl_version(struct domctl_info *info)
{
    static uint32_t version;

    for (uint32_t v = DOMCTL_OLDEST; !version && v <= DOMCTL_NEWEST; v++) {
        if (domain_info(info, 0, v) == 0)
            version = v;
    }
    return version;
}

enum hv_state hv_domain_state(uint32_t domid)
{
    struct domctl_info *info = call_buffer();
    uint32_t version;
    int rc;

    if (!info || !open_privcmd())
        return HV_STATE_UNKNOWN;
    version = domctl_version(info);
    if (!version)
        return HV_STATE_UNKNOWN;
    rc = domain_info(info, domid, version);
    if (rc == -ESRCH || (rc == 0 && info->info_domain != domid))
        return HV_STATE_GONE;
    if (rc)
        return HV_STATE_UNKNOWN;
    if (info->info_flags & INFO_DYING)
        return HV_STATE_GONE;
    return info->info_flags & INFO_SHUTDOWN ? HV_STATE_SHUTDOWN : HV_STATE_RUNNING;
}
