# SPDX-License-Identifier: Apache-2.0
"""For the launcher's tests: its modules, trees and images to work on, and the launcher with a
stand-in for QEMU."""

import json
import os
import struct
import subprocess
import sys
import tempfile
import unittest

REPO = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
sys.path.insert(0, os.path.join(REPO, "tools"))

from launcher import fdt, fit, guest_tree  # noqa: E402  pylint: disable=wrong-import-position

LAUNCHER = os.path.join(REPO, "tools", "traproom")
VIRT_DTS = os.path.join(REPO, "dts", "virt.dts")
MIB = 1 << 20
LIMIT = 300  # seconds, for a launcher that hangs
FIRST_SLOT = 0x0A000000  # of QEMU's machine, each 0x200 bytes
OFF = r"print('[traproom] exit: guest powered off', flush=True)"


def compile_dts(text):
    """A blob from the source of a tree."""
    return subprocess.run(["dtc", "-q", "-I", "dts", "-O", "dtb"], input=text.encode(),
                          capture_output=True, check=True).stdout


def decompile(blob):
    return subprocess.run(["dtc", "-q", "-s", "-I", "dtb", "-O", "dts"], input=blob,
                          capture_output=True, check=True).stdout.decode()


def dump_qemu_tree(path, *options):
    subprocess.run(["qemu-system-aarch64", "-M",
                    f"virt,virtualization=on,gic-version=3,dumpdtb={path}", "-cpu", "max",
                    "-nodefaults", "-display", "none", *options],
                   capture_output=True, check=True)


def image(size=4096, text_offset=0, image_size=None, magic=0x644D5241):
    """A file in arm64 Image format, with nothing to run."""
    header = struct.pack("<2I6Q2I", 0, 0, text_offset, size if image_size is None else image_size,
                         0xA, 0, 0, 0, magic, 0)
    return header + b"\0" * (size - len(header))


class RunTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="traproom-test-")
        self.addCleanup(self.folder.cleanup)
        os.mkdir(self.path("bin"))
        os.symlink(os.path.join(REPO, "test", "tools", "fake_qemu.py"),
                   self.path("bin/qemu-system-aarch64"))
        for name, data in (("hyp/traproom.elf", b"\x7fELF"), ("images/Image", image(3 * MIB)),
                           ("images/initramfs.cpio.gz", b"i" * 1001),
                           ("images/disk.img", b"d" * 4096)):
            self.write("build/" + name, data)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def write(self, name, data):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "wb") as file:
            file.write(data)
        return self.path(name)

    def environment(self, program):
        return dict(os.environ, FAKE_QEMU=program, FAKE_FOLDER=self.folder.name,
                    PATH=self.path("bin") + ":" + os.environ["PATH"],
                    TRAPROOM_BUILD=self.path("build"), TMPDIR=self.folder.name)

    def run_launcher(self, *options, program=OFF, **more):
        done = subprocess.run([LAUNCHER, "run", *options], env=self.environment(program),
                              stdin=more.pop("stdin", subprocess.DEVNULL), capture_output=True,
                              text=True, timeout=LIMIT, check=False, **more)
        return done.returncode, done.stdout, done.stderr

    def arguments(self):
        with open(self.path("arguments"), encoding="utf-8") as file:
            return json.load(file)

    def tree(self):
        """The guest's, told of its images as Traproom does it (hyp/vm/bundle_tree.c)."""
        with open(self.path("0x47000000"), "rb") as file:
            made = fit.Fit(file.read(), "fit")
        tree = guest_tree.GuestTree(made.guest(None), "guest")
        for node in tree.root.walk():
            names = node.texts("traproom,image") if "traproom,image" in node.properties else []
            if names:
                prop = "traproom,flash" if node.text("compatible") == "cfi-flash" else "traproom,disk"
                node.properties[prop] = b"".join(self.place(made, name) if name else bytes(16) for name in names)
        for name, prop, place in (("kernel", "traproom,kernel", "traproom,kernel-address"),
                                  ("app", "traproom,app", "traproom,app-address"),
                                  ("ramdisk", "traproom,initrd", "linux,initrd-start")):
            if name in made.images:
                self.assertIn(name, made.names(None))
                tree.chosen.properties[prop] = self.place(made, name)
                tree.chosen.set_u64s(place, fit.number(made.images[name], "load"))
        return tree

    @staticmethod
    def place(made, name):
        """Address and size of a FIT's image, as a property."""
        image = made.images[name]
        return struct.pack(">QQ", fit.number(image, "data-position") + 0x47000000, fit.number(image, "data-size"))

    def loaded(self, node, name):
        """The bytes that the tree's property leads to at first, which must be all of the file."""
        value = node.properties[name]
        address, size = int.from_bytes(value[:8], "big"), int.from_bytes(value[8:16], "big")
        with open(self.path(hex(address)), "rb") as file:
            data = file.read()
        self.assertEqual(len(data), size)
        return data

    def refused(self, words, *options):
        """In one line, before there is a machine."""
        status, _, err = self.run_launcher(*options)
        self.assertEqual(status, 1, err)
        self.assertRegex(err, words)
        self.assertRegex(err, r"\Atraproom: .*\n\Z")
        self.assertFalse(os.path.exists(self.path("arguments")), "QEMU was started")


class DeviceTest(RunTest):
    def values(self, option):
        """All values of one of QEMU's options."""
        arguments = self.arguments()
        return [arguments[at + 1] for at, word in enumerate(arguments) if word == option]

    def devices(self):
        """The virtio devices of QEMU's machine."""
        return [value for value in self.values("-device") if value.startswith(("virtio", "vhost"))]

    def slots(self):
        """The machine's slot behind each node of the tree; None: none, or a disk in memory."""
        found = [node.properties.get("traproom,slot") for node in self.tree().virtio_nodes()]
        return [(int.from_bytes(value, "big") - FIRST_SLOT) // 0x200 if value else None for value in found]

    def runs(self, *options, program=OFF):
        status, _, err = self.run_launcher(*options, program=program)
        self.assertEqual(status, 0, err)
        return err
