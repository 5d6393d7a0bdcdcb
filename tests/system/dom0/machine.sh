# SPDX-License-Identifier: MIT
# The machine under dom0 is real to it. /test/machine.expect sets cpus.
. /expect
says "dom0 has $cpus CPUs" "^$cpus\$" nproc
says "the hypervisor counts $cpus CPUs" "^nr_cpus +: $cpus\$" $T info
says "dom0 is a Xen guest" '^xen$' cat /sys/hypervisor/type
says "dom0 reads the hypervisor's symbols" ' [tT] panic$' cat /proc/xen/xensyms
says "PCI devices are there" '^0000:00:00.0$' ls /sys/bus/pci/devices

# However slow the machine is: the chip is read between two looks at the uptime, each time.
uptime_now() { cut -d. -f1 /proc/uptime; }
chip_now() { cat /sys/class/rtc/rtc0/since_epoch; }
rtc=$(hwclock -u -r 2>&1)
before=$(uptime_now) chip=$(chip_now) start=$(uptime_now)
sleep 3
end=$(uptime_now) chip=$(($(chip_now) - chip)) after=$(uptime_now)
if [ $((end - start)) -ge 3 ] && [ $chip -ge $((end - start - 1)) ] &&
    [ $chip -le $((after - before + 1)) ]; then
    ok "time passes: 3 seconds of sleep are 3 seconds of uptime, and of the machine's clock"
else
    not_ok "time passes: 3 seconds of sleep are 3 seconds of uptime, and of the machine's clock" \
        "$chip by the clock; uptime $before, $start, $end, $after"
fi
year=$(date +%Y)
if echo "$rtc" | grep -q "$year" && [ "$year" -ge 2024 ]; then
    ok "the real-time clock and the wall clock say the same year"
else
    not_ok "the real-time clock and the wall clock say the same year" "$rtc, $year"
fi
says "the serial port raises interrupts" '[1-9][0-9]* .*ttyS1' grep ttyS1 /proc/interrupts

# Every CPU runs dom0's programs.
for cpu in $(seq 0 $((cpus - 1))); do
    check "CPU $cpu of dom0 runs a program" taskset $((1 << cpu)) true
done

disk_works() {
    local device=$1
    test -b "/dev/$device" || return
    dd if=/dev/urandom of=/tmp/pattern bs=64k count=16 2>/dev/null
    dd if=/tmp/pattern of="/dev/$device" bs=64k seek=8 conv=fsync 2>/dev/null || return
    echo 3 >/proc/sys/vm/drop_caches
    dd if="/dev/$device" of=/tmp/pattern.back bs=64k skip=8 count=16 2>/dev/null
    cmp /tmp/pattern /tmp/pattern.back
}
for device in $expect_disks; do
    wait_for 60 test -b "/dev/$device"
    check "disk $device gives back what was written" disk_works "$device"
done

net_works() {
    local name
    modprobe -q "$1"
    for name in $(ls /sys/class/net); do
        [ "$(basename "$(readlink "/sys/class/net/$name/device/driver")")" = "$1" ] || continue
        ip addr add 10.0.2.15/24 dev "$name"
        ip link set "$name" up
        wait_for 60 ping -c 1 -W 2 10.0.2.2
        return
    done
    echo "no interface with driver $1"
    return 1
}
for driver in $expect_nics; do
    check "network card of $driver reaches its gateway" net_works "$driver"
done

# Interrupts of disks and network cards go from CPU to CPU while both are busy.
flip_interrupts() {
    local cpu=0 irq
    while [ ! -e /tmp/flip.stop ]; do
        for irq in $(grep -E 'xen-pirq.*(virtio|ahci|eth)' /proc/interrupts | cut -d: -f1); do
            echo $((1 << cpu)) >"/proc/irq/$irq/smp_affinity"
        done
        cpu=$(((cpu + 1) % cpus))
    done
}
busy_devices() {
    local device round
    for round in 1 2 3 4; do
        for device in $expect_disks; do
            dd if="/dev/$device" of=/dev/null bs=4k count=500 iflag=direct || return
        done
        [ -z "$expect_nics" ] || ping -c 20 -i 0.02 -W 10 10.0.2.2 || return
    done
}
if [ "$cpus" -gt 1 ] && [ -n "$expect_disks$expect_nics" ]; then
    flip_interrupts 2>/dev/null &
    check "disks and network go on while their interrupts move" busy_devices
    touch /tmp/flip.stop
    wait
fi
. /test/efi.sh
if [ -n "$expect_efi" ]; then
    check "EFI variables are read, written and removed" efi_works
    says "variables' room is known" '^efivarfs +[1-9]' df $vars
    says "the firmware's screen is dom0's" 'EFI VGA' cat /proc/fb
fi
if [ -n "$expect_efi" ] && [ $T = hvtool ]; then
    check "a service of the firmware is broken" break_firmware $undefined_instruction
    df $vars >/dev/null 2>&1
    says "the hypervisor says that firmware failed" 'EFI: exception 6 at 0x' $T dmesg
    check "dom0 goes on" true
    set_boot_next 1 2>/dev/null && not_ok "firmware is not called again" "BootNext was set" ||
        ok "firmware is not called again"
fi
if [ -n "$expect_msi" ]; then
    says "devices interrupt by MSI" 'pirq.*msi' cat /proc/interrupts
fi
bad=$(dmesg | grep -E 'WARNING:|BUG:|Oops|INFO: (rcu|task)|soft lockup')
if [ -z "$bad" ]; then
    ok "dom0's kernel has no complaint"
else
    not_ok "dom0's kernel has no complaint" "$bad"
fi
