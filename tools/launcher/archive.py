# SPDX-License-Identifier: Apache-2.0
"""cpio archives in the format that the kernel unpacks as an initramfs (Linux, "initramfs buffer
format", "newc"). All belongs to root, and no time is noted: the same files make the same archive.
Used by stage.py, guest/initramfs/make and tools/benchmark."""

import os
import shutil
import stat

from launcher import Problem

ALIGN = 4
TRAILER = "TRAILER!!!"
LARGEST_FILE = (1 << 32) - 1  # the header has 32 bits for it


class Archive:
    def __init__(self, out, folders=()):
        """`out`: a binary file, at a multiple of 4; `folders`: those that are there already."""
        self.out = out
        self.inode = 0
        self.content = 0  # where that of the last entry begins
        self.folders = set(folders)

    def folder(self, name, mode=0o755):
        """A folder, and those above it, each once."""
        name = name.strip("/")
        if name and name not in self.folders:
            self.folder(os.path.dirname(name))
            self.folders.add(name)
            self._header(name, stat.S_IFDIR | mode, 0)

    def data(self, name, content, mode=0o644):
        self._above(name)
        self._header(name, stat.S_IFREG | mode, len(content))
        self.out.write(content)
        self._pad()

    def link(self, name, target):
        self._above(name)
        target = os.fsencode(target)
        self._header(name, stat.S_IFLNK | 0o777, len(target))
        self.out.write(target)
        self._pad()

    def device(self, name, major, minor):
        """A character device, for root."""
        self._above(name)
        self._header(name, stat.S_IFCHR | 0o600, 0, (major, minor))

    def file(self, name, path):
        """A file with its permissions."""
        self._above(name)
        with open(path, "rb") as source:
            status = os.fstat(source.fileno())
            if status.st_size > LARGEST_FILE:
                raise Problem(f"{path}: {status.st_size} bytes are more than an initramfs can hold in "
                              "one file, 4 GiB less one: put it on a disk (--disk)")
            self._header(name, stat.S_IFREG | stat.S_IMODE(status.st_mode), status.st_size)
            shutil.copyfileobj(source, self.out, 1 << 20)
            if self.out.tell() - self.content != status.st_size:
                raise Problem(f"{path} has changed while it was read: try again")
        self._pad()

    def tree(self, name, path):
        """A file, or a folder with all in it; links in it stay links."""
        mode = os.lstat(path).st_mode
        if stat.S_ISLNK(mode):
            self.link(name, os.readlink(path))
        elif stat.S_ISREG(mode):
            self.file(name, path)
        elif stat.S_ISDIR(mode):
            self.folder(name, stat.S_IMODE(mode))
            for entry in sorted(os.listdir(path)):
                self.tree(f"{name}/{entry}".lstrip("/"), os.path.join(path, entry))
        else:
            raise Problem(f"{path} is no file, folder or link: the initramfs can't take it")

    def close(self):
        self._header(TRAILER, 0, 0)

    def _above(self, name):
        self.folder(os.path.dirname(name))

    def _header(self, name, mode, size, device=(0, 0)):
        encoded = os.fsencode(name.lstrip("/")) + b"\0"
        self.inode += 1
        fields = (self.inode, mode, 0, 0, 1, 0, size, 0, 0, *device, len(encoded), 0)
        self.out.write(b"070701" + b"".join(b"%08X" % field for field in fields) + encoded)
        self._pad()
        self.content = self.out.tell()

    def _pad(self):
        self.out.write(b"\0" * (-self.out.tell() % ALIGN))
