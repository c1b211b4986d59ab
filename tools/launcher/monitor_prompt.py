# SPDX-License-Identifier: Apache-2.0
"""The monitor at a terminal. keys() is the prompt of `tools/traproom monitor`, with history, completion and line
editing by readline; Keys is a run's keyboard, on which Ctrl-T opens that prompt, in a process of its own, while the
guest goes on. Used by monitor.py and session.py."""

import os
import readline
import signal
import subprocess
import sys
import termios

from launcher import monitor_channel, monitor_commands
from launcher.standard_files import Input

ESCAPE = b"\x14"  # Ctrl-T
LITERAL = 20  # the prompt's status: Ctrl-T was typed there, too, so the guest is to have one
LITERAL_LINE = "ctrl-t"
TRAPROOM = os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "traproom")
HISTORY_MOST = 1000
BINDINGS = ("tab: complete", "set bell-style none", f'"\\C-t": "\\C-a\\C-k{LITERAL_LINE}\\C-m"',
            '"\\C-c": "\\C-a\\C-k"')


def complete(text, state):
    """Names of commands, of whose words the last is being typed."""
    line = readline.get_line_buffer()[:readline.get_endidx()]
    before = line[:len(line) - len(text)]
    names = [name[len(before):] for name in monitor_commands.load() if name.startswith(line)]
    if before == "help ":
        names = [name for name in monitor_commands.load() if name.startswith(text)]
    found = sorted({name.split(" ")[0] for name in names})
    return found[state] + " " if state < len(found) else None


def history_file():
    return os.path.join(monitor_channel.folder(), "history")


def lines():
    """What is typed, line by line, until its end."""
    for binding in BINDINGS:
        readline.parse_and_bind(binding)
    readline.set_completer_delims(" ")
    readline.set_completer(complete)
    readline.set_history_length(HISTORY_MOST)
    try:
        readline.read_history_file(history_file())
    except OSError:
        pass  # the first time
    while True:
        try:
            yield input("(traproom) ").strip()
        except EOFError:
            print()
            return


def prompt(do):
    """Until `quit`; do(line) for each. The exit status."""
    for line in lines():
        if line == LITERAL_LINE:
            return LITERAL
        if line in ("quit", "exit"):
            break
        if line:
            readline.write_history_file(history_file())
            do(line)
    return 0


def raw(attributes):
    """Each key for the guest, as QEMU has its terminal."""
    new = [list(part) if isinstance(part, list) else part for part in attributes]
    new[0] &= ~(termios.IGNBRK | termios.BRKINT | termios.PARMRK | termios.ISTRIP | termios.INLCR | termios.IGNCR |
                termios.ICRNL | termios.IXON)
    new[3] &= ~(termios.ECHO | termios.ECHONL | termios.ICANON | termios.IEXTEN | termios.ISIG)
    new[6][termios.VMIN], new[6][termios.VTIME] = 1, 0
    return new


class Keys(Input):
    """The terminal, on its way to QEMU's stdin."""

    def __init__(self, pipe, streams, path):
        super().__init__(pipe, None, streams, False, lambda: None)
        self.path = path
        self.usual = termios.tcgetattr(0)
        self.process = None
        termios.tcsetattr(0, termios.TCSADRAIN, raw(self.usual))

    def to(self):
        return self.pipe

    def wants_more(self):
        return self.prompt is None and super().wants_more()

    def read(self):
        super().read()
        keys, escape, _ = self.pending.partition(ESCAPE)
        if escape:
            self.pending = keys
            self._open()

    def _open(self):
        """No key may raise a signal: those of the terminal go to QEMU as well."""
        attributes = [*self.usual]
        attributes[3] &= ~termios.ISIG
        termios.tcsetattr(0, termios.TCSADRAIN, attributes)
        os.set_blocking(0, True)
        os.write(2, b"\r\n")
        self.process = subprocess.Popen([sys.executable, "-B", TRAPROOM, "monitor", "--socket", self.path, "--prompt"])
        self.prompt = os.pidfd_open(self.process.pid)

    def end_prompt(self):
        """It has ended, or is to."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        if self.process.wait() == LITERAL:
            self.pending += ESCAPE
        os.close(self.prompt)
        self.prompt = None
        termios.tcsetattr(0, termios.TCSADRAIN, raw(self.usual))
