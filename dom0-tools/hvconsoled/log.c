/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "consoled.h"

static const char *guest_dir;

/* Like mkdir -p. */
static int make_path(const char *dir)
{
    char path[512];

    snprintf(path, sizeof(path), "%s", dir);
    for (char *at = strchr(path + 1, '/'); at; at = strchr(at + 1, '/')) {
        *at = 0;
        mkdir(path, 0755);
        *at = '/';
    }
    return mkdir(path, 0750) && errno != EEXIST ? -errno : 0;
}

void log_guests_in(const char *dir)
{
    guest_dir = dir;
    if (dir && make_path(dir))
        log_line("cannot make %s: %s", dir, strerror(errno));
}

int log_guest_open(const char *name)
{
    char path[512];
    int fd;

    /* The name comes from XenStore: it must stay inside the folder. */
    if (!guest_dir || !*name || strchr(name, '/') || name[0] == '.')
        return -1;
    snprintf(path, sizeof(path), "%s/guest-%s.log", guest_dir, name);
    fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (fd < 0)
        log_line("cannot open %s: %s", path, strerror(errno));
    return fd;
}

void log_guest_write(int fd, const char *data, size_t len)
{
    /* A full disk costs the log, not the console. */
    if (fd >= 0 && write(fd, data, len) < 0)
        return;
}
