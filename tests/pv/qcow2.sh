#!/bin/bash
# SPDX-License-Identifier: MIT
# Our qcow2 beside QEMU's: each reads what the other wrote, and qemu-img finds nothing wrong.
set -u
tool=@TOOL@
# In memory: what is tested is not the disk.
[ -d /dev/shm ] && [ -w /dev/shm ] && : "${TMPDIR:=/dev/shm}"
work=$(mktemp -d "${TMPDIR:-/tmp}/qcow2.XXXXXX")
disk=$(mktemp -d /var/tmp/qcow2.XXXXXX)
trap 'rm -rf "$work" "$disk"' EXIT
cd "$work" || exit 1
n=0
ok() { n=$((n + 1)); echo "ok $n - $1"; }
not_ok() { n=$((n + 1)); echo "not ok $n - $1: $(echo "$2" | tr '\n' ' ' | cut -c1-300)"; }

if ! command -v qemu-img >/dev/null || ! command -v qemu-io >/dev/null; then
    echo "1..1"
    echo "ok 1 - our qcow2 and QEMU's agree # SKIP qemu-utils is not installed"
    exit 0
fi

# check NAME COMMAND...: it succeeds.
check() {
    local name=$1 out
    shift
    if out=$("$@" 2>&1); then ok "$name"; else not_ok "$name" "$out"; fi
}
# refuses NAME PATTERN COMMAND...: it fails, and says why.
refuses() {
    local name=$1 pattern=$2 out
    shift 2
    if out=$("$@" 2>&1); then
        not_ok "$name" "it is taken"
    elif [[ $out =~ $pattern ]]; then
        ok "$name"
    else
        not_ok "$name" "$out"
    fi
}
create() { qemu-img create -q "$@" >/dev/null; }
same() { qemu-img compare -q -f raw -F qcow2 "$1" "$2"; }
# Leaks are allowed after a kill: qemu-img's status for them is 3.
sound() {
    qemu-img check -q "$1" >check.out 2>&1
    case $? in 0) ;; 3) [ "${2:-}" = leaks ] ;; *) false ;; esac || { tail -n 3 check.out; false; }
}

# work_on IMAGE SEED NR: ours works on it, from what it has; nothing is wrong afterwards.
work_on() {
    qemu-img convert -f qcow2 -O raw "$1" model && "$tool" work "$1" model "$2" "$3" &&
        sound "$1" && same model "$1"
}
base() {
    create -f raw base.raw 5M
    qemu-io -f raw -c 'write -q -P 17 0 1M' -c 'write -q -P 18 3M 77k' base.raw
}

base
seed=1
for options in cluster_size=65536 cluster_size=512 cluster_size=4k,refcount_bits=1 \
    cluster_size=1k,refcount_bits=64 cluster_size=2M,refcount_bits=8 compat=0.10 \
    cluster_size=512,compat=0.10 refcount_bits=2 refcount_bits=4,cluster_size=1k \
    refcount_bits=32,preallocation=metadata lazy_refcounts=on; do
    rm -f a.qcow2
    create -f qcow2 -o "$options" a.qcow2 21M
    check "random work on an image with $options" work_on a.qcow2 $((seed += 1)) 1500
    case $options in *preallocation*) continue ;; esac
    rm -f a.qcow2
    create -f qcow2 -b base.raw -F raw -o "$options" a.qcow2 8M
    check "random work before a raw image, with $options" work_on a.qcow2 $((seed += 1)) 1000
done

# Chains, and clusters of each kind.
create -f qcow2 -o cluster_size=4k middle.qcow2 6M
qemu-io -c 'write -q -P 33 1M 2M' -c 'write -q -z 2M 64k' -c 'write -q -P 34 5M 7k' middle.qcow2
for kind in zlib zstd; do
    rm -f packed.qcow2 a.qcow2
    qemu-img convert -c -O qcow2 -o compression_type=$kind middle.qcow2 packed.qcow2
    check "an image compressed by $kind is opened" "$tool" read packed.qcow2 out
    check "it is read" same out packed.qcow2
    check "it is written to" work_on packed.qcow2 $((seed += 1)) 600
    create -f qcow2 -b packed.qcow2 -F qcow2 a.qcow2
    check "and an image before it" work_on a.qcow2 $((seed += 1)) 600
