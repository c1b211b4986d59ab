# SPDX-License-Identifier: Apache-2.0
"""For tests of firmware as the guest: U-Boot and EDK2, typed at through the console."""

import os
import shlex
import subprocess

import pexpect

from support import BUILD, LAUNCHER, LIMIT, BootTest, tail

PACKAGES = os.path.join(BUILD, "debian", "firmware", "usr")
U_BOOT = os.path.join(PACKAGES, "lib/u-boot/qemu_arm64/u-boot.bin")
EDK2 = os.path.join(PACKAGES, "share/qemu-efi-aarch64/QEMU_EFI.fd")
SMALL_DISK = os.path.join(BUILD, "images", "efi-small.img")
DEBIAN_DISK = os.path.join(BUILD, "images", "efi-debian.img")


class FirmwareTest(BootTest):
    def start(self, firmware, *options):
        return self.spawn(LAUNCHER, "run", "--firmware", firmware, "--timeout", str(LIMIT), *options)

    def spawn(self, command, *arguments):
        child = pexpect.spawn(command, list(arguments), timeout=LIMIT, encoding="utf-8", codec_errors="replace",
                              dimensions=(50, 200))
        self.addCleanup(child.close, True)
        return child

    def pack(self, firmware, *options):
        """A bundle of it, started by QEMU's line alone."""
        done = subprocess.run([LAUNCHER, "pack", "-o", self.path("bundle.img"), "--firmware", firmware, *options],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return self.spawn(*shlex.split(done.stdout))

    def expect(self, child, pattern):
        """What matches must come; returns the match."""
        found = child.expect([pattern, pexpect.EOF, pexpect.TIMEOUT])
        self.assertEqual(found, 0, f"no {pattern} in:\n{tail(child.before or '')}")
        return child.match

    def u_boot_prompt(self, child):
        self.expect(child, "Hit any key to stop autoboot")
        child.send("\r")
        self.expect(child, r"\n=> ")

    def u_boot(self, child, command):
        """What a command of U-Boot's prints."""
        child.send(command + "\r")
        self.expect(child, r"\n=> ")
        return child.before
