#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""QEMU's devices in the guest, each moving real data, by the options that make them."""

import os
import signal
import subprocess
import unittest

from support import LAUNCHER, LIMIT, BootTest

ADD = "set -e; cd /mnt/disk; echo line >>log; sync; wc -l <log"
# Acknowledged, and not flushed.
WRITE = "tr '\\0' x </dev/zero | dd of=/dev/vda bs=64k count=64 iflag=fullblock oflag=direct 2>/dev/null; echo written"


class DeviceTest(BootTest):
    """`machine`: options for it. What is tested here is the same without Traproom, which is how to find
    out whose fault it is."""

    machine = () if not os.environ.get("TRAPROOM_BARE") else ("--bare",)

    def command(self, command, *options, status=0):
        return super().command(command, "--quiet", *self.machine, *options, status=status)

    def image(self, name="disk.img", form="raw"):
        """A disk with ext4, as the build makes it, in that format."""
        script = os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../guest/disk/make")
        subprocess.run([script, self.path("made")], check=True)
        subprocess.run(["qemu-img", "convert", "-O", form, self.path("made"), self.path(name)], check=True)
        return self.path(name)


class Disk(DeviceTest):
    def test_persistent(self):
        """Over two runs, in both formats; with the disk not unmounted in between."""
        for form in "raw", "qcow2":
            image = self.image(form=form)
            self.assertEqual(self.command(ADD, "--disk", image), "1\n")
            self.assertEqual(self.command(ADD, "--disk", image), "2\n")
            if form == "qcow2":
                subprocess.run(["qemu-img", "check", "-q", image], check=True)

    def test_not_to_be_written(self):
        image = self.image()
        with open(image, "rb") as file:
            before = file.read()
        self.command("mount | grep -q 'vda.*ro' && ! touch /mnt/disk/x && ! dd if=/dev/zero of=/dev/vda count=1",
                     "--disk", image + ",ro")
        for words in ",snapshot", ",ram":
            self.assertEqual(self.command(ADD, "--disk", image + words), "1\n")
        with open(image, "rb") as file:
            self.assertEqual(file.read(), before)

    def test_nothing_is_lost(self):
        """QEMU has acknowledged it, and its own notes on a qcow2 image are in memory still."""
        for end in self.by_signal, self.by_hand:
            image = self.path("empty.qcow2")
            subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", image, "64M"], check=True)
            end("--disk", image)
            subprocess.run(["qemu-img", "check", "-q", image], check=True)
            subprocess.run(["qemu-img", "convert", "-O", "raw", image, self.path("raw")], check=True)
            with open(self.path("raw"), "rb") as file:
                self.assertEqual(file.read().rstrip(b"\0"), b"x" * (4 << 20))

    def by_signal(self, *options):
        command = [LAUNCHER, "run", "--quiet", *self.machine, *options, "--cmd", WRITE + "; sleep 9999"]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
            self.assertEqual(process.stdout.readline(), b"written\n")
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(timeout=LIMIT), 128 + signal.SIGTERM)

    def by_hand(self, *options):
        child = self.terminal(*self.machine, *options)
        child.sendline(WRITE)
        child.expect("\nwritten")
        child.send("\x01x")
        self.ends(child)


if __name__ == "__main__":
    unittest.main()
