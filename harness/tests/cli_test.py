#!/usr/bin/env python3
"""End-to-end tests of the command `heddle`.

    cli_test.py PATH_TO_HEDDLE FLAVOUR [unittest arguments]

FLAVOUR is the name of the build preset ("plain", "asan", ...). Everything is written below a
temporary directory, which is removed at the end. Standard library only.
"""

import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import zlib
from pathlib import Path

HEDDLE = ""
FLAVOUR = "plain"

CORPUS = Path(__file__).resolve().parents[2] / "corpus"
CLEAN, FINDING, USAGE, INCONCLUSIVE, DIVERGED, ENVIRONMENT = 0, 1, 2, 3, 4, 5
STRATEGIES = ("random", "pct")
SUBCOMMANDS = ("list", "run", "check", "hunt", "fuzz", "replay")
HEAP_VARIANT = "go_map@frees_old_buckets_under_iterator"
MIB_IN_KIB = 1024
TIMEOUT = 120  # of one process; generous, a machine may be busy
MEMORY_DIFFERENCE_KIB = 2 * MIB_IN_KIB
ASAN_MEMORY_DIFFERENCE_KIB = 4 * MIB_IN_KIB  # its allocator and its depot of stacks settle late


SLOWNESS = {"asan": 10, "fuzz": 10, "tsan": 40}


def budget(executions):
    """Executions that the flavour at hand can make in a like time."""
    return executions // SLOWNESS.get(FLAVOUR, 1)


def environment(**changes):
    """The environment of a run; the user's own settings of colours and terminals do not count."""
    result = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "TERM")}
    result.update(TERM="xterm-256color", **changes)
    return result


def heddle(*arguments, env=None, cwd=None, timeout=TIMEOUT, command=None):
    """Runs the command to its end; stdout and stderr as text."""
    return subprocess.run([command or HEDDLE, *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, errors="replace", timeout=timeout, env=env or environment(), cwd=cwd,
                          check=False)


def small():
    """The command of small_targets.cpp, beside the one under test."""
    return str(Path(HEDDLE).with_name("heddle-small"))


def resealed(text):
    """A seed's text with the checksum that it ought to have."""
    body = text[:text.rindex("\nend: ") + 1]
    return body + f"end: {zlib.crc32(body.encode()):08x}\n"


def entry(text, name):
    """The value of the first line "name: value"."""
    return re.search(rf"^{name}: (.*)$", text, re.MULTILINE).group(1)


def told(done):
    """The beginnings of what a process wrote, for messages of failed tests."""
    return f"{' '.join(done.args[1:])}\nstdout: {done.stdout[:600]}\nstderr: {done.stderr[:600]}"


def seeds_below(folder):
    return sorted(Path(folder).rglob("*.seed"))


class CliTest(unittest.TestCase):
    """What all tests share: a temporary directory, and one recorded finding."""

    maxDiff = 4000

    @classmethod
    def setUpClass(cls):
        cls.shared = Path(tempfile.mkdtemp(prefix="heddle-cli-"))
        cls.addClassCleanup(shutil.rmtree, cls.shared, ignore_errors=True)

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(dir=self.shared))
        self.findings = self.folder / "findings"

    def run_json(self, code, *arguments, **options):
        """Runs with --json; checks exit code and that stdout is one JSON document."""
        done = heddle(*arguments, "--json", **options)
        self.assertEqual(done.returncode, code, told(done))
        return json.loads(done.stdout)

    def heap_seed(self):
        """The path of a valid seed of a heap finding, made once a class."""
        if "recorded" not in type(self).__dict__:
            result = self.run_json(FINDING, "run", HEAP_VARIANT, f"--executions={budget(200_000)}",
                                   f"--findings={self.shared / 'recorded'}")
            type(self).recorded = Path(result["findings"][0]["seed"])
        return type(self).recorded

    def written(self, content, name="edited.seed"):
        """The path of a new file with the content."""
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def assert_one_line(self, text, message=""):
        """Exactly one line, finished, of plain characters, that says who speaks."""
        self.assertEqual(text.count("\n"), 1, f"{message}: {text!r}")
        self.assertTrue(text.endswith("\n"), text)
        self.assertTrue(text.startswith("heddle: "), text)
        self.assertNotIn("\x1b", text)

    def assert_refused(self, *arguments, says=""):
        """Exit code 2, one line on stderr, nothing on stdout."""
        done = heddle(*arguments)
        self.assertEqual(done.returncode, USAGE, told(done))
        self.assertEqual(done.stdout, "", arguments)
        self.assert_one_line(done.stderr, arguments)
        self.assertIn(says, done.stderr)


class ListTest(CliTest):
    def test_list_json(self):
        """Every target is listed with all its keys, and go_map has its variants."""
        targets = self.run_json(CLEAN, "list")
        self.assertIsInstance(targets, list)
        for target in targets:
            keys = {"name", "kind", "of", "expect", "contract", "progress", "description"}
            if target["of"]:
                keys |= {"shape", "needs", "source"}
                self.assertGreaterEqual(target["shape"]["threads"], 1, target)
            self.assertEqual(set(target), keys)
            self.assertIn(target["progress"],
                          ("blocking", "obstruction-free", "lock-free", "wait-free"))
            self.assertIn(target["kind"], ("test", "operations"))
        by_name = {target["name"]: target for target in targets}
        self.assertEqual(len(by_name), len(targets), "names are unique")
        self.assertLessEqual({"reference", "go_map", "go_map_unlocked"}, set(by_name))
        variants = [target for name, target in by_name.items() if name.startswith("go_map@")]
        self.assertGreaterEqual(len(variants), 6)
        for variant in variants:
            with self.subTest(variant["name"]):
                self.assertEqual(variant["of"], "go_map")
                self.assertNotEqual(variant["expect"], "")
                self.assertNotEqual(variant["description"], "")

    def test_seeded_bugs_are_variants(self):
        """Only variants are called seeded bugs, and hunts count only those."""
        for target in self.run_json(CLEAN, "list"):
            line = re.search(rf"(?m)^{re.escape(target['name'])} .*$", heddle("list").stdout).group(0)
            self.assertEqual("seeded bug" in line, target["of"] != "", line)
        done = heddle("hunt", "go_map_unlocked", "--time=1s", f"--findings={self.findings}", "--quiet")
        self.assertEqual(done.returncode, FINDING, told(done))
        self.assertNotIn("seeded", done.stdout)

    def test_list_text(self):
        """The list for people names every target of the list for programs."""
        text = heddle("list").stdout
        for target in self.run_json(CLEAN, "list"):
            self.assertRegex(text, rf"(?m)^{re.escape(target['name'])}\s")


