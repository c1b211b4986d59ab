# SPDX-License-Identifier: Apache-2.0
"""A guest's memory and its vCPUs' registers as an ELF core, as the kernel's own /proc/vmcore has them: for
crash, drgn and gdb. Used by session.py."""

import struct

from launcher import elf, images
from launcher.guest_memory import NoRam

ET_CORE = 4
PT_NOTE = 4
NT_PRSTATUS = 1
NOTE_HEADER = struct.Struct("<3I")
PRSTATUS = struct.Struct("<12xh2x16x4I64x34QI4x")  # struct elf_prstatus: signal, pids, registers, fpvalid
ALL_RIGHTS = 7
ALIGN = 1 << 16  # of the data in the file
GRAIN = 1 << 16  # bytes: so many zeros become a hole
PAGE = 1 << 12
STACK = 1 << 14  # bytes above a stack pointer that are looked at
MOST_FRAMES = 64
IMAGE_ROUND = 1 << 21
EL1 = 1


class Segment:
    """A piece of memory: where the kernel sees it, where it lies in the guest, and in the file."""

    def __init__(self, virtual, physical, size):
        self.virtual, self.physical, self.size = virtual, physical, size
        self.offset = None


def write(path, autopsy):
    """The core of the guest that an Autopsy has looked at. OSError: the file can't be written."""
    notes = make_notes(autopsy)
    ram = [Segment(linear_address(autopsy.info, start), start, size) for start, size, _ in autopsy.memory.pieces]
    segments = named_segments(autopsy, ram) + ram
    offset = elf.HEADER.size + elf.PROGRAM.size * (1 + len(segments))
    notes_at = offset
    offset += len(notes)
    for segment in ram:
        segment.offset = offset = -(-offset // ALIGN) * ALIGN
        offset += segment.size
    for segment in segments:
        place(segment, ram)
    with open(path, "wb") as file:
        file.write(elf.HEADER.pack(images.ELF_MAGIC, elf.CLASS64, elf.LITTLE, elf.CURRENT, 0, 0, ET_CORE, elf.AARCH64,
                                   elf.CURRENT, 0, elf.HEADER.size, 0, 0, elf.HEADER.size, elf.PROGRAM.size,
                                   1 + len(segments), 0, 0, 0))
        file.write(elf.PROGRAM.pack(PT_NOTE, 0, notes_at, 0, 0, len(notes), len(notes), 4))
        for segment in segments:
            file.write(elf.PROGRAM.pack(elf.LOAD, ALL_RIGHTS, segment.offset, segment.virtual, segment.physical,
                                        segment.size, segment.size, 0))
        file.write(notes)
        write_ram(file, autopsy.memory, ram)
        file.truncate(offset)


def write_ram(file, memory, ram):
    for address, block in memory.blocks():
        segment = next(s for s in ram if s.physical <= address < s.physical + s.size)
        for at in range(0, len(block), GRAIN):
            part = block[at:at + GRAIN]
            if part.count(0) != len(part):
                file.seek(segment.offset + address - segment.physical + at)
                file.write(part)


def place(segment, ram):
    """What is in RAM is in the file once, however many segments show it."""
    home = next(s for s in ram if s.physical <= segment.physical < s.physical + s.size)
    segment.offset = home.offset + segment.physical - home.physical
    segment.size = min(segment.size, home.physical + home.size - segment.physical)


def linear_address(info, physical):
    """Where the kernel's map of all memory has it; 0: it does not say."""
    try:
        return (physical - info.number("PHYS_OFFSET") - (1 << info.number("VA_BITS"))) % (1 << 64) if info else 0
    except KeyError:
        return 0


def named_segments(autopsy, ram):
    """The kernel's image and its stacks, which the linear map has at other addresses."""
    info = autopsy.info
    if not info or not autopsy.space:
        return []
    found = []
    try:
        start = info.symbol("_stext") & -IMAGE_ROUND
        found.append(Segment(start, info.image_physical(start), image_size(info, start)))
    except KeyError:
        pass
    pages = set()
    for vcpu in autopsy.report.vcpus:
        if vcpu.runs:
            pages |= stack_pages(autopsy.space, vcpu.registers)
    for page in sorted(pages):
        physical, _ = autopsy.space.translate(page)
        found.append(Segment(page, physical, PAGE))
    return [segment for segment in merge(found) if any(
        s.physical <= segment.physical < s.physical + s.size for s in ram)]


def image_size(info, start):
    """To the last of the image's symbols that VMCOREINFO has."""
    last = start
    for line in info.text.splitlines():
        if line.startswith("SYMBOL("):
            value = int(line.split("=")[1], 16)
            if start <= value < start + (1 << 28):
                last = max(last, value)
    return (last - start) // IMAGE_ROUND * IMAGE_ROUND + IMAGE_ROUND


def stack_pages(space, registers):
    """The pages that the frame records and the innermost part of the stack lie in, where they are mapped."""
    wanted = [stack_pointer(registers) + at for at in range(0, STACK, PAGE)]
    frame = registers["x29"]
    for _ in range(MOST_FRAMES):
        try:
            wanted.append(frame)
            frame = space.u64(frame)
        except NoRam:
            break
    pages = set()
    for address in wanted:
        try:
            space.translate(address)
            pages.add(address & -PAGE)
        except NoRam:
            pass
    return pages


def merge(segments):
    """Those that continue one another, in one."""
    merged = []
    for segment in segments:
        last = merged[-1] if merged else None
        if last and segment.virtual - last.virtual == segment.physical - last.physical == last.size:
            last.size += segment.size
        else:
            merged.append(segment)
    return merged


def stack_pointer(registers):
    pstate = registers["pstate"]
    return registers["sp_el1" if pstate >> 2 & 3 == EL1 and pstate & 1 else "sp_el0"]


def make_notes(autopsy):
    notes = b""
    for vcpu in autopsy.report.vcpus:
        if vcpu.runs:
            registers = vcpu.registers
            general = [registers.get(f"x{i}", 0) for i in range(31)]
            notes += note(b"CORE\0", NT_PRSTATUS, PRSTATUS.pack(
                0, vcpu.index + 1, 0, 0, 0, *general, stack_pointer(registers), registers["pc"],
                registers["pstate"], 0))
    if autopsy.info:
        notes += note(b"VMCOREINFO\0", 0, autopsy.info.text.encode())
    return notes


def note(name, kind, content):
    return NOTE_HEADER.pack(len(name), len(content), kind) + padded(name) + padded(content)


def padded(data):
    return data + bytes(-len(data) % 4)
