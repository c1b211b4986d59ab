# SPDX-License-Identifier: Apache-2.0
"""`tools/traproom monitor`: asks Traproom about a guest that runs. monitor_commands.py has what can be asked,
monitor_channel.py the way there."""

import os
import sys

from launcher import Problem, cli, monitor_channel, monitor_commands, session, verdict
from launcher.monitor_wire import PATIENCE, Refused, Wire

STARTS = 900  # seconds until a guest that is being started may be asked

USAGE = """\
usage: tools/traproom monitor [--json] [--socket PATH | --run PID | --list] [COMMAND]...

Asks Traproom about a guest that runs, or changes it. Each COMMAND is one argument; `help` lists them.
Without one, commands are read from stdin, one a line; at a
terminal with history, completion and line editing. A run has a monitor when it is at a terminal,
or with --monitor.

  --json         what is found as JSON, one line a command
  --socket PATH  of a run with --monitor PATH
  --run PID      of the run whose launcher is that process; not needed where there is but one
  --list         the sockets of your runs

exit status: 0, or 1 where a command was refused or there is no such run
"""


def choose(path, pid):
    """The socket to ask at."""
    if path is not None:
        return path
    found = monitor_channel.running()
    if pid is not None:
        found = [one for one in found if os.path.basename(one) == f"{pid}{monitor_channel.SUFFIX}"]
    if not found:
        raise Problem("no guest of yours runs with a monitor: start one at a terminal, or with "
                      "`tools/traproom run --monitor`")
    if len(found) > 1:
        raise Problem("several guests run: say which by --run PID, of\n    " + "\n    ".join(found))
    return found[0]


def do(wire, text, out):
    """One command. False: it was not done, which was said."""
    try:
        monitor_commands.run(wire, text, out)
    except (monitor_commands.Usage, Refused) as why:
        session.say(str(why))
        return False
    return True


def take(argv, option):
    """The value of an option, taken out of the arguments; None: it is not there."""
    if option not in argv:
        return None
    at = argv.index(option)
    if at + 1 == len(argv):
        raise Problem(f"{option}: its value is missing")
    value = argv[at + 1]
    del argv[at:at + 2]
    return value


def monitor(argv):
    if "--help" in argv or "-h" in argv:
        print(USAGE, end="")
        return 0
    argv = list(argv)
    as_json = "--json" in argv
    listed = "--list" in argv
    prompting = "--prompt" in argv
    early = "--early" in argv
    argv = [word for word in argv if word not in ("--json", "--list", "--prompt", "--early")]
    path, pid = take(argv, "--socket"), take(argv, "--run")
    if argv and argv[0].startswith("-"):
        raise Problem(f"{argv[0]} is no option of `tools/traproom monitor` (--help explains them)")
    if listed:
        print("".join(f"{one}\n" for one in monitor_channel.running()), end="")
        return 0
    wire = Wire(monitor_channel.connect(choose(path, pid)), STARTS if early else PATIENCE)
    out = monitor_commands.Out(sys.stdout.write, as_json)
    if not argv and (prompting or os.isatty(0)):
        from launcher import monitor_prompt  # pylint: disable=import-outside-toplevel # readline takes the terminal
        return monitor_prompt.prompt(lambda text: do(wire, text, out))
    done = True
    for text in argv or sys.stdin:
        done &= do(wire, text, out)
        sys.stdout.flush()
    return 0 if done else verdict.WRONG_SETUP


def main(argv):
    return cli.guarded(lambda: monitor(argv))
