# SPDX-License-Identifier: Apache-2.0
"""The ledger of a run's exits: for each reason, device register and place in the guest how often, and the time in EL2.
Used by trace.py, which has the exits, and ledger_compare.py. In JSON it is what the report's page is made of."""

import collections
import csv
import json
import os

from launcher.trace_ring import STAGE2

FORMAT, VERSION = "traproom-report", 1
COLUMNS = ("reason", "device", "register", "pc", "symbol", "count", "time_ns")
MOST_PLACES = 40  # in the table


class Ledger:
    """`trace`: as trace.Trace; `names`: a kernel_names.KernelNames. Time is in nanoseconds, which --icount makes
    instructions."""

    def __init__(self, trace, names):
        self.vcpus = trace.vcpus
        self.unit = "instructions" if trace.args.icount else "ns"
        self.lost = sum(trace.rings.lost)
        found = collections.defaultdict(lambda: [0, 0])
        per_vcpu = collections.defaultdict(lambda: [0] * trace.vcpus)
        self.latency = collections.defaultdict(list)  # by interrupt, of each time that it was given
        for event in trace.events():
            if event.kind == STAGE2:
                continue  # its exit has the time
            words = trace.words.words(event)
            ticks = event.left - event.entered if event.left else 0
            entry = found[words.reason, words.device, words.register, event.pc]
            entry[0] += 1
            entry[1] += ticks
            per_vcpu[words.reason][event.vcpu] += 1
            given = trace.words.given(event)
            if given:
                self.latency[given].append(trace.nanoseconds(ticks))
        self.per_vcpu = dict(per_vcpu)
        self.rows = [dict(zip(COLUMNS, (reason, device, register, f"0x{pc:x}", names.name(pc), count,
                                        trace.nanoseconds(ticks))))
                     for (reason, device, register, pc), (count, ticks) in found.items()]
        self.rows.sort(key=lambda row: (-row["count"], row["reason"], row["pc"]))

    def totals(self, *columns):
        """[(values of the columns, count, time)], the most frequent first."""
        found = collections.defaultdict(lambda: [0, 0])
        for row in self.rows:
            entry = found[tuple(row[column] for column in columns)]
            entry[0] += row["count"]
            entry[1] += row["time_ns"]
        return sorted(((key, *entry) for key, entry in found.items()), key=lambda total: (-total[1], total[0]))

    def data(self):
        """What the JSON file has."""
        return {"format": FORMAT, "version": VERSION, "vcpus": self.vcpus, "unit": self.unit, "lost": self.lost,
                "exits": [{"reason": reason, "per_vcpu": self.per_vcpu[reason], "time_ns": time}
                          for (reason,), _, time in self.totals("reason")],
                "ledger": self.rows,
                "latency_ns": [{"irq": irq, "samples": samples} for irq, samples in sorted(self.latency.items())]}

    def text(self):
        lines = [f"{'exits':>9} {self.unit:>14} {'each':>9}  reason"]
        lines += [line(count, time, reason) for (reason,), count, time in self.totals("reason")]
        lines += ["", f"{'exits':>9} {self.unit:>14} {'each':>9}  device register"]
        lines += [line(count, time, f"{register} of {device}" if device else f"{register} ({reason})")
                  for (reason, device, register), count, time in self.totals("reason", "device", "register") if register]
        lines += ["", f"{'exits':>9} {self.unit:>14} {'each':>9}  place in the guest (the {MOST_PLACES} busiest)"]
        lines += [line(row["count"], row["time_ns"], f"{row['pc']} {row['symbol'] or '(no name)'}: "
                       f"{row['register'] or row['reason']}") for row in self.rows[:MOST_PLACES]]
        return "\n".join(lines) + "\n"


def line(count, time, words):
    return f"{count:9} {time:14} {time / count:9.0f}  {words}"


def write(path, ledger):
    """By the file's ending."""
    ending = os.path.splitext(path)[1]
    with open(path, "w", encoding="utf-8", newline="" if ending == ".csv" else None) as file:
        if ending == ".csv":
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(ledger.rows)
        elif ending == ".json":
            json.dump(ledger.data(), file, indent=1)
            file.write("\n")
        else:
            file.write(ledger.text())
