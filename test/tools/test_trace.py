#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""--trace and --ledger: rings of events in memory, with the test as EL2; what the events say; the files of them."""

import csv
import json
import os
import re
import struct
import types
import unittest

from support import REPO, VIRT_DTS, RunTest

from launcher import (Problem, exit_words, guest_tree, kernel_names, ledger, ledger_compare,  # pylint: disable=wrong-import-order
                      monitor_wire as wire_format, trace, trace_attach, trace_file, trace_ring, trace_tracks)
from launcher.trace_ring import EVENT, IRQ, NOTHING, SERROR, STAGE2, SYNC, Event  # pylint: disable=wrong-import-order

VCPUS, EVENTS = 2, 32
FREQUENCY = 62_500_000
READ, WRITE = 0x93800007, 0x93800047  # ESR of a load of 4 bytes, and of a store
HVC, MRS_ID, UNDEFINED = 0x5A000000, 0x62300001 | 4 << 1, 0x02000000
UART, DISK, GICD, GICR = 0x9000000, 0xA000000, 0x8000000, 0x80A0000
DISK_IRQ = 48


def event(entered, vcpu=0, kind=SYNC, what=READ, address=0, value=0, given=NOTHING, pc=0x1000, took=2):
    return Event(entered, entered + took if took else 0, pc, address, value, what, given, vcpu, kind)


class El2:
    """Memory with rings, and the other end of them."""

    def __init__(self, lossless=1):
        self.memory = bytearray(trace_ring.room(VCPUS, EVENTS))
        struct.pack_into("<8sQ4I3Q", self.memory, 0, b"TRTRACE1", FREQUENCY, VCPUS, EVENTS, lossless, 1,
                         0x48000000, 0x58000000, 0x1000)
        self.published = [0] * VCPUS

    def read(self, offset, size):
        return bytes(self.memory[offset:offset + size])

    def write(self, offset, data):
        self.memory[offset:offset + len(data)] = data

    def start(self, ring):
        return trace_ring.PAGE + ring * (64 + EVENTS * 48)

    def begin(self, one):
        at = self.start(one.vcpu) + 64 + self.published[one.vcpu] % EVENTS * 48
        EVENT.pack_into(self.memory, at, *one)

    def publish(self, *all_of_them):
        for one in all_of_them:
            self.begin(one)
            self.published[one.vcpu] += 1
            struct.pack_into("<Q", self.memory, self.start(one.vcpu), self.published[one.vcpu])

    def taken(self, ring):
        return struct.unpack_from("<Q", self.memory, self.start(ring) + 8)[0]


class Rings(unittest.TestCase):
    def setUp(self):
        self.el2 = El2()
        self.rings = trace_ring.Rings(self.el2.read, self.el2.write)

    def drain(self):
        return trace_ring.events(self.rings.drain())

    def test_head(self):
        self.assertEqual((self.rings.frequency, self.rings.events, len(self.rings.taken)), (FREQUENCY, EVENTS, VCPUS))
        self.assertEqual(self.rings.ram, [(0x48000000, 0x1000, 0x58000000)])
        self.assertTrue(self.rings.is_lossless())

    def test_no_rings_yet(self):
        with self.assertRaises(ValueError):
            trace_ring.Rings(lambda offset, size: bytes(size))

    def test_in_order_of_each_vcpu(self):
        some = [event(1), event(3), event(2, vcpu=1)]
        self.el2.publish(*some)
        self.assertEqual(self.drain(), some)
        self.assertEqual([self.el2.taken(ring) for ring in range(VCPUS)], [2, 1])
        self.assertEqual(self.drain(), [])

    def test_round_and_round(self):
        for turn in range(3):
            some = [event(100 * turn + i) for i in range(EVENTS - 5)]
            self.el2.publish(*some)
            self.assertEqual(self.drain(), some)
        self.assertEqual(self.rings.lost, [0, 0])

    def test_full_is_not_lost(self):
        some = [event(i) for i in range(EVENTS)]
        self.el2.publish(*some)
        self.assertEqual(self.drain(), some)

    def test_what_is_lost_is_counted(self):
        el2 = El2(lossless=0)
        rings = trace_ring.Rings(el2.read)
        some = [event(i) for i in range(3 * EVENTS)]
        el2.publish(*some)
        found = trace_ring.events(rings.drain())
        self.assertEqual(found, some[-len(found):])
        self.assertEqual(len(found) + rings.lost[0], len(some))
        self.assertEqual(el2.taken(0), 0)

    def test_written_over_while_it_is_read(self):
        el2 = El2(lossless=0)
        some = [event(i) for i in range(10)]
        el2.publish(*some)

        def slow_read(offset, size):
            data = el2.read(offset, size)
            if size == 10 * 48:
                el2.publish(*(event(1000 + i) for i in range(10)))
            return data

        rings = trace_ring.Rings(slow_read)
        found = trace_ring.events(rings.drain())
        self.assertEqual(len(found) + rings.lost[0], 10)
        self.assertEqual(found, some[rings.lost[0]:])
        self.assertEqual(rings.lost[0], 20 - (EVENTS - trace_ring.SLACK))

    def test_last(self):
        self.assertEqual(self.rings.last(0, 4), [])
        self.el2.publish(*(event(i) for i in range(10)))
        self.assertEqual([found.entered for found in self.rings.last(0, 4)], [6, 7, 8, 9])
        self.el2.begin(event(50, took=0))
        self.assertEqual([found.entered for found in self.rings.last(0, 2)], [8, 9, 50])


