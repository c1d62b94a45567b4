#!/usr/bin/env python3
"""Two maps of maps_bench by turns: time of the first by time of the other.

  bench/compare_maps.py [--rounds=N] [--threads=N] [--bench=PROGRAM] FIRST OTHER [FIRST OTHER ...]

A machine that is shared runs at several speeds, for seconds each, so only runs right behind each other are
comparable: each round runs both maps, in turns who is first, and the median of the rounds' ratios is printed,
for each workload and number of keys: `rate` by the wall clock, `p50` of the median operation.
"""
import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict

WORKLOADS = "(read-mostly|balanced|delete-heavy|iterate-while-writing)"
KEYS = "(1024|32768)"


def measured(bench, name, threads):
    """One run: {(workload, keys): (operations a second, p50 in ns)}."""
    pattern = f"^{name}/{WORKLOADS}/keys:{KEYS}/.*threads:{threads}$"
    with tempfile.NamedTemporaryFile(suffix=".json") as result:
        try:
            subprocess.run([bench, f"--benchmark_filter={pattern}", f"--benchmark_out={result.name}",
                            "--benchmark_out_format=json"], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as error:
            sys.exit(f"compare_maps: {error}")
        text = result.read()
    if not text:
        sys.exit(f"compare_maps: {bench} has no map '{name}'")
    runs = json.loads(text)["benchmarks"]
    return {tuple(run["name"].split("/")[1:3]): (run["items_per_second"], run["p50_ns"]) for run in runs}


def compared(bench, first, other, rounds, threads):
    """{(workload, keys): [(ratio by rate, ratio of p50), ...]}, a pair for each round."""
    ratios = defaultdict(list)
    for each in range(rounds):
        order = (first, other) if each % 2 == 0 else (other, first)
        runs = {name: measured(bench, name, threads) for name in order}
        for cell in runs[first].keys() & runs[other].keys():
            (rate, p50), (other_rate, other_p50) = runs[first][cell], runs[other][cell]
            ratios[cell].append((other_rate / rate, p50 / other_p50))
    return ratios


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--bench", default="build/native/bin/maps_bench")
    parser.add_argument("maps", nargs="+", metavar="FIRST OTHER")
    options = parser.parse_args()
    if len(options.maps) % 2 != 0:
        parser.error("maps come in pairs")
    for first, other in zip(options.maps[::2], options.maps[1::2]):
        cells = {cell: [statistics.median(each) for each in zip(*pairs)]
                 for cell, pairs in compared(options.bench, first, other, options.rounds, options.threads).items()}
        print(f"{first} by {other}: " + ", ".join(
            f"{what} median {statistics.median(of):.2f}, worst {max(of):.2f}"
            for what, of in zip(("rate", "p50"), zip(*cells.values()))))
        for (workload, keys), (rate, p50) in sorted(cells.items()):
            print(f"  {workload:22} {keys:11} rate {rate:5.2f}  p50 {p50:5.2f}", flush=True)


if __name__ == "__main__":
    main()
