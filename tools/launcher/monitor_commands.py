# SPDX-License-Identifier: Apache-2.0
"""The monitor's commands. Each is a Command in COMMANDS; further files add theirs to it, and MODULES names them. Used
by monitor.py."""

import argparse
import collections
import importlib
import json
import re
import shlex
import time

from launcher import monitor_names
from launcher import monitor_wire as wire_format
from launcher.core import stack_pointer
from launcher.monitor_wire import Refused
from launcher.syndrome import class_words, exception_class, fault_words

MODULES = ("monitor_control", "monitor_change", "monitor_walk")  # of the launcher's, which register commands of their own
SYMBOL = re.compile(r"([A-Za-z_.$][\w.$]*)(?:\+(0x[0-9a-fA-F]+|[0-9]+))?", re.ASCII)
USUAL_BYTES = 64
MEM_MOST = 1 << 20
ROW = 16

# `run`: called as run(wire, args, out), with the words behind the name; `out` is an Out.
Command = collections.namedtuple("Command", "name usage help run")
COMMANDS = {}


class Usage(Exception):
    """What was typed is no such command."""


class Out:
    """Where a command puts what it has found: as words, or all of it as one JSON object a command."""

    def __init__(self, write, as_json=False):
        self._write = write
        self.as_json = as_json

    def line(self, text=""):
        if not self.as_json:
            self._write(text + "\n")

    def table(self, rows, left=1):
        """Rows of text in columns; the first `left` begin at the left."""
        widths = [max(len(str(row[i])) for row in rows) for i in range(len(rows[0]))] if rows else []
        for row in rows:
            cells = [str(cell).ljust(width) if i < left else str(cell).rjust(width)
                     for i, (cell, width) in enumerate(zip(row, widths))]
            self.line("  ".join(cells).rstrip())

    def data(self, value):
        """The same for a program to read: once a command."""
        if self.as_json:
            self._write(json.dumps(value) + "\n")


def command(name, usage, text):
    """Registers the function that follows."""
    def register(run):
        COMMANDS[name] = Command(name, usage, text, run)
        return run
    return register


def load():
    """All commands there are."""
    for module in MODULES:
        importlib.import_module(f"launcher.{module}")
    return COMMANDS


