# SPDX-License-Identifier: Apache-2.0
"""`tools/traproom run`: its options, and the order of things."""

import argparse
import os
import re
import secrets
import shlex
import shutil
import sys
import tempfile

from launcher import Problem, console, guest_tree, images, layout, machine, session

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
DEFAULT_CPU = "max,pauth-impdef=on"
GDB_CPU = "max,pauth=off"  # gdb can't follow return addresses that are signed: QEMU 7.2 says no mask
NONE = "none"
SMALLEST_RAM, LARGEST_RAM = 4 * layout.MIB, 1 << 38

DESCRIPTION = """\
Boot a guest under Traproom, in QEMU's machine. The guest's console is stdin and stdout;
Traproom's own lines on it start with "[traproom]". With no options: Debian's Linux, to a
shell. Ctrl-A X leaves; Ctrl-A H has QEMU's other keys.
"""

EPILOG = """\
exit status:
  0    the guest powered off (or you left with Ctrl-A X)
  1    wrong usage or set-up, such as a tree that can't be honoured; with --cmd also: the guest left no verdict
  2    the hypervisor failed
  3    the hypervisor stopped the guest, for the reason it gives
  124  the time limit
  with --cmd, when the guest powered off: the command's own status

examples:
  tools/traproom run --smp 2 --mem 1G
  tools/traproom run --cmd 'cat /proc/cpuinfo' --quiet --timeout 60
  tools/traproom run --kernel ~/linux/arch/arm64/boot/Image --append 'loglevel=8'
  tools/traproom run --dtb board.dtb --initrd rootfs.cpio.gz --disk data.img
"""


class Parser(argparse.ArgumentParser):
    """argparse, with the exit status that the launcher promises for wrong usage."""

    def error(self, message):
        self.print_usage(sys.stderr)
        session.say(f"{message} (--help explains the options)")
        sys.exit(session.WRONG_SETUP)


def memory_size(text):
    match = re.fullmatch(r"(\d+)([MmGg]?)[Bb]?", text)
    if not match:
        raise argparse.ArgumentTypeError(f"'{text}' is not a size such as 512M or 2G")
    size = int(match.group(1)) * (1024 if match.group(2) in "Gg" and match.group(2) else 1)
    size *= layout.MIB
    if not SMALLEST_RAM <= size <= LARGEST_RAM:
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


def add_guest_options(parser):
    guest = parser.add_argument_group("the guest")
    guest.add_argument("--kernel", metavar="IMAGE", help="program in arm64 Image format, Linux or "
                       "not (default: Debian's Linux, BUILD/images/Image)")
    guest.add_argument("--dtb", metavar="DTB", help="the guest's device tree, which is the machine "
                       "it gets: RAM, CPUs, devices (default: made from dts/virt.dts)")
    guest.add_argument("--initrd", metavar="FILE", help="initramfs, 'none' for no one (default: "
                       "BUILD/images/initramfs.cpio.gz, with BusyBox). It goes where the tree's "
                       "/chosen says")
    guest.add_argument("--disk", metavar="FILE", help="raw image behind the first virtio,mmio node, "
                       "'none' for no one (default: BUILD/images/disk.img, ext4). The guest writes "
                       "to a copy in memory, never to the file")
    guest.add_argument("--append", metavar="STR", help="arguments after those in the tree's bootargs")
    guest.add_argument("--smp", metavar="N", type=cpu_count, help="CPUs, 1 to 16 (default: 4); not "
                       "with --dtb")
    guest.add_argument("--mem", metavar="SIZE", type=memory_size, help="RAM, as 512M or 2G "
                       "(default: 512M); not with --dtb")
    guest.add_argument("--cmd", metavar="'COMMAND'", help="run this in the guest's shell instead of "
                       "a session, power off, and exit with its status. Works with the default "
                       "initramfs")


