# SPDX-License-Identifier: Apache-2.0
"""What the control registers say of a stage of translation, for the EL1&0 regime in AArch64 state (Arm ARM, "The AArch64
Virtual Memory System Architecture"): granule, sizes, where the walk starts, what the CPU has of it. walk.py walks by
it, s2map.py reads whole tables by it."""

import dataclasses

# Of the registers that see.md and EL2 name in lower case. What is not there is taken as zero, but for ID registers:
# without them the CPU is taken to have everything.
PA_BITS = (32, 36, 40, 42, 44, 48, 52)  # by ID_AA64MMFR0_EL1.PARange, TCR_EL1.IPS, VTCR_EL2.PS
TG0 = {0: 12, 1: 16, 2: 14}  # granule, as the bits of an offset into it
TG1 = {1: 14, 2: 12, 3: 16}
NO_GRANULE = 12  # what reserved values of TG are taken as: the architecture leaves it open

SCTLR_M, SCTLR_C, SCTLR_I, SCTLR_WXN, SCTLR_EE, SCTLR_EPAN = 0, 2, 12, 19, 25, 57
HCR_VM, HCR_PTW, HCR_DC, HCR_TGE, HCR_CD, HCR_FWB = 0, 2, 12, 27, 32, 46


def bits(value, high, low):
    return value >> low & (1 << high - low + 1) - 1


def bit(value, position):
    return value >> position & 1


@dataclasses.dataclass(frozen=True)
class Cpu:
    """What the CPU has, by its ID registers."""
    pa_bits: int = 52
    lpa2: tuple = (frozenset((12, 14)), frozenset((12, 14)))  # granules with it, of stage 1 and of stage 2
    lva: bool = True  # 52 bits of VA with 64 KiB granules
    small_tables: bool = True  # FEAT_TTST
    hafdbs: int = 2  # 1: access flag, 2: dirty state, too
    hpd: bool = True
    pan3: bool = True
    xnx: bool = True
    e0pd: bool = True
    fwb: bool = True
    pauth: bool = True  # and TCR_EL1.TBID with it

    @classmethod
    def of(cls, regs):
        """Of registers by name."""
        if "id_aa64mmfr0_el1" not in regs:
            return cls()
        mmfr0, mmfr1, mmfr2 = (regs.get(f"id_aa64mmfr{i}_el1", 0) for i in range(3))
        second = (bits(mmfr0, 43, 40), bits(mmfr0, 35, 32))
        first = (bits(mmfr0, 31, 28) == 1, bits(mmfr0, 23, 20) == 2)
        isar1 = regs.get("id_aa64isar1_el1")
        return cls(
            pa_bits=PA_BITS[min(bits(mmfr0, 3, 0), 6)],
            lpa2=(frozenset(granule for granule, has in zip((12, 14), first) if has),
                  frozenset(granule for granule, has, own in zip((12, 14), first, second)
                            if own == 3 or own == 0 and has)),
            lva=bits(mmfr2, 19, 16) != 0, small_tables=bits(mmfr2, 31, 28) != 0, hafdbs=bits(mmfr1, 3, 0),
            hpd=bits(mmfr1, 15, 12) != 0, pan3=bits(mmfr1, 23, 20) >= 3, xnx=bits(mmfr1, 31, 28) != 0,
            e0pd=bits(mmfr2, 63, 60) != 0, fwb=bits(mmfr2, 43, 40) != 0,
            pauth=isar1 is None or bits(isar1, 11, 4) != 0 or bits(isar1, 31, 24) != 0)


@dataclasses.dataclass(frozen=True)
class Stage:
    """A stage as its registers have it; of stage 1, the half that an address is in."""
    number: int
    granule: int  # bits of an offset into a page
    input_bits: int
    output_bits: int
    start: int  # level
    base: int  # of the first table
    wide: bool  # TCR_EL1.DS or VTCR_EL2.DS: descriptors have 52 bits in the LPA2 way
    high_in_15_12: bool  # descriptors of 64 KiB granules have bits [51:48] of an address in [15:12]
    big_endian: bool
    share: int  # shareability of leaves where the descriptor has no room for it (wide)
    hardware_af: bool
    hardware_dirty: bool
    no_hierarchy: bool  # HPD: permissions of tables do not count
    half: int = 0  # of stage 1: 0 TTBR0_EL1's, 1 TTBR1_EL1's
    refusal: str = ""  # why no address is looked up at all: a translation fault
    base_refusal: str = ""  # why the first table can't be: an address size fault

    @property
    def stride(self):
        """Bits of the address that a level takes."""
        return self.granule - 3

    def shift(self, level):
        """Bits of an offset into what a descriptor of the level stands for."""
        return self.granule + self.stride * (3 - level)

    def index_bits(self, level):
        """The first level's may be fewer, or more where tables are concatenated."""
        return self.input_bits - self.shift(level) if level == self.start else self.stride

    def index(self, level, address):
        return bits(address, self.shift(level) + self.index_bits(level) - 1, self.shift(level))

    def block_levels(self):
        """Levels whose descriptors may be leaves."""
        if self.granule == 12:
            return (0, 1, 2, 3) if self.wide else (1, 2, 3)
        if self.granule == 14:
            return (1, 2, 3) if self.wide else (2, 3)
        return (1, 2, 3) if self.high_in_15_12 else (2, 3)

    def output(self, descriptor, low):
        """The address in a descriptor, from bit `low` on."""
        top = 49 if self.wide else 47
        address = bits(descriptor, top, low) << low if low <= top else 0
        if self.wide:
            return address | bits(descriptor, 9, 8) << 50
        return address | bits(descriptor, 15, 12) << 48 if self.high_in_15_12 else address


