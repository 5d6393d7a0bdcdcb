#!/bin/bash
# SPDX-License-Identifier: MIT
# The reference guest (tests/guest/reference): pv-drivers' front ends in a kernel of a few
# pages, and the stock kernel's, each with our back end and with that of dom0's kernel, for disks
# and for networks. The same on the real Xen: HYPERVISOR=xen TOOLS=ours.
. "$(dirname "$0")/lib.sh"
reference_guest
echo "# Disks on $hypervisor:"
in_dom0 'reference guest' reference.sh "${reference[@]}" \
    --add "$(guest_modules xen-blkfront):/guest/blk.cpio" \
    --module loop --module xen-blkback
echo "# Networks on $hypervisor:"
rm -rf "$scratch/modules"
in_dom0 'reference guests' reference_net.sh \
    "${reference[@]}" \
    --add "$(guest_modules xen-netfront):/guest/net.cpio" \
    --module xen-netback --cpus 2
finish
