# SPDX-License-Identifier: Apache-2.0
"""Random layouts of both stages: tables that are right, then spoiled here and there. Used by run.py."""

import dataclasses
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "tools"))

from hardware import ARENA, ARENA_END  # noqa: E402  pylint: disable=wrong-import-position
from launcher import descriptor, vmsa  # noqa: E402  pylint: disable=wrong-import-position

TARGETS = 0x4E000000  # of the arena: tables below
ABSENT = 0xB0000000  # of QEMU's machine: nothing answers there
HIGH = 40  # addresses from this bit on: nothing answers either
TABLE = 1 << 16  # room for a table of any granule
GRANULES = (12, 14, 16)
MAIR = 0x00_04_08_0C_44_BB_FF_F4
SCTLR = 0x30D00800 | 1 << vmsa.SCTLR_M | 1 << vmsa.SCTLR_C | 1 << vmsa.SCTLR_I
HCR = 1 << 31 | 1 << vmsa.HCR_VM  # EL1 is AArch64
AF = 1 << 10


@dataclasses.dataclass
class Case:
    seed: int
    regs: dict = dataclasses.field(default_factory=dict)
    memory: dict = dataclasses.field(default_factory=dict)  # words by physical address
    vas: list = dataclasses.field(default_factory=list)
    code: int = 0  # VA of the page with what run.py enters
    code_pa: int = 0
    questions: list = dataclasses.field(default_factory=list)


class Tables:
    """The tables of one stage (of stage 1: of one half) as they grow."""

    def __init__(self, rng, stage, memory, root, allocate):
        self.rng, self.stage, self.memory, self.allocate = rng, stage, memory, allocate
        self.root = root  # PA
        self.pas = {}  # PA of a table by the PA of the descriptor that leads to it
        self.levels = {}  # of each descriptor, by its PA

    def encode(self, address):
        stage = self.stage
        if stage.wide:
            return address & (1 << 50) - 1 | vmsa.bits(address, 51, 50) << 8
        return address & (1 << 48) - 1 | (vmsa.bits(address, 51, 48) << 12 if stage.high_in_15_12 else 0)

    def can_map(self, address, level):
        """Is there room for a leaf?"""
        table = self.root
        for at in range(self.stage.start, level):
            entry = table + 8 * self.stage.index(at, address)
            if entry not in self.memory:
                return True
            if entry not in self.pas:
                return False
            table = self.pas[entry]
        return table + 8 * self.stage.index(level, address) not in self.memory

    def map(self, address, out, level, attributes):
        table = self.root
        for at in range(self.stage.start, level):
            entry = table + 8 * self.stage.index(at, address)
            if entry not in self.memory:
                where, self.pas[entry] = self.allocate()
                limits = self.rng.getrandbits(5) << 59 if self.rng.random() < 0.15 and self.stage.number == 1 else 0
                self.memory[entry], self.levels[entry] = self.encode(where) | limits | 3, at
            table = self.pas[entry]
        entry = table + 8 * self.stage.index(level, address)
        self.memory[entry] = self.encode(out) | attributes | (3 if level == 3 else 1)
        self.levels[entry] = level


def is_open(vtcr):
    """Does a CPU choose what it makes of this VTCR_EL2? More bits of IPA than of PA, or a first level for such: QEMU
    up to 7.2 faults, later ones don't. Nor has 7.2 a level 0 of 16 KiB granules in stage 2, nor a level -1 for less than
    52 bits."""
    output = vmsa.PA_BITS[min(vmsa.bits(vtcr, 18, 16), 6)]
    if vmsa.bits(vtcr, 15, 14) == 2 and vmsa.bits(vtcr, 7, 6) == 3:
        return True
    starts_at_minus_one = vmsa.bits(vtcr, 33, 32) == 3 and vmsa.bits(vtcr, 15, 14) == 0
    if starts_at_minus_one and vmsa.bits(vtcr, 5, 0) > 64 - 52:
        return True
    return 64 - vmsa.bits(vtcr, 5, 0) > output or vmsa.bits(vtcr, 7, 6) >= 2 and output < 44