def _base(ttbr, stage, wide_base):
    """The first table's address in TTBRn or VTTBR: aligned to the table, bits [51:48] in [5:2] where there are such."""
    size = max(stage.index_bits(stage.start), 0) + 3
    if not wide_base:
        return bits(ttbr, 47, 0) >> size << size
    size = max(size, 6)
    return (bits(ttbr, 47, 0) | bits(ttbr, 5, 2) << 48) >> size << size


def _finish(stage, ttbr, smallest, largest, register):
    """With its base, and what makes the registers' values impossible."""
    wide_base = stage.output_bits == 52 and (stage.wide or stage.granule == 16)
    size = 64 - stage.input_bits
    if not smallest <= size <= largest:
        return dataclasses.replace(stage, refusal=f"{register} is {size}, and {smallest} to {largest} are possible here")
    stage = dataclasses.replace(stage, base=_base(ttbr, stage, wide_base))
    if stage.base >> stage.output_bits:
        return dataclasses.replace(stage, base_refusal=f"the first table's address 0x{stage.base:x} has more than "
                                   f"{stage.output_bits} bits")
    return stage


def _output_bits(cpu, field, wide, granule):
    size = min(PA_BITS[min(field, 6)], cpu.pa_bits)
    return size if wide or granule == 16 else min(size, 48)


def stage1(regs, cpu, half):
    """Stage 1 of the half of the address space that TTBR0_EL1 (0) or TTBR1_EL1 (1) has."""
    tcr = regs.get("tcr_el1", 0)
    size = bits(tcr, 21, 16) if half else bits(tcr, 5, 0)
    granule = (TG1.get(bits(tcr, 31, 30)) if half else TG0.get(bits(tcr, 15, 14))) or NO_GRANULE
    wide = bool(bit(tcr, 59)) and granule in cpu.lpa2[0]
    stage = Stage(
        number=1, granule=granule, input_bits=64 - size, output_bits=_output_bits(cpu, bits(tcr, 34, 32), wide, granule),
        start=4 - (64 - size - 4) // (granule - 3), base=0, wide=wide,
        high_in_15_12=granule == 16 and cpu.pa_bits == 52, big_endian=bool(bit(regs.get("sctlr_el1", 0), SCTLR_EE)),
        share=bits(tcr, 29, 28) if half else bits(tcr, 13, 12),
        hardware_af=bool(bit(tcr, 39)) and cpu.hafdbs >= 1,
        hardware_dirty=bool(bit(tcr, 39) and bit(tcr, 40)) and cpu.hafdbs >= 2,
        no_hierarchy=bool(bit(tcr, 42 if half else 41)) and cpu.hpd, half=half)
    if bit(tcr, 23 if half else 7):
        stage = dataclasses.replace(stage, refusal=f"TCR_EL1.EPD{half} is set: no walks by TTBR{half}_EL1")
    smallest = 12 if wide or granule == 16 and cpu.lva else 16
    largest = (47 if granule == 16 else 48) if cpu.small_tables else 39
    return _finish(stage, regs.get(f"ttbr{half}_el1", 0), smallest, largest, f"TCR_EL1.T{half}SZ")


def _start2(vtcr, granule, wide, cpu):
    """The level that VTCR_EL2.SL0 and SL2 name; None: they name none."""
    sl0 = bits(vtcr, 7, 6)
    if granule == 12:
        if wide and bit(vtcr, 33):
            return -1 if sl0 == 0 else None
        if sl0 == 2:
            return 0 if cpu.pa_bits >= 44 else None
        return {0: 2, 1: 1, 3: 3 if cpu.small_tables else None}[sl0]
    if granule == 14:
        return {0: 3, 1: 2, 2: 1 if cpu.pa_bits >= 42 else None, 3: 0 if wide else None}[sl0]
    return {0: 3, 1: 2, 2: 1 if cpu.pa_bits >= 44 else None, 3: None}[sl0]


def stage2(vttbr, vtcr, cpu, big_endian=False):
    """Stage 2."""
    size = bits(vtcr, 5, 0)
    granule = TG0.get(bits(vtcr, 15, 14)) or NO_GRANULE
    wide = bool(bit(vtcr, 32)) and granule in cpu.lpa2[1]
    start = _start2(vtcr, granule, wide, cpu)
    stage = Stage(
        number=2, granule=granule, input_bits=64 - size, output_bits=_output_bits(cpu, bits(vtcr, 18, 16), wide, granule),
        start=3 if start is None else start, base=0, wide=wide, high_in_15_12=granule == 16 and cpu.pa_bits == 52,
        big_endian=big_endian, share=bits(vtcr, 13, 12), hardware_af=bool(bit(vtcr, 21)) and cpu.hafdbs >= 1,
        hardware_dirty=bool(bit(vtcr, 21) and bit(vtcr, 22)) and cpu.hafdbs >= 2, no_hierarchy=True)
    least = stage.shift(stage.start) + 1
    if start is None:
        stage = dataclasses.replace(stage, refusal="VTCR_EL2.SL0 names a level that a walk can't start at")
    elif not least <= stage.input_bits <= least + stage.stride - 1 + 4:
        stage = dataclasses.replace(stage, refusal=f"VTCR_EL2.SL0 starts at level {start}, which does not go with "
                                    f"{stage.input_bits} bits of IPA (T0SZ)")
    smallest = 12 if wide or granule == 16 and cpu.pa_bits == 52 else 16
    largest = (47 if granule == 16 else 48) if cpu.small_tables else 39
    return _finish(stage, vttbr, smallest, largest, "VTCR_EL2.T0SZ")


__all__ = ["Cpu", "PA_BITS", "Stage", "bit", "bits", "stage1", "stage2"]
