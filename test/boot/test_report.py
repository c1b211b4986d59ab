#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The report on a guest that dies: registers, names, its log, for real ones."""

import re
import subprocess
import unittest

import support

CRASH = "echo c >/proc/sysrq-trigger; sleep 1000"


class ReportTest(support.BootTest):
    def report(self, err):
        match = re.search(r"^---- the guest, .*?^---- end of the report ----$", err, re.DOTALL | re.MULTILINE)
        self.assertIsNotNone(match, f"no report in:\n{err}")
        return match.group()

    def vcpu(self, report, index):
        return re.search(rf"^vCPU {index} .*?(?=^vCPU|^----)", report, re.DOTALL | re.MULTILINE).group()

    def test_panic(self):
        """Who called whom, by the kernel's own names, though it has moved; and what the console lacks."""
        status, out, err = self.launch("--quiet", "--smp", "3", "--append", "quiet", "--cmd",
                                       "echo '<7>only the log has this' >/dev/kmsg; " + CRASH)
        self.assertEqual(status, 121, err)
        report = self.report(err)
        self.assertRegex(report, r"moved by 0x[0-9a-f]*[1-9a-f][0-9a-f]* \(KASLR\)")
        self.assertIn("only the log has this", report)
        self.assertIn("Kernel panic - not syncing: sysrq triggered crash", report)
        crashed = [index for index in range(3) if "panic+" in self.vcpu(report, index)]
        self.assertEqual(len(crashed), 1, report)
        self.assertRegex(self.vcpu(report, crashed[0]),
                         r"(?s) panic\+0x\w+/0x\w+\n +sysrq_handle_crash\+0x\w+/0x\w+\n +__handle_sysrq\+.*vfs_write\+")
        for index in {0, 1, 2} - set(crashed):
            self.assertRegex(self.vcpu(report, index), r"masks DAIF(?s:.*)ipi_handler\+")
        self.assertNotIn("[traproom] report", out + err)

    def test_core(self):
        """gdb finds each vCPU, the kernel's code and the stacks at the kernel's own addresses."""
        status, _, err = self.launch("--quiet", "--smp", "2", "--append", "quiet", "--core", self.path("core"), "--cmd",
                                     CRASH)
        self.assertEqual(status, 121, err)
        counters = re.findall(r"^  pc .* 0x([0-9a-f]{16})$", self.report(err), re.MULTILINE)
        gdb = ["gdb-multiarch", "-batch", "-nx", "-ex", "core " + self.path("core"), "-ex", "info threads"]
        for thread in "1", "2":
            gdb += ["-ex", "thread " + thread, "-ex", "x/i $pc", "-ex", "x/2gx $x29", "-ex", "x/gx $sp"]
        done = subprocess.run(gdb, capture_output=True, text=True, timeout=support.LIMIT, check=False)
        self.assertEqual(len(counters), 2, err)
        for counter in counters:
            self.assertRegex(done.stdout, rf"=> 0x{counter}:\t[a-z]")
        self.assertNotRegex(done.stdout + done.stderr, "[Cc]annot access")

    def test_cpu_off(self):
        status, _, err = self.launch("--quiet", "--smp", "2", "--append", "quiet", "--cmd",
                                     "echo 0 >/sys/devices/system/cpu/cpu1/online; " + CRASH)
        self.assertEqual(status, 121, err)
        report = self.report(err)
        self.assertRegex(self.vcpu(report, 0), r" panic\+0x\w+/0x\w+\n")
        self.assertRegex(self.vcpu(report, 1), r"\AvCPU 1 is off\n")

    def test_time_limit(self):
        """Wherever the guest is by then."""
        status, _, err = self.launch("--quiet", "--timeout", "60", "--append", "quiet", "--cmd", "sleep 1000")
        self.assertEqual(status, 124, err)
        self.assertRegex(self.vcpu(self.report(err), 0), r"pc +\w+")

    def test_none(self):
        status, _, err = self.launch("--quiet", "--append", "quiet", "--no-report", "--cmd", CRASH)
        self.assertEqual(status, 121, err)
        self.assertNotIn("----", err.replace("---[ end", ""))

    def test_at_the_terminal(self):
        """Each break is a report, after which the guest goes on."""
        child = self.terminal("--smp", "2")
        for _ in range(2):
            child.send("\x01b")
            child.expect(r"---- the guest, as Traproom finds it ----(?s:.*)---- end of the report ----")
            child.sendline("echo it $((6 * 7)) lives")
            child.expect("it 42 lives")
            child.expect(support.PROMPT)
        child.sendline("poweroff")
        self.ends(child)


if __name__ == "__main__":
    unittest.main()
