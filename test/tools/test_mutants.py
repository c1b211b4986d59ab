#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Mutated device trees: each leads to a tree that can be used, or to a sentence about it."""

import os
import random
import re
import tempfile
import unittest

from support import MIB, VIRT_DTS, compile_dts, image
from launcher import Problem, fdt, guest_tree, images, layout, stage
from launcher.device import Device
from launcher.files import Files

SEED = int(os.environ.get("TRAPROOM_SEED", "8"))
ROUNDS = 6000
# What Python says itself: of struct, codecs, int, dict and the like.
PYTHON = re.compile(r"unpack|codec|buffer|subsection|NoneType|literal|too big|out of range|"
                    r"argument|errno", re.I)
RESERVED = """reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;
    fw@50000000 { reg = <0 0x50000000 0 0x1000000>; no-map; }; };
    chosen { linux,initrd-start = <0x5a000000>; linux,initrd-end = <0x5a100000>;
             traproom,dtb-address = <0 0x59000000>;"""
WORDS = (0, 1, 2, 3, 4, 9, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def mutate(blob, chance):
    """A few changes: of bits, bytes, words; a piece taken out, doubled or cut off."""
    data = bytearray(blob)
    for _ in range(chance.choice((1, 1, 1, 2, 4, 16))):
        at = chance.randrange(len(data)) if data else 0
        kind = chance.randrange(7)
        if kind == 0:
            data[at:at + 1] = bytes([data[at] ^ (1 << chance.randrange(8))] if data else b"")
        elif kind == 1:
            data[at:at + 1] = bytes([chance.randrange(256)])
        elif kind == 2:
            data[at & ~3:(at & ~3) + 4] = chance.choice(WORDS).to_bytes(4, "big")
        elif kind == 3:
            del data[at:at + chance.choice((1, 4, 8, 64))]
        elif kind == 4:
            data[at:at] = data[at:at + chance.choice((1, 4, 8, 64))]
        elif kind == 5:
            field = 4 * chance.randrange(10)
            data[field:field + 4] = chance.choice(WORDS + (len(data), at)).to_bytes(4, "big")
        elif chance.randrange(20) == 0:
            del data[at:]
    return bytes(data)


class Options:
    """What stage.Stage wants to know of the command line."""
    dtb, bare, initrd, cmd = "tree.dtb", True, ["initrd"], None
    kernel_paddr = None


class Mutants(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="traproom-mutants-")
        self.addCleanup(folder.cleanup)
        for name, data in (("kernel", image(3 * MIB)), ("initrd", b"i" * 1000), ("disk", b"d" * 512)):
            with open(os.path.join(folder.name, name), "wb") as file:
                file.write(data)
        files = Files(folder.name)
        self.file = lambda name: files.get(name, os.path.join(folder.name, name))

    def use(self, data):
        """All that the launcher does with a tree."""
        tree = guest_tree.GuestTree(fdt.parse(data, "tree.dtb"), "tree.dtb")
        tree.forget_staged()
        tree.check()
        tree.why_silent()
        tree.add_boot_arguments("a=b")
        work = stage.Stage(Options, tree, layout.Staging(tree.ram()))
        kernel = images.Kernel(self.file("kernel"))
        work.fix(kernel, self.file("initrd"))
        _, end = work.add_kernel(kernel)
        work.add_tree()
        work.add_initrd(self.file("initrd"), end)
        work.add_devices([Device("--disk ours", image=self.file("disk")), Device("--disk its", front="x")])
        self.assertGreater(work.staging.machine_size(), 0)
        blob = tree.tree.pack()
        self.assertEqual(fdt.parse(blob, "again").pack(), blob)
        self.apart(work.guest)

    def apart(self, guest):
        ours = [entry for entry in guest.taken if entry[1].startswith("the ")]
        for piece, name in ours:
            for other, owner in guest.taken:
                if (piece, name) != (other, owner) and owner != guest_tree.MEMRESERVE:
                    self.assertFalse(layout.overlap(piece, other), (name, owner))

    def run_mutants(self, blob, rounds):
        chance = random.Random(SEED)
        refused = 0
        self.use(blob)
        for _ in range(rounds):
            data = mutate(blob, chance)
            try:
                self.use(data)
            except Problem as problem:
                refused += 1
                self.assertRegex(str(problem), r"tree\.dtb|the tree must move|the guest's RAM")
                self.assertNotRegex(str(problem), PYTHON)
        self.assertGreater(refused, rounds // 20)
        self.assertLess(refused, rounds * 19 // 20)

    def test_default_tree(self):
        with open(VIRT_DTS, encoding="utf-8") as file:
            self.run_mutants(compile_dts(file.read()), ROUNDS)

    def test_tree_with_places(self):
        with open(VIRT_DTS, encoding="utf-8") as file:
            text = file.read().replace("chosen {", RESERVED)
        self.run_mutants(compile_dts(text.replace("/ {", "/memreserve/ 0x48000000 0x1000;\n/ {", 1)),
                         ROUNDS)

    def test_every_length(self):
        with open(VIRT_DTS, encoding="utf-8") as file:
            blob = compile_dts(file.read())
        for length in range(0, len(blob), 3):
            with self.assertRaises(Problem) as caught:
                self.use(blob[:length])
            self.assertNotRegex(str(caught.exception), PYTHON)


if __name__ == "__main__":
    unittest.main()
