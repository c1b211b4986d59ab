# SPDX-License-Identifier: Apache-2.0
"""What the launcher makes of a report: names for addresses, and the end of the kernel's log, out of the
memory of a guest that stands still. Used by session.py; docs/crash-report.md shows one."""

import struct

from launcher import Problem, explain, kernel_log, symbols, vmcoreinfo
from launcher.guest_memory import GuestMemory, NoRam
from launcher.kernel_space import KernelSpace
from launcher.module_symbols import Modules

ASKED = "asked for on the console"  # the reason that the hypervisor gives when we ask
LOG_LINES = 40
REGISTERS_IN_LINE = 3
ABORT = "abort by Traproom: "  # in hyp/vm/report.c
SHOWN = ("sp_el0", "sp_el1", "elr_el1", "spsr_el1", "esr_el1", "far_el1", "vbar_el1", "tpidr_el1", "ttbr1_el1",
         "ttbr0_el1", "tcr_el1", "sctlr_el1", "esr_el2", "far_el2", "hpfar_el2")
MOST_EXITS = 6
UNREADABLE = (NoRam, KeyError, ValueError, IndexError, struct.error)  # what a kernel's data can turn out to be


class Autopsy:
    """`report`: a report.Report; `fetch(address, size)`: the machine's memory; `symbol_file`: a System.map or
    vmlinux, None: the kernel's own table is looked for."""

    def __init__(self, report, fetch, symbol_file=None):
        self.report = report
        self.memory = GuestMemory(report.ram, fetch)
        self.info = vmcoreinfo.find(self.memory)
        self.notes = []  # what could not be done, in words
        self.space = self._make_space()
        self.table = self._make_table(symbol_file)
        self.modules = Modules(self.space, self.table) if self.space and self.table else None

    def _make_space(self):
        running = [vcpu.registers for vcpu in self.report.vcpus if vcpu.runs]
        try:
            if self.info:
                return KernelSpace.by_info(self.memory, self.info)
        except (KeyError, ValueError):
            pass
        return KernelSpace.by_registers(self.memory, running[0]) if running else None

    def _make_table(self, symbol_file):
        if symbol_file:
            return self._read_file(symbol_file)
        if not self.info or not self.space:
            self.notes.append("no symbols: the guest's memory has no VMCOREINFO, of a Linux with CONFIG_KALLSYMS and "
                              "CONFIG_VMCORE_INFO (--symbols takes a System.map or vmlinux)")
            return None
        try:
            return symbols.Kallsyms(self.space, self.info)
        except UNREADABLE as error:
            self.notes.append(f"no symbols: the kernel's own table can't be read ({error}): --symbols takes a "
                              "System.map or vmlinux")
            return None

    def _read_file(self, path):
        """Moved by what KASLR has added, which VMCOREINFO says, or where the exception vectors are."""
        if self.info:
            return symbols.from_file(path, self.info.kernel_offset())
        table = symbols.from_file(path, 0)
        linked = table.address("vectors")
        at = next((vcpu.registers["vbar_el1"] for vcpu in self.report.vcpus if vcpu.runs), None)
        if linked is None or not at:
            self.notes.append(f"no symbols: it can't be told where the kernel of {path} is")
            return None
        return symbols.from_file(path, at - linked)

    def name(self, address, is_return=False):
        """`name+0x10/0x20 [module]`, or the plain number. A return address may be the next function's first."""
        place = self._find(address - 1 if is_return else address)
        if place is None:
            return f"0x{address:016x}"
        module = f" [{place.module}]" if place.module else ""
        offset = place.offset + (1 if is_return else 0)
        return f"{place.name}+0x{offset:x}/0x{place.size:x}{module}"

    def _find(self, address):
        found = self.modules.find(address) if self.modules else None
        return found or (self.table.find(address) if self.table else None)

    def log(self):
        """The last lines of the kernel's log, or []."""
        if not self.info or not self.space:
            return []
        try:
            return kernel_log.tail(self.space, self.info, LOG_LINES)
        except UNREADABLE as error:
            self.notes.append(f"the kernel's log can't be read: {error}")
            return []

    def text(self, seen=()):
        """All of it, as it is shown; of the log, what is not among the lines `seen` already."""
        why = "" if self.report.why == ASKED else f": {self.report.why}"
        lines = [f"---- the guest, as Traproom finds it{why} ----"]
        if self.info:
            lines.append(f"Linux {self.info.word('OSRELEASE')}, moved by 0x{self.info.kernel_offset():x} (KASLR)")
        log = self.log()
        if any(line not in seen for line in log):
            lines += [f"the last {len(log)} lines of its log:"] + ["  " + line for line in log]
        for vcpu in self.report.vcpus:
            lines += self._vcpu(vcpu)
        return "\n".join(lines + self.notes + ["---- end of the report ----"]) + "\n"

    def _vcpu(self, vcpu):
        lines = [f"vCPU {vcpu.index} {vcpu.doing}"]
        if vcpu.runs:
            registers = vcpu.registers
            lines.append(f"  pc  {self.name(registers['pc'])}   0x{registers['pc']:016x}")
            lines += [f"      {self.name(caller, True)}" for caller in vcpu.callers if caller]
            if vcpu.frames:
                lines.append(f"      ({vcpu.frames})")
            general = [f"x{i}" for i in range(31)]
            lines += columns([("pstate", registers["pstate"])] + [(name, registers[name]) for name in
                             (*general, *SHOWN) if name in registers])
            lines += [line for text in vcpu.latest for line in latest(text)]
        exits = sorted(vcpu.exits, reverse=True)[:MOST_EXITS]
        if exits:
            lines.append("  exits: " + ", ".join(f"{reason} {count}" for count, reason in exits))
        return lines


def latest(text):
    """What a vCPU's latest exception was; of an abort that Traproom gave the guest, what it means."""
    means = explain.briefly(text) if text.startswith(ABORT) else []
    return ["  latest " + text, *("    " + line for line in means)]


def columns(registers):
    cells = [f"{name:>9} {value:016x}" for name, value in registers]
    return ["  " + " ".join(cells[i:i + REGISTERS_IN_LINE]) for i in range(0, len(cells), REGISTERS_IN_LINE)]


def examine(report, fetch, symbol_file):
    """The text for a Report, and the Autopsy; both say what could not be done."""
    try:
        done = Autopsy(report, fetch, symbol_file)
    except Problem as problem:
        done = Autopsy(report, fetch)
        done.notes.append(str(problem))
    return done
