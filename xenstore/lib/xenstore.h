/* SPDX-License-Identifier: MIT */
/*
 * libxenstore: the client side of XenStore. The interface is that of libxenstore.so.4 as
 * Xen distributes it, so programs built against either run with both.
 *
 * Functions that return a pointer return memory to be freed with one free(), or NULL with
 * errno set; those that return bool return false with errno set. A handle may be used by
 * many threads. After fork() only the parent goes on with it; the child calls
 * xs_daemon_destroy_postfork(). No thread and no signal is used behind the caller's back.
 */
#ifndef OSTLER_XENSTORE_H
#define OSTLER_XENSTORE_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define XBT_NULL           0

#define XS_OPEN_READONLY   (1UL << 0) /* no effect */
#define XS_OPEN_SOCKETONLY (1UL << 1) /* not through /dev/xen/xenbus */
/*
 * After xs_unwatch no event of that watch is returned. Needs tokens to be used once only.
 */
#define XS_UNWATCH_FILTER (1UL << 2)

#define XS_PERM_NONE      0x00
#define XS_PERM_READ      0x01
#define XS_PERM_WRITE     0x02
#define XS_PERM_ENOENT_OK 0x04
#define XS_PERM_OWNER     0x08
#define XS_PERM_IGNORE    0x10

struct xs_handle;
typedef uint32_t xs_transaction_t;

/* The first entry of a list names the owner, and what all not listed may do. */
struct xs_permissions {
    unsigned int id;    /* domain */
    unsigned int perms; /* XS_PERM_* */
};

/* Tries the socket ($XENSTORED_PATH, or socket in $XENSTORED_RUNDIR), then the kernel. */
struct xs_handle *xs_open(unsigned long flags);
void xs_close(struct xs_handle *h); /* NULL is fine */

/* Old names of the two above. */
struct xs_handle *xs_daemon_open(void);
struct xs_handle *xs_domain_open(void);
struct xs_handle *xs_daemon_open_readonly(void);
void xs_daemon_close(struct xs_handle *h);
void xs_daemon_destroy_postfork(struct xs_handle *h);

/* Names of the children; *num says how many. */
char **xs_directory(struct xs_handle *h, xs_transaction_t t, const char *path,
                    unsigned int *num);
/* The value with a NUL behind it that *len (may be NULL) does not count. */
void *xs_read(struct xs_handle *h, xs_transaction_t t, const char *path,
              unsigned int *len);
bool xs_write(struct xs_handle *h, xs_transaction_t t, const char *path, const void *data,
              unsigned int len);
bool xs_mkdir(struct xs_handle *h, xs_transaction_t t, const char *path);
bool xs_rm(struct xs_handle *h, xs_transaction_t t, const char *path);
bool xs_restrict(struct xs_handle *h, unsigned int domid); /* always false */

struct xs_permissions *xs_get_permissions(struct xs_handle *h, xs_transaction_t t,
                                          const char *path, unsigned int *num);
bool xs_set_permissions(struct xs_handle *h, xs_transaction_t t, const char *path,
                        struct xs_permissions *perms, unsigned int num_perms);

bool xs_watch(struct xs_handle *h, const char *path, const char *token);
bool xs_unwatch(struct xs_handle *h, const char *path, const char *token);
/* Readable when xs_check_watch is worth calling, until that has returned NULL with
 * EAGAIN. */
int xs_fileno(struct xs_handle *h);
/* The changed path and the watch's token; xs_read_watch waits for an event, *num
 * becomes 2. */
char **xs_check_watch(struct xs_handle *h);
char **xs_read_watch(struct xs_handle *h, unsigned int *num);

/* 0 on failure. Ending with false from EAGAIN means: somebody else was faster, start
 * again. */
xs_transaction_t xs_transaction_start(struct xs_handle *h);
bool xs_transaction_end(struct xs_handle *h, xs_transaction_t t, bool abort);

bool xs_introduce_domain(struct xs_handle *h, unsigned int domid, unsigned long mfn,
                         unsigned int eventchn);
bool xs_set_target(struct xs_handle *h, unsigned int domid, unsigned int target);
bool xs_resume_domain(struct xs_handle *h, unsigned int domid);
bool xs_release_domain(struct xs_handle *h, unsigned int domid);
char *xs_get_domain_path(struct xs_handle *h, unsigned int domid);
bool xs_is_domain_introduced(struct xs_handle *h, unsigned int domid);

char *xs_control_command(struct xs_handle *h, const char *cmd, void *data,
                         unsigned int len);
char *xs_debug_command(struct xs_handle *h, const char *cmd, void *data,
                       unsigned int len);
int xs_suspend_evtchn_port(int domid); /* -1 if there is none */

/* child is parent or below it, as strings. */
bool xs_path_is_subpath(const char *parent, const char *child);

const char *xs_daemon_rundir(void);
const char *xs_daemon_socket(void);
const char *xs_daemon_socket_ro(void);
bool xs_write_all(int fd, const void *data, unsigned int len);
/* num terminated strings one behind the other, as GET_PERMS returns them. */
bool xs_strings_to_perms(struct xs_permissions *perms, unsigned int num,
                         const char *strings);

#ifdef __cplusplus
}
#endif

#endif
