#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What goes into the initramfs: archive.py against cpio, --put's paths, modules and their needs."""

import argparse
import gzip
import lzma
import os
import shutil
import struct
import subprocess
import tempfile
import unittest

from support import REPO  # noqa: F401, finds the launcher
from launcher import Problem, archive, initramfs, insmod, modules
from launcher.files import Files

DEP = """kernel/a.ko.xz: kernel/b/b-1.ko.gz kernel/c.ko
kernel/b/b-1.ko.gz: kernel/c.ko
kernel/c.ko:
kernel/d.ko:
kernel/crc32c_generic.ko:
kernel/e.ko:
"""


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="traproom-initramfs-")
        self.addCleanup(folder.cleanup)
        self.folder = os.path.realpath(folder.name)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, data=b"x", mode=0o644):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "wb") as file:
            file.write(data)
        os.chmod(self.path(name), mode)
        return self.path(name)


class Archives(Folder):
    def pack(self, *puts):
        path = self.path("archive")
        with open(path, "wb") as out:
            to = archive.Archive(out)
            for text in puts:
                initramfs.put(to, Files(self.folder), text)
            to.close()
        return path

    def unpack(self, path):
        os.mkdir(self.path("out"))
        with open(path, "rb") as file:
            subprocess.run(["cpio", "-idm", "--quiet"], stdin=file, cwd=self.path("out"), check=True)

    def test_folder(self):
        self.write("in/run", b"#!/bin/sh\n", 0o755)
        self.write("in/sub/data", bytes(range(256)) * 99, 0o640)
        self.write("in/empty", b"")
        os.mkdir(self.path("in/none"), 0o700)
        os.symlink("sub/data", self.path("in/link"))
        os.symlink("/nowhere", self.path("in/dangling"))
        self.unpack(self.pack(self.path("in") + ":/opt/x"))
        done = subprocess.run(["diff", "-r", "--no-dereference", self.path("in"), self.path("out/opt/x")],
                              capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)
        for name in ("run", "sub/data", "none"):
            self.assertEqual(os.stat(self.path("out/opt/x/" + name)).st_mode,
                             os.stat(self.path("in/" + name)).st_mode)

    def test_same_archive_again(self):
        self.write("in/a")
        with open(self.pack(self.path("in")), "rb") as file:
            first = file.read()
        os.utime(self.path("in/a"), (1, 1))
        with open(self.pack(self.path("in")), "rb") as file:
            self.assertEqual(file.read(), first)

    def test_refused(self):
        os.mkfifo(self.path("in"))
        os.mkdir(self.path("dir"))
        os.mkfifo(self.path("dir/fifo"))
        for text, words in ((self.path("dir"), "no file, folder or link"), (":/x", "name is empty"),
                            ("missing:/x", "missing: No such file"), ("gone", "^--put gone: No such file"), (__file__ + ":/tmp/x", "mounts"),
                            (__file__ + ":/dev/x", "mounts")):
            with self.subTest(text), self.assertRaisesRegex(Problem, words):
                self.pack(text)

    def test_paths(self):
        self.write("a:b")
        os.mkdir(self.path("dir"))
        here = os.getcwd()
        self.addCleanup(os.chdir, here)
        os.chdir(self.folder)
        for text, place in (("a:b", "/root/a:b"), ("a:b:/x", "/x"), ("a:b:/x/", "/x/a:b"),
                            ("f:y", "/root/y"), ("f:", "/root/f"), ("./dir", "/root/dir"),
                            ("dir/:/x/", "/x/dir"), ("dir/.:/", "/"), ("dir/.", "/root"),
                            ("dir:/../x", "/x"), ("f://x", "/x")):
            self.assertEqual(initramfs.split_put(text)[1], place, text)


