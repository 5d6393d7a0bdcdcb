#!/bin/bash
# SPDX-License-Identifier: MIT
# Guests' disks: our backend with the stock kernel's frontend, on the hypervisor under test.
. "$(dirname "$0")/lib.sh"

# What the guest's kernel has as modules: insmod in the order of their numbers.
guest_modules() {
    local kernel=$O/cache/linux version n=10 root=$scratch/modules file
    version=$(cat "$kernel/version")
    mkdir -p "$root/blk"
    for name in xen-blkfront ext4; do
        PATH=$PATH:/sbin:/usr/sbin modprobe -d "$kernel" -S "$version" --show-depends $name
    done | sed -n 's/^insmod \([^ ]*\).*/\1/p' | awk '!seen[$0]++' | while read -r file; do
        cp "$file" "$root/blk/$n-$(basename "$file")"
        n=$((n + 1))
    done
    (cd "$root" && find . -mindepth 1 -print0 | cpio -0 -o -H newc -R 0:0 --quiet) \
        >"$scratch/blk.cpio"
}

"$here/../lab/fetch" linux >/dev/null 2>&1
guest_modules
in_dom0 'disks' block.sh --cpus 2 --timeout 900 --add "$scratch/blk.cpio:/guest/blk.cpio"
finish
