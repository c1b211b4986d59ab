# SPDX-License-Identifier: Apache-2.0
"""Names for the addresses of a guest that runs, out of the machine's memory, which its launcher shows. Used by
monitor_commands.py, monitor_change.py and trace_attach.py; kernel_names.py knows the kernel's tables."""

import mmap
import os

from launcher import layout
from launcher.kernel_names import KernelNames


def of(wire):
    """The KernelNames of what the guest is now; without its modules of later."""
    return later(wire)()


def later(wire, symbols=None):
    """The same when what is returned is called, though the guest may have ended by then. `symbols`: a System.map or
    vmlinux, instead of the run's."""
    file, theirs = wire.memory()
    ram = wire.hello()["ram"]
    try:
        memory = mmap.mmap(file, 0, prot=mmap.PROT_READ)
    finally:
        os.close(file)

    def fetch(address, size):
        return memory[address - layout.MACHINE_RAM:address - layout.MACHINE_RAM + size]

    return lambda: KernelNames.in_memory(ram, fetch, symbols or theirs)
