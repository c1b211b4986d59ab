# SPDX-License-Identifier: Apache-2.0
"""The monitor's `walk`, `s2` and `explain`: tables of the running guest, by walk.py and s2map.py. Registered by
monitor_commands.py."""

from launcher import descriptor, explain, s2map, syndrome, walk, walk_words
from launcher.monitor_commands import Address, Arguments, Usage, chosen, command, number
from launcher.monitor_wire import Refused

OUT_OF_REACH = -3  # EL2 does not show what is neither the guest's RAM nor a table of stage 2


class Machine:
    """What walk.py asks for, of a guest at a wire. `vcpu`: None is the first one that is on."""

    def __init__(self, wire, vcpu=None):
        self.wire = wire
        hello = wire.hello()
        self.s2 = {"vttbr": hello["vttbr"], "vtcr": hello["vtcr"]}
        for vcpu in chosen(wire, vcpu):
            self.vcpu, self.regs = vcpu, wire.regs(vcpu)
            if not self.regs["off"]:
                return
        raise Usage(f"vCPU {self.vcpu} is off: it has no tables")

    def read(self, pa, size):
        try:
            return self.wire.read(pa, size)
        except Refused as why:
            if why.status != OUT_OF_REACH:
                raise
            raise walk.NoMemory from why

    def look_up(self, va, access=walk.Access()):
        return walk.walk(va, self.regs, self.read, self.s2, access)

    def look_up_ipa(self, ipa, access=walk.Access()):
        return walk.walk_ipa(ipa, self.regs, self.read, self.s2, access)

    def word(self, va):
        """The instruction at a VA; None: no walk leads to it."""
        pa = self.look_up(va, walk.Access("x", 1)).pa
        try:
            return None if pa is None else int.from_bytes(self.read(pa, 4), "little")
        except walk.NoMemory:
            return None


@command("walk", "walk ADDR [r|w|x] [-v N] [-0] [-i] [-s]", "an address looked up as the hardware does it, every bit in "
         "words: a VA of vCPU N, a register's name (pc, vbar_el1, x0) or a symbol (vfs_read+0x10), at EL0 with -0; with -i "
         "an IPA; -s: short")
def show_walk(wire, args, out):
    parser = Arguments("walk")
    parser.add_argument("address")
    parser.add_argument("kind", nargs="?", choices=("r", "w", "x"), default="r")
    parser.add_argument("-v", dest="vcpu", type=number)
    parser.add_argument("-0", dest="el", action="store_const", const=0, default=1)
    parser.add_argument("-i", dest="is_ipa", action="store_true")
    parser.add_argument("-s", dest="short", action="store_true")
    asked = parser.parse_args(args)
    machine = Machine(wire, asked.vcpu)
    look = machine.look_up_ipa if asked.is_ipa else machine.look_up
    where = Address(wire, asked.address, lambda: machine.regs)
    found = look(where.value, walk.Access(asked.kind, asked.el))
    on = "" if asked.is_ipa or where.register else f"on vCPU {machine.vcpu}"
    whose = "".join(f", {part}" for part in (where.words(machine.vcpu), on) if part)
    for line in walk_words.lines(found, asked.short, whose):
        out.line(line)
    out.data(found.to_json() | {"vcpu": machine.vcpu, **where.to_json()})


def _show_tables(found, out):
    for table in found.tables:
        out.line(f"table at PA 0x{table.pa:x}, level {table.level}, from IPA 0x{table.ipa:x} on")
        for i, desc in table.entries.items():
            kind = descriptor.kind(found.stage, table.level, desc)
            low = found.stage.granule if kind == "table" else found.stage.shift(table.level)
            out.line(f"  {i:5}  0x{desc:016x}  {kind} 0x{found.stage.output(desc, low):x}")


@command("s2", "s2 [tables]", "stage 2: the map as runs that are alike; the tables themselves")
def show_stage2(wire, args, out):
    parser = Arguments("s2")
    parser.add_argument("what", nargs="?", choices=("tables",))
    what = parser.parse_args(args).what
    machine = Machine(wire)
    found = s2map.Map(machine.s2["vttbr"], machine.s2["vtcr"], machine.regs, machine.read)
    if what:
        _show_tables(found, out)
    else:
        out.table([("IPA", "last", "PA", "size", "level", "rights", "memory"),
                   *((f"0x{run.ipa:x}", f"0x{run.ipa + run.size - 1:x}", f"0x{run.pa:x}", descriptor.size_words(run.size),
                      run.level, run.rights.words(), run.memory) for run in found.runs())], left=7)
        out.line(f"{len(found.tables)} tables from level {found.stage.start} on, {len(found.leaves)} leaves, IPAs of "
                 f"{found.stage.input_bits} bits")
    for note in found.notes:
        out.line(note)
    out.data(found.to_json())


def _walk_of(machine, numbers):
    """The walk of the address that an abort was about."""
    esr = numbers.esr
    el = 0 if machine.regs["pstate"] >> 2 & 3 == 0 else 1
    return machine.look_up(numbers.far, walk.Access(syndrome.access_kind(esr), el))


EL1, EL2, ABORT = "el1", "el2", "abort"


def _numbers(regs, which):
    """(explain.Numbers, the PC) of an exception of a vCPU's."""
    names = {EL1: ("esr_el1", "far_el1", None, "elr_el1"), EL2: ("esr_el2", "far_el2", "hpfar_el2", "pc"),
             ABORT: ("abort_esr", "abort_far", "abort_hpfar", "abort_pc")}[which]
    esr, far, hpfar, pc = (regs[name] if name else None for name in names)
    level = 1 if which == EL1 else 2
    return explain.Numbers(f"ESR_EL{level}=0x{esr:x} FAR=0x{far:x}" + (f" HPFAR=0x{hpfar:x}" if hpfar is not None else "")), pc


@command("explain", "explain [N] [-1|-a]", "the latest trap of vCPU N to EL2, with -1 its latest exception to EL1, with -a "
         "the latest abort that Traproom gave it, in words, with the instruction and the walk")
def show_explanation(wire, args, out):
    parser = Arguments("explain")
    parser.add_argument("vcpu", nargs="?", type=number)
    parser.add_argument("-1", dest="which", action="store_const", const=EL1, default=EL2)
    parser.add_argument("-a", dest="which", action="store_const", const=ABORT)
    asked = parser.parse_args(args)
    machine = Machine(wire, asked.vcpu)
    if asked.which == ABORT and not machine.regs["abort_esr"]:
        raise Usage(f"Traproom has given vCPU {machine.vcpu} no abort")
    numbers, pc = _numbers(machine.regs, asked.which)
    found = explain.explain(numbers)
    word = machine.word(pc)
    found["pc"] = f"0x{pc:x}"
    found["instruction"] = explain.disassemble(word) if word is not None else None
    out.line(f"vCPU {machine.vcpu}, {'now at' if asked.which == EL2 else 'taken at'} pc 0x{pc:x}: " + (
        f"{found['instruction'] or 'no disassembler (binutils-aarch64-linux-gnu)'}" if word is not None else
        "no walk leads to the instruction any more"))
    out.line(explain.show(found))
    if explain.is_abort(numbers.esr) and syndrome.far_is_valid(numbers.esr):
        walked = _walk_of(machine, numbers)
        found["walk"] = walked.to_json()
        out.line("\nThe same address now:")
        for line in walk_words.lines(walked, short=True):
            out.line(line)
    out.data(found)
