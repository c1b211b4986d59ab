# SPDX-License-Identifier: Apache-2.0
"""--firmware and --flash: a guest that begins in flash, as U-Boot and EDK2 do on QEMU's virt machine,
and finds its kernel by itself. Used by cli.py and pack.py in place of stage.py, whose parts it takes; machine.py
gives the machine the files that are kept.

Guest-physical: a bank of flash at 0 with the firmware, another one at 0x04000000 for what it keeps,
RAM from 0x40000000 on with the tree at its start. What a bank begins with is an image of the guest's, and Traproom
makes the bank in memory. A --flash is the whole bank: the machine's memory is mapped to that file, so what the
guest programs is in it as soon as it is programmed, even if QEMU is killed the moment after.
"""

import collections
import os
import shutil

from launcher import Problem, devices, fdt, inject, layout, models, stage, standard_files
from launcher.files import File, Files
from launcher.words import Words, escape, split

BANK = 64 * layout.MIB
BANKS = (0, BANK)  # in the guest
BANK_WIDTH = 4
RAM = 0x40000000
ERASED = b"\xff"
CHUNK = layout.MIB

# Of no use to a guest that brings no kernel with it, as (option, its name in the arguments).
REFUSED = tuple((option, option[2:].replace("-", "_")) for option in (
    "--kernel", "--kernel-paddr", "--app", "--app-offset", "--dtb", "--initrd", "--put", "--modules", "--modprobe", "--module",
    "--append", "--cmd", "--symbols"))

# `file`: a File with what it begins with, None: nothing; `keeps`: what is programmed is in that file; `address`: in the guest.
Bank = collections.namedtuple("Bank", "file keeps address")


def check(args):
    """Problem: an option does not go with the others."""
    if args.firmware is None:
        if args.flash is not None:
            raise Problem("--flash needs a --firmware that uses it")
        return
    for option, name in REFUSED:
        if getattr(args, name) not in (None, []):
            raise Problem(f"{option} does not go with --firmware, which loads what it runs by itself, from a disk")


def copy(path, source):
    """Make the file of a whole bank: a copy of `source`, erased to its end, or None: all erased."""
    with open(path, "wb") as out:
        if source is not None:
            with open(source, "rb") as content:
                shutil.copyfileobj(content, out, CHUNK)
        for start in range(out.tell(), BANK, CHUNK):
            out.write(ERASED * min(CHUNK, BANK - start))


def whole(bank, path):
    """The same for QEMU's own flash, which wants a file of its size."""
    if bank.keeps:
        return bank
    copy(path, bank.file and bank.file.path)
    return bank._replace(file=File(path, path, BANK))


def filled_bank(said, file, address):
    """That begins with what a file has."""
    if file.size > BANK:
        raise Problem(f"{said}: {file.name} has {file.size} bytes, more than a bank of flash has, {BANK}")
    return Bank(file, False, address)


def kept_bank(said, path, may_be_new):
    """The bank that the user's file is; one that is not there may be made, erased."""
    if not os.path.exists(path) and may_be_new:
        copy(path, None)
    try:
        with open(path, "r+b") as file:
            size = os.fstat(file.fileno()).st_size
    except OSError as error:
        raise Problem(f"{said}: {error.strerror}") from error
    if size != BANK:
        raise Problem(f"{said}: {path} has {size} bytes: it is to be a whole bank of flash, {BANK}")
    return Bank(File(path, os.path.abspath(path), size), True, BANKS[1])


def copied_bank(said, file, files):
    """A copy of a bank's file, as far as it is not erased."""
    bank = filled_bank(said, file, BANKS[1])
    with open(file.path, "rb") as opened:
        content = opened.read().rstrip(ERASED)
    if not content:
        return bank._replace(file=None)
    path = files.new()
    with open(path, "wb") as out:
        out.write(content)
    return bank._replace(file=File(file.name, path, len(content)))


def make_banks(args, files, packed):
    """`packed`: what is programmed has no file to go to."""
    name, *rest = split(args.firmware)
    said = f"--firmware {args.firmware}"
    variables = Words(said, rest, (), ("vars",)).value("vars")
    if variables is not None and args.flash is not None:
        raise Problem(f"{said}: vars= and --flash are the same bank of flash: leave one out")
    code = filled_bank(said, files.get("--firmware", name), BANKS[0])
    if variables is not None and packed:
        return [code, copied_bank(said, files.get("--firmware", variables), files)]
    if variables is not None:
        return [code, kept_bank(said, variables, False)]
    if args.flash is not None:
        return [code, kept_bank(f"--flash {args.flash}", args.flash, True)]
    return [code, Bank(None, False, BANKS[1])]


def set_places(tree):
    """RAM, the tree in it, and where the guest begins: as QEMU's machine has them."""
    memory = tree.root.child("memory")
    memory.name = f"memory@{RAM:x}"
    memory.set_u64s("reg", RAM, tree.ram()[0][1])
    tree.set_dtb_address(RAM)
    tree.chosen.set_u64s("traproom,kernel-address", BANKS[0])


def add_flash(tree, banks, staging):
    """Their node, which names the images of their content."""
    node = fdt.Node(f"flash@{banks[0].address:x}")
    node.properties["compatible"] = b"cfi-flash\0"
    node.set_u64s("reg", *(number for bank in banks for number in (bank.address, BANK)))
    node.set_u32("bank-width", BANK_WIDTH)
    names = [staging.put_flash(f"flash-{index}", bank, BANK) for index, bank in enumerate(banks)]
    node.properties["traproom,image"] = b"".join(name.encode() + b"\0" for name in names)
    tree.root.children.append(node)


def arguments(banks):
    """QEMU's, for the files of banks that are kept: the RAM is a node of its machine's, each of them another."""
    found = ["-numa", "node,memdev=ram"]
    for index, bank in enumerate(banks):
        found += ["-object", f"memory-backend-file,id=flash{index},size={BANK},mem-path={escape(bank.file.path)},share=on",
                  "-numa", f"node,memdev=flash{index}"]
    return found


def drives(banks):
    """The same without Traproom: QEMU's own flash."""
    found = []
    for index, bank in enumerate(banks):
        found += ["-drive", f"if=pflash,unit={index},format=raw,file={escape(bank.file.path)}"]
    return found


def stager(args):
    """What stages the guest of the arguments: stage.stage() or its like here."""
    return stage.stage if args.firmware is None else stage_firmware


def stage_firmware(args, folder, staging=None):
    """Everything checked and in its place, stage.Staged. `staging`: as for stage.stage()."""
    files = Files(folder, args.timeout)
    args.no_input = args.icount and standard_files.is_input_empty()
    if not args.bare:
        stage.choose_hypervisor(args, files)
    tree = stage.make_tree(args, files)
    set_places(tree)
    banks = make_banks(args, files, staging is not None)
    if args.bare:
        banks = [whole(bank, os.path.join(folder, f"flash{index}")) for index, bank in enumerate(banks)]
    modelled = models.Models(args.model, args.model_timeout, args.bare, args.icount)
    modelled.add_nodes(tree)
    made = devices.make(args.devices, devices.Work(files, len(tree.cpus()), args.bare), None)
    stage.set_watch(args, tree, None)
    work = stage.Stage(args, tree, staging or layout.Staging(tree.ram()))
    placed = work.add_devices(made)
    add_flash(tree, banks, work.staging)
    modelled.take_slots(tree, placed)
    rules = inject.add(args, tree, placed)
    return stage.Staged(tree, work.staging, {"kernel": None, "initrd": None}, placed, None, None, modelled, rules,
                        banks)
