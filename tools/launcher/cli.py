# SPDX-License-Identifier: Apache-2.0
"""`tools/traproom run`: its command line (options.py has what can be in it), and the order of things."""

import argparse
import contextlib
import os
import shlex
import shutil
import sys
import tempfile
import time

from launcher import (Problem, TimeUp, attach, console, firmware, hunt, inject, kernel_words, layout, machine,
                      monitor_channel, options, options_file, results, session, stage, standard_files, streams, trace,
                      unbundle, verdict, virtiofsd)
from launcher.stage import NONE

DESCRIPTION = """\
Boot a guest under Traproom, in QEMU's machine. The guest's console is stdin and stdout;
Traproom's own lines on it start with "[traproom]". With no options: Debian's Linux, to a
shell. Ctrl-A X leaves; Ctrl-A H has QEMU's other keys. When stdin is no terminal, the
shell of the default guest reads it as a script, and its end ends the run; of other
guests it is the console's input.
"""

EPILOG = """\
exit status:
""" + "".join(f"  {status:<6} {words}\n" for status, words in verdict.STATUSES) + """
examples:
  tools/traproom run --smp 2 --mem 1G
  tools/traproom run --cmd 'cat /proc/cpuinfo' --quiet --timeout 60
  tools/traproom run --quiet <script.sh
  tools/traproom run --kernel ~/linux/arch/arm64/boot/Image --append 'loglevel=8'
  tools/traproom run --dtb board.dtb --initrd rootfs.cpio.gz --disk data.img,snapshot
"""


class Parser(argparse.ArgumentParser):
    """argparse, with the exit status that the launcher promises for wrong usage."""

    def error(self, message):
        session.say(f"{message} (--help explains the options)")
        sys.exit(verdict.WRONG_SETUP)


def bind_values(argv):
    """--qemu -snapshot as --qemu=-snapshot: argparse takes the value for an option."""
    bound = []
    for argument in argv:
        if bound and bound[-1] in options.FREE_TEXT:
            bound[-1] += "=" + argument
        else:
            bound.append(argument)
    return bound


def with_file(parser, run, argv):
    """What the command line asks for on top of what traproom.toml does."""
    args = parser.parse_args(argv)
    words, file = options_file.words(run, args.options, args.profile)
    louder = {"--quiet": args.verbose, "--verbose": args.quiet}
    args = parser.parse_args([argv[0], *(word for word in words if not louder.get(word)), *argv[1:]])
    if file and not args.quiet:
        session.say(f"with the options in {file}")
    return args


def check_guest_options(parser, args):
    if args.reboot is None:
        args.reboot = args.cmd is None
    if args.dtb is not None and (args.smp or args.mem):
        parser.error("--smp and --mem don't go with --dtb: the tree says how many CPUs and how much RAM")


def parse_arguments(argv):
    parser = Parser(prog="tools/traproom", description="Runs guests under Traproom.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    run = commands.add_parser("run", usage="tools/traproom run [PROFILE] [OPTIONS]", help="boot a guest; `tools/traproom run --help` has the options",
                              description=DESCRIPTION, epilog=EPILOG, allow_abbrev=False,
                              formatter_class=argparse.RawDescriptionHelpFormatter)
    commands.add_parser("debug", add_help=False, help="the same with gdb on it: `tools/traproom debug --help`")
    commands.add_parser("monitor", add_help=False, help="asks Traproom about a guest that runs: "
                        "`tools/traproom monitor --help`")
    commands.add_parser("pack", add_help=False, help="a guest and Traproom in one file that boots: "
                        "`tools/traproom pack --help`")
    commands.add_parser("hunt", add_help=False, help="a command under many seeds: `tools/traproom hunt --help`")
    commands.add_parser("trace", add_help=False, help="the exits of a guest that runs: `tools/traproom trace --help`")
    commands.add_parser("explain", add_help=False, help="ESR, HPFAR and FAR in words: `tools/traproom explain --help`")
    commands.add_parser("report", add_help=False, help="a run as a page of charts, or how two ledgers differ: `tools/traproom report --help`")
    options.add(run)
    args = with_file(parser, run, bind_values(argv))
    unbundle.check(run, args)
    if args.config is not None and args.bundle is None:
        run.error("--config chooses one in a bundle: it goes with --bundle")
    check_guest_options(run, args)
    if args.junit is not None and args.results is None:
        run.error("--junit needs results to write: say --tap or --xfstests")
    if args.core is not None and (args.bare or not args.report):
        run.error("--core is written with the report: it doesn't go with --no-report or --bare")
    if args.cmd is not None and args.initrd == [NONE]:
        run.error("--cmd needs an initramfs to run in: it doesn't go with --initrd none")
    return args


