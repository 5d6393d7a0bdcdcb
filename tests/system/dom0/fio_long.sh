# SPDX-License-Identifier: MIT
# Disks of a guest under fio, which verifies what it reads, while the CPUs of both domains are
# busy: raw and qcow2, killed under load, detached and attached, given up, short of space; then
# attached 200 times over. busybox's shell; sourced.
. /test/device.sh
syslogd -O /tmp/messages
gzip -dc /guest/initrd.gz >/tmp/initrd
cat /tmp/initrd /guest/blk.cpio >/tmp/blk-initrd
rm /tmp/initrd
config blk 'ramdisk = "/tmp/blk-initrd"' 'memory = 384' 'vcpus = 2'
check "a guest of two vCPUs comes up" up blk
check "its driver is there" in_guest blk 60 'for m in /blk/*; do insmod $m; done'
sparse() { dd if=/dev/zero of="$1" bs=1M count=0 seek="$2" 2>/dev/null; }
fio() { in_guest blk 900 "/fio/guest-fio $* || { tail -n 9 /fio.log; false; }"; }
# worker_of FILE: the process that has it open.
worker_of() {
    local p
    for p in $(workers hvblkd); do
        if ls -l "/proc/$p/fd" 2>/dev/null | grep -q " $1\$"; then echo "$p"; fi
    done
}

state >/tmp/with_blk
sparse /tmp/fio.raw 16
sparse /tmp/fio-base.img 16
overlay /tmp/fio.qcow2 fio-base.img 16777216
check "fio comes on a block device" $T block-attach blk /dev/vda,raw,xvde,r
attach_both() {
    $T block-attach blk /tmp/fio.raw,raw,xvdg,w && $T block-attach blk /tmp/fio.qcow2,qcow2,xvdh,w
}
detach_both() { $T block-detach blk xvdg && $T block-detach blk xvdh; }
check "a raw and a qcow2 image are there for it" attach_both
check "it is there" in_guest blk 60 \
    "$(soon 'test -b /dev/xvde') && mkdir -p /fio && mount -t ext4 -o ro /dev/xvde /fio"

# A neighbour that speaks the protocol wrongly in 17 ways, each of them 20 times.
sparse /tmp/hostile.img 4
reference hostile 'device/vbd/51712 340' 'disk = ["/tmp/hostile.img,raw,xvda,w"]'
check "a hostile front end" $T create -p /tmp/hostile.cfg
console hostile
check "runs beside it" $T unpause hostile
check "the guest's CPUs are busy" in_guest blk 60 'while :; do :; done & echo $! >/busy'
while :; do :; done &
busy=$!
check "what fio writes under load it reads again" fio

check "the hostile one's disk is closed or says no, and is served again" \
    wait_for 900 heard hostile \
    '340 wrong connections, 0 of them not ended well, then all is served'
tr -d '\r' </tmp/hostile.out | sed -n 's/^[a-z].*/# &/p'
for why in 'index is out of range' 'a segment beyond its page' 'not granted'; do
    check "the log says why: $why" grep -q "domain .*, disk 51712: .*$why" /tmp/messages
done
wait_for 60 gone hostile
$T destroy hostile 2>/dev/null
console_end hostile

# At any instant: between 0 and 0.7 s after the last one.
: >/tmp/killed
kill_at_random() {
    while [ ! -e /tmp/enough ]; do
        usleep $((RANDOM * 20 + 100000))
        for p in $(workers hvblkd); do
            if [ $((RANDOM % 3)) != 0 ]; then kill -9 "$p" && echo >>/tmp/killed; fi
        done
    done
}
kill_at_random 2>/dev/null &
check "fio sees no error and no wrong byte while workers are killed" \
    fio --time_based --runtime=12 --verify_backlog=64
touch /tmp/enough
wait $!
echo "# $(wc -l </tmp/killed) workers were killed under fio"
check "they were there to be killed" [ "$(wc -l </tmp/killed)" -ge 10 ]

