# SPDX-License-Identifier: MIT
# A guest with the kernel of guest-patches, in /guest/patched, with a disk and a network whose
# backends close under load and come back, as when their driver is started anew; then one whose
# backends in user space are killed at any instant. KILLS says how often.
. /test/device.sh

# The guest: two loops that write, read and compare, and an address. A line typed on its console
# ends them, and has it tell what it knows to be on its disk: place (in MiB) and sum.
mkdir -p /tmp/extra/www
dd if=/dev/urandom of=/tmp/extra/www/data bs=64k count=16 2>/dev/null
cat >/tmp/extra/init <<'END'
#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
echo "The demo guest is up: Linux $(uname -r)"
until [ -b /dev/xvda ] && ip link show eth0 >/dev/null 2>&1; do usleep 100000; done
ip addr add 192.168.7.2/24 dev eth0
ip link set eth0 up
mkdir /tmp/sums
httpd -p 80 -h /www
rounds() {
    n=0
    while [ ! -e /tmp/over ]; do
        at=$((n % 16 * 4 + $1))
        rm -f /tmp/sums/$at
        why=
        dd if=/dev/urandom of=/tmp/a$1 bs=256k count=4 2>/dev/null
        dd if=/tmp/a$1 of=/dev/xvda bs=256k seek=$at oflag=direct conv=notrunc,fsync \
            2>/dev/null || why="write failed"
        [ -n "$why" ] || md5sum </tmp/a$1 >/tmp/sums/$at
        [ -n "$why" ] ||
            dd if=/dev/xvda of=/tmp/b$1 bs=256k skip=$at count=4 iflag=direct 2>/dev/null ||
            why="read failed"
        [ -n "$why" ] || cmp -s /tmp/a$1 /tmp/b$1 || why="other data"
        echo "round $1.$n ${why:-ok}"
        [ -z "$why" ] || sleep 1
        n=$((n + 1))
    done
}
rounds 0 &
{
    read -r over
    touch /tmp/over
} </dev/hvc0 &
rounds 64
wait
for at in $(ls /tmp/sums); do echo "flushed $at $(cat /tmp/sums/$at)"; done
echo "That is all."
while :; do sleep 60; done
END
chmod +x /tmp/extra/init
(cd /tmp/extra && find . | cpio -o -H newc 2>/dev/null | gzip -1) >/tmp/extra.gz
cat /guest/initrd.gz /tmp/extra.gz >/tmp/guest.gz
config parked 'kernel = "/guest/patched"' 'ramdisk = "/tmp/guest.gz"'
check "the guest is created" $T create -p /tmp/parked.cfg
id=$($T domid parked)

disk "$id" 0
device "$id" vif 0 mac=00:16:3e:00:00:01 -- mac=00:16:3e:00:00:01 script=none
vbd=/local/domain/0/backend/vbd/$id/51712
front=/local/domain/$id/device/vbd/51712
vif=/local/domain/0/backend/vif/$id/0

has_vif() { ip link show "vif$id.0"; }
network() {
    wait_for 60 has_vif || return 1
    ip addr replace 192.168.7.1/24 dev "vif$id.0"
    ip link set "vif$id.0" up
    xenstore-write "$vif/hotplug-status" connected
}
reached() { wait_for 60 ping -c 1 -W 1 192.168.7.2; }
intact() { ! grep -E 'round .* (failed|other)|I/O error|BUG:|WARNING:' "/tmp/$1.out"; }

console parked
check "it runs" $T unpause parked
check "it comes up" wait_for 120 heard parked 'The demo guest is up'
check "its disk is connected" wait_for 60 in_state "$vbd" 4
network
check "its network is connected" wait_for 60 in_state "$vif" 4
check "it writes and reads" goes_on parked
check "it is reached" reached

# Closing, with `online` as it was: the device will be back. The backend, still there, follows
# the frontend through the whole handshake.
for n in 1 2 3 4 5; do
    xenstore-write "$vbd/state" 5
    check "disk: connected again, time $n" wait_for 60 in_state "$vbd" 4
    check "and the guest goes on" goes_on parked
done
xenstore-rm "$vif/hotplug-status"
xenstore-write "$vif/state" 5
check "network: back" wait_for 60 in_state "$vif" 2
network
check "and connected again" wait_for 60 in_state "$vif" 4
check "and it is reached" reached

# The driver away for a while.
echo "vbd-$id-51712" >/sys/bus/xen-backend/drivers/vbd/unbind
xenstore-write "$vbd/state" 5
check "without a driver the guest's disk waits" \
    wait_for 60 in_state "$front" 6
