/* SPDX-License-Identifier: MIT */
/*
 * What stands for the hypervisor under the console daemon's test: files in the folder
 * that an environment variable names. Frame or grant n of domain d is the file page-d-n;
 * which domains there are stands in `domains`; event channels are two pipes of local
 * ports, which are the guest's own numbers plus 1000 times the domain's.
 */
#ifndef FAKE_GUEST_H
#define FAKE_GUEST_H

#define FAKE_DIR       "FAKE_DIR"
#define FAKE_TO_DAEMON "events"
#define FAKE_TO_GUEST  "notified"
#define FAKE_DOMAINS   "domains"
#define FAKE_PORTS     1000U /* of a domain */

#endif
