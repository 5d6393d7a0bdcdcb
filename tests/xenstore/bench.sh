#!/bin/bash
# SPDX-License-Identifier: MIT
# Measures our daemon and Debian's two side by side and prints a table; writes it as JSON and as
# an SVG chart to build/tests/xenstore/bench.{json,svg} as well. Each group of rows gets fresh
# daemons, one after the other, so that they meet the same noise; what a client waits is measured
# many times, a second each, in turn, and the middle one counts. Arguments: groups for `bench`.
# XENSTORED_PEERS names more daemons to compare with, built for this machine.
set -u
src=$(cd "$(dirname "$0")" && pwd)
O=${O:-$src/../../build}
here=$(cd "$O/tests/xenstore" && pwd)
. "$src/debian.sh"
# Where a daemon's run directory is, too: in memory.
work=$(mktemp -d -p "$([ -d /dev/shm ] && echo /dev/shm || echo /tmp)")
daemon=
trap 'kill -9 $daemon 2>/dev/null; rm -rf "$work"' EXIT
rounds=15
# What the peers cannot do in reasonable time, or at all: the target is no ratio to them.
ours_only=" idle10k million kill "

# measure NAME GROUP COMMAND...: its rows are added to NAME.tsv.
measure() {
    local name=$1 group=$2 dir=$work/$1
    shift 2
    rm -rf "$dir"
    mkdir "$dir"
    XS_FAKE_DIR=$dir XENSTORED_RUNDIR=$dir "$@" >/dev/null 2>"$dir/messages" &
    daemon=$!
    for _ in $(seq 100); do [ -S "$dir/socket" ] && break; sleep 0.05; done
    if [ -S "$dir/socket" ]; then
        timeout 150 "$here/bench" "$dir" $daemon "$group" "$1" >>"$work/$name.tsv" 2>"$dir/bench" ||
            echo "bench: $name does not finish $group: $(tail -n 1 "$dir/bench")" >&2
    else
        echo "bench: $name does not run here: $(tail -n 1 "$dir/messages")" >&2
    fi
    kill -9 $daemon 2>/dev/null
    wait $daemon 2>/dev/null
}

[ $# -gt 0 ] || set -- single pipelined nodes idle idle10k watches wide writers loops stalled \
    update kill million
peers=()
for peer in "$debian/xenstored" "$debian/oxenstored" ${XENSTORED_PEERS-}; do
    [ -x "$peer" ] && [ -e "$here/shim_xen.so" ] && peers+=("$peer")
done
cp "$O/xenstore/xenstored" "$work/daemon"
touch "$work/ours.tsv"

# one_round GROUP: all daemons.
one_round() {
    local group=$1 peer name
    measure ours "$group" "$work/daemon" --no-domains -N --rundir "$work/ours"
    case $ours_only in *" $group "*) return ;; esac
    for peer in "${peers[@]}"; do
        name=${peer##*/}
        LD_PRELOAD=$here/shim_xen.so measure "$name" "$group" "$peer" \
            --no-fork --pid-file "$work/$name/pid"
    done
}

for group; do
    case $group in
    kill)
        row='restart after kill -9 at 100,000 nodes'
        "$here/test_kill" 100 1 100000 2>/dev/null |
            sed -n 's/.*: median \([0-9]*\) ms, \([0-9]*\) of.*/\1 \2/p' |
            while read -r wall cpu; do
                printf '%s\t%s\tms\n' "$row" "$wall" "$row, daemon CPU" "$cpu"
            done >>"$work/ours.tsv"
        ;;
    writers | loops)
        for _ in $(seq $rounds); do one_round "$group"; done
        ;;
    *) one_round "$group" ;;
    esac
done 2> >(grep -v Killed >&2)
python3 "$src/bench_table.py" "$work" "$here" ours "${peers[@]##*/}"
