# SPDX-License-Identifier: Apache-2.0
"""A descriptor of a translation table, bit by bit in words (Arm ARM, "VMSAv8-64 translation table format descriptors").
Used by walk.py, which finds descriptors, s2map.py and whoever shows them."""

from typing import NamedTuple

from launcher import rights
from launcher.vmsa import HCR_FWB, bit, bits

KINDS = {"table": "a table of the next level", "block": "a block: the walk ends here", "page": "a page: the walk ends here"}
WHY = {"invalid": "bit 0 is clear, which is all that the hardware looks at: nothing is mapped here",
       "reserved": "bits [1:0] are 01, which would be a block, and there are none at this level"}
SHARE = {0: "non-shareable", 1: "reserved", 2: "outer shareable", 3: "inner shareable"}
CONTIGUOUS = {12: {1: 16, 2: 16, 3: 16}, 14: {2: 32, 3: 128}, 16: {2: 32, 3: 32}}  # entries, by granule and level


class Field(NamedTuple):
    name: str
    bits: str
    value: int
    words: str


def kind(stage, level, desc):
    """What bits [1:0] make it, at its level."""
    if not desc & 1:
        return "invalid"
    if desc & 2:
        return "page" if level == 3 else "table"
    return "block" if level < 3 and level in stage.block_levels() else "reserved"


def size_words(size):
    for unit, name in ((40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")):
        if size >= 1 << unit:
            return f"{size >> unit} {name}"
    return f"{size} bytes"


def _field(desc, name, high, low, words):
    value = bits(desc, high, low)
    return Field(name, f"[{high}]" if high == low else f"[{high}:{low}]", value,
                 words[value] if isinstance(words, (tuple, dict)) else words)


def _flag(desc, name, position, when_set, when_clear):
    return _field(desc, name, position, position, (when_clear, when_set))


def _type(step):
    return Field("type", "[1:0]", step.desc & 3, KINDS.get(step.kind) or WHY[step.kind])


def _address(step, low):
    stage, size = step.of, 1 << step.of.shift(step.level)
    what = "the next table" if step.kind == "table" else f"the {size_words(size)} that it maps"
    top = 49 if stage.wide else 47
    found = [Field("output address", f"[{top}:{low}]", bits(step.desc, top, low) << low, f"{what}: 0x{step.out:x}")]
    if stage.wide:
        found.append(_field(step.desc, "output address", 9, 8, "its bits [51:50]"))
    elif stage.high_in_15_12:
        found.append(_field(step.desc, "output address", 15, 12, "its bits [51:48]"))
    return found


def _table(step):
    fields = [_type(step)] + _address(step, step.of.granule)
    if step.of.number == 2:
        return fields
    none = ", but HPD is set: ignored" if step.of.no_hierarchy else ""
    desc = step.desc
    return fields + [
        _flag(desc, "PXNTable", 59, "nothing below may be executed at EL1" + none, "no limit"),
        _flag(desc, "UXNTable", 60, "nothing below may be executed at EL0" + none, "no limit"),
        _flag(desc, "APTable[0]", 61, "nothing below may be accessed at EL0" + none, "no limit"),
        _flag(desc, "APTable[1]", 62, "nothing below may be written" + none, "no limit"),
        _flag(desc, "NSTable", 63, "ignored: this is the non-secure state", "no effect")]


def contiguous_entries(step):
    return CONTIGUOUS[step.of.granule].get(step.level)


def _contiguous(step):
    count = contiguous_entries(step)
    return (f"one of {count} neighbours that map {size_words(count << step.of.shift(step.level))} in a row: a TLB may keep "
            "them as one" if count else "a hint that this level does not have")


def _shareability(step):
    if step.of.wide:
        return []
    return [_field(step.desc, "SH", 9, 8, SHARE)]


def _access_flag(step):
    clear = ("not accessed yet: the hardware sets it" if step.of.hardware_af else
             "not accessed yet: an access faults")
    return _flag(step.desc, "AF", 10, "may be accessed", clear)


def _leaf1(step):
    desc = step.desc
    attr = step.mair >> 8 * bits(desc, 4, 2) & 0xFF
    fields = [
        _type(step),
        _field(desc, "AttrIndx", 4, 2, f"byte {bits(desc, 4, 2)} of MAIR_EL1, 0x{attr:02x}: "
               f"{rights.Memory(attr, 0).words().split(',')[0]}"),
        _field(desc, "NS", 5, 5, "ignored: this is the non-secure state"),
        _flag(desc, "AP[1]", 6, "EL0 may access it", "only EL1 may access it"),
        _flag(desc, "AP[2]", 7, "read-only", "may be written"),
        *_shareability(step), _access_flag(step),
        _flag(desc, "nG", 11, "of one address space: the TLB entry has the ASID", "global: of every address space")]
    fields += _address(step, step.of.shift(step.level))
    if step.level < 3:
        fields.append(_flag(desc, "nT", 16, "block translation entry: not to be cached", "an ordinary block"))
    return fields + [
        _flag(desc, "GP", 50, "guarded: indirect branches must land at BTI", "not guarded"),
        _flag(desc, "DBM", 51, "the hardware may make it writable (TCR_EL1.HD)", "no dirty state"),
        _flag(desc, "Contiguous", 52, _contiguous(step), "stands alone"),
        _flag(desc, "PXN", 53, "never executed at EL1", "may be executed at EL1"),
        _flag(desc, "UXN", 54, "never executed at EL0", "may be executed at EL0"),
        _field(desc, "software", 58, 55, "for the guest's own use"),
        _field(desc, "ignored", 63, 59, "PBHA or ignored")]


def _memattr(step):
    if bit(step.hcr, HCR_FWB) and step.cpu.fwb:
        return rights.fwb_words(step.desc) + " (HCR_EL2.FWB)"
    return rights.memory2(step.desc, step.of, step.hcr).words().split(",")[0]


def _leaf2(step):
    desc = step.desc
    never = {0: "may be executed", 1: "executed at EL0 only", 2: "never executed", 3: "executed at EL1 only"}
    fields = [
        _type(step), _field(desc, "MemAttr", 5, 2, _memattr(step)),
        _flag(desc, "S2AP[0]", 6, "may be read", "may not be read"),
        _flag(desc, "S2AP[1]", 7, "may be written", "may not be written"),
        *_shareability(step), _access_flag(step)]
    fields += _address(step, step.of.shift(step.level))
    if step.level < 3:
        fields.append(_flag(desc, "nT", 16, "block translation entry: not to be cached", "an ordinary block"))
    fields += [
        _flag(desc, "DBM", 51, "the hardware may make it writable (VTCR_EL2.HD)", "no dirty state"),
        _flag(desc, "Contiguous", 52, _contiguous(step), "stands alone")]
    if step.cpu.xnx:
        fields.append(_field(desc, "XN", 54, 53, never))
    else:
        fields.append(_flag(desc, "XN", 54, "never executed", "may be executed"))
    return fields + [_field(desc, "software", 58, 55, "for the hypervisor's own use"),
                     _field(desc, "ignored", 63, 59, "PBHA or ignored")]


def fields(step):
    """Every bit that means something, from bit 0 on."""
    if step.kind in WHY:
        return [_type(step)]
    if step.kind == "table":
        return _table(step)
    return _leaf1(step) if step.of.number == 1 else _leaf2(step)
