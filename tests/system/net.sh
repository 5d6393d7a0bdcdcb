#!/bin/bash
# SPDX-License-Identifier: MIT
# Guests' networks: our backend with the stock kernel's frontend, on the hypervisor under test.
. "$(dirname "$0")/lib.sh"

reference_guest
in_dom0 'network' net.sh --module xen-netback --cpus 2 "${reference[@]}" \
    --add "$(guest_modules xen-netfront):/guest/net.cpio"
finish
