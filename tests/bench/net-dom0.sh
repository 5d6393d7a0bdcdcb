# SPDX-License-Identifier: MIT
# What the network benchmark does in dom0: TCP is measured within dom0, then between it and a
# guest. busybox's shell. With xl the backend is the kernel's, and what is a script there is
# one of two lines here.
modprobe bridge
brctl addbr xenbr0
ip addr add 10.7.0.1/24 dev xenbr0
ip link set xenbr0 up
/net/net serve &
/net/net ask 127.0.0.1 dom0
gzip -dc /guest/initrd.gz >/tmp/initrd
cat /tmp/initrd /net/guest.cpio >/tmp/net-initrd
sed 's|^ramdisk.*|ramdisk = "/tmp/net-initrd"|' /guest/demo.cfg >/tmp/net.cfg
if [ -x /usr/sbin/hvtool ]; then
    tool=hvtool
    echo 'vif = ["bridge=xenbr0"]' >>/tmp/net.cfg
else
    tool=xl
    modprobe xen-netback
    printf '#!/bin/sh\n[ "$1" = online ] || exit 0\n%s\n%s\n%s\n' \
        'ip link set $vif up' 'brctl addif xenbr0 $vif' \
        'xenstore-write $XENBUS_PATH/hotplug-status connected' >/tmp/vif
    chmod +x /tmp/vif
    echo 'vif = ["bridge=xenbr0,script=/tmp/vif"]' >>/tmp/net.cfg
fi
$tool create /tmp/net.cfg >/tmp/create.out 2>&1 || { cat /tmp/create.out; exit 1; }
: >/tmp/out
tty=
until [ -c "$tty" ]; do
    tty=$(xenstore-read "/local/domain/$($tool domid demo)/console/tty")
done
cat "$tty" >/tmp/out &
until grep -q 'guest is up' /tmp/out; do usleep 100000; done
echo 'for m in /blk/*; do insmod $m; done; sleep 1; ip addr add 10.7.0.2/24 dev eth0;' \
    'ip link set eth0 up; ping -c 3 10.7.0.1; /net ask 10.7.0.1 guest; echo end$((1))' >"$tty"
# Seldom, as what runs in dom0 meanwhile is counted with what is measured.
n=0
until grep -q end1 /tmp/out || [ $n = 60 ]; do
    n=$((n + 1))
    sleep 5
done
tr -d '\r' </tmp/out | grep '^{' || tail -n 20 /tmp/out
[ ! -e /net/profile ] || sed -n 's/^\(f[0-9a-f]*\) [tTwW] \([^\t]*\).*/#S \1 \2/p' /proc/kallsyms
