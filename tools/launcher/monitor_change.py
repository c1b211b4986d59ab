# SPDX-License-Identifier: Apache-2.0
"""The monitor's commands that change the guest's stage 2 while it runs, step by step, and those that watch its pages
by means of it. Loaded by monitor_commands.py."""

import time

from launcher import monitor_names
from launcher import monitor_wire as wire_format
from launcher.monitor_commands import Arguments, Refused, Usage, command, number
from launcher.monitor_wire import text_lines
from launcher.rights import EXECUTE, LETTERS, READ, WRITE, letters

PAGE, BLOCK = 4096, 2 << 20
LOG_UNITS = 8 * 4096  # at most
UNITS_A_READ = 8 * wire_format.DATA_MAX
S2_CHANGES = {"map": wire_format.S2_MAP, "unmap": wire_format.S2_UNMAP, "protect": wire_format.S2_PROTECT,
              "split": wire_format.S2_SPLIT}
ENTRY = {0: "512 GiB", 1: "1 GiB", 2: "2 MiB", 3: "4 KiB"}


def rights(text, least=1):
    """'rw' as STAGE2_* has it."""
    found = sum(bit for bit, letter in LETTERS if letter in text)
    if set(text) - set("rwx-") or found < least:
        raise Usage(f"'{text}' are no rights: some of r, w and x")
    return found


def descriptor_rights(descriptor):
    """S2AP and XN of a stage-2 leaf."""
    execute = EXECUTE if descriptor >> 53 & 3 == 0 else 0
    return (descriptor >> 6 & 3) | execute


def leaf_words(level, descriptor):
    if level == "-":
        return "invalid: nothing is mapped"
    value = int(descriptor, 0)
    return f"level {level}, {ENTRY[int(level)]}, descriptor {descriptor}, rights {letters(descriptor_rights(value))}"


def step_words(line):
    """One of EL2's lines about a change, for people."""
    words = line.split()
    if words[0] == "before":
        return f"before: IPA {words[1]} is {leaf_words(*words[2:])}"
    if words[0] == "now":
        broken = words[2] == "-"
        return (f"break:  IPA {words[1]} is invalid now: a walk that comes by faults, and is tried again" if broken else
                f"write:  IPA {words[1]} is {leaf_words(*words[2:])}")
    if words[0] == "tlbi":
        if words[1] == "all":
            return "forget: TLBI VMALLS12E1IS, DSB: no CPU has any of the guest's translations left"
        return (f"forget: TLBI IPAS2E1IS for {words[2]} leaf{'' if words[2] == '1' else 's'}, TLBI VMALLE1IS, DSB: no CPU "
                "holds the old translation")
    return f"after:  IPA {words[1]} is {leaf_words(*words[2:])}"


def change(wire, name, args, out):
    parser = Arguments(f"s2 {name}")
    parser.add_argument("address", type=number)
    parser.add_argument("size", nargs="?", type=number, default=PAGE)
    if name in ("map", "protect"):
        parser.add_argument("rights", nargs="?" if name == "map" else None, default="rwx")
    asked = parser.parse_args(args)
    extra = rights(asked.rights, least=0) if name in ("map", "protect") else 0
    try:
        answer = wire.ask(S2_CHANGES[name], address=asked.address, value=asked.size, extra=extra)
    except Refused as why:
        raise Refused(why.status, f"{why}: s2 {name} wants whole pages of the guest's RAM, "
                      f"{'not mapped yet' if name == 'map' else 'mapped'}, and not watched") from why
    lines = text_lines(answer.data)
    for line in lines:
        out.line(step_words(line))
    out.data({"steps": lines})


def register(name, usage, text):
    @command(f"s2 {name}", usage, text)
    def run(wire, args, out):
        change(wire, name, args, out)


register("split", "s2 split ADDRESS [SIZE]", "the leaf there in smaller ones, the same rights: break before make")
register("protect", "s2 protect ADDRESS SIZE RIGHTS", "other rights: some of r, w, x, or - for none")
register("unmap", "s2 unmap ADDRESS [SIZE]", "nothing is mapped there: the guest gets an abort")
register("map", "s2 map ADDRESS [SIZE] [RIGHTS]", "the guest's RAM, mapped again where it was unmapped")