def explain(command, staged):
    for start, size in staged.tree.ram():
        session.say(f"guest RAM   0x{start:x}, {size // layout.MIB} MiB")
    if staged.tree.initrd_start() is not None:
        session.say(f"initramfs   0x{staged.tree.initrd_start():x} in the guest")
    for file, address in staged.staging.files:
        session.say(f"staged      0x{address:x} {file.name}")
    for device, slot, node in staged.placed:
        where = f"the machine's slot {slot}" if device.front else "memory"
        session.say(f"device      {device.said} is {where}, the guest's /{node.name}")
    session.say(shlex.join(command))


def explain_gdb(args, kernel):
    command = attach.command(args, kernel, f"{machine.GDB_HOST}:{machine.GDB_PORT}")
    session.say("the machine waits for gdb. In another terminal:\n    " + shlex.join(command))


def machine_clock():
    """Counts the seconds from now on: a guest's clock can't have more."""
    start = time.monotonic()
    return lambda: time.monotonic() - start


def stage_of(args):
    """What makes a Staged of the arguments."""
    if args.bundle is not None:
        return unbundle.read
    return firmware.stager(args)


def run(args, kind):
    firmware.check(args)
    args.cpu = args.cpu or (options.GDB_CPU if args.gdb else options.DEFAULT_CPU)
    if args.dump_dtb is None and shutil.which(machine.program()) is None:
        raise Problem(f"{machine.program()} is not installed: run tools/setup run")
    with tempfile.TemporaryDirectory(prefix="traproom-") as folder:
        staged = trace.add(args, stage_of(args)(args, folder))
        staged = staged._replace(monitor=monitor_channel.choose(args, staged), ram=machine.Ram())
        trace.offer(staged)
        guest = args.dump_dtb or os.path.join(folder, "guest")
        with open(guest, "wb") as file:
            tree = staged.tree.tree.pack()
            file.write(tree if args.dump_dtb or args.bare else staged.staging.fit(tree))
        if args.dump_dtb is not None:
            return 0
        machine.check(staged.staging, args.bare)
        command = machine.command(args, staged, guest, args.attended)
        if args.verbose:
            explain(command, staged)
        if args.gdb and not args.gdb_socket:
            explain_gdb(args, args.kernel or stage.built(args, "images/Image"))
        if args.oops is None:
            args.oops = "continue" if args.attended or staged.nonce else "panic"
        shown = console.Console(args.quiet, kernel_words.KernelWords(None if args.icount else machine_clock()),
                                results.Results(args.results) if args.results else None)
        if args.inject_log:
            shown.take = inject.Log(args.inject_log, staged.rules).take
        shown = streams.RelayedStreams(shown, staged.nonce, args.quiet) if staged.nonce else \
            streams.Streams(shown)
        devices = [device for device, _, _ in staged.placed]
        with virtiofsd.serving(device.server for device in devices if device.server) as complain:
            with staged.models.running(staged.ram.file), trace.running(staged), staged.monitor or contextlib.nullcontext():
                status = session.run(command, shown, args, staged,
                                     any(device.keeps_data for device in devices), kind)
            return complain(status)


def announced_run(args, kind):
    with monitor_channel.announced(args):
        return run(args, kind)


def guarded(work):
    """The exit status of work(), or of how it failed, which is said."""
    standard_files.open_standard_files()
    session.catch_signals()
    try:
        return work()
    except KeyboardInterrupt:
        return verdict.INTERRUPTED
    except session.Terminated as ended:
        return verdict.SIGNALLED + ended.number
    except TimeUp as late:
        session.say(str(late))
        return verdict.TIMED_OUT
    except Problem as problem:
        session.say(str(problem))
        return verdict.WRONG_SETUP
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left in its buffer
        return verdict.PIPE_CLOSED
    except OSError as error:
        session.say(f"{error.filename}: {error.strerror}" if error.filename else str(error))
        return verdict.WRONG_SETUP


def main(argv, kind=session.Session):
    """`kind`: of session, see session.run()."""
    if argv[:1] == ["hunt"]:
        return guarded(lambda: hunt.hunt(hunt.parse(Parser, argv[1:])))
    return guarded(lambda: announced_run(parse_arguments(argv), kind))
