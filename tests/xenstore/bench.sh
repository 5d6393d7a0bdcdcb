#!/bin/bash
# SPDX-License-Identifier: MIT
# Measures our daemon and Debian's two side by side and prints a table; writes it as JSON and as
# an SVG chart to build/tests/xenstore/bench.{json,svg} as well. Arguments: rows for `bench`.
set -u
here=$(cd "$(dirname "$0")" && pwd)
O=${O:-$here/../../build}
bin=$O/tests/xenstore
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

measure() { # NAME COMMAND...
    local name=$1 dir=$work/$1 pid
    shift
    mkdir "$dir"
    XS_FAKE_DIR=$dir XENSTORED_RUNDIR=$dir "$@" >/dev/null 2>"$dir/messages" &
    pid=$!
    for _ in $(seq 100); do [ -S "$dir/socket" ] && break; sleep 0.05; done
    if [ -S "$dir/socket" ]; then
        timeout 600 "$bin/bench" "$dir" $pid "${rows[@]}" >"$work/$name.tsv"
    fi
    kill $pid 2>/dev/null
    wait $pid 2>/dev/null
}

rows=("$@")
measure ours "$O/xenstore/xenstored" --no-domains -N --rundir "$work/ours"
for name in xenstored oxenstored; do
    [ -x /usr/lib/xen-4.17/bin/$name ] && [ -e "$bin/shim_xen.so" ] &&
        measure $name env LD_PRELOAD="$bin/shim_xen.so" /usr/lib/xen-4.17/bin/$name \
            --no-fork --pid-file "$work/$name/pid"
done
touch "$work/xenstored.tsv" "$work/oxenstored.tsv"
python3 - "$work" "$bin" <<'END'
import json, sys
from html import escape
work, out = sys.argv[1:]
names = ["ours", "xenstored", "oxenstored"]
tables = {n: {r[0]: (float(r[1]), r[2]) for r in
              (l.rstrip("\n").split("\t") for l in open(f"{work}/{n}.tsv"))} for n in names}
rows = list(tables["ours"])
print(f"{'':64}{'ours':>12}{'xenstored':>12}{'oxenstored':>12}{'to best':>9}")
data = []
for r in rows:
    unit = tables["ours"][r][1]
    values = [tables[n][r][0] if r in tables[n] else None for n in names]
    peers = [v for v in values[1:] if v is not None]
    best = (max(peers) if unit == "k/s" else min(peers)) if peers else None
    ratio = values[0] / best if best else None
    cells = "".join(f"{v:12.2f}" if v is not None else f"{'-':>12}" for v in values)
    print(f"{r + (f' [{unit}]' if unit else ''):64}{cells}" + (f"{ratio:9.2f}" if ratio else ""))
    data.append(dict(row=r, unit=unit, ratio=ratio, **dict(zip(names, values))))
json.dump(data, open(f"{out}/bench.json", "w"), indent=1)
bars = [d for d in data if d["ratio"]]
svg = [f'<svg xmlns="http://www.w3.org/2000/svg" width="900" height="{len(bars) * 24 + 40}" '
       'font-family="sans-serif" font-size="12">',
       '<text x="10" y="18">ours against the better of Debian\'s daemons (1 = the same)</text>']
for i, d in enumerate(bars):
    y = 32 + i * 24
    width = min(d["ratio"], 3) * 120
    svg.append(f'<text x="430" y="{y + 13}" text-anchor="end">{escape(d["row"])}</text>'
               f'<rect x="440" y="{y}" width="{width:.0f}" height="16" fill="#4a7ebb"/>'
               f'<text x="{446 + width:.0f}" y="{y + 13}">{d["ratio"]:.2f}</text>')
svg.append('<line x1="560" y1="26" x2="560" y2="100%" stroke="#c33"/></svg>')
open(f"{out}/bench.svg", "w").write("\n".join(svg))
END
