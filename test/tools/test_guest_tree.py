#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tools/launcher/guest_tree.py: what is read from a tree and what is put into it."""

import os
import pathlib
import re
import tempfile
import unittest

from support import MIB, VIRT_DTS, compile_dts, dump_qemu_tree
from launcher import Problem, fdt, guest_tree
from launcher.files import File

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
        self.assertEqual(self.tree.virtio_nodes()[0].name, "virtio_mmio@a000000")
        self.assertIsNone(self.tree.dtb_address())
        self.assertEqual(self.tree.reserved(), [])

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


class Limits(unittest.TestCase):
    def test_those_of_the_hypervisor(self):
        header = pathlib.Path(__file__).resolve().parents[2] / "hyp" / "lib" / "limits.h"
        limit = re.search(r"#define MAX_CPUS +(\d+)", header.read_text())
        self.assertEqual(guest_tree.MAX_CPUS, int(limit[1]))


class OtherTrees(unittest.TestCase):
    def test_from_qemu(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "dump.dtb")
            dump_qemu_tree(path, "-smp", "3", "-m", "768")
            dumped = guest_tree.load_blob(File(path, path, 0))
        dumped.check()
        self.assertEqual(len(dumped.cpus()), 3)
        self.assertEqual(dumped.ram(), [(0x40000000, 768 * MIB)])
        self.assertTrue(dumped.virtio_nodes()[0].name.startswith("virtio_mmio@a"))

    def test_one_cell(self):
        small = tree(HEAD % (1, 1) + CPU + 'memory@1000 { device_type = "memory"; '
                     "reg = <0x1000 0x2000 0x9000 0x1000>; }; };")
        small.check()
        self.assertEqual(small.ram(), [(0x1000, 0x2000), (0x9000, 0x1000)])

    def test_disabled_nodes_do_not_count(self):
        text = HEAD % (2, 2) + CPU + """
            memory@0 { device_type = "memory"; status = "disabled"; reg = <0 0 0 0x1000>; };
            memory@1000 { device_type = "memory"; reg = <0 0x1000 0 0x1000>; };
            a { compatible = "virtio,mmio"; status = "disabled"; };
            b { c { compatible = "other", "virtio,mmio"; }; }; };"""
        self.assertEqual(tree(text).ram(), [(0x1000, 0x1000)])
        self.assertEqual(tree(text).virtio_nodes()[0].name, "c")

    def test_what_the_guest_does_not_see_is_no_slot(self):
        slot = 'x { compatible = "virtio,mmio"; }; '
        for bus, there in (("", True), ('compatible = "simple-bus";', True),
                           ('compatible = "acme,bus";', True),
                           ('compatible = "acme,bus"; reg = <0 0>;', False),
                           ('compatible = "acme,bus"; reg = <0 0>; traproom,pass;', True), ('status = "disabled";', False)):
            found = tree(HEAD % (2, 2) + f"a {{ {bus} b {{ {slot} }}; }}; }};").virtio_nodes()
            self.assertEqual(bool(found), there, bus)

    def test_ram_in_order(self):
        memory = 'memory@%x { device_type = "memory"; reg = <0 0x%x 0 0x1000>; }; '
        text = HEAD % (2, 2) + "".join(memory % (at, at) for at in (0x9000, 0x3000, 0x2000)) + "};"
        self.assertEqual(tree(text).ram(), [(0x2000, 0x2000), (0x9000, 0x1000)])

    def test_reserved(self):
        text = HEAD % (2, 2) + """reserved-memory { #address-cells = <1>; #size-cells = <1>; ranges;
            a { reg = <0x1000 0x2000 0x8000 0x100>; }; b { size = <0x1000>; };
            c { reg = <0x4000 0x1000>; status = "disabled"; }; }; };"""
        text = text.replace("/dts-v1/;", "/dts-v1/; /memreserve/ 0x5000 0x10;")
        self.assertEqual(tree(text).reserved(), [
            (0x1000, 0x2000, "/reserved-memory/a"), (0x8000, 0x100, "/reserved-memory/a"),
            (0x5000, 0x10, "/memreserve/")])

    def test_arguments_to_the_byte(self):
        it = tree(HEAD % (2, 2) + r'chosen { bootargs = "\xfe=1"; }; };')
        it.add_boot_arguments("a=\udcff")
        self.assertEqual(it.chosen.properties["bootargs"], b"\xfe=1 a=\xff\0")

    def test_numbers(self):
        chosen = "chosen { linux,initrd-start = [%s]; }; };"
        self.assertEqual(tree(HEAD % (2, 2) + chosen % "01 00 00 00").initrd_start(), 1 << 24)
        for value in ("", "01", "01 02 03 04 05 06 07 08 09"):
            with self.assertRaisesRegex(Problem, "32 or 64 bits"):
                tree(HEAD % (2, 2) + chosen % value).initrd_start()

    def test_nodes_by_name(self):
        it = tree(HEAD % (2, 2) + "a { x@1 { }; y { }; }; b { x@2 { }; }; chosen { }; };")
        for name in ("x@1", "/a/x@1", "/a/x"):
            it.mark(name, "--pass", "traproom,pass")
            self.assertEqual(it.root.child("a").child("x@1").properties.pop("traproom,pass"), b"")
        for name, words in (("x", "2 such nodes"), ("z", "no such node"), ("/b/y", "no such node")):
            with self.assertRaisesRegex(Problem, f"--pass {name}: test has {words}"):
                it.mark(name, "--pass", "traproom,pass")

    def test_nodes_that_are_no_device(self):
        text = CPU + """a { }; b { reg = <0 0 0 4>; }; c { reg; }; aliases { }; chosen { }; memory-x { };
            memory@0 { reg = <0 0 0 4>; }; reserved-memory { r { }; }; };"""
        it = tree(HEAD % (2, 2) + text)
        for name in ("/", "cpus", "/cpus/cpu@0", "aliases", "chosen", "memory", "/reserved-memory", "r"):
            with self.assertRaisesRegex(Problem, f"--pass {name}: it is no device"):
                it.mark(name, "--pass", guest_tree.PASS)
        for name in ("a", "c"):
            with self.assertRaisesRegex(Problem, f"--registers {name}: the node has no reg"):
                it.mark(name, "--registers", guest_tree.REGISTERS)
        for name, prop in (("a", guest_tree.PASS), ("memory-x", guest_tree.PASS), ("b", guest_tree.REGISTERS)):
            it.mark(name, "--x", prop)
            self.assertEqual(it.root.child(name).properties[prop], b"")

    def test_console(self):
        uart = 'u: uart@9 { compatible = "arm,pl011"; %s }; aliases { serial0 = &u; }; '
        for text, silent in ((uart, "no stdout-path"), ("", "no arm,pl011"),
                             (uart % 'status = "disabled";', "no arm,pl011"),
                             (uart + "chosen { stdout-path = &u; };", None),
                             (uart + 'chosen { stdout-path = "serial0:115200n8"; };', None),
                             (uart + 'chosen { stdout-path = "serial1"; };', "no stdout-path"),
                             (uart + 'chosen { stdout-path = "/uart@8"; };', "no stdout-path"),
                             (uart + 'chosen { bootargs = "a console=ttyAMA0"; };', None)):
            why = tree(HEAD % (2, 2) + text.replace("%s", "") + "};").why_silent()
            self.assertEqual(why is None, silent is None, text)
            self.assertIn(silent or "", why or "")

    def refused(self, text, words):
        with self.assertRaises(Problem) as caught:
            tree(text).check()
        self.assertIn(words, str(caught.exception))

    def test_refused(self):
        memory = "memory@0 { device_type = \"memory\"; reg = <0 0 0 0x1000>; }; };"
        self.refused(HEAD % (2, 2) + memory, "no CPU")
        self.refused(HEAD % (2, 2) + CPU + "};", "no RAM")
        self.refused(HEAD % (2, 2) + CPU + 'memory@0 { device_type = "memory"; reg = <0 0 0>; }; };',
                     "multiple of 16")
        self.refused(HEAD % (3, 2) + CPU + memory, "#address-cells 3")
        self.refused(HEAD % (2, 2) + CPU + 'memory@0 { device_type = "memory"; reg = '
                     "<0xffffffff 0xfffff000 0 0x2000>; }; };", "beyond 64 bits")
        self.refused(HEAD % (2, 2) + CPU + 'memory@0 { device_type = "memory"; reg = '
                     "<0x0 0x0 0x4000 0x0>; }; };", "more than 256 GiB")
        many = "cpus { #address-cells = <1>; #size-cells = <0>; " + "".join(
            f'cpu@{i:x} {{ device_type = "cpu"; reg = <{i}>; }}; ' for i in range(17)) + "}; "
        self.refused(HEAD % (2, 2) + many + memory, "17 CPUs")


if __name__ == "__main__":
    unittest.main()
