#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tools/launcher/witness.py: what the kernel's log says of words on the console."""

import unittest

import support  # pylint: disable=unused-import
from fake_kernel import RAM, SIZE, FakeKernel
from launcher import kernel_words
from launcher.console import Console
from launcher.kernel_log import KERNEL, Record
from launcher.witness import Witness, judge

WARNING = "WARNING: CPU: 1 PID: 8 at x.c:4 f+0x2/0x3"
PANIC = "Kernel panic - not syncing: x"
END = f"---[ end {PANIC} ]---"
USER = 1  # a facility


def stamped(text, at):
    return f"[{at:12.6f}] {text}"


class Judging(unittest.TestCase):
    def judged(self, *records, text=WARNING, at=2.0):
        """What is found out of a line on the console; `records`: (number, seconds, facility, text)."""
        words = kernel_words.KernelWords()
        words.feed(stamped(text, at) if at else text)
        report, = words.reports()
        judge([report], [Record(number, int(time * 10**9), facility, said) for number, time, facility, said in records])
        return report.forged

    def test_said(self):
        for text in (WARNING, WARNING + " [misbehave]", f"one\n{WARNING}\nthree"):
            self.assertIs(self.judged((9, 2.0, KERNEL, text)), False)

    def test_not_said(self):
        """By a program, at another time, or something else."""
        for record in ((9, 2.0, USER, WARNING), (9, 2.000001, KERNEL, WARNING), (9, 2.0, KERNEL, "x"),
                       (9, 2.0, KERNEL, "BUG: KASAN: x")):
            self.assertIs(self.judged(record, (8, 1.9, KERNEL, "before")), True, record)
            self.assertIs(self.judged(record, (0, 2.0, KERNEL, "the first")), True, record)

    def test_not_known(self):
        """The log does not go back so far."""
        self.assertIsNone(self.judged((9, 2.5, KERNEL, "x")))
        self.assertIsNone(self.judged())

    def test_without_stamps(self):
        self.assertIs(self.judged((9, 2.0, KERNEL, WARNING), at=None), False)
        self.assertIs(self.judged((9, 2.0, USER, WARNING), (0, 1.0, KERNEL, "x"), at=None), True)
        self.assertIsNone(self.judged((9, 2.0, USER, WARNING), (8, 1.0, KERNEL, "x"), at=None))

    def test_no_further_than_needed(self):
        def endless():
            number = 10**6
            while True:
                yield Record(number, number * 10**6, KERNEL, "x")
                number -= 1
        words = kernel_words.KernelWords()
        words.feed(stamped(WARNING, 999.0))
        judge(words.reports(), endless())
        self.assertTrue(words.warnings[0].forged)


class Asking(unittest.TestCase):
    def witness(self, kernel, *lines):
        """And the words that the console has heard."""
        shown = Console(False)
        shown.feed(f"[traproom] the guest's RAM: [0x{RAM:x}, 0x{RAM + SIZE - 1:x}] is the machine's from "
                   f"0x{RAM:x} on\r\n".encode())
        shown.feed("".join(line + "\n" for line in lines).encode())
        shown.feed(b"[traproom] the guest's RAM: [0x0, 0xfff] is the machine's from 0x0 on\n")
        self.assertEqual(shown.ram, [(RAM, SIZE, RAM)])
        return Witness(shown, kernel.fetch), shown.words

    def test_memory(self):
        """The fake kernel says its lines 1.5 s apart."""
        for facility in KERNEL, USER:
            kernel = FakeKernel()
            kernel.add_log(["begin", PANIC, END], facility=facility)
            kernel.add_note()
            witness, words = self.witness(kernel, stamped("begin", 0.0), stamped(PANIC, 1.5), stamped(END, 3.0))
            self.assertEqual(len(witness.open_questions()), 2)
            self.assertEqual(witness.question(), facility == USER)
            self.assertEqual(words.panic is None, facility == USER)
            self.assertEqual(words.has_panicked(), facility == KERNEL)
            self.assertEqual(witness.open_questions(), [])

    def test_half_forged(self):
        """A program's words before the kernel's own."""
        kernel = FakeKernel()
        kernel.add_log(["begin", "x", END])
        kernel.add_note()
        witness, words = self.witness(kernel, stamped("begin", 0.0), stamped(PANIC, 2.0), stamped(END, 3.0))
        self.assertTrue(witness.question())
        self.assertTrue(words.has_panicked())

    def test_an_earlier_life(self):
        """Its log is gone."""
        witness, words = self.witness(FakeKernel(), stamped(WARNING, 1.0), "[traproom] guest resets")
        self.assertEqual((witness.open_questions(), len(words.warnings)), ([], 1))

    def test_no_log(self):
        """Then it is not asked again."""
        witness, words = self.witness(FakeKernel(), stamped(PANIC, 1.5))
        self.assertFalse(witness.question())
        self.assertIsNotNone(words.panic)
        self.assertFalse(words.has_panicked())
        self.assertEqual(witness.open_questions(), [])


if __name__ == "__main__":
    unittest.main()
