# SPDX-License-Identifier: Apache-2.0
"""What EL2, the hub and the models say to each other (docs/models.md; hyp/dev/vmodel_wire.h is EL2's
end). Used by model_hub.py and model_runner.py."""

import dataclasses
import struct

HEAD = struct.Struct("<HHIIIQQQ")
DATA_MAX = 2048  # bytes behind a message

NAME, RESET, READ, WRITE, TIMER, DATA, DONE, PAGE = range(1, 9)
ANSWER, ABORT, IRQ, DMA_READ, DMA_WRITE, SET_TIMER = range(16, 22)
REQUESTS = (RESET, READ, WRITE, TIMER)
WITH_DATA = (NAME, DATA, DMA_WRITE)
OF_A_MODEL = (ANSWER, ABORT, IRQ, DMA_READ, DMA_WRITE, SET_TIMER)


class Broken(Exception):
    """What came is no message; says why."""


@dataclasses.dataclass
class Message:
    type: int
    device: int = 0
    tag: int = 0
    epoch: int = 0
    size: int = 0
    address: int = 0
    value: int = 0
    time: int = 0
    data: bytes = b""

    def pack(self):
        return HEAD.pack(self.type, self.device, self.tag, self.epoch, self.size, self.address, self.value,
                         self.time) + self.data


class Reader:
    """Messages out of a stream that may be cut anywhere."""

    def __init__(self, types):
        self._types = types  # that may come
        self._bytes = bytearray()

    def feed(self, data):
        """The messages that are whole by now."""
        self._bytes += data
        while len(self._bytes) >= HEAD.size:
            message = Message(*HEAD.unpack_from(self._bytes))
            if message.type not in self._types:
                raise Broken(f"a message of type {message.type}")
            length = message.size if message.type in WITH_DATA else 0
            if length > DATA_MAX:
                raise Broken(f"a message with {length} bytes of data; {DATA_MAX} is the most")
            if len(self._bytes) < HEAD.size + length:
                return
            message.data = bytes(self._bytes[HEAD.size:HEAD.size + length])
            del self._bytes[:HEAD.size + length]
            yield message
