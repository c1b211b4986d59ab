# SPDX-License-Identifier: Apache-2.0
"""Guests that are ELF files, a kernel and an app: what their headers say, and where they go. Used by stage.py;
the hypervisor (lib/elf64.c, vm/elf_guest.c) checks all of it again, and more."""

import collections
import struct

from launcher import Problem, images

HEADER = struct.Struct("<4s5B7x2HI3QI6H")  # System V ABI, "ELF Header"
PROGRAM = struct.Struct("<2I6Q")  # "Program Header"
CLASS64, LITTLE, CURRENT, EXECUTABLE, AARCH64 = 2, 1, 1, 2, 183
LOAD, INTERPRETER, EXECUTE = 1, 3, 1
VIRTUAL = 1 << 48  # no physical address of AArch64 is above, without its extensions
TYPES = {1: "an object file: link it", 3: "position independent: link it with -static -no-pie", 4: "a core dump"}

Segment = collections.namedtuple("Segment", "number flags offset virtual physical in_file size")


class Program:
    """A static ELF for AArch64. `option`: the user's name for what it is."""

    def __init__(self, option, file):
        self.file = file
        self.said = f"{option} {file.name}"
        with open(file.path, "rb") as opened:
            head = opened.read(HEADER.size)
            self.entry, offset, count = self._check_header(head)
            opened.seek(offset)
            table = opened.read(count * PROGRAM.size)
        if len(table) < count * PROGRAM.size:
            self.refuse(f"it is cut short: it has {file.size} bytes, its program headers end at "
                        f"{offset + count * PROGRAM.size}")
        self.segments = [segment for segment in map(self._segment, range(count), PROGRAM.iter_unpack(table)) if segment]
        if not self.segments:
            self.refuse("it has no LOAD segment: there is nothing to run")
        self._check_entry()

    def refuse(self, why):
        raise Problem(f"{self.said} can't be loaded: {why}")

    def _check_header(self, head):
        """(entry, where the program headers are, how many)."""
        if len(head) < HEADER.size:
            self.refuse(f"it is cut short: it has {len(head)} bytes of an ELF header's {HEADER.size}")
        magic, bits, order, _, _, _, kind, machine, _, entry, offset, _, _, _, size, count, *_ = HEADER.unpack(head)
        if magic != images.ELF_MAGIC:
            self.refuse("it is no ELF file")
        if bits != CLASS64 or order != LITTLE:
            self.refuse("it is not a 64-bit, little-endian ELF")
        if machine != AARCH64:
            self.refuse(f"it is for another machine: e_machine is {machine}, not AArch64's {AARCH64}")
        if kind != EXECUTABLE:
            self.refuse(f"it is {TYPES.get(kind, f'of type {kind}, not an executable')}")
        if count and size != PROGRAM.size:
            self.refuse(f"its program headers have {size} bytes each, not {PROGRAM.size}")
        return entry, offset, count

    def _segment(self, number, fields):
        """The Segment, or None: nothing is loaded by it."""
        kind, flags, offset, virtual, physical, in_file, size, _ = fields
        if kind == INTERPRETER:
            self.refuse("it wants a dynamic linker: link it -static")
        if kind != LOAD:
            return None
        if size == 0:
            self.refuse(f"its LOAD segment {number} is empty")
        if in_file > size:
            self.refuse(f"its segment {number} has 0x{in_file:x} bytes in the file, more than its 0x{size:x} in memory")
        if offset + in_file > self.file.size:
            self.refuse(f"it is cut short: its segment {number} is 0x{in_file:x} bytes from 0x{offset:x} on, the "
                        f"file has 0x{self.file.size:x}")
        return Segment(number, flags, offset, virtual, physical, in_file, size)

    def _check_entry(self):
        if self.entry == 0:
            self.refuse("its entry is 0: name one to the linker (-e)")
        if not any(segment.flags & EXECUTE and 0 <= self.entry - start < segment.size
                   for segment in self.segments for start in (segment.virtual, segment.physical)):
            self.refuse(f"its entry 0x{self.entry:x} lies in none of its executable segments")


class Kernel(Program):
    """What stage.py asks of a kernel, as images.Kernel has it."""

    version = None  # of Linux, which this is not
    looks_short = False

    def __init__(self, file):
        super().__init__("--kernel", file)
        self.home = min(segment.physical for segment in self.segments)
        self.size = max(segment.physical + segment.size for segment in self.segments) - self.home
        if self.home >= VIRTUAL:
            self.refuse(f"its physical addresses, from 0x{self.home:x} on, are virtual ones: " +
                        ("it is Linux's vmlinux: give the Image, arch/arm64/boot/Image" if images.linux_version(file)
                         else "link it with load addresses (AT) that are in the guest's RAM"))

    def pieces(self, start):
        """[((address, size), name)] of what it takes of the guest, its lowest byte at `start`."""
        return [((segment.physical - self.home + start, segment.size),
                 f"segment {segment.number} of the kernel (--kernel-paddr moves it)")
                for segment in self.segments]

    def has_devices(self):
        return False

    def names(self, _driver):
        return False


class App(Program):
    """It lies in memory as it does in virtual memory."""

    def __init__(self, file):
        super().__init__("--app", file)
        self.virtual = min(segment.virtual for segment in self.segments)
        self.size = max(segment.virtual + segment.size for segment in self.segments) - self.virtual
