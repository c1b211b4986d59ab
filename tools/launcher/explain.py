# SPDX-License-Identifier: Apache-2.0
"""An exception's syndrome and addresses in words, of whichever hypervisor. syndrome.py reads the fields; here they
become what happened and what usually causes it. Used by explain_command.py, monitor_walk.py and autopsy.py."""

import re
import shutil
import subprocess
import tempfile

from launcher import Problem, guest_tree
from launcher import syndrome as s

PAGE = 1 << 12
OBJDUMP = ("aarch64-linux-gnu-objdump", "objdump")
NUMBER = r"(?:0x)?([0-9a-f_]+)\b"
NAMED = re.compile(rf"\b(ESR|HSR|HPFAR|FAR)(?:_?EL([12x]))?\b[ \t]*(?:[:=][ \t]*|[ \t]){NUMBER}", re.IGNORECASE)
OOPS = re.compile(r"Unable to handle kernel|Mem abort info|Internal error: ")  # Linux's: of ESR_EL1
OOPS_ADDRESS = re.compile(r"at virtual address ([0-9a-f]{8,16})\b")
SPANS = {0: "512 GiB", 1: "1 GiB", 2: "2 MiB", 3: "4 KiB"}  # of one descriptor, with 4 KiB granules


class Numbers:
    """What was given; None: was not. `el`: the level that took the exception, 2 unless the text says 1."""

    def __init__(self, text):
        found, self.el = {}, 1 if OOPS.search(text) else 2
        for name, level, digits in NAMED.findall(text):
            self.el = 1 if level == "1" else self.el
            found.setdefault({"HSR": "ESR"}.get(name.upper(), name.upper()), digits)
        if "ESR" not in found:
            words = re.findall(r"\S+", text)
            if not 1 <= len(words) <= 3 or not all(re.fullmatch(NUMBER, word, re.IGNORECASE) for word in words):
                raise Problem("there is no ESR in this: give ESR, HPFAR and FAR as hexadecimal numbers in that order, "
                              "or by name, as in ESR_EL2=0x93830006")
            found = {name: re.sub("^0x", "", word, flags=re.IGNORECASE)
                     for name, word in zip(("ESR", "HPFAR", "FAR"), words)}
        if self.el == 1 and (address := OOPS_ADDRESS.search(text)):
            found.setdefault("FAR", address[1])
        self.esr, self.hpfar, self.far = (self._number(found, name) for name in ("ESR", "HPFAR", "FAR"))

    @staticmethod
    def _number(found, name):
        if name not in found:
            return None
        value = int(found[name].replace("_", "") or "0", 16)
        if value >= 1 << 64:
            raise Problem(f"{name} 0x{value:x} has more than 64 bits")
        return value


def hpfar_is_valid(esr):
    """Arm ARM, "HPFAR_EL2": after which faults it is written."""
    kind, _ = s.fault(esr)
    return (s.is_from_below(esr) and
            (s.is_walk(esr) or kind in (s.TRANSLATION, s.ACCESS_FLAG, s.ADDRESS_SIZE, s.PROTECTION)))


def is_abort(esr):
    return s.exception_class(esr) in s.DATA_ABORT + s.INSTRUCTION_ABORT


def ipa_page(hpfar):
    """FIPA: bits [55:12] of the address are at [47:4]."""
    return (hpfar >> 4 & (1 << 44) - 1) << 12


def ipa(numbers):
    """The address in the guest's physical space, and how many bytes of it are known: 1 or a page; else None."""
    if numbers.hpfar is None or not hpfar_is_valid(numbers.esr):
        return None
    page = ipa_page(numbers.hpfar)
    # A walk's own access is not at the offset that FAR has: that is of what was looked up.
    if numbers.far is None or s.is_walk(numbers.esr) or not s.far_is_valid(numbers.esr):
        return page, PAGE
    return page | numbers.far & (PAGE - 1), 1


def ipa_words(place):
    return f"IPA 0x{place[0]:x}" if place[1] == 1 else f"the page of IPA 0x{place[0]:x}"


