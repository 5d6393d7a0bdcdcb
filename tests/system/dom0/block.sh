# SPDX-License-Identifier: MIT
# Guests' disks. busybox's shell; sourced.
. /test/device.sh
gzip -dc /guest/initrd.gz >/tmp/initrd
cat /tmp/initrd /guest/blk.cpio >/tmp/blk-initrd
rm /tmp/initrd
modprobe loop

image() { dd if=/dev/urandom of="$1" bs=64k count="$2" 2>/dev/null; }

mv /guest/one.img /tmp/one.img # 16 MiB
image /tmp/two.img 64
image /tmp/cd.img 16
losetup /dev/loop0 /tmp/two.img
md5sum </tmp/one.img >/tmp/one.md5
md5sum </tmp/cd.img >/tmp/cd.md5
state >/tmp/before
config blk 'ramdisk = "/tmp/blk-initrd"' \
    'disk = ["file:/tmp/one.img,raw,xvda,w", "vdev=xvdb, access=rw, target=/dev/loop0"]'
check "a guest with two disks comes up" up blk
refuses "what fails in the guest is seen to fail" '^step [0-9]+ gives 1' in_guest blk 60 false
check "its driver finds them" in_guest blk 60 \
    "for m in /blk/*; do insmod \$m; done; $(soon 'test -b /dev/xvda -a -b /dev/xvdb')"
check "the guest reads what dom0 wrote" in_guest blk 60 \
    "test \"\$(md5sum </dev/xvda)\" = '$(cat /tmp/one.md5)'"
check "it finds the file system that is on the one" in_guest blk 60 \
    'mkdir -p /mnt && mount -t ext4 /dev/xvda /mnt && cd /mnt && md5sum -c made.md5 >/dev/null &&
     cd / && rm /mnt/made'
check "it writes files there" in_guest blk 60 \
    'for i in 1 2 3; do dd if=/dev/urandom of=/mnt/$i bs=64k count=20 2>/dev/null || break; done &&
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
says "stats has what the guest has written" '"written_bytes": [0-9]{7}' $T stats blk
says "stats speaks Prometheus" \
    '^ostler_disk_written_bytes_total\{domid="[0-9]+",name="blk",devid="51728"\} [0-9]{7}' \
    $T stats --prometheus blk
says "top shows a guest beside dom0" '^blk +[0-9]+ ' $T top -b -n 1 -d 1
says "block-list shows the disks" "^51728 +0 +0 +4 +[0-9]+ +[0-9]+ " $T block-list blk

# Disks come and go under a running guest.
state >/tmp/attached
check "block-attach gives it another disk" $T block-attach blk "/tmp/cd.img,raw,xvdc,r"
check "the guest reads it" in_guest blk 60 \
    "$(soon 'test -b /dev/xvdc') && test \"\$(md5sum </dev/xvdc)\" = '$(cat /tmp/cd.md5)'"
check "the guest cannot write to it" in_guest blk 60 \
    '! dd if=/dev/zero of=/dev/xvdc bs=4k count=1 conv=fsync 2>/dev/null'
refuses "a name that is taken is refused" 'xvdc already' \
    $T block-attach blk /tmp/cd.img,raw,xvdc,r
check "block-detach takes it away" $T block-detach blk xvdc
check "the guest sees it go" in_guest blk 60 "$(soon 'test ! -e /dev/xvdc')"
check "a mounted disk" in_guest blk 60 'mount -t ext4 /dev/xvda /mnt'

# Killed under load: the guest sees no error, and what it wrote is there.
load='end=$(($(cut -d. -f1 /proc/uptime) + 12)); n=0; rm -f /sums
while [ $(cut -d. -f1 /proc/uptime) -lt $end ]; do
n=$((n + 1)); dd if=/dev/urandom of=/mnt/$((n % 8)) bs=64k count=16 conv=fsync 2>/dev/null || break
md5sum /mnt/$((n % 8)) >/sum.$((n % 8)) || break; done
test $(cut -d. -f1 /proc/uptime) -ge $end && cat /sum.* >/sums'
served() { [ -n "$(workers hvblkd)" ]; }
kill_backends() {
    local n
    for n in 1 2 3 4 5 6 7 8; do
        usleep 300000
        if [ $((n % 3)) = 0 ]; then
            slay "$(cat /run/hvblkd/pid)"
            hvblkd
        else
            wait_for 60 served
            kill -9 $(workers hvblkd) 2>/dev/null && echo killed >>/tmp/killed
        fi
    done
}
kill_backends &
check "the guest works on while its backends are killed" in_guest blk 120 "$load"
wait $!
check "they were there to be killed" [ "$(wc -l </tmp/killed)" -ge 3 ]
check "its files are what it wrote" in_guest blk 60 \
    'umount /mnt; echo 3 >/proc/sys/vm/drop_caches; mount -t ext4 /dev/xvda /mnt &&
     md5sum -c /sums >/dev/null && umount /mnt'

# What cannot be had is said before the guest is there. (The load has made tables grow.)
settled /tmp/attached
refuses "a missing image is refused by name" '/tmp/none.img: No such file' \
    $T block-attach blk /tmp/none.img,raw,xvdd,w
refuses "an image in use is refused" '/tmp/one.img: it is in use' \
    $T block-attach blk /tmp/one.img,raw,xvdd,w
refuses "a block device in use is refused" '/dev/loop0: it is in use' \
    $T block-attach blk /dev/loop0,raw,xvdd,w
config second 'disk = ["/tmp/one.img,raw,xvda,w"]'
refuses "a guest with an image in use is refused" '/tmp/one.img: it is in use' \
    $T create /tmp/second.cfg
config second 'disk = ["/tmp/cd.img,raw,xvda,w", "/tmp/none.img,raw,xvdb,w"]'
refuses "a guest without its image is refused" '/tmp/none.img: No such file' \
    $T create /tmp/second.cfg
unchanged "none of it leaves anything" /tmp/attached

# Many times over.
files() { ls "/proc/$(cat /run/hvblkd/pid)/fd" | wc -l; }
before=$(files)
place=/local/domain/0/backend/hvblk/$($T domid blk)/51744
connected() { [ "$(xenstore-read $place/state 2>/dev/null)" = 4 ]; }
cycles() {
    local n=0
    while [ $n -lt "$1" ]; do
        n=$((n + 1))
        $T block-attach blk /tmp/cd.img,raw,xvdc,r || return 1
        $2 || { echo "not connected in round $n"; return 1; }
        $T block-detach blk xvdc || return 1
    done
}
check "30 attachments and detachments" cycles 30 'wait_for 60 connected'
unchanged "they leave nothing" /tmp/attached
if [ "$(files)" = "$before" ]; then
    ok "they leave no file open"
else
    not_ok "they leave no file open" "$before, now $(files)"
fi
. /test/qcow.sh
check "the guest still reads its disk" in_guest blk 60 'dd if=/dev/xvda of=/dev/null bs=64k'
check "shutdown ends the guest" down blk
unchanged "nothing is left of it" /tmp/before 100
