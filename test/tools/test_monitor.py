#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The launcher's side of the monitor, with a stand-in for EL2."""

import os
import shlex
import socket
import sys
import tempfile
import threading
import types
import unittest
from unittest import mock

import pexpect

sys.path.insert(0, os.path.dirname(__file__))
import support  # noqa: E402

from launcher import Problem, monitor, monitor_channel, monitor_commands, monitor_names  # noqa: E402
from launcher import monitor_wait, monitor_wire  # noqa: E402
from launcher.monitor_wire import Answer, Reader, Refused, Wire  # noqa: E402

HELLO = b"version=0.1 abc\nvcpus=2\nvttbr=0x1000040246000\nvtcr=0x800d3558\nipa_bits=40\n" \
        b"ram0=0x48000000 0x1000 0x48000000\nram1=0x50000000 0x2000 0x80000000\nkernel=0x48000000 0x0\ndtb=0x47000000\n"


LOST = 98  # its answer


def answer(request):
    """EL2's part."""
    if request.type == monitor_wire.HELLO:
        return HELLO
    if request.type == monitor_wire.READ:
        return request.address.to_bytes(8, "little")[:1] * request.value
    if request.type == monitor_wire.EXITS:
        return b"3 hvc\n2 irq: guest timer\n" if request.vcpu == 0 else b"1 hvc\n"
    return None


class Station:
    """A Channel whose QEMU is a thread."""

    def __init__(self, test):
        folder = tempfile.TemporaryDirectory()
        test.addCleanup(folder.cleanup)
        self.channel = monitor_channel.Channel(os.path.join(folder.name, "socket"))
        self.el2 = self.channel.its
        self.channel.__enter__()
        self.channel.start()
        test.addCleanup(self.channel.__exit__)
        test.addCleanup(self.el2.close)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        reader = Reader()
        while data := self.el2.recv(100):
            for request in reader.feed(data):
                found = answer(request)
                if request.type == LOST:
                    continue
                self.el2.sendall(Answer(request.type, tag=request.tag, status=0 if found is not None else -6,
                                        data=found or b"").pack())

    def wire(self):
        return Wire(monitor_channel.connect(self.channel.path))


