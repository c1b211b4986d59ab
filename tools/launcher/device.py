# SPDX-License-Identifier: Apache-2.0
"""What a virtio device is for the launcher, of whatever kind. Made by devices.py and its neighbours,
used by all that come after: stage.py, initramfs.py, machine.py, cli.py."""

import dataclasses


@dataclasses.dataclass
class Device:
    said: str  # the option as the user gave it, for messages
    asked: bool = True  # by the user
    backend: list = dataclasses.field(default_factory=list)  # QEMU's arguments for what is behind it
    front: str = ""  # QEMU's -device, but for the bus; "": the machine has none, Traproom makes it
    behind: list = dataclasses.field(default_factory=list)  # QEMU's arguments for what is plugged into it
    path: object = None  # of the image behind it
    image: object = None  # the File of a disk that Traproom makes
    read_only: bool = False  # that disk
    modules: tuple = ()  # the guest's drivers, the device's own first
    must_drive: bool = True  # without a driver the option makes no sense
    otherwise: str = ""  # and what to do instead of having one, as a beginning of a sentence
    mount: object = None  # (type, tag, options) of what the default initramfs mounts
    server: object = None  # the Server that has to run while QEMU does
    shares_ram: bool = False  # with another process, which does the device's work
    keeps_data: bool = False  # on this machine: QEMU must have the time to write all of it
