# SPDX-License-Identifier: MIT
# Disks of other kinds for the guest `blk` of block.sh, which runs: a qcow2 image with a
# backing file, a CD, and what the kernel's backend serves. busybox's shell; sourced.

dd if=/dev/urandom of=/tmp/base.img bs=64k count=512 2>/dev/null
base_sum=$(md5sum </tmp/base.img)
overlay /tmp/top.qcow2 base.img 33554432
state >/tmp/with_blk
check "block-attach gives it a qcow2 image" $T block-attach blk /tmp/top.qcow2,qcow2,xvdd,w
check "the guest reads what lies behind it" in_guest blk 60 \
    "$(soon 'test -b /dev/xvdd') && test \"\$(md5sum </dev/xvdd)\" = '$base_sum'"
says "block-list knows the format" '"format": *"qcow2"' $T block-list --json blk
refuses "another writer of it is refused" '/tmp/top.qcow2: it is in use' \
    $T block-attach blk /tmp/top.qcow2,qcow2,xvdf,w
refuses "so is a writer of what lies behind" '/tmp/base.img: it is in use' \
    $T block-attach blk /tmp/base.img,raw,xvdf,w
check "it is taken away" $T block-detach blk xvdd
check "and found to be right when it comes again" \
    $T block-attach blk /tmp/top.qcow2,qcow2,xvdd,w
check "it goes again" $T block-detach blk xvdd
says "what lies behind is as it was" "${base_sum%% *}" md5sum /tmp/base.img
printf 'x' | dd of=/tmp/top.qcow2 bs=1 seek=40 conv=notrunc 2>/dev/null
refuses "a broken image is refused by name" 'top.qcow2: its L1 table' \
    $T block-attach blk /tmp/top.qcow2,qcow2,xvdd,w

# A drive for CDs.
check "an empty drive" $T block-attach blk ,,xvdd,cdrom
check "a CD goes into it" $T cd-insert blk xvdd /tmp/cd.img
check "the guest reads it" in_guest blk 60 \
    "$(soon 'test -b /dev/xvdd') && test \"\$(md5sum </dev/xvdd)\" = '$(cat /tmp/cd.md5)'"
refuses "a CD that is not there is refused by name" '/tmp/none.iso: No such file' \
    $T cd-insert blk xvdd /tmp/none.iso
check "the CD comes out" $T cd-eject blk xvdd
check "the guest sees it go" in_guest blk 60 "$(soon 'test ! -e /dev/xvdd')"
refuses "there is nothing more in it" 'nothing in xvdd' $T cd-eject blk xvdd
check "the drive goes" $T block-detach blk xvdd

# The kernel's backend, on a file.
modprobe xen-blkback
dd if=/dev/urandom of=/tmp/phy.img bs=64k count=64 2>/dev/null
sum=$(md5sum </tmp/phy.img)
check "backendtype=phy gives it a file" \
    $T block-attach blk /tmp/phy.img,raw,xvdd,w,backendtype=phy
check "the guest reads it, through the kernel's backend" in_guest blk 60 \
    "$(soon 'test -b /dev/xvdd') && test \"\$(md5sum </dev/xvdd)\" = '$sum'"
check "and writes to it" in_guest blk 60 \
    'dd if=/dev/xvda of=/dev/xvdd bs=64k count=8 conv=fsync 2>/dev/null'
says "block-list knows the backend" '/backend/vbd/' $T block-list blk
refuses "the file is in use" '/tmp/phy.img: it is in use' \
    $T block-attach blk /tmp/phy.img,raw,xvdf,w
check "it is taken away" $T block-detach blk xvdd
no_loop() { ! losetup -a | grep -q phy.img; }
check "and no loop device stays" wait_for 60 no_loop
check "it is ours to serve again" $T block-attach blk /tmp/phy.img,raw,xvdd,w
check "with what was written through the other" in_guest blk 60 \
    "$(soon 'test -b /dev/xvdd') && head -c 524288 /dev/xvda >/want &&
     head -c 524288 /dev/xvdd | cmp - /want"
check "it goes, too" $T block-detach blk xvdd
unchanged "none of these leave anything" /tmp/with_blk 100
