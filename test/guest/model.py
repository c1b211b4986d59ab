# SPDX-License-Identifier: Apache-2.0
"""The model that test/guest/model.c drives. It takes its time, another one in each run.

offset  register
0x00    64 bytes of memory, in any size
0x40    0 when it is read, after half a second
0x48    what is written is an address: 64 bytes are read there
0x50    their sum; all ones: there is no RAM
0x58    what is written is an address: 64 bytes are written there
0x60    1: there is no RAM, else 0
0x68    the interrupt's level
0x70    the interrupt is raised so many nanoseconds after that is written
0x78    aborts
0x80    how often the device was reset
"""

import os
import random
import time

COMPATIBLE = "test,model"
DELAY = 0.002  # seconds, at most

SLOW, READ_AT, SUM, WRITE_AT, REFUSED, LEVEL, LATER, ABORTS, RESETS = range(0x40, 0x88, 8)
ONES = (1 << 64) - 1


class Model:
    def __init__(self, device):
        self.device = device
        self.memory = bytearray(64)
        self.registers = {}
        self.resets = 0

    def reset(self):
        self.resets += 1
        self.registers = {RESETS: self.resets}

    def read(self, offset, size):
        self.dawdle()
        if offset == SLOW:
            time.sleep(0.5)
        if offset == ABORTS:
            raise self.device.Abort
        if offset < len(self.memory):
            return int.from_bytes(self.memory[offset:offset + size], "little")
        return self.registers.get(offset, 0)

    def write(self, offset, size, value):
        self.dawdle()
        if offset == ABORTS:
            raise self.device.Abort
        if offset < len(self.memory):
            self.memory[offset:offset + size] = value.to_bytes(size, "little")
        elif offset == READ_AT:
            try:
                self.registers[SUM] = sum(self.device.dma_read(value, 64))
            except self.device.DmaError:
                self.registers[SUM] = ONES
        elif offset == WRITE_AT:
            self.registers[REFUSED] = int(self.is_refused(value))
        elif offset == LEVEL:
            self.device.irq.set(value)
        elif offset == LATER:
            self.device.after(value, self.device.irq.raise_)

    def is_refused(self, address):
        try:
            self.device.dma_write(address, b"\xab" * 64)
        except self.device.DmaError:
            return True
        return False

    @staticmethod
    def dawdle():
        time.sleep(random.Random(os.urandom(8)).random() * DELAY)
