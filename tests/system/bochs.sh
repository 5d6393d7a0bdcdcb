#!/bin/bash
# SPDX-License-Identifier: MIT
# Another machine altogether: Bochs, with another CPU, chipset and timing.
. "$(dirname "$0")/lib.sh"
if command -v bochs >/dev/null; then
    in_dom0 'bochs' cross.sh --emulator bochs --timeout 1800
else
    skip 'bochs' 'not installed'
fi
finish
