# SPDX-License-Identifier: Apache-2.0
"""tools/qemu-system-aarch64: QEMU's name and command line, for tools that start QEMU by themselves.
The guest runs under Traproom. qemu_line.py reads the line, cli.py runs the guest."""

import contextlib
import os
import shutil
import sys

from launcher import Problem, cli, machine, qemu_apart, qemu_line, session, standard_files, verdict

WELL = (verdict.POWERED_OFF, verdict.RESET)  # for which QEMU's status is 0


def find_qemu(own):
    """The first on the PATH of that name that is not ourselves."""
    for folder in os.get_exec_path():
        found = shutil.which(machine.NAME, path=folder or ".")
        if found and not os.path.samefile(found, own):
            return found
    raise Problem(f"{machine.NAME} itself is not installed: run tools/setup run")


def run(line):
    kind, path = line.console
    sessions = session.Session
    if kind != qemu_line.STDIO:
        sessions = qemu_apart.sessions(path if kind == qemu_line.FILE else os.devnull, line.appends)
    status = cli.main(line.arguments(), sessions)
    return 0 if status in WELL else status


def main(argv, own):
    standard_files.open_standard_files()
    try:
        qemu = find_qemu(own)
        if not argv or qemu_line.wants_qemu(argv):
            os.execv(qemu, [qemu, *argv])
        machine.use(qemu)
        return run(qemu_line.Line(argv))
    except Problem as problem:
        session.say(str(problem))
    except OSError as error:
        session.say(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    with contextlib.suppress(OSError):
        sys.stderr.flush()
    return verdict.WRONG_SETUP
