# SPDX-License-Identifier: Apache-2.0
"""QEMU from its start to its end: the terminal, the time limit, the exit status. Used by
cli.py; console.py looks at what comes out."""

import ctypes
import os
import re
import select
import signal
import subprocess
import sys
import termios
import time

from launcher import Problem, console

# Exit statuses; `tools/traproom run --help` explains them.
POWERED_OFF, WRONG_SETUP, HYPERVISOR_FAILED, GUEST_STOPPED, TIMED_OUT = 0, 1, 2, 3, 124
INTERRUPTED, PIPE_CLOSED = 130, 141

# What the hypervisor's last line says after "exit: ".
ENDINGS = {b"guest powered off": POWERED_OFF, b"guest refused": WRONG_SETUP,
           b"guest stopped": GUEST_STOPPED, b"hypervisor failed": HYPERVISOR_FAILED}

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
    def __init__(self, command, output, timeout):
        self.command = command
        self.output = output
        self.deadline = time.monotonic() + timeout if timeout else None
        self.process = None

    def run(self):
        """Returns QEMU's own status, or None when the time was up."""
        in_time = False
        with Terminal():
            self._start()
            try:
                in_time = self._copy()
            finally:
                self._stop(TO_LEAVE if in_time else LAST_MOMENT)
        return self.process.returncode if in_time else None

    def _start(self):
        try:
            self.process = subprocess.Popen(self.command, stdin=guest_stdin(), bufsize=0,
                                            stdout=subprocess.PIPE, preexec_fn=die_with_parent)
        except FileNotFoundError as error:
            raise Problem(f"{self.command[0]} is not installed: run tools/setup run") from error

    def _copy(self):
        """Pass QEMU's output on until it ends; False: the time was up first."""
        pipe = self.process.stdout
        while True:
            left = self.deadline - time.monotonic() if self.deadline else None
            if left is not None and left <= 0:
                return False
            wait = HOLD if self.output.waiting() else left
            if not select.select([pipe], [], [], wait)[0]:
                write_all(self.output.release() if self.output.waiting() else b"")
                continue
            data = os.read(pipe.fileno(), CHUNK)
            write_all(self.output.feed(data) if data else self.output.close())
            if not data:
                return True

    def _stop(self, patience):
        """QEMU is about to end, or shall: within so many seconds, else it is killed."""
        try:
            self.process.wait(timeout=patience)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


def judge(qemu_status, output, args):
    """The launcher's exit status, and what to say about it (or None)."""
    last = output.last
    if qemu_status != 0:
        if not output.seen:
            return WRONG_SETUP, f"QEMU did not start the machine (status {qemu_status})"
        return HYPERVISOR_FAILED, f"QEMU failed (status {qemu_status})"
    if last.endswith(console.QUIT):  # it comes after whatever the guest's line has
        return (POWERED_OFF, None) if args.cmd is None else \
            (INTERRUPTED, "QEMU was left before the command had ended")
    if not args.bare:
        ending = re.fullmatch(rb"\[traproom\] exit: ([a-z]+ [a-z ]*[a-z])(: .*)?", last)
        status = ENDINGS.get(ending.group(1) if ending else None)
        if status is None and args.gdb:
            return INTERRUPTED, "QEMU was ended, by gdb"
        if status is None:
            return HYPERVISOR_FAILED, "QEMU ended, but Traproom has not said why"
        if status != POWERED_OFF:
            return status, None
    if args.cmd is None:
        return POWERED_OFF, None
    if output.verdict is None:
        return WRONG_SETUP, ("the guest powered off and left no verdict of the command: did it "
                             "power off itself, or is this not the default initramfs?")
    return output.verdict, None


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
        status = Session(command, output, args.timeout).run()
    except BrokenPipeError:
        return PIPE_CLOSED
    if status is None:
        say(f"the time limit of {args.timeout:g} s is over, QEMU was stopped")
        return TIMED_OUT
    status, words = judge(status, output, args)
    if words:
        say(words)
    return status
