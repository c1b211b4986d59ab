# SPDX-License-Identifier: Apache-2.0
"""Kernels that come packed: by a program that the kernel's build packs an Image with (Image.gz), or in EFI's
zboot form of it (Linux, drivers/firmware/efi/libstub/zboot-header.S), a program that holds the packed Image.
Used by stage.py; images.py judges what comes out."""

import bz2
import collections
import gzip
import lzma
import os
import shutil
import struct
import subprocess
import zlib

from launcher import Problem, images
from launcher.files import File

# `names`: what zboot calls it; `magics`: what such a file begins with; `opener`: of Python's, or None: then the
# program `tool` unpacks it, with -dc, from the Debian package of that name.
Format = collections.namedtuple("Format", "names magics opener tool")
FORMATS = (
    Format(("gzip",), (b"\x1f\x8b",), gzip.open, None),
    Format(("zstd", "zstd22"), (b"\x28\xb5\x2f\xfd",), None, "zstd"),
    Format(("lz4",), (b"\x04\x22\x4d\x18", b"\x02\x21\x4c\x18"), None, "lz4"),
    Format(("xz", "xzkern"), (b"\xfd7zXZ\0",), lzma.open, None),
    Format(("lzma",), (b"\x5d\0\0",), lzma.open, None),
    Format(("bzip2",), (b"BZh",), bz2.open, None),
    Format(("lzo",), (b"\x89LZO",), None, "lzop"),
)
ZBOOT = struct.Struct("<4x4sII8x32s")  # "zimg", where the packed Image is and its size, the format's name
ZBOOT_MAGIC = b"zimg"
PIECE = 1 << 20


def format_of(head):
    """The Format of a file that begins so, or None."""
    return next((known for known in FORMATS if head.startswith(known.magics)), None)


def plain(file, files):
    """The File of a kernel without its packing, under its own name. `files`: has room for it."""
    head = images.head_of(file)
    if head[4:8] == ZBOOT_MAGIC:
        return plain(unpack(*inside(file, head, files), files), files)
    packing = format_of(head)
    return plain(unpack(file, packing, files), files) if packing else file


def inside(file, head, files):
    """(File, Format) of what a zboot program holds."""
    what = f"--kernel {file.name} is a compressed EFI image (zboot)"
    foreign = images.foreign_program(head)
    if foreign:
        raise Problem(f"--kernel {file.name} is not an arm64 Image: {foreign}")
    if len(head) < ZBOOT.size:
        raise Problem(f"{what}, cut short in its header: copy or build it again")
    _, offset, size, name = ZBOOT.unpack_from(head)
    name = name.split(b"\0")[0].decode("ascii", "replace")
    packing = next((known for known in FORMATS if name in known.names), None)
    if packing is None:
        raise Problem(f"{what}, packed with '{name}', which can't be unpacked here: give arch/arm64/boot/Image")
    if offset + size > file.size:
        raise Problem(f"{what} that is cut short: it has {file.size} bytes, by its header {offset + size}: "
                      "copy or build it again")
    path = files.new()
    with open(file.path, "rb") as source, open(path, "wb") as part:
        source.seek(offset)
        part.write(source.read(size))
    return File(file.name, path, size), packing


def unpack(file, packing, files):
    path = files.new()
    with open(path, "wb") as out:
        if packing.opener:
            why = by_python(packing.opener, file.path, out)
        else:
            why = by_tool(packing.tool, file, out)
    if why:
        raise Problem(f"--kernel {file.name} can't be unpacked, as {packing.names[0]}: {why}: copy or build it again")
    return File(file.name, path, os.path.getsize(path))


def by_python(opener, path, out):
    """Why it failed, or None."""
    try:
        with opener(path) as packed:
            shutil.copyfileobj(packed, out, PIECE)
    except (EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError) as error:
        return str(error)
    except OSError as error:
        if error.errno is not None:  # not of bz2, which has no kind of its own
            raise
        return str(error)
    return None


def by_tool(tool, file, out):
    """Why it failed, or None."""
    try:
        with open(file.path, "rb") as packed:
            done = subprocess.run([tool, "-dc"], stdin=packed, stdout=out, stderr=subprocess.PIPE, check=False)
    except FileNotFoundError as error:
        raise Problem(f"--kernel {file.name} is packed with {tool}, which is not installed: install the package "
                      f"{tool}, or unpack it") from error
    lines = done.stderr.decode("utf-8", "replace").split("\n")
    return next((line.strip() for line in lines if line.strip()), f"status {done.returncode}") \
        if done.returncode else None
