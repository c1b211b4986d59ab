#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The shell at a terminal: what is typed arrives, the ways out, and without a terminal."""

import os
import re
import subprocess
import unittest

from support import LAUNCHER, LIMIT, PROMPT, REPO, BootTest


def lines(text):
    """Of a start, without what differs: the time, the build, the CPU and the kernel's version."""
    text = re.sub(r"^\[ *\d+\.\d+\] ", "", text.replace("\r", ""), flags=re.MULTILINE)
    text = re.sub(r"\([0-9a-f]{8}[^)]*\)|\[0x[0-9a-f]{8}\]|\d+ MiB of RAM", "*", text)
    return re.sub(r"^Linux (version )?[0-9][^ ,]*", "Linux *", text, flags=re.MULTILINE).splitlines()


def readme_start():
    """The lines of a start that README shows, and the beginnings of others."""
    with open(os.path.join(REPO, "README.md"), encoding="utf-8") as file:
        shown = re.search(r"\n(\[traproom\] Traproom .*?)\n~ # ", file.read(), re.DOTALL).group(1)
    return [line.removesuffix("...").rstrip() for line in lines(shown) if line not in ("", "...")]


class Session(BootTest):
    def test_shell(self):
        child = self.terminal()
        self.assertIn("[traproom] Traproom", child.before)
        start = lines(child.before)
        for line in readme_start():
            self.assertTrue(any(seen.startswith(line) for seen in start), line)
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

    def test_break(self):
        child = self.terminal("--stats")
        child.send("\x01b")
        child.expect(r"\[traproom\] exits by reason.*\[traproom\] break: the guest goes on")
        child.sendline("poweroff")
        self.assertIn("[traproom] exits by reason", self.ends(child))

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
    def test_script_by_pipe(self):
        """Its shell reads what is piped in, and its status is ours."""
        done = subprocess.run([LAUNCHER, "run", "--timeout", str(LIMIT)], timeout=LIMIT + 30,
                              input=b"uname -s\necho a$((1 + 1))b\nexit 3\n", capture_output=True,
                              check=False)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn(b"Run /init", done.stdout)
        self.assertIn(b"Linux\na2b\n", done.stdout)

    def test_poweroff_by_pipe(self):
        with open(self.path("script"), "w+b") as script:
            script.write(b"poweroff\nsleep 1000\n")
            script.seek(0)
            status, out, err = self.launch(stdin=script)
        self.assertEqual(status, 0, err)
        self.assertIn("[traproom] exit: guest powered off", out)

    def test_nothing_to_read(self):
        """The end of stdin is the session's."""
        status, out, err = self.launch()
        self.assertEqual(status, 0, err)
        self.assertIn("Run /init", out)


if __name__ == "__main__":
    unittest.main()
