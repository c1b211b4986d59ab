# SPDX-License-Identifier: Apache-2.0
"""Test results in lines of TAP ("TAP version 14 specification", testanything.org; 13 is the same but for
subtests) and of the kernel's dialect KTAP (Linux, "The Kernel Test Anything Protocol"), as KUnit and
kselftest print them. A pure reading of lines; results.py feeds it.

Lines that are none of it pass: a kernel's messages fall in between, and may have put a time stamp before
each. Subtests are indented, or, by kselftest's runner, have "# " before each line.
"""

import dataclasses
import re

from launcher.kernel_words import STAMP

PASSED, FAILED, SKIPPED, EXPECTED = "passed", "failed", "skipped", "expected"  # to fail, that is

VERSION = re.compile(r"(K?TAP) version \d+\s*")
PLAN = re.compile(r"1\.\.(\d+)\s*(?:#\s*(.*))?")
POINT = re.compile(r"(not )?ok\b(?:\s+(\d+)(?!\S))?\s*(?:- ?)?(.*)")
DIRECTIVE = re.compile(r"(.*?)(?<!\\)#\s*(SKIP|TODO|XFAIL|XPASS|TIMEOUT|ERROR)\w*:?\s*(.*)", re.IGNORECASE)
SUBTEST = re.compile(r"# Subtest(?:: (.*))?")
BAIL_OUT = re.compile(r"Bail out!\s*(.*)")
NESTED = re.compile(r"# ((?:# )*(?:K?TAP version \d+.*|1\.\.\d+.*|(?:not )?ok\b.*|\s+.*))")
MOST_NOTES = 200  # lines of diagnostics that are kept of a test


@dataclasses.dataclass
class Test:
    name: str
    outcome: str
    reason: str = ""
    notes: list = dataclasses.field(default_factory=list)
    children: list = dataclasses.field(default_factory=list)

    def leaves(self, path=()):
        """(names, Test) of each that has no subtests; what is excused excuses all below it. A test that failed though
        none of its subtests did stands for itself."""
        path = (*path, self.name)
        if not self.children:
            yield path, self
            return
        below = [leaf for child in self.children for leaf in child.leaves(path)]
        if self.outcome in (SKIPPED, EXPECTED):
            below = [(names, dataclasses.replace(test, outcome=self.outcome) if test.outcome == FAILED else test)
                     for names, test in below]
        yield from below
        if self.outcome == FAILED and all(test.outcome != FAILED for _, test in below):
            yield path, dataclasses.replace(self, children=[])


class Level:
    """Tests of one depth, from their version line or their first test on."""

    def __init__(self, depth):
        self.depth = depth
        self.begun = False  # by a version line or a plan
        self.plan = None
        self.needs_plan = False
        self.name = None  # "# Subtest: NAME" has said
        self.tests = []
        self.below = []  # tests of the level that was below it, for the next test here
        self.notes = []


