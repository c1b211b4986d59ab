# SPDX-License-Identifier: Apache-2.0
"""--disk: an image or a block device of this machine, or a copy of one in memory. Used by
devices.py."""

import errno
import fcntl
import os
import stat
import struct

from launcher import Problem
from launcher.device import Device
from launcher.words import Words, escape, split

DISK = "--disk"
SECTOR = 512
MOST_QUEUES = 4
HEAD = 512
FORMATS = ("raw", "qcow2", "qcow", "qed", "vdi", "vmdk", "vpc", "vhdx", "parallels")
MAGICS = ((0, b"QFI\xfb\0\0\0\x01", "qcow"), (0, b"QFI\xfb", "qcow2"), (0, b"QED\0", "qed"), (0, b"KDMV", "vmdk"),
          (0, b"COWD", "vmdk"), (0, b"vhdxfile", "vhdx"), (0, b"conectix", "vpc"),
          (64, b"\x7f\x10\xda\xbe", "vdi"), (0, b"WithoutFreeSpace", "parallels"))
UNMISTAKABLE = ("qcow2", "qed", "vdi", "vhdx")  # each image of theirs begins so

# A qcow2 header (QEMU, "Qcow2 Image File Format"): where the backing file's name is, and features.
QCOW2_BACKING, QCOW2_VERSION, QCOW2_INCOMPATIBLE = struct.Struct(">8xQ"), 4, 72
QCOW2_EXTERNAL_DATA = 1 << 2

# QEMU's locks on an image: a byte for each permission that somebody has, another for each that
# somebody grants to nobody else (QEMU, block/file-posix.c and include/block/block-common.h).
HELD, REFUSED = 100, 200
PERMISSION_READ, PERMISSION_WRITE = 0, 1
FLOCK = struct.Struct("hhqqi4x")
F_OFD_GETLK = 36  # Linux


def make(said, text, index, work):
    """The Device of a --disk. `work`: see devices.Work."""
    name, *rest = split(text)
    words = Words(said, rest, ("ro", "snapshot", "ram"), ("format",))
    words.exclude("ram", "snapshot")
    words.exclude("ro", "snapshot")
    if "ram" in words.flags:
        return in_memory(said, words, work.files.get(DISK, name), index, work.bare)
    file = work.files.get(DISK, name, pipe=False)
    writes = not words.flags
    check_access(said, name, writes)
    form = words.value("format") or detect(said, name)
    check_format(said, file, form)
    check_lock(said, name, writes)
    return machine_disk(said, file, index, form, words.flags, min(work.cpus, MOST_QUEUES))


def machine_disk(said, file, index, form, flags, queues):
    """A disk of the machine's. FLUSH is the file's fsync: QEMU's cache=writeback."""
    # QEMU takes what stands before a colon for a protocol, but not after a slash.
    drive = f"if=none,id=traproom-disk{index},format={form},file={escape(os.path.abspath(file.path))}," \
            "cache=writeback,discard=unmap"
    drive += ",readonly=on" * ("ro" in flags) + ",snapshot=on" * ("snapshot" in flags)
    return Device(said, backend=["-drive", drive], path=file.path, keeps_data=not flags,
                  front=f"virtio-blk-device,drive=traproom-disk{index},num-queues={queues}")


def default(path, work):
    """The disk of a guest whose user has said nothing about disks."""
    device = in_memory(f"--disk {path}", Words("", ["ram"], ("ram",), ("format",)),
                       work.files.get(DISK, path), 0, work.bare)
    device.asked = False
    return device


def in_memory(said, words, file, index, bare):
    """A copy of the file in the machine's memory; without Traproom QEMU's snapshot does the same."""
    form = words.value("format") or detect(said, file.path)
    if form != "raw":
        raise Problem(f"{said}: a disk in memory can only be made of a raw image, and this is {form}: "
                      "leave out ,ram or make it a raw one with `qemu-img convert -O raw FILE NEW`")
    check_size(said, file)
    if bare:
        return machine_disk(said, file, index, form, words.flags & {"ro"} or {"snapshot"}, 1)
    return Device(said, image=file, read_only="ro" in words.flags)


def check_access(said, name, writes):
    """Problem: the file can't be had for that, or a file system of this machine is on it."""
    mode = os.stat(name).st_mode
    exclusive = os.O_EXCL if stat.S_ISBLK(mode) and writes else 0
    try:
        os.close(os.open(name, (os.O_RDWR if writes else os.O_RDONLY) | exclusive))
    except OSError as error:
        if error.errno == errno.EBUSY:
            raise Problem(f"{said}: this machine uses it itself: is it mounted?") from error
        raise Problem(f"{said}: it can't be written ({error.strerror}): say {name},ro or "
                      f"{name},snapshot") from error


def detect(said, name):
    """The format of an image by how it begins. Only what can't lead to other files is taken unasked."""
    with open(name, "rb") as file:
        head = file.read(HEAD)
    form = next((form for at, magic, form in MAGICS if head[at:at + len(magic)] == magic), "raw")
    if form == "qcow2" and leads_elsewhere(head):
        raise Problem(f"{said}: this qcow2 image names another file that belongs to it; if you trust who "
                      "has written it, a guest perhaps, say format=qcow2")
    if form not in ("raw", "qcow2"):
        raise Problem(f"{said}: it looks like a {form} image: say format={form}, or format=raw if it is none")
    return form


def leads_elsewhere(head):
    backing = QCOW2_BACKING.unpack_from(head)[0]
    version = int.from_bytes(head[QCOW2_VERSION:QCOW2_VERSION + 4], "big")
    features = int.from_bytes(head[QCOW2_INCOMPATIBLE:QCOW2_INCOMPATIBLE + 8], "big") if version > 2 else 0
    return bool(backing or features & QCOW2_EXTERNAL_DATA)


def check_format(said, file, form):
    if form not in FORMATS:
        raise Problem(f"{said}: the format '{form}' is none of {', '.join(FORMATS)}")
    if form == "raw":
        check_size(said, file)
        return
    with open(file.path, "rb") as opened:
        head = opened.read(HEAD)
    magics = [(at, magic) for at, magic, name in MAGICS if name == form]
    if form in UNMISTAKABLE and not any(head[at:at + len(magic)] == magic for at, magic in magics):
        raise Problem(f"{said}: it is no {form} image: leave format= out, and its first bytes decide")


def check_size(said, file):
    if file.size % SECTOR:
        raise Problem(f"{said}: {file.size} bytes are not a whole number of {SECTOR}-byte sectors")


def check_lock(said, name, writes):
    """Problem: another QEMU uses the image. (One that starts at this moment QEMU itself notices.)"""
    with open(name, "rb") as file:
        refused = REFUSED + (PERMISSION_WRITE if writes else PERMISSION_READ)
        if is_locked(file, HELD + PERMISSION_WRITE) or is_locked(file, refused):
            raise Problem(f"{said}: another QEMU has this image open: end that one first, or work on a copy")


def is_locked(file, at):
    """Would a write lock on that byte be refused?"""
    try:
        answer = fcntl.fcntl(file, F_OFD_GETLK, FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, at, 1, 0))
    except OSError:
        return False  # a file system without locks
    return FLOCK.unpack(answer)[0] != fcntl.F_UNLCK
