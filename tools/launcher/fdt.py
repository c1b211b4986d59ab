# SPDX-License-Identifier: Apache-2.0
"""Flattened device trees (Devicetree Specification, "Flattened Devicetree Format"): parse()
and pack(). What is not changed in between comes out as it went in. Used by guest_tree.py."""

import struct

from launcher import Problem

MAGIC = 0xD00DFEED
HEADER = struct.Struct(">10I")
HEADER_16 = struct.Struct(">9I")  # of version 16, which lacks the structure block's size
BEGIN_NODE, END_NODE, PROP, NOP, END = 1, 2, 3, 4, 9
WRITTEN_VERSION, COMPATIBLE_VERSION = 17, 16
MAX_DEPTH = 64


class Node:
    """A node: its name, its properties (name to bytes, in order) and its children."""

    def __init__(self, name):
        self.name = name
        self.properties = {}
        self.children = []

    def child(self, name):
        """The child of that name, with or without its unit address; None: there is none."""
        for node in self.children:
            if name in (node.name, node.name.split("@")[0]):
                return node
        return None

    def walk(self):
        """This node and all below it, in the tree's order."""
        yield self
        for node in self.children:
            yield from node.walk()

    def text(self, name):
        """A string property, or the first string of a list; "" without it."""
        return self.properties.get(name, b"").split(b"\0")[0].decode("utf-8", "replace")

    def texts(self, name):
        strings = self.properties.get(name, b"").removesuffix(b"\0").split(b"\0")
        return [string.decode("utf-8", "replace") for string in strings]

    def u32(self, name, default):
        value = self.properties.get(name)
        return struct.unpack(">I", value)[0] if value is not None and len(value) == 4 else default

    def set_text(self, name, text):
        self.properties[name] = text.encode() + b"\0"

    def set_u32(self, name, value):
        self.properties[name] = struct.pack(">I", value)

    def set_u64s(self, name, *values):
        self.properties[name] = struct.pack(f">{len(values)}Q", *values)


class Tree:
    def __init__(self, root, reserved=(), boot_cpu=0):
        self.root = root
        self.reserved = list(reserved)  # (address, size) of each /memreserve/
        self.boot_cpu = boot_cpu

    def pack(self):
        """The tree as bytes, version 17."""
        strings = {}
        blob = bytearray()
        structure = bytearray()
        _pack_node(self.root, structure, strings, blob)
        structure += struct.pack(">I", END)
        reserve = b"".join(struct.pack(">QQ", *entry) for entry in self.reserved + [(0, 0)])
        reserve_at = HEADER.size
        structure_at = reserve_at + len(reserve)
        strings_at = structure_at + len(structure)
        header = HEADER.pack(MAGIC, strings_at + len(blob), structure_at, strings_at, reserve_at,
                             WRITTEN_VERSION, COMPATIBLE_VERSION, self.boot_cpu, len(blob),
                             len(structure))
        return header + reserve + bytes(structure) + bytes(blob)


def _aligned(data):
    return data + b"\0" * (-len(data) % 4)


def _pack_node(node, structure, strings, blob):
    structure += struct.pack(">I", BEGIN_NODE) + _aligned(node.name.encode("ascii") + b"\0")
    for name, value in node.properties.items():
        if name not in strings:
            strings[name] = len(blob)
            blob += name.encode("ascii") + b"\0"
        structure += struct.pack(">III", PROP, len(value), strings[name]) + _aligned(value)
    for child in node.children:
        _pack_node(child, structure, strings, blob)
    structure += struct.pack(">I", END_NODE)


class _Broken(Exception):
    """What is wrong with a blob, as the second half of a sentence."""


