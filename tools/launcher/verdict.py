# SPDX-License-Identifier: Apache-2.0
"""The launcher's exit status, from how QEMU ended and what came out of it. Used by session.py and
cli.py; streams.py has looked at the output."""

import re
import signal

from launcher import console, watch

POWERED_OFF, WRONG_SETUP, HYPERVISOR_FAILED, GUEST_STOPPED = 0, 1, 2, 3
TESTS_FAILED = 113
NOT_LOADED = 114  # guest/initramfs/session says it, too
WARNED, OOPSED, HUNG, SILENT, MODEL_FAILED = 115, 116, 117, 118, 119
NO_VERDICT, PANICKED, RESET, TIMED_OUT = 120, 121, 122, 124
SIGNALLED, INTERRUPTED, PIPE_CLOSED = 128, 130, 141

# For --help and README, which a test compares.
STATUSES = (
    ("0", "the guest powered off, or you left with Ctrl-A X"),
    ("any", "the command's own with --cmd; the shell's own when stdin is no terminal"),
    ("1", "wrong usage or set-up, said in words"),
    ("2", "the hypervisor or QEMU failed"),
    ("3", "the hypervisor stopped the guest, for the reason it gives"),
    ("113", "tests failed, or their results are not whole, with --tap or --xfstests"),
    ("114", "a module (--module) did not load, for the reason that the guest gives"),
    ("115", "the guest's kernel warned: WARN, lockdep, KASAN, a stall and the like, with --warn=fail"),
    ("116", "the guest's kernel oopsed or hit a BUG, with --oops=panic"),
    ("117", "the guest hung: a CPU of it took no interrupts, or one exception after the other, for as long as "
            "--hang allows"),
    ("118", "the guest said nothing for as long as --silence allows"),
    ("119", "a device's model (--model) ended, broke the protocol or did not answer in time"),
    ("120", "the guest powered off, but the status of --cmd did not come, or part of the output was lost"),
    ("121", "the guest's kernel panicked"),
    ("122", "the guest reset itself: with --no-reboot, or --cmd, which implies it"),
    ("124", "the time limit (--timeout)"),
    ("130", "Ctrl-C; gdb ended QEMU"),
    ("141", "whoever read the output is gone"),
    ("128+N", "signal N ended the launcher: 129 SIGHUP, 143 SIGTERM"),
)

# What the hypervisor's last line says after "exit: ".
ENDINGS = {b"guest powered off": POWERED_OFF, b"guest refused": WRONG_SETUP,
           b"guest stopped": GUEST_STOPPED, b"guest reset": RESET,
           b"guest hung": HUNG, b"guest panicked": PANICKED, b"guest dead": PANICKED,
           b"hypervisor failed": HYPERVISOR_FAILED}

ADVICE = (
    (rb"cannot set up guest memory|Cannot allocate memory",
     "this computer does not give QEMU the memory for the machine: make the guest's RAM (--mem, or the "
     "tree's memory) or its disk smaller"),
    (rb"unable to find CPU model|can't apply global .*-cpu",
     "QEMU does not know such a --cpu: `qemu-system-aarch64 -cpu help` lists those it has"),
    (rb"Failed to get .* lock",
     "another QEMU has the image of a disk open: end that one first, or work on a copy"),
    (rb"Image is not in .* format|[Ii]mage is corrupt|-drive .*([Ii]nvalid|[Uu]nsupported|not supported)",
     "QEMU can't read an image as what it is said to be: is its format= right, and the file whole?"),
    (rb"Could not set up host forwarding rule",
     "another program has a port of --net's hostfwd=: does another run go on?"),
    (rb"-gdb .*Address already in use",
     "another program has gdb's port: does another run with --gdb go on?"),
)


