# SPDX-License-Identifier: Apache-2.0
"""ELF files made by hand, for tests of what reads them."""

import struct

from support import MIB

RAM = 0x48000000
HIGH = 0xFFFFFF8000000000
TEXT, DATA = RAM + 16 * MIB, RAM + 17 * MIB
LOAD, NOTE, INTERPRETER = 1, 4, 3


def segment(physical=TEXT, size=0x2000, in_file=0x100, flags=5, kind=LOAD, virtual=None, offset=0x200):
    return struct.pack("<2I6Q", kind, flags, offset, HIGH + physical if virtual is None else virtual, physical, in_file,
                       size, 0x1000)


def elf(*segments, entry=HIGH + TEXT, kind=2, machine=183, ident=b"\x7fELF\2\1\1", size=0x400, entry_size=56):
    header = ident.ljust(16, b"\0") + struct.pack("<2HI3QI6H", kind, machine, 1, entry, 64, 0, 0, 64, entry_size,
                                                  len(segments), 0, 0, 0)
    return (header + b"".join(segments)).ljust(size, b"\0")
