# SPDX-License-Identifier: Apache-2.0
"""The memory into which hyp/trap/trace.c writes exits: a head, then a ring of events for each vCPU. Read while the
guest runs, by whatever way there is to the machine's memory. Used by trace.py."""

import struct
from typing import NamedTuple

PAGE = 4096
HEAD = struct.Struct("<8sQ4I")  # struct trace_head, but for the RAM
RAM = struct.Struct("<3Q")  # struct ram_region
RING = struct.Struct("<3Q40x")  # struct trace_ring
EVENT = struct.Struct("<5QIHBB")  # struct trace_event
WORD = struct.Struct("<Q")
MAGIC = b"TRTRACE1"
TAKEN = 8  # where it is in struct trace_ring
SLACK = 16  # events before a ring's end that may be written over while they are read
MOST_RAM = 8
SYNC, IRQ, SERROR, STAGE2 = range(4)  # enum trace_kind
NOTHING = 0xFFFF


class Event(NamedTuple):
    """struct trace_event."""
    entered: int
    left: int
    pc: int
    address: int
    value: int
    what: int
    given: int
    vcpu: int
    kind: int


def room(vcpus, events):
    """Bytes of memory for so many rings of so many events, a power of two."""
    return PAGE + vcpus * (RING.size + events * EVENT.size)


class Rings:
    """`read(offset, size)` and `write(offset, bytes)` reach that memory. None for `write`: EL2 waits for nobody."""

    def __init__(self, read, write=None):
        """ValueError: Traproom has not made them yet."""
        self._read, self._write = read, write
        magic, self.frequency, count, self.events, self.lossless, pieces = HEAD.unpack(read(0, HEAD.size))
        if magic != MAGIC:
            raise ValueError("there is no trace in this memory")
        self.ram = []  # (guest-physical address, size, the machine's address) of each piece of the guest's
        for index in range(min(pieces, MOST_RAM)):
            guest, machine, size = RAM.unpack(read(HEAD.size + index * RAM.size, RAM.size))
            self.ram.append((guest, size, machine))
        self.taken = [0] * count  # of each ring
        self.lost = [0] * count

    def _start(self, ring):
        return PAGE + ring * (RING.size + self.events * EVENT.size)

    def _published(self, ring):
        return WORD.unpack(self._read(self._start(ring), WORD.size))[0]

    def waited(self):
        """How often EL2 had to wait for us."""
        return sum(RING.unpack(self._read(self._start(ring), RING.size))[2] for ring in range(len(self.taken)))

    def is_lossless(self):
        return bool(HEAD.unpack(self._read(0, HEAD.size))[4])

    def skip(self):
        """What has come until now is of an earlier trace."""
        self.taken = [self._published(ring) for ring in range(len(self.taken))]

    def drain(self):
        """What has come since the last time, raw, from all rings."""
        return b"".join(self._drain(ring) for ring in range(len(self.taken)))

    def _drain(self, ring):
        taken, published = self.taken[ring], self._published(ring)
        if taken == published:
            return b""
        first = max(taken, self._oldest(published))
        data = self._copy(ring, first, published)
        gone = min(max(0, self._oldest(self._published(ring)) - first), published - first)
        self.lost[ring] += first - taken + gone
        self.taken[ring] = published
        if self._write:
            self._write(self._start(ring) + TAKEN, WORD.pack(published))
        return data[gone * EVENT.size:]

    def _oldest(self, published):
        """The first event that is whole for certain."""
        return published - (self.events if self.lossless and self._write else self.events - SLACK)

    def _copy(self, ring, first, end):
        start, data = self._start(ring) + RING.size, b""
        while first < end:
            slot = first % self.events
            count = min(end - first, self.events - slot)
            data += self._read(start + slot * EVENT.size, count * EVENT.size)
            first += count
        return data

    def last(self, ring, count):
        """The latest events of a ring whose vCPU stands still, the one that it is in included; nothing is taken."""
        published = self._published(ring)
        first = max(0, published - min(count, self.events - SLACK))
        found = events(self._copy(ring, first, published + 1))
        if len(found) > 1 and (found[-1].left or found[-1].entered < found[-2].left):
            found.pop()  # of an earlier round
        return found if found[-1].entered else []


def events(data):
    return [Event(*fields) for fields in EVENT.iter_unpack(data)]
