# SPDX-License-Identifier: MIT
# Guests' networks. busybox's shell; sourced.
gzip -dc /guest/initrd.gz >/tmp/initrd
cat /tmp/initrd /guest/net.cpio >/tmp/net-initrd
rm /tmp/initrd
modprobe bridge
brctl addbr xenbr0
ip addr add 10.7.0.1/24 dev xenbr0
ip link set xenbr0 up

mkdir /tmp/www
dd if=/dev/urandom of=/tmp/www/data bs=64k count=64 2>/dev/null
sum=$(md5sum </tmp/www/data)
httpd -p 10.7.0.1:80 -h /tmp/www
state >/tmp/before
ls /sys/class/net >/tmp/first
config net 'ramdisk = "/tmp/net-initrd"' 'vif = ["mac=00:16:3e:01:02:03,script=vif-route"]'
says "a script that is named is warned of" "'vif-route' is not run" $T create -n /tmp/net.cfg
check "a guest with a network interface comes up" up net
check "its driver finds it" in_guest net 60 \
    "for m in /blk/*; do insmod \$m; done; $(soon 'ip link | grep 00:16:3e:01:02:03')"
check "the guest pings dom0" in_guest net 60 \
    'ip addr add 10.7.0.2/24 dev eth0 && ip link set eth0 up && ping -c 3 -w 20 10.7.0.1'
check "dom0 pings the guest" ping -c 3 -w 20 10.7.0.2
check "large packets go both ways" ping -c 3 -w 20 -s 8000 10.7.0.2
check "the guest fetches a file from dom0" in_guest net 60 \
    "wget -q -O /tmp/data http://10.7.0.1/data && test \"\$(md5sum </tmp/data)\" = '$sum'"
in_guest net 60 'httpd -p 80 -h /tmp'
fetch() { wget -q -O - http://10.7.0.2/data | md5sum | grep -q "${sum%% *}"; }
check "dom0 fetches it back" wait_for 60 fetch
. /test/net_links.sh
says "network-list shows the interface" "^0 +0 +00:16:3e:01:02:03 +0 +4 " $T network-list net
says "with --json, too" '"vifname": *"vif[0-9]+.0"' $T network-list --json net
says "it stands in the bridge" "vif$($T domid net).0" ls /sys/class/net/xenbr0/brif

# Interfaces come and go under a running guest.
state >/tmp/attached
interfaces() { ls /sys/class/net; }
interfaces >/tmp/interfaces
check "network-attach gives it another interface" \
    $T network-attach net mac=00:16:3e:01:02:04 vifname=second mtu=1400
check "the guest sees it come" in_guest net 60 "$(soon 'ip link | grep 00:16:3e:01:02:04')"
says "it has the name and MTU that were asked for" 'mtu 1400' ip link show second
refuses "a name that is taken is refused" "'second' already" \
    $T network-attach net vifname=second
check "network-detach takes it away" $T network-detach net 00:16:3e:01:02:04
check "the guest sees it go" in_guest net 60 "$(soon '! ip link | grep 00:16:3e:01:02:04')"
rmmod xen-netback
refuses "the kernel's backend is missed by name" 'modprobe xen-netback' \
    $T network-attach net backendtype=phy
modprobe xen-netback
check "the kernel's backend serves another interface" \
    $T network-attach net backendtype=phy,mac=00:16:3e:01:02:05,vifname=kernels,mtu=1400
says "it stands in the bridge under its name" kernels ls /sys/class/net/xenbr0/brif
says "with its MTU" 'mtu 1400' ip link show kernels
says "network-list shows it beside the other" '^1 +0 +00:16:3e:01:02:05 .*/vif/' \
    $T network-list net
check "the guest pings dom0 over it" in_guest net 60 \
    'until ip link | grep -q 01:02:05; do usleep 100000; done; ip link set eth0 down;
    ip addr add 10.7.0.3/24 dev eth1 && ip link set eth1 up && ping -c 3 -w 20 10.7.0.1'
check "network-detach takes it away from the kernel's backend" $T network-detach net 1
check "the guest goes on with its own" in_guest net 60 \
    'ip link set eth0 up && ping -c 3 -w 20 10.7.0.1'
refuses "a bridge that is not there is refused" "no bridge 'xenbr9' .it has xenbr0." \
    $T network-attach net bridge=xenbr9
config second 'vif = ["bridge=xenbr9"]'
refuses "a guest without its bridge is refused" "network interface 0: .*'xenbr9'" \
    $T create /tmp/second.cfg
unchanged "none of it leaves anything" /tmp/attached 16
check "and no interface" sh -c 'ls /sys/class/net | cmp - /tmp/interfaces'

# Killed under load: the guest sees packets lost, no more.
kill_backends() {
    local n
    for n in 1 2 3 4 5 6; do
        usleep 300000
        if [ $((n % 3)) = 0 ]; then
            slay "$(cat /run/hvnetd/pid)"
            hvnetd
        else
            kill -9 $(workers hvnetd) 2>/dev/null
        fi
    done
}
kill_backends &
load='for i in 1 2 3 4 5 6 7 8; do wget -q -O - http://10.7.0.1/data | md5sum; done'
check "the guest fetches files while its backends are killed" in_guest net 120 \
    "test \"\$($load | sort -u)\" = '$sum'"
wait $!
check "dom0 still pings the guest" ping -c 3 -w 20 10.7.0.2

# Many times over.
files() { ls "/proc/$(cat /run/hvnetd/pid)/fd" | wc -l; }
before=$(files)
place=/local/domain/0/backend/hvnet/$($T domid net)/1
connected() { [ "$(xenstore-read $place/state 2>/dev/null)" = 4 ]; }
cycles() {
    local n=0
    while [ $n -lt "$1" ]; do
        n=$((n + 1))
        $T network-attach net || return 1
        wait_for 60 connected || { echo "not connected in round $n"; return 1; }
        $T network-detach net 1 || return 1
        # A driver that is still on its way out takes the next device for its own.
        in_guest net 60 'while [ -e /sys/bus/xen/devices/vif-1 ]; do usleep 10000; done' ||
            return 1
    done
}
check "10 attachments and detachments" cycles 10
unchanged "they leave nothing" /tmp/attached 16
check "no interface either" sh -c 'ls /sys/class/net | cmp - /tmp/interfaces'
if [ "$(files)" = "$before" ]; then
    ok "they leave no file open"
else
    not_ok "they leave no file open" "$before, now $(files)"
fi
check "shutdown ends the guest" down net
unchanged "nothing is left of it" /tmp/before 100

. /test/ten.sh
check "no interface either" sh -c 'ls /sys/class/net | cmp - /tmp/first'
