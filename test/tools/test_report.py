#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The report on a guest and its core, of a kernel that is nothing but its data."""

import os
import struct
import subprocess
import tempfile
import unittest

import support  # pylint: disable=unused-import
from fake_kernel import IMAGE, LINES, LINKED, MOVED, NOTE, RAM, SIZE, TCR, FakeKernel
from launcher import Problem, autopsy, console, core, kernel_log, report, symbols, vmcoreinfo
from launcher.guest_memory import GuestMemory, NoRam
from launcher.kernel_space import KernelSpace

PANIC = IMAGE + 0x410
STACK = IMAGE + 0x170000


def lines(vcpus=1, pc=PANIC):
    """What the hypervisor says."""
    found = ["begins: it broke", f"ram 0x{RAM:x} size 0x{SIZE:x} at 0x{RAM:x}"]
    for index in range(vcpus):
        found += [f"vCPU {index} runs at EL1, masks DAIF", f"  pc 0x{pc:016x} pstate 0x000003c5 mpidr 0x80000000",
                  f"  x29 0x{STACK:016x} x30 0x{PANIC:016x}", f"  sp_el0 0x1 sp_el1 0x{STACK:x} tcr_el1 0x{TCR:x}",
                  f"  ttbr1_el1 0x{RAM + 0x100000:x} vbar_el1 0x{IMAGE + 0x100:x}", "  latest trap to EL2: HVC",
                  f"  called from 0x{IMAGE + 0x104:016x}", "  frames go in a circle at 0x10", "  exits 3 hvc",
                  "  exits 12 mmio: pl011"]
    return found + [f"vCPU {vcpus} is off", "ends"]


def read(text):
    reader = report.Reader()
    for line in text:
        reader.feed(line)
    return reader


def examine(kernel, text=None, symbol_file=None):
    return autopsy.examine(read(text or lines()).last, kernel.fetch, symbol_file)


def whole_kernel():
    kernel = FakeKernel()
    kernel.add_kallsyms()
    kernel.add_log()
    kernel.add_note()
    return kernel


class Reader(unittest.TestCase):
    def test_whole(self):
        found = read(lines(2)).last
        self.assertEqual((found.why, found.ram), ("it broke", [(RAM, SIZE, RAM)]))
        self.assertEqual([vcpu.runs for vcpu in found.vcpus], [True, True, False])
        first = found.vcpus[0]
        self.assertEqual(first.registers["pc"], PANIC)
        self.assertEqual(first.registers["sp_el1"], STACK)
        self.assertEqual(first.callers, [IMAGE + 0x104])
        self.assertEqual(first.exits, [(3, "hvc"), (12, "mmio: pl011")])
        self.assertIn("circle", first.frames)

    def test_slow(self):
        """Byte by byte, with a pause after each, nothing of it is shown, and nothing lost."""
        shown = console.Console(False)
        out = b""
        for byte in "".join(f"[traproom] report: {line}\r\n" for line in lines()).encode():
            out += shown.feed(bytes([byte]))
            if shown.waiting() and shown.reports.going_on:
                out += shown.release()
        self.assertEqual((out, shown.reports.count), (b"", 1))
        self.assertEqual(shown.reports.last.vcpus[0].callers, [IMAGE + 0x104])

    def test_parts(self):
        """One that is cut off is none; what is not known does no harm."""
        self.assertIsNone(read(lines()[:-1]).last)
        reader = read(["ends", "vCPU 1 runs", "begins: x", "  x1 0x1", "nonsense", "vCPU 0 runs", "  x1 what", "ends"])
        self.assertEqual(reader.count, 1)
        self.assertEqual(reader.last.vcpus[0].registers, {})
        self.assertEqual(read(["begins: x"] + ["  x1 0x1"] * 10000 + ["ends"]).count, 1)


