#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Neither a monitor nor the guest takes EL2 down: requests of every kind, sound and broken ones, whole, torn and by the
hundred, straight to EL2's port, while hostile_monitor.c spoils its tables, power states and itself. EL2 must answer
each one; afterwards the map is mended, and all vCPUs must get on.

    monitor_storm.py [--build DIR] [--hypervisor ELF] [--requests N] [--seed S]
"""

import argparse
import collections
import fcntl
import os
import random
import select
import struct
import subprocess
import sys
import tempfile
import time

import run

sys.path.insert(0, os.path.join(run.REPO, "tools"))
# pylint: disable-next=wrong-import-position
from launcher import cli, monitor_channel, monitor_wire as wire  # noqa: E402

VCPUS = 4
ARENA, ARENA_SIZE, STEP, END_AT = 0x49000000, 0x10000000, 64, 264  # hostile_monitor.c
END = 0x646E65206568742E
KEPT = 0x48000000, 0x10000  # the image
ENTRY = 0x48000000, 0x1000  # of which this page may not go
LIMIT = 60  # seconds, for an answer or for a vCPU to get on, on a busy machine
TYPES = wire.TRACE + 1
UNSUPPORTED, RANGE = -6, -3
FLOOD_MOST = 200
ALL = 7  # rights
LAUNCH = "--launch"


class Failed(Exception):
    pass


class Port:
    """EL2's, with nothing in between: pipes, which hold a whole flood, since QEMU drops what there is no room for."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "port")
        for way in (".in", ".out"):
            os.mkfifo(self.path + way)
        self._to, self._from = (os.open(self.path + way, os.O_RDWR) for way in (".in", ".out"))
        fcntl.fcntl(self._from, fcntl.F_SETPIPE_SZ, 1 << 20)
        self._reader = wire.Reader()
        self._tag = 0
        self.events = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self._to)
        os.close(self._from)

    def tag(self):
        self._tag += 1
        return self._tag

    def send(self, data):
        while data:
            data = data[os.write(self._to, data):]

    def _messages(self):
        """The next ones."""
        if not select.select([self._from], [], [], LIMIT)[0]:
            raise Failed("no answer")
        try:
            return list(self._reader.feed(os.read(self._from, wire.CHUNK)))
        except ValueError as error:
            raise Failed(f"instead of an answer: {error}") from error

    def answers(self, tags):
        """Of each tag there must be one, and of no other."""
        wanted, found = set(tags), {}
        while wanted:
            for message in self._messages():
                if message.tag in wanted:
                    wanted.remove(message.tag)
                    found[message.tag] = message
                elif message.tag == 0:
                    self.events += 1
                else:
                    raise Failed(f"an answer to what was not asked: {message}")
        return found

    def ask(self, **fields):
        tag = self.tag()
        self.send(wire.Answer(tag=tag, **fields).pack())
        return self.answers([tag])[tag]


