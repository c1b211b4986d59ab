# SPDX-License-Identifier: Apache-2.0
"""--share: a folder of this machine in the guest, by virtiofs or 9p. Used by devices.py; the server
that virtiofs needs is in virtiofsd.py."""

import os
import re

from launcher import Problem
from launcher.device import Device
from launcher.virtiofsd import Server
from launcher.words import Words, escape, split

SHARE = "--share"
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,30}")  # a name in /mnt; 9p takes 31 characters, virtiofs 36
DISK_TAG = "disk"  # /mnt/disk is a disk's
# Larger pieces than Linux's default, and as a ring of QEMU's can take them.
OPTIONS_9P = "trans=virtio,version=9p2000.L,msize=262144"


def make(said, text, index, work):
    """The Device of a --share."""
    name, *rest = split(text)
    words = Words(said, rest, ("ro", "9p"), ("tag",))
    path = check_folder(said, name)
    tag = words.value("tag")
    if tag is None:
        tag = "host" + str(len(work.tags) + 1) * bool(work.tags)
    check_tag(said, tag, work.tags)
    kind = by_9p if "9p" in words.flags else by_virtiofs
    return kind(said, path, tag, "ro" in words.flags, index, work)


def by_9p(said, path, tag, read_only, index, _work):
    """QEMU itself opens the files. With "none" the guest's are like any of the user's, who need not be
    root, and links are links."""
    backend = f"local,id=traproom-share{index},path={escape(path)},security_model=none,multidevs=remap" + \
              ",readonly=on" * read_only
    return Device(said, backend=["-fsdev", backend], front=f"virtio-9p-device,fsdev=traproom-share{index},mount_tag={tag}",
                  modules=("9p", "9pnet_virtio"), otherwise="leave out ,9p, for virtiofs, or ",
                  mount=("9p", tag, OPTIONS_9P + ",ro" * read_only))


def by_virtiofs(said, path, tag, read_only, index, work):
    server = Server(said, path, read_only, work.files.new())
    return Device(said, backend=["-chardev", f"socket,id=traproom-share{index},path={escape(server.socket)}"],
                  front=f"vhost-user-fs-device,chardev=traproom-share{index},tag={tag}", modules=("virtiofs",),
                  mount=("virtiofs", tag, "ro" if read_only else "rw"), server=server, shares_ram=True)


def check_folder(said, name):
    if not name:
        raise Problem(f"{said}: the folder's name is empty: is a variable of the shell not set?")
    try:
        os.listdir(name)
        os.stat(os.path.join(name, "."))
    except OSError as error:
        raise Problem(f"{said}: {name}: {error.strerror}") from error
    return os.path.realpath(name)


def check_tag(said, tag, others):
    if not TAG.fullmatch(tag) or tag == DISK_TAG:
        raise Problem(f"{said}: the tag is the folder's name in the guest's /mnt, and '{tag}' can't be one: "
                      "letters, digits, _ . and -, at most 31, and not 'disk'")
    if tag in others:
        raise Problem(f"{said}: another --share has the tag '{tag}': give one of them another, as ,tag=NAME")
    others.append(tag)
