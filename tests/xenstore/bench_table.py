# SPDX-License-Identifier: MIT
# bench_table.py IN OUT NAME...: prints IN/NAME.tsv side by side, ours first, with what each row
# must reach, and writes OUT/bench.json and OUT/bench.svg. Of a row that was measured several
# times the middle one counts (of some the worst).
import json
import os
import statistics
import sys
from html import escape

NAMES = sys.argv[3:]

# What a row must reach: a number itself, or ("best", N): N times the best of the peers.
# Rows not named here show more than the targets ask.
TARGETS = {
    "read, daemon CPU": ("best", 0.7),
    "write, daemon CPU": ("best", 0.7),
    "reads, 16 in flight": ("best", 3),
    "transaction, daemon CPU": ("best", 0.6),
    "transaction at 100,000 nodes, daemon CPU": ("best", 0.6),
    "transaction at 1,000,000 nodes against few": 1.25,
    "read beside 999 idle clients against alone": 1.1,
    "read beside 10,000 idle clients against alone": 1.1,
    "write beside 10,000 watches against none": 1.2,
    "memory of a node at 100,000": 130,
    "memory of a watch": 200,
    "creating the 100,000th node against the 1,000th": 1.5,
    "removing 100,000 nodes": 13,
    "p99 of others while 1,000,000 nodes are removed": 5,
    "quiet client's p99 beside 8 writers": ("best", 0.7),
    "quiet client's p99 beside 8 conflicting loops": ("best", 0.7),
    "quiet client's p99 beside 8 writers, daemon CPU": ("best", 0.7),
    "quiet client's p99 beside 8 conflicting loops, daemon CPU": ("best", 0.7),
    "tries of a quiet client's transaction beside 8 conflicting loops": 3,
    "read beside half a request against alone": 1.1,
    "longest gap of an update at 10,000 nodes": 20,
    "transactions kept open over an update": 1,
    "restart after kill -9 at 100,000 nodes": 100,
}
# Rows that say "never more than": of several measurements the worst counts.
WORST_COUNTS = {"tries of a quiet client's transaction beside 8 conflicting loops"}
MORE_IS_BETTER = {"reads, 16 in flight", "transactions kept open over an update"}


def load(folder, name):
    rows = {}
    if not os.path.exists(f"{folder}/{name}.tsv"):
        return rows
    with open(f"{folder}/{name}.tsv") as lines:
        for line in lines:
            row, value, unit = line.rstrip("\n").split("\t")
            rows.setdefault(row, ([], unit))[0].append(float(value))
    return {row: (typical(row, values), unit) for row, (values, unit) in rows.items()}


def typical(row, values):
    return max(values) if row in WORST_COUNTS else statistics.median(values)


def judge(row, ours, peers):
    """Returns the limit, or None, and whether ours keeps it."""
    target = TARGETS.get(row)
    more = row in MORE_IS_BETTER
    if isinstance(target, tuple):
        if not peers:
            return None, None
        target = target[1] * (max(peers) if more else min(peers))
    if target is None:
        return None, None
    return target, ours >= target if more else ours <= target


def collect(folder):
    tables = {name: load(folder, name) for name in NAMES}
    data = []
    for row, (ours, unit) in tables["ours"].items():
        values = {n: tables[n].get(row, (None,))[0] for n in NAMES}
        peers = [values[n] for n in NAMES[1:] if values[n] is not None]
        limit, kept = judge(row, ours, peers)
        data.append(dict(row=row, unit=unit, limit=limit, reached=kept, values=values))
    return data


def cell(value):
    return f"{value:12.2f}" if value is not None else f"{'-':>12}"


def print_table(data):
    print(f"{'':70}" + "".join(f" {n[-11:]:>11}" for n in NAMES) + f"{'must be':>12}")
    for d in data:
        name = d["row"] + (f" [{d['unit']}]" if d["unit"] else "")
        verdict = {None: "", True: "  ok", False: "  SHORT"}[d["reached"]]
        values = "".join(cell(d["values"][n]) for n in NAMES)
        print(f"{name:70}{values}{cell(d['limit'])}{verdict}")


def chart(data):
    bars = [d for d in data if d["limit"]]
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="960" height="{len(bars) * 24 + 40}" '
        'font-family="sans-serif" font-size="12">',
        '<text x="10" y="18">share of the limit that is used up (red line: the limit)</text>',
    ]
    for i, d in enumerate(bars):
        used = d["values"]["ours"] / d["limit"]
        if d["row"] in MORE_IS_BETTER:
            used = 1 / used if used else 3
        y, width = 32 + i * 24, min(used, 3) * 130
        color = "#4a7ebb" if d["reached"] else "#c0504d"
        out.append(
            f'<text x="470" y="{y + 13}" text-anchor="end">{escape(d["row"])}</text>'
            f'<rect x="480" y="{y}" width="{width:.0f}" height="16" fill="{color}"/>'
            f'<text x="{486 + width:.0f}" y="{y + 13}">{used:.2f}</text>'
        )
    out.append('<line x1="610" y1="26" x2="610" y2="100%" stroke="#c33"/></svg>')
    return "\n".join(out)


data = collect(sys.argv[1])
print_table(data)
with open(f"{sys.argv[2]}/bench.json", "w") as f:
    json.dump(data, f, indent=1)
with open(f"{sys.argv[2]}/bench.svg", "w") as f:
    f.write(chart(data))
short = [d["row"] for d in data if d["reached"] is False]
print(f"{len(short)} of {len(data)} rows fall short; see {sys.argv[2]}/bench.{{json,svg}}")
