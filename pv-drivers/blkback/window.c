/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "blkback/window.h"

#define BLOCK 512 /* of st_blocks */

static sigjmp_buf way_out;
static volatile sig_atomic_t moving;

static void cannot_be_touched(int sig)
{
    if (!moving)
        _exit(1);
    siglongjmp(way_out, 1); /* out of move() */
}

void window_open(struct window *w, int fd, bool readonly)
{
    /* Not blocked while it is handled, so that who jumps out of it need not unblock it.
     */
    const struct sigaction action = {.sa_handler = cannot_be_touched,
                                     .sa_flags = SA_NODEFER};
    off_t end = lseek(fd, 0, SEEK_END);
    struct stat st;
    void *base;

    *w = (struct window){.fd = fd};
    if (end <= 0 || fstat(fd, &st) ||
        (!S_ISBLK(st.st_mode) && st.st_blocks * BLOCK < end) ||
        sigaction(SIGBUS, &action, NULL))
        return;
    base = mmap(NULL, (size_t)end, PROT_READ | (readonly ? 0 : PROT_WRITE), MAP_SHARED,
                fd, 0);
    if (base == MAP_FAILED)
        return;
    w->base = base;
    w->bytes = (uint64_t)end;
}

void window_close(struct window *w)
{
    if (w->base)
        munmap(w->base, w->bytes);
    w->base = NULL;
}

/* A function of its own: what it has in registers is lost when it is jumped out of. */
__attribute__((noinline)) static bool move(const struct window *w, bool write,
                                           const struct iovec *iov, unsigned int nr,
                                           uint64_t at)
{
    for (unsigned int i = 0; i < nr; i++) {
        if (at > w->bytes || iov[i].iov_len > w->bytes - at)
            return false;
        if (write)
            memcpy(w->base + at, iov[i].iov_base, iov[i].iov_len);
        else
            memcpy(iov[i].iov_base, w->base + at, iov[i].iov_len);
        at += iov[i].iov_len;
    }
    return true;
}

bool window_move(const struct window *w, bool write, const struct iovec *iov,
                 unsigned int nr, uint64_t at)
{
    bool moved = false;

    moving = 1;
    if (!sigsetjmp(way_out, 0))
        moved = move(w, write, iov, nr, at);
    moving = 0;
    return moved;
}
