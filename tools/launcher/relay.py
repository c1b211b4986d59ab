# SPDX-License-Identifier: Apache-2.0
"""The launcher's end of guest/initramfs/relay.c, which has the format: frames in what the guest's
port or console prints, pieces of input to it. Used by streams.py and session.py."""

import binascii
import re
import struct
import zlib

HELLO, OUTPUT, ERRORS, TAKEN, STATUS = range(0xF8, 0xFD)
TEXT = None  # in place of a frame's kind: what others print
END = 0xFF
START = re.compile(rb"[\xf8-\xfe]")
LONGEST_FRAME = 1 << 14

# Characters in UTF-8: of whom they are can't be in doubt, wherever they fall.
LONG = rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"
RUNS = re.compile(rb"((?:[\x00-\x7f]+|" + LONG + rb")+)|((?:[\x80-\xc1\xf5-\xff]+|(?!" + LONG +
                  rb")[\xc2-\xf4])+)")
UNFINISHED = re.compile(rb"(?:[\xc2-\xdf]|[\xe0-\xef][\x80-\xbf]?|[\xf0-\xf4][\x80-\xbf]{0,2})\Z")

SIX_BITS = bytes(range(0x80, 0xC0))
BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
TO_BASE64 = bytes.maketrans(SIX_BITS, BASE64)
FROM_BASE64 = bytes.maketrans(BASE64, SIX_BITS)

PIECE_MAX = 1024
WINDOW = 3072  # bytes of input on their way; the guest's line discipline holds 4095
PORT_WINDOW = 1 << 16  # by a port, which holds up who sends too much


def check(kind, nonce, payload):
    return struct.pack(">I", zlib.crc32(bytes([kind]) + nonce + payload))


def encode(kind, nonce, payload=b""):
    """As relay.c does it; for tests."""
    coded = binascii.b2a_base64(payload + check(kind, nonce, payload), newline=False)
    return bytes([kind]) + coded.rstrip(b"=").translate(FROM_BASE64) + bytes([END])


class Frames:
    """Tells frames from the text around and within them."""

    def __init__(self, nonce):
        self.nonce = nonce.encode()
        self.ready = False  # the guest's end is there
        self.garbled = False  # a frame was broken
        self._rest = b""  # the beginning of a character
        self._frame = bytearray()  # what there is of one

    def feed(self, data):
        """Yields (kind or TEXT, payload)."""
        data = self._rest + data
        unfinished = UNFINISHED.search(data[-3:])
        self._rest = data[len(data) - len(unfinished.group()):] if unfinished else b""
        for run in RUNS.finditer(data[:len(data) - len(self._rest)]):
            if run.group(1):
                yield TEXT, run.group(1)
            else:
                yield from self._take(run.group(2))

    def close(self):
        """What is left at the end."""
        self.garbled = self.garbled or (self.ready and bool(self._frame))
        return self._rest

    def _take(self, run):
        """Bytes that are no characters: frames, one after the other, and stray ones."""
        for piece in re.findall(rb"[\xf8-\xfe][\x80-\xf7]*\xff?|[\x80-\xf7]+\xff?|\xff", run):
            if START.match(piece):
                yield from self._drop()
            if not self._frame and not START.match(piece):
                yield TEXT, piece
                continue
            self._frame += piece
            if piece[-1] == END:
                yield from self._end()
            elif len(self._frame) > LONGEST_FRAME:
                yield from self._drop()

    def _end(self):
        kind, coded = self._frame[0], bytes(self._frame[1:-1])
        try:
            data = binascii.a2b_base64(coded.translate(TO_BASE64) + b"=" * (-len(coded) % 4))
        except binascii.Error:
            data = b""
        payload = data[:-4]
        if data[-4:] != check(kind, self.nonce, payload):
            yield from self._drop()
            return
        self._frame.clear()
        self.ready = self.ready or kind == HELLO
        yield kind, payload

    def _drop(self):
        """Not a frame of ours, or what has become of one."""
        if self._frame:
            self.garbled = self.garbled or self.ready
            yield TEXT, bytes(self._frame)
            self._frame.clear()


class Pieces:
    """Cuts input into pieces, as many as the guest has room for."""

    def __init__(self, window):
        self.window = window
        self.sent = 0
        self.taken = 0

    def room(self):
        """Bytes of input that may be sent now; 0 for none."""
        free = self.window - (self.sent - self.taken) % (1 << 32) - 2
        return max(0, min(PIECE_MAX, free))

    def cut(self, data):
        """A piece of at most room() bytes; empty: the end."""
        self.sent += 2 + len(data)
        return struct.pack(">H", len(data)) + data
