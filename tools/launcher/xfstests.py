# SPDX-License-Identifier: Apache-2.0
"""Test results as xfstests' check prints them: a line for each test, and what it says at the end. A pure
reading of lines; results.py feeds it. Like tap.py's Parser."""

import re

from launcher.tap import FAILED, PASSED, SKIPPED, Test

TEST = re.compile(r"([a-z][\w-]*/\d{3,})(?:\s+(.*))?")
TIMES = re.compile(r"(?:\d+s)?\s*(?:\.\.\.)?\s*(?:\d+s)?")
NOT_RUN = re.compile(r"(?:.*\s)?\[(?:not run|expunged)\]\s*(.*)")
BROKEN = re.compile(r"(?:.*\s)?\[failed, exit status \d+\].*|.*- output mismatch.*|.*_check_\w+: .*")
CHECK = re.compile(r"_check_\w+: .*")
FAILURES = re.compile(r"Failures: (.*)")
TOTAL = re.compile(r"(?:Passed all (\d+) tests|Failed (\d+) of (\d+) tests)")


class Parser:
    def __init__(self):
        self.tests = []
        self.problems = []
        self._total = None  # what check says of it all: how many have run
        self._failed = set()  # those that it names at the end

    def feed(self, line):
        line = line.rstrip()
        test, failures, total = TEST.fullmatch(line), FAILURES.fullmatch(line), TOTAL.fullmatch(line)
        if test and self._total is None:
            self._take(test.group(1), test.group(2) or "")
        elif failures:
            self._failed |= set(failures.group(1).split())
        elif total:
            self._total = int(total.group(1) or total.group(3))
        elif CHECK.fullmatch(line) and self.tests:  # of the file system, after the test
            self._fail(self.tests[-1], line)

    def close(self):
        by_name = {test.name: test for test in self.tests}
        for name in sorted(self._failed):
            if name not in by_name:
                self._take(name, "")
            self._fail(by_name.get(name, self.tests[-1]), "")
        run = sum(test.outcome != SKIPPED for test in self.tests)
        if self._total is None and self.tests:
            self.problems.append("check did not come to its end")
        elif self._total is not None and self._total != run:
            self.problems.append(f"check says that {self._total} tests ran, {run} came")

    def _take(self, name, text):
        not_run = NOT_RUN.fullmatch(text)
        if not_run:
            self.tests.append(Test(name, SKIPPED, not_run.group(1)))
        elif BROKEN.fullmatch(text):
            self.tests.append(Test(name, FAILED, text))
        elif TIMES.fullmatch(text):
            self.tests.append(Test(name, PASSED))

    @staticmethod
    def _fail(test, reason):
        test.outcome, test.reason = FAILED, test.reason or reason
