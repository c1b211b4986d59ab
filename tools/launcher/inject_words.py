# SPDX-License-Identifier: Apache-2.0
"""The words of --inject's rules: what narrows a rule, and what it does. Used by inject.py."""

import re

ANY, NEVER = 0xFFFFFFFF, (1 << 64) - 1
REQUEST, ACCESS, TIME = range(3)  # enum fault_kind
EVENTS = {"mmio": ACCESS, "irq": TIME}  # of targets that are no virtio devices

UNITS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9}
LONGEST, SHORTEST_PERIOD = 10**6 * 10**9, 10**4  # ns
CHANCES = 1 << 32
RX, TX = 0x55555555, 0xAAAAAAAA  # queues of a network card: pairs of one that receives and one that sends
TYPES = {"read": 0, "write": 1, "flush": 4, "id": 8, "discard": 11, "zero": 13}  # VIRTIO_BLK_T_x
DIRECTIONS = {"read": 1, "write": 2}  # of accesses
STATUSES = {"ioerr": 1, "unsupp": 2}  # VIRTIO_BLK_S_x

# enum fault_action: (its number, the kinds of events that can have it, devices that can, None for all)
ACTIONS = {name: (number, kinds, devices) for number, (name, kinds, devices) in enumerate((
    ("fail", {REQUEST}, ("disk",)), ("drop", {REQUEST, ACCESS}, None), ("lose", {REQUEST}, None),
    ("delay", {REQUEST, ACCESS}, None), ("hold", {REQUEST}, None), ("reorder", {REQUEST}, None),
    ("release", {REQUEST, TIME}, None), ("twice", {REQUEST}, None), ("id", {REQUEST}, None),
    ("len", {REQUEST}, None), ("short", {REQUEST}, None), ("corrupt", {REQUEST}, None),
    ("lose-irq", {REQUEST, TIME}, None), ("add-irq", {REQUEST, TIME}, None),
    ("needs-reset", {REQUEST, TIME}, None), ("config", {REQUEST, TIME}, None),
    ("unplug", {REQUEST, TIME}, None), ("power-cut", {REQUEST, TIME}, None), ("abort", {ACCESS}, None),
    ("flip", {ACCESS}, None), ("value", {ACCESS}, None), ("storm", {TIME}, ("irq",))))}


class Wrong(Exception):
    """A word that does not fit; `column` is where."""

    def __init__(self, text, column):
        super().__init__(text)
        self.column = column


def number(text, column, most=NEVER, least=0):
    if not re.fullmatch(r"0[xX][0-9a-fA-F]+|[0-9]+", text):
        raise Wrong(f"'{text}' is no number, such as 12 or 0xc", column)
    value = int(text, 16 if text[:2] in ("0x", "0X") else 10)
    if not least <= value <= most:
        raise Wrong(f"{text} is not between {least} and {most}", column)
    return value


def span(text, column):
    """A number, or two with a dash between: (first, last)."""
    first, dash, last = text.partition("-")
    found = number(first, column), number(last, column + len(first) + 1) if dash else number(first, column)
    if found[0] > found[1]:
        raise Wrong(f"'{text}' ends before it begins", column)
    return found


def duration(text, column, least=0):
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)(ns|us|ms|s)", text)
    if not match:
        raise Wrong(f"'{text}' is no time, such as 10us or 1.5s", column)
    value = round(float(match.group(1)) * UNITS[match.group(2)])
    if not least <= value <= LONGEST:
        raise Wrong(f"{text} is not between {least} ns and {LONGEST // 10**9} s", column)
    return value


def chance(text, column):
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0 < value <= 1:
        raise Wrong(f"'{text}' is no probability: above 0, and at most 1", column)
    return 0 if value == 1 else max(1, round(value * CHANCES))


def set_queue(rule, text, column):
    rule.queues |= 1 << min(number(text, column, 0xFFFF), 31)


def set_sectors(rule, text, column):
    rule.sectors = span(text, column)


def set_every(rule, text, column):
    if rule.event == TIME:
        rule.period = duration(text, column, SHORTEST_PERIOD)
    else:
        rule.every = number(text, column, ANY, 1)


def setter(name, read, *limits):
    return lambda rule, text, column: setattr(rule, name, read(text, column, *limits))


# By the events that a condition is for; then its name.
COMMON = {"count": setter("count", number, ANY, 1), "until": setter("until", duration)}
OF_EVENTS = {**COMMON, "nth": setter("nth", number, ANY, 1), "every": set_every, "p": setter("chance", chance),
             "seed": setter("seed", number), "after": setter("start", duration)}
