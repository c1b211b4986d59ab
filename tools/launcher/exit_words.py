# SPDX-License-Identifier: Apache-2.0
"""What an exit was, in words: why, which device, which of its registers. From a trace_ring.Event and the guest's tree;
reasons are called as hyp/trap/exit_reason.h has them. Used by trace.py."""

from typing import NamedTuple

from launcher import device_registers, slots, syndrome
from launcher.guest_tree import MODEL, REGISTERS, reg_entries
from launcher.rights import letters
from launcher.trace_ring import IRQ, NOTHING, STAGE2, SYNC

KINDS = {"arm,pl011": "pl011", "virtio,mmio": "virtio", "arm,pl031": "pl031", "qemu,pvpanic-mmio": "pvpanic",
         "cfi-flash": "flash"}  # hyp/vm/vm_device.c
PSCI = {0x84000000: "PSCI_VERSION", 0x84000001: "CPU_SUSPEND", 0xC4000001: "CPU_SUSPEND", 0x84000002: "CPU_OFF",
        0x84000003: "CPU_ON", 0xC4000003: "CPU_ON", 0x84000004: "AFFINITY_INFO", 0xC4000004: "AFFINITY_INFO",
        0x84000006: "MIGRATE_INFO_TYPE", 0x84000008: "SYSTEM_OFF", 0x84000009: "SYSTEM_RESET",
        0x8400000A: "PSCI_FEATURES", 0x80000000: "SMCCC_VERSION", 0x80000001: "SMCCC_ARCH_FEATURES"}
HVC, SMC, DATA, INSTRUCTION, STEP = 0x16, 0x17, 0x24, 0x20, 0x32
CHANGES = ("map", "unmap", "protect")  # enum stage2_change
CHANGE, PERMS = (7, 0), (15, 8)  # TRACE_CHANGE, TRACE_PERMS
WATCHED = "abort or step: watched by a monitor"
CALLS = {HVC: "hvc", SMC: "smc"}
SGI = {5: "ICC_SGI1R_EL1", 6: "ICC_ASGI1R_EL1", 7: "ICC_SGI0R_EL1"}  # by Op2
AARCH32_ID = ("ID_PFR0", "ID_PFR1", "ID_DFR0", "ID_AFR0", "ID_MMFR0", "ID_MMFR1", "ID_MMFR2", "ID_MMFR3",
              "ID_ISAR0", "ID_ISAR1", "ID_ISAR2", "ID_ISAR3", "ID_ISAR4", "ID_ISAR5", "ID_MMFR4", "ID_ISAR6",
              "MVFR0", "MVFR1", "MVFR2", "", "ID_PFR2", "ID_DFR1", "ID_MMFR5")  # from CRm 1 on
AARCH64_ID = {4: ("PFR0", "PFR1", "PFR2", "", "ZFR0", "SMFR0", "", "FPFR0"), 5: ("DFR0", "DFR1", "", "", "AFR0", "AFR1"),
              6: ("ISAR0", "ISAR1", "ISAR2", "ISAR3"), 7: ("MMFR0", "MMFR1", "MMFR2", "MMFR3", "MMFR4")}  # by CRm
HOST = ("traproom,channel", "traproom,monitor")
VTIMER, PTIMER, FIRST_PPI, FIRST_SPI = 27, 30, 16, 32
INTERRUPTS = {0: "irq: kick from another CPU", 1: "irq: watch over a guest", 2: "irq: report asked for",
              3: "irq: monitor's question", 25: "irq: GIC maintenance", 26: "irq: alarm", VTIMER: "irq: guest timer", PTIMER: "irq: guest timer",
              FIRST_SPI + 1: "irq: console input"}  # Traproom's own on QEMU's virt machine
TIMERS = {VTIMER: "virtual timer", PTIMER: "physical timer"}


def change(event):
    """A change of stage 2: what, and the rights that are left."""
    return f"{CHANGES[syndrome.take(event.what, *CHANGE)]} {letters(syndrome.take(event.what, *PERMS))}"


class Words(NamedTuple):
    reason: str
    device: str = ""  # the node's name
    register: str = ""  # or the function that was called
    is_write: bool = False


class Device(NamedTuple):
    start: int
    size: int
    name: str
    kind: str


