# SPDX-License-Identifier: Apache-2.0
"""What leaf descriptors allow, and the memory type that they give, of each stage and of both together (Arm ARM, "Memory
access control", "Memory region attributes", "Combining stage 1 and stage 2 attributes"); and rights as Traproom has them
in a number. Used by walk.py, s2map.py, monitor_change.py and exit_words.py."""

from typing import NamedTuple

from launcher.vmsa import (HCR_CD, HCR_DC, HCR_FWB, SCTLR_C, SCTLR_EPAN, SCTLR_I, SCTLR_WXN, bit, bits)

NON, OUTER, INNER = 0, 2, 3  # shareability, as SH has it
DEVICES = ("Device-nGnRnE", "Device-nGnRE", "Device-nGRE", "Device-GRE")
NORMAL_WB, NORMAL_NC, NORMAL_WT = 0xFF, 0x44, 0xEE  # as MAIR_EL1 has them
WRITABLE_BY_DBM = 51  # DBM, of both stages


class Rights(NamedTuple):
    """What may be done at EL1 and at EL0: letters of "rwx"."""
    el1: str
    el0: str

    def __and__(self, other):
        return Rights(*("".join(letter for letter in mine if letter in its) for mine, its in zip(self, other)))

    def words(self):
        return ", ".join(f"EL{level} {''.join(letter if letter in of else '-' for letter in 'rwx')}"
                         for level, of in ((1, self.el1), (0, self.el0)))


ALL = Rights("rwx", "rwx")

READ, WRITE, EXECUTE = 1, 2, 4  # STAGE2_* of hyp/mm/stage2.h
LETTERS = ((READ, "r"), (WRITE, "w"), (EXECUTE, "x"))


def letters(perms):
    """Of READ, WRITE and EXECUTE together."""
    return "".join(letter if perms & bit_of else "-" for bit_of, letter in LETTERS)


class Memory(NamedTuple):
    """A type, as a byte of MAIR_EL1 has it, and shareability."""
    attr: int
    share: int

    def is_device(self):
        return self.attr >> 4 == 0

    def settled(self):
        """Device memory, and what no cache holds, is outer shareable whatever SH has."""
        return Memory(self.attr, OUTER) if self.is_device() or self.attr == NORMAL_NC else self

    def words(self):
        if self.is_device():
            return DEVICES[self.attr >> 2 & 3]
        inner, outer = cache_words(self.attr & 15), cache_words(self.attr >> 4)
        kind = inner if inner == outer else f"inner {inner}, outer {outer}"
        tagged = ", tagged" if self.attr == 0xF0 else ""
        share = {NON: "non-shareable", OUTER: "outer shareable", INNER: "inner shareable"}.get(self.share,
                                                                                            "reserved shareability")
        return f"Normal {kind}{tagged}, {share}"


def cache_words(nibble):
    """One half of an attribute byte of normal memory."""
    if nibble == 4:
        return "non-cacheable"
    return {0: "write-through transient", 1: "write-back transient", 2: "write-through",
            3: "write-back"}[nibble >> 2] if nibble else "write-back"


def stage1(desc, tables, stage, regs, cpu, pan):
    """Rights by a leaf and by the bits [63:59] of the tables above it, together. `pan`: PSTATE.PAN, for data accesses."""
    readonly, el0 = bit(desc, 7), bit(desc, 6)
    uxn, pxn = bit(desc, 54), bit(desc, 53)
    if stage.hardware_dirty and bit(desc, WRITABLE_BY_DBM):
        readonly = 0
    if not stage.no_hierarchy:
        readonly |= bit(tables, 3)
        el0 &= ~bit(tables, 2)
        uxn |= bit(tables, 1)
        pxn |= bit(tables, 0)
    sctlr = regs.get("sctlr_el1", 0)
    user = "" if not el0 else "r" if readonly else "rw"
    kernel = "r" if readonly else "rw"
    never = bit(sctlr, SCTLR_WXN)
    runs_el0 = not (uxn or never and "w" in user)
    runs_el1 = not (pxn or "w" in user or never and "w" in kernel)
    if pan and (user or cpu.pan3 and bit(sctlr, SCTLR_EPAN) and not uxn):
        kernel = ""
    return Rights(kernel + "x" * runs_el1, user + "x" * runs_el0)


