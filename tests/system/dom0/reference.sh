# SPDX-License-Identifier: MIT
# Each front end of disks with each back end. The reference guest verifies and measures, and its
# back end goes away under load and comes back. Also how a disk is unplugged. At the end a table.
. /test/device.sh

. /test/joints.sh

# The reference guest's own checks, once it is created.
reference_works() {
    console ref
    in_joint "it runs" $T unpause ref
    in_joint "it comes up" wait_for 60 heard ref 'The reference guest is up'
    in_joint "it writes and reads" goes_on ref
    for sectors in 1 8 88 128 2048; do
        in_joint "requests of $sectors sectors carry their data" \
            grep -q "^$sectors sectors a request: ok" /tmp/ref.out
    done
}
reference_ends() {
    in_joint "no request failed" sh -c '! grep -E "failed|not ok" /tmp/ref.out'
    "$@"
    in_joint "unplugged, it sees an end" wait_for 60 heard ref 'the disk is gone'
    in_joint "and powers off" wait_for 60 gone ref
    grep -e '^{' -e '^disk of' /tmp/ref.out | tr -d '\r' | sed 's/^disk/# disk/'
    $T destroy ref 2>/dev/null
    console_end ref
}

joint 'disk: our' kernel
reference ref device/vbd/51712
in_joint "the guest is created" $T create -p /tmp/ref.cfg
id=$($T domid ref)
disk "$id" 0
vbd=/local/domain/0/backend/vbd/$id/51712
reference_works
in_joint "its disk is connected" in_state "$vbd" 4
in_joint "grants are persistent" heard ref 'persistent grants'
for n in 1 2 3 4 5; do
    xenstore-write "$vbd/state" 5
    in_joint "connected again, time $n" wait_for 60 in_state "$vbd" 4
    in_joint "and it goes on" goes_on ref
done
in_joint "it has seen six connections" heard ref 'connection 6'
reference_ends xenstore-write "$vbd/online" 0 "$vbd/state" 5
xenstore-rm "$vbd" 2>/dev/null
losetup -d /dev/loop0

dd if=/dev/zero of=/tmp/joint.img bs=1M count=0 seek=64 2>/dev/null
if ours hvblkd; then
    joint 'disk: our' our
    reference ref device/vbd/51712 'disk = ["/tmp/joint.img,raw,xvda,w"]'
    in_joint "the guest is created" $T create -p /tmp/ref.cfg
    reference_works
    in_joint "grants are persistent, rings are two" heard ref '2 rings, persistent grants'
    for n in 1 2 3 4 5; do
        kill -9 $(workers hvblkd)
        in_joint "its worker killed, it goes on, time $n" goes_on ref
    done
    reference_ends $T block-detach ref xvda
fi

# Linux's front end: the file is read by the guest, changed, and read by dom0.
gzip -dc /guest/initrd.gz >/tmp/initrd
cat /tmp/initrd /guest/blk.cpio >/tmp/blk-initrd
kernel_works() {
    in_joint "the guest finds its disk" in_guest blk 60 \
        "for m in /blk/*; do insmod \$m; done; $(soon 'test -b /dev/xvda')"
    in_joint "it reads what dom0 wrote" in_guest blk 60 \
        "test \"\$(head -c 4194304 /dev/xvda | md5sum)\" = '$(head -c 4194304 "$1" | md5sum)'"
    in_joint "it writes" in_guest blk 60 \
        'dd if=/dev/urandom bs=64k count=48 2>/dev/null | tee /dev/xvda | md5sum >/sum && sync'
    in_joint "it reads it back" in_guest blk 60 \
        'echo 3 >/proc/sys/vm/drop_caches; head -c 3145728 /dev/xvda | md5sum | cmp - /sum'
    in_joint "dom0 reads what it wrote" in_guest blk 60 \
        "grep -q '$(head -c 3145728 "$1" | md5sum)' /sum"
    in_joint "it shuts down" down blk
}
dd if=/dev/urandom of=/tmp/joint.img bs=64k count=64 conv=notrunc 2>/dev/null
if ours hvblkd; then
    joint "disk: kernel's" our
    config blk 'ramdisk = "/tmp/blk-initrd"' 'disk = ["/tmp/joint.img,raw,xvda,w"]'
    in_joint "the guest comes up" up blk
    kernel_works /tmp/joint.img
fi
joint "disk: kernel's" kernel
config blk 'ramdisk = "/tmp/blk-initrd"'
in_joint "the guest is created" $T create -p /tmp/blk.cfg
id=$($T domid blk)
disk "$id" 0
dd if=/tmp/joint.img of="/tmp/disk.$id" bs=64k count=64 conv=notrunc 2>/dev/null
console blk
$T unpause blk
in_joint "it comes up" wait_for 120 heard blk 'The demo guest is up'
# The file itself: what dom0 has read of the loop device stays in a cache of its own.
kernel_works "/tmp/disk.$id"
xenstore-rm "/local/domain/0/backend/vbd/$id" 2>/dev/null
losetup -d /dev/loop0

table
