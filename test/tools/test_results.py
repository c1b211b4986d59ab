#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tools/launcher/tap.py, xfstests.py and results.py: from lines to what they come to."""

import unittest
from xml.etree import ElementTree

from support import REPO  # noqa: F401, finds the launcher
from launcher import tap, xfstests
from launcher.results import Results
from launcher.tap import EXPECTED, FAILED, PASSED, SKIPPED

# As KUnit 6.12 prints it, when a module with a suite is loaded.
KUNIT = """\
[   12.100000] KTAP version 1
[   12.100100] 1..1
[   12.100200]     KTAP version 1
[   12.100300]     # Subtest: example
[   12.100400]     # module: kunit_example_test
[   12.100500]     1..5
[   12.100600]     # example_simple_test: initializing
[   12.100700]     ok 1 example_simple_test
[   12.100800] random: crng init done
[   12.100900]     # example_skip_test: You should not see a line below.
[   12.101000]     ok 2 example_skip_test # SKIP this test should be skipped
[   12.101100]         KTAP version 1
[   12.101200]         # Subtest: example_params_test
[   12.101300]         ok 1 example value 3 # SKIP unsupported param value 3
[   12.101400]         ok 2 example value 2
[   12.101500]     # example_params_test: pass:1 fail:0 skip:1 total:2
[   12.101600]     ok 3 example_params_test
[   12.101700]     # example_bad_test: EXPECTATION FAILED at lib/x.c:9
[   12.101800]     Expected 1 + 1 == 3
[   12.101900]     not ok 4 example_bad_test
[   12.102000]     ok 5 example_slow_test # speed: slow
[   12.102100] # example: pass:3 fail:1 skip:1 total:5
[   12.102200] not ok 1 example
"""

# As kselftest's runner does: what a program prints comes as comments.
KSELFTEST = """\
TAP version 13
1..3
# timeout set to 45
# selftests: timers: posix_timers
# TAP version 13
# 1..2
# # Testing posix timers.
# ok 1 check_itimer
# not ok 2 check_timer # XFAIL not on this kernel
# # Totals: pass:1 fail:0 xfail:1 xpass:0 skip:0 error:0
ok 1 selftests: timers: posix_timers
# timeout set to 45
# selftests: timers: nanosleep
# Test nanosleep       [OK]
ok 2 selftests: timers: nanosleep
# selftests: timers: rtcpie
ok 3 selftests: timers: rtcpie # SKIP
"""

TAP14 = r"""TAP version 14
1..4
# Subtest: foo.tap
    1..2
    ok 1
    ok 2 - this \# is no comment
ok 1 - foo.tap
ok 2 - described # a comment
not ok 3 - not yet # TODO write it
  ---
  message: "ok 9 is no test"
  got: |
    not ok 10
  ...
ok 4 # skip no display
"""

XFSTESTS = """\
FSTYP         -- ext4
PLATFORM      -- Linux/aarch64 traproom 6.12.0
MKFS_OPTIONS  -- /dev/vdb

generic/001 2s ...  3s
generic/002       [not run] this test requires a valid $SCRATCH_DEV
generic/003 10s ... [failed, exit status 1]- output mismatch (see /x/generic/003.out.bad)
    --- tests/generic/003.out	2024-01-01
    @@ -1,2 +1,3 @@
generic/004        1s
_check_generic_filesystem: filesystem on /dev/vdb is inconsistent
generic/005 - output mismatch (see /x/generic/005.out.bad)
generic/006 4s ... 5s
generic/007  [expunged]
Ran: generic/001 generic/003 generic/004 generic/005 generic/006
Not run: generic/002
Failures: generic/003 generic/004 generic/005
Failed 3 of 5 tests
"""


def parse(text, parser=None):
    parser = parser or tap.Parser()
    for line in text.splitlines():
        parser.feed(line)
    parser.close()
    return parser


def leaves(text):
    """[(path, outcome)], and what is wrong with it all."""
    parser = parse(text)
    return [("/".join(path), leaf.outcome) for test in parser.tests for path, leaf in test.leaves()], parser.problems


