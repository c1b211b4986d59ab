# SPDX-License-Identifier: Apache-2.0
"""The virtio devices that the options ask for. Used by stage.py; slots.py puts them into the
machine and the tree. What an option becomes is in a file for each kind: disks.py, network.py,
shares.py, passed.py."""

import dataclasses
import os

from launcher import Problem, disks, network, passed, shares
from launcher.files import Files

NONE = "none"
KINDS = {disks.DISK: disks.make, network.NET: network.make, shares.SHARE: shares.make,
         "--rng": passed.rng, "--device": passed.make}


@dataclasses.dataclass
class Work:
    """What the kinds need to know."""
    files: Files
    cpus: int
    bare: bool  # Traproom is left out
    tags: list = dataclasses.field(default_factory=list)  # of the shares so far


def make(asked, work, default_disk):
    """
    A Device for each (option, text) in `asked`, in that order. Where no --disk is among them, the
    first is `default_disk`, a path, in memory, unless that is None.
    """
    made = []
    if default_disk is not None and not any(option == disks.DISK for option, _ in asked):
        made.append(disks.default(default_disk, work))
    for index, (option, text) in enumerate(asked, len(made)):
        if text != NONE or option not in (disks.DISK, network.NET):
            made.append(KINDS[option](f"{option} {text}".rstrip(), text, index, work))
        elif sum(option == other for other, _ in asked) > 1:
            raise Problem(f"{option} none does not go with another {option}")
    check_images(made)
    return made


def check_images(made):
    """Problem: two devices would write to one file."""
    users = {}
    for device in made:
        if device.path is not None:
            status = os.stat(device.path)
            users.setdefault((status.st_dev, status.st_ino), []).append(device)
    for same in users.values():
        if len(same) > 1 and any(device.keeps_data for device in same):
            raise Problem(f"{same[0].said} and {same[1].said} are one file: it can be written by one disk "
                          "only, and then no other can have it")
