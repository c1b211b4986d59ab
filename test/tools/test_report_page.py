# SPDX-License-Identifier: Apache-2.0
"""tools/launcher/report_collect.py without a guest: tables out of memory, tracks out of a trace."""

import struct
import unittest
from unittest import mock

import support  # pylint: disable=unused-import  # finds the launcher
from launcher import monitor_commands, report_collect, report_page

ROOT, VTCR = 0x40404000, 0x800D3558


class Tables(unittest.TestCase):
    def setUp(self):
        self.memory = {}

    def put(self, table, **entries):
        """desc_N=...: that descriptor."""
        words = [0] * 512
        for name, desc in entries.items():
            words[int(name[5:])] = desc
        self.memory[table] = struct.pack("<512Q", *words)

    def test_concatenated(self):
        """40 bits begin at level 1 with two tables in a row."""
        self.put(ROOT, desc_1=0x40406003)
        self.put(ROOT + 4096, desc_0=0x80000000007FD)
        self.memory[ROOT] += self.memory.pop(ROOT + 4096)
        self.put(0x40406000, desc_64=0x480007FD, desc_65=0x40407003)
        self.put(0x40407000, desc_511=0x482007FF)
        wire = mock.Mock(hello=lambda: {"vttbr": 1 << 48 | ROOT, "vtcr": VTCR, "vcpus": 1}, vcpus=list,
                         read=lambda pa, size: self.memory[pa][:size])
        found = report_collect.look(wire)["stage2"]
        self.assertEqual((found["ipa_bits"], found["start_level"], found["vttbr"]), (40, 1, "0x1000040404000"))
        self.assertEqual([(table["pa"], table["level"], table["ipa"]) for table in found["tables"]],
                         [("0x40404000", 1, "0x0"), ("0x40406000", 2, "0x40000000"), ("0x40407000", 3, "0x48200000")])
        self.assertEqual(found["tables"][0]["entries"], [[1, "0x40406003"], [512, "0x80000000007fd"]])
        self.assertEqual(found["tables"][1]["entries"], [[64, "0x480007fd"], [65, "0x40407003"]])
        report_page.check({"format": "traproom-report", "version": 1, "vcpus": 1, "stage2": found}, "it")


class Walks(unittest.TestCase):
    def test_of_each_vcpu(self):
        """By the monitor's command; what is off has none, and EL0 is said."""
        regs = [{"off": 0, "pc": 0x1000, "pstate": 0x3C5}, {"off": 1}, {"off": 0, "pc": 0x2000, "pstate": 0}]
        wire = mock.Mock(vcpus=lambda: range(3), regs=regs.__getitem__)
        asked = []

        def walk(_wire, args, out):
            asked.append(args)
            out.data({"va": args[0]})
        command = monitor_commands.Command("walk", "", "", walk)
        with mock.patch.object(monitor_commands, "load", return_value={"walk": command}):
            self.assertEqual(report_collect.walks(wire), [{"va": "0x1000"}, {"va": "0x2000"}])
        self.assertEqual(asked, [["0x1000", "x", "-v", "0"], ["0x2000", "x", "-v", "2", "-0"]])


class Trace(unittest.TestCase):
    def test_tracks(self):
        events = [{"ph": "M", "name": "process_name", "pid": 1, "args": {"name": "vCPUs"}},
                  {"ph": "M", "name": "process_name", "pid": 2, "args": {"name": "devices"}},
                  {"ph": "M", "name": "thread_name", "pid": 1, "tid": 1, "args": {"name": "vCPU 0"}},
                  {"ph": "M", "name": "thread_sort_index", "pid": 1, "tid": 1, "args": {"sort_index": 1}},
                  {"ph": "X", "name": "hvc", "pid": 1, "tid": 1, "ts": 1.016, "dur": 0.032, "args": {"what": "at 0x0"}},
                  {"ph": "M", "name": "thread_name", "pid": 2, "tid": 2, "args": {"name": "pl011"}}]
        self.assertEqual(report_collect.timeline({"traceEvents": events}),
                         [{"track": "vCPU 0", "kind": "vcpu", "events": [[1016, 32, "hvc", "at 0x0"]]},
                          {"track": "pl011", "kind": "device", "events": []}])

    def test_exits(self):
        self.assertEqual(report_collect.exits([{"hvc": 2}, {"hvc": 1, "smc": 4}]),
                         [{"reason": "hvc", "per_vcpu": [2, 1], "time_ns": None}, {"reason": "smc", "per_vcpu": [0, 4], "time_ns": None}])


if __name__ == "__main__":
    unittest.main()
