#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tools/launcher/kernel_words.py: what is the kernel's, and what it means. watch.py: when that ends a run."""

import argparse
import unittest

from support import REPO  # noqa: F401, finds the launcher
from launcher import watch
from launcher.kernel_words import OOPS, KernelWords

BOOT = "[    0.000000] Booting Linux on physical CPU 0x0000000000 [0x000f0510]"
PANIC = "Kernel panic - not syncing: "
OOPS_REPORT = """\
[    9.100000] Unable to handle kernel NULL pointer dereference at virtual address 0000000000000000
[    9.100100] Mem abort info:
[    9.100200] Internal error: Oops: 0000000096000045 [#1] SMP
[    9.100300] CPU: 2 PID: 131 Comm: insmod Tainted: G           O       6.1.0-56-cloud-arm64 #1
[    9.100400] pc : boom+0x14/0x1000 [misbehave]
[    9.100500] lr : do_one_initcall+0x50/0x230
[    9.100600] Call trace:
[    9.100700] ---[ end trace 0000000000000000 ]---
"""


def heard(*lines, clock=None):
    words = KernelWords(clock)
    for line in lines:
        words.feed(line)
    return words


def warned(text):
    """The name of the one warning that it is."""
    words = heard("[    1.000000] " + text)
    assert words.oops is None and len(words.warnings) == 1, text
    return words.warnings[0].name


class Whose(unittest.TestCase):
    def test_forms(self):
        for before in ("", "[    1.234567] ", "[    1.234567][    T1] ", "[   11.234567][   C3] ",
                       "~ # [    1.234567] "):
            words = heard(before + PANIC + "Oh! x=1")
            self.assertEqual((words.panic.words, words.end), ("Oh! x=1", None), before)
            words.feed(before + "---[ end " + PANIC + "Oh! x=1 ]---")
            self.assertTrue(words.end)

    def test_spoken_of(self):
        for line in ("he said: " + PANIC + "x", "[x " + PANIC + "x", "[    1.234567] he said: " + PANIC + "x"):
            self.assertIsNone(heard(line).panic, line)

    def test_program_without_stamps(self):
        """A kernel that has had stamps has them always."""
        self.assertIsNone(heard(BOOT, PANIC + "x").panic)
        self.assertIsNotNone(heard("Booting Linux on physical CPU 0x0", PANIC + "x").panic)

    def test_old_log(self):
        """What was said before is not said now."""
        self.assertIsNone(heard(BOOT, "[   20.000000] x", "[    5.000000] " + PANIC + "x").panic)
        self.assertIsNotNone(heard(BOOT, "[   20.000000] x", "[   19.900000] " + PANIC + "x").panic)

    def test_log_of_another_day(self):
        """A time that has not come yet; and it must not make the kernel's own lines look old."""
        words = heard(BOOT, "[ 5000.000000] " + PANIC + "x", clock=lambda: 30.0)
        self.assertIsNone(words.panic)
        words.feed("[   25.000000] " + PANIC + "y")
        self.assertEqual(words.panic.words, "y")

    def test_restart(self):
        words = heard(BOOT, "[   20.000000] " + PANIC + "x")
        words.restart()
        self.assertIsNone(words.panic)
        words.feed("[    1.000000] " + PANIC + "y")
        self.assertEqual(words.panic.words, "y")

    def test_orderly_end(self):
        """A kernel that panicked does not shut down."""
        for end in ("reboot: Restarting system", "reboot: Power down"):
            self.assertIsNone(heard("[    1.000000] " + PANIC + "x", "[    2.000000] " + end).panic)


