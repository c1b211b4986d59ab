#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""ELF guests: a kernel (elf_kernel.c) and its root task (elf_root.c) by guest/elfloader/, and one by the
hypervisor alone (elf_plain.c).

    elf.py TEST [--build DIR] [--hypervisor ELF]

Each test packs what it runs. Those under Traproom are judged by the exit status, too; on bare QEMU a loader that
fails turns its CPU off, and nothing would end the machine.
"""

import argparse
import os
import re
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

import run

LIMIT = 600  # seconds, for a guest that hangs
MAGIC = b"TRELFPK1"
# struct payload and its files (guest/elfloader/payload.h).
HEAD_SIZE, FILES_AT, FILE = 2208, 32, struct.Struct("<QQII40s")
CRC_AT, CRC_FROM = 8, 12
DONE = "root task: done, status 0"
ALL_OFF = "[traproom] exit: guest stopped: all its CPUs are off"
BUILD = os.path.join(run.REPO, "build")
HYPERVISOR = ()  # the option


def built(name):
    return os.path.join(BUILD, name)


def guest(name):
    return built(f"guest/{name}")


class Image:
    """A packed image as bytes, to be spoiled in ways that elfpack would refuse."""

    def __init__(self, path):
        self.path = path
        with open(path, "rb") as file:
            self.data = bytearray(file.read())
        self.at = self.data.rindex(MAGIC)  # the loader has it, too, to compare with

    def file(self, index):
        offset, size, _, _, _ = FILE.unpack_from(self.data, self.at + FILES_AT + index * FILE.size)
        return self.at + offset, size

    def patch(self, index, offset, value):
        """Bytes of a file, and all CRCs so that they are right again."""
        at, size = self.file(index)
        self.data[at + offset:at + offset + len(value)] = value
        field = self.at + FILES_AT + index * FILE.size + 16
        self.data[field:field + 4] = struct.pack("<I", zlib.crc32(self.data[at:at + size]))
        self.seal()

    def seal(self):
        """The header's own CRC."""
        crc = zlib.crc32(self.data[self.at + CRC_FROM:self.at + HEAD_SIZE])
        self.data[self.at + CRC_AT:self.at + CRC_AT + 4] = struct.pack("<I", crc)

    def write(self):
        with open(self.path, "wb") as file:
            file.write(self.data)
        return self.path


class ElfTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="traproom-elf-")
        self.addCleanup(folder.cleanup)
        self.image = os.path.join(folder.name, "packed.img")

    def pack(self, *options):
        command = [built("elfpack/elfpack"), "-o", self.image, "--loader", guest("elfloader.img"), *options]
        subprocess.run(command, check=True)
        return self.image

    def pack_usual(self, *options):
        return self.pack("--kernel", guest("elf_kernel.elf"), "--app", guest("elf_root.elf"), *options)

    def output(self, command):
        """(status, what the guest says)"""
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=LIMIT, check=False)
        text = done.stdout.decode("utf-8", "replace").replace("\r", "")
        print(text)
        return done.returncode, text

    def traproom(self, kernel, *options):
        return self.output([os.path.join(run.REPO, "tools", "traproom"), "run", "--kernel", kernel,
                            *(() if "--initrd" in options else ("--initrd", "none")), "--disk", "none", "--build", BUILD, "--timeout", str(LIMIT), *HYPERVISOR, *options])

    def bare(self, machine, *options):
        return self.output(["timeout", str(LIMIT), "qemu-system-aarch64", "-M", machine, "-cpu", "max,pauth-impdef=on",
                            "-smp", "4", "-m", "1G", "-nodefaults", "-display", "none", "-serial", "stdio",
                            "-kernel", self.image, *options])

    def reaches_root(self, result, cpus=4):
        status, text = result
        self.assertEqual(status, 0)
        self.assertIn(DONE, text)
        self.assertIn(f"root task: CPUs 0x{(1 << cpus) - 1:x} are here", text)
        self.assertEqual(sorted(re.findall(r"kernel: CPU (\d+) enters", text)), [str(cpu) for cpu in range(cpus)])
        return text

    def refused(self, words, *options):
        """By the loader, under Traproom."""
        status, text = self.traproom(self.image, "--no-report", *options)
        self.assertRegex(text, words)
        self.assertNotIn("kernel: ", text.replace("elfloader: kernel: ", ""))
        self.assertEqual(status, 3)
        self.assertIn(ALL_OFF, text)


