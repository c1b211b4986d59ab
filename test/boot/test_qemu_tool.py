#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tools/qemu-system-aarch64, first on the PATH, as other tools call QEMU (docs/tools.md)."""

import gzip
import os
import shutil
import subprocess
import unittest

import pexpect

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

    def test_panic(self):
        """Where QEMU alone would go on for ever."""
        status, out, err = self.qemu("-kernel", os.path.join(IMAGES, "Image"), "-nographic", "-cpu", "max")
        self.assertEqual(status, 121, out)
        self.assertIn("the guest's kernel panicked: VFS: Unable to mount root fs", err)


if __name__ == "__main__":
    unittest.main()
