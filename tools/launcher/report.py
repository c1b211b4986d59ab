# SPDX-License-Identifier: Apache-2.0
"""The hypervisor's report on a guest (hyp/vm/report.c), out of its lines on the console. Used by console.py,
which feeds it, autopsy.py and core.py."""

import re

BEGINS, ENDS = "begins: ", "ends"
RAM = re.compile(r"ram 0x([0-9a-f]+) size 0x([0-9a-f]+) at 0x([0-9a-f]+)")
VCPU = re.compile(r"vCPU (\d+) (.*)")
REGISTERS = re.compile(r"  (?:[a-z][a-z0-9_]* 0x[0-9a-f]+ ?)+")
REGISTER = re.compile(r"([a-z][a-z0-9_]*) 0x([0-9a-f]+)")
CALLED = re.compile(r"  called from 0x([0-9a-f]+)")
EXITS = re.compile(r"  exits (\d+) (.+)")
FRAMES = re.compile(r"  (frames .*)")
LATEST = re.compile(r"  latest (.*)")
MOST_LINES = 4096


class Vcpu:
    def __init__(self, index, doing):
        self.index = index
        self.doing = doing  # in words
        self.registers = {}
        self.callers = []  # return addresses, the innermost first
        self.frames = None  # what is wrong with them, in words
        self.latest = []  # exceptions and traps, in words
        self.exits = []  # (count, reason)

    def take(self, line):
        """A line of it; what is not known is left alone."""
        for pattern, use in ((CALLED, lambda found: self.callers.append(int(found.group(1), 16))),
                             (EXITS, lambda found: self.exits.append((int(found.group(1)), found.group(2)))),
                             (FRAMES, lambda found: setattr(self, "frames", found.group(1))),
                             (LATEST, lambda found: self.latest.append(found.group(1))),
                             (REGISTERS, lambda found: self._add_registers(found.group()))):
            found = pattern.fullmatch(line)
            if found:
                use(found)
                return

    def _add_registers(self, text):
        self.registers.update((name, int(value, 16)) for name, value in REGISTER.findall(text))

    @property
    def runs(self):
        """Has it registers to show?"""
        return "pc" in self.registers


class Report:
    def __init__(self):
        self.why = None
        self.ram = []  # (guest-physical address, size, the machine's address)
        self.vcpus = []


class Reader:
    """Reports as they come, line by line."""

    def __init__(self):
        self.count = 0  # of whole ones
        self.last = None  # the Report, whole
        self._now = None
        self._lines = 0

    @property
    def going_on(self):
        """Is there part of one? Meanwhile no guest prints."""
        return self._now is not None

    def feed(self, line):
        """What follows "report: " in a line."""
        if line.startswith(BEGINS):
            self._now, self._lines = Report(), 0
            self._now.why = line[len(BEGINS):]
        elif self._now and line == ENDS:
            self.last, self._now = self._now, None
            self.count += 1
        elif self._now and self._lines < MOST_LINES:
            self._lines += 1
            self._take(line)

    def _take(self, line):
        ram, vcpu = RAM.fullmatch(line), VCPU.fullmatch(line)
        if ram:
            self._now.ram.append(tuple(int(value, 16) for value in ram.groups()))
        elif vcpu:
            self._now.vcpus.append(Vcpu(int(vcpu.group(1)), vcpu.group(2)))
        elif self._now.vcpus:
            self._now.vcpus[-1].take(line)
