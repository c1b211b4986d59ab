# SPDX-License-Identifier: Apache-2.0
"""Where virtio devices are: each has a slot of QEMU's machine and a node of the guest's tree. Used
by stage.py; devices.py makes the devices.

The machine's slot n is the bus virtio-mmio-bus.n, at 0x0a000000 + n * 0x200 with SPI 16 + n (QEMU,
hw/arch/virt.c). The nodes of the default tree are at the same places, so that the same guest runs
without Traproom.
"""

import copy
import struct

from launcher import Problem

FIRST, STEP, COUNT = 0x0A000000, 0x200, 32
SPI, FIRST_SPI, EDGE = 0, 16, 1
EL2S = ("traproom,channel", "traproom,pause", "traproom,monitor")  # of /chosen: those that EL2 has for itself
MODERN = ["-global", "virtio-mmio.force-legacy=false"]  # virtio 1, which Traproom speaks


def address(slot):
    return FIRST + slot * STEP


def add_nodes(tree, count):
    """So many virtio,mmio nodes in the default tree, at the machine's places."""
    nodes = tree.virtio_nodes()
    for slot in range(len(nodes), min(count, COUNT)):
        node = copy.deepcopy(nodes[0])
        node.name = f"virtio_mmio@{address(slot):x}"
        node.set_u64s("reg", address(slot), STEP)
        node.properties["interrupts"] = struct.pack(">3I", SPI, FIRST_SPI + slot, EDGE)
        tree.root.children.append(node)


def free(tree, placed):
    """The numbers of those that nobody has."""
    used = {slot for _, slot, _ in placed} | \
        {(tree.number(node, name) - FIRST) // STEP for node, name in
         [(node, "traproom,slot") for node in tree.virtio_nodes()] + [(tree.chosen, name) for name in EL2S]
         if tree.number(node, name) is not None}
    return [slot for slot in range(COUNT) if slot not in used]


def place(devices, tree, bare):
    """
    (device, its slot, its node) for each. With Traproom any node can have any slot; without it a node
    has the slot that QEMU has at its place. A device that nobody asked for is left out without one.
    Nodes with a slot, of a tree of the user's, stay as they are.
    """
    theirs = [tree.number(node, "traproom,slot") for node in tree.virtio_nodes()]
    nodes = [node for node, slot in zip(tree.virtio_nodes(), theirs) if slot is None]
    free = [slot for slot in range(COUNT) if address(slot) not in theirs]
    placed = []
    for index, device in enumerate(devices):
        node = nodes[index] if index < min(len(nodes), len(free)) else None
        slot = slot_of(node, tree) if node and bare else free[index] if node else None
        if node and slot is not None:
            placed.append((device, slot, node))
        elif device.asked:
            raise Problem(why_not(device, tree, node, nodes))
    return placed


def slot_of(node, tree):
    """The number of the machine's slot that the node describes, or None."""
    cells = 4 * sum(tree.root_cells())
    reg = node.properties.get("reg", b"")[:cells]
    at = int.from_bytes(reg[:4 * tree.root_cells()[0]], "big")
    slot, rest = divmod(at - FIRST, STEP)
    spi = struct.pack(">2I", SPI, FIRST_SPI + slot) if 0 <= slot < COUNT else None
    fits = spi and rest == 0 and node in tree.root.children
    return slot if fits and node.properties.get("interrupts", b"").startswith(spi) else None


def why_not(device, tree, node, nodes):
    if node:
        return f"{device.said}: without Traproom a device is where QEMU's machine has it, and /{node.name} of " \
               f"{tree.name} is at another place or has another interrupt: leave out --bare, or change the tree"
    if len(tree.virtio_nodes()) >= COUNT:
        return f"{device.said}: QEMU's machine has {COUNT} virtio slots, and these are more devices"
    count = f"only {len(nodes)}" if nodes else "no"
    return f"{device.said}: {tree.name} has {count} virtio,mmio node{'s' * (len(nodes) != 1)} in use, with all " \
           "above in use, too, and each device needs one"


def arguments(placed):
    """QEMU's, for the devices that its machine has."""
    found = []
    for device, slot, _ in placed:
        if device.front:
            found += [*device.backend, "-device", f"{device.front},bus=virtio-mmio-bus.{slot}",
                      *device.behind]
    return MODERN + found if found else []