class Memory(unittest.TestCase):
    def test_pieces(self):
        memory = GuestMemory([(0x1000, 0x1000, 0x5000), (0x8000, 0x1000, 0x9000)],
                             lambda address, size: bytes([address >> 12]) * size)
        self.assertEqual(memory.read(0x1FFF, 1), b"\5")
        self.assertEqual(memory.read(0x8000, 0x1000), b"\x09" * 0x1000)
        for address, size in ((0xFFF, 2), (0x1FFF, 2), (0x2000, 1), (0x9000, 1), (1 << 63, 1)):
            with self.assertRaises(NoRam):
                memory.read(address, size)

    def test_no_answer(self):
        def fetch(_address, _size):
            raise OSError("QEMU is gone")
        with self.assertRaises(NoRam):
            GuestMemory([(0, 0x1000, 0)], fetch).read(0, 8)

    def test_space(self):
        kernel = FakeKernel()
        space = KernelSpace(GuestMemory([(RAM, SIZE, RAM)], kernel.fetch), RAM + 0x100000, 12, 48)
        kernel.put(0x1FFFFC, b"across the edge\0")
        self.assertEqual(space.read_text(IMAGE + 0x1FFFFC, 64), "across the edge")
        self.assertEqual(space.translate(IMAGE + 0x234), (RAM + 0x234, 0x200000 - 0x234))
        for address in (IMAGE - 1, IMAGE + SIZE, 0x1000, 0x7FFFFFFFFFFFFFFF):
            with self.assertRaises(NoRam):
                space.read(address, 8)
        kernel.put_u64(0x102000 + 8 * (IMAGE >> 21 & 511), 0x80000401)  # to no RAM
        space = KernelSpace(GuestMemory([(RAM, SIZE, RAM)], kernel.fetch), RAM + 0x100000, 12, 48)
        with self.assertRaises(NoRam):
            space.read(IMAGE, 8)


class Found(unittest.TestCase):
    def setUp(self):
        self.kernel = FakeKernel()
        self.memory = GuestMemory([(RAM, SIZE, RAM)], self.kernel.fetch)

    def test_note(self):
        self.assertIsNone(vmcoreinfo.find(self.memory))
        self.kernel.add_note()
        self.assertEqual(vmcoreinfo.find(GuestMemory([(RAM, SIZE, RAM)], self.kernel.fetch)).kernel_offset(), MOVED)

    def test_of_an_earlier_life(self):
        """Or one in a file: the image must have the same name."""
        FakeKernel.add_note(self.kernel, at=NOTE + 0x8000)
        self.kernel.release = "5.0.0"
        self.kernel.symbols["_stext"] += 0x1000
        self.kernel.add_note(at=NOTE + 0x4000)
        self.kernel.put(NOTE, struct.pack("<3I", 11, 1 << 30, 0) + b"VMCOREINFO\0\0OSRELEASE=6.1.0-test\n")
        self.assertEqual(vmcoreinfo.find(self.memory).symbol("_stext"), IMAGE)

    def test_log(self):
        for count in range(1, 9):
            kernel = FakeKernel()
            said = [f"line {i} {'x' * (i * 7 % 30)}" for i in range(count)]
            kernel.add_log(said)
            kernel.add_note()
            done = examine(kernel)
            shown = [line.split("] ")[1] for line in done.log()]
            self.assertEqual(shown, said[-len(shown):])
            self.assertGreaterEqual(len(shown), min(count, 2))

    def test_log_times(self):
        self.kernel.add_log()
        self.kernel.add_note()
        self.assertEqual(examine(self.kernel).log(),
                         ["[    0.000000] " + LINES[0], "[    1.500000] two", "[    1.500000] lines",
                          "[    3.000000] " + LINES[2]])

    def test_broken_log(self):
        self.kernel.add_log()
        self.kernel.add_note()
        for at, value in ((0x140000, 1 << 40), (0x140008, 0x1234), (0x140030, 60), (0x13FFF8, 3)):
            kernel = FakeKernel()
            kernel.ram[:] = self.kernel.ram
            kernel.put_u64(at, value)
            done = examine(kernel)
            self.assertEqual(done.log(), [])
            self.assertIn("log can't be read", done.text())


class Names(unittest.TestCase):
    def test_kallsyms(self):
        for absolute in False, True:
            kernel = FakeKernel()
            kernel.add_kallsyms(absolute)
            kernel.add_note()
            done = examine(kernel)
            self.assertEqual(done.notes, [])
            self.assertEqual(done.name(PANIC), "panic+0x10/0x400")
            self.assertEqual(done.name(IMAGE + 0x104), "start_kernel+0x4/0x300")
            self.assertEqual(done.name(IMAGE + 0x400, True), "start_kernel+0x300/0x300")
            self.assertEqual(done.name(IMAGE - 4), f"0x{IMAGE - 4:016x}")

    def test_module(self):
        kernel = FakeKernel()
        address = kernel.add_module()
        kernel.add_kallsyms()
        kernel.add_note()
        self.assertEqual(examine(kernel).name(address), "remove+0x4/0xc0 [sample]")

    def test_files(self):
        """By VMCOREINFO, or by where the vectors are."""
        text = "".join(f"{LINKED + offset:016x} T {name}\n" for name, offset in
                       (("_stext", 0), ("vectors", 0x100), ("panic", 0x400), ("_end", 0x900)))
        kernel = whole_kernel()
        with tempfile.NamedTemporaryFile("w", suffix=".map") as file:
            file.write(text)
            file.flush()
            for told in kernel, FakeKernel():
                self.assertEqual(examine(told, symbol_file=file.name).name(PANIC), "panic+0x10/0x500")
            with self.assertRaises(Problem):
                symbols.from_file(__file__, 0)
            self.assertIn("neither a System.map", examine(kernel, symbol_file=__file__).text())

    def test_vmlinux(self):
        """Its symbols without those that are no names of code or data."""
        with tempfile.TemporaryDirectory() as folder:
            vmlinux, source = os.path.join(folder, "vmlinux"), os.path.join(folder, "kernel.s")
            with open(source, "w", encoding="utf-8") as file:
                file.write(".globl _start\n_start: nop\npanic: nop\n$x.1: nop\n.set constant, 5\n")
            subprocess.run(["aarch64-linux-gnu-gcc", "-nostdlib", "-static", f"-Wl,-Ttext={LINKED + 0x400:#x}", "-o", vmlinux,
                            source], check=True)
            table = symbols.from_file(vmlinux, MOVED)
        self.assertEqual(table.address("panic"), LINKED + MOVED + 0x404)
        self.assertEqual(table.find(LINKED + MOVED + 0x408).name, "panic")
        self.assertIsNone(table.find(0x10))

    def test_none(self):
        done = examine(FakeKernel())
        self.assertEqual(done.name(PANIC), f"0x{PANIC:016x}")
        self.assertIn("VMCOREINFO", done.text())