class Parser:
    """One stream of lines; `tests` and `problems` are complete after close()."""

    def __init__(self):
        self.tests = []  # of the outermost level
        self.problems = []  # what is wrong with the stream itself
        self._levels = []
        self._yaml = None  # how far the block is indented that is being skipped
        self._nested = False  # lines with "# " before them are subtests

    def feed(self, line):
        stamp = STAMP.match(line)
        line = (line[stamp.end():] if stamp else line).rstrip()
        prefix = self._prefix_depth(line)
        line = line[2 * prefix:]
        text = line.lstrip(" ")
        depth = 1000 * prefix + len(line) - len(text)
        if not self._skip_yaml(text, depth):
            self._take(text, depth)

    def close(self):
        while self._levels:
            self._pop()

    def _prefix_depth(self, line):
        """How often "# " stands before what is a subtest's line, in kselftest's manner."""
        depth = 0
        while line.startswith("# "):
            if VERSION.fullmatch(line[2:].lstrip("# ")):
                self._nested = True
            if not self._nested or not NESTED.fullmatch(line):
                break
            depth, line = depth + 1, line[2:]
        return depth

    def _skip_yaml(self, text, depth):
        """Blocks of details, from --- to ..., deeper than the test that they follow."""
        if self._yaml is not None and (depth < self._yaml or text == "..."):
            ended, self._yaml = text == "...", None
            return ended
        if self._yaml is None and text == "---" and self._levels and depth > self._levels[-1].depth:
            self._yaml = depth
            return True
        return self._yaml is not None

    def _take(self, text, depth):
        version, plan, point = VERSION.fullmatch(text), PLAN.fullmatch(text), POINT.fullmatch(text)
        bail, subtest = BAIL_OUT.fullmatch(text), SUBTEST.fullmatch(text)
        if bail:
            self.problems.append(f"the tests gave up: {bail.group(1) or 'Bail out!'}")
        elif version:
            self._begin(depth, version.group(1) == "TAP")
        elif plan:
            self._take_plan(self._at(depth), plan)
        elif point and (point.group(2) or self._is_begun(depth)):
            self._take_point(self._at(depth), point)
        elif subtest and depth > 0:
            self._at(depth).name = subtest.group(1)
        elif text.startswith("#") and self._levels:
            self._levels[-1].notes = (self._levels[-1].notes + [text[1:].strip()])[-MOST_NOTES:]

    def _is_begun(self, depth):
        return any(level.depth == depth and level.begun for level in self._levels)

    def _begin(self, depth, needs_plan):
        """A version line: what was at this depth before is over."""
        level = self._at(depth)
        if level.begun or level.tests:
            self._pop()
            level = self._at(depth)
        level.begun, level.needs_plan = True, needs_plan

    def _at(self, depth):
        """The level of that depth; deeper ones are over."""
        while self._levels and self._levels[-1].depth > depth:
            if len(self._levels) == 1 or self._levels[-2].depth < depth:
                self._levels.insert(-1, Level(depth))
            self._pop()
        if not self._levels or self._levels[-1].depth < depth:
            self._levels.append(Level(depth))
        return self._levels[-1]

    def _take_plan(self, level, plan):
        if level.plan is not None:
            self.problems.append(f"{where(level)}a second plan")
        level.plan, level.begun = int(plan.group(1)), True
        if level.plan == 0:
            level.tests.append(Test(level.name or "all", SKIPPED, strip_directive(plan.group(2) or "")))

    def _take_point(self, level, point):
        failed, number, text = point.groups()
        directive = DIRECTIVE.fullmatch(text)
        name, what, reason = directive.groups() if directive else (text, "", "")
        name = re.sub(r"\\([\\#])", r"\1", name).strip() or reason or f"test {len(level.tests) + 1}"
        due = len(level.tests) + 1
        if number and int(number) != due:
            self.problems.append(f"{where(level)}test {number}, {name}, came where {due} was due")
        level.tests.append(Test(name, outcome_of(bool(failed), what.upper()), reason, level.notes, level.below))
        level.notes, level.below = [], []

    def _pop(self):
        level = self._levels.pop()
        planned = None if level.plan is None else level.plan or 1
        if planned is not None and len(level.tests) != planned:
            self.problems.append(f"{where(level)}{level.plan} planned, {len(level.tests)} came")
        elif planned is None and level.needs_plan:
            self.problems.append(f"{where(level)}there is no plan of how many tests are to come")
        if level.below:
            self._orphans(level.below, where(level))
        if self._levels:
            self._levels[-1].below += level.tests
        elif level.depth:
            self._orphans(level.tests, where(level))
        else:
            self.tests += level.tests

    def _orphans(self, tests, place):
        """Their parent's line has not come: it has died, perhaps."""
        self.tests += tests
        if tests:
            self.problems.append(f"{place}no result for the test of which {tests[0].name} is a part")


def where(level):
    return f"{level.name}: " if level.name else ""


def strip_directive(text):
    return re.sub(r"^SKIP\w*:?\s*", "", text, flags=re.IGNORECASE)


def outcome_of(failed, directive):
    if directive == "SKIP":
        return SKIPPED
    if directive in ("TODO", "XFAIL"):
        return EXPECTED
    return FAILED if failed else PASSED
