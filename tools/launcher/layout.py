# SPDX-License-Identifier: Apache-2.0
"""Where things go: the initramfs in the guest's memory, and all images in the machine's.

The machine's RAM, from 0x40000000 on:

    0x40000000  the machine's own tree, the hypervisor
    0x47000000  a FIT that says which guest it is and where the rest lies, the guest's tree behind it
    0x48000000  room for the guest's RAM, at its own addresses where that is possible
    staged      the kernel, the initramfs, the disk: outside all guest RAM
"""

from launcher import Problem, fit, images
from launcher.guest_tree import MEMRESERVE

MIB = 1 << 20
ALIGN = 2 * MIB
MACHINE_RAM = 0x40000000
HYPERVISOR = 0x40200000  # LINK_BASE
FIT = 0x47000000  # HOST_BUNDLE
ROOM = 0x48000000
SPARE = 64 * MIB  # for the hypervisor's copy of the tree and what it can't place exactly
TREE_ROOM = 2 * MIB  # kept free for the tree in the guest
USUAL_INITRD = 0x54000000
USUAL_TREE = 0x47000000  # in the guest, VM_DEFAULT_DTB
MAX_RAM = 8  # pieces, of the hypervisor, which makes a tree outside RAM one more


def round_up(value, align=ALIGN):
    return (value + align - 1) // align * align


def overlap(a, b):
    return a[0] < b[0] + b[1] and b[0] < a[0] + a[1]


def inside(piece, ram):
    return ram[0] <= piece[0] and piece[0] + piece[1] <= ram[0] + ram[1]


def text(piece):
    return f"[0x{piece[0]:x}, 0x{piece[0] + piece[1] - 1:x}]"


class Guest:
    """The guest's RAM as it is handed out: what is taken, and by what."""

    def __init__(self, ram, reserved=()):
        """`ram`: (address, size) in order of address; `reserved`: (address, size, name) of what
        nothing may be put into."""
        self.ram = ram
        self.taken = [((start, size), name) for start, size, name in reserved]

    def take(self, piece, name):
        self.taken.append((piece, name))

    def clash(self, piece):
        """What the piece overlaps, as (piece, name), or None."""
        return next((other for other in self.taken if overlap(piece, other[0])), None)

    def is_free(self, piece):
        return any(inside(piece, bank) for bank in self.ram) and not self.clash(piece)

    def lowest(self, size, offset=0, above=0):
        """The lowest free address at `offset` from a multiple of ALIGN, or None."""
        starts = [bank[0] for bank in self.ram] + [sum(piece) for piece, _ in self.taken] + [above]
        for start in sorted(round_up(start) for start in starts if start >= above):
            if self.is_free((start + offset, size)):
                return start + offset
        return None

    def fix(self, piece, name, more=None):
        """Take what is put there, by the tree, an option or an ELF. Problem: something else is there, or, if
        `more` says what to do about too little RAM, not all of it is RAM."""
        for other, owner in self.taken:
            # A boot loader notes as reserved what it has put into place itself.
            if overlap(piece, other) and not (owner == MEMRESERVE and inside(piece, other)):
                raise Problem(f"{name} at {text(piece)} overlaps {owner} at {text(other)}: " +
                              ("move one of them" if more else "the tree must move one of them"))
        if more and not any(inside(piece, bank) for bank in self.ram):
            raise Problem(f"{name} at {text(piece)} is not all in the guest's RAM, {describe(self.ram)}: move it, "
                          f"or {more}")
        self.take(piece, name)

    def place_kernel(self, kernel, more):
        """
        The kernel's address: its offset from the first multiple of 2 MiB that has room, as the boot
        protocol of arm64 wants it. `more`: what the user can do about too little RAM.
        """
        start = self.lowest(kernel.size, kernel.text_offset)
        if start is None:
            raise Problem(f"the guest's RAM, {describe(self.ram)}, has no room for {kernel.file.name}, which "
                          f"needs {kernel.size + kernel.text_offset} bytes from a multiple of 2 MiB on, "
                          f"outside what the tree reserves: {more}")
        self.take((start, kernel.size), "the kernel")
        return start

    def place_tree(self):
        """The tree's address in the guest: the usual one, unless that is taken or partly RAM."""
        piece = (USUAL_TREE, TREE_ROOM)
        outside = not any(overlap(piece, bank) for bank in self.ram)
        if self.clash(piece) or not (self.is_free(piece) or outside and len(self.ram) < MAX_RAM):
            start = self.lowest(TREE_ROOM)
            if start is None:
                raise Problem(f"the guest's RAM, {describe(self.ram)}, has no room for its tree, 2 MiB, "
                              "beside the kernel and what the tree reserves")
            piece = (start, TREE_ROOM)
        self.take(piece, "the device tree")
        return piece[0]

    def place_initrd(self, size, kernel_end):
        """Address for an initramfs, the usual or near the kernel, or None: there is no room."""
        start = USUAL_INITRD
        if not self.is_free((start, size)):
            start = self.lowest(size, above=kernel_end)
        if start is None:
            start = self.lowest(size)
        if start is not None:
            self.take((start, size), "the initramfs")
        return start


def describe(ram):
    return ", ".join(f"{size / MIB:g} MiB at 0x{start:x}" for start, size in ram)


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

    def __init__(self, ram):
        self.next = room_end(ram)
        self.files = []  # (File, address)
        self._images = []  # for fit.beside()
        self._kept = []  # the same, of banks of flash that are files, above all else: with no place yet

    def add(self, file):
        """Give the File a place: its address."""
        address = self.next
        self.files.append((file, address))
        self.next = round_up(address + file.size)
        return address

    def take(self, size):
        """The address of so many bytes that no file fills."""
        address = self.next
        self.next = round_up(address + size)
        return address

    def _add_image(self, name, kind, file, load=None, os=""):
        self._images.append((fit.Image(name, kind, load=load, os=os), self.add(file) - FIT, file.size))

    def put_kernel(self, _chosen, kernel, start):
        """An images.Kernel or elf.Kernel, for that address in the guest."""
        self._add_image("kernel", "kernel", kernel.file, start, "elf" if images.is_elf(kernel.file.path) else "linux")

    def put_app(self, _chosen, app, start):
        """An elf.App, for that address in the guest."""
        self._add_image("app", "standalone", app.file, start, "elf")

    def put_initrd(self, _chosen, file, start):
        self._add_image("ramdisk", "ramdisk", file, start, "linux")

    def put_disk(self, node, file):
        name = f"disk-{sum(image.kind == 'filesystem' for image, _, _ in self._images)}"
        self._add_image(name, "filesystem", file)
        node.properties["traproom,image"] = name.encode() + b"\0"

    def put_flash(self, name, bank, size):
        """A firmware.Bank of so many bytes. Returns the name of its image, "": it has none."""
        if bank.keeps:
            self._kept.append((fit.Image(name, "filesystem"), size))
            return name
        self.take(size)  # Traproom makes it, somewhere
        if bank.file is None:
            return ""
        self._add_image(name, "filesystem", bank.file)
        return name

    def fit(self, tree):
        """What the hypervisor is to find at FIT, once all has its place. `tree`: the guest's, as bytes."""
        images, end = list(self._images), MACHINE_RAM + self.machine_size()
        for image, size in self._kept:
            images.append((image, end - FIT, size))
            end += size
        return fit.beside(images, tree)

    def machine_size(self):
        """RAM that the machine needs, in bytes."""
        return round_up(self.next - MACHINE_RAM + SPARE)
