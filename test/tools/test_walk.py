#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tools/launcher/walk.py and what stands on it, with tables made by hand; test/walk asks the hardware."""

import unittest

import support  # noqa: F401  pylint: disable=unused-import

from launcher import descriptor, s2map, vmsa, walk, walk_words
from launcher.walk import Access

RAM, SIZE = 0x40000000, 1 << 28
VTTBR, VTCR = 0x40246000, 0x80023558  # 40 bits of IPA, 4 KiB granules, from level 1 on: docs/stage2.md's
BLOCK = 0x7FD  # docs/stage2.md's attributes
S2 = {"vttbr": VTTBR, "vtcr": VTCR}
TTBR1, PAGE = 0x48001000, 0x783
VA = 0xFFFF800008000123
REGS = {"hcr_el2": 1 << vmsa.HCR_VM, "sctlr_el1": 0x1005, "tcr_el1": 16 | 16 << 16 | 2 << 30 | 5 << 32, "mair_el1": 0xFF,
        "ttbr1_el1": TTBR1, "id_aa64mmfr0_el1": 0x1125, "id_aa64mmfr1_el1": 0, "id_aa64mmfr2_el1": 0}


class Memory(dict):
    def read(self, address, size):
        if not RAM <= address < RAM + SIZE:
            raise walk.NoMemory
        return b"".join(self.get(at, 0).to_bytes(8, "little") for at in range(address, address + size, 8))


def memory():
    """Stage 2 as docs/stage2.md has it; VA by four levels to IPA 0x48010000."""
    words = Memory({VTTBR + 8: 0x4024A003, 0x4024A000 + 8 * 64: 0x48000000 | BLOCK})
    indices = [VA >> shift & 511 for shift in (39, 30, 21, 12)]
    for level, index in enumerate(indices):
        words[TTBR1 + 0x1000 * level + 8 * index] = TTBR1 + 0x1000 * (level + 1) | 3 if level < 3 else 0x48010000 | PAGE
    return words


def leaf_address():
    return TTBR1 + 0x3000 + 8 * (VA >> 12 & 511)


