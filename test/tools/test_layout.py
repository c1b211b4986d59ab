#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tools/launcher/layout.py: nothing lies on anything else, and the machine has room for all."""

import types
import unittest

from support import MIB
from launcher import Problem, layout

GIB = 1 << 30
DEFAULT_RAM = [(0x48000000, 512 * MIB)]


def kernel(size=28 * MIB, text_offset=0):
    return types.SimpleNamespace(path="Image", size=size, text_offset=text_offset)


class InGuest(unittest.TestCase):
    def test_usual_places(self):
        self.assertEqual(layout.kernel_place(kernel(), DEFAULT_RAM), (0x48000000, 28 * MIB))
        self.assertEqual(layout.initrd_place(MIB, kernel(), DEFAULT_RAM, 0x47000000), 0x54000000)

    def test_kernel_does_not_fit(self):
        layout.kernel_place(kernel(512 * MIB), DEFAULT_RAM)
        for it in (kernel(512 * MIB + 1), kernel(512 * MIB, 0x80000)):
            with self.assertRaises(Problem):
                layout.kernel_place(it, DEFAULT_RAM)

    def test_small_ram_has_it_after_the_kernel(self):
        ram = [(0x48000000, 64 * MIB)]
        self.assertEqual(layout.initrd_place(MIB, kernel(), ram, 0x47000000), 0x49C00000)

    def test_large_kernel_pushes_it_up(self):
        self.assertEqual(layout.initrd_place(MIB, kernel(300 * MIB), DEFAULT_RAM, 0x47000000),
                         0x48000000 + 300 * MIB)

    def test_tree_in_the_way(self):
        ram = [(0x40000000, 128 * MIB)]
        at = layout.initrd_place(MIB, kernel(111 * MIB), ram, 0x47000000)
        self.assertEqual(at, 0x47200000)

    def test_no_room(self):
        self.assertIsNone(layout.initrd_place(40 * MIB, kernel(), [(0x48000000, 64 * MIB)],
                                              0x47000000))


class InMachine(unittest.TestCase):
    CASES = [
        DEFAULT_RAM,
        [(0x40000000, 512 * MIB)],  # a tree from QEMU
        [(0x40000000, 4 * GIB)],
        [(0x0, 64 * MIB)],
        [(0x80000000, GIB)],
        [(1 << 39, 2 * GIB)],
        [(0x48000000, 128 * MIB), (0x60000000, 256 * MIB)],
        [(0x50000000, 512 * MIB), (0x10000000, 512 * MIB)],
    ]

    def test_room_for_all(self):
        for ram in self.CASES:
            staging = layout.Staging(ram)
            first = staging.next
            total = sum(size for _, size in ram)
            self.assertGreaterEqual(first, layout.ROOM + total if ram[0][0] < layout.ROOM else 0)
            self.assertGreaterEqual(first - layout.ROOM, total)
            self.assertEqual(first % layout.ALIGN, 0)
            # Nor is the machine absurdly larger than what it holds.
            self.assertLessEqual(first - layout.ROOM, 2 * total + 512 * MIB)

    def test_default_is_identity(self):
        self.assertEqual(layout.Staging(DEFAULT_RAM).next, 0x68000000)

    def test_files_follow_each_other(self):
        staging = layout.Staging(DEFAULT_RAM)
        sizes = [1, 2 * MIB, 2 * MIB + 1, 300 * MIB]
        places = [(staging.add(str(size), size), size) for size in sizes]
        for i, place in enumerate(places):
            self.assertEqual(place[0] % layout.ALIGN, 0)
            self.assertFalse(any(layout.overlap(place, other) for other in places[:i]))
        end = max(start + size for start, size in places)
        self.assertGreaterEqual(layout.MACHINE_RAM + staging.machine_size(), end + layout.SPARE)


if __name__ == "__main__":
    unittest.main()
