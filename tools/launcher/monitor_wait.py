# SPDX-License-Identifier: Apache-2.0
"""The way to a run's monitor for who asks, who may come before the run is ready. Used by monitor.py and
trace_attach.py; monitor_channel.py is the run's end."""

import contextlib
import ctypes
import os
import select
import time

from launcher import Problem, monitor_channel, session
from launcher.monitor_wire import PATIENCE, Refused, Wire

SECONDS = 30  # for a run that is starting
GRACE = 3  # for one that has not even said so
LOOK = 0.5  # between two looks, should no event come
IN_MOVED_TO, IN_CREATE, IN_DELETE = 0x80, 0x100, 0x200


class Changes:
    """In folders, by inotify(7)."""

    def __init__(self, folders):
        libc = ctypes.CDLL(None)
        self._fd = libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        for folder in folders:
            libc.inotify_add_watch(self._fd, os.fsencode(folder), IN_MOVED_TO | IN_CREATE | IN_DELETE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._fd >= 0:
            os.close(self._fd)

    def wait(self, seconds):
        """Until there is one, or for so long, or a moment."""
        if select.select([self._fd] if self._fd >= 0 else [], [], [], min(seconds, LOOK))[0]:
            os.read(self._fd, 4096)


def find(path, pid):
    """A connection to the run that is meant, None: it is not there."""
    if path is None:
        found = monitor_channel.running()
        if pid is not None:
            found = [one for one in found if os.path.basename(one) == f"{pid}{monitor_channel.SUFFIX}"]
        if len(found) > 1:
            raise Problem("several guests run: say which by --run PID, of\n    " +
                          "\n    ".join(map(monitor_channel.described, found)))
        path = found[0] if found else None
    if path is None or not os.path.exists(path):
        return None
    try:
        return monitor_channel.connect(path)
    except Problem:
        if monitor_channel.starting():
            return None  # it is a dead run's, and there will be another in its place
        raise


def wait(path, pid, seconds):
    """The same, once it is there; None: it does not come."""
    began, said = time.monotonic(), False
    folders = [monitor_channel.folder()] + ([os.path.dirname(os.path.abspath(path))] if path else [])
    with Changes(folders) as changes:
        while True:
            link = find(path, pid)
            left = began + (seconds if monitor_channel.starting() else min(seconds, GRACE)) - time.monotonic()
            if link or left <= 0:
                return link
            if not said:
                session.say("no guest with a monitor runs yet: waiting for one that is starting")
            said = True
            changes.wait(left)


def reach(path, pid, seconds, patience=0):
    """The Wire to the run that is meant: one whose guest has begun. Each answer may take `patience` seconds, or what is
    usual."""
    link = wait(path, pid, seconds)
    if link is None:
        raise Problem(f"no monitor at {path}" if path is not None else
                      "no guest of yours runs with a monitor: start one at a terminal, or with "
                      "`tools/traproom run --monitor`")
    wire = Wire(link, max(PATIENCE, seconds, patience))
    with contextlib.suppress(Refused):
        wire.regs(0)  # answered on the guest's own CPU
    return wire
