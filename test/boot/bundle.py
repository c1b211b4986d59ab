# SPDX-License-Identifier: Apache-2.0
"""For tests: bundles put together by hand, from mkimage's FIT, and what can be wrong with them."""

import struct
import subprocess

PAGE = 4096
IMAGE_SIZE = 16  # where the arm64 Image header has it


class Image:
    """One of a FIT's images: its file, and the lines of its node."""

    def __init__(self, path, kind, *lines, algo="crc32"):
        self.path = path
        self.lines = [f'type = "{kind}";', *lines]
        self.algo = algo

    def source(self):
        hashes = f'hash-1 {{ algo = "{self.algo}"; }};' if self.algo else ""
        return f'data = /incbin/("{self.path}"); {" ".join(self.lines)} {hashes}'


def tree(path, *lines):
    return Image(path, "flat_dt", 'arch = "arm64"; load = <0x47000000>;', *lines)


def kernel(path, *lines, load=0x48000000, entry=None, **options):
    entry = load if entry is None else entry
    return Image(path, "kernel", f'arch = "arm64"; os = "linux"; load = <{load}>; entry = <{entry}>;', *lines,
                 **options)


def ramdisk(path, *lines, load=0x54000000):
    return Image(path, "ramdisk", f"load = <{load}>;", *lines)


def disk(path, *lines):
    return Image(path, "filesystem", *lines)


def pack(image, path):
    """The image by LZ4."""
    subprocess.run(["lz4", "-q", "-f", "-BI", "--content-size", image.path, path], check=True)
    image.path = path
    image.lines.append('compression = "lz4";')


VM = 'vm-0 { fdt = "tree"; kernel = "kernel"; };'


def make_fit(path, images, configurations, default="plain"):
    """`images`: Image by name; `configurations`: the lines of each by its name."""
    nodes = "\n".join(f'{name} {{ description = "{name}"; {image.source()} }};'
                      for name, image in images.items())
    plans = "\n".join(f'{name} {{ description = "{name}"; {lines} }};' for name, lines in configurations.items())
    source = (f'/dts-v1/; / {{ description = "a test\'s bundle"; #address-cells = <1>;\n'
              f'images {{ {nodes} }};\nconfigurations {{ default = "{default}"; {plans} }}; }};\n')
    with open(path + ".its", "w", encoding="utf-8") as file:
        file.write(source)
    subprocess.run(["mkimage", "-E", "-B", hex(PAGE), "-f", path + ".its", path], check=True, capture_output=True)


def append(hypervisor, fit, path):
    """The hypervisor's Image and the FIT as one file."""
    with open(hypervisor, "rb") as file:
        data = bytearray(file.read())
    room, = struct.unpack_from("<Q", data, IMAGE_SIZE)
    with open(fit, "rb") as file:
        data = bytearray(bytes(data).ljust(room, b"\0") + file.read())
    data += bytes(-len(data) % PAGE)
    struct.pack_into("<Q", data, IMAGE_SIZE, len(data))
    with open(path, "wb") as file:
        file.write(data)
