# SPDX-License-Identifier: Apache-2.0
"""Has the guest's kernel itself said what the console shows? Its log knows: a record says whether the kernel
or a program wrote it, and what a program prints on the console is in none. Used by session.py, about the
reports of kernel_words.py."""

from launcher import kernel_log, kernel_words, vmcoreinfo
from launcher.autopsy import UNREADABLE
from launcher.guest_memory import GuestMemory
from launcher.kernel_space import KernelSpace

DISORDER = int(kernel_words.DISORDER * 1000000)  # microseconds


class Witness:
    def __init__(self, console, fetch):
        """`console`: the Console; `fetch`: see GuestMemory."""
        self._words = console.words
        self._pieces = console.ram  # is known later
        self._fetch = fetch
        self._blind = False  # this kernel's log can't be found

    def open_questions(self):
        """The reports that may be lies, so far."""
        return [] if self._blind else [report for report in self._words.reports() if report.forged is None]

    def question(self):
        """Of a guest that stands still. What it can't tell is believed. False: nothing was a lie."""
        asked = self.open_questions()
        try:
            memory = GuestMemory(self._pieces, self._fetch)
            info = vmcoreinfo.find(memory)
            self._blind = info is None
            if info:
                judge(asked, kernel_log.Ring(KernelSpace.by_info(memory, info), info).records())
        except UNREADABLE:
            self._blind = True
        self._words.drop_forged()
        return any(report.forged for report in asked)


def judge(reports, records):
    """Set `forged` of each, as far as the Records, the newest first, go back to its time."""
    first = min(report.at or 0 for report in reports)
    said, record = set(), None
    for record in records:
        at = record.time // 1000
        if record.facility == kernel_log.KERNEL:
            for found in filter(None, map(kernel_words.classify, record.text.split("\n"))):
                said |= {(at, found.kind, found.name), (None, found.kind, found.name)}
        if at < first - DISORDER:
            break
    for report in reports:
        if (report.at, report.kind, report.name) in said:
            report.forged = False
        elif record and (record.number == 0 or record.time // 1000 < (report.at or 0)):
            report.forged = True
