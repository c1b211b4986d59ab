# SPDX-License-Identifier: Apache-2.0
"""The guest's initramfs: the build's or the user's, and after it what --cmd, --put and --modules
add. The kernel unpacks one archive after the other, later ones over earlier ones. Used by
stage.py."""

import gzip
import os
import shutil
import stat
import zlib

from launcher import Problem, drivers, insmod, modules, session
from launcher.archive import Archive
from launcher.files import File
from launcher.images import head_of

NONE = "none"
ALIGN = 512  # of an archive after another; the kernel skips zeroes
HOME = "/root/"
RELAY = b"sbin/relay\0"
GZIP = b"\x1f\x8b"
# What Linux unpacks: cpio archives, also compressed (lib/decompress.c), after zeroes or none.
MAGICS = (b"070701", b"070702", GZIP, b"\x1f\x9e", b"BZ", b"\x5d\x00", b"\xfd7", b"\x89L", b"\x02!", b"\x28\xb5")
MOUNTED = ("dev", "proc", "sys", "tmp")  # the guest's init mounts something over them
# In the user's own these may be links, which a folder of that name would replace.
ASSUMED = ("bin", "sbin", "lib")


def is_wanted(args):
    """Has the user asked for anything that is in it?"""
    return bool(args.initrd or args.put or args.modules or args.modprobe or args.module or args.cmd is not None)


def make(args, files, parts, nonce, kernel, made, has_port):
    """The File of the initramfs as the options and the devices ask for it, with `parts` before the
    rest, or None."""
    owns = insmod.read(args, files)
    if owns and not is_ours(args, parts):
        raise Problem(f"{owns[0].said}: it is the default initramfs that loads it, of which this one has nothing")
    if not parts and not args.put:
        return None
    tree, load = choose_modules(args, files, parts, kernel, made, insmod.others(owns))
    if args.initrd is None and tree is None:
        warn_of_missing_modules(args, kernel, parts[0])
    mounts = [device.mount for device in made if device.mount]
    if len(parts) == 1 and not (args.put or tree or nonce or mounts or owns):
        return parts[0]
    path = files.new()
    with open(path, "wb") as out:
        for part in parts:
            with open(part.path, "rb") as source:
                shutil.copyfileobj(source, out, 1 << 20)
            out.write(b"\0" * (-out.tell() % ALIGN))
        to = Archive(out, ASSUMED if parts else ())
        add_command(to, args, nonce, has_port)
        if tree:
            add_modules(to, args, files, tree, load)
        if mounts:
            to.data("traproom/mounts", "".join(" ".join(mount) + "\n" for mount in mounts).encode())
        if owns:
            insmod.add(to, owns)
        for text in args.put:
            put(to, files, text)
        to.close()
        size = out.tell()
    names = [part.name for part in parts] + ["what is added to it"] * bool(parts)
    return File(" and ".join(names) or "of --put", path, size)


def has_relay(parts):
    """Is guest/initramfs/relay.c's program in one of them? None: they are not such that it can be told."""
    known = True
    for part in parts:
        with open(part.path, "rb") as file:
            packed = file.read(2) == GZIP
        try:
            with (gzip.open if packed else open)(part.path, "rb") as archive:
                if any(RELAY in piece for piece in pieces(archive)):
                    return True
        except (EOFError, OSError, zlib.error):  # more of another kind comes after it
            packed = False
        known = known and packed
    return False if known else None


def pieces(file):
    """A file's bytes, each piece with the last ones of the piece before."""
    data = b""
    while True:
        more = file.read(1 << 20)
        if not more:
            return
        data = data[-len(RELAY):] + more
        yield data


def base_parts(args, files, kernel):
    """The Files of --initrd, or the build's."""
    if args.initrd and NONE in args.initrd and len(args.initrd) > 1:
        raise Problem("--initrd none does not go with another --initrd")
    if args.initrd == [NONE]:
        return []
    default = os.path.join(args.build, "images/initramfs.cpio.gz")
    if args.initrd is None and not os.path.exists(default):
        raise Problem(f"{default} is not there: run `make build` first, or name a file of your own")
    parts = [files.get("--initrd", name) for name in args.initrd or [default]]
    if args.initrd and kernel.version:  # others may make of it what they like
        for part in parts:
            check_archive(part)
    return parts


