# SPDX-License-Identifier: Apache-2.0
"""An address looked up as the hardware does it: a VA by stage 1 and stage 2 together, with each access to a table of
stage 1 itself translated by stage 2; an IPA by stage 2 alone (Arm ARM, "Translation table walks"). Pure: registers and
memory come from the caller. vmsa.py reads the registers, rights.py the leaves, walk_words.py makes words of it."""

import dataclasses
from typing import NamedTuple, Optional

from launcher import descriptor, rights, vmsa, walk_root
from launcher.rights import Memory, Rights
from launcher.vmsa import bit, bits

AF, DESCRIPTOR = 10, 8
# Bit 7 says whether what has DBM is clean: AP[2] of stage 1 (read-only while 1), S2AP[1] of stage 2 (while 0).
DBM, CLEAN = 51, 7
TAG_BELOW = 55  # the highest bit of a VA that counts where its top byte is ignored
TRANSLATION, ACCESS_FLAG, PERMISSION, ADDRESS_SIZE, EXTERNAL = (
    "translation", "access flag", "permission", "address size", "external abort")
# Fault status codes as ESR_ELx and PAR_EL1 have them, without the level, and those of level -1.
STATUS = {ADDRESS_SIZE: 0x00, TRANSLATION: 0x04, ACCESS_FLAG: 0x08, PERMISSION: 0x0C, EXTERNAL: 0x14}
STATUS_MINUS_ONE = {ADDRESS_SIZE: 0x29, TRANSLATION: 0x2B, EXTERNAL: 0x13}


class NoMemory(Exception):
    """What `read` raises where nothing answers at an address."""


class Access(NamedTuple):
    """What is tried: "r", "w" or "x", at which level, with PSTATE.PAN or not."""
    kind: str = "r"
    el: int = 1
    pan: bool = False

    def words(self):
        return f"{ {'r': 'a read', 'w': 'a write', 'x': 'an instruction fetch'}[self.kind]} at EL{self.el}"


class Fault(Exception):
    """How a walk ended: `walk` where stage 2 met it at an access to a table of stage 1, whose IPA is `ipa`."""

    def __init__(self, kind, stage, level, why):
        super().__init__(kind)
        self.kind, self.stage, self.level, self.why = kind, stage, level, why
        self.walk, self.ipa = False, None

    def status(self):
        """DFSC, IFSC or PAR_EL1.FST."""
        return STATUS_MINUS_ONE[self.kind] if self.level < 0 else STATUS[self.kind] | self.level

    def words(self):
        name = "external abort on the walk" if self.kind == EXTERNAL else f"{self.kind} fault"
        return (f"stage {self.stage} {name}, level {self.level}"
                f"{', at an access to a table of stage 1' if self.walk else ''}")


@dataclasses.dataclass
class Step:
    """A descriptor that the hardware loads."""
    stage: int
    purpose: str  # "va", "s1 table" or "output"
    level: int
    table_pa: int
    table_ipa: Optional[int]  # of stage 1's tables
    index: int
    desc: int
    kind: str  # "table", "block", "page", "invalid", "reserved"
    out: int  # the address in it
    of: vmsa.Stage
    cpu: vmsa.Cpu
    hcr: int
    mair: int

    def fields(self):
        return descriptor.fields(self)


class Leaf(NamedTuple):
    """Where one stage ended."""
    out: int
    desc: int
    level: int
    size: int  # bytes that one descriptor maps; 0: the stage is off
    rights: Rights
    memory: Memory


