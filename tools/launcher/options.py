# SPDX-License-Identifier: Apache-2.0
"""The options of a run, which those of pack are, too. Used by cli.py, which reads them, and pack.py."""

import argparse
import decimal
import os
import re
import shlex

from launcher import guest_tree, layout, options_file, stage, verdict
from launcher.stage import REPO

DEFAULT_CPU = "max,pauth-impdef=on"
GDB_CPU = "max,pauth=off"  # gdb can't follow return addresses that are signed: QEMU 7.2 says no mask
FREE_TEXT = ("--qemu", "--append", "--cmd")  # options whose value may begin with a dash
SMALLEST_RAM = 4 * layout.MIB
PAGE = 4096
BUILD = os.environ.get("TRAPROOM_BUILD", os.path.join(REPO, "build"))


class DeviceOption(argparse.Action):
    """One more in args.devices, where those of all options are in the order given."""

    def __call__(self, parser, namespace, values, option_string=None):
        namespace.devices = [*namespace.devices, (option_string, values or "")]


def memory_size(text):
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([MGT]?)(?:i?B)?", text, re.IGNORECASE)
    if not match:
        raise argparse.ArgumentTypeError(f"'{text}' is not a size such as 512M or 1.5G")
    unit = {"": 1, "M": 1, "G": 1 << 10, "T": 1 << 20}[match.group(2).upper()]
    size = decimal.Decimal(match.group(1)) * unit
    if size != int(size):
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number of MiB: say {int(size)}M")
    size = int(size) * layout.MIB
    if not SMALLEST_RAM <= size <= guest_tree.LARGEST_RAM:
        raise argparse.ArgumentTypeError(f"'{text}' is not between 4M and 256G")
    return size


def cpu_count(text):
    if not text.isdigit() or not 1 <= int(text) <= guest_tree.MAX_CPUS:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number from 1 to {guest_tree.MAX_CPUS}")
    return int(text)


def seconds(text):
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0 < value < 1e9:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of seconds above 0")
    return value


def whole_seconds(text):
    if not text.isdigit() or int(text) >= 1 << 31:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number of seconds, or 0")
    return int(text)


def address(text):
    match = re.fullmatch(r"(0x[0-9a-f]+|\d+)([KMG]?)", text, re.IGNORECASE)
    if not match:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number such as 0x48000000, 64K or 2M")
    number = match.group(1)
    value = int(number, 16 if number[:2] in ("0x", "0X") else 10) << \
        {"": 0, "K": 10, "M": 20, "G": 30}[match.group(2).upper()]
    if value % PAGE or value >= 1 << 48:
        raise argparse.ArgumentTypeError(f"'{text}' is not a multiple of 4K below 2^48")
    return value


def qemu_arguments(text):
    try:
        return shlex.split(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"'{text}' can't be split: {error}") from error


