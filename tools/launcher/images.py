# SPDX-License-Identifier: Apache-2.0
"""What a kernel says of itself: the header of an arm64 Image, and what it is instead of one. Used
by stage.py."""

import functools
import mmap
import re
import struct

from launcher import Problem

# The arm64 Image header (Linux, "Booting AArch64 Linux", "Call the kernel image").
IMAGE_HEADER = struct.Struct("<2I6Q2I")
IMAGE_MAGIC = 0x644D5241  # "ARM\x64"
OLD_TEXT_OFFSET = 0x80000  # of Images that leave image_size 0

# The same file is an EFI program, too (PE Format, "COFF File Header", "Section Table").
PE_SIGNATURE = b"PE\0\0"
COFF_HEADER = struct.Struct("<2H3I2H")
SECTION = struct.Struct("<8s4I16x")
HEAD = 65536  # bytes of a file that headers are looked for in
AARCH64_PROGRAM = 0xAA64
PROGRAMS = {0x014C: "x86", 0x8664: "x86", 0x01C0: "32-bit Arm", 0x01C2: "32-bit Arm", 0x01C4: "32-bit Arm",
            0x5032: "RISC-V", 0x5064: "RISC-V", 0x6232: "LoongArch", 0x6264: "LoongArch"}

BOOT_IMAGE = "it is {0}, with the kernel inside: take that out first, with `{1}`"
FOREIGN = "it is a kernel for {0}: give one for arm64"

# What users take for an Image: at a byte of the file, these bytes, and what to do.
OTHERS = (
    (0, b"\xd0\x0d\xfe\xed", "it is a device tree or a FIT image: a tree goes to --dtb, and the kernel "
     "of a FIT is taken out with `dumpimage -T flat_dt -p 0 -o Image FILE`"),
    (0, b"\x27\x05\x19\x56", BOOT_IMAGE.format("a uImage of U-Boot",
                                             "dumpimage -T kernel -p 0 -o Image FILE")),
    (0, b"ANDROID!", BOOT_IMAGE.format("an Android boot image", "unpack_bootimg --boot_img FILE")),
    (0, b"!<arch>\n", BOOT_IMAGE.format("a Debian package", "dpkg-deb -x FILE DIR")),
    (0, b"07070", "it is a cpio archive: an initramfs goes to --initrd"),
    (0x202, b"HdrS", FOREIGN.format("x86 (a bzImage)")),
    (0x24, b"\x18\x28\x6f\x01", FOREIGN.format("32-bit Arm (a zImage)")),
    (0x38, b"RSC\x05", FOREIGN.format("RISC-V")),
    (0x38, b"\xcd\x23\x82\x81", FOREIGN.format("LoongArch")),
)
ELF_MAGIC, ELF_MACHINE, EM_AARCH64 = b"\x7fELF", 18, 183
# The table of what virtio_mmio drives, and the name of virtio_blk.
BUILT_IN = (re.compile(rb"\0virtio,mmio\0"), re.compile(rb"\0virtio_blk\0"))
BANNER = re.compile(rb"Linux version ([!-~]+) \(")


def head_of(file):
    with open(file.path, "rb") as opened:
        return opened.read(HEAD)


def is_elf(path):
    with open(path, "rb") as file:
        return file.read(4) == ELF_MAGIC


def check_hypervisor(file):
    head = head_of(file)
    if not head.startswith(ELF_MAGIC) and not_an_image(head):
        raise Problem(f"--hypervisor {file.name} is neither an ELF file nor an arm64 Image: give what the "
                      "build makes, hyp/traproom.elf or hyp/traproom.img")


