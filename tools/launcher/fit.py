# SPDX-License-Identifier: Apache-2.0
"""FIT, U-Boot's flattened image tree (U-Boot, "Flattened Image Tree (FIT) Format"): images and configurations of
them, written, by mkimage where they are for U-Boot, and read. Used by bundle.py and layout.py; docs/bundle.md has the
part of the format that Traproom's bundles use."""

import contextlib
import dataclasses
import hashlib
import os
import re
import shutil
import struct
import subprocess
import tempfile
import time
import zlib

from launcher import Problem, fdt

MKIMAGE = "mkimage"
ALIGN = 0x1000  # of each image's data, and of the first behind the tree
FREE = 0x8000  # bytes that dtc leaves in the tree for what mkimage adds
CHUNK = 1 << 20
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
    path: str = None  # of a file with the data as stored
    hash: str = ""  # "": none
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

    def node(self, size):
        """Where the data lies is put in once all sizes are known."""
        made = fdt.Node(self.name)
        for name, text in (("description", plain(self.description)), ("type", self.kind), ("arch", ARCH), ("os", self.os),
                           ("compression", self.compression)):
            if text:
                made.set_text(name, text)
        for name, value in (("load", self.load), ("entry", self.load if self.is_entry else None), ("data-size", size),
                            ("data-position", 0)):
            if value is not None:
                made.set_u64s(name, value)
        if self.hash:
            made.children = [fdt.Node("hash-1")]
            made.children[0].set_text("algo", self.hash)
            made.children[0].properties["value"] = hash_of(self.path, self.hash)
        return made

    def unpacked_size(self):
        with open(self.path, "rb") as file:
            return unpacked_size(self.compression, file.read(LZ4_SIZE.size))


@dataclasses.dataclass
class Configuration:
    name: str
    description: str
    images: list  # the Images of its one VM

    def node(self):
        made, vm = fdt.Node(self.name), fdt.Node("vm-0")
        made.children = [vm]
        for image in self.images:
            prop = LISTS.get(image.kind, OTHERS)
            vm.properties[prop] = vm.properties.get(prop, b"") + image.name.encode() + b"\0"
        for node_of in (made, vm):
            node_of.set_text("description", plain(self.description))
        return made


def plain(text):
    """What is no plain ASCII becomes a question mark."""
    return "".join(char if " " <= char <= "~" else "?" for char in text)


def quote(text):
    """A string of the source's."""
    return '"' + plain(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


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


def hash_of(path, algorithm):
    with open(path, "rb") as file:
        if algorithm == "sha256":
            return hashlib.file_digest(file, algorithm).digest()
        value = 0
        while piece := file.read(CHUNK):
            value = zlib.crc32(piece, value)
        return struct.pack(">I", value)


def tree(description, images, configurations):
    """A FIT's tree, of their nodes. The first configuration is the default."""
    root, folder, plans = (fdt.Node(name) for name in ("", "images", "configurations"))
    root.set_text("description", plain(description))
    root.set_u32("#address-cells", 2)
    root.children, folder.children, plans.children = [folder, plans], images, configurations
    plans.set_text("default", configurations[0].name)
    return fdt.Tree(root)


def round_up(value):
    return -(-value // ALIGN) * ALIGN


def write(out, description, images, configurations):
    """Into a file, from where it stands: the FIT of Images and Configurations, then the images' data."""
    sizes = [os.path.getsize(image.path) for image in images]
    nodes = [image.node(size) for image, size in zip(images, sizes)]
    made_of = tree(description, nodes, [one.node() for one in configurations])
    made_of.root.set_u32("timestamp", int(os.environ.get("SOURCE_DATE_EPOCH") or time.time()))
    start, at = out.tell(), round_up(len(made_of.pack()))
    for image, node_of, size in zip(images, nodes, sizes):
        node_of.set_u64s("data-position", at)
        out.seek(start + at)
        with open(image.path, "rb") as data:
            shutil.copyfileobj(data, out, CHUNK)
        at = round_up(at + size)
    out.truncate(start + at)
    out.seek(start)
    out.write(made_of.pack())


def beside(placed, guest):
    """The FIT, as bytes, of images that lie in memory: of (Image, how far from the FIT's beginning, size). The guest's tree,
    `guest`, comes behind it."""
    images = [(Image("tree", "flat_dt"), 0, len(guest)), *placed]
    nodes = [image.node(size) for image, _, size in images]
    made_of = tree("", nodes, [Configuration("run", "", [image for image, _, _ in images]).node()])
    behind = round_up(len(made_of.pack()))
    for node_of, (_, at, _) in zip(nodes, images):
        node_of.set_u64s("data-position", at or behind)
    return made_of.pack().ljust(behind, b"\0") + guest


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


def unpacked_size(compression, head):
    """Bytes of what Traproom unpacks of an image that begins so; 0: it need not."""
    return LZ4_SIZE.unpack_from(head)[0] if compression == "lz4" and len(head) >= LZ4_SIZE.size else 0


def number(image, name):
    """A property of one or two cells, or None."""
    value = image.properties.get(name)
    return None if value is None else int.from_bytes(value, "big")
