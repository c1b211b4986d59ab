# SPDX-License-Identifier: Apache-2.0
"""The launcher: puts a guest's images and its device tree into QEMU's machine, beside the
hypervisor, and turns what comes back into an exit status.

cli.py          the command line, and the order of things
options.py      what can be in it
options_file.py traproom.toml, which has options, too
stage.py        the guest as the options ask for it, everything checked and in its place
fdt.py          flattened device trees, to read and to write
guest_tree.py   what the launcher asks of a guest's tree, and puts into it
files.py        the files that options name, pipes and block devices among them
images.py       what a kernel's Image says of itself
unpack.py       Images that are packed
initramfs.py    the initramfs, with what --cmd, --put and --modules add
insmod.py       the user's own modules, those of --module
modules.py      which kernel modules are needed, and by what
archive.py      cpio archives, to write
layout.py       where each goes in the machine's memory and in the guest's
device.py       what a virtio device is for the launcher
devices.py      which ones the options ask for
disks.py        those of --disk
network.py      those of --net
shares.py       those of --share
virtiofsd.py    the server that such a folder needs
passed.py       those of --device and --rng
models.py       devices that a program here plays, those of --model
model_hub.py    the process between EL2 and such programs
model_runner.py the process of one that is a Python file
model_pause.py  stops the machine while they work, with --icount
model_wire.py   what they say to each other
port.py         the one by which a program in the guest reaches us
drivers.py      which drivers the guest's kernel needs for them, and lacks
words.py        the words of such an option
slots.py        where each goes, in the machine and in the guest's tree
hunt.py         a command under many seeds, and the rules that it takes to fail
inject.py       the rules of --inject: which device misbehaves when, and how
inject_words.py the words of such a rule
pack.py         tools/traproom pack: Traproom and a guest in one file
bundle.py       that file
unbundle.py     a run of it
fit.py          U-Boot's format, in which the guest is in it
debug.py        tools/traproom debug: a run, and gdb on it
attach.py       gdb's command line
machine.py      QEMU's command line
console.py      the guest's output, and Traproom's lines in it
relay.py        the streams of a program in the guest, in what its port or console prints
streams.py      all of it, on its way to our stdout and stderr
qmp.py          QEMU's own console: breaks, the machine's memory
monitor.py      tools/traproom monitor: asks EL2 about a guest that runs
monitor_commands.py what can be asked
monitor_control.py its commands that stop, step, write, show interrupts and devices
monitor_change.py its commands that change stage 2, and watch pages by it
monitor_names.py names for the addresses it shows
monitor_prompt.py the same at a terminal, and Ctrl-T in a run's
monitor_channel.py the way from a run to EL2
monitor_wait.py the same for who asks, who may come too early
monitor_wire.py what is said on it
trace.py        each exit of a run, by --trace and --ledger
trace_attach.py tools/traproom trace: those of a guest that runs
trace_ring.py   the memory that EL2 writes them to
exit_words.py   what an exit was
device_registers.py names of registers
kernel_names.py names for the guest's addresses, without a report
trace_tracks.py a trace as tracks
trace_file.py   those as a file
ledger.py       exits counted
ledger_compare.py tools/traproom report: two of them
report.py       what the hypervisor reports of a guest
autopsy.py      names and the kernel's log for it
core.py         the same as an ELF core
guest_memory.py the guest's RAM, by physical addresses
kernel_space.py the same by its kernel's virtual ones
vmcoreinfo.py   what a kernel says of itself in its RAM
symbols.py      names for its addresses
module_symbols.py and for its modules'
kernel_log.py   the end of its log
witness.py      whether the kernel itself has said what the console shows
standard_files.py our stdin, our terminal
session.py      QEMU from its start to its end, the time limit
verdict.py      the exit status
report_page.py  tools/traproom report: a run as a page
report_collect.py  what a run has for it
qemu_tool.py    tools/qemu-system-aarch64
qemu_apart.py    a run of its, whose console is not stdin and stdout
qemu_line.py    QEMU's command line as the launcher's
qemu_devices.py the devices in it
qemu_flash.py   its flash
"""

import os
import sys

# Its modules are compiled once, which takes most of a start otherwise, and not into the source's folders. (A script that
# begins with sys.dont_write_bytecode keeps only this file from being compiled there.)
_BUILD = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", "..", "build"))
sys.dont_write_bytecode = not os.path.isdir(_BUILD)
sys.pycache_prefix = os.path.join(_BUILD, "python")


class Problem(Exception):
    """Something the user can mend; the message says what, where and how. Exit status 1."""


class TimeUp(Exception):
    """The time limit is over; the message says with what. Exit status 124."""
