# SPDX-License-Identifier: Apache-2.0
"""QEMU from its start to its end, and the time limit. Used by cli.py; streams.py looks at what comes out,
verdict.py says what it means."""

import ctypes
import os
import re
import select
import signal
import subprocess
import sys
import time

from launcher import Problem, autopsy, core, verdict, watch
from launcher.guest_memory import NoRam
from launcher.monitor_prompt import Keys
from launcher.qmp import Qmp
from launcher.standard_files import Input, Terminal, has_terminal, write_all
from launcher.streams import STDERR
from launcher.witness import Witness

PR_SET_PDEATHSIG = 1
HOLD = 0.05  # seconds that part of a line may be held back
LAST_MOMENT = 0.5  # seconds for QEMU to end when it is told to
TO_LEAVE = 60  # with disks to be written back, or by itself: giving back its memory can take long
LAST_ANSWER = 10  # for Traproom to tell what it knows, at the end
AGAIN = 1  # and until it is asked once more: before the guest starts, it does not hear it
CHUNK = 65536
COMPLAINTS = 4096  # bytes of QEMU's stderr that are kept
OUR_DOING = re.compile(rb"[^\n]*: terminating on signal [^\n]*\n")


class Terminated(Exception):
    """A signal asked the launcher to end."""

    def __init__(self, number):
        super().__init__(number)
        self.number = number


def say(text):
    sys.stderr.write(f"traproom: {text}\n")
    sys.stderr.flush()


