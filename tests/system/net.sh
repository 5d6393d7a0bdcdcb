#!/bin/bash
# SPDX-License-Identifier: MIT
# Guests' networks: our backend with the stock kernel's frontend, on the hypervisor under test.
. "$(dirname "$0")/lib.sh"

make -s -C "$here/../guest" "$O/tests/guest/reference.elf" >"$scratch/make" 2>&1 ||
    sed 's/^/# /' "$scratch/make"
kernel=$("$here/../lab/fetch" linux)
"$here/../lab/guest-modules" "$kernel" "$scratch/modules" xen-netfront
(cd "$scratch/modules" && find . -mindepth 1 -print0 | cpio -0 -o -H newc -R 0:0 --quiet) \
    >"$scratch/net.cpio"
in_dom0 'network' net.sh --module xen-netback --cpus 2 --timeout 900 --add "$scratch/net.cpio:/guest/net.cpio" \
    --add "$O/tests/guest/reference.elf:/guest/reference.elf"
finish