def disassemble(word):
    """The instruction's text, by binutils; None: they are not there."""
    tool = next(filter(None, map(shutil.which, OBJDUMP)), None)
    if tool is None:
        return None
    with tempfile.NamedTemporaryFile(suffix=".bin") as file:
        file.write(word.to_bytes(4, "little"))
        file.flush()
        shown = subprocess.run([tool, "-D", "-b", "binary", "-m", "aarch64", file.name], capture_output=True, text=True,
                               check=False).stdout
    match = re.search(r"^\s*0:\s+[0-9a-f]{8}\s+(.*)$", shown, re.MULTILINE)
    return re.sub(r"\s+", " ", match[1].split("//")[0]).strip() if match else None


def access_words(numbers):
    """What the instruction did, as far as the syndrome has it."""
    esr = numbers.esr
    if s.exception_class(esr) in s.INSTRUCTION_ABORT:
        return "fetched an instruction"
    if s.take(esr, 8, 8):
        return "cleaned or invalidated caches, or asked for a translation,"
    verb, preposition = ("wrote", "from") if s.is_write(esr) else ("read", "into")
    if not s.has_access(esr):
        return verb
    size = 1 << s.take(esr, 23, 22)
    register = s.register_name(s.take(esr, 20, 16), s.take(esr, 15, 15))
    return f"{verb} {size} byte{'s' if size > 1 else ''} {preposition} {register}"


def abort_happened(numbers, who, place):
    esr = numbers.esr
    kind, level = s.fault(esr)
    where = f" at {ipa_words(place)}" if place else ""
    if numbers.far is not None and s.far_is_valid(esr):
        where += f"{',' if where else ''} {'by' if where else 'at'} VA 0x{numbers.far:x}"
    if s.is_walk(esr):
        return (f"{who} {access_words(numbers)}{f' at VA 0x{numbers.far:x}' if numbers.far is not None else ''}. The CPU "
                f"looked the address up in the guest's own tables, and one of those tables, in "
                f"{ipa_words(place) if place else 'a page that HPFAR_EL2 names'}, can't be reached through stage 2: {kind}"
                f"{f' at level {level}' if level is not None else ''}.")
    return f"{who} {access_words(numbers)}{where}: {s.fault_words(esr)}."


def who_did(numbers):
    from_below = s.is_from_below(numbers.esr)
    if numbers.el == 1:
        return "A program at EL0" if from_below else "The kernel itself, at EL1,"
    return "The guest" if from_below else "The exception level that reports this, itself,"


def happened(numbers, place):
    """One or two sentences."""
    esr = numbers.esr
    kind = s.exception_class(esr)
    if is_abort(esr):
        return abort_happened(numbers, who_did(numbers), place)
    who = "A program" if numbers.el == 1 else "The guest"
    if kind == s.SYSTEM_REGISTER:
        text = disassemble(s.system_instruction(esr))
        return f"{who} ran `{text}`, which is trapped." if text else f"{who} ran an MRS, MSR or system instruction."
    if kind in s.CALLS:
        return f"{who} ran `{s.CALLS[kind].lower()} #0x{s.take(esr, 15, 0):x}`."
    return f"{s.class_words(esr)[0].upper()}{s.class_words(esr)[1:]}."


