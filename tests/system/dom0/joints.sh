# SPDX-License-Identifier: MIT
# Each front end with each back end: what the scripts about it share. Sourced.

# joint FRONT BACK: the checks from here on are this joint's.
joint() {
    at="$1 front end, $2 back end"
    echo "$at" >>/tmp/joints
}
# in_joint NAME COMMAND...: as check; what fails is in the table.
in_joint() {
    local name=$1
    shift
    check "$at: $name" "$@" && return
    echo "$at" >>/tmp/failed
}
: >/tmp/failed

# reference NAME DEVICE LINE...: the configuration of a reference guest.
reference() {
    local name=$1 device=$2
    shift 2
    printf '%s\n' "name = \"$name\"" 'type = "pv"' 'kernel = "/guest/reference.elf"' \
        'memory = 16' 'vcpus = 1' "extra = \"$device\"" 'on_poweroff = "destroy"' \
        'on_crash = "destroy"' "$@" >"/tmp/$name.cfg"
}
# ours DAEMON: whether our back end and its tools are here.
ours() { [ $T = hvtool ] && [ -e "/run/$1/pid" ]; }
# workers DAEMON: its processes but the first.
workers() { pidof "$1" | tr ' ' '\n' | grep -vx "$(cat "/run/$1/pid")"; }

table() {
    local result
    while read -r at; do
        if grep -qxF "$at" /tmp/failed; then result=FAILS; else result=works; fi
        printf '# %-50s %s\n' "$at" $result
    done </tmp/joints
}