class Meaning(unittest.TestCase):
    def test_oops(self):
        words = heard(*OOPS_REPORT.splitlines())
        self.assertEqual(str(words.oops), "Unable to handle kernel NULL pointer dereference at virtual address "
                         "0000000000000000 (CPU 2, insmod[131], at boom+0x14/0x1000 [misbehave])")
        self.assertTrue(words.complete)
        self.assertEqual((words.panic, words.warnings), (None, []))

    def test_oops_that_panics(self):
        words = heard(*OOPS_REPORT.splitlines(), "[    9.200000] " + PANIC + "Oops: Fatal exception")
        self.assertEqual(str(words.panic),
                         "Oops: Fatal exception (CPU 2, insmod[131], at boom+0x14/0x1000 [misbehave])")

    def test_bug(self):
        words = heard("[    1.000000] kernel BUG at /src/x.c:12!",
                      "[    1.000100] Internal error: Oops - BUG: 00000000f2000800 [#1] SMP")
        self.assertEqual((words.oops.kind, words.oops.name), (OOPS, "BUG"))
        self.assertFalse(words.complete)

    def test_warnings(self):
        for name, text in (
                ("WARN", "WARNING: CPU: 1 PID: 88 at /src/misbehave.c:40 warn+0x20/0x30 [misbehave]"),
                ("WARN", "WARNING: kernel/x.c:40 at warn+0x20/0x30, CPU#1: sh/88"),
                ("BUG", "BUG: sleeping function called from invalid context at x.c:1"),
                ("BUG", "BUG: scheduling while atomic: sh/88/0x00000002"),
                ("BUG", "BUG: Bad page state in process sh  pfn:48000"),
                ("BUG", "BUG: workqueue lockup - pool cpus=1 node=0 flags=0x0 nice=0 stuck for 33s!"),
                ("lockdep", "WARNING: possible circular locking dependency detected"),
                ("lockdep", "WARNING: possible recursive locking detected"),
                ("lockdep", "WARNING: inconsistent lock state"),
                ("lockdep", "WARNING: bad unlock balance detected!"),
                ("lockdep", "WARNING: suspicious RCU usage"),
                ("lockdep", "WARNING: SOFTIRQ-safe -> SOFTIRQ-unsafe lock order detected"),
                ("lockdep", "INFO: trying to register non-static key."),
                ("KASAN", "BUG: KASAN: slab-out-of-bounds in f+0x1/0x2 [m]"),
                ("KFENCE", "BUG: KFENCE: use-after-free read in f+0x1/0x2"),
                ("UBSAN", "UBSAN: array-index-out-of-bounds in x.c:3:4"),
                ("RCU stall", "rcu: INFO: rcu_sched detected stalls on CPUs/tasks:"),
                ("RCU stall", "rcu: INFO: rcu_preempt self-detected stall on CPU"),
                ("RCU stall", "rcu: INFO: rcu_sched detected expedited stalls on CPUs/tasks: { 2-...D }"),
                ("hung task", "INFO: task kworker/0:1:17 blocked for more than 120 seconds."),
                ("soft lockup", "watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [insmod:99]"),
                ("kmemleak", "kmemleak: 2 new suspected memory leaks (see /sys/kernel/debug/kmemleak)")):
            self.assertEqual(warned(text), name, text)

    def test_details_are_their_own(self):
        words = heard("[    1.000000] WARNING: CPU: 1 PID: 8 at x.c:4 f+0x2/0x3",
                      "[    1.000100] CPU: 1 PID: 8 Comm: a b Not tainted 6.1.0 #1",
                      "[    1.000200] pc : f+0x2/0x3",
                      "[    1.000300] ---[ end trace 0000000000000000 ]---",
                      "[    2.000000] CPU: 3 PID: 9 Comm: c Not tainted 6.1.0 #1")
        self.assertEqual(words.warnings[0].who, "CPU 1, a b[8]")
        self.assertEqual(words.warnings[0].where, "at f+0x2/0x3")

    def test_details_after_a_lie(self):
        """A report that was dropped takes nobody's."""
        words = heard("[    8.000000] kernel BUG at /src/x.c:12!")
        words.oops.forged = True
        words.drop_forged()
        self.assertTrue(words.complete)
        for line in OOPS_REPORT.splitlines():
            words.feed(line)
        self.assertEqual(words.oops.who, "CPU 2, insmod[131]")

    def test_plain_messages(self):
        words = heard(*("[    1.000000] " + text for text in (
            "Linux version 6.1.0", "rcu: Hierarchical RCU implementation.", "x: WARNING: see the manual",
            "INFO: task done", "KASAN: initialized", "BUG reports go to the list", "rcu: INFO: nothing")))
        self.assertEqual((words.panic, words.oops, words.warnings), (None, None, []))


