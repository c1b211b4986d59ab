# SPDX-License-Identifier: Apache-2.0
"""--inject: rules by which devices misbehave, from text to the property /chosen "traproom,inject" that
Traproom reads (hyp/fdt/vm_fdt_fault.c; the numbers are hyp/dev/fault_rule.h's). Used by stage.py and
cli.py; inject_words.py has the grammar's words, docs/driver-testing.md explains them."""

import dataclasses
import os
import re
import struct

from launcher import Problem, inject_words
from launcher.inject_words import ANY, EVENTS, NEVER, REQUEST, TIME, Wrong

MOST_RULES = 64
PROPERTY = "traproom,inject"
CELLS = struct.Struct(">3I2Q2I2Q4I6Q")  # struct fault_rule, member by member
LINE = re.compile(rb"\[traproom\] inject: rule (\d+) at (\d+) ns(.*)")
ANY_RUN = re.compile(r"\S+")


@dataclasses.dataclass
class Target:
    """What a rule can be about."""
    name: str
    kind: str  # disk, net or another virtio device; mmio; irq
    first: int  # of the addresses of its registers; the interrupt's number
    last: int


@dataclasses.dataclass
class Rule:
    number: int
    text: str
    target: Target
    event: int = REQUEST
    action: int = 0
    queues: int = 0
    types: int = 0
    sectors: tuple = (0, NEVER)
    nth: int = 0
    every: int = 0
    count: int = 0
    chance: int = 0
    seed: object = None
    start: int = 0  # ns
    until: int = NEVER
    period: int = 0
    args: tuple = (0, 0)

    def pack(self, seed):
        return CELLS.pack(self.number, self.event, self.action, self.target.first, self.target.last,
                          self.queues or ANY, self.types or ANY, *self.sectors, self.nth, self.every,
                          self.count, self.chance, seed if self.seed is None else self.seed, self.start,
                          self.until, self.period, *self.args)


def read(given):
    """(where, line's number in it, text) for each line of what the options give: files, or rules as they are,
    with semicolons between them."""
    lines = []
    for text in given:
        if ":" in text:
            found = text.split(";")
            where = "--inject"
        else:
            found, where = read_file(text), text
        lines += [(where, number, line) for number, line in enumerate(found, 1)]
    return lines


def read_file(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise Problem(f"--inject {path}: {why} (a rule itself has a colon: 'disk0 read : fail')") from error


def parse(given, targets):
    """The Rules of the options. `targets`: the devices, by name."""
    rules = []
    for number, (where, line, text) in enumerate(read(given), 1):
        try:
            rule = parse_line(text, number, targets)
        except Wrong as wrong:
            raise Problem(f"{where}:{line}:{wrong.column}: {wrong}") from wrong
        if rule:
            rules.append(rule)
    if len(rules) > MOST_RULES:
        raise Problem(f"--inject: these are {len(rules)} rules, and there can be {MOST_RULES}")
    return rules


def without_comment(text):
    """Of a line, its rule, "" for none. What stands before it stays, for the columns of errors."""
    return text.split("#")[0].rstrip()


def parse_line(text, number, targets):
    """None: there is nothing but a comment."""
    text = without_comment(text)
    if not text:
        return None
    before, colon, after = text.partition(":")
    if not colon:
        raise Wrong("a rule is WHAT CONDITIONS : ACTION, and here is no colon", len(text.rstrip()) + 1)
    words = [(match.group(), match.start() + 1) for match in ANY_RUN.finditer(before)]
    actions = [(match.group(), len(before) + match.start() + 2) for match in ANY_RUN.finditer(after)]
    if not words:
        raise Wrong(f"before the colon it must say what misbehaves: {known(targets)}", 1)
    target, words = find_target(words, targets)
    rule = Rule(number, text.strip(), target, event=EVENTS.get(target.kind, REQUEST))
    if any(word.startswith("at=") for word, _ in words):
        rule.event = TIME
    for word, column in words:
        inject_words.condition(rule, word, column)
    inject_words.action(rule, actions, len(text.rstrip()) + 1)
    return rule


def known(targets):
    return ", ".join([*targets, "mmio ADDRESS", "irq NUMBER"])


def find_target(words, targets):
    """The Target, and the words after it."""
    (name, column), *rest = words
    if name in targets:
        return targets[name], rest
    if name not in ("mmio", "irq"):
        raise Wrong(f"'{name}' is none of {known(targets)}", column)
    if not rest:
        raise Wrong("what follows is " + ("an address" if name == "mmio" else "an interrupt's number"),
                    column + len(name) + 1)
    (place, column), *rest = rest
    first, last = inject_words.span(place, column)
    return Target(name, name, first, last), rest


def targets_of(placed, cells):
    """The virtio devices of slots.place(), by the names that rules have for them: disk0, net0, ... `cells`: of
    an address in the tree's root."""
    found = {}
    for device, _, node in placed:
        option = re.match(r"--(\w+)", device.said)
        if not option:
            continue
        kind = option.group(1)
        name = f"{kind}{sum(other.kind == kind for other in found.values())}"
        base = int.from_bytes(node.properties["reg"][:4 * cells], "big")
        found[name] = Target(name, kind, base, base)
    return found


def add(args, tree, placed):
    """Compile the options' rules into the tree; returns them."""
    if not args.inject:
        return []
    if args.bare:
        raise Problem("--inject: without Traproom (--bare) nobody is there to do it")
    rules = parse(args.inject, targets_of(placed, tree.root_cells()[0]))
    tree.chosen.properties[PROPERTY] = b"".join(rule.pack(args.inject_seed) for rule in rules)
    return rules


class Log:
    """--inject-log: Traproom's lines about what was done, in words."""

    def __init__(self, path, rules):
        self.rules = {rule.number: rule for rule in rules}
        with open(path, "wb"):
            pass
        self.path = os.path.abspath(path)

    def take(self, line):
        """A line of the console's. True: it was one of these."""
        found = LINE.fullmatch(line)
        if not found:
            return False
        rule = self.rules.get(int(found.group(1)))
        seconds, rest = divmod(int(found.group(2)), 10**9)
        with open(self.path, "ab") as file:
            file.write(f"{seconds}.{rest:09d} s: ".encode() + describe(rule, found.group(3)) + b"\n")
        return True


def describe(rule, details):
    """What the action was about: ", queue 0, type 0, sector 12"."""
    if rule is None:
        return b"a rule of the tree's" + details
    details = details.decode()
    if rule.target.kind != "disk":
        details = re.sub(", type.*", "", details)
    kind = re.search("type ([0-9]+)", details)
    if kind:
        details = details.replace(kind.group(), inject_words.type_name(int(kind.group(1))))
    return f"rule {rule.number} ({rule.text}){details}".encode()
