#!/bin/bash
# SPDX-License-Identifier: MIT
# A guest's life, and guests of several sizes.
. "$(dirname "$0")/lib.sh"
in_dom0 'life' guest.sh --cpus 2
in_dom0 'sizes' sizes.sh --cpus 2
finish
