# SPDX-License-Identifier: Apache-2.0
"""`tools/traproom hunt`: a command under many seeds, until one fails; then the fewest rules of --inject with which
it still does. Used by cli.py; inject.py reads the rules."""

import argparse
import concurrent.futures
import contextlib
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import threading

from launcher import Problem, inject, session, verdict
from launcher.stage import REPO
from launcher.words import take_out

LAUNCHER = os.path.join(REPO, "tools", "traproom")
SEED = "{seed}"
LAST_LINES = 15
OPTION = "--inject"

DESCRIPTION = """\
Run a command under many seeds, in parallel, and stop at the first that fails. Every {seed} in the command's
words becomes the seed; `run ...` is `tools/traproom run ...` with --inject-seed. If its --inject has several
rules, those are left out that the failure does not need.
"""

EPILOG = """\
exit status: 0 none has failed; that of the one that has; 1 wrong usage

example:
  tools/traproom hunt --seeds 100 -- run --icount --inject faults.rules --timeout 60 --cmd ./test
"""


def parse(kind, argv):
    """The options. `kind`: of parser."""
    parser = kind(prog="tools/traproom hunt", usage="tools/traproom hunt [OPTIONS] -- COMMAND...",
                  description=DESCRIPTION, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
                  allow_abbrev=False)
    parser.add_argument("--seeds", metavar="N", type=int, default=100, help="how many (default: 100)")
    parser.add_argument("--first", metavar="N", type=int, default=0, help="the first of them (default: 0)")
    parser.add_argument("--jobs", metavar="N", type=int, default=os.cpu_count() or 1,
                        help="at a time (default: as many as this machine has CPUs)")
    parser.add_argument("hunted", metavar="COMMAND", nargs="+", help="what to run")
    return parser.parse_args(argv)


class Runner:
    """Runs commands, several at a time; each in a group of its own, so that it can be stopped."""

    def __init__(self):
        self.lock = threading.Lock()
        self.running = set()
        self.over = False

    def run(self, command):
        """(exit status, the end of what it printed); None: it was stopped."""
        with tempfile.TemporaryFile() as output:
            with self.lock:
                if self.over:
                    return None
                process = self._start(command, output)
                self.running.add(process)
            status = process.wait()
            with self.lock:
                self.running.remove(process)
                if self.over:
                    return None
            output.seek(0)
            lines = output.read().decode("utf-8", "replace").splitlines()
        return (status if status >= 0 else verdict.SIGNALLED - status), lines[-LAST_LINES:]

    @staticmethod
    def _start(command, output):
        try:
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                                    start_new_session=True)
        except OSError as error:
            raise Problem(f"{command[0]}: {error.strerror}") from error

    def stop(self):
        """What runs is ended, and nothing begins any more."""
        with self.lock:
            self.over = True
            for process in self.running:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGTERM)

    def again(self):
        self.over = False


class Command:
    """What is run. With `rules`, it is a run of ours, whose --inject they are."""

    def __init__(self, words):
        self.ours = words[0] == "run"
        self.words = words
        self.rules = []
        if self.ours:
            given, self.words = take_out(OPTION, words)
            self.rules = [text.strip() for _, _, text in inject.read(given)]

    def line(self, seed, kept=None):
        """The command's words. `kept`: the indices of the rules that are left, None for all."""
        if not self.ours:
            return [word.replace(SEED, str(seed)) for word in self.words]
        words = [LAUNCHER, *self.words]
        if self.rules:
            texts = [text if kept is None or index in kept else "" for index, text in enumerate(self.rules)]
            words += [OPTION, ";".join(inject.without_comment(text) for text in texts)]
        return words + ["--inject-seed", str(seed)]

    def real_rules(self):
        return [index for index, text in enumerate(self.rules) if inject.without_comment(text)]


def find(command, seeds, jobs, runner):
    """(seed, (status, lines)) of the first that fails, None: none does."""
    found = None
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        waiting = {pool.submit(runner.run, command.line(seed)): seed for seed in seeds}
        try:
            for done in concurrent.futures.as_completed(waiting):
                result = done.result()
                if result and result[0] != 0 and found is None:
                    found = waiting[done], result
                    runner.stop()
        except BaseException:
            runner.stop()
            raise
    runner.again()
    return found


def shrink(items, fails):
    """The fewest of `items`, in order, of which fails(them) is still true, as it is of all: delta debugging."""
    parts = 2
    while len(items) > 1:
        size = -(-len(items) // parts)
        chunks = [items[at:at + size] for at in range(0, len(items), size)]
        rests = [[item for item in items if item not in chunk] for chunk in chunks]
        smaller = next((chunk for chunk in chunks if fails(chunk)), None)
        rest = None if smaller or len(chunks) == 2 else next((rest for rest in rests if fails(rest)), None)
        if smaller:
            items, parts = smaller, 2
        elif rest:
            items, parts = rest, max(parts - 1, 2)
        elif size == 1:
            break
        else:
            parts = min(2 * parts, len(items))
    return items


def needed(command, seed, status, runner):
    """The indices of the rules that it takes."""
    kept = command.real_rules()
    if len(kept) < 2:
        return kept
    session.say(f"which of the {len(kept)} rules does it take?")
    if runner.run(command.line(seed, set(kept)))[0] != status:
        session.say("it did not fail again: without --icount, or with a disk of the machine's, no two runs are alike")
        return kept
    return shrink(kept, lambda some: runner.run(command.line(seed, set(some)))[0] == status)


def hunt(args, runner=None):
    """Returns the exit status."""
    if args.jobs < 1 or args.seeds < 1:
        raise Problem("hunt: --jobs and --seeds are 1 at least")
    runner = runner or Runner()
    command = Command(args.hunted)
    if not command.ours and not any(SEED in word for word in args.hunted):
        raise Problem(f"hunt: nothing in the command changes with the seed: write {SEED} where it belongs")
    found = find(command, range(args.first, args.first + args.seeds), args.jobs, runner)
    if not found:
        session.say(f"{args.seeds} seeds from {args.first} on, and none has failed")
        return 0
    seed, (status, lines) = found
    session.say(f"seed {seed} fails, with exit status {status}. It said last:")
    for line in lines:
        sys.stderr.write("    " + line + "\n")
    kept = needed(command, seed, status, runner)
    for index in kept:
        session.say(f"it takes the rule '{inject.without_comment(command.rules[index])}'")
    session.say("this does it again:")
    print(shlex.join(command.line(seed, set(kept))), flush=True)
    return status
