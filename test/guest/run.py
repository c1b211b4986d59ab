#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Run one test guest and judge it by its lines and by the exit status.

    run.py FAMILY [--build DIR] [--hypervisor ELF] [--bare] [--cpu MODEL] [--timeout SECONDS]
                  [--without NODE] [--rounds N] [--devices NAMES]

Under Traproom (tools/traproom run), or with --bare on QEMU's own machine, to check the
test itself. A guest passes that prints `verdict: N cases, 0 failed`, no case of which
failed, and which ends as it should, by powering off as a rule. test/guest/FAMILY.c says
what each family covers.
"""

import argparse
import os
import re
import shlex
import subprocess
import sys
import tempfile
import threading
import time

import devices

REPO = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
DISK_SIZE = 4 << 20
LIMIT = 900  # seconds, for a guest that hangs: a slow or busy machine needs some minutes for some

# What a family needs besides four CPUs: a disk in RAM, devices of QEMU's (devices.py), what is typed
# when it asks, a host's folder by virtiofs, the device that FAMILY.py plays, a CPU of its own, time that
# is the count of instructions, and how it ends if not by powering off.
FAMILIES = {
    "mmio": {},
    "sysreg": {},
    "psci": {"disk": True},
    "gic": {},
    "gic_handover": {"disk": True},
    "timer": {},
    "pmu": {"icount": True},
    "rtc": {},
    "flash": {"flash": True},
    "model": {"model": True},
    "mem": {},
    "leak": {},
    "virtio": {"disk": True},
    "virtio_machine": {"devices": ["blk", "rng", "net"]},
    "machine_resets": {"devices": ["blk", "rng", "net", "console", "9p", "scsi", "input", "gpu", "crypto"],
                       "share": True},
    "uart": {"typed": True},
    "hostile_sysreg": {},
    "hostile_mmio": {},
    "hostile_gic": {},
    "hostile_call": {},
    "hostile_virtio": {"disk": True},
    "hostile_machine": {"devices": ["blk", "rng", "net", "balloon", "gpu"]},
    "hostile_tables": {},
    "hostile_storm": {},
    "hostile_power": {"ending": "guest stopped: all its CPUs are off"},
    "hostile_reset": {"disk": True},
    # A CPU that has AArch32 at EL0, as max does, and takes half the time.
    "hostile_a32": {"cpu": "cortex-a72"},
}

# Two banks of flash: where the guest has them, and their content, at the end of a machine's RAM of so many MiB.
FLASH, FLASH_SIZE, MACHINE_RAM, MACHINE_MIB = 0x10000000, 0x100000, 0x40000000, 1024
FLASH_CONTENT = MACHINE_RAM + MACHINE_MIB * (1 << 20) - 2 * FLASH_SIZE

# The guest asks for input by this line; what follows the colon is to be typed.
TYPE_REQUEST = re.compile(rb"^type: (\S+)", re.MULTILINE)
VERDICT = re.compile(r"^verdict: (\d+) cases, (\d+) failed\s*$", re.MULTILINE)
POWERED_OFF = "guest powered off"
GUEST_STOPPED_STATUS = 3
CASE = re.compile(r"^case (\S+): (ok|FAIL.*|skip.*?)\s*$", re.MULTILINE)


def parse_arguments():
    parser = argparse.ArgumentParser(description="Run one test guest.")
    parser.add_argument("family", choices=sorted(FAMILIES))
    parser.add_argument("--build", default=os.path.join(REPO, "build"), help="build folder")
    parser.add_argument("--hypervisor", help="instead of the build folder's")
    parser.add_argument("--bare", action="store_true", help="without Traproom")
    parser.add_argument("--cpu", help="instead of the family's")
    parser.add_argument("--without", metavar="NODE", help="leave this out of the guest's tree")
    parser.add_argument("--rounds", type=int, help="of machine_resets: of each device")
    parser.add_argument("--devices",
                        help="only these of the family's, with commas in between; fs is a host's folder")
    parser.add_argument("--smp", type=int, default=4)
    parser.add_argument("--timeout", type=int, default=LIMIT)
    return parser.parse_args()


def bare_command(image, disk, args):
    command = ["qemu-system-aarch64", "-M", "virt,gic-version=3", "-cpu", args.cpu,
               "-smp", str(args.smp), "-m", "640", "-nodefaults", "-display", "none",
               "-serial", "stdio", "-kernel", image,
               "-global", "virtio-mmio.force-legacy=false", *args.qemu,
               *(["-icount", "shift=0,sleep=off"] if args.icount else [])]
    if disk:
        command += ["-drive", f"if=none,id=disk,format=raw,discard=unmap,file={disk}",
                    "-device", "virtio-blk-device,drive=disk"]
    return command


def add_flash(tree):
    node = f"/flash@{FLASH:x}"
    subprocess.run(["fdtput", "-p", "-t", "s", tree, node, "compatible", "cfi-flash"], check=True)
    subprocess.run(["fdtput", "-t", "i", tree, node, "bank-width", "4"], check=True)
    for name, first in (("reg", FLASH), ("traproom,flash", FLASH_CONTENT)):
        cells = [word for at in (first, first + FLASH_SIZE) for word in ("0", f"{at:x}", "0", f"{FLASH_SIZE:x}")]
        subprocess.run(["fdtput", "-t", "x", tree, node, name, *cells], check=True)


def make_tree(folder, without, slots, free, rounds, flash):
    """
    The default tree, less one node, with so many of the machine's slots and `free` more for the launcher;
    None: as it is.
    """
    if not without and not slots and not flash:
        return None
    path = os.path.join(folder, "guest.dtb")
    source = os.path.join(REPO, "dts", "virt.dts")
    subprocess.run(["dtc", "-q", "-O", "dtb", "-o", path, source], check=True)
    if without:
        subprocess.run(["fdtput", "-r", path, without], check=True)
    if rounds:
        subprocess.run(["fdtput", "-t", "i", path, "/chosen", "test,rounds", str(rounds)], check=True)
    devices.add_to_tree(path, slots, free)
    if flash:
        add_flash(path)
    return path


def traproom_command(image, disk, args, tree):
    return [os.path.join(REPO, "tools", "traproom"), "run", "--kernel", image,
               "--initrd", "none", "--disk", disk + ",ram" if disk else "none",
            *(["--dtb", tree] if tree else ["--smp", str(args.smp)]),
               "--cpu", args.cpu, "--build", args.build, "--timeout", str(args.timeout),
            *(["--icount"] if args.icount else []),
            *(["--model", os.path.join(REPO, "test", "guest", args.family + ".py")] if args.model else []),
            *(["--share", args.share] if args.share else []),
            *(["--qemu", shlex.join(args.qemu)] if args.qemu else []),
            *(["--hypervisor", args.hypervisor] if args.hypervisor else [])]


def feed(process, output):
    """Read the guest's output to its end, typing what it asks for."""
    answered = 0
    while True:
        data = os.read(process.stdout.fileno(), 65536)
        if not data:
            return
        output += data
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        requests = TYPE_REQUEST.findall(output)
        # A whole line is needed to know the whole word.
        complete = output.count(b"\n", 0, len(output)) and output.endswith((b"\n", b"\r"))
        while complete and answered < len(requests):
            time.sleep(0.1)
            process.stdin.write(requests[answered])
            process.stdin.flush()
            answered += 1


