# SPDX-License-Identifier: Apache-2.0
"""Names for addresses in the guest's modules. VMCOREINFO does not say how a struct module is made, and its
fields move from kernel to kernel: they are told by what they hold (Linux, include/linux/module.h). Used by
autopsy.py."""

import struct

from launcher.guest_memory import NoRam
from launcher.symbols import Place, Table

ELF_SYMBOL = struct.Struct("<IBBHQQ")  # Elf64_Sym
LIST, NAME = 8, 24  # in struct module, on all 64-bit machines
NAME_SIZE = 56
STRUCT_SIZE = 1536  # of it, what is looked at
MOST_MODULES = 1024
MOST_SYMBOLS = 1 << 16
NO_SYMBOL = bytes(ELF_SYMBOL.size)  # the first of a table
LONGEST_NAME = 256
LOWEST = 0xFFFF << 48  # of a kernel's addresses


class Modules:
    def __init__(self, space, table):
        self.space = space
        self._head = table.address("modules")
        self._modules = None
        self._tables = {}

    def find(self, address):
        """The Place of an address in a module, None: there is no such."""
        try:
            if self._modules is None:
                self._modules = list(self._walk()) if self._head else []
            for at, name in self._modules:
                start = self._part(at, address)
                if start is not None:
                    return self._place(at, name, start, address)
        except NoRam:
            pass
        return None

    def _walk(self):
        """Yields (address of the struct module, name)."""
        at = self.space.u64(self._head)
        for _ in range(MOST_MODULES):
            if at == self._head:
                break
            yield at - LIST, self.space.read_text(at - LIST + NAME, NAME_SIZE)
            at = self.space.u64(at)

    def _words(self, at):
        return struct.unpack(f"<{STRUCT_SIZE // 8}Q", self.space.read(at, STRUCT_SIZE))

    def _part(self, at, address):
        """Where the part of the module begins that has the address: a base and behind it a size."""
        words = self._words(at)
        for base, after in zip(words, words[1:]):
            if base >= LOWEST and not base & 0xFFF:
                for size in (after & 0xFFFFFFFF, after >> 32):  # a flag may stand before it
                    if base <= address < base + size:
                        return base
        return None

    def _place(self, at, name, start, address):
        if at not in self._tables:
            self._tables[at] = self._read_table(at)
        found = self._tables[at].find(address) if self._tables[at] else None
        if found and address - found.offset >= start:
            return found._replace(module=name)
        return Place(name, address - start, 0, name)

    def _read_table(self, at):
        """Its struct mod_kallsyms: a table of symbols, how many, their names."""
        for pointer in self._words(at):
            if pointer < LOWEST or pointer & 7:
                continue
            try:
                symbols, count, names = struct.unpack("<QI4xQ", self.space.read(pointer, 24))
                if symbols >= LOWEST and names >= LOWEST and 1 < count < MOST_SYMBOLS and \
                        self.space.read(symbols, ELF_SYMBOL.size) == NO_SYMBOL:
                    return self._read_symbols(symbols, count, names)
            except NoRam:
                pass
        return None

    def _read_symbols(self, symbols, count, names):
        found = []
        for name, _, _, section, value, _ in ELF_SYMBOL.iter_unpack(self.space.read(symbols, ELF_SYMBOL.size * count)):
            if section and value >= LOWEST:
                text = self.space.read_text(names + name, LONGEST_NAME)
                if text and not text.startswith("$"):
                    found.append((value, text))
        return Table(found)
