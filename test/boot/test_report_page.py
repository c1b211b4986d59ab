# SPDX-License-Identifier: Apache-2.0
"""`tools/traproom report --collect`: what it writes down of a boot agrees with itself and with the guest."""

import json
import os
import subprocess
import unittest

import support

RAM, BLOCK = 0x48000000, 2 << 20
PARTS = ("exits", "ledger", "timeline", "stage2", "latency_ns")


class Collect(support.BootTest):
    def collect(self, *options):
        """(exit status, stdout, stderr, the data)"""
        done = subprocess.run([support.LAUNCHER, "report", "--build", support.BUILD, "--collect", self.path("run.json"),
                               "--", "--timeout", str(support.LIMIT), *options], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=support.LIMIT + 60, check=False)
        if not os.path.exists(self.path("run.json")):
            return done.returncode, done.stdout, done.stderr, None
        with open(self.path("run.json"), encoding="utf-8") as file:
            return done.returncode, done.stdout, done.stderr, json.load(file)

    def test_boot(self):
        status, out, err, data = self.collect("--quiet", "--smp", "2", "--cmd", "echo from the guest; exit 7")
        self.assertEqual((status, out), (7, "from the guest\n"), err)
        self.assertEqual([part for part in PARTS if not data[part]], [])
        self.assertEqual(data["vcpus"], 2)
        self.check_exits(data)
        self.check_stage2(data["stage2"])

    def check_exits(self, data):
        """Counted thrice, the same."""
        totals = {exit["reason"]: sum(exit["per_vcpu"]) for exit in data["exits"]}
        by_place = dict.fromkeys(totals, 0)
        for row in data["ledger"]:
            by_place[row["reason"]] += row["count"]
        self.assertEqual(by_place, totals)
        tracks = {track["track"]: track for track in data["timeline"]}
        for vcpu in range(2):
            self.assertEqual(len(tracks[f"vCPU {vcpu}"]["events"]), sum(exit["per_vcpu"][vcpu] for exit in data["exits"]))
        self.assertIn("pl011@9000000", tracks)

    def check_stage2(self, stage2):
        """The guest's RAM is there, in blocks, and each table is where a descriptor says."""
        self.assertEqual((stage2["ipa_bits"], stage2["start_level"]), (40, 1))
        level2 = {int(table["ipa"], 0): table for table in stage2["tables"] if table["level"] == 2}
        blocks = dict(level2[RAM & ~((1 << 30) - 1)]["entries"])
        for ipa in range(RAM, RAM + (512 << 20), BLOCK):
            self.assertEqual(int(blocks[ipa >> 21 & 511], 0) & 0x7FF, 0x7FD, hex(ipa))
        places = {int(table["pa"], 0) for table in stage2["tables"]}
        for table in stage2["tables"]:
            if table["level"] < 3:
                self.assertEqual([desc for _, desc in table["entries"] if int(desc, 0) & 3 == 3 and int(desc, 0) & 0xFFFFFFFFF000 not in places], [])

    def test_no_run(self):
        status, _, err, data = self.collect("--kernel", "/nowhere")
        self.assertEqual((status, data), (1, None))
        self.assertIn("/nowhere", err)


if __name__ == "__main__":
    unittest.main()
