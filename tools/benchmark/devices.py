# SPDX-License-Identifier: Apache-2.0
"""The machine's devices, driven by a guest bare and through Traproom. Used by tools/bench;
guest/bench/linux_device.c is the guest. How: docs/benchmarks.md, "Leaving the device's time out"."""

import os
import re
import socket
import threading

from benchmark.guests import (CPU, DISK_MODULES, LAUNCHER, NET_MODULES, NotMeasured, TIMEOUT, find,
                              find_linux, make_initrd, run)

DISK_SIZE = 256 << 20
LATENCY_NS = 500_000  # of the disk that holds nothing: the guest has gone to sleep before it answers
CLOCK_ROUNDS = 6
CLOCK_CPU = 0  # where the reader runs: the device interrupts the same
SHARE_FOLDERS, SHARE_FILES = 50, 100
# As `git status` does: each file of a folder of the host's is looked at.
LOOK_AT_ALL = "cd /mnt/host && s=$(cut -d' ' -f1 /proc/uptime) && " \
              "n=$(find . -type f -newer /init | wc -l) && " \
              "echo looked-at $n from $s to $(cut -d' ' -f1 /proc/uptime)"
MODERN = "-global virtio-mmio.force-legacy=false"
SLOT = ("0", "a000000")  # QEMU's first, which is the bus below
BUS = "virtio-mmio-bus.0"
# A disk that holds nothing, so that the latency is all that it adds.
NULL_DISK = f"-drive if=none,id=null,driver=null-co,size={DISK_SIZE},latency-ns={LATENCY_NS} " \
            f"-device virtio-blk-device,drive=null,bus={BUS}"
NET = f"-netdev user,id=net -device virtio-net-device,netdev=net,bus={BUS}"
# In a slot that no node names: nobody has it.
UNUSED = "-netdev user,id=net -device virtio-net-device,netdev=net,bus=virtio-mmio-bus.7"


class Echo:
    """A UDP port that answers each packet whose first byte is 'e' with the same."""

    def __enter__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def serve(self):
        data = b"-"
        while data:  # an empty one ends it
            data, sender = self.socket.recvfrom(2048)
            if data.startswith(b"e"):
                self.socket.sendto(data, sender)

    def __exit__(self, *_):
        self.socket.sendto(b"", self.socket.getsockname())


class Guests:
    """The same guest with the same device, bare and through Traproom."""

    def __init__(self, machine):
        self.args, self.folder = machine.args, machine.folder
        self.kernel, modules = find_linux(machine.args)
        self.initrd = os.path.join(self.folder, "device-initrd")
        make_initrd(self.initrd, os.path.join(self.args.build, "guest", "linux_device"), modules,
                    DISK_MODULES + NET_MODULES)
        self.tree = self.make_tree(*SLOT)

    def options(self, append):
        return [LAUNCHER, "run", "--kernel", self.kernel, "--initrd", self.initrd, "--cpu", CPU,
                "--build", self.args.build, "--timeout", str(TIMEOUT), "--append", append]

    def make_tree(self, *slot):
        """
        The default one with one CPU; with `slot`, two cells in hexadecimal, the machine's is behind
        the guest's first.
        """
        path = os.path.join(self.folder, "device.dtb" if slot else "no-device.dtb")
        run(self.options("quiet mem=512M") + ["--smp", "1", "--disk", "none", "--dump-dtb", path])
        if slot:
            run(["fdtput", "-t", "x", path, "/virtio_mmio@a000000", "traproom,slot", *slot])
        return path

    def count(self, bare, mode, device, tree):
        """The output of a run that counts instructions: on one CPU."""
        return run(self.options(f"-- {mode}") +
                   ["--dtb", tree, "--disk", "none", "--icount", "--qemu", f"{MODERN} {device}",
                    "--bare" if bare else "--stats"])

    def clock(self, bare, mode, disk):
        """The output of a run by the clock."""
        return run(self.options(f"quiet mem=512M -- {mode} {CLOCK_CPU}") +
                   ["--disk", f"{disk},snapshot", "--bare" if bare else "--stats"])

    def pair(self, mode, names, device):
        """For each of `names`: (bare, Traproom), in instructions."""
        texts = [self.count(bare, mode, device, self.tree) for bare in (True, False)]
        return [tuple(find(text, rf"^linux-bench {name} (\d+)") for text in texts)
                for name in names]


