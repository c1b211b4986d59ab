# SPDX-License-Identifier: Apache-2.0
"""The guest as the options ask for it: its tree and its files, checked and put into their places.
Used by cli.py; guest_tree.py, images.py and layout.py do the parts."""

import collections
import hashlib
import os
import secrets

from launcher import (Problem, devices, elf, guest_tree, images, initramfs, inject, layout, models, port, session,
                      slots, standard_files, unpack)
from launcher.files import Files

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
NONE = "none"
SHOWS_WARNINGS, SHOWS_INFO = 5, 7  # the lowest loglevel that shows them; KUnit's results are of the latter
HANG = 30  # seconds, for a guest that nobody watches

# What the guest is to be: `files`, paths by option; `placed`, its devices, see slots.place(); `nonce`,
# the word by which its relay.c is known, `port` its Port, None without it; `models`, its Models;
# `rules` of --inject; `banks` of flash, of firmware.py; `monitor`, its monitor_channel.Channel or None; `trace`, a
# trace.Trace or None; `ram`, a machine.Ram.
Staged = collections.namedtuple("Staged", "tree staging files placed nonce port models rules banks monitor trace ram",
                                defaults=((), None, None, None))


def built(args, name):
    """A file that the build makes."""
    path = os.path.join(args.build, name)
    if not os.path.exists(path):
        raise Problem(f"{path} is not there: run `make build` first, or name a file of your own")
    return path


def choose(args, files, option, name):
    """The File for an option: the user's, else the build's."""
    given = getattr(args, option)
    return files.get(f"--{option}", built(args, name) if given is None else given)


def choose_hypervisor(args, files):
    hypervisor = choose(args, files, "hypervisor", "hyp/traproom.elf")
    images.check_hypervisor(hypervisor)
    args.hypervisor = hypervisor.path


def make_tree(args, files):
    """The guest's tree as the options ask for it, without the images' places."""
    if args.dtb is not None:
        tree = guest_tree.load_blob(files.get("--dtb", args.dtb))
        tree.forget_staged(slots=not args.qemu)
    else:
        tree = guest_tree.compile_source(os.path.join(REPO, "dts", "virt.dts"))
        if args.smp:
            tree.set_cpu_count(args.smp)
        if args.mem:
            tree.set_ram_size(args.mem)
    tree.check()
    tree.add_boot_arguments(args.append)
    if args.warn == "fail" or args.results:
        tree.show_messages(SHOWS_INFO if args.results else SHOWS_WARNINGS)
    if args.gdb:
        tree.add_boot_arguments("nokaslr")  # else the symbols are not where vmlinux has them
    for path in args.passed:
        tree.mark(path, "--pass", guest_tree.PASS)
    for path in args.registers:
        tree.mark(path, "--registers", guest_tree.REGISTERS)
    tree.set_flag("traproom,stats", args.stats)
    tree.set_flag("traproom,report", args.report)
    tree.set_flag("traproom,no-reboot", not args.reboot)
    if args.bare:
        tree.remove_pvpanic()  # QEMU's machine has none
    return tree


def set_watch(args, tree, nonce):
    """What Traproom watches for: the same as watch.py, which asks it about a kernel that may have died."""
    if args.attended is None:
        args.attended = (standard_files.has_terminal() or bool(args.gdb_socket)) and not nonce
    if args.hang is None:
        args.hang = 0 if args.attended or args.gdb else HANG
    if args.hang:
        tree.chosen.set_u32("traproom,hang", args.hang)
    tree.set_flag("traproom,unattended", not args.attended)
    tree.set_flag("traproom,quiet", args.quiet and args.attended and not (args.stats or args.inject_log))


def more_ram(args):
    """What the user can do about too little RAM."""
    return "enlarge the tree's memory" if args.dtb is not None else "give it more (--mem)"