TRANSLATION_CAUSES = (
    "a device that nobody emulates or passes through, but the guest's tree (or a driver's fixed address) has",
    "RAM that the guest was told of and stage 2 was not given",
    "a wrong address: FAR_EL2 is virtual, only HPFAR_EL2 << 8 and FAR's low 12 bits make the IPA",
)
WALK_CAUSES = (
    "a stage-1 table, or TTBR0_EL1 or TTBR1_EL1, that points outside the guest's RAM",
    "tables written before the memory they lie in was mapped, or in memory that stage 2 has as device memory "
    "(HCR_EL2.PTW)",
    "a guest that runs on with tables that it has freed or overwritten",
)
PERMISSION_CAUSES = {
    "w": "a write to what stage 2 maps read-only: ROM, flash, or a page whose writes are being logged",
    "x": "an instruction fetch from what stage 2 maps execute-never: device memory, as a rule",
    "r": "a read of what stage 2 lets be written or executed only, or not at all: a page that is being watched",
}
NO_HPFAR = "HPFAR_EL2 is not valid here: find the IPA by a lookup of FAR_EL2 (AT S1E1R, then PAR_EL1)"
# Of stage 1, as the kernel that owns it sees them.
POINTER_CAUSES = (
    "a pointer that leads nowhere: null with an offset into a structure, freed, or never set",
    "memory that has been unmapped, or registers of a device that were not mapped (ioremap)",
)
OWN_PERMISSION_CAUSES = {
    "w": "a write to what is read-only: constants, code, a module's text",
    "x": "a jump through a damaged pointer: to data, or from the kernel into a program's page",
    "r": "the kernel reads a program's page without copy_from_user (PAN), or a page that nobody may read",
}
PROGRAM_CAUSE = "a program's page fault, of which the kernel serves most: memory not there yet, copy on write, a bad pointer"
SIMPLE_CAUSES = {
    s.ACCESS_FLAG: ("a descriptor with AF clear: software sets it to learn which pages are used; a table made without AF "
                    "faults at every first touch",),
    s.ADDRESS_SIZE: ("an address beyond the size that the table's control register allows (VTCR_EL2.T0SZ and PS, "
                     "TCR_EL1.IPS)", "a descriptor whose output address has bits above that size: a damaged table"),
    s.EXTERNAL: ("the mapping is right, but nothing on the bus answers at that physical address",
                 "a device with its clock or power off, or one that refuses this size of access"),
    s.EXTERNAL_WALK: ("a table's address that leads to no memory: VTTBR_EL2, TTBRn or a descriptor in them",),
    s.ALIGNMENT: ("an unaligned access to device memory: memory that should be normal is mapped as device",
                  "an exclusive or atomic access that is not aligned", "SCTLR_ELx.A is set"),
    s.CONFLICT: ("a mapping changed in size or place without break-before-make: two TLB entries match",),
    s.TAG: ("a pointer whose tag is not the memory's: memory freed or overrun (MTE)",),
}
CLASS_CAUSES = {
    0x00: ("an instruction that this CPU does not have, or that is undefined at this level",
           "a system register that does not exist, or whose feature is hidden from the guest's ID registers"),
    0x07: ("CPTR_EL2 or CPACR_EL1 traps the vector registers: they were not given to this level",),
    0x0E: ("PSTATE.IL is set: SPSR_ELx held an illegal mode when ERET was run",),
    0x18: ("a trap bit of HCR_EL2, HSTR_EL2, MDCR_EL2, CNTHCTL_EL2 or ICH_HCR_EL2 is set for it",
           "a register that is emulated, or should be"),
    0x2F: ("an access that failed late: often a write to an address where nothing is",
           "an error that the CPU or the memory has found (RAS)"),
    0x22: ("a branch through a damaged pointer or return address",),
    0x26: ("SP is not a multiple of 16 when memory is accessed through it",),
}


def stage1_causes(esr):
    """Of an abort that EL1 has taken, by its own tables."""
    kind, _ = s.fault(esr)
    if s.is_from_below(esr) and kind in (s.TRANSLATION, s.PERMISSION):
        return (PROGRAM_CAUSE,)
    if kind == s.TRANSLATION:
        return POINTER_CAUSES
    return (OWN_PERMISSION_CAUSES[s.access_kind(esr)],) if kind == s.PERMISSION else tuple(SIMPLE_CAUSES.get(kind, ()))


def abort_causes(esr):
    kind, level = s.fault(esr)
    if not s.is_from_below(esr):
        return ("if the syndrome is EL2's: a fault of the hypervisor's own code or tables, which the guest could not cause",
                *(f"if it is EL1's: {cause}" for cause in stage1_causes(esr)))
    if s.is_walk(esr):
        return WALK_CAUSES
    if kind == s.TRANSLATION:
        span = SPANS.get(level)
        found = (f"no descriptor for it at level {level}: with 4 KiB granules the whole {span} around it has no "
                 "mapping of its own",) if span else ()
        return found + TRANSLATION_CAUSES
    if kind == s.PERMISSION:
        return PERMISSION_CAUSES[s.access_kind(esr)], NO_HPFAR
    return SIMPLE_CAUSES.get(kind, ())


