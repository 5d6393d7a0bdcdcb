/* SPDX-License-Identifier: MIT */
/*
 * Error numbers, as Linux and the guest ABI have them. On a hosted build the C
 * library's own header gives the same names and values.
 *
 * Reference: Xen public interface, errno.h.
 */
#ifndef LIB_ERRNO_H
#define LIB_ERRNO_H

#if !defined(__ASSEMBLY__) && defined(__STDC_HOSTED__) && __STDC_HOSTED__ == 1
#include <errno.h>
#endif

#ifndef EPERM
#define EPERM         1
#define ENOENT        2
#define ESRCH         3
#define EINTR         4 /* never given to a guest */
#define EIO           5
#define ENXIO         6
#define E2BIG         7
#define ENOEXEC       8
#define EBADF         9
#define ECHILD        10
#define EAGAIN        11
#define EWOULDBLOCK   11
#define ENOMEM        12
#define EACCES        13
#define EFAULT        14
#define EBUSY         16
#define EEXIST        17
#define EXDEV         18
#define ENODEV        19
#define ENOTDIR       20
#define EISDIR        21
#define EINVAL        22
#define ENFILE        23
#define EMFILE        24
#define ENOSPC        28
#define EROFS         30
#define EMLINK        31
#define EDOM          33
#define ERANGE        34
#define EDEADLK       35
#define EDEADLOCK     35
#define ENAMETOOLONG  36
#define ENOLCK        37
#define ENOSYS        38
#define ENOTEMPTY     39
#define ENODATA       61
#define ETIME         62
#define EBADMSG       74
#define EOVERFLOW     75
#define EILSEQ        84
#define ERESTART      85 /* never given to a guest */
#define ENOTSOCK      88
#define EMSGSIZE      90
#define EOPNOTSUPP    95
#define EADDRINUSE    98
#define EADDRNOTAVAIL 99
#define ENOBUFS       105
#define EISCONN       106
#define ENOTCONN      107
#define ETIMEDOUT     110
#define ECONNREFUSED  111
#endif

#endif