CONDITIONS = {
    REQUEST: {**OF_EVENTS, "queue": set_queue},
    ACCESS: OF_EVENTS,
    TIME: {**COMMON, "every": set_every, "at": setter("start", duration)},
}


def plain_words(rule):
    """What can stand without a value: its name, and the mask that it adds to and the bits."""
    if rule.event == ACCESS:
        return {word: ("types", mask) for word, mask in DIRECTIONS.items()}
    if rule.event == REQUEST and rule.target.kind == "disk":
        return {word: ("types", 1 << kind) for word, kind in TYPES.items()}
    if rule.event == REQUEST and rule.target.kind == "net":
        return {"rx": ("queues", RX), "tx": ("queues", TX)}
    return {}


def condition(rule, word, column):
    """One word before the colon."""
    name, equals, value = word.partition("=")
    settings = dict(CONDITIONS[rule.event])
    if rule.event == REQUEST and rule.target.kind == "disk":
        settings["sector"] = set_sectors
    plain = plain_words(rule)
    if not equals and word in plain:
        mask, bits = plain[word]
        setattr(rule, mask, getattr(rule, mask) | bits)
    elif equals and name in settings:
        settings[name](rule, value, column + len(name) + 1)
    else:
        allowed = ", ".join([*plain, *(f"{each}=" for each in settings)])
        raise Wrong(f"'{word}' is no condition of a rule for {rule.target.name}: {allowed}", column)


def allowed_actions(rule):
    return [name for name, (_, kinds, devices) in ACTIONS.items()
            if rule.event in kinds and (devices is None or rule.target.kind in devices) and
            (rule.target.kind != "irq" or name == "storm")]


def action(rule, words, end):
    """What is behind the colon. `end`: the column where it ends."""
    allowed = allowed_actions(rule)
    if not words:
        raise Wrong(f"behind the colon it must say what happens: {', '.join(allowed)}", end)
    (word, column), *rest = words
    name, equals, value = word.partition("=")
    if name not in allowed:
        raise Wrong(f"'{name}' is nothing that can happen to {rule.target.name} here: {', '.join(allowed)}", column)
    rule.action = ACTIONS[name][0]
    if not equals and rest:
        (value, column), *rest = rest
    elif equals:
        column += len(name) + 1
    if rest:
        raise Wrong(f"nothing can follow on '{name}' and its value", rest[0][1])
    rule.args = argument(name, value, column)


def argument(name, value, column):
    """The two numbers of an action, from the text of its value, "" without one."""
    if name in NO_VALUE:
        if value:
            raise Wrong(f"'{name}' has no value", column)
        return (0, 0)
    if not value and name not in DEFAULTS:
        raise Wrong(f"'{name}' needs a value: {name}={VALUES[name][1]}", column + len(name))
    return VALUES[name][0](value or DEFAULTS[name], column)


def status(text, column):
    return STATUSES[text] if text in STATUSES else number(text, column, 0xFF)


def offset_and_mask(text, column):
    offset, slash, mask = text.partition("/")
    return number(offset, column), number(mask, column + len(offset) + 1, 0xFF, 1) if slash else 0xFF


def config_bytes(text, column):
    """OFFSET/BYTES, the bytes in hex as they are in memory."""
    offset, _, digits = text.partition("/")
    if not re.fullmatch(r"(?:[0-9a-fA-F]{2}){1,8}", digits):
        raise Wrong(f"'{digits}' is not one to eight bytes in hex, such as 0100", column + len(offset) + 1)
    data = bytes.fromhex(digits)
    return number(offset, column, 0xFFF) | len(data) << 32, int.from_bytes(data, "little")


def one(read, *limits):
    return lambda text, column: (read(text, column, *limits), 0)


NO_VALUE = ("drop", "lose", "hold", "release", "twice", "lose-irq", "add-irq", "needs-reset", "unplug", "abort",
            "storm")
DEFAULTS = {"fail": "ioerr", "corrupt": "0", "power-cut": "0"}
VALUES = {"fail": (one(status), "ioerr"), "delay": (one(duration), "10ms"), "reorder": (one(number, ANY, 1), "1"),
          "id": (one(number, 0xFFFF), "9999"), "len": (one(number, ANY), "0"), "short": (one(number, ANY), "0"),
          "corrupt": (offset_and_mask, "OFFSET/MASK"), "config": (config_bytes, "OFFSET/BYTES"),
          "power-cut": (one(number, ANY), "SECTORS"), "flip": (one(number, NEVER, 1), "0x1"),
          "value": (one(number), "0")}


def type_name(kind):
    """Of a disk's request."""
    return next((name for name, value in TYPES.items() if value == kind), f"type {kind}")
