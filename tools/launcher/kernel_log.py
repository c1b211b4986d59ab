# SPDX-License-Identifier: Apache-2.0
"""The log of the guest's kernel as it lies in its memory, whatever the console has shown (Linux,
kernel/printk/printk_ringbuffer.c, 5.10 and newer). Used by autopsy.py."""

import struct

from launcher.guest_memory import NoRam

COMMITTED, FINALIZED = 1, 2  # states in which a record is whole
STATE_SHIFT = 62
ID_MASK = (1 << STATE_SHIFT) - 1
LARGEST_RING = 1 << 20  # descriptors
DATALESS = 1  # bit of a position: the record has no text
BLOCK_ID = 8  # bytes in front of a text


class Ring:
    """The ring buffer: descriptors, infos beside them, and the texts. KeyError: the kernel does not say how
    it is made."""

    def __init__(self, space, info):
        self.space = space
        self.info = info
        ring = space.u64(info.symbol("prb"))
        descs = ring + info.offset("printk_ringbuffer.desc_ring")
        self.count_bits = space.u32(descs + info.offset("prb_desc_ring.count_bits"))
        self.descs = space.u64(descs + info.offset("prb_desc_ring.descs"))
        self.infos = space.u64(descs + info.offset("prb_desc_ring.infos"))
        self.head = space.u64(descs + info.offset("prb_desc_ring.head_id"))
        texts = ring + info.offset("printk_ringbuffer.text_data_ring")
        self.size_bits = space.u32(texts + info.offset("prb_data_ring.size_bits"))
        self.data = space.u64(texts + info.offset("prb_data_ring.data"))

    def record(self, number):
        """(time in ns, text) of the descriptor with that id; None: it has no whole record."""
        info, index = self.info, number & (1 << self.count_bits) - 1
        desc = self.descs + index * info.size("prb_desc")
        state = self.space.u64(desc + info.offset("prb_desc.state_var"))
        if state & ID_MASK != number & ID_MASK or state >> STATE_SHIFT not in (COMMITTED, FINALIZED):
            return None
        where = desc + info.offset("prb_desc.text_blk_lpos")
        begin = self.space.u64(where + info.offset("prb_data_blk_lpos.begin"))
        end = self.space.u64(where + info.offset("prb_data_blk_lpos.next"))
        about = self.infos + index * info.size("printk_info")
        length, = struct.unpack("<H", self.space.read(about + info.offset("printk_info.text_len"), 2))
        time = self.space.u64(about + info.offset("printk_info.ts_nsec"))
        text = "" if begin & DATALESS else self._text(number, begin, end, length)
        return None if text is None else (time, text)

    def _text(self, number, begin, end, length):
        """None: another has taken its place."""
        size = 1 << self.size_bits
        if begin >> self.size_bits != end >> self.size_bits and end % size:
            begin = 0  # it did not fit before the ring's end
        at = begin % size
        if self.space.u64(self.data + at) != number & ID_MASK:
            return None
        at += BLOCK_ID
        text = self.space.read(self.data + at, max(0, min(length, size - at)))
        return text.decode("utf-8", "replace")


def tail(space, info, most):
    """The last lines, `most` at most, as the kernel shows them."""
    ring = Ring(space, info)
    if not 0 < ring.count_bits < 32 or not 0 < ring.size_bits < 32:
        raise NoRam("the log's ring buffer makes no sense")
    lines = []
    number = ring.head
    for _ in range(min(1 << ring.count_bits, LARGEST_RING)):
        if len(lines) >= most:
            break
        record = ring.record(number)
        if record:
            stamp = f"[{record[0] // 10**9:5}.{record[0] % 10**9 // 1000:06}] "
            lines += [stamp + line for line in reversed(record[1].split("\n"))]
        number -= 1
    return lines[:most][::-1]
