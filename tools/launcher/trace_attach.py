# SPDX-License-Identifier: Apache-2.0
"""`tools/traproom trace`: the exits of a guest that runs already, by its monitor. Used by tools/traproom; trace.py has
those of a whole run."""

import contextlib
import time

from launcher import Problem, cli, fdt, guest_tree, monitor_names, monitor_wait, options, trace, trace_ring
from launcher.monitor_wire import TRACE, Refused

SECONDS = 5
TREE_HEAD = 8  # bytes: magic, size
USAGE = "tools/traproom trace -o FILE [OPTIONS]"
DESCRIPTION = """\
Write down the exits of a guest that runs: for --seconds, until Ctrl-C, or until it ends. It runs by `tools/traproom run` at a
terminal, or with --monitor, and is not stopped; exits that are not read in time are counted as lost.
"""


class Attached(trace.Taken):
    def __init__(self, args, wire):
        super().__init__(args, tree_of(wire))
        self._wire = wire

    def switch(self, on):
        """Tracing on each vCPU. The answer says where the memory is."""
        answers = [self._wire.ask(TRACE, vcpu=vcpu, value=int(on)) for vcpu in self._wire.vcpus()]
        return answers[0].address

    def run(self):
        address = self.switch(True)
        self.rings = trace_ring.Rings(lambda offset, size: self._wire.read(address + offset, size))
        self.rings.skip()
        end = time.monotonic() + self.args.seconds
        try:
            with contextlib.suppress(KeyboardInterrupt):
                while time.monotonic() < end:
                    time.sleep(trace.PERIOD)
                    self.take()
            self.switch(False)
            self.take()
        except Refused:
            pass  # the guest has ended


def tree_of(wire):
    """The guest's own copy, in its memory."""
    at = wire.hello()["dtb"]
    size = int.from_bytes(wire.read_ipa(at, TREE_HEAD)[4:], "big")
    name = "the guest's tree"
    return guest_tree.GuestTree(fdt.parse(wire.read_ipa(at, size), name), name)


def parse(argv):
    parser = cli.Parser(prog="tools/traproom trace", usage=USAGE, description=DESCRIPTION, allow_abbrev=False)
    parser.add_argument("-o", dest="trace", metavar="FILE", help="a trace for https://ui.perfetto.dev")
    parser.add_argument("--ledger", metavar="FILE", help="a ledger: .csv, .json, else a table")
    parser.add_argument("--seconds", metavar="N", type=options.seconds, default=SECONDS, help=f"how long (default: {SECONDS})")
    parser.add_argument("--symbols", metavar="FILE", help="System.map or vmlinux of the kernel, for names: instead of its own")
    parser.add_argument("--socket", metavar="PATH", help="of a run with --monitor PATH")
    parser.add_argument("--run", metavar="PID", help="of the run whose launcher is that process")
    parser.add_argument("--wait", metavar="SECONDS", type=options.seconds, default=monitor_wait.SECONDS,
                        help=f"for a run that is starting (default: {monitor_wait.SECONDS})")
    args = parser.parse_args(argv)
    if not args.trace and not args.ledger:
        parser.error("-o or --ledger says what to write")
    args.icount = False
    return args


def attach(args):
    wire = monitor_wait.reach(args.socket, args.run, args.wait)
    try:
        found = Attached(args, wire)
        names = monitor_names.later(wire, args.symbols)
        found.run()
    except Refused as why:
        raise Problem(f"no trace: {why}") from why
    found.write(names())
    return 0


def main(argv):
    return cli.guarded(lambda: attach(parse(argv)))
