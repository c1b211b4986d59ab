# SPDX-License-Identifier: Apache-2.0
"""Kernel modules on their way into an initramfs: which of a tree of modules are needed, with what
they need themselves. Used by stage.py and guest/initramfs/make.

A tree is what `make modules_install` or a package leaves in lib/modules/VERSION: kernel/ with the
modules, and lists (modules.dep and others, by depmod) of what needs what.
"""

import fnmatch
import gzip
import lzma
import os
import shutil
import subprocess

from launcher import Problem

# What the default guest's devices need: its disk and the file system on it.
DEVICES = ("virtio_mmio", "virtio_blk", "ext4", "virtio_console")
SMALL = 32 << 20  # bytes of modules up to which a tree goes in whole
LISTS = ("modules.order", "modules.builtin", "modules.builtin.modinfo")  # what depmod wants to see
NOT_IN_GUEST = ("modules.order", "modules.symbols", "modules.builtin.modinfo")  # of no use there
UNPACKERS = {".xz": lambda data, _: lzma.decompress(data), ".gz": lambda data, _: gzip.decompress(data),
             ".zst": lambda data, path: unpack_zstd(data, path)}


def find(folder, version):
    """
    The tree for that kernel in `folder`, which is one itself or has it in lib/modules: (path,
    version). With no version known the only one that there is.
    """
    found = {}
    for base in ("", "lib/modules", "usr/lib/modules"):
        parent = os.path.join(folder, base) if base else os.path.dirname(os.path.realpath(folder))
        names = os.listdir(parent) if base and os.path.isdir(parent) else \
            [] if base else [os.path.basename(os.path.realpath(folder))]
        for name in names:
            if is_tree(os.path.join(parent, name)):
                found[name] = os.path.join(parent, name)
    if not found:
        raise Problem(f"--modules {folder}: no modules are there, nor in its lib/modules: give what "
                      "`make modules_install INSTALL_MOD_PATH=DIR` or a package has made")
    if version is None and len(found) == 1:
        version = next(iter(found))
    if version not in found:
        kernel = f"the kernel is {version}" if version else "the kernel does not say which it is"
        raise Problem(f"--modules {folder} has modules for {', '.join(sorted(found))}, but {kernel}: "
                      "they must be of the same build")
    return found[version], version


def are_there(folder, version):
    """Has it modules for that kernel?"""
    return version is not None and any(is_tree(os.path.join(folder, base, version))
                                       for base in ("lib/modules", "usr/lib/modules"))


def is_tree(path):
    return os.path.isdir(os.path.join(path, "kernel")) or \
        os.path.isfile(os.path.join(path, "modules.dep"))


def run_depmod(base, version):
    depmod = shutil.which("depmod") or shutil.which("/sbin/depmod")
    if depmod is None:
        raise Problem("depmod is not installed: run tools/setup run")
    done = subprocess.run([depmod, "-b", base, version], capture_output=True, check=False)
    if done.returncode != 0:
        raise Problem(f"depmod fails on the modules of {version}: "
                      f"{done.stderr.decode('utf-8', 'replace').strip()}")


def module_name(path):
    """virtio_mmio of kernel/drivers/virtio/virtio-mmio.ko.xz."""
    return os.path.basename(path).split(".ko")[0].replace("-", "_")


