# SPDX-License-Identifier: Apache-2.0
"""A bundle: Traproom's Image, as large as it is in memory, and behind it a FIT (fit.py) with the guest's tree and
its images. Stands in for layout.Staging when stage.py prepares a guest. Used by pack.py; docs/bundle.md."""

import hashlib
import os
import re
import shutil
import struct
import subprocess

from launcher import Problem, fdt, fit, images, layout
from launcher.files import File
from launcher.fit import Configuration, Image

IMAGE_SIZE_AT = 16  # in an arm64 Image's header, of 8 bytes
PAGE = 0x1000
BOARD = "linux,dummy-virt"  # QEMU's virt, as its tree calls it; by it U-Boot chooses among configurations
BANNER = re.compile(rb"Traproom ([!-~]+ \([ -~]*?\)) on %s")  # as main.c says it, in the hypervisor's Image
PACKED = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ", b"\x04\x22\x4d\x18", b"\x02\x21\x4c\x18", b"BZh", b"\x5d\0\0")
FIT_MAGIC = struct.pack(">I", fdt.MAGIC)


def round_up(value):
    return layout.round_up(value, PAGE)


class Hypervisor:
    """Traproom's Image, which a bundle begins with."""

    def __init__(self, file):
        with open(file.path, "rb") as opened:
            self.data = opened.read()
        found = BANNER.search(self.data)
        if images.not_an_image(self.data[:images.HEAD]) or not found:
            raise Problem(f"--hypervisor {file.name} is not Traproom's Image, which a bundle begins with: give what "
                          "the build makes, hyp/traproom.img")
        self.version = found[1].decode()
        self.size = round_up(int.from_bytes(self.data[IMAGE_SIZE_AT:IMAGE_SIZE_AT + 8], "little"))

    def padded(self, image_size):
        """As long as it is in memory, with that size in its header."""
        head = self.data[:IMAGE_SIZE_AT] + struct.pack("<Q", image_size) + self.data[IMAGE_SIZE_AT + 8:]
        return head.ljust(self.size, b"\0")


class Bundle:
    """Takes the images of one guest, as layout.Staging does, and those of another bundle."""

    def __init__(self, hypervisor, folder, name, algorithm, compression):
        """`folder`: for files of our own; `name`: of the configuration; `algorithm`: of the hashes; `compression`:
        of kernel and initramfs."""
        self.hypervisor = hypervisor
        self.folder = folder
        self.name = name
        self.algorithm = algorithm
        self.compression = compression
        self.images = []
        self.configurations = []
        self.ours = Configuration(name, "", [])
        self.size = 0  # of the file that is written
        self._ram = []
        self._banks = []  # bytes of each bank of flash
        self._pieces = []  # (address and size in the guest, what it is)

    # ---- What another bundle has ----

    def take(self, other):
        """All of a Fit; ours comes behind it."""
        if self.name in other.configurations:
            raise Problem(f"{other.name} has a configuration '{self.name}' already: give another name by --config")
        known = {}
        for index, name in enumerate(other.images):
            known[name] = other.image(name, os.path.join(self.folder, f"other{index}"))
        self.images = list(known.values())
        for name in other.configurations:
            self.configurations.append(Configuration(name, other.configuration(name).text("description"),
                                                     [known[image] for image in other.names(name)]))

    # ---- What stage.py puts in ----

    def put_kernel(self, chosen, kernel, start):
        chosen.properties.pop("traproom,kernel-address", None)  # "load" says it
        description = f"Linux {kernel.version}" if kernel.version else os.path.basename(kernel.file.name)
        self.ours.description = description
        for piece, what in kernel.pieces(start):
            self._claim(piece, f"{what}, {kernel.file.name},")
        is_elf = images.is_elf(kernel.file.path)
        self._add("kernel", "kernel", kernel.file, description, self.compression, os="elf" if is_elf else "linux",
                  load=start, is_entry=not is_elf)

    def put_app(self, _chosen, app, start):
        self._claim((start, app.size), f"the app, {app.file.name},")
        self._add("app", "standalone", app.file, os.path.basename(app.file.name), self.compression, os="elf", load=start)

    def put_initrd(self, _chosen, file, start):
        with open(file.path, "rb") as opened:
            packed = opened.read(8).startswith(PACKED)
        self._claim((start, file.size), f"the initramfs, {file.name},")
        self._add("ramdisk", "ramdisk", file, "the initramfs", "none" if packed else self.compression, os="linux",
                  load=start)

    def put_disk(self, node, file):
        count = sum(image.kind == "filesystem" for image in self.ours.images)
        image = self._add(f"disk-{count}", "filesystem", file, os.path.basename(file.name), "none")
        node.properties["traproom,image"] = image.name.encode() + b"\0"

    def put_flash(self, name, bank, _size):
        """A firmware.Bank. Returns the name of its image, "": it has none."""
        if bank.file is None:
            return ""
        description = os.path.basename(bank.file.name)
        self.ours.description = self.ours.description or description
        return self._add(name, "filesystem", bank.file, description, "none").name

    def put_tree(self, tree):
        """The last: it is the guest's as it is now."""
        self._ram, self._banks = tree.ram(), tree.banks()
        address = tree.dtb_address()
        tree.chosen.properties.pop("traproom,dtb-address", None)
        path = os.path.join(self.folder, "guest.dtb")
        data = tree.tree.pack()
        with open(path, "wb") as file:
            file.write(data)
        cpus, ram = len(tree.cpus()), sum(size for _, size in self._ram) // layout.MIB
        self.ours.description += f", {cpus} CPU{'s' * (cpus != 1)}, {ram} MiB"
        self._add("tree", "flat_dt", File(tree.name, path, len(data)), "the guest's device tree", "none",
                  load=layout.USUAL_TREE if address is None else address)

    def _claim(self, piece, what):
        self._pieces.append((piece, what))

    def _add(self, name, kind, file, description, compression, **more):
        """The Image: a new one, or one of the other bundle's that is the same."""
        path = self._pack(file, compression, name)
        image = Image(name, kind, path, self.algorithm, description, compression=compression, **more)
        image = self._like(image) or self._new(image)
        self.ours.images.append(image)
        return image

    def _new(self, image):
        names = {other.name for other in self.images}
        if image.name in names:
            image.name = f"{image.name}-{self.name}"
        self.images.append(image)
        return image

    def _like(self, image):
        """One of another guest's that is the same but for its name, or None."""
        what = (image.kind, image.hash, image.os, image.compression, image.load)
        alike = [other for other in self.images if other not in self.ours.images and
                 (other.kind, other.hash, other.os, other.compression, other.load) == what]
        return next((other for other in alike if digest(other.path) == digest(image.path)), None)

    def _pack(self, file, compression, name):
        """The path of the data as it is stored."""
        if compression == "none":
            return file.path
        path = os.path.join(self.folder, f"{name}.packed")
        with open(file.path, "rb") as plain, open(path, "wb") as out:
            run_lz4(plain, out)
        return path

    # ---- The file ----

    def check(self):
        for piece, what in self._pieces:
            if not any(layout.inside(piece, bank) for bank in self._ram):
                raise Problem(f"{what} at {layout.text(piece)} is not within the guest's RAM, "
                              f"{layout.describe(self._ram)}: the tree must move it, or have more memory")

    def write(self, path):
        self.check()
        configurations = [*self.configurations, self.ours]
        with open(path, "wb") as out:
            out.seek(self.hypervisor.size)
            fit.write(out, f"Traproom {self.hypervisor.version}", self.images, configurations)
            self.size = os.fstat(out.fileno()).st_size
            out.seek(0)
            out.write(self.hypervisor.padded(self.size))

    def machine_size(self):
        return machine_size(self.size, self._ram, [image.unpacked_size() for image in self.ours.images] + self._banks)


