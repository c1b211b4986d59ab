# SPDX-License-Identifier: Apache-2.0
"""`tools/traproom run --bundle FILE`: a guest that comes in such a file, as stage.py's Staged. Used by cli.py."""

import os

from launcher import Problem, bundle, devices, guest_tree, models, slots, stage, standard_files
from launcher.files import Files

OF_THE_GUEST = {  # options by their places in the arguments
    "kernel": "--kernel", "app": "--app", "kernel_paddr": "--kernel-paddr", "app_offset": "--app-offset", "dtb": "--dtb", "initrd": "--initrd", "put": "--put", "modules": "--modules",
    "modprobe": "--modprobe", "module": "--module", "append": "--append", "passed": "--pass", "registers": "--registers",
    "smp": "--smp", "mem": "--mem", "inject": "--inject", "hang": "--hang", "stats": "--stats", "hypervisor": "--hypervisor",
    "firmware": "--firmware"}
BESIDE = {"cmd": "--cmd", "model": "--model", "bare": "--bare", "inject_log": "--inject-log", "flash": "--flash"}
WHY = {"flash": ": the flash of a guest in a file is memory, and what is programmed is gone with the run"}


class Placed:
    """The machine for a bundle's file, as layout.Staging has it for a run."""
    files = ()

    def __init__(self, size, ram, made):
        """As for bundle.machine_size()."""
        self.needs = (size, ram, made)

    def fit(self, _tree):
        return b""  # it is in the file

    def machine_size(self):
        return bundle.machine_size(*self.needs)


def check(parser, args):
    """Wrong usage: options that make no sense with a file that is packed."""
    if args.bundle is None:
        return
    for name, option in {**OF_THE_GUEST, **BESIDE}.items():
        if getattr(args, name) != parser.get_default(name):
            parser.error(f"{option} is of the guest, which is in the file: give it to `tools/traproom pack`"
                         if name in OF_THE_GUEST else f"{option} does not go with --bundle{WHY.get(name, '')}")


def read(args, folder):
    """The Staged of args.bundle. `folder`: for files of our own."""
    fit = bundle.read(args.bundle)
    tree = guest_tree.GuestTree(fit.guest(args.config), args.bundle)
    tree.check()
    args.no_input = False
    args.attended = standard_files.has_terminal() or bool(args.gdb_socket)
    if args.gdb:
        args.hypervisor = stage.built(args, "hyp/traproom.elf")  # for its symbols
    placed = place(args, tree, Files(folder))
    if args.config:
        args.qemu = [*args.qemu, "-append", f"traproom.config={args.config}"]
    machine = Placed(os.path.getsize(args.bundle), tree.ram(), fit.unpacked_sizes(args.config) + tree.banks())
    return stage.Staged(tree, machine, {}, placed, None, None, models.Models([], args.model_timeout, False), [])


def place(args, tree, files):
    """(device, its slot, its node) for each that the guest has of the machine, in the order of its slots."""
    made = devices.make(args.devices, devices.Work(files, len(tree.cpus()), False), None)
    for device in made:
        if device.image:
            raise Problem(f"{device.said}: a disk in memory is in the file: give it to `tools/traproom pack`")
    nodes = sorted((tree.number(node, "traproom,slot"), node.name, node) for node in tree.virtio_nodes()
                   if "traproom,slot" in node.properties)
    if len(nodes) != len(made) and (made or not args.qemu):  # else he has given them to QEMU
        raise Problem(f"{args.bundle}: its guest has {len(nodes)} devices of the machine's, and the options make {len(made)}: "
                      "give those that it was packed with, in the same order")
    return [(device, (at - slots.FIRST) // slots.STEP, node) for device, (at, _, node) in zip(made, nodes)]