class Kernel:
    """A program in Image format: where it wants to be, from the start of RAM, and its size there."""

    home = None  # it runs anywhere

    def __init__(self, file):
        self.file = file
        head = head_of(file)
        wrong = not_an_image(head)
        if wrong:
            raise Problem(f"--kernel {file.name} is not an arm64 Image: {wrong}")
        fields = IMAGE_HEADER.unpack_from(head)
        image_size = fields[3]
        self.text_offset = fields[2] if image_size else OLD_TEXT_OFFSET
        self.size = max(image_size, file.size)
        needed = bytes_in_file(head)
        if needed and file.size < needed:
            raise Problem(f"--kernel {file.name} is cut short: it has {file.size} bytes, by its header "
                          f"{needed}: copy or build it again")
        # Without sections to go by: what is not in the file is zeroes at the end, never most of it.
        self.looks_short = not needed and file.size < image_size // 2
        self.image_size = image_size

    def pieces(self, start):
        """[((address, size), name)] of what it takes of the guest, its lowest byte at `start`."""
        return [((start, self.size), "the kernel")]

    @functools.cached_property
    def version(self):
        """Of Linux, as `uname -r` says it; None: this is something else."""
        return linux_version(self.file)

    def has_devices(self):
        """Are the drivers of the guest's disk built in? Each leaves its name behind."""
        return all(search(self.file, name) for name in BUILT_IN)

    def names(self, driver):
        """Is a driver of that name built in?"""
        return bool(search(self.file, re.compile(rb"\0" + re.escape(driver.encode()) + rb"\0")))


def search(file, pattern):
    """What is found first, and its groups; None: nothing."""
    with open(file.path, "rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as data:
        found = pattern.search(data)
        return (found[0], *found.groups()) if found else None


def linux_version(file):
    """As `uname -r` says it; None: the file is no Linux kernel, in whichever format."""
    found = search(file, BANNER)
    return found[1].decode("ascii") if found else None


def not_an_image(head):
    """Why the file that begins so is no Image, or None."""
    if head[:4] == ELF_MAGIC:
        machine = int.from_bytes(head[ELF_MACHINE:ELF_MACHINE + 2], "little")
        return "it is an ELF file: give the Image, for Linux arch/arm64/boot/Image, else what `objcopy " \
               "-O binary` makes of it" if machine == EM_AARCH64 else FOREIGN.format("another machine (ELF)")
    for at, magic, words in OTHERS:
        if head[at:at + len(magic)] == magic:
            return words
    foreign = foreign_program(head)
    if foreign:
        return foreign
    if len(head) < IMAGE_HEADER.size:
        return f"it has only {len(head)} bytes, fewer than the header's {IMAGE_HEADER.size}"
    if struct.unpack_from("<I", head, 56)[0] != IMAGE_MAGIC:
        return "it is an EFI program, but no kernel: give the Image inside, if there is one" \
            if coff_header_at(head) else "the magic number 0x644d5241 (\"ARM\\x64\") is not at byte 56"
    return None


def coff_header_at(head):
    """Where an EFI program has its COFF header, or None: the file is none."""
    if head[:2] != b"MZ" or len(head) < IMAGE_HEADER.size:
        return None
    start = struct.unpack_from("<I", head, IMAGE_HEADER.size - 4)[0]
    at = start + len(PE_SIGNATURE)
    is_there = start >= IMAGE_HEADER.size and head[start:at] == PE_SIGNATURE and at + COFF_HEADER.size <= len(head)
    return at if is_there else None


def foreign_program(head):
    """What to say of an EFI program for another machine; None: it is none."""
    at = coff_header_at(head)
    machine = COFF_HEADER.unpack_from(head, at)[0] if at else AARCH64_PROGRAM
    if machine == AARCH64_PROGRAM:
        return None
    return FOREIGN.format(PROGRAMS.get(machine, f"another machine (0x{machine:x})") + " (an EFI program)")


def bytes_in_file(head):
    """How long the file of an Image is by its sections, or None: it has none."""
    at = coff_header_at(head)
    if at is None:
        return None
    _, sections, _, _, _, optional, _ = COFF_HEADER.unpack_from(head, at)
    at += COFF_HEADER.size + optional
    ends = [0]
    for index in range(sections):
        if at + (index + 1) * SECTION.size > len(head):
            break
        _, _, _, size, offset = SECTION.unpack_from(head, at + index * SECTION.size)
        ends.append(offset + size)
    return max(ends) or None
