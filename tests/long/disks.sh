#!/bin/bash
# SPDX-License-Identifier: MIT
# Disks of a guest under fio, with back ends that are killed, and 200 attachments.
. "$(dirname "$0")/../system/lib.sh"

mkdir "$scratch/fio"
cp "$("$here/../lab/fetch" fio)"/* "$here/guest-fio" "$scratch/fio/"
PATH=$PATH:/sbin:/usr/sbin mke2fs -q -t ext4 -O ^has_journal -d "$scratch/fio" \
    "$scratch/fio.img" 112M >/dev/null
reference_guest
in_dom0 'disks' fio_long.sh --cpus 2 --timeout 3600 "${reference[@]}" --disk "$scratch/fio.img" \
    --add "$(guest_modules xen-blkfront ext4):/guest/blk.cpio"
finish
