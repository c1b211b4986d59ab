# SPDX-License-Identifier: Apache-2.0
"""The process between EL2 and the models: it starts them, passes messages on, and sees to it that each
request is answered in time. Started by models.py, as a process of its own, since a model may take its time.
What goes wrong is one line to models.py, and the end."""

import json
import os
import select
import selectors
import signal
import socket
import subprocess
import sys
import time

from launcher import model_pause, model_wire as wire
from launcher.session import die_with_parent

SOCKET = "TRAPROOM_MODEL"  # the variable that tells a model's program its socket's file descriptor
LAST_MOMENT = 2.0  # seconds for a model to end when its socket does
CHUNK = 65536
WELL = "\n"  # reported when QEMU has ended
SIZES = {1: "1 byte", 2: "2 bytes", 4: "4 bytes", 8: "8 bytes"}


class Failure(Exception):
    """The run can't go on; says why."""


class Model:
    """One model's program, and what it owes."""

    def __init__(self, name, command, path):
        self.name = name
        self.device = None  # its number, once EL2 has said so
        self.owed = {}  # (message, since when) by tag
        self.process = None
        self.reader = wire.Reader(wire.OF_A_MODEL)
        self.socket = connect(name, path) if path else self._start(command)

    def _start(self, command):
        ours, its = socket.socketpair()
        try:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=sys.stderr.fileno(),
                                            env={**os.environ, SOCKET: str(its.fileno())},
                                            pass_fds=[its.fileno()], preexec_fn=die_with_parent)
        except OSError as error:
            raise Failure(f"the model {self.name} can't be started: {command[0]}: {error.strerror}") from error
        its.close()
        return ours

    def send(self, message):
        if message.type in wire.REQUESTS:
            self.owed[message.tag] = (message, time.monotonic())
        try:
            self.socket.sendall(message.pack())
        except OSError:
            pass  # it has gone, as its end of the socket says

    def heard(self, message):
        """It has said something, so it is alive; an answer settles a request."""
        now = time.monotonic()
        self.owed = {tag: (asked, now) for tag, (asked, _) in self.owed.items()}
        if message.type in (wire.ANSWER, wire.ABORT) and self.owed.pop(message.tag, None) is None:
            raise Failure(f"the model {self.name} answers what it was not asked (tag 0x{message.tag:x})")

    def oldest(self):
        """The request that waits longest, and since when; None: none."""
        return next(iter(self.owed.values()), None)

    def gone(self):
        """What to say of a model whose socket has ended."""
        if self.process is None:
            return f"the model {self.name} has closed its socket"
        try:
            status = self.process.wait(LAST_MOMENT)
        except subprocess.TimeoutExpired:
            return f"the model {self.name} has closed its socket"
        how = f"by signal {-status} ({signal.Signals(-status).name})" if status < 0 else f"with status {status}"
        return f"the model {self.name} has ended, {how}"

    def stop(self):
        self.socket.close()
        if self.process:
            try:
                self.process.wait(LAST_MOMENT)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def connect(name, path):
    ours = socket.socket(socket.AF_UNIX)
    try:
        ours.connect(path)
    except OSError as error:
        raise Failure(f"the model {name} is not there: {path}: {error.strerror}") from error
    return ours


def describe(message):
    if message.type == wire.RESET:
        return "the reset"
    if message.type == wire.TIMER:
        return "its timer"
    what = "read" if message.type == wire.READ else "write"
    return f"a {what} of {SIZES.get(message.size, message.size)} at 0x{message.address:x}"


