# SPDX-License-Identifier: Apache-2.0
"""Names for the addresses of a Linux guest's kernel, by its own tables in the machine's memory, without its registers.
Used by trace.py and monitor_names.py; autopsy.py does the same for a report."""

from launcher import symbols, vmcoreinfo
from launcher.guest_memory import GuestMemory
from launcher.kernel_space import KernelSpace
from launcher.module_symbols import Modules
from launcher.autopsy import UNREADABLE

KERNEL = 0xFFFF << 48  # the lowest of its addresses


class KernelNames:
    def __init__(self, table=None, modules=None, notes=()):
        self.notes = list(notes)  # what could not be done, in words
        self._table, self._modules = table, modules
        self._found = {}

    @classmethod
    def in_memory(cls, ram, fetch, symbol_file=None):
        """`ram`: (guest-physical address, size, the machine's address) of each piece; `fetch(address, size)`: the
        machine's memory; `symbol_file`: a System.map or vmlinux, or None."""
        memory = GuestMemory(ram, fetch)
        info = vmcoreinfo.find(memory)
        table = modules = None
        notes = []
        try:
            if symbol_file:
                table = symbols.from_file(symbol_file, info.kernel_offset() if info else 0)
            if info:
                space = KernelSpace.by_info(memory, info)
                table = table or symbols.Kallsyms(space, info)
                modules = Modules(space, table)
        except UNREADABLE as error:
            notes.append(f"no symbols: the kernel's own table can't be read ({error}): --symbols takes a System.map or "
                         "vmlinux")
        return cls(table, modules, notes)

    def address(self, name):
        """Of a symbol of the kernel itself, None: it has none of that name."""
        return self._table.address(name) if self._table else None

    def place(self, pc):
        """A symbols.Place, or None."""
        if pc not in self._found:
            self._found[pc] = self._look_up(pc)
        return self._found[pc]

    def _look_up(self, pc):
        if self._table is None or pc < KERNEL:
            return None
        return (self._modules.find(pc) if self._modules else None) or self._table.find(pc)

    def name(self, pc):
        """`name+0x10`, with [module] where it is in one; "" for what has no name."""
        place = self.place(pc)
        if place is None:
            return ""
        return f"{place.name}+0x{place.offset:x}{f' [{place.module}]' if place.module else ''}"
