# SPDX-License-Identifier: Apache-2.0
"""`tools/traproom debug`: a run that waits for gdb, and gdb with the symbols of the guest's kernel, of the
modules of --module and of Traproom. gdb has the terminal, and the run ends with it.

gdb reaches QEMU by a socket in a folder of its own, so that several such runs don't meet. Its script
tools/gdb/module.py loads a module's symbols when the kernel has put it into memory.
"""

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from launcher import Problem, attach, cli, session, stage, verdict
from launcher.words import split, take_out

LAUNCHER = os.path.join(stage.REPO, "tools", "traproom")
SCRIPT = "--script"
WAIT = 0.05  # seconds between looks whether QEMU has opened its socket
PLACE = re.compile(r"^([0-9a-f]{16}) \w do_init_module$", re.MULTILINE)

USAGE = """\
usage: tools/traproom debug [PROFILE] [OPTIONS of tools/traproom run] [--script FILE]

Runs a guest and gdb-multiarch on it. The machine waits before its first instruction; `continue` goes
to the first module of --module, if there is one, in its init function. Without --cmd the guest's
console is shown, and nobody types there. The run ends with gdb, whose exit status is ours.

  --script FILE   gdb does what is in it, and ends (gdb -batch -x FILE)
"""


def take_script(argv):
    """(the value of --script or None, the other arguments)."""
    scripts, others = take_out(SCRIPT, argv)
    if SCRIPT in others:
        raise Problem(f"{SCRIPT}: its value is missing")
    return (scripts[-1] if scripts else None), others


def module_commands(args, kernel):
    """gdb's arguments by which it stops in the init function of each --module."""
    place = where_modules_come(args, kernel) if args.module else []
    return [word for text in args.module
            for word in ("-ex", " ".join(["module-init", split(text)[0], *place]))]


def where_modules_come(args, kernel):
    """do_init_module's address, as a list, for a kernel without vmlinux: it says so itself, once."""
    if attach.find_vmlinux(kernel):
        return []
    with open(kernel, "rb") as file:
        known = os.path.join(args.build, "do_init_module", hashlib.sha256(file.read()).hexdigest())
    if not os.path.exists(known):
        session.say("asking the kernel, which has no vmlinux beside it, where its do_init_module() is: once")
        done = subprocess.run([LAUNCHER, "run", "--options=none", "--quiet", "--append", "quiet nokaslr", "--kernel",
                               kernel, "--build", args.build, "--cmd", "grep ' do_init_module$' /proc/kallsyms"],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        place = PLACE.search(done.stdout)
        if place is None:
            raise Problem(f"{kernel} does not say where its do_init_module() is, for want of CONFIG_KALLSYMS, "
                          "perhaps: put its vmlinux beside it")
        os.makedirs(os.path.dirname(known), exist_ok=True)
        with open(known + ".new", "w", encoding="ascii") as file:
            file.write("0x" + place.group(1))
        os.rename(known + ".new", known)
    with open(known, encoding="ascii") as file:
        return [file.read()]


def start_guest(argv, address):
    """The run. It is no job of this terminal's: Ctrl-C is gdb's."""
    return subprocess.Popen([sys.executable, LAUNCHER, "run", *argv, "--console", "--gdb", f"--gdb-socket={address}"],
                            stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=session.die_with_parent)


def await_socket(guest, address):
    """Has QEMU opened it? False: the run has ended instead."""
    while not os.path.exists(address):
        if guest.poll() is not None:
            return False
        time.sleep(WAIT)
    return True


def run_gdb(command):
    with subprocess.Popen(command) as gdb:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            return gdb.wait()
        finally:
            signal.signal(signal.SIGINT, before)


def debug(argv):
    if "--help" in argv or "-h" in argv:
        print(USAGE, end="")
        return 0
    if shutil.which(attach.GDB) is None:
        raise Problem(f"{attach.GDB} is not installed: run tools/setup debug")
    script, argv = take_script(argv)
    args = cli.parse_arguments(["run", *argv])
    args.hypervisor = args.hypervisor or stage.built(args, "hyp/traproom.elf")
    kernel = args.kernel or stage.built(args, "images/Image")
    steps = module_commands(args, kernel) + (["-batch", "-x", script] if script else [])
    with tempfile.TemporaryDirectory(prefix="traproom-gdb-") as folder:
        address = os.path.join(folder, "gdb")
        command = [*attach.command(args, kernel, address), "-q", *steps]
        with start_guest(argv, address) as guest:
            try:
                if not await_socket(guest, address):
                    return guest.wait() or verdict.HYPERVISOR_FAILED
                return run_gdb(command)
            finally:
                guest.terminate()


def main(argv):
    return cli.guarded(lambda: debug(argv))
