#!/bin/bash
# SPDX-License-Identifier: MIT
# Ten guests at once, and a hundred creations and destructions, leave nothing behind.
. "$(dirname "$0")/lib.sh"
cycles=100 at_once=10
# xl unpacks the kernel every time, seconds each.
[ "$tools" = ours ] || cycles=3 at_once=1
echo "cycles=$cycles at_once=$at_once" >"$scratch/expect"
in_dom0 'many' many.sh --cpus 2 --add "$scratch/expect:/expect"
finish
