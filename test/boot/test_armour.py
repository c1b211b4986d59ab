#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""EL2's armour, broken on purpose by a hypervisor built for that (test/sabotage/sabotage.c):
each time a report with the names of the functions, and the machine off."""

import os
import re
import subprocess
import sys
import unittest

from support import BUILD, REPO, BootTest, tail

sys.path.insert(0, os.path.join(REPO, "tools"))
from launcher import guest_tree  # noqa: E402

HYPERVISOR = os.path.join(BUILD, "hyp-sabotage", "traproom.elf")
SYMBOLIZE = os.path.join(REPO, "tools", "symbolize")


class Armour(BootTest):
    def tree(self, kind, cpus=4):
        """A guest's tree that asks for this, in a file."""
        tree = guest_tree.compile_source(os.path.join(REPO, "dts", "virt.dts"))
        tree.chosen.properties["traproom,sabotage"] = kind.encode() + b"\0"
        tree.set_cpu_count(cpus)
        with open(self.path("tree"), "wb") as file:
            file.write(tree.tree.pack())
        return self.path("tree")

    def broken(self, kind, model="max,pauth-impdef=on"):
        """The report of a hypervisor that did this to itself, with names."""
        status, out, err = self.launch("--hypervisor", HYPERVISOR, "--dtb", self.tree(kind),
                                       "--cpu", model)
        self.assertEqual(status, 2, tail(out) + err)
        done = subprocess.run([SYMBOLIZE, HYPERVISOR], input=out, capture_output=True, text=True,
                              check=True)
        self.assertRegex(done.stdout.splitlines()[-1], r"^\[traproom\] exit: hypervisor failed: ")
        self.assertNotIn("was not stopped", done.stdout)
        return done.stdout

    def exception(self, kind, text, function, model="max,pauth-impdef=on"):
        """It must be this exception, in this function, called from sabotage() and main()."""
        out = self.broken(kind, model)
        self.assertRegex(out, rf"exception at EL2, vector 4: .*{text}", tail(out))
        if function:
            self.assertRegex(out, rf" pc 0x[0-9a-f]+ <{function}\+", tail(out))
        self.assertRegex(out, r"(lr|called from) 0x[0-9a-f]+ <sabotage\+", tail(out))
        self.assertRegex(out, r"called from 0x[0-9a-f]+ <main\+", tail(out))
        return out

    def test_write_text(self):
        self.exception("write-text", "[Dd]ata [Aa]bort", "(write_text|store)")

    def test_write_read_only_data(self):
        self.exception("write-rodata", "[Dd]ata [Aa]bort", "(write_rodata|store)")

    def test_write_guard_page(self):
        self.exception("write-guard", "[Dd]ata [Aa]bort", "(write_guard|store)")

    def test_read_unmapped(self):
        self.exception("read-unmapped", "[Dd]ata [Aa]bort", "read_unmapped")

    def test_execute_data(self):
        self.exception("execute-data", "[Ii]nstruction [Aa]bort", None)

    def test_execute_read_only_data(self):
        self.exception("execute-rodata", "[Ii]nstruction [Aa]bort", None)

    def test_no_armour_of_newer_cpus(self):
        """The map's rights hold on the oldest CPU, too."""
        self.exception("write-text", "[Dd]ata [Aa]bort", "(write_text|store)", "cortex-a53")
        self.exception("execute-data", "[Ii]nstruction [Aa]bort", None, "cortex-a53")

    def test_overrun_stack(self):
        out = self.broken("overrun-stack")
        self.assertRegex(out, r"vector 4: .*[Dd]ata [Aa]bort")
        self.assertGreaterEqual(len(re.findall(r"called from 0x[0-9a-f]+ <deeper[.+]", out)), 10)

    def test_report_fails(self):
        out = self.broken("lose-stack")
        self.assertRegex(out, r"pc 0x[0-9a-f]+ <(lose_stack|sabotage)\+", tail(out))
        self.assertIn("and another while it was reported", out)

    def test_smash_stack(self):
        out = self.broken("smash-stack")
        self.assertIn("a stack frame was overrun", out)
        self.assertRegex(out, r"called from 0x[0-9a-f]+ <smash_stack\+", tail(out))

    def test_branch_to_no_landing_pad(self):
        self.exception("branch-anywhere", "[Bb]ranch [Tt]arget", "write_guard")

    def test_forged_return_address(self):
        out = self.broken("forge-return")
        self.assertRegex(out, r"vector 4: .*([Ii]nstruction [Aa]bort|[Pp]ointer [Aa]uth)")
        self.assertRegex(out, r"called from 0x[0-9a-f]+ <main\+", tail(out))

    def test_undefined_behaviour(self):
        self.exception("overflow", "", "overflow")

    def breach(self, kind, text):
        """What was done to a map is found by the walk after it (hyp/check/invariants.c)."""
        out = self.broken(kind)
        self.assertRegex(out.splitlines()[-1], f"hypervisor failed: {text}$")

    def test_guest_reaches_hypervisor(self):
        self.breach("map-hypervisor", "stage 2: page 0x40200000, of the hypervisor, "
                    "is mapped to the guest at IPA 0x100000000")

    def test_guest_reaches_table(self):
        self.breach("map-table", "stage 2: page 0x[0-9a-f]+, of the hypervisor, "
                    "is mapped to the guest at IPA 0x100000000")

    def test_guest_reaches_staged_image(self):
        self.breach("map-image", "stage 2: page 0x[0-9a-f]+, of the kernel's image, "
                    "is mapped to the guest at IPA 0x100000000")

    def test_page_at_two_addresses(self):
        self.breach("map-twice", "stage 2: page 0x48001000, of the guest's RAM, "
                    "is mapped twice, at 0x48001000 and 0x100000000")

    def test_constants_become_writable(self):
        self.breach("open-rodata", "EL2's map: page 0x[0-9a-f]+, code or constants, is writable")

    def test_guest_ram_becomes_executable(self):
        self.breach("open-guest-ram", "EL2's map: page 0x48000000, of the guest's RAM, "
                    "is both writable and executable")

    def test_guard_page_becomes_mapped(self):
        self.breach("open-guard", "EL2's map: the guard page 0x[0-9a-f]+ of stack 1 is mapped")

    def test_device_reaches_hypervisor(self):
        """What a machine's device is offered is looked at, too (hyp/check/device_ring.c)."""
        self.breach("give-hypervisor", "a device is given 0x10 bytes at 0x40200000: 0x40200000 "
                    "is of the hypervisor")

    def test_stage2_changes_under_the_guest(self):
        """Linux boots and works on; its faults were looked at when all was allowed again."""
        out = self.command("md5sum /bin/busybox; md5sum </bin/busybox", "--stats",
                           "--hypervisor", HYPERVISOR, "--dtb", self.tree("change-stage2", 1))
        again = re.search(r"abort: allowed by now +(\d+)", out)
        self.assertTrue(again and int(again.group(1)) > 10, tail(out))
        self.assertNotIn("abort: to the guest", out)
        sums = re.findall(r"^([0-9a-f]{32}) ", out, re.MULTILINE)
        self.assertEqual(len(sums), 2, tail(out))
        self.assertEqual(sums[0], sums[1])

    def test_unknown_kind(self):
        self.assertIn("there is no sabotage nothing-known", self.broken("nothing-known"))


if __name__ == "__main__":
    unittest.main()