class RunTest(CliTest):
    def test_clean_target(self):
        """A clean target ends with exit code 0 after exactly the executions asked for."""
        for strategy in STRATEGIES:
            with self.subTest(strategy):
                result = self.run_json(CLEAN, "run", "reference", "--executions=2000", f"--strategy={strategy}",
                                       f"--findings={self.findings}")
                self.assertLessEqual({"target", "strategy", "model", "executions", "undecided", "blocked", "seconds",
                                      "executions_per_second", "verdict", "findings"}, set(result))
                self.assertEqual(result["target"], "reference")
                self.assertEqual(result["strategy"], strategy)
                self.assertEqual(result["model"], "sc")
                self.assertEqual(result["executions"], 2000)
                self.assertEqual(result["verdict"], "none")
                self.assertEqual(result["findings"], [])
                self.assertGreater(result["seconds"], 0)
                self.assertAlmostEqual(result["executions_per_second"] * result["seconds"], 2000, delta=1)
        self.assertFalse(self.findings.exists(), "no finding, no folder")

    def unlocked_targets(self):
        """Of the maps that were built."""
        names = [target["name"] for target in self.run_json(CLEAN, "list") if target["name"].endswith("_unlocked")]
        self.assertIn("go_map_unlocked", names)
        return names

    def test_without_its_detector_a_target_shows_the_damage(self):
        """--no-detector: crashes and heap errors instead of the map's own message; the seed knows of it."""
        for target in self.unlocked_targets():
            with self.subTest(target):
                self.see_damage(target)

    def see_damage(self, target):
        run = ("run", target, f"--executions={budget(100_000)}", f"--findings={self.findings}")
        result = self.run_json(FINDING, *run, "--max-findings=3", "--no-detector")
        self.assertEqual(len(result["findings"]), 3)
        self.assertEqual(result["races"]["detector_fired"], 0)
        self.assertGreater(result["races"]["executions"], 0)
        for finding in result["findings"]:
            self.assertIn(finding["kind"], ("heap", "crash", "livelock", "misuse"))
            self.assertTrue(finding["confirmed"])
            text = Path(finding["seed"]).read_text()
            self.assertEqual(entry(text, "detector"), "off")
            self.assertFalse(self.run_json(FINDING, "replay", finding["seed"])["diverged"])
            with_it = self.written(resealed(text.replace("\ndetector: off\n", "\n")))
            self.assertEqual(heddle("replay", with_it).returncode, DIVERGED)

    def test_a_detector_is_measured(self):
        """Recall and precision against the race oracle."""
        for target in self.unlocked_targets():
            with self.subTest(target):
                hunt = ("hunt", target, "--time=2s", f"--findings={self.findings}", "--quiet")
                self.assertRegex(heddle(*hunt).stdout,
                                 r"recall \d+\.\d %\), and in \d+ without one \(precision \d+\.\d %\)")
                self.assertNotIn("recall", heddle(*hunt, "--no-detector").stdout)

    def test_finding_is_filed_and_replays(self):
        """A finding has a seed on disk, and the seed replays to the same events, also a hundred times."""
        result = self.run_json(FINDING, "run", HEAP_VARIANT, f"--executions={budget(200_000)}",
                               f"--findings={self.findings}")
        self.assertEqual(result["verdict"], "finding")
        self.assertEqual(len(result["findings"]), 1)
        finding = result["findings"][0]
        self.assertEqual(finding["kind"], "heap")
        self.assertEqual(finding["target"], HEAP_VARIANT)
        self.assertTrue(finding["confirmed"])
        self.assertEqual(seeds_below(self.findings), [Path(finding["seed"])])
        text = Path(finding["seed"]).read_text()
        self.assertTrue(text.startswith("heddle seed 1\n"))
        self.assertEqual(resealed(text), text)

        replayed = self.run_json(FINDING, "replay", finding["seed"])
        self.assertIs(replayed["diverged"], False)
        self.assertEqual(replayed["digest"], entry(text, "digest"))
        self.assertEqual(str(replayed["events"]), entry(text, "events"))
        self.assertEqual(replayed["findings"][0]["signature"], finding["signature"])
        self.assertEqual(replayed["findings"][0]["kind"], "heap")

        often = heddle("replay", "--repeat=100", "--quiet", finding["seed"])
        self.assertEqual(often.returncode, FINDING, often.stderr)
        self.assertEqual(often.stdout.count("\n"), 1, often.stdout)
        self.assertIn("100 times", often.stdout)
        self.assertIn(entry(text, "digest"), often.stdout)

    def test_seeds_are_updated(self):
        """`replay --update` writes anew what is told otherwise now, and nothing else."""
        finding = self.run_json(FINDING, "run", HEAP_VARIANT, f"--executions={budget(200_000)}",
                                f"--findings={self.findings}")["findings"][0]
        seed = Path(finding["seed"])
        text = seed.read_text()
        message = entry(text, "message")
        old = resealed(text.replace(message, "something else"))
        seed.write_text(old)
        told = heddle("replay", "--quiet", seed)
        self.assertIn("but the recorded one says: something else", told.stdout)
        self.assertEqual(seed.read_text(), old)
        updated = heddle("replay", "--quiet", "--update", seed)
        self.assertEqual(updated.returncode, FINDING, updated.stderr)
        self.assertIn("; the seed says so now", updated.stdout)
        self.assertEqual(seed.read_text(), text)
        again = heddle("replay", "--quiet", "--update", seed)
        self.assertIn("the same heap finding\n", again.stdout)

        other = resealed(text.replace(f"digest: {entry(text, 'digest')}", "digest: 0123456789abcdef"))
        seed.write_text(other)
        self.assertEqual(heddle("replay", "--quiet", "--update", seed).returncode, DIVERGED)
        self.assertEqual(seed.read_text(), other)

    def test_finding_says_how_it_was_made(self):
        """A finding of `run --json` states its strategy, executions and time."""
        for strategy in STRATEGIES:
            with self.subTest(strategy):
                result = self.run_json(FINDING, "run", HEAP_VARIANT, f"--executions={budget(200_000)}",
                                       f"--strategy={strategy}", f"--findings={self.findings}")
                finding = result["findings"][0]
                self.assertEqual(finding["strategy"], strategy)
                self.assertTrue(0 < finding["executions"] <= result["executions"], finding["executions"])
                self.assertGreater(finding["seconds"], 0)

    def test_same_rng_seed_same_seed_files(self):
        """The same --rng-seed makes the same findings, in byte-identical seed files."""
        for target in (HEAP_VARIANT, "go_map_unlocked"):
            with self.subTest(target):
                contents = []
                for name in ("one", "two"):
                    folder = self.folder / target / name
                    self.run_json(FINDING, "run", target, "--rng-seed=7", f"--executions={budget(20_000)}",
                                  "--max-findings=2", f"--findings={folder}")
                    # Comments hold the command to replay with, and so the path.
                    contents.append({str(path.relative_to(folder)): [
                        line for line in path.read_bytes().splitlines(keepends=True) if not line.startswith(b"#")
                    ] for path in seeds_below(folder)})
                self.assertTrue(contents[0])
                # The checksum covers the comments, too.
                for files in contents:
                    for lines in files.values():
                        self.assertTrue(lines.pop().startswith(b"end: "))
                self.assertEqual(contents[0], contents[1])

    def test_story_names_seed(self):
        """The story for people says what happened and how to replay it."""
        done = heddle("run", HEAP_VARIANT, f"--executions={budget(200_000)}", f"--findings={self.findings}")
        self.assertEqual(done.returncode, FINDING, done.stderr)
        seed, = seeds_below(self.findings)
        self.assertIn(f"replay '{seed}'", done.stdout)
        self.assertIn(entry(seed.read_text(), "message"), done.stdout)


