# SPDX-License-Identifier: Apache-2.0
"""The monitor's commands that stop the guest, let it go on, and change its memory or interrupts; and those that show
its interrupt controller and devices. Loaded by monitor_commands.py."""

import binascii
import time

from launcher import monitor_wire as wire_format
from launcher.monitor_commands import Arguments, Refused, Usage, chosen, command, number, state_words
from launcher.monitor_wire import text_lines

STEPS_MOST = 10000
PATIENCE = 5  # seconds for one instruction
MMU, MMU_PATIENCE, MMU_LOOK, SCTLR_M = "mmu", 120, 0.1, 1
BANKS = 9  # of 32 interrupts
NO_TARGET, ANY = 0xFE, 0xFF
VIRTIO = {1: "net", 2: "blk", 3: "console", 4: "rng", 5: "balloon", 8: "scsi", 9: "9p", 16: "gpu", 18: "input",
          19: "vsock", 20: "crypto", 26: "fs"}
STATUS_BITS = ((1, "acknowledged"), (2, "driver"), (8, "features ok"), (4, "runs"), (64, "needs reset"), (128, "failed"))


def show_places(wire, vcpus, out):
    """What each does, once all are where they are to stay."""
    found = {vcpu: wire.regs(vcpu) for vcpu in vcpus}
    for vcpu, regs in found.items():
        out.line(f"vCPU {vcpu} is {state_words(regs)}")
    out.data([{"vcpu": vcpu, "off": bool(regs["off"]), "pc": f"0x{regs['pc']:x}", "pstate": f"0x{regs['pstate']:x}"}
              for vcpu, regs in found.items()])


@command("stop", "stop", "hold all vCPUs in EL2; the guest's clock goes on")
def stop(wire, _args, out):
    wire.ask(wire_format.STOP)
    show_places(wire, wire.vcpus(), out)


@command("go", "go", "let them go on")
def go(wire, _args, out):
    wire.ask(wire_format.GO)
    out.data({})


def wait_for(wire, event, vcpu):
    """The event of that type, None: it has not come in time; others stay for whoever wants them."""
    others, end = [], time.monotonic() + PATIENCE
    found = None
    while found is None and time.monotonic() < end:
        message = wire.wait_event(end - time.monotonic())
        if message and (message.type, message.vcpu) == (event, vcpu):
            found = message
        elif message:
            others.append(message)
    wire.events[:0] = others
    return found


@command("step", "step [N [COUNT]]", "let vCPU N, which is stopped, run one instruction, or COUNT")
def step(wire, args, out):
    parser = Arguments("step")
    parser.add_argument("vcpu", nargs="?", type=number, default=0)
    parser.add_argument("count", nargs="?", type=number, default=1)
    asked = parser.parse_args(args)
    chosen(wire, asked.vcpu)
    if not 0 < asked.count <= STEPS_MOST:
        raise Usage(f"step: a count from 1 to {STEPS_MOST}")
    places = []
    for _ in range(asked.count):
        try:
            wire.ask(wire_format.STEP, vcpu=asked.vcpu)
        except Refused as why:
            raise Refused(why.status, f"vCPU {asked.vcpu} is not stopped, or off: `stop` first") from why
        event = wait_for(wire, wire_format.STEP, asked.vcpu)
        if event is None:
            raise Refused(0, f"vCPU {asked.vcpu} has not come back within {PATIENCE} s: it waits for an interrupt, as a "
                          "rule; it is stopped when it has it")
        places.append(event.address)
        out.line(f"vCPU {asked.vcpu} pc 0x{event.address:x}")
    out.data([f"0x{pc:x}" for pc in places])


@command("write", "write ADDRESS HEX", "bytes into the guest's RAM at an IPA, in hexadecimal")
def write(wire, args, out):
    parser = Arguments("write")
    parser.add_argument("address", type=number)
    parser.add_argument("bytes")
    asked = parser.parse_args(args)
    try:
        data = binascii.unhexlify(asked.bytes)
    except binascii.Error as error:
        raise Usage(f"write: '{asked.bytes}' is not whole bytes in hexadecimal") from error
    if not 0 < len(data) <= wire_format.DATA_MAX:
        raise Usage(f"write: 1 to {wire_format.DATA_MAX} bytes at a time")
    wire.ask(wire_format.WRITE, address=asked.address, data=data)
    out.data({"address": f"0x{asked.address:x}", "size": len(data)})


@command("inject", "inject INTID", "make an SPI pending, as a write to GICD_ISPENDR does")
def inject(wire, args, out):
    parser = Arguments("inject")
    parser.add_argument("intid", type=number)
    asked = parser.parse_args(args)
    wire.ask(wire_format.PEND, address=asked.intid)
    out.data({"intid": asked.intid})


@command("log", "log", "Traproom's last lines on the console")
def show_log(wire, _args, out):
    lines = text_lines(wire.ask(wire_format.LINES).data)
    for line in lines:
        out.line(line)
    out.data(lines)


def _has_mmu(regs):
    return not regs["off"] and regs["sctlr_el1"] & SCTLR_M and regs["vbar_el1"]


def _wait_for_mmu(wire):
    end = time.monotonic() + MMU_PATIENCE
    while not any(_has_mmu(wire.regs(vcpu)) for vcpu in wire.vcpus()):
        if time.monotonic() > end:
            raise Refused(0, f"no vCPU has turned its MMU on within {MMU_PATIENCE} s")
        time.sleep(MMU_LOOK)


