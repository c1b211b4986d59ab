#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""--dtb: trees of one's own, and QEMU's."""

import os
import subprocess
import unittest

from support import BUILD, REPO, BootTest

# As the kernel shows them; %s: the first address of each piece of RAM.
RAM = "echo ram=$(sed -n 's/^\\([0-9a-f]*\\)-.*System RAM/\\1/p' /proc/iomem | tr '\\n' ' ')"


class Trees(BootTest):
    def own_tree(self, *replacements):
        with open(os.path.join(REPO, "dts", "virt.dts"), encoding="utf-8") as file:
            text = file.read()
        for before, after in replacements:
            self.assertIn(before, text)
            text = text.replace(before, after)
        path = self.path("own.dtb")
        subprocess.run(["dtc", "-q", "-O", "dtb", "-o", path], input=text.encode(), check=True)
        return path

    def test_from_qemu(self):
        """RAM at 0x40000000, many devices that are not offered, the disk behind the first slot."""
        path = self.path("dump.dtb")
        subprocess.run(["qemu-system-aarch64", "-M", f"virt,gic-version=3,dumpdtb={path}", "-cpu",
                        "max", "-smp", "2", "-m", "384", "-nodefaults", "-display", "none"],
                       check=True, capture_output=True)
        out = self.command(f"nproc; {RAM}; head -c 20 /mnt/disk/hello.txt; echo", "--dtb", path,
                           "--append", "console=ttyAMA0")
        self.assertIn("40000000", self.value(out, "ram"))
        self.assertIn("This file lies", out)
        self.assertIn("warning: ", out)

    def test_memory_elsewhere(self):
        path = self.own_tree(("memory@48000000", "memory@80000000"),
                             ("0x48000000 0x0 0x20000000", "0x80000000 0x0 0x10000000"))
        out = self.command(RAM, "--dtb", path)
        self.assertIn("80000000", self.value(out, "ram"))

    def test_memory_far_up_and_in_pieces(self):
        path = self.own_tree(("0x48000000 0x0 0x20000000>", "0x48000000 0x0 0x10000000>, "
                              "<0x4 0x00000000 0x0 0x10000000>"))
        out = self.command(f"{RAM}; dd if=/dev/zero of=/tmp/big bs=1M count=200 && rm /tmp/big",
                           "--dtb", path)
        self.assertIn("400000000", self.value(out, "ram"))

    def test_initramfs_where_the_tree_says(self):
        path = self.own_tree(("stdout-path", "linux,initrd-start = <0x5a345000>; "
                              "linux,initrd-end = <0x5a345000>; stdout-path"))
        out = self.command("od -An -tx1 /proc/device-tree/chosen/linux,initrd-start", "--dtb", path)
        self.assertIn(" 00 00 00 00 5a 34 50 00\n", out)

    def test_slot_without_a_disk(self):
        """Two slots, both empty: no device, and no complaint."""
        self.command("[ ! -e /dev/vda ]", "--dtb", self.own_tree(), "--disk", "none")

    def test_properties_are_kept_from_the_guest(self):
        out = self.command("find /proc/device-tree/ -name 'traproom*' | wc -l")
        self.assertIn("\n0\n", out)

    def test_hypervisor_as_an_image(self):
        """QEMU then puts the machine's tree into the way of the guest's RAM, which lies elsewhere."""
        image = os.path.join(BUILD, "hyp", "traproom.img")
        self.assertIn("\n4\n", self.command("echo; nproc", "--hypervisor", image))

    def test_contradiction(self):
        """A tree that can't be honoured is refused by name, before the guest runs."""
        path = self.own_tree(("reg = <0x0 0x09000000 0x0 0x1000>",
                              "reg = <0x0 0x08000000 0x0 0x1000>"))
        status, out, err = self.launch("--dtb", path)
        self.assertEqual(status, 1, out + err)
        self.assertIn("[traproom] error: ", out)
        self.assertIn("pl011", out)
        self.assertNotIn("Booting Linux", out)


if __name__ == "__main__":
    unittest.main()
