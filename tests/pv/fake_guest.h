/* SPDX-License-Identifier: MIT */
/*
 * A guest and a hypervisor made of files, for whole daemons on any host: grant n is page
 * n of a file that stands for the guest's memory, and two pipes are the event channels.
 * The daemon is linked with fake_files.c in place of the tools' doors.
 */
#ifndef FAKE_GUEST_H
#define FAKE_GUEST_H

#define GUEST_DIR_VARIABLE                                                               \
    "FAKE_GUEST_DIR"             /* in the environment: where the files are              \
                                  */
#define GUEST_MEMORY   "memory"  /* memory-0: of all guests, who use pages of their own */
#define GUEST_TO_BACK  "to-back" /* pipes, to-back-DOMID: a byte is an event */
#define GUEST_TO_FRONT "to-front"
#define GUEST_TAP      "tap-" /* sockets, tap-NAME */
#define GUEST_PAGES    4096U

#endif