class Storm:
    def __init__(self, port, seed):
        self.port = port
        self.dice = random.Random(seed)
        self.asked = 0
        self.taken = {wire.UNWATCH: [], wire.S2_MAP: []}  # (address, size) of what these may give back
        self.counts = collections.Counter()

    def number(self):
        """Any: small ones, powers of two and their neighbours, all bits."""
        dice = self.dice
        return dice.choice((dice.randrange(4), (1 << dice.randrange(64)) - dice.randrange(2), dice.getrandbits(64),
                            (1 << 64) - 1 - dice.randrange(4096)))

    def address(self):
        """In RAM, in the tables, at the edges, of devices, of EL2's, or any."""
        dice = self.dice
        page = ARENA + (dice.randrange(ARENA_SIZE) & ~0xFFF)
        edge = dice.choice((0x47000000, 0x48000000, 0x68000000, 0x40000000, 0x80000000, 0x08000000, 0x09000000))
        return dice.choice((page, page & ~0x1FFFFF, page & ~0x1FFFFF, ARENA + (dice.randrange(0x20000) & ~0xFFF),
                            KEPT[0] + (dice.randrange(KEPT[1]) & ~0xFFF), page | dice.randrange(4096),
                            edge + dice.choice((-4096, -1, 0, 1, 4096)), self.number()))

    def size(self):
        dice = self.dice
        return dice.choice((4096, 4096, 2 << 20, 2 << 20, 4096 * dice.randrange(600), dice.randrange(4096),
                            self.number()))

    def sound(self):
        """The fields of a request that EL2 may well grant."""
        dice = self.dice
        kind = dice.randrange(wire.HELLO, TYPES)
        fields = {"type": kind, "vcpu": dice.randrange(VCPUS), "address": self.address(), "value": self.size(),
                  "extra": dice.choice((dice.randrange(1, 8), dice.randrange(1, 8), self.number()))}
        if kind in (wire.REGS, wire.AT, wire.TRACE):
            fields["value"] = dice.randrange(9)
        elif kind in (wire.IRQ, wire.DEV):
            fields["address"] = dice.choice((dice.randrange(12), self.number()))
        elif kind == wire.PEND:
            fields["address"] = dice.randrange(28, 300)
        elif kind == wire.READ:
            fields["value"] = dice.randrange(1, 2049)
        elif kind == wire.LOG:
            fields["extra"] |= dice.choice((0x1000, 0x200000))
            fields["value"] *= dice.randrange(8) != 0
        elif kind == wire.LOG_READ:
            fields["address"] = 8 * dice.randrange(2)
        elif kind == wire.WRITE:
            fields["data"] = dice.randbytes(dice.choice((8, dice.randrange(2049))))
        elif kind == wire.STOP and dice.randrange(2):
            fields["type"] = wire.GO
        elif kind in (wire.UNWATCH, wire.S2_MAP) and dice.randrange(4) and self.taken[kind]:
            fields["address"], fields["value"] = dice.choice(self.taken[kind])
        return fields

    def spares(self, fields):
        """Would it take from the guest what it can't do without? EL2 reaches its RAM by IPA, which is the PA here."""
        kind, first = fields["type"], fields["address"]
        size, (kept, length) = fields["value"], ENTRY
        if kind == wire.WRITE:
            size, (kept, length) = len(fields["data"]), KEPT
            if 0x47000000 <= first < 0x47200000:
                return False
        elif kind not in (wire.S2_MAP, wire.S2_UNMAP, wire.S2_PROTECT):
            return True
        return first + size <= kept or first >= kept + length

    def request(self):
        """The bytes of a request, its tag, and the status that it must have, None: any."""
        dice = self.dice
        fields = self.sound()
        while not self.spares(fields):
            fields = self.sound()
        status, tag = None, self.port.tag()
        broken = dice.randrange(10)
        if broken == 0:
            fields["type"], status = dice.choice((0, TYPES, dice.randrange(TYPES, 1 << 16))), UNSUPPORTED
        elif broken == 1:
            fields["vcpu"], status = dice.choice((VCPUS, dice.randrange(VCPUS, 1 << 16))), RANGE
        elif broken == 2:
            fields["data"], status = dice.randbytes(dice.choice((2049, dice.randrange(2049, 20000)))), RANGE
        elif broken == 3 and fields["type"] != wire.WRITE:
            fields["data"] = dice.randbytes(dice.randrange(2049))
        return wire.Answer(tag=tag, **fields).pack(), tag, status, fields

    def pieces(self, data):
        """Torn anywhere, a moment apart at times."""
        while data:
            cut = self.dice.randrange(1, len(data) + 1)
            self.port.send(data[:cut])
            data = data[cut:]
            if self.dice.randrange(8) == 0:
                time.sleep(0.001)

    def swallowed(self):
        """One that says that it is longer than it is has the next ones for its data; and then all is well again."""
        inner = b"".join(self.request()[0] for _ in range(self.dice.randrange(1, 5)))
        rest = self.dice.randbytes(self.dice.randrange(100))
        tag = self.port.tag()
        self.pieces(wire.Answer(wire.HELLO, tag=tag, data=inner + rest).pack())
        self.asked += 1
        return [tag]

    def step(self):
        """Some requests, and their answers."""
        count = self.dice.choice((1, 2, 8, self.dice.randrange(1, FLOOD_MOST))) if self.dice.randrange(32) == 0 else 1
        requests = [self.request() for _ in range(count)]
        data = b"".join(request[0] for request in requests)
        if self.dice.randrange(4):
            self.port.send(data)
        else:
            self.pieces(data)
        answers = self.port.answers(request[1] for request in requests)
        self.asked += count
        for _, tag, status, fields in requests:
            self.check(answers[tag], status, fields)
        if self.dice.randrange(16) == 0:
            self.port.answers(self.swallowed())

    def check(self, answer, status, fields):
        kind = fields["type"]
        if answer.type != kind or answer.size > wire.DATA_MAX or not -6 <= answer.status <= 0:
            raise Failed(f"this is no answer: {answer}")
        if status is not None and answer.status != status:
            raise Failed(f"status {answer.status} instead of {status}: {answer}")
        if answer.status == 0:
            self.counts[kind] += 1
            back = {wire.WATCH: wire.UNWATCH, wire.S2_UNMAP: wire.S2_MAP}.get(kind)
            if back:
                self.taken[back].append((fields["address"], fields["value"]))

    def mend(self):
        """The guest has its map as it was, and runs. It may start again meanwhile, which ends watches, too."""
        self.port.ask(type=wire.LOG)
        for address, _ in self.taken[wire.UNWATCH]:
            self.port.ask(type=wire.UNWATCH, address=address)
        for given in self.taken.values():
            given.clear()
        for at, size, pa in ram(self.port):
            kept = ENTRY[1] if at == ENTRY[0] else 0  # without it a CPU that begins meanwhile is lost
            map_again(self.port, at + kept, size - kept, pa + kept)
        self.port.ask(type=wire.GO)


