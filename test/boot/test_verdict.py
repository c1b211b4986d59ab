#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Each exit status by the real thing: a kernel that panics, oopses, warns, hangs, powers off or resets; and
what looks like it and is not. docs/verdicts.md says how it is told."""

import os
import unittest
from xml.etree import ElementTree

from support import BUILD, BootTest, tail
from verdicts import ENDINGS, MODULE

OWN = os.path.join(BUILD, "guest-kernel", "Image")

TAP = r"""
printf 'TAP version 14\n1..3\nok 1 - left\n    1..2\n    ok 1 a\n    not ok 2 b # TODO\nok 2 - both\n'
printf '%s 3 - right # SKIP no hand\n' "$1"
"""

XFSTESTS = r"""
printf 'generic/001 1s ... '; sleep 1; printf ' 1s\ngeneric/002  [not run] no device\n'
printf 'generic/003 2s ... [failed, exit status 1]\nRan: generic/001 generic/003\n'
printf 'Failures: generic/003\nFailed 1 of 2 tests\n'
"""


class Verdict(BootTest):
    def check(self, name):
        """One of the endings in verdicts.py."""
        ending = ENDINGS[name]
        if MODULE in ending.options and not os.path.exists(MODULE):
            self.skipTest("the sample modules are not built for this kernel")
        status, out, err = self.launch(*ending.arguments())
        self.assertEqual(status, ending.status, f"{name}\n{tail(out)}\n{err}")
        self.assertRegex(out + err, ending.words)

    def command_on(self, kernel, command, status, *options):
        got, out, err = self.launch("--kernel", kernel, *options, "--cmd", command)
        self.assertEqual(got, status, f"\n{tail(out)}\n{err}")
        return out + err


for each in ENDINGS:
    setattr(Verdict, "test_" + each.replace("-", "_"), lambda self, name=each: self.check(name))


@unittest.skipUnless(os.path.exists(OWN), "no own kernel: make guest-kernel builds it")
class OwnKernel(Verdict):
    """The same where a module is not needed; and it has a driver for pvpanic."""

    def check(self, name):
        if MODULE in ENDINGS[name].options:
            self.skipTest("the module is not for this kernel")
        ending = ENDINGS[name]
        status, out, err = self.launch(*ending.arguments(), "--kernel", OWN)
        self.assertEqual(status, ending.status, f"{name}\n{tail(out)}\n{err}")

    def test_pvpanic(self):
        """Even if its console says nothing."""
        text = self.command_on(OWN, "dmesg -n 1; echo c >/proc/sysrq-trigger", 121, "--append", "loglevel=0")
        self.assertIn("exit: guest panicked", text)

    def test_kunit(self):
        modules = os.path.join(BUILD, "guest-kernel")
        junit = self.path("kunit.xml")
        status, out, err = self.launch("--kernel", OWN, "--modules", modules, "--modprobe", "kunit-example-test", "--tap",
                                       "--junit", junit, "--cmd", "true")
        self.assertEqual(status, 0, tail(out) + err)
        self.assertRegex(err, r"tests: \d+ passed, \d+ skipped")
        self.assertIsNotNone(ElementTree.parse(junit).find(".//testcase[@name='example_simple_test']"))


class Results(BootTest):
    def test_tap(self):
        for word, status, words in (("ok", 0, "tests: 2 passed, 1 skipped, 1 failed as expected"),
                                    ("ok 4", 113, "1 failed|came where 3 was due")):
            with self.subTest(word):
                got, out, err = self.launch("--quiet", "--tap", "--cmd", f"set -- '{word}'\n{TAP}")
                self.assertEqual(got, status, out + err)
                self.assertRegex(err, words)

    def test_command_that_fails(self):
        self.command(f"set -- ok\n{TAP}\nexit 3", "--tap", status=3)

    def test_xfstests(self):
        got, out, err = self.launch("--quiet", "--xfstests", "--cmd", XFSTESTS)
        self.assertEqual(got, 113, out + err)
        self.assertIn("tests: 1 passed, 1 failed, 1 skipped; generic/003", err)


if __name__ == "__main__":
    unittest.main()
