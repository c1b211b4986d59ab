#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Each exit status by the real thing: a kernel that panics, oopses, warns, hangs, powers off or resets; and
what looks like it and is not. docs/verdicts.md says how it is told."""

import os
import tempfile
import unittest
from xml.etree import ElementTree

from support import BUILD, BootTest, tail
from verdicts import ENDINGS, MODULE, build_module

OWN = os.path.join(BUILD, "guest-kernel", "Image")
OWN_TREE = os.path.join(BUILD, "guest-kernel", "build")

CPUS = 2  # of a guest whose ending does not say how many: a boot takes two thirds of what it does with four

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
    kernel = ()
    module = MODULE

    def check(self, name):
        """One of the endings in verdicts.py."""
        ending = ENDINGS[name]
        if MODULE in ending.options and not os.path.exists(self.module):
            self.skipTest("the sample modules are not built for this kernel")
        status, out, err = self.launch("--smp", str(CPUS), *ending.arguments(self.module), *self.kernel)
        self.assertEqual(status, ending.status, f"{name}\n{tail(out)}\n{err}")
        if ending.words:
            self.assertRegex(out + err, ending.words)


def add_tests(case, names):
    for each in names:
        setattr(case, "test_" + each.replace("-", "_"), lambda self, name=each: self.check(name))


add_tests(Verdict, ENDINGS)


@unittest.skipUnless(os.path.exists(OWN), "no own kernel: make guest-kernel builds it")
class OwnKernel(BootTest):
    """All endings by the built one, too, which has a driver for pvpanic."""

    kernel = ("--kernel", OWN)
    check = Verdict.check

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="traproom-module-")
        cls.addClassCleanup(folder.cleanup)
        cls.module = build_module(OWN_TREE, folder.name)

    def test_pvpanic(self):
        """Even if its console says nothing. The report has names."""
        status, out, err = self.launch(*self.kernel, "--append", "loglevel=0", "--cmd",
                                       "dmesg -n 1; echo c >/proc/sysrq-trigger")
        self.assertEqual(status, 121, out + err)
        self.assertIn("[traproom] the guest's kernel has panicked", out)
        self.assertRegex(err, r"      sysrq_handle_crash\+0x")

    def test_without_the_driver(self):
        """Its log tells, or it is asked whether it lives."""
        for how, words in ((), ""), (("--no-report",), "exit: guest dead"):
            out = self.command("echo c >/proc/sysrq-trigger", *self.kernel, *how, "--append",
                               "initcall_blacklist=pvpanic_mmio_driver_init", status=121)
            self.assertIn(words, out)

    def test_kunit(self):
        modules = os.path.join(BUILD, "guest-kernel")
        junit = self.path("kunit.xml")
        status, out, err = self.launch(*self.kernel, "--modules", modules, "--modprobe", "kunit-example-test",
                                       "--tap", "--junit", junit, "--cmd", "true")
        self.assertEqual(status, 0, tail(out) + err)
        self.assertRegex(err, r"tests: \d+ passed, \d+ skipped")
        self.assertIsNotNone(ElementTree.parse(junit).find(".//testcase[@name='example_simple_test']"))


add_tests(OwnKernel, ENDINGS)


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