class Stage:
    """The images on their way to their places, in the guest and in the machine."""

    def __init__(self, args, tree, staging):
        self.args = args
        self.tree = tree
        self.guest = layout.Guest(tree.ram(), tree.reserved())
        self.staging = staging

    def fix(self, kernel, initrd):
        """First what the tree itself puts somewhere."""
        self._fix_kernel(kernel)
        at = self.tree.dtb_address()
        if at is not None:
            self.guest.fix((at, layout.TREE_ROOM), "the device tree (traproom,dtb-address)")
        at = self.tree.initrd_start()
        if initrd and self.args.dtb is not None and at is not None:
            self.guest.fix((at, initrd.size), "the initramfs (linux,initrd-start)")

    def _fix_kernel(self, kernel):
        """By --kernel-paddr, by the tree, or by the kernel itself."""
        by_tree = self.tree.kernel_address()
        at = next((at for at in (self.args.kernel_paddr, by_tree, kernel.home) if at is not None), None)
        if at is None:
            return
        self.tree.chosen.set_u64s("traproom,kernel-address", at)
        for piece, name in kernel.pieces(at):
            if at == by_tree:
                self.guest.fix(piece, f"{name} (traproom,kernel-address)")
            else:
                self.guest.fix(piece, name, more_ram(self.args))

    def add_kernel(self, kernel):
        """Returns where it begins and ends in the guest."""
        start = self.tree.kernel_address()
        if start is None:
            start = self.guest.place_kernel(kernel, more_ram(self.args))
        self.tree.chosen.set_u64s("traproom,kernel-address", start)
        self.staging.put_kernel(self.tree.chosen, kernel, start)
        return start, max(sum(piece) for piece, _ in kernel.pieces(start))

    def add_app(self, app, kernel_start, kernel_end):
        """Behind the kernel, where the guest's tree tells it."""
        start = self.guest.lowest(app.size, above=kernel_end)
        if self.args.app_offset is not None:
            start = kernel_start + self.args.app_offset
        if start is None:
            raise Problem(f"the guest's RAM, {layout.describe(self.guest.ram)}, has no room for {app.file.name}, "
                          f"{app.size} bytes, behind the kernel: {more_ram(self.args)}")
        self.guest.fix((start, app.size), "the app (--app-offset moves it)", more_ram(self.args))
        self.staging.put_app(self.tree.chosen, app, start)
        self.tree.tell_app(start, app)

    def add_tree(self):
        if self.tree.dtb_address() is None:
            address = self.guest.place_tree()
            if address != layout.USUAL_TREE:
                self.tree.set_dtb_address(address)

    def add_initrd(self, file, kernel_end):
        """Give the initramfs its two places; returns its path, None when it is left out."""
        if file is None:
            self.tree.forget_initrd()
            return None
        start = self.tree.initrd_start() if self.args.dtb is not None else None
        if start is None:
            start = self.guest.place_initrd(file.size, kernel_end)
        if start is None:
            what = f"the initramfs {file.name}, {file.size} bytes, does not fit into the guest's RAM"
            if initramfs.is_wanted(self.args):
                raise Problem(f"{what} beside the kernel: {more_ram(self.args)}")
            session.say(f"{what}: left out")
            self.tree.forget_initrd()
            return None
        self.tree.set_initrd_place(start, file.size)
        self.staging.put_initrd(self.tree.chosen, file, start)
        return file.path

    def add_devices(self, made):
        """Into the machine and the tree: see slots.place()."""
        if self.args.dtb is None:
            slots.add_nodes(self.tree, len(made))
        placed = slots.place(made, self.tree, self.args.bare)
        for device, slot, node in placed:
            if device.front:
                node.set_u64s("traproom,slot", slots.address(slot))
                continue
            self.staging.put_disk(node, device.image)
            if device.read_only:
                node.properties["traproom,read-only"] = b""
        return placed


def check_console(args, tree, kernel):
    """--cmd sees its command by the console only. (Of other runs the hypervisor warns.)"""
    why = tree.why_silent() if kernel.version and args.cmd is not None else None
    if why:
        raise Problem(f"--cmd can't see what the guest says: {why}")


