#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tools/launcher/elf.py: ELF kernels and apps: what is refused, in what words, and where the rest goes."""

import os
import subprocess
import unittest

from elf_maker import DATA, HIGH, INTERPRETER, NOTE, RAM, TEXT, elf, segment
from support import MIB, REPO, RunTest


def u64s(node, name):
    value = node.properties[name]
    return [int.from_bytes(value[at:at + 8], "big") for at in range(0, len(value), 8)]


WHOLE = elf(segment(physical=0, kind=NOTE), segment(), segment(DATA, 0x80000, 0, 6))
APP = elf(segment(0x400000, virtual=0x400000), segment(0, 0x3000, virtual=0x500000, flags=6), entry=0x400010)


class ElfTest(RunTest):
    def setUp(self):
        super().setUp()
        self.kernel = self.write("kernel.elf", WHOLE)
        self.app = self.write("app.elf", APP)

    def starts(self, *options):
        status, _, err = self.run_launcher("--kernel", self.kernel, *options)
        self.assertEqual(status, 0, err)
        return self.tree().chosen

    def wrong(self, words, data, option="--kernel"):
        path = self.write("wrong.elf", data)
        self.refused(f"{option} {path} can't be loaded: .*{words}", "--kernel", self.kernel, option, path)

    def test_kernel(self):
        chosen = self.starts()
        self.assertEqual(u64s(chosen, "traproom,kernel-address"), [TEXT])
        self.assertEqual(self.loaded(chosen, "traproom,kernel"), WHOLE)
        self.assertNotIn("traproom,initrd", chosen.properties)
        self.assertNotIn("traproom,app", chosen.properties)
        self.assertIsNone(chosen.child("app"))

    def test_initrd_if_asked_for(self):
        """Not where the kernel is."""
        self.kernel = self.write("kernel.elf", elf(segment(RAM + 0xC000000), entry=RAM + 0xC000000))
        self.assertEqual(u64s(self.starts("--initrd", self.app), "linux,initrd-start"), [RAM + 0xC200000])

    def test_app(self):
        chosen = self.starts("--app", self.app)
        start = DATA + MIB
        self.assertEqual(u64s(chosen, "traproom,app-address"), [start])
        self.assertEqual(self.loaded(chosen, "traproom,app"), APP)
        app = chosen.child("app")
        self.assertEqual([u64s(app, name) for name in ("start", "end", "virtual-start", "entry")],
                         [[start], [start + 0x103000], [0x400000], [0x400010]])

    def test_moved(self):
        chosen = self.starts("--app", self.app, "--kernel-paddr", "0x50000000", "--app-offset", "8M")
        self.assertEqual(u64s(chosen, "traproom,kernel-address"), [0x50000000])
        self.assertEqual(u64s(chosen, "traproom,app-address"), [0x50800000])

    def test_moved_wrongly(self):
        self.refused("segment 1 of the kernel .* at .0x47000000, 0x47001fff. is not all in the guest's RAM",
                     "--kernel", self.kernel, "--kernel-paddr", "0x47000000")
        self.refused("'1' is not a multiple of 4K", "--kernel-paddr", "1")
        self.refused("'x' is not a number", "--app-offset", "x")
        self.refused("--app-offset needs --app", "--app-offset", "8M")

    def test_image_moved(self):
        self.kernel = self.path("build/images/Image")
        chosen = self.starts("--kernel-paddr", "0x50000000", "--app", self.app)
        self.assertEqual(u64s(chosen, "traproom,kernel-address"), [0x50000000])
        self.assertEqual(u64s(chosen, "traproom,app-address"), [0x50400000])

    def test_overlaps(self):
        self.refused(r"the app .* at \[0x49001000, 0x49103fff\] overlaps segment 1 of the kernel .* at \[0x49000000, "
                     r"0x49001fff\]", "--kernel", self.kernel, "--app", self.app, "--app-offset", "4K")
        twice = self.write("twice.elf", elf(segment(), segment(TEXT + 0x1FFF, virtual=HIGH, flags=6)))
        self.refused(r"segment 1 of the kernel .* at \[0x49001fff, 0x49003ffe\] overlaps segment 0 of the kernel .* at "
                     r"\[0x49000000", "--kernel", twice)

    def test_too_little_ram(self):
        self.refused("segment 1 of the kernel .* at .* is not all in the guest's RAM, 16 MiB at 0x48000000: move it, or "
                     "give it more .--mem.", "--kernel", self.kernel, "--mem", "16M")
        self.refused("has no room for .*app.elf, 1060864 bytes, behind the kernel", "--kernel", self.kernel, "--app",
                     self.app, "--mem", "18M")

    def test_vmlinux(self):
        vmlinux = elf(segment(HIGH, virtual=HIGH), entry=HIGH) + b"Linux version 6.1.0 (me) "
        self.wrong("it is Linux's vmlinux: give the Image", vmlinux)
        self.wrong("physical addresses, from 0xffffff8000000000 on, are virtual ones: link it with load addresses",
                   elf(segment(HIGH, virtual=HIGH), entry=HIGH))

    def test_bare(self):
        self.refused("--bare: QEMU starts an ELF", "--bare", "--kernel", self.kernel)

    def test_wrong_files(self):
        self.wrong("cut short: it has 40 bytes of an ELF header's 64", WHOLE[:40])
        self.wrong("cut short: it has 100 bytes, its program headers end at 232", WHOLE[:100])
        self.wrong("cut short: its segment 1 is 0x100 bytes from 0x200 on, the file has 0x2ff", WHOLE[:0x2ff])
        self.wrong("not a 64-bit", elf(segment(), ident=b"\x7fELF\1\1\1"))
        self.wrong("not a 64-bit, little-endian", elf(segment(), ident=b"\x7fELF\2\2\1"))
        self.wrong("another machine: e_machine is 62", elf(segment(), machine=62))
        self.wrong("position independent", elf(segment(), kind=3))
        self.wrong("an object file", elf(segment(), kind=1))
        self.wrong("of type 9, not an executable", elf(segment(), kind=9))
        self.wrong("program headers have 32 bytes", elf(segment(), entry_size=32))
        self.wrong("dynamic linker", elf(segment(kind=INTERPRETER), segment()))
        self.wrong("no LOAD segment", elf())
        self.wrong("no LOAD segment", elf(segment(kind=NOTE)))
        self.wrong("LOAD segment 1 is empty", elf(segment(), segment(size=0)))
        self.wrong("more than its 0xff in memory", elf(segment(size=0xFF)))
        self.wrong("its entry is 0", elf(segment(), entry=0))
        self.wrong("its entry 0x1 lies in none", elf(segment(), entry=1))
        self.wrong("its entry 0xffffff8049000000 lies in none", elf(segment(flags=6)))

    def test_wrong_apps(self):
        self.wrong("no ELF file", b"x" * 4096, "--app")
        self.wrong("its entry is 0", elf(segment(), entry=0), "--app")

    @unittest.skipUnless(os.path.exists("/usr/bin/aarch64-linux-gnu-gcc"), "no cross compiler")
    def test_linked(self):
        """What a linker makes of a program."""
        source = self.write("k.S", b".globl _start\n_start: b _start\n")
        subprocess.run(["aarch64-linux-gnu-gcc", "-nostdlib", "-static", "-Wl,-Ttext=0x48400000,--build-id=none", "-o",
                        self.path("linked.elf"), source], check=True, cwd=REPO)
        self.kernel = self.path("linked.elf")
        self.assertIn(u64s(self.starts(), "traproom,kernel-address")[0], (0x483F0000, 0x48400000))


if __name__ == "__main__":
    unittest.main()