class Namer:
    def __init__(self, tree):
        """`tree`: the GuestTree of the guest."""
        self.devices, self.interrupts, self._pmu = [], dict(TIMERS), None
        self._host = [tree.number(tree.chosen, name) for name in HOST]  # slots of the machine's that lead to it
        self._walk(tree.root, tree.root_cells(), tree.name)

    def _walk(self, parent, cells, name):
        for node in parent.children:
            kind = self._kind(node)
            if kind:
                self._add(node, kind, cells, name)
            elif "ranges" in node.properties and not node.properties["ranges"]:
                self._walk(node, (node.u32("#address-cells", 2), node.u32("#size-cells", 1)), name)

    @staticmethod
    def _kind(node):
        if MODEL in node.properties:
            return "model"
        if REGISTERS in node.properties:
            return "registers"
        found = node.texts("compatible")
        if "arm,gic-v3" in found:
            return "GIC"
        if "arm,armv8-pmuv3" in found:
            return "PMU"
        return next((KINDS[text] for text in found if text in KINDS), None)

    def _add(self, node, kind, cells, name):
        irq = [int.from_bytes(node.properties.get("interrupts", b"")[at:at + 4], "big") for at in (0, 4)]
        intid = irq[1] + (FIRST_PPI if irq[0] else FIRST_SPI)
        if kind == "PMU":
            self._pmu = intid
        elif kind == "GIC":
            for index, (start, size) in enumerate(reg_entries(node, cells, name)):
                self.devices.append(Device(start, size, node.name, "GICR" if index else "GICD"))
        else:
            self.devices += [Device(start, size, node.name, kind) for start, size in reg_entries(node, cells, name)]
            if "interrupts" in node.properties:
                self.interrupts[intid] = node.name

    def device_at(self, address):
        return next((device for device in self.devices if device.start <= address < device.start + device.size), None)

    def interrupt(self, intid):
        """Whose it is, for the guest."""
        if intid < FIRST_PPI:
            return f"SGI {intid}"
        return "PMU" if intid == self._pmu else self.interrupts.get(intid, f"interrupt {intid}")

    def given(self, event):
        """The interrupt that the guest got by it; None: none, or it is not over."""
        return self.interrupt(event.given) if event.left and event.given != NOTHING else None

    def words(self, event):
        if event.kind == IRQ:
            return Words(self._interrupt_reason(event.what))
        if event.kind == STAGE2:
            return Words("stage 2 changed", "", change(event))
        if event.kind != SYNC:
            return Words("serror")
        kind = syndrome.exception_class(event.what)
        if kind in CALLS:
            return Words(CALLS[kind], "", PSCI.get(event.value & 0xFFFFFFFF, f"0x{event.value:x}"))
        if kind == syndrome.SYSTEM_REGISTER:
            return system_words(event.what)
        if kind in (DATA, INSTRUCTION):
            return self._access(event)
        return Words(WATCHED if kind == STEP else "undefined instruction")

    def _interrupt_reason(self, intid):
        slot = intid - FIRST_SPI - slots.FIRST_SPI
        if intid == self._pmu:
            return "irq: guest PMU"
        if 0 <= slot < slots.COUNT:
            return "irq: the host has something to say" if slots.address(slot) in self._host else \
                "irq: virtio device of the machine"
        return INTERRUPTS.get(intid, "irq: other")

    def _access(self, event):
        device = self.device_at(event.address)
        write = syndrome.is_write(event.what)
        if device is None or syndrome.is_walk(event.what):
            taken = syndrome.fault(event.what)[0] == syndrome.PERMISSION  # rights that a monitor has taken from RAM
            return Words(WATCHED if taken else "abort: to the guest", "", f"0x{event.address & -4096:x}", write)
        register = device_registers.name(device.kind, event.address - device.start)
        return Words(f"mmio: {device.kind}", device.name, register, write)


def system_words(what):
    op0, op2, op1, crn, crm = (syndrome.take(what, *bits) for bits in ((21, 20), (19, 17), (16, 14), (13, 10), (4, 1)))
    write = not syndrome.take(what, 0, 0)
    plain = f"S{op0}_{op1}_C{crn}_C{crm}_{op2}"
    if (op0, op1, crn) == (3, 0, 0):
        return Words("sysreg: ID register", "", id_register(crm, op2) or plain, write)
    if (op0, op1, crn, crm) == (3, 0, 12, 11) and op2 in SGI:
        return Words("sysreg: send SGI", "", SGI[op2], write)
    return Words("sysreg: other", "", plain, write)


def id_register(crm, op2):
    if crm in AARCH64_ID:
        names = AARCH64_ID[crm]
        return f"ID_AA64{names[op2]}_EL1" if op2 < len(names) and names[op2] else None
    index = (crm - 1) * 8 + op2
    return f"{AARCH32_ID[index]}_EL1" if 0 <= index < len(AARCH32_ID) and AARCH32_ID[index] else None
