#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs every fuzzer for a few seconds (FUZZ_SECONDS, 8 by default) from the kept corpus. They
# begin at the same place each time (FUZZ_SEED, 1 by default; 0 takes another), so that what one
# run finds the next finds as well. A unit that fails stays beside this script.
set -u
: "${FUZZ_SECONDS:=8}" "${FUZZ_SEED:=1}"
here=$(cd "$(dirname "$0")" && pwd)
corpus=$(cat "$here/corpus-folder")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
number=0
echo 1..6
for name in wire path perms daemon ring journal; do
    number=$((number + 1))
    what="the $name fuzzer finds nothing in $FUZZ_SECONDS seconds"
    if [ ! -x "$here/fuzz_$name" ]; then
        echo "ok $number - $what # SKIP clang is not installed"
        continue
    fi
    mkdir -p "$work/$name"
    if (cd "$work" && "$here/fuzz_$name" -max_total_time="$FUZZ_SECONDS" \
        -seed="$FUZZ_SEED" -max_len=4096 -timeout=10 -rss_limit_mb=2048 \
        -verbosity=0 "$work/$name" "$corpus/$name" >"$work/log" 2>&1); then
        echo "ok $number - $what"
    else
        echo "not ok $number - $what: it did"
        {
            tail -n 40 "$work/log"
            for unit in "$work"/crash-* "$work"/timeout-*; do
                [ ! -e "$unit" ] || { echo "$unit:"; gzip -c "$unit" | base64; }
            done
        } | sed 's/^/# /'
        cp "$work"/crash-* "$work"/timeout-* "$here" 2>/dev/null
    fi
done
