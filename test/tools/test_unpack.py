#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tools/launcher/unpack.py: kernels that come packed, and what is said of those that are damaged."""

import bz2
import gzip
import lzma
import os
import struct
import subprocess
import tempfile
import unittest

from support import MIB, image
from launcher import Problem, images, unpack
from launcher.files import File, Files

ARM64, RISCV = 0xAA64, 0x5064


def by_tool(*command):
    return lambda data: subprocess.run(command, input=data, capture_output=True, check=True).stdout


PACKERS = {  # by the name that zboot has for it
    "gzip": gzip.compress, "xzkern": lambda data: lzma.compress(data, check=lzma.CHECK_CRC32),
    "lzma": lambda data: lzma.compress(data, lzma.FORMAT_ALONE), "bzip2": bz2.compress,
    "zstd": by_tool("zstd", "-c"), "zstd22": by_tool("zstd", "-19", "-c"), "lz4": by_tool("lz4", "-l", "-c"),
}


def zboot(payload, name, machine=ARM64, size=None):
    """As Linux makes it: a header, EFI's, the program, the packed Image, its size."""
    head = struct.pack("<4s4sII8x32sII", b"MZ\0\0", b"zimg", 512, len(payload) if size is None else size,
                       name.encode(), 0x818223CD, 64)
    head += b"PE\0\0" + struct.pack("<2H3I2H", machine, 0, 0, 0, 0, 0, 0)
    return head.ljust(512, b"\1") + payload + struct.pack("<I", 3 * MIB)


class Unpacking(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="traproom-unpack-")
        self.addCleanup(folder.cleanup)
        self.files = Files(folder.name)

    def plain(self, data):
        """What is in it."""
        path = self.files.new()
        with open(path, "wb") as file:
            file.write(data)
        found = unpack.plain(File("k", path, len(data)), self.files)
        self.assertEqual(found.name, "k")
        images.Kernel(found)
        with open(found.path, "rb") as file:
            content = file.read()
        self.assertEqual(len(content), found.size)
        return content

    def refused(self, words, data):
        with self.assertRaisesRegex(Problem, f"\\A--kernel k {words}"):
            self.plain(data)

    def test_plain(self):
        self.assertEqual(self.plain(image(MIB)), image(MIB))

    def test_packed(self):
        for name, pack in PACKERS.items():
            with self.subTest(name):
                self.assertEqual(self.plain(pack(image(3 * MIB))), image(3 * MIB))

    def test_zboot(self):
        for name, pack in PACKERS.items():
            with self.subTest(name):
                self.assertEqual(self.plain(zboot(pack(image(3 * MIB)), name)), image(3 * MIB))

    def test_zboot_packed(self):
        self.assertEqual(self.plain(gzip.compress(zboot(gzip.compress(image()), "gzip"))), image())

    def test_damaged(self):
        content = os.urandom(MIB)
        for name, pack in PACKERS.items():
            packed = pack(image() + content)
            with self.subTest(name):
                self.refused("can't be unpacked, as .*: copy or build it again", packed[:len(packed) // 2])

    def test_damaged_zboot(self):
        packed = gzip.compress(image())
        self.refused(r".*\(zboot\) that is cut short: it has 516 bytes, by its header 612",
                     zboot(b"", "gzip", size=100))
        self.refused(r".*\(zboot\), cut short in its header", zboot(packed, "gzip")[:50])
        self.refused("can't be unpacked, as gzip", zboot(packed[:-9], "gzip"))
        self.refused("can't be unpacked, as xz", zboot(packed, "xzkern"))
        self.refused(r".*\(zboot\), packed with 'brotli'", zboot(packed, "brotli"))

    def test_foreign(self):
        self.refused(r"is not an arm64 Image: it is a kernel for RISC-V \(an EFI program\)",
                     zboot(gzip.compress(image()), "gzip", RISCV))
        self.refused(r"is not an arm64 Image: it is a kernel for another machine \(ELF\)",
                     gzip.compress(b"\x7fELF" + b"\0" * 14 + b"\x3e\0" + bytes(100)))
        self.refused("is not an arm64 Image: it has only 4 bytes", gzip.compress(b"Hi!\n"))


if __name__ == "__main__":
    unittest.main()