def add_run_options(parser):
    run = parser.add_argument_group("the run")
    run.add_argument("--cpu", metavar="MODEL", help="QEMU's CPU model (default: "
                     f"{DEFAULT_CPU}, with --gdb {GDB_CPU}); cortex-a53, cortex-a72 and "
                     "neoverse-n1 work too")
    run.add_argument("--timeout", metavar="SECONDS", type=seconds, help="stop after so long, with "
                     "exit status 124")
    run.add_argument("--icount", action="store_true", help="let time be the count of instructions, "
                     "1 ns each: the same on every run")
    run.add_argument("--gdb", action="store_true", help="wait for gdb before the first instruction; "
                     "the command that attaches it is printed")
    run.add_argument("--stats", action="store_true", help="at the end, how often the guest trapped "
                     "and why")
    run.add_argument("--bare", action="store_true", help="the same guest without Traproom, to compare")
    volume = run.add_mutually_exclusive_group()
    volume.add_argument("--verbose", action="store_true", help="print where everything goes, and "
                        "QEMU's command line")
    volume.add_argument("--quiet", action="store_true", help="none of Traproom's lines but errors")
    run.add_argument("--build", metavar="DIR", default=os.environ.get(
        "TRAPROOM_BUILD", os.path.join(REPO, "build")), help="build folder (default: build)")
    run.add_argument("--hypervisor", metavar="FILE",
                     help="as an ELF or an Image (default: BUILD/hyp/traproom.elf)")


def parse_arguments(argv):
    parser = Parser(prog="tools/traproom", description="Runs guests under Traproom.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    run = commands.add_parser("run", help="boot a guest; `tools/traproom run --help` has the options",
                              description=DESCRIPTION, epilog=EPILOG, allow_abbrev=False,
                              formatter_class=argparse.RawDescriptionHelpFormatter)
    add_guest_options(run)
    add_run_options(run)
    args = parser.parse_args(argv)
    if args.dtb and (args.smp or args.mem):
        run.error("--smp and --mem don't go with --dtb: the tree says how many CPUs and how much RAM")
    if args.cmd is not None and args.initrd == NONE:
        run.error("--cmd needs an initramfs to run in: it doesn't go with --initrd none")
    return args


def built(args, name):
    """A file that the build makes."""
    path = os.path.join(args.build, name)
    if not os.path.exists(path):
        raise Problem(f"{path} is not there: run `make build` first, or name a file of your own")
    return path


def choose_file(args, option, name):
    """The file for an option: the user's, None for 'none', else the build's."""
    given = getattr(args, option)
    if given == NONE:
        return None
    path = given or built(args, name)
    images.readable_size(f"--{option}", path)
    return path


def make_tree(args):
    """The guest's tree as the options ask for it, without the images' places."""
    if args.dtb:
        tree = guest_tree.load_blob(args.dtb)
    else:
        tree = guest_tree.compile_source(os.path.join(REPO, "dts", "virt.dts"))
        if args.smp:
            tree.set_cpu_count(args.smp)
        if args.mem:
            tree.set_ram_size(args.mem)
    tree.check()
    tree.add_boot_arguments(args.append)
    if args.gdb:
        tree.add_boot_arguments("nokaslr")  # else the symbols are not where vmlinux has them
    tree.set_flag("traproom,quiet", args.quiet)
    tree.set_flag("traproom,stats", args.stats)
    return tree


def stage_initrd(args, tree, kernel, staging, path):
    """Give the initramfs its two places; returns its path, None when it is left out."""
    if path is None:
        tree.forget_initrd()
        return None
    size = os.path.getsize(path)
    start = tree.initrd_start() if args.dtb else None
    if start is None:
        start = layout.initrd_place(size, kernel, tree.ram(), tree.dtb_address())
    if start is None:
        what = f"the initramfs {path}, {size} bytes, does not fit into the guest's RAM"
        if args.initrd or args.cmd is not None:
            raise Problem(f"{what} beside the kernel: give it more (--mem)")
        session.say(f"{what}: left out")
        tree.forget_initrd()
        return None
    tree.set_initrd_place(start, size)
    tree.chosen.set_u64s("traproom,initrd", staging.add(path, size), size)
    return path