class Hub:
    def __init__(self, channel, models, timeout, pause=None):
        self.channel = channel
        self.pause = pause  # None: the machine goes on while models work
        self.said = bytearray()  # for the machine that is stopped
        self.asked = False  # some of that is a question to EL2
        self.models = models
        self.timeout = timeout
        self.by_device = {}
        self.reader = wire.Reader((wire.NAME, wire.DATA, wire.DONE, wire.PAGE, *wire.REQUESTS))
        self.selector = selectors.DefaultSelector()
        self.selector.register(channel, selectors.EVENT_READ, None)
        if pause:
            self.selector.register(pause, selectors.EVENT_READ, pause)
        for model in models:
            self.selector.register(model.socket, selectors.EVENT_READ, model)

    def run(self):
        """Until QEMU ends. Failure: a model has failed."""
        while True:
            for key, _ in self.selector.select(self._left()):
                if key.fileobj is self.pause:
                    if not self.pause.serve():
                        return
                    self._settle()
                    continue
                data = receive(key.fileobj)
                if data is None:
                    continue
                if key.data is None and not data:
                    return
                if key.data is None:
                    self._from_el2(data)
                else:
                    self._from_model(key.data, data)
                self._settle()
            self._check_time()

    def _left(self):
        since = [model.oldest()[1] for model in self.models if model.oldest()]
        return max(0, min(since) + self.timeout - time.monotonic()) if since and self.timeout else None

    def _check_time(self):
        for model in self.models if self.timeout else ():
            if model.oldest() and time.monotonic() - model.oldest()[1] >= self.timeout:
                raise Failure(f"the model {model.name} owes an answer to {describe(model.oldest()[0])} and has said "
                              f"nothing for {self.timeout:g} s (--model-timeout)")

    def _from_el2(self, data):
        for message in self.reader.feed(data):
            if message.type == wire.PAGE:
                self.pause.set_page(message.address)
            elif message.type == wire.NAME:
                self._introduce(message.device, message.data.decode("utf-8", "replace"))
            else:
                self.by_device[message.device].send(message)

    def _introduce(self, device, name):
        for model in self.models:
            if model.name == name:
                self.by_device[device] = model
                model.device = device

    def _from_model(self, model, data):
        if not data:
            raise Failure(model.gone())
        try:
            for message in model.reader.feed(data):
                model.heard(message)
                if model.device is None:
                    refuse(model, message)
                else:
                    message.device = model.device
                    self._to_el2(message)
        except wire.Broken as why:
            raise Failure(f"the model {model.name} sends {why}, which is not in the protocol") from why
        except OSError:
            pass  # QEMU has gone: its end of the channel says so


    def _to_el2(self, message):
        if not self.pause:
            self.channel.sendall(message.pack())
            return
        self.said += message.pack()
        self.asked |= message.type in (wire.DMA_READ, wire.DMA_WRITE)

    def _settle(self):
        """The machine is stopped: once all is said that follows from what EL2 has sent, it goes on."""
        if not self.pause or not self.pause.stopped:
            return
        while select.select([self.channel], [], [], 0)[0]:
            data = receive(self.channel)
            if not data:
                return
            self._from_el2(data)
        if self.asked or not any(model.owed for model in self.models):
            self.asked = False
            self.pause.go_on(self.said[:model_pause.ROOM])
            del self.said[:model_pause.ROOM]


def refuse(model, message):
    """What a model says before the guest's tree has its device goes nowhere."""
    if message.type == wire.DMA_READ:
        model.send(wire.Message(wire.DATA, tag=message.tag))
    elif message.type == wire.DMA_WRITE:
        model.send(wire.Message(wire.DONE, tag=message.tag, value=1))


def receive(source):
    """What has come; None: nothing, since _settle() has had it; b"": the other end is gone."""
    try:
        return source.recv(CHUNK, socket.MSG_DONTWAIT)
    except BlockingIOError:
        return None
    except ConnectionError:
        return b""


def main(argv):
    setup = json.loads(argv[1])
    models = []
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the launcher's to take
    with open(setup["report"], "w", encoding="utf-8") as report, \
            socket.socket(fileno=setup["channel"]) as channel:
        try:
            for one in setup["models"]:
                models.append(Model(one["name"], one["command"], one["path"]))
            pause = None
            if setup["pause"] is not None:
                pause = model_pause.Pause(socket.socket(fileno=setup["pause"]), setup["ram"])
            Hub(channel, models, setup["timeout"], pause).run()
            report.write(WELL)
        except Failure as why:
            report.write(str(why))
        finally:
            report.flush()
            for model in models:
                model.stop()


if __name__ == "__main__":
    main(sys.argv)
