/* SPDX-License-Identifier: MIT */
/* Who the hypervisor is: for xen_version and for its files (call/hypfs.c). */
#ifndef CALL_VERSION_H
#define CALL_VERSION_H

#define VERSION_MAJOR     4
#define VERSION_MINOR     17
#define VERSION_EXTRA     ".0-ostler"
#define VERSION_CHANGESET "unknown"
#define VERSION_COMPILER  "gcc " __VERSION__
#define VERSION_BY        "ostler"
#define VERSION_DOMAIN    "localhost"
#define VERSION_DATE      "reproducible"

#endif
