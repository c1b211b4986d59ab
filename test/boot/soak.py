#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Endurance: `make soak ROUNDS=200`.

    soak.py [--rounds N] [--kills N] [--losses N] [--resets N] [--verdicts N] [--build DIR] [--cpus N]
            [--kernel IMAGE]

First one guest that starts itself again by SYSTEM_RESET for N rounds. In each it turns its CPUs
off and on while it writes to the disk and forks, looks at what the round before left on the disk,
and asks the kernel for complaints. A round that does not come, comes twice or takes too long is a
miss. Then N guests whose QEMU is killed in mid-write: the images on the host must be as they were,
and the next guest must start. N more of them write to a disk that keeps what they write: nothing that
one was told is durable may be lost (durable.py). At last each of QEMU's devices is reset N times while
four CPUs use it (test/guest/machine_resets.c). And N guests end in one of the ways of verdicts.py, picked at
random: no exit status may be another than it must be.
"""

import argparse
import hashlib
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time

import durable
from verdicts import ENDINGS

REPO = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
RUN_GUEST = os.path.join(REPO, "test", "guest", "run.py")
LAUNCHER = os.path.join(REPO, "tools", "traproom")
ROUND_LIMIT = 600  # seconds without a finished round: a hang, even on a busy machine
RESETS_LIMIT = 6 * 3600  # seconds for all of them

# Each start of the guest runs this once; the count of rounds lives on the disk.
ROUND = """
round=$(cat /mnt/disk/round 2>/dev/null || echo 0)
fail() {
    echo "soak round=$round FAIL $1"
    dmesg | tail -n 40
    exit 20
}
[ "$(nproc)" = %(cpus)d ] || fail "it has $(nproc) CPUs"
cd /mnt/disk || fail "no disk"
[ "$round" = 0 ] || md5sum -c -s sums || fail "the disk lost what was on it before the reset"
(for i in 1 2 3 4; do
    dd if=/dev/urandom of=file$i bs=64k count=16 2>/dev/null || exit 1
    sync
done) &
disk=$!
(i=0; while [ $i -lt 100 ]; do cat /proc/self/stat >/dev/null || exit 1; i=$((i + 1)); done) &
forks=$!
for cpu in $(seq 1 %(last)d) $(seq %(last)d -1 1); do
    echo 0 >/sys/devices/system/cpu/cpu$cpu/online || fail "CPU $cpu does not go off"
    echo 1 >/sys/devices/system/cpu/cpu$cpu/online || fail "CPU $cpu does not come back"
