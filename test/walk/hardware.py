# SPDX-License-Identifier: Apache-2.0
"""The hardware's word on translations: QEMU with oracle.c at EL2, whose memory is a file that both have. Used by run.py,
with cases out of cases.py."""

import dataclasses
import mmap
import os
import struct
import subprocess
import tempfile

RAM, RAM_SIZE = 0x40000000, 256 << 20
CASES, ANSWERS, REPORT = 0x41000000, 0x46000000, 0x40F00000  # of oracle.c
ARENA, ARENA_END = 0x4C000000, 0x50000000  # for tables and what they lead to; the rest is the oracle's
ASKS = ("s1e1r", "s1e1w", "s1e0r", "s1e0w", "s12e1r", "s12e1w", "s12e0r", "s12e0w")
ENTER = 16
CHANGES = 16  # of oracle.c
QUESTION, ANSWER = struct.Struct("<6Q"), struct.Struct(f"<{9 + 2 * CHANGES}Q")
REGISTERS = ("sctlr_el1", "tcr_el1", "ttbr0_el1", "ttbr1_el1", "mair_el1", "hcr_el2", "vtcr_el2", "vttbr_el2",
             "vbar_el1")
ID_REGISTERS = ("id_aa64mmfr0_el1", "id_aa64mmfr1_el1", "id_aa64mmfr2_el1", "id_aa64isar1_el1")


@dataclasses.dataclass
class Question:
    ask: int
    va: int
    pc: int = 0
    pstate: int = 0
    stored: int = 0
    look: int = 0

    def pack(self):
        return QUESTION.pack(self.ask, self.va, self.pc, self.pstate, self.stored, self.look)


@dataclasses.dataclass
class Answer:
    par: int
    esr_el2: int
    far_el2: int
    hpfar_el2: int
    esr_el1: int
    far_el1: int
    x0: int
    seen: int
    changed: dict  # descriptors that the hardware has written, by their PA

    @classmethod
    def unpack(cls, memory, offset):
        words = ANSWER.unpack_from(memory, offset)
        count, pairs = words[8], words[9:]
        assert count <= CHANGES, "more changes than there is room for"
        return cls(*words[:8], dict(zip(pairs[:2 * count:2], pairs[1:2 * count:2])))


def pack(case):
    """As oracle.c reads it."""
    data = struct.pack("<2Q", len(case.memory), len(case.questions))
    data += struct.pack("<9Q", *(case.regs[name] for name in REGISTERS))
    data += b"".join(struct.pack("<2Q", *pair) for pair in case.memory.items())
    return data + b"".join(question.pack() for question in case.questions)


def ask(elf, cases, cpu, timeout):
    """Answers to all questions of the cases, in order, and the ID registers."""
    with tempfile.NamedTemporaryFile(prefix="traproom-walk-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as file:
        file.truncate(RAM_SIZE)
        with mmap.mmap(file.fileno(), RAM_SIZE) as memory:
            packed = b"".join(map(pack, cases)) + struct.pack("<11Q", *[0] * 11)
            count = sum(len(case.questions) for case in cases)
            assert CASES + len(packed) <= ANSWERS and ANSWERS + count * ANSWER.size <= ARENA, "too many at once"
            memory[CASES - RAM:CASES - RAM + len(packed)] = packed
            command = ["qemu-system-aarch64", "-M", "virt,virtualization=on,gic-version=3,memory-backend=ram",
                       "-cpu", cpu, "-object",
                       f"memory-backend-file,id=ram,size={RAM_SIZE},mem-path={file.name},share=on",
                       "-m", f"{RAM_SIZE >> 20}M", "-nodefaults", "-display", "none", "-kernel", elf]
            try:
                subprocess.run(command, check=True, timeout=timeout, stdin=subprocess.DEVNULL)
            except subprocess.TimeoutExpired as late:
                done = struct.unpack_from("<Q", memory, REPORT - RAM)[0]
                raise SystemExit(f"the oracle hangs at case {done} of {len(cases)}") from late
            done, *ids = struct.unpack_from("<5Q", memory, REPORT - RAM)
            if done != len(cases):
                raise SystemExit(f"the oracle did {done} of {len(cases)} cases")
            answers = [Answer.unpack(memory, ANSWERS - RAM + i * ANSWER.size) for i in range(count)]
    return answers, dict(zip(ID_REGISTERS, ids))
