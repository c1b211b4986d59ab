#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""--trace and --ledger of a Linux guest: every exit is there once, the reference boot keeps to its budget of exits
(exits.json), and a report shows the last ones."""

import json
import os
import re
import subprocess
import unittest

from support import LAUNCHER, LIMIT, BootTest

BUDGET = os.path.join(os.path.dirname(os.path.realpath(__file__)), "exits.json")
STATS = re.compile(r"^\[traproom\] (\S.*?) +(\d+) (?: +\d+)+$", re.MULTILINE)
PANIC = 121


class Trace(BootTest):
    def test_reference_boot(self):
        status, out, err = self.launch("--icount", "--stats", "--cmd", "true", "--ledger", self.path("ledger.json"),
                                       "--trace", self.path("trace.json"))
        self.assertEqual(status, 0, out[-2000:] + err)
        with open(self.path("ledger.json"), encoding="utf-8") as file:
            data = json.load(file)
        counts = {row["reason"]: sum(row["per_vcpu"]) for row in data["exits"]}
        self.all_are_there(counts, {reason: int(count) for reason, count in STATS.findall(out)}, err)
        self.names_are_there(data["ledger"])
        self.is_within_budget(counts)
        with open(self.path("trace.json"), encoding="utf-8") as file:
            events = json.load(file)["traceEvents"]
        self.assertEqual(sum(one["ph"] == "X" and one["pid"] == 1 for one in events), sum(counts.values()))
        self.assertNotIn("had to wait", err)

    def all_are_there(self, counts, counted, err):
        """The hypervisor's own counts, which are printed before the last vCPU is off."""
        self.assertIn("mmio: pl011", counted, err)
        self.assertEqual(counts, counted)

    def names_are_there(self, rows):
        found = {(row["register"], row["symbol"].split("+")[0]) for row in rows}
        self.assertIn(("UARTFR", "pl011_read"), found)
        self.assertIn(("ICC_SGI1R_EL1", "gic_ipi_send_mask"), found)

    def is_within_budget(self, counts):
        with open(BUDGET, encoding="utf-8") as file:
            budget = json.load(file)
        over = {reason: (count, budget.get(reason, 0)) for reason, count in counts.items() if count > budget.get(reason, 0)}
        self.assertEqual(over, {}, "exits and their limits, by reason")

    def test_of_a_guest_that_runs(self):
        """Twice, and nothing of its boot is in it."""
        socket = self.path("monitor")
        guest = subprocess.Popen([LAUNCHER, "run", "--quiet", "--timeout", str(LIMIT), "--monitor", socket, "--cmd",
                                  "echo ready; while ! read -t 1 x; do :; done; echo went on"],
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(guest.communicate)
        self.assertEqual(guest.stdout.readline(), "ready\n")
        for _ in range(2):
            done = subprocess.run([LAUNCHER, "trace", "--socket", socket, "-o", self.path("trace.json"), "--ledger",
                                   self.path("ledger.json"), "--seconds", "5"], capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            with open(self.path("ledger.json"), encoding="utf-8") as file:
                counts = {row["reason"]: sum(row["per_vcpu"]) for row in json.load(file)["exits"]}
            self.assertGreater(counts["irq: guest timer"], 0)
            self.assertNotIn("sysreg: ID register", counts)  # of its boot
        self.assertEqual(guest.communicate("x\n", timeout=LIMIT), ("went on\n", None))
        self.assertEqual(guest.returncode, 0)

    def test_report(self):
        status, _, err = self.launch("--quiet", "--ledger", self.path("ledger.txt"), "--cmd",
                                     "echo c >/proc/sysrq-trigger")
        self.assertEqual(status, PANIC, err)
        last = err[err.index("the last exits, from the trace"):]
        self.assertRegex(last, r"vCPU 0\n +-?[\d.]+ s  ")
        self.assertRegex(last, r"  0\.000000 s  irq: report asked for, at \w+\+0x")
        self.assertTrue(os.path.getsize(self.path("ledger.txt")))


if __name__ == "__main__":
    unittest.main()
