# SPDX-License-Identifier: Apache-2.0
"""A guest's device tree: what the launcher asks of it, and the properties that it puts in.
Made by cli.py from --dtb or from dts/virt.dts."""

import copy
import subprocess

from launcher import Problem, fdt

MAX_CPUS = 16  # of the hypervisor, VM_MAX_VCPUS
DEFAULT_DTB_AT = 0x47000000  # where the guest finds its tree, VM_DEFAULT_DTB


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
        return [node for node in nodes if is_kind(node, "cpu") and is_enabled(node)]

    def ram(self):
        """(address, size) of each piece of RAM, in the tree's order."""
        address = self.root.u32("#address-cells", 2)
        size = self.root.u32("#size-cells", 1)
        if not 1 <= address <= 2 or not 1 <= size <= 2:
            raise Problem(f"{self.name}: its root has #address-cells {address}, #size-cells {size}; "
                          "the launcher can read 1 and 2")
        pieces = []
        for node in self.root.children:
            if is_kind(node, "memory") and is_enabled(node):
                pieces += reg_entries(node, address, size, self.name)
        return [piece for piece in pieces if piece[1]]

    def first_virtio(self):
        """The first virtio,mmio node in use, or None."""
        for node in self.root.walk():
            if "virtio,mmio" in node.texts("compatible") and is_enabled(node):
                return node
        return None

    def dtb_address(self):
        value = self.chosen.properties.get("traproom,dtb-address", b"")
        return int.from_bytes(value, "big") if len(value) == 8 else DEFAULT_DTB_AT

    def initrd_start(self):
        """Where the tree says the initramfs goes, or None."""
        value = self.chosen.properties.get("linux,initrd-start")
        return int.from_bytes(value, "big") if value else None

    def set_initrd_place(self, start, size):
        self.chosen.set_u64s("linux,initrd-start", start)
        self.chosen.set_u64s("linux,initrd-end", start + size)

    def forget_initrd(self):
        """No initramfs is there, whatever the tree says."""
        for name in ("linux,initrd-start", "linux,initrd-end", "traproom,initrd"):
            self.chosen.properties.pop(name, None)

    def add_boot_arguments(self, text):
        if text:
            before = self.chosen.text("bootargs")
            self.chosen.set_text("bootargs", f"{before} {text}" if before else text)

    def set_flag(self, name, value):
        if value:
            self.chosen.properties[name] = b""

    def set_cpu_count(self, count):
        """Of the default tree: as many CPUs, all like its first."""
        parent = self.root.child("cpus")
        model = parent.child("cpu@0")
        others = [node for node in parent.children if not is_kind(node, "cpu")]
        parent.children = others
        for index in range(count):
            node = copy.deepcopy(model)
            node.name = f"cpu@{index:x}"
            node.set_u32("reg", index)
            parent.children.append(node)

    def set_ram_size(self, size):
        """Of the default tree, which has one piece."""
        node = next(node for node in self.root.children if is_kind(node, "memory"))
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


def is_kind(node, kind):
    return node.text("device_type") == kind or \
        (node.name.split("@")[0] == kind and "device_type" not in node.properties)


def is_enabled(node):
    return node.text("status") in ("", "okay", "ok")


def reg_entries(node, address_cells, size_cells, name):
    reg = node.properties.get("reg", b"")
    address, step = 4 * address_cells, 4 * (address_cells + size_cells)
    if len(reg) % step:
        raise Problem(f"{name}: the reg of /{node.name} has {len(reg)} bytes, "
                      f"not a multiple of {step}")
    return [(int.from_bytes(reg[at:at + address], "big"),
             int.from_bytes(reg[at + address:at + step], "big"))
            for at in range(0, len(reg), step)]


def load_blob(path):
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise Problem(f"--dtb {path}: {error.strerror}") from error
    return GuestTree(fdt.parse(data, path), path)


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
