# SPDX-License-Identifier: Apache-2.0
"""The flash of QEMU's own command line, in the three forms that it has there, as --firmware. Used by
qemu_line.py; firmware.py makes the flash."""

import os

from launcher import Problem
from launcher.words import escape, split

DATA = "/usr/share/qemu"  # where QEMU looks for a -bios that is not here
CODE, VARIABLES = 0, 1  # the banks, as -drive's unit= has them
UNITS = {"0": CODE, "1": VARIABLES}


class Flash:
    def __init__(self):
        self._banks = {}  # the file of each
        self._nodes = {}  # -blockdev: its words, by node-name
        self._plugged = {}  # -machine pflash0=NODE: the node of each
        self._next = CODE  # the bank of a -pflash or a -drive that does not say which

    def bios(self, value):
        here = os.path.exists(value) or os.path.basename(value) != value
        self._add(f"-bios {value}", CODE, value if here else os.path.join(DATA, value))

    def pflash(self, value):
        """The first is the code, the second what it keeps."""
        self._add(f"-pflash {value}", self._next, value)
        self._next += 1

    def drive(self, text, words):
        """A -drive with if=pflash, and its words."""
        said = f"-drive {text}"
        unit = words.get("unit", words.get("index", str(self._next)))
        if unit not in UNITS:
            raise Problem(f"{said}: the guest has two banks of flash, unit=0 and unit=1")
        if "file" not in words:
            raise Problem(f"{said}: it has no file=")
        self._add(said, UNITS[unit], words["file"], words.get("format", "raw"),
                  words.get("readonly") == "on" or words.get("snapshot") == "on")
        self._next += 1

    def blockdev(self, text):
        words = dict(word.partition("=")[::2] for word in split(text))
        self._nodes[words.get("node-name")] = words

    def plug(self, word, node):
        """-machine pflash0=NODE or pflash1=NODE."""
        self._plugged[UNITS[word[-1]]] = node

    def _add(self, said, unit, path, form="raw", read_only=False):
        if unit in self._banks or unit > VARIABLES:
            raise Problem(f"{said}: the guest has two banks of flash, and this one is taken")
        if form != "raw":
            raise Problem(f"{said}: the content of flash is a raw file, not {form}: convert it by `qemu-img "
                          "convert -O raw`")
        if read_only and unit == VARIABLES:
            raise Problem(f"{said}: the second bank of flash is written to: name a copy, writable")
        self._banks[unit] = path

    def _add_node(self, unit, name):
        """A node of -blockdev: a file, or "raw" over one."""
        said = f"-machine pflash{unit}={name}"
        words = self._nodes.get(name)
        if words is None:
            raise Problem(f"{said}: there is no -blockdev with that node-name")
        read_only = words.get("read-only") == "on"
        form = words.get("driver")
        if form == "raw" and words.get("file") in self._nodes:
            words = self._nodes[words["file"]]
        path = words.get("filename", words.get("file.filename"))
        if path is None:
            raise Problem(f"{said}: that -blockdev names no file")
        self._add(said, unit, path, "raw" if form == "file" else form, read_only)

    def options(self):
        """For `tools/traproom run`; none without flash. After all of the line."""
        for unit, name in sorted(self._plugged.items()):
            self._add_node(unit, name)
        if not self._banks:
            return []
        if CODE not in self._banks:
            raise Problem("there is flash for variables, but none with firmware: -bios, -pflash, or -drive if=pflash,unit=0")
        kept = f",vars={escape(self._banks[VARIABLES])}" if VARIABLES in self._banks else ""
        return ["--firmware", escape(self._banks[CODE]) + kept]
