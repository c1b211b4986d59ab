#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`tools/traproom monitor` and a Linux that runs."""

import json
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(__file__))
import support  # noqa: E402


class MonitorTest(support.BootTest):
    def start(self, *options):
        """A guest that lives until its stdin ends; returns once its shell runs."""
        self.socket = self.path("monitor")
        self.guest = subprocess.Popen([support.LAUNCHER, "run", "--quiet", "--timeout", str(support.LIMIT), "--monitor",
                                       self.socket, "--cmd", "echo ready; cat >/dev/null; echo went on", *options],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.guest.communicate)
        self.assertEqual(self.guest.stdout.readline(), "ready\n")

    def end(self):
        """The guest must be well, whatever has been asked."""
        out, _ = self.guest.communicate(timeout=support.LIMIT)
        self.assertEqual((out, self.guest.returncode), ("went on\n", 0))

    def monitor(self, *commands, status=0, options=("--json",)):
        done = subprocess.run([support.LAUNCHER, "monitor", "--socket", self.socket, *options, *commands],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=support.LIMIT, check=False)
        self.assertEqual(done.returncode, status, done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()] if "--json" in options else done

    def test_questions(self):
        self.start("--smp", "2")
        vm, vcpus, exits, memory, at = self.monitor("vm", "vcpu", "exits", "mem 0x47000000", "at 0")
        self.assertEqual(vm["vcpus"], 2)
        self.assertEqual(vm["ram"][0][:2], [0x48000000, 512 << 20])
        self.assertEqual([one["off"] for one in vcpus], ["0x0", "0x0"])
        for one in vcpus:
            self.assertEqual(int(one["vttbr_el2"], 0), vm["vttbr"])
            self.assertEqual(int(one["sctlr_el1"], 0) & 1, 1)  # Linux has its MMU on
            self.assertIn("lr0", one)
        self.assertIn("hvc", [one["reason"] for one in exits])
        self.assertEqual(memory["bytes"][:8], "d00dfeed")  # the guest's tree
        self.assertEqual(int(at["par"], 0) & 1, 1)  # nothing is mapped at VA 0
        # What the hardware says of the code that the vCPU runs.
        regs = vcpus[0]
        here = self.monitor(f"at {regs['vbar_el1']} s12e1r")[0]
        self.assertEqual(int(here["par"], 0) & 1, 0)
        root = self.monitor(f"mem -p 0x{vm['vttbr'] & 0xFFFFFFFFF000:x} 4096")[0]
        self.assertTrue(any(bytes.fromhex(root["bytes"])))
        self.end()

    def test_refusals(self):
        self.start("--smp", "1")
        for command, words in (("mem 0", "not in the guest's RAM"), ("mem -p 0x9000000", "may be reached"),
                               ("mem 0x48000000 0", "a size"), ("vcpu 1", "no vCPU 1"), ("nonsense", "no command"),
                               ("at 1 s9", "invalid choice"), ("mem 'x", "No closing quotation")):
            done = self.monitor(command, status=1, options=())
            self.assertIn(words, done.stderr)
        self.assertIn("vcpu [N]", self.monitor("help", options=()).stdout)
        self.end()


if __name__ == "__main__":
    unittest.main()
