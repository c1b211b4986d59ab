# SPDX-License-Identifier: Apache-2.0
"""FIT, U-Boot's flattened image tree (U-Boot, "Flattened Image Tree (FIT) Format"): images and configurations of
them, written by mkimage from a source, and read. Used by bundle.py; docs/bundle.md has the part of the format
that Traproom's bundles use."""

import contextlib
import dataclasses
import os
import re
import struct
import subprocess
import tempfile

from launcher import Problem, fdt

MKIMAGE = "mkimage"
ALIGN = 0x1000  # of each image's data, and of the first behind the tree
FREE = 0x8000  # bytes that dtc leaves in the tree for what mkimage adds
MEMORY, COPIES = "/dev/shm", 8  # a file system in memory; how often the data must fit there
LZ4_SIZE = struct.Struct("<6xQ")  # of an lz4 frame's content, as bundle.py has it written
ARCH = "arm64"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9,._+-]{0,30}")  # Devicetree Specification, "Node Names"
LISTS = {"flat_dt": "fdt", "kernel": "kernel", "ramdisk": "ramdisk", "standalone": "app"}  # the VM's property that names such an image
OTHERS = "loadables"


@dataclasses.dataclass
class Image:
    name: str
    kind: str  # FIT's "type"
    path: str  # of a file with the data as stored
    hash: str
    description: str = ""
    os: str = ""
    compression: str = "none"
    load: int = None  # in the guest
    is_entry: bool = False  # it is entered there, too

    def lines(self, data):
        """Of the source; `data`: the file's path there."""
        found = [f"description = {quote(self.description)};", f"data = /incbin/({quote(data)});",
                 f"type = {quote(self.kind)};", f'arch = "{ARCH}";', f"compression = {quote(self.compression)};"]
        if self.os:
            found.append(f"os = {quote(self.os)};")
        if self.load is not None:
            found.append(f"load = {cells(self.load)};")
        if self.is_entry:
            found.append(f"entry = {cells(self.load)};")
        return node(self.name, [*found, *node("hash-1", [f"algo = {quote(self.hash)};"])])

    def unpacked_size(self):
        with open(self.path, "rb") as file:
            return unpacked_size(self.compression, file.read(LZ4_SIZE.size))


@dataclasses.dataclass
class Configuration:
    name: str
    description: str
    images: list  # the Images of its one VM

    def lines(self):
        found = [f"description = {quote(self.description)};"]
        for prop in (*LISTS.values(), OTHERS):
            names = [image.name for image in self.images if LISTS.get(image.kind, OTHERS) == prop]
            if names:
                found.append(f"{prop} = {', '.join(quote(name) for name in names)};")
        return node(self.name, [f"description = {quote(self.description)};", *node("vm-0", found)])


def quote(text):
    """A string of the source's. What is no plain ASCII becomes a question mark."""
    plain = "".join(char if " " <= char <= "~" else "?" for char in text)
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'


def cells(number):
    return f"<0x{number >> 32:x} 0x{number & 0xFFFFFFFF:x}>"


def node(name, lines):
    return [name + " {", *("\t" + line for line in lines), "};"]


def source(description, images, configurations, data):
    """The text of an .its. `configurations`: lines of each, by name, the first of them the default; `data`: for each image the
    path of its file."""
    names = list(configurations)
    return "\n".join(["/dts-v1/;", *node("/", [
        f"description = {quote(description)};", "#address-cells = <2>;",
        *node("images", [line for image, path in zip(images, data) for line in image.lines(path)]),
        *node("configurations", [f"default = {quote(names[0])};",
                                 *(line for lines in configurations.values() for line in lines)])])]) + "\n"


@contextlib.contextmanager
def made(description, images, configurations, more=()):
    """The path, meanwhile, of a FIT with its images' data behind the tree. `configurations`: as for source(); `more`:
    options of mkimage."""
    with tempfile.TemporaryDirectory(prefix="traproom-fit-", dir=room(images)) as folder:
        links = [os.path.join(folder, f"data{index}") for index in range(len(images))]  # names that no shell minds
        for image, link in zip(images, links):
            os.symlink(os.path.abspath(image.path), link)
        text, path = os.path.join(folder, "fit.its"), os.path.join(folder, "fit.itb")
        with open(text, "w", encoding="ascii") as file:
            file.write(source(description, images, configurations, links))
        mkimage(["-D", f"-I dts -O dtb -p {FREE}", "-f", text, "-E", "-B", hex(ALIGN), *more, path])
        yield path


