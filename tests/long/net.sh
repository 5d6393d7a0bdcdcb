#!/bin/bash
# SPDX-License-Identifier: MIT
# Ten guests on a bridge, each to each, for MINUTES (10) of the machine's time.
. "$(dirname "$0")/../system/lib.sh"

reference_guest
echo "MINUTES=${MINUTES:-10}" >"$scratch/minutes"
in_dom0 'ten guests' ten_long.sh --cpus 2 --timeout 3600 --add "$scratch/minutes:/minutes" \
    "${reference[@]}"
finish
