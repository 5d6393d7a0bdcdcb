#!/bin/bash
# SPDX-License-Identifier: MIT
# libvirt's driver for Xen and qemu-system-xen, as Debian packages them, over our XenStore
# daemon and our libxenstore: on the real Xen and on Ostler. Not part of
# `make check`, for its weight: `make check-debian`.
. "$(dirname "$0")/../system/lib.sh"
command -v mmdebstrap >/dev/null || {
    skip "libvirt and qemu-system-xen" "needs mmdebstrap"
    finish
    exit
}
image=$("$here/../lab/dom0-debian") || {
    not_ok "a Debian with libvirt" "it cannot be made"
    finish
    exit
}
"$here/../lab/fetch" linux >/dev/null
"$here/../lab/guest-modules" "$O/cache/linux" "$scratch/modules" xen-blkfront
tools=ours
# libvirt gives up where no CPU of its list fits: qemu64 lacks VME, which all of them have that
# do not ask for SYSENTER, and that Xen takes away on AMD's. kvm64 is Intel's: page tables
# would be isolated, which only takes time here.
for hypervisor in ${HYPERVISOR:-xen ours}; do
    in_dom0 "Debian's libvirt and QEMU on $hypervisor" libvirt.sh --timeout 1500 --memory 2304 \
        --cpus 2 --cpu kvm64 --hv-args "dom0_mem=800M xpti=no" --disk "$image" \
        --emulator-arg -snapshot --add "$here/../debian/inside.sh:/inside.sh" \
        --add "$scratch/modules/blk:/blk"
done
finish
