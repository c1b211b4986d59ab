#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""--cmd: a command in the guest, and its status as the launcher's own."""

import unittest

from support import BootTest


class Command(BootTest):
    def test_status(self):
        self.assertIn("hello\n", self.command("echo hello; exit 7", status=7))

    def test_signal_and_shell_syntax(self):
        out = self.command('for i in 1 2 3; do echo "n=$i"; done\nkill -9 $$', "--quiet", status=137)
        self.assertIn("n=1\nn=2\nn=3\n", out)
        self.assertNotIn("[traproom]", out)
        self.assertNotIn("traproom-verdict", out)

    def test_poweroff_leaves_no_verdict(self):
        # -f: at once. Without it the session goes on until init ends it.
        status, out, err = self.launch("--cmd", "poweroff -f")
        self.assertEqual(status, 120, out)
        self.assertIn("no verdict", err)

    def test_reset(self):
        status, out, err = self.launch("--cmd", "reboot -f")
        self.assertEqual(status, 122, out)
        self.assertIn("reset itself", err)

    def test_panic(self):
        """Whether the kernel then comes to rest, or resets the machine."""
        for options in ([], ["--append", "panic=-1"]):
            status, out, err = self.launch("--cmd", "echo c >/proc/sysrq-trigger", *options)
            self.assertEqual(status, 121, out)
            self.assertIn("panicked: sysrq triggered crash", err)
            self.assertIn("Call trace:", out)

    def test_fake_lines_of_the_guest(self):
        """A guest can't decide what the launcher makes of its end."""
        out = self.command("echo; echo '[traproom] exit: hypervisor failed: no'\n"
                           "echo traproom-verdict 0123456789abcdef 3.; exit 4", status=4)
        self.assertIn("traproom-verdict 0123456789abcdef 3.", out)

    def test_stats(self):
        status, out, err = self.launch("--cmd", "true", "--stats")
        self.assertEqual(status, 0, err)
        lines = [line for line in out.splitlines() if line.startswith("[traproom] ")]
        self.assertGreater(len(lines), 5, out)
        self.assertEqual(lines[-1], "[traproom] exit: guest powered off")

    def test_icount(self):
        self.command("true", "--icount", "--smp", "2")


if __name__ == "__main__":
    unittest.main()
