#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""U-Boot, Debian's for QEMU's machine, at EL2: it loads what `tools/traproom pack` writes from a disk, and starts it by
booti and bootm; of signed ones only those that are whole. docs/bundle.md shows the same by hand."""

import os
import subprocess
import unittest

import pexpect

from support import LAUNCHER, LIMIT, PROMPT, BootTest, tail

FIRMWARE = "/usr/lib/u-boot/qemu_arm64/u-boot.bin"
MACHINE = "virt,virtualization=on,gic-version=3"
COMMON = ["-cpu", "max,pauth-impdef=on", "-smp", "4", "-m", "1536M", "-nodefaults", "-display", "none"]
UBOOT = "=> $"
LOAD = "fatload virtio 0 0x60000000 {0}"


class UBootTest(BootTest):
    def setUp(self):
        super().setUp()
        if not os.path.exists(FIRMWARE):
            self.skipTest(f"{FIRMWARE} is not there: tools/setup test")
        self.disk = self.path("disk.img")
        with open(self.disk, "wb") as file:
            file.truncate(192 << 20)
        self.tool("mformat", "-i", self.disk, "-F", "::")

    def tool(self, *command):
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=LIMIT,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def pack(self, name, *options):
        self.tool(LAUNCHER, "pack", "-o", self.path(name), "--quiet", *options)
        return self.path(name)

    def put(self, path):
        self.tool("mcopy", "-o", "-i", self.disk, path, "::")

    def machine(self, *options):
        return ["-M", MACHINE, *COMMON, "-drive", f"if=none,id=disk,format=raw,readonly=on,file={self.disk}",
                "-device", "virtio-blk-device,drive=disk", *options]

    def uboot(self, *options):
        """At U-Boot's prompt."""
        child = pexpect.spawn("qemu-system-aarch64", [*self.machine(*options), "-no-reboot", "-serial", "stdio", "-bios",
                                                      FIRMWARE], timeout=LIMIT, encoding="utf-8", codec_errors="replace")
        self.addCleanup(child.close, True)
        child.expect("stop autoboot")
        child.send("\n")
        child.expect(UBOOT)
        return child

    def says(self, child, command, *patterns):
        child.sendline(command)
        self.assertEqual(child.expect([UBOOT, pexpect.EOF]), 0, tail(child.before))
        for pattern in patterns:
            self.assertRegex(child.before, pattern)

    def shell(self, child, command, cpus=4):
        """U-Boot's command leads to the guest's shell; what was printed before."""
        child.sendline(command)
        self.assertEqual(child.expect([PROMPT, UBOOT, pexpect.EOF]), 0, tail(child.before))
        before = child.before
        child.sendline("cat /proc/device-tree/model; echo; nproc")
        child.expect(PROMPT)
        self.assertRegex(child.before, rf"traproom\S*\s+{cpus}\s")
        child.sendline("poweroff -f")
        child.expect(pexpect.EOF)
        self.assertIn("exit: guest powered off", child.before)
        return before


class Boots(UBootTest):
    def test_booti(self):
        """The configuration is named by U-Boot's boot arguments."""
        self.pack("image")
        self.put(self.pack("image", "--add", "--config", "small", "--smp", "1"))
        child = self.uboot()
        self.says(child, LOAD.format("image"), "bytes read")
        self.says(child, "setenv bootargs traproom.config=small")
        self.shell(child, "booti 0x60000000 - ${fdtcontroladdr}", cpus=1)

    def test_bootm(self):
        self.put(self.pack("fit", "--format", "fit"))
        child = self.uboot()
        self.says(child, LOAD.format("fit"), "bytes read")
        before = self.shell(child, "bootm 0x60000000 - ${fdtcontroladdr}")
        self.assertRegex(before, r"Verifying Hash Integrity \.\.\. sha256\+ OK")


class Signed(UBootTest):
    def test_signed(self):
        """U-Boot's own tree has the public key: one that is whole, one with a bit that is flipped, one without."""
        key, tree = self.path("dev.key"), self.path("u-boot.dtb")
        self.tool("openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", key)
        self.tool("openssl", "req", "-batch", "-new", "-x509", "-key", key, "-subj", "/CN=dev", "-out",
                  self.path("dev.crt"))
        machine = self.machine()
        machine[1] += f",dumpdtb={tree}"
        self.tool("qemu-system-aarch64", *machine)
        signed = self.pack("signed", "--format", "fit", "--disk", "none", "--sign", key, "--public-key", tree)
        self.put(signed)
        with open(signed, "r+b") as file:
            file.seek(1 << 20)
            byte = file.read(1)[0]
            file.seek(1 << 20)
            file.write(bytes([byte ^ 0x10]))
        os.rename(signed, self.path("flipped"))
        self.put(self.path("flipped"))
        self.put(self.pack("unsigned", "--format", "fit", "--disk", "none"))
        child = self.uboot("-dtb", tree)
        for name, pattern in (("flipped", "Bad hash value for 'hash-1' hash node in 'traproom' image node"),
                              ("unsigned", "Failed to verify required signature 'key-dev'")):
            self.says(child, LOAD.format(name), "bytes read")
            self.says(child, "bootm 0x60000000 - ${fdtcontroladdr}", pattern)
        self.says(child, LOAD.format("signed"), "bytes read")
        before = self.shell(child, "bootm 0x60000000 - ${fdtcontroladdr}")
        self.assertIn("sha256,rsa2048:dev+ OK", before)


if __name__ == "__main__":
    unittest.main()
