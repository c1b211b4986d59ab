# SPDX-License-Identifier: Apache-2.0
"""--device and --rng: any virtio device that QEMU has. Used by devices.py."""

import re
import subprocess

from launcher import Problem, machine
from launcher.device import Device

ON_VIRTIO = re.compile(r'^name "([^"]+)", bus virtio-bus', re.MULTILINE)
TRANSPORT = re.compile(r"-(device|pci|pci-transitional|pci-non-transitional|ccw)$")

# The drivers of Linux for each, its own first, then those without which it is of little use.
DRIVERS = {
    "vhost-scsi": ("virtio_scsi", "sd_mod", "sr_mod"),
    "vhost-user-blk": ("virtio_blk",),
    "vhost-user-fs": ("virtiofs",),
    "vhost-user-gpio": ("gpio_virtio",),
    "vhost-user-gpu": ("virtio_gpu",),
    "vhost-user-i2c": ("i2c_virtio", "i2c_dev"),
    "vhost-user-input": ("virtio_input", "evdev"),
    "vhost-user-rng": ("virtio_rng",),
    "vhost-user-scsi": ("virtio_scsi", "sd_mod", "sr_mod"),
    "vhost-user-vsock": ("vmw_vsock_virtio_transport",),
    "vhost-vsock": ("vmw_vsock_virtio_transport",),
    "virtio-9p": ("9pnet_virtio", "9p"),
    "virtio-balloon": ("virtio_balloon",),
    "virtio-blk": ("virtio_blk",),
    "virtio-crypto": ("virtio_crypto",),
    "virtio-gpu": ("virtio_gpu",),
    "virtio-input-host": ("virtio_input", "evdev"),
    "virtio-iommu": ("virtio_iommu",),
    "virtio-keyboard": ("virtio_input", "evdev"),
    "virtio-mem": ("virtio_mem",),
    "virtio-mouse": ("virtio_input", "evdev"),
    "virtio-net": ("virtio_net", "af_packet"),
    "virtio-pmem": ("virtio_pmem", "nd_pmem"),
    "virtio-rng": ("virtio_rng",),
    "virtio-scsi": ("virtio_scsi", "sd_mod", "sr_mod"),
    "virtio-serial": ("virtio_console",),
    "virtio-sound": ("virtio_snd",),
    "virtio-tablet": ("virtio_input", "evdev"),
}


def rng(said, _text, _index, _work):
    """The Device of --rng: QEMU's default takes what this machine's kernel gives."""
    return Device(said, front="virtio-rng-device", modules=DRIVERS["virtio-rng"])


def make(said, text, _index, _work):
    """The Device of a --device, whose text is QEMU's but for the bus."""
    name, comma, rest = text.partition(",")
    if re.search(r"(^|,)bus=", rest):
        raise Problem(f"{said}: leave out bus=: devices get their slots in the order of the options")
    base = TRANSPORT.sub("", name)
    known = names()
    front = next((other for other in (name, f"{base}-device", base) if other in known), None)
    if front is None:
        raise Problem(f"{said}: QEMU has no such virtio device for virtio-mmio; it has "
                      f"{', '.join(sorted(TRANSPORT.sub('', other) for other in known))}")
    return Device(said, front=front + comma + rest, modules=DRIVERS.get(base, ()), must_drive=False,
                  shares_ram=base.startswith("vhost-user"), keeps_data=True)


def names():
    """Of QEMU's virtio devices that are not bound to PCI."""
    try:
        done = subprocess.run([machine.program(), "-device", "help"], capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise Problem(f"{machine.program()} is not installed: run tools/setup run") from error
    return set(ON_VIRTIO.findall(done.stdout))