def stage_disk(args, tree, staging, path):
    node = tree.first_virtio()
    if path is None:
        return None
    if node is None:
        if args.disk:
            raise Problem(f"--disk {path}: {tree.name} has no virtio,mmio node to put it behind")
        return None
    size = os.path.getsize(path)
    if size % 512:
        raise Problem(f"--disk {path}: {size} bytes are not a whole number of 512-byte sectors")
    node.set_u64s("traproom,disk", staging.add(path, size), size)
    return path


def stage(args, folder, nonce):
    """Everything checked and in its place: (tree, staging, the files by option)."""
    kernel = images.Kernel(args.kernel or built(args, "images/Image"))
    tree = make_tree(args)
    layout.kernel_place(kernel, tree.ram())
    initrd = choose_file(args, "initrd", "images/initramfs.cpio.gz")
    if args.cmd is not None:
        initrd = images.add_archive(folder, initrd, images.archive_command(folder, args.cmd, nonce))
    by_image = not args.bare and not images.is_elf(args.hypervisor)
    staging = layout.Staging(tree.ram(), by_image)
    tree.chosen.set_u64s("traproom,kernel", staging.add(kernel.path, kernel.file_size),
                         kernel.file_size)
    files = {"kernel": kernel.path,
             "initrd": stage_initrd(args, tree, kernel, staging, initrd),
             "disk": stage_disk(args, tree, staging, choose_file(args, "disk", "images/disk.img"))}
    return tree, staging, files


def explain(command, tree, staging):
    for start, size in tree.ram():
        session.say(f"guest RAM   0x{start:x}, {size // layout.MIB} MiB")
    if tree.initrd_start() is not None:
        session.say(f"initramfs   0x{tree.initrd_start():x} in the guest")
    for path, address in staging.files:
        session.say(f"staged      0x{address:x} {path}")
    session.say(shlex.join(command))


def explain_gdb(args, kernel):
    elf = [] if args.bare else [os.path.relpath(args.hypervisor)]
    command = ["gdb-multiarch", "-ex", f"target remote {machine.GDB_HOST}:{machine.GDB_PORT}"] + elf
    # Beside the Image, or where a kernel's build leaves it: Image is in arch/arm64/boot.
    folder = os.path.dirname(os.path.abspath(kernel))
    for vmlinux in (os.path.join(folder, "vmlinux"), os.path.join(folder, "../../../vmlinux")):
        if os.path.exists(vmlinux):
            command += ["-ex", f"add-symbol-file {os.path.relpath(vmlinux)}"]
            break
    session.say("the machine waits for gdb. In another terminal:\n    " + shlex.join(command))


def run(args):
    args.cpu = args.cpu or (GDB_CPU if args.gdb else DEFAULT_CPU)
    if not args.bare:
        args.hypervisor = args.hypervisor or built(args, "hyp/traproom.elf")
        images.readable_size("--hypervisor", args.hypervisor)
    if shutil.which(machine.QEMU) is None:
        raise Problem(f"{machine.QEMU} is not installed: run tools/setup run")
    nonce = secrets.token_hex(8) if args.cmd is not None else None
    with tempfile.TemporaryDirectory(prefix="traproom-") as folder:
        tree, staging, files = stage(args, folder, nonce)
        dtb = os.path.join(folder, "guest.dtb")
        with open(dtb, "wb") as file:
            file.write(tree.tree.pack())
        cpus, terminal = len(tree.cpus()), session.has_terminal()
        if args.bare:
            command = machine.bare_command(args, cpus, terminal, dtb, files, tree.ram())
        else:
            command = machine.traproom_command(args, cpus, terminal, dtb, staging)
        if args.verbose:
            explain(command, tree, staging)
        if args.gdb:
            explain_gdb(args, files["kernel"])
        return session.run(command, console.Console(args.quiet, nonce), args)


def main(argv):
    session.catch_signals()
    try:
        return run(parse_arguments(argv))
    except KeyboardInterrupt:
        return session.INTERRUPTED
    except session.Terminated as ended:
        return 128 + ended.number
    except Problem as problem:
        session.say(str(problem))
        return session.WRONG_SETUP
    except OSError as error:
        session.say(str(error))
        return session.WRONG_SETUP
