# SPDX-License-Identifier: Apache-2.0
"""The controller of a two-wire bus, as of I2C, with a memory of 256 bytes at address 0x50. Its driver is
driver/twowire.c.

offset  register
0x00    ADDRESS  of the device on the bus, shifted left by one; bit 0: it is read
0x04    COUNT    bytes of the message
0x08    DATA     the next byte, to be sent or received
0x0c    CONTROL  bit 0: START and the message, which is what DATA was given; bit 1: STOP after it
0x10    STATUS   bit 0: done, bit 1: nobody acknowledged; written, it is cleared. The interrupt is high while one is set
"""

COMPATIBLE = "acme,twowire"
PROPERTIES = {"clock-frequency": 100000, "#address-cells": 1, "#size-cells": 0,
              "memory@50": {"compatible": "acme,memory", "reg": 0x50, "size": 256}}

ADDRESS, COUNT, DATA, CONTROL, STATUS = 0x00, 0x04, 0x08, 0x0C, 0x10
START, STOP = 1, 2
DONE, NAK = 1, 2
BYTE_TIME = 9 * 10000  # nanoseconds, at 100 kHz with the acknowledgement
MEMORY = 0x50


class Memory:
    """An EEPROM: the first byte written says where, then bytes are read or written from there on."""

    def __init__(self):
        self.bytes = bytearray(b"\xff" * 256)
        self.at = 0
        self.selected = False  # since START: the first byte has come

    def start(self):
        self.selected = False

    def write(self, byte):
        if self.selected:
            self.bytes[self.at] = byte
            self.at = (self.at + 1) % 256
        else:
            self.at, self.selected = byte, True

    def read(self):
        byte = self.bytes[self.at]
        self.at = (self.at + 1) % 256
        return byte


class Model:
    def __init__(self, device):
        self.device = device
        self.bus = {MEMORY: Memory()}  # it keeps its content when the guest starts again
        self.reset()

    def reset(self):
        self.address = self.count = self.status = 0
        self.fifo = bytearray()

    def read(self, offset, _size):
        if offset == DATA:
            return self.fifo.pop(0) if self.fifo else 0xFF
        return {ADDRESS: self.address, COUNT: self.count, STATUS: self.status}.get(offset, 0)

    def write(self, offset, _size, value):
        if offset == ADDRESS:
            self.address = value & 0xFF
        elif offset == COUNT:
            self.count = min(value, 256)
        elif offset == DATA:
            self.fifo.append(value & 0xFF)
        elif offset == CONTROL and value & START:
            self.device.after((1 + self.count) * BYTE_TIME, self.message)
        elif offset == STATUS:
            self.set_status(0)

    def set_status(self, status):
        self.status = status
        self.device.irq.set(status)

    def message(self):
        """What happens on the wires."""
        target = self.bus.get(self.address >> 1)
        if target is None:
            self.fifo.clear()
            self.set_status(DONE | NAK)
            return
        target.start()
        if self.address & 1:
            self.fifo = bytearray(target.read() for _ in range(self.count))
        else:
            for byte in self.fifo[:self.count]:
                target.write(byte)
            self.fifo.clear()
        self.set_status(DONE)
