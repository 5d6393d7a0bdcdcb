# SPDX-License-Identifier: MIT
# Each front end of networks with each back end. The reference guests verify and measure, and
# their back ends go away under load and come back. At the end a table.
. /test/device.sh
. /test/joints.sh
modprobe bridge
brctl addbr xenbr0
ip addr add 10.7.0.1/24 dev xenbr0
ip link set xenbr0 up

# Two reference guests talk to each other over the bridge, and dom0 pings one.
pair() {
    for n in 2 3; do
        reference "net$n" "device/vif/0 $n 2" "$@"
    done
}
create_pair() { $T create -p /tmp/net2.cfg && $T create -p /tmp/net3.cfg; }
# interface DOMID: one with the kernel's back end, and what is a script elsewhere: here, too.
interface() {
    local mac
    mac=$(printf '00:16:3e:00:00:%02x' "$1")
    device "$1" vif 0 "mac=$mac" -- "mac=$mac" bridge=xenbr0 script=/bin/true \
        hotplug-status=waiting
}
has_vif() { [ -e "/sys/class/net/vif$1.0" ]; }
# plug NAME: the guest's interface joins the bridge.
plug() {
    local id
    id=$($T domid "$1")
    wait_for 60 has_vif "$id" || return 1
    ip link set "vif$id.0" up
    brctl addif xenbr0 "vif$id.0"
    xenstore-write "/local/domain/0/backend/vif/$id/0/hotplug-status" connected
}
# Both queues, that is: UDP goes by one, TCP by the other.
spreads() {
    grep '^hashes: agreed, [1-9][0-9]* right, 0 wrong, 0 without, by queue [1-9][0-9]* and [1-9]' \
        /tmp/net2.out || { grep '^hashes:' /tmp/net2.out; return 1; }
}
pair_works() {
    console net2
    console net3
    in_joint "they run" sh -c "$T unpause net2 && $T unpause net3"
    "$@"
    in_joint "they find each other" wait_for 60 heard net2 '65000 bytes in segments: '
    for kind in '64 bytes with their checksum' '1400 bytes with their checksum' \
        '1400 bytes with a blank checksum' 'a burst of packets' '1000 bytes of TCP' \
        '4000 bytes in segments' '65000 bytes in segments'; do
        in_joint "$kind carry their data" wait_for 60 grep -q "^$kind: ok" /tmp/net2.out
    done
    in_joint "the other one says so, too" goes_on net3
    # It is busy, and has no room for an answer at times.
    in_joint "dom0 pings it" wait_for 60 ping -c 1 -w 5 10.7.0.2
    in_joint "with packets as large as they may be" wait_for 60 ping -c 1 -w 5 -s 1472 10.7.0.2
}
pair_ends() {
    in_joint "packets came by the queues that their hashes say" spreads
    in_joint "nothing was wrong" sh -c '! grep -E "failed|not ok" /tmp/net[23].out'
    "$@"
    in_joint "unplugged, it sees an end" wait_for 60 heard net2 'the network is gone'
    in_joint "and powers off" wait_for 60 gone net2
    grep -e '^{' -e '^network' /tmp/net2.out | tr -d '\r' | sed 's/^network/# network/'
    for n in 2 3; do
        $T destroy "net$n" 2>/dev/null
        console_end "net$n"
    done
}
if ours hvnetd; then
    joint 'network: our' our
    pair 'vif = ["bridge=xenbr0"]'
    in_joint "two guests are created" create_pair
    pair_works true
    in_joint "it has two queues" heard net2 '2 queues, split'
    for n in 1 2 3; do
        kill -9 $(workers hvnetd)
        in_joint "the workers killed, they go on, time $n" goes_on net2
    done
    pair_ends $T network-detach net2 0
fi
joint 'network: our' kernel
pair
in_joint "two guests are created" create_pair
interface "$($T domid net2)"
interface "$($T domid net3)"
vif=/local/domain/0/backend/vif/$($T domid net2)/0
plug_both() { in_joint "they join the bridge" eval 'plug net2 && plug net3'; }
pair_works plug_both
for n in 1 2 3; do
    xenstore-write "$vif/state" 5
    in_joint "connected again, time $n" wait_for 60 in_state "$vif" 4
    in_joint "and it goes on" goes_on net2
done
in_joint "it has seen four connections" heard net2 'connection 4'
pair_ends xenstore-write "$vif/online" 0 "$vif/state" 5
xenstore-rm "${vif%/*}" 2>/dev/null

# Linux's front end: a file goes both ways.
gzip -dc /guest/initrd.gz >/tmp/initrd
cat /tmp/initrd /guest/net.cpio >/tmp/net-initrd
rm /tmp/initrd
mkdir /tmp/www
dd if=/dev/urandom of=/tmp/www/data bs=64k count=32 2>/dev/null
echo small >/tmp/www/small
httpd -p 10.7.0.1:80 -h /tmp/www
fetched() { wget -q -O - http://10.7.0.9/data | cmp - /tmp/www/data; }
kernel_talks() {
    in_joint "it comes up" wait_for 150 heard net 'The demo guest is up'
    in_joint "its driver finds the interface" in_guest net 60 \
        "for m in /blk/*; do insmod \$m; done; $(soon 'ip link show dev eth0')"
    in_joint "it pings dom0" in_guest net 60 \
        'ip addr add 10.7.0.9/24 dev eth0 && ip link set eth0 up && ping -c 3 -w 20 10.7.0.1'
    in_joint "it fetches a file from dom0" in_guest net 60 \
        "wget -q -O /tmp/data http://10.7.0.1/data &&
        test \"\$(md5sum </tmp/data)\" = '$(md5sum </tmp/www/data)'"
    # Flows are spread over the queues by their ports.
    in_joint "packets of its two queues come and go" in_guest net 60 \
        'for n in 1 2 3 4 5 6 7 8 9 10; do wget -q -O - http://10.7.0.1/small; done
        grep -cE " [1-9][0-9]* .*vif0-q[01]-(tx|rx)" /proc/interrupts | grep -x 4'
    in_guest net 60 'httpd -p 80 -h /tmp'
    in_joint "dom0 fetches it back" wait_for 60 fetched
    in_joint "it shuts down" down net
}
kernel_guest() {
    config net 'ramdisk = "/tmp/net-initrd"' 'vcpus = 2' "$@"
    $T create -p /tmp/net.cfg
}
if ours hvnetd; then
    joint "network: kernel's" our
    in_joint "the guest is created" kernel_guest 'vif = ["bridge=xenbr0"]'
    console net
    $T unpause net
    kernel_talks
fi
joint "network: kernel's" kernel
in_joint "the guest is created" kernel_guest
id=$($T domid net)
interface "$id"
console net
$T unpause net
in_joint "its interface joins the bridge" plug net
kernel_talks
xenstore-rm "/local/domain/0/backend/vif/$id" 2>/dev/null
table
