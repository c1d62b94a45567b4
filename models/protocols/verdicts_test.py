"""Holds against each other what Relacy and Heddle say of each form of each protocol.

usage: verdicts_test.py <protocols_relacy> <heddle>

Prints the table, and fails where a cell is not what is expected of the form. Where Relacy is known to
be wrong, README.md says why, with the execution that shows it.
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

SCHEDULERS = ("full", "bounded", "random")  # of Relacy
MODELS = ("sc", "tso", "rc11")  # of Heddle, the stronger ones first
README = pathlib.Path(__file__).parent / "README.md"
RELACY = HEDDLE = None

# What Relacy says instead, with all of its schedulers.
RELACY_IS_WRONG = {
    "protocol_publication@relaxed_second_mask": "none",
    "protocol_hold_counts@relaxed_drop": "none",
    "protocol_hold_counts@release_drop": "none",
    "protocol_hazard_pointers@sc_reader": "heap",
    "protocol_hazard_pointers@relaxed_clear": "none",
    "protocol_epochs@relaxed_unpin": "none",
}
# Which of two accesses comes first, and whether a check comes between them, is up to the execution
# that happens to be found: a use and a free without order are a race or a use after free.
KINDS_OF_RACES = {"race", "heap"}
RACE_OR_CHECK = {"protocol_migration@relaxed_lookup", "protocol_resize_lock@publishes_when_claimed"}


def agree(form, expected, said):
    kinds = {expected}
    if expected in KINDS_OF_RACES:
        kinds |= KINDS_OF_RACES
    if form in RACE_OR_CHECK:
        kinds.add("check")
    return said in kinds


def short(form):
    return form.removeprefix("protocol_")


def heddle_says(form, model):
    """What an exhaustive search under the model finds; it must come to an end."""
    with tempfile.TemporaryDirectory() as findings:
        done = subprocess.run([HEDDLE, "check", form, f"--model={model}", "--json", f"--findings={findings}"],
                              capture_output=True, text=True, timeout=120)
        if done.returncode not in (0, 1):
            raise AssertionError(f"{form}: exit code {done.returncode}: {done.stderr}")
        said = json.loads(done.stdout)
    if said["verdict"] not in ("finding", "verified"):
        raise AssertionError(f"{form} under {model}: {said['verdict']}")
    return said["findings"][0]["kind"] if said["findings"] else "none"


class VerdictsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        done = subprocess.run([RELACY, "--json"], capture_output=True, text=True, timeout=240, check=True)
        cls.rows = json.loads(done.stdout)
        for row in cls.rows:
            row.update({model: {"verdict": heddle_says(row["form"], model)} for model in MODELS})
        columns = ("expect", "model", *SCHEDULERS, *MODELS)
        print(f"{'form':<50}" + "".join(f"{column:<9}" for column in columns))
        for row in cls.rows:
            cells = [row[column] if isinstance(row[column], str) else row[column]["verdict"]
                     for column in columns]
            print(f"{row['form']:<50}" + "".join(f"{cell:<9}" for cell in cells))

    def test_every_protocol_has_forms(self):
        protocols = {row["form"].partition("@")[0] for row in self.rows}
        self.assertEqual(len(protocols), 9)
        for protocol in protocols:
            faults = [row["expect"] for row in self.rows if row["form"].startswith(protocol + "@")]
            self.assertTrue(any(fault != "none" for fault in faults), protocol)
            self.assertIn(protocol, {row["form"] for row in self.rows})

    def test_relacy(self):
        for row in self.rows:
            form = row["form"]
            expected = RELACY_IS_WRONG.get(form, row["expect"])
            for scheduler in SCHEDULERS:
                with self.subTest(form=form, scheduler=scheduler):
                    self.assertTrue(agree(form, expected, row[scheduler]["verdict"]), row[scheduler])

    def test_heddle(self):
        for row in self.rows:
            with self.subTest(form=row["form"]):
                for model in MODELS:
                    shows = row["model"] in MODELS[:MODELS.index(model) + 1]
                    expected = row["expect"] if shows else "none"
                    self.assertTrue(agree(row["form"], expected, row[model]["verdict"]), row[model])

    def test_disagreements_are_explained(self):
        explanations = README.read_text().partition("## Where Relacy is wrong")[2]
        expected = {row["form"]: row["expect"] for row in self.rows}
        for form, said in RELACY_IS_WRONG.items():
            with self.subTest(form=form):
                self.assertFalse(agree(form, expected[form], said), "Relacy is right by now")
                self.assertTrue(f"`{short(form)}`" in explanations, "README.md does not explain it")

    def test_readme(self):
        """The table there says of each form what is said here."""
        lines = [line for line in README.read_text().splitlines() if line.startswith("| `")]
        cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
        told = {form.strip("`"): [oracle, model, relacy] for form, _, oracle, model, relacy in cells}
        said = {}
        for row in self.rows:
            wrong = RELACY_IS_WRONG.get(row["form"])
            relacy = "yes" if row["expect"] != "none" else ""
            if wrong is not None:
                relacy = "**no**" if wrong == "none" else f"**{wrong}**"
            said[short(row["form"])] = [row["expect"].replace("none", ""), row["model"], relacy]
        self.maxDiff = None
        self.assertEqual(told, said)


if __name__ == "__main__":
    RELACY, HEDDLE = sys.argv[1:3]
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2)
