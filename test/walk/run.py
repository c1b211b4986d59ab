#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Does tools/launcher/walk.py agree with the hardware? Random layouts of both stages, each looked up by AT instructions,
by loads, stores and fetches at EL1 and EL0 (oracle.c, at EL2 of QEMU's bare machine), and by walk.py.

    run.py [--build DIR] [--cases N] [--seed S] [--cpu MODEL] [--show SEED]

Every difference is printed with its seed; --show prints such a case.
"""

import argparse
import collections
import os
import random
import sys

import cases
import hardware
from launcher import rights, vmsa, walk, walk_words
from launcher.walk import Access

REPO = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
BATCH = 500
ENTRY = 0x800  # in the code page, behind EL1's vectors
CAME_BACK, FROM_EL1 = 1, 2  # numbers of HVC
EL1H, EL0T, MASKED, PAN = 5, 0, 0x3C0, 1 << 22
DATA, FETCH, HVC64, WRITE = 0x24, 0x20, 0x16, 1 << 6
SHOWN = 30  # differences
ADDRESS = (1 << 52) - (1 << 12)  # of PAR_EL1
STATUS = 0x3F


def hvc(number):
    return 0xD4000002 | number << 5


def twice(low, high):
    return high << 32 | low


CODE = {0x80 * i: twice(hvc(FROM_EL1), hvc(FROM_EL1)) for i in range(16)}
CODE[ENTRY] = twice(0xF9400020, hvc(CAME_BACK))  # ldr x0, [x1]
CODE[ENTRY + 8] = twice(0xF9000020, hvc(CAME_BACK))  # str x0, [x1]


class Unknown(Exception):
    """A walk that leads to where the harness does not know the memory, or that QEMU does not survive."""


class Case:
    """A case with what walk.py makes of its questions."""

    def __init__(self, case, ids):
        self.case = case
        self.regs = {**case.regs, **ids}
        self.s2 = {"vttbr": case.regs["vttbr_el2"], "vtcr": case.regs["vtcr_el2"]}
        self.expected = []

    def read(self, pa, size):
        assert size == 8
        if hardware.ARENA <= pa < hardware.ARENA_END:
            return self.case.memory.get(pa, 0).to_bytes(8, "little")
        if cases.ABSENT <= pa < 1 << 32 or pa >= 1 << cases.HIGH:
            raise walk.NoMemory
        raise Unknown

    def walk(self, va, access, only_stage1=False):
        found = walk.walk(va, self.regs, self.read, self.s2, access, only_stage1)
        if self._kills_qemu(va, found.fault, found.steps):
            raise Unknown
        return found

    def _kills_qemu(self, va, fault, steps):
        """Stage 2 does not allow an access to a table of stage 1's level -1: QEMU 7.2 gives that level to a fault that has
        none such, and fails an assertion (arm_fi_to_lfsc)."""
        return (fault and fault.walk and fault.kind in (walk.PERMISSION, walk.ACCESS_FLAG) and
                not any(step.stage == 1 for step in steps) and
                vmsa.stage1(self.regs, vmsa.Cpu.of(self.regs), vmsa.bit(va, 55)).start == -1)

    def ask(self):
        """Questions and expectations."""
        for va in self.case.vas:
            for i, name in enumerate(hardware.ASKS):
                self._try(hardware.Question(i, va), Access(name[-1], int(name[-2])), name.startswith("s1e"))
        marker = 0x100
        tried = {el: ("rwx" if self._runs(el) else "x") if self._runs(1) else "" for el in (1, 0)}
        for va in self.case.vas:
            for el, kinds in tried.items():
                for kind in kinds:
                    marker += 1
                    self._enter(va, Access(kind, el, bool(marker & 1)), marker)

    def _runs(self, el):
        """Can the code be entered at this level, with EL1's vectors there?"""
        try:
            found = self.walk(self.case.code, Access("x", el))
        except Unknown:
            return False
        return found.pa == self.case.code_pa and not found.memory.is_device()

    def _try(self, question, access, only_stage1=False):
        try:
            self.expected.append((access, only_stage1, self.walk(question.va, access, only_stage1), 0))
            self.case.questions.append(question)
        except Unknown:
            pass

    def _is_clean(self, found):
        """Is the leaf of stage 1 one that the hardware makes writable? QEMU 7.2 minds that for stores only, not where a
        page that EL0 may write is not to be executed at EL1."""
        leaf = [step.desc for step in found.steps if step.purpose == "va"][-1:]
        return bool(leaf and vmsa.bit(leaf[0], 51) and vmsa.bit(self.regs["tcr_el1"], 40))

    def _loses_wxn(self, access):
        """QEMU up to 10 has PAN take rights from fetches, too, where EPAN is set, and with the right to write WXN's effect."""
        sctlr = self.regs["sctlr_el1"]
        return access.pan and vmsa.bit(sctlr, vmsa.SCTLR_EPAN) and vmsa.bit(sctlr, vmsa.SCTLR_WXN)

    def _enter(self, va, access, marker):
        try:
            found = self.walk(va, access)
        except Unknown:
            return
        pa = found.pa
        if access.kind == "x" and (self._is_clean(found) or self._loses_wxn(access) or
                                   found.fault is None and found.memory.is_device()):
            return  # fetches from device memory: the architecture leaves open what comes of them
        if found.fault is None:
            if not cases.TARGETS <= pa < hardware.ARENA_END or pa & 7 or pa & ~0xFFFF == self.case.code_pa:
                return
            if self.case.memory.get(pa, 0) not in (0, twice(hvc(marker), hvc(marker))) and pa in self.case.memory:
                marker = self.case.memory[pa] >> 5 & 0xFFFF
            self.case.memory[pa] = twice(hvc(marker), hvc(marker))
        pc = va if access.kind == "x" else self.case.code + ENTRY + 8 * (access.kind == "w")
        pstate = MASKED | (EL1H if access.el else EL0T) | PAN * access.pan
        self.case.questions.append(hardware.Question(hardware.ENTER, va, pc, pstate, 0x5700 + marker, pa or 0))
        self.expected.append((access, False, found, marker))


    def after(self, question, access, came_to_el1):
        """Descriptors that the hardware has written when all is over, by PA: for the code, the access itself, EL1's vectors."""
        written = {}
        looks = [(question.pc, Access("x", access.el))] if access.kind != "x" else []
        looks += [(question.va, access)] + [(self.regs["vbar_el1"], Access("x"))] * came_to_el1
        for va, look in looks:
            found = walk.walk(va, self.regs, lambda pa, size: written[pa].to_bytes(size, "little") if pa in written
                              else self.read(pa, size), self.s2, look)
            written.update(found.updates)
        return written


def same_status(fault, code):
    """QEMU 7.2 gives stage 1's level where stage 2 faults at a table of stage 1."""
    any_level = {walk.STATUS[fault.kind] | level for level in range(4)} | {walk.STATUS_MINUS_ONE.get(fault.kind)}
    return code & STATUS in (any_level if fault.walk else {fault.status()})


def par_of(found, only_stage1):
    """PAR_EL1, and which of its bits count."""
    out = found.ipa if only_stage1 else found.pa
    # QEMU 7.2 leaves the shareability of device memory as the descriptor has it, by stage 1 alone.
    share = 0 if 2 not in found.leaves and found.memory.share == rights.OUTER else 3
    # QEMU takes the lower half of normal memory's byte for a kind of device where the other stage has a device.
    attr = 0xF0 if not only_stage1 and {leaf.memory.is_device() for leaf in found.leaves.values()} == {True, False} else 0xFF
    return found.memory.attr << 56 | found.memory.share << 7 | out & ADDRESS, attr << 56 | ADDRESS | share << 7 | 1


def check_at(found, only_stage1, answer):
    fault = found.fault
    if fault and fault.kind == walk.EXTERNAL:
        return "" if answer.esr_el2 and same_status(fault, answer.esr_el2) else f"ESR_EL2 0x{answer.esr_el2:x}"
    if fault:
        want = 1 | fault.walk << 8 | (fault.stage == 2) << 9
        same = answer.par & (3 << 8 | 1) == want and same_status(fault, answer.par >> 1)
        return "" if same and not answer.esr_el2 else f"PAR_EL1 0x{answer.par:x}, ESR_EL2 0x{answer.esr_el2:x}"
    par, mask = par_of(found, only_stage1)
    if answer.esr_el2:
        return f"ESR_EL2 0x{answer.esr_el2:x}"
    return "" if (par ^ answer.par) & mask == 0 else f"PAR_EL1 0x{answer.par:x}, expected 0x{par:x} (0x{mask:x} counts)"


def without_tag(va, tcr):
    """As PC has a VA after a branch: the top byte, where it is ignored for fetches, too, repeats bit 55."""
    half = vmsa.bit(va, 55)
    if not vmsa.bit(tcr, 37 + half) or vmsa.bit(tcr, 51 + half):
        return va
    return va & (1 << 56) - 1 | (0xFF << 56) * half


def check_fault(access, fault, va, answer):
    """What an access that faults leaves in the registers of the level it goes to."""
    to_el2 = fault.stage == 2
    esr, far = (answer.esr_el2, answer.far_el2) if to_el2 else (answer.esr_el1, answer.far_el1)
    kind = FETCH if access.kind == "x" else DATA
    if not to_el2 and access.el == 1:
        kind += 1
    want = kind << 26 | fault.walk << 7 | (WRITE if access.kind == "w" and not fault.walk else 0)
    mask = 0x3F << 26 | 1 << 7 | (WRITE if not fault.walk else 0)
    if (esr ^ want) & mask or not same_status(fault, esr):
        return f"ESR_EL{1 + to_el2} 0x{esr:x}, expected 0x{want:x}"
    if far != va:
        return f"FAR_EL{1 + to_el2} 0x{far:x}"
    page = (answer.hpfar_el2 >> 4 & (1 << 44) - 1) << 12
    if to_el2 and (fault.walk or fault.kind != walk.PERMISSION) and fault.kind != walk.EXTERNAL and \
            page != fault.ipa & ~0xFFF:
        return f"HPFAR_EL2 0x{answer.hpfar_el2:x} is not of IPA 0x{fault.ipa:x}"
    return ""


def check_success(access, marker, answer):
    number = marker if access.kind == "x" else CAME_BACK
    if access.el == 0:
        came = answer.esr_el2 & 0xFFFF == FROM_EL1 and answer.esr_el1 >> 26 == 0
    else:
        came = answer.esr_el2 >> 26 == HVC64 and answer.esr_el2 & 0xFFFF == number
    word = twice(hvc(marker), hvc(marker))
    if not came:
        return f"ESR_EL2 0x{answer.esr_el2:x}, ESR_EL1 0x{answer.esr_el1:x}"
    if access.kind == "r" and answer.x0 != word or answer.seen != (0x5700 + marker if access.kind == "w" else word):
        return f"read 0x{answer.x0:x}, in memory 0x{answer.seen:x}, expected of 0x{marker:x}"
    return ""


def check_written(case, question, access, answer):
    """The access flag and the dirty state, of whatever table."""
    expected = case.after(question, access, bool(answer.esr_el1))
    wrong = {pa for pa in {*expected, *answer.changed} if expected.get(pa) != answer.changed.get(pa)}
    return "; ".join(f"the descriptor at 0x{pa:x}: " + ", expected ".join(
        f"0x{desc:x}" if desc else "not written" for desc in (answer.changed.get(pa), expected.get(pa))) for pa in sorted(wrong))


def check(tcr, question, answer, access, only_stage1, found, marker):
    """What differs, in words; empty: nothing."""
    if question.ask != hardware.ENTER:
        return check_at(found, only_stage1, answer)
    if found.fault:
        va = without_tag(question.va, tcr) if access.kind == "x" else question.va
        return check_fault(access, found.fault, va, answer)
    return check_success(access, marker, answer)


def make(seed, cpu, ids):
    rng = random.Random(seed)
    while True:
        try:
            case = Case(cases.make(rng, cpu, seed, CODE), ids)
        except LookupError:
            continue
        case.ask()
        if case.case.questions:
            return case


class Tally:
    def __init__(self):
        self.differences, self.kinds, self.questions, self.cases, self.written = 0, collections.Counter(), 0, 0, 0

    def add(self, case, answers):
        self.cases += 1
        for question, expected in zip(case.case.questions, case.expected):
            access, only_stage1, found, _ = expected
            self.questions += 1
            self.kinds[found.fault.words() if found.fault else "translated"] += 1
            answer = next(answers)
            wrong = check(case.case.regs["tcr_el1"], question, answer, *expected)
            if not wrong and question.ask == hardware.ENTER:
                wrong = check_written(case, question, access, answer)
            self.written += len(answer.changed) * (question.ask == hardware.ENTER)
            if wrong:
                self.differences += 1
                if self.differences <= SHOWN:
                    what = "AT " + hardware.ASKS[question.ask] if question.ask < 16 else access.words()
                    print(f"seed {case.case.seed}: {what} of 0x{question.va:x}: {wrong}\n  walk.py: "
                          f"{found.fault.words() if found.fault else f'0x{found.pa or 0:x}'}"
                          f"{' (only stage 1)' if only_stage1 else ''}", flush=True)


def show(case):
    for name, value in case.regs.items():
        print(f"{name} 0x{value:x}")
    for va in case.case.vas:
        print("\n".join(walk_words.lines(case.walk(va, Access()))))


def parse_arguments():
    parser = argparse.ArgumentParser(description="Compare walk.py with the hardware.")
    parser.add_argument("--build", default=os.path.join(REPO, "build"))
    parser.add_argument("--cases", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cpu", default="max,pauth-impdef=on")
    parser.add_argument("--show", type=int)
    parser.add_argument("--timeout", type=int, default=900)
    return parser.parse_args()


def main():
    args = parse_arguments()
    elf = os.path.join(args.build, "guest", "walk_oracle.elf")
    _, ids = hardware.ask(elf, [], args.cpu, args.timeout)
    cpu = vmsa.Cpu.of(ids)
    if args.show is not None:
        show(make(args.show, cpu, ids))
        return 0
    tally = Tally()
    for first in range(args.seed, args.seed + args.cases, BATCH):
        made = [make(seed, cpu, ids) for seed in range(first, min(first + BATCH, args.seed + args.cases))]
        answers, _ = hardware.ask(elf, [case.case for case in made], args.cpu, args.timeout)
        answers = iter(answers)
        for case in made:
            tally.add(case, answers)
    for kind, count in sorted(tally.kinds.items()):
        print(f"{count:8} {kind}")
    print(f"{tally.written:8} descriptors written by the hardware")
    print(f"verdict: {tally.cases} layouts, {tally.questions} questions, {tally.differences} differ")
    return 1 if tally.differences else 0


if __name__ == "__main__":
    sys.exit(main())
