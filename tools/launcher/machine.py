# SPDX-License-Identifier: Apache-2.0
"""QEMU's command line. Used by cli.py."""

from launcher.layout import GUEST_TREE, MIB

QEMU = "qemu-system-aarch64"
GDB_HOST, GDB_PORT = "127.0.0.1", 1234  # not to be reached from other machines


def escape(path):
    """A file name as QEMU's options want it."""
    return path.replace(",", ",,")


def common(args, cpus, terminal):
    """What both machines have. The monitor is on the terminal's Ctrl-A, where there is one."""
    threads = "single" if args.icount else "multi"
    command = ["-accel", f"tcg,thread={threads}", "-cpu", args.cpu, "-smp", str(cpus),
               "-nodefaults", "-display", "none", "-no-reboot",
               "-serial", "mon:stdio" if terminal else "stdio"]
    if args.icount:
        command += ["-icount", "shift=0,sleep=off"]
    if args.gdb:
        command += ["-S", "-gdb", f"tcp:{GDB_HOST}:{GDB_PORT}"]
    return command


def traproom_command(args, cpus, terminal, dtb, staging):
    """The hypervisor by -kernel, the rest in memory where the guest's tree says."""
    command = [QEMU, "-M", "virt,virtualization=on,gic-version=3"]
    command += common(args, cpus, terminal)
    command += ["-m", f"{staging.machine_size() // MIB}M", "-kernel", args.hypervisor]
    for path, address in [(dtb, GUEST_TREE)] + staging.files:
        command += ["-device", f"loader,file={escape(path)},addr=0x{address:x},force-raw=on"]
    return command


def bare_command(args, cpus, terminal, dtb, files, ram):
    """The same guest without a hypervisor. QEMU puts its own RAM into the tree."""
    size = max(start + length for start, length in ram) - 0x40000000
    command = [QEMU, "-M", "virt,gic-version=3"] + common(args, cpus, terminal)
    command += ["-m", f"{max(size, MIB) // MIB}M", "-kernel", files["kernel"], "-dtb", dtb]
    if files["initrd"]:
        command += ["-initrd", files["initrd"]]
    if files["disk"]:
        command += ["-global", "virtio-mmio.force-legacy=false", "-snapshot",
                    "-drive", f"if=none,id=disk,format=raw,file={escape(files['disk'])}",
                    "-device", "virtio-blk-device,drive=disk,bus=virtio-mmio-bus.0"]
    return command
