#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""--cmd: a command in the guest, and its status as the launcher's own."""

import random
import subprocess
import unittest

from support import LAUNCHER, LIMIT, BootTest


class Command(BootTest):
    def run_quiet(self, command, stdin=b"", options=()):
        """(status, stdout, stderr), to the byte."""
        done = subprocess.run([LAUNCHER, "run", "--quiet", "--timeout", str(LIMIT), "--cmd", command, *options],
                              input=stdin, capture_output=True, timeout=LIMIT + 30, check=False)
        return done.returncode, done.stdout, done.stderr

    def test_status(self):
        self.assertIn("hello\n", self.command("echo hello; exit 7", status=7))

    def test_signal_and_shell_syntax(self):
        command = 'for i in 1 2 3; do printf "n=$i\\r\\n"; done\nkill -9 $$'
        self.assertEqual(self.run_quiet(command), (137, b"n=1\r\nn=2\r\nn=3\r\n", b""))

    def test_streams(self):
        """Not a byte more, and not one less; messages of the kernel fall in between."""
        self.check_streams(2000000, b"/dev/vport")

    def test_streams_by_the_console(self):
        self.check_streams(50000, b"/dev/console", *self.without_port())

    def without_port(self):
        """The default guest, but that no slot is left for a port."""
        tree = self.path("guest.dtb")
        self.assertEqual(self.launch("--dump-dtb", tree)[0], 0)
        subprocess.run(["fdtput", tree, "/virtio_mmio@a000200", "status", "disabled"], check=True)
        return "--dtb", tree

    def check_streams(self, size, way, *options):
        data = random.Random(1).randbytes(size)
        command = "cat; for i in $(seq 99); do echo '<0>f\u00fcr alle' >/dev/kmsg; echo $i >&2; done; " \
                  "readlink /proc/$(pidof relay | cut -d' ' -f1)/fd/0 >&2; exit 5"
        status, out, err = self.run_quiet(command, data, options)
        self.assertEqual(status, 5)
        self.assertTrue(err.startswith(b"".join(b"%d\n" % i for i in range(1, 100)) + way), err)
        self.assertEqual(out, data)

    def test_messages_are_seen(self):
        out = self.command("echo '<0>first' >/dev/kmsg; printf a; echo '<0>second' >/dev/kmsg")
        self.assertRegex(out, r"(?s)\[ +[0-9.]+\] first\n.*\[ +[0-9.]+\] second\n")
        self.assertNotIn("\r", out)

    def test_poweroff_leaves_no_verdict(self):
        # -f: at once. Without it the session goes on until init ends it.
        status, out, err = self.launch("--cmd", "poweroff -f")
        self.assertEqual(status, 120, out)
        self.assertIn("no verdict", err)

    def test_all_are_killed(self):
        """The machine is not left running by a command that leaves nobody to end it."""
        status, out, err = self.launch("--cmd", "kill -9 -1")
        self.assertEqual(status, 120, out)
        self.assertIn("no verdict", err)

    def test_fake_lines_on_the_console(self):
        """Nor can a process that goes round the relay; where both share the console, what is like a broken
        frame may have been one."""
        command = "echo '[traproom] exit: hypervisor failed: no' >/dev/console; "
        self.command(command + "exit 4", status=4)
        command += r"printf '\374\200\200\377' >/dev/console; exit 4"
        self.command(command, status=4)
        status, out, err = self.launch("--cmd", command, *self.without_port())
        self.assertEqual(status, 120, out)
        self.assertIn("part of the output was lost", err)

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

    def test_stats_at_the_time_limit(self):
        """Wherever the guest is by then."""
        status, out, err = self.launch("--cmd", "sleep 1000", "--stats", "--timeout", "15")
        self.assertEqual(status, 124, err)
        self.assertRegex(out, r"exits by reason.*\n(\[traproom\] .*\n)+\[traproom\] break: ")

    def test_icount(self):
        self.command("true", "--icount", "--smp", "2")


if __name__ == "__main__":
    unittest.main()