def namer():
    return exit_words.Namer(guest_tree.compile_source(VIRT_DTS))


class Words(unittest.TestCase):
    def setUp(self):
        self.names = namer()

    def words(self, *arguments, **more):
        found = self.names.words(event(0, *arguments, **more))
        return found.reason, found.device, found.register

    def test_devices(self):
        uart, gic = "pl011@9000000", "interrupt-controller@8000000"
        for address, expected in ((UART + 0x18, ("mmio: pl011", uart, "UARTFR")), (DISK + 0x50, ("mmio: virtio", "virtio_mmio@a000000", "QueueNotify")),
                                  (DISK + 0x138, ("mmio: virtio", "virtio_mmio@a000000", "Config")),
                                  (GICD + 0x104, ("mmio: GICD", gic, "GICD_ISENABLER")),
                                  (GICR + 0x20000 + 0x14, ("mmio: GICR", gic, "GICR_WAKER")),
                                  (UART + 0x800, ("mmio: pl011", uart, "0x800")),
                                  (0x7654321, ("abort: to the guest", "", "0x7654000"))):
            self.assertEqual(self.words(address=address), expected)

    def test_direction(self):
        self.assertTrue(self.names.words(event(0, what=WRITE, address=UART)).is_write)
        self.assertFalse(self.names.words(event(0, what=READ, address=UART)).is_write)

    def test_calls(self):
        self.assertEqual(self.words(what=HVC, value=0xC4000003), ("hvc", "", "CPU_ON"))
        self.assertEqual(self.words(what=HVC, value=0x12345678), ("hvc", "", "0x12345678"))

    def test_system_registers(self):
        self.assertEqual(self.words(what=MRS_ID), ("sysreg: ID register", "", "ID_AA64PFR0_EL1"))
        sgi = 0x18 << 26 | 1 << 25 | 3 << 20 | 5 << 17 | 12 << 10 | 11 << 1
        self.assertEqual(self.words(what=sgi), ("sysreg: send SGI", "", "ICC_SGI1R_EL1"))
        other = 0x18 << 26 | 1 << 25 | 2 << 20 | 1 << 10 | 4 << 1 | 1
        self.assertEqual(self.words(what=other), ("sysreg: other", "", "S2_0_C1_C4_0"))

    def test_interrupts(self):
        for intid, reason in ((27, "irq: guest timer"), (0, "irq: kick from another CPU"), (33, "irq: console input"),
                              (50, "irq: virtio device of the machine"), (1023, "irq: other")):
            self.assertEqual(self.words(kind=IRQ, what=intid), (reason, "", ""))

    def test_the_hosts_interrupt(self):
        tree = guest_tree.compile_source(VIRT_DTS)
        tree.chosen.set_u64s("traproom,monitor", DISK + 2 * 0x200)
        self.assertEqual(exit_words.Namer(tree).words(event(0, kind=IRQ, what=50)).reason,
                         "irq: the host has something to say")

    def test_what_a_monitor_watches(self):
        self.assertEqual(self.words(what=0x92000047 | 0xF, address=0x48001234), (exit_words.WATCHED, "", "0x48001000"))
        self.assertEqual(self.words(what=0x32 << 26), (exit_words.WATCHED, "", ""))

    def test_change_of_stage2(self):
        self.assertEqual(self.words(kind=STAGE2, what=0x0502), ("stage 2 changed", "", "protect r-x"))
        self.assertEqual(self.words(kind=STAGE2, what=1), ("stage 2 changed", "", "unmap ---"))

    def test_the_rest(self):
        self.assertEqual(self.words(kind=SERROR), ("serror", "", ""))
        self.assertEqual(self.words(what=UNDEFINED), ("undefined instruction", "", ""))

    def test_given(self):
        self.assertEqual(self.names.given(event(0, given=DISK_IRQ)), "virtio_mmio@a000000")
        self.assertEqual(self.names.given(event(0, given=27)), "virtual timer")
        self.assertEqual(self.names.given(event(0, given=3)), "SGI 3")
        self.assertIsNone(self.names.given(event(0)))
        self.assertIsNone(self.names.given(event(5, given=3, took=0)))

    def test_reasons_are_the_hypervisors(self):
        with open(os.path.join(REPO, "hyp/trap/exit_reason.h"), encoding="utf-8") as file:
            theirs = set(re.findall(r'X\(EXIT_\w+, "([^"]+)"\)', file.read()))
        with open(exit_words.__file__, encoding="utf-8") as file:
            ours = set(re.findall(r'"((?:irq|sysreg|abort|mmio): \w[^"{]+|hvc|smc|serror|undefined instruction)"', file.read()))
        self.assertEqual((ours | {exit_words.WATCHED}) - theirs, set())


