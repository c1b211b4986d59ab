# SPDX-License-Identifier: Apache-2.0
"""A device with an interrupt and DMA: it turns bytes around. Its driver is driver/reverser.c;
docs/models.md goes through both.

offset  register
0x00    ID       reads 0x20564552, "REV "
0x04    CONTROL  bit 0: start; it takes a microsecond for each byte
0x08    STATUS   bit 0: done, bit 1: it failed; what is written as 1 is cleared. The interrupt is high while one is set
0x0c    LENGTH   bytes, LONGEST at most
0x10    SOURCE   their address, 64 bits
0x18    TARGET   where they go, last byte first
"""

COMPATIBLE = "acme,reverser"
PROPERTIES = {"acme,longest": 4096}

ID, CONTROL, STATUS, LENGTH, SOURCE, TARGET = 0x00, 0x04, 0x08, 0x0C, 0x10, 0x18
START, DONE, FAILED = 1, 1, 2
LONGEST = 4096
SIZES = {SOURCE: 8, TARGET: 8}  # the others have 4


class Model:
    def __init__(self, device):
        self.device = device
        self.registers = {}

    def reset(self):
        self.registers = {ID: 0x20564552, STATUS: 0, LENGTH: 0, SOURCE: 0, TARGET: 0}

    def read(self, offset, size):
        self.check(offset, size)
        return self.registers.get(offset, 0)

    def write(self, offset, size, value):
        self.check(offset, size)
        if offset == CONTROL and value & START:
            self.device.after(1000 * self.registers[LENGTH], self.work)
        elif offset == STATUS:
            self.set_status(self.registers[STATUS] & ~value)
        elif offset in (LENGTH, SOURCE, TARGET):
            self.registers[offset] = value

    def check(self, offset, size):
        if size != SIZES.get(offset, 4):
            raise self.device.Abort

    def set_status(self, status):
        self.registers[STATUS] = status
        self.device.irq.set(status)

    def work(self):
        length = self.registers[LENGTH]
        try:
            if length > LONGEST:
                raise ValueError
            data = self.device.dma_read(self.registers[SOURCE], length)
            self.device.dma_write(self.registers[TARGET], data[::-1])
        except (ValueError, self.device.DmaError):
            self.set_status(FAILED)
        else:
            self.set_status(DONE)
