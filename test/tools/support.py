# SPDX-License-Identifier: Apache-2.0
"""For the launcher's tests: its modules, trees and images to work on."""

import os
import struct
import subprocess
import sys

REPO = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
sys.path.insert(0, os.path.join(REPO, "tools"))

LAUNCHER = os.path.join(REPO, "tools", "traproom")
VIRT_DTS = os.path.join(REPO, "dts", "virt.dts")
MIB = 1 << 20


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