def machine_size(size, ram, made):
    """RAM that a machine needs for a file of that size and its guest, in bytes. A guest whose own place the file takes
    goes to another. `made`: of what Traproom makes at boot, the images that it unpacks and the banks of flash."""
    end = layout.round_up(layout.HYPERVISOR + size)
    aside = sum(layout.round_up(piece) for _, piece in ram) if end > layout.ROOM else 0
    aside += sum(layout.round_up(piece) for piece in made)
    return max(layout.room_end(ram), end) + aside + layout.SPARE - layout.MACHINE_RAM


def write_outer(path, inner, key=None, tree=None):
    """A FIT for U-Boot's bootm with the bundle `inner` as its kernel; `key`: signs it, a file NAME.key; `tree`: a blob
    that gets the public key, which it makes a must."""
    with open(inner, "rb") as file:
        version = BANNER.search(file.read())[1].decode()
    image = Image("traproom", "kernel", inner, "sha256", f"Traproom {version}", os="linux", load=layout.HYPERVISOR,
                  is_entry=True)
    lines = [f"description = {fit.quote(image.description)};", f'compatible = "{BOARD}";', f'kernel = "{image.name}";']
    more = []
    if key:
        folder, name = os.path.split(os.path.splitext(os.path.abspath(key))[0])
        lines += fit.node("signature-1", ['algo = "sha256,rsa2048";', f"key-name-hint = {fit.quote(name)};",
                                          'sign-images = "kernel";'])
        more = ["-k", folder, "-r"] + (["-K", tree] if tree else [])
    with fit.made(image.description, [image], {"conf-1": fit.node("conf-1", lines)}, more) as made:
        shutil.copyfile(made, path)


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def run_lz4(plain, out):
    try:
        subprocess.run(["lz4", "-9", "-BI", "--content-size", "-c"], stdin=plain, stdout=out, check=True,
                       stderr=subprocess.DEVNULL)
    except FileNotFoundError as error:
        raise Problem("lz4 is not installed: run tools/setup run, or leave out --compress") from error


def read(name):
    """The Fit of a bundle's file."""
    try:
        with open(name, "rb") as file:
            data = file.read()
    except OSError as error:
        raise Problem(f"{name}: {error.strerror}") from error
    if images.not_an_image(data[:images.HEAD]):
        why = "a FIT for U-Boot's bootm, which has the bundle inside" if data.startswith(FIT_MAGIC) else "no bundle"
        raise Problem(f"{name} is {why}: give what `tools/traproom pack` makes")
    for at in range(0, len(data), PAGE):
        if data.startswith(FIT_MAGIC, at):
            return fit.Fit(data[at:], name)
    raise Problem(f"{name} has no guest in it: it was made without `tools/traproom pack`")