def run(wire, text, out):
    """One line as it was typed. Usage, Refused: it was not done."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise Usage(f"{text}: {error}") from error
    if not words:
        return
    for count in (2, 1):  # names of two words come first
        found = load().get(" ".join(words[:count]))
        if found and len(words) >= count:
            found.run(wire, words[count:], out)
            return
    raise Usage(f"no command '{words[0]}': `help` lists those there are")


class Arguments(argparse.ArgumentParser):
    """Of one command; what is wrong with them is a Usage."""

    def __init__(self, name):
        super().__init__(prog=name, usage=COMMANDS[name].usage if name in COMMANDS else None, add_help=False,
                         allow_abbrev=False)

    def error(self, message):
        raise Usage(f"{self.prog}: {message} (usage: {COMMANDS[self.prog].usage})")


def number(text):
    """0x..., decimal, with K, M, G, or 16 digits as kallsyms has them."""
    if re.fullmatch(r"(?=\d*[a-f])[0-9a-f]{16}", text):
        return int(text, 16)
    unit = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}.get(text[-1:].upper(), 1)
    try:
        value = int(text[:-1] if unit > 1 else text, 0) * unit
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number such as 0x48000000, 4096 or 2M") from error
    if not 0 <= value < 1 << 64:
        raise argparse.ArgumentTypeError(f"'{text}' has more than 64 bits")
    return value


class Address:
    """What was typed for one: a number, a register's name, or a symbol of the guest's kernel, `name` or `name+0x10`."""

    def __init__(self, wire, text, regs):
        """`regs()`: the registers of the vCPU that is meant."""
        self.register = self.symbol = None
        try:
            self.value = number(text)
        except argparse.ArgumentTypeError as error:
            name = SYMBOL.fullmatch(text)
            if name is None or not (self._find_register(text, regs()) or self._find_symbol(wire, name)):
                raise Usage(f"{error}, nor the name of a register that `vcpu` shows, nor a symbol of the guest's "
                            "kernel") from error

    def _find_register(self, text, regs):
        name = text.lower()
        if name == "sp":
            regs = {"sp": stack_pointer(regs)}
        if name in regs:
            self.value, self.register = regs[name], text.upper()
        return self.register

    def _find_symbol(self, wire, name):
        start = monitor_names.of(wire).address(name[1])
        if start is not None:
            self.value, self.symbol = start + int(name[2] or "0", 0), name[0]
        return self.symbol

    def words(self, vcpu):
        """What has the address, "" for a plain number."""
        return f"{self.register} of vCPU {vcpu}" if self.register else self.symbol or ""

    def to_json(self):
        return {"register": self.register, "symbol": self.symbol}


def chosen(wire, vcpu):
    """The vCPUs that are meant."""
    if vcpu is None:
        return list(wire.vcpus())
    if vcpu not in wire.vcpus():
        raise Usage(f"the guest has no vCPU {vcpu}: they are 0 to {len(wire.vcpus()) - 1}")
    return [vcpu]


@command("help", "help [COMMAND]", "what there is")
def show_help(_wire, args, out):
    name = " ".join(args)
    found = [one for one in sorted(COMMANDS.values()) if name in ("", one.name)]
    if not found:
        raise Usage(f"no command '{name}'")
    out.table([(one.usage, one.help) for one in found], left=2)
    out.data([{"name": one.name, "usage": one.usage, "help": one.help} for one in found])


@command("vm", "vm", "the guest: its vCPUs, RAM, images, stage-2 registers")
def show_vm(wire, _args, out):
    hello = wire.hello()
    out.line(f"Traproom {hello['version']}")
    out.line(f"vCPUs     {hello['vcpus']}")
    for ipa, size, pa in hello["ram"]:
        same = "at the same address" if ipa == pa else f"the machine's from 0x{pa:x} on"
        out.line(f"RAM       [0x{ipa:x}, 0x{ipa + size - 1:x}], {size / (1 << 20):g} MiB, {same}")
    out.line(f"stage 2   {hello['ipa_bits']} bits of IPA, VTTBR_EL2 0x{hello['vttbr']:x}, VTCR_EL2 0x{hello['vtcr']:x}")
    out.line(f"tree      0x{hello['dtb']:x}")
    out.data(hello)


def state_words(regs):
    if regs["off"]:
        return "off"
    pstate = regs["pstate"]
    level = pstate >> 2 & 3
    masked = "".join(name for name, bit in (("D", 9), ("A", 8), ("I", 7), ("F", 6)) if pstate >> bit & 1)
    return f"at EL{level}{' in AArch32' if pstate & 0x10 else ''}, pc 0x{regs['pc']:x}" + \
        (f", masks {masked}" if masked else "")


@command("vcpu", "vcpu [N]", "a vCPU's registers; without N, in one line each what they do")
def show_vcpu(wire, args, out):
    parser = Arguments("vcpu")
    parser.add_argument("vcpu", nargs="?", type=number)
    one = parser.parse_args(args).vcpu
    found = {vcpu: wire.regs(vcpu) for vcpu in chosen(wire, one)}
    for vcpu, regs in found.items():
        out.line(f"vCPU {vcpu} is {state_words(regs)}")
        if one is None or regs["off"]:
            continue
        out.line(f"  latest trap to EL2: {class_words(regs['esr_el2'])}; latest exception to EL1: "
                 f"{class_words(regs['esr_el1']) if exception_class(regs['esr_el1']) or regs['elr_el1'] else 'none'}")
        names = [name for name in regs if name != "off"]
        for i in range(0, len(names), 3):
            out.line("  " + "  ".join(f"{name:>17} 0x{regs[name]:016x}" for name in names[i:i + 3]))
    out.data([{"vcpu": vcpu, **{name: f"0x{value:x}" for name, value in regs.items()}} for vcpu, regs in found.items()])


@command("exits", "exits [SECONDS]", "exits by reason and vCPU; with SECONDS, how many a second meanwhile")
def show_exits(wire, args, out):
    parser = Arguments("exits")
    parser.add_argument("seconds", nargs="?", type=float)
    seconds = parser.parse_args(args).seconds
    counts = [wire.exits(vcpu) for vcpu in wire.vcpus()]
    if seconds:
        time.sleep(seconds)
        now = [wire.exits(vcpu) for vcpu in wire.vcpus()]
        counts = [{reason: round((count - before.get(reason, 0)) / seconds, 1) for reason, count in after.items()
                   if count != before.get(reason, 0)} for before, after in zip(counts, now)]
    reasons = sorted({reason for one in counts for reason in one},
                     key=lambda reason: -sum(one.get(reason, 0) for one in counts))
    rows = [(reason, f"{sum(one.get(reason, 0) for one in counts):g}", *[f"{one.get(reason, 0):g}" for one in counts])
            for reason in reasons]
    out.table([("exits a second" if seconds else "exits", "all", *[f"vCPU {vcpu}" for vcpu in wire.vcpus()]), *rows])
    out.data([{"reason": reason, "per_vcpu": [one.get(reason, 0) for one in counts]} for reason in reasons])


def dump(address, data):
    """Lines of a hexadecimal dump, as little-endian words of 4 bytes and as text."""
    for at in range(0, len(data), ROW):
        row = data[at:at + ROW]
        words = " ".join(f"{int.from_bytes(row[i:i + 4], 'little'):0{2 * len(row[i:i + 4])}x}"
                         for i in range(0, len(row), 4))
        text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)
        yield f"0x{address + at:010x}  {words:<35}  {text}"


@command("mem", "mem [-p] ADDRESS [SIZE]", "the guest's memory at an IPA; -p: the machine's at a PA, of the guest's RAM "
         "or of its stage-2 tables")
def show_memory(wire, args, out):
    parser = Arguments("mem")
    parser.add_argument("-p", dest="physical", action="store_true")
    parser.add_argument("address", type=number)
    parser.add_argument("size", nargs="?", type=number, default=USUAL_BYTES)
    asked = parser.parse_args(args)
    if not 0 < asked.size <= MEM_MOST:
        raise Usage(f"mem: a size from 1 to {MEM_MOST} bytes")
    data = (wire.read if asked.physical else wire.read_ipa)(asked.address, asked.size)
    for line in dump(asked.address, data):
        out.line(line)
    out.data({"address": f"0x{asked.address:x}", "bytes": data.hex()})


@command("at", "at VA [KIND] [-v N]", "what the hardware makes of a VA, a register's content or a symbol, on vCPU N: AT, "
         "by default s12e1r")
def show_at(wire, args, out):
    parser = Arguments("at")
    parser.add_argument("va")
    parser.add_argument("kind", nargs="?", choices=wire_format.AT_KINDS, default="s12e1r")
    parser.add_argument("-v", dest="vcpu", type=number, default=0)
    asked = parser.parse_args(args)
    vcpu = chosen(wire, asked.vcpu)[0]
    where = Address(wire, asked.va, lambda: wire.regs(vcpu))
    va = where.value
    par = wire.translate(vcpu, va, asked.kind)
    if where.words(vcpu):
        out.line(f"{where.words(vcpu)}: 0x{va:x}")
    out.line(f"PAR_EL1 0x{par:x}: " + (f"{fault_words(par >> 1 & 0x3f)}, found by stage {2 if par >> 9 & 1 else 1}"
                                      f"{' on a stage-1 walk' if par >> 8 & 1 else ''}" if par & 1 else
                                      f"0x{par & 0xFFFFFFFFF000 | va & 0xFFF:x}"))
    out.data({"va": f"0x{va:x}", "vcpu": vcpu, **where.to_json(), "kind": asked.kind, "par": f"0x{par:x}"})


__all__ = ["COMMANDS", "Address", "Arguments", "Command", "Out", "Refused", "Usage", "chosen", "command", "load", "number",
           "run"]
