#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""--firmware and --flash: what QEMU is given, the guest's tree, files that are kept, and what is refused."""

import os
import unittest

from support import MIB, OFF, DeviceTest, image
from launcher import firmware

BANK = 64 * MIB
CODE = b"firmware" * 1000
# What the files of QEMU's own flash have while it runs, for the test to see.
LOOK = f"""
import os, sys
for word in sys.argv:
    if word.startswith('if=pflash'):
        path = dict(part.split('=') for part in word.split(','))['file']
        with open(path, 'rb') as file:
            data = file.read()
        print(os.path.basename(path), len(data), data[:8], set(data[8000:]))
"""


class Firmware(DeviceTest):
    def setUp(self):
        super().setUp()
        self.code = self.write("u-boot.bin", CODE)
        self.kept = self.path("kept")

    def backends(self):
        return [dict(part.split("=") for part in value.split(",")[1:]) | {"": value.split(",")[0]}
                for value in self.values("-object")]

    def cells(self, node, name):
        value = node.properties[name]
        return [int.from_bytes(value[at:at + 8], "big") for at in range(0, len(value), 8)]

    def flash_at_the_end(self):
        """Where its second bank's content is said to be, the machine has the file."""
        code, kept = self.flash()
        self.assertLess(code, kept)
        size = self.backends()[0]["size"]
        self.assertEqual(kept, 0x40000000 + (int(size[:-1]) * MIB if size.endswith("M") else int(size)))

    def flash(self):
        """Where the content of the two banks is, None: nowhere. The first is the firmware."""
        node = self.tree().root.child("flash@0")
        places = self.cells(node, "traproom,flash")
        self.assertEqual((self.loaded(node, "traproom,flash"), places[1], len(places)), (CODE, len(CODE), 4))
        self.assertIn(places[3], (0, BANK))
        return places[0], places[2] if places[3] else None

    def machine(self):
        """Its RAM, MiB."""
        return int(self.values("-m")[0].rstrip("M"))

    def test_machine(self):
        """It has room for the banks that Traproom makes, and for files that are some."""
        self.runs("--firmware", self.code, "--mem", "256M")
        self.assertEqual((self.backends(), self.values("-numa")), ([], []))
        made = self.machine()
        self.runs("--firmware", self.code, "--mem", "256M", "--flash", self.kept)
        ram, kept = self.backends()
        self.assertEqual((ram[""], kept[""]), ("memory-backend-ram", "memory-backend-file"))
        self.assertEqual((kept["size"], kept["share"]), (str(BANK), "on"))
        self.assertEqual(self.machine(), int(ram["size"].rstrip("M")) + 64)
        self.assertEqual(self.values("-numa"), ["node,memdev=ram", "node,memdev=flash0"])
        self.assertEqual(self.machine(), made)
        self.runs("--mem", "256M", "--kernel", self.write("small", image()), "--initrd", "none", "--disk", "none")
        self.assertEqual(made - self.machine(), 128 + 2)

    def test_tree(self):
        self.runs("--firmware", self.code, "--mem", "256M")
        tree = self.tree()
        self.assertEqual(tree.ram(), [(0x40000000, 256 * MIB)])
        self.assertEqual((tree.dtb_address(), tree.kernel_address()), (0x40000000, 0))
        self.assertNotIn("traproom,kernel", tree.chosen.properties)
        self.assertEqual(self.flash()[1], None)
        node = tree.root.child("flash@0")
        self.assertEqual(node.texts("traproom,image"), ["flash-0", ""])
        self.assertEqual(node.text("compatible"), "cfi-flash")
        self.assertEqual(node.u32("bank-width", 0), 4)
        self.assertEqual(self.cells(node, "reg"), [0, BANK, BANK, BANK])
        self.assertEqual(self.slots(), [None] * 2)

    def test_what_else_takes_memory(self):
        for options in ([], ["--monitor"], ["--trace", self.path("trace")], ["--trace", self.path("trace"), "--monitor"]):
            self.runs("--firmware", self.code, "--flash", self.kept, *options)
            self.flash_at_the_end()

    def test_disk_in_memory(self):
        """Both have names of their own."""
        self.runs("--firmware", self.code, "--disk", self.write("disk.img", b"d" * 4096) + ",ram")
        self.assertEqual(self.flash()[1], None)
        self.assertEqual(self.loaded(self.tree().virtio_nodes()[0], "traproom,disk"), b"d" * 4096)

    def test_content_of_qemu_s_own(self):
        status, out, err = self.run_launcher("--firmware", self.code, "--bare", program=LOOK + OFF)
        self.assertEqual(status, 0, err)
        self.assertIn(f"flash0 {BANK} {CODE[:8]} {{255}}", out)
        self.assertIn(f"flash1 {BANK} {bytes([255] * 8)} {{255}}", out)

    def test_flash_is_made(self):
        self.runs("--firmware", self.code, "--flash", self.kept)
        self.assertEqual(self.backends()[1] | {"size": ""}, {"": "memory-backend-file", "id": "flash0", "size": "",
                                                             "mem-path": self.kept, "share": "on"})
        with open(self.kept, "rb") as file:
            self.assertEqual(set(file.read()), {255})
        self.write("kept", b"k" * BANK)
        self.runs("--firmware", self.code, "--flash", self.kept)
        self.runs("--firmware", f"{self.code},vars={self.kept}")
        self.assertEqual(self.backends()[1]["mem-path"], self.kept)
        with open(self.kept, "rb") as file:
            self.assertEqual(set(file.read()), {ord("k")})

    def test_whole_bank(self):
        self.write("u-boot.bin", CODE.ljust(BANK, b"\0"))
        self.runs("--firmware", self.code)
        self.write("u-boot.bin", CODE.ljust(BANK + 1, b"\0"))
        self.refused_again(f"has {BANK + 1} bytes, more than a bank of flash has, {BANK}", "--firmware", self.code)

    def refused_again(self, *args):
        os.remove(self.path("arguments"))
        self.refused(*args)

    def test_bare(self):
        self.runs("--firmware", self.code, "--flash", self.kept, "--bare")
        first, second = self.values("-drive")
        self.assertRegex(first, "if=pflash,unit=0,format=raw,file=.*flash0")
        self.assertEqual(second, f"if=pflash,unit=1,format=raw,file={self.kept}")
        self.assertEqual(self.values("-kernel") + self.values("-dtb") + self.values("-numa"), [])

    def test_disk(self):
        self.write("disk.img", b"d" * 4096)
        self.runs("--firmware", self.code, "--disk", self.path("disk.img"))
        self.assertEqual(self.slots(), [0, None])
        self.assertEqual(self.devices(), ["virtio-blk-device,drive=traproom-disk0,num-queues=4,bus=virtio-mmio-bus.0"])

    def test_refused(self):
        self.refused("no-file: No such file", "--firmware", "no-file")
        self.refused("--flash needs a --firmware", "--flash", self.kept)
        self.refused("'secure' is none of vars=", "--firmware", f"{self.code},secure")
        self.refused("No such file", "--firmware", f"{self.code},vars={self.kept}")
        self.write("kept", b"k" * 4096)
        self.refused("has 4096 bytes: it is to be a whole bank of flash, 67108864",
                     "--firmware", self.code, "--flash", self.kept)
        self.refused("vars= and --flash are the same bank", "--firmware", f"{self.code},vars={self.kept}",
                     "--flash", self.kept)
        for option, _ in firmware.REFUSED:
            self.refused(f"{option} does not go with --firmware", "--firmware", self.code, option, "2M")


if __name__ == "__main__":
    unittest.main()
