# SPDX-License-Identifier: Apache-2.0
"""Where things go: the initramfs in the guest's memory, and all images in the machine's.

The machine's RAM, from 0x40000000 on:

    0x40000000  the machine's own tree, the hypervisor
    0x47000000  the guest's tree, as the hypervisor finds it
    0x48000000  room for the guest's RAM, at its own addresses where that is possible
    staged      the kernel, the initramfs, the disk: outside all guest RAM
"""

from launcher import Problem

MIB = 1 << 20
ALIGN = 2 * MIB
MACHINE_RAM = 0x40000000
GUEST_TREE = 0x47000000
ROOM = 0x48000000
SPARE = 64 * MIB  # for the hypervisor's copy of the tree and what it can't place exactly
TREE_ROOM = 2 * MIB  # kept free for the tree in the guest
USUAL_INITRD = 0x54000000


def round_up(value, align=ALIGN):
    return (value + align - 1) // align * align


def overlap(a, b):
    return a[0] < b[0] + b[1] and b[0] < a[0] + a[1]


def inside(piece, ram):
    return ram[0] <= piece[0] and piece[0] + piece[1] <= ram[0] + ram[1]


def kernel_place(kernel, ram):
    """(address, size) of the kernel in the guest. Problem: its RAM is too small."""
    place = (ram[0][0] + kernel.text_offset, kernel.size)
    if not inside(place, ram[0]):
        raise Problem(f"the guest's RAM, {ram[0][1] // MIB} MiB at 0x{ram[0][0]:x}, is too small for "
                      f"{kernel.path}, which needs {place[1] + kernel.text_offset} bytes: "
                      "give it more (--mem)")
    return place


def initrd_place(size, kernel, ram, dtb):
    """Address for an initramfs of `size` bytes in the guest, or None: there is no room."""
    taken = [kernel_place(kernel, ram), (dtb, TREE_ROOM)]
    candidates = [USUAL_INITRD] + [round_up(start + length) for start, length in taken]
    for start in candidates:
        piece = (start, size)
        if any(inside(piece, region) for region in ram) and \
                not any(overlap(piece, other) for other in taken):
            return start
    return None


def room_end(ram):
    """The first address of the machine above what the guest's RAM takes or may take."""
    total = sum(round_up(size) + ALIGN for _, size in ram)
    # Pieces may end up between one another: the worst case takes that twice.
    anywhere = ROOM + total * (1 if len(ram) == 1 else 2)
    identity = max(start + size for start, size in ram)
    if min(start for start, _ in ram) >= MACHINE_RAM and identity <= ROOM + 2 * total:
        return round_up(max(anywhere if len(ram) > 1 or ram[0][0] < ROOM else 0, identity))
    return round_up(anywhere)


class Staging:
    """The machine's memory above the guest's: files get a place each, one after the other."""

    def __init__(self, ram, by_image=False):
        """`by_image`: QEMU then puts the machine's tree where the guest's RAM would lie, which needs
        another place."""
        self.next = room_end(ram)
        self.spare = SPARE + (sum(round_up(size) for _, size in ram) if by_image else 0)
        self.files = []  # (path, address)

    def add(self, path, size):
        address = self.next
        self.files.append((path, address))
        self.next = round_up(address + size)
        return address

    def machine_size(self):
        """RAM that the machine needs, in bytes."""
        return round_up(self.next - MACHINE_RAM + self.spare)