@dataclasses.dataclass
class Walk:
    """All of it."""
    access: Access
    va: Optional[int] = None
    ipa: Optional[int] = None
    pa: Optional[int] = None
    fault: Optional[Fault] = None
    loads: int = 0
    updates: dict = dataclasses.field(default_factory=dict)  # by PA: descriptors that the hardware writes, with what
    rights: Optional[Rights] = None
    memory: Optional[Memory] = None
    roots: dict = dataclasses.field(default_factory=dict)  # by stage: a walk_root.Root
    steps: list = dataclasses.field(default_factory=list)
    leaves: dict = dataclasses.field(default_factory=dict)  # by stage, of the address itself

    def to_json(self):
        """As tools/traproom report has walks."""
        def number(value):
            return None if value is None else f"0x{value:x}"
        return {"va": number(self.va), "ipa": number(self.ipa), "pa": number(self.pa),
                "fault": self.fault.words() if self.fault else None, "why": self.fault.why if self.fault else None,
                "loads": self.loads, "access": self.access.words(),
                "perms": self.rights.words() if self.rights else "", "memory": self.memory.words() if self.memory else "",
                "roots": [root.to_json(stage) for stage, root in sorted(self.roots.items())],
                "steps": [{"stage": step.stage, "for": step.purpose, "level": step.level,
                           "table_pa": number(step.table_pa), "table_ipa": number(step.table_ipa), "index": step.index,
                           "desc": number(step.desc), "kind": step.kind, "out": number(step.out),
                           "fields": [list(field) for field in step.fields()]} for step in self.steps]}