def add_guest_options(parser):
    parser.add_argument("profile", nargs="?", help=argparse.SUPPRESS)
    guest = parser.add_argument_group("the guest")
    guest.add_argument("--kernel", metavar="IMAGE", help="program in arm64 Image format, Linux or "
                       "not, also packed as Image.gz or EFI's zboot, or a static ELF (default: Debian's Linux, "
                       "BUILD/images/Image)")
    guest.add_argument("--firmware", metavar="FILE[,vars=FILE]", help="in place of a kernel, firmware that begins in "
                       "flash, as U-Boot and EDK2 for QEMU's virt machine do. vars=: the file, 64 MiB, that is the "
                       "second bank of flash, with EDK2's variables. What the guest programs IS WRITTEN TO IT; `pack` takes a copy")
    guest.add_argument("--flash", metavar="FILE", help="the same file for any firmware, U-Boot's environment for one; "
                       "where it is not there it is made, erased (default: what is programmed is gone with the run)")
    guest.add_argument("--app", metavar="ELF", help="a second ELF, placed in memory behind the kernel, which finds "
                       "it by the tree's /chosen/app (docs/elf-guests.md)")
    guest.add_argument("--kernel-paddr", metavar="ADDRESS", type=address, help="where the kernel's lowest byte goes "
                       "(default: where its headers have it)")
    guest.add_argument("--app-offset", metavar="BYTES", type=address, help="how far from there the app's goes "
                       "(default: the next multiple of 2 MiB that has room)")
    guest.add_argument("--dtb", metavar="DTB", help="the guest's device tree, which is the machine "
                       "it gets: RAM, CPUs, devices (default: made from dts/virt.dts)")
    guest.add_argument("--initrd", metavar="FILE", action="append", help="initramfs, 'none' for no one "
                       "(default: BUILD/images/initramfs.cpio.gz, with BusyBox). It goes where the "
                       "tree's /chosen says. Given again, one is unpacked over the other")
    guest.add_argument("--put", metavar="FILE[:PATH]", action="append", default=[], help="a file or "
                       "folder of this machine to be in the guest's initramfs, at PATH or as /root/FILE; "
                       "a PATH that ends in / is a folder to put it into; FILE/. is what is in the "
                       "folder. May be given again")
    guest.add_argument("--modules", metavar="DIR", help="the kernel's modules, as `make modules_install "
                       "INSTALL_MOD_PATH=DIR` or a package has them: a small tree goes to the guest in "
                       "whole, of a large one what its devices need")
    guest.add_argument("--modprobe", metavar="NAME", action="append", default=[], help="a module to put "
                       "in, with what it needs, and to load at the start (without --modules: one of "
                       "the default kernel's). May be given again")
    guest.add_argument("--module", metavar="FILE.ko[,NAME=VALUE...]", action="append", default=[],
                       help="a module of yours, which the default initramfs loads with these parameters before "
                       "the command or the shell begins, after what it needs. One that fails to load ends a run "
                       f"without a terminal, with status {verdict.NOT_LOADED}. May be given again")
    guest.add_argument("--append", metavar="STR", help="arguments after those in the tree's bootargs")
    guest.add_argument("--pass", metavar="NODE", dest="passed", action="append", default=[],
                       help="let the guest see this node of the tree, a path or a name, though nothing "
                       "is behind its registers: accesses to them abort")
    guest.add_argument("--registers", metavar="NODE", action="append", default=[], help="as --pass, with "
                       "plain registers behind the node, which keep what is written")
    guest.add_argument("--smp", metavar="N", type=cpu_count, help="CPUs, 1 to 16 (default: 4); not "
                       "with --dtb")
    guest.add_argument("--mem", metavar="SIZE", type=memory_size, help="RAM, as 512M or 1.5G "
                       "(default: 512M); not with --dtb")
    guest.add_argument("--cmd", metavar="'COMMAND'", help="run this in the guest's shell instead of "
                       "a session, power off, and exit with its status. It has our stdin, stdout and "
                       "stderr, as with ssh, and no terminal. Works with the default initramfs")
    guest.add_argument("--console", action="store_true", help="stdin and stdout are the guest's console even "
                       "where the shell of the default guest would read stdin as a script")
    guest.add_argument("--oops", choices=("panic", "continue"), help="whether an oops or a BUG of the guest's "
                       f"kernel ends the run with status {verdict.OOPSED}, or is told at the end (default: it is "
                       "told, unless nobody is at the terminal and the guest has no status of its own)")
    guest.add_argument("--warn", choices=("fail", "continue"), default="continue", help="whether a warning of its "
                       f"kernel makes the status {verdict.WARNED} in place of 0 or the command's: WARN, lockdep, "
                       "KASAN, RCU stalls and the like (default: continue)")
    guest.add_argument("--reboot", action=argparse.BooleanOptionalAction, help="whether a guest that "
                       "resets itself starts again, or ends the run with status "
                       f"{verdict.RESET} (default: it starts again, but with --cmd)")


