# SPDX-License-Identifier: MIT
# Goes into a Debian on the machine's disk, with our library first in its path. busybox's
# shell; sourced.
D=/mnt
mkdir -p $D
mount -t ext4 /dev/vda $D
for folder in dev proc sys run tmp guest; do mount --bind /$folder $D/$folder; done
mount --bind /dev/pts $D/dev/pts
mount -t xenfs xenfs $D/proc/xen
cp -r /test /blk /inside.sh $D/
cp /usr/lib/x86_64-linux-gnu/libxenstore.so.4.0 $D/ours/libxenstore.so.4
chroot $D /usr/bin/busybox sh /inside.sh
