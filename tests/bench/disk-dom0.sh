# SPDX-License-Identifier: MIT
# What the disk benchmark does in dom0: a RAM disk is measured there, then as a guest's disk.
# busybox's shell.
modprobe brd rd_nr=1 rd_size=16384
/disk/disk /dev/ram0 dom0
gzip -dc /guest/initrd.gz >/tmp/initrd
cat /tmp/initrd /disk/guest.cpio >/tmp/disk-initrd
sed 's|^ramdisk.*|ramdisk = "/tmp/disk-initrd"|' /guest/demo.cfg >/tmp/disk.cfg
echo 'disk = ["/dev/ram0,raw,xvda,w"]' >>/tmp/disk.cfg
hvtool create -q /tmp/disk.cfg || exit 1
: >/tmp/out
tty=$(xenstore-read "/local/domain/$(hvtool domid demo)/console/tty")
cat "$tty" >/tmp/out &
until grep -q 'guest is up' /tmp/out; do usleep 100000; done
echo 'for m in /blk/*; do insmod $m; done; sleep 1; /disk /dev/xvda guest; echo end$((1))' >"$tty"
n=0
until grep -q end1 /tmp/out || [ $n = 3000 ]; do
    n=$((n + 1))
    usleep 100000
done
tr -d '\r' </tmp/out | grep '^{' || tail -n 20 /tmp/out
