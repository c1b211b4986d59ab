# SPDX-License-Identifier: Apache-2.0
"""A virtio block device written from scratch: virtio over MMIO, a split virtqueue and a disk of 4 MiB in memory
(virtio 1.2, "Virtio Over MMIO", "Split Virtqueues", "Block Device"). Linux's own virtio_blk drives it."""

import collections
import struct

COMPATIBLE = "virtio,mmio"
SIZE = 0x200

# Registers.
MAGIC, VERSION, DEVICE_ID, VENDOR_ID, DEVICE_FEATURES, DEVICE_FEATURES_SEL = 0x00, 0x04, 0x08, 0x0C, 0x10, 0x14
DRIVER_FEATURES, DRIVER_FEATURES_SEL, QUEUE_SEL, QUEUE_NUM_MAX, QUEUE_NUM = 0x20, 0x24, 0x30, 0x34, 0x38
QUEUE_READY, QUEUE_NOTIFY, INTERRUPT_STATUS, INTERRUPT_ACK, STATUS = 0x44, 0x50, 0x60, 0x64, 0x70
QUEUE_DESC, QUEUE_DRIVER, QUEUE_DEVICE, CONFIG = 0x80, 0x90, 0xA0, 0x100
QUEUE_ADDRESSES = {at + 4 * half for at in (QUEUE_DESC, QUEUE_DRIVER, QUEUE_DEVICE) for half in (0, 1)}

VERSION_1, BLOCK = 1 << 32, 2
QUEUE_MOST = 64
FEATURES_OK, NEEDS_RESET = 8, 64
USED_BUFFER, CONFIG_CHANGE = 1, 2  # why it interrupts
NEXT, WRITE = 1, 2  # flags of a descriptor
IN, OUT, FLUSH, GET_ID = 0, 1, 4, 8  # types of request
OK, IOERR, UNSUPP = 0, 1, 2
SECTOR = 512
NAME = b"modelled"

Buffer = collections.namedtuple("Buffer", "address size writable")


class Broken(Exception):
    """The driver breaks a rule of the specification."""


class Model:
    def __init__(self, device):
        self.device = device
        self.disk = bytearray(4 << 20)
        self.reset()

    def reset(self):
        self.words = collections.defaultdict(int)  # what the driver has written, by register
        self.status = self.interrupt = self.taken = 0
        self.ready = False
        self.set_interrupt(0)

    def set_interrupt(self, reasons):
        self.interrupt = reasons
        self.device.irq.set(reasons)

    # The registers.

    def read(self, offset, size):
        if offset >= CONFIG:
            config = struct.pack("<Q", len(self.disk) // SECTOR).ljust(SIZE - CONFIG, b"\0")
            return int.from_bytes(config[offset - CONFIG:offset - CONFIG + size], "little")
        features = VERSION_1 >> (32 * self.words[DEVICE_FEATURES_SEL]) & 0xFFFFFFFF
        first = self.words[QUEUE_SEL] == 0
        return {MAGIC: 0x74726976, VERSION: 2, DEVICE_ID: BLOCK, VENDOR_ID: 0, DEVICE_FEATURES: features,
                QUEUE_NUM_MAX: QUEUE_MOST if first else 0, QUEUE_READY: int(first and self.ready),
                INTERRUPT_STATUS: self.interrupt, STATUS: self.status}.get(offset, 0)

    def write(self, offset, _size, value):
        if offset == STATUS and value == 0:
            self.reset()
        elif offset == STATUS:
            refused = value & FEATURES_OK and not self.words[DRIVER_FEATURES] & 1  # VERSION_1, of the upper half
            self.status = value & ~FEATURES_OK if refused else value
        elif offset == QUEUE_READY:
            self.ready, self.taken = bool(value) and self.words[QUEUE_SEL] == 0, 0
        elif offset == QUEUE_NOTIFY:
            self.serve()
        elif offset == INTERRUPT_ACK:
            self.set_interrupt(self.interrupt & ~value)
        elif offset != DRIVER_FEATURES or self.words[DRIVER_FEATURES_SEL] == 1:
            self.words[offset] = value

    # The queue.

    def address(self, register):
        return self.words[register + 4] << 32 | self.words[register]

    def memory(self, address, form):
        return struct.unpack(form, self.device.dma_read(address, struct.calcsize(form)))

    def serve(self):
        """All that the driver has made available."""
        try:
            count = self.words[QUEUE_NUM]
            if not self.ready or not 0 < count <= QUEUE_MOST:
                raise Broken
            flags, available = self.memory(self.address(QUEUE_DRIVER), "<HH")
            while self.taken != available:
                at = self.address(QUEUE_DRIVER) + 4 + 2 * (self.taken % count)
                head, = self.memory(at, "<H")
                self.hand_back(head, self.request(self.chain(head, count)), count)
            if not flags & 1:  # the driver wants an interrupt
                self.set_interrupt(self.interrupt | USED_BUFFER)
        except (Broken, self.device.DmaError):
            self.status |= NEEDS_RESET
            self.set_interrupt(self.interrupt | CONFIG_CHANGE)

    def chain(self, index, count):
        buffers = []
        while len(buffers) < count:
            if index >= count:
                raise Broken
            address, size, flags, index = self.memory(self.address(QUEUE_DESC) + 16 * index, "<QIHH")
            buffers.append(Buffer(address, size, bool(flags & WRITE)))
            if not flags & NEXT:
                return buffers
        raise Broken

    def hand_back(self, head, written, count):
        used = self.address(QUEUE_DEVICE)
        self.device.dma_write(used + 4 + 8 * (self.taken % count), struct.pack("<II", head, written))
        self.taken = (self.taken + 1) & 0xFFFF
        self.device.dma_write(used + 2, struct.pack("<H", self.taken))

    # The disk.

    def request(self, buffers):
        """Do it; returns how many bytes were written into its buffers."""
        if len(buffers) < 2 or buffers[0].size < 16 or not buffers[-1].writable:
            raise Broken
        kind, _, sector = self.memory(buffers[0].address, "<IIQ")
        status, written, at = OK, 0, sector * SECTOR
        for buffer in buffers[1:-1]:
            if kind in (IN, OUT) and at + buffer.size > len(self.disk):
                status = IOERR
            elif kind == IN:
                self.device.dma_write(buffer.address, self.disk[at:at + buffer.size])
                written += buffer.size
            elif kind == OUT:
                self.disk[at:at + buffer.size] = self.device.dma_read(buffer.address, buffer.size)
            elif kind == GET_ID:
                self.device.dma_write(buffer.address, NAME.ljust(20, b"\0")[:buffer.size])
                written += min(buffer.size, 20)
            at += buffer.size
        if kind not in (IN, OUT, FLUSH, GET_ID):
            status = UNSUPP
        self.device.dma_write(buffers[-1].address, bytes([status]))
        return written + 1
