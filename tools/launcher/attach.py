# SPDX-License-Identifier: Apache-2.0
"""gdb's command line, for a machine that waits for it. Used by cli.py, which prints it, and debug.py, which
runs it."""

import os

from launcher.stage import REPO

GDB = "gdb-multiarch"
MODULE_SCRIPT = os.path.join(REPO, "tools", "gdb", "module.py")


def find_vmlinux(kernel):
    """The file with the symbols of that Image, None where there is none: beside it, or where a kernel's build
    leaves it, whose Image is in arch/arm64/boot."""
    folder = os.path.dirname(os.path.abspath(kernel))
    places = (os.path.join(folder, "vmlinux"), os.path.join(folder, "../../../vmlinux"))
    return next((place for place in places if os.path.exists(place)), None)


def command(args, kernel, address):
    """What attaches to QEMU at that address, with all symbols that are known before the guest runs."""
    steps = [f"target remote {address}", "source " + os.path.relpath(MODULE_SCRIPT)]
    vmlinux = find_vmlinux(kernel)
    if vmlinux:
        steps.append(f"add-symbol-file {os.path.relpath(vmlinux)}")
    found = [GDB] if args.bare else [GDB, os.path.relpath(args.hypervisor)]
    return found + [word for step in steps for word in ("-ex", step)]
