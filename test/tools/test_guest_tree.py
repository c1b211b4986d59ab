#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tools/launcher/guest_tree.py: what is read from a tree and what is put into it."""

import os
import tempfile
import unittest

from support import MIB, VIRT_DTS, compile_dts, dump_qemu_tree
from launcher import Problem, fdt, guest_tree

HEAD = "/dts-v1/; / { #address-cells = <%d>; #size-cells = <%d>; "
CPU = 'cpus { #address-cells = <1>; #size-cells = <0>; cpu@0 { device_type = "cpu"; reg = <0>; }; }; '


def tree(text):
    return guest_tree.GuestTree(fdt.parse(compile_dts(text), "test"), "test")


class DefaultTree(unittest.TestCase):
    def setUp(self):
        self.tree = guest_tree.compile_source(VIRT_DTS)

    def test_as_it_is(self):
        self.tree.check()
        self.assertEqual(len(self.tree.cpus()), 4)
        self.assertEqual(self.tree.ram(), [(0x48000000, 512 * MIB)])
        self.assertEqual(self.tree.first_virtio().name, "virtio_mmio@a000000")
        self.assertEqual(self.tree.dtb_address(), 0x47000000)

    def test_cpus(self):
        for count in (1, 4, 16):
            self.tree.set_cpu_count(count)
            cpus = self.tree.cpus()
            self.assertEqual([node.u32("reg", None) for node in cpus], list(range(count)))
            self.assertEqual(len({node.name for node in cpus}), count)
            self.assertTrue(all(node.text("enable-method") == "psci" for node in cpus))

    def test_ram(self):
        self.tree.set_ram_size(5 << 30)
        self.assertEqual(self.tree.ram(), [(0x48000000, 5 << 30)])

    def test_boot_arguments(self):
        self.tree.add_boot_arguments("quiet loglevel=3")
        self.assertEqual(self.tree.chosen.text("bootargs"), "console=ttyAMA0 quiet loglevel=3")
        self.tree.add_boot_arguments(None)
        self.assertEqual(self.tree.chosen.text("bootargs"), "console=ttyAMA0 quiet loglevel=3")

    def test_initrd(self):
        self.tree.set_initrd_place(0x54000000, 0x123)
        self.assertEqual(self.tree.initrd_start(), 0x54000000)
        self.assertEqual(self.tree.chosen.properties["linux,initrd-end"],
                         (0x54000123).to_bytes(8, "big"))
        self.tree.forget_initrd()
        self.assertIsNone(self.tree.initrd_start())


class OtherTrees(unittest.TestCase):
    def test_from_qemu(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "dump.dtb")
            dump_qemu_tree(path, "-smp", "3", "-m", "768")
            dumped = guest_tree.load_blob(path)
        dumped.check()
        self.assertEqual(len(dumped.cpus()), 3)
        self.assertEqual(dumped.ram(), [(0x40000000, 768 * MIB)])
        self.assertTrue(dumped.first_virtio().name.startswith("virtio_mmio@a"))

    def test_one_cell(self):
        small = tree(HEAD % (1, 1) + CPU + "memory@1000 { reg = <0x1000 0x2000 0x9000 0x1000>; }; };")
        small.check()
        self.assertEqual(small.ram(), [(0x1000, 0x2000), (0x9000, 0x1000)])

    def test_disabled_nodes_do_not_count(self):
        text = HEAD % (2, 2) + CPU + """
            memory@0 { device_type = "memory"; status = "disabled"; reg = <0 0 0 0x1000>; };
            memory@1000 { device_type = "memory"; reg = <0 0x1000 0 0x1000>; };
            a { compatible = "virtio,mmio"; status = "disabled"; };
            b { c { compatible = "other", "virtio,mmio"; }; }; };"""
        self.assertEqual(tree(text).ram(), [(0x1000, 0x1000)])
        self.assertEqual(tree(text).first_virtio().name, "c")

    def refused(self, text, words):
        with self.assertRaises(Problem) as caught:
            tree(text).check()
        self.assertIn(words, str(caught.exception))

    def test_refused(self):
        memory = "memory@0 { device_type = \"memory\"; reg = <0 0 0 0x1000>; }; };"
        self.refused(HEAD % (2, 2) + memory, "no CPU")
        self.refused(HEAD % (2, 2) + CPU + "};", "no RAM")
        self.refused(HEAD % (2, 2) + CPU + "memory@0 { reg = <0 0 0>; }; };", "multiple of 16")
        self.refused(HEAD % (3, 2) + CPU + memory, "#address-cells 3")
        many = "cpus { #address-cells = <1>; #size-cells = <0>; " + "".join(
            f'cpu@{i:x} {{ device_type = "cpu"; reg = <{i}>; }}; ' for i in range(17)) + "}; "
        self.refused(HEAD % (2, 2) + many + memory, "17 CPUs")


if __name__ == "__main__":
    unittest.main()
