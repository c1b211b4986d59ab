# SPDX-License-Identifier: Apache-2.0
"""A port of a virtio console for relay.c in the guest, apart from the console that its kernel writes
to. Used by stage.py and session.py. A guest whose kernel has no driver for it uses the console, and
so does one with serial ports of the user's."""

import os
import select
import socket

from launcher.device import Device

NAME = "traproom.relay"  # by which guest/initramfs/session finds it
CHUNK = 65536


def fits(args):
    """Are there no serial ports of the user's? QEMU would plug them into this console."""
    return not any(word in text for text in (*args.qemu, *(text for _, text in args.devices))
                   for word in ("virtserialport", "virtconsole", "virtio-serial"))


class Port:
    def __init__(self):
        self.ours, self.its = socket.socketpair()
        self.ours.setblocking(False)

    def device(self):
        """The Device. QEMU keeps port 0 for a console, so there are two."""
        return Device("the port of --cmd", asked=False, front="virtio-serial-device,id=relay,max_ports=2",
                      backend=["-chardev", f"socket,id=relay,fd={self.its.fileno()}"],
                      behind=["-device", f"virtserialport,bus=relay.0,chardev=relay,name={NAME}"])

    def fileno(self):
        return self.ours.fileno()

    def read(self):
        """What has come; b"" when QEMU has ended."""
        try:
            return self.ours.recv(CHUNK)
        except ConnectionResetError:
            return b""

    def rest(self, patience):
        """What QEMU, which is about to end, has written, in pieces."""
        while select.select([self.ours], [], [], patience)[0]:
            data = self.read()
            if not data:
                return
            yield data

    def write(self, data):
        """How many of the bytes it takes now."""
        return os.write(self.ours.fileno(), data)
