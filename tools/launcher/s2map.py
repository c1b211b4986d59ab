# SPDX-License-Identifier: Apache-2.0
"""A stage 2 read whole: its tables as they are, and the map that they make, as runs that are alike. Pure: memory comes
from the caller. Used by the monitor's `s2` and by reports."""

import struct
from typing import NamedTuple

from launcher import descriptor, rights, vmsa
from launcher.walk import NoMemory

MOST_TABLES = 1 << 16  # what is read of tables that lead in circles


class Table(NamedTuple):
    pa: int
    level: int
    ipa: int  # of what its first entry stands for
    entries: dict  # descriptors that are not zero, by index


class Run(NamedTuple):
    """Leaves in a row that lead to a row of addresses with the same attributes."""
    ipa: int
    size: int
    pa: int
    level: int
    rights: rights.Rights
    memory: str

    def goes_on(self, other):
        return (other.ipa == self.ipa + self.size and other.pa == self.pa + self.size and
                other[3:] == self[3:])


class Map:
    """`read(pa, size)` gives bytes or raises NoMemory; `regs`: registers by name, for what the CPU has."""

    def __init__(self, vttbr, vtcr, regs, read):
        self.vttbr, self.vtcr, self.read = vttbr, vtcr, read
        self.cpu, self.hcr = vmsa.Cpu.of(regs), regs.get("hcr_el2", 0)
        self.stage = vmsa.stage2(vttbr, vtcr, self.cpu)
        self.tables, self.leaves, self.notes = [], [], []
        refusal = self.stage.refusal or self.stage.base_refusal
        if refusal:
            self.notes.append(refusal)
        else:
            self._read_table(self.stage.base, self.stage.start, 0)

    def _read_table(self, pa, level, ipa):
        if len(self.tables) >= MOST_TABLES:
            return
        count = 1 << self.stage.index_bits(level)
        try:
            words = struct.unpack(f"<{count}Q", self.read(pa, count * 8))
        except NoMemory:
            self.notes.append(f"the table of level {level} at PA 0x{pa:x}, of IPA 0x{ipa:x}, can't be read")
            return
        self.tables.append(Table(pa, level, ipa, {i: word for i, word in enumerate(words) if word}))
        for i, desc in self.tables[-1].entries.items():
            self._read_entry(level, ipa + (i << self.stage.shift(level)), desc)

    def _read_entry(self, level, ipa, desc):
        kind = descriptor.kind(self.stage, level, desc)
        if kind == "table":
            self._read_table(self.stage.output(desc, self.stage.granule), level + 1, ipa)
        elif kind in ("block", "page"):
            shift = self.stage.shift(level)
            self.leaves.append(Run(ipa, 1 << shift, self.stage.output(desc, shift), level,
                                   rights.stage2(desc, self.stage, self.cpu), self._memory(desc)))

    def _memory(self, desc):
        flag = "" if vmsa.bit(desc, 10) else ", never accessed"
        if vmsa.bit(self.hcr, vmsa.HCR_FWB) and self.cpu.fwb:
            return rights.fwb_words(desc) + flag
        return rights.memory2(desc, self.stage, self.hcr).settled().words() + flag

    def runs(self):
        """The leaves in order of IPA, merged."""
        found = []
        for leaf in sorted(self.leaves):
            if found and found[-1].goes_on(leaf):
                found[-1] = found[-1]._replace(size=found[-1].size + leaf.size)
            else:
                found.append(leaf)
        return found

    def to_json(self):
        """As tools/traproom report has it."""
        return {"ipa_bits": self.stage.input_bits, "start_level": self.stage.start, "vtcr": f"0x{self.vtcr:x}",
                "vttbr": f"0x{self.vttbr:x}",
                "tables": [{"pa": f"0x{table.pa:x}", "level": table.level, "ipa": f"0x{table.ipa:x}",
                            "entries": [[i, f"0x{desc:x}"] for i, desc in table.entries.items()]}
                           for table in self.tables],
                "runs": [{"ipa": f"0x{run.ipa:x}", "size": run.size, "pa": f"0x{run.pa:x}", "level": run.level,
                          "rights": run.rights.words(), "memory": run.memory} for run in self.runs()]}
