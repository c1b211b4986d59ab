#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tools/qemu-system-aarch64, first on the PATH, as other tools call QEMU (docs/tools.md)."""

import gzip
import os
import shutil
import subprocess
import unittest

import pexpect

from firmware import EDK2, SMALL_DISK
from support import BUILD, LIMIT, PROMPT, REPO, BootTest, tail

IMAGES = os.path.join(BUILD, "images")


class QemuTool(BootTest):
    def qemu(self, *options):
        """(status, stdout, stderr) of such a command line."""
        environment = dict(os.environ, PATH=os.path.join(REPO, "tools") + ":" + os.environ["PATH"])
        done = subprocess.run(["qemu-system-aarch64", *options], env=environment, stdin=subprocess.DEVNULL,
                              text=True, capture_output=True, timeout=LIMIT, check=False)
        return done.returncode, done.stdout, done.stderr

    def test_as_kunit_does(self):
        """A packed kernel, and no disk nor network; the guest resets itself at its end."""
        packed = self.path("Image.gz")
        with open(os.path.join(IMAGES, "Image"), "rb") as plain, gzip.open(packed, "wb", compresslevel=1) as file:
            shutil.copyfileobj(plain, file)
        status, out, err = self.qemu(
            "-nodefaults", "-m", "1024", "-kernel", packed, "-initrd", os.path.join(IMAGES, "initramfs.cpio.gz"),
            "-append", "console=ttyAMA0 rdinit=/bin/busybox -- reboot -f", "-no-reboot", "-nographic", "-serial",
            "stdio", "-machine", "virt", "-cpu", "max,pauth-impdef=on")
        self.assertEqual(status, 0, out + err)
        self.assertIn("the guest reset itself", err)
        self.assertIn("Linux version", out)
        self.assertIn("reboot: Restarting system", out)
        self.assertNotIn("[traproom]", out)

    def test_pci_names(self):
        """A disk that is written to, a network card and entropy, by names that are of PCI."""
        disk = self.path("disk.img")
        with open(disk, "wb") as file:
            file.truncate(1 << 20)
        child = pexpect.spawn(
            os.path.join(REPO, "tools", "qemu-system-aarch64"),
            ["-M", "virt,gic-version=3,accel=kvm:tcg", "-smp", "2,sockets=2", "-m", "1G", "-nographic", "-kernel",
             os.path.join(IMAGES, "Image"), "-initrd", os.path.join(IMAGES, "initramfs.cpio.gz"), "-append",
             "quiet", "-drive", f"file={disk},format=raw", "-netdev", "user,id=n", "-device",
             "virtio-net-pci,netdev=n,romfile=", "-device", "virtio-rng-pci", "-device", "pcie-root-port,id=p"],
            timeout=LIMIT, encoding="utf-8", codec_errors="replace")
        self.addCleanup(child.close, True)
        self.assertEqual(child.expect([PROMPT, pexpect.EOF]), 0, tail(child.before or ""))
        child.sendline("printf here >/dev/vda; sync; cat /sys/class/misc/hw_random/rng_available; nproc; "
                       "ls /sys/class/net; poweroff")
        out = self.ends(child)
        self.assertRegex(out, r"(?s)virtio_rng\.0.*\n2\r.*eth0")
        with open(disk, "rb") as file:
            self.assertEqual(file.read(4), b"here")

    @unittest.skipUnless(os.path.exists(EDK2), "EDK2 is not fetched: the build's target firmware-disk does it")
    def test_firmware(self):
        """EDK2 in flash by -drive, its variables in a file, GRUB and a kernel from a disk."""
        kept, disk = self.path("kept"), self.path("disk.qcow2")
        with open(kept, "wb") as file:
            for _ in range(64):
                file.write(b"\xff" * (1 << 20))
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", SMALL_DISK, disk], check=True)
        status, out, err = self.qemu(
            "-M", "virt", "-cpu", "max", "-smp", "2", "-m", "512", "-nographic", "-no-reboot", "-drive",
            f"if=pflash,format=raw,unit=0,file={EDK2},readonly=on", "-drive", f"if=pflash,format=raw,unit=1,file={kept}",
            "-drive", f"file={disk},if=virtio")
        self.assertEqual(status, 0, tail(out) + err)
        self.assertRegex(out, r"(?s)GNU GRUB.*The root /dev/vda2 is mounted")
        with open(kept, "rb") as file:
            self.assertIn("BootOrder".encode("utf-16-le"), file.read())

    def test_panic(self):
        """Where QEMU alone would go on for ever."""
        status, out, err = self.qemu("-kernel", os.path.join(IMAGES, "Image"), "-nographic", "-cpu", "max")
        self.assertEqual(status, 121, out)
        self.assertIn("the guest's kernel panicked: VFS: Unable to mount root fs", err)


if __name__ == "__main__":
    unittest.main()
