#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The performance monitors under Linux: its driver finds them, counts, and gets interrupts."""

import os
import unittest

from support import BUILD, BootTest

PROGRAM = os.path.join(BUILD, "guest", "perf_count")
COUNT = "/perf_count && echo taken=$(grep arm-pmu /proc/interrupts | tr -s ' ' | cut -d ' ' -f 3)"


class Perf(BootTest):
    def check(self, *options):
        out = self.command(COUNT, "--put", f"{PROGRAM}:/perf_count", "--smp", "1", *options)
        self.assertGreater(int(self.value(out, "cycles")), 1000000)
        self.assertGreater(int(self.value(out, "taken")), 0)

    def test_max(self):
        self.check()

    def test_where_registers_trap(self):
        self.check("--cpu", "cortex-a53")

    def test_cpu_without(self):
        out = self.command("ls -d /sys/bus/event_source/devices/*pmu* || echo none=1",
                           "--cpu", "max,pauth-impdef=on,pmu=off")
        self.assertEqual(self.value(out, "none"), "1")
        self.assertIn("no PMU for the guest: the CPU has none", out)


if __name__ == "__main__":
    unittest.main()
