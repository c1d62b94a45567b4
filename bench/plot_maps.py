#!/usr/bin/env python3
"""Draws what maps_bench --benchmark_out=FILE has written, as an SVG: plot_maps.py FILE [KEYS] > maps.svg"""
import html
import json
import sys

BAR, GAP, PANEL, LABEL, NOTE = 14, 4, 300, 180, 190
OTHERS = ("boost", "lib", "tbb", "unordered", "xenium")


def read(path, keys):
    """{(workload, threads): [(map, operations a second, p50, p95)]}, the best first."""
    panels = {}
    with open(path, encoding="utf-8") as file:
        for run in json.load(file)["benchmarks"]:
            parts = run["name"].split("/")
            if f"keys:{keys}" not in parts or "p50_ns" not in run:
                continue
            row = (parts[0], run["items_per_second"], run["p50_ns"], run["p95_ns"])
            panels.setdefault((parts[1], run["threads"]), []).append(row)
    for rows in panels.values():
        rows.sort(key=lambda row: -row[1])
    return panels


def text(x, y, words, extra=""):
    return f'<text x="{x}" y="{y}" {extra}>{html.escape(words)}</text>'


def draw_panel(x, y, title, rows):
    yield text(x, y, title, 'font-weight="bold"')
    best = rows[0][1]
    for i, (name, rate, p50, p95) in enumerate(rows):
        top = y + 10 + i * (BAR + GAP)
        width = max(1, rate / best * PANEL)
        yield text(x + LABEL - 6, top + BAR - 3, name, 'text-anchor="end"')
        colour = "#888" if name.startswith(OTHERS) else "#3b6ea5"
        yield f'<rect x="{x + LABEL}" y="{top}" width="{width:.1f}" height="{BAR}" fill="{colour}"/>'
        note = f"{rate / 1e6:.2f} M/s, {p50:.0f} and {p95:.0f} ns"
        yield text(f"{x + LABEL + width + 4:.1f}", top + BAR - 3, note, 'fill="#555"')


def draw(panels, keys):
    column = LABEL + PANEL + NOTE
    row_height = 40 + max(len(rows) for rows in panels.values()) * (BAR + GAP)
    workloads = list(dict.fromkeys(workload for workload, _ in panels))
    threads = sorted({count for _, count in panels})
    width, height = column * len(threads), 40 + row_height * len(workloads)
    yield (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
           'font-family="sans-serif" font-size="11"><rect width="100%" height="100%" fill="white"/>')
    yield text(8, 18, f"{keys} keys, half of them there: operations a second; latency: median and 95 % (blue: ours)")
    for (workload, count), rows in panels.items():
        x, y = threads.index(count) * column + 8, 46 + workloads.index(workload) * row_height
        yield from draw_panel(x, y, f"{workload}, threads: {count}", rows)
    yield "</svg>"


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    keys = sys.argv[2] if len(sys.argv) == 3 else "32768"
    panels = read(sys.argv[1], keys)
    if not panels:
        sys.exit(f"plot_maps.py: {sys.argv[1]} has nothing about {keys} keys")
    print("\n".join(draw(panels, keys)))


main()