class Modules(Folder):
    def tree(self, base="lib/modules/1.2-x"):
        self.write(base + "/modules.dep", DEP.encode())
        self.write(base + "/modules.softdep", b"# soft\nsoftdep d pre: crc32c post: e\n")
        self.write(base + "/modules.alias", b"alias crc32c crc32c_generic\nalias virtio:d00000002v* e\n")
        self.write(base + "/modules.builtin", b"kernel/fs/ext4.ko\n")
        os.mkdir(self.path(base + "/kernel"))
        return modules.Tree(self.path(base), "1.2-x", self.path("scratch"))

    def test_needs(self):
        tree = self.tree()
        for names, files in ((["a"], ["kernel/a.ko.xz", "kernel/b/b-1.ko.gz", "kernel/c.ko"]),
                             (["b_1"], ["kernel/b/b-1.ko.gz", "kernel/c.ko"]),
                             (["d"], ["kernel/crc32c_generic.ko", "kernel/d.ko", "kernel/e.ko"]),
                             (["virtio:d00000002v0000"], ["kernel/e.ko"]), (["ext4", "gone"], [])):
            self.assertEqual(tree.closure(names), files)
        tree.check("ext4")
        tree.check("b-1")
        with self.assertRaisesRegex(Problem, "--modprobe gone: .* no such module"):
            tree.check("gone")

    def test_found_wherever_it_is(self):
        self.tree()
        self.tree("pkg/usr/lib/modules/1.2-x")
        for folder in ("", "lib/modules/1.2-x", "pkg"):
            for version in ("1.2-x", None):
                self.assertEqual(modules.find(self.path(folder), version)[1], "1.2-x")
        with self.assertRaisesRegex(Problem, "has modules for 1.2-x, but the kernel is 6.1"):
            modules.find(self.folder, "6.1")
        with self.assertRaisesRegex(Problem, "no modules are there"):
            modules.find(self.path("pkg/usr/lib"), "6.1")

    def test_unpacked(self):
        data = b"module" * 99
        kinds = [("x.ko.xz", lzma.compress(data)), ("y.ko.gz", gzip.compress(data)), ("z.ko", data)]
        if shutil.which("zstd"):
            kinds.append(("w.ko.zst", subprocess.run(["zstd", "-c"], input=data, capture_output=True,
                                                     check=True).stdout))
        for name, packed in kinds:
            modules.copy_module(self.write(name, packed), self.path("to/" + name))
            with open(self.path(f"to/{name[0]}.ko"), "rb") as file:
                self.assertEqual(file.read(), data)
        with self.assertRaisesRegex(Problem, "can't be unpacked"):
            modules.copy_module(self.write("x.ko.xz", b"x"), self.path("to/x.ko.xz"))


def module(needs=""):
    """A kernel module as far as modinfo looks at it: an ELF file for arm64 with a section .modinfo."""
    info, names = b"depends=" + needs.encode() + b"\0", b"\0.modinfo\0.shstrtab\0"
    at = 64 + len(info)
    table = at + len(names)
    header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 1, 183, 1, 0, 0, table, 0, 64, 0, 0, 64, 3, 2)
    sections = [bytes(64), struct.pack("<IIQQQQIIQQ", 1, 1, 2, 0, 64, len(info), 0, 0, 1, 0),
                struct.pack("<IIQQQQIIQQ", 10, 3, 0, 0, at, len(names), 0, 0, 1, 0)]
    return header + info + names + b"".join(sections)


class OwnModules(Folder):
    def read(self, *texts):
        args = argparse.Namespace(module=texts)
        return insmod.read(args, Files(self.path("files")))

    def packed(self, *texts):
        path = self.path("archive")
        with open(path, "wb") as out:
            to = archive.Archive(out)
            insmod.add(to, self.read(*texts))
            to.close()
        os.mkdir(self.path("out"))
        with open(path, "rb") as file:
            subprocess.run(["cpio", "-idm", "--quiet"], stdin=file, cwd=self.path("out"), check=True)

    def test_in_their_order_with_parameters(self):
        self.write("b.ko", module())
        self.write("a.ko.xz", lzma.compress(module()))
        self.packed(self.path("b.ko") + ",list=1,,2,name=x y", self.path("a.ko.xz"))
        with open(self.path("out/traproom/insmod/list"), encoding="utf-8") as file:
            self.assertEqual(file.read(), "load /traproom/insmod/0/b.ko list=1,2 'name=x y' &&\n"
                             "load /traproom/insmod/1/a.ko\n")
        with open(self.path("out/traproom/insmod/1/a.ko"), "rb") as file:
            self.assertEqual(file.read(), module())

    def test_what_they_need(self):
        self.write("a.ko", module("virtio,b_core"))
        self.write("b-core.ko", module("crc16"))
        owns = self.read(self.path("b-core.ko"), self.path("a.ko"))
        self.assertEqual(list(insmod.others(owns)), ["crc16", "virtio"])
        self.assertEqual(list(insmod.others(reversed(owns))), ["virtio", "b_core", "crc16"])

    def test_refused(self):
        self.write("text.ko", b"x" * 100)
        self.write("x86.ko", module()[:18] + b"\x3e" + module()[19:])
        self.write("packed.ko.xz", b"x" * 100)
        for name, words in (("text.ko", "no kernel module"), ("x86.ko", "no module for arm64"),
                            ("packed.ko.xz", "can't be unpacked"), ("gone.ko", "No such file")):
            with self.assertRaisesRegex(Problem, words):
                self.read(self.path(name))


if __name__ == "__main__":
    unittest.main()
