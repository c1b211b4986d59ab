# SPDX-License-Identifier: Apache-2.0
"""The virtual addresses of the guest's kernel, translated by its own tables (Arm ARM, "The AArch64 Virtual
Memory System Architecture"). Used by autopsy.py and witness.py, for those that read the kernel's data."""

import struct

from launcher.guest_memory import NoRam

PAGE_BITS = {1: 14, 2: 12, 3: 16}  # by TCR_EL1.TG1
VALID, TABLE = 1, 2
LAST_LEVEL = 3
LARGEST_VA = 52  # bits
ADDRESS = (1 << 48) - 1


class KernelSpace:
    def __init__(self, memory, root, page_bits, va_bits):
        """`root`: where the first table lies, guest-physical."""
        self.memory = memory
        self.root = root
        self.page_bits = page_bits
        self.va_bits = va_bits

    @classmethod
    def by_registers(cls, memory, registers):
        tcr = registers["tcr_el1"]
        return cls(memory, registers["ttbr1_el1"] & 0xFFFFFFFFF000, PAGE_BITS.get(tcr >> 30 & 3, 12),
                   64 - (tcr >> 16 & 63))

    @classmethod
    def by_info(cls, memory, info):
        """As VMCOREINFO has it. KeyError or ValueError: it does not, or what it has makes no sense."""
        page_bits, va_bits = int(info.word("PAGESIZE")).bit_length() - 1, 64 - info.number("TCR_EL1_T1SZ")
        if page_bits not in PAGE_BITS.values() or not page_bits < va_bits <= LARGEST_VA:
            raise ValueError(f"{va_bits} bits of addresses, {page_bits} of them in a page")
        return cls(memory, info.image_physical(info.symbol("swapper_pg_dir")), page_bits, va_bits)

    def translate(self, va):
        """(guest-physical address, bytes from there on that are mapped together). NoRam: it is not mapped."""
        if va >> self.va_bits != (1 << 64 - self.va_bits) - 1:
            raise NoRam(f"0x{va:x} is no address of a kernel")
        step = self.page_bits - 3
        bits, table = self.va_bits, self.root
        for level in range(LAST_LEVEL - (self.va_bits - self.page_bits - 1) // step, LAST_LEVEL + 1):
            shift = self.page_bits + step * (LAST_LEVEL - level)
            index = (va & (1 << bits) - 1) >> shift
            desc, = struct.unpack("<Q", self.memory.read(table + 8 * index, 8))
            if not desc & VALID:
                break
            address = desc & ADDRESS & -(1 << self.page_bits)
            if level == LAST_LEVEL or not desc & TABLE:
                offset = va & (1 << shift) - 1
                return (address & -(1 << shift)) + offset, (1 << shift) - offset
            bits, table = shift, address
        raise NoRam(f"0x{va:x} is not mapped")

    def read(self, va, size):
        data = bytearray()
        while size:
            physical, run = self.translate(va)
            part = min(run, size)
            data += self.memory.read(physical, part)
            va, size = va + part, size - part
        return bytes(data)

    def read_text(self, va, most):
        """What stands before the first NUL."""
        data = bytearray()
        while len(data) < most and b"\0" not in data:
            data += self.read(va + len(data), min(64 - (va + len(data)) % 64, most - len(data)))
        return data.split(b"\0")[0].decode("utf-8", "replace")

    def u64(self, va):
        return struct.unpack("<Q", self.read(va, 8))[0]

    def u32(self, va):
        return struct.unpack("<I", self.read(va, 4))[0]
