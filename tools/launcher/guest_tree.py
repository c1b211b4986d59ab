# SPDX-License-Identifier: Apache-2.0
"""A guest's device tree: what the launcher asks of it, and the properties that it puts in.
Made by cli.py from --dtb or from dts/virt.dts."""

import copy
import os
import subprocess

from launcher import Problem, fdt

MAX_CPUS = 16  # of the hypervisor, lib/limits.h
LARGEST_RAM = 1 << 38
LARGEST = 2 << 20  # bytes of a tree (Linux, "Booting AArch64 Linux", on the device tree)
MEMRESERVE = "/memreserve/"
APP = "app"  # below /chosen
PLAIN_BUSES = ("simple-bus", "arm,amba-bus")
OF_THE_MACHINE = ("reg", "interrupts", "interrupts-extended")  # what has one is hidden, unless
PASS, REGISTERS = MARKS = ("traproom,pass", "traproom,registers")  # one of these says otherwise
MODEL = "traproom,model"  # such a node is a device of models.py
DATA = ("aliases", "chosen", "cpus", "memory", "reserved-memory")  # no devices, nor what is below


class GuestTree:
    def __init__(self, tree, name):
        self.tree = tree
        self.name = name  # for messages

    @property
    def root(self):
        return self.tree.root

    @property
    def chosen(self):
        node = self.root.child("chosen")
        if node is None:
            node = fdt.Node("chosen")
            self.root.children.append(node)
        return node

    def cpus(self):
        """The CPU nodes that are in use."""
        parent = self.root.child("cpus")
        nodes = parent.children if parent else []
        return [node for node in nodes if is_cpu(node) and is_enabled(node)]

    def ram(self):
        """(address, size) of each piece of RAM, in order of address, neighbours made one."""
        cells = self.root_cells()
        pieces = []
        for node in self.root.children:
            if node.text("device_type") == "memory" and is_enabled(node):
                pieces += reg_entries(node, cells, self.name)
        return merge(piece for piece in pieces if piece[1])

    def root_cells(self):
        cells = self.root.u32("#address-cells", 2), self.root.u32("#size-cells", 1)
        if not all(1 <= count <= 2 for count in cells):
            raise Problem(f"{self.name}: its root has #address-cells {cells[0]}, #size-cells "
                          f"{cells[1]}; the launcher can read 1 and 2")
        return cells

    def reserved(self):
        """(address, size, name) of what the tree keeps free, /reserved-memory and /memreserve/."""
        regions = []
        parent = self.root.child("reserved-memory")
        if parent and is_enabled(parent):
            cells = parent.u32("#address-cells", 2), parent.u32("#size-cells", 1)
            for node in parent.children:
                if is_enabled(node):
                    regions += [entry + (f"/reserved-memory/{node.name}",)
                                for entry in reg_entries(node, cells, self.name)]
        regions += [(start, size, MEMRESERVE) for start, size in self.tree.reserved]
        for start, size, name in regions:
            check_range(start, size, f"{self.name}: {name}")
        return [region for region in regions if region[1]]

    def banks(self):
        """Bytes of each bank of flash whose content is an image."""
        return [size for node in self.root.children
                if "cfi-flash" in node.texts("compatible") and "traproom,image" in node.properties
                for _, size in reg_entries(node, self.root_cells(), self.name)]

    def virtio_nodes(self):
        """The virtio,mmio nodes that the guest gets to see."""
        return [node for node in self._find("virtio,mmio", self.root) if MODEL not in node.properties]

    def _find(self, compatible, parent):
        for node in parent.children:
            if not is_enabled(node):
                continue
            if compatible in node.texts("compatible"):
                yield node
            elif is_open(node):
                yield from self._find(compatible, node)

    def node_at(self, path):
        """The node of a path, with or without unit addresses, or None."""
        node = self.root
        for name in path.strip("/").split("/"):
            node = node.child(name) if node and name else node
        return node

    def find_all(self, name):
        """The nodes that the user may mean: of that path, or of that name anywhere."""
        if name.startswith("/"):
            node = self.node_at(name)
            return [node] if node else []
        return [node for node in self.root.walk()
                if node.name and name in (node.name, node.name.split("@")[0])]

    def mark(self, name, option, prop):
        """Put an empty property into the node that the option names."""
        nodes = self.find_all(name)
        if len(nodes) != 1:
            found = "no such node" if not nodes else \
                f"{len(nodes)} such nodes: say which, with its unit address or as a path"
            raise Problem(f"{option} {name}: {self.name} has {found}")
        if self._is_no_device(nodes[0]):
            raise Problem(f"{option} {name}: it is no device: nothing has to be said for the guest to see it")
        if prop == REGISTERS and not nodes[0].properties.get("reg"):
            raise Problem(f"{option} {name}: the node has no reg, which says where its registers are: give it one")
        nodes[0].properties[prop] = b""

    def _is_no_device(self, node):
        data = [child for child in self.root.children if child.name.split("@")[0] in DATA]
        return node is self.root or any(node is other for part in data for other in part.walk())

    def why_silent(self):
        """Why Linux would say nothing that can be seen, and what to do about it; None: it will."""
        if not any(self._find("arm,pl011", self.root)):
            return f"{self.name} has no arm,pl011 node in use: give it one, for the console"
        words = self.chosen.text("bootargs").split()
        if any(word.startswith(("console=", "earlycon")) for word in words):
            return None
        path = (self.chosen.text("stdout-path") or self.chosen.text("linux,stdout-path")).split(":")[0]
        aliases = self.root.child("aliases")
        if path and not path.startswith("/") and aliases:
            path = aliases.text(path)
        if path and self.node_at(path):
            return None
        return f"{self.name} has no stdout-path in /chosen that leads to a node, nor console= in its " \
               "bootargs: add one, or --append console=ttyAMA0"

    def number(self, node, name):
        """A property of one or two cells, or None."""
        value = node.properties.get(name)
        if value is None:
            return None
        if len(value) not in (4, 8):
            raise Problem(f"{self.name}: \"{name}\" of /{node.name} has {len(value)} bytes: it must "
                          "be one number of 32 or 64 bits")
        return int.from_bytes(value, "big")

    def kernel_address(self):
        """Where the tree says the kernel goes, or None."""
        return self.number(self.chosen, "traproom,kernel-address")

    def dtb_address(self):
        """Where the tree says that the guest finds it, or None."""
        return self.number(self.chosen, "traproom,dtb-address")

    def set_dtb_address(self, address):
        self.chosen.set_u64s("traproom,dtb-address", address)

    def tell_app(self, start, app):
        """The guest where its elf.App lies, and what it is: /chosen/app, numbers of 64 bits."""
        self.chosen.children = [node for node in self.chosen.children if node.name != APP]
        node = fdt.Node(APP)
        for name, value in (("start", start), ("end", start + app.size), ("virtual-start", app.virtual),
                            ("entry", app.entry)):
            node.set_u64s(name, value)
        self.chosen.children.append(node)

    def initrd_start(self):
        """Where the tree says the initramfs goes, or None."""
        return self.number(self.chosen, "linux,initrd-start")

    def set_initrd_place(self, start, size):
        self.chosen.set_u64s("linux,initrd-start", start)
        self.chosen.set_u64s("linux,initrd-end", start + size)

    def forget_initrd(self):
        """No initramfs is there, whatever the tree says."""
        for name in ("linux,initrd-start", "linux,initrd-end"):
            self.chosen.properties.pop(name, None)

    def forget_staged(self, slots=True):
        """
        What an earlier launcher has staged is not there: the tree is of --dump-dtb. `slots`: nor are
        the devices that it had, which the user may have given QEMU himself.
        """
        self.chosen.properties.pop("traproom,channel", None)
        self.chosen.properties.pop("traproom,pause", None)
        self.chosen.properties.pop("traproom,monitor", None)
        self.chosen.properties.pop("traproom,trace", None)
        for node in self.root.walk():
            if slots:
                node.properties.pop("traproom,slot", None)
            if node.properties.pop("traproom,image", None) is not None:
                node.properties.pop("traproom,read-only", None)

    def remove_pvpanic(self):
        for parent in self.root.walk():
            parent.children = [node for node in parent.children
                               if not node.properties.get("compatible", b"").startswith(b"qemu,pvpanic-mmio\0")]

    def add_boot_arguments(self, text):
        if text:
            before = self.chosen.properties.get("bootargs", b"").rstrip(b"\0")
            self.chosen.properties["bootargs"] = b" ".join(
                piece for piece in (before, os.fsencode(text)) if piece) + b"\0"

    def show_messages(self, loglevel):
        """On the console, that is, where "quiet" or a lower loglevel would keep them from it."""
        words = self.chosen.properties.get("bootargs", b"").rstrip(b"\0").split()
        levels = [word[len(b"loglevel="):] for word in words if word.startswith(b"loglevel=")]
        if b"quiet" in words or any(level.isdigit() and int(level) < loglevel for level in levels):
            self.add_boot_arguments(f"loglevel={loglevel}")

    def set_flag(self, name, value):
        if value:
            self.chosen.properties[name] = b""

    def set_cpu_count(self, count):
        """Of the default tree: as many CPUs, all like its first."""
        parent = self.root.child("cpus")
        model = parent.child("cpu@0")
        others = [node for node in parent.children if not is_cpu(node)]
        parent.children = others
        for index in range(count):
            node = copy.deepcopy(model)
            node.name = f"cpu@{index:x}"
            node.set_u32("reg", index)
            parent.children.append(node)

    def set_ram_size(self, size):
        """Of the default tree, which has one piece."""
        node = self.root.child("memory")
        node.set_u64s("reg", self.ram()[0][0], size)

    def check(self):
        """What no machine could be made for. The rest is the hypervisor's to judge."""
        count = len(self.cpus())
        if count == 0:
            raise Problem(f"{self.name} has no CPU: /cpus needs a node with device_type \"cpu\"")
        if count > MAX_CPUS:
            raise Problem(f"{self.name} has {count} CPUs; Traproom runs at most {MAX_CPUS}")
        if not self.ram():
            raise Problem(f"{self.name} has no RAM: a node with device_type \"memory\" is needed")
        if sum(size for _, size in self.ram()) > LARGEST_RAM:
            raise Problem(f"{self.name} asks for more than {LARGEST_RAM >> 30} GiB of RAM, the most that "
                          "QEMU's machine can have: make its memory smaller")
        self.reserved()
        if len(self.tree.pack()) > LARGEST:
            raise Problem(f"{self.name} is larger than 2 MiB, the most that a guest can be given")


