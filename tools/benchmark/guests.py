# SPDX-License-Identifier: Apache-2.0
"""Guests to measure, bare and under Traproom. Used by tools/bench and devices.py."""

import glob
import os
import re
import subprocess

from launcher.archive import Archive

REPO = os.path.realpath(os.path.join(os.path.dirname(os.path.realpath(__file__)), "../.."))
LAUNCHER = os.path.join(REPO, "tools", "traproom")
CPU = "max,pauth-impdef=on"
TIMEOUT = 300
DISK_MODULES = ("virtio_ring.ko", "virtio.ko", "virtio_mmio.ko", "virtio_blk.ko")
NET_MODULES = ("failover.ko", "net_failover.ko", "virtio_net.ko")


class NotMeasured(Exception):
    """A run that did not bring what it should."""


class Machine:
    """Command lines for the same guest, bare and under Traproom, by the same launcher."""

    def __init__(self, args, folder):
        self.args = args
        self.folder = folder

    def command(self, kernel, smp, icount, initrd, append, disk):
        command = [LAUNCHER, "run", "--kernel", kernel, "--smp", str(smp), "--cpu", CPU,
                   "--build", self.args.build, "--timeout", str(TIMEOUT),
                   "--initrd", initrd or "none", "--disk", disk + ",ram" if disk else "none"]
        command += ["--icount"] if icount else []
        return command + (["--append", append] if append else [])

    def bare(self, kernel, smp, icount, initrd=None, append=None, disk=None):
        return self.command(kernel, smp, icount, initrd, append, disk) + ["--bare"]

    def traproom(self, kernel, smp, icount, initrd=None, append=None, disk=None):
        return self.command(kernel, smp, icount, initrd, append, disk) + ["--stats"]


def run(command):
    """The guest's whole output, then QEMU's and the launcher's."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=TIMEOUT + 15, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotMeasured(str(error)) from error
    # QEMU's own words come last: in between they would fall into a line of the guest's.
    text = (done.stdout + done.stderr).decode("utf-8", "replace").replace("\r", "")
    if done.returncode != 0:
        tail = "\n".join(text.splitlines()[-5:])
        raise NotMeasured(f"exit status {done.returncode}:\n{tail}")
    return text


def find(text, pattern):
    match = re.search(pattern, text, re.MULTILINE)
    if not match:
        raise NotMeasured(f"no line like '{pattern}' in:\n{text[-500:]}")
    return int(match.group(1))


def make_initrd(path, init, modules, names=DISK_MODULES):
    with open(path, "wb") as file:
        archive = Archive(file)
        archive.device("dev/console", 5, 1)
        archive.file("init", init)
        archive.folder("modules")
        for name in names:
            found = glob.glob(os.path.join(modules, "**", name), recursive=True) if modules else []
            if found:
                archive.file("modules/" + name, found[0])
        archive.close()


def find_linux(args):
    """The default kernel, or the one that is asked for, and its modules' folder."""
    kernel = args.kernel or os.path.realpath(os.path.join(args.build, "images", "Image"))
    if not os.path.exists(kernel):
        raise NotMeasured(f"{kernel} is not there: run `make build` once")
    modules = args.modules
    if not modules and not args.kernel:
        root = os.path.dirname(os.path.dirname(kernel))
        modules = os.path.join(root, "lib", "modules")
        if not os.path.isdir(modules):
            modules = os.path.join(root, "usr", "lib", "modules")
    return kernel, modules
