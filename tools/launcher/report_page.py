# SPDX-License-Identifier: Apache-2.0
"""`tools/traproom report --html`: one page, with no need of a network, of what is known of a run. The page itself is
tools/page's, made by the build; this puts the data into it, checked. docs/report-page.md has their format."""

import argparse
import json
import os

from launcher import Problem, cli, report_collect
from launcher.options import BUILD

USAGE = """\
tools/traproom report --html OUT.html DATA.json
       tools/traproom report --collect DATA.json [--html OUT.html] [-- OPTIONS OF A RUN]"""
DESCRIPTION = """\
One page, for any browser and with no need of a network, that shows what DATA.json has: the timeline, exits by reason and
place, the guest's memory, walks, interrupt latencies. With --collect a guest is run, as `tools/traproom run` does it, and
DATA.json written; the exit status is that run's.
"""
FORMAT, VERSION = "traproom-report", 1
MARK = "@report@"
NEEDS = {  # of each part's rows, what the page can't do without
    "exits": ("reason", "per_vcpu"),
    "ledger": ("reason", "count"),
    "timeline": ("track", "kind", "events"),
    "walks": ("va", "ipa", "pa", "fault", "loads", "steps"),
    "latency_ns": ("irq", "samples"),
}
STAGE2_NEEDS = ("ipa_bits", "start_level", "vtcr", "vttbr", "tables")


def lacks(value, names):
    return not isinstance(value, dict) or any(name not in value for name in names)


def check(report, path):
    """That the page can draw it; parts may be missing."""
    if not isinstance(report, dict) or report.get("format") != FORMAT:
        raise Problem(f"{path} is no report of Traproom's: it does not say \"format\": \"{FORMAT}\"")
    if report.get("version") != VERSION:
        raise Problem(f"{path} is a report of version {report.get('version')}; this page draws version {VERSION}")
    if not isinstance(report.get("vcpus"), int):
        raise Problem(f"{path} does not say how many \"vcpus\" there are")
    for part, names in NEEDS.items():
        rows = report.get(part) or []
        if not isinstance(rows, list) or any(lacks(row, names) for row in rows):
            raise Problem(f"{path}: each of \"{part}\" must have {', '.join(names)}")
    if report.get("stage2") and lacks(report["stage2"], STAGE2_NEEDS):
        raise Problem(f"{path}: \"stage2\" must have {', '.join(STAGE2_NEEDS)}")


def load(path):
    with open(path, encoding="utf-8") as file:
        try:
            report = json.load(file)
        except ValueError as error:
            raise Problem(f"{path} is no JSON: {error}") from error
    check(report, path)
    return report


def embedded(report):
    """JSON that may stand in a page: nothing in it ends the element that it is in."""
    return json.dumps(report, separators=(",", ":")).replace("<", "\\u003c")


def write(report, template, out):
    if not os.path.exists(template):
        raise Problem(f"{template} is not there: run `make report-page` first")
    with open(template, encoding="utf-8") as file:
        before, _, after = file.read().partition(MARK)
    with open(out, "w", encoding="utf-8") as file:
        file.write(before + embedded(report) + after)


def parse(argv, options):
    parser = cli.Parser(prog="tools/traproom report", usage=USAGE, allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter,
                        description=DESCRIPTION)
    parser.add_argument("--html", metavar="OUT", help="the page to write")
    parser.add_argument("--collect", metavar="DATA", help="run a guest first, and write down what it does")
    parser.add_argument("--build", metavar="DIR", default=BUILD, help="build folder (default: build)")
    parser.add_argument("data", metavar="DATA", nargs="?", help="of an earlier --collect")
    args = parser.parse_args(argv)
    if bool(args.data) == bool(args.collect):
        parser.error("name the data of an earlier run, or have them written by --collect")
    if args.data and (options or not args.html):
        parser.error("options of a run go with --collect" if options else "--html says where the page shall be")
    return args


def run(args, options):
    status, report = (0, load(args.data)) if args.data else report_collect.collect(options)
    if report is None:
        return status
    if args.collect:
        report = {"format": FORMAT, "version": VERSION, **report}
        with open(args.collect, "w", encoding="utf-8") as file:
            file.write(json.dumps(report))  # quicker than dump() by far
    if args.html:
        write(report, os.path.join(args.build, "page", "report.html"), args.html)
    return status


def main(argv):
    at = argv.index("--") if "--" in argv else len(argv)
    return cli.guarded(lambda: run(parse(argv[:at], argv[at + 1:]), argv[at + 1:]))
