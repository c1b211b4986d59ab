#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tools/launcher/layout.py: nothing lies on anything else, and the machine has room for all."""

import types
import unittest

from support import MIB
from launcher import Problem, layout
from launcher.files import File

GIB = 1 << 30
DEFAULT_RAM = [(0x48000000, 512 * MIB)]


def kernel(size=28 * MIB, text_offset=0):
    return types.SimpleNamespace(file=File("Image", "Image", size), size=size, text_offset=text_offset)


def initrd_place(size, it, ram, reserved=()):
    guest = layout.Guest(ram, reserved)
    start = guest.place_kernel(it, "")
    guest.place_tree()
    return guest.place_initrd(size, start + it.size)


class InGuest(unittest.TestCase):
    def test_usual_places(self):
        guest = layout.Guest(DEFAULT_RAM)
        self.assertEqual(guest.place_kernel(kernel(), ""), 0x48000000)
        self.assertEqual(guest.place_tree(), 0x47000000)
        self.assertEqual(guest.place_initrd(MIB, 0x49C00000), 0x54000000)

    def test_kernel_does_not_fit(self):
        layout.Guest(DEFAULT_RAM).place_kernel(kernel(512 * MIB), "")
        for it in (kernel(512 * MIB + 1), kernel(512 * MIB, 0x80000)):
            with self.assertRaisesRegex(Problem, "512 MiB at 0x48000000.*Image.*: more"):
                layout.Guest(DEFAULT_RAM).place_kernel(it, "more")

    def test_kernel_at_2_mib_plus_its_offset(self):
        for start, offset, expected in ((0x48100000, 0, 0x48200000), (0x48000000, 0x80000, 0x48080000),
                                        (0x48001000, 0x80000, 0x48280000)):
            guest = layout.Guest([(start, 64 * MIB)])
            self.assertEqual(guest.place_kernel(kernel(text_offset=offset), ""), expected)

    def test_small_bank_is_passed_over(self):
        guest = layout.Guest([(0x1000, 64 * 1024), (0x40000000, 28 * MIB - 1), (0x80000000, 28 * MIB)])
        self.assertEqual(guest.place_kernel(kernel(), ""), 0x80000000)

    def test_small_ram_has_it_after_the_kernel(self):
        self.assertEqual(initrd_place(MIB, kernel(), [(0x48000000, 64 * MIB)]), 0x49C00000)

    def test_large_kernel_pushes_it_up(self):
        self.assertEqual(initrd_place(MIB, kernel(300 * MIB), DEFAULT_RAM), 0x48000000 + 300 * MIB)

    def test_tree_in_the_way(self):
        at = initrd_place(MIB, kernel(111 * MIB), [(0x40000000, 128 * MIB)])
        self.assertEqual(at, 0x47200000)

    def test_no_room(self):
        self.assertIsNone(initrd_place(40 * MIB, kernel(), [(0x48000000, 64 * MIB)]))

    def test_beside_what_is_reserved(self):
        reserved = [(0x48000000, 0x1000, "firmware"), (0x54100000, 0x1000, "more")]
        guest = layout.Guest(DEFAULT_RAM, reserved)
        start = guest.place_kernel(kernel(), "")
        self.assertEqual(start, 0x48200000)
        self.assertEqual(guest.place_initrd(2 * MIB, start + 28 * MIB), 0x49E00000)

    def test_tree_goes_elsewhere(self):
        ram = [(0x40000000, 512 * MIB)]
        self.assertEqual(layout.Guest(ram).place_tree(), 0x47000000)
        self.assertEqual(layout.Guest(ram, [(0x47100000, 16, "x")]).place_tree(), 0x40000000)
        # The end of RAM cuts it in two; and a ninth piece would be one too many.
        self.assertEqual(layout.Guest([(0x40000000, 113 * MIB)]).place_tree(), 0x40000000)
        eight = [(0x80000000 + i * 64 * MIB, 32 * MIB) for i in range(8)]
        self.assertEqual(layout.Guest(eight).place_tree(), 0x80000000)
        with self.assertRaisesRegex(Problem, "no room for its tree"):
            layout.Guest([(0x47000000, MIB)]).place_tree()

    def test_what_the_tree_fixes(self):
        guest = layout.Guest(DEFAULT_RAM, [(0x50000000, MIB, "fw"), (0x52000000, MIB, "/memreserve/")])
        guest.fix((0x51000000, MIB), "the initramfs")
        with self.assertRaisesRegex(Problem, r"the tree at \[0x50080000, 0x5017ffff\] overlaps fw at "
                                             r"\[0x50000000, 0x500fffff\]"):
            guest.fix((0x50080000, MIB), "the tree")
        with self.assertRaisesRegex(Problem, "overlaps the initramfs"):
            guest.fix((0x51000000, 16), "the tree")
        # What put it there reserved it, too.
        guest.fix((0x52000000, MIB), "the tree")
        with self.assertRaisesRegex(Problem, "overlaps /memreserve/"):
            guest.fix((0x52080000, MIB), "more")


class InMachine(unittest.TestCase):
    CASES = [
        DEFAULT_RAM,
        [(0x40000000, 512 * MIB)],  # a tree from QEMU
        [(0x40000000, 4 * GIB)],
        [(0x0, 64 * MIB)],
        [(0x80000000, GIB)],
        [(1 << 39, 2 * GIB)],
        [(0x48000000, 128 * MIB), (0x60000000, 256 * MIB)],
        [(0x10000000, 512 * MIB), (0x50000000, 512 * MIB)],
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
        places = [(staging.add(File("x", "x", size)), size) for size in sizes]
        for i, place in enumerate(places):
            self.assertEqual(place[0] % layout.ALIGN, 0)
            self.assertFalse(any(layout.overlap(place, other) for other in places[:i]))
        end = max(start + size for start, size in places)
        self.assertGreaterEqual(layout.MACHINE_RAM + staging.machine_size(), end + layout.SPARE)


if __name__ == "__main__":
    unittest.main()