def is_cpu(node):
    return node.text("device_type") == "cpu"


def is_enabled(node):
    return node.text("status") in ("", "okay", "ok")


def is_open(node):
    """Does the guest get to see what is below the node, which is no device that Traproom offers?"""
    return "compatible" not in node.properties or \
        any(name in PLAIN_BUSES for name in node.texts("compatible")) or \
        any(mark in node.properties for mark in MARKS) or \
        not any(name in node.properties for name in OF_THE_MACHINE)


def check_range(start, size, what):
    if start + size > 1 << 64:
        raise Problem(f"{what} at 0x{start:x} with 0x{size:x} bytes reaches beyond 64 bits")


def reg_entries(node, cells, name):
    """(address, size) of each entry in the node's reg, of so many cells."""
    reg = node.properties.get("reg", b"")
    address, step = 4 * cells[0], 4 * (cells[0] + cells[1])
    if step == 0 or len(reg) % step:
        raise Problem(f"{name}: the reg of /{node.name} has {len(reg)} bytes, "
                      f"not a multiple of {step}")
    entries = [(int.from_bytes(reg[at:at + address], "big"),
                int.from_bytes(reg[at + address:at + step], "big"))
               for at in range(0, len(reg), step)]
    for start, size in entries:
        check_range(start, size, f"{name}: /{node.name}")
    return entries


def merge(pieces):
    merged = []
    for start, size in sorted(pieces):
        if merged and sum(merged[-1]) == start:
            merged[-1] = (merged[-1][0], merged[-1][1] + size)
        else:
            merged.append((start, size))
    return merged


def load_blob(file):
    with open(file.path, "rb") as opened:
        return GuestTree(fdt.parse(opened.read(), file.name), file.name)


def compile_source(path):
    """The tree of a .dts file, by dtc."""
    try:
        done = subprocess.run(["dtc", "-q", "-I", "dts", "-O", "dtb", path], capture_output=True,
                              check=False)
    except FileNotFoundError as error:
        raise Problem("dtc is not installed: run tools/setup run") from error
    if done.returncode != 0:
        raise Problem(f"dtc can't compile {path}:\n{done.stderr.decode('utf-8', 'replace')}")
    return GuestTree(fdt.parse(done.stdout, path), path)
