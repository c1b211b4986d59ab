#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The shell at a terminal: what is typed arrives, the ways out, and without a terminal."""

import os
import subprocess
import unittest

from support import LAUNCHER, LIMIT, PROMPT, BootTest


class Session(BootTest):
    def test_shell(self):
        child = self.terminal()
        self.assertIn("[traproom] Traproom", child.before)
        self.assertIn("4 CPUs, the disk is at /mnt/disk", child.before)
        child.sendline("expr 6 '*' 7; cat /mnt/disk/hello.txt")
        child.expect(r"\r\n42\r+\n")
        child.expect("offers by virtio")
        child.expect(PROMPT)
        # Job control: Ctrl-C ends the command and not the machine.
        child.sendline("sleep 1000")
        child.expect(r"sleep 1000\r+\n")
        child.send("\x03")
        child.expect(PROMPT)
        # A long line and many of them, typed faster than a person does.
        text = "x" * 200
        for _ in range(5):
            child.sendline(f"echo {text} | wc -c")
            child.expect(r"\r\n201\r+\n")
            child.expect(PROMPT)
        child.sendline("exit")
        self.ends(child)

    def test_poweroff(self):
        child = self.terminal("--quiet")
        self.assertNotIn("[traproom]", child.before)
        child.sendline("poweroff")
        self.assertNotIn("[traproom]", self.ends(child))

    def test_ctrl_a_x(self):
        child = self.terminal()
        child.send("\x01x")
        self.ends(child)

    def test_ctrl_c_at_boot_does_not_kill(self):
        child = self.terminal()
        child.send("\x03")
        child.expect(PROMPT)
        child.sendline("poweroff")
        self.ends(child)


class NoTerminal(BootTest):
    def test_pipe(self):
        """What comes by a pipe is typed; the guest's output goes to one."""
        with subprocess.Popen([LAUNCHER, "run", "--timeout", str(LIMIT)], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as process:
            out = b""
            while b"~ # " not in out:
                data = os.read(process.stdout.fileno(), 4096)
                self.assertTrue(data, out[-500:])
                out += data
            process.stdin.write(b"echo a$((1 + 1))b\npoweroff\n")
            process.stdin.close()
            out = process.stdout.read()
            self.assertEqual(process.wait(timeout=LIMIT), 0)
        self.assertIn(b"a2b\r\n", out)

    def test_nothing_to_read(self):
        """With an empty stdin it boots and shows the console, until its time is over."""
        status, out, err = self.launch("--timeout", "30")
        self.assertEqual(status, 124, err)
        self.assertIn("Run /init", out)
        self.assertIn("time limit of 30 s", err)


if __name__ == "__main__":
    unittest.main()