class CheckTest(CliTest):
    """Exhaustive search, by a command whose targets have known numbers of executions."""

    def check(self, code, *arguments):
        return self.run_json(code, "check", *arguments, f"--findings={self.findings}", command=small())

    def test_verified(self):
        """All executions, as many as the theory has under each model; rc11 is the default."""
        for flags, model, executions in (([], "rc11", 4), (["--model=rc11"], "rc11", 4), (["--model=tso"], "tso", 4),
                                         (["--model=sc"], "sc", 3)):
            with self.subTest(flags=flags):
                result = self.check(CLEAN, "small.store_buffering", "--require-complete", *flags)
                self.assertEqual(result["verdict"], "verified")
                self.assertEqual(result["strategy"], "check")
                self.assertEqual(result["model"], model)
                self.assertEqual(result["executions"], executions)
                self.assertEqual(result["blocked"], 0)
                self.assertEqual(result["bound"], "")
                self.assertIs(result["complete"], True)
                self.assertIs(result["diverged"], False)
                self.assertEqual(result["findings"], [])
                self.assertNotIn("programs", result)
        done = heddle("check", "small.store_buffering", command=small())
        self.assertRegex(done.stdout, r"^small\.store_buffering: verified: 4 executions, 0 blocked, model rc11, complete; ")
        self.assertEqual(done.stdout.count("\n"), 1)

    def test_blocked_executions_are_counted_apart(self):
        """An assumption that does not hold blocks an execution."""
        result = self.check(CLEAN, "small.assumption")
        self.assertEqual(result["verdict"], "verified")
        self.assertEqual((result["executions"], result["blocked"]), (1, 2))

    def test_finding_is_filed_and_replays(self):
        """What the memory model allows is found, told, filed, and replays; what it forbids is verified."""
        for model in ("sc", "tso"):
            result = self.check(CLEAN, "small.stale_data", f"--model={model}")
            self.assertEqual((result["verdict"], result["executions"]), ("verified", 2))
        result = self.check(FINDING, "small.stale_data")
        self.assertEqual(result["verdict"], "finding")
        finding, = result["findings"]
        self.assertEqual(finding["kind"], "check")
        self.assertEqual(finding["strategy"], "check")
        self.assertTrue(finding["confirmed"])
        self.assertEqual(seeds_below(self.findings), [Path(finding["seed"])])
        replayed = self.run_json(FINDING, "replay", finding["seed"], command=small())
        self.assertIs(replayed["diverged"], False)
        self.assertEqual(replayed["findings"][0]["signature"], finding["signature"])
        story = heddle("replay", finding["seed"], command=small()).stdout
        self.assertIn("(initial, older than T1's #", story)

    def test_keep_going(self):
        """With --keep-going the search goes on behind a finding, to the end."""
        result = self.check(FINDING, "small.stale_data", "--keep-going")
        self.assertEqual(result["verdict"], "finding")
        self.assertEqual(result["executions"], 3)
        self.assertIs(result["complete"], True)
        self.assertEqual(len(result["findings"]), 1)

    def test_bounded(self):
        """A search that its budget ended has verified nothing, which is an error only on demand."""
        result = self.check(CLEAN, "small.endless", "--executions=100")
        self.assertEqual(result["verdict"], "bounded")
        self.assertEqual(result["bound"], "100 executions")
        self.assertEqual(result["executions"], 100)
        self.assertIs(result["complete"], False)
        self.check(INCONCLUSIVE, "small.endless", "--executions=100", "--require-complete")
        result = self.check(CLEAN, "small.endless", "--time=500ms")
        self.assertEqual((result["verdict"], result["bound"]), ("bounded", "0.5 s"))
        self.assertEqual(self.check(CLEAN, "small.store_buffering", "--executions=4")["verdict"], "verified")
        self.assertEqual(self.check(CLEAN, "small.store_buffering", "--executions=3")["verdict"], "bounded")
        done = heddle("check", "small.endless", "--executions=100", f"--findings={self.findings}", command=small())
        self.assertIn("no finding within 100 executions", done.stdout)
        self.assertIn("not complete", done.stdout)

    def test_all_small_programs(self):
        """Of an operation target each program of the size asked for is checked."""
        result = self.check(CLEAN, "small_counter", "--operations=1", "--values=2", "--require-complete")
        self.assertEqual(result["verdict"], "verified")
        self.assertEqual((result["programs"], result["operations"], result["values"]), (9, 1, 2))
        # add and add: 2 each; add and get: 2 each; get and get: 1.
        self.assertEqual(result["executions"], 4 * 2 + 4 * 2 + 1)
        self.assertEqual(result["largest_program"]["executions"], 2)
        result = self.check(CLEAN, "small_counter", "--operations=2", "--values=1")
        self.assertEqual(result["programs"], (2 + 4) ** 2)
        result = self.check(CLEAN, "small_counter", "--operations=2", "--values=1", "--executions=20")
        self.assertEqual(result["verdict"], "bounded")
        self.assertLess(result["programs"], (2 + 4) ** 2)
        done = heddle("check", "small_counter", "--operations=1", command=small())
        self.assertIn("all 9 programs of up to 1 operations a thread on 2 values an argument", done.stdout)

    def test_a_small_program_fails(self):
        """The program that fails is in the seed."""
        result = self.check(FINDING, "small_torn_counter")
        finding, = result["findings"]
        self.assertEqual(finding["kind"], "linearizability")
        self.assertTrue(finding["confirmed"])
        steps = re.findall(r"(?m)^step: (.*)$", Path(finding["seed"]).read_text())
        self.assertEqual(steps, ["1 add 1", "2 add 1"])

    def test_shards_add_up(self):
        """The counts of the shards are those of the whole, and each has some."""
        for target, *flags in (["small.counted"], ["small.families"], ["small.spin_lock"],
                               ["small_counter", "--operations=2"]):
            whole = self.check(CLEAN, target, *flags)
            self.assertEqual((whole["verdict"], whole["shard"]), ("verified", "1/1"))
            for count in (2, 3, 7):
                with self.subTest(target, count=count):
                    parts = [self.check(CLEAN, target, *flags, f"--shard={i + 1}/{count}", "--require-complete")
                             for i in range(count)]
                    self.assertEqual(sum(part["executions"] for part in parts), whole["executions"])
                    self.assertEqual(sum(part["blocked"] for part in parts), whole["blocked"])
                    self.assertEqual(sum(part.get("programs", 0) for part in parts), whole.get("programs", 0))
                    self.assertGreater(min(part["executions"] + part["blocked"] for part in parts), 0)
                    self.assertEqual([part["shard"] for part in parts], [f"{i + 1}/{count}" for i in range(count)])

    def test_jobs(self):
        """Several processes count what one counts, and find what one finds."""
        for target, *flags in (["small.counted"], ["small_counter", "--operations=2"], ["small.store_buffering"]):
            for shard in ([], ["--shard=1/2"]):
                one = self.check(CLEAN, target, *flags, *shard)
                several = self.check(CLEAN, target, *flags, *shard, "--jobs=3", "--require-complete")
                for key in ("verdict", "executions", "blocked", "complete", "programs", "bound", "shard"):
                    self.assertEqual(several.get(key), one.get(key), (target, shard, key))
                largest = [result.get("largest_program", {}).get("executions") for result in (one, several)]
                self.assertEqual(largest[0], largest[1])
        for target in ("small.stale_data", "small_torn_counter"):
            for flags in ([], ["--keep-going"]):
                with self.subTest(target, flags=flags):
                    result = self.check(FINDING, target, "--operations=1", "--values=1", "--jobs=3", *flags)
                    finding, = result["findings"]
                    self.assertTrue(finding["confirmed"])
                    self.assertFalse(self.run_json(FINDING, "replay", finding["seed"], command=small())["diverged"])
        result = self.check(CLEAN, "small.endless", "--jobs=2", "--executions=100")
        self.assertEqual((result["verdict"], result["executions"], result["bound"]),
                         ("bounded", 100, "100 executions"))

    def test_depth_first(self):
        """Each schedule once: many more than executions that the model tells apart, to the same end."""
        for model in ("sc", "tso", "rc11"):
            few = self.check(CLEAN, "small.store_buffering", f"--model={model}", "--strategy=dpor")
            many = self.check(CLEAN, "small.store_buffering", f"--model={model}", "--strategy=dfs", "--require-complete")
            self.assertEqual((many["verdict"], many["bound"], many["strategy"]), ("verified", "", "dfs"))
            self.assertGreater(many["executions"], 100 * few["executions"])
        done = heddle("check", "small.store_buffering", "--strategy=dfs", command=small())
        self.assertIn("model rc11, depth first, complete", done.stdout)
        result = self.check(CLEAN, "small_counter", "--strategy=dfs", "--operations=1", "--values=1")
        self.assertEqual((result["verdict"], result["programs"]), ("verified", 4))
        result = self.check(FINDING, "small.stale_data", "--strategy=dfs")
        finding, = result["findings"]
        self.assertEqual((finding["strategy"], finding["confirmed"]), ("dfs", True))
        self.assertIs(self.run_json(FINDING, "replay", finding["seed"], command=small())["diverged"], False)

    def test_preemptions(self):
        """A bound on preemptions is part of the verdict, unless there are no schedules beyond."""
        whole = self.check(CLEAN, "small.store_buffering", "--strategy=dfs")
        counts = []
        for preemptions in (0, 1, 2):
            result = self.check(CLEAN, "small.store_buffering", f"--preemptions={preemptions}")
            self.assertEqual((result["verdict"], result["complete"], result["strategy"]), ("bounded", False, "dfs"))
            self.assertEqual(result["bound"], f"{preemptions} preemption{'' if preemptions == 1 else 's'}")
            counts.append(result["executions"])
        self.assertEqual(counts, sorted(set(counts)))
        done = heddle("check", "small.store_buffering", "--preemptions=2", command=small())
        self.assertIn("no finding within 2 preemptions: ", done.stdout)
        self.check(INCONCLUSIVE, "small.store_buffering", "--preemptions=2", "--require-complete")
        result = self.check(CLEAN, "small.store_buffering", "--strategy=dfs", "--preemptions=100", "--require-complete")
        self.assertEqual((result["verdict"], result["executions"]), ("verified", whole["executions"]))

    def test_depth_first_in_parts(self):
        """Shards and jobs count what the whole does, with and without a bound."""
        for flags in (["--strategy=dfs"], ["--preemptions=1"], ["--preemptions=100"]):
            with self.subTest(flags=flags):
                whole = self.check(CLEAN, "small.assumption", *flags)
                parts = [self.check(CLEAN, "small.assumption", *flags, f"--shard={i + 1}/3") for i in range(3)]
                jobs = self.check(CLEAN, "small.assumption", *flags, "--jobs=3")
                for key in ("executions", "blocked"):
                    self.assertEqual(sum(part[key] for part in parts), whole[key])
                    self.assertEqual(jobs[key], whole[key])
                for key in ("verdict", "bound"):
                    self.assertEqual(jobs[key], whole[key])

    def test_several_targets(self):
        """Each target has its verdict; the exit code sums them up."""
        results = self.check(FINDING, "small.store_buffering", "small.stale_data")
        self.assertEqual([result["verdict"] for result in results], ["verified", "finding"])

    def test_what_does_not_repeat_is_named(self):
        """A target that depends on more than Heddle controls ends in exit code 4, and one clear line."""
        done = heddle("check", "small.unrepeatable", command=small())
        self.assertEqual(done.returncode, DIVERGED, told(done))
        self.assert_one_line(done.stderr)
        self.assertIn("small.unrepeatable: an execution did not repeat", done.stderr)
        self.assertIn("inconclusive", done.stdout)

    def test_usage(self):
        """Wrong arguments are refused."""
        for arguments, says in ((["go_mapp"], "did you mean 'go_map'?"), (["go_map", "--model=weak"], "weak"),
                                (["go_map", "--operations=0"], "--operations"), (["go_map", "--values=0"], "--values"),
                                (["go_map", "--shard=0/4"], "0/4"), (["go_map", "--shard=5/4"], "5/4"),
                                (["go_map", "--shard=1"], "--shard"), (["go_map", "--shard=1/4x"], "1/4x"),
                                (["go_map", "--executions=0"], "--executions"), (["go_map", "--preempt=all"], "--preempt"),
                                (["go_map", "--strategy=pct"], "pct"), (["go_map", "--preemptions=-1"], "--preemptions"),
                                (["go_map", "--strategy=dpor", "--preemptions=1"], "--strategy=dfs"),
                                ([], "target")):
            with self.subTest(" ".join(arguments)):
                self.assert_refused("check", *arguments, says=says)


