# SPDX-License-Identifier: Apache-2.0
"""`tools/traproom pack`: Traproom and a guest in one file that boots. Its options are those of a run, of which
cli.py has the meaning; stage.py prepares the guest, bundle.py writes the file. docs/bundle.md."""

import argparse
import os
import shlex
import tempfile

from launcher import Problem, bundle, cli, firmware, fit, layout, machine, options, session, stage, unbundle
from launcher.files import Files

DESCRIPTION = """\
Write one file of Traproom and a guest, chosen by the options of `tools/traproom run`, that boots by
-kernel in QEMU's machine or by U-Boot's booti. QEMU's line for it is printed. The guest's devices that
the machine has (--disk without ,ram, --net, --device, ...) are in that line, not in the file.
"""
EPILOG = """\
examples:
  tools/traproom pack -o bundle.img
  tools/traproom pack -o bundle.img --kernel Image --initrd rootfs.cpio.gz --disk none --compress lz4
  tools/traproom pack -o bundle.img --add --config small --smp 1 --mem 128M
  tools/traproom pack -o bundle.img --firmware u-boot.bin
  tools/traproom pack -o bundle.itb --format fit --sign keys/dev.key
"""
RUN = "{0} is of a run, not of a file: give it to `tools/traproom run --bundle FILE`"
REFUSED = {  # options of a run, by their places in the arguments
    **{name: RUN for name in ("timeout", "results", "junit", "silence", "gdb", "core", "symbols", "console", "oops",
                              "inject_log")},
    "cmd": "{0} needs the launcher beside the guest, for its status: `tools/traproom run --cmd` has it, and a file "
           "what --put puts into the initramfs",
    "model": "{0} needs the model's program beside the guest: `tools/traproom run` starts it",
    "flash": "{0} is a file of this computer's, which a bundle can't write to: its content goes into one by --firmware "
             "FILE,vars=FILE",
    "bare": "{0} leaves Traproom out, and the file begins with it",
    "dump_dtb": "{0} packs nothing: give it to `tools/traproom run`",
}
FORGETS = "what the firmware programs into its flash is gone with the run: it lives in memory"
FIRST = "conf-1"
OPTIONS = {"results": "--tap", "inject_log": "--inject-log", "dump_dtb": "--dump-dtb"}


def add_file_options(parser):
    group = parser.add_argument_group("the file")
    group.add_argument("-o", "--output", metavar="FILE", required=True, help="where it goes")
    group.add_argument("--add", action="store_true", help="add this guest to FILE as one more configuration, "
                       "which traproom.config=NAME in the machine's boot arguments chooses; the first stays the default")
    group.add_argument("--hash", choices=("crc32", "sha256"), default="crc32", help="what Traproom checks each "
                       "image by before it is used (default: crc32)")
    group.add_argument("--compress", choices=("none", "lz4"), default="none", help="kernel and initramfs, "
                       "unless they come packed (default: none)")
    group.add_argument("--format", choices=("image", "fit"), default="image", help="'fit': in a FIT around it, for "
                       "U-Boot's bootm, or around the file that --bundle names (default: image)")
    group.add_argument("--sign", metavar="NAME.key", help="with --format fit: sign it, for a U-Boot that has the "
                       "public key; NAME.crt must be beside it")
    group.add_argument("--public-key", metavar="DTB", help="with --sign: put the public key into that tree, U-Boot's "
                       "own, and demand there that what is booted is signed by it")


def parse(argv):
    parser = cli.Parser(prog="tools/traproom", description="Packs a guest.")
    commands = parser.add_subparsers(dest="command")
    packer = commands.add_parser("pack", usage="tools/traproom pack [PROFILE] -o FILE [OPTIONS]", allow_abbrev=False,
                                 description=DESCRIPTION, epilog=EPILOG,
                                 formatter_class=argparse.RawDescriptionHelpFormatter)
    add_file_options(packer)
    options.add(packer)
    argv = cli.bind_values(["pack", *argv])
    refuse(packer, parser.parse_args(argv))
    args = cli.with_file(parser, packer, argv)
    cli.check_guest_options(packer, args)
    args.config = args.config or FIRST
    if not fit.NAME.fullmatch(args.config):
        packer.error(f"--config {args.config}: a name has up to 31 letters, digits and ,._+-, the first a letter or digit")
    for name in REFUSED:  # of a file of options, which serves runs, too
        setattr(args, name, packer.get_default(name))
    if args.sign and args.format != "fit":
        packer.error("--sign needs --format fit: U-Boot verifies it")
    if args.public_key and not args.sign:
        packer.error("--public-key goes with --sign")
    if args.add and args.format == "fit":
        packer.error("--add needs a bundle: make it first, then put a FIT around it by --format fit --bundle FILE")
    if args.bundle is not None and args.format != "fit":
        packer.error("--bundle goes with --format fit, which puts a FIT around that file")
    unbundle.check(packer, args)
    return args


def refuse(parser, args):
    for name, words in REFUSED.items():
        if getattr(args, name) != parser.get_default(name):
            raise Problem(words.format(OPTIONS.get(name, f"--{name}")))


def check_devices(staged):
    for device, _, _ in staged.placed:
        if device.server:
            raise Problem(f"{device.said}: virtiofsd would have to run beside the machine: add ,9p, which needs none")


def prepare(args, folder, output):
    """Stage the guest and write its bundle; the Staged."""
    own = os.path.join(folder, "bundle")
    os.mkdir(own)
    hypervisor = bundle.Hypervisor(Files(folder).get("--hypervisor", args.hypervisor))
    made = bundle.Bundle(hypervisor, own, args.config, args.hash, args.compress)
    if args.add:
        made.take(bundle.read(args.output))
    staged = firmware.stager(args)(args, folder, made)
    check_devices(staged)
    made.put_tree(staged.tree)
    made.write(output)
    return staged


def pack(args):
    firmware.check(args)
    args.attended, args.console = True, True  # a file boots by itself, with a console and nobody who reads a status
    quiet, args.quiet = args.quiet, False
    args.cpu = args.cpu or options.DEFAULT_CPU
    args.hypervisor = args.hypervisor or stage.built(args, "hyp/traproom.img")
    with tempfile.TemporaryDirectory(prefix="traproom-") as folder:
        how = wrap(args, folder) if args.format == "fit" else line(args, prepare(args, folder, args.output))
    if not quiet:
        print(how)
        if args.firmware is not None:
            session.say(FORGETS)
    return 0


def line(args, staged):
    """QEMU's, for the file."""
    args.bundle = args.output
    found = shlex.join(machine.command(args, staged, None, True))
    return found + (f" -append traproom.config={shlex.quote(args.config)}" if args.add else "")


def wrap(args, folder):
    """A FIT around a bundle that is there, or that is made for it; how it is booted."""
    inner = args.bundle
    if inner:
        bundle.read(inner)
    else:
        inner = os.path.join(folder, "inner")
        prepare(args, folder, inner)
    bundle.write_outer(args.output, inner, args.sign, args.public_key)
    return f"U-Boot boots it by: bootm ADDRESS - TREE (load it above 0x{layout.HYPERVISOR + os.path.getsize(inner):x})"


def main(argv):
    return cli.guarded(lambda: pack(parse(argv)))
