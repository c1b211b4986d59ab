# SPDX-License-Identifier: Apache-2.0
"""The guest as the options ask for it: its tree and its files, checked and put into their places.
Used by cli.py; guest_tree.py, images.py and layout.py do the parts."""

import os

from launcher import Problem, guest_tree, images, layout, session

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
NONE = "none"


def built(args, name):
    """A file that the build makes."""
    path = os.path.join(args.build, name)
    if not os.path.exists(path):
        raise Problem(f"{path} is not there: run `make build` first, or name a file of your own")
    return path


def choose_file(args, option, name):
    """The file for an option: the user's, None for 'none', else the build's."""
    given = getattr(args, option)
    if given == NONE:
        return None
    path = given or built(args, name)
    images.readable_size(f"--{option}", path)
    return path


def make_tree(args):
    """The guest's tree as the options ask for it, without the images' places."""
    if args.dtb:
        tree = guest_tree.load_blob(args.dtb)
        tree.forget_staged()
    else:
        tree = guest_tree.compile_source(os.path.join(REPO, "dts", "virt.dts"))
        if args.smp:
            tree.set_cpu_count(args.smp)
        if args.mem:
            tree.set_ram_size(args.mem)
    tree.check()
    tree.add_boot_arguments(args.append)
    if args.gdb:
        tree.add_boot_arguments("nokaslr")  # else the symbols are not where vmlinux has them
    tree.set_flag("traproom,quiet", args.quiet)
    tree.set_flag("traproom,stats", args.stats)
    return tree


def more_ram(args):
    """What the user can do about too little RAM."""
    return "enlarge the tree's memory" if args.dtb else "give it more (--mem)"


class Stage:
    """The images on their way to their places, in the guest and in the machine."""

    def __init__(self, args, tree):
        self.args = args
        self.tree = tree
        self.guest = layout.Guest(tree.ram(), tree.reserved())
        by_image = not args.bare and not images.is_elf(args.hypervisor)
        self.staging = layout.Staging(tree.ram(), by_image)

    def fix(self, initrd_size):
        """First what the tree itself puts somewhere."""
        start, dtb = self.tree.initrd_start(), self.tree.dtb_address()
        if dtb is not None:
            self.guest.fix((dtb, layout.TREE_ROOM), "the device tree (traproom,dtb-address)")
        if initrd_size and self.args.dtb and start is not None:
            self.guest.fix((start, initrd_size), "the initramfs (linux,initrd-start)")

    def add_kernel(self, kernel):
        """Returns the end of the kernel in the guest."""
        start = self.guest.place_kernel(kernel, more_ram(self.args))
        self.tree.chosen.set_u64s("traproom,kernel", self.staging.add(kernel.path, kernel.file_size),
                                  kernel.file_size)
        return start + kernel.size

    def add_tree(self):
        if self.tree.dtb_address() is None:
            address = self.guest.place_tree()
            if address != layout.USUAL_TREE:
                self.tree.set_dtb_address(address)

    def add_initrd(self, path, kernel_end):
        """Give the initramfs its two places; returns its path, None when it is left out."""
        if path is None:
            self.tree.forget_initrd()
            return None
        size = os.path.getsize(path)
        start = self.tree.initrd_start() if self.args.dtb else None
        if start is None:
            start = self.guest.place_initrd(size, kernel_end)
        if start is None:
            what = f"the initramfs {path}, {size} bytes, does not fit into the guest's RAM"
            if self.args.initrd or self.args.cmd is not None:
                raise Problem(f"{what} beside the kernel: {more_ram(self.args)}")
            session.say(f"{what}: left out")
            self.tree.forget_initrd()
            return None
        self.tree.set_initrd_place(start, size)
        self.tree.chosen.set_u64s("traproom,initrd", self.staging.add(path, size), size)
        return path

    def add_disk(self, path):
        if path is None:
            return None
        node = self.tree.first_virtio()
        if node is None:
            if self.args.disk:
                raise Problem(f"--disk {path}: {self.tree.name} has no virtio,mmio node to put it "
                              "behind that is in use, with all above it")
            return None
        size = os.path.getsize(path)
        if size % 512:
            raise Problem(f"--disk {path}: {size} bytes are not a whole number of 512-byte sectors")
        node.set_u64s("traproom,disk", self.staging.add(path, size), size)
        return path


def stage(args, folder, nonce):
    """Everything checked and in its place: (tree, staging, the files by option)."""
    kernel = images.Kernel(args.kernel or built(args, "images/Image"))
    tree = make_tree(args)
    initrd = choose_file(args, "initrd", "images/initramfs.cpio.gz")
    if args.cmd is not None:
        initrd = images.add_archive(folder, initrd, images.archive_command(folder, args.cmd, nonce))
    work = Stage(args, tree)
    work.fix(os.path.getsize(initrd) if initrd else 0)
    kernel_end = work.add_kernel(kernel)
    work.add_tree()
    files = {"kernel": kernel.path, "initrd": work.add_initrd(initrd, kernel_end),
             "disk": work.add_disk(choose_file(args, "disk", "images/disk.img"))}
    return tree, work.staging, files
