# SPDX-License-Identifier: Apache-2.0
"""The RAM of a guest that stands still, by the guest's physical addresses. Used by autopsy.py and core.py;
kernel_space.py has virtual ones on top."""

import functools

BLOCK = 16 << 20  # bytes that are fetched at once
KEPT = 16  # blocks


class NoRam(Exception):
    """There is no RAM of the guest's at an address."""


class GuestMemory:
    def __init__(self, pieces, fetch):
        """`pieces`: (guest-physical address, size, the machine's address) of each; `fetch(address, size)`
        gives the machine's memory, or raises OSError."""
        self.pieces = sorted(pieces)
        self._fetch = functools.lru_cache(maxsize=KEPT)(fetch)

    def read(self, address, size):
        """So many bytes, which lie in one piece of RAM. NoRam: they do not."""
        for start, length, _ in self.pieces:
            if start <= address and address + size <= start + length:
                break
        else:
            raise NoRam(f"0x{address:x}")
        data = bytearray()
        while size:
            offset = address - start
            block = self._block(start, offset // BLOCK * BLOCK)
            part = block[offset % BLOCK:offset % BLOCK + size]
            data += part
            address, size = address + len(part), size - len(part)
        return bytes(data)

    def _block(self, start, offset):
        length, there = next((length, there) for at, length, there in self.pieces if at == start)
        try:
            return self._fetch(there + offset, min(BLOCK, length - offset))
        except OSError as error:
            raise NoRam(f"0x{start + offset:x}: {error}") from error

    def blocks(self):
        """Yields (guest-physical address, bytes) of all RAM, the end first: what a kernel allocates
        early lies there."""
        for start, length, _ in reversed(self.pieces):
            for offset in reversed(range(0, length, BLOCK)):
                yield start + offset, self._block(start, offset)
