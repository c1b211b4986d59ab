#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tools/traproom pack: the files that it writes boot, by the line that it prints and by `tools/traproom run --bundle`.
What else can be in such a file is test_bundle.py's."""

import shlex
import subprocess
import unittest

import pexpect

from support import LAUNCHER, LIMIT, PROMPT, BootTest, tail

# Prints what lies where the app is put, and powers off by PSCI.
KERNEL = """
    .globl _start
_start:
    ldr x1, =0x48600000
    mov x2, 0x09000000
1:  ldrb w0, [x1], 1
    cbz w0, 2f
    str w0, [x2]
    b 1b
2:  ldr w0, =0x84000008
    hvc 0
"""
APP = """
    .globl _start
_start:
    .asciz "hello from the app\\n"
"""


class PackTest(BootTest):
    def setUp(self):
        super().setUp()
        self.bundle = self.path("bundle.img")

    def pack(self, *options):
        """The line that boots it."""
        done = subprocess.run([LAUNCHER, "pack", "-o", self.bundle, *options], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=LIMIT, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def by_line(self, line):
        """The guest at its shell's first prompt."""
        command, *arguments = shlex.split(line)
        child = pexpect.spawn(command, arguments, timeout=LIMIT, encoding="utf-8", codec_errors="replace")
        self.addCleanup(child.close, True)
        self.assertEqual(child.expect([PROMPT, pexpect.EOF]), 0, tail(child.before or ""))
        return child

    def says(self, child, command, pattern):
        child.sendline(command)
        child.expect(PROMPT)
        self.assertRegex(child.before, pattern)

    def off(self, child):
        child.sendline("poweroff -f")
        child.expect(pexpect.EOF)
        self.assertIn("exit: guest powered off", child.before)


class Boots(PackTest):
    def test_by_line(self):
        """The default guest: its disk is in the file, and its RAM where it is without Traproom."""
        child = self.by_line(self.pack("--append", "from=pack"))
        self.says(child, "cat /mnt/disk/hello.txt /proc/cmdline; nproc; echo status=$?",
                  r"from=pack\s+4\s+status=0")
        self.says(child, "grep RAM /proc/iomem", "48000000-67ffffff : System RAM")
        self.off(child)

    def test_by_run(self):
        """A configuration by its name, with a disk that is the machine's."""
        disk = self.path("my.img")
        with open(disk, "wb") as file:
            file.write(b"written outside".ljust(4096, b"\n"))
        self.pack()
        self.pack("--add", "--config", "small", "--smp", "1", "--mem", "256M", "--disk", disk)
        child = self.terminal("--bundle", self.bundle, "--config", "small", "--disk", disk)
        self.says(child, "nproc; head -n 1 /dev/vda", r"\s1\s+written outside")
        self.says(child, "echo 'written inside ' | dd of=/dev/vda conv=notrunc,fsync 2>/dev/null", "dd of")
        child.sendline("poweroff -f")
        self.assertIn("exit: guest powered off", self.ends(child))
        with open(disk, "rb") as file:
            self.assertTrue(file.read().startswith(b"written inside"))

    def test_compressed(self):
        child = self.by_line(self.pack("--compress", "lz4", "--hash", "sha256"))
        self.says(child, "cat /mnt/disk/hello.txt; nproc", r"\s4\s")
        self.says(child, "grep RAM /proc/iomem", "48000000-67ffffff : System RAM")
        self.off(child)

    def test_elf(self):
        """A kernel that is one, and its app, compressed."""
        kernel, app = self.link("kernel", KERNEL, 0x48400000), self.link("app", APP, 0x400000)
        self.pack("--kernel", kernel, "--app", app, "--app-offset", "2M", "--disk", "none", "--compress", "lz4")
        status, out, err = self.launch("--bundle", self.bundle)
        self.assertEqual(status, 0, out + err)
        self.assertIn("hello from the app", out)

    def link(self, name, text, address):
        """A static ELF of that assembly."""
        linked = self.path(name)
        subprocess.run(["aarch64-linux-gnu-gcc", "-nostdlib", "-static", "-no-pie", f"-Wl,-Ttext=0x{address:x},--build-id=none",
                        "-x", "assembler", "-", "-o", linked], input=text, text=True, check=True)
        return linked

    def test_larger_than_its_place(self):
        """The file reaches into what would be the guest's RAM, which goes elsewhere."""
        large = self.path("large.img")
        with open(large, "wb") as file:
            file.truncate(160 << 20)
        child = self.by_line(self.pack("--disk", large + ",ram"))
        self.says(child, "cat /sys/block/vda/size", "327680")
        self.says(child, "grep RAM /proc/iomem", "48000000-67ffffff : System RAM")
        self.off(child)


class Refused(PackTest):
    def test_by_run(self):
        """One sentence each, and no machine."""
        self.pack("--disk", "none", "--rng")
        for options, words in ((["--smp", "1"], "--smp is of the guest, which is in the file"),
                               (["--cmd", "true"], "--cmd does not go with --bundle"),
                               (["--config", "x", "--rng"], "has no configuration 'x': it has conf-1"),
                               ([], "has 1 devices of the machine's, and the options make 0")):
            status, out, err = self.launch("--bundle", self.bundle, *options)
            self.assertEqual((status, out), (1, ""))
            self.assertIn(words, err)


if __name__ == "__main__":
    unittest.main()
