# SPDX-License-Identifier: Apache-2.0
"""--firmware and --flash: a guest that begins in flash, as U-Boot and EDK2 do on QEMU's virt machine,
and finds its kernel by itself. Used by cli.py in place of stage.py, whose parts it takes; machine.py
gives the machine the memory that holds the flash.

Guest-physical: a bank of flash at 0 with the firmware, another one at 0x04000000 for what it keeps,
RAM from 0x40000000 on with the tree at its start. A bank's content is a file that the machine's
memory is mapped to: what the guest programs into a --flash is in that file as soon as it is
programmed, even if QEMU is killed the moment after.
"""

import collections
import os
import shutil

from launcher import Problem, devices, fdt, inject, layout, models, stage, standard_files
from launcher.files import Files
from launcher.words import Words, escape, split

BANK = 64 * layout.MIB
BANKS = (0, BANK)  # in the guest
BANK_WIDTH = 4
RAM = 0x40000000
ERASED = b"\xff"
CHUNK = layout.MIB

# Of no use to a guest that brings no kernel with it, as (option, its name in the arguments).
REFUSED = tuple((option, option[2:].replace("-", "_")) for option in (
    "--kernel", "--dtb", "--initrd", "--put", "--modules", "--modprobe", "--module", "--append", "--cmd", "--symbols"))

Bank = collections.namedtuple("Bank", "path keeps address")  # address: in the guest


def check(args):
    """Problem: an option does not go with the others."""
    if args.firmware is None:
        if args.flash is not None:
            raise Problem("--flash needs a --firmware that uses it")
        return
    for option, name in REFUSED:
        if getattr(args, name) not in (None, []):
            raise Problem(f"{option} does not go with --firmware, which loads what it runs by itself, from a disk")


def copy(folder, name, source):
    """The file of a bank that nobody keeps: a copy of `source`, or erased, and erased to its end."""
    path = os.path.join(folder, name)
    with open(path, "wb") as out:
        if source is not None:
            with open(source, "rb") as content:
                shutil.copyfileobj(content, out, CHUNK)
        for start in range(out.tell(), BANK, CHUNK):
            out.write(ERASED * min(CHUNK, BANK - start))
    return path


def code_bank(said, file, folder):
    if file.size > BANK:
        raise Problem(f"{said}: {file.size} bytes are more than a bank of flash has, {BANK}")
    return Bank(copy(folder, "flash0", file.path), False, BANKS[0])


def kept_bank(said, path, may_be_new):
    """The bank that the user's file is; one that is not there may be made, erased."""
    if not os.path.exists(path) and may_be_new:
        copy(os.path.dirname(path) or ".", os.path.basename(path), None)
    try:
        with open(path, "r+b") as file:
            size = os.fstat(file.fileno()).st_size
    except OSError as error:
        raise Problem(f"{said}: {error.strerror}") from error
    if size != BANK:
        raise Problem(f"{said}: {path} has {size} bytes: it is to be a whole bank of flash, {BANK}")
    return Bank(os.path.abspath(path), True, BANKS[1])


def make_banks(args, files, folder):
    name, *rest = split(args.firmware)
    said = f"--firmware {args.firmware}"
    variables = Words(said, rest, (), ("vars",)).value("vars")
    if variables is not None and args.flash is not None:
        raise Problem(f"{said}: vars= and --flash are the same bank of flash: leave one out")
    code = code_bank(said, files.get("--firmware", name), folder)
    if variables is not None:
        return [code, kept_bank(said, variables, False)]
    if args.flash is not None:
        return [code, kept_bank(f"--flash {args.flash}", args.flash, True)]
    return [code, Bank(copy(folder, "flash1", None), False, BANKS[1])]


def set_places(tree):
    """RAM, the tree in it, and where the guest begins: as QEMU's machine has them."""
    memory = tree.root.child("memory")
    memory.name = f"memory@{RAM:x}"
    memory.set_u64s("reg", RAM, tree.ram()[0][1])
    tree.set_dtb_address(RAM)
    tree.chosen.set_u64s("traproom,kernel-address", BANKS[0])


def add_flash(tree, banks, staging):
    """The node of a guest that has banks. Their content is in the machine's memory one after the other, above all
    else: nothing is given memory after this."""
    if not banks:
        return
    node = fdt.Node(f"flash@{banks[0].address:x}")
    node.properties["compatible"] = b"cfi-flash\0"
    node.set_u64s("reg", *(number for bank in banks for number in (bank.address, BANK)))
    node.set_u32("bank-width", BANK_WIDTH)
    start = layout.MACHINE_RAM + staging.machine_size()
    content = [(start + index * BANK, BANK) for index in range(len(banks))]
    node.set_u64s("traproom,flash", *(number for place in content for number in place))
    tree.root.children.append(node)


def arguments(banks):
    """QEMU's, for the memory that holds them: the RAM is a node of its machine's, each bank another."""
    found = ["-numa", "node,memdev=ram"]
    for index, bank in enumerate(banks):
        share = "on" if bank.keeps else "off"
        found += ["-object", f"memory-backend-file,id=flash{index},size={BANK},mem-path={escape(bank.path)},"
                  f"share={share}", "-numa", f"node,memdev=flash{index}"]
    return found


def drives(banks):
    """The same without Traproom: QEMU's own flash."""
    found = []
    for index, bank in enumerate(banks):
        found += ["-drive", f"if=pflash,unit={index},format=raw,file={escape(bank.path)}"]
    return found


def stage_firmware(args, folder):
    """Everything checked and in its place, stage.Staged."""
    files = Files(folder, args.timeout)
    args.no_input = args.icount and standard_files.is_input_empty()
    if not args.bare:
        stage.choose_hypervisor(args, files)
    tree = stage.make_tree(args, files)
    set_places(tree)
    banks = make_banks(args, files, folder)
    modelled = models.Models(args.model, args.model_timeout, args.bare, args.icount)
    modelled.add_nodes(tree)
    made = devices.make(args.devices, devices.Work(files, len(tree.cpus()), args.bare), None)
    stage.set_watch(args, tree, None)
    work = stage.Stage(args, tree, layout.Staging(tree.ram()))
    placed = work.add_devices(made)
    modelled.take_slots(tree, placed)
    rules = inject.add(args, tree, placed)
    return stage.Staged(tree, work.staging, {"kernel": None, "initrd": None}, placed, None, None, modelled, rules,
                        banks)
