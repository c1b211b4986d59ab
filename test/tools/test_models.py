#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""--model: nodes and QEMU's arguments; and the processes that play devices, with the test as EL2."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import unittest

from support import LIMIT, REPO, DeviceTest, compile_dts, RunTest

from launcher import machine, model_pause, model_wire as wire  # pylint: disable=wrong-import-order

TOY = """
COMPATIBLE = ["acme,toy-2", "acme,toy"]
SIZE = 0x20000
PROPERTIES = {"clock-frequency": 100000, "flag": None, "pair": [1, 2], "eeprom@50": {"reg": 0x50}}

stored = {}

def read(offset, size):
    if offset == 0x100:
        raise device.Abort
    if offset == 0x108:
        return int.from_bytes(device.dma_read(0x48000000, 3000)[-2:], "little")
    if offset == 0x110:
        try:
            device.dma_read(0, 4)
        except device.DmaError:
            return 77
    if offset == 0x118:
        return device.now()
    return stored.get(offset, 0)

def write(offset, size, value):
    stored[offset] = value
    if offset == 0x200:
        device.irq.set(value)
    if offset == 0x208:
        device.dma_write(value, b"x" * 2049)
    if offset == 0x210:
        device.after(value, expired)
        device.after(2 * value, expired)
    if offset == 0x218:
        device.irq.pulse()
    if offset == 0x220:
        import os, signal
        os.kill(os.getpid(), signal.SIGKILL)
    if offset == 0x228:
        device.cancel(expired)

def expired():
    device.log("expired")
    device.irq.raise_()

def reset():
    stored.clear()
"""


class Hub:
    """The hub as a process, and EL2's end of the channel."""

    def __init__(self, test, *models, timeout=LIMIT, named=True, stopping=False):
        self.ours, its = socket.socketpair()
        self.report, reports = os.pipe()
        test.addCleanup(self.ours.close)
        test.addCleanup(os.close, self.report)
        self.stop, stops = socket.socketpair()
        self.stop.settimeout(LIMIT)
        ram = machine.Ram()
        ram.share(3 * model_pause.PAGE)
        self.ram = ram.file
        given = [its.fileno(), reports, stops.fileno(), self.ram.fileno()]
        setup = {"channel": its.fileno(), "report": reports, "timeout": timeout,
                 "pause": stops.fileno() if stopping else None, "ram": self.ram.fileno(),
                 "models": [{"path": None, "command": None, **model} for model in models]}
        self.process = subprocess.Popen([sys.executable, "-B", "-m", "launcher.model_hub", json.dumps(setup)],
                                        pass_fds=given, stderr=subprocess.PIPE,
                                        env={**os.environ, "PYTHONPATH": os.path.join(REPO, "tools")})
        test.addCleanup(self.process.stderr.close)
        test.addCleanup(self.process.wait)
        test.addCleanup(self.process.kill)
        for end in (self.stop, self.ram):
            test.addCleanup(end.close)
        its.close()
        stops.close()
        os.close(reports)
        self.reader = wire.Reader(wire.OF_A_MODEL)
        self.ours.settimeout(LIMIT)
        self.come = []
        self.tag = 0
        self.epoch = 0
        for device, model in enumerate(models if named else ()):
            self.name(device, model["name"])

    def name(self, device, name):
        self.say(wire.NAME, device=device, size=len(name), data=name.encode())

    def say(self, kind, **fields):
        try:
            self.ours.sendall(wire.Message(kind, epoch=self.epoch, **fields).pack())
        except BrokenPipeError:
            pass

    def hear(self):
        """The next message from a model."""
        while not self.come:
            data = self.ours.recv(65536)
            if not data:
                raise EOFError
            self.come += self.reader.feed(data)
        return self.come.pop(0)

    def ask(self, kind, **fields):
        """The answer to a request, and what came before it."""
        self.tag += 0x100
        self.say(kind, tag=self.tag, **fields)
        before = []
        while True:
            message = self.hear()
            if message.type in (wire.ANSWER, wire.ABORT) and message.tag == self.tag:
                return message, before
            before.append(message)

    def read(self, offset, size=4, device=0):
        return self.ask(wire.READ, address=offset, size=size, device=device)[0].value

    def write(self, offset, value, size=4, device=0):
        return self.ask(wire.WRITE, address=offset, size=size, value=value, device=device)[1]

    def as_qemu(self, request, data=b"", flags=model_pause.VERSION):
        """The answer to a request of vhost-user."""
        self.stop.sendall(model_pause.HEAD.pack(request, flags, len(data)) + data)
        kind, flags, size = model_pause.HEAD.unpack(self.stop.recv(model_pause.HEAD.size, socket.MSG_WAITALL))
        assert kind == request and flags & model_pause.REPLY
        return self.stop.recv(size, socket.MSG_WAITALL)

    def stop_machine(self):
        """What EL2 finds when it goes on."""
        self.as_qemu(model_pause.SET_CONFIG, bytes(13), model_pause.VERSION | model_pause.NEED_REPLY)
        page = os.pread(self.ram.fileno(), model_pause.PAGE, 2 * model_pause.PAGE)
        return list(self.reader.feed(page[4:4 + int.from_bytes(page[:4], "little")]))

    def failure(self):
        """What it says at its end."""
        self.process.wait(LIMIT)
        return os.read(self.report, 4096).decode()


