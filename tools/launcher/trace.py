# SPDX-License-Identifier: Apache-2.0
"""The exits of a run, by `run --trace` and `run --ledger`: memory for them, which QEMU and we share, a thread that
empties it while the guest runs, and the files at the end. Used by cli.py; trace_ring.py reads the memory,
trace_tracks.py and ledger.py make something of it."""

import contextlib
import mmap
import os
import tempfile
import threading

from launcher import Problem, exit_words, kernel_names, layout, ledger, session, trace_file, trace_ring, trace_tracks

EVENTS = 1 << 17  # of each vCPU's ring
LATER_EVENTS = 1 << 14  # where a trace may be asked for while the guest runs
PERIOD = 0.02  # seconds between two looks
LAST = 8  # exits of a vCPU that a report shows
BATCH = trace_ring.EVENT.size << 12
COUNTS_INSTRUCTIONS = ",cntfrq=1000000000"  # of QEMU's CPU with --icount, whose nanoseconds are instructions


class Taken:
    """Exits that have been taken down; `words`: an exit_words.Namer."""

    def __init__(self, args, tree):
        self.args = args
        self.words = exit_words.Namer(tree)
        self.vcpus = len(tree.cpus())
        self.rings = None  # a trace_ring.Rings, once the guest has begun
        self._kept = tempfile.TemporaryFile(prefix="traproom-trace-")

    def take(self):
        """What has come since the last time."""
        self._kept.write(self.rings.drain())

    def events(self):
        """Those that are over, in order for each vCPU."""
        self._kept.seek(0)
        while data := self._kept.read(BATCH):
            yield from trace_ring.events(data)

    def nanoseconds(self, ticks):
        return ticks * 1_000_000_000 // self.rings.frequency

    def write(self, names):
        """The files that are wanted; `names`: a kernel_names.KernelNames."""
        if self.args.trace:
            trace_file.write(self.args.trace, trace_tracks.Tracks(self, names))
        if self.args.ledger:
            ledger.write(self.args.ledger, ledger.Ledger(self, names))
        for note in names.notes:
            session.say(note)
        if sum(self.rings.lost):
            session.say(f"the trace lacks {sum(self.rings.lost)} exits: they were not taken in time")


class Trace(Taken):
    """Of a run, from its first instruction to its end."""

    def __init__(self, args, staged):
        super().__init__(args, staged.tree)
        self.size = trace_ring.room(self.vcpus, EVENTS)
        self.address = staged.staging.take(self.size)
        staged.tree.chosen.set_u64s("traproom,trace", self.address, self.size)
        staged.tree.set_flag("traproom,trace-lossless", True)
        self._memory = None
        self._ended = threading.Event()

    @contextlib.contextmanager
    def running(self, ram):
        """`ram`: the file that is the machine's memory. Meanwhile the thread runs; then the files are written."""
        self._memory = mmap.mmap(ram.fileno(), 0)
        thread = threading.Thread(target=self._empty, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()
            self._drain()
            self._write()

    def _empty(self):
        while not self._ended.wait(PERIOD):
            self._drain()

    def _drain(self):
        if self.rings is None:
            try:
                self.rings = trace_ring.Rings(self._read, self._put)
            except ValueError:
                return
        self.take()

    def _read(self, offset, size):
        return self.machine(self.address + offset, size)

    def _put(self, offset, data):
        at = self.address - layout.MACHINE_RAM + offset
        self._memory[at:at + len(data)] = data

    def machine(self, address, size):
        """The machine's memory, from a physical address on."""
        return self._memory[address - layout.MACHINE_RAM:address - layout.MACHINE_RAM + size]

    def events(self):
        """With those in which the vCPUs ended."""
        yield from super().events()
        for ring in range(self.vcpus):
            yield from (event for event in self.rings.last(ring, 1) if not event.left)

    def last(self, name):
        """The last exits of each vCPU as text, of a guest that stands still; `name(address)` names a place in it."""
        if self.rings is None:
            return ""
        lines = ["---- the last exits, from the trace ----"]
        for ring in range(self.vcpus):
            found = self.rings.last(ring, LAST)
            lines += [f"vCPU {ring}"] * bool(found) + [f"  {self._line(event, found[-1], name)}" for event in found]
        return "\n".join(lines) + "\n"

    def _line(self, event, latest, name):
        words = self.words.words(event)
        what = trace_tracks.title(words) + (f" of {words.device}, 0x{event.value:x}" if words.device else "")
        given = self.words.given(event)
        return (f"{(event.entered - latest.entered) / self.rings.frequency:12.6f} s  {what}" +
                (f", which gave it {given}" if given else "") + f", at {name(event.pc)}")

    def _write(self):
        if self.rings is None:
            session.say("no trace: the guest did not begin")
            return
        names = kernel_names.KernelNames.in_memory(self.rings.ram, self.machine, self.args.symbols)
        self.write(names)
        if self.args.icount and self.rings.waited():
            session.say("the guest had to wait for its trace to be read: its counts of instructions are not exact")


def running(staged):
    """A context in which the staged guest's exits are taken down, if that is asked for."""
    return staged.trace.running(staged.ram.file) if staged.trace else contextlib.nullcontext()


def add(args, staged):
    """The staged guest with what --trace and --ledger ask for."""
    if not args.trace and not args.ledger:
        return staged
    if args.bare or args.bundle:
        raise Problem("--trace and --ledger need Traproom, and a guest that is not in a bundle")
    for path in filter(None, (args.trace, args.ledger)):
        if not os.access(os.path.dirname(os.path.abspath(path)), os.W_OK):
            raise Problem(f"{path} can't be written")
    if args.icount and args.cpu.startswith("max"):
        args.cpu += COUNTS_INSTRUCTIONS
    return staged._replace(trace=Trace(args, staged))


def offer(staged):
    """Memory for a trace that a monitor may want later, in the guest's tree."""
    if staged.monitor and not staged.trace:
        size = trace_ring.room(len(staged.tree.cpus()), LATER_EVENTS)
        staged.tree.chosen.set_u64s("traproom,trace", staged.staging.take(size), size)
        staged.tree.set_flag("traproom,trace-later", True)
