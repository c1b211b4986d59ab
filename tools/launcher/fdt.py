# SPDX-License-Identifier: Apache-2.0
"""Flattened device trees (Devicetree Specification, "Flattened Devicetree Format"): parse()
and pack(). What is not changed in between comes out as it went in. Used by guest_tree.py."""

import struct

from launcher import Problem

MAGIC = 0xD00DFEED
HEADER = struct.Struct(">10I")
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
        strings = self.properties.get(name, b"").rstrip(b"\0").split(b"\0")
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
        self.reserved = list(reserved)
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
    structure += struct.pack(">I", BEGIN_NODE) + _aligned(node.name.encode() + b"\0")
    for name, value in node.properties.items():
        if name not in strings:
            strings[name] = len(blob)
            blob += name.encode() + b"\0"
        structure += struct.pack(">III", PROP, len(value), strings[name]) + _aligned(value)
    for child in node.children:
        _pack_node(child, structure, strings, blob)
    structure += struct.pack(">I", END_NODE)


class _Reader:
    """The structure block, token by token."""

    def __init__(self, data, structure, strings):
        self.data = data
        self.at = structure
        self.strings = strings

    def word(self):
        value = struct.unpack_from(">I", self.data, self.at)[0]
        self.at += 4
        return value

    def string(self, at):
        return self.data[at:self.data.index(b"\0", at)].decode("utf-8")

    def token(self):
        token = NOP
        while token == NOP:
            token = self.word()
        return token

    def property(self, node):
        length, name = self.word(), self.word()
        if self.at + length > len(self.data):
            raise ValueError("a property reaches beyond its end")
        node.properties[self.string(self.strings + name)] = self.data[self.at:self.at + length]
        self.at += length + -length % 4

    def node(self, depth=0):
        """The node whose BEGIN_NODE has just been read."""
        if depth > MAX_DEPTH:
            raise ValueError("its nodes are nested too deep")
        node = Node(self.string(self.at))
        self.at += len(node.name.encode()) + 1
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
                raise ValueError(f"unknown token {token} at byte {self.at - 4}")


def parse(data, name):
    """The tree in `data`; `name` is for messages. Problem: it is not a valid one."""
    try:
        magic, total, structure, strings, reserve, version, compatible, boot_cpu = \
            HEADER.unpack_from(data)[:8]
        if magic != MAGIC:
            raise ValueError(f"it starts with 0x{magic:08x} instead of 0x{MAGIC:08x}")
        if total > len(data):
            raise ValueError(f"it should have {total} bytes and has {len(data)}")
        if compatible > WRITTEN_VERSION or version < COMPATIBLE_VERSION:
            raise ValueError(f"its format's version is {version}, not 16 or 17")
        data = bytes(data[:total])
        reserved = []
        while any(entry := struct.unpack_from(">QQ", data, reserve)):
            reserved.append(entry)
            reserve += 16
        reader = _Reader(data, structure, strings)
        if reader.token() != BEGIN_NODE:
            raise ValueError("it has no root node")
        return Tree(reader.node(), reserved, boot_cpu)
    except (ValueError, struct.error) as error:
        raise Problem(f"{name} is not a valid device tree blob: {error}") from error