sleep 2
xenstore-write "$vbd/state" 6
echo "vbd-$id-51712" >/sys/bus/xen-backend/drivers/vbd/bind
check "with it, it is connected again" wait_for 60 in_state "$vbd" 4
check "and the guest goes on" goes_on parked
check "no request failed, no byte was lost" intact parked

# Unplugged while it waits: an error, not a hang.
echo "vbd-$id-51712" >/sys/bus/xen-backend/drivers/vbd/unbind
xenstore-write "$vbd/state" 5
wait_for 60 in_state "$front" 6
xenstore-write "$vbd/online" 0 "$vbd/state" 6
xenstore-write "$vbd/state" 5
check "unplugged while it waits, requests fail" wait_for 60 heard parked 'failed'
$T destroy parked
wait_for 60 gone parked
console_end parked
xenstore-rm "$vbd" 2>/dev/null
xenstore-rm "$vif" 2>/dev/null
losetup -d /dev/loop0

# Its disk and its network served by ours.
if ! command -v hvblkd >/dev/null; then
    skip 'killed' 'hvblkd is not here'
    return 0
fi
modprobe bridge
brctl addbr xenbr0
ip addr add 192.168.7.1/24 dev xenbr0
ip link set xenbr0 up
dd if=/dev/zero of=/tmp/killed.img bs=1M count=0 seek=64 2>/dev/null
config killed 'kernel = "/guest/patched"' 'ramdisk = "/tmp/guest.gz"' \
    'disk = ["/tmp/killed.img,raw,xvda,w"]' 'vif = ["mac=00:16:3e:00:00:02"]'
check "killed: the guest comes up" up killed
check "it writes and reads" goes_on killed
check "it is reached" reached

# kills N: at any instant, workers, a daemon, or both with all that they know of their guests, as
# if dom0's user space were new; of that the front end is told, and connects again.
kills() {
    local n=0 daemon
    while [ $n -lt "$1" ]; do
        for daemon in hvblkd hvnetd; do
            usleep $((RANDOM * 8 + 10000))
            case $((RANDOM % 6)) in
            0) slay "$(cat /run/$daemon/pid)" && $daemon && echo daemon ;;
            1)
                # The daemon first, which would start others.
                slay "$(cat /run/$daemon/pid)" $(pidof $daemon)
                rm -f /run/$daemon/[0-9]*
                $daemon && echo all
                ;;
            *) kill -9 $(workers $daemon) && echo worker ;;
            esac
        done
        n=$((n + 1))
    done >>/tmp/kills 2>/dev/null
}
# What comes of a file is right, and sooner or later it comes: without a network there may be no
# answer to who has the address, which ends an attempt.
fetched() {
    timeout 30 wget -q -O /tmp/fetch http://192.168.7.2/data || return 1
    cmp /tmp/fetch /tmp/extra/www/data >>/tmp/wrong 2>&1
}
fetches() {
    : >/tmp/fetched
    while [ ! -e /tmp/over ] && [ ! -s /tmp/wrong ]; do
        wait_for 60 fetched || return 1
        echo >>/tmp/fetched
    done
    cat /tmp/wrong
    [ ! -s /tmp/wrong ]
}
{
    kills "${KILLS:-20}"
    touch /tmp/over
} &
check "files are fetched from it while they are killed" fetches
wait $!
echo "# killed: $(sort /tmp/kills | uniq -c | tr -s ' \n' ' '); $(wc -l </tmp/fetched) fetched"
check "its processes were there to be killed" [ "$(wc -l </tmp/kills)" -ge "${KILLS:-20}" ]
check "it goes on" goes_on killed
check "it is reached" reached
check "no request failed, no byte was lost" intact killed
echo >"$(tty_of killed)"
check "it tells what it has flushed" wait_for 60 heard killed 'That is all.'
$T destroy killed
console_end killed
on_disk() {
    local at sum n=0
    while read -r _ at sum _; do
        n=$((n + 1))
        dd if=/tmp/killed.img bs=256k skip="$at" count=4 2>/dev/null | md5sum | grep -q "^$sum" ||
            { echo "not at $at"; return 1; }
    done
    [ $n -ge 8 ] || { echo "only $n pieces"; return 1; }
}
tr -d '\r' </tmp/killed.out | grep '^flushed ' >/tmp/flushed
check "all that it has flushed is in its image" on_disk </tmp/flushed
