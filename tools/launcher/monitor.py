# SPDX-License-Identifier: Apache-2.0
"""QEMU's own console (QEMU, "QMP Reference Manual"), for what can't come by the guest's: a break on the
machine's UART, the machine stopped, its memory. Used by session.py."""

import json
import os
import socket
import tempfile

ANSWER = 10  # seconds


class Monitor:
    def __init__(self):
        self.ours, self.its = socket.socketpair()
        self.ours.settimeout(ANSWER)
        self.lines = None

    def arguments(self):
        return ["-chardev", f"socket,id=monitor,fd={self.its.fileno()}", "-mon",
                "chardev=monitor,mode=control"]

    def send_break(self):
        """On the machine's UART, of the line and not of its bytes. False: QEMU does not answer."""
        return self._try("chardev-send-break", id="serial0")

    def stop(self):
        """All of the machine. False: QEMU does not answer."""
        return self._try("stop")

    def resume(self):
        return self._try("cont")

    def read_memory(self, address, size):
        """The machine's, at a physical address; OSError: there is none, or QEMU does not answer."""
        with tempfile.NamedTemporaryFile(prefix="traproom-") as file:
            self._execute("pmemsave", val=address, size=size, filename=os.path.realpath(file.name))
            data = file.read()
        if len(data) != size:
            raise OSError("QEMU gives less of the machine's memory than it has")
        return data

    def _try(self, command, **arguments):
        try:
            self._execute(command, **arguments)
        except OSError:
            return False
        return True

    def _execute(self, command, **arguments):
        if self.lines is None:
            self.lines = self.ours.makefile("rw", encoding="utf-8")
            self.lines.readline()  # its greeting
            self._execute("qmp_capabilities")
        request = {"execute": command}
        if arguments:
            request["arguments"] = arguments
        self.lines.write(json.dumps(request) + "\n")
        self.lines.flush()
        answer = ""
        while '"return"' not in answer:  # events may come before
            answer = self.lines.readline()
            if not answer or '"error"' in answer:
                raise OSError("QEMU does not do what its monitor is asked")
