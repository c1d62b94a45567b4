"""Whether all flavours judge the regression seeds of the corpus alike.

usage: compare.py <flavour> <flavour>... -- <seed>...
Replays the seeds in build/<flavour>/bin/heddle and compares findings, numbers of events and digests.
Where ThreadSanitizer has been asked about a race, it must agree.
Exit code: 0 all alike; 1 some differ, which ones and in what is printed.
"""
import json
import subprocess
import sys


def judgements(flavour, seeds):
    """What a flavour says of each seed."""
    command = [f"build/{flavour}/bin/heddle", "replay", "--json", *seeds]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1, 4):
        sys.exit(f"{flavour}: replay ended with exit code {done.returncode}: {done.stderr}")
    results = json.loads(done.stdout)
    return results if isinstance(results, list) else [results]


def summary(result):
    """What must be the same in all flavours. The rule need not: a sanitizer has its own."""
    kinds = [finding["kind"] for finding in result["findings"]] or ["no finding"]
    diverged = ", diverged" if result["diverged"] else ""
    return f"{kinds[0]}, {result['events']} events, digest {result['digest']}{diverged}"


def main(*arguments):
    split = arguments.index("--")
    flavours, seeds = arguments[:split], arguments[split + 1:]
    by_flavour = {flavour: judgements(flavour, seeds) for flavour in flavours}
    differ = 0
    opinions = []
    for i, seed in enumerate(seeds):
        said = {flavour: summary(results[i]) for flavour, results in by_flavour.items()}
        silent = [finding for results in by_flavour.values() for finding in results[i]["findings"]
                  if finding["second_opinion"] == "silent"]
        opinions += [finding for results in by_flavour.values() for finding in results[i]["findings"]
                     if finding["second_opinion"]]
        if len(set(said.values())) > 1 or silent:
            differ += 1
            print(f"{seed}:")
            for flavour, words in said.items():
                print(f"  {flavour}: {words}")
            for finding in silent:
                print(f"  ThreadSanitizer is silent on: {finding['message']}")
    asked = f"; ThreadSanitizer was asked about {len(opinions)} races" if opinions else ""
    print(f"{len(seeds)} seeds in {', '.join(flavours)}: {differ} judged differently{asked}")
    return 1 if differ else 0


if __name__ == "__main__":
    if "--" not in sys.argv:
        sys.exit("usage: compare.py <flavour> <flavour>... -- <seed>...")
    sys.exit(main(*sys.argv[1:]))