class Monitor(unittest.TestCase):
    def setUp(self):
        self.station = Station(self)
        self.shown = []

    def run_command(self, text, wire=None, as_json=False):
        wire = wire or self.station.wire()
        self.addCleanup(wire.close)
        self.shown.clear()
        monitor_commands.run(wire, text, monitor_commands.Out(self.shown.append, as_json))
        return "".join(self.shown)

    def test_words(self):
        self.assertIn("RAM       [0x50000000, 0x50001fff], 0.0078125 MiB, the machine's from 0x80000000 on",
                      self.run_command("vm"))
        self.assertRegex(self.run_command("exits"), r"hvc +4 +3 +1\n")
        self.assertIn("vm ", self.run_command("help"))
        self.assertEqual(self.run_command(""), "")

    def test_json(self):
        self.assertEqual(self.run_command("exits", as_json=True),
                         '[{"reason": "hvc", "per_vcpu": [3, 1]}, {"reason": "irq: guest timer", "per_vcpu": [2, 0]}]\n')

    def test_memory_in_pieces(self):
        wire = self.station.wire()
        data = wire.read_ipa(0x50000000, 0x2000)
        self.assertEqual(data, b"".join(bytes([at & 0xFF]) * 2048 for at in range(0x80000000, 0x80002000, 2048)))
        with self.assertRaises(Refused):
            wire.read_ipa(0x50001000, 0x1001)
        wire.close()

    def test_log(self):
        self.station.channel.own_lines = ["first" * 1000, "last one"]
        self.assertTrue(self.run_command("log").endswith("firstfirst\nlast one\n"))
        self.assertIn("Traproom 0.1 abc", self.run_command("vm"))

    def test_memory_of_the_machine(self):
        """For names: a file to be read, and where the run has its symbols."""
        with tempfile.TemporaryFile() as ram:
            ram.write(b"the machine's")
            ram.flush()
            self.station.channel.keep(ram, "System.map")
        wire = self.station.wire()
        for _ in range(2):
            file, symbols = wire.memory()
            self.addCleanup(os.close, file)
            self.assertEqual(os.pread(file, 100, 0), b"the machine's")
            with self.assertRaises(OSError):
                os.pwrite(file, b"x", 0)
            self.assertEqual(symbols, os.path.abspath("System.map"))
        wire.close()

    def test_two_at_once(self):
        wires = [self.station.wire() for _ in range(2)]
        self.assertEqual([wire.hello()["vcpus"] for wire in wires], [2, 2])
        self.station.el2.sendall(Answer(99).pack())
        self.assertEqual([wire.wait_event(20).type for wire in wires], [99, 99])
        for wire in wires:
            wire.close()

    def test_refused(self):
        with self.assertRaisesRegex(Refused, "does not do that"):
            self.run_command("at 0")
        for text in ("nonsense", "mem", "mem x", "mem 0 0", "mem 1Q", "help nonsense", "vcpu 2", "mem '", "at -1",
                     "mem 99999999999999999999999"):
            with self.assertRaises(monitor_commands.Usage, msg=text):
                self.run_command(text)

    def test_one_that_talks_nonsense(self):
        """It is sent away, and others are served."""
        link = monitor_channel.connect(self.station.channel.path)
        link.settimeout(20)
        link.sendall(b"\xff" * 100)
        self.assertEqual(link.recv(1), b"")
        link.close()
        self.assertIn("Traproom 0.1 abc", self.run_command("vm"))

    def test_an_answer_is_lost(self):
        """Who waits for it waits in vain, others do not."""
        with mock.patch.object(monitor_channel, "PATIENCE", 0.2):
            link = monitor_channel.connect(self.station.channel.path)
            self.addCleanup(link.close)
            link.sendall(Answer(LOST, tag=1).pack())
            self.assertIn("Traproom 0.1 abc", self.run_command("vm"))

    def test_a_terminal(self):
        child = pexpect.spawn(support.LAUNCHER, ["monitor", "--socket", self.station.channel.path], timeout=60,
                              encoding="utf-8", env={**os.environ, "XDG_RUNTIME_DIR": os.path.dirname(
                                  self.station.channel.path), "TERM": "dumb"})
        self.addCleanup(child.close, True)
        child.expect_exact("(traproom) ")
        child.send("vm\r")
        child.expect_exact("Traproom 0.1 abc")
        child.expect_exact("(traproom) ")
        child.send("nonsense\r")
        child.expect_exact("no command 'nonsense'")
        child.send("\x14")
        child.expect(pexpect.EOF)
        child.close()
        self.assertEqual(child.exitstatus, 20)

    def test_the_guest_ends(self):
        wire = self.station.wire()
        wire.hello()
        self.station.el2.shutdown(socket.SHUT_RDWR)
        with self.assertRaises(Refused):
            wire.ask(monitor_wire.EXITS)
        wire.close()

    def test_waits_for_the_mmu(self):
        regs = [{"off": 1}, {"off": 0, "sctlr_el1": 0, "vbar_el1": 0}, {"off": 0, "sctlr_el1": 1, "vbar_el1": 0x800}]
        wire = types.SimpleNamespace(vcpus=lambda: [0], regs=lambda _: regs.pop(0), close=lambda: None)
        self.assertEqual(self.run_command("wait mmu", wire), "")
        self.assertEqual(regs, [])

    def test_a_registers_address(self):
        asked = []
        wire = types.SimpleNamespace(vcpus=lambda: range(2), regs=lambda vcpu: {"pc": 0x1230 + vcpu}, close=lambda: None,
                                     translate=lambda *what: asked.append(what) or 0x48000000)
        self.assertEqual(self.run_command("at pc -v 1", wire), "PC of vCPU 1: 0x1231\nPAR_EL1 0x48000000: 0x48000231\n")
        self.run_command("at 0x1000 s1e1r", wire)
        self.assertEqual(asked, [(1, 0x1231, "s12e1r"), (0, 0x1000, "s1e1r")])
        wire.translate = lambda *_: 0x80F
        self.assertEqual(self.run_command("at ffffa6a5ee010800", wire),
                         "PAR_EL1 0x80f: translation fault, level 3, found by stage 1\n")

    def test_a_symbols_address(self):
        regs = {"pc": 0x1230, "pstate": 5, "sp_el0": 0x2000, "sp_el1": 0x3000}
        wire = types.SimpleNamespace(vcpus=lambda: range(1), regs=lambda vcpu: regs, close=lambda: None,
                                     translate=lambda vcpu, va, kind: va & ~0xFFF)
        names = {"vfs_read": 0x5678, "pc": 1, "a.b$c": 0x10}
        with mock.patch.object(monitor_names, "of", return_value=types.SimpleNamespace(address=names.get)):
            for text, said, found in (("vfs_read", "vfs_read", 0x5678), ("vfs_read+0x10", "vfs_read+0x10", 0x5688),
                                      ("a.b$c+8", "a.b$c+8", 0x18), ("pc", "PC of vCPU 0", 0x1230),
                                      ("sp", "SP of vCPU 0", 0x3000)):
                self.assertEqual(self.run_command(f"at {text}", wire),
                                 f"{said}: 0x{found:x}\nPAR_EL1 0x{found & ~0xFFF:x}: 0x{found:x}\n")
            regs["pstate"] = 4
            self.assertIn("SP of vCPU 0: 0x2000", self.run_command("at SP", wire))
            for wrong in ("nothing", "vfs_read+", "vfs_read+y", "vfs_read-1", "nothing+0x10"):
                with self.assertRaisesRegex(monitor_commands.Usage, "nor the name of a register.*nor a symbol"):
                    self.run_command(f"at -v 0 -- {wrong}", wire)


