#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Devices that a program on this machine plays (docs/models.md), as Linux sees them."""

import os
import subprocess
import unittest

from support import BUILD, REPO, BootTest

MODELS = os.path.join(REPO, "guest", "model")
DRIVERS = os.path.join(BUILD, "model-driver")
TWOWIRE = """
insmod twowire.ko
cd /sys/bus/platform/drivers/twowire/*/
[ $(tr -d '\\377' <memory | wc -c) = 0 ]
echo 'twenty-one bytes long' | dd of=memory bs=1 seek=10 2>/dev/null
dd if=memory bs=1 skip=10 count=22 2>/dev/null
"""
DISK = """
set -e
modprobe virtio_mmio
modprobe virtio_blk
cat /sys/block/vda/serial; echo
dd if=/dev/urandom of=data bs=4k count=20 2>/dev/null
dd if=data of=/dev/vda bs=4k seek=100 oflag=direct 2>/dev/null
dd if=/dev/vda of=back bs=4k skip=100 count=20 iflag=direct 2>/dev/null
cmp data back
if dd if=/dev/zero of=/dev/vda bs=4k seek=1024 count=1 2>/dev/null; then exit 1; fi
"""


class Models(BootTest):
    def model(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def test_one_register(self):
        out = self.command("busybox devmem 0xc000000; busybox devmem 0xc000ff0 16; cat /proc/device-tree/smallest@c000000/compatible",
                           "--quiet", "--model", os.path.join(MODELS, "smallest.py"))
        self.assertEqual(out.split(), ["0x20594F54", "0x0000", "acme,smallest\0"])

    def drive(self, model, command, *options):
        return self.command(command, "--quiet", "--model", os.path.join(MODELS, model + ".py"), *options)

    def driver(self, name):
        path = os.path.join(DRIVERS, name + ".ko")
        if not os.path.exists(path):
            self.skipTest(f"{path} is not built for this kernel")
        return "--put", path

    def test_interrupt_and_dma(self):
        out = self.drive("reverser", "insmod reverser.ko; echo -n 'Able was I' >/dev/reverser; cat /dev/reverser; echo; "
                         "dd if=/dev/zero of=/dev/reverser bs=4096 count=1 && wc -c </dev/reverser",
                         *self.driver("reverser"))
        self.assertEqual(out.split("\n")[:2], ["I saw elbA", "4096"])

    def test_two_wires(self):
        self.assertEqual(self.drive("twowire", TWOWIRE, *self.driver("twowire")), "twenty-one bytes long\n")

    def test_virtio_from_scratch(self):
        self.assertEqual(self.drive("virtio_disk", DISK, "--disk", "none"), "modelled\n")

    def test_in_c(self):
        subprocess.run(["cc", "-Wall", "-Werror", "-o", self.path("counter"),
                        os.path.join(MODELS, "counter.c")], check=True)
        out = self.command("for i in 1 2 3; do busybox devmem 0xc000000; done; busybox devmem 0xc000000 32 1; "
                           "busybox devmem 0xc000000", "--quiet",
                           "--model", self.path("counter") + ",compatible=acme:counter")
        self.assertEqual([int(word, 16) for word in out.split()], [1, 2, 3, 4])

    def test_deterministic(self):
        """With --icount the guest's time does not depend on the model's."""
        runs = [self.launch("--icount", "--kernel", os.path.join(BUILD, "guest", "model.img"), "--initrd", "none",
                            "--disk", "none", "--model", os.path.join(REPO, "test", "guest", "model.py"))
                for _ in range(2)]
        self.assertEqual(runs[0][0], 0, runs[0])
        self.assertIn(", 0 failed", runs[0][1])
        self.assertEqual(len([line for line in runs[0][1].splitlines() if line.startswith("time ")]), 9)
        self.assertEqual(runs[0], runs[1])

    def test_dies(self):
        status, _, err = self.launch("--cmd", "busybox devmem 0xc000000", "--model",
                                     self.model("toy.py", "COMPATIBLE = 'x'\ndef read(offset, size): exit(7)"))
        self.assertEqual(status, 119)
        self.assertIn("the model toy has ended, with status 7", err)

    def test_hangs(self):
        text = "COMPATIBLE = 'x'\ndef read(offset, size):\n    while True: pass"
        status, _, err = self.launch("--cmd", "busybox devmem 0xc000000", "--model", self.model("toy.py", text),
                                     "--model-timeout", "2")
        self.assertEqual(status, 119)
        self.assertIn("the model toy owes an answer to a read of 4 bytes at 0x0 and has said nothing for 2 s", err)


if __name__ == "__main__":
    unittest.main()
