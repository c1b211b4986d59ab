# SPDX-License-Identifier: Apache-2.0
"""`tools/traproom monitor`: asks Traproom about a guest that runs. monitor_commands.py has what can be asked,
monitor_wait.py the way there."""

import argparse
import os
import sys

from launcher import Problem, cli, monitor_channel, monitor_commands, monitor_wait, options, session, verdict
from launcher.monitor_wire import Refused

STARTS = 900  # seconds until a guest that is being started may be asked

USAGE = """\
usage: tools/traproom monitor [--json] [--socket PATH | --run PID | --list] [--wait SECONDS] [COMMAND]...

Asks Traproom about a guest that runs, or changes it. Each COMMAND is one argument; `help` lists them.
Without one, commands are read from stdin, one a line; at a
terminal with history, completion and line editing. A run has a monitor when it is at a terminal,
or with --monitor.

  --json         what is found as JSON, one line a command
  --socket PATH  of a run with --monitor PATH
  --run PID      of the run whose launcher is that process; not needed where there is but one
  --list         the sockets of your runs, and behind a tab how each was started
  --wait SECONDS for a run that is starting (default: 30)

exit status: 0, or 1 where a command was refused or there is no such run
"""


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


def seconds(text):
    try:
        return monitor_wait.SECONDS if text is None else options.seconds(text)
    except argparse.ArgumentTypeError as error:
        raise Problem(f"--wait: {error}") from error


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
    path, pid, patience = (take(argv, option) for option in ("--socket", "--run", "--wait"))
    if argv and argv[0].startswith("-"):
        raise Problem(f"{argv[0]} is no option of `tools/traproom monitor` (--help explains them)")
    if listed:
        print("".join(f"{monitor_channel.described(one)}\n" for one in monitor_channel.running()), end="")
        return 0
    wire = monitor_wait.reach(path, pid, seconds(patience), STARTS if early else 0)
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
