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

# ours DAEMON: whether our back end and its tools are here.
ours() { [ $T = hvtool ] && [ -e "/run/$1/pid" ]; }

table() {
    local result
    while read -r at; do
        if grep -qxF "$at" /tmp/failed; then result=FAILS; else result=works; fi
        printf '# %-50s %s\n' "$at" $result
    done </tmp/joints
}