class Model(RunTest):
    """Models as processes, by the hub."""

    def python(self, name, text):
        path = self.write(name + ".py", text.encode())
        return {"name": name, "command": [sys.executable, "-B", "-m", "launcher.model_runner", path, name]}

    def toy(self, **options):
        return Hub(self, self.python("toy", TOY), **options)

    def test_registers(self):
        hub = self.toy()
        hub.ask(wire.RESET)
        self.assertEqual(hub.write(8, 0x1234), [])
        self.assertEqual(hub.read(8), 0x1234)
        self.assertEqual(hub.read(8, size=1), 0x34)
        self.assertEqual(hub.ask(wire.READ, address=0x100, size=4)[0].type, wire.ABORT)
        self.assertEqual(hub.ask(wire.READ, address=0x118, size=8, time=99)[0].value, 99)
        hub.epoch = 1
        self.assertEqual(hub.ask(wire.RESET)[0].epoch, 1)
        self.assertEqual(hub.read(8), 0)
        hub.ours.shutdown(socket.SHUT_RDWR)
        self.assertEqual(hub.failure(), "\n")
        self.assertEqual(hub.process.returncode, 0)

    def test_interrupt(self):
        hub = self.toy()
        hub.ask(wire.RESET)
        for value in (1, 0):
            self.assertEqual([(m.type, m.value) for m in hub.write(0x200, value)], [(wire.IRQ, value)])
        self.assertEqual([m.value for m in hub.write(0x218, 0)], [1, 0])

    def test_reading_memory(self):
        hub = self.toy()
        hub.ask(wire.RESET)
        hub.say(wire.READ, tag=0x1001, address=0x108, size=4)
        first = hub.hear()
        self.assertEqual((first.type, first.address, first.size), (wire.DMA_READ, 0x48000000, wire.DATA_MAX))
        hub.say(wire.READ, tag=0x1002, address=8, size=4)  # it waits
        hub.say(wire.DATA, tag=first.tag, size=first.size, data=b"\0" * first.size)
        second = hub.hear()
        self.assertEqual((second.address, second.size), (0x48000000 + wire.DATA_MAX, 3000 - wire.DATA_MAX))
        hub.say(wire.DATA, tag=second.tag, size=second.size, data=b"\0" * (second.size - 2) + b"\x11\x22")
        self.assertEqual([(hub.hear()).value for _ in range(2)], [0x2211, 0])

    def test_refused_memory(self):
        hub = self.toy()
        hub.ask(wire.RESET)
        hub.say(wire.READ, tag=0x1001, address=0x110, size=4)
        hub.say(wire.DATA, tag=hub.hear().tag)
        self.assertEqual(hub.hear().value, 77)

    def test_writing_memory(self):
        hub = self.toy()
        hub.ask(wire.RESET)
        hub.say(wire.WRITE, tag=0x1001, address=0x208, size=8, value=0x48000010)
        for size in (2048, 1):
            message = hub.hear()
            self.assertEqual((message.type, message.data), (wire.DMA_WRITE, b"x" * size))
            hub.say(wire.DONE, tag=message.tag)
        self.assertEqual(hub.hear().tag, 0x1001)

    def test_timers(self):
        hub = self.toy()
        hub.ask(wire.RESET)
        messages = hub.ask(wire.WRITE, address=0x210, size=4, value=50, time=1000)[1]
        self.assertEqual([(m.type, m.value) for m in messages], [(wire.SET_TIMER, 1050)] * 2)
        messages = hub.ask(wire.TIMER, time=1060)[1]
        self.assertEqual([(m.type, m.value) for m in messages], [(wire.IRQ, 1), (wire.SET_TIMER, 1100)])
        self.assertEqual([m.value for m in hub.ask(wire.WRITE, address=0x228, size=4, value=0)[1]], [0])
        self.assertEqual(hub.ask(wire.TIMER, time=1200)[1][0].value, 0)

    def test_two(self):
        hub = Hub(self, self.python("toy", TOY), self.python("other", "def read(offset, size): return 5"))
        self.assertEqual([hub.read(8, device=1), hub.read(8, device=0)], [5, 0])
        self.assertEqual(hub.ask(wire.RESET, device=1)[0].device, 1)

    def test_too_early(self):
        """What a model says before EL2 has named it has no effect."""
        text = f"""
device.irq.raise_()
said = 0
for do in (lambda: device.dma_read(0x48000000, 4), lambda: device.dma_write(0x48000000, b"x")):
    try:
        do()
    except device.DmaError:
        said += 1
open({self.path("done")!r}, "w").close()
def read(offset, size): return said
"""
        hub = Hub(self, self.python("early", text), named=False)
        while not os.path.exists(self.path("done")):
            time.sleep(0.01)
        hub.name(0, "early")
        self.assertEqual(hub.read(0), 2)

    def test_stopping(self):
        """Nothing comes by the channel: it is there when the machine goes on."""
        hub = self.toy(stopping=True)
        features = int.from_bytes(hub.as_qemu(model_pause.GET_FEATURES), "little")
        self.assertTrue(features & model_pause.PROTOCOL_FEATURES)
        self.assertEqual(hub.as_qemu(model_pause.GET_CONFIG, bytes(range(60))), bytes(range(60)))
        hub.say(wire.PAGE, address=model_pause.RAM + 2 * model_pause.PAGE)
        hub.say(wire.RESET, tag=0xff)
        self.assertEqual([m.type for m in hub.stop_machine()], [wire.ANSWER])
        self.assertEqual(hub.stop_machine(), [])
        hub.say(wire.WRITE, tag=1, address=0x200, size=4, value=1)
        self.assertEqual([m.type for m in hub.stop_machine()], [wire.IRQ, wire.ANSWER])
        hub.say(wire.READ, tag=1, address=0x110, size=4)
        asked = hub.stop_machine()
        self.assertEqual([m.type for m in asked], [wire.DMA_READ])
        hub.say(wire.DATA, tag=asked[0].tag)
        self.assertEqual([m.value for m in hub.stop_machine()], [77])
        hub.stop.shutdown(socket.SHUT_RDWR)
        self.assertEqual(hub.failure(), "\n")

    def test_class(self):
        text = "class Model:\n    def __init__(self, device): self.n = 3\n    def read(self, offset, size): return self.n"
        self.assertEqual(Hub(self, self.python("one", text)).read(0), 3)

    def test_killed(self):
        hub = self.toy()
        hub.say(wire.WRITE, tag=1, address=0x220, size=4)
        self.assertEqual(hub.failure(), f"the model toy has ended, by signal {int(signal.SIGKILL)} (SIGKILL)")

    def test_mistake(self):
        hub = Hub(self, self.python("toy", "def read(offset, size): return 1 / 0"))
        hub.say(wire.READ, tag=1, address=0, size=4)
        self.assertEqual(hub.failure(), "the model toy has ended, with status 1")
        self.assertIn(b"ZeroDivisionError", hub.process.stderr.read())

    def test_hangs(self):
        hub = Hub(self, self.python("toy", "def read(offset, size):\n    while True: pass"), timeout=0.5)
        hub.say(wire.READ, tag=1, address=0x14, size=2)
        self.assertEqual(hub.failure(), "the model toy owes an answer to a read of 2 bytes at 0x14 and has said "
                         "nothing for 0.5 s (--model-timeout)")

    def test_rubbish(self):
        for text, words in (("b'\\377' * 40", "sends a message of type 65535, which is not in the protocol"),
                            ("wire.Message(wire.ANSWER, tag=9).pack()", "answers what it was not asked (tag 0x9)"),
                            ("wire.Message(wire.DMA_WRITE, size=1 << 31).pack()", "2147483648 bytes of data")):
            hub = Hub(self, self.python("toy", f"from launcher import model_wire as wire\ndef read(offset, size): "
                                        f"device._stream.sendall({text})"))
            hub.say(wire.READ, tag=1, address=0, size=4)
            self.assertIn(words, hub.failure())

    def test_no_program(self):
        self.assertIn("can't be started: /none: No such file",
                      Hub(self, {"name": "toy", "command": ["/none"]}).failure())
        self.assertIn("the model toy is not there: /none: No such file",
                      Hub(self, {"name": "toy", "path": "/none"}).failure())

    def test_socket(self):
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(self.path("socket"))
            server.listen()
            server.settimeout(LIMIT)
            hub = Hub(self, {"name": "toy", "path": self.path("socket")})
            stream, _ = server.accept()
            hub.say(wire.READ, tag=0x101, address=0, size=4)
            asked = wire.Message(*wire.HEAD.unpack(stream.recv(wire.HEAD.size, socket.MSG_WAITALL)))
            self.assertEqual((asked.type, asked.tag), (wire.READ, 0x101))
            stream.sendall(wire.Message(wire.ANSWER, tag=0x101, value=8).pack())
            self.assertEqual(hub.hear().value, 8)
            stream.close()
            self.assertEqual(hub.failure(), "the model toy has closed its socket")