def mkimage(options):
    try:
        done = subprocess.run([MKIMAGE, *options], capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise Problem(f"{MKIMAGE} is not installed: run tools/setup run") from error
    if done.returncode != 0:
        raise Problem(f"{MKIMAGE} has failed:\n{done.stderr.rstrip() or done.stdout.rstrip()}")


def room(images):
    """A folder for mkimage, which writes all data several times: in memory if it fits; None: the usual one."""
    size = sum(os.path.getsize(image.path) for image in images)
    try:
        status = os.statvfs(MEMORY)
    except OSError:
        return None
    return MEMORY if status.f_bavail * status.f_frsize > COPIES * size else None


class Fit:
    """One that is read. `data`: bytes that begin with it, to the end of its file."""

    def __init__(self, data, name):
        self.name = name
        self.data = data
        self.tree = fdt.parse(data, name)
        images, configurations = (self.tree.root.child(part) for part in ("images", "configurations"))
        if images is None or configurations is None or not configurations.children:
            raise Problem(f"{name} is a device tree, but no FIT with images and configurations")
        self.images = {child.name: child for child in images.children}
        self.configurations = {child.name: child for child in configurations.children}
        self.default = configurations.text("default") or configurations.children[0].name
        for node_name in (*self.images, *self.configurations):
            if not NAME.fullmatch(node_name):  # it could be anything of a source's, an /incbin/ of another file's too
                raise Problem(f"{name}: '{node_name}' is no name of an image or a configuration")

    @property
    def description(self):
        return self.tree.root.text("description")

    def configuration(self, name):
        """The VM's node of that configuration, or of the default one."""
        wanted = name or self.default
        if wanted not in self.configurations or not self.configurations[wanted].children:
            raise Problem(f"{self.name} has no configuration '{wanted}': it has {', '.join(self.configurations)}")
        return self.configurations[wanted].children[0]

    def names(self, name):
        """Of the images of that configuration's VM, or of the default one's."""
        vm = self.configuration(name)
        return [self._node(text).name for prop in (*LISTS.values(), OTHERS) if prop in vm.properties
                for text in vm.texts(prop)]

    def unpacked_sizes(self, name):
        return [unpacked_size(self._node(image).text("compression"), self.content(image)) for image in self.names(name)]

    def _node(self, name):
        """That of an image."""
        if name not in self.images:
            raise Problem(f"{self.name} has no image '{name}': it has {', '.join(self.images)}")
        return self.images[name]

    def guest(self, name):
        """The device tree of that configuration's VM, or of the default one's."""
        return fdt.parse(self.content(self.configuration(name).text("fdt")), f"{self.name}: its tree")

    def content(self, name):
        """An image's data as stored."""
        image = self._node(name)
        if "data" in image.properties:
            return image.properties["data"]
        size, total = number(image, "data-size") or 0, struct.unpack_from(">I", self.data, 4)[0]
        start = number(image, "data-position")
        start = (total + 3) // 4 * 4 + image.u32("data-offset", 0) if start is None else start
        if start + size > len(self.data):
            raise Problem(f"{self.name} is cut short: the image '{name}' ends at byte {start + size} of {len(self.data)}")
        return self.data[start:start + size]

    def image(self, name, path):
        """An Image like that one, whose data is put into a file there."""
        with open(path, "wb") as file:
            file.write(self.content(name))
        image = self.images[name]
        load, hashed = number(image, "load"), image.child("hash-1")
        return Image(name, image.text("type"), path, hashed.text("algo") if hashed else "crc32",
                     image.text("description"), image.text("os"), image.text("compression") or "none",
                     load, load is not None and "entry" in image.properties)


@dataclasses.dataclass
class Beside:
    """An image that lies in memory, `at` bytes from the beginning of a FIT, and has no hash."""
    name: str
    kind: str
    at: int
    size: int
    load: int = None  # in the guest
    os: str = None

    def node(self):
        made = fdt.Node(self.name)
        for name, text in (("type", self.kind), ("arch", ARCH), ("os", self.os), ("compression", "none")):
            if text:
                made.properties[name] = text.encode() + b"\0"
        for name, value in (("data-position", self.at), ("data-size", self.size), ("load", self.load)):
            if value is not None:
                made.set_u64s(name, value)
        return made


def beside(images, tree):
    """A FIT of such images, as bytes, with `tree`, the guest's, behind it. It is written at each run, so mkimage, which
    would take longer than the rest, has no part in it."""
    images = [Beside("tree", "flat_dt", 0, len(tree)), *images]
    root, vm = fdt.Node(""), fdt.Node("vm-0")
    folder, configurations, configuration = (fdt.Node(name) for name in ("images", "configurations", "run"))
    root.children, configurations.children, configuration.children = [folder, configurations], [configuration], [vm]
    configurations.properties["default"] = b"run\0"
    for image in images:
        prop = LISTS.get(image.kind, OTHERS)
        vm.properties[prop] = vm.properties.get(prop, b"") + image.name.encode() + b"\0"
    folder.children = [image.node() for image in images]
    images[0].at = -(-len(fdt.Tree(root).pack()) // ALIGN) * ALIGN
    folder.children[0] = images[0].node()
    return fdt.Tree(root).pack().ljust(images[0].at, b"\0") + tree


def unpacked_size(compression, head):
    """Bytes of what Traproom unpacks of an image that begins so; 0: it need not."""
    return LZ4_SIZE.unpack_from(head)[0] if compression == "lz4" and len(head) >= LZ4_SIZE.size else 0


def number(image, name):
    """A property of one or two cells, or None."""
    value = image.properties.get(name)
    return None if value is None else int.from_bytes(value, "big")