def add_device_options(parser):
    group = parser.add_argument_group("the guest's virtio devices, in the order given")
    group.set_defaults(devices=[])
    group.add_argument("--disk", metavar="FILE[,...]", action=DeviceOption, help="an image or a block device. What "
                       "the guest writes IS WRITTEN TO IT and stays there, unless one of these words follows: "
                       "'ro', read only; 'snapshot', what is written is gone with the run; 'ram', a copy in the "
                       "machine's memory, gone as well. format=raw, qcow2, ... where the first bytes don't tell. A "
                       "comma in the name is written twice. May be given again; 'none' for no disk (default: "
                       "BUILD/images/disk.img,ram with ext4)")
    group.add_argument("--net", metavar="user[,...]", action=DeviceOption, help="a network card on a network of QEMU's: "
                       "the default initramfs asks it for an address by DHCP. hostfwd=tcp:127.0.0.1:2222-:22 leads "
                       "a port of this machine into the guest, and may come again. 'none' for no card (default)")
    group.add_argument("--share", metavar="DIR[,...]", action=DeviceOption, help="a folder of this machine in the guest, "
                       "where the default initramfs mounts it on /mnt/host, further ones on /mnt/host2, ... 'ro', "
                       "read only; tag=NAME, on /mnt/NAME instead; '9p' by 9p, not by virtiofs. May be given again")
    group.add_argument("--rng", action=DeviceOption, nargs=0, help="a source of entropy")
    group.add_argument("--device", metavar="SPEC", action=DeviceOption, help="any virtio device of QEMU's, as its "
                       "-device wants it: virtio-keyboard, virtio-scsi,id=s, ...; what it leads to goes into "
                       "--qemu. May be given again")


def add_model_options(parser):
    group = parser.add_argument_group("devices of your own")
    group.add_argument("--model", metavar="[NAME=]FILE", action="append", default=[], help="a device whose behaviour "
                       "is a program on this machine: a Python file (.py), another program, or unix:PATH, the socket "
                       "of one that runs already. docs/models.md says what it has to do. May be given again")
    group.add_argument("--model-timeout", metavar="SECONDS", type=seconds, default=10.0, help="how long a model may "
                       f"take to answer (default: 10); then the run ends, with exit status {verdict.MODEL_FAILED}")


def add_fault_options(parser):
    group = parser.add_argument_group("what goes wrong (docs/driver-testing.md)")
    group.add_argument("--inject", metavar="RULES", action="append", default=[], help="rules by which the guest's "
                       "devices misbehave: a file of them, or one as it is, as in --inject 'disk0 read nth=3 : fail'. "
                       "May be given again")
    group.add_argument("--inject-log", metavar="FILE", help="write down what was done when; the lines are then not "
                       "on the console")
    group.add_argument("--inject-seed", metavar="N", type=int, default=0, help="begins the random numbers of "
                       "rules that have p= and no seed= (default: 0)")


