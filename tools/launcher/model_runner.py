# SPDX-License-Identifier: Apache-2.0
"""Runs a model that is a Python file: the process of its own in which it is. Started by model_hub.py;
docs/models.md says what such a file has.

    python3 -m launcher.model_runner FILE.py               the model, on the socket that TRAPROOM_MODEL names
    python3 -m launcher.model_runner --describe FILE.py    as JSON, what its node in the guest's tree has
"""

import collections
import heapq
import itertools
import json
import os
import runpy
import socket
import sys

from launcher import model_wire as wire

CHUNK = 65536
LARGEST = {1: 0xFF, 2: 0xFFFF, 4: 0xFFFFFFFF, 8: 0xFFFFFFFFFFFFFFFF}


class Abort(Exception):
    """Raised by a model's read() or write(): the guest gets an external abort."""


class DmaError(Exception):
    """The guest has no RAM there."""


class Ended(Exception):
    """The run is over."""


class Irq:
    """The device's interrupt, a level."""

    def __init__(self, say):
        self._say = say

    def set(self, level):
        self._say(wire.Message(wire.IRQ, value=int(bool(level))))

    def raise_(self):
        self.set(True)

    def lower(self):
        self.set(False)

    def pulse(self):
        """For an interrupt that the tree says is edge-triggered."""
        self.set(True)
        self.set(False)


class Device:
    """What a model has of its guest: `device` in its file."""

    Abort, DmaError = Abort, DmaError

    def __init__(self, stream, name):
        self._stream = stream
        self._name = name
        self._reader = wire.Reader(range(wire.RESET, wire.DONE + 1))
        self._waiting = collections.deque()  # requests that came while another was served
        self._epoch = 0
        self._timers = []  # a heap of (when, number, what to call)
        self._numbers = itertools.count()
        self._now = 0
        self.irq = Irq(self._say)

    def now(self):
        """The guest's time in nanoseconds, as of the request that is being served."""
        return self._now

    def log(self, text):
        sys.stderr.write(f"{self._name}: {text}\n")
        sys.stderr.flush()

    def after(self, nanoseconds, function):
        """Call function() so much of the guest's time from now on; a reset forgets it."""
        heapq.heappush(self._timers, (self._now + max(1, int(nanoseconds)), next(self._numbers), function))
        self._set_timer()

    def cancel(self, function):
        """Don't call it: every after() with this function."""
        self._timers = [timer for timer in self._timers if timer[2] != function]
        heapq.heapify(self._timers)
        self._set_timer()

    def dma_read(self, address, size):
        """So many bytes of the guest's RAM. DmaError: not all of it is RAM."""
        found = b""
        for at, length in pieces(address, size):
            answer = self._ask(wire.Message(wire.DMA_READ, address=at, size=length), wire.DATA)
            if len(answer.data) != length:
                raise DmaError(f"the guest has no RAM at 0x{at:x}, 0x{length:x} bytes")
            found += answer.data
        return found

    def dma_write(self, address, data):
        """Put the bytes into the guest's RAM. DmaError: not all of it is RAM; what is before has them."""
        for at, length in pieces(address, len(data)):
            part = bytes(data[at - address:at - address + length])
            if self._ask(wire.Message(wire.DMA_WRITE, address=at, size=length, data=part), wire.DONE).value != 0:
                raise DmaError(f"the guest has no RAM at 0x{at:x}, 0x{length:x} bytes")

    def serve(self, model):
        """Until the run is over."""
        while True:
            self._answer(self._waiting.popleft() if self._waiting else self._receive(), model)

    def _say(self, message):
        message.epoch = self._epoch
        try:
            self._stream.sendall(message.pack())
        except OSError as error:
            raise Ended from error

    def _receive(self):
        """The next message."""
        while True:
            for message in self._reader.feed(b""):
                return message
            data = self._stream.recv(CHUNK)
            if not data:
                raise Ended
            self._waiting.extend(self._reader.feed(data))
            if self._waiting:
                return self._waiting.popleft()

    def _ask(self, message, kind):
        """What EL2 answers. Requests that come meanwhile wait."""
        message.tag = next(self._numbers) & 0xFFFFFFFF
        self._say(message)
        later = collections.deque()
        while True:
            answer = self._waiting.popleft() if self._waiting else self._receive()
            if answer.type == kind and answer.tag == message.tag:
                later.extend(self._waiting)
                self._waiting = later
                return answer
            later.append(answer)

    def _answer(self, request, model):
        self._now = request.time
        try:
            value = self._serve_one(request, model)
            answer = wire.Message(wire.ANSWER, tag=request.tag, value=value)
        except Abort:
            answer = wire.Message(wire.ABORT, tag=request.tag)
        self._say(answer)

    def _serve_one(self, request, model):
        if request.type == wire.READ:
            value = model.read(request.address, request.size)
            return int(value or 0) & LARGEST[request.size]
        if request.type == wire.WRITE:
            model.write(request.address, request.size, request.value)
        elif request.type == wire.RESET:
            self._epoch, self._timers = request.epoch, []
            model.reset()
        elif request.type == wire.TIMER:
            self._call_timers()
        return 0

    def _call_timers(self):
        while self._timers and self._timers[0][0] <= self._now:
            heapq.heappop(self._timers)[2]()
        self._set_timer()

    def _set_timer(self):
        self._say(wire.Message(wire.SET_TIMER, value=self._timers[0][0] if self._timers else 0))


def pieces(address, size):
    """(address, size) of the parts that one message has room for."""
    for at in range(0, size, wire.DATA_MAX):
        yield address + at, min(wire.DATA_MAX, size - at)


class Module:
    """A model whose file has functions rather than a class Model."""

    def __init__(self, names):
        self.read = names.get("read", lambda offset, size: 0)
        self.write = names.get("write", lambda offset, size, value: None)
        self.reset = names.get("reset", lambda: None)


def load(path, device):
    """The names in the file, which sees `device`."""
    sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
    return runpy.run_path(path, {"device": device}, "model")


def describe(path):
    names = load(path, None)
    return {"compatible": names.get("COMPATIBLE"), "size": names.get("SIZE", 0x1000),
            "interrupts": names.get("INTERRUPTS", 1), "properties": names.get("PROPERTIES", {})}


def main(argv):
    if argv[1] == "--describe":
        json.dump(describe(argv[2]), sys.stdout, default=list)
        return
    path = argv[1]
    with socket.socket(fileno=int(os.environ.pop("TRAPROOM_MODEL"))) as stream:
        device = Device(stream, argv[2])
        names = load(path, device)
        model = names["Model"](device) if "Model" in names else Module(names)
        try:
            device.serve(model)
        except (Ended, ConnectionError, KeyboardInterrupt):
            pass


if __name__ == "__main__":
    main(sys.argv)