class Watching(unittest.TestCase):
    def watch(self, words, can_ask=False, **more):
        given = {"timeout": None, "silence": None, "oops": "continue", "warn": "continue",
                 "attended": False, **more}
        return watch.Watch(argparse.Namespace(**given), words, can_ask, 100.0)

    def test_limits(self):
        it = self.watch(KernelWords(), timeout=10, silence=4)
        self.assertEqual((it.left(100), it.why(103.9), it.why(104)), (4, None, watch.SILENT))
        it.heard(107)
        self.assertEqual((it.left(107), it.why(109), it.why(110)), (3, None, watch.TIME_UP))
        self.assertIsNone(self.watch(KernelWords()).left(100))

    def test_panic(self):
        words = heard("[    1.000000] " + PANIC + "x")
        it = self.watch(words)
        it.heard(105)
        self.assertEqual((it.why(105), it.left(105), it.why(107)), (None, watch.CALM, watch.AT_REST))
        words.feed("[    1.000000] ---[ end " + PANIC + "x ]---")
        self.assertEqual(it.why(105), watch.AT_REST)
        self.assertIsNone(self.watch(words, attended=True).why(1000))

    def test_asked(self):
        """Traproom knows whether it lives: what looks like a panic and is none ends nothing."""
        words = heard("[    1.000000] " + PANIC + "x")
        it = self.watch(words, can_ask=True)
        it.heard(105)
        self.assertEqual((it.why(106), it.why(107)), (None, watch.ASK))
        it.asked(107)
        self.assertEqual((it.why(108), it.left(108)), (None, watch.ANSWER - 1))
        self.assertEqual(it.why(107 + watch.ANSWER), watch.AT_REST)
        words.survived()
        it.heard(109)
        self.assertEqual((it.why(1000), it.left(109)), (None, None))
        words.feed("[    1.500000] ---[ end " + PANIC + "x ]---")
        it.heard(110)
        self.assertEqual(it.why(110), watch.ASK)

    def test_stall(self):
        words = heard("[    1.000000] watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [x:9]")
        it = self.watch(words, warn="fail")
        it.heard(105)
        self.assertEqual((it.why(106), it.why(107)), (None, watch.STALLED))
        self.assertIsNone(self.watch(words).why(1000))

    def test_oops(self):
        words = heard(*OOPS_REPORT.splitlines())
        it = self.watch(words, oops="panic")
        for now in range(105, 107):  # others go on to talk
            it.heard(now)
            self.assertIsNone(it.why(now))
        self.assertEqual(it.why(107), watch.OOPSED)
        self.assertIsNone(self.watch(words).why(1000))
        self.assertIsNone(self.watch(words, oops="panic", attended=True).why(1000))

    def test_oops_after_a_lie(self):
        """It has its own time to be reported."""
        words = heard(*OOPS_REPORT.splitlines())
        it = self.watch(words, oops="panic")
        it.heard(105)
        words.oops.forged = True
        words.feed("[    9.900000] kernel BUG at /src/x.c:12!")
        it.heard(106.9)
        self.assertEqual(it.why(107), watch.OOPSED)
        words.drop_forged()
        it.corrected()
        self.assertEqual((it.why(108), it.why(106.9 + watch.CALM)), (None, watch.OOPSED))


if __name__ == "__main__":
    unittest.main()
