#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`tools/traproom monitor` and a Linux that runs."""

import json
import os
import random
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(__file__))
import support  # noqa: E402


class MonitorTest(support.BootTest):
    def start(self, *options):
        """A guest that lives until its stdin ends; returns once its shell runs."""
        self.begin(*options)
        self.assertEqual(self.guest.stdout.readline(), "ready\n")

    def begin(self, *options):
        self.socket = self.path("monitor")
        self.guest = subprocess.Popen([support.LAUNCHER, "run", "--quiet", "--timeout", str(support.LIMIT), "--monitor",
                                       self.socket, "--cmd", "echo ready; cat >/dev/null; echo went on", *options],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.guest.communicate)

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

    def test_stop_and_step(self):
        self.start("--smp", "2")
        places = self.monitor("stop")[0]
        self.assertEqual([one["off"] for one in places], [False, False])
        again = self.monitor("vcpu")[0]
        self.assertEqual([one["pc"] for one in again], [one["pc"] for one in places])  # it gets nowhere
        one, five = self.monitor("step 1", "step 1 5")
        self.assertEqual((len(one), len(five)), (1, 5))
        pcs = [int(pc, 0) for pc in (places[1]["pc"], *one, *five)]
        self.assertEqual(len(set(zip(pcs, pcs[1:]))), 6)
        self.assertTrue(any(after == before + 4 for before, after in zip(pcs, pcs[1:])), pcs)
        self.assertEqual(int(self.monitor("vcpu 1")[0][0]["pc"], 0), pcs[-1])
        self.monitor("go")
        self.assertIn("not stopped", self.monitor("step", status=1, options=()).stderr)
        self.end()

    def test_at_once(self):
        """Asked before there is anything; then memory is written."""
        self.begin("--smp", "1")
        _, walk = self.monitor("wait mmu", "walk vbar_el1 x")
        self.assertTrue(walk["pa"], walk)
        self.assertEqual(self.guest.stdout.readline(), "ready\n")
        start, behind = self.monitor("walk _stext x", "walk _stext+0x10 x")
        self.assertEqual((start["symbol"], int(behind["pa"], 0)), ("_stext", int(start["pa"], 0) + 0x10), start)
        # Behind the guest's tree, in its page: Linux has no use for it.
        _, found = self.monitor("write 0x47000ff0 c0ffee", "mem 0x47000ff0 4")
        self.assertEqual(found["bytes"][:6], "c0ffee")
        self.assertIn("may be reached", self.monitor("write 0x47000fff 0000", status=1, options=()).stderr)
        self.end()

    def test_interrupts_and_devices(self):
        self.start("--smp", "1")
        irq, devices = self.monitor("irq", "dev")
        timer = next(one for one in irq["interrupts"] if one["intid"] == 27)
        self.assertIn("enabled", timer["state"])
        console = next(one for one in devices if one.get("virtio") == "console")
        self.assertEqual(console["status"], 15)
        self.assertTrue(any(queue["avail_idx"] for queue in console["queues"] if queue["size"]))
        self.assertEqual([one["name"] for one in devices][:1], ["pl011"])
        self.end()

    WRITER = "echo ready; while [ ! -e /tmp/end ]; do echo x >/tmp/page; done & cat >/dev/null; touch /tmp/end; wait; " \
             "echo went on"

    def test_watch(self):
        """A guest that writes all the time is seen doing so, and goes on."""
        self.start("--smp", "2", "--cmd", self.WRITER)
        dirty = self.monitor("dirty 1 0x48000000 128M")[0]
        pages = dirty["rounds"][0]
        self.assertGreater(len(pages), 0)
        hits = []
        for page in pages[:20]:
            hits = self.monitor(f"watch {page} 4096 rw -t 1")[0]
            if hits:
                break
        self.assertTrue(hits, pages[:20])
        for hit in hits:
            self.assertEqual(int(hit["ipa"], 0) & ~0xFFF, int(page, 0))
        if any(int(hit["pc"], 0) >> 63 for hit in hits):
            self.assertTrue(any(hit["symbol"] for hit in hits), hits)
        used = self.monitor("working-set 0.5")[0]
        self.assertGreater(len(used["rounds"][0]), 0)
        self.assertLess(len(used["rounds"][0]), 256)
        stopped = self.monitor("dirty 0.2 -n 3")[0]
        self.assertEqual(len(stopped["rounds"]), 3)
        self.end()

    STORM = "echo ready; for i in 1 2 3; do while [ ! -e /tmp/end ]; do true | true; done & done; cat >/dev/null; " \
            "touch /tmp/end; wait; echo went on"

    def test_in_a_storm(self):
        """All at once, while the guest makes and drops tables and processes on all its CPUs."""
        self.start("--smp", "2", "--cmd", self.STORM)
        dice = random.Random(12)
        for _ in range(8):
            page = dice.randrange(0x48000000, 0x68000000, 4096)
            self.monitor(f"watch {page} 2M {dice.choice(('w', 'rw', 'x', 'rwx'))} -t 0.3", "working-set 0.1", "stop",
                         "step 0 20", f"s2 split {page}", "go", "vcpu", f"at {dice.getrandbits(48)}", "irq", "dev")
        self.end()

    def test_stage2(self):
        self.start("--smp", "2", "--cmd", self.WRITER)
        page = 0x60000000
        split, protect, unmap, mapped = [one["steps"] for one in self.monitor(
            f"s2 split {page}", f"s2 protect {page} 4096 r", f"s2 unmap {page}", f"s2 map {page}")]
        self.assertEqual([line.split()[:3] for line in split[:3]],
                         [["before", "0x60000000", "2"], ["now", "0x60000000", "-"], ["tlbi", "0x60000000", "1"]])
        self.assertEqual(split[-1].split()[:3], ["after", "0x60000000", "3"])
        self.assertEqual(int(protect[-1].split()[3], 0) >> 6 & 3, 1)
        self.assertEqual(unmap[-1].split()[2], "-")
        self.assertEqual(int(mapped[-1].split()[3], 0) >> 6 & 3, 3)
        self.assertIn("whole pages", self.monitor("s2 unmap 0x9000000", status=1, options=()).stderr)
        self.end()

    def test_walks(self):
        """What is computed of Linux's tables is what the hardware makes of them, and so it is when stage 2 changes."""
        self.start("--smp", "2")
        _, (regs,) = self.monitor("stop", "vcpu 0")
        known = [int(regs[name], 0) for name in ("vbar_el1", "sp_el1", "tpidr_el1", "x29", "elr_el1")]
        vas = [*known, *(known[0] + (step << 12) for step in range(-4, 60, 4)), 0, 1 << 50, known[0] ^ 1 << 54]
        page = int(self.monitor("walk vbar_el1")[0]["ipa"], 0) & ~0xFFF
        for change in "vm", f"s2 protect {page} 4096 r", f"s2 unmap {page}", f"s2 map {page}":
            self.monitor(change)
            for kind in "rw":
                found = self.monitor(*(f"{what} -v 0" for va in vas for what in (f"walk {va} {kind}", f"at {va} s12e1{kind}")))
                for va, walk, at in zip(vas, found[::2], found[1::2]):
                    par = int(at["par"], 0)
                    self.assertEqual(walk["fault"] is not None, par & 1, f"0x{va:x}, {kind}, after {change}: {walk}, {at}")
                    if not par & 1:
                        self.assertEqual(int(walk["pa"], 0) & ~0xFFF, par & 0xFFFFFFFFF000, f"0x{va:x}")
        stage2, trap = self.monitor("s2", "explain 0")
        self.assertEqual([table["level"] for table in stage2["tables"]][0], 1)
        self.assertEqual(int(trap["pc"], 0), int(regs["pc"], 0))
        self.monitor("go")
        self.end()

    def test_prompt(self):
        """Ctrl-T opens it, twice sends it; the guest goes on, and has the keyboard again."""
        child = self.terminal("--smp", "1")
        child.send("\x14")
        child.expect_exact("(traproom) ")
        child.sendline("vcpu")
        child.expect(r"vCPU 0 is at EL")
        child.expect_exact("(traproom) ")
        child.send("exi\t 0.1\r")  # completion
        child.expect("exits a second")
        child.expect_exact("(traproom) ")
        child.sendline("quit")
        child.sendline("echo ba''ck")
        child.expect(r"back\r+\n")
        child.sendline("cat -v")
        child.expect(r"cat -v\r+\n")
        child.send("\x14")
        child.expect_exact("(traproom) ")
        child.send("\x14")
        child.sendline("")
        child.expect(r"\^T\r+\n\^T\r+\n")  # the terminal's echo, and cat's
        child.send("\x04")
        child.expect(support.PROMPT)
        child.sendline("poweroff -f")
        self.ends(child)

    def test_commands_of_a_run(self):
        status, out, err = self.launch("--smp", "1", "--monitor-cmd", "vm", "--monitor-cmd", "exits", "--cmd", "echo well")
        self.assertEqual(status, 0, err)
        self.assertIn("well\n", out)
        self.assertIn("vCPUs     1", err)
        self.assertRegex(err, r"exits +all +vCPU 0")

    def test_refusals(self):
        self.start("--smp", "1")
        for command, words in (("mem 0", "not in the guest's RAM"), ("mem -p 0x9000000", "may be reached"),
                               ("mem 0x48000000 0", "a size"), ("vcpu 1", "no vCPU 1"), ("nonsense", "no command"),
                               ("at 1 s9", "invalid choice"), ("walk here", "nor the name of a register"), ("mem 'x", "No closing quotation")):
            done = self.monitor(command, status=1, options=())
            self.assertIn(words, done.stderr)
        self.assertIn("vcpu [N]", self.monitor("help", options=()).stdout)
        self.end()


if __name__ == "__main__":
    unittest.main()
