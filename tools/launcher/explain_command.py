# SPDX-License-Identifier: Apache-2.0
"""`tools/traproom explain`: numbers as they are pasted from a log, explained by explain.py. Used by tools/traproom."""

import argparse
import json
import os
import sys

from launcher import Problem, cli, explain, fdt

DESCRIPTION = """\
Say in words what ESR_EL2, HPFAR_EL2 and FAR_EL2 hold: every field, what happened, and what usually causes it. The
numbers are given in that order, in hexadecimal, or by name as logs have them (ESR=0x... or HSR, HPFAR, FAR; what else is
in the text does not matter); without any, the text comes from standard input. ESR_EL1 and FAR_EL1, or an oops of Linux's,
are an exception that the kernel itself took.
"""
EPILOG = """\
examples:
  tools/traproom explain 0x93830006 0xa000 0xffff800010a01008
  tools/traproom explain 'ESR_EL2: 96000045  FAR_EL2: ffff0000deadbeef'
  tools/traproom explain <hypervisor.log --dtb guest.dtb
  tools/traproom explain <oops.log
"""


def parse(argv):
    parser = cli.Parser(prog="tools/traproom explain", usage="tools/traproom explain [OPTIONS] [ESR [HPFAR [FAR]]]",
                        description=DESCRIPTION, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
                        allow_abbrev=False)
    parser.add_argument("--dtb", metavar="FILE", help="the guest's tree: which node has the address?")
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("words", metavar="NUMBER", nargs="*", help="or text with the numbers in it")
    return parser.parse_args(argv)


def load_tree(path):
    if path is None:
        return None
    with open(path, "rb") as file:
        return fdt.parse(file.read(), path)


def run(args):
    if not args.words and os.isatty(sys.stdin.fileno()):
        raise Problem("give the numbers, or a log on standard input (--help explains)")
    text = " ".join(args.words) if args.words else sys.stdin.read()
    found = explain.explain(explain.Numbers(text), load_tree(args.dtb))
    print(json.dumps(found, indent=2) if args.json else explain.show(found))
    return 0


def main(argv):
    return cli.guarded(lambda: run(parse(argv)))
