#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs one fuzzer for a bounded time, from its corpus; FUZZ_TIME seconds (10).
set -u
fuzzer=@FUZZER@ corpus=@CORPUS@
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
[ -d "$corpus" ] || corpus=
name=$(basename "$fuzzer")
echo 1..1
if "$fuzzer" -max_total_time="${FUZZ_TIME:-10}" -rss_limit_mb=1024 -timeout=10 \
    -artifact_prefix="$work/" "$work" ${corpus:+"$corpus"} >"$work/log" 2>&1; then
    echo "ok 1 - $name finds nothing"
else
    echo "not ok 1 - $name: $(grep -am1 -E 'ERROR|SUMMARY|runtime error' "$work/log")"
    tail -n 30 "$work/log" >&2
fi
