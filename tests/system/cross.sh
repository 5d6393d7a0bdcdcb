#!/bin/bash
# SPDX-License-Identifier: MIT
# Our tools on the real Xen 4.17, and Debian's tools on Ostler.
. "$(dirname "$0")/lib.sh"
hypervisor=xen tools=ours
in_dom0 'our tools on Xen' cross.sh
hypervisor=ours tools=xen
in_dom0 "Debian's tools on Ostler" cross.sh --cpus 2
finish
