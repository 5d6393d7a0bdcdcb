/* SPDX-License-Identifier: MIT */
/* The functions of libxenstore that need no connection. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/xenstore.h"
#include "wire/xs_path.h"
#include "wire/xs_perm.h"

#define EXPORT __attribute__((visibility("default")))

EXPORT const char *xs_daemon_rundir(void)
{
    const char *dir = getenv("XENSTORED_RUNDIR");

    return dir ? dir : "/var/run/xenstored";
}

EXPORT const char *xs_daemon_socket(void)
{
    static __thread char path[4096];
    const char *given = getenv("XENSTORED_PATH");

    if (given)
        return given;
    if ((size_t)snprintf(path, sizeof(path), "%s/socket", xs_daemon_rundir()) >=
        sizeof(path))
        return NULL;
    return path;
}

EXPORT const char *xs_daemon_socket_ro(void)
{
    return xs_daemon_socket();
}

EXPORT bool xs_write_all(int fd, const void *data, unsigned int len)
{
    while (len) {
        ssize_t n = write(fd, data, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        data = (const char *)data + n;
        len -= (unsigned int)n;
    }
    return true;
}

EXPORT bool xs_strings_to_perms(struct xs_permissions *perms, unsigned int num,
                                const char *strings)
{
    for (unsigned int i = 0; i < num; i++) {
        struct xs_perm p;

        if (!xs_perm_parse(strings, &p)) {
            errno = EINVAL;
            return false;
        }
        perms[i].id = p.id;
        perms[i].perms = p.access;
        strings += strlen(strings) + 1;
    }
    return true;
}

EXPORT bool xs_path_is_subpath(const char *parent, const char *child)
{
    return xs_path_below(parent, strlen(parent), child, strlen(child), NULL);
}