class _Reader:
    """A blob, read from `at` on. Nothing beyond its end is taken for a part of it."""

    def __init__(self, data):
        self.data = data
        self.at = 0
        self.strings = 0

    def take(self, length, what):
        """The next bytes."""
        if self.at + length > len(self.data):
            raise _Broken(f"{what} at byte {self.at} reaches beyond its end, byte {len(self.data)}")
        self.at += length
        return self.data[self.at - length:self.at]

    def word(self, what):
        return struct.unpack(">I", self.take(4, what))[0]

    def name(self, at, what):
        """The string at byte `at`, of printable ASCII."""
        end = self.data.find(b"\0", at)
        if at > len(self.data) or end < 0:
            raise _Broken(f"{what} at byte {at} has no end before the tree's, byte {len(self.data)}")
        name = self.data[at:end]
        if any(not 0x20 < byte < 0x7F for byte in name):
            raise _Broken(f"{what} at byte {at} is no text: {name[:32]!r}")
        return name.decode("ascii")

    def token(self):
        token = NOP
        while token == NOP:
            token = self.word("a token")
        return token

    def property(self, node):
        length, name_at = self.word("a property"), self.word("a property")
        name = self.name(self.strings + name_at, "a property's name")
        if not name:
            raise _Broken(f"a property at byte {self.at - 12} has no name")
        if name in node.properties:
            raise _Broken(f"the node {node.name or '/'} has the property {name} twice")
        node.properties[name] = self.take(length, f"the property {name}")
        self.at += -length % 4

    def node(self, depth=0):
        """The node whose BEGIN_NODE has just been read."""
        if depth > MAX_DEPTH:
            raise _Broken(f"its nodes are nested more than {MAX_DEPTH} deep")
        node = Node(self.name(self.at, "a node's name"))
        if depth > 0 and not node.name:
            raise _Broken(f"a node at byte {self.at - 4} has no name")
        self.at += len(node.name) + 1
        self.at += -self.at % 4
        while True:
            token = self.token()
            if token == PROP:
                self.property(node)
            elif token == BEGIN_NODE:
                node.children.append(self.node(depth + 1))
            elif token == END_NODE:
                return node
            else:
                raise _Broken(f"there is an unknown token, {token}, at byte {self.at - 4}")

    def reserved(self):
        """The entries of the memory reservation block, whose end is two zeroes."""
        entries = []
        while any(entry := struct.unpack(">QQ", self.take(16, "a memory reservation"))):
            entries.append(entry)
        return entries


def _read(data):
    if len(data) < HEADER_16.size:
        raise _Broken(f"it has only {len(data)} bytes, fewer than a tree's header" if data
                      else "the file is empty")
    magic, total, structure, strings, reserve, version, compatible, boot_cpu, _ = \
        HEADER_16.unpack_from(data)
    if magic != MAGIC:
        source = ": is it a source, to be compiled with dtc?" if b"/dts-v1/" in data[:4096] else ""
        raise _Broken(f"it starts with 0x{magic:08x} instead of 0x{MAGIC:08x}{source}")
    if not HEADER_16.size <= total <= len(data):
        raise _Broken(f"by its header it has {total} bytes, but there are {len(data)}")
    if compatible > WRITTEN_VERSION or version < COMPATIBLE_VERSION:
        raise _Broken(f"its format's version is {version}, not 16 or 17")
    for offset, name in ((structure, "structure"), (strings, "strings"),
                         (reserve, "memory reservation")):
        if offset > total or (offset % 4 and offset != strings):
            raise _Broken(f"its header puts the {name} block at byte {offset} of {total}")
    reader = _Reader(bytes(data[:total]))
    reader.at, reader.strings = reserve, strings
    reserved = reader.reserved()
    reader.at = structure
    if reader.token() != BEGIN_NODE:
        raise _Broken("it has no root node")
    root = reader.node()
    if reader.token() != END:
        raise _Broken(f"something follows its root node, at byte {reader.at - 4}")
    return Tree(root, reserved, boot_cpu)


def parse(data, name):
    """The tree in `data`; `name` is for messages. Problem: it is not a valid one."""
    try:
        return _read(data)
    except _Broken as why:
        raise Problem(f"{name} is not a valid device tree blob: {why}") from why
