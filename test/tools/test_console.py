#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tools/launcher/console.py: what the user sees, and what the launcher makes of it."""

import unittest

from support import REPO  # noqa: F401, finds the launcher
from launcher import relay, streams
from launcher.console import Console

TEXT = (b"[traproom] Traproom 0.1 on virt\r\n"
        b"[    0.000000] Booting Linux\r\n[trap is not ours\r\n"
        b"a [traproom] inside\r\n\r\n"
        b"[traproom] exit: guest powered off\r\n")


def through(console, data, step):
    out = b"".join(console.feed(data[at:at + step]) for at in range(0, len(data), step))
    return out + console.close()


class Passing(unittest.TestCase):
    def test_whatever_the_pieces(self):
        for step in (1, 2, 3, 7, 1000):
            console = Console(quiet=False)
            self.assertEqual(through(console, TEXT, step), TEXT)
            self.assertEqual(console.last, b"[traproom] exit: guest powered off")

    def test_prompt_is_passed_at_once(self):
        console = Console(quiet=True)
        self.assertEqual(console.feed(b"~ # "), b"~ # ")
        self.assertFalse(console.waiting())

    def test_typed_bracket_is_held_and_released(self):
        console = Console(quiet=True)
        self.assertEqual(console.feed(b"["), b"")
        self.assertTrue(console.waiting())
        self.assertEqual(console.release(), b"[")
        self.assertEqual(console.feed(b"traproom] no"), b"traproom] no")

    def test_own_line_is_not_released(self):
        console = Console(quiet=True)
        console.feed(b"[traproom] ban")
        self.assertFalse(console.waiting())

    def test_long_line(self):
        console = Console(quiet=True)
        data = b"x" * 100000
        self.assertEqual(through(console, data, 4096), data)


class Quiet(unittest.TestCase):
    def test_own_lines_are_dropped(self):
        for step in (1, 5, 1000):
            seen = through(Console(quiet=True), TEXT, step)
            self.assertEqual(seen, b"".join(TEXT.splitlines(keepends=True)[1:5]))

    def test_errors_are_not(self):
        text = b"[traproom] hello\n[traproom] error: bad\n[traproom] x0 1\n" \
               b"[traproom] exit: guest stopped: why\n"
        seen = through(Console(quiet=True), text, 9)
        self.assertEqual(seen, text.split(b"\n", 1)[1])

    def test_unfinished_last_line(self):
        console = Console(quiet=False)
        self.assertEqual(through(console, b"[traproom] exit: hypervisor failed: x", 4),
                         b"[traproom] exit: hypervisor failed: x")
        self.assertEqual(console.last, b"[traproom] exit: hypervisor failed: x")


class Words(unittest.TestCase):
    def test_kernel_is_heard(self):
        console = Console(quiet=False)
        through(console, b"~ # [    1.234567] Kernel panic - not syncing: Oh! x=1\r\nmore\r\n", 5)
        self.assertEqual(str(console.words.panic), "Oh! x=1")

    def test_restart(self):
        """What the kernel said before is over then; only Traproom's own line says so."""
        console = Console(quiet=False)
        text = b"[    1.234567] Kernel panic - not syncing: x\n"
        through(console, text + b"x [traproom] guest resets\n", 5)
        self.assertIsNotNone(console.words.panic)
        through(console, b"[traproom] guest resets\n", 5)
        self.assertIsNone(console.words.panic)



class Relayed(unittest.TestCase):
    """Two ways to one stdout: the console, and the program's port."""

    def setUp(self):
        self.streams = streams.RelayedStreams(Console(quiet=False), "nonce", False)

    def said(self, text):
        return self.streams.feed_port(relay.encode(relay.OUTPUT, b"nonce", text))

    def test_a_line_stays_whole(self):
        self.assertEqual(self.streams.feed(b"[ 1.0] first\r\n[ 1.1] sec"), [(1, b"[ 1.0] first\n")])
        self.assertEqual(self.said(b"a\n"), [(1, b"a\n")])
        self.assertTrue(self.streams.waiting())
        self.assertEqual(self.streams.feed(b"ond\r\n"), [(1, b"[ 1.1] second\n")])
        self.assertFalse(self.streams.waiting())

    def test_what_is_begun_is_released(self):
        self.streams.feed(b"login: ")
        self.assertTrue(self.streams.waiting())
        self.assertEqual(self.streams.release(), [(1, b"login: ")])
        self.assertFalse(self.streams.waiting())

    def test_nothing_is_lost_at_the_end(self):
        self.said(b"a")
        self.streams.feed(b"[ 1.0] cut")
        self.assertEqual(self.streams.close(), [(1, b"\n[ 1.0] cut")])


if __name__ == "__main__":
    unittest.main()