def measure_clock(guests):
    """For random and sequential reads: (bare, Traproom), in microseconds, the best of some."""
    disk = os.path.join(guests.folder, "device-disk.img")
    with open(disk, "wb") as file:
        file.truncate(DISK_SIZE)
    best = {}
    for _ in range(CLOCK_ROUNDS):
        for bare in (True, False):
            text = guests.clock(bare, "clock", disk)
            for name in ("clock-small", "clock-big"):
                value = find(text, rf"^linux-bench {name} (\d+)")
                best[name, bare] = min(value, best.get((name, bare), value))
    return [(best[name, True], best[name, False]) for name in ("clock-small", "clock-big")]


def make_tree_of_files(folder):
    for i in range(SHARE_FOLDERS):
        os.makedirs(os.path.join(folder, str(i)))
        for j in range(SHARE_FILES):
            with open(os.path.join(folder, str(i), str(j)), "wb") as file:
                file.write(b"-")


def measure_share(guests):
    """Seconds for a look at each of 5,000 files in a folder of the host's: (bare, Traproom)."""
    folder = os.path.join(guests.folder, "shared")
    make_tree_of_files(folder)
    best = {}
    for _ in range(CLOCK_ROUNDS):
        for bare in (True, False):
            text = run([LAUNCHER, "run", "--build", guests.args.build, "--timeout", str(TIMEOUT), "--quiet",
                        "--share", folder, "--cmd", LOOK_AT_ALL] + (["--bare"] if bare else []))
            seen = re.search(r"^looked-at (\d+) from ([0-9.]+) to ([0-9.]+)$", text, re.MULTILINE)
            if seen is None or int(seen[1]) != SHARE_FOLDERS * SHARE_FILES:
                raise NotMeasured(f"the guest did not see the shared files: {text}")
            seconds = float(seen[3]) - float(seen[2])
            best[bare] = min(seconds, best.get(bare, seconds))
    return best[True], best[False]


def exits_unused(guests):
    """How often the machine's virtio devices made the guest exit that has none of them."""
    text = guests.count(False, "none", UNUSED, guests.make_tree())
    find(text, r"^\[traproom\] irq: guest timer +(\d+)")  # it has counted
    return sum(int(count) for count in
               re.findall(r"^\[traproom\] irq: (?:virtio[^0-9]*|other) +(\d+)", text, re.MULTILINE))


def measure(machine):
    """Figures by the budget's names, each a pair: bare and Traproom."""
    guests = Guests(machine)
    with Echo() as echo:
        small, big = guests.pair("disk", ["disk-small", "disk-big"], NULL_DISK)
        there_and_back, send = guests.pair(f"net {echo.port}", ["net-echo", "net-send"], NET)
    random, order = measure_clock(guests)
    share = measure_share(guests)
    unused = exits_unused(guests)
    print(f"a disk of the machine, instructions for 4 KiB: bare {small[0]:,}, Traproom {small[1]:,}; "
          f"for a MiB: {big[0]:,} and {big[1]:,}")
    print(f"a network device, instructions for a packet and its answer: {there_and_back[0]:,} and "
          f"{there_and_back[1]:,}; for one sent: {send[0]:,} and {send[1]:,}")
    print(f"wall-clock, best of {CLOCK_ROUNDS}: random reads {random[0]:,} and {random[1]:,} us, "
          f"256 MiB {order[0]:,} and {order[1]:,} us; "
          f"all files of a share {share[0]:.2f} and {share[1]:.2f} s")
    figures = {"disk_request_ratio": small, "disk_mib_ratio": big,
               "net_echo_ratio": there_and_back, "net_send_ratio": send,
               "random_wall_ratio": random, "sequential_wall_ratio": order,
               "share_wall_ratio": share}
    ratios = {name: (1, ours / bare) for name, (bare, ours) in figures.items()}
    return ratios | {"unused_device_exits": (0, unused)}
