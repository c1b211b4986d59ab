# SPDX-License-Identifier: Apache-2.0
"""Stops QEMU's machine while models work (--icount), so that the guest's time does not depend on how long they take:
hyp/drv/host_pause.c is the other end. For QEMU this is the server of a vhost-user disk (QEMU, "Vhost-user
Protocol"); that disk is never started, but QEMU waits for our answer when the mode of its cache is set. What is
to be said is in a page of the machine's memory by then. Used by model_hub.py."""

import mmap
import socket
import struct

HEAD = struct.Struct("<III")  # request, flags, bytes that follow
CONFIG = struct.Struct("<III")  # offset, bytes, flags; then the bytes
GET_FEATURES, GET_PROTOCOL_FEATURES, GET_QUEUE_NUM, GET_CONFIG, SET_CONFIG = 1, 15, 17, 24, 25
VERSION, REPLY, NEED_REPLY = 1, 4, 8
PROTOCOL_FEATURES, VIRTIO_1 = 1 << 30, 1 << 32
MULTIQUEUE, REPLY_ACK, HAS_CONFIG = 1 << 0, 1 << 3, 1 << 9
NUMBERS = {GET_FEATURES: PROTOCOL_FEATURES | VIRTIO_1, GET_PROTOCOL_FEATURES: MULTIQUEUE | REPLY_ACK | HAS_CONFIG,
           GET_QUEUE_NUM: 1}
RAM = 0x40000000  # where QEMU's machine has it
PAGE = 4096
ROOM = PAGE - 4


class Pause:
    def __init__(self, stream, ram):
        """`stream`: QEMU's end of the disk; `ram`: a file descriptor of the machine's memory."""
        self.stream = stream
        self.ram = ram
        self.page = None
        self.stopped = False

    def fileno(self):
        return self.stream.fileno()

    def set_page(self, address):
        """EL2 says where it looks."""
        self.page = mmap.mmap(self.ram, PAGE, offset=address - RAM)

    def serve(self):
        """One request. False: QEMU has ended."""
        head = self._receive(HEAD.size)
        if len(head) < HEAD.size:
            return False
        request, flags, size = HEAD.unpack(head)
        data = self._receive(size)
        if request in NUMBERS:
            self._reply(request, struct.pack("<Q", NUMBERS[request]))
        elif request == GET_CONFIG:
            self._reply(request, data)
        elif request == SET_CONFIG:
            self.stopped = True
        elif flags & NEED_REPLY:
            self._reply(request, bytes(8))
        return True

    def go_on(self, said):
        """The machine goes on and finds these bytes, ROOM at most."""
        self.page[4:4 + len(said)] = said
        self.page[:4] = struct.pack("<I", len(said))
        self.stopped = False
        self._reply(SET_CONFIG, bytes(8))

    def _receive(self, size):
        try:
            return self.stream.recv(size, socket.MSG_WAITALL) if size else b""
        except ConnectionError:
            return b""

    def _reply(self, request, data):
        try:
            self.stream.sendall(HEAD.pack(request, VERSION | REPLY, len(data)) + data)
        except ConnectionError:
            pass  # the next serve() says so
