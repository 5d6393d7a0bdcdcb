/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>

#include "dom/imagelock.h"

#define DOES       100 /* and what it is: */
#define FORBIDS    200
#define READING    0
#define WRITING    1
#define RESIZING   3
#define END_OF_SET (-1)

static bool others_have(int fd, const int *bytes)
{
    for (; *bytes != END_OF_SET; bytes++) {
        struct flock lock = {
            .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = *bytes, .l_len = 1};

        if (fcntl(fd, F_OFD_GETLK, &lock) || lock.l_type != F_UNLCK)
            return true;
    }
    return false;
}

bool image_is_locked(int fd, bool readonly)
{
    static const int against_reader[] = {DOES + WRITING, DOES + RESIZING,
                                         FORBIDS + READING, END_OF_SET};
    static const int against_writer[] = {FORBIDS + WRITING, FORBIDS + RESIZING,
                                         END_OF_SET};

    return others_have(fd, against_reader) ||
           (!readonly && others_have(fd, against_writer));
}

static int lock_bytes(int fd, const int *bytes)
{
    for (; *bytes != END_OF_SET; bytes++) {
        struct flock lock = {
            .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = *bytes, .l_len = 1};

        if (fcntl(fd, F_OFD_SETLK, &lock))
            return errno == EAGAIN || errno == EACCES ? -EBUSY : -errno;
    }
    return 0;
}

int image_lock(int fd, bool readonly)
{
    static const int reader[] = {DOES + READING, FORBIDS + WRITING, FORBIDS + RESIZING,
                                 END_OF_SET};
    static const int writer[] = {DOES + WRITING, DOES + RESIZING, END_OF_SET};
    int rc = lock_bytes(fd, reader);

    if (!rc && !readonly)
        rc = lock_bytes(fd, writer);
    /* Only then: of two that come at once at most one finds nobody. */
    return rc ? rc : image_is_locked(fd, readonly) ? -EBUSY : 0;
}