class NoNames:
    notes = ()

    @staticmethod
    def name(pc):
        return "f+0x4" if pc == 0x1004 else ""


def made_trace(*some):
    """As trace.Trace is when the run is over."""
    return types.SimpleNamespace(vcpus=VCPUS, words=namer(), events=lambda: iter(some), args=types.SimpleNamespace(icount=False),
                                 rings=types.SimpleNamespace(lost=[0, 3]), nanoseconds=lambda ticks: ticks * 16)


SOME = (event(10, what=WRITE, address=UART, value=0x41), event(20, what=WRITE, address=UART, value=0x42),
        event(15, vcpu=1, address=UART + 0x18, pc=0x1004),
        event(30, what=WRITE, address=DISK + 0x50, value=1), event(40, vcpu=1, kind=IRQ, what=0, given=DISK_IRQ),
        event(50, what=HVC, value=0x84000008, took=0))


class Tracks(unittest.TestCase):
    def setUp(self):
        self.tracks = {track.name: track for track in trace_tracks.Tracks(made_trace(*SOME), NoNames)}

    def test_vcpus(self):
        self.assertEqual([piece.name for piece in self.tracks["vCPU 0"].slices],
                         ["UARTDR write", "UARTDR write", "QueueNotify write", "SYSTEM_OFF"])
        first, *_, last = self.tracks["vCPU 0"].slices
        self.assertEqual((first.start, first.duration), (0, 32))
        self.assertIn("wrote 0x41", first.detail)
        self.assertIn("never came back", last.detail)
        self.assertIn("at 0x1004 f+0x4", self.tracks["vCPU 1"].slices[0].detail)
        self.assertIn("gives virtio_mmio@a000000", self.tracks["vCPU 1"].slices[1].detail)

    def test_devices(self):
        uart = self.tracks["pl011@9000000"].slices
        self.assertEqual([piece.name for piece in uart], ["UARTDR write", "UARTFR read", "UARTDR write"])
        for piece, after in zip(uart, uart[1:]):
            self.assertLessEqual(piece.start + piece.duration, after.start)
        self.assertEqual([piece.name for piece in self.tracks["virtio_mmio@a000000"].slices],
                         ["QueueNotify write", "interrupt"])

    def test_changes_of_stage2(self):
        """A track of their own; no exits."""
        made = made_trace(event(10, what=HVC, value=0x84000008), event(12, kind=STAGE2, what=0x702, address=0x48000000, value=4096, took=0))
        tracks = {track.name: track.slices for track in trace_tracks.Tracks(made, NoNames)}
        self.assertEqual(len(tracks["vCPU 0"]), 1)
        change, = tracks["stage 2"]
        self.assertEqual((change.start, change.duration, change.name), (32, 0, "protect rwx"))
        self.assertEqual(change.detail, "IPA 0x48000000, 0x1000 bytes, by vCPU 0")
        self.assertEqual([row["reason"] for row in ledger.Ledger(made_trace(event(12, kind=STAGE2, what=2)), NoNames).rows], [])

    def test_requests(self):
        request, = self.tracks["virtio_mmio@a000000 requests"].slices
        self.assertEqual((request.start, request.duration, request.name), (20 * 16, 12 * 16, "queue 1"))


