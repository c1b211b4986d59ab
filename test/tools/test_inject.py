#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""--inject: the rules' grammar, what they are compiled to, the log."""

import os
import re
import tempfile
import unittest

from support import FIRST_SLOT, REPO, RunTest, decompile

from launcher import Problem, inject, inject_words

DISK = inject.Target("disk0", "disk", 0xA000000, 0xA000000)
NET = inject.Target("net0", "net", 0xA000200, 0xA000200)
RNG = inject.Target("rng0", "rng", 0xA000400, 0xA000400)
TARGETS = {target.name: target for target in (DISK, NET, RNG)}

WRONG = (
    # rule, column, part of what is said
    ("disk0 read", 11, "no colon"),
    (": fail", 1, "disk0, net0, rng0, mmio ADDRESS, irq NUMBER"),
    ("disk1 read : fail", 1, "'disk1' is none of disk0"),
    ("disk0 : ", 8, "fail, drop, lose"),
    ("disk0 : explode", 9, "'explode' is nothing that can happen to disk0"),
    ("net0 : fail", 8, "nothing that can happen to net0"),
    ("disk0 rx : drop", 7, "'rx' is no condition of a rule for disk0: read, write"),
    ("net0 read : drop", 6, "'read' is no condition"),
    ("rng0 sector=1 : lose", 6, "'sector=1' is no condition"),
    ("disk0 nth=0 : lose", 11, "0 is not between 1"),
    ("disk0 nth=x : lose", 11, "'x' is no number"),
    ("disk0 sector=8-x : lose", 16, "'x' is no number"),
    ("disk0 sector=8-7 : lose", 14, "ends before it begins"),
    ("disk0 p=0 : lose", 9, "no probability"),
    ("disk0 p=two : lose", 9, "no probability"),
    ("disk0 at=5 : unplug", 10, "no time"),
    ("disk0 at=5s nth=2 : unplug", 13, "no condition"),
    ("disk0 at=5s : fail", 15, "nothing that can happen"),
    ("disk0 at=5s every=1us : add-irq", 19, "not between 10000 ns"),
    ("disk0 : delay", 14, "needs a value: delay=10ms"),
    ("disk0 : delay=1h", 15, "'1h' is no time"),
    ("disk0 : lose=3", 14, "has no value"),
    ("disk0 : fail ioerr now", 20, "nothing can follow"),
    ("disk0 : fail=300", 14, "not between 0 and 255"),
    ("disk0 : config=1/0", 18, "bytes in hex"),
    ("disk0 : corrupt=1/0", 19, "not between 1 and 255"),
    ("mmio : abort", 6, "an address"),
    ("mmio x : abort", 6, "no number"),
    ("mmio 0xa000000 : fail", 18, "nothing that can happen to mmio here: drop, delay, abort"),
    ("mmio 0xa000000 sector=1 : abort", 16, "no condition"),
    ("irq : storm", 5, "interrupt's number"),
    ("irq 48 : unplug", 10, "storm"),
)


def parse(*texts):
    return inject.parse(texts, TARGETS)


