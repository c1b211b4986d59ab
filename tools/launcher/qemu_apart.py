# SPDX-License-Identifier: Apache-2.0
"""A run whose guest has its UART apart from QEMU's stdin and stdout, which belong to whatever else QEMU's
command line gives them to. Used by qemu_tool.py."""

import os
import socket

from launcher import console, session, standard_files
from launcher.streams import STDOUT


class Uart:
    """What QEMU writes there comes to us, so that Traproom's lines are found."""

    def __init__(self):
        self.ours, self.its = socket.socketpair()

    def arguments(self):
        return ["-chardev", f"socket,id=serial0,fd={self.its.fileno()}"]


def sessions(path, append):
    """The kind of session whose guest's console is that file: for session.run()."""
    class Apart(session.Session):
        its_output = None

        def __init__(self, command, *rest):
            super().__init__(command, *rest)
            self.keyboard, self.keys = True, False  # stdin is QEMU's
            self.uart = Uart()
            at = command.index("-serial")
            self.command = command[:at] + self.uart.arguments() + ["-serial", "chardev:serial0"] + command[at + 2:]
            self.sink = os.open(path, os.O_WRONLY | os.O_CREAT | (os.O_APPEND if append else os.O_TRUNC), 0o666)

        def run(self):
            end = super().run()
            if self.streams.console.last.startswith(console.ERRORS):  # it is not seen otherwise
                session.say(self.streams.console.last.decode("utf-8", "replace"))
            return end

        def _start(self):
            super()._start()
            self.process.stdout = os.fdopen(self.uart.ours.detach(), "rb", buffering=0)

        def _ends(self):
            return [*super()._ends(), self.uart]

        def _show(self, parts):
            for fd, data in parts:
                standard_files.write_all(self.sink if fd == STDOUT else fd, data)

    return Apart
