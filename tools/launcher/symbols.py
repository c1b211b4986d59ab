# SPDX-License-Identifier: Apache-2.0
"""Names for a kernel's addresses: from its System.map, its vmlinux, or its own kallsyms in memory. Used by
autopsy.py; modules' names are for module_symbols.py."""

import bisect
import collections
import re
import struct
import subprocess

from launcher import Problem, images

Place = collections.namedtuple("Place", "name offset size module")
MAP_LINE = re.compile(rb"(f[0-9a-f]{15}) [A-Za-z?] (\S+)")
NM = "aarch64-linux-gnu-nm"


def locate(addresses, address):
    """(index of the first symbol at the last of the ordered `addresses` that is not after this one, that
    address, the next one), or None: it is before the first or after the last."""
    after = bisect.bisect_right(addresses, address)
    if after in (0, len(addresses)):
        return None
    start = addresses[after - 1]
    return bisect.bisect_left(addresses, start), start, addresses[after]


class Table:
    """Symbols in order of address."""

    def __init__(self, symbols):
        """`symbols`: (address, name)."""
        self._symbols = sorted(symbols)
        self._addresses = [address for address, _ in self._symbols]

    def address(self, name):
        """Of that name; None: there is none."""
        return next((address for address, other in self._symbols if other == name), None)

    def find(self, address):
        """The Place, or None: it is before the first or after the last."""
        found = locate(self._addresses, address)
        if not found:
            return None
        first, start, end = found
        return Place(self._symbols[first][1], address - start, end - start, None)


class Kallsyms:
    """The kernel's own table, in its memory (Linux, kernel/kallsyms.c): names are looked at one by one."""

    def __init__(self, space, info):
        """KeyError: the kernel's VMCOREINFO does not say where it is; NoRam: it is not there."""
        count = space.u32(info.symbol("kallsyms_num_syms"))
        raw = space.read(info.symbol("kallsyms_offsets"), 4 * count)
        self._offsets = struct.unpack(f"<{count}I", raw)
        names = info.symbol("kallsyms_names")
        ends = sorted(info.symbol("kallsyms_" + name) for name in ("token_table", "offsets", "num_syms"))
        end = next((end for end in ends if end > names), names + 64 * count)
        self._names = space.read(names, end - names)
        self._tokens = read_tokens(space, info)
        self._starts = self._find_starts(count)
        self._base = self._find_base(space, info)

    def _find_starts(self, count):
        starts, at = [], 0
        for _ in range(count):
            starts.append(at)
            begin, size = self._extent(at)
            at = begin + size
        return starts

    def _extent(self, at):
        """(where the tokens begin, how many they are) of the name at an offset."""
        size = self._names[at]
        if size & 0x80:  # of two bytes
            return at + 2, size & 0x7F | self._names[at + 1] << 7
        return at + 1, size

    def _find_base(self, space, info):
        """The addresses' base is moved by KASLR, or is the one that was linked: tell by a known symbol."""
        base = space.u64(info.symbol("kallsyms_relative_base"))
        known = info.symbol("_stext")
        for self._base in (base, base + info.kernel_offset()):
            at = bisect.bisect_left(self._offsets, known - self._base)
            while at < len(self._offsets) and self._offsets[at] == known - self._base:
                if self._name(at) == "_stext":
                    return self._base
                at += 1
        raise KeyError("kallsyms_relative_base")

    def _name(self, index):
        begin, size = self._extent(self._starts[index])
        return b"".join(self._tokens[byte] for byte in self._names[begin:begin + size])[1:].decode("ascii", "replace")

    def address(self, name):
        for index, offset in enumerate(self._offsets):
            if self._name(index) == name:
                return self._base + offset
        return None

    def find(self, address):
        found = locate(self._offsets, address - self._base)
        if not found:
            return None
        first, start, end = found
        return Place(self._name(first), address - self._base - start, end - start, None)


def read_tokens(space, info):
    """Of kallsyms: what each byte of a name stands for."""
    index = struct.unpack("<256H", space.read(info.symbol("kallsyms_token_index"), 512))
    text = space.read(info.symbol("kallsyms_token_table"), index[255] + 64)
    return [text[at:text.index(b"\0", at)] for at in index]


def from_file(path, moved):
    """The Table of a System.map or an ELF, each address `moved` by KASLR. Problem: it is neither."""
    text = elf_symbols(path) if images.is_elf(path) else read_file(path)
    symbols = [(int(match.group(1), 16) + moved, match.group(2).decode("ascii", "replace"))
               for match in MAP_LINE.finditer(text)]
    if not symbols:
        raise Problem(f"{path} is neither a System.map nor an ELF with symbols")
    return Table(symbols)


def read_file(path):
    with open(path, "rb") as file:
        return file.read()


def elf_symbols(path):
    """Those of an ELF, as a System.map has them."""
    try:
        return subprocess.run([NM, path], capture_output=True, check=False).stdout
    except FileNotFoundError as error:
        raise Problem(f"{NM}, which reads {path}, is not installed: run tools/setup run") from error