class ResumeTest(CliTest):
    """A check that stops early leaves a checkpoint, from which another process goes on."""

    COUNTS = ("verdict", "executions", "blocked", "undecided", "complete", "programs", "bound", "shard", "findings")

    def check(self, code, *arguments):
        return self.run_json(code, "check", *arguments, f"--findings={self.findings}", command=small())

    def counts(self, result):
        """What does not depend on when, or by whom it was seen."""
        counts = {key: result.get(key) for key in self.COUNTS}
        counts["findings"] = sorted(finding["signature"] for finding in counts["findings"])
        return counts

    def in_parts(self, whole, *arguments):
        """The result of the last one of several processes, each of which makes a fourth of the executions."""
        count = (whole["executions"] + whole["blocked"]) // 4 + 1
        result = self.check(CLEAN, *arguments, f"--executions={count}")
        parts = 1
        while result["checkpoint"]:
            before = result["executions"] + result["blocked"]
            result = self.check(CLEAN, f"--resume={result['checkpoint']}", f"--executions={count}")
            self.assertEqual(result["executions_before"], before)
            parts += 1
        self.assertGreater(parts, 2)
        return result

    def test_counts_are_those_of_one_search(self):
        """Under each model, and of spins on what lies elsewhere in each process."""
        for target in ("small.counted", "small.families", "small.queue_lock", "small.spin_lock"):
            for model in ("sc", "tso", "rc11"):
                with self.subTest(target, model=model):
                    whole = self.check(CLEAN, target, f"--model={model}")
                    self.assertEqual((whole["checkpoint"], whole["executions_before"]), ("", 0))
                    self.assertEqual(self.counts(self.in_parts(whole, target, f"--model={model}")), self.counts(whole))

    def test_schedules(self):
        """The same of a search schedule by schedule, with a bound and without."""
        for flags in (["--strategy=dfs", "--model=sc"], ["--preemptions=2"]):
            whole = self.check(CLEAN, "small.store_buffering", *flags)
            self.assertEqual(self.counts(self.in_parts(whole, "small.store_buffering", *flags)), self.counts(whole))

    def test_programs(self):
        """Of an operation target, each program is looked at once."""
        whole = self.check(CLEAN, "small_counter")
        self.assertEqual(self.counts(self.in_parts(whole, "small_counter")), self.counts(whole))

    def test_shards_and_jobs(self):
        """Each shard has a file, and all jobs have one."""
        for target, *flags in (["small.counted"], ["small_counter", "--operations=2"]):
            for split in (["--shard=2/3"], ["--jobs=3"], ["--shard=1/2", "--jobs=2"]):
                with self.subTest(target, split=split):
                    whole = self.check(CLEAN, target, *flags, *split)
                    self.assertEqual(self.counts(self.in_parts(whole, target, *flags, *split)), self.counts(whole))
        names = sorted(path.name for path in self.findings.rglob("*.checkpoint") if path.parent.name == "small.counted")
        self.assertEqual(names, ["rc11-1-of-2.checkpoint", "rc11-2-of-3.checkpoint", "rc11.checkpoint"])

    def test_findings(self):
        """Those of before are in the result, and not told again."""
        whole = self.check(FINDING, "small_torn_counter", "--keep-going")
        for jobs in (1, 2):
            with self.subTest(jobs=jobs):
                first = self.check(FINDING, "small_torn_counter", "--keep-going", "--executions=300", f"--jobs={jobs}")
                self.assertNotEqual(first["findings"], [])
                last = heddle("check", f"--resume={first['checkpoint']}", command=small())
                self.assertEqual(last.returncode, FINDING, told(last))
                told_twice = [finding for finding in first["findings"] if finding["message"] in last.stdout]
                self.assertEqual(told_twice, [])
                self.assertRegex(last.stdout, r"executions of it before\n$")
                result = self.check(FINDING, f"--resume={first['checkpoint']}")
                self.assertEqual(self.counts(result), self.counts(whole))
                self.assertTrue(all(finding["confirmed"] for finding in result["findings"]))

    def test_no_checkpoint_behind_a_finding(self):
        """A search that a finding ended is over."""
        self.assertEqual(self.check(FINDING, "small.stale_data")["checkpoint"], "")
        self.assertEqual(list(self.findings.rglob("*.checkpoint")), [])

    def test_the_command_that_goes_on_is_named(self):
        """It can be pasted."""
        path = self.folder / "mine"
        for flags in ([f"--checkpoint={path}"], []):
            done = heddle("check", "small.counted", "--executions=100", f"--findings={self.findings}", *flags, command=small())
            self.assertEqual(done.returncode, CLEAN, told(done))
            command = re.search(r"(?m)^  about [0-9]+ executions left, [0-9]+ s; go on: (.*)$", done.stdout).group(1)
            self.assertEqual(f"'{path}'" in command, bool(flags))
            again = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=TIMEOUT, check=False)
            self.assertIn("small.counted: verified: 948 executions, 348 blocked", again.stdout)

    def test_estimate(self):
        """What stopped early says how much is left, about; of programs, exactly."""
        result = self.check(CLEAN, "small.counted", "--executions=300")
        self.assertGreater(result["executions_left"], 300)
        self.assertLess(result["executions_left"], 4000)
        self.assertGreater(result["seconds_left"], 0)
        for flags, programs in (([], 144), (["--shard=1/5"], 29), (["--jobs=2"], 144)):
            result = self.check(CLEAN, "small_counter", "--executions=20", *flags)
            self.assertEqual(result["programs_in_all"], programs)
        for key in ("executions_left", "seconds_left", "programs_in_all"):
            self.assertNotIn(key, self.check(CLEAN, "small_counter"))

    def test_time(self):
        """What --time ended goes on, with a time of its own."""
        first = self.check(CLEAN, "small.endless", "--time=200ms")
        second = self.check(CLEAN, f"--resume={first['checkpoint']}", "--time=200ms")
        self.assertEqual(second["executions_before"], first["executions"])
        self.assertGreater(second["executions"], first["executions"])
        self.assertGreater(second["seconds"], first["seconds"])

    def test_what_does_not_fit_is_refused(self):
        """Another search, another build, another program, a damaged file: one line, exit code 2."""
        path = Path(self.check(CLEAN, "small_counter", "--executions=100")["checkpoint"])
        good = path.read_text()

        def refused(says, *arguments, text=good):
            damaged = self.written(text, "damaged.checkpoint")
            done = heddle("check", f"--resume={damaged}", *arguments, command=small())
            self.assertEqual((done.returncode, done.stdout), (USAGE, ""), told(done))
            self.assert_one_line(done.stderr)
            self.assertIn(says, done.stderr)

        for says, *arguments in (["target", "small_torn_counter"], ["others", "small_counter", "small.counted"],
                                 ["model", "--model=sc"], ["strategy", "--strategy=dfs"], ["operations", "--operations=3"], ["values", "--values=1"],
                                 ["faults", "--faults=all"], ["max-steps", "--max-steps=50"],
                                 ["shard", "--shard=1/2"], ["jobs", "--jobs=2"]):
            with self.subTest(says):
                refused(says, *arguments)
        for says, text in (("truncated", good[:len(good) // 2]), ("not a checkpoint", ""), ("not a checkpoint", "heddle seed 1\n"),
                           ("checksum", good.replace('"programs":', '"programs":1')),
                           ("version '2'", resealed(good.replace("checkpoint 1", "checkpoint 2"))),
                           ("not what a check writes", resealed(good.replace('"jobs":', '"jabs":'))),
                           ("another build", resealed(re.sub('"build":"[0-9a-f]*', '"build":"0', good))),
                           ("does not have", resealed(good.replace("small_counter", "large_counter")))):
            with self.subTest(says):
                refused(says, text=text)
        self.assertIn("No such file", heddle("check", f"--resume={self.folder / 'none'}", command=small()).stderr)

    def test_a_folder_that_cannot_be_written(self):
        """Exit code 5, and no half a file."""
        below_a_file = self.written("") / "checkpoint"
        done = heddle("check", "small.endless", "--executions=10", f"--checkpoint={below_a_file}", command=small())
        self.assertEqual(done.returncode, ENVIRONMENT, told(done))
        self.assert_one_line(done.stderr)


class HuntTest(CliTest):
    def test_two_named_targets(self):
        """A hunt of named targets runs these only, and sums them up."""
        names = [HEAP_VARIANT, "reference"]
        result = self.run_json(FINDING, "hunt", *names, "--time=2s", f"--findings={self.findings}")
        self.assertIn("targets", result)
        self.assertEqual([target["target"] for target in result["targets"]], names)
        self.assertEqual([target["verdict"] for target in result["targets"]], ["finding", "none"])
        self.assertEqual(result["executions"], sum(target["executions"] for target in result["targets"]))
        self.assertLess(result["seconds"], 10)
        self.assertEqual(sorted(finding["seed"] for finding in result["findings"]),
                         [str(path) for path in seeds_below(self.findings)])
        for finding in result["findings"]:
            self.assertTrue(finding["confirmed"])
            self.assertIn(finding["strategy"], STRATEGIES)


class MatrixTest(CliTest):
    def test_bugs_of_go_map(self):
        """Each seeded bug of go_map is found by the oracle that it was made for, in each flavour."""
        bugs = [target for target in self.run_json(CLEAN, "list")
                if target["expect"] and target["name"].startswith("go_map")]
        self.assertGreater(len(bugs), 5)
        result = self.run_json(CLEAN, "hunt", "--matrix", *[bug["name"] for bug in bugs],
                               f"--findings={self.findings}")
        expected = {bug["name"]: bug["expect"] for bug in bugs}
        self.assertEqual({row["target"]: row["found"]["kind"] for row in result["matrix"]}, expected)
        for row in result["matrix"]:
            self.assertTrue(row["as_expected"], row)
            self.assertIn(row["found"]["strategy"], STRATEGIES)
            self.assertTrue(Path(row["found"]["seed"]).is_file(), row)

    def test_unexpected_results_are_shown(self):
        """A target with a finding that nobody expects is not as expected: exit code 1, and marked."""
        done = heddle("hunt", "--matrix", "--time=2s", "--max-steps=10", "reference", f"--findings={self.findings}")
        self.assertEqual(done.returncode, FINDING, told(done))
        row, = [line for line in done.stdout.splitlines() if " reference " in line]
        self.assertTrue(row.startswith("! "), row)
        self.assertIn("livelock", row)


class UsageErrorTest(CliTest):
    def test_wrong_command_lines(self):
        """A wrong command line is refused in one line, with exit code 2, and nothing is run."""
        cases = [
            (["run", "go_mapp"], "did you mean 'go_map'?"),
            (["hunt", "go_map", "go_mapp"], "did you mean 'go_map'?"),
            (["run", "zzzzzzzzzzzzzzzzzzzz"], "zzzzzzzzzzzzzzzzzzzz"),
            (["run", "go_map", "--no-such-flag"], "--no-such-flag"),
            (["list", "--no-such-flag"], "--no-such-flag"),
            (["--no-such-flag"], ""),
            (["run", "go_map", "--strategy=best"], "best"),
            (["run", "go_map", "--model=weak"], "weak"),
            (["run", "go_map", "--preempt=never"], "never"),
            (["run", "go_map", "--executions=0"], "--executions"),
            (["run", "go_map", "--executions=-1"], "--executions"),
            (["run", "go_map", "--executions=many"], "--executions"),
            (["run", "go_map", "--executions=99999999999999999999999"], "--executions"),
            (["run", "go_map", "--time=abc"], "abc"),
            (["run", "go_map", "--time=0"], "--time"),
            (["run", "go_map", "--time=-1s"], "--time"),
            (["run", "go_map", "--time=nan"], "--time"),
            (["run", "go_map", "--time=5 s"], "--time"),
            (["run", "go_map", "--time="], "--time"),
            (["hunt", "--time=0"], "--time"),
            (["run", "go_map", "--max-findings=0"], "--max-findings"),
            (["run", "go_map", "reference"], ""),
            (["run"], "target"),
            (["replay"], "seed"),
            (["replay", "--repeat=0", "x"], "--repeat"),
            ([], "subcommand"),
        ]
        for arguments, says in cases:
            with self.subTest(" ".join(arguments)):
                self.assert_refused(*arguments, says=says)

    def test_unknown_subcommand_is_named(self):
        """An unknown subcommand is refused by name."""
        self.assert_refused("bogus", says="bogus")

    def test_no_files_to_replay(self):
        """A missing file, a folder and an empty file are refused by name."""
        missing = self.folder / "missing.seed"
        empty = self.written("", "empty.seed")
        for path in (missing, self.folder, empty):
            with self.subTest(path.name):
                self.assert_refused("replay", path, says=str(path))

    def test_good_seed_beside_bad_one(self):
        """One bad seed among good ones is refused before any is run."""
        self.assert_refused("replay", self.heap_seed(), self.folder / "missing.seed", says="missing.seed")

    def test_no_seeds(self):
        """A text that is no seed is refused, whatever it holds."""
        for name, content in (("text", "Dear reader,\n\nthis is a letter.\n"), ("magic only", "heddle seed 1\n"),
                              ("no newline", "heddle seed 1"), ("checksum only", resealed("heddle seed 1\n\nend: \n")),
                              ("zeros", bytes(5000)), ("not UTF-8", bytes(range(256)) * 20)):
            with self.subTest(name):
                self.assert_refused("replay", self.written(content), says="edited.seed")

    def test_truncated_seeds(self):
        """A seed that is cut off anywhere is refused."""
        content = self.heap_seed().read_bytes()
        lengths = [len(content) * part // 7 for part in range(1, 7)] + [len(content) - 2, len(content) - 15]
        for length in lengths:
            with self.subTest(length=length, of=len(content)):
                self.assert_refused("replay", self.written(content[:length]), says="edited.seed")

    def test_corrupted_seeds(self):
        """A seed with one wrong bit anywhere, or with more behind its end, is refused."""
        content = self.heap_seed().read_bytes()
        for part in range(8):
            position = (len(content) - 3) * part // 7
            corrupted = bytearray(content)
            corrupted[position] ^= 0x04
            with self.subTest(position=position):
                self.assert_refused("replay", self.written(bytes(corrupted)), says="edited.seed")
        with self.subTest("trailing"):
            self.assert_refused("replay", self.written(content + b"more\n"), says="edited.seed")

    def test_unknown_version(self):
        """A seed of another format version is refused, and the version named."""
        text = self.heap_seed().read_text()
        changed = text.replace("heddle seed 1\n", "heddle seed 99\n", 1)
        for name, content in (("stale checksum", changed), ("right checksum", resealed(changed))):
            with self.subTest(name):
                self.assert_refused("replay", self.written(content), says="99")

    def test_seed_of_unknown_target(self):
        """A seed of a target that this program does not have is refused, and the target named."""
        text = self.heap_seed().read_text()
        changed = text.replace(f"\ntarget: {HEAP_VARIANT}\n", "\ntarget: go_map@unheard_of\n")
        self.assertNotEqual(changed, text)
        self.assert_refused("replay", self.written(resealed(changed)), says="go_map@unheard_of")

    def test_seed_with_unknown_operation(self):
        """A seed with an operation that the target does not have is refused, and the operation named."""
        text = self.heap_seed().read_text()
        changed = re.sub(r"(?m)^step: (\d+) \w+", r"step: \1 juggle", text, count=1)
        self.assertNotEqual(changed, text)
        self.assert_refused("replay", self.written(resealed(changed)), says="juggle")

    def test_malformed_entries(self):
        """A sealed seed with an impossible value anywhere is refused."""
        text = self.heap_seed().read_text()
        huge = "99999999999999999999999999"
        cases = [
            (r"^switch: \d+ (\w+) \d+$", rf"switch: {huge} \1 1"),
            (r"^switch: (\d+) (\w+) \d+$", rf"switch: \1 \2 {huge}"),
            (r"^switch: (\d+) (\w+) \d+$", r"switch: \1 \2 4294967296"),
            (r"^switch: \d+ (\w+) (\d+)$", r"switch: -1 \1 \2"),
            (r"^switch: (\d+) (\w+) \d+$", r"switch: \1 \2 -1"),
            (r"^switch: (\d+) \w+ (\d+)$", r"switch: \1 teleport \2"),
            (r"^switch: (.*)$", r"switch: \1 more"),
            (r"^switch: .*$", r"switch: "),
            (r"^(switch: .*)$", "\\1\n\\1"),
            (r"^step: \d+ ", rf"step: {huge} "),
            (r"^step: \d+ ", r"step: 63 "),
            (r"^step: (\d+) insert .*$", rf"step: \1 insert {huge} 1"),
            (r"^step: (\d+) insert (\d+) \d+$", r"step: \1 insert \2"),
            (r"^workers: \d+$", rf"workers: {huge}"),
            (r"^workers: \d+$", r"workers: -1"),
            (r"^workers: \d+$", r"workers: 65536"),
            (r"^steps-max: \d+$", rf"steps-max: {huge}"),
            (r"^steps-max: \d+$", r"steps-max: -1"),
            (r"^decisions: \d+$", r"decisions: many"),
            (r"^events: \d+$", rf"events: {huge}"),
            (r"^digest: \w+$", r"digest: xyz"),
            (r"^model: .*$", r"model: weak"),
            (r"^kind: .*$", r"kind: mood"),
            (r"^marks: T0", r"marks: T99999"),
            (r"^marks: ", r"marks: nonsense "),
            (r"^kind: ", r"mood: "),
            (r"^target: .*\n", ""),
        ]
        for pattern, replacement in cases:
            with self.subTest(pattern, replacement=replacement):
                changed = re.sub(pattern, replacement, text, count=1, flags=re.MULTILINE)
                self.assertNotEqual(changed, text)
                self.assert_refused("replay", self.written(resealed(changed)), says="edited.seed")

    def test_missing_entries(self):
        """A sealed seed without one of its lines is refused or diverges; it never crashes the command."""
        lines = self.heap_seed().read_text().splitlines(keepends=True)
        entries = [i for i, line in enumerate(lines[:-1]) if i > 0 and not line.startswith("#")]
        names = [line.split(":")[0] for line in lines]
        first = {names[i]: i for i in reversed(entries)}
        last = {names[i]: i for i in entries}
        for i in sorted({*first.values(), *last.values()}):
            with self.subTest(lines[i].strip()):
                path = self.written(resealed("".join(lines[:i] + lines[i + 1:])))
                done = heddle("replay", "--quiet", path)
                self.assertIn(done.returncode, (FINDING, USAGE, DIVERGED), done.stderr)

    def test_huge_choices_do_not_crash(self):
        """Choices that no execution offers diverge or are refused; they never crash the command."""
        text = self.heap_seed().read_text()
        for replacement in (r"switch: \1 \2 4294967295", r"switch: \1 \2 99", r"switch: 18446744073709551615 \2 1"):
            for number in range(len(re.findall(r"(?m)^switch: ", text))):
                with self.subTest(replacement, switch=number):
                    found = list(re.finditer(r"(?m)^switch: (\d+) (\w+) (\d+)$", text))[number]
                    changed = text[:found.start()] + found.expand(replacement) + text[found.end():]
                    done = heddle("replay", "--quiet", self.written(resealed(changed)))
                    self.assertIn(done.returncode, (USAGE, DIVERGED), told(done))
                    self.assert_one_line(done.stderr)


class DivergenceTest(CliTest):
    def test_edited_schedule_diverges(self):
        """A seed whose schedule was changed is told from the real one, with exit code 4."""
        text = self.heap_seed().read_text()
        last = text.rindex("\nswitch: ") + 1
        path = self.written(resealed(text[:last] + text[text.index("\n", last) + 1:]))
        done = heddle("replay", path)
        self.assertEqual(done.returncode, DIVERGED, told(done))
        self.assertRegex(done.stderr, r"(?m)diverged at ")
        self.assert_one_line(done.stderr)
        result = self.run_json(DIVERGED, "replay", path)
        self.assertIs(result["diverged"], True)
        self.assertIn("diverged at ", result["divergence"])

    def test_divergence_is_shown(self):
        """The story of a replay that diverged points at the event that its message names."""
        text = self.heap_seed().read_text()
        last = text.rindex("\nswitch: ") + 1
        path = self.written(resealed(text[:last] + text[text.index("\n", last) + 1:]))
        done = heddle("replay", path)
        named = re.search(r"diverged at event (\d+): ", done.stderr)
        self.assertIsNotNone(named, told(done))
        self.assertRegex(done.stdout, rf"(?m)^ > +{named.group(1)} ")

    def test_other_finding_diverges(self):
        """A seed that states another rule diverges; another message or signature is told."""
        text = self.heap_seed().read_text()
        changed = re.sub(r"(?m)^rule: .*$", "rule: double-free", text)
        done = heddle("replay", "--quiet", self.written(resealed(changed)))
        self.assertEqual(done.returncode, DIVERGED, told(done))
        self.assertIn("expected finding heap (double-free), got finding heap (use-after-free)", done.stderr)
        self.assertIn("the same heap finding\n", heddle("replay", "--quiet", self.heap_seed()).stdout)
        for name, value in (("message", "something else"), ("signature", "0123456789abcdef")):
            with self.subTest(name):
                changed = re.sub(rf"(?m)^{name}: .*$", f"{name}: {value}", text)
                done = heddle("replay", "--quiet", self.written(resealed(changed)))
                self.assertEqual(done.returncode, FINDING, told(done))
                self.assertNotIn("the same heap finding\n", done.stdout)
                self.assertIn(value, done.stdout)

    def test_other_digest_diverges(self):
        """A seed whose digest was changed does not pass for confirmed."""
        text = self.heap_seed().read_text()
        changed = re.sub(r"(?m)^digest: .*$", "digest: 0123456789abcdef", text)
        done = heddle("replay", "--quiet", self.written(resealed(changed)))
        self.assertEqual(done.returncode, DIVERGED, told(done))
        self.assert_one_line(done.stderr)


class CorpusTest(CliTest):
    def test_regressions_are_the_same_in_every_build(self):
        """Seeds of the corpus replay to the finding they state: message, rule and signature. A build
        may have some of the maps only."""
        targets = {target["name"] for target in self.run_json(CLEAN, "list")}
        seeds = [seed for seed in sorted(CORPUS.glob("*/regressions/*.seed"))
                 if entry(seed.read_text(), "target") in targets]
        self.assertGreater(len(seeds), 5)
        for seed in seeds:
            with self.subTest(seed.name):
                done = heddle("replay", "--quiet", seed)
                self.assertEqual(done.returncode, FINDING, told(done))
                self.assertRegex(done.stdout, r": the same \w+ finding\n$")


class EnvironmentTest(CliTest):
    def assert_cannot_write(self, findings):
        for arguments in (["run", HEAP_VARIANT, f"--executions={budget(200_000)}"],
                          ["hunt", HEAP_VARIANT, "--time=2s"]):
            done = heddle(*arguments, f"--findings={findings}", "--json")
            self.assertEqual(done.returncode, ENVIRONMENT, told(done))
            self.assert_one_line(done.stderr)
            self.assertIn(str(findings), done.stderr)
            result = json.loads(done.stdout)
            self.assertEqual(result["verdict"], "finding", "the finding is told nonetheless")
            self.assertEqual(result["findings"][0]["seed"], "")

    def test_findings_below_a_file(self):
        """A findings folder that cannot be made ends in exit code 5 and one clear line."""
        file = self.written("", "file")
        for folder in (file / "x", Path("/dev/null/x"), Path("/dev/full/x")):
            with self.subTest(str(folder)):
                self.assert_cannot_write(folder)

    def test_full_disk(self):
        """A full disk ends in exit code 5 and one clear line, and leaves no partial file."""
        mount = self.folder / "full"
        mount.mkdir()
        try:
            mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "none", str(mount)],
                                     capture_output=True, text=True, check=False)
        except OSError as error:
            self.skipTest(f"no small tmpfs can be mounted: {error}")
        if mounted.returncode != 0:
            self.skipTest(f"no small tmpfs can be mounted: {mounted.stderr.strip()}")
        try:
            self.assert_cannot_write(mount)
            self.assertEqual([path for path in mount.rglob("*") if not path.is_dir()], [])
        finally:
            subprocess.run(["umount", str(mount)], check=True)

    def test_full_stdout(self):
        """Results that cannot be written to stdout do not end in exit code 0."""
        for arguments in (["list", "--json"], ["run", "reference", "--executions=10", "--json"]):
            with self.subTest(" ".join(arguments)), open("/dev/full", "wb") as full:
                done = subprocess.run([HEDDLE, *arguments], stdout=full, stderr=subprocess.PIPE, timeout=TIMEOUT,
                                      check=False)
                self.assertEqual(done.returncode, ENVIRONMENT, done.stderr)

    def test_addresses_do_not_matter(self):
        """Twenty processes, each with other addresses and environment, replay to one digest."""
        seed = self.heap_seed()
        digest = entry(seed.read_text(), "digest")
        for i in range(20):
            with self.subTest(process=i):
                env = environment(HEDDLE_TEST_PADDING="x" * (997 * i))
                result = self.run_json(FINDING, "replay", seed, env=env, cwd=self.folder if i % 2 else "/")
                self.assertEqual(result["digest"], digest)
                self.assertIs(result["diverged"], False)


class SignalTest(CliTest):
    def start(self, *arguments, command=None):
        process = subprocess.Popen([command or HEDDLE, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, env=environment())
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.kill()
        process.communicate()

    def interrupt(self, process, number, code):
        """Sends the signal; the process has three seconds to end with the code. Returns stdout."""
        self.assertIsNone(process.poll(), "it runs still")
        sent = time.monotonic()
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=TIMEOUT)
        self.assertLess(time.monotonic() - sent, 3)
        self.assertEqual(process.returncode, code, stdout + stderr)
        return stdout

    def test_run(self):
        """Ctrl-C and SIGTERM end a run soon, with its results so far."""
        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            with self.subTest(number.name):
                process = self.start("run", "go_map", "--time=60s", "--json", f"--findings={self.findings}")
                time.sleep(1)
                result = json.loads(self.interrupt(process, number, code))
                self.assertEqual(result["verdict"], "none")
                self.assertGreater(result["executions"], 0)

    def test_check(self):
        """Ctrl-C and SIGTERM end a check soon, with what was seen so far."""
        for number, code, jobs in ((signal.SIGINT, 130, 1), (signal.SIGTERM, 143, 1), (signal.SIGINT, 130, 3)):
            with self.subTest(number.name, jobs=jobs):
                process = self.start("check", "small.endless", "--json", f"--jobs={jobs}", f"--findings={self.findings}",
                                     command=small())
                time.sleep(1)
                result = json.loads(self.interrupt(process, number, code))
                self.assertEqual(result["verdict"], "inconclusive")
                self.assertGreater(result["executions"], 0)
                more = self.run_json(CLEAN, "check", f"--resume={result['checkpoint']}", "--executions=30", command=small())
                self.assertEqual((more["executions_before"], more["executions"]),
                                 (result["executions"], result["executions"] + 30))

    def test_hunt(self):
        """Ctrl-C and SIGTERM end a hunt soon; the seeds of before are on disk, and whole."""
        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            with self.subTest(number.name):
                folder = self.folder / number.name
                process = self.start("hunt", "--time=60s", "--quiet", f"--findings={folder}")
                start = time.monotonic()
                while not seeds_below(folder) and time.monotonic() - start < 20:
                    time.sleep(0.02)
                self.interrupt(process, number, code)
                seeds = seeds_below(folder)
                self.assertTrue(seeds, "it found something before")
                self.assertEqual(sorted(path for path in folder.rglob("*") if path.is_file()), seeds, "nothing partial")
                for seed in seeds:
                    done = heddle("replay", "--quiet", seed)
                    self.assertEqual(done.returncode, FINDING, done.stderr)


class OutputTest(CliTest):
    def test_help(self):
        """--help of the command and of every subcommand works; the exit codes are at the top."""
        done = heddle("--help")
        self.assertEqual(done.returncode, CLEAN)
        self.assertEqual(done.stderr, "")
        self.assertIn("Exit codes", done.stdout)
        for name in SUBCOMMANDS:
            with self.subTest(name):
                self.assertRegex(done.stdout, rf"(?m)^\s*{name}\b")
                one = heddle(name, "--help")
                self.assertEqual(one.returncode, CLEAN)
                self.assertEqual(one.stderr, "")
                self.assertIn(f"heddle {name}", one.stdout)

    def test_version(self):
        """--version names command, version, flavour and format of seeds."""
        done = heddle("--version")
        self.assertEqual(done.returncode, CLEAN)
        self.assertEqual(done.stderr, "")
        self.assertRegex(done.stdout, rf"^heddle \d+\.\d+\.\d+ \({re.escape(FLAVOUR)}, seed format 1\)\n$")

    def test_a_broken_structure_is_shown(self):
        """The story of a finding by a map's validator has the map as text."""
        seed = CORPUS / "sync_map" / "regressions" / "stores_into_expunged.seed"
        done = heddle("replay", seed)
        self.assertEqual(done.returncode, FINDING, told(done))
        self.assertIn("structure broken: an entry of the read part is neither expunged nor dirty, or both", done.stdout)
        self.assertRegex(done.stdout, r"(?m)^the structure:\nmisses: \d+\nread part.*:.*\ndirty part:.*$")

    def on_terminal(self, *arguments, stream="stdout", command=None, **changes):
        """What the command writes to a stream if that is a terminal."""
        ours, theirs = pty.openpty()
        output = b""
        try:
            streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, stream: theirs}
            process = subprocess.Popen([command or HEDDLE, *map(str, arguments)], stdin=subprocess.DEVNULL,
                                       env=environment(**changes), **streams)
            os.close(theirs)
            theirs = -1
            deadline = time.monotonic() + TIMEOUT
            while time.monotonic() < deadline:
                if not select.select([ours], [], [], 1)[0]:
                    continue
                try:
                    part = os.read(ours, 65536)
                except OSError:  # EIO: the other side is closed
                    break
                if not part:
                    break
                output += part
            process.wait(timeout=TIMEOUT)
        finally:
            os.close(ours)
            if theirs >= 0:
                os.close(theirs)
        return output.decode(errors="replace")

    def test_progress_of_a_check(self):
        """A bar, how many executions there are, about, and how long they take; programs are counted."""
        check = ["check", "--time=1s", f"--findings={self.findings}"]
        shown = self.on_terminal(*check, "small.endless", stream="stderr", command=small())
        self.assertRegex(shown, r"small\.endless: [0-9.kM]+ executions, .* s \[[#.]{10}\] of (about|more than) .* left")
        shown = self.on_terminal(*check, "small_counter", "--operations=4", stream="stderr", command=small())
        self.assertRegex(shown, r"small_counter, program [0-9]+ of 14400: ")

    def test_colours(self):
        """Escape characters are for terminals only, and not if NO_COLOR is set."""
        seed = self.heap_seed()
        self.assertIn("\x1b", self.on_terminal("replay", seed), "a story on a terminal is coloured")
        self.assertNotIn("\x1b", self.on_terminal("replay", seed, NO_COLOR="1"))
        for arguments in (["list"], ["replay", seed], ["hunt", HEAP_VARIANT, "--time=1s", f"--findings={self.findings}"]):
            with self.subTest(arguments[0]):
                done = heddle(*arguments)
                self.assertNotEqual(done.stdout, "")
                self.assertNotIn("\x1b", done.stdout + done.stderr)
        for path in seeds_below(self.shared):
            self.assertNotIn(b"\x1b", path.read_bytes())


