# SPDX-License-Identifier: MIT
# A second interface of the guest `net`, on a bridge of its own: IPv6, MTUs, a rate, links that
# go down, a guest that does not take its packets. Sourced by net.sh.
mac=00:16:3e:01:02:08
brctl addbr xenbr1
echo 0 >/proc/sys/net/ipv6/conf/xenbr1/accept_dad
ip addr add 10.8.0.1/24 dev xenbr1
ip addr add fd00:8::1/64 dev xenbr1
ip link set xenbr1 up
httpd -p '[fd00:8::1]:80' -h /tmp/www
httpd -p 10.8.0.1:80 -h /tmp/www

# plug MTU SETTING...: the interface comes, and both ends have that MTU.
plug() {
    local mtu=$1
    shift
    $T network-attach net mac=$mac bridge=xenbr1 vifname=link "mtu=$mtu" "$@" || return 1
    ip link set xenbr1 mtu "$mtu"
    in_guest net 60 "until grep -q $mac /sys/class/net/eth1/address; do usleep 50000; done
        echo 0 >/proc/sys/net/ipv6/conf/eth1/accept_dad
        ip addr add 10.8.0.2/24 dev eth1; ip addr add fd00:8::2/64 dev eth1
        ip link set eth1 mtu $mtu && ip link set eth1 up" || return 1
    wait_for 60 ping -c 1 -w 2 10.8.0.2
}
unplug() {
    $T network-detach net $mac &&
        in_guest net 60 'while [ -e /sys/class/net/eth1 ]; do usleep 10000; done'
}
# got ADDRESS: the guest's file, as it should be.
got() { wget -q -O - "http://$1/data" | md5sum | grep -q "${sum%% *}"; }
gets() {
    in_guest net 60 "test \"\$(wget -q -O - http://$1/data | md5sum)\" = '$sum'"
}

# segments WAY COMMAND...: what it moves that way is in packets larger than any MTU, on average.
count_of() { cat "/sys/class/net/link/statistics/$1"; }
segments() {
    local way=$1 bytes packets
    shift
    bytes=$(count_of "${way}_bytes") packets=$(count_of "${way}_packets")
    "$@" || return 1
    bytes=$(($(count_of "${way}_bytes") - bytes))
    packets=$(($(count_of "${way}_packets") - packets))
    [ $bytes -gt $((packets * 3000)) ] || { echo "$packets packets for $bytes bytes"; return 1; }
}
check "an interface comes for IPv6" plug 1500
check "a file goes out by IPv6, in packets to be cut" segments rx got '[fd00:8::2]'
check "and in" segments tx gets '[fd00:8::1]'

# Links.
answers_not() { ! ping -c 1 -w 2 10.8.0.2; }
link_cycles() {
    local n
    for n in 1 2; do
        ip link set link down
        answers_not >/dev/null || { echo "it answers with its link down"; return 1; }
        ip link set link up
        wait_for 60 ping -c 1 -w 2 10.8.0.2 || { echo "it does not answer, time $n"; return 1; }
        in_guest net 60 'ip link set eth1 down' || return 1
        answers_not >/dev/null || { echo "it answers when it is down"; return 1; }
        in_guest net 60 'ip link set eth1 up' || return 1
        wait_for 60 ping -c 1 -w 2 10.8.0.2 || { echo "it is not back, time $n"; return 1; }
    done
}
check "its link goes down and up at either end" link_cycles

# Who takes nothing loses packets; nobody waits for it.
overfull() {
    arp -s 10.8.0.2 $mac
    $T pause net
    ping -q -c 900 -i 0.001 -W 1 10.8.0.2
    $T unpause net
    [ "$(count_of tx_dropped)" -gt 100 ] || { echo "$(count_of tx_dropped) dropped"; return 1; }
    arp -d 10.8.0.2
}
check "a guest that stands still has its packets dropped when its queue is full" overfull
check "and gets them again when it goes on" wait_for 60 ping -c 1 -w 2 10.8.0.2
check "a file goes out then" got 10.8.0.2
check "it goes" unplug

# MTUs. A packet of the full size is not cut anywhere.
pieces() { awk '/^Ip: [0-9]/ { print $15 + $20 }' /proc/net/snmp; }
whole() {
    local before
    before=$(pieces)
    ping -c 2 -w 20 -s $(($1 - 28)) 10.8.0.2 && [ "$(pieces)" = "$before" ]
}
for mtu in 1280 65521; do
    check "with an MTU of $mtu it comes" plug $mtu
    check "packets of $mtu bytes go both ways in one piece" whole $mtu
    check "a file goes out with it" got 10.8.0.2
    check "and in" gets 10.8.0.1
    check "it goes" unplug
done

# 1 MiB at 250,000 bytes a second takes more than four seconds, however fast the machine.
slow() {
    local from
    from=$(cut -d. -f1 /proc/uptime)
    wget -q -O - http://10.8.0.2/mib | cmp -n 1048576 - /tmp/www/data || return 1
    [ $(($(cut -d. -f1 /proc/uptime) - from)) -ge 3 ] || { echo "too early"; return 1; }
}
in_guest net 60 'dd if=/tmp/data of=/tmp/mib bs=64k count=16 2>/dev/null'
check "an interface comes with a rate" plug 1500 rate=2Mb/s
check "the guest sends no faster than that" slow
check "it goes" unplug
ip link set xenbr1 down
brctl delbr xenbr1