class Option(DeviceTest):
    def model(self, name, text=TOY):
        return self.write(name, text.encode())

    def node(self, name):
        return next(node for node in self.tree().root.walk() if node.name == name)

    def test_node(self):
        other = self.model("b.py", "COMPATIBLE = 'acme,b'\nINTERRUPTS = 0")
        self.runs("--model", self.model("toy.py"), "--model", f"x={other}", "--model", f"y={other},interrupts=1,size=8")
        node = self.node("toy@c000000")
        self.assertEqual(node.texts("compatible"), ["acme,toy-2", "acme,toy"])
        self.assertEqual(node.properties["reg"].hex(), "000000000c0000000000000000020000")
        self.assertEqual(node.properties["interrupts"].hex(), "000000000000007000000004")
        self.assertEqual([node.properties[name].hex() for name in ("clock-frequency", "flag", "pair")],
                         ["000186a0", "", "0000000100000002"])
        self.assertEqual(node.child("eeprom").u32("reg", 0), 0x50)
        self.assertEqual(node.text("traproom,model"), "toy")
        self.assertNotIn("interrupts", self.node("x@c020000").properties)
        self.assertEqual(self.node("y@c030000").properties["interrupts"].hex(), "000000000000007100000004")

    def test_channel(self):
        self.runs("--model", self.model("toy.py"), "--rng")
        self.assertEqual(self.tree().number(self.tree().chosen, "traproom,channel"), 0x0A000000 + 31 * 0x200)
        self.assertIn("virtio-serial-device,id=models,max_ports=1,bus=virtio-mmio-bus.31", self.devices())
        self.runs("--rng")
        self.assertNotIn("traproom,channel", self.tree().chosen.properties)

    def test_stopping(self):
        self.runs("--icount", "--model", self.model("toy.py"))
        self.assertEqual(self.tree().number(self.tree().chosen, "traproom,pause"), 0x0A000000 + 30 * 0x200)
        self.assertIn("vhost-user-blk,chardev=pause,num-queues=1,bus=virtio-mmio-bus.30", self.devices())
        self.assertRegex(self.values("-object")[0], "memory-backend-file,id=ram,.*mem-path=/proc/self/fd/[0-9]+,share=on")

    def test_own_tree(self):
        with open(os.path.join(REPO, "dts", "virt.dts"), encoding="utf-8") as file:
            source = file.read()
        tree = self.write("tree.dtb", compile_dts(source + """
            / { mine@20000000 { compatible = "virtio,mmio"; reg = <0 0x20000000 0 0x200>; traproom,model = "toy"; }; };
        """))
        self.refused("/mine@20000000 of .* is modelled by 'toy': add --model toy=FILE", "--dtb", tree)
        self.runs("--dtb", tree, "--model", self.model("toy.py", ""))
        self.assertNotIn("toy", [node.name.split("@")[0] for node in self.tree().root.walk()])
        self.assertEqual(len(self.tree().virtio_nodes()), 2)

    def test_refused(self):
        toy = self.model("toy.py")
        for words, *options in (("there is no file", "--model", "/none"), ("does not go with --bare", "--model", toy, "--bare"),
                                ("two models have the name toy", "--model", toy, "--model", toy),
                                ("neither a Python file", "--model", self.model("toy.txt")),
                                ("does not say what it is compatible to", "--model", self.model("mute.py", "")),
                                ("no room", "--model", toy + ",size=0x2000000", "--model", f"two={toy}"),
                                ("0 or 1 interrupts", "--model", toy + ",interrupts=2"),
                                ("is no number", "--model", toy + ",size=big"),
                                ("'x' is none of", "--model", toy + ",x"),
                                ("say which device it is", "--model", "unix:/"),
                                ("--model-timeout.*not a number of seconds", "--model-timeout", "x")):
            self.refused(words, *options)
        status, _, err = self.run_launcher("--model", self.model("bad.py", "import nothing_such"))
        self.assertEqual(status, 1)
        self.assertIn("the file can't be loaded:", err)
        self.assertIn("nothing_such", err)

    def test_failure(self):
        """A model that dies ends the run, though QEMU goes on."""
        status, _, err = self.run_launcher("--model", self.model("toy.py", "COMPATIBLE = 'x'\nif device: exit(4)"),
                                           program="import time; time.sleep(1000)")
        self.assertEqual(status, 119)
        self.assertIn("the model toy has ended, with status 4", err)


if __name__ == "__main__":
    unittest.main()
