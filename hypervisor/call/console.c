/* SPDX-License-Identifier: MIT */
/* console_io: the emergency console. dom0 writes and reads; a domU's writes go to the log
 * when guests may. */
#include "abi/xen.h"
#include "call/call.h"
#include "kern/console.h"
#include "kern/log.h"

#define CHUNK 128

static long write_out(struct hcall *h)
{
    size_t left = (uint32_t)h->arg[1];
    vaddr_t from = h->arg[2];
    char buf[CHUNK];

    while (left) {
        size_t n = MIN(left, sizeof(buf));

        if (guest_read(buf, from, n))
            return -EFAULT;
        log_guest(h->d->id, buf, n);
        from += n;
        left -= n;
        if (left && hcall_preempt()) {
            h->arg[1] = left;
            h->arg[2] = from;
            return HCALL_AGAIN;
        }
    }
    return 0;
}

static long read_in(struct hcall *h)
{
    size_t left = (uint32_t)h->arg[1], done = 0;
    char buf[CHUNK];

    if (!h->d->privileged)
        return -EPERM;
    while (done < left) {
        size_t n = console_read(buf, MIN(left - done, sizeof(buf)));

        if (!n)
            break;
        if (guest_write(h->arg[2] + done, buf, n))
            return -EFAULT;
        done += n;
    }
    return (long)done;
}

HCALL(call_console_io)
{
    switch ((int)h->arg[0]) {
    case HV_CONSOLEIO_WRITE:
        return write_out(h);
    case HV_CONSOLEIO_READ:
        return read_in(h);
    default:
        return -ENOSYS;
    }
}