class Tree:
    def __init__(self, path, version, scratch):
        """`scratch`: a folder of our own, for depmod's lists where the tree has none."""
        self.path = path
        self.version = version
        lists = path if os.path.isfile(os.path.join(path, "modules.dep")) else \
            make_lists(path, version, scratch)
        self.needs = {}  # a module's file: the files that it needs
        for line in read_list(lists, "modules.dep"):
            file, _, needed = line.partition(":")
            self.needs[file] = needed.split()
        self.files = {module_name(file): file for file in self.needs}
        self.aliases = [line.split()[1:3] for line in read_list(lists, "modules.alias")
                        if line.startswith("alias ")]
        self.soft = {}  # a module's name: the names of what it asks for when it is loaded
        for line in read_list(lists, "modules.softdep"):
            if line.startswith("softdep "):
                words = line.split()[1:]
                self.soft[words[0].replace("-", "_")] = \
                    [word for word in words[1:] if not word.endswith(":")]
        self.builtin = {module_name(line) for line in read_list(path, "modules.builtin")}

    def size(self):
        """Bytes of all modules, about: packed ones are taken for a quarter."""
        total = 0
        for file in self.needs:
            path = os.path.join(self.path, file)
            if os.path.exists(path):
                total += os.path.getsize(path) * (1 if path.endswith(".ko") else 4)
        return total

    def resolve(self, name):
        """The files that modprobe would load for the name of a module or an alias."""
        plain = name.replace("-", "_")
        if plain in self.files:
            return [self.files[plain]]
        names = {module for alias, module in self.aliases if fnmatch.fnmatchcase(name, alias)}
        return sorted(self.files[module.replace("-", "_")] for module in names
                      if module.replace("-", "_") in self.files)

    def closure(self, names):
        """The files of the modules and of all that they need, soft dependencies, too."""
        files, waiting = set(), [file for name in names for file in self.resolve(name)]
        while waiting:
            file = waiting.pop()
            if file not in files:
                files.add(file)
                waiting += self.needs.get(file, [])
                for name in self.soft.get(module_name(file), []):
                    waiting += self.resolve(name)
        return sorted(files)

    def has(self, name):
        """Is there such a module, or is it built in?"""
        return bool(self.resolve(name)) or name.replace("-", "_") in self.builtin

    def check(self, name):
        """Problem: there is no such module, nor is it built in."""
        if not self.has(name):
            raise Problem(f"--modprobe {name}: {self.path} has no such module")

    def copy(self, files, root):
        """Those modules, unpacked, and lists for them, in root/lib/modules/VERSION. Its path."""
        to = os.path.join(root, "lib/modules", self.version)
        for file in files:
            copy_module(os.path.join(self.path, file), os.path.join(to, file))
        os.makedirs(to, exist_ok=True)
        for name in LISTS:
            if os.path.exists(os.path.join(self.path, name)):
                shutil.copy(os.path.join(self.path, name), to)
        run_depmod(root, self.version)
        for name in os.listdir(to):
            if name.startswith(NOT_IN_GUEST):
                os.remove(os.path.join(to, name))
        return to


def make_lists(path, version, scratch):
    to = os.path.join(scratch, "lib/modules", version)
    os.makedirs(to)
    for name in os.listdir(path):
        if name not in ("build", "source"):
            os.symlink(os.path.realpath(os.path.join(path, name)), os.path.join(to, name))
    run_depmod(scratch, version)
    return to


def read_list(path, name):
    try:
        with open(os.path.join(path, name), encoding="utf-8", errors="surrogateescape") as file:
            return file.read().splitlines()
    except FileNotFoundError:
        return []


def copy_module(source, to):
    """A copy that any modprobe can load: unpacked, and then without that suffix. Its path."""
    stem, suffix = os.path.splitext(to)
    os.makedirs(os.path.dirname(to), exist_ok=True)
    if suffix not in UNPACKERS:
        shutil.copyfile(source, to)
        return to
    with open(source, "rb") as file, open(stem, "wb") as out:
        try:
            out.write(UNPACKERS[suffix](file.read(), source))
        except (lzma.LZMAError, gzip.BadGzipFile, EOFError) as error:
            raise Problem(f"the module {source} can't be unpacked: {error}") from error
    return stem


def unpack_zstd(data, path):
    try:
        done = subprocess.run(["zstd", "-dc"], input=data, capture_output=True, check=False)
    except FileNotFoundError as error:
        raise Problem(f"{path} is packed with zstd, which is not installed: install the package zstd, "
                      "or unpack the modules") from error
    if done.returncode != 0:
        raise Problem(f"the module {path} can't be unpacked: {done.stderr.decode('utf-8', 'replace').strip()}")
    return done.stdout
