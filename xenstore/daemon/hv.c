/* SPDX-License-Identifier: MIT */
/*
 * The daemon's doors, made of the tools' (dom0-tools/lib/hv) and of two files in which
 * Linux hands out domain 0's own ring. See hv.h.
 */
#include "daemon/hv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hv/door.h"

#define VIRQ_DOM_EXC 3u

/* Interface versions whose head of a domctl, and of this answer, are as we know them. */
#define DOMCTL_OLDEST 0x12u
#define DOMCTL_NEWEST 0x18u

static struct door_events *events;
static struct door_grants *grants;
static struct door *door;

/* Rings are mapped in three ways, and are to be unmapped as they were mapped. */
static struct mapping {
    void *page;
    uint64_t index;
    bool grant;
    struct mapping *next;
} * mappings;

int hv_open(void)
{
    return door_events_open(&events);
}

int hv_event_fd(void)
{
    return door_events_fd(events);
}

int hv_pending(uint32_t *ports, int max)
{
    int n = door_events_take(events, ports, max);

    return n > 0 ? n : 0;
}

void hv_unmask(uint32_t port)
{
    door_events_unmask(events, port); /* fails only for a port that is gone */
}

int hv_bind_domain(uint32_t domid, uint32_t remote_port)
{
    return door_events_bind(events, (hv_domid_t)domid, remote_port);
}

int hv_bind_virq_dom_exc(void)
{
    return door_events_bind_virq(events, VIRQ_DOM_EXC);
}

void hv_unbind(uint32_t port)
{
    door_events_unbind(events, port);
}

void hv_notify(uint32_t port)
{
    door_events_notify(events, port);
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

/* By the grant that the tools reserve for the ring in every domain. */
static void *map_grant(uint32_t domid)
{
    const uint32_t ref = 1;
    uint64_t index;
    void *page;

    if (!grants && door_grants_open(&grants))
        return NULL;
    if (door_grant_map(grants, (hv_domid_t)domid, &ref, 1, &page, &index))
        return NULL;
    return remember(page, index, true);
}

static int open_door(void)
{
    return door ? 0 : door_open(&door);
}

struct hv_store_domain_interface *hv_map_ring(uint32_t domid, uint64_t gfn)
{
    hv_pfn_t frame = gfn;
    void *page = map_grant(domid);
    int rc;

    if (page)
        return page;
    rc = open_door();
    if (!rc)
        rc = door_map(door, (hv_domid_t)domid, &frame, 1, &page);
    if (!rc)
        return remember(page, 0, false);
    errno = -rc;
    return NULL;
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
    if (m->grant)
        door_grant_unmap(grants, page, 1, m->index);
    else
        munmap(page, PAGE_SIZE);
    free(m);
}

/* --- domains --- */

static int domain_info(struct hv_domctl *op, uint32_t domid, uint32_t version)
{
    memset(op, 0, sizeof(*op));
    op->cmd = HV_DOMCTL_GETDOMAININFO;
    op->interface_version = version;
    op->domain = (hv_domid_t)domid;
    return (int)door_call(door, HV_CALL_DOMCTL, (uintptr_t)op, 0, 0, 0);
}

/*
 * The interface version this hypervisor speaks: the one that is not refused; 0 if none.
 */
static uint32_t domctl_version(struct hv_domctl *op)
{
    static uint32_t version;

    for (uint32_t v = DOMCTL_OLDEST; !version && v <= DOMCTL_NEWEST; v++) {
        if (domain_info(op, 0, v) == 0)
            version = v;
    }
    return version;
}

static enum hv_state state_of(struct hv_domctl *op, uint32_t domid)
{
    uint32_t version = domctl_version(op);
    int rc = version ? domain_info(op, domid, version) : 0;

    if (!version)
        return HV_STATE_UNKNOWN;
    if (rc == -ESRCH || (rc == 0 && op->u.getdomaininfo.domain != domid))
        return HV_STATE_GONE;
    if (rc)
        return HV_STATE_UNKNOWN;
    if (op->u.getdomaininfo.flags & HV_DOMINF_DYING)
        return HV_STATE_GONE;
    return op->u.getdomaininfo.flags & HV_DOMINF_SHUTDOWN ? HV_STATE_SHUTDOWN
                                                          : HV_STATE_RUNNING;
}

enum hv_state hv_domain_state(uint32_t domid)
{
    enum hv_state state = HV_STATE_UNKNOWN;
    /* A newer hypervisor's answer may be longer than ours. */
    const size_t size = sizeof(struct hv_domctl) + 512;
    struct hv_domctl *op;

    if (open_door())
        return state;
    op = door_buf_get(door, size);
    if (!op)
        return state;
    state = state_of(op, domid);
    door_buf_put(door, op, size);
    return state;
}
