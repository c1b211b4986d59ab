#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Disks: the one in memory, with ext4 that the build made; raw access, none, one of another size; those
of QEMU's machine, whose files keep what is written."""

import os
import signal
import subprocess
import unittest

from support import LAUNCHER, LIMIT, REPO, BootTest, DeviceTest

READ_WRITE = """
set -e
cd /mnt/disk
dd if=/dev/urandom of=file bs=64k count=160 2>/dev/null
before=$(md5sum <file)
sync
echo 3 >/proc/sys/vm/drop_caches
[ "$(md5sum <file)" = "$before" ]
cd /
umount /mnt/disk
mount -t ext4 /dev/vda /mnt/disk
[ "$(md5sum </mnt/disk/file)" = "$before" ]
rm /mnt/disk/file
cat /mnt/disk/hello.txt
"""

RAW = """
set -e
echo size=$(cat /sys/block/vda/size)
head -c 1000000 /dev/urandom >/tmp/a
for at in 0 7 199; do
    dd if=/tmp/a of=/dev/vda bs=1000000 seek=$at 2>/dev/null
done
sync
echo 3 >/proc/sys/vm/drop_caches
for at in 0 7 199; do
    dd if=/dev/vda of=/tmp/b bs=1000000 skip=$at count=1 2>/dev/null
    cmp /tmp/a /tmp/b
done
blkdiscard -o 0 -l 1048576 /dev/vda
dd if=/dev/vda bs=4k count=1 2>/dev/null | tr -d '\\0' | wc -c
"""

PARALLEL = """
set -e
for i in 1 2 3 4 5 6 7 8; do
    (dd if=/dev/urandom bs=64k count=20 of=/mnt/disk/$i 2>/dev/null; sync) &
done
wait
md5sum /mnt/disk/[1-8] >/tmp/sums
echo 3 >/proc/sys/vm/drop_caches
for i in 1 2 3 4; do md5sum -c -s /tmp/sums & done
wait
md5sum -c -s /tmp/sums
"""

ADD = "set -e; cd /mnt/disk; echo line >>log; sync; wc -l <log"
# Acknowledged, and not flushed.
WRITE = "tr '\\0' x </dev/zero | dd of=/dev/vda bs=64k count=64 iflag=fullblock oflag=direct 2>/dev/null; echo written"


class Disk(BootTest):
    def test_read_and_write(self):
        self.assertIn("offers by virtio", self.command(READ_WRITE))

    def test_all_cpus_at_once(self):
        self.command(PARALLEL)

    def test_raw_and_discard(self):
        with open(self.path("disk"), "wb") as file:
            file.truncate(200 * 1000 * 1000 // 512 * 512)
        out = self.command(RAW, "--disk", self.path("disk") + ",ram")
        self.assertEqual(self.value(out, "size"), str(200 * 1000 * 1000 // 512))
        self.assertIn("\n0\n", out)
        # The guest wrote to its own copy.
        with open(self.path("disk"), "rb") as file:
            self.assertFalse(any(file.read(1000000)))

    def test_none(self):
        self.command("[ ! -e /dev/vda ] && ls /sys/bus/virtio/devices | wc -l", "--disk", "none")


class Persistent(DeviceTest):
    def image(self, name="disk.img", form="raw"):
        """A disk with ext4, as the build makes it, in that format."""
        subprocess.run([os.path.join(REPO, "guest", "disk", "make"), self.path("made")], check=True)
        subprocess.run(["qemu-img", "convert", "-O", form, self.path("made"), self.path(name)], check=True)
        return self.path(name)

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
