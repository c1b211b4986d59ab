#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tools/launcher/fdt.py: blobs survive the way in and out; broken ones are refused."""

import os
import tempfile
import unittest

from support import VIRT_DTS, compile_dts, decompile, dump_qemu_tree
from launcher import Problem, fdt

SMALL = """/dts-v1/; /memreserve/ 0x1000 0x2000;
/ { a = <1 2>; b = "x", "yz"; empty; one@10 { c = [01 02 03]; two { }; }; three { a = <9>; }; };"""


class RoundTrip(unittest.TestCase):
    def check(self, blob):
        again = fdt.parse(blob, "test").pack()
        self.assertEqual(decompile(again), decompile(blob))

    def test_small(self):
        self.check(compile_dts(SMALL))

    def test_default_tree(self):
        with open(VIRT_DTS, encoding="utf-8") as file:
            self.check(compile_dts(file.read()))

    def test_tree_from_qemu(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "dump.dtb")
            dump_qemu_tree(path, "-smp", "4")
            with open(path, "rb") as file:
                self.check(file.read())

    def test_values(self):
        root = fdt.parse(compile_dts(SMALL), "test").root
        self.assertEqual(root.texts("b"), ["x", "yz"])
        self.assertEqual(root.text("b"), "x")
        self.assertEqual(root.properties["empty"], b"")
        self.assertEqual(root.child("one").properties["c"], b"\1\2\3")
        self.assertEqual([node.name for node in root.walk()], ["", "one@10", "two", "three"])
        self.assertIsNone(root.child("four"))

    def test_change(self):
        tree = fdt.parse(compile_dts(SMALL), "test")
        tree.root.child("three").set_u64s("new", 1, 1 << 40)
        self.assertIn("new = <0x00 0x01 0x100 0x00>", decompile(tree.pack()))


class Broken(unittest.TestCase):
    def refused(self, blob, words):
        with self.assertRaises(Problem) as caught:
            fdt.parse(blob, "tree.dtb")
        self.assertIn("tree.dtb", str(caught.exception))
        self.assertIn(words, str(caught.exception))

    def test_not_a_tree(self):
        self.refused(b"hello, this is no device tree at all, but a long text", "starts with")

    def test_empty(self):
        self.refused(b"", "not a valid")

    def test_every_truncation(self):
        blob = compile_dts(SMALL)
        for length in range(len(blob)):
            self.refused(blob[:length], "not a valid")

    def test_every_byte_spoilt(self):
        """No spoilt byte leads to anything but a tree or a refusal."""
        blob = compile_dts(SMALL)
        for at in range(len(blob)):
            for value in (0, 0xFF, blob[at] ^ 1):
                spoilt = blob[:at] + bytes([value]) + blob[at + 1:]
                try:
                    fdt.parse(spoilt, "tree.dtb")
                except Problem:
                    pass

    def test_version(self):
        blob = bytearray(compile_dts(SMALL))
        blob[20:28] = b"\0\0\0\x12\0\0\0\x12"
        self.refused(bytes(blob), "version")


if __name__ == "__main__":
    unittest.main()
