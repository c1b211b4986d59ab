#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tools/elfpack: what it packs, and what it refuses. Whether that runs is test/guest/elf.py's.

    test_elfpack.py ELFPACK
"""

import os
import re
import subprocess
import sys
import tempfile
import unittest

from elf_maker import DATA, HIGH, INTERPRETER, NOTE, TEXT, elf, segment
from support import image

LOADER = image(5000, image_size=0x6000)
KERNEL = elf(segment(physical=0, kind=NOTE), segment(), segment(DATA, 0x80000, 0, 6)) + b"symbols" * 1000
APP = elf(segment(0x400000, virtual=0x400000), segment(0, 0x3000, virtual=0x500000, flags=6), entry=0x400010)
ELFPACK = None  # main has it from the command line


class ElfpackTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="traproom-elfpack-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        for name, data in (("loader.img", LOADER), ("kernel.elf", KERNEL), ("app.elf", APP)):
            self.write(name, data)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, data):
        with open(self.path(name), "wb") as file:
            file.write(data)
        return name

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def run_elfpack(self, *options):
        done = subprocess.run([ELFPACK, *options], cwd=self.folder, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    def pack(self, *options, out="out.img"):
        self.assertEqual(self.run_elfpack("-o", out, "--loader", "loader.img", *options), (0, "", ""))
        return self.read(out)

    def list(self, name="out.img"):
        status, out, err = self.run_elfpack("--list", name)
        self.assertEqual((status, err), (0, ""))
        return out

    def refused(self, words, *options):
        """In one line, and nothing is written."""
        status, out, err = self.run_elfpack(*options)
        self.assertEqual((status, out), (1, ""))
        self.assertRegex(err, words)
        self.assertRegex(err, r"\Aelfpack: .*\n\Z")
        self.assertFalse(os.path.exists(self.path("out.img")))

    def wrong(self, words, data, option="--kernel"):
        name = self.write("wrong.elf", data)
        good = "--app" if option == "--kernel" else "--kernel"
        self.refused(f"wrong.elf.*: .*{words}", "-o", "out.img", "--loader", "loader.img", good, "app.elf" if good ==
                     "--app" else "kernel.elf", option, name)

    def test_image(self):
        """The loader as it is in memory, with the size of all in its header."""
        data = self.pack("--kernel", "kernel.elf", "--app", "app.elf")
        self.assertEqual(len(data) % 4096, 0)
        self.assertEqual(data[:16] + data[24:5000], LOADER[:16] + LOADER[24:])
        self.assertEqual(data[16:24], len(data).to_bytes(8, "little"))
        self.assertEqual(data[5000:0x6000], bytes(0x6000 - 5000))
        self.assertEqual(data[0x6000:0x6008], b"TRELFPK1")
        self.assertNotIn(b"symbols", data)
        self.assertRegex(self.list(), r"""\Afile kernel.elf: 0x\w+ bytes, CRC 0x\w{8}