def check_archive(file):
    """A block device or what is padded in front may begin with zeroes, which the kernel skips."""
    if not head_of(file).lstrip(b"\0").startswith(MAGICS):
        raise Problem(f"--initrd {file.name} is no archive that Linux unpacks: make one with `cpio -o -H newc`, "
                      "compressed or not (with lz4: `lz4 -l`)")


def add_command(to, args, nonce, has_port):
    """For guest/initramfs/session to find."""
    if args.cmd is not None:
        to.data("traproom/cmd", os.fsencode(args.cmd) + b"\n")
    if args.no_input:
        to.data("traproom/no-input", b"")
    if nonce:
        to.data("traproom/nonce", os.fsencode(nonce) + b"\n")
    if has_port:
        to.data("traproom/port", b"")


def split_put(text):
    """(file or folder, path in the guest) of a --put."""
    source, place = text, ""
    if not os.path.lexists(text) and ":" in text:
        source, _, place = text.rpartition(":")
    if not source:
        raise Problem(f"--put '{text}': the file's name is empty")
    place = place if place.startswith("/") else HOME + place
    if place.endswith("/"):
        whole = os.path.basename(source.rstrip("/")) == "."
        place += "." if whole else os.path.basename(os.path.abspath(source))
    return source, os.path.normpath("/" + place.lstrip("/"))


def put(to, files, text):
    source, place = split_put(text)
    if place.split("/")[1] in MOUNTED:
        raise Problem(f"--put {text}: the guest mounts a file system over /{place.split('/')[1]}: put it "
                      "somewhere else")
    try:
        if stat.S_ISDIR(os.stat(source).st_mode):
            to.tree(place.strip("/"), os.path.realpath(source))
        else:
            to.file(place.strip("/"), files.get("--put", source, may_be_empty=True).path)
    except OSError as error:
        where = "" if text == error.filename else f"{error.filename or source}: "
        raise Problem(f"--put {text}: {where}{error.strerror}") from error


def module_names(args):
    """What --modprobe names, which takes several with commas between them."""
    return [name for text in args.modprobe for name in text.split(",") if name]


def choose_modules(args, files, parts, kernel, made, others):
    """The modules.Tree that the guest gets modules of, None for no tree, and the names of those to load.
    `others`: what --module needs, see insmod.others()."""
    named = module_names(args)
    folder = args.modules
    default = os.path.join(args.build, "images/modules")  # the default kernel's
    if folder is None and (named or (others or drivers.names(made)) and is_ours(args, parts) and
                           modules.are_there(default, kernel.version)):
        folder = default
    if folder is None:
        if kernel.version and is_ours(args, parts):
            drivers.warn(kernel, made)
        return None, []
    if not os.path.isdir(folder):
        raise Problem(f"--modules {folder}: there is no such folder")
    path, version = modules.find(folder, kernel.version)
    tree = modules.Tree(path, version, files.new())
    for name in named:
        tree.check(name)
    insmod.check_others(others, tree)
    return tree, drivers.loadable(tree, made, version) + named + list(others)


def is_ours(args, parts):
    """Is the default initramfs in it, whose init knows what the launcher adds?"""
    return args.initrd is None or bool(has_relay(parts))


def add_modules(to, args, files, tree, load):
    whole = tree.size() <= modules.SMALL
    chosen = sorted(tree.needs) if whole else tree.closure((*modules.DEVICES, *load))
    if not whole and not args.quiet and (args.modules or args.modprobe):
        session.say(f"{len(chosen)} of the {len(tree.needs)} modules in {tree.path} go to the guest: what its "
                    "devices need; --modprobe NAME adds others")
    to.tree(f"lib/modules/{tree.version}", tree.copy(chosen, files.new()))
    to.data("traproom/modules", "".join(f"{name}\n" for name in load).encode())


def warn_of_missing_modules(args, kernel, default):
    """The default initramfs has the modules of one kernel, the default one."""
    if args.kernel is None or not kernel.version or kernel.has_devices() or args.quiet:
        return
    try:
        with gzip.open(default.path) as archive:
            content = archive.read()
    except (OSError, EOFError):
        return  # not as the build makes it
    if f"lib/modules/{kernel.version}/kernel/".encode() not in content:
        session.say(f"warning: {kernel.file.name} is Linux {kernel.version}, whose drivers for the disk are "
                    "modules that the initramfs lacks: --modules DIR adds them")
