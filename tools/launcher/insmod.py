# SPDX-License-Identifier: Apache-2.0
"""--module: kernel modules that are files of the user's, which the default guest loads before anything
of the user's runs. Used by initramfs.py; guest/initramfs/init loads them, session says that one failed.

They lie in the initramfs's traproom/insmod, each in a folder of its own, with a list of lines of
shell: `load FILE PARAMETERS`.
"""

import os
import shlex
import shutil
import subprocess

from launcher import Problem, modules
from launcher.words import split

OPTION = "--module"
FOLDER, LIST = "traproom/insmod", "traproom/insmod/list"

# ELF-64's header (System V ABI, "ELF Header"): what it begins with, e_type and e_machine.
MAGIC, TYPE_AT, RELOCATABLE_AARCH64 = b"\x7fELF\x02\x01", 16, b"\x01\0\xb7\0"


class Own:
    """One --module: its file, its parameters and the names of the modules that it needs."""

    def __init__(self, files, text):
        self.said = f"{OPTION} {text}"
        name, *self.parameters = split(text)
        file = files.get(OPTION, name)
        self.name = modules.module_name(name)
        self.file = modules.copy_module(file.path, os.path.join(files.new(), os.path.basename(name)))
        check(self.said, self.file)
        self.needs = needed(self.said, self.file)


def check(said, path):
    """Problem: no kernel for this CPU could load it."""
    with open(path, "rb") as file:
        head = file.read(TYPE_AT + len(RELOCATABLE_AARCH64))
    if not head.startswith(MAGIC):
        raise Problem(f"{said}: it is no kernel module: give the .ko file that the kernel's build makes")
    if head[TYPE_AT:] != RELOCATABLE_AARCH64:
        raise Problem(f"{said}: it is no module for arm64: was ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- "
                      "left out when it was built?")


def needed(said, path):
    """The names of the modules whose symbols it uses, by its own section .modinfo."""
    modinfo = shutil.which("modinfo") or shutil.which("/sbin/modinfo")
    if modinfo is None:
        raise Problem("modinfo is not installed: run tools/setup run")
    done = subprocess.run([modinfo, "-F", "depends", path], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Problem(f"{said}: modinfo can't read it: {done.stderr.strip()}")
    return [name for name in done.stdout.strip().split(",") if name]


def read(args, files):
    """An Own for each --module, in their order."""
    return [Own(files, text) for text in args.module]


def others(owns):
    """What they need and none of those before them is: {name: who said so}."""
    found, there = {}, set()
    for own in owns:
        for name in own.needs:
            if name not in there:
                found.setdefault(name, own.said)
        there.add(own.name)
    return found


def check_others(found, tree):
    """Problem: there is no such module, nor is it built in."""
    for name, said in found.items():
        if not tree.has(name):
            raise Problem(f"{said}: it needs the module {name}, which is no {OPTION} before it, nor in {tree.path}")


def add(to, owns):
    """Into the archive `to`, with the list that init runs."""
    lines = []
    for index, own in enumerate(owns):
        place = f"{FOLDER}/{index}/{own.name}.ko"
        to.file(place, own.file)
        lines.append(shlex.join(["load", "/" + place, *own.parameters]))
    to.data(LIST, (" &&\n".join(lines) + "\n").encode())