file app.elf: 0x\w+ bytes, CRC 0x\w{8}
configuration default \(default\): kernel kernel.elf, app app.elf, all CPUs\n\Z""")

    def test_reproducible(self):
        first = self.pack("--kernel", "kernel.elf", "--app", "app.elf")
        os.utime(self.path("kernel.elf"), (1, 1))
        self.assertEqual(self.pack("--kernel", "kernel.elf", "--app", "app.elf", out="again.img"), first)

    def test_configurations(self):
        """A file that two name is there once."""
        self.pack("--config", "small", "--kernel", "kernel.elf", "--cpus", "1", "--config", "full", "--kernel", "kernel.elf",
                  "--app", "app.elf", "--kernel-paddr", "0x50000000", "--app-offset", "0x400000", "--default", "full")
        lines = self.list().splitlines()
        self.assertEqual(len(re.findall("^file", self.list(), re.MULTILINE)), 2)
        self.assertEqual(lines[2:], [
            "configuration small: kernel kernel.elf, app none, CPUs 1",
            "configuration full (default): kernel kernel.elf at 0x50000000, app app.elf 0x400000 behind it, all CPUs"])

    def test_options(self):
        output, usual = ("-o", "out.img"), ("-o", "out.img", "--loader", "loader.img")
        self.refused("-o IMAGE is missing", "--kernel", "kernel.elf")
        self.refused("--loader is missing", *output, "--kernel", "kernel.elf")
        self.refused("--kernel is missing", *usual)
        self.refused("configuration default has no --kernel", *usual, "--app", "app.elf")
        self.refused("--config a is there twice", *usual, "--config", "a", "--kernel", "kernel.elf", "--config", "a")
        self.refused("1 to 39 characters", *usual, "--config", "x" * 40)
        self.refused("--default b: there is no such", *usual, "--kernel", "kernel.elf", "--default", "b")
        self.refused("more: what is it", *usual, "--kernel", "kernel.elf", "more")
        self.refused("--cpus x: a multiple of 1", *usual, "--kernel", "kernel.elf", "--cpus", "x")
        self.refused("--app-offset 5: a multiple of 4096", *usual, "--kernel", "kernel.elf", "--app-offset", "5")
        self.refused("room for 16 configurations", *usual, *(word for i in range(17) for word in
                                                              ("--config", f"c{i}", "--kernel", "kernel.elf")))
        self.refused("none.elf can't be opened: No such file", *usual, "--kernel", "none.elf")
        self.refused("kernel.elf is no arm64 Image", *output, "--loader", "kernel.elf", "--kernel", "kernel.elf")
        self.write("odd.img", image(5000, image_size=0x6001))
        self.refused("odd.img is no loader", *output, "--loader", "odd.img", "--kernel", "kernel.elf")

    def test_wrong_kernels(self):
        self.wrong("no ELF file", b"x" * 1000)
        self.wrong("63 bytes of an ELF header's 64", KERNEL[:63])
        self.wrong("cut short: its 3 program headers", KERNEL[:100])
        self.wrong("cut short: its segment 1 is 0x100 bytes from 0x200 on, the file has 0x2ff", KERNEL[:0x2FF])
        self.wrong("not a 64-bit ELF", elf(segment(), ident=b"\x7fELF\1\1\1"))
        self.wrong("not little-endian", elf(segment(), ident=b"\x7fELF\2\2\1"))
        self.wrong("another machine: e_machine is 62", elf(segment(), machine=62))
        self.wrong("its type is 3, not 2", elf(segment(), kind=3))
        self.wrong("its type is 1, not 2", elf(segment(), kind=1))
        self.wrong("dynamic linker", elf(segment(kind=INTERPRETER), segment()))
        self.wrong("no LOAD segment", elf())
        self.wrong("LOAD segment 1 is empty", elf(segment(), segment(size=0)))
        self.wrong("more than its 0xff in memory", elf(segment(size=0xFF)))
        self.wrong("wraps around", elf(segment(), segment(virtual=2**64 - 0x1000)))
        self.wrong("segments 0 at virtual .* and 1 at .* overlap", elf(segment(), segment(TEXT + 0x1000)))
        self.wrong("segments 0 at physical .* and 1 at .* overlap", elf(segment(), segment(virtual=HIGH)))
        self.wrong("its entry is 0", elf(segment(), entry=0))
        self.wrong("its entry 0x1 lies in none", elf(segment(), entry=1))
        self.wrong("its entry 0xffffff8049000000 lies in none", elf(segment(flags=6)))
        self.wrong("physical addresses, from 0xffffff8000000000 on, are virtual ones",
                   elf(segment(HIGH, virtual=HIGH), entry=HIGH))

    def test_wrong_apps(self):
        self.wrong("no ELF file", b"x" * 1000, "--app")
        self.wrong("its entry is 0", elf(segment(), entry=0), "--app")

    def test_list_refuses(self):
        whole = self.pack("--kernel", "kernel.elf")
        for words, data in (("is no arm64 Image", b"x"), ("there is no payload", LOADER),
                            ("the payload is cut short", whole[:-4096]),
                            ("header is damaged", whole[:0x6030] + b"\xff" + whole[0x6031:]),
                            ("kernel.elf is damaged", whole[:0x7010] + b"\xff" + whole[0x7011:])):
            status, _, err = self.run_elfpack("--list", self.write("wrong.img", data))
            self.assertEqual(status, 1)
            self.assertRegex(err, words)


if __name__ == "__main__":
    ELFPACK = os.path.realpath(sys.argv.pop())
    unittest.main()
