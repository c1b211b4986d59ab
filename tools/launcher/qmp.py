# SPDX-License-Identifier: Apache-2.0
"""QEMU's own console (QEMU, "QMP Reference Manual"), for what can't come by the guest's: a break on the
machine's UART, the machine stopped, its memory. Used by session.py."""

import json
import os
import socket
import tempfile

ANSWER = 60  # seconds: it may have to write memory to a busy disk
CHUNK = 4096


class Qmp:
    def __init__(self, holds):
        """`holds`: a machine that goes off keeps its memory, until quit()."""
        self.ours, self.its = socket.socketpair()
        self.ours.settimeout(ANSWER)
        self.is_off = False  # the machine, and it is held
        self.holds = holds
        self._begun = b""  # a line without its end
        self._requests = 0
        self._answer = {}  # the latest

    def arguments(self):
        found = ["-chardev", f"socket,id=monitor,fd={self.its.fileno()}", "-mon", "chardev=monitor,mode=control"]
        return found + ["-action", "shutdown=pause"] if self.holds else found

    def fileno(self):
        return self.ours.fileno()

    def start(self):
        """Whoever has `its` tells of events once it has been asked for that."""
        self._try(self._request, "qmp_capabilities")

    def receive(self):
        """Take what has come. False: nothing more will, QEMU ends."""
        try:
            data = self.ours.recv(CHUNK)
        except ConnectionResetError:
            data = b""
        *lines, self._begun = (self._begun + data).split(b"\n")
        for line in map(json.loads, lines):
            self.is_off = self.is_off or self.holds and line.get("event") == "SHUTDOWN"
            self._answer = line if "id" in line else self._answer
        return bool(data)

    def send_break(self):
        """On the machine's UART, of the line and not of its bytes. False: QEMU does not answer."""
        return self._try(self._execute, "chardev-send-break", id="serial0")

    def stop(self):
        """All of the machine. False: QEMU does not answer."""
        return self._try(self._execute, "stop")

    def resume(self):
        return self._try(self._execute, "cont")

    def quit(self):
        """A machine that is off may go."""
        self.is_off = False
        return self._try(self._request, "quit")

    def read_memory(self, address, size):
        """The machine's, at a physical address; OSError: there is none, or QEMU does not answer."""
        with tempfile.NamedTemporaryFile(prefix="traproom-") as file:
            self._execute("pmemsave", val=address, size=size, filename=os.path.realpath(file.name))
            data = file.read()
        if len(data) != size:
            raise OSError("QEMU gives less of the machine's memory than it has")
        return data

    @staticmethod
    def _try(what, command, **arguments):
        try:
            what(command, **arguments)
        except OSError:
            return False
        return True

    def _request(self, command, **arguments):
        self._requests += 1
        request = {"execute": command, "arguments": arguments, "id": self._requests}
        self.ours.sendall(json.dumps(request).encode() + b"\n")

    def _execute(self, command, **arguments):
        self._request(command, **arguments)
        while self._answer.get("id") != self._requests:  # others, and events, may come before
            if not self.receive():
                raise OSError("QEMU has ended")
        if "error" in self._answer:
            raise OSError("QEMU does not do what its monitor is asked")
