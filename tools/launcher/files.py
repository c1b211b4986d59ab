# SPDX-License-Identifier: Apache-2.0
"""The files that options name: a file, a pipe or a block device becomes a path and a size that
QEMU can use. Used by stage.py."""

import collections
import os
import select
import stat
import time

from launcher import Problem, TimeUp

CHUNK = 1 << 20

FOLDER_HINTS = {"--initrd": ": --initrd none --put {0}/.:/ makes an initramfs of it",
                "--kernel": ": give its arch/arm64/boot/Image"}

# `name` is what the user called it, for messages; `path` is where it is.
File = collections.namedtuple("File", "name path size")


class Files:
    """What the user names, and copies in `folder` of what can be read only once."""

    def __init__(self, folder, timeout=None):
        self.folder = folder
        self.deadline = time.monotonic() + timeout if timeout else None
        self.copies = 0

    def get(self, option, name, may_be_empty=False, pipe=True):
        """A File that can be read; `pipe`: also a copy of what comes out of one."""
        if not name:
            raise Problem(f"{option}: the file's name is empty: is a variable of the shell not set?")
        try:
            file = self._open(option, name, pipe)
        except OSError as error:
            raise Problem(f"{option} {name}: {error.strerror}") from error
        if file.size == 0 and not may_be_empty:
            raise Problem(f"{option} {name}: the file is empty")
        return file

    def new(self):
        """A path for a file of our own."""
        self.copies += 1
        return os.path.join(self.folder, f"file{self.copies}")

    def _open(self, option, name, pipe):
        fd = os.open(name, os.O_RDONLY | os.O_NONBLOCK)  # a FIFO would wait for its writer here
        try:
            mode = os.fstat(fd).st_mode
            if stat.S_ISREG(mode) or stat.S_ISBLK(mode):
                return File(name, name, os.lseek(fd, 0, os.SEEK_END))
            if stat.S_ISFIFO(mode) and pipe:
                return self._copy(option, name, fd)
        finally:
            os.close(fd)
        what = "it is a character device: give a file, a pipe or a block device"
        if stat.S_ISFIFO(mode):
            what = f"it is a pipe, which can't be written to as a disk is: say {name},ram"
        if stat.S_ISDIR(mode):
            what = "it is a folder" + FOLDER_HINTS.get(option, "").format(name.rstrip("/"))
        raise Problem(f"{option} {name}: {what}")

    def _copy(self, option, name, fd):
        path = self.new()
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        with open(path, "wb") as copy:
            while self._wait(poll, option, name):
                data = os.read(fd, CHUNK)
                if not data:
                    break
                copy.write(data)
        return File(name, path, os.path.getsize(path))

    def _wait(self, poll, option, name):
        left = None if self.deadline is None else max(0, self.deadline - time.monotonic())
        if not poll.poll(None if left is None else left * 1000):
            raise TimeUp(f"the time limit is over, and {option} {name}, a pipe, has not ended")
        return True
