#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Bundles under bare QEMU, with nothing but -kernel: guests that boot, and bundles that are refused, with the reason,
before any guest runs."""

import os
import struct
import subprocess
import sys
import unittest

import pexpect

import bundle
from support import BUILD, LIMIT, PROMPT, BootTest, tail

HYPERVISOR = os.path.join(BUILD, os.environ.get("TRAPROOM_HYP", "hyp"), "traproom.img")
GUEST = os.path.join(BUILD, "guest", "mem.img")
QEMU = ["qemu-system-aarch64", "-M", "virt,virtualization=on,gic-version=3", "-cpu", "max,pauth-impdef=on",
        "-smp", "4", "-m", "1G", "-nographic", "-nic", "none"]


class BundleTest(BootTest):
    def setUp(self):
        super().setUp()
        self.bundle = self.path("bundle.img")
        self.images = {"tree": bundle.tree(self.own_tree()), "kernel": bundle.kernel(GUEST)}

    def pack(self, default="plain", **configurations):
        bundle.make_fit(self.path("fit"), self.images, configurations or {"plain": bundle.VM}, default)
        bundle.append(HYPERVISOR, self.path("fit"), self.bundle)

    def boot(self, *options):
        done = subprocess.run([*QEMU, *options, "-kernel", self.bundle], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=LIMIT, check=False)
        return done.stdout.decode("utf-8", "replace").replace("\r", "")

    def runs(self, *options):
        out = self.boot(*options)
        self.assertRegex(out, r"verdict: \d+ cases, 0 failed", tail(out))
        self.assertIn("exit: guest powered off", out)
        return out

    def refused(self, *patterns, options=()):
        """Neither does a guest run, nor is there a second error."""
        out = self.boot(*options)
        self.assertIn("exit: guest refused", out, tail(out))
        self.assertNotIn("verdict", out)
        errors = [line for line in out.splitlines() if "error:" in line]
        self.assertEqual(len(errors), 1, out)
        for pattern in patterns:
            self.assertRegex(errors[0], pattern)


class Boots(BundleTest):
    def test_small_guest(self):
        self.pack()
        self.assertIn('bundle: a test\'s bundle; configuration "plain", plain', self.runs())

    def test_checked_by_sha256(self):
        for image in self.images.values():
            image.algo = "sha256"
        self.pack()
        self.runs()

    def test_configuration_by_name(self):
        self.images["broken"] = bundle.kernel(GUEST, algo=None)
        self.pack(default="other", plain=bundle.VM, other=bundle.VM.replace('"kernel"', '"broken"'))
        self.runs("-append", "quiet traproom.config=plain x")
        self.refused('image "broken" has no hash')
        self.refused('no configuration "third", which traproom.config names', "plain, other",
                     options=("-append", "traproom.config=third"))

    def test_linux_with_a_disk(self):
        slot = "virtio_mmio@a000000 {"
        images = os.path.join(BUILD, "images")
        self.images = {
            "tree": bundle.tree(self.own_tree((slot, slot + ' traproom,image = "disk-0";'))),
            "kernel": bundle.kernel(os.path.join(images, "Image")),
            "ramdisk": bundle.ramdisk(os.path.join(images, "initramfs.cpio.gz")),
            "disk-0": bundle.disk(os.path.join(images, "disk.img"))}
        for name in ("kernel", "ramdisk"):
            bundle.pack(self.images[name], self.path(name + ".lz4"))
        self.pack(plain=bundle.VM.replace("}", 'ramdisk = "ramdisk"; loadables = "disk-0"; }'))
        child = pexpect.spawn(QEMU[0], [*QEMU[1:], "-kernel", self.bundle], timeout=LIMIT, encoding="utf-8",
                              codec_errors="replace")
        self.addCleanup(child.close, True)
        self.assertEqual(child.expect([PROMPT, pexpect.EOF]), 0, tail(child.before or ""))
        self.assertIn("EXT4-fs (vda): mounted", child.before)
        child.sendline("reboot -f")
        self.assertEqual(child.expect([PROMPT, pexpect.EOF]), 0, tail(child.before or ""))
        child.sendline("poweroff -f")
        child.expect(pexpect.EOF)
        self.assertIn("exit: guest powered off", child.before)


class Damaged(BundleTest):
    def flip(self, path, at):
        """One bit of the image in the bundle, byte `at` of it."""
        with open(path, "rb") as file:
            image = file.read()
        with open(self.bundle, "r+b") as file:
            data = file.read()
            place = data.index(image) + at % len(image)
            file.seek(place)
            file.write(bytes([data[place] ^ 0x20]))

    def test_one_bit(self):
        with open(self.path("blob"), "wb") as file:
            file.write(bytes(range(256)) * 16)
        self.images["ramdisk"] = bundle.ramdisk(self.path("blob"))
        self.images["disk-0"] = bundle.disk(os.path.join(BUILD, "guest", "mmio.img"))
        slot = "virtio_mmio@a000000 {"
        self.images["tree"] = bundle.tree(self.own_tree((slot, slot + ' traproom,image = "disk-0";')))
        for name, at in (("tree", 5), ("kernel", 4096), ("ramdisk", 0), ("disk-0", -1)):
            with self.subTest(name):
                self.pack(plain=bundle.VM.replace("}", 'ramdisk = "ramdisk"; loadables = "disk-0"; }'))
                self.flip(self.images[name].path, at)
                self.refused(rf'image "{name}" is damaged: its crc32 should be [0-9a-f]{{8}}, but is [0-9a-f]{{8}}')

    def test_file_cut_off(self):
        self.pack()
        size = os.path.getsize(self.bundle)
        os.truncate(self.bundle, size - 8192)
        self.refused('image "kernel" is damaged')

    def test_header_too_small(self):
        self.pack()
        with open(self.bundle, "r+b") as file:
            file.seek(bundle.IMAGE_SIZE)
            file.write(struct.pack("<Q", os.path.getsize(self.bundle) - 8192))
        self.refused(r'truncated: the bundle\'s image "kernel" wants \[0x[0-9a-f]+, 0x[0-9a-f]+\], the bundle ends at 0x')

    def test_no_bundle(self):
        self.bundle = HYPERVISOR
        self.refused("no bundle: this image was made without `tools/traproom pack`")


    def test_packed_image(self):
        with open(self.path("broken"), "wb") as file:
            file.write(bytes.fromhex("04224d18 6840 4000000000000000 00 05000000 ffffffffff 00000000"))
        self.images["kernel"] = bundle.kernel(self.path("broken"), 'compression = "lz4";')
        self.pack()
        self.refused('image "kernel" can\'t be unpacked: a block of its LZ4 frame is broken')


class Wrong(BundleTest):
    def test_other_architecture(self):
        self.images["kernel"].lines[1] = self.images["kernel"].lines[1].replace("arm64", "x86_64")
        self.pack()
        self.refused('image "kernel" is for "x86_64"')

    def test_no_image(self):
        self.images["kernel"] = bundle.kernel(self.images["tree"].path)
        self.pack()
        self.refused("neither an ELF file nor an arm64 Image")

    def test_two_vms(self):
        self.pack(plain=bundle.VM + bundle.VM.replace("vm-0", "vm-1"))
        self.refused('configuration "plain" describes 2 VMs')

    def test_overlap_in_the_guest(self):
        self.images["ramdisk"] = bundle.ramdisk(GUEST, load=0x48001000)
        self.pack(plain=bundle.VM.replace("}", 'ramdisk = "ramdisk"; }'))
        self.refused(r"the initramfs at \[0x48001000, 0x[0-9a-f]+\] overlaps the kernel at \[0x48000000, 0x[0-9a-f]+\]",
                     "move one of them")

    def test_overlap_in_the_bundle(self):
        self.images["ramdisk"] = bundle.ramdisk(GUEST)
        self.pack(plain=bundle.VM.replace("}", 'ramdisk = "ramdisk"; }'))
        kernel, ramdisk = (struct.pack(">I", int(subprocess.run(
            ["fdtget", self.path("fit"), f"/images/{name}", "data-offset"], stdout=subprocess.PIPE,
            check=True).stdout)) for name in ("kernel", "ramdisk"))
        with open(self.path("fit"), "r+b") as file:
            fit = file.read()
            self.assertEqual(fit[:bundle.PAGE].count(ramdisk), 1)
            file.seek(fit.index(ramdisk))
            file.write(kernel)
        bundle.append(HYPERVISOR, self.path("fit"), self.bundle)
        self.refused(r"initramfs's image at \[0x[0-9a-f]+, 0x[0-9a-f]+\] overlaps the kernel's image at \[0x")

    def test_flash(self):
        slot = "virtio_mmio@a000000 {"
        self.images["flash-0"] = bundle.disk(self.path("flash"))
        for names, size, words in (
                ('"flash-0", "flash-1"', 4096, '"traproom,image" names "flash-1", which is not among the "loadables"'),
                ('"", "flash-0"', 0x40001, "the content of its bank at 0x40000 has 0x40001 bytes, but the bank 0x40000"),
                ('"flash-0", "flash-0"', 4096, r"at \[0x[0-9a-f]+, 0x[0-9a-f]+\] overlaps /flash@0 at \[0x")):
            with self.subTest(names):
                with open(self.path("flash"), "wb") as file:
                    file.truncate(size)
                self.images["tree"] = bundle.tree(self.own_tree((slot, f"""flash@0 {{
                    compatible = "cfi-flash"; reg = <0 0 0 0x40000>, <0 0x40000 0 0x40000>; bank-width = <4>;
                    traproom,image = {names}; }}; {slot}""")))
                self.pack(plain=bundle.VM.replace("}", 'loadables = "flash-0"; }'))
                self.refused("/flash@0", words)

    def test_entry(self):
        for entry in (0, 0x48000004):
            with self.subTest(entry):
                self.images["kernel"] = bundle.kernel(GUEST, entry=entry)
                self.pack()
                self.refused(rf'image "kernel" is loaded at 0x48000000, but entered at 0x{entry:x}:')

    def test_outside_the_ram(self):
        self.images["kernel"] = bundle.kernel(GUEST, load=0x80000000)
        self.pack()
        self.refused(r"the kernel does not fit: it needs \[0x80000000, 0x[0-9a-f]+\], which is not all in the guest's RAM")

    def test_machine_without_el2(self):
        self.pack()
        for machine in ("virt", "virt,gic-version=3"):
            with self.subTest(machine):
                self.assertIn("exit: guest refused: the machine has started us at EL1",
                              self.boot("-M", f"{machine},virtualization=off"))

    def test_machine_too_small(self):
        self.pack()
        self.refused(r"0x48000000, 0x67ffffff.*give QEMU more \(-m\)", options=("-m", "256M"))


if __name__ == "__main__":
    unittest.main(verbosity=2, argv=sys.argv)
