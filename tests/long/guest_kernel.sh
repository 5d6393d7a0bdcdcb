#!/bin/bash
# SPDX-License-Identifier: MIT
# The kernel that `make guest-kernel` builds, with back ends that are killed 200 times.
. "$(dirname "$0")/../system/lib.sh"
kernel=$O/cache/guest-kernel/vmlinuz
if [ -e "$kernel" ]; then
    in_dom0 'guest kernel' guest_kernel_long.sh --cpus 2 --add "$kernel:/guest/patched" \
        --module loop --module xen-blkback --module xen-netback --timeout 1800
else
    skip 'guest kernel' 'not built: make guest-kernel'
fi
finish
