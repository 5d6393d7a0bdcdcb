#!/bin/bash
# SPDX-License-Identifier: MIT
# Guests' disks: our backend with the stock kernel's frontend, on the hypervisor under test.
. "$(dirname "$0")/lib.sh"

# A file system with a file that the guest can know.
mkdir "$scratch/files"
head -c 4M /dev/urandom >"$scratch/files/made"
(cd "$scratch/files" && md5sum made >made.md5)
PATH=$PATH:/sbin:/usr/sbin mke2fs -q -t ext4 -d "$scratch/files" "$scratch/one.img" 16M >/dev/null
modules=$(guest_modules xen-blkfront ext4)
in_dom0 'disks' block.sh --cpus 2 --add "$modules:/guest/blk.cpio" \
    --add "$scratch/one.img:/guest/one.img"
finish