def ram(port):
    """(IPA, size, PA) of each piece."""
    lines = (line.split("=") for line in wire.text_lines(port.ask(type=wire.HELLO).data))
    return [[int(word, 0) for word in value.split()] for name, value in lines if name.startswith("ram")]


def map_again(port, at, size, pa):
    end = time.monotonic() + LIMIT
    while (done := port.ask(type=wire.S2_MAP, address=at, value=size, extra=ALL)).status:
        away = port.ask(type=wire.S2_UNMAP, address=at, value=size)
        if time.monotonic() > end:
            raise Failed(f"the RAM at 0x{at:x} can't be mapped again: {done}, {away}")
    found = port.ask(type=wire.S2_LOOKUP, address=at + size - 4096)
    if (found.status, found.value, found.extra & 0xFF) != (0, pa + size - 4096, ALL):
        raise Failed(f"the map is not as it was: {found}")


def beats(port):
    data = port.ask(type=wire.READ, address=ARENA, value=VCPUS * STEP).data
    return [struct.unpack_from("<Q", data, vcpu * STEP)[0] for vcpu in range(VCPUS)]


def wait_for(condition, what):
    end = time.monotonic() + LIMIT
    while not condition():
        if time.monotonic() > end:
            raise Failed(what)
        time.sleep(0.05)


def check_goes_on(port):
    before = beats(port)
    wait_for(lambda: all(now != then for now, then in zip(beats(port), before)),
             f"vCPUs do not get on; their beats were {before}")