def run(command, timeout, typed, folder):
    """The exit status, the guest's output, and what QEMU and the launcher have said beside it: apart, as they may
    say it in the middle of a line of the guest's."""
    output = bytearray()
    stdin = subprocess.PIPE if typed else subprocess.DEVNULL
    said = os.path.join(folder, "stderr")
    with open(said, "wb") as errors:
        process = subprocess.Popen(command, stdin=stdin, stdout=subprocess.PIPE, stderr=errors)
    # The launcher has a limit of its own; this one is for a launcher that hangs.
    watchdog = threading.Timer(timeout + 60, process.kill)
    watchdog.start()
    try:
        feed(process, output)
        status = process.wait()
    finally:
        watchdog.cancel()
    with open(said, encoding="utf-8", errors="replace") as errors:
        return status, output.decode("utf-8", "replace").replace("\r", ""), errors.read()


def judge(status, text, ending, whole):
    """What is wrong, one line each. Without Traproom there is no ending's line. `whole`: no skips."""
    problems = []
    if status != (0 if ending in (None, POWERED_OFF) else GUEST_STOPPED_STATUS):
        problems.append(f"exit status {status}")
    if ending and text.rstrip().split("\n")[-1] != f"[traproom] exit: {ending}":
        problems.append(f"the last line does not say '{ending}'")
    verdicts = VERDICT.findall(text)
    cases = CASE.findall(text)
    failed = [name for name, result in cases
              if result.startswith("FAIL") or (whole and result.startswith("skip"))]
    if len(verdicts) != 1:
        problems.append(f"{len(verdicts)} verdicts instead of one")
    else:
        count = int(verdicts[0][0])
        if count == 0 or count != len(cases):
            problems.append(f"the verdict counts {count} cases, the output has {len(cases)}")
        if int(verdicts[0][1]) != len(failed):
            problems.append("the verdict and the cases disagree")
    return problems + [f"case {name} failed" for name in failed]


def main():
    args = parse_arguments()
    needs = FAMILIES[args.family]
    args.icount = needs.get("icount", False)
    args.model = needs.get("model", False)
    args.cpu = args.cpu or needs.get("cpu", "max,pauth-impdef=on")
    image = os.path.join(args.build, "guest", args.family + ".img")
    with tempfile.TemporaryDirectory(prefix="traproom-guest-") as folder:
        slots = ([name for name in args.devices.split(",") if name != "fs"] if args.devices
                 else needs.get("devices", []))
        args.qemu = devices.qemu_arguments(slots, folder) if slots else []
        args.share = None
        if needs.get("share") and "fs" in (args.devices or "fs").split(","):
            args.share = os.path.join(folder, "shared")
            os.mkdir(args.share)
        disk = None
        if needs.get("disk"):
            disk = os.path.join(folder, "disk.img")
            with open(disk, "wb") as file:
                file.truncate(DISK_SIZE)
        if slots:
            devices.make_disk(folder, DISK_SIZE)
        tree = make_tree(folder, args.without, len(slots), 1 if args.share else 0, args.rounds,
                         "flash" in needs)
        if "flash" in needs:
            args.qemu = ["-m", f"{MACHINE_MIB}M"]
        command = (bare_command(image, disk, args) if args.bare
                   else traproom_command(image, disk, args, tree))
        status, text, said = run(command, args.timeout, needs.get("typed", False), folder)
        sys.stderr.write(said)
        problems = devices.complaints(slots, text + "\n" + said, folder, DISK_SIZE,
                                      args.family.startswith("hostile")) if slots else []
    ending = None if args.bare else needs.get("ending", POWERED_OFF)
    problems += judge(status, text, ending, args.model or (bool(slots) and not args.devices and not args.bare))
    for problem in problems:
        print(f"{args.family}: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
