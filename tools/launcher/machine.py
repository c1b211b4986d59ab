# SPDX-License-Identifier: Apache-2.0
"""QEMU's command line. Used by cli.py."""

import mmap
import os
import re
import subprocess

from launcher import Problem, firmware, slots
from launcher.layout import FIT, MACHINE_RAM, MIB
from launcher.words import escape

NAME = "qemu-system-aarch64"
OLD_LOADER_MOST, LOADER_MENDED = 2147479552, (10, 0)  # what one read() gives; not before that
DETERMINISTIC = ["-rtc", "base=2026-01-01,clock=vm", "-seed", "1"]  # no time and no dice of this computer's
GDB_HOST, GDB_PORT = "127.0.0.1", 1234  # not to be reached from other machines

_program = NAME


def use(path):
    """Take this QEMU, and not the first on the PATH."""
    global _program  # pylint: disable=global-statement
    _program = path


def program():
    return _program


def version():
    """QEMU's, as (major, minor); (0, 0): it does not say."""
    done = subprocess.run([program(), "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"version (\d+)\.(\d+)", done.stdout)
    return (int(found.group(1)), int(found.group(2))) if found else (0, 0)


def check(staging, bare):
    """Problem: QEMU can't have such a machine, and would say so in words of its own."""
    for file, _ in staging.files if not bare else ():
        if file.size > OLD_LOADER_MOST and version() < LOADER_MENDED:
            raise Problem(f"{file.name} has {file.size} bytes; this QEMU loads at most {OLD_LOADER_MOST} "
                          f"of a file: give a smaller one, or use QEMU {LOADER_MENDED[0]} or newer")
    size = staging.machine_size()
    try:
        mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS).close()
    except (OSError, OverflowError, ValueError) as error:
        raise Problem(f"this computer can't give the machine its {size / (1 << 30):.1f} GiB of memory: "
                      "make the guest's RAM (--mem, or the tree's memory) or its disk smaller") from error


def command(args, staged, guest, terminal):
    """The whole of it. `guest`: a file, of the FIT that tells Traproom of the guest, or with --bare of the guest's tree;
    `terminal`: QEMU's monitor is on its Ctrl-A."""
    build = bare if args.bare else traproom
    return [program(), *build(args, staged, guest), *common(args, len(staged.tree.cpus()), terminal),
            *slots.arguments(staged.placed), *staged.models.arguments(),
            *(staged.monitor.arguments() if staged.monitor else []), *args.qemu]


class Ram:
    """The machine's memory, for who must see it beside QEMU."""

    def __init__(self):
        self.file = None  # which is that memory; None: only QEMU has it

    def share(self, size):
        """QEMU's object for it."""
        self.file = os.fdopen(os.memfd_create("machine"), "r+b", 0)
        self.file.truncate(size)
        return f"memory-backend-file,id=ram,size={size},mem-path=/proc/self/fd/{self.file.fileno()},share=on"


def board(model, size, staged, flash=()):
    """The machine, and its RAM of so many bytes, which another process may have to see. `flash`: the banks
    whose files more of it is."""
    ram = None
    if staged.models.stops or staged.trace or staged.monitor:
        ram = staged.ram.share(size)
    elif any(device.shares_ram for device, _, _ in staged.placed):
        ram = f"memory-backend-memfd,id=ram,size={size // MIB}M,share=on"
    elif flash:
        ram = f"memory-backend-ram,id=ram,size={size // MIB}M"
    total = size + len(flash) * firmware.BANK
    found = ["-M", model + ",memory-backend=ram" * bool(ram and not flash), "-m", f"{total // MIB}M"]
    if ram:
        found += ["-object", ram]
    return found + firmware.arguments(flash) if flash else found


def common(args, cpus, terminal):
    """What both machines have."""
    threads = "single" if args.icount else "multi"
    found = ["-accel", f"tcg,thread={threads}", "-cpu", args.cpu, "-smp", str(cpus),
             "-nodefaults", "-display", "none", "-no-reboot",
             "-serial", "mon:stdio" if terminal else "stdio"]
    if args.icount:
        found += ["-icount", "shift=0,sleep=off", *DETERMINISTIC]
    if args.gdb:
        found += ["-S", "-gdb", f"unix:{args.gdb_socket},server=on,wait=off" if args.gdb_socket else
                  f"tcp:{GDB_HOST}:{GDB_PORT}"]
    return found


def traproom(args, staged, guest):
    """A bundle by -kernel, or the hypervisor, and the rest in memory where the FIT says."""
    found = board("virt,virtualization=on,gic-version=3", staged.staging.machine_size(), staged,
                  [bank for bank in staged.banks if bank.keeps])
    if args.bundle:
        return [*found, "-kernel", args.bundle]
    found += ["-kernel", args.hypervisor]
    images = [(file.path, address) for file, address in staged.staging.files]
    for path, address in [(guest, FIT)] + images:
        found += ["-device", f"loader,file={escape(path)},addr=0x{address:x},force-raw=on"]
    return found


def bare(_args, staged, dtb):
    """The same guest without a hypervisor. QEMU puts its own RAM into the tree."""
    size = max(start + length for start, length in staged.tree.ram()) - MACHINE_RAM
    found = board("virt,gic-version=3", max(size, MIB), staged)
    if staged.banks:
        return found + firmware.drives(staged.banks)
    found += ["-kernel", staged.files["kernel"], "-dtb", dtb]
    if staged.files["initrd"]:
        found += ["-initrd", staged.files["initrd"]]
    return found
