# SPDX-License-Identifier: Apache-2.0
"""The log of the guest's kernel as it lies in its memory, whatever the console has shown (Linux,
kernel/printk/printk_ringbuffer.c, 5.10 and newer). Used by autopsy.py and witness.py."""

import collections
import struct

from launcher.guest_memory import NoRam

COMMITTED, FINALIZED = 1, 2  # states in which a record is whole
STATE_SHIFT = 62
ID_MASK = (1 << STATE_SHIFT) - 1
LARGEST_RING = 1 << 20  # descriptors
DATALESS = 1  # bit of a position: the record has no text
BLOCK_ID = 8  # bytes in front of a text
KERNEL = 0  # facility of what the kernel itself has said: a program that writes to /dev/kmsg has others

# Its number since the boot, its time in ns, whose it is.
Record = collections.namedtuple("Record", "number time facility text")


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
        if not 0 < self.count_bits < 32 or not 0 < self.size_bits < 32:
            raise NoRam("the log's ring buffer makes no sense")

    def records(self):
        """Yields each Record, the newest first."""
        for back in range(min(1 << self.count_bits, LARGEST_RING)):
            record = self._record(self.head - back)
            if record:
                yield record

    def _record(self, number):
        """The Record of the descriptor with that id; None: it has no whole one."""
        info, index = self.info, number & (1 << self.count_bits) - 1
        desc = self.descs + index * info.size("prb_desc")
        state = self.space.u64(desc + info.offset("prb_desc.state_var"))
        if state & ID_MASK != number & ID_MASK or state >> STATE_SHIFT not in (COMMITTED, FINALIZED):
            return None
        where = desc + info.offset("prb_desc.text_blk_lpos")
        begin = self.space.u64(where + info.offset("prb_data_blk_lpos.begin"))
        end = self.space.u64(where + info.offset("prb_data_blk_lpos.next"))
        about = self.infos + index * info.size("printk_info")
        length, facility = struct.unpack("<HB", self.space.read(about + info.offset("printk_info.text_len"), 3))
        text = "" if begin & DATALESS else self._text(number, begin, end, length)
        return None if text is None else Record(self.space.u64(about + info.offset("printk_info.seq")),
                                                self.space.u64(about + info.offset("printk_info.ts_nsec")),
                                                facility, text)

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
    lines = []
    for record in Ring(space, info).records():
        stamp = f"[{record.time // 10**9:5}.{record.time % 10**9 // 1000:06}] "
        lines += [stamp + line for line in reversed(record.text.split("\n"))]
        if len(lines) >= most:
            break
    return lines[:most][::-1]
