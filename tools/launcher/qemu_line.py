# SPDX-License-Identifier: Apache-2.0
"""QEMU's own command line as arguments of `tools/traproom run`: a pure translation. Used by
qemu_tool.py; what an option becomes is in the tables here, docs/tools.md tells it. Devices are
qemu_devices.py's."""

import re
import shlex

from launcher import Problem
from launcher.qemu_devices import Devices, pairs
from launcher.qemu_flash import Flash

MIB = 1 << 20
UNITS = {"": MIB, "B": 1, "K": 1 << 10, "M": MIB, "G": 1 << 30, "T": 1 << 40}
USUAL_RAM = 128  # MiB: QEMU's
FAST_PAUTH = "pauth"  # a feature of -cpu: who names it has made up his mind
STDIO, FILE, NOWHERE = "stdio", "file", "null"  # what the first serial port can lead to

# Options that QEMU gets as they are: with a value, and without.
PASSED = {"netdev", "fsdev", "D", "d", "dfilter", "trace", "pidfile", "global", "qmp", "qmp-pretty",
          "rtc", "plugin", "gdb", "seed", "sandbox", "compat", "msg", "tpmdev"}
PASSED_FLAGS = {"s", "S", "snapshot", "singlestep", "no-shutdown"}
# Those that change nothing here.
DROPPED = {"name", "uuid", "boot", "vga", "display", "parallel", "audio", "audiodev", "k", "L", "overcommit",
           "mem-path", "echr", "nodefconfig"}
DROPPED_FLAGS = {"nodefaults", "no-user-config", "no-acpi", "no-hpet", "enable-kvm", "mem-prealloc",
                 "full-screen", "no-fd-bootchk"}
REFUSED = {
    "fw_cfg": "the guest has no fw_cfg device: put the file into its initramfs",
    "smbios": "the guest has no firmware that could show it: leave it out",
    "acpitable": "the guest has a device tree and no ACPI: leave it out",
    "semihosting-config": "Traproom does not let the guest reach the host: leave it out",
    "incoming": "a guest can't be moved into Traproom: start it anew",
    "loadvm": "a snapshot of a machine without Traproom can't go on with it: start it anew",
    "vnc": "there is no display: leave it out",
    "spice": "there is no display: leave it out",
    "sd": "there is no SD card: use -drive if=virtio",
    "usbdevice": "there is no USB: use virtio devices (virtio-keyboard-device, ...)",
    "readconfig": "it is not read: give the options themselves",
    "set": "it is not known here: give the value in the option itself",
    "add-fd": "open files are not handed on: name the file",
    "chroot": "Traproom's launcher can't do it: leave it out",
    "runas": "Traproom's launcher can't do it: start it as that user",
    "watchdog": "there is no such device: `tools/traproom run --silence` ends a guest that says nothing",
}
REFUSED_FLAGS = {
    "daemonize": "the console is this process's: start it with & or by nohup",
    "semihosting": REFUSED["semihosting-config"],
    "usb": REFUSED["usbdevice"],
}
# Of -machine: words that say what is there anyway, or change nothing; and what each other one needs.
PLAIN_MACHINE = {"accel", "usb", "acpi", "dump-guest-core", "mem-merge", "kernel-irqchip", "graphics", "highmem",
                 "its", "ras", "dtb-kaslr-seed", "dtb-randomness", "memory-backend", "kernel_irqchip",
                 "compact-highmem", "highmem-redists", "highmem-ecam", "highmem-mmio", "default-bus-bypass-iommu"}
OF_EL3 = ("secure", "virtualization", "mte")
HELP = {"h", "help", "version"}
LISTS = {"M", "machine", "cpu", "device", "accel", "netdev", "nic", "chardev", "object", "drive", "d", "trace",
         "audiodev", "vga", "display", "watchdog"}  # with the value "help" QEMU lists what it has
ASKS = re.compile(r"(?:.*,)?(?:help|\?)")


def name_of(argument):
    """The option's, without its one or two dashes; None: it is none."""
    found = re.fullmatch(r"--?([A-Za-z0-9_][\w-]*)", argument)
    return found.group(1) if found else None


def wants_qemu(argv):
    """Does it ask QEMU about itself?"""
    names = [name_of(argument) for argument in argv]
    return any(name in HELP for name in names) or \
        any(name in LISTS and ASKS.fullmatch(value) for name, value in zip(names, argv[1:]))


def first_of(known, values):
    """(what stands first, {key: value}) of an option's words; a word without = is 'on'."""
    words = pairs(values)
    first = words.pop(0)[0] if words and words[0][1] is None else None
    found = {key: "on" if value is None else value for key, value in words}
    return found.pop(known, first), found