PAGE = {"address": ARENA + (64 << 20), "value": 4096}
SANE = [(wire.STOP, {}), (wire.STEP, {}), (wire.READ, PAGE | {"value": 2048}), (wire.WRITE, PAGE | {"data": b"x"}),
        (wire.S2_SPLIT, PAGE), (wire.S2_PROTECT, PAGE | {"extra": 1}), (wire.S2_UNMAP, PAGE),
        (wire.S2_MAP, PAGE | {"extra": ALL}), (wire.S2_LOOKUP, PAGE), (wire.WATCH, PAGE | {"extra": 2}),
        (wire.UNWATCH, PAGE), (wire.LOG, PAGE | {"extra": 4096 | 2}), (wire.LOG_READ, {}), (wire.LOG, {}),
        *((wire.REGS, {"value": group}) for group in range(wire.REGS_GROUPS)),
        *((wire.AT, {"value": kind}) for kind in range(len(wire.AT_KINDS))), (wire.IRQ, {}), (wire.IRQ, {"address": 1}),
        (wire.PEND, {"address": 40}), (wire.DEV, {}), (wire.EXITS, {}), (wire.TRACE, {"value": 1}), (wire.TRACE, {}),
        (wire.GO, {})]


def refusals(port):
    """(type, status) of those sane requests that are not granted."""
    answers = [port.ask(type=kind, **fields) for kind, fields in SANE]
    return [(answer.type, answer.status) for answer in answers if answer.status]


def check_answers(port):
    """One of each kind is granted. The guest may start again meanwhile, which makes some impossible: then all anew."""
    end = time.monotonic() + LIMIT
    while refused := refusals(port):
        if time.monotonic() > end:
            raise Failed(f"sane requests are refused, by type: {refused}")


def storm(port, count, seed):
    port.ask(type=wire.HELLO)
    blowing = Storm(port, seed)
    began = time.monotonic()
    while blowing.asked < count:
        blowing.step()
        if blowing.dice.randrange(200) == 0:
            blowing.mend()
    blowing.mend()
    check_answers(port)
    blowing.mend()
    check_goes_on(port)
    print(f"{blowing.asked} requests in {time.monotonic() - began:.1f} s, {port.events} events; granted, by type: "
          f"{dict(sorted(blowing.counts.items()))}")
    port.ask(type=wire.WRITE, address=ARENA + END_AT, data=struct.pack("<Q", END))


class Channel(monitor_channel.Channel):
    """The launcher's, less what it does with the messages."""
    port = None

    def arguments(self):
        return [f"pipe,id=monitor-el2,path={self.port}" if word.startswith("socket,id=monitor-el2,") else word
                for word in super().arguments()]

    def start(self):
        pass


def launch(port, argv):
    Channel.port = port
    monitor_channel.Channel = Channel
    return cli.main(argv)


def main():
    parser = argparse.ArgumentParser(description="A storm of a monitor's requests.")
    parser.add_argument("--build", default=os.path.join(run.REPO, "build"))
    parser.add_argument("--hypervisor")
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="traproom-storm-") as folder, Port(folder) as port:
        command = [sys.executable, "-B", __file__, LAUNCH, port.path, "run", "--build", args.build, "--initrd", "none",
                   "--disk", "none", "--kernel", os.path.join(args.build, "guest", "hostile_monitor.img"),
                   "--hang", "0", "--reboot", "--no-report", "--timeout", str(run.LIMIT + args.requests), "--quiet",
                   "--monitor", os.path.join(folder, "unused"),
                   *(["--hypervisor", args.hypervisor] if args.hypervisor else [])]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as guest:
            try:
                storm(port, args.requests, args.seed)
                said = guest.communicate(timeout=LIMIT)[0]
                problem = f"status {guest.returncode}" if guest.returncode else None
            except (Failed, subprocess.TimeoutExpired) as why:
                guest.terminate()
                said, problem = guest.communicate()[0], why
    if problem:
        print(f"{said}\nmonitor_storm.py, seed {args.seed}: {problem}", file=sys.stderr)
    return 1 if problem else 0


if __name__ == "__main__":
    sys.exit(launch(sys.argv[2], sys.argv[3:]) if sys.argv[1:2] == [LAUNCH] else main())