class Traproom(ElfTest):
    def test(self):
        self.pack_usual()
        text = self.reaches_root(self.traproom(self.image))
        self.assertIn("entered at EL1", text)
        # What is told is what is handed over, and what the kernel sees.
        told = re.search(r"x0 0x(\w+), x1 0x(\w+), x2 0x(\w+), x3 0x(\w+), x4", text).groups()
        start, end, moved, entry = (int(value, 16) for value in told)
        self.assertIn(f"app [0x{start:x}, 0x{end - 1:x}], entry 0x{entry:x}", text)
        self.assertEqual(start - moved, 0x400000)

    def test_cpus(self):
        """Fewer than the configuration has, more than the root task waits for."""
        self.pack_usual("--cpus", "4")
        self.reaches_root(self.traproom(self.image, "--smp", "8"))


class El1(ElfTest):
    def test(self):
        self.pack_usual()
        self.assertIn("entered at EL1", self.reaches_root(self.bare("virt,gic-version=3")))


class El2(ElfTest):
    def test(self):
        self.pack_usual()
        for gic in ("2", "3"):
            with self.subTest(gic=gic):
                self.assertIn("entered at EL2", self.reaches_root(self.bare(f"virt,virtualization=on,gic-version={gic}")))


class Plain(ElfTest):
    """Without the loader."""

    def test(self):
        status, text = self.traproom(guest("elf_plain.elf"), "--app", guest("elf_root.elf"))
        self.assertEqual(run.judge(status, text, run.POWERED_OFF, True), [])

    @unittest.skipIf("--hypervisor" in sys.argv, "a bundle is of the usual one")
    def test_bundle(self):
        """The same in one file, which QEMU starts."""
        subprocess.run([os.path.join(run.REPO, "tools", "traproom"), "pack", "-o", self.image, "--build", BUILD, "--disk",
                        "none", "--kernel", guest("elf_plain.elf"), "--app", guest("elf_root.elf")], check=True)
        status, text = self.bare("virt,virtualization=on,gic-version=3")
        self.assertEqual(run.judge(status, text, run.POWERED_OFF, True), [])

    def test_overlap(self):
        """The launcher names both; it does not start QEMU."""
        status, text = self.traproom(guest("elf_plain.elf"), "--app", guest("elf_root.elf"), "--app-offset", "4K")
        self.assertEqual(status, 1)
        self.assertRegex(text, r"the app \(--app-offset moves it\) at \[0x48401000, \w+\] overlaps segment 0 of the kernel "
                               r"\(--kernel-paddr moves it\) at \[0x48400000, ")

    def test_outside_ram(self):
        """Of the one for the loader, too."""
        status, text = self.traproom(guest("elf_kernel.elf"), "--kernel-paddr", "0x40000000")
        self.assertEqual(status, 1)
        self.assertIn("is not all in the guest's RAM", text)


class Configurations(ElfTest):
    def setUp(self):
        super().setUp()
        kernel = ("--kernel", guest("elf_kernel.elf"), "--app")
        self.pack("--config", "full", *kernel, guest("elf_root.elf"),
                  "--config", "minimal", *kernel, guest("elf_root_single.elf"), "--cpus", "1",
                  "--config", "moved", *kernel, guest("elf_root.elf"), "--kernel-paddr", "0x54000000", "--app-offset",
                  "0x800000")

    def test_default(self):
        self.assertIn('configuration "full"', self.reaches_root(self.traproom(self.image)))

    def test_minimal(self):
        text = self.reaches_root(self.traproom(self.image, "--append", "a=b elfloader.config=minimal c"), cpus=1)
        self.assertIn("app elf_root_single.elf", text)

    def test_moved(self):
        text = self.reaches_root(self.traproom(self.image, "--append", "elfloader.config=moved"))
        self.assertIn("kernel: at 0xffffff8050000000, in memory at 0x54000000: app [0x54800000, ", text)

    def test_unknown(self):
        self.refused('there is no configuration "other": the first of 3 is "full"', "--append", "elfloader.config=other")

    def test_name_too_long(self):
        self.refused("has a name of more than 39 characters", "--append", "elfloader.config=" + "x" * 40)


