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

PANIC_ENDS = "end of panic"
REPORT_END = re.compile(r"---\[ end trace ")
ORDERLY_END = re.compile(r"reboot: (Restarting system|Power down)|machine restart")
MOST_REPORTS = 1000  # of a kind that are kept
REPORT_LINES = 60  # within which a report says where it was

# What makes a report, with its kind and what it is called. The first that fits; group 1 is quoted, if
# there is one.
REPORTS = tuple((kind, name, re.compile(pattern)) for kind, name, pattern in (
    (PANIC, "panic", r"Kernel panic - not syncing: (.*?)\s*"),
    (PANIC, PANIC_ENDS, r"---\[ end Kernel panic - not syncing: (.*?) \]---\s*"),
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
    at: int = None  # microseconds, by its stamp; None: it has none
    who: str = ""
    where: str = ""
    forged: bool = None  # witness.py finds out; None: it has not

    def __str__(self):
        """In one line: what, which process, where."""
        place = ", ".join(part for part in (self.who, self.where) if part)
        return self.words + (f" ({place})" if place else "")


def classify(text):
    """The Report that a line of the kernel's begins, or None."""
    for kind, name, pattern in REPORTS:
        found = pattern.fullmatch(text)
        if found:
            words = next((group for group in found.groups() if group), found.group())
            return Report(kind, name, words.strip())
    return None


class KernelWords:
    def __init__(self, clock=None):
        """`clock`: seconds since the machine was started, as much as the guest can have; None: unknown."""
        self._reports = {PANIC: [], OOPS: [], WARNING: []}  # a panic has two lines, an oops can have more
        self.complete = True  # no report is being printed
        self._clock = clock
        self._stamped = False
        self._at = None  # the stamp of the line, in microseconds
        self._last = 0.0  # the latest time stamp
        self._report = None  # its details may follow
        self._lines = 0

    @property
    def panic(self):
        """The Report, or None."""
        return next(iter(self._reports[PANIC]), None)

    @property
    def end(self):
        """The line by which it has said all that it says when it panics: a Report, or None."""
        return next((report for report in self._reports[PANIC] if report.name == PANIC_ENDS), None)

    def has_panicked(self):
        """Beyond doubt, and has no more to say."""
        return self.end is not None and self.end.forged is False

    @property
    def oops(self):
        """The first one, or None."""
        return next(iter(self._reports[OOPS]), None)

    @property
    def warnings(self):
        return self._reports[WARNING]

    def stall(self):
        """The first one, or None."""
        return next((report for report in self.warnings if report.name in STALLS), None)

    def restart(self):
        """The guest starts again: so does its clock, and what it said of its end is over. The rest can't be looked up
        any more."""
        self._last, self._report, self.complete = 0.0, None, True
        self.survived()
        for report in self.reports():
            report.forged = False

    def survived(self):
        """It goes on after all: what looked like a panic was none."""
        self._reports[PANIC] = []

    def reports(self):
        return sum(self._reports.values(), [])

    def drop_forged(self):
        for kind, reports in self._reports.items():
            self._reports[kind] = [report for report in reports if not report.forged]
        if self._report and self._report.forged:
            self._report, self.complete = None, True

    def feed(self, line):
        """Take one line of the console, without its end."""
        text = self._spoken(line)
        if text is None:
            return
        if ORDERLY_END.match(text):
            self.survived()
            return
        report = classify(text)
        if report:
            self._begin(report)
        else:
            self._add_details(text)

    def _spoken(self, line):
        """The kernel's words of it, if they are."""
        for found in reversed(list(STAMP.finditer(line))):
            at = float(found.group(1))
            if self._last - DISORDER <= at <= (self._clock() + HASTE if self._clock else at):
                self._stamped, self._last = True, max(self._last, at)
                self._at = int(found.group(1).replace(".", ""))
                return line[found.end():]
        return None if self._stamped else line

    def _begin(self, report):
        """What follows an oops or a panic, and is of its kind, belongs to it: so do its details."""
        oopsing = self._report is not None and not self.complete and self._report.kind == report.kind == OOPS
        if report.kind == PANIC and not self.panic and self._report and self._report.kind == OOPS:
            report.who, report.where = self._report.who, self._report.where
        if not self.panic and not oopsing:
            self._report, self._lines = report, 0
            self.complete = self.complete and report.kind == PANIC
        report.at = self._at
        if len(self._reports[report.kind]) < MOST_REPORTS:
            self._reports[report.kind].append(report)

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