class MemoryTest(CliTest):
    def peak_kib(self, *arguments, **changes):
        """Peak resident memory of a run, in KiB.

        The maximum of wait4 is of no use: that of a child starts at its parent's. So stdout is a pipe
        that is full: at its end the process waits for us to read, and VmHWM in /proc is final.
        """
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        try:
            while True:
                os.write(writer, b" " * 4096)
        except BlockingIOError:
            pass
        os.set_blocking(writer, True)
        process = subprocess.Popen([HEDDLE, *map(str, arguments), "--json"], stdin=subprocess.DEVNULL,
                                   stdout=writer, stderr=subprocess.DEVNULL, env=environment(**changes))
        os.close(writer)
        peak = 0
        try:
            deadline = time.monotonic() + TIMEOUT
            asleep = 0  # looks in a row
            while asleep < 5 and time.monotonic() < deadline:
                time.sleep(0.01)
                status = Path(f"/proc/{process.pid}/status").read_text()
                asleep = asleep + 1 if re.search(r"(?m)^State:\s+S", status) else 0
            self.assertEqual(asleep, 5, "it should wait for us to read its results")
            peak = int(re.search(r"(?m)^VmHWM:\s+(\d+) kB", status).group(1))
            with os.fdopen(reader, "rb", closefd=False) as stream:
                result = json.loads(stream.read())
            self.assertEqual(process.wait(timeout=TIMEOUT), CLEAN)
            self.assertEqual(f"--executions={result['executions']}", arguments[-1])
        finally:
            os.close(reader)
            if process.poll() is None:
                process.kill()
                process.wait()
        return peak

    def assert_flat(self, target, few, many, command="run"):
        changes = {}
        if FLAVOUR in ("asan", "fuzz"):
            # AddressSanitizer keeps freed memory for a while, up to this much.
            options = os.environ.get("ASAN_OPTIONS", "")
            changes["ASAN_OPTIONS"] = (options + ":" if options else "") + "quarantine_size_mb=1"
        peaks = [self.peak_kib(command, target, f"--findings={self.findings}", f"--executions={count}", **changes)
                 for count in (few, many)]
        allowed = ASAN_MEMORY_DIFFERENCE_KIB if FLAVOUR in ("asan", "fuzz") else MEMORY_DIFFERENCE_KIB
        self.assertLess(abs(peaks[1] - peaks[0]), allowed,
                        f"{target}: {peaks[0]} KiB for {few} executions, {peaks[1]} KiB for {many}")

    # AddressSanitizer's quarantine fills up within the first 40,000 executions: no fewer there.
    def test_reference(self):
        """Memory does not grow with the number of executions of a small test."""
        few, many = {"asan": (40_000, 400_000), "fuzz": (40_000, 400_000), "tsan": (5_000, 40_000)}.get(
            FLAVOUR, (20_000, 400_000))
        self.assert_flat("reference", few, many)

    def test_go_map(self):
        """Memory does not grow with the number of executions of a map that allocates."""
        few, many = (5_000, 20_000) if FLAVOUR == "tsan" else (20_000, 100_000)
        self.assert_flat("go_map", few, many)


    def test_check(self):
        """Nor with that of executions that an exhaustive search has seen."""
        if FLAVOUR != "plain":
            self.skipTest("searches keep the same in all flavours")
        self.assert_flat("reference", 5_000, 50_000, "check")


class DebuggerTest(CliTest):
    """A replayed execution, in a debugger."""

    def test_stops_at_a_named_place(self):
        """A breakpoint on one probe of a map is met there, in the operation that passes it."""
        if not shutil.which("gdb"):
            self.skipTest("there is no gdb")
        commands = ["handle SIGSEGV SIGBUS SIGPROF nostop noprint pass",
                    'break heddle_probe if $_streq(name, "go_map.migrate.begin")', "run", "backtrace 3", "kill"]
        arguments = [word for command in commands for word in ("-ex", command)]
        done = subprocess.run(["gdb", "-nx", "-batch", *arguments, "--args", HEDDLE, "replay", str(self.heap_seed())],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
                              timeout=TIMEOUT, check=False)
        if "Couldn't get registers" in done.stderr or "ptrace" in done.stderr:
            self.skipTest("processes may not be traced here")
        self.assertRegex(done.stdout, r"#1 .*go_map.*grow", told(done))


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("usage: cli_test.py PATH_TO_HEDDLE FLAVOUR [unittest arguments]")
    HEDDLE = str(Path(sys.argv[1]).resolve())
    FLAVOUR = sys.argv[2]
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
