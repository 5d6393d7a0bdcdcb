/* SPDX-License-Identifier: MIT */
/* Reference: Linux, loop(4), include/uapi/linux/loop.h. */
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dom/imagelock.h"
#include "dom/loopdev.h"

#define MAX_TRIES 20 /* others may take the one that was free */

static int open_free(bool readonly)
{
    int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC), nr, fd;
    char path[32];

    if (control < 0)
        return -errno;
    nr = ioctl(control, LOOP_CTL_GET_FREE);
    close(control);
    if (nr < 0)
        return -errno;
    snprintf(path, sizeof(path), "/dev/loop%d", nr);
    fd = open(path, (readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static int configure(int file, const char *path, bool readonly, bool direct)
{
    struct loop_config config = {.fd = (uint32_t)file};
    int fd = -EBUSY;

    config.info.lo_flags = LO_FLAGS_AUTOCLEAR | (readonly ? LO_FLAGS_READ_ONLY : 0) |
                           (direct ? LO_FLAGS_DIRECT_IO : 0);
    snprintf((char *)config.info.lo_file_name, LO_NAME_SIZE, "%s", path);
    for (unsigned int tries = 0; tries < MAX_TRIES; tries++) {
        fd = open_free(readonly);
        if (fd < 0 || !ioctl(fd, LOOP_CONFIGURE, &config))
            return fd;
        close(fd);
        if (errno != EBUSY)
            return -errno;
        fd = -EBUSY;
    }
    return fd;
}

int loopdev_make(const char *path, bool readonly, bool direct, dev_t *device)
{
    int file = open(path, (readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC), fd, rc;
    struct stat st;

    if (file < 0)
        return -errno;
    /* The lock belongs to the open file, which the loop device keeps. */
    rc = image_lock(file, readonly);
    fd = rc ? rc : configure(file, path, readonly, direct);
    close(file);
    if (fd >= 0 && fstat(fd, &st)) {
        rc = -errno;
        close(fd);
        return rc;
    }
    if (fd >= 0)
        *device = st.st_rdev;
    return fd;
}
