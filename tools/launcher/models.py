# SPDX-License-Identifier: Apache-2.0
"""--model: devices whose behaviour is a program on this machine. Their nodes in the guest's tree, QEMU's
console by which EL2 reaches them, and the process that runs them, model_hub.py. Used by stage.py, machine.py
and session.py; docs/models.md is the user's page."""

import contextlib
import json
import os
import re
import socket
import struct
import subprocess
import sys

from launcher import Problem, fdt, slots
from launcher.guest_tree import MODEL
from launcher.words import Words, split

TOOLS = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
NAMED = re.compile(r"([A-Za-z0-9_.-]+)=(.*)", re.DOTALL)
UNIX = "unix:"
# Where nodes go that the launcher makes: QEMU's virt has a bus there with nothing on it, and such SPIs.
FIRST, ROOM, STEP = 0x0C000000, 0x02000000, 0x10000
SPI, FIRST_SPI, LAST_SPI, LEVEL = 0, 112, 175, 4
KEYS = ("compatible", "size", "interrupts")
SAID_MOST = 4096  # bytes of what the hub says


def python(*arguments):
    """The command that runs a module of the launcher's in a process of its own."""
    return [sys.executable, "-B", "-m", *arguments]


def environment():
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (TOOLS, os.environ.get("PYTHONPATH"))))}