def causes(numbers):
    esr = numbers.esr
    by_level = stage1_causes if numbers.el == 1 else abort_causes
    found = list(by_level(esr) if is_abort(esr) else CLASS_CAUSES.get(s.exception_class(esr), ()))
    if numbers.el == 2 and s.exception_class(esr) == 0x24 and not s.has_access(esr) and not s.is_walk(esr) and \
            s.fault(esr)[0] in (s.TRANSLATION, s.PERMISSION):
        found.append("ISV is 0, so a device can't be emulated from the syndrome alone: the instruction writes back its "
                     "base, loads a pair or a vector register, or is atomic")
    return found


def owner(tree, place):
    """Which node of a guest's tree has the address, in words; None: there is no tree, or no address."""
    if tree is None or place is None:
        return None
    for path, node, cells in nodes(tree.root):
        if cells and "reg" in node.properties:
            for start, size in guest_tree.reg_entries(node, cells, path):
                if start <= place[0] < start + size:
                    disabled = "" if guest_tree.is_enabled(node) else ", which is disabled"
                    return f"It lies in {path} of the tree{disabled}, at offset 0x{place[0] - start:x}."
    return "No node of the tree has this address."


def nodes(root):
    """(path, node, cells of its reg), where the addresses below are the root's: through buses without a mapping."""
    todo = [("", root)]
    while todo:
        path, parent = todo.pop()
        cells = parent.u32("#address-cells", 2), parent.u32("#size-cells", 1)
        for node in parent.children:
            below = f"{path}/{node.name}"
            yield below, node, cells if cells[1] else None
            if node.properties.get("ranges") == b"":
                todo.append((below, node))


def address_fields(numbers, place):
    """What HPFAR and FAR hold, one line each."""
    lines = []
    esr = numbers.esr
    if numbers.hpfar is not None:
        known = "" if hpfar_is_valid(esr) else "; not valid after this exception: left from an earlier one"
        lines.append(("HPFAR_EL2", numbers.hpfar, f"FIPA [47:4], so the page of IPA 0x{ipa_page(numbers.hpfar):x}{known}"))
    if numbers.far is not None:
        known = "the virtual address" if s.far_is_valid(esr) else "not valid after this exception"
        lines.append((f"FAR_EL{numbers.el}", numbers.far, known))
    if place and place[1] == 1:
        lines.append(("IPA", place[0], "the page of HPFAR_EL2, the offset of FAR_EL2"))
    return lines


def explain(numbers, tree=None):
    """All of it, as --json has it."""
    place = ipa(numbers)
    found = {
        "register": f"ESR_EL{numbers.el}",
        "esr": f"0x{numbers.esr:x}",
        "class": s.class_words(numbers.esr),
        "fields": [{"name": field.name, "bits": field.bits, "value": f"0x{field.value:x}", "words": field.words}
                   for field in s.fields(numbers.esr)],
        "addresses": [{"name": name, "value": f"0x{value:x}", "words": words}
                      for name, value, words in address_fields(numbers, place)],
        "happened": happened(numbers, place),
        "causes": causes(numbers),
    }
    node = owner(tree, place)
    if node:
        found["node"] = node
    return found


def show(found):
    lines = [f"{found['register']} {found['esr']}: {found['class']}"]
    lines += [f"  {field['name']:<9} {field['bits']:<8} {field['value']:<10} {field['words']}".rstrip()
              for field in found["fields"]]
    lines += [f"{address['name']} {address['value']}: {address['words']}" for address in found["addresses"]]
    lines += ["", found["happened"], *([found["node"]] if "node" in found else [])]
    if found["causes"]:
        lines += ["", "What usually causes it:", *(f"- {cause}" for cause in found["causes"])]
    return "\n".join(lines)


def briefly(text):
    """What happened and what usually causes it, a line each, of numbers in a text."""
    numbers = Numbers(text)
    return [happened(numbers, ipa(numbers)), *(f"- {cause}" for cause in causes(numbers))]
