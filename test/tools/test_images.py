#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tools/launcher/images.py: what is taken for an Image, and what is said of the rest."""

import os
import struct
import tempfile
import unittest

from support import image
from launcher import Problem, images
from launcher.files import File

FIRST = {  # what a file begins with, by what must be said of it
    "FIT": b"\xd0\x0d\xfe\xed", "uImage": b"\x27\x05\x19\x56",
    "Android": b"ANDROID!", "Debian package": b"!<arch>\n", "cpio": b"070701",
    "x86": b"\0" * 0x202 + b"HdrS", "32-bit Arm": b"\0" * 0x24 + b"\x18\x28\x6f\x01",
    "objcopy": b"\x7fELF" + b"\0" * 14 + b"\xb7\0", "another machine": b"\x7fELF" + b"\0" * 14 + b"\x3e\0",
}


def with_sections(*sections, size):
    """An Image that is an EFI program, too; sections: (size, offset) in the file."""
    data = bytearray(image(size))
    data[:2] = b"MZ"
    struct.pack_into("<I", data, 60, 64)
    header = b"PE\0\0" + struct.pack("<2H3I2H", 0xAA64, len(sections), 0, 0, 0, 8, 0) + b"\0" * 8
    for length, offset in sections:
        header += struct.pack("<8s4I16x", b".text", length, offset, length, offset)
    data[64:64 + len(header)] = header
    return bytes(data)


def program(machine):
    """An EFI program that is no Image."""
    data = bytearray(with_sections(size=4096))
    data[56:60] = bytes(4)
    struct.pack_into("<H", data, 68, machine)
    return bytes(data)


class Kernels(unittest.TestCase):
    def kernel(self, data):
        folder = tempfile.TemporaryDirectory(prefix="traproom-images-")
        self.addCleanup(folder.cleanup)
        path = os.path.join(folder.name, "k")
        with open(path, "wb") as file:
            file.write(data)
        return images.Kernel(File("k", path, len(data)))

    def test_others(self):
        for words, first in FIRST.items():
            with self.assertRaisesRegex(Problem, f"--kernel k is not an arm64 Image.*{words}"):
                self.kernel(first + b"\1" * (4096 - len(first)))

    def test_efi_programs(self):
        for machine, words in ((0xAA64, "an EFI program, but no kernel"), (0x8664, "for x86"), (0x5064, "for RISC-V"),
                               (0x1234, r"another machine \(0x1234\)")):
            with self.assertRaisesRegex(Problem, f"--kernel k is not an arm64 Image: .*{words}"):
                self.kernel(program(machine))

    def test_cut_short(self):
        whole = with_sections((1000, 512), (2000, 2048), size=4096)
        self.assertEqual(self.kernel(whole).size, 4096)
        self.kernel(whole[:4048])
        with self.assertRaisesRegex(Problem, "cut short: it has 4047 bytes, by its header 4048"):
            self.kernel(whole[:4047])

    def test_odd_headers(self):
        """Sections that can't be are no reason to refuse."""
        for at, value in ((60, 0xFFFFFFFF), (60, 4090), (70, 0xFFFF), (84, 0xFFFF)):
            data = bytearray(with_sections((1000, 512), size=4096))
            struct.pack_into("<I" if at == 60 else "<H", data, at, value)
            self.kernel(bytes(data))

    def test_zeroes_at_the_end(self):
        self.assertFalse(self.kernel(image(4096, image_size=8000)).looks_short)
        self.assertTrue(self.kernel(image(4096, image_size=80000)).looks_short)

    def test_version(self):
        it = self.kernel(image(4096) + b"x\0Linux version 6.1.0-1-arm64 (me@here) \0\0virtio,mmio\0")
        self.assertEqual(it.version, "6.1.0-1-arm64")
        self.assertFalse(it.has_devices())
        it = self.kernel(image(4096) + b"\0virtio,mmio\0\0virtio_blk\0")
        self.assertIsNone(it.version)
        self.assertTrue(it.has_devices())


if __name__ == "__main__":
    unittest.main()
