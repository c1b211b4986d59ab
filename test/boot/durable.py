# SPDX-License-Identifier: Apache-2.0
"""What a guest was told is on its disk, against what is there. The guest runs durable_writer.c; the
disk's image is checked on this machine: the journal replayed, the file system as e2fsck wants it,
each acknowledged record in its place. Used by test_durable.py and soak.py."""

import os
import re
import shutil
import signal
import struct
import subprocess
import time

PATTERN = 0x9e3779b97f4a7c15
MASK = (1 << 64) - 1
SIZES = {"a": 4096, "b": 8192, "c": 1024}
ACKNOWLEDGED = re.compile(rb"^([abc]) (\d+)\r?$")
NONCE = re.compile(rb"^nonce (\d+)\r?$")
FAILED = re.compile(rb"^failed ")
FOLDER = "run"
# What a run before has left goes first. The shell stays, whatever happens to the writer.
COMMAND = f"cd /mnt/disk && rm -rf {FOLDER} && mkdir {FOLDER} && cd {FOLDER} && sync && /writer"


class Lost(Exception):
    """Something is not on the disk, or the file system is not whole."""


def options(build, image):
    return ["--quiet", "--disk", image, "--put", f"{os.path.join(build, 'guest', 'durable_writer')}:/writer"]


def make_image(folder, form):
    """An image with ext4 on it, of the size that the writer needs at most."""
    raw, image = os.path.join(folder, "raw"), os.path.join(folder, f"disk.{form}")
    system("mke2fs", "-q", "-F", "-t", "ext4", raw, "256M")
    if form == "raw":
        os.rename(raw, image)
    else:
        system("qemu-img", "convert", "-O", form, raw, image)
    return image


def system(*command, good=(0,)):
    path = os.environ.get("PATH", "") + ":/sbin:/usr/sbin"
    done = subprocess.run(command, env={**os.environ, "PATH": path}, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode not in good:
        raise Lost(f"{' '.join(command)}: status {done.returncode}\n{done.stdout.decode(errors='replace')}")


class Writer:
    """What a guest says: how many records of each way are durable."""

    def __init__(self, stream):
        self.stream = stream  # of bytes
        self.nonce = None
        self.count = {"a": 0, "b": 0, "c": 0}
        self.said = []

    def total(self):
        return sum(self.count.values())

    def read(self, enough=None):
        """Until so many records are durable, of each way one at least; None: to the end."""
        while enough is None or self.total() < enough or not all(self.count.values()):
            line = self.stream.readline()
            if not line:
                break
            self.take(line.strip())
        return self

    def take(self, line):
        told, nonce = ACKNOWLEDGED.match(line), NONCE.match(line)
        self.said = self.said[-20:] + [line]
        if nonce:
            self.nonce = int(nonce.group(1))
        elif told:
            self.count[told.group(1).decode()] = int(told.group(2)) + 1
        elif FAILED.match(line):
            raise Lost("the guest can't write")


def kill_qemu(launcher):
    """QEMU is the launcher's last child."""
    with open(f"/proc/{launcher.pid}/task/{launcher.pid}/children", encoding="ascii") as file:
        os.kill(int(file.read().split()[-1]), signal.SIGKILL)


def run_and_kill(command, rng):
    """A guest that writes, its QEMU killed at a random moment; what it was told."""
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL) as process:
        writer = Writer(process.stdout).read(rng.randrange(3, 300))
        time.sleep(rng.random() / 50)  # not just behind an acknowledgement
        if process.poll() is not None:
            raise Lost(f"the guest ended by itself: {writer.said}")
        kill_qemu(process)
        writer.read()
        if process.wait() != 2:
            raise Lost(f"the launcher's status is {process.returncode}, not that of a QEMU that failed")
    return writer


def check(image, writer, folder):
    """Lost: not all that the writer was told is in the image, or it is no whole file system."""
    if writer.nonce is None or not writer.total():
        raise Lost(f"the guest has written nothing: {writer.said}")
    raw = os.path.join(folder, "checked")
    system("qemu-img", "convert", "-O", "raw", image, raw)
    # The journal is replayed and counts are put right, no more: 1 is said of that.
    system("e2fsck", "-f", "-p", raw, good=(0, 1))
    system("e2fsck", "-f", "-n", raw)
    out = os.path.join(folder, "files")
    shutil.rmtree(out, ignore_errors=True)
    os.mkdir(out)
    system("debugfs", "-R", f"rdump /{FOLDER} {out}", raw)
    for way, count in writer.count.items():
        for number in range(count):
            check_record(os.path.join(out, FOLDER), writer.nonce, way, number)


def check_record(folder, nonce, way, number):
    size = SIZES[way]
    name = f"c{number}" if way == "c" else way
    try:
        with open(os.path.join(folder, name), "rb") as file:
            file.seek(0 if way == "c" else number * size)
            found = file.read(size)
    except FileNotFoundError:
        found = b""
    if found != record(nonce, way, number):
        raise Lost(f"record {number} of {way}, which was acknowledged, is not on the disk: "
                   f"{len(found)} bytes of {name}, {found[:16].hex()}...")


def record(nonce, way, number):
    """As durable_writer.c fills it."""
    start = ord(way) << 56 | number << 24
    words = [(nonce ^ (start | i)) * PATTERN & MASK for i in range(SIZES[way] // 8)]
    return struct.pack(f"<{len(words)}Q", *words)
