#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`tools/traproom hunt`: seeds in parallel, the first that fails, the rules that it takes."""

import shlex
import subprocess
import tempfile
import unittest

from support import LAUNCHER, LIMIT

from launcher import hunt


class FakeRunner:
    """Runs nothing: a command fails as `fails`, given its seed and its rules, says."""

    def __init__(self, fails):
        self.fails = fails
        self.runs = []

    def run(self, command):
        seed = int(command[command.index("--inject-seed") + 1])
        rules = [rule for rule in command[command.index("--inject") + 1].split(";") if rule]
        self.runs.append((seed, rules))
        return (5 if self.fails(seed, rules) else 0), ["last words"]

    def stop(self):
        pass

    def again(self):
        pass


class Shrink(unittest.TestCase):
    def test_fewest(self):
        for count in range(1, 12):
            for need in ({0}, {count - 1}, {0, count - 1}, {0, count // 2, count - 1}):
                tries = []

                def fails(some, need=need, tries=tries):
                    tries.append(some)
                    return need <= set(some)

                self.assertEqual(set(hunt.shrink(list(range(count)), fails)), need)
                self.assertLess(len(tries), 80)


class Rules(unittest.TestCase):
    def hunted(self, fails, rules, seeds=8):
        """(The status, seeds and rules of the last run)."""
        args = type("", (), {"jobs": 2, "seeds": seeds, "first": 0,
                             "hunted": ["run", "--inject", rules, "--cmd", "true"]})
        runner = FakeRunner(fails)
        return hunt.hunt(args, runner), runner.runs

    def test_what_it_takes(self):
        status, runs = self.hunted(lambda seed, rules: seed == 3 and {"disk0 : b", "disk0 : d"} <= set(rules),
                                   ";".join(f"disk0 : {letter}" for letter in "abcdef"))
        self.assertEqual(status, 5)
        good = [rules for seed, rules in runs if seed == 3 and {"disk0 : b", "disk0 : d"} <= set(rules)]
        self.assertEqual(min(map(len, good)), 2)

    def test_numbers_stay(self):
        """A rule that is left keeps its line, and so its dice."""
        command = hunt.Command(["run", "--inject", "disk0 : a;disk0 : b # comment;disk0 : c", "--quiet"])
        line = command.line(7, {1})
        self.assertEqual(line[1:], ["run", "--quiet", "--inject", ";disk0 : b;", "--inject-seed", "7"])
        self.assertEqual(command.real_rules(), [0, 1, 2])

    def test_a_file(self):
        with tempfile.NamedTemporaryFile("w") as file:
            file.write("# all\ndisk0 : a\n")
            file.flush()
            command = hunt.Command(["run", f"--inject={file.name}"])
            self.assertEqual(command.line(1)[1:4], ["run", "--inject", ";disk0 : a"])

    def test_none(self):
        status, runs = self.hunted(lambda seed, rules: False, "disk0 : a;disk0 : b", seeds=3)
        self.assertEqual((status, sorted(seed for seed, _ in runs)), (0, [0, 1, 2]))


class Real(unittest.TestCase):
    def hunt(self, *words):
        done = subprocess.run([LAUNCHER, "hunt", *words], capture_output=True, text=True, timeout=LIMIT, check=False)
        return done.returncode, done.stdout, done.stderr

    def test_stops_at_the_first(self):
        """The others are ended, and what is printed does it again."""
        status, out, err = self.hunt("--seeds", "50", "--first", "10", "--jobs", "3", "--", "sh", "-c",
                                     f"[ {{seed}} = 13 ] && {{ echo 'at {{seed}}'; exit 9; }}; exec sleep $(({{seed}} > 13 "
                                     f"? {LIMIT} : 0))")
        self.assertEqual(status, 9, err)
        self.assertIn("seed 13 fails, with exit status 9", err)
        self.assertIn("    at 13\n", err)
        self.assertEqual(subprocess.run(shlex.split(out), capture_output=True, check=False).returncode, 9)

    def test_none_fails(self):
        status, out, err = self.hunt("--seeds", "3", "--", "test", "{seed}", "-lt", "3")
        self.assertEqual((status, out), (0, ""))
        self.assertIn("none has failed", err)

    def test_wrong_usage(self):
        for words in ("--", "true"), ("--jobs", "0", "--", "test", "{seed}"), ("--", "/nowhere/{seed}"), ():
            self.assertEqual(self.hunt(*words)[0], 1)

    def test_signals_are_statuses(self):
        self.assertEqual(self.hunt("--", "sh", "-c", "kill -9 $$ # {seed}")[0], 137)


if __name__ == "__main__":
    unittest.main()
