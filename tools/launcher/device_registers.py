# SPDX-License-Identifier: Apache-2.0
"""The names of device registers, as their manuals have them: GICv3, "The GIC register maps"; PrimeCell UART (PL011)
and RTC (PL031), "Summary of registers"; virtio 1.2, "MMIO Device Register Layout". Used by exit_words.py."""

import bisect

# Each begins where it says and ends where the next one does. "" is nothing.
DISTRIBUTOR = (
    (0x0, "GICD_CTLR"), (0x4, "GICD_TYPER"), (0x8, "GICD_IIDR"), (0xC, "GICD_TYPER2"), (0x10, "GICD_STATUSR"), (0x14, ""),
    (0x40, "GICD_SETSPI_NSR"), (0x44, ""), (0x48, "GICD_CLRSPI_NSR"), (0x4C, ""), (0x80, "GICD_IGROUPR"),
    (0x100, "GICD_ISENABLER"), (0x180, "GICD_ICENABLER"), (0x200, "GICD_ISPENDR"), (0x280, "GICD_ICPENDR"),
    (0x300, "GICD_ISACTIVER"), (0x380, "GICD_ICACTIVER"), (0x400, "GICD_IPRIORITYR"), (0x800, "GICD_ITARGETSR"),
    (0xC00, "GICD_ICFGR"), (0xD00, "GICD_IGRPMODR"), (0xE00, "GICD_NSACR"), (0xF00, "GICD_SGIR"), (0xF04, ""),
    (0x6000, "GICD_IROUTER"), (0x8000, ""), (0xFFD0, "GICD_PIDR"))
REDISTRIBUTOR = (
    (0x0, "GICR_CTLR"), (0x4, "GICR_IIDR"), (0x8, "GICR_TYPER"), (0x10, "GICR_STATUSR"), (0x14, "GICR_WAKER"),
    (0x18, ""), (0x70, "GICR_PROPBASER"), (0x78, "GICR_PENDBASER"), (0x80, ""), (0xFFD0, "GICR_PIDR"),
    (0x10080, "GICR_IGROUPR0"), (0x10084, ""), (0x10100, "GICR_ISENABLER0"), (0x10104, ""),
    (0x10180, "GICR_ICENABLER0"), (0x10184, ""), (0x10200, "GICR_ISPENDR0"), (0x10204, ""),
    (0x10280, "GICR_ICPENDR0"), (0x10284, ""), (0x10300, "GICR_ISACTIVER0"), (0x10304, ""),
    (0x10380, "GICR_ICACTIVER0"), (0x10384, ""), (0x10400, "GICR_IPRIORITYR"), (0x10420, ""), (0x10C00, "GICR_ICFGR"),
    (0x10C08, ""), (0x10D00, "GICR_IGRPMODR0"), (0x10D04, ""))
UART = (
    (0x0, "UARTDR"), (0x4, "UARTRSR"), (0x8, ""), (0x18, "UARTFR"), (0x1C, ""), (0x20, "UARTILPR"), (0x24, "UARTIBRD"),
    (0x28, "UARTFBRD"), (0x2C, "UARTLCR_H"), (0x30, "UARTCR"), (0x34, "UARTIFLS"), (0x38, "UARTIMSC"), (0x3C, "UARTRIS"),
    (0x40, "UARTMIS"), (0x44, "UARTICR"), (0x48, "UARTDMACR"), (0x4C, ""), (0xFE0, "UARTPeriphID"), (0xFF0, "UARTPCellID"))
CLOCK = (
    (0x0, "RTCDR"), (0x4, "RTCMR"), (0x8, "RTCLR"), (0xC, "RTCCR"), (0x10, "RTCIMSC"), (0x14, "RTCRIS"), (0x18, "RTCMIS"),
    (0x1C, "RTCICR"), (0x20, ""), (0xFE0, "RTCPeriphID"), (0xFF0, "RTCPCellID"))
VIRTIO = (
    (0x0, "MagicValue"), (0x4, "Version"), (0x8, "DeviceID"), (0xC, "VendorID"), (0x10, "DeviceFeatures"),
    (0x14, "DeviceFeaturesSel"), (0x18, ""), (0x20, "DriverFeatures"), (0x24, "DriverFeaturesSel"), (0x28, ""),
    (0x30, "QueueSel"), (0x34, "QueueNumMax"), (0x38, "QueueNum"), (0x3C, ""), (0x44, "QueueReady"), (0x48, ""),
    (0x50, "QueueNotify"), (0x54, ""), (0x60, "InterruptStatus"), (0x64, "InterruptACK"), (0x68, ""), (0x70, "Status"),
    (0x74, ""), (0x80, "QueueDescLow"), (0x84, "QueueDescHigh"), (0x88, ""), (0x90, "QueueDriverLow"),
    (0x94, "QueueDriverHigh"), (0x98, ""), (0xA0, "QueueDeviceLow"), (0xA4, "QueueDeviceHigh"), (0xA8, ""),
    (0xAC, "SHMSel"), (0xB0, "SHMLenLow"), (0xB4, "SHMLenHigh"), (0xB8, "SHMBaseLow"), (0xBC, "SHMBaseHigh"),
    (0xC0, "QueueReset"), (0xC4, ""), (0xFC, "ConfigGeneration"), (0x100, "Config"))
PANIC = ((0x0, "events"),)
MAPS = {"GICD": DISTRIBUTOR, "GICR": REDISTRIBUTOR, "pl011": UART, "pl031": CLOCK, "virtio": VIRTIO, "pvpanic": PANIC}
FRAME = 0x20000  # bytes of one vCPU's part of the redistributors


def name(kind, offset):
    """The register's name, or its offset as a number; `kind` is as in hyp/vm/vm_device.c."""
    table = MAPS.get(kind, ())
    at = bisect.bisect_right([start for start, _ in table], offset % FRAME if kind == "GICR" else offset) - 1
    return (table[at][1] if table and at >= 0 else "") or f"0x{offset:x}"