@command("wait", "wait SECONDS|mmu", "let the guest go on for so long before the next command; mmu: until one of its vCPUs "
         "has its MMU on, and vectors")
def wait(wire, args, out):
    parser = Arguments("wait")
    parser.add_argument("seconds", type=lambda text: MMU if text == MMU else float(text))
    seconds = parser.parse_args(args).seconds
    if seconds == MMU:
        _wait_for_mmu(wire)
    else:
        time.sleep(max(0, seconds))
    out.data({})


def read_banks(wire):
    """(vCPU or None, INTID, flags, priority, target) of each interrupt that there is something to say of."""
    places = [(vcpu, 0) for vcpu in wire.vcpus()] + [(None, bank) for bank in range(1, BANKS)]
    for vcpu, bank in places:
        for line in text_lines(wire.ask(wire_format.IRQ, vcpu=vcpu or 0, address=bank).data):
            words = line.split()
            if words[0].isdigit():
                yield vcpu, int(words[0]), words[1], int(words[2]), int(words[3])


def list_registers(wire):
    """(vCPU, number, value) of those in use (GICv3, "ICH_LR<n>_EL2")."""
    for vcpu in wire.vcpus():
        for name, value in wire.regs(vcpu).items():
            if name.startswith("lr") and value >> 62:
                yield vcpu, int(name[2:]), value


STATES = ("invalid", "pending", "active", "pending and active")
FLAGS = (("E", "enabled"), ("P", "pending"), ("H", "line high"), ("A", "active"), ("L", "in a list register"))


@command("irq", "irq", "the virtual GIC: what is enabled, pending or active, and the list registers")
def show_irq(wire, _args, out):
    rows, found = [("INTID", "vCPU", "state", "trigger", "group", "priority")], []
    for vcpu, intid, flags, priority, target in read_banks(wire):
        words = ", ".join(word for flag, word in FLAGS if flag in flags)
        place = vcpu if vcpu is not None else {ANY: "any", NO_TARGET: "none"}.get(target, target)
        rows.append((intid, place, words, "edge" if "e" in flags else "level", flags[-1], f"0x{priority:02x}"))
        found.append({"intid": intid, "vcpu": place, "state": words, "edge": "e" in flags, "group": int(flags[-1]),
                      "priority": priority})
    out.table(rows, left=4)
    registers = [{"vcpu": vcpu, "lr": number_of, "value": f"0x{value:x}", "state": STATES[value >> 62],
                  "intid": value & 0xFFFFFFFF, "priority": value >> 48 & 0xFF, "linked": bool(value >> 61 & 1)}
                 for vcpu, number_of, value in list_registers(wire)]
    for one in registers:
        out.line(f"vCPU {one['vcpu']} LR{one['lr']}: INTID {one['intid']} {one['state']}, priority 0x{one['priority']:02x}"
                 + (", linked to the machine's" if one["linked"] else ""))
    out.data({"interrupts": found, "list_registers": registers})


def read_devices(wire):
    """A dictionary for each device."""
    for index in range(1000):
        try:
            lines = text_lines(wire.ask(wire_format.DEV, address=index).data)
        except Refused as why:
            if why.status == -5:
                return
            raise
        _, name, base, size, intid, path = lines[0].split(" ", 5)
        device = {"name": name, "base": base, "size": size, "intid": int(intid), "path": path, "queues": []}
        for line in lines[1:]:
            words = line.split()
            if words[0] == "virtio":
                device["virtio"] = VIRTIO.get(int(words[1]), f"type {words[1]}")
                device["status"] = int(words[2], 0)
                device["features"] = words[3]
            else:
                device["queues"].append(dict(zip(("index", "size", "desc", "avail", "used", "next_avail", "next_used",
                                                  "in_flight"), (int(word, 0) for word in words[1:]))))
        yield device


def add_indices(wire, queue):
    """What the rings in the guest's memory say (virtio 1.2, "Split Virtqueues")."""
    queue["avail_idx"] = int.from_bytes(wire.read(queue["avail"] + 2, 2), "little")
    queue["used_idx"] = int.from_bytes(wire.read(queue["used"] + 2, 2), "little")


@command("dev", "dev", "the guest's devices; of virtio ones the state, queues and rings")
def show_devices(wire, _args, out):
    found = list(read_devices(wire))
    for device in found:
        words = f", virtio {device['virtio']}" if "virtio" in device else ""
        out.line(f"{device['path']}: {device['name']}{words} at {device['base']}, " +
                 (f"INTID {device['intid']}" if device["intid"] else "no interrupt"))
        if "virtio" not in device:
            continue
        bits = ", ".join(word for bit, word in STATUS_BITS if device["status"] & bit) or "reset"
        out.line(f"  {bits}; features {device['features']}")
        for queue in device["queues"]:
            if not queue["size"]:
                continue
            add_indices(wire, queue)
            out.line(f"  queue {queue['index']}: {queue['size']} descriptors at 0x{queue['desc']:x}, available up to "
                     f"{queue['avail_idx']}, taken up to {queue['next_avail']}, used up to {queue['used_idx']}, "
                     f"{queue['in_flight']} in flight")
    out.data(found)