class Model:
    """One --model, checked as far as can be without running it."""

    def __init__(self, text):
        self.said = f"--model {text}"
        first, *words = split(text)
        named = NAMED.fullmatch(first)
        self.name, what = named.groups() if named else (None, first)
        self.path = what[len(UNIX):] if what.startswith(UNIX) else None
        self.file = None if self.path else what
        self.name = self.name or os.path.splitext(os.path.basename(what))[0]
        if not re.fullmatch(r"[A-Za-z0-9_.-]+", self.name):
            raise Problem(f"{self.said}: say which device it is, --model NAME={what}")
        if self.file and not os.path.isfile(self.file):
            raise Problem(f"{self.said}: there is no file {self.file}")
        self.command = self._command()
        self.node = self._describe(Words(self.said, words, (), KEYS))

    def _command(self):
        if self.path:
            return None
        if self.file.endswith(".py"):
            return python("launcher.model_runner", os.path.abspath(self.file), self.name)
        if not os.access(self.file, os.X_OK):
            raise Problem(f"{self.said}: {self.file} is neither a Python file (.py) nor a program that may be run")
        return [os.path.abspath(self.file)]

    def _describe(self, words):
        """What its node has, where the tree has none."""
        node = {"compatible": None, "size": 0x1000, "interrupts": 1, "properties": {}}
        if self.file and self.file.endswith(".py"):
            done = subprocess.run(python("launcher.model_runner", "--describe", self.file), env=environment(),
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise Problem(f"{self.said}: the file can't be loaded:\n{done.stderr.rstrip()}")
            node.update(json.loads(done.stdout.splitlines()[-1]))
        node.update({key: words.value(key) for key in KEYS if words.value(key)})
        for key in ("size", "interrupts"):
            try:
                node[key] = int(str(node[key]), 0)
            except ValueError as error:
                raise Problem(f"{self.said}: {key} {node[key]!r} is no number") from error
        if node["interrupts"] not in (0, 1) or not 0 < node["size"] <= ROOM:
            raise Problem(f"{self.said}: it may have 0 or 1 interrupts, and from 1 to 0x{ROOM:x} bytes of registers")
        return node


def encode(value):
    """A property as the tree has it."""
    if value is None or value is True:
        return b""
    if isinstance(value, str):
        return value.encode() + b"\0"
    if isinstance(value, int):
        return struct.pack(">I", value)
    return b"".join(encode(item) for item in value)


def fill(node, properties):
    """What is a dictionary is a node below."""
    for name, value in properties.items():
        if isinstance(value, dict):
            child = fdt.Node(name)
            fill(child, value)
            node.children.append(child)
        else:
            node.properties[name] = encode(value)


class Models:
    """All of a run's."""

    def __init__(self, texts, timeout, bare, stops=False):
        """`stops`: the machine stops while a model works, so that the guest's time does not depend on it."""
        if texts and bare:
            raise Problem("--model needs Traproom: it does not go with --bare")
        self.models = [Model(text) for text in texts]
        self.timeout = timeout
        self.words = ""  # why one of them has ended the run
        self.stops = stops and bool(texts)
        self.ends = []  # that QEMU gets, and nobody else
        self._slots = []
        self._pause = None
        self._process = None
        names = [model.name for model in self.models]
        for name in names:
            if names.count(name) > 1:
                raise Problem(f"two models have the name {name}: say --model ANOTHER={name}...")
        if self.models:
            self._channel, its = socket.socketpair()
            self.ends.append(its)
            self._report, self._reports = os.pipe()
        if self.stops:
            self._pause, its = socket.socketpair()
            self.ends.append(its)

    def __bool__(self):
        """Are there any, and do they play?"""
        return bool(self.models) and not self.words

    def add_nodes(self, tree):
        """Each model has a node: the tree's own, or one that is made here."""
        theirs = {node.text(MODEL): node for node in tree.root.walk() if MODEL in node.properties}
        for name, node in theirs.items():
            if not any(model.name == name for model in self.models):
                raise Problem(f"/{node.name} of {tree.name} is modelled by '{name}': add --model {name}=FILE")
        at, spi = FIRST, FIRST_SPI
        for model in self.models:
            if model.name in theirs:
                continue
            if not model.node["compatible"]:
                raise Problem(f"{model.said}: {tree.name} has no node with {MODEL} = \"{model.name}\", and the "
                              "model does not say what it is compatible to (COMPATIBLE)")
            if at + model.node["size"] > FIRST + ROOM or spi > LAST_SPI:
                raise Problem(f"{model.said}: there is no room for its registers beside those of the others")
            tree.root.children.append(make_node(model, at, spi))
            at += -(-model.node["size"] // STEP) * STEP
            spi += model.node["interrupts"]

    def take_slots(self, tree, placed):
        """One of the machine's slots, which the guest does not see, leads to the models, another stops it."""
        if not self.models:
            return
        free = slots.free(tree, placed)
        properties = ["traproom,channel"] + ["traproom,pause"] * self.stops
        if len(free) < len(properties):
            raise Problem(f"{self.models[0].said}: QEMU's machine has {slots.COUNT} virtio slots, of which models "
                          f"need {len(properties)}, and devices have the others")
        self._slots = free[::-1]
        for name, slot in zip(properties, self._slots):
            tree.chosen.set_u64s(name, slots.address(slot))

    def arguments(self):
        """QEMU's, for the console that EL2 finds in its slot."""
        if not self.models:
            return []
        found = [*slots.MODERN, "-chardev", f"socket,id=models,fd={self.ends[0].fileno()}",
                 "-device", f"virtio-serial-device,id=models,max_ports=1,bus=virtio-mmio-bus.{self._slots[0]}",
                 "-device", "virtconsole,bus=models.0,chardev=models"]
        if self.stops:
            found += ["-chardev", f"socket,id=pause,fd={self.ends[1].fileno()}",
                      "-device", f"vhost-user-blk,chardev=pause,num-queues=1,bus=virtio-mmio-bus.{self._slots[1]}"]
        return found

    @contextlib.contextmanager
    def running(self, ram):
        """Meanwhile the hub runs. It ends when QEMU does. `ram`: the file that is the machine's memory, or None."""
        if self.models:
            self._start(ram)
        try:
            yield
        finally:
            if self._process:
                self._process.wait()

    def _start(self, machine_ram):
        given = [self._channel.fileno(), self._reports]
        if self.stops:
            given += [self._pause.fileno(), machine_ram.fileno()]
        pause, ram = given[2:] or (None, None)
        setup = {"channel": given[0], "report": given[1], "timeout": self.timeout, "pause": pause, "ram": ram,
                 "models": [{"name": model.name, "command": model.command, "path": model.path}
                            for model in self.models]}
        self._process = subprocess.Popen(python("launcher.model_hub", json.dumps(setup)), env=environment(),
                                         stdin=subprocess.DEVNULL, pass_fds=given)
        self._channel.close()
        if self._pause:
            self._pause.close()
        os.close(self._reports)

    def fileno(self):
        """Can be read when the run can't go on."""
        return self._report

    def read(self):
        """Is that so? Else QEMU has ended, and the hub with it."""
        said = os.read(self._report, SAID_MOST).decode("utf-8", "replace")
        self.words = said.strip() if said else "the process between Traproom and the models has failed"
        return bool(self.words)


def make_node(model, at, spi):
    node = fdt.Node(f"{model.name}@{at:x}")
    node.properties["compatible"] = encode(model.node["compatible"])
    node.set_u64s("reg", at, model.node["size"])
    if model.node["interrupts"]:
        node.properties["interrupts"] = struct.pack(">3I", SPI, spi, LEVEL)
    node.properties["dma-coherent"] = b""
    node.properties[MODEL] = encode(model.name)
    fill(node, model.node["properties"])
    return node
