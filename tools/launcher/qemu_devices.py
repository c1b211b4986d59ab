# SPDX-License-Identifier: Apache-2.0
"""The devices of QEMU's own command line as those that Traproom has: virtio on virtio-mmio. Used by
qemu_line.py."""

import re

from launcher import Problem
from launcher.words import escape, split

# A device of virtio by any of its names; and what only makes sense on PCI.
VIRTIO = re.compile(r"((?:virtio|vhost)-[\w-]+?)(?:-device|-pci|-pci-transitional|-pci-non-transitional)?")
OF_PCI = ("bus", "addr", "disable-modern", "disable-legacy", "modern-pio-notify", "page-per-vq", "ats", "romfile",
          "rombar", "multifunction", "vectors", "acpi-index", "x-pcie-flr-init", "iommu_platform", "failover",
          "aer", "busnr", "ioeventfd")
# What is plugged into one of virtio's.
PORTS = ("virtserialport", "virtconsole")
BEHIND = re.compile(r"virtserialport|virtconsole|scsi-(?:hd|cd|disk|block|generic)")
# Of a PCI bus that nothing needs, since the guest has none.
BRIDGES = re.compile(r"pcie?-root-port|pcie?-(?:pci-)?bridge|pxb(?:-pcie)?|ioh3420|x3130-upstream|xio3130-downstream")
INSTEAD = (("e1000", "virtio-net-pci"), ("rtl8139", "virtio-net-pci"), ("igb", "virtio-net-pci"),
           ("nvme", "virtio-blk-pci"), ("ide-", "virtio-blk-pci"), ("ahci", "virtio-blk-pci"),
           ("megasas", "virtio-scsi-pci"), ("lsi", "virtio-scsi-pci"), ("usb-tablet", "virtio-tablet-pci"),
           ("usb-kbd", "virtio-keyboard-pci"), ("usb-mouse", "virtio-mouse-pci"), ("VGA", "virtio-gpu-pci"),
           ("ramfb", "virtio-gpu-pci"), ("i6300esb", "`tools/traproom run --silence`"))
PLACE = ("if", "index", "bus", "unit")  # of -drive: where it is plugged in


def joined(words):
    return ",".join(f"{key}={escape(value)}" if value is not None else key for key, value in words)


def pairs(text):
    """(key, value) of each word; a word without = has the value None."""
    return [(key, value if equals else None)
            for key, equals, value in (word.partition("=") for word in split(text))]


def without(words, keys):
    return [(key, value) for key, value in words if key not in keys]


class Devices:
    def __init__(self, passed, flash):
        self.found = []  # for --device
        self.behind = []  # QEMU's arguments for what is plugged into them: after them
        self._passed = passed  # QEMU's arguments for what is behind them
        self._flash = flash  # which takes those disks that are flash
        self._serial = None  # the id of the last virtio-serial
        self._legacy = {}  # -net: what was given of it

    def takers(self):
        return {"device": self._device, "drive": self._drive, "nic": self._nic, "net": self._net,
                "virtfs": self._virtfs, "hda": self._disk, "hdb": self._disk, "hdc": self._disk, "hdd": self._disk,
                "cdrom": self._cdrom}

    def _name(self, kind):
        return f"traproom-{kind}{len(self.found)}"

    def _device(self, text):
        (name, value), *words = pairs(text)
        if name == "driver":
            name = value
        virtio = VIRTIO.fullmatch(name)
        if virtio:
            words = without(words, OF_PCI)
            if virtio.group(1) == "virtio-serial":
                words = self._name_serial(words)
            self.found.append(joined([(f"{virtio.group(1)}-device", None), *words]))
        elif name in PORTS and self._serial and "bus" not in dict(words):
            self.behind += ["-device", f"{text},bus={self._serial}.0"]
        elif BEHIND.fullmatch(name):
            self.behind += ["-device", text]
        elif not BRIDGES.fullmatch(name):
            instead = next((other for start, other in INSTEAD if name.startswith(start)), None)
            raise Problem(f"-device {name}: the guest has no PCI and no USB, only virtio devices: "
                          + (f"use {instead}" if instead else "use one of those"))

    def _name_serial(self, words):
        """Its ports come after all devices: each is to be in the one that it followed."""
        self._serial = dict(words).get("id") or self._name("serial")
        return words if "id" in dict(words) else [*words, ("id", self._serial)]

    def _drive(self, text):
        words = pairs(text)
        plug = dict(words).get("if") or "virtio"
        if plug == "none":
            self._passed += ["-drive", text]
        elif plug == "virtio":
            self._add_disk(without(words, (*PLACE, "media")))
        elif plug == "pflash":
            self._flash.drive(text, dict(words))
        else:
            raise Problem(f"-drive if={plug}: use if=virtio")

    def _add_disk(self, words):
        name = dict(words).get("id") or self._name("disk")
        self._passed += ["-drive", joined([("if", "none"), ("id", name), *without(words, ("id",))])]
        self.found.append(f"virtio-blk-device,drive={name}")

    def _disk(self, path):
        self._add_disk([("file", path)])

    def _cdrom(self, path):
        self._add_disk([("file", path), ("readonly", "on")])

    def _nic(self, text):
        (kind, _), *words = pairs(text)
        if kind != "none":
            self._add_network(kind, words)

    def _add_network(self, kind, words):
        model = dict(words).get("model") or "virtio"
        if not model.startswith("virtio"):
            raise Problem(f"-nic model={model}: use model=virtio-net-pci")
        name = dict(words).get("id") or self._name("net")
        own = [(key, value) for key, value in words if key in ("mac",)]
        self._passed += ["-netdev", joined([(kind, None), ("id", name),
                                            *without(words, ("id", "model", "mac", "name", "netdev"))])]
        self.found.append(joined([("virtio-net-device", None), ("netdev", name),
                                  *((key.replace("macaddr", "mac"), value) for key, value in own)]))

    def _net(self, text):
        """The old form: a card and what it leads to, in two options."""
        (kind, _), *words = pairs(text)
        if kind == "none":
            return
        card = kind == "nic"
        self._legacy["card" if card else "way"] = (kind, words)
        if len(self._legacy) == 2:
            way, rest = self._legacy["way"]
            names = [("mac" if key == "macaddr" else key, value) for key, value in self._legacy["card"][1]]
            self._legacy = {}
            self._add_network(way, [*rest, *names])

    def _virtfs(self, text):
        """A host's folder: -fsdev and a device in one."""
        words = pairs(text)
        name = dict(words).get("id") or self._name("fs")
        tag = dict(words).get("mount_tag")
        if not tag:
            raise Problem(f"-virtfs {text}: it has no mount_tag=")
        self._passed += ["-fsdev", joined([words[0], ("id", name), *without(words[1:], ("id", "mount_tag"))])]
        self.found.append(joined([("virtio-9p-device", None), ("fsdev", name), ("mount_tag", tag)]))