class Maker:
    """One case, sound but for rights and access flags."""

    def __init__(self, rng, cpu, seed):
        self.rng, self.cpu, self.case = rng, cpu, Case(seed)
        self.next = ARENA
        self.regs = {"sctlr_el1": SCTLR, "tcr_el1": self.tcr(), "ttbr0_el1": 0, "ttbr1_el1": 0, "mair_el1": MAIR,
                     "hcr_el2": HCR, "vbar_el1": 0, "vttbr_el2": 0, "vtcr_el2": 0}
        self.ipa_bits = min(vmsa.stage1(self.regs, cpu, half).output_bits for half in (0, 1))  # that stage 1 can give
        self.stage2 = self.make_stage2()
        self.stage1 = [self.make_stage1(half) for half in (0, 1)]
        self.case.regs = self.regs

    def chance(self, probability):
        return self.rng.random() < probability

    def size_field(self, granule, wide, most):
        least = 12 if wide or granule == 16 and most == 52 else 16
        return self.rng.choice([least, 16, 20, 24, 25, 28, 32, self.rng.randint(least, 39)])

    def tcr(self):
        rng = self.rng
        granules = [rng.choice(GRANULES) for _ in range(2)]
        wide = self.chance(0.4) and bool(self.cpu.lpa2[0])
        code0, code1 = {12: 0, 16: 1, 14: 2}[granules[0]], {14: 1, 12: 2, 16: 3}[granules[1]]
        sizes = [self.size_field(granule, wide and granule != 16, 52 if self.cpu.lva else 48) for granule in granules]
        tcr = sizes[0] | code0 << 14 | sizes[1] << 16 | code1 << 30 | rng.choice((2, 3, 4, 5, 6, 6)) << 32
        tcr |= rng.choice((0, 2, 3)) << 12 | rng.choice((0, 2, 3)) << 28 | wide << 59
        for position, probability in ((37, 0.3), (38, 0.3), (39, 0.3), (40, 0.3), (41, 0.2), (42, 0.2), (51, 0.2),
                                      (52, 0.2)):
            tcr |= self.chance(probability) << position
        return tcr

    def take(self, size):
        """Room in the arena, aligned to its size."""
        self.next = (self.next + size - 1) // size * size
        self.next += size
        assert self.next <= TARGETS
        return self.next - size

    def make_stage2(self):
        rng = self.rng
        while True:
            granule = rng.choice(GRANULES)
            wide = self.chance(0.4) and granule in self.cpu.lpa2[1]
            sl2 = wide and granule == 12 and self.chance(0.5)
            vtcr = (self.size_field(granule, wide, self.cpu.pa_bits) | (0 if sl2 else rng.randrange(4)) << 6 |
                    rng.choice((0, 2, 3)) << 12 | {12: 0, 16: 1, 14: 2}[granule] << 14 | rng.choice((2, 4, 5, 6)) << 16 |
                    self.chance(0.3) << 21 | self.chance(0.3) << 22 | 1 << 31 | wide << 32 | sl2 << 33)
            stage = vmsa.stage2(0, vtcr, self.cpu)
            if not stage.refusal and not is_open(vtcr):
                break
        root = self.take(max(8 << stage.index_bits(stage.start), TABLE))
        self.regs["vtcr_el2"], self.regs["vttbr_el2"] = vtcr, root
        return Tables(rng, stage, self.case.memory, root, lambda: (self.take(TABLE),) * 2)

    def attributes2(self, sound):
        rng = self.rng
        share = 0 if self.stage2.stage.wide else rng.choice((0, 2, 3)) << 8
        if sound:
            return AF | 3 << 6 | 15 << 2 | share
        memory = rng.choice((0, 1, 2, 3, 5, 10, 15, 15, 15, 6, 7))
        return ((AF if self.chance(0.85) else 0) | rng.choice((3, 3, 3, 1, 2, 0)) << 6 | memory << 2 | share |
                rng.choice((0, 0, 0, 1, 2, 3)) << 53 | self.chance(0.2) << 51)

    def ipa_of(self, pa, size, sound):
        """A new IPA for `size` bytes at `pa`, by leaves of a random level of stage 2."""
        stage, rng = self.stage2.stage, self.rng
        limit = min(stage.input_bits, self.ipa_bits)
        for _ in range(200):
            level = rng.choice([at for at in stage.block_levels() + (3, 3) if at >= stage.start])
            leaf = 1 << stage.shift(level)
            entries = descriptor.CONTIGUOUS[stage.granule].get(level, 1) if self.chance(0.1) else 1
            span = max(leaf * entries, size)
            prefix = rng.randrange(max(1, (1 << limit) // span)) * span
            ipa = prefix | pa & span - 1
            first, count = (ipa // (leaf * entries) * leaf * entries, entries) if entries > 1 else (
                ipa // leaf * leaf, max(1, size // leaf))
            pages = [first + i * leaf for i in range(count)]
            if (ipa + size) >> limit or entries * leaf < size and entries > 1 or not all(
                    self.stage2.can_map(page, level) for page in pages):
                continue
            attributes = self.attributes2(sound) | (1 << 52 if entries > 1 else 0)
            for page in pages:
                self.stage2.map(page, page - ipa + pa, level, attributes)
            return ipa
        raise LookupError("no room in stage 2")

    def make_stage1(self, half):
        stage = vmsa.stage1(self.regs, self.cpu, half)

        def allocate():
            pa = self.take(TABLE)
            return self.ipa_of(pa, TABLE, not self.chance(0.1)), pa
        base, pa = allocate()
        if base >> 48 and stage.index_bits(stage.start) < 3:
            raise LookupError("QEMU 7.2 takes TTBR's bits [5:2] for low bits of so small a table's address, too")
        self.regs[f"ttbr{half}_el1"] = base & (1 << 48) - 1 | (vmsa.bits(base, 51, 48) << 2)
        return Tables(self.rng, stage, self.case.memory, pa, allocate)

    def attributes1(self, stage, sound):
        rng = self.rng
        share = 0 if stage.wide else rng.choice((0, 2, 3)) << 8
        if sound:
            return AF | 3 << 6 | share  # read-only at both levels, executable at both
        return ((AF if self.chance(0.85) else 0) | rng.randrange(4) << 6 | rng.randrange(8) << 2 | share |
                rng.getrandbits(1) << 11 | rng.choice((0, 0, 1, 2, 3)) << 53 | self.chance(0.2) << 51 |
                rng.getrandbits(4) << 55)

    def add(self, pa, sound=False):
        """A VA that leads to `pa`."""
        rng = self.rng
        tables = self.stage1[rng.randrange(2)]
        stage, half = tables.stage, tables.stage.half
        ipa = self.ipa_of(pa, 1 << 12, sound)
        for _ in range(200):
            level = rng.choice([at for at in stage.block_levels() + (3, 3) if at >= stage.start])
            leaf = 1 << stage.shift(level)
            entries = descriptor.CONTIGUOUS[stage.granule].get(level, 1) if self.chance(0.1) else 1
            span = leaf * entries
            va = rng.randrange(max(1, (1 << stage.input_bits) // span)) * span | ipa & span - 1
            first = va // span * span
            if va >> stage.input_bits or not all(tables.can_map(first + i * leaf, level) for i in range(entries)):
                continue
            attributes = self.attributes1(stage, sound) | (1 << 52 if entries > 1 else 0)
            for i in range(entries):
                tables.map(first + i * leaf, (ipa // span * span) + i * leaf, level, attributes)
            return va | ((1 << 64) - (1 << stage.input_bits)) * half
        raise LookupError("no room in stage 1")


class Spoiler:
    """Makes a sound case wrong here and there."""

    def __init__(self, maker):
        self.rng, self.maker, self.case = maker.rng, maker, maker.case

    def run(self):
        if self.rng.random() < 0.6:
            for _ in range(self.rng.randint(1, 3)):
                self.descriptor()
        if self.rng.random() < 0.3:
            self.registers()
        if self.rng.random() < 0.3:
            self.case.regs["hcr_el2"] ^= self.rng.choice((1 << vmsa.HCR_PTW, 1 << vmsa.HCR_FWB, 1 << vmsa.HCR_FWB,
                                                          1 << vmsa.HCR_DC, 1 << vmsa.HCR_VM))
        if self.rng.random() < 0.2:
            self.case.regs["sctlr_el1"] |= 1 << vmsa.SCTLR_WXN
        if self.rng.random() < 0.3:
            self.case.regs["sctlr_el1"] |= 1 << vmsa.SCTLR_EPAN

    def descriptor(self):
        rng, memory = self.rng, self.case.memory
        tables = rng.choice((self.maker.stage2, *self.maker.stage1))
        if not tables.levels:
            return
        entry, level = rng.choice(list(tables.levels.items()))
        desc, stage = memory[entry], tables.stage
        is_table = descriptor.kind(stage, level, desc) == "table"
        top = 49 if stage.wide else 47
        changes = [desc & ~1, desc ^ AF, desc ^ 1 << rng.choice((6, 7, 53, 54)), desc | 1 << rng.randint(HIGH, top)]
        if is_table:
            changes += [desc & ~tables.encode((1 << top + 1) - (1 << stage.granule)) | ABSENT] * 2
        if descriptor.kind(stage, level, desc ^ 2) != "reserved" or level == 3:
            changes.append(desc ^ 2)
        memory[entry] = rng.choice(changes)

    def registers(self):
        rng, regs = self.rng, self.case.regs
        kind = rng.randrange(8)
        if kind == 0:
            regs["tcr_el1"] |= 1 << rng.choice((7, 23))  # EPD
        elif kind == 1:
            regs["tcr_el1"] |= 1 << rng.choice((55, 56))  # E0PD
        elif kind == 2:
            regs["tcr_el1"] = regs["tcr_el1"] & ~(7 << 32) | rng.randrange(3) << 32  # IPS
        elif kind == 3:
            half = rng.randrange(2)
            regs["tcr_el1"] = regs["tcr_el1"] & ~(0x3F << 16 * half) | rng.randrange(64) << 16 * half
        elif kind == 4:
            regs["vtcr_el2"] = regs["vtcr_el2"] & ~0x3F | rng.randrange(64)
        elif kind == 5:
            regs["vtcr_el2"] = regs["vtcr_el2"] & ~0xC0 | rng.randrange(4) << 6
        elif kind == 6:
            regs[rng.choice(("ttbr0_el1", "ttbr1_el1", "vttbr_el2"))] |= 1 << rng.randint(HIGH, 47)
        else:
            regs["sctlr_el1"] &= ~(1 << vmsa.SCTLR_M)


def make(rng, cpu, seed, code_words):
    """A case; LookupError: this seed has no room for what it wants."""
    maker = Maker(rng, cpu, seed)
    case = maker.case
    pages = [TARGETS + i * TABLE for i in range((ARENA_END - TARGETS) // TABLE)]
    rng.shuffle(pages)
    case.code_pa = pages.pop()
    case.memory.update({case.code_pa + offset: word for offset, word in code_words.items()})
    case.code = maker.add(case.code_pa, sound=True)
    case.vas = [maker.add(pages.pop()) + 8 * rng.randrange(512) for _ in range(rng.randint(2, 4))]
    Spoiler(maker).run()
    if is_open(case.regs["vtcr_el2"]):
        raise LookupError("what becomes of it is the CPU's choice")
    va = rng.choice(case.vas)
    case.vas.append(va ^ 1 << rng.randrange(3, 64))
    case.vas.append(va ^ rng.getrandbits(8) << 56)
    case.regs["vbar_el1"] = case.code
    return case