class Last(unittest.TestCase):
    def test_of_each_vcpu(self):
        el2 = El2()
        found = trace.Trace.__new__(trace.Trace)
        found.vcpus, found.words, found.rings = VCPUS, namer(), None
        self.assertEqual(found.last(hex), "")
        found.rings = trace_ring.Rings(el2.read, el2.write)
        el2.publish(event(0, vcpu=1, kind=IRQ, what=0, given=DISK_IRQ),
                    event(FREQUENCY // 2, vcpu=1, what=WRITE, address=UART, value=0x41))
        el2.begin(event(FREQUENCY, vcpu=1, kind=IRQ, what=2, given=3, took=0))
        self.assertEqual(found.last(hex).splitlines()[1:],
                         ["vCPU 1",
                          "     -1.000000 s  irq: kick from another CPU, which gave it virtio_mmio@a000000, at 0x1000",
                          "     -0.500000 s  UARTDR write of pl011@9000000, 0x41, at 0x1000",
                          "      0.000000 s  irq: report asked for, at 0x1000"])


class Wire:
    """A monitor of a guest, whose vCPU 1 traps once between two looks."""

    def __init__(self, el2):
        self._el2 = el2
        self._tree = guest_tree.compile_source(VIRT_DTS).tree.pack()
        self.switched = []

    @staticmethod
    def hello():
        return {"dtb": 0x47000000}

    @staticmethod
    def vcpus():
        return range(VCPUS)

    def read_ipa(self, ipa, size):
        return self._tree[ipa - 0x47000000:][:size]

    def ask(self, kind, vcpu, value):
        self.switched.append((kind, vcpu, value))
        return types.SimpleNamespace(address=0x70000000)

    def read(self, address, size):
        data = self._el2.read(address - 0x70000000, size)
        if size == 8 and (address - 0x70000000) == self._el2.start(1) and self.switched:
            self._el2.publish(event(7, vcpu=1))
        return data


class Attached(RunTest):
    def test_takes_what_is_new(self):
        el2 = El2(lossless=0)
        el2.publish(event(1), event(2))
        wire = Wire(el2)
        args = types.SimpleNamespace(seconds=0.05, icount=False, trace=None, ledger=self.path("ledger.csv"))
        found = trace_attach.Attached(args, wire)
        found.run()
        taken = list(found.events())
        self.assertTrue(taken)
        self.assertEqual(set(taken), {event(7, vcpu=1)})
        self.assertEqual(wire.switched[:2], [(wire_format.TRACE, 0, 1), (wire_format.TRACE, 1, 1)])
        found.write(kernel_names.KernelNames())
        with open(args.ledger, encoding="utf-8") as file:
            self.assertIn("abort: to the guest", file.read())


class Compare(RunTest):
    def ledger(self, name, *rows):
        found = types.SimpleNamespace(rows=[dict(zip(ledger.COLUMNS, row)) for row in rows], data=None)
        found.data = lambda: {"ledger": found.rows}
        ledger.write(self.path(name), found)
        return self.path(name)

    def test_text(self):
        some = ("mmio: pl011", "pl011@9000000", "UARTDR", "0x1", "f+0x4", 10, 100)
        before = self.ledger("a.json", some, ("hvc", "", "CPU_ON", "0x9", "", 1, 5))
        after = self.ledger("b.csv", some[:3] + ("0x2", "f+0x8", 5, 60), ("hvc", "", "CPU_ON", "0x9", "", 1, 5),
                            ("mmio: GICD", "gic", "GICD_CTLR", "0x3", "", 2, 2))
        lines = ledger_compare.text(ledger_compare.read(before), ledger_compare.read(after)).splitlines()
        self.assertEqual(lines[1], "       10         5   -50.0 %   -40.0 %  mmio: pl011")
        self.assertIn("        1         1    +0.0 %    +0.0 %  hvc", lines)
        self.assertIn("        0         2       new       new  gic GICD_CTLR", lines)
        self.assertIn("       10         5   -50.0 %   -40.0 %  f UARTDR", lines)

    def test_no_ledger(self):
        for name, data in (("a.json", b"{}"), ("b.csv", b"x,y\n1,2\n"), ("c.json", b"nothing")):
            with self.assertRaises(Problem):
                ledger_compare.read(self.write(name, data))


class Files(RunTest):
    def test_trace(self):
        trace_file.write(self.path("t.json"), trace_tracks.Tracks(made_trace(*SOME), NoNames))
        with open(self.path("t.json"), encoding="utf-8") as file:
            events = json.load(file)["traceEvents"]
        names = {one["args"]["name"] for one in events if one["name"] == "thread_name"}
        self.assertEqual(names, {"vCPU 0", "vCPU 1", "pl011@9000000", "virtio_mmio@a000000",
                                 "virtio_mmio@a000000 requests"})
        notify = next(one for one in events if one["name"] == "QueueNotify write" and one["pid"] == 1)
        self.assertEqual((notify["ph"], notify["ts"], notify["dur"]), ("X", 0.32, 0.032))

    def ledger(self, name):
        ledger.write(self.path(name), ledger.Ledger(made_trace(*SOME), NoNames))
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def test_table(self):
        lines = self.ledger("ledger.txt").splitlines()
        self.assertEqual(lines[1].split(), ["3", "96", "32", "mmio:", "pl011"])
        self.assertIn("        1             32        32  QueueNotify of virtio_mmio@a000000", lines)
        self.assertIn("        1             32        32  0x1004 f+0x4: UARTFR", lines)

    def test_csv(self):
        rows = list(csv.DictReader(self.ledger("ledger.csv").splitlines()))
        self.assertEqual(rows[0], {"reason": "mmio: pl011", "device": "pl011@9000000", "register": "UARTDR",
                                   "pc": "0x1000", "symbol": "", "count": "2", "time_ns": "64"})
        self.assertEqual(len(rows), 5)

    def test_json(self):
        data = json.loads(self.ledger("ledger.json"))
        self.assertEqual((data["format"], data["vcpus"], data["lost"]), ("traproom-report", VCPUS, 3))
        self.assertEqual(data["exits"][0], {"reason": "mmio: pl011", "per_vcpu": [2, 1], "time_ns": 96})
        self.assertEqual(data["latency_ns"], [{"irq": "virtio_mmio@a000000", "samples": [32]}])


class Options(RunTest):
    def test_what_does_not_go_together(self):
        self.refused("need Traproom", "--bare", "--trace", self.path("t.json"))

    def test_where_nothing_can_be_written(self):
        self.refused("gone/ledger.csv can't be written", "--ledger", self.path("gone/ledger.csv"))

    def test_memory_is_shared(self):
        status, _, err = self.run_launcher("--ledger", self.path("ledger.csv"), "--smp", "2")
        self.assertEqual(status, 0, err)
        self.assertIn("no trace: the guest did not begin", err)
        chosen = self.tree().chosen
        address, size = struct.unpack(">2Q", chosen.properties["traproom,trace"])
        self.assertEqual((address % trace_ring.PAGE, size), (0, trace_ring.room(2, trace.EVENTS)))
        self.assertIn("traproom,trace-lossless", chosen.properties)
        arguments = " ".join(self.arguments())
        self.assertRegex(arguments, "memory-backend-file,id=ram,.*share=on")


if __name__ == "__main__":
    unittest.main()