def wants_relay(args, kernel, parts):
    """Is a guest with relay.c to run without a terminal? Others get the console's input as it comes."""
    if args.cmd is None and (args.console or standard_files.has_terminal() or kernel.version is None):
        return False
    there = initramfs.has_relay(parts)
    if args.cmd is not None and there is False:
        raise Problem("--cmd needs the default initramfs, of which this one has nothing: give both, --initrd "
                      f"{os.path.join(args.build, 'images/initramfs.cpio.gz')} --initrd {parts[0].name}")
    return args.cmd is not None or bool(there)


def make_nonce(args):
    """The word by which relay.c is known: one of this run's, or with --icount of all that are like it."""
    if args.icount:
        return hashlib.sha256(repr((args.cmd, args.append)).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return secrets.token_hex(8)


def choose_kernel(args, files):
    """What runs: an images.Kernel or an elf.Kernel."""
    file = unpack.plain(choose(args, files, "kernel", "images/Image"), files)
    if not images.is_elf(file.path):
        return images.Kernel(file)
    kernel = elf.Kernel(file)
    if args.bare:
        raise Problem(f"--bare: QEMU starts an ELF, {file.name}, without a tree: give an Image")
    if args.initrd is None and not initramfs.is_wanted(args):
        args.initrd = [NONE]  # the default one is Linux's
    return kernel


def choose_app(args, files):
    """An elf.App or None."""
    if args.app is None:
        if args.app_offset is not None:
            raise Problem("--app-offset needs --app, whose place it says")
        return None
    return elf.App(files.get("--app", args.app))


def stage(args, folder, staging=None):
    """Everything checked and in its place, Staged. `staging`: what gives the images a place in the machine, a
    bundle.Bundle (default: a layout.Staging)."""
    files = Files(folder, args.timeout)
    # When input comes depends on this computer, and so does the order of what comes by two ways: where
    # nobody can give any, the guest shall not ask, and have one way out.
    args.no_input = args.icount and standard_files.is_input_empty()
    if not args.bare:
        choose_hypervisor(args, files)
    kernel = choose_kernel(args, files)
    app = choose_app(args, files)
    if kernel.looks_short and kernel.version:
        session.say(f"warning: {kernel.file.name} has {kernel.file.size} bytes of the {kernel.image_size} "
                    "that it takes in memory: is it cut short?")
    tree = make_tree(args, files)
    modelled = models.Models(args.model, args.model_timeout, args.bare, args.icount)
    modelled.add_nodes(tree)
    check_console(args, tree, kernel)
    made = devices.make(args.devices, devices.Work(files, len(tree.cpus()), args.bare),
                        built(args, "images/disk.img"))
    parts = initramfs.base_parts(args, files, kernel)
    nonce = make_nonce(args) if wants_relay(args, kernel, parts) else None
    set_watch(args, tree, nonce)
    relay_port = port.Port() if nonce and port.fits(args) and not args.no_input else None
    if relay_port:
        made.append(relay_port.device())  # the last: the user's are where they are without it
    initrd = initramfs.make(args, files, parts, nonce, kernel, made, relay_port is not None)
    if staging is None:
        staging = layout.Staging(tree.ram())
    work = Stage(args, tree, staging)
    work.fix(kernel, initrd)
    kernel_start, kernel_end = work.add_kernel(kernel)
    if app:
        work.add_app(app, kernel_start, kernel_end)
    work.add_tree()
    paths = {"kernel": kernel.file.path, "initrd": work.add_initrd(initrd, kernel_end)}
    placed = work.add_devices(made)
    modelled.take_slots(tree, placed)
    rules = inject.add(args, tree, placed)
    relayed = paths["initrd"] is not None
    return Staged(tree, work.staging, paths, placed, nonce if relayed else None, relay_port, modelled,
                  rules)