def judge(end, streams, args):
    """The launcher's exit status, and what to say about it (or None). `end`: QEMU's status, or why it
    was stopped, as watch.py has it."""
    words, last = streams.console.words, streams.console.last
    said = judge_last_line(last)
    if words.panic and said != POWERED_OFF:  # a kernel that panicked does not do that
        return PANICKED, f"the guest's kernel panicked: {words.panic}"
    if words.oops and args.oops == "panic" and (isinstance(end, str) or said in (POWERED_OFF, RESET)):
        return OOPSED, f"the guest's kernel oopsed: {words.oops}"
    if end == watch.MODEL_FAILED:
        return MODEL_FAILED, None
    if end == watch.STALLED:
        return WARNED, f"the guest's kernel is stuck: {words.stall().name}: {words.stall()}"
    if end == watch.TIME_UP:
        return TIMED_OUT, f"the time limit of {args.timeout:g} s is over, QEMU was stopped"
    if end == watch.SILENT:
        return SILENT, f"the guest has said nothing for {args.silence:g} s (--silence), QEMU was stopped"
    if end != 0:
        return judge_failure(end, streams)
    if last.endswith(console.QUIT):  # it comes after whatever the guest's line has
        return POWERED_OFF, None
    return judge_end(POWERED_OFF if args.bare else said, streams, args)


def judge_end(status, streams, args):
    """QEMU has ended by itself; `status` is by the hypervisor's last line, None: there was none."""
    if status is None and args.gdb:
        return INTERRUPTED, "QEMU was ended, by gdb"
    if status is None:
        return HYPERVISOR_FAILED, "QEMU ended, but Traproom has not said why"
    if status in (HUNG, PANICKED):
        return status, "the " + streams.console.last.split(b"exit: ")[1].decode("utf-8", "replace")
    if status == RESET:
        return RESET, "the guest reset itself, which ends the run (--reboot lets it go on)"
    if status == POWERED_OFF:
        return judge_warnings(streams, args) or judge_tests(streams) or judge_command(streams, args)
    return status, None


def judge_warnings(streams, args):
    warnings = streams.console.words.warnings
    if not warnings or args.warn != "fail":
        return None
    more = f", and {len(warnings) - 1} more" if len(warnings) > 1 else ""
    return WARNED, f"the guest's kernel warned: {warnings[0].name}: {warnings[0]}{more}"


def judge_tests(streams):
    results = streams.console.results
    return (TESTS_FAILED, results.summary()) if results and results.failed() else None


def remark(status, streams):
    """What is worth a word though it is not the verdict, or None."""
    words, results = streams.console.words, streams.console.results
    if results and status != TESTS_FAILED:
        return results.summary()
    if words.oops and status not in (PANICKED, OOPSED):
        return f"the guest's kernel oopsed on the way: {words.oops} (--oops=panic makes that the verdict)"
    return None


def judge_failure(status, streams):
    """QEMU's words have been passed on: what to do about those that many a user meets."""
    for pattern, words in ADVICE:
        if re.search(pattern, streams.complaints):
            return WRONG_SETUP, words
    how = f"status {status}" if status > 0 else f"signal {-status}"
    if status == -signal.SIGKILL:
        return HYPERVISOR_FAILED, f"QEMU was killed ({how}): has this computer run out of memory?"
    if not streams.console.seen:
        return WRONG_SETUP, f"QEMU did not start the machine ({how})"
    return HYPERVISOR_FAILED, f"QEMU failed ({how})"


def judge_last_line(line):
    ending = re.fullmatch(rb"\[traproom\] exit: ([a-z]+ [a-z ]*[a-z])(: .*)?", line)
    return ENDINGS.get(ending.group(1) if ending else None)


def judge_command(streams, args):
    """The guest has powered off; what had it to run, if anything?"""
    if streams.garbled:
        return NO_VERDICT, ("part of the output was lost: something in the guest wrote to its "
                            "console, not in UTF-8, in the midst of it")
    if streams.status is None and args.cmd is not None:
        return NO_VERDICT, ("the guest powered off and left no verdict of the command: did it "
                            "power off itself, or is this not the default initramfs?")
    return streams.status or POWERED_OFF, None


def is_well(end, streams, words):
    """Did the run end as it should, whatever the command's status?"""
    return end == 0 and not words and judge_last_line(streams.console.last) in (None, POWERED_OFF)