def die_with_parent():
    """In QEMU's process before it is QEMU: a killed launcher leaves nothing running."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Session:
    its_output = subprocess.PIPE  # QEMU's stdout, for Popen

    def __init__(self, command, streams, args, port, models, relayed, keeps_data, monitor=None, trace=None, ram=None):
        self.command = command
        self.streams = streams
        self.args = args
        self.port = port
        self.models = models
        self.monitor = monitor  # a monitor_channel.Channel or None
        self.trace = trace  # a trace.Trace or None
        self.ram = ram  # the file that is the machine's memory, or None
        self.relayed = relayed
        self.keeps_data = keeps_data
        self.keyboard = has_terminal() and not relayed  # QEMU reads it itself
        self.keys = self.keyboard and monitor is not None  # or it gets the keys from us, but for the monitor's
        self.process = None
        self.gone = None  # a file that can be read once QEMU has ended
        self.input = None
        self.qmp = None
        if not args.bare and (args.stats or args.report or not args.attended):
            self.qmp = Qmp(holds=args.report and not args.attended)
        self.watch = watch.Watch(args, streams.console.words, bool(self.qmp), time.monotonic())
        self.witness = None  # of what the kernel has said, where the guest's memory is to be looked at
        if self.qmp and self.qmp.holds:
            self.witness = Witness(streams.console, self.qmp.read_memory)
        self.reported = 0  # how often Traproom has

    def run(self):
        """Returns QEMU's own status, or why it was stopped, as watch.py has it."""
        why = watch.TIME_UP
        with Terminal():
            self._start()
            try:
                why = self._watch()
                if why and self.qmp:
                    self._ask_at_the_end()
            finally:
                self._stop(told=bool(why))
        return why or self.process.returncode

    def _start(self):
        its = [end.its for end in self._ends() + ([self.monitor] if self.monitor else [])] + self.models.ends
        its += [self.ram] if self.ram else []
        if self.monitor:
            self.monitor.keep(self.ram, self.args.symbols)
        command = self.command[:1] + (self.qmp.arguments() if self.qmp else []) + self.command[1:]
        try:
            self.process = subprocess.Popen(command, bufsize=0, stdout=self.its_output,
                                            stdin=None if self.keyboard and not self.keys else subprocess.PIPE,
                                            stderr=subprocess.PIPE,
                                            pass_fds=[end.fileno() for end in its],
                                            preexec_fn=die_with_parent)
        except FileNotFoundError as error:
            raise Problem(f"{self.command[0]} is not installed: run tools/setup run") from error
        self.gone = os.pidfd_open(self.process.pid)
        for end in its:
            end.close()
        if self.monitor:
            self.monitor.own_lines = self.streams.console.own
            self.monitor.start()
        if self.qmp:
            self.qmp.start()
        if self.keys:
            self.input = Keys(self.process.stdin, self.streams, self.monitor.path)
        elif not self.keyboard:
            self.input = Input(self.process.stdin, self.port, self.streams, self.relayed, self._tell_input_ended)
            self.input.ended = self.relayed and self.args.no_input

    def _ends(self):
        """Of the ways between QEMU and us, beside its standard files and those to the models."""
        return [end for end in (self.qmp, self.port) if end]

    def _tell_input_ended(self):
        """A guest that takes no notice could run for ever, and its user wait for it."""
        if not self.relayed and not self.args.timeout and not self.args.quiet:
            say("standard input has ended; the guest goes on without it, until it powers off or "
                "Ctrl-C (--timeout would end it, too)")

    def _watch(self):
        """Why the guest is to be stopped; None: QEMU has ended. Traproom ends a guest that has panicked, and says so
        of one that lives."""
        while True:
            why = self._copy(self.watch.why, self.watch.left)
            if why in watch.BY_WORDS and self._are_lies():
                self.watch.corrected()
                continue
            if why != watch.ASK:
                return why
            if self.streams.console.words.has_panicked() or not self.qmp.send_break():
                return watch.AT_REST
            self.watch.asked(time.monotonic())

    def _are_lies(self):
        """Some of the words that would end the run?"""
        if not self.witness or not self.witness.open_questions() or not self.qmp.stop():
            return False
        found = self.witness.question()
        self.qmp.resume()
        return found

    def _let_go(self):
        """The machine is off, and all of its console is here."""
        if self.witness.open_questions():
            self.witness.question()
        self.qmp.quit()

    def _is_off(self):
        return self.qmp is not None and self.qmp.is_off

    def _is_held_back(self):
        """Is there part of a line that somebody may wait for?"""
        return self.streams.waiting() and not self.args.no_input

    def _ask_at_the_end(self):
        """The guest has not ended by itself, so Traproom has not shown what it knows."""
        console, reported = self.streams.console, self.reported
        answers = console.answers
        if self.args.stats:
            self._ask("--stats", lambda: console.answers > answers)
        if self.args.report and self.reported == reported:
            self._ask("report", lambda: self.reported > reported)

    def _ask(self, what, heard):
        """By breaks: the first may be taken for the question whether the guest lives (hyp/vm/watch.h)."""
        end = time.monotonic() + LAST_ANSWER
        why = watch.TIME_UP
        while why == watch.TIME_UP and not heard() and time.monotonic() < end and self._send_breaks():
            again = time.monotonic() + AGAIN
            why = self._copy(lambda now, again=again: heard() or (watch.TIME_UP if now >= again else None),
                             lambda now, again=again: max(0, again - now))
        if not heard():
            say(f"no {what}: Traproom does not answer")

    def _send_breaks(self):
        return self.qmp.send_break() and (self.args.attended or self.qmp.send_break())

    def _examine(self):
        """Traproom has reported on the guest, and holds it until a break."""
        report = self.streams.console.reports.last
        self.reported = self.streams.console.reports.count
        self.qmp.stop()
        found = autopsy.examine(report, self.qmp.read_memory, self.args.symbols)
        write_all(STDERR, found.text(self.streams.console.recent).encode())
        if self.trace:
            write_all(STDERR, self.trace.last(found.name).encode())
        if self.args.core:
            self._write_core(found)
        self.qmp.resume()
        self.qmp.send_break()

    def _write_core(self, found):
        try:
            core.write(self.args.core, found)
            say(f"the guest's core is {self.args.core}")
        except (OSError, NoRam) as error:
            say(f"no core: {error}")

    def _copy(self, reason, left):
        """Pass on what comes until QEMU ends (None) or reason(now) has one to stop; it is asked again
        after left(now) seconds."""
        output, errors = self.process.stdout, self.process.stderr
        sources = [output, errors] + [end for end in (self.port, self.models, self.qmp) if end]
        while True:
            now = time.monotonic()
            if reason(now):
                return reason(now)
            off = self._is_off()  # then all that it has printed can be read by now
            readable, writable, _ = select.select(
                sources + self._input_sources(),
                [self.input.to()] if self.input and self.input.pending else [], [],
                HOLD if self._is_held_back() or off else left(now))
            if writable:
                self.input.write()
            if 0 in readable:
                self.input.read()
            if self.input and self.input.prompt in readable:
                self.input.end_prompt()
            if errors in readable and not self._pass_complaints():
                sources.remove(errors)
            if self.port in readable and not self._pass_port():
                sources.remove(self.port)
            if output in readable and not self._pass_output():
                return None
            if self.models in readable:
                if self.models.read():
                    return watch.MODEL_FAILED
                sources.remove(self.models)
            if self.qmp in readable and not self.qmp.receive():
                sources.remove(self.qmp)
            elif off and output not in readable:
                self._let_go()
            if output not in readable and self.port not in readable and self._is_held_back():
                self._show(self.streams.release())

    def _input_sources(self):
        if self.input and self.input.prompt is not None:
            return [self.input.prompt]
        return [0] if self.input and self.input.wants_more() else []

    def _pass_port(self):
        data = self.port.read()
        self._show(self.streams.feed_port(data))
        if data:
            self.watch.heard(time.monotonic())
        return bool(data)

    def _pass_output(self):
        data = os.read(self.process.stdout.fileno(), CHUNK)
        if not data and self.port:
            self._finish_port()
        self._show(self.streams.feed(data) if data else self.streams.close())
        if data:
            self.watch.heard(time.monotonic())
        if self.qmp and self.args.report and self.streams.console.reports.count > self.reported:
            self._examine()
        return bool(data)

    def _finish_port(self):
        for data in self.port.rest(TO_LEAVE):
            self._show(self.streams.feed_port(data))

    def _pass_complaints(self):
        data = os.read(self.process.stderr.fileno(), CHUNK)
        write_all(STDERR, OUR_DOING.sub(b"", data))
        self.streams.complaints = (self.streams.complaints + data)[-COMPLAINTS:]
        return bool(data)

    @staticmethod
    def _show(parts):
        for fd, data in parts:
            write_all(fd, data)

    def _stop(self, told):
        """QEMU is about to end, or is told to and then writes back what the guest has written; if it
        takes too long it is killed."""
        if self.input and self.input.prompt is not None:
            self.input.end_prompt()
        if told:
            self.process.terminate()
        patience = TO_LEAVE if self.keeps_data or not told else LAST_MOMENT
        if not self._await_end(patience):
            self.process.kill()
            self.process.wait()
            if self.keeps_data:
                say(f"QEMU did not end within {patience} s and was killed: of what the guest has written, its "
                    "disks lack what it has not flushed")
        os.close(self.gone)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe:
                pipe.close()


    def _await_end(self, patience):
        """Has QEMU ended within so many seconds? Full pipes must not hold it up."""
        end, ready = time.monotonic() + patience, []
        sources = [self.gone, self.process.stdout, self.process.stderr]
        while self.gone not in ready or self.process.stderr in ready:
            ready = select.select(sources, [], [], max(0, end - time.monotonic()))[0]
            if not ready:
                break
            if self.process.stderr in ready and not self._pass_complaints():
                sources.remove(self.process.stderr)
                ready.remove(self.process.stderr)
            if self.process.stdout in ready and not os.read(self.process.stdout.fileno(), CHUNK):
                sources.remove(self.process.stdout)
        return bool(ready) and self.process.wait() is not None


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


def run(command, streams, args, staged, keeps_data, kind=Session):
    """Run QEMU; returns the launcher's exit status. `keeps_data`: it writes to files of the user's; `kind`: a
    Session or one like it."""
    try:
        end = kind(command, streams, args, staged.port, staged.models, bool(staged.nonce), keeps_data,
                   staged.monitor, staged.trace, staged.ram.file).run()
        results = streams.console.results
        if results:
            results.close()
        status, words = verdict.judge(end, streams, args)
        if args.junit is not None:
            with open(args.junit, "wb") as file:
                file.write(results.junit(words if status != verdict.TESTS_FAILED else None))
        if end == watch.MODEL_FAILED:
            words = staged.models.words
        write_all(STDERR, streams.last_words(verdict.is_well(end, streams, words)))
        for text in (verdict.remark(status, streams), words):
            if text:
                say(text)
    except BrokenPipeError:
        return verdict.PIPE_CLOSED
    return status