class Walks(unittest.TestCase):
    def look(self, words, access=Access(), regs=None, va=VA):
        return walk.walk(va, {**REGS, **(regs or {})}, words.read, S2, access)

    def fault(self, *args, **named):
        found = self.look(*args, **named).fault
        return (found.kind, found.stage, found.level, found.walk)

    def test_both_stages(self):
        """Each of four tables takes two loads of stage 2 and its own; the address itself two more."""
        found = self.look(memory())
        self.assertIsNone(found.fault)
        self.assertEqual((found.ipa, found.pa, found.loads), (0x48010123, 0x48010123, 14))
        self.assertEqual([step.stage for step in found.steps], [2, 2, 1] * 4 + [2, 2])
        self.assertEqual(found.rights.words(), "EL1 r-x, EL0 --x")
        self.assertEqual(found.memory.words(), "Normal write-back, inner shareable")

    def test_ipa(self):
        found = walk.walk_ipa(0x48000010, REGS, memory().read, S2)
        self.assertEqual((found.pa, found.loads, found.va), (0x48000010, 2, None))
        self.assertEqual(walk.walk_ipa(0x9000000, REGS, memory().read, S2).fault.words(),
                         "stage 2 translation fault, level 1")
        self.assertEqual(walk.walk_ipa(1 << 40, REGS, memory().read, S2).fault.level, 0)

    def test_faults(self):
        """One after another, at the level where it is."""
        words = memory()
        words[leaf_address()] = 0
        self.assertEqual(self.fault(words), (walk.TRANSLATION, 1, 3, False))
        words[leaf_address()] = (0x48010000 | PAGE) & ~(1 << 10)
        self.assertEqual(self.fault(words), (walk.ACCESS_FLAG, 1, 3, False))
        words[leaf_address()] = 1 << 47 | 0x48010000 | PAGE
        self.assertEqual(self.fault(words, regs={"tcr_el1": REGS["tcr_el1"] & ~(7 << 32) | 2 << 32}),
                         (walk.ADDRESS_SIZE, 1, 3, False))
        self.assertEqual(self.fault(words), (walk.TRANSLATION, 2, 0, False))  # beyond the 40 bits of stage 2
        self.assertEqual(self.fault(memory(), Access("w")), (walk.PERMISSION, 1, 3, False))
        self.assertEqual(self.fault(memory(), va=VA ^ 1 << 50), (walk.TRANSLATION, 1, 0, False))

    def test_table_outside(self):
        words = memory()
        words[TTBR1 + 8 * (VA >> 39 & 511)] = 0x50000003  # stage 2 does not map it
        found = self.look(words)
        self.assertEqual((found.fault.stage, found.fault.walk, found.fault.level), (2, True, 2))
        self.assertEqual(found.fault.ipa & ~0xFFF, 0x50000000)
        words[0x4024A000 + 8 * 128] = 0xB0000000 | BLOCK  # and now to where no memory is
        self.assertEqual(self.fault(words), (walk.EXTERNAL, 1, 1, False))

    def test_off(self):
        """Without stage 1 the VA is the IPA, and device memory to loads and stores."""
        found = self.look(memory(), regs={"sctlr_el1": 0}, va=0x48000000)
        self.assertEqual((found.pa, found.loads, found.memory.words()), (0x48000000, 2, "Device-nGnRnE"))

    def test_rights_of_tables(self):
        words = memory()
        words[leaf_address()] = 0x48010000 | 0x743  # EL0 may write
        self.assertEqual(self.look(words).rights.words(), "EL1 rw-, EL0 rwx")
        words[TTBR1 + 8 * (VA >> 39 & 511)] |= 1 << 62 | 1 << 60
        self.assertEqual(self.look(words).rights.words(), "EL1 r-x, EL0 r--")

    def test_words(self):
        found = self.look(memory())
        text = "\n".join(walk_words.lines(found))
        self.assertIn("14 loads", text)
        self.assertIn("Contiguous", text)
        for first in 1, 2:  # of stage 2, for the tables of stage 1 and the address itself
            self.assertEqual(text.count(f"every bit as in {first}."), 4, text)
        self.assertEqual(found.to_json()["steps"][2]["table_ipa"], f"0x{TTBR1:x}")
        self.assertIn("why", "\n".join(walk_words.lines(self.look(memory(), Access("w")))))

    def test_roots(self):
        """Which register, why that one, and what the sizes are."""
        text = "\n".join(walk_words.lines(self.look(memory()), True, ", PC of vCPU 1"))
        self.assertTrue(text.startswith(f"VA 0x{VA:x}, PC of vCPU 1\n"
                                        "stage 1: by TTBR1_EL1, since bit 55 of the VA is 1, 0x48001000\n"), text)
        self.assertIn("granules of 4 KiB, VAs of 48 bits: from level 0 on, at 0x48001000\n", text)
        self.assertIn("stage 2: by VTTBR_EL2, 0x40246000\n", text)
        self.assertIn("IPAs of 40 bits: from level 1 on, at 0x40246000, 2 tables in a row that are one "
                      "(concatenated)\n", text)
        self.assertIn("ASID 0 in bits [63:48]\n", text)
        self.assertIn("VMID 0 in bits [63:48]\n", text)
        shared = "\n".join(walk_words.lines(self.look(memory(), regs={"ttbr1_el1": 5 << 48 | TTBR1 | 1})))
        self.assertIn("ASID 5 in bits [63:48], CnP: CPUs share it\n", shared)
        tagged = self.look(memory(), regs={"tcr_el1": REGS["tcr_el1"] | 1 << 38}, va=VA ^ 0x42 << 56)
        self.assertEqual((tagged.pa, tagged.roots[1].why), (
            self.look(memory()).pa, "bit 55 of the VA is 1 (its bits [63:56] do not count: TCR_EL1.TBI1)"))
        low = self.look(memory(), va=0x1000)
        self.assertEqual((low.roots[1].register, low.roots[1].of.input_bits), ("TTBR0_EL1", 48))
        off = "\n".join(walk_words.lines(self.look(memory(), regs={"sctlr_el1": 0}, va=0x48000000)))
        self.assertIn("stage 1: off, since SCTLR_EL1.M is 0\n", off)
        roots = self.look(memory()).to_json()["roots"]
        self.assertEqual([(root["stage"], root["register"]) for root in roots], [(1, "TTBR1_EL1"), (2, "VTTBR_EL2")])
        self.assertNotIn(1, walk.walk_ipa(0x48000010, REGS, memory().read, S2).roots)


class Fields(unittest.TestCase):
    def test_every_bit_once(self):
        """No bit of a descriptor is named twice."""
        for step in walk.walk(VA, REGS, memory().read, S2).steps:
            seen = 0
            for field in step.fields():
                high, _, low = field.bits.strip("[]").partition(":")
                mask = (2 << int(high)) - (1 << int(low or high))
                self.assertEqual(seen & mask, 0, field)
                seen |= mask
            self.assertEqual(step.desc & ~seen, 0, descriptor.KINDS[step.kind])


class Maps(unittest.TestCase):
    def test_runs(self):
        words = memory()
        words[0x4024A000 + 8 * 65] = 0x48200000 | BLOCK
        words[0x4024A000 + 8 * 66] = 0x48400000 | BLOCK & ~0x80  # read-only
        found = s2map.Map(VTTBR, VTCR, REGS, words.read)
        self.assertEqual([(run.ipa, run.size, run.level) for run in found.runs()],
                         [(0x48000000, 4 << 20, 2), (0x48400000, 2 << 20, 2)])
        self.assertEqual([table["level"] for table in found.to_json()["tables"]], [1, 2])

    def test_circle(self):
        """A table that leads to itself ends at the last level."""
        words = Memory({VTTBR: VTTBR | 3})
        self.assertLessEqual(len(s2map.Map(VTTBR, VTCR, REGS, words.read).tables), 3)


if __name__ == "__main__":
    unittest.main()
