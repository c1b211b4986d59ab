# SPDX-License-Identifier: Apache-2.0
"""`tools/traproom report --collect`: a run, and all that the report's page shows of it. While the guest runs, its monitor
is asked for the tables of stage 2 and for walks; the exits come from the files that the run leaves. Used by
report_page.py."""

import json
import os
import shlex
import signal
import subprocess
import tempfile
import time

from launcher import Problem, monitor_channel, monitor_commands, s2map, verdict
from launcher.monitor_wire import Refused, Wire
from launcher.stage import REPO

LOOK = 1.0  # seconds between two looks at the guest: the last that was whole is kept
PSTATE_EL = 2  # where it has the exception level
PER_MICROSECOND = 1000


def look(wire):
    """What the monitor says of a guest that runs."""
    hello = wire.hello()
    return {"stage2": s2map.Map(hello["vttbr"], hello["vtcr"], {}, wire.read).to_json(),
            "exits": exits([wire.exits(vcpu) for vcpu in wire.vcpus()]), "vcpus": hello["vcpus"]}


def walks(wire):
    """Of the address where each vCPU is, as the monitor's `walk` finds them."""
    found = {}
    for vcpu in wire.vcpus():
        regs = wire.regs(vcpu)
        if not regs["off"]:
            user = " -0" if regs["pstate"] >> PSTATE_EL & 3 == 0 else ""
            out = monitor_commands.Out(lambda text, pc=regs["pc"]: found.update({pc: json.loads(text)}), as_json=True)
            monitor_commands.run(wire, f"walk 0x{regs['pc']:x} x -v {vcpu}{user}", out)
    return list(found.values())


def exits(by_vcpu):
    """The counts of all vCPUs, by reason; their time is not known."""
    reasons = dict.fromkeys(reason for counts in by_vcpu for reason in counts)
    return [{"reason": reason, "per_vcpu": [counts.get(reason, 0) for counts in by_vcpu], "time_ns": None} for reason in reasons]


def timeline(trace):
    """The tracks of a file in the trace-event format."""
    tracks, kinds = {}, {}
    for event in trace["traceEvents"]:
        if event["name"] == "process_name":
            kinds[event["pid"]] = "vcpu" if event["args"]["name"] == "vCPUs" else "device"
        elif event["name"] == "thread_name":
            tracks[event["tid"]] = {"track": event["args"]["name"], "kind": kinds[event["pid"]], "events": []}
        elif event["ph"] == "X":
            tracks[event["tid"]]["events"].append([round(event["ts"] * PER_MICROSECOND), round(event["dur"] * PER_MICROSECOND),
                                                   event["name"], event["args"]["what"]])
    return list(tracks.values())


def load(path):
    if not os.path.exists(path):
        return None
    with open(path, encoding="utf-8") as file:
        return json.load(file)


class Run:
    """A guest, from its start to its end. `found`: the parts of the report that there are."""

    def __init__(self, options, folder):
        self._ledger, self._trace, self._socket = (os.path.join(folder, name) for name in ("ledger.json", "trace.json", "monitor"))
        self._command = [os.path.join(REPO, "tools", "traproom"), "run", "--monitor", self._socket, "--ledger", self._ledger,
                         "--trace", self._trace, *options]
        self._wire = None
        self.found = {}

    def run(self):
        """Its exit status. Ctrl-C is the run's, too: it ends by it, and we with it."""
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            with subprocess.Popen(self._command, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)) as child:
                try:
                    status = self._attend(child)
                except BaseException:
                    child.terminate()
                    raise
        finally:
            signal.signal(signal.SIGINT, before)
        self._read_files()
        return status

    def _attend(self, child):
        while True:
            try:
                return child.wait(LOOK)
            except subprocess.TimeoutExpired:
                self._look()

    def _look(self):
        try:
            if self._wire is None:
                self._wire = Wire(monitor_channel.connect(self._socket))
            self.found.update(look(self._wire))
            self.found["walks"] = walks(self._wire)
        except monitor_commands.Usage:
            pass  # this Traproom has no such command
        except (Problem, Refused):
            self._wire = None  # the guest has not begun yet, or has ended

    def _read_files(self):
        self.found.update(load(self._ledger) or {})
        trace = load(self._trace)
        if trace:
            self.found["timeline"] = timeline(trace)


def collect(options):
    """(the exit status of a run with these options, its report)"""
    with tempfile.TemporaryDirectory(prefix="traproom-report-") as folder:
        run = Run(options, folder)
        status = run.run()
    if "vcpus" not in run.found:
        return status or verdict.WRONG_SETUP, None
    title = shlex.join(["traproom", "run", *options])
    return status, {**run.found, "title": title, "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())}