class Text(unittest.TestCase):
    def test_whole(self):
        text = examine(whole_kernel()).text()
        self.assertRegex(text, r"it broke(?s:.*)moved by 0x3f0000200000(?s:.*)the last words\nvCPU 0 runs at EL1, masks DAIF"
                               r"\n  pc  panic\+0x10/0x400 .*\n      start_kernel\+0x4/0x300\n      \(frames go in")
        self.assertIn("exits: mmio: pl011 12, hvc 3", text)
        self.assertIn("vCPU 1 is off\n", text)

    def test_abort(self):
        """What the guest was given is explained."""
        kernel = FakeKernel()
        text = [line.replace("trap to EL2: HVC", "abort by Traproom: ESR_EL2 0x93830005 HPFAR_EL2 0xb0000 FAR_EL2 "
                             "0xffffb0419008 pc 0x4c7ed8") for line in lines()]
        shown = examine(kernel, text).text()
        self.assertIn("    The guest read 4 bytes into w3 at IPA 0xb000008, by VA 0xffffb0419008: translation fault", shown)
        self.assertIn("    - a device that nobody emulates", shown)

    def test_log_that_was_seen(self):
        done = examine(whole_kernel())
        self.assertNotIn("the last words", done.text(done.log()))

    def test_any_memory(self):
        """Whatever lies there, the report comes."""
        for seed in range(200):
            kernel = whole_kernel()
            for i in range(40):
                at = 0x100000 + (seed * 7919 + i * 104729) * 13 % 0x54000
                kernel.ram[at] ^= 1 << (seed + i) % 8
            self.assertIn("end of the report", examine(kernel).text())


class Core(unittest.TestCase):
    def test_core(self):
        kernel = whole_kernel()
        kernel.put(0x300000, b"a page")
        with tempfile.NamedTemporaryFile() as file:
            core.write(file.name, examine(kernel, lines(2)))
            with open(file.name, "rb") as made:
                data = made.read()
        headers = [struct.unpack_from("<2I6Q", data, 64 + 56 * i) for i in range(struct.unpack_from("<H", data, 56)[0])]
        self.assertEqual([header[0] for header in headers], [4] + [1] * (len(headers) - 1))
        for _, _, offset, virtual, physical, size, _, _ in headers[1:]:
            self.assertEqual(data[offset:offset + size], kernel.fetch(physical, size))
            self.assertIn(virtual - physical, (IMAGE - RAM, 0xFFFF000000000000 - RAM))
        self.assertEqual(headers[-1][4:6], (RAM, SIZE))
        notes = data[headers[0][2]:headers[0][2] + headers[0][5]]
        self.assertEqual(notes.count(b"CORE\0"), 2)
        self.assertIn(struct.pack("<2Q", STACK, PANIC), notes)
        self.assertIn(kernel.text().encode(), notes)

    def test_no_kernel(self):
        """Only what is there: RAM and registers."""
        with tempfile.NamedTemporaryFile() as file:
            core.write(file.name, examine(FakeKernel()))
            shown = subprocess.run(["readelf", "-lhn", file.name], capture_output=True, text=True, check=True).stdout
        self.assertRegex(shown, r"CORE.*\n(?s:.*)AArch64(?s:.*)LOAD +0x\w+ 0x0+ 0x0+40000000(?s:.*)NT_PRSTATUS")


if __name__ == "__main__":
    unittest.main()
