# SPDX-License-Identifier: Apache-2.0
"""What an exception's syndrome, ESR_ELx, says, field by field (Arm ARM, "ESR_EL2, Exception Syndrome Register (EL2)").
Decoding only: explain.py makes sentences of it."""

from typing import NamedTuple


class Field(NamedTuple):
    """Bits `high` to `low` of a register, their value, and what it means."""
    name: str
    high: int
    low: int
    value: int
    words: str

    @property
    def bits(self):
        return f"[{self.high}]" if self.high == self.low else f"[{self.high}:{self.low}]"


LOWER, SAME = "from a lower exception level", "from the same exception level"
INSTRUCTION_ABORT, DATA_ABORT = (0x20, 0x21), (0x24, 0x25)
SYSTEM_REGISTER = 0x18
CALLS = {0x11: "SVC", 0x12: "HVC", 0x13: "SMC", 0x15: "SVC", 0x16: "HVC", 0x17: "SMC"}
BRK = 0x3C
CLASSES = {
    0x00: "unknown reason: an undefined instruction, as a rule",
    0x01: "WFI, WFE, WFIT or WFET, trapped",
    0x03: "MCR or MRC to coprocessor 15, from AArch32",
    0x04: "MCRR or MRRC to coprocessor 15, from AArch32",
    0x05: "MCR or MRC to coprocessor 14, from AArch32",
    0x06: "LDC or STC of coprocessor 14, from AArch32",
    0x07: "SVE, SIMD or floating-point access, trapped",
    0x08: "VMRS of an ID register, from AArch32",
    0x09: "pointer authentication instruction or key, trapped",
    0x0A: "LD64B, ST64B or another instruction that is trapped",
    0x0C: "MRRC to coprocessor 14, from AArch32",
    0x0D: "branch target exception",
    0x0E: "illegal execution state",
    0x11: "SVC, from AArch32", 0x12: "HVC, from AArch32", 0x13: "SMC, from AArch32",
    0x14: "128-bit MSR, MRS or system instruction, trapped",
    0x15: "SVC", 0x16: "HVC", 0x17: "SMC, trapped",
    0x18: "MSR, MRS or system instruction, trapped",
    0x19: "SVE access, trapped",
    0x1A: "ERET, ERETAA or ERETAB, trapped",
    0x1C: "pointer authentication failure",
    0x1D: "SME access, trapped",
    0x1E: "granule protection check",
    0x1F: "implementation defined exception, to EL3",
    0x20: f"instruction abort {LOWER}", 0x21: f"instruction abort {SAME}",
    0x22: "PC alignment fault",
    0x24: f"data abort {LOWER}", 0x25: f"data abort {SAME}",
    0x26: "SP alignment fault",
    0x27: "memory copy or memory set exception",
    0x28: "floating-point exception, from AArch32", 0x2C: "floating-point exception",
    0x2D: "guarded control stack exception",
    0x2F: "SError",
    0x30: f"breakpoint {LOWER}", 0x31: f"breakpoint {SAME}",
    0x32: f"software step {LOWER}", 0x33: f"software step {SAME}",
    0x34: f"watchpoint {LOWER}", 0x35: f"watchpoint {SAME}",
    0x38: "BKPT, from AArch32",
    0x3A: "vector catch, from AArch32",
    0x3C: "BRK",
    0x3D: "performance monitors exception",
}

# Fault status codes (DFSC, IFSC) that name a kind and, in bits [1:0], the level of the lookup.
ADDRESS_SIZE, TRANSLATION, ACCESS_FLAG, PERMISSION, EXTERNAL_WALK, PARITY_WALK, PROTECTION_WALK = (
    "address size fault", "translation fault", "access flag fault", "permission fault",
    "external abort on a table walk", "parity or ECC error on a table walk",
    "granule protection fault on a table walk")
LEVELLED = {0x00: ADDRESS_SIZE, 0x04: TRANSLATION, 0x08: ACCESS_FLAG, 0x0C: PERMISSION, 0x14: EXTERNAL_WALK,
            0x1C: PARITY_WALK, 0x24: PROTECTION_WALK}
MINUS_ONE = {0x29: ADDRESS_SIZE, 0x2B: TRANSLATION, 0x13: EXTERNAL_WALK, 0x1B: PARITY_WALK, 0x23: PROTECTION_WALK}
EXTERNAL, TAG, PARITY, ALIGNMENT, PROTECTION, CONFLICT = (
    "external abort", "tag check fault", "parity or ECC error", "alignment fault", "granule protection fault",
    "TLB conflict abort")
ALONE = {0x10: EXTERNAL, 0x11: TAG, 0x18: PARITY, 0x21: ALIGNMENT, 0x28: PROTECTION, 0x30: CONFLICT,
         0x31: "unsupported atomic hardware update", 0x34: "implementation defined fault (lockdown)",
         0x35: "implementation defined fault (unsupported exclusive or atomic access)"}
WFX = ("WFI", "WFE", "WFIT", "WFET")


def take(esr, high, low):
    return esr >> low & (1 << high - low + 1) - 1


def exception_class(esr):
    return take(esr, 31, 26)


def class_words(esr):
    return CLASSES.get(exception_class(esr), "a class that the architecture does not have yet")


def fault(esr):
    """The fault of an abort: (kind, level); the level is None where the code names none."""
    code = take(esr, 5, 0)
    if code in ALONE:
        return ALONE[code], None
    if code in MINUS_ONE:
        return MINUS_ONE[code], -1
    kind = LEVELLED.get(code & ~3)
    return (kind, code & 3) if kind else ("reserved fault status", None)


