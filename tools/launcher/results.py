# SPDX-License-Identifier: Apache-2.0
"""Test results in what a run prints (--tap, --xfstests): on the console and on the command's stdout, each
read for itself; what they come to, and as JUnit's XML for CI. tap.py and xfstests.py read, streams.py
feeds, verdict.py judges."""

import re
from xml.etree import ElementTree

from launcher import tap, xfstests
from launcher.tap import EXPECTED, FAILED, PASSED, SKIPPED

PARSERS = {"tap": tap.Parser, "xfstests": xfstests.Parser}
MOST_NAMED = 3
NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Results:
    def __init__(self, kind):
        self._console, self._output = PARSERS[kind](), PARSERS[kind]()
        self._rest = b""  # of the output, a line without its end
        self.leaves = []  # (names, tap.Test) of each test
        self.problems = []

    def feed_console(self, line):
        self._console.feed(line)

    def feed_output(self, data):
        """Bytes of the command's stdout."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._output.feed(line.decode("utf-8", "replace"))

    def close(self):
        """There is no more."""
        self.feed_output(b"\n")
        for parser in (self._console, self._output):
            parser.close()
            self.leaves += [leaf for test in parser.tests for leaf in test.leaves()]
            self.problems += parser.problems
        if not self.leaves and not self.problems:
            self.problems.append("no test result came")

    def count(self, outcome):
        return sum(test.outcome == outcome for _, test in self.leaves)

    def failed(self):
        return bool(self.problems or self.count(FAILED))

    def summary(self):
        """In one line."""
        words = [f"{self.count(outcome)} {word}" for outcome, word in
                 ((PASSED, "passed"), (FAILED, "failed"), (SKIPPED, "skipped"), (EXPECTED, "failed as expected"))
                 if self.count(outcome) or outcome == PASSED]
        names = [": ".join(path) for path, test in self.leaves if test.outcome == FAILED]
        details = names[:MOST_NAMED] + (["..."] if len(names) > MOST_NAMED else []) + self.problems[:MOST_NAMED]
        return "tests: " + ", ".join(words) + "".join(f"; {detail}" for detail in details)

    def junit(self, trouble):
        """The XML. `trouble`: what else is wrong with the run, or None."""
        suites = {}
        for path, test in self.leaves:
            suites.setdefault(path[0] if len(path) > 1 else "tests", []).append((path, test))
        root = ElementTree.Element("testsuites")
        for name, leaves in suites.items():
            suite = add(root, "testsuite", name=name, tests=len(leaves), errors=0,
                        failures=sum(test.outcome == FAILED for _, test in leaves),
                        skipped=sum(test.outcome in (SKIPPED, EXPECTED) for _, test in leaves))
            for path, test in leaves:
                add_case(suite, path, test)
        wrong = self.problems + ([trouble] if trouble else [])
        if wrong:
            suite = add(root, "testsuite", name="traproom", tests=1, errors=1, failures=0, skipped=0)
            add(add(suite, "testcase", classname="traproom", name="the run"), "error", message="; ".join(wrong))
        return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n"


def add(parent, tag, **attributes):
    return ElementTree.SubElement(parent, tag, {name: clean(str(value)) for name, value in attributes.items()})


def add_case(suite, path, test):
    case = add(suite, "testcase", classname=".".join(path[:-1]) or "tests", name=path[-1])
    if test.outcome == FAILED:
        add(case, "failure", message=test.reason or "failed")
    elif test.outcome in (SKIPPED, EXPECTED):
        add(case, "skipped", message=test.reason or ("fails as expected" if test.outcome == EXPECTED else ""))
    if test.notes:
        add(case, "system-out").text = clean("\n".join(test.notes))


def clean(text):
    return NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", text)
