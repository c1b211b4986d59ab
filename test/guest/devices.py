# SPDX-License-Identifier: Apache-2.0
"""QEMU's virtio devices for a test guest: in the machine's first slots, each with a node of the
guest's tree in front (docs/devices.md, traproom,slot). And what they saw: QEMU says when a device
is given what it can't use, and traces each request of a disk. Used by run.py."""

import os
import random
import re
import subprocess

FIRST_SLOT, SLOT_SIZE, FIRST_SPI = 0x0a000000, 0x200, 16  # of QEMU's machine, and of dts/virt.dts
SECTOR = 512
# hostile_machine.h knows them: nobody writes to sectors from KEPT on, but the last, and a request that
# must not come to the device is for one from FORBIDDEN on.
KEPT, FORBIDDEN, NR_FORBIDDEN = 65, 5000, 1024

# What QEMU is told; the device's bus and where its files are come to it.
DEVICES = {
    "blk": ["-drive", "if=none,id=disk,format=raw,discard=unmap,file={folder}/disk.img",
            "-device", "virtio-blk-device,drive=disk,num-queues=4,discard=off,write-zeroes=off,"
            "max-discard-sectors=0,max-write-zeroes-sectors=0,bus={bus}"],
    "rng": ["-device", "virtio-rng-device,bus={bus}"],
    "net": ["-netdev", "user,id=net", "-device", "virtio-net-device,netdev=net,bus={bus}"],
}
DEVICES |= {
    "console": ["-chardev", "null,id=port", "-device", "virtio-serial-device,bus={bus}",
                "-device", "virtconsole,chardev=port"],
    "9p": ["-fsdev", "local,id=share,path={folder},security_model=none",
           "-device", "virtio-9p-device,fsdev=share,mount_tag=share,bus={bus}"],
    "scsi": ["-device", "virtio-scsi-device,id=scsi,bus={bus}", "-drive", "if=none,id=null,driver=null-co",
             "-device", "scsi-hd,drive=null"],
    "balloon": ["-device", "virtio-balloon-device,bus={bus}"],
    "gpu": ["-device", "virtio-gpu-device,bus={bus}"],
    "crypto": ["-object", "cryptodev-backend-builtin,id=crypto",
               "-device", "virtio-crypto-device,cryptodev=crypto,bus={bus}"],
    "input": ["-device", "virtio-keyboard-device,bus={bus}"],
}
TRACED = ("virtio_blk_handle_read", "virtio_blk_handle_write", "virtio_balloon_handle_output",
          "virtio_balloon_bad_addr")
ADVICE = re.compile(r"warning: 9p: degraded performance")
# A page that the balloon is given, and memory that Traproom says is the guest's: where the machine has it.
BALLOON = re.compile(r"virtio_balloon_handle_output .* gpa: (?:0x)?([0-9a-f]+)")
GUESTS = re.compile(r"^\[traproom\] .*: \[(0x[0-9a-f]+), (0x[0-9a-f]+)\] is the machine's from (0x[0-9a-f]+) on",
                    re.MULTILINE)
REQUEST = re.compile(r"virtio_blk_handle_\w+ .* sector (\d+) ")


def make_disk(folder, size):
    """The disk's file; its bytes are the same in each run."""
    with open(os.path.join(folder, "disk.img"), "wb") as file:
        file.write(random.Random(size).randbytes(size))


def qemu_arguments(names, folder):
    """The devices, and a log of the requests and of errors that QEMU blames on the guest."""
    arguments = ["-global", "virtio-mmio.force-legacy=false", "-D", os.path.join(folder, "qemu.log"),
                 "-d", ",".join(["guest_errors", *(f"trace:{event}" for event in TRACED)])]
    for index, name in enumerate(names):
        arguments += [part.format(folder=folder, bus=f"virtio-mmio-bus.{index}")
                      for part in DEVICES[name]]
    return arguments


def add_to_tree(path, count, free):
    """Nodes of the first `count` slots, each with the machine's slot behind it, and of the `free` next ones."""
    for index in range(count + free):
        address = FIRST_SLOT + index * SLOT_SIZE
        node = f"/virtio_mmio@{address:x}"
        subprocess.run(["fdtput", "-p", "-c", path, node], check=True)
        put = {"reg": ["-t", "x", "0", f"{address:x}", "0", f"{SLOT_SIZE:x}"],
               "interrupts": ["-t", "i", "0", str(FIRST_SPI + index), "1"],
               "traproom,slot": ["-t", "x", "0", f"{address:x}"],
               "compatible": ["-t", "s", "virtio,mmio"]}
        if index >= count:
            del put["traproom,slot"]
        for name, (option, kind, *values) in put.items():
            subprocess.run(["fdtput", option, kind, path, node, name, *values], check=True)
        subprocess.run(["fdtput", path, node, "dma-coherent"], check=True)


def is_guests(line, text):
    """Is it about a page that a balloon may have?"""
    page = BALLOON.search(line)
    return page is not None and any(
        0 <= int(page.group(1), 16) - int(at, 16) <= int(last, 16) - int(first, 16)
        for first, last, at in GUESTS.findall(text))


def complaints(names, text, folder, size, hostile):
    """What the devices saw that they must not, one line each."""
    problems = []
    path = os.path.join(folder, "qemu.log")
    if not os.path.exists(path):
        return ["QEMU has left no log"]
    with open(path, encoding="utf-8", errors="replace") as file:
        log = file.read().splitlines()
    sectors = [int(match.group(1)) for match in map(REQUEST.search, log) if match]
    if not sectors and "blk" in names:
        problems.append("QEMU's log has no request of the disk")
    if "balloon" in names and not any(map(BALLOON.search, log)):
        problems.append("QEMU's log has no page of the balloon")
    for line in [line for line in log if not REQUEST.search(line) and not is_guests(line, text)][:5]:
        problems.append(f"QEMU's log: {line}")
    # "virtio: " is about rings and buffers; what else a device says is about a request's content,
    # which is the guest's own affair.
    said = [line for line in text.splitlines()
            if line.startswith("qemu-system-aarch64: ") and not ADVICE.search(line)]
    problems += [line for line in said if not hostile or line.split(": ")[1] == "virtio"][:5]
    if hostile:
        bad = sorted({sector for sector in sectors if FORBIDDEN <= sector < FORBIDDEN + NR_FORBIDDEN})
        problems += [f"the device was asked for sector {sector}" for sector in bad[:5]]
        with open(os.path.join(folder, "disk.img"), "rb") as file:
            file.seek(KEPT * SECTOR)
            if file.read()[:-SECTOR] != random.Random(size).randbytes(size)[KEPT * SECTOR:-SECTOR]:
                problems.append(f"the disk has changed beyond sector {KEPT}")
    return problems