class Grammar(unittest.TestCase):
    def rule(self, text):
        (rule,) = parse(text)
        return rule

    def test_mistakes_have_a_place(self):
        for text, column, says in WRONG:
            with self.assertRaises(inject_words.Wrong, msg=text) as caught:
                inject.parse_line(text, 1, TARGETS)
            self.assertEqual(caught.exception.column, column, text)
            self.assertIn(says, str(caught.exception), text)

    def test_the_file_is_named(self):
        with tempfile.NamedTemporaryFile("w", suffix=".rules") as file:
            file.write("# first\n\ndisk0 read : fail # second\ndisk0 reed : fail\n")
            file.flush()
            with self.assertRaises(Problem) as caught:
                parse(file.name)
            self.assertTrue(str(caught.exception).startswith(f"{file.name}:4:7: 'reed'"), caught.exception)
        with self.assertRaises(Problem) as caught:
            parse("disk0 : lose; disk0 : loose")
        self.assertTrue(str(caught.exception).startswith("--inject:2:10: "), caught.exception)
        with self.assertRaises(Problem) as caught:
            parse("/nowhere")
        self.assertIn("No such file", str(caught.exception))

    def test_too_many(self):
        with self.assertRaises(Problem):
            parse(*["disk0 : lose"] * 65)

    def test_requests(self):
        rule = self.rule("disk0 read write sector=0x10-0x1f nth=3 after=1.5s until=2s count=4 p=0.5 seed=9 : fail 7")
        self.assertEqual((rule.event, rule.types, rule.sectors), (inject_words.REQUEST, 3, (16, 31)))
        self.assertEqual((rule.nth, rule.count, rule.chance, rule.seed), (3, 4, 1 << 31, 9))
        self.assertEqual((rule.start, rule.until, rule.args), (1500000000, 2000000000, (7, 0)))
        self.assertEqual(self.rule("net0 tx queue=0 : drop").queues, 0xAAAAAAAB)
        self.assertEqual(self.rule("rng0 queue=40 : lose").queues, 1 << 31)
        self.assertEqual(self.rule("disk0 every=5 : fail").args, (1, 0))
        self.assertEqual(self.rule("disk0 : fail unsupp").args, (2, 0))
        self.assertEqual(self.rule("disk0 : corrupt").args, (0, 0xFF))
        self.assertEqual(self.rule("disk0 : corrupt=5/0x10").args, (5, 0x10))
        self.assertEqual(self.rule("disk0 : config=6/0100").args, (6 | 2 << 32, 1))

    def test_others(self):
        rule = self.rule("irq 48 at=2s every=1ms count=9 : storm")
        self.assertEqual((rule.event, rule.target.first, rule.start, rule.period, rule.count),
                         (inject_words.TIME, 48, 2 * 10**9, 10**6, 9))
        rule = self.rule("mmio 0xa000000-0xa0000ff write nth=2 : flip=0x80")
        self.assertEqual((rule.event, rule.target.first, rule.target.last, rule.types, rule.args),
                         (inject_words.ACCESS, 0xA000000, 0xA0000FF, 2, (0x80, 0)))
        self.assertEqual(self.rule("disk0 at=1s : unplug").event, inject_words.TIME)

    def test_numbers_are_lines(self):
        """So that a rule keeps its number, and with it its dice, when others become comments."""
        rules = parse("disk0 : lose;#;disk0 : drop", "net0 : lose")
        self.assertEqual([rule.number for rule in rules], [1, 3, 4])

    def test_numbers_of_actions(self):
        """As hyp/dev/fault_rule.h has them."""
        with open(os.path.join(REPO, "hyp/dev/fault_rule.h"), encoding="utf-8") as file:
            text = file.read()
        names = re.findall(r"^ {4}FAULT_(\w+),", text[text.index("enum fault_action"):], re.MULTILINE)
        ours = {"power-cut": "CUT", "storm": "PULSE"}
        self.assertEqual([ours.get(name, name.upper().replace("-", "_")) for name in inject_words.ACTIONS],
                         [name for name in names if name != "ACTIONS"])

    def test_cells(self):
        with open(os.path.join(REPO, "hyp/fdt/vm_fdt_fault.c"), encoding="utf-8") as file:
            cells = int(re.search(r"RULE_CELLS (\d+)", file.read()).group(1))
        self.assertEqual(len(self.rule("disk0 : lose").pack(0)), 4 * cells)


class Launched(RunTest):
    def tree(self, *options):
        status, _, err = self.run_launcher("--dump-dtb", self.path("dtb"), *options)
        self.assertEqual(status, 0, err)
        with open(self.path("dtb"), "rb") as file:
            return decompile(file.read())

    def test_the_tree_has_them(self):
        self.assertNotIn(inject.PROPERTY, self.tree())
        text = self.tree("--inject", "disk0 read nth=3 : fail", "--inject", "rng0 p=0.5 : lose", "--rng",
                         "--inject-seed", "77")
        cells = re.search(rf"{inject.PROPERTY} = <([^>]*)>", text).group(1).split()
        self.assertEqual(len(cells), 58)
        self.assertEqual(int(cells[4], 16), FIRST_SLOT)
        self.assertEqual(int(cells[29 + 4], 16), FIRST_SLOT + 0x200)
        self.assertEqual(int(cells[29 + 18], 16), 77)

    def test_mistakes_are_usage(self):
        for options, says in (("--inject", "disk0 : expode"), "--inject:1:9:"), \
                             (("--bare", "--inject", "disk0 : lose"), "without Traproom"):
            status, _, err = self.run_launcher(*options)
            self.assertEqual(status, 1)
            self.assertIn(says, err)

    def test_log(self):
        said = "[traproom] inject: rule 1 at 1500000000 ns, queue 2, type 1, sector 9"
        other = "[traproom] inject: rule 2 at 2 ns, queue 0, type 0, sector 0"
        program = f"print({said!r}); print('guest'); print({other!r}); print('[traproom] exit: guest powered off')"
        options = ("--rng", "--inject", "disk0 : lose", "--inject", "rng0 : lose")
        status, out, _ = self.run_launcher(*options, program=program)
        self.assertEqual((status, said in out), (0, True))
        status, out, _ = self.run_launcher(*options, "--inject-log", self.path("log"), program=program)
        self.assertEqual((status, "inject:" in out, "guest\n" in out), (0, False, True))
        with open(self.path("log"), encoding="utf-8") as file:
            self.assertEqual(file.read(), "1.500000000 s: rule 1 (disk0 : lose), queue 2, write, sector 9\n"
                                          "0.000000002 s: rule 2 (rng0 : lose), queue 0\n")


if __name__ == "__main__":
    unittest.main()
