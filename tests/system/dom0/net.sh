# SPDX-License-Identifier: MIT
# Guests' networks. busybox's shell; sourced.
gzip -dc /guest/initrd.gz >/tmp/initrd
cat /tmp/initrd /guest/net.cpio >/tmp/net-initrd
rm /tmp/initrd
modprobe bridge
brctl addbr xenbr0
ip addr add 10.7.0.1/24 dev xenbr0
ip link set xenbr0 up

# in_guest NAME SECONDS COMMAND: the guest's shell runs it and it succeeds.
steps=0
in_guest() {
    has_tty "$1" || { echo "no guest"; return 1; }
    steps=$((steps + 1))
    echo "{ $3; }; echo \"step $steps gives \$?\"" >"$(tty_of "$1")"
    wait_for "$2" grep -q "^step $steps gives" "/tmp/$1.out" || { last_words "$1"; return 1; }
    heard "$1" "step $steps gives 0" || { tail -n 4 "/tmp/$1.out"; return 1; }
}

state >/tmp/before
config net 'ramdisk = "/tmp/net-initrd"' 'vif = ["mac=00:16:3e:01:02:03,bridge=xenbr0"]'
check "a guest with a network interface comes up" up net
check "its driver finds it" in_guest net 60 \
    'for m in /blk/*; do insmod $m; done; sleep 1; ip link | grep 00:16:3e:01:02:03'
check "the guest pings dom0" in_guest net 60 \
    'ip addr add 10.7.0.2/24 dev eth0 && ip link set eth0 up && ping -c 3 -w 20 10.7.0.1'
check "dom0 pings the guest" ping -c 3 -w 20 10.7.0.2
check "large packets go both ways" ping -c 3 -w 20 -s 8000 10.7.0.2
check "shutdown ends the guest" down net
unchanged "nothing is left of it" /tmp/before 100
