#!/bin/bash
# SPDX-License-Identifier: MIT
# The reference guest (tests/guest/reference): pv-drivers' front ends in a kernel of a few
# pages, with the back ends of dom0's kernel. The same on the real Xen: HYPERVISOR=xen.
. "$(dirname "$0")/lib.sh"
make -s -C "$here/../guest" "$O/tests/guest/reference.elf" >"$scratch/make" 2>&1 ||
    sed 's/^/# /' "$scratch/make"
in_dom0 'reference guest' reference.sh --add "$O/tests/guest/reference.elf:/guest/reference.elf" \
    --module loop --module xen-blkback --timeout 400
finish