done
wait $disk || fail "writing to the disk"
wait $forks || fail "forking"
md5sum file1 file2 file3 file4 >sums
sync
echo 3 >/proc/sys/vm/drop_caches
md5sum -c -s sums || fail "the disk has something else than what was written"
dmesg | grep -E 'BUG:|WARNING:|Oops|rcu.*stall|soft lockup|I/O error' && fail "the kernel complains"
echo $((round + 1)) >round
sync
cd /
echo "soak round=$round ok"
[ $((round + 1)) = %(rounds)d ] && exit 0
reboot
sleep 1000
"""

WRITE = """
echo soak writes
while dd if=/dev/urandom of=/mnt/disk/file bs=64k count=32 2>/dev/null; do sync; done
"""

STARTS = """
[ "$(nproc)" = 4 ] && cat /mnt/disk/hello.txt && echo soak starts
"""

DONE = re.compile(r"^soak round=(\d+) ok$")
FAILED = re.compile(r"^soak round=(\d+) FAIL (.*)$")


def parse_arguments():
    parser = argparse.ArgumentParser(description="Reboots and kills, counted.")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--losses", type=int, default=100)
    parser.add_argument("--resets", type=int, default=10000)
    parser.add_argument("--verdicts", type=int, default=200)
    parser.add_argument("--seed", type=int, default=time.time_ns(), help="of the endings' order")
    parser.add_argument("--cpus", type=int, default=4)
    parser.add_argument("--kernel", help="in place of the default guest's")
    parser.add_argument("--build", default=os.environ.get("TRAPROOM_BUILD",
                                                          os.path.join(REPO, "build")))
    return parser.parse_args()


def launch(args, command, *options):
    kernel = ["--kernel", args.kernel] if args.kernel else []
    return subprocess.Popen(
        [LAUNCHER, "run", "--build", args.build, "--append", "quiet", *kernel, *options,
         "--cmd", command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, errors="replace")


class Watchdog:
    """Ends a process that has not been fed for ROUND_LIMIT seconds."""

    def __init__(self, process):
        self.process = process
        self.timer = None
        self.bitten = False
        self.feed()

    def feed(self):
        self.stop()
        self.timer = threading.Timer(ROUND_LIMIT, self._bite)
        self.timer.daemon = True
        self.timer.start()

    def stop(self):
        if self.timer:
            self.timer.cancel()

    def _bite(self):
        self.bitten = True
        self.process.terminate()


def progress(text):
    print(text, flush=True)


def reboots(args):
    """Rounds in a row that went well; says what went wrong."""
    command = ROUND % {"cpus": args.cpus, "last": args.cpus - 1, "rounds": args.rounds}
    process = launch(args, command, "--reboot", "--smp", str(args.cpus))
    watchdog = Watchdog(process)
    good, missed, recent = 0, None, []
    started = last = time.monotonic()
    slowest = 0.0
    for line in process.stdout:
        line = line.strip()
        recent = recent[-60:] + [line]
        done, failed = DONE.match(line), FAILED.match(line)
        if failed:
            missed = missed or f"round {failed.group(1)}: {failed.group(2)}"
        if not done:
            continue
        watchdog.feed()
        if int(done.group(1)) != good:
            missed = missed or f"round {done.group(1)} in place of {good}"
        good += 1
        slowest, last = max(slowest, time.monotonic() - last), time.monotonic()
        if good % 10 == 0:
            progress(f"soak: {good} rounds in {last - started:.0f} s")
    status = process.wait()
    watchdog.stop()
    if watchdog.bitten:
        missed = missed or f"no round for {ROUND_LIMIT} s after {good}"
    if status != 0 or good != args.rounds:
        missed = missed or f"the launcher's status is {status} after {good} rounds"
    progress(f"soak: {good} of {args.rounds} rounds, {missed or 'no miss'}; "
             f"the slowest took {slowest:.1f} s")
    if missed:
        progress("\n".join(recent))
    return missed is None


def digest(args):
    """What the images on the host are."""
    folder = os.path.join(args.build, "images")
    result = {}
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            with open(path, "rb") as file:
                result[name] = hashlib.sha256(file.read()).hexdigest()
    return result


def qemu_of(launcher):
    """QEMU's process id, as a child of the launcher's."""
    with open(f"/proc/{launcher.pid}/task/{launcher.pid}/children", encoding="ascii") as file:
        children = file.read().split()
    return int(children[-1])


def kill_once(args, number):
    process = launch(args, WRITE)
    watchdog = Watchdog(process)
    for line in process.stdout:
        if line.strip() == "soak writes":
            break
    # Somewhere between the first write and some megabytes, another place each time.
    time.sleep(0.3 + 0.17 * number % 1.5)
    if process.poll() is None:
        os.kill(qemu_of(process), signal.SIGKILL)
    process.stdout.read()
    status = process.wait()
    watchdog.stop()
    return not watchdog.bitten and status == 2  # QEMU failed, says the launcher


def starts(args):
    process = launch(args, STARTS)
    watchdog = Watchdog(process)
    text = process.stdout.read()
    status = process.wait()
    watchdog.stop()
    return status == 0 and "\nsoak starts" in text


def kills(args):
    before = digest(args)
    for number in range(args.kills):
        if not kill_once(args, number):
            progress(f"soak: kill {number}: QEMU was not killed in mid-write")
            return False
        if digest(args) != before:
            progress(f"soak: kill {number}: an image on the host has changed")
            return False
        if not starts(args):
            progress(f"soak: kill {number}: the next guest does not start")
            return False
    progress(f"soak: {args.kills} kills in mid-write, each followed by a good start")
    return True


def losses(args):
    """Kills of a QEMU whose guest writes to a disk that stays: the same two images over and over."""
    seed = time.time_ns()
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="traproom-soak-") as folder:
        images = [durable.make_image(folder, form) for form in ("raw", "qcow2")]
        told = 0
        for number in range(args.losses):
            image = images[number % len(images)]
            command = [LAUNCHER, "run", "--build", args.build, *durable.options(args.build, image),
                       "--cmd", durable.COMMAND]
            try:
                writer = durable.run_and_kill(command, rng)
                durable.check(image, writer, folder)
            except durable.Lost as error:
                progress(f"soak: loss test, seed {seed}: kill {number}, {os.path.basename(image)}: {error}")
                return False
            told += writer.total()
            if (number + 1) % 10 == 0:
                progress(f"soak: {number + 1} kills, {told} records acknowledged, none lost")
    return True


def resets(args):
    return subprocess.run([RUN_GUEST, "machine_resets", "--build", args.build, "--rounds", str(args.resets),
                           "--timeout", str(RESETS_LIMIT)], check=False).returncode == 0


def verdicts(args):
    """Each ending as often as the others, give or take one."""
    rng, names, wrong = random.Random(args.seed), [], 0
    progress(f"soak: verdicts with seed {args.seed}")
    for number in range(args.verdicts):
        names = names or rng.sample(sorted(ENDINGS), len(ENDINGS))
        name = names.pop()
        started = time.monotonic()
        done = subprocess.run([LAUNCHER, "run", "--build", args.build, "--timeout", str(ROUND_LIMIT),
                               *ENDINGS[name].arguments()], stdin=subprocess.DEVNULL, capture_output=True, check=False)
        right = done.returncode == ENDINGS[name].status
        progress(f"soak: verdict {number + 1}, {name}: {done.returncode} in {time.monotonic() - started:.0f} s"
                 f"{'' if right else f', and not {ENDINGS[name].status}'}")
        if not right:
            wrong += 1
            progress((done.stdout[-4000:] + done.stderr[-2000:]).decode("utf-8", "replace"))
    progress(f"soak: {args.verdicts} verdicts, {wrong} wrong")
    return not wrong


def main():
    args = parse_arguments()
    good = reboots(args) if args.rounds else True
    good = (kills(args) if args.kills else True) and good
    good = (losses(args) if args.losses else True) and good
    good = (resets(args) if args.resets else True) and good
    good = (verdicts(args) if args.verdicts else True) and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