@command("watch", "watch ADDRESS [SIZE] [RIGHTS] [-t SECONDS]", "take rights (default w) from pages, and tell who touches "
         "them; the guest goes on")
def watch(wire, args, out):
    parser = Arguments("watch")
    parser.add_argument("address", type=number)
    parser.add_argument("size", nargs="?", type=number, default=PAGE)
    parser.add_argument("rights", nargs="?", default="w")
    parser.add_argument("-t", dest="seconds", type=float, default=5)
    asked = parser.parse_args(args)
    start = asked.address // PAGE * PAGE
    size = -(-(asked.address + asked.size - start) // PAGE) * PAGE
    taken = rights(asked.rights)
    names = monitor_names.of(wire)
    wire.ask(wire_format.WATCH, address=start, value=size, extra=taken)
    hits = []
    try:
        end = time.monotonic() + asked.seconds
        while time.monotonic() < end:
            event = wire.wait_event(max(0.01, end - time.monotonic()))
            if event and event.type == wire_format.WATCH and start <= event.address < start + size:
                hits.append({"vcpu": event.vcpu, "access": letters(event.status), "ipa": f"0x{event.address:x}",
                             "va": f"0x{event.extra:x}", "pc": f"0x{event.value:x}",
                             "symbol": names.name(event.value)})
                one = hits[-1]
                out.line(f"vCPU {one['vcpu']} {one['access']} IPA {one['ipa']} by VA {one['va']}, pc {one['pc']} "
                         f"{one['symbol']}".rstrip())
    finally:
        wire.ask(wire_format.UNWATCH, address=start)
    out.line(f"{len(hits)} accesses in {asked.seconds:g} s")
    out.data(hits)


def read_log(wire, units):
    """The numbers of the units that were touched since the last time."""
    found = []
    for first in range(0, units, UNITS_A_READ):
        data = wire.ask(wire_format.LOG_READ, address=first).data
        found += [first + 8 * at + bit for at, byte in enumerate(data) for bit in range(8) if byte >> bit & 1]
    return found


def unit_for(size):
    """The smallest unit that a log of so many bytes can have."""
    return PAGE if size <= 64 * BLOCK else BLOCK


def log_pages(wire, name, taken, args, out):
    parser = Arguments(name)
    parser.add_argument("seconds", nargs="?", type=float, default=1)
    parser.add_argument("address", nargs="?", type=number)
    parser.add_argument("size", nargs="?", type=number, default=BLOCK)
    parser.add_argument("-n", dest="times", type=number, default=1)
    asked = parser.parse_args(args)
    start, size = (asked.address, asked.size) if asked.address is not None else wire.hello()["ram"][0][:2]
    unit = unit_for(size)
    wire.ask(wire_format.LOG, address=start, value=size, extra=unit | taken)
    rounds = []
    try:
        for _ in range(asked.times):
            time.sleep(asked.seconds)
            rounds.append(read_log(wire, size // unit))
            out.line(f"{len(rounds[-1])} of {size // unit} pieces of {unit // 1024} KiB, "
                     f"{len(rounds[-1]) * unit / (1 << 20):g} MiB")
    finally:
        wire.ask(wire_format.LOG)
    if unit == PAGE:
        for page in rounds[-1][:16]:
            out.line(f"  0x{start + page * unit:x}")
    out.data({"start": f"0x{start:x}", "size": f"0x{size:x}", "unit": unit,
              "rounds": [[f"0x{start + number_of * unit:x}" for number_of in one] for one in rounds]})


@command("dirty", "dirty [SECONDS [ADDRESS [SIZE]]] [-n TIMES]", "the pages that the guest writes in that time")
def dirty(wire, args, out):
    log_pages(wire, "dirty", WRITE, args, out)


@command("working-set", "working-set [SECONDS [ADDRESS [SIZE]]] [-n TIMES]", "the pages that the guest touches at all")
def working_set(wire, args, out):
    log_pages(wire, "working-set", READ | WRITE | EXECUTE, args, out)