def add_run_options(parser):
    run = parser.add_argument_group("the run")
    run.set_defaults(attended=None)  # that somebody is at the terminal, once it is known
    run.add_argument("--cpu", metavar="MODEL", help="QEMU's CPU model (default: "
                     f"{DEFAULT_CPU}, with --gdb {GDB_CPU}); cortex-a53, cortex-a72 and "
                     "neoverse-n1 work too")
    run.add_argument("--timeout", metavar="SECONDS", type=seconds, help="stop after so long, with "
                     "exit status 124")
    run.add_argument("--tap", dest="results", action="store_const", const="tap", help="read test results in TAP "
                     "or KTAP, as of KUnit and kselftest, from the console and --cmd's stdout; status "
                     f"{verdict.TESTS_FAILED} when one has failed or they are not whole")
    run.add_argument("--xfstests", dest="results", action="store_const", const="xfstests", help="the same with "
                     "results as xfstests prints them")
    run.add_argument("--junit", metavar="FILE", help="write those results as JUnit's XML, for CI")
    run.add_argument("--hang", metavar="SECONDS", type=whole_seconds, help="stop when a CPU of the guest has got "
                     f"nowhere for so many seconds, with exit status {verdict.HUNG}; 0: never (default: "
                     f"{stage.HANG}; at a terminal, and with --gdb, 0)")
    run.add_argument("--silence", metavar="SECONDS", type=seconds, help="stop when the guest has said nothing "
                     f"for so long, with exit status {verdict.SILENT}")
    run.add_argument("--icount", action="store_true", help="let time be the count of instructions, "
                     "1 ns each: the same on every run")
    run.add_argument("--gdb", action="store_true", help="wait for gdb before the first instruction; "
                     "the command that attaches it is printed")
    run.add_argument("--gdb-socket", metavar="PATH", help=argparse.SUPPRESS)  # of debug.py's, in place of a port
    run.add_argument("--stats", action="store_true", help="at the end, how often the guest trapped "
                     "and why; in between at each break on the console, Ctrl-A B")
    run.add_argument("--monitor", metavar="PATH", nargs="?", const="", help="let `tools/traproom monitor` ask Traproom "
                     "about the guest while it runs, at a socket that it finds, or at PATH (default at a terminal)")
    run.add_argument("--monitor-cmd", metavar="COMMAND", action="append", default=[], help="one of `tools/traproom "
                     "monitor`, done as soon as Traproom runs; what it says is on stderr. May be given again")
    run.add_argument("--report", action=argparse.BooleanOptionalAction, default=True, help="whether a guest that "
                     "panics, hangs or is stopped is reported on: registers, who called whom, the end of the kernel's "
                     "log (default: it is); in between at each break on the console, Ctrl-A B. With --no-report its "
                     "memory is not looked at for its verdict, either")
    run.add_argument("--core", metavar="FILE", help="write the guest's memory and registers as an ELF core whenever "
                     "it is reported on: for drgn, gdb")
    run.add_argument("--symbols", metavar="FILE", help="System.map or vmlinux of the kernel, for the report "
                     "(default: the kernel's own table, in the guest's memory)")
    run.add_argument("--trace", metavar="FILE", help="write each exit, with its time, as a trace that "
                     "https://ui.perfetto.dev shows, a track for each vCPU and each device (docs/trace.md)")
    run.add_argument("--ledger", metavar="FILE", help="write how often the guest trapped for which device register and "
                     "where in its code, and the time in EL2: .csv, .json, else a table")
    run.add_argument("--dump-dtb", metavar="FILE", help="write the guest's tree as it would be used, and "
                     "run nothing")
    run.add_argument("--qemu", metavar="'ARGUMENTS'", type=qemu_arguments, action="extend", default=[],
                     help="more arguments for QEMU, split as a shell does; may be given again, as in "
                     "--qemu '-d int -D qemu.log'")
    run.add_argument("--bare", action="store_true", help="the same guest without Traproom, to compare")
    run.add_argument("--options", metavar="FILE", help="take options from this file, too, those of the command line "
                     f"on top; 'none' for no file (default: {options_file.NAME}, where the current folder has one). "
                     "PROFILE names one of its tables")
    run.add_argument("--bundle", metavar="FILE", help="boot this file of `tools/traproom pack`'s, with --disk, --net "
                     "and the like as it was packed")
    run.add_argument("--config", metavar="NAME", help="which of the file's configurations (default: its first); of "
                     "pack: the name of the one that is packed (default: conf-1)")
    volume = run.add_mutually_exclusive_group()
    volume.add_argument("--verbose", action="store_true", help="print where everything goes, and "
                        "QEMU's command line")
    volume.add_argument("--quiet", action="store_true", help="none of Traproom's lines but errors; "
                        "without a terminal, or with --cmd, none of the kernel's either, unless the "
                        "run goes wrong")
    run.add_argument("--build", metavar="DIR", default=BUILD, help="build folder (default: build)")
    run.add_argument("--hypervisor", metavar="FILE",
                     help="as an ELF or an Image (default: BUILD/hyp/traproom.elf)")


def add(parser):
    """All of a run's."""
    add_guest_options(parser)
    add_device_options(parser)
    add_model_options(parser)
    add_fault_options(parser)
    add_run_options(parser)
