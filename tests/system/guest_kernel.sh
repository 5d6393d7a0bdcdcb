#!/bin/bash
# SPDX-License-Identifier: MIT
# The kernel that `make guest-kernel` builds, where it was built: it boots, and its disk and
# network outlive their backends (here those of dom0's kernel).
. "$(dirname "$0")/lib.sh"
kernel=$O/cache/guest-kernel/vmlinuz
if [ -e "$kernel" ]; then
    in_dom0 'guest kernel' guest_kernel.sh --add "$kernel:/guest/patched" \
        --module loop --module xen-blkback --module xen-netback
else
    skip 'guest kernel' 'not built: make guest-kernel'
fi
finish
