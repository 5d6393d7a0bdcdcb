/* SPDX-License-Identifier: MIT */
/* The daemon's hv.h over fake_dir.h: our xenstored with domains, without a hypervisor. */
#include "daemon/hv.h"

#include <errno.h>

#include "fake_dir.h"

static int events = -1;

int hv_open(void)
{
    events = fake_events();
    return events < 0 ? -errno : 0;
}

int hv_event_fd(void)
{
    return events;
}

int hv_pending(uint32_t *ports, int max)
{
    ssize_t n = read(events, ports, (size_t)max * sizeof(*ports));

    return n > 0 ? (int)((size_t)n / sizeof(*ports)) : 0;
}

void hv_unmask(uint32_t port)
{
}

int hv_bind_domain(uint32_t domid, uint32_t remote_port)
{
    return (int)(FAKE_PORT_BASE + domid);
}

int hv_bind_virq_dom_exc(void)
{
    return FAKE_PORT_VIRQ;
}

void hv_unbind(uint32_t port)
{
}

void hv_notify(uint32_t port)
{
}

struct hv_store_domain_interface *hv_map_ring(uint32_t domid, uint64_t gfn)
{
    return fake_ring(domid);
}

struct hv_store_domain_interface *hv_map_own_ring(void)
{
    char path[256];
    int fd;

    fake_path(path, sizeof(path), "%s/ring.0", 0);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, 4096))
        return NULL;
    close(fd);
    return fake_ring(0);
}

int hv_own_port(void)
{
    return 1;
}

void hv_unmap_ring(struct hv_store_domain_interface *page)
{
    munmap(page, 4096);
}

enum hv_state hv_domain_state(uint32_t domid)
{
    char c = fake_state(domid);

    return c == 'g' ? HV_STATE_GONE : c == 's' ? HV_STATE_SHUTDOWN : HV_STATE_RUNNING;
}
