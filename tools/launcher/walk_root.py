# SPDX-License-Identifier: Apache-2.0
"""Where the walk of a stage begins, and which registers say so. Made by walk.py, put into words by walk_words.py."""

from typing import NamedTuple

from launcher import vmsa


class Root(NamedTuple):
    register: str  # with the first table's address; "": the stage is off
    value: int
    why: str  # it is this one, or the stage is off; "": there is no other
    control: str  # the register that has the sizes
    control_value: int
    of: vmsa.Stage | None

    def to_json(self, stage):
        found = {"stage": stage, "register": self.register, "value": f"0x{self.value:x}", "why": self.why,
                 "control": self.control, "control_value": f"0x{self.control_value:x}"}
        if self.of:
            found |= {"granule": 1 << self.of.granule, "input_bits": self.of.input_bits,
                      "level": self.of.start, "table": f"0x{self.of.base:x}"}
        return found


def stage1(stage, regs, is_tagged):
    """`is_tagged`: the VA's top byte is not what bit 55 says, and need not be."""
    register = f"TTBR{stage.half}_EL1"
    tag = f" (its bits [63:56] do not count: TCR_EL1.TBI{stage.half})" if is_tagged else ""
    return Root(register, regs.get(register.lower(), 0), f"bit 55 of the VA is {stage.half}{tag}", "TCR_EL1",
                regs.get("tcr_el1", 0), stage)


def stage1_off(regs, hcr):
    if vmsa.bit(hcr, vmsa.HCR_DC) or vmsa.bit(hcr, vmsa.HCR_TGE):
        return Root("", 0, "HCR_EL2.DC or TGE is 1", "HCR_EL2", hcr, None)
    return Root("", 0, "SCTLR_EL1.M is 0", "SCTLR_EL1", regs.get("sctlr_el1", 0), None)


def stage2(stage, s2):
    return Root("VTTBR_EL2", s2.get("vttbr", 0), "", "VTCR_EL2", s2.get("vtcr", 0), stage)