class Tap(unittest.TestCase):
    def test_kunit(self):
        found, problems = leaves(KUNIT)
        self.assertEqual(problems, [])
        self.assertEqual(found, [
            ("example/example_simple_test", PASSED), ("example/example_skip_test", SKIPPED),
            ("example/example_params_test/example value 3", SKIPPED),
            ("example/example_params_test/example value 2", PASSED), ("example/example_bad_test", FAILED),
            ("example/example_slow_test # speed: slow", PASSED)])
        self.assertEqual(parse(KUNIT).tests[0].children[3].notes, ["example_bad_test: EXPECTATION FAILED at lib/x.c:9"])

    def test_kunit_without_stamps(self):
        plain = "\n".join(line[15:] for line in KUNIT.splitlines())
        self.assertEqual(leaves(plain), leaves(KUNIT))

    def test_kselftest(self):
        found, problems = leaves(KSELFTEST)
        self.assertEqual(problems, [])
        self.assertEqual(found, [
            ("selftests: timers: posix_timers/check_itimer", PASSED),
            ("selftests: timers: posix_timers/check_timer", EXPECTED),
            ("selftests: timers: nanosleep", PASSED), ("selftests: timers: rtcpie", SKIPPED)])

    def test_tap14(self):
        found, problems = leaves(TAP14)
        self.assertEqual(problems, [])
        self.assertEqual(found, [("foo.tap/test 1", PASSED), ("foo.tap/this # is no comment", PASSED),
                                 ("described # a comment", PASSED), ("not yet", EXPECTED), ("no display", SKIPPED)])

    def test_plan_at_the_end(self):
        self.assertEqual(leaves("TAP version 13\nok 1 a\nok 2 b\n1..2\n"), ([("a", PASSED), ("b", PASSED)], []))

    def test_plan_unmet(self):
        self.assertEqual(leaves("1..3\nok 1 a\nok 2 b\n")[1], ["3 planned, 2 came"])
        self.assertEqual(leaves("1..1\nok 1 a\nok 2 b\n")[1], ["1 planned, 2 came"])
        self.assertEqual(leaves("1..1\nok 1 a\n1..1\n")[1], ["a second plan"])

    def test_no_plan(self):
        """TAP must have one, KTAP need not."""
        self.assertEqual(leaves("KTAP version 1\nok 1 a\n"), ([("a", PASSED)], []))
        self.assertEqual(leaves("TAP version 13\nok 1 a\n")[1], ["there is no plan of how many tests are to come"])

    def test_all_skipped(self):
        self.assertEqual(leaves("TAP version 13\n1..0 # SKIP no hardware\n"), ([("all", SKIPPED)], []))
        self.assertEqual(parse("1..0 # Skipped: no hardware\n").tests[0].reason, "no hardware")

    def test_numbers(self):
        self.assertEqual(leaves("1..3\nok\nok - b\nnot ok\n"),
                         ([("test 1", PASSED), ("b", PASSED), ("test 3", FAILED)], []))
        self.assertEqual(leaves("1..2\nok 1 a\nok 3 c\n")[1], ["test 3, c, came where 2 was due"])

    def test_directives(self):
        for line, outcome in (("ok 1 a # SKIP", SKIPPED), ("ok 1 a # skipped: why", SKIPPED),
                              ("not ok 1 a # SKIP", SKIPPED), ("not ok 1 a # TODO", EXPECTED),
                              ("ok 1 a # TODO", EXPECTED), ("not ok 1 a # XFAIL x", EXPECTED),
                              ("not ok 1 a # TIMEOUT 45 seconds", FAILED), ("not ok 1 a # ERROR x", FAILED),
                              ("ok 1 a # other", PASSED), ("not ok 1 a", FAILED), ("ok 1 a \\# SKIP", PASSED)):
            self.assertEqual(leaves(line)[0][0][1], outcome, line)

    def test_bail_out(self):
        self.assertEqual(leaves("1..1\nok 1 a\nBail out! No disk.\n")[1], ["the tests gave up: No disk."])

    def test_suite_that_dies(self):
        """Its parent's line does not come."""
        found, problems = leaves("KTAP version 1\n1..1\n    KTAP version 1\n    # Subtest: s\n    1..2\n    ok 1 a\n")
        self.assertEqual(found, [("a", PASSED)])
        self.assertEqual(problems, ["s: 2 planned, 1 came", "1 planned, 0 came",
                                    "no result for the test of which a is a part"])

    def test_parent_that_failed_by_itself(self):
        found, _ = leaves("    ok 1 a\nnot ok 1 p\n")
        self.assertEqual(found, [("p/a", PASSED), ("p", FAILED)])
        self.assertEqual(leaves("    not ok 1 a\nnot ok 1 p # TODO\n")[0], [("p/a", EXPECTED)])
        self.assertEqual(leaves("    not ok 1 a\nok 1 p\n")[0], [("p/a", FAILED)])

    def test_one_stream_after_the_other(self):
        text = "KTAP version 1\n1..1\nok 1 a\n[    1.000000] Linux says\nKTAP version 1\n1..1\nnot ok 1 b\n"
        self.assertEqual(leaves(text), ([("a", PASSED), ("b", FAILED)], []))

    def test_other_lines(self):
        text = "okay\nok then\nnot ok at all\n[    1.000000] ok, done\n   indented\n# 1..9\n# ok 7\nit is ok 1\n"
        self.assertEqual(leaves(text), ([], []))


