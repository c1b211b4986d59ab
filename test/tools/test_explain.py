#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`tools/traproom explain`: numbers from logs, fields, the IPA, what it says of them."""

import json
import os
import re
import subprocess
import tempfile
import unittest

from support import LAUNCHER, LIMIT, REPO, VIRT_DTS

from launcher import Problem, explain, syndrome


def of(text):
    return explain.explain(explain.Numbers(text))


def value(found, name):
    return next(int(field["value"], 16) for field in found["fields"] if field["name"] == name)


class Read(unittest.TestCase):
    def test_forms(self):
        for text in ("0x93830006 0xa0000 0xffff800010a01008", "93830006 a0000 ffff8000_10a01008",
                     "FAR_EL2: ffff800010a01008 HPFAR_EL2: 00000000000a0000 ESR_EL2: 0x93830006",
                     "(XEN) d0v0: HSR=0x93830006 pc=0xffff00 HPFAR = 0xa0000, FAR 0xffff800010a01008\n(XEN) HSR=0x1"):
            numbers = explain.Numbers(text)
            self.assertEqual((numbers.esr, numbers.hpfar, numbers.far), (0x93830006, 0xA0000, 0xFFFF800010A01008), text)

    def test_missing(self):
        numbers = explain.Numbers("ESR=96000045")
        self.assertEqual((numbers.hpfar, numbers.far), (None, None))

    def test_wrong(self):
        for text in ("", "hello", "1 2 3 4", "HPFAR=0xa0000", "0x1ffffffffffffffff", "ESR=0x12345678123456789"):
            with self.assertRaises(Problem, msg=text):
                explain.Numbers(text)


class Fields(unittest.TestCase):
    def test_access(self):
        found = of("0x93830006")
        self.assertEqual([value(found, name) for name in ("EC", "ISV", "SAS", "SRT", "SF", "WnR", "DFSC")],
                         [0x24, 1, 2, 3, 0, 0, 6])

    def test_fields_are_the_syndrome(self):
        """Put together again, the fields of a syndrome give it back: none is missed, none is at a wrong place."""
        known = {0x20: (1 << 10) | (1 << 9) | (1 << 7) | 0x3F, 0x24: (0x7FF << 14) | (7 << 8) | 0xFF,
                 0x18: (1 << 22) - 1, 0x16: 0xFFFF, 0x01: 3, 0x3C: 0xFFFF}
        for kind, mask in known.items():
            for seed in range(500):
                iss = (seed * 0x9E3779B97F4A7C15 >> 20) & mask | (1 << 24 if kind == 0x24 else 0)
                esr = kind << 26 | 1 << 25 | iss
                again = sum(field.value << field.low for field in syndrome.fields(esr) if field.name != "ISS")
                self.assertEqual(again, esr, hex(esr))

    def test_classes_are_those_of_el2(self):
        with open(os.path.join(REPO, "hyp", "trap", "esr.h"), encoding="utf-8") as file:
            known = re.findall(r"X\(ESR_EC_\w+, (0x[0-9a-f]+), ", file.read())
        self.assertGreater(len(known), 10)
        for kind in known:
            self.assertIn(int(kind, 16), syndrome.CLASSES)

    def test_every_number_has_an_answer(self):
        for kind in range(64):
            for iss in (0, (1 << 25) - 1, 0x1555555, *range(64)):
                self.assertTrue(of(f"{kind << 26 | iss:x} 10 20")["happened"])


class Place(unittest.TestCase):
    def place(self, text):
        return explain.ipa(explain.Numbers(text))

    def test_offset_is_fars(self):
        self.assertEqual(self.place("93830006 a0000 ffff800010a01008"), (0xA000008, 1))
        self.assertEqual(self.place("93830006 a0000"), (0xA000000, explain.PAGE))

    def test_walk(self):
        self.assertEqual(self.place("82000086 1230 1008"), (0x123000, explain.PAGE))
        self.assertIn("tables", of("82000086 1230 1008")["happened"])

    def test_large(self):
        self.assertEqual(self.place("93830006 0000fffffffffff0 fff"), ((1 << 56) - 1, 1))

    def test_not_valid(self):
        """HPFAR_EL2 is not written for a permission fault, nor for an exception of EL2's own."""
        for esr in ("9383000e", "97830006", "93830021", "5a000000"):
            self.assertIsNone(self.place(f"{esr} a0000 1008"))
            self.assertIn("not valid", of(f"{esr} a0000 1008")["addresses"][0]["words"])
        self.assertIsNone(self.place("93830006"))