def stage2(desc, stage, cpu):
    data = "r" * bit(desc, 6) + "w" * (bit(desc, 7) | (stage.hardware_dirty and bit(desc, WRITABLE_BY_DBM)))
    never = bits(desc, 54, 53) if cpu.xnx else bits(desc, 54, 54) << 1
    return Rights(data + "x" * (never in (0, 3)), data + "x" * (never in (0, 1)))


def memory1(desc, stage, regs):
    """The type that stage 1 gives."""
    attr = regs.get("mair_el1", 0) >> 8 * bits(desc, 4, 2) & 0xFF
    if not bit(regs.get("sctlr_el1", 1 << SCTLR_C), SCTLR_C) and attr >> 4:
        attr = NORMAL_NC
    return Memory(attr, stage.share if stage.wide else bits(desc, 9, 8))


def memory_off(regs, is_fetch):
    """Where stage 1 is off."""
    if bit(regs.get("hcr_el2", 0), HCR_DC):
        return Memory(NORMAL_WB, NON)
    if is_fetch:
        return Memory(NORMAL_WT if bit(regs.get("sctlr_el1", 0), SCTLR_I) else NORMAL_NC, OUTER)
    return Memory(0, OUTER)


def memory2(desc, stage, hcr):
    """MemAttr of stage 2, taken by itself."""
    share = stage.share if stage.wide else bits(desc, 9, 8)
    outer, inner = bits(desc, 5, 4), bits(desc, 3, 2)
    if outer == 0:
        return Memory(inner << 2, share)
    if bit(hcr, HCR_CD):
        return Memory(NORMAL_NC, share)
    nibble = {0: 4, 1: 4, 2: 0xB, 3: 0xF}
    return Memory(nibble[outer] << 4 | nibble[inner], share)


def fwb_words(desc):
    """MemAttr where HCR_EL2.FWB is set: it says what becomes of stage 1's type."""
    kind = bits(desc, 5, 2)
    return {7: "stage 1's type", 6: "Normal write-back, whatever stage 1 says",
            5: "Normal non-cacheable, or stage 1's device type"}.get(
                kind, DEVICES[kind] if kind < 4 else "reserved")


def _combine_cache(one, two):
    """Of one half of the bytes: the less cached wins."""
    if 4 in (one, two):
        return 4
    if one >> 2 in (0, 2):
        return one
    return 2 << 2 | one & 3 if two >> 2 == 2 else one


def _forced_back(nibble):
    return 0xF if nibble in (0, 4) else nibble | 4


def _combine_fwb(one, desc):
    kind = bits(desc, 5, 2)
    device = one >> 4 == 0
    if kind == 7:
        return one
    if kind == 6:
        return NORMAL_WB if device else _forced_back(one >> 4) << 4 | _forced_back(one & 15)
    if kind == 5:
        return one if device else NORMAL_NC
    return kind << 2 if kind < 4 else 0


def combine(one, desc, stage, regs, cpu):
    """Stage 1's type, and what the leaf of stage 2 makes of it."""
    hcr = regs.get("hcr_el2", 0)
    two = memory2(desc, stage, hcr)
    share = OUTER if OUTER in (one.share, two.share) else INNER if INNER in (one.share, two.share) else NON
    if bit(hcr, HCR_FWB) and cpu.fwb:
        attr = _combine_fwb(one.attr, desc)
    elif one.is_device() or two.is_device():
        attr = min(memory.attr for memory in (one, two) if memory.is_device())
    else:
        attr = (_combine_cache(one.attr >> 4, two.attr >> 4) << 4 | _combine_cache(one.attr & 15, two.attr & 15))
    return Memory(attr, share).settled()