done
mkdir sub
create -f qcow2 -b ../base.raw -F raw sub/one.qcow2
qemu-io -c 'write -q -P 35 64k 200k' -c 'write -q -z 1M 128k' sub/one.qcow2
create -f qcow2 -b sub/one.qcow2 -F qcow2 -o cluster_size=1k two.qcow2 7M
qemu-io -c 'write -q -P 36 100k 20k' two.qcow2
create -f qcow2 -b "$work/two.qcow2" -F qcow2 three.qcow2
check "a chain of three, with relative names" work_on three.qcow2 $((seed += 1)) 1000

# On a disk, with direct I/O, as far as its file system can do that.
create -f qcow2 -b "$work/three.qcow2" -F qcow2 -o cluster_size=16k "$disk/a.qcow2"
direct() {
    qemu-img convert -f qcow2 -O raw "$disk/a.qcow2" model
    DIRECT=1 "$tool" work "$disk/a.qcow2" model 77 150 && sound "$disk/a.qcow2" &&
        same model "$disk/a.qcow2"
}
if dd if="$disk/a.qcow2" of=/dev/null bs=512 count=1 iflag=direct status=none 2>/dev/null; then
    check "direct I/O" direct
else
    n=$((n + 1))
    echo "ok $n - direct I/O # SKIP not on this file system"
fi

# A file that cannot grow any more: errors, and an image that is right; then it grows.
rm -f a.qcow2
create -f qcow2 -b base.raw -F raw -o cluster_size=4k a.qcow2 21M
check "work where space runs out" env LIMIT=3000000 "$BASH" -c \
    "$(declare -f work_on sound same); tool=$tool; work_on a.qcow2 $((seed += 1)) 800"
check "it is work as before when there is space" work_on a.qcow2 $((seed += 1)) 500

# Snapshots inside the image.
create -f qcow2 -o cluster_size=4k snap.qcow2 4M
qemu-io -c 'write -q -P 51 0 2M' snap.qcow2
qemu-img snapshot -c first snap.qcow2
qemu-img convert -O raw -l first snap.qcow2 first.raw
check "work on an image with a snapshot" work_on snap.qcow2 $((seed += 1)) 800
qemu-img convert -O raw -l first snap.qcow2 again.raw
check "the snapshot is what it was" cmp first.raw again.raw
qemu-img snapshot -d first snap.qcow2
check "work goes on when it is deleted" work_on snap.qcow2 $((seed += 1)) 300
rm first.raw again.raw

# Killed at any instant.
killed() {
    local round
    rm -f k.qcow2
    create -f qcow2 "$@" k.qcow2 16M
    qemu-img convert -f qcow2 -O raw k.qcow2 model
    for round in 1 2 3 4 5 6 7 8; do
        "$tool" kill k.qcow2 model $((seed += 1)) $((RANDOM % 60 + 5)) || return
        sound k.qcow2 leaks && same model k.qcow2 || return
    done
}
check "killed at random, it is sound and has what was answered" killed
check "so with small clusters" killed -o cluster_size=512
check "so with an image behind" killed -b base.raw -F raw -o cluster_size=8k

# Who has it.
create -f qcow2 a2.qcow2 1M
mkfifo ours
"$tool" hold a2.qcow2 w <ours >held &
exec 9>ours
until grep -q open held; do sleep 0.05; done
refuses "qemu-img keeps off an image that we write to" 'lock' qemu-img info a2.qcow2
refuses "so do we" 'in use' "$tool" open a2.qcow2
refuses "for reading, too" 'in use' "$tool" read a2.qcow2 out
exec 9>&-
wait $!
"$tool" hold a2.qcow2 r <ours >held &
exec 9>ours
until grep -q open held; do sleep 0.05; done
check "QEMU reads an image that we read" qemu-img info a2.qcow2
check "so do we" "$tool" read a2.qcow2 out
refuses "QEMU does not write to it" 'lock' qemu-io -c 'write -q 0 4k' a2.qcow2
refuses "nor do we" 'in use' "$tool" open a2.qcow2
exec 9>&-
wait $!
check "it is free again" "$tool" open a2.qcow2
qemu-io -c 'write 0 4k' -c 'sleep 60000' a2.qcow2 >qemu.out 2>&1 &
until grep -q ":$(stat -c %i a2.qcow2) 201 201" /proc/locks; do sleep 0.05; done
refuses "we keep off an image that QEMU writes to" 'in use' "$tool" open a2.qcow2
refuses "and do not read it" 'in use' "$tool" read a2.qcow2 out
kill $!
wait $! 2>/dev/null

