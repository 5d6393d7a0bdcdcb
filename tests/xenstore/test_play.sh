#!/bin/bash
# SPDX-License-Identifier: MIT
# Plays scripts/*.play to our daemon and compares every reply and event with scripts/*.expected;
# then to Debian's C xenstored, which may differ from ours only as scripts/*.differences says.
# With --accept it writes these files instead.
set -u
here=$(cd "$(dirname "$0")" && pwd)
bin=$here
scripts=$(cat "$bin/scripts-folder") && [ -d "$scripts" ] || exit 2
. "$here/debian.sh"
work=$(mktemp -d)
daemon=
cleanup() {
    [ -n "$daemon" ] && kill "$daemon" 2>/dev/null
    rm -rf "$work"
}
trap cleanup EXIT

# serve DIR COMMAND...: starts a daemon that serves DIR/socket.
serve() {
    local dir=$1
    shift
    mkdir -p "$dir"
    XS_FAKE_DIR=$dir XENSTORED_RUNDIR=$dir "$@" -N --pid-file "$dir/pid" 2>"$dir/messages" &
    daemon=$!
    for _ in $(seq 600); do
        [ -S "$dir/socket" ] && return
        sleep 0.05
    done
}

# play_to NAME SCRIPT COMMAND...: leaves the transcript in $work/NAME.
play_to() {
    local name=$1 script=$2 status
    shift 2
    rm -rf "$work/dir"
    serve "$work/dir" "$@"
    timeout 60 "$bin/play" "$work/dir" <"$script" >"$work/$name"
    kill "$daemon" 2>/dev/null
    wait "$daemon" 2>/dev/null
    status=$?
    daemon=
    return $status
}

number=0
report() { # STATUS NAME [WHY]
    number=$((number + 1))
    if [ "$1" = 0 ]; then echo "ok $number - $2"; else
        echo "not ok $number - $2: $3"
        sed 's/^/# /' "$work/diff" | head -40
    fi
}

for script in "$scripts"/*.play; do
    name=$(basename "$script" .play)
    play_to ours "$script" "$bin/xenstored-asan" --rundir "$work/dir"
    status=$?
    [ "${1-}" = --accept ] && cp "$work/ours" "$scripts/$name.expected"
    diff "$scripts/$name.expected" "$work/ours" >"$work/diff"
    report $? "our daemon answers $name.play as expected" "other answers"
    report $status "our daemon ends well after $name.play" \
        "status $status; $(tail -n 3 "$work/dir/messages" | tr '\n' ' ')"
    if [ -z "$debian" ] || [ ! -e "$bin/shim_xen.so" ]; then
        number=$((number + 1))
        echo "ok $number - Debian's daemon differs only as noted on $name # SKIP not installed"
        continue
    fi
    # A script without a list of differences is not for Debian's daemon: it would crash, or has
    # no such limit.
    [ -e "$scripts/$name.differences" ] || continue
    play_to debian "$script" env LD_PRELOAD="$bin/shim_xen.so" "$debian/xenstored"
    diff "$work/debian" "$work/ours" >"$work/differences"
    [ "${1-}" = --accept ] && cp "$work/differences" "$scripts/$name.differences"
    diff "$scripts/$name.differences" "$work/differences" >"$work/diff"
    report $? "Debian's daemon differs only as noted on $name" "other differences"
done
echo "1..$number"
