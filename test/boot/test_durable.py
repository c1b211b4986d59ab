#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""No loss: whatever ends the guest or its QEMU, what the guest was told is durable is in the disk's
file, and the file system there is whole. soak.py kills more often."""

import random
import signal
import subprocess
import time
import unittest

import durable
from support import BUILD, LAUNCHER, LIMIT, BootTest

KILLS = 2
ENOUGH = 60  # records, and then the end comes
# The writer goes on while the shell waits to be told.
AT_A_LINE = durable.COMMAND + " & read -r line; "


class Durable(BootTest):
    def image(self, form="raw"):
        return durable.make_image(self.folder, form)

    def options(self, image):
        return durable.options(BUILD, image)

    def check(self, image, writer):
        try:
            durable.check(image, writer, self.folder)
        except durable.Lost as error:
            self.fail(str(error))

    def start(self, image, command, *options):
        process = subprocess.Popen([LAUNCHER, "run", *self.options(image), *options, "--cmd", command],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.addCleanup(process.stdin.close)
        self.addCleanup(process.stdout.close)
        return process

    def ends_with(self, process, writer, status):
        writer.read()
        self.assertEqual(process.wait(timeout=LIMIT), status, writer.said)

    def told(self, command, status, *options):
        """The shell does it as soon as enough is durable, and that ends the run with `status`."""
        image = self.image()
        process = self.start(image, AT_A_LINE + command, *options)
        writer = durable.Writer(process.stdout).read(ENOUGH)
        process.stdin.write(b"now\n")
        process.stdin.flush()
        self.ends_with(process, writer, status)
        self.check(image, writer)

    def test_killed(self):
        rng = random.Random(time.time_ns())
        for form in "raw", "qcow2":
            image = self.image(form)
            command = [LAUNCHER, "run", *self.options(image), "--cmd", durable.COMMAND]
            for _ in range(KILLS):
                self.check(image, durable.run_and_kill(command, rng))

    def terminated(self):
        """The image and the Writer of a run that SIGTERM has ended: nothing is lost."""
        image = self.image()
        process = self.start(image, durable.COMMAND)
        writer = durable.Writer(process.stdout).read(ENOUGH)
        process.send_signal(signal.SIGTERM)
        self.ends_with(process, writer, 128 + signal.SIGTERM)
        self.check(image, writer)
        return image, writer

    def test_terminated(self):
        self.terminated()

    def test_time_limit(self):
        """The first limit by which the guest has come to write."""
        image, limit, writer = self.image(), 15, None
        while writer is None or not writer.total():
            self.assertLess(limit, LIMIT)
            process = self.start(image, durable.COMMAND, "--timeout", str(limit))
            writer = durable.Writer(process.stdout)
            self.ends_with(process, writer, 124)
            limit *= 2
        self.check(image, writer)

    def test_left_by_hand(self):
        image = self.image()
        child = self.terminal(*self.options(image))
        child.sendline(durable.COMMAND)
        writer = durable.Writer(Lines(child)).read(ENOUGH)
        child.send("\x01x")
        writer.read()
        child.close()
        self.assertEqual(child.exitstatus, 0)
        self.check(image, writer)

    def test_reset(self):
        self.told("reboot -nf", 122)

    def test_reset_and_again(self):
        """The next start's own reset of the device finds requests in flight; it mounts what is there."""
        again = f"[ -e /mnt/disk/{durable.FOLDER}/a ] && exit 7; "
        image = self.image()
        process = self.start(image, again + AT_A_LINE + "reboot -nf", "--reboot")
        writer = durable.Writer(process.stdout).read(ENOUGH)
        process.stdin.write(b"now\n")
        process.stdin.flush()
        self.ends_with(process, writer, 7)
        self.check(image, writer)

    def test_panic(self):
        self.told("echo c >/proc/sysrq-trigger", 121)

    def test_the_checker(self):
        """It finds a record that is not there, and one that is another."""
        image, writer = self.terminated()
        writer.count["c"] += 10
        self.assertRaisesRegex(durable.Lost, "of c.* is not on the disk", durable.check, image, writer,
                               self.folder)
        writer.count["c"] -= 10
        written = durable.record(writer.nonce, "a", 0)
        with open(image, "r+b") as file:
            data = file.read()
            file.seek(data.index(written) + len(written) - 1)
            file.write(b"\x55" if written[-1] != 0x55 else b"\xaa")
        self.assertRaisesRegex(durable.Lost, "record 0 of a", durable.check, image, writer, self.folder)


class Lines:
    """A terminal's output as a stream of lines."""

    def __init__(self, child):
        self.child = child

    def readline(self):
        return self.child.readline().encode()


if __name__ == "__main__":
    unittest.main()