# What is refused, and by which words.
poke() { printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none; }
bad() {
    rm -f bad.qcow2
    create -f qcow2 -o cluster_size=4k bad.qcow2 1M
    qemu-io -c 'write -q 0 64k' bad.qcow2
    [ $# = 0 ] || poke bad.qcow2 "$1" "$2"
}
is_bad() { refuses "$1" "$2" "$tool" open bad.qcow2; }
bad 35 '\001'
is_bad "an encrypted image" 'encrypted'
rm -f bad.qcow2
create -f qcow2 -o data_file=ext.raw bad.qcow2 1M
is_bad "an image with its data elsewhere" 'external file'
rm -f bad.qcow2
create -f qcow2 -o extended_l2=on bad.qcow2 1M
is_bad "an image with extended L2 entries" 'extended L2'
bad 72 '\200'
is_bad "a feature that nobody knows" 'feature 63'
bad 79 '\002'
is_bad "an image marked as corrupt" 'marked as corrupt'
bad 79 '\001'
is_bad "an image that was not closed" 'not closed cleanly'
check "which is read all the same" "$tool" read bad.qcow2 out
bad 0 'x'
is_bad "no image" 'no qcow2 image'
bad 7 '\004'
is_bad "another version" 'neither 2 nor 3'
bad 23 '\077'
is_bad "clusters out of range" 'out of range'
bad 36 '\377'
is_bad "an L1 table that is too large" 'L1 table'
bad 47 '\001'
is_bad "an L1 table between clusters" 'L1 table'
bad 40 '\020'
is_bad "an L1 table beyond the end" 'L1 table'
bad 48 '\020'
is_bad "a refcount table beyond the end" 'refcount table'
bad 103 '\377'
is_bad "a header's length" 'length'
bad
truncate -s 8192 bad.qcow2
is_bad "a truncated image" 'L1 table|within the file'
bad
l1=$((16#$(xxd -s 40 -l 8 -p bad.qcow2)))
table=$((16#$(xxd -s $((l1 + 2)) -l 6 -p bad.qcow2)))
bytes() { printf '%016x' "$1" | sed 's/../\\x&/g'; }
poke bad.qcow2 "$l1" "$(bytes $((l1 | 1 << 63)))"
is_bad "an L1 table that points to itself" 'two things|used once'
bad
poke bad.qcow2 "$table" "$(bytes $((table | 1 << 63)))"
is_bad "an L2 table that points to itself" 'two things'
bad
poke bad.qcow2 "$table" "$(bytes $((l1 | 1 << 63)))"
is_bad "an L2 entry that points to the L1 table" 'two things'
bad
poke bad.qcow2 "$table" "$(bytes $((1 << 55)))"
is_bad "an L2 entry beyond the end" 'beyond'
bad
poke bad.qcow2 $((table + 8)) "$(xxd -s "$table" -l 8 -p bad.qcow2 | sed 's/../\\x&/g')"
is_bad "two entries with one cluster" 'counted less|used once'
rm -f x.qcow2 y.qcow2
create -f qcow2 x.qcow2 1M
create -f qcow2 -b x.qcow2 -F qcow2 y.qcow2
qemu-img rebase -u -b y.qcow2 -F qcow2 x.qcow2
refuses "backing files that form a loop" 'loop' "$tool" open x.qcow2
rm -f bad.qcow2
create -f qcow2 -u -b nowhere.img -F raw bad.qcow2 1M
is_bad "a backing file that is not there" 'nowhere.img: No such file'
qemu-img rebase -u -b nbd://host/x -F raw bad.qcow2
is_bad "a backing file that is no file" 'no plain path'
qemu-img rebase -u -b base.raw -F vmdk bad.qcow2
is_bad "a backing file of another format" 'neither raw nor qcow2'
create -f qcow2 -o compat=0.10 -u -b base.raw -F raw bad.qcow2 1M
at=$(LC_ALL=C grep -obUaP '\xe2\x79\x2a\xca' bad.qcow2 | head -n 1 | cut -d: -f1)
poke bad.qcow2 "$at" '\x11\x11\x11\x11'
is_bad "a backing file whose format is not told" 'not told'
echo "1..$n"
