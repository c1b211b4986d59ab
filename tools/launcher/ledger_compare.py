# SPDX-License-Identifier: Apache-2.0
"""`tools/traproom report A B`: how two ledgers of exits differ. Used by tools/traproom; ledger.py writes them."""

import collections
import csv
import json

from launcher import Problem, cli

MOST = 20  # device registers and places, those that changed most
USAGE = "tools/traproom report A B"


def read(path):
    """The rows of a ledger, .json or .csv."""
    with open(path, encoding="utf-8", newline="") as file:
        try:
            rows = list(csv.DictReader(file)) if path.endswith(".csv") else json.load(file)["ledger"]
            return [{**row, "count": int(row["count"]), "time_ns": int(row["time_ns"])} for row in rows]
        except (ValueError, KeyError, TypeError) as error:
            raise Problem(f"{path} is no ledger, of --ledger FILE.json or FILE.csv: {error!r}") from error


def totals(rows, columns):
    found = collections.defaultdict(lambda: [0, 0])
    for row in rows:
        entry = found[tuple(row[column] for column in columns)]
        entry[0] += row["count"]
        entry[1] += row["time_ns"]
    return found


def changes(before, after, columns):
    """(key, counts before and after, times before and after), what changed most in number first."""
    old, new = totals(before, columns), totals(after, columns)
    rows = [(key, old[key][0], new[key][0], old[key][1], new[key][1]) for key in {**old, **new}]
    return sorted(rows, key=lambda row: (-abs(row[2] - row[1]), row[0]))


def percent(before, after):
    return "new" if not before else f"{100 * (after - before) / before:+.1f} %"


def place(row):
    """Of a row of a ledger: the function, which has the same name in another run; its address has not."""
    return row["symbol"].split("+")[0] or "(no name)"


def text(before, after):
    lines = []
    for rows in (before, after):
        for row in rows:
            row["function"] = place(row)
    for columns, head, most in ((("reason",), "reason", None), (("device", "register"), "device register", MOST),
                                (("function", "register"), "function in the guest", MOST)):
        shown = [row for row in changes(before, after, columns) if most is None or row[1] != row[2]][:most]
        if shown:
            lines += [f"{'before':>9} {'after':>9} {'change':>9} {'time':>9}  {head}"]
            lines += [f"{count:9} {now:9} {percent(count, now):>9} {percent(time, then):>9}  {' '.join(filter(None, key))}"
                      for key, count, now, time, then in shown]
            lines.append("")
    return "\n".join(lines)


def compare(argv):
    parser = cli.Parser(prog="tools/traproom report", usage=USAGE, allow_abbrev=False,
                        description="How the exits of two runs differ, by reason, device register and place: ledgers, of "
                        "`tools/traproom run --ledger FILE.json` or FILE.csv.")
    parser.add_argument("before", metavar="A")
    parser.add_argument("after", metavar="B")
    args = parser.parse_args(argv)
    print(text(read(args.before), read(args.after)), end="")
    return 0


def main(argv):
    return cli.guarded(lambda: compare(argv))

