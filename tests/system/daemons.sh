#!/bin/bash
# SPDX-License-Identifier: MIT
# Daemons that are killed come back, and guests go on.
. "$(dirname "$0")/lib.sh"
reference_guest
if [ "$tools" = ours ]; then
    in_dom0 'daemons' daemons.sh "${reference[@]}"
else
    skip 'daemons' "Debian's xenstored keeps nothing"
fi
finish
