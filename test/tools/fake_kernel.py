# SPDX-License-Identifier: Apache-2.0
"""A kernel's data as it lies in a guest's RAM, made by hand for test_report.py: its tables, its VMCOREINFO,
its kallsyms, its log."""

import struct

RAM = 0x40000000
SIZE = 4 << 20
MOVED = 0x3F0000200000  # by KASLR
LINKED = 0xFFFF800008000000
IMAGE = LINKED + MOVED
VOFFSET = IMAGE - RAM
TCR = 2 << 30 | 16 << 16  # 4 KiB, 48 bits
ROOT = 0x100000  # offsets in RAM from here on
NOTE = 0x104000
TABLES = 0x110000
RING = 0x140000
UTS = 0x150000
MODULE = 0x160000
LINES = ["first words", "two\nlines", "the last words"]


class FakeKernel:
    def __init__(self, release="6.1.0-test"):
        self.ram = bytearray(SIZE)
        self.symbols = {"_stext": IMAGE, "swapper_pg_dir": IMAGE + ROOT, "init_uts_ns": IMAGE + UTS}
        self.extra = {}
        self.release = release
        self._map(IMAGE, RAM)
        self.put(UTS, b"Linux\0" + bytes(124) + b"\0" + release.encode() + b"\0")
        self.names = [("_stext", 0), ("start_kernel", 0x100), ("an_alias", 0x100), ("panic", 0x400), ("_etext", 0x800)]

    def put(self, offset, data):
        self.ram[offset:offset + len(data)] = data

    def put_u64(self, offset, value):
        self.put(offset, struct.pack("<Q", value))

    def fetch(self, address, size):
        return bytes(self.ram[address - RAM:address - RAM + size])

    def _map(self, virtual, physical):
        """By blocks of 2 MiB, 4 MiB of them."""
        tables = [ROOT, ROOT + 0x1000, ROOT + 0x2000]
        for level, (table, following) in enumerate(zip(tables, tables[1:])):
            self.put_u64(table + 8 * (virtual >> 39 - 9 * level & 511), RAM + following | 3)
        for i in range(2):
            self.put_u64(tables[2] + 8 * ((virtual >> 21 & 511) + i), physical + (i << 21) | 0x401)

    def add_kallsyms(self, absolute_base=False):
        """Each name is one token and its letters; the type is a letter, too."""
        tokens = [bytes([byte]) if 32 < byte < 127 else b"" for byte in range(256)]
        tokens[1] = b"Tstart"
        text, index = b"", []
        for token in tokens:
            index.append(len(text))
            text += token + b"\0"
        names = b""
        for name, _ in self.names:
            coded = b"\1" + name[5:].encode() if name.startswith("start") else b"T" + name.encode()
            names += bytes([len(coded)]) + coded
        parts = {"names": names, "num_syms": struct.pack("<I", len(self.names)), "token_table": text,
                 "token_index": struct.pack("<256H", *index),
                 "offsets": b"".join(struct.pack("<I", offset) for _, offset in self.names),
                 "relative_base": struct.pack("<Q", LINKED if absolute_base else IMAGE)}
        at = TABLES
        for name in ("offsets", "relative_base", "num_syms", "names", "token_table", "token_index"):
            self.put(at, parts[name])
            self.symbols["kallsyms_" + name] = IMAGE + at
            at += len(parts[name]) + 15 & ~7

    def add_log(self, lines=LINES, count_bits=2, size_bits=7, facility=0):
        """A ring that has gone round: four descriptors, 128 bytes of texts; a line each 1.5 s."""
        descs, infos, texts = RING + 0x1000, RING + 0x2000, RING + 0x3000
        self.symbols["prb"] = IMAGE + RING - 8
        self.put_u64(RING - 8, IMAGE + RING)
        self.extra.update({f"OFFSET({name})": value for name, value in (
            ("printk_ringbuffer.desc_ring", 0), ("printk_ringbuffer.text_data_ring", 48),
            ("prb_desc_ring.count_bits", 0), ("prb_desc_ring.descs", 8), ("prb_desc_ring.infos", 16),
            ("prb_desc_ring.head_id", 24), ("prb_data_ring.size_bits", 0), ("prb_data_ring.data", 8),
            ("prb_desc.state_var", 0), ("prb_desc.text_blk_lpos", 8), ("prb_data_blk_lpos.begin", 0),
            ("prb_data_blk_lpos.next", 8), ("printk_info.seq", 0), ("printk_info.ts_nsec", 8), ("printk_info.text_len", 16))})
        self.extra.update({"SIZE(prb_desc)": 24, "SIZE(printk_info)": 88})
        head = (1 << 62) - 2  # ids go round, too
        self.put(RING, struct.pack("<IxxxxQQQ", count_bits, IMAGE + descs, IMAGE + infos, head))
        self.put(RING + 48, struct.pack("<IxxxxQ", size_bits, IMAGE + texts))
        position = -(1 << size_bits) % (1 << 64)
        for i, line in enumerate(lines):
            number = head - len(lines) + 1 + i
            size = 8 + len(line) + 7 & ~7
            begin = position
            if position % (1 << size_bits) + size > 1 << size_bits:
                position += -position % (1 << size_bits)
            at = position % (1 << size_bits)
            position = (position + size) % (1 << 64)
            self.put(texts + at, struct.pack("<Q", number) + line.encode())
            slot = number % (1 << count_bits)
            self.put(descs + 24 * slot, struct.pack("<3Q", number | 2 << 62, begin, position))
            self.put(infos + 88 * slot, struct.pack("<2QHB", i, i * 1500000000, len(line), facility))

    def add_module(self):
        """Its struct, symbols and names; `modules` leads there."""
        base, head = IMAGE + MODULE, IMAGE + MODULE - 0x100
        self.names.append(("modules", MODULE - 0x100))
        self.put_u64(MODULE - 0x100, base + 8)
        self.put(MODULE, struct.pack("<I4xQQ", 0, head, head) + b"sample\0")
        self.put(MODULE + 0x200, struct.pack("<QI", base + 0x2000, 0x1000))  # its text
        self.put_u64(MODULE + 0x300, base + 0x1000)  # its struct mod_kallsyms
        self.put(MODULE + 0x1000, struct.pack("<QI4xQ", base + 0x1100, 4, base + 0x1200))
        names = b"\0probe\0remove\0end\0"
        self.put(MODULE + 0x1200, names)
        for i, (name, value) in enumerate((("probe", 0x2000), ("remove", 0x2040), ("end", 0x2100))):
            self.put(MODULE + 0x1118 + 24 * i, struct.pack("<IBBHQQ", names.index(name.encode()), 0, 0, 1, base + value, 0))
        return base + 0x2044

    def text(self):
        return "".join([f"OSRELEASE={self.release}\nPAGESIZE=4096\nKERNELOFFSET={MOVED:x}\n",
                        *(f"SYMBOL({name})={value:x}\n" for name, value in self.symbols.items()),
                        *(f"{name}={value}\n" for name, value in self.extra.items()),
                        f"NUMBER(VA_BITS)=48\nNUMBER(TCR_EL1_T1SZ)=0x10\nNUMBER(kimage_voffset)=0x{VOFFSET % (1 << 64):x}\n"
                        f"NUMBER(PHYS_OFFSET)=0x{RAM:x}\n"])

    def add_note(self, at=NOTE):
        text = self.text().encode()
        self.put(at, struct.pack("<3I", 11, len(text), 0) + b"VMCOREINFO\0\0" + text)
