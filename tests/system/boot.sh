#!/bin/bash
# SPDX-License-Identifier: MIT
# Ostler boots, with Debian's kernel as dom0, on the machines that QEMU emulates, and dom0
# drives them.
. "$(dirname "$0")/lib.sh"

truncate -s 16M "$scratch/disk0" "$scratch/disk1"

# machine TITLE CPUS DISKS NICS MSI HVLAB-OPTION...: DISKS and NICS are what dom0 shall find.
# efi=1 before it: EFI, too.
machine() {
    local title=$1 cpus=$2
    printf 'cpus=%s expect_disks="%s" expect_nics="%s" expect_msi=%s expect_efi=%s\n' \
        "$2" "$3" "$4" "$5" "${efi-}" >"$scratch/expect"
    shift 5
    in_dom0 "$title" machine.sh --cpus "$cpus" --add "$scratch/expect:/expect" "$@"
}

machine 'q35, BIOS, 2 CPUs, virtio' 2 vda virtio_net 1 \
    --disk "$scratch/disk0" --nic virtio --end off
machine 'pc, BIOS, 1 CPU' 1 '' e1000 '' --machine pc --nic e1000 --end reset
efi=1 machine 'q35, UEFI, 4 CPUs, AHCI' 4 sda e1000e 1 --efi --disk "$scratch/disk1" \
    --disk-bus ahci --nic e1000e --end reset
machine 'pc, UEFI, 1 CPU' 1 '' '' '' --machine pc --efi --end off
# Xen 4.17 with Linux 6.1 as dom0 crashes on this model in QEMU 7.2, before dom0's first line.
if [ "$hypervisor" = xen ]; then
    skip 'q35, BIOS, 1 CPU, every feature of the emulator' 'Xen 4.17 crashes there'
else
    machine 'q35, BIOS, 1 CPU, every feature of the emulator' 1 '' '' '' --cpu max --end reset
fi
machine 'q35, BIOS, 1 CPU, 640 MiB' 1 '' '' '' --memory 640

# One CPU stays in firmware: by the watchdog's NMI the machine finds out, and says where it is.
if [ "$hypervisor" = ours ]; then
    title='a CPU that is stuck is reported'
    log=$logs/boot-stuck
    lab "$title" "$log" --efi --hv-args watchdog_timeout=2 --add "$here/dom0:/test" -- \
        '. /test/lib.sh; . /test/stuck.sh'
    if [ $status = 125 ] && grep -q 'Watchdog timer detects that CPU0 is stuck' "$log.console"; then
        ok "$title"
    else
        not_ok "$title" "status $status, $(tail -n 1 "$log.err")"
    fi
fi
finish