class Walker:
    """One lookup. `read(pa, size)` gives bytes or raises NoMemory."""

    def __init__(self, regs, read, s2, access):
        self.regs, self.read, self.access = regs, read, access
        self.cpu = vmsa.Cpu.of(regs)
        self.hcr = regs.get("hcr_el2", 1 << vmsa.HCR_VM)
        self.found = Walk(access)
        self.stage2_on = bool(self.hcr >> vmsa.HCR_VM & 1 or self.hcr >> vmsa.HCR_DC & 1)
        self.stage2 = vmsa.stage2(s2.get("vttbr", 0), s2.get("vtcr", 0), self.cpu,
                                  bool(bit(regs.get("sctlr_el2", 0), vmsa.SCTLR_EE))) if self.stage2_on else None
        if self.stage2_on:
            self.found.roots[2] = walk_root.stage2(self.stage2, s2)

    def load(self, stage, purpose, level, table, index):
        """A descriptor; `table` is its table's (PA, IPA or None)."""
        pa = table[0] + index * DESCRIPTOR
        self.found.loads += 1
        try:
            desc = self.found.updates.get(pa)
            if desc is None:
                desc = int.from_bytes(self.read(pa, DESCRIPTOR), "big" if stage.big_endian else "little")
        except NoMemory as error:
            raise Fault(EXTERNAL, stage.number, level,
                        f"the descriptor at PA 0x{pa:x} can't be read: no memory answers there") from error
        kind = descriptor.kind(stage, level, desc)
        out = 0 if kind in descriptor.WHY else stage.output(
            desc, stage.granule if kind == "table" else stage.shift(level))
        self.found.steps.append(Step(stage.number, purpose, level, table[0], table[1], index, desc, kind, out, stage,
                                     self.cpu, self.hcr, self.regs.get("mair_el1", 0)))
        if kind in descriptor.WHY:
            raise Fault(TRANSLATION, stage.number, level, descriptor.WHY[kind])
        # The address's width is checked before anything is masked out of it.
        if stage.output(desc, stage.granule) >> stage.output_bits:
            raise Fault(ADDRESS_SIZE, stage.number, level,
                        f"the address in the descriptor, 0x{out:x}, has more than the {stage.output_bits} bits that "
                        f"{'TCR_EL1.IPS' if stage.number == 1 else 'VTCR_EL2.PS'} and the CPU allow")
        return self.found.steps[-1]

    def descend(self, stage, purpose, address, translate):
        """From the first table to the leaf: (step, bits [63:59] of the tables, all together). `translate` makes the
        (PA, IPA) that a table's address leads to."""
        if stage.base_refusal:
            raise Fault(ADDRESS_SIZE, stage.number, 0, stage.base_refusal)
        tables, base, level = 0, stage.base, stage.start
        while True:
            index = stage.index(level, address)
            pa, ipa = translate(base + index * DESCRIPTOR)
            offset = index * DESCRIPTOR
            step = self.load(stage, purpose, level, (pa - offset, None if ipa is None else ipa - offset), index)
            if step.kind != "table":
                return step, tables
            tables |= bits(step.desc, 63, 59)
            base, level = step.out, level + 1

    def written(self, stage, step, is_write):
        """What the hardware makes of a leaf's descriptor: the access flag set, the dirty state."""
        if not bit(step.desc, AF) and not stage.hardware_af:
            raise Fault(ACCESS_FLAG, stage.number, step.level,
                        "AF is 0, and the hardware is not told to set it (HA): software is to see the first access")
        desc = step.desc | 1 << AF
        if is_write and stage.hardware_dirty and bit(desc, DBM):
            desc = desc & ~(1 << CLEAN) if stage.number == 1 else desc | 1 << CLEAN
        return desc

    def by_stage2(self, ipa, purpose, access):
        """A Leaf of stage 2, rights checked."""
        stage = self.stage2
        if stage.refusal:
            raise Fault(TRANSLATION, 2, 0, stage.refusal)
        if ipa >> stage.input_bits:
            raise Fault(TRANSLATION, 2, 0, f"the IPA 0x{ipa:x} has more than {stage.input_bits} bits (VTCR_EL2.T0SZ)")
        step, _ = self.descend(stage, purpose, ipa, lambda pa: (pa, None))
        written = self.written(stage, step, access.kind == "w")
        allowed = rights.stage2(step.desc, stage, self.cpu)
        if access.kind not in (allowed.el1 if access.el else allowed.el0):
            raise Fault(PERMISSION, 2, step.level, f"stage 2 allows {allowed.words()}, this is {access.words()}")
        self.update(step, written)
        size = 1 << stage.shift(step.level)
        return Leaf(step.out | ipa & size - 1, step.desc, step.level, size, allowed,
                    rights.memory2(step.desc, stage, self.hcr))

    def table_at(self, ipa, kind="r"):
        """Where stage 2 has a descriptor of stage 1."""
        if not self.stage2_on:
            return ipa, None
        try:
            leaf = self.by_stage2(ipa, "s1 table", Access(kind))
            if bit(self.hcr, vmsa.HCR_PTW) and self._is_device(leaf):
                raise Fault(PERMISSION, 2, leaf.level, "the table lies in what stage 2 has as device memory, and "
                            "HCR_EL2.PTW forbids walks there")
        except Fault as fault:
            fault.walk, fault.ipa = True, ipa
            raise
        return leaf.out, ipa

    def _is_device(self, leaf):
        if bit(self.hcr, vmsa.HCR_FWB) and self.cpu.fwb:
            return bits(leaf.desc, 5, 2) < 4
        return leaf.memory.is_device()

    def half_of(self, va):
        """(half, the bits of the address that count, the highest of them)."""
        half, tcr = bit(va, 55), self.regs.get("tcr_el1", 0)
        ignored = bit(tcr, 38 if half else 37)
        if self.access.kind == "x" and self.cpu.pauth and bit(tcr, 52 if half else 51):
            ignored = 0
        top = TAG_BELOW if ignored else 63
        return half, top

    def by_stage1(self, va):
        half, top = self.half_of(va)
        stage = vmsa.stage1(self.regs, self.cpu, half)
        is_tagged = top == TAG_BELOW and bits(va, 63, TAG_BELOW + 1) != 0xFF * half
        self.found.roots[1] = walk_root.stage1(stage, self.regs, is_tagged)
        if stage.refusal:
            raise Fault(TRANSLATION, 1, 0, stage.refusal)
        if stage.input_bits <= top and bits(va, top, stage.input_bits) != (1 << top + 1 - stage.input_bits) * half - half:
            raise Fault(TRANSLATION, 1, 0, f"bits [{top}:{stage.input_bits}] of the VA are not all {half}: it lies between "
                        f"the halves that TCR_EL1 describes (T{half}SZ is {64 - stage.input_bits})")
        if self.access.el == 0 and self.cpu.e0pd and bit(self.regs.get("tcr_el1", 0), 56 if half else 55):
            raise Fault(TRANSLATION, 1, 0, f"TCR_EL1.E0PD{half} is set: EL0 may not use this half")
        step, tables = self.descend(stage, "va", va, self.table_at)
        written = self.written(stage, step, self.access.kind == "w")
        allowed = rights.stage1(step.desc, tables, stage, self.regs, self.cpu,
                                self.access.pan and self.access.kind != "x")
        self.found.rights = allowed
        if self.access.kind not in (allowed.el1 if self.access.el else allowed.el0):
            raise Fault(PERMISSION, 1, step.level, f"stage 1 allows {allowed.words()}, this is {self.access.words()}")
        if written != step.desc:
            self._write_back(step, written)
        size = 1 << stage.shift(step.level)
        return Leaf(step.out | va & size - 1, step.desc, step.level, size, allowed,
                    rights.memory1(step.desc, stage, self.regs))

    def update(self, step, written):
        if written != step.desc:
            self.found.updates[step.table_pa + step.index * DESCRIPTOR] = written

    def _write_back(self, step, written):
        """A write to a table of stage 1, which stage 2 must allow."""
        if self.stage2_on:
            loads, count = self.found.loads, len(self.found.steps)
            self.table_at(step.table_ipa + step.index * DESCRIPTOR, "w")
            self.found.loads = loads
            del self.found.steps[count:]  # the TLB has it from the load just before
        self.update(step, written)

    def stage1_off(self, va):
        _, top = self.half_of(va)
        self.found.roots[1] = walk_root.stage1_off(self.regs, self.hcr)
        if bits(va, top, self.cpu.pa_bits):
            raise Fault(ADDRESS_SIZE, 1, 0, f"stage 1 is off, and the VA has more than {self.cpu.pa_bits} bits")
        return Leaf(bits(va, 51, 0) & (1 << self.cpu.pa_bits) - 1, 0, 0, 0, rights.ALL,
                    rights.memory_off(self.regs, self.access.kind == "x"))

    def stage1(self, va):
        off = (not bit(self.regs.get("sctlr_el1", 0), vmsa.SCTLR_M) or bit(self.hcr, vmsa.HCR_DC) or
               bit(self.hcr, vmsa.HCR_TGE))
        leaf = self.stage1_off(va) if off else self.by_stage1(va)
        self.found.leaves[1], self.found.ipa = leaf, leaf.out
        self.found.rights, self.found.memory = leaf.rights, leaf.memory.settled()
        return leaf

    def output(self, ipa, before=None):
        """The address itself by stage 2, and both stages put together."""
        if not self.stage2_on:
            self.found.pa = ipa
            return
        try:
            leaf = self.by_stage2(ipa, "output", self.access)
        except Fault as fault:
            fault.ipa = ipa
            raise
        self.found.leaves[2], self.found.pa = leaf, leaf.out
        self.found.rights = leaf.rights & before.rights if before else leaf.rights
        if before:
            self.found.memory = rights.combine(before.memory, leaf.desc, self.stage2, self.regs, self.cpu)
        else:
            self.found.memory = leaf.memory.settled()

    def run(self, look):
        try:
            look()
        except Fault as fault:
            self.found.fault = fault
        return self.found


def walk(va, regs, read, s2, access=Access(), only_stage1=False):
    """A VA. `regs`: registers by name; `s2`: "vttbr" and "vtcr". `only_stage1`: as AT S1E1R does it, to the IPA (tables
    are looked up by stage 2 all the same)."""
    walker = Walker(regs, read, s2, access)
    walker.found.va = va

    def look():
        leaf = walker.stage1(va)
        if not only_stage1:
            walker.output(leaf.out, leaf)
    return walker.run(look)


def walk_ipa(ipa, regs, read, s2, access=Access()):
    """An IPA, by stage 2."""
    walker = Walker(regs, read, s2, access)
    walker.found.ipa = ipa
    return walker.run(lambda: walker.output(ipa))
