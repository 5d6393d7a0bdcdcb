#!/bin/bash
# SPDX-License-Identifier: MIT
# Our XenStore and the stock kernel's xenbus, in dom0 and in a guest: on Ostler with our tools,
# on the real Xen with Debian's, which then run with our library.
. "$(dirname "$0")/lib.sh"
hypervisor=ours tools=ours
in_dom0 'our tools on Ostler' store.sh --cpus 2
hypervisor=xen tools=xen
in_dom0 "Debian's tools on Xen" store.sh \
    --add "$O/xenstore/xenstored:/usr/sbin/xenstored" \
    --add "$O/xenstore/libxenstore.so.4.0:/ours/libxenstore.so.4"
finish