class Wrong(ElfTest):
    def test_not_packed(self):
        self.image = guest("elfloader.img")
        self.refused("error: there is no payload: elfpack has not packed one")

    def test_places(self):
        for words, *options in (
                (r"kernel at \[0x40000000, 0x40002\w+\] is not all in RAM", "--kernel-paddr", "0x40000000"),
                (r"kernel at \[0x48000000, 0x48002\w+\] overlaps the loader at \[0x48000000, ", "--kernel-paddr", "0x48000000"),
                (r"app at \[0x50010000, \w+\] overlaps kernel at \[0x50010000, ", "--app-offset", "0x10000"),
                (r"app at \[0x68000000, \w+\] is not all in RAM", "--app-offset", "0x18000000"),
                ("wants 9 CPUs, the machine has 4", "--cpus", "9")):
            with self.subTest(words=words):
                self.pack_usual(*options)
                self.refused(words)

    def test_reserved(self):
        """What the tree keeps free, in each of its ways."""
        tree = os.path.join(os.path.dirname(self.image), "guest.dtb")
        with open(os.path.join(run.REPO, "dts", "virt.dts"), encoding="utf-8") as file:
            source = file.read()
        reserved = """/ { reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
            off@50000000 { reg = <0 0x50000000 0 0x1000>; status = "disabled"; };
            fw@50001000 { reg = <0 0x50001000 0 0x1000>; }; }; };"""
        for words, text in (
                (r"kernel at \[0x50000000, \w+\] overlaps fw@50001000 at \[0x50001000, 0x50001fff\]", source + reserved),
                (r"kernel at \[0x50000000, \w+\] overlaps a memory reservation of the tree at \[0x50002000, ",
                 source.replace("/dts-v1/;", "/dts-v1/; /memreserve/ 0x60000000 0x1000; /memreserve/ 0x50002000 0x1000;"))):
            with self.subTest(words=words):
                subprocess.run(["dtc", "-q", "-O", "dtb", "-o", tree], input=text.encode(), check=True)
                self.pack_usual()
                self.refused(words, "--dtb", tree)

    def test_initramfs(self):
        self.pack_usual("--kernel-paddr", "0x54000000")
        self.refused(r"kernel at \[0x54000000, \w+\] overlaps the initramfs at \[0x54000000, ", "--initrd",
                     guest("elf_root.elf"))

    def test_damaged(self):
        for index, name in enumerate(("kernel, elf_kernel.elf", "app, elf_root.elf")):
            with self.subTest(name=name):
                self.pack_usual()
                image = Image(self.image)
                at, size = image.file(index)
                image.data[at + size - 1] ^= 1
                image.write()
                self.refused(f"error: the {name}, is damaged: its CRC is 0x[0-9a-f]+, not 0x[0-9a-f]+")

    def test_damaged_header(self):
        self.pack_usual()
        image = Image(self.image)
        image.data[image.at + FILES_AT] ^= 1
        image.write()
        self.refused("error: the payload's header is damaged")

    def test_cut_short(self):
        self.pack_usual()
        image = Image(self.image)
        del image.data[-4096:]
        image.write()
        self.refused("the app, elf_root.elf, is damaged")

    def test_no_elf(self):
        """What the packer would have refused."""
        for words, offset, value in (
                ("no ELF file", 0, b"\0"), ("its class is 1", 4, b"\1"), ("its data encoding is 2", 5, b"\2"),
                ("e_machine is 62", 18, b"\x3e"), ("its type is 3", 16, b"\3"), ("its entry is 0", 24, bytes(8)),
                ("lies in none", 24, b"\1" + bytes(7)), ("no LOAD segment", 56, b"\0"),
                ("cut short: its 255 program headers", 56, b"\xff"),
                ("LOAD segment 0 is empty", 64 + 40, bytes(8)),
                ("more than its 0x1 in memory", 64 + 40, b"\1" + bytes(7)),
                (r"segments 0 at virtual .* and 1 at .* overlap", 64 + 56 + 16, struct.pack("<Q", 0xffffff8050000000)),
                (r"segments 0 at physical .* and 1 at .* overlap", 64 + 56 + 24, struct.pack("<Q", 0x50000000)),
                ("can't be mapped to 0x50010008", 64 + 56 + 24, struct.pack("<Q", 0x50010008)),
                ("does not fit into 48 bits", 64 + 56 + 16, struct.pack("<Q", 0x8000000000000000))):
            with self.subTest(words=words):
                self.pack_usual()
                image = Image(self.image)
                image.patch(0, offset, value)
                image.write()
                self.refused(words)


def main():
    global BUILD, HYPERVISOR  # pylint: disable=global-statement
    tests = {"traproom": Traproom, "el1": El1, "el2": El2, "plain": Plain, "configurations": Configurations,
             "wrong": Wrong}
    parser = argparse.ArgumentParser(description="Run ELF guests.")
    parser.add_argument("test", choices=tests)
    parser.add_argument("--build", default=BUILD, help="build folder")
    parser.add_argument("--hypervisor", help="instead of the build folder's")
    args = parser.parse_args()
    BUILD = os.path.realpath(args.build)
    HYPERVISOR = ("--hypervisor", args.hypervisor) if args.hypervisor else ()
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(tests[args.test])
    return 0 if unittest.TextTestRunner(verbosity=2).run(suite).wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
