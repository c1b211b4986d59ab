# SPDX-License-Identifier: Apache-2.0
"""QEMU from its start to its end: the terminal, the time limit. Used by cli.py; console.py looks
at what comes out, verdict.py says what it means."""

import ctypes
import os
import select
import signal
import subprocess
import sys
import termios
import time

from launcher import Problem, verdict

PR_SET_PDEATHSIG = 1
HOLD = 0.05  # seconds that part of a line may be held back
LAST_MOMENT = 0.5  # seconds for QEMU to end when it is told to
TO_LEAVE = 60  # and by itself after its last output: giving back its memory can take long
CHUNK = 65536


class Terminated(Exception):
    """A signal asked the launcher to end."""

    def __init__(self, number):
        super().__init__(number)
        self.number = number


def say(text):
    sys.stderr.write(f"traproom: {text}\n")
    sys.stderr.flush()


def has_terminal():
    """Can the guest's keyboard be this terminal? Not when it belongs to another job."""
    try:
        return os.isatty(0) and os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return False


def guest_stdin():
    """What QEMU reads: our stdin, or nothing when that is closed or another job's terminal."""
    try:
        os.fstat(0)
    except OSError:
        return subprocess.DEVNULL
    return None if has_terminal() or not os.isatty(0) else subprocess.DEVNULL


class Terminal:
    """Puts the terminal back as it was: QEMU can't when it is killed."""

    def __enter__(self):
        self.saved = termios.tcgetattr(0) if has_terminal() else None
        return self

    def __exit__(self, *_):
        if self.saved:
            termios.tcsetattr(0, termios.TCSADRAIN, self.saved)
            os.set_blocking(0, True)


def die_with_parent():
    """In QEMU's process before it is QEMU: a killed launcher leaves nothing running."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def write_all(data):
    """To stdout, which may be non-blocking: QEMU makes the terminal so, and we share it."""
    while data:
        try:
            data = data[os.write(1, data):]
        except BlockingIOError:
            select.select([], [1], [])


class Session:
    def __init__(self, command, output, args):
        self.command = command
        self.output = output
        self.deadline = time.monotonic() + args.timeout if args.timeout else None
        # Nobody is there to look at a guest that panicked and does nothing more.
        self.ends_at_rest = args.cmd is not None or not has_terminal()
        self.process = None

    def run(self):
        """Returns QEMU's own status, or why it was stopped: TIME_UP, AT_REST."""
        why = verdict.TIME_UP
        with Terminal():
            self._start()
            try:
                why = self._copy()
            finally:
                self._stop(LAST_MOMENT if why else TO_LEAVE)
        return why or self.process.returncode

    def _start(self):
        try:
            self.process = subprocess.Popen(self.command, stdin=guest_stdin(), bufsize=0,
                                            stdout=subprocess.PIPE, preexec_fn=die_with_parent)
        except FileNotFoundError as error:
            raise Problem(f"{self.command[0]} is not installed: run tools/setup run") from error

    def _copy(self):
        """Pass QEMU's output on until it ends (None), or there is a reason to stop it."""
        pipe = self.process.stdout
        while True:
            left = self.deadline - time.monotonic() if self.deadline else None
            if left is not None and left <= 0:
                return verdict.TIME_UP
            wait = HOLD if self.output.waiting() else left
            if not select.select([pipe], [], [], wait)[0]:
                write_all(self.output.release() if self.output.waiting() else b"")
                continue
            data = os.read(pipe.fileno(), CHUNK)
            write_all(self.output.feed(data) if data else self.output.close())
            if not data:
                return None
            if self.output.dead and self.ends_at_rest:
                return verdict.AT_REST

    def _stop(self, patience):
        """QEMU is about to end, or shall: within so many seconds, else it is killed."""
        try:
            self.process.wait(timeout=patience)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


def raise_terminated(number, _frame):
    raise Terminated(number)


def catch_signals():
    """
    From here on those that ask the launcher to end raise Terminated, so that it tidies up. What it
    was started to ignore it ignores, as after nohup.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, raise_terminated)


def run(command, output, args):
    """Run QEMU; returns the launcher's exit status."""
    try:
        end = Session(command, output, args).run()
    except BrokenPipeError:
        return verdict.PIPE_CLOSED
    status, words = verdict.judge(end, output, args)
    if words:
        say(words)
    return status
