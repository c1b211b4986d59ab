# SPDX-License-Identifier: Apache-2.0
"""Our own stdin, stdout and stderr, which may be a terminal. Used by session.py, for QEMU."""

import os
import select
import termios

CHUNK = 65536


def open_standard_files():
    """One that is closed would be given to the next file that is opened."""
    for fd in range(3):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def has_terminal():
    """Can the guest's keyboard be this terminal? Not when it belongs to another job."""
    try:
        return os.isatty(0) and os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return False


def is_input_empty():
    """Is it /dev/null?"""
    return os.fstat(0).st_rdev == os.stat(os.devnull).st_rdev


class Terminal:
    """Puts the terminal back as it was: QEMU can't when it is killed."""

    def __enter__(self):
        self.saved = termios.tcgetattr(0) if has_terminal() else None
        return self

    def __exit__(self, *_):
        if self.saved:
            termios.tcsetattr(0, termios.TCSADRAIN, self.saved)
            os.set_blocking(0, True)


def write_all(fd, data):
    """To a file that may be non-blocking: QEMU makes the terminal so, and we share it."""
    while data:
        try:
            data = data[os.write(fd, data):]
        except BlockingIOError:
            select.select([], [fd], [])


class Input:
    """Our stdin on its way to QEMU's: at once, or as the relay in the guest has room for it."""

    def __init__(self, pipe, port, streams, relayed, at_end):
        self.pipe = pipe
        self.port = port
        self.streams = streams
        self.relayed = relayed
        self.at_end = at_end  # called when there is no more
        self.ended = False
        self.pending = b""  # for QEMU
        self.prompt = None  # can be read when the monitor's, which has the terminal, has ended
        os.set_blocking(pipe.fileno(), False)

    def to(self):
        """Where it goes."""
        return self.port if self.streams.by_port else self.pipe

    def wants_more(self):
        if self.ended or self.pending:
            return False
        return not self.relayed or (self.streams.pieces is not None and self.streams.pieces.room() > 0)

    def read(self):
        """Our stdin has something, or has ended."""
        try:
            # A terminal of another job, or one that is gone, gives nothing.
            readable = has_terminal() or not os.isatty(0)
            data = os.read(0, self.streams.pieces.room() if self.relayed else CHUNK) if readable else b""
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self.ended = not data
        self.pending = self.streams.pieces.cut(data) if self.relayed else data
        if self.ended:
            self.at_end()
        if self.ended and not self.relayed:
            self.pipe.close()

    def write(self):
        try:
            self.pending = self.pending[os.write(self.to().fileno(), self.pending):]
        except BlockingIOError:
            pass
        except BrokenPipeError:  # QEMU ends
            self.pending, self.ended = b"", True