class Waiting(unittest.TestCase):
    """For a run that is not there yet."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = os.path.join(folder.name, "socket")
        for patch in (mock.patch.dict(os.environ, XDG_RUNTIME_DIR=folder.name),
                      mock.patch.object(monitor_wait.session, "say")):
            patch.start()
            self.addCleanup(patch.stop)

    def wait(self, path, seconds=60):
        return monitor_wait.wait(path, None, seconds)

    def test_nothing_was_started(self):
        with mock.patch.object(monitor_wait, "GRACE", 0.1):
            self.assertIsNone(self.wait(None))
            self.assertIsNone(self.wait(self.path))
            with self.assertRaisesRegex(Problem, "no guest of yours"):
                monitor_wait.reach(None, None, 60)
        monitor_wait.session.say.assert_called_with("no guest with a monitor runs yet: waiting for one that is starting")

    def test_one_that_does_not_come(self):
        args = types.SimpleNamespace(monitor="", monitor_cmd=[])
        with monitor_channel.announced(args):
            self.assertTrue(monitor_channel.starting())
            self.assertIsNone(self.wait(None, 0.1))
        self.assertFalse(monitor_channel.starting())

    def test_one_that_is_starting(self):
        """However long it takes, its socket is found when it is there."""
        for path in (None, self.path):
            with self.subTest(path), mock.patch.object(monitor_wait, "GRACE", 0), \
                    monitor_channel.announced(types.SimpleNamespace(monitor="", monitor_cmd=[])):
                channel = monitor_channel.Channel(path)
                self.addCleanup(channel.its.close)
                with mock.patch.object(monitor_wait.Changes, "wait", lambda *_, channel=channel: channel.__enter__()):
                    link = self.wait(path)
                self.assertFalse(monitor_channel.starting())
                link.close()
                channel.__exit__()

    def test_changes(self):
        with monitor_wait.Changes([os.path.dirname(self.path)]) as changes, mock.patch.object(monitor_wait, "LOOK", 1000):
            threading.Timer(0.1, lambda: open(self.path, "w", encoding="ascii").close()).start()
            changes.wait(1000)

    def test_a_dead_runs_socket(self):
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(self.path)
        with self.assertRaisesRegex(Problem, "refused"):
            self.wait(self.path)

    def test_which_there_are(self):
        path = os.path.join(monitor_channel.folder(), f"{os.getpid()}.sock")
        with open(path, "w", encoding="ascii"), \
                open(os.path.join(monitor_channel.folder(), "999999999.sock"), "w", encoding="ascii"):
            pass
        with mock.patch("builtins.print") as printed:
            self.assertEqual(monitor.monitor(["--list"]), 0)
        with open("/proc/self/cmdline", encoding="utf-8") as file:
            started = file.read().split("\0")[1:-1]
        self.assertEqual(printed.call_args[0][0], f"{path}\t{shlex.join(started)}\n")


if __name__ == "__main__":
    unittest.main()
