#!/bin/bash
# SPDX-License-Identifier: MIT
# Guests' disks: our backend with the stock kernel's frontend, on the hypervisor under test.
. "$(dirname "$0")/lib.sh"

kernel=$("$here/../lab/fetch" linux)
"$here/../lab/guest-modules" "$kernel" "$scratch/modules" xen-blkfront ext4
(cd "$scratch/modules" && find . -mindepth 1 -print0 | cpio -0 -o -H newc -R 0:0 --quiet) \
    >"$scratch/blk.cpio"
in_dom0 'disks' block.sh --cpus 2 --timeout 900 --add "$scratch/blk.cpio:/guest/blk.cpio"
finish