class Words(unittest.TestCase):
    def test_what_happened(self):
        for text, words in (
                ("93830006 a0000 8", "read 4 bytes into w3 at IPA 0xa000008"),
                ("93c1804e a0000 8", "wrote 8 bytes from x1 at VA 0x8: permission fault, level 2"),
                ("9200004f", "wrote: permission fault, level 3"),
                ("8200000f", "fetched an instruction: permission fault, level 3"),
                ("92000147", "cleaned or invalidated caches"),
                ("9200002b", "translation fault, level -1"),
                ("5a000001", "hvc #0x1"),
                ("5e000007", "smc #0x7"),
                ("be000000", "SError")):
            self.assertIn(words, of(text)["happened"], text)

    def test_system_instruction(self):
        # MRS X7, ID_AA64PFR0_EL1, which is S3_0_C0_C4_0.
        esr = 0x18 << 26 | 1 << 25 | 3 << 20 | 7 << 5 | 4 << 1 | 1
        self.assertEqual(syndrome.system_instruction(esr), 0xD5380407)
        self.assertIn("id_aa64pfr0_el1", of(f"{esr:x}")["happened"])

    def test_permission(self):
        """What the syndrome rules out is no cause."""
        words = {0x8200000D: "an instruction fetch from", 0x9200004F: "a write to", 0x9200000F: "a read of"}
        for esr, mine in words.items():
            causes = " ".join(of(f"{esr:x}")["causes"])
            self.assertEqual([each for each in words.values() if f"{each} what stage 2" in causes], [mine])

    def test_upper_half(self):
        """ISS2 is named where there is something in it."""
        self.assertEqual(value(of("0x200000000"), "ISS2"), 2)
        self.assertNotIn("ISS2", [field["name"] for field in of("0x93830006")["fields"]])

    def test_no_syndrome(self):
        self.assertTrue(any("ISV is 0" in cause for cause in of("92000046 a0000 8")["causes"]))


class Level1(unittest.TestCase):
    """Exceptions that the kernel itself took, at EL1."""

    OOPS = """[    3.1] Unable to handle kernel NULL pointer dereference at virtual address 0000000000000010
[    3.1] Mem abort info:
[    3.1]   ESR = 0x0000000096000044
[    3.1]   EC = 0x25: DABT (current EL), IL = 32 bits
"""

    def test_oops(self):
        found = of(self.OOPS)
        self.assertEqual((found["register"], found["addresses"]),
                         ("ESR_EL1", [{"name": "FAR_EL1", "value": "0x10", "words": "the virtual address"}]))
        self.assertTrue(found["happened"].startswith("The kernel itself, at EL1, wrote at VA 0x10: translation fault"))
        self.assertIn("null with an offset", found["causes"][0])
        self.assertNotIn("hypervisor", " ".join(found["causes"]))

    def test_by_name(self):
        for esr, who, cause in ((0x92000007, "A program at EL0 read", "page fault"),
                                (0x9600004F, "The kernel itself, at EL1, wrote", "read-only"),
                                (0x8600000F, "The kernel itself, at EL1, fetched", "jump through")):
            found = of(f"ESR_EL1=0x{esr:x} FAR_EL1=0x400000")
            self.assertTrue(found["happened"].startswith(who), found["happened"])
            self.assertEqual(len(found["causes"]), 1)
            self.assertIn(cause, found["causes"][0])

    def test_of_neither_by_name(self):
        """What the same level took may be EL2's or EL1's."""
        causes = of("0x96000045")["causes"]
        self.assertIn("the hypervisor's own", causes[0])
        self.assertIn("if it is EL1's: a pointer", causes[1])


class Command(unittest.TestCase):
    def run_it(self, *args, **more):
        return subprocess.run([LAUNCHER, "explain", *args], capture_output=True, text=True, timeout=LIMIT, check=False,
                              **more)

    def test_tree(self):
        with tempfile.NamedTemporaryFile(suffix=".dtb") as tree:
            subprocess.run(["dtc", "-q", "-O", "dtb", "-o", tree.name, VIRT_DTS], check=True)
            for page, node in (("90000", "/pl011@9000000 of the tree, at offset 0x18"), ("fff0000", "No node")):
                done = self.run_it("93830006", page, "0xffff800010a01018", "--dtb", tree.name)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertIn(node, done.stdout)

    def test_log(self):
        done = self.run_it("--json", input="x\nESR_EL2: 0x93830006\nHPFAR_EL2: 0xa0000\n")
        found = json.loads(done.stdout)
        self.assertEqual(found["addresses"][0]["value"], "0xa0000")

    def test_reader_is_gone(self):
        reads, writes = os.pipe()
        os.close(reads)
        with os.fdopen(writes, "wb") as gone:
            done = subprocess.run([LAUNCHER, "explain", "93830006"], stdout=gone, stderr=subprocess.PIPE, timeout=LIMIT,
                                  check=False)
        self.assertEqual((done.returncode, done.stderr), (141, b""))

    def test_wrong(self):
        for args in (("zz",), ("1", "--dtb", "/nowhere"), ("--dtb", LAUNCHER, "1")):
            done = self.run_it(*args)
            self.assertEqual((done.returncode, done.stdout), (1, ""), args)
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertEqual(self.run_it(stdin=subprocess.DEVNULL).returncode, 1)


if __name__ == "__main__":
    unittest.main()
