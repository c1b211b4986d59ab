#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The disk in memory: ext4 that the build made, raw access, none, and one of another size."""

import unittest

from support import BootTest

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


if __name__ == "__main__":
    unittest.main()
