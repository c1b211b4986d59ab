#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""U-Boot and EDK2 of Debian's, unchanged, as the guest: what they keep in flash survives a reset, the
run, and QEMU's death; each boots a kernel from its disk."""

import glob
import os
import signal
import unittest

import pexpect
from firmware import EDK2, SMALL_DISK, U_BOOT, FirmwareTest
from support import LAUNCHER, LIMIT, SYSROOT

HERE = "The root /dev/vda2 is mounted: efi-guest, Linux 6"


def kernel_version():
    """Of the kernel on the disk."""
    path = glob.glob(os.path.join(SYSROOT, "boot", "vmlinuz-*"))
    return os.path.basename(path[0]).removeprefix("vmlinuz-")


class UBoot(FirmwareTest):
    def kill_qemu(self, child):
        """By SIGKILL, which leaves it no time."""
        with open(f"/proc/{child.pid}/task/{child.pid}/children", encoding="ascii") as file:
            for pid in file.read().split():
                os.kill(int(pid), signal.SIGKILL)
        child.expect(pexpect.EOF)

    def test_environment(self):
        child = self.start(U_BOOT, "--flash", self.path("flash"))
        self.u_boot_prompt(child)
        self.assertIn("Intel Extended command set", self.u_boot(child, "flinfo 2"))
        self.assertIn("not defined", self.u_boot(child, "printenv hello"))
        self.u_boot(child, "setenv hello by-reset")
        self.assertIn("OK", self.u_boot(child, "saveenv"))
        child.send("reset\r")
        self.u_boot_prompt(child)
        self.assertIn("hello=by-reset", self.u_boot(child, "printenv hello"))
        self.u_boot(child, "setenv hello by-kill")
        child.send("saveenv\r")
        self.expect(child, r"Writing to Flash\.\.\. done")
        self.kill_qemu(child)
        child = self.start(U_BOOT, "--flash", self.path("flash"))
        self.u_boot_prompt(child)
        self.assertIn("hello=by-kill", self.u_boot(child, "printenv hello"))
        child.send("poweroff\r")
        self.ends(child)
        self.by_bundle()

    def by_bundle(self):
        """What is in the file is packed with U-Boot; a change outlives a reset, but goes nowhere."""
        with open(self.path("flash"), "rb") as file:
            before = file.read()
        child = self.pack(f"{U_BOOT},vars={self.path('flash')}", "--smp", "1")
        self.u_boot_prompt(child)
        self.assertIn("hello=by-kill", self.u_boot(child, "printenv hello"))
        self.u_boot(child, "setenv hello by-bundle")
        self.assertIn("OK", self.u_boot(child, "saveenv"))
        child.send("reset\r")
        self.u_boot_prompt(child)
        self.assertIn("hello=by-bundle", self.u_boot(child, "printenv hello"))
        child.send("poweroff\r")
        self.expect(child, "exit: guest powered off")
        child = self.spawn(LAUNCHER, "run", "--bundle", self.path("bundle.img"), "--timeout", str(LIMIT))
        self.u_boot_prompt(child)
        self.assertIn("hello=by-kill", self.u_boot(child, "printenv hello"))
        child.send("poweroff\r")
        self.ends(child)
        with open(self.path("flash"), "rb") as file:
            self.assertEqual(file.read(), before)

    def test_nothing_is_kept_without_a_file(self):
        child = self.start(U_BOOT, "--smp", "1")
        self.u_boot_prompt(child)
        self.u_boot(child, "setenv hello")
        self.assertIn("OK", self.u_boot(child, "saveenv"))
        child.send("poweroff\r")
        self.ends(child)
        child = self.start(U_BOOT)
        self.expect(child, "bad CRC, using default environment")

    def test_kernel_from_a_disk(self):
        version = kernel_version()
        child = self.start(U_BOOT, "--disk", SMALL_DISK + ",snapshot")
        self.u_boot_prompt(child)
        self.assertIn(f"vmlinuz-{version}", self.u_boot(child, "ls virtio 0:2 /boot"))
        self.u_boot(child, f"load virtio 0:2 ${{kernel_addr_r}} /boot/vmlinuz-{version}")
        self.u_boot(child, f"load virtio 0:2 ${{ramdisk_addr_r}} /boot/initrd.img-{version}")
        self.u_boot(child, "setenv bootargs root=/dev/vda2 console=ttyAMA0 quiet")
        child.send("booti ${kernel_addr_r} ${ramdisk_addr_r}:${filesize} ${fdtcontroladdr}\r")
        self.expect(child, HERE)
        self.ends(child)


class Edk2(FirmwareTest):
    def test_grub_and_a_kernel(self):
        child = self.start(EDK2, "--flash", self.path("flash"), "--disk", SMALL_DISK + ",snapshot")
        self.expect(child, "GNU GRUB")
        self.expect(child, HERE)
        self.ends(child)

    def test_variables(self):
        child = self.start(EDK2, "--flash", self.path("flash"), "--smp", "1", "--device", "virtio-rng")
        self.expect(child, "Shell> ")
        child.send("setvar kept -guid 12345678-1234-1234-1234-123456789abc -bs -rt -nv =0x4142\r")
        self.expect(child, "Shell> ")
        child.send("reset\r")
        self.expect(child, "guest resets")
        self.expect(child, "Shell> ")
        child.send("reset -s\r")
        self.ends(child)
        child = self.start(f"{EDK2},vars={self.path('flash')}")
        self.expect(child, "Shell> ")
        child.send("setvar kept -guid 12345678-1234-1234-1234-123456789abc\r")
        self.expect(child, "42 41")
        child.send("reset -s\r")
        self.ends(child)


if __name__ == "__main__":
    unittest.main()
