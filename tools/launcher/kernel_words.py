# SPDX-License-Identifier: Apache-2.0
"""What a guest's Linux says of itself on the console: a panic, an oops, a warning. A pure reading of
lines; console.py feeds it, verdict.py judges by it, docs/verdicts.md tells it.

A line is the kernel's when it has printk's time stamp ("[   12.345678] "), as all of a kernel's lines
have that has printed one before, and when that time fits: not before what the kernel has said last, nor
in the future. So a program that prints such words, or an old dmesg, is not taken for the kernel.
"""

import dataclasses
import re

PANIC, OOPS, WARNING = "panicked", "oopsed", "warned"

STAMP = re.compile(r"\[ *(\d+\.\d{6})\](?:\[ *[TC]\d+\])? ")
DISORDER = 1.0  # seconds by which lines of several CPUs may be out of order
HASTE = 5.0  # and by which a guest's clock may be ahead of ours

PANIC_HEAD = re.compile(r"Kernel panic - not syncing: (.*?)\s*")
PANIC_END = re.compile(r"---\[ end Kernel panic - not syncing: (.*?) \]---\s*")
REPORT_END = re.compile(r"---\[ end trace ")
ORDERLY_END = re.compile(r"reboot: (Restarting system|Power down)|machine restart")
MOST_WARNINGS = 1000  # that are kept
REPORT_LINES = 60  # within which a report says where it was

# What makes a report, with its kind and what it is called. The first that fits; group 1 is quoted, if
# there is one.
REPORTS = tuple((kind, name, re.compile(pattern)) for kind, name, pattern in (
    (OOPS, "oops", r"Unable to handle kernel .*"),
    (OOPS, "BUG", r"kernel BUG at .*"),
    (OOPS, "oops", r"Internal error: (.*?) \[#\d+\].*"),
    (WARNING, "KASAN", r"BUG: KASAN: .*"),
    (WARNING, "KFENCE", r"BUG: KFENCE: .*"),
    (WARNING, "KMSAN", r"BUG: KMSAN: .*"),
    (WARNING, "KCSAN", r"BUG: KCSAN: .*"),
    (WARNING, "UBSAN", r"UBSAN: .* in .*"),
    (WARNING, "soft lockup", r"(?:watchdog: )?BUG: (soft lockup - CPU#\d+ stuck for .*)"),
    (WARNING, "hard lockup", r"(?:watchdog: )?(Watchdog detected hard LOCKUP on .*)"),
    (WARNING, "RCU stall", r"(?:rcu: )?INFO: (rcu\w* (?:self-)?detected .*stall.*)"),
    (WARNING, "hung task", r"INFO: (task .+ blocked (?:in I/O wait )?for more than \d+ seconds.*)"),
    (WARNING, "lockdep", r"WARNING: ((?:possible .*lock.*|.*(?:lock state|unlock balance).*|suspicious RCU "
                         r"usage.*|.*unsafe lock order.*|held lock freed.*|lock held when returning.*|"
                         r"Nested lock was not taken.*|bad contention detected.*))"),
    (WARNING, "lockdep", r"INFO: (trying to register non-static key.*)"),
    (WARNING, "WARN", r"WARNING: (?:CPU: \d+ PID: \d+ )?(?:at )?\S+:\d+ .*"),
    (WARNING, "BUG", r"BUG: (?:sleeping function called from|scheduling while atomic|spinlock |rwlock |"
                     r"workqueue |Bad |unable to |using |non-zero |KSTK|Dentry |lock held|stack ).*"),
    (WARNING, "kmemleak", r"kmemleak: \d+ new suspected memory leaks.*"),
))

STALLS = ("soft lockup", "hard lockup", "RCU stall", "hung task")  # of which some make no end

WHO = re.compile(r"CPU: (\d+) (?:UID: \d+ )?PID: (\d+) Comm: (.+?) (?:Tainted: |Not tainted |Kdump: )")
WHERE = re.compile(r"pc : (\S+)( \[\S+\])?")


@dataclasses.dataclass
class Report:
    kind: str
    name: str
    words: str
    who: str = ""
    where: str = ""

    def __str__(self):
        """In one line: what, which process, where."""
        place = ", ".join(part for part in (self.who, self.where) if part)
        return self.words + (f" ({place})" if place else "")


class KernelWords:
    def __init__(self, clock=None):
        """`clock`: seconds since the machine was started, as much as the guest can have; None: unknown."""
        self.panic = None  # the Report
        self.rests = False  # it has said all it says when it panics
        self.oops = None  # the first one
        self.warnings = []
        self.complete = True  # no report is being printed
        self._clock = clock
        self._stamped = False
        self._last = 0.0  # the latest time stamp
        self._report = None  # its details may follow
        self._lines = 0

    def stall(self):
        """The first one, or None."""
        return next((report for report in self.warnings if report.name in STALLS), None)

    def restart(self):
        """The guest starts again: so does its clock, and what it said of its end is over."""
        self._last, self._report, self.complete = 0.0, None, True
        self.panic, self.rests = None, False

    def survived(self):
        """It goes on after all: what looked like a panic was none."""
        self.panic, self.rests = None, False

    def feed(self, line):
        """Take one line of the console, without its end."""
        text = self._spoken(line)
        if text is None:
            return
        if ORDERLY_END.match(text):
            self.survived()
        elif PANIC_END.fullmatch(text) or PANIC_HEAD.fullmatch(text):
            self._take_panic(text)
        else:
            self._take_report(text)

    def _spoken(self, line):
        """The kernel's words of it, if they are."""
        for found in reversed(list(STAMP.finditer(line))):
            at = float(found.group(1))
            if self._last - DISORDER <= at <= (self._clock() + HASTE if self._clock else at):
                self._stamped, self._last = True, max(self._last, at)
                return line[found.end():]
        return None if self._stamped else line

    def _take_panic(self, text):
        end = PANIC_END.fullmatch(text)
        if self.panic is None:
            words = (end or PANIC_HEAD.fullmatch(text)).group(1)
            self.panic = Report(PANIC, "panic", words)
            if self._report and self._report.kind == OOPS:
                self.panic.who, self.panic.where = self._report.who, self._report.where
            self._report, self._lines = self.panic, 0
        self.rests = self.rests or bool(end)

    def _take_report(self, text):
        for kind, name, pattern in REPORTS:
            found = pattern.fullmatch(text)
            if found:
                words = next((group for group in found.groups() if group), found.group())
                self._begin(Report(kind, name, words.strip()))
                return
        self._add_details(text)

    def _begin(self, report):
        """An oops has several such lines: they are one."""
        follows = self._report is not None and not self.complete and self._report.kind == report.kind == OOPS
        if self.panic or follows:
            return
        self._report, self._lines, self.complete = report, 0, False
        if report.kind == WARNING:
            self.warnings = (self.warnings + [report])[:MOST_WARNINGS]
        elif self.oops is None:
            self.oops = report

    def _add_details(self, text):
        if self._report is None:
            return
        self._lines += 1
        who, where = WHO.match(text), WHERE.match(text)
        if who and not self._report.who:
            self._report.who = f"CPU {who.group(1)}, {who.group(3)}[{who.group(2)}]"
        if where and not self._report.where:
            self._report.where = "at " + where.group(1) + (where.group(2) or "")
        if REPORT_END.match(text) or self._lines > REPORT_LINES:
            self.complete = True
            self._report = self._report if self._report.kind == OOPS and self._lines <= REPORT_LINES else None