class Xfstests(unittest.TestCase):
    def test_run(self):
        parser = parse(XFSTESTS, xfstests.Parser())
        self.assertEqual(parser.problems, [])
        self.assertEqual([(test.name, test.outcome) for test in parser.tests], [
            ("generic/001", PASSED), ("generic/002", SKIPPED), ("generic/003", FAILED), ("generic/004", FAILED),
            ("generic/005", FAILED), ("generic/006", PASSED), ("generic/007", SKIPPED)])
        self.assertIn("inconsistent", parser.tests[3].reason)

    def test_all_pass(self):
        parser = parse("generic/001 1s ... 1s\nRan: generic/001\nPassed all 1 tests\n", xfstests.Parser())
        self.assertEqual(([test.outcome for test in parser.tests], parser.problems), ([PASSED], []))

    def test_only_named_at_the_end(self):
        parser = parse("generic/001 1s ... 1s\nFailures: generic/001\nFailed 1 of 1 tests\n", xfstests.Parser())
        self.assertEqual(parser.tests[0].outcome, FAILED)

    def test_not_at_its_end(self):
        self.assertEqual(parse("generic/001 1s ... 1s\ngeneric/002 3s ... ", xfstests.Parser()).problems,
                         ["check did not come to its end"])

    def test_some_are_missing(self):
        self.assertEqual(parse("generic/001 1s ... 1s\nPassed all 2 tests\n", xfstests.Parser()).problems,
                         ["check says that 2 tests ran, 1 came"])


class Summary(unittest.TestCase):
    def results(self, console="", output="", kind="tap"):
        found = Results(kind)
        for line in console.splitlines():
            found.feed_console(line)
        for at in range(0, len(output), 7):
            found.feed_output(output[at:at + 7].encode())
        found.close()
        return found

    def test_both_sources(self):
        found = self.results(KUNIT, KSELFTEST)
        self.assertTrue(found.failed())
        self.assertEqual(found.summary(), "tests: 5 passed, 1 failed, 3 skipped, 1 failed as expected; "
                         "example: example_bad_test")
        self.assertFalse(self.results("", KSELFTEST).failed())

    def test_nothing_came(self):
        for text in ("", "hello\n"):
            found = self.results(text, text)
            self.assertTrue(found.failed())
            self.assertEqual(found.summary(), "tests: 0 passed; no test result came")

    def test_last_line_without_its_end(self):
        self.assertEqual(self.results("", "1..1\nnot ok 1 a").count(FAILED), 1)

    def test_many_failures(self):
        text = "1..5\n" + "".join(f"not ok {i} t{i}\n" for i in range(1, 6))
        self.assertTrue(self.results(text).summary().endswith("; t1; t2; t3; ..."))

    def test_junit(self):
        text = KUNIT + "[   13.000000] KTAP version 1\n1..2\nok 1 a\x1b\n"
        root = ElementTree.fromstring(self.results(text).junit("boom"))
        suites = {suite.get("name"): suite for suite in root}
        self.assertEqual(sorted(suites), ["example", "tests", "traproom"])
        self.assertEqual({name: suites["example"].get(name) for name in ("tests", "failures", "skipped", "errors")},
                         {"tests": "6", "failures": "1", "skipped": "2", "errors": "0"})
        cases = {case.get("name"): case for case in suites["example"]}
        self.assertEqual(cases["example value 2"].get("classname"), "example.example_params_test")
        self.assertIsNotNone(cases["example_bad_test"].find("failure"))
        self.assertEqual(cases["example_bad_test"].find("system-out").text,
                         "example_bad_test: EXPECTATION FAILED at lib/x.c:9")
        self.assertEqual(cases["example_skip_test"].find("skipped").get("message"), "this test should be skipped")
        self.assertEqual(suites["tests"][0].get("name"), "a\N{REPLACEMENT CHARACTER}")
        self.assertEqual(suites["traproom"][0].find("error").get("message"), "2 planned, 1 came; boom")


if __name__ == "__main__":
    unittest.main()