def size_in_mib(text):
    found = re.fullmatch(r"(\d+)([BKMGT]?)", text, re.IGNORECASE)
    size = int(found.group(1)) * UNITS[found.group(2).upper()] if found else 0
    if not size:
        raise Problem(f"-m {text}: it is no size")
    return -(-size // MIB)


class Line:
    """A command line, option by option, then whole."""

    def __init__(self, argv):
        self.kernel = self.initrd = self.append = self.dtb = None
        self.cpu, self.cpus, self.ram = None, "1", USUAL_RAM
        self.reboots, self.icount = True, False
        self.console = None  # (STDIO or FILE or NOWHERE, path)
        self.appends = False  # to that file
        self.passed = []
        self._flash = Flash()
        self.devices = Devices(self.passed, self._flash)
        self._serials, self._monitors, self._characters = [], [], {}
        self._bare = self._graphic = None  # -nodefaults, -nographic
        self._read(list(argv))
        self.firmware = self._flash.options()
        self._check_start()
        self._choose_console()

    def _read(self, argv):
        takers = {"kernel": self._kernel, "initrd": self._initrd, "append": self._append, "dtb": self._dtb,
                  "m": self._memory, "smp": self._smp, "cpu": self._cpu, "M": self._machine,
                  "machine": self._machine, "accel": self._accel, "icount": self._count,
                  "serial": self._serials.append, "monitor": self._monitor, "mon": self._mon,
                  "chardev": self._chardev, "object": self._object, "numa": self._numa,
                  "bios": self._bios, "pflash": self._flash.pflash, "blockdev": self._blockdev,
                  **self.devices.takers()}
        while argv:
            name = name_of(argv[0])
            if name is None:
                raise Problem(f"{argv[0]}: a disk's image without an option: say -drive "
                              f"file={argv[0]},if=virtio")
            argv.pop(0)
            if name in takers or self._has_value(name):
                self._option(name, takers.get(name), argv)
            else:
                self._flag(name)

    @staticmethod
    def _has_value(name):
        return name in PASSED or name in DROPPED or name in REFUSED

    def _flag(self, name):
        if name in REFUSED_FLAGS:
            raise Problem(f"-{name}: {REFUSED_FLAGS[name]}")
        if name == "no-reboot":
            self.reboots = False
        elif name == "nographic":
            self._graphic = False
        elif name in PASSED_FLAGS:
            self.passed.append(f"-{name}")
        elif name not in DROPPED_FLAGS:
            raise Problem(f"-{name}: not known here; `tools/traproom run --qemu '-{name} ...'` hands QEMU what "
                          "it is not asked to understand")
        self._bare = self._bare or name == "nodefaults"

    def _option(self, name, take, argv):
        if not argv:
            raise Problem(f"-{name}: its value is missing")
        value = argv.pop(0)
        if name in REFUSED and value != "none":
            raise Problem(f"-{name} {value}: {REFUSED[name]}")
        if take:
            take(value)
        elif name in PASSED:
            self.passed += [f"-{name}", value]

    # ---- The machine ----

    def _check_start(self):
        if self.kernel is None and not self.firmware:
            raise Problem("-kernel is missing: the guest begins with a kernel, or with firmware (-bios, -drive "
                          "if=pflash) that looks for one on a disk")
        brought = [f"-{name}" for name in ("kernel", "initrd", "append", "dtb") if getattr(self, name) is not None]
        if self.firmware and brought:
            raise Problem(f"{brought[0]}: firmware can't be given a kernel, the guest has no fw_cfg device: leave it "
                          "out, or leave out the firmware")

    def _bios(self, value):
        if value != "none":
            self._flash.bios(value)

    def _blockdev(self, value):
        self._flash.blockdev(value)
        self.passed += ["-blockdev", value]

    def _kernel(self, value):
        self.kernel = value

    def _initrd(self, value):
        self.initrd = value

    def _append(self, value):
        self.append = value

    def _dtb(self, value):
        self.dtb = value

    def _memory(self, value):
        size, _ = first_of("size", value)  # slots= and maxmem= are for memory that is plugged in later
        self.ram = size_in_mib(size) if size else USUAL_RAM

    def _smp(self, value):
        count, more = first_of("cpus", value)
        if count is None:
            count = "1"
            for part in ("sockets", "dies", "clusters", "cores", "threads"):
                count = str(int(count) * int(more.get(part, 1)))
        self.cpus = count

    def _cpu(self, value):
        model, features = first_of("", value)
        if model == "host":  # there is no KVM
            model = "max"
        if model == "max" and not any(key.startswith(FAST_PAUTH) for key in features):
            value = ",".join(["max", "pauth-impdef=on", *value.split(",")[1:]])  # the same, but faster
        self.cpu = value

    def _machine(self, value):
        model, words = first_of("type", value)
        if model is not None and not re.fullmatch(r"virt(-\d+\.\d+)?", model):
            raise Problem(f"-machine {model}: Traproom's machine is virt")
        for word, setting in words.items():
            if word == "gic-version" and setting == "2":
                raise Problem("-machine gic-version=2: the guest's interrupt controller is a GICv3")
            if word == "iommu" and setting != "none":
                raise Problem(f"-machine iommu={setting}: the guest has no IOMMU: leave it out")
            if word in OF_EL3 and setting != "off":
                raise Problem(f"-machine {word}={setting}: the guest begins at EL1 of a machine without it: "
                              "leave it out")
            if word in ("pflash0", "pflash1"):
                self._flash.plug(word, setting)
            elif word not in (*PLAIN_MACHINE, *OF_EL3, "gic-version", "iommu"):
                raise Problem(f"-machine {word}={setting}: not known here: leave it out")

    def _accel(self, _value):
        """All guests run in QEMU's TCG, as Traproom does."""

    def _count(self, value):
        shift, words = first_of("shift", value)
        if (shift, words) not in (("0", {"sleep": "off"}), ("0", {"sleep": "off", "align": "off"})):
            raise Problem(f"-icount {value}: Traproom counts by shift=0,sleep=off: say that")
        self.icount = True

    def _object(self, value):
        """Memory is the launcher's to make: it shares it where a device needs that."""
        if not value.startswith("memory-backend-"):
            self.passed += ["-object", value]

    def _numa(self, value):
        kind, words = first_of("type", value)
        if kind != "node" or words.get("nodeid", "0") != "0":
            raise Problem(f"-numa {value}: the guest's memory is one node: leave it out")

    # ---- The console ----

    def _chardev(self, value):
        kind, words = first_of("backend", value)
        self._characters[words.get("id")] = (kind, words.get("path"), value)

    def _monitor(self, value):
        if value not in ("none", "null"):
            self._monitors.append(("-monitor", value, value))

    def _mon(self, value):
        name, _ = first_of("chardev", value)
        self._monitors.append(("-mon", value, f"chardev:{name}"))

    def _leads_to(self, text):
        """What a serial port or a monitor leads to: (kind, path)."""
        kind, _, rest = text.removeprefix("mon:").partition(":")
        if kind == "chardev":
            if rest not in self._characters:
                raise Problem(f"{text}: there is no -chardev with that id")
            return self._characters[rest][:2]
        return ("null" if kind == "none" else kind), rest or None

    def _choose_console(self):
        quiet = self._bare and self._graphic is None
        first = self._serials[0] if self._serials else (NOWHERE if quiet else STDIO)
        self.console = self._leads_to(first)
        if self.console[0] not in (STDIO, FILE, NOWHERE):
            raise Problem(f"-serial {first}: the guest's console can be stdio, file:NAME or none")
        for other in self._serials[1:]:
            if self._leads_to(other)[0] != NOWHERE:
                raise Problem(f"-serial {other}: the guest has one serial port; virtio-serial has more")
        for option, value, where in self._monitors:
            if self._leads_to(where)[0] != STDIO or self.console[0] != STDIO:  # else it is behind Ctrl-A C, as ever
                self.passed += [option, value]
        self._pass_characters(first)

    def _pass_characters(self, first):
        for name, (kind, _, value) in self._characters.items():
            if first.removeprefix("mon:") == f"chardev:{name}":
                self.appends = first_of("backend", value)[1].get("append") == "on"
                continue
            if kind == STDIO and self.console[0] == STDIO:
                if any(where == f"chardev:{name}" for _, _, where in self._monitors):
                    continue
                raise Problem(f"-chardev {value}: stdin and stdout are those of the guest's serial port: give "
                              "the device another, such as a file or a socket")
            self.passed += ["-chardev", value]

    # ---- The whole ----

    def arguments(self):
        """Of `tools/traproom`."""
        run = ["run", "--options=none", "--quiet", "--console", "--oops=continue", "--warn=continue", "--disk", "none"]
        run += self.firmware or ["--kernel", self.kernel, "--initrd", self.initrd or "none"]
        run += ["--reboot"] if self.reboots else ["--no-reboot"]
        run += ["--dtb", self.dtb] if self.dtb else ["--smp", self.cpus, "--mem", f"{self.ram}M"]
        if self.append:
            run.append(f"--append={self.append}")
        if self.cpu:
            run += ["--cpu", self.cpu]
        if self.icount:
            run.append("--icount")
        for device in self.devices.found:
            run += ["--device", device]
        passed = self.passed + self.devices.behind
        return run + ([f"--qemu={shlex.join(passed)}"] if passed else [])