check "fio writes" fio --do_verify=0
check "the disks are taken away" detach_both
check "and given back" attach_both
check "fio finds what it wrote before" fio --verify_only
kill $busy

# A worker that crashes again and again: errors, and no hang.
crash() {
    local n=0 p
    while [ $n -lt 100 ]; do
        grep -q 'crashes again and again' /tmp/messages && return
        n=$((n + 1))
        p=$(worker_of /tmp/fio.raw)
        if [ -n "$p" ]; then kill -SEGV "$p"; fi
        usleep 50000
    done
    return 1
}
crash >/dev/null 2>&1 &
check "a disk that is given up gives errors" in_guest blk 60 \
    'while dd if=/dev/xvdg of=/dev/null bs=64k iflag=direct; do :; done 2>/dev/null'
wait $!
check "and the log says why" grep -q 'closed: its worker crashes again and again' /tmp/messages
check "it can be taken away" $T block-detach blk xvdg
check "and given back" $T block-attach blk /tmp/fio.raw,raw,xvdg,w
check "fio finds on it what it wrote before" fio --verify_only

# No space.
mkdir -p /tmp/small
mount -t tmpfs -o size=4m none /tmp/small
sparse /tmp/small/image 8
fill='dd if=/dev/zero of=/dev/xvdi bs=64k count=128 oflag=direct 2>/dev/null'
check "an image that does not fit" $T block-attach blk /tmp/small/image,raw,xvdi,w,enospc=fail
check "fails the guest's writes where that is wanted" in_guest blk 60 \
    "$(soon 'test -b /dev/xvdi') && ! $fill"
check "it goes" $T block-detach blk xvdi
rm /tmp/small/image
sparse /tmp/small/image 8
: >/tmp/messages
check "without such a wish" $T block-attach blk /tmp/small/image,raw,xvdi,w
check "the guest writes" in_guest blk 60 \
    "$(soon 'test -b /dev/xvdi') && { { $fill; echo \$? >/filled; } & true; }"
check "and the log says that its writes wait" \
    wait_for 60 grep -q 'no space is left.*writes wait' /tmp/messages
check "they do, without an error" in_guest blk 60 'test ! -e /filled'
mount -o remount,size=16m /tmp/small
check "with space they go on" in_guest blk 60 \
    'until [ -e /filled ]; do sleep 1; done; test $(cat /filled) = 0'
check "and the log says so" grep -q 'there is space' /tmp/messages

check "all disks go" in_guest blk 60 'kill $(cat /busy); umount /fio'
for disk in xvde xvdg xvdh xvdi; do $T block-detach blk $disk; done
umount /tmp/small
unchanged "none of these leave anything, either" /tmp/with_blk 100

# Many times over. Event channels of dom0's processes are lines in /proc/interrupts.
counts() {
    ls "/proc/$(cat /run/hvblkd/pid)/fd" | wc -l
    pidof hvblkd | wc -w
    grep -c evtchn /proc/interrupts
    sed -n 's/^VmData:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$(cat /run/hvblkd/pid)/status"
    ls /run/hvblkd | wc -l
}
sparse /tmp/cycle.img 1
place=/local/domain/0/backend/hvblk/$($T domid blk)/51744
connected() { [ "$(xenstore-read $place/state 2>/dev/null)" = 4 ]; }
cycles() {
    local n=0
    while [ $n -lt "$1" ]; do
        n=$((n + 1))
        $T block-attach blk /tmp/cycle.img,raw,xvdc,r || { echo "round $n"; return 1; }
        wait_for 60 connected || { echo "not connected in round $n"; return 1; }
        $T block-detach blk xvdc || { echo "round $n"; return 1; }
    done
}
check "an attachment and a detachment" cycles 1
counts >/tmp/counts
state >/tmp/cycled
check "200 more" cycles 200
unchanged "they leave nothing" /tmp/cycled
counts >/tmp/counts.now
check "nor files, processes, event channels, memory, journals" \
    sh -c 'cmp /tmp/counts /tmp/counts.now || { cat /tmp/counts /tmp/counts.now; false; }'
check "shutdown ends the guest" down blk
