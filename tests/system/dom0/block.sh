# SPDX-License-Identifier: MIT
# Guests' disks. busybox's shell; sourced.
gzip -dc /guest/initrd.gz >/tmp/initrd
cat /tmp/initrd /guest/blk.cpio >/tmp/blk-initrd
rm /tmp/initrd
modprobe loop

# in_guest NAME SECONDS COMMAND: the guest's shell runs it and it succeeds.
steps=0
in_guest() {
    has_tty "$1" || { echo "no guest"; return 1; }
    steps=$((steps + 1))
    echo "{ $3; }; echo \"step $steps gives \$?\"" >"$(tty_of "$1")"
    wait_for "$2" grep -q "^step $steps gives" "/tmp/$1.out" || { last_words "$1"; return 1; }
    heard "$1" "step $steps gives 0" || { tail -n 4 "/tmp/$1.out"; return 1; }
}
image() { dd if=/dev/urandom of="$1" bs=64k count="$2" 2>/dev/null; }

image /tmp/one.img 256
image /tmp/two.img 64
image /tmp/cd.img 16
losetup /dev/loop0 /tmp/two.img
md5sum </tmp/one.img >/tmp/one.md5
md5sum </tmp/cd.img >/tmp/cd.md5
state >/tmp/before
config blk 'ramdisk = "/tmp/blk-initrd"' \
    'disk = ["file:/tmp/one.img,raw,xvda,w", "vdev=xvdb, access=rw, target=/dev/loop0"]'
check "a guest with two disks comes up" up blk
check "its driver finds them" in_guest blk 60 \
    'for m in /blk/*; do insmod $m; done; sleep 1; test -b /dev/xvda -a -b /dev/xvdb'
check "the guest reads what dom0 wrote" in_guest blk 60 \
    "test \"\$(md5sum </dev/xvda)\" = '$(cat /tmp/one.md5)'"
check "it makes a file system on the one and mounts it" in_guest blk 60 \
    'mkfs.ext2 -F /dev/xvda >/dev/null && mount -t ext4 /dev/xvda /mnt'
check "it writes files there" in_guest blk 60 \
    'for i in 1 2 3; do dd if=/dev/urandom of=/mnt/$i bs=64k count=20 2>/dev/null; done &&
     cat /mnt/1 /mnt/2 /mnt/3 | md5sum >/sum && umount /mnt'
check "they are the same after mounting again" in_guest blk 60 \
    'echo 3 >/proc/sys/vm/drop_caches; mount -t ext4 /dev/xvda /mnt &&
     cat /mnt/1 /mnt/2 /mnt/3 | md5sum | cmp - /sum && umount /mnt'
check "it writes to the other" in_guest blk 60 \
    'dd if=/dev/xvda of=/dev/xvdb bs=64k count=64 conv=fsync 2>/dev/null'
check "the guest reads it back" in_guest blk 60 \
    'echo 3 >/proc/sys/vm/drop_caches; head -c 4194304 /dev/xvda | cmp - /dev/xvdb'
head -c 4194304 /tmp/one.img >/tmp/want.img
check "dom0 reads what the guest wrote" cmp /tmp/want.img /dev/loop0
says "block-list shows the disks" "^51728 +0 +0 +4 +[0-9]+ +[0-9]+ " $T block-list blk
check "shutdown ends the guest" down blk
unchanged "nothing is left of it" /tmp/before