def fault_words(esr):
    kind, level = fault(esr)
    return kind if level is None else f"{kind}, level {level}"


def register_name(number, is_64):
    return ("xzr" if is_64 else "wzr") if number == 31 else f"{'x' if is_64 else 'w'}{number}"


def has_access(esr):
    """Does it name size and register of the load or store? Only then an emulator can do without the instruction."""
    return exception_class(esr) in DATA_ABORT and take(esr, 24, 24) == 1


def is_write(esr):
    return exception_class(esr) in DATA_ABORT and take(esr, 6, 6) == 1


def access_kind(esr):
    """Of an abort: "r", "w", or "x" for a fetch."""
    return "x" if exception_class(esr) in INSTRUCTION_ABORT else "w" if is_write(esr) else "r"


def is_from_below(esr):
    """An abort that came from a lower exception level than the one that took it."""
    return exception_class(esr) in (INSTRUCTION_ABORT[0], DATA_ABORT[0])


def is_walk(esr):
    """The fault of a stage 2 that a stage-1 table walk ran into."""
    return exception_class(esr) in DATA_ABORT + INSTRUCTION_ABORT and take(esr, 7, 7) == 1


def far_is_valid(esr):
    return exception_class(esr) in DATA_ABORT + INSTRUCTION_ABORT + (0x22, 0x34, 0x35) and take(esr, 10, 10) == 0


def system_instruction(esr):
    """The MRS, MSR or system instruction of class 0x18 as a word of code: the ISS has all of it."""
    return (0xD5000000 | take(esr, 0, 0) << 21 | take(esr, 21, 20) << 19 | take(esr, 16, 14) << 16 |
            take(esr, 13, 10) << 12 | take(esr, 4, 1) << 8 | take(esr, 19, 17) << 5 | take(esr, 9, 5))


def flag(esr, name, bit, is_set, is_clear):
    value = take(esr, bit, bit)
    return Field(name, bit, bit, value, is_set if value else is_clear)


def access_fields(esr):
    if not take(esr, 24, 24):
        return [Field("ISV", 24, 24, 0, "the syndrome does not say which register and size")]
    size = take(esr, 23, 22)
    return [Field("ISV", 24, 24, 1, "the five below are valid"),
            Field("SAS", 23, 22, size, f"{1 << size} byte{'s' if size else ''}"),
            flag(esr, "SSE", 21, "sign-extended", "not sign-extended"),
            Field("SRT", 20, 16, take(esr, 20, 16), register_name(take(esr, 20, 16), take(esr, 15, 15))),
            flag(esr, "SF", 15, "a 64-bit register", "a 32-bit register"),
            flag(esr, "AR", 14, "acquire or release", "no ordering")]


def abort_fields(esr):
    data = exception_class(esr) in DATA_ABORT
    fields = access_fields(esr) if data else []
    fields += [flag(esr, "FnV", 10, "FAR holds nothing", "FAR is valid"),
               flag(esr, "EA", 9, "the external abort's type, as the implementation has it", "no type given")]
    if data:
        fields.append(flag(esr, "CM", 8, "by cache maintenance or an address translation instruction",
                           "by an access"))
    fields.append(flag(esr, "S1PTW", 7, "stage 2, met by a stage-1 table walk", "not met by a stage-1 table walk"))
    if data:
        fields.append(flag(esr, "WnR", 6, "a write", "a read"))
    return fields + [Field("DFSC" if data else "IFSC", 5, 0, take(esr, 5, 0), fault_words(esr))]


def system_fields(esr):
    fields = [Field(name, high, low, take(esr, high, low), "")
              for name, high, low in (("Op0", 21, 20), ("Op2", 19, 17), ("Op1", 16, 14), ("CRn", 13, 10))]
    fields.append(Field("Rt", 9, 5, take(esr, 9, 5), register_name(take(esr, 9, 5), True)))
    fields.append(Field("CRm", 4, 1, take(esr, 4, 1), ""))
    return fields + [flag(esr, "Direction", 0, "a read: MRS", "a write: MSR, or an instruction")]


def iss_fields(esr):
    kind = exception_class(esr)
    if kind in DATA_ABORT + INSTRUCTION_ABORT:
        return abort_fields(esr)
    if kind == SYSTEM_REGISTER:
        return system_fields(esr)
    if kind in CALLS:
        return [Field("imm16", 15, 0, take(esr, 15, 0), "the number in the instruction")]
    if kind == BRK:
        return [Field("Comment", 15, 0, take(esr, 15, 0), "the number in the instruction")]
    if kind == 0x01:
        return [Field("TI", 1, 0, take(esr, 1, 0), WFX[take(esr, 1, 0)])]
    return []


def fields(esr):
    """All of the syndrome, from the highest bit on."""
    kind = exception_class(esr)
    second = [Field("ISS2", 55, 32, take(esr, 55, 32), "not taken apart here")] if take(esr, 55, 32) else []
    return [*second, Field("EC", 31, 26, kind, class_words(esr)),
            flag(esr, "IL", 25, "a 32-bit instruction", "a 16-bit instruction"),
            Field("ISS", 24, 0, take(esr, 24, 0), "the particulars, below" if iss_fields(esr) else
                  "not taken apart here"), *iss_fields(esr)]
