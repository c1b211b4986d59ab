# SPDX-License-Identifier: Apache-2.0
"""The guest's output on its way to the user: passed on at once, but for Traproom's own lines,
which are looked at first. Used by streams.py."""

import collections
import re

from launcher import kernel_words, report

OWN = b"[traproom] "
EXIT = OWN + b"exit: "
ERRORS = (OWN + b"error: ", EXIT + b"guest refused", EXIT + b"guest stopped",
          EXIT + b"hypervisor failed")
STATS, ANSWER, RESTART = OWN + b"exits by reason", OWN + b"break: ", OWN + b"guest resets"
ALIVE = ANSWER + b"the guest lives"
REPORT = OWN + b"report: "
RAM = re.compile(re.escape(OWN) + rb".*: \[0x([0-9a-f]+), 0x([0-9a-f]+)\] is the machine's from 0x([0-9a-f]+) on")
QUIT = b"QEMU: Terminated"  # QEMU's word after Ctrl-A X
LONGEST_LINE = 4096
RECENT_LINES = 200


class Console:
    def __init__(self, quiet, words=None, results=None):
        """To be told what the guest prints: `words`, a KernelWords, and `results`, a Results or None."""
        self.quiet = quiet
        self.words = words or kernel_words.KernelWords()
        self.results = results
        self.last = b""  # the last line that was not empty
        self.seen = False  # anything at all
        self._line = bytearray()  # the line so far
        self._held = bytearray()  # of it, what is not passed on yet
        self._passing = False  # the line is none of ours
        self._error = False  # Traproom has reported one: all it says from there on matters
        self._stats = False  # as long as it shows what was asked for
        self.answers = 0  # to breaks on the line
        self.take = lambda line: False  # a line of Traproom's that somebody else wants
        self.reports = report.Reader()
        self.own = collections.deque(maxlen=RECENT_LINES)  # Traproom's
        self.recent = collections.deque(maxlen=RECENT_LINES)  # the guest's last lines
        self.ram = []  # the guest's, as report.Report has it

    def feed(self, data):
        """Take what QEMU printed; returns what the user is to see of it now."""
        out = bytearray()
        for piece in split_lines(data):
            self.seen = True
            self._take(piece, out)
            if piece.endswith(b"\n"):
                self._end_line(out)
        return bytes(out)

    def waiting(self):
        """Is part of a line held back that may turn out to be the guest's?"""
        return bool(self._held) and not self._held.startswith(OWN) and not self.reports.going_on

    def release(self):
        """Nothing followed for a while: the user gets what is held back."""
        out = bytes(self._held)
        self._held.clear()
        self._passing = True
        return out

    def close(self):
        """QEMU has ended: the last line may lack its end."""
        out = bytearray()
        if self._line:
            self._end_line(out)
        return bytes(out)

    def _take(self, piece, out):
        if len(self._line) < LONGEST_LINE:
            self._line += piece
        if self._passing:
            out += piece
            return
        self._held += piece
        if not OWN.startswith(self._held[:len(OWN)]):
            out += self.release()

    def _end_line(self, out):
        line = bytes(self._line).strip(b"\r\n")
        if line:
            self.last = line
        if line.startswith(REPORT):
            self.reports.feed(line[len(REPORT):].decode("ascii", "replace"))
        elif line == RESTART:
            self.words.restart()
        elif line == ALIVE:
            self.words.survived()
        elif RAM.fullmatch(line) and not self.recent:  # what comes later may be the guest's
            first, last, there = (int(number, 16) for number in RAM.fullmatch(line).groups())
            self.ram.append((first, last - first + 1, there))
        elif not line.startswith(OWN):
            self.recent.append(line.decode("utf-8", "replace"))
            self._hear(self.recent[-1])
        if line.startswith(OWN):
            self.own.append(line[len(OWN):].decode("utf-8", "replace"))
        taken = line.startswith(OWN) and self.take(line)
        if self._held and not taken and not self._is_dropped(line):
            out += self._held
        self._line.clear()
        self._held.clear()
        self._passing = False

    def _hear(self, line):
        self.words.feed(line)
        if self.results:
            self.results.feed_console(line)

    def _is_dropped(self, line):
        if line.startswith(REPORT):
            return True
        if line.startswith(ERRORS):
            self._error = True
        if line.startswith((STATS, EXIT, ANSWER)):
            self._stats = line.startswith(STATS)
        self.answers += line.startswith(ANSWER)
        return self.quiet and line.startswith(OWN) and not (self._error or self._stats)


def split_lines(data):
    """At newlines only: a carriage return is part of its line."""
    pieces = data.split(b"\n")
    lines = [piece + b"\n" for piece in pieces[:-1]]
    return lines + ([pieces[-1]] if pieces[-1] else [])
