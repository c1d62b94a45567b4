"""What is new among the findings of a nightly run.

usage: verdict.py <folder> <regression seed>...
The folder holds what `heddle --json` printed: list.json, hunt.json and one fuzz-*.json a target.
Exit code: 0 nothing is new; 1 there are new findings, or seeded bugs that the hunt did not find.
"""
import json
import pathlib
import sys


def signatures(seeds):
    for seed in seeds:
        for line in pathlib.Path(seed).read_text(errors="replace").splitlines():
            name, _, value = line.partition(": ")
            if name == "signature":
                yield value


def findings(path):
    text = path.read_text()
    return json.loads(text)["findings"] if text else []  # a fuzzer that broke down says nothing


def main(folder, *seeds):
    folder = pathlib.Path(folder)
    targets = json.loads((folder / "list.json").read_text())
    expected = {target["name"]: target["expect"] for target in targets}
    seeded = {target["name"] for target in targets if target["of"]}
    in_corpus = set(signatures(seeds))
    hunted = findings(folder / "hunt.json")
    found = hunted + [one for path in sorted(folder.glob("fuzz-*.json")) for one in findings(path)]

    wrong = {name for name, kind in expected.items() if kind}
    caught = {one["target"] for one in hunted if one["kind"] == expected[one["target"]]}
    new = {
        (one["target"], one["signature"]): one
        for one in found
        if one["kind"] != expected[one["target"]] and one["signature"] not in in_corpus
    }
    print(f"{len(found)} findings, {len(new)} new; {len(caught & seeded)} of {len(seeded)} seeded bugs found")
    for one in new.values():
        print(f"new: {one['seed']}: {one['kind']} in {one['target']}: {one['message']}")
    for name in sorted(wrong - caught):
        print(f"missing: {name}: the hunt did not find its bug, which is for the oracle '{expected[name]}'")
    return 1 if new or wrong - caught else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
