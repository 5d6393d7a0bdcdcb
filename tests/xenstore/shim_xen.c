/* SPDX-License-Identifier: MIT */
/*
 * Preloaded into Debian's C xenstored: stands in for libxenevtchn, libxengnttab and
 * libxenctrl over fake_dir.h, so that it runs on any Linux and can be compared with ours.
 */
#include <errno.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <xenctrl.h>
#include <xenevtchn.h>
#include <xengnttab.h>

#include "fake_dir.h"

static int events = -1;
static int dummy;

xenevtchn_handle *xenevtchn_open(struct xentoollog_logger *logger, unsigned int flags)
{
    events = fake_events();
    fcntl(events, F_SETFD, 0); /* it goes along in a live update */
    return (xenevtchn_handle *)&dummy;
}

xenevtchn_handle *xenevtchn_fdopen(struct xentoollog_logger *logger, int fd,
                                   unsigned open_flags)
{
    events = fd;
    return (xenevtchn_handle *)&dummy;
}

int xenevtchn_close(xenevtchn_handle *xce)
{
    return close(events);
}

int xenevtchn_fd(xenevtchn_handle *xce)
{
    return events;
}

int xenevtchn_notify(xenevtchn_handle *xce, evtchn_port_t port)
{
    return 0;
}

xenevtchn_port_or_error_t xenevtchn_bind_interdomain(xenevtchn_handle *xce,
                                                     uint32_t domid,
                                                     evtchn_port_t remote_port)
{
    return (int)(FAKE_PORT_BASE + domid);
}

xenevtchn_port_or_error_t xenevtchn_bind_virq(xenevtchn_handle *xce, unsigned int virq)
{
    return FAKE_PORT_VIRQ;
}

int xenevtchn_unbind(xenevtchn_handle *xce, evtchn_port_t port)
{
    return 0;
}

xenevtchn_port_or_error_t xenevtchn_pending(xenevtchn_handle *xce)
{
    uint32_t port;

    return read(events, &port, sizeof(port)) == sizeof(port) ? (int)port : -1;
}

int xenevtchn_unmask(xenevtchn_handle *xce, evtchn_port_t port)
{
    return 0;
}

xengnttab_handle *xengnttab_open(struct xentoollog_logger *logger, unsigned open_flags)
{
    return (xengnttab_handle *)&dummy;
}

int xengnttab_close(xengnttab_handle *xgt)
{
    return 0;
}

int xengnttab_set_max_grants(xengnttab_handle *xgt, uint32_t nr_grants)
{
    return 0;
}

void *xengnttab_map_grant_ref(xengnttab_handle *xgt, uint32_t domid, uint32_t ref,
                              int prot)
{
    return fake_ring(domid);
}

int xengnttab_unmap(xengnttab_handle *xgt, void *start_address, uint32_t count)
{
    return munmap(start_address, 4096);
}

xc_interface *xc_interface_open(xentoollog_logger *logger,
                                xentoollog_logger *dombuild_logger, unsigned open_flags)
{
    return (xc_interface *)&dummy;
}

int xc_interface_close(xc_interface *xch)
{
    return 0;
}

int xc_domain_getinfo(xc_interface *xch, uint32_t first_domid, unsigned int max_doms,
                      xc_dominfo_t *info)
{
    char c = fake_state(first_domid);

    if (c == 'g')
        return 0;
    memset(info, 0, sizeof(*info));
    info->domid = first_domid;
    info->running = 1;
    info->shutdown = c == 's';
    info->dying = c == 'd';
    return 1;
}

/* oxenstored insists on raising its limit of open files. */
int setrlimit(__rlimit_resource_t resource, const struct rlimit *limit)
{
    return 0;
}

/* Domain 0's ring and event channel, which its kernel gives out as files. */
int open(const char *name, int flags, ...)
{
    char path[256];
    mode_t mode = 0600;
    int fd;

    if (strcmp(name, "/proc/xen/xsd_port") == 0) {
        fake_path(path, sizeof(path), "%s/xsd_port", 0);
        fd = openat(AT_FDCWD, path, O_RDWR | O_CREAT | O_TRUNC, 0600);
        if (fd >= 0 && (write(fd, "7", 1) != 1 || lseek(fd, 0, SEEK_SET) != 0))
            return -1;
        return fd;
    }
    if (strcmp(name, "/proc/xen/xsd_kva") == 0) {
        fake_path(path, sizeof(path), "%s/ring.0", 0);
        fd = openat(AT_FDCWD, path, O_RDWR | O_CREAT, 0600);
        return fd >= 0 && ftruncate(fd, 4096) ? -1 : fd;
    }
    return openat(AT_FDCWD, name, flags, mode);
}

int open64(const char *name, int flags, ...) __attribute__((alias("open")));

/* oxenstored knows one place for its socket only. */
int bind(int fd, __CONST_SOCKADDR_ARG addr, socklen_t len)
{
    struct sockaddr_un mine = {.sun_family = AF_UNIX};

    fake_path(mine.sun_path, sizeof(mine.sun_path), "%s/socket", 0);
    unlink(mine.sun_path);
    return (int)syscall(SYS_bind, fd, &mine, sizeof(mine));
}
