# SPDX-License-Identifier: MIT
# The reference guest with a disk: it verifies and measures, and its back end closes under
# load and comes back. Also how a disk is unplugged.
. /test/device.sh
printf '%s\n' 'name = "ref"' 'type = "pv"' 'kernel = "/guest/reference.elf"' 'memory = 16' \
    'vcpus = 1' 'extra = "device/vbd/51712"' 'on_poweroff = "destroy"' 'on_crash = "destroy"' \
    >/tmp/ref.cfg
check "the guest is created" $T create -p /tmp/ref.cfg
id=$($T domid ref)
disk "$id" 0
vbd=/local/domain/0/backend/vbd/$id/51712
console ref
check "it runs" $T unpause ref
check "it comes up" wait_for 60 heard ref 'The reference guest is up'
check "its disk is connected" wait_for 30 in_state "$vbd" 4
check "it writes and reads" goes_on ref
for sectors in 1 8 88 128 2048; do
    check "requests of $sectors sectors carry their data" \
        grep -q "^$sectors sectors a request: ok" /tmp/ref.out
done
for n in 1 2 3 4 5; do
    xenstore-write "$vbd/state" 5
    check "connected again, time $n" wait_for 30 in_state "$vbd" 4
    check "and it goes on" goes_on ref
done
check "no request failed" sh -c '! grep -E "failed|not ok" /tmp/ref.out'
check "it has seen six connections" heard ref 'connection 6'
xenstore-write "$vbd/online" 0 "$vbd/state" 5
check "unplugged, it sees an end" wait_for 30 heard ref 'the disk is gone'
check "and powers off" wait_for 30 gone ref
grep '^{' /tmp/ref.out | tr -d '\r'
tail -n 2 /tmp/ref.out | tr -d '\r'
$T destroy ref 2>/dev/null
console_end ref
xenstore-rm "$vbd" 2>/dev/null
losetup -d /dev/loop0
