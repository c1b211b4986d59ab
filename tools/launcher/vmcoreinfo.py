# SPDX-License-Identifier: Apache-2.0
"""What a Linux kernel says of itself in its RAM for those who read its dumps: VMCOREINFO (Linux,
Documentation/admin-guide/kdump/vmcoreinfo.rst), found by looking for it. Used by autopsy.py."""

import re
import struct

from launcher.guest_memory import NoRam

NOTE = b"VMCOREINFO\0\0OSRELEASE="  # the name of an ELF note, padded, and its first line
HEADER = struct.Struct("<3I")  # sizes of name and content, type
NAME = len("VMCOREINFO") + 1
PADDED = 12
LARGEST = 1 << 16
UTS_NAME = 6 * 65  # bytes: struct new_utsname
LINE = re.compile(r"(?:(SYMBOL|SIZE|OFFSET|LENGTH|NUMBER)\(([^)]*)\)|([A-Z_-]+))=(.*)")


class VmcoreInfo:
    """One of its texts, taken apart. KeyError: the kernel does not say that."""

    def __init__(self, note):
        self.note = note  # the ELF note, whole
        self.text = note[HEADER.size + PADDED:].rstrip(b"\0").decode("ascii", "replace")
        self._values = {}
        for line in self.text.splitlines():
            match = LINE.fullmatch(line)
            if match:
                self._values[match.group(1) or match.group(3), match.group(2)] = match.group(4)

    def word(self, name):
        return self._values[name, None]

    def symbol(self, name):
        return int(self._values["SYMBOL", name], 16)

    def size(self, name):
        return int(self._values["SIZE", name])

    def offset(self, name):
        return int(self._values["OFFSET", name])

    def number(self, name):
        """Signed or in hexadecimal: the kernel writes each as it likes."""
        return int(self._values["NUMBER", name], 0) % (1 << 64)

    def kernel_offset(self):
        """What KASLR has added to the kernel's addresses."""
        return int(self.word("KERNELOFFSET"), 16)

    def image_physical(self, address):
        """The guest-physical address of one in the kernel's image."""
        return (address - self.number("kimage_voffset")) % (1 << 64)


def find(memory):
    """The VmcoreInfo of the kernel that runs in the GuestMemory, or None."""
    try:
        return look_for(memory)
    except NoRam:  # QEMU does not answer
        return None


def look_for(memory):
    for address, block in memory.blocks():
        at = block.find(NOTE)
        while at >= 0:
            found = read(memory, address + at - HEADER.size)
            if found:
                return found
            at = block.find(NOTE, at + 1)
    return None


def read(memory, address):
    """That of the note at an address, or None: it is none, or not of this kernel."""
    try:
        name, size, _ = HEADER.unpack(memory.read(address, HEADER.size))
        if name != NAME or not 0 < size < LARGEST:
            return None
        found = VmcoreInfo(memory.read(address, HEADER.size + PADDED + size))
        return found if is_of(memory, found) else None
    except (NoRam, KeyError, ValueError):
        return None


def is_of(memory, info):
    """Does the kernel's image have that name? A note may be left of a life before."""
    names = memory.read(info.image_physical(info.symbol("init_uts_ns")), UTS_NAME)
    return b"\0" + info.word("OSRELEASE").encode() + b"\0" in names
