# SPDX-License-Identifier: MIT
# Devices with the kernel's back ends, written to XenStore as a toolstack does. Sourced.

# device DOMID TYPE NUMBER FRONT-KEY=VALUE... -- BACK-KEY=VALUE...
device() {
    local id=$1 type=$2 front=/local/domain/$1/device/$2/$3
    local back=/local/domain/0/backend/$2/$1/$3 where words word
    where=$front
    words="$front/backend $back $front/backend-id 0 $front/state 1 $front/handle $3"
    words="$words $back/frontend $front $back/frontend-id $id $back/online 1 $back/state 1"
    words="$words $back/handle $3"
    shift 3
    for word; do
        if [ "$word" = -- ]; then
            where=$back
        else
            words="$words $where/${word%%=*} ${word#*=}"
        fi
    done
    # shellcheck disable=SC2086
    xenstore-write $words
    xenstore-chmod -r "$front" "n$id" r0
    xenstore-chmod -r "$back" n0 "r$id"
}

# disk DOMID LOOP: a disk xvda of 64 MiB, in memory, for the guest that is not running yet.
disk() {
    dd if=/dev/zero of="/tmp/disk.$1" bs=1M count=0 seek=64 2>/dev/null
    losetup "/dev/loop$2" "/tmp/disk.$1"
    device "$1" vbd 51712 virtual-device=51712 device-type=disk -- \
        dev=xvda type=phy mode=w "params=/dev/loop$2" "physical-device=7:$2"
}

# in_state NODE N: whether a device's end says that it is in state N.
in_state() { [ "$(xenstore-read "$1/state" 2>/dev/null)" = "$2" ]; }

# rounds NAME: how many rounds of its workload the guest has done well.
rounds() { grep -cE '^round [0-9.]+ ok' "/tmp/$1.out"; }
enough() { [ "$(rounds "$1")" -ge "$2" ]; }
# goes_on NAME: more rounds, from now.
goes_on() { wait_for 120 enough "$1" $(($(rounds "$1") + 4)) || { last_words "$1"; return 1; }; }

# reference NAME DEVICE LINE...: the configuration of a reference guest.
reference() {
    local name=$1 device=$2
    shift 2
    printf '%s\n' "name = \"$name\"" 'type = "pv"' 'kernel = "/guest/reference.elf"' \
        'memory = 16' 'vcpus = 1' "extra = \"$device\"" 'on_poweroff = "destroy"' \
        'on_crash = "destroy"' "$@" >"/tmp/$name.cfg"
}

# be NUMBER BYTES: big-endian. overlay FILE BASE BYTES: an empty qcow2 image before a raw one.
be() { printf "$(printf "%0$(($2 * 2))x" "$1" | sed 's/../\\x&/g')"; }
overlay() {
    dd if=/dev/zero of="$1" bs=64k count=4 2>/dev/null
    {
        printf 'QFI\373'
        be 3 4; be 128 8; be ${#2} 4; be 16 4; be "$3" 8; be 0 4; be 1 4; be 196608 8
        be 65536 8; be 1 4; be 0 36; be 4 4; be 104 4
        be 3799591626 4; be 3 4; printf 'raw\0\0\0\0\0'; be 0 8; printf '%s' "$2"
    } | dd of="$1" conv=notrunc 2>/dev/null
    be 131072 8 | dd of="$1" bs=64k seek=1 conv=notrunc 2>/dev/null
    be 281479271743489 8 | dd of="$1" bs=64k seek=2 conv=notrunc 2>/dev/null
}
