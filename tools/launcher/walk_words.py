# SPDX-License-Identifier: Apache-2.0
"""A walk (walk.py) in words: each level with its table, index, descriptor and every bit, then what came of it. Used by
the monitor's `walk` and `explain`."""

from launcher import descriptor

PURPOSES = {"va": "stage 1", "s1 table": "stage 2, for the table of stage 1 below", "output": "stage 2, for the address itself"}


TAG, CNP = 48, 1  # of TTBRn_EL1 and VTTBR_EL2


def _where(step):
    at = f"PA 0x{step.table_pa:x}"
    return at if step.table_ipa is None else f"IPA 0x{step.table_ipa:x}, {at}"


def root_lines(number, root):
    """Which registers a stage's walk begins with."""
    if not root.register:
        yield f"stage {number}: off, since {root.why}"
        return
    stage = root.of
    yield f"stage {number}: by {root.register}, {f'since {root.why}, ' if root.why else ''}0x{root.value:x}"
    sizes = (f"granules of {descriptor.size_words(1 << stage.granule)}, {'IPA' if number == 2 else 'VA'}s of "
             f"{stage.input_bits} bits")
    if not stage.refusal:
        more = stage.index_bits(stage.start) - stage.stride
        sizes += f": from level {stage.start} on, at 0x{stage.base:x}"
        sizes += f", {1 << more} tables in a row that are one (concatenated)" if more > 0 else ""
    tag, shared = "VMID" if number == 2 else "ASID", ", CnP: CPUs share it" if root.value & CNP else ""
    yield f"         {tag} {root.value >> TAG} in bits [63:48]{shared}"
    yield f"         {root.control} 0x{root.control_value:x}, {sizes}"


def step_lines(number, step, short, first):
    """One descriptor, which the walk came to first in step `first`."""
    size = descriptor.size_words(1 << step.of.shift(step.level))
    end = {"table": f"the next table at 0x{step.out:x}", "block": f"a block of {size}, to 0x{step.out:x}",
           "page": f"a page of {size}, to 0x{step.out:x}"}.get(step.kind, step.kind)
    indent = "    " if step.purpose == "s1 table" else ""
    yield f"{indent}{number}. {PURPOSES[step.purpose]}, level {step.level}"
    yield (f"{indent}   the table at {_where(step)}; index {step.index}, {size} each")
    yield f"{indent}   descriptor 0x{step.desc:016x}: {end}"
    if short:
        return
    if first != number:
        yield f"{indent}     every bit as in {first}."
        return
    for field in step.fields():
        value = f"0x{field.value:x}" if field.value > 9 else str(field.value)
        yield f"{indent}     {field.name:<15} {field.bits:<8} {value:<16} {field.words}".rstrip()


def _stage_line(found, number):
    leaf = found.leaves.get(number)
    if leaf is None:
        return []
    if leaf.size == 0:
        return [f"stage {number} is off: addresses go through as they are"]
    return [f"stage {number} allows {leaf.rights.words()}; {leaf.memory.words()}"]


def result_lines(found):
    loads = f"{found.loads} load{'' if found.loads == 1 else 's'}"
    if found.updates:
        count = len(found.updates)
        loads += f", and {count} descriptor{'' if count == 1 else 's'} written by the hardware"
    if found.fault:
        yield f"fault   {found.fault.words()}, for {found.access.words()}"
        yield f"why     {found.fault.why}"
        if found.fault.ipa is not None:
            yield f"        at IPA 0x{found.fault.ipa:x}"
    if found.va is not None and found.ipa is not None:
        yield f"IPA     0x{found.ipa:x}"
    if found.pa is not None:
        yield f"PA      0x{found.pa:x}"
        yield f"rights  {found.rights.words() if found.rights else 'all: both stages are off'}"
        if found.memory:
            yield f"memory  {found.memory.words()}"
        if len(found.leaves) == 2:
            yield from (f"        {line}" for number in (1, 2) for line in _stage_line(found, number))
    yield f"loads   {loads}, when no TLB has any of it"


def lines(found, short=False, whose=""):
    """All of it. `short`: without the bits; `whose`: where the address comes from."""
    yield (f"VA 0x{found.va:x}" if found.va is not None else f"IPA 0x{found.ipa:x}") + whose
    for number, root in sorted(found.roots.items()):
        yield from root_lines(number, root)
    seen = {}
    for number, step in enumerate(found.steps, 1):
        first = seen.setdefault((step.stage, step.level, step.table_pa, step.index, step.desc), number)
        yield from step_lines(number, step, short, first)
    yield ""
    yield from result_lines(found)
