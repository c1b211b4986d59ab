# SPDX-License-Identifier: Apache-2.0
"""For the boot tests: the launcher with a guest's command, and the guest at a terminal."""

import os
import re
import subprocess
import tempfile
import unittest

import pexpect

REPO = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
BUILD = os.environ.get("TRAPROOM_BUILD", os.path.join(REPO, "build"))
SYSROOT = os.environ.get("TRAPROOM_SYSROOT", os.path.join(BUILD, "debian", "arm64"))
LAUNCHER = os.path.join(REPO, "tools", "traproom")
LIMIT = 900  # seconds, for a guest that hangs: a quiet machine needs about 5, a busy one a minute
PROMPT = r"~ # (\x1b\[6n)?$"  # the shell then asks the terminal where its cursor is


class BootTest(unittest.TestCase):
    user = ()  # a command that runs the launcher as somebody else

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="traproom-boot-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def own_tree(self, *replacements):
        """The blob of the default tree; `replacements`: in its source, (what, by what)."""
        with open(os.path.join(REPO, "dts", "virt.dts"), encoding="utf-8") as file:
            text = file.read()
        for before, after in replacements:
            self.assertIn(before, text)
            text = text.replace(before, after)
        path = self.path("own.dtb")
        subprocess.run(["dtc", "-q", "-O", "dtb", "-o", path], input=text.encode(), check=True)
        return path

    def launch(self, *options, stdin=subprocess.DEVNULL):
        """(exit status, what the guest printed, what the launcher did)."""
        done = subprocess.run([*self.user, LAUNCHER, "run", "--timeout", str(LIMIT), *options], stdin=stdin,
                              capture_output=True, timeout=LIMIT + 60, check=False)
        return (done.returncode, done.stdout.decode("utf-8", "replace").replace("\r", ""),
                done.stderr.decode("utf-8", "replace"))

    def command(self, command, *options, status=0):
        """The output of a command in a guest; its status must be as said."""
        got, out, err = self.launch("--cmd", command, "--append", "quiet", *options)
        self.assertEqual(got, status, f"\n{tail(out)}\n{err}")
        return out

    def value(self, out, name):
        """What follows NAME= on a line of its own."""
        match = re.search(rf"^{name}=(.*)$", out, re.MULTILINE)
        self.assertIsNotNone(match, f"no {name}= in:\n{tail(out)}")
        return match.group(1)

    def terminal(self, *options):
        """A session at a terminal of its own, at the shell's first prompt."""
        child = pexpect.spawn(LAUNCHER, ["run", "--timeout", str(LIMIT), *options],
                              timeout=LIMIT, encoding="utf-8", codec_errors="replace")
        self.addCleanup(child.close, True)
        self.assertEqual(child.expect([PROMPT, pexpect.EOF]), 0, tail(child.before or ""))
        return child

    def ends(self, child, status=0):
        """The launcher must end now, with that exit status. Returns what it printed before."""
        child.expect(pexpect.EOF)
        child.close()
        self.assertEqual(child.exitstatus, status, tail(child.before))
        return child.before


class DeviceTest(BootTest):
    """For QEMU's devices, which are the same without Traproom: with TRAPROOM_BARE set, that is what is
    tested. So it can be told whose fault it is."""

    machine = ("--bare",) if os.environ.get("TRAPROOM_BARE") else ()

    def command(self, command, *options, status=0):
        return super().command(command, "--quiet", *self.machine, *options, status=status)


def tail(text, lines=25):
    return "\n".join(text.splitlines()[-lines:])
