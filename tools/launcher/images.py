# SPDX-License-Identifier: Apache-2.0
"""The guest's files: checked before anything starts. Used by cli.py."""

import os
import struct
import subprocess

from launcher import Problem

# The arm64 Image header (Linux, "Booting AArch64 Linux", "Call the kernel image").
IMAGE_HEADER = struct.Struct("<2I6Q2I")
IMAGE_MAGIC = 0x644D5241  # "ARM\x64"
OLD_TEXT_OFFSET = 0x80000  # of Images that leave image_size 0
ARCHIVE_ALIGN = 512


def readable_size(option, path):
    """Size in bytes of a file that can be read and is not empty."""
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
    except OSError as error:
        raise Problem(f"{option} {path}: {error.strerror}") from error
    if size == 0:
        raise Problem(f"{option} {path}: the file is empty")
    return size


def is_elf(path):
    with open(path, "rb") as file:
        return file.read(4) == b"\x7fELF"


class Kernel:
    """A program in Image format: where it wants to be, from the start of RAM, and its size there."""

    def __init__(self, path):
        self.path = path
        self.file_size = readable_size("--kernel", path)
        with open(path, "rb") as file:
            data = file.read(IMAGE_HEADER.size)
        self._check_format(data)
        fields = IMAGE_HEADER.unpack(data)
        image_size = fields[3]
        self.text_offset = fields[2] if image_size else OLD_TEXT_OFFSET
        self.size = max(image_size, self.file_size)

    def _check_format(self, data):
        wrong = None
        if data[:2] == b"\x1f\x8b":
            wrong = "it is compressed with gzip: unpack it first, with gunzip"
        elif data[:4] == b"\x7fELF":
            wrong = "it is an ELF file: give the Image, for Linux arch/arm64/boot/Image"
        elif data[4:8] == b"zimg":
            wrong = "it is a compressed EFI image (zboot): give arch/arm64/boot/Image instead"
        elif len(data) < IMAGE_HEADER.size:
            wrong = f"it has only {len(data)} bytes, fewer than the header's {IMAGE_HEADER.size}"
        elif struct.unpack_from("<I", data, 56)[0] != IMAGE_MAGIC:
            wrong = "the magic number 0x644d5241 (\"ARM\\x64\") is not at byte 56"
        if wrong:
            raise Problem(f"--kernel {self.path} is not an arm64 Image: {wrong}")


def archive_command(folder, command, nonce):
    """A cpio archive with traproom/cmd and traproom/nonce, for guest/initramfs/init to find."""
    root = os.path.join(folder, "root")
    os.makedirs(os.path.join(root, "traproom"))
    names = ["traproom", "traproom/cmd", "traproom/nonce"]
    for name, text in zip(names[1:], (command, nonce)):
        with open(os.path.join(root, name), "w", encoding="utf-8") as file:
            file.write(text + "\n")
    try:
        done = subprocess.run(["cpio", "-o", "-H", "newc", "-R", "0:0", "--quiet"], cwd=root,
                              input="\n".join(names).encode(), capture_output=True, check=False)
    except FileNotFoundError as error:
        raise Problem("cpio is not installed: run tools/setup run") from error
    if done.returncode != 0:
        raise Problem(f"--cmd: cpio failed: {done.stderr.decode('utf-8', 'replace').strip()}")
    return done.stdout


def add_archive(folder, initrd, archive):
    """A copy of the initramfs with another archive after it. The kernel unpacks both in order."""
    path = os.path.join(folder, "initrd")
    with open(initrd, "rb") as file:
        data = file.read()
    with open(path, "wb") as file:
        file.write(data + b"\0" * (-len(data) % ARCHIVE_ALIGN) + archive)
    return path
