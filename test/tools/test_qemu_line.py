#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tools/qemu-system-aarch64: QEMU's command line as the launcher's, and what it says to what it does
not take."""

import gzip
import os
import shlex
import subprocess
import unittest

from support import LIMIT, MIB, OFF, REPO, DeviceTest, image
from launcher import Problem, qemu_line

TOOL = os.path.join(REPO, "tools", "qemu-system-aarch64")
RESET = "print('[traproom] exit: guest reset', flush=True)"


def translate(text):
    """(the launcher's options, what QEMU gets) of QEMU's command line."""
    options = qemu_line.Line(["-kernel", "Image", *shlex.split(text)]).arguments()
    passed = next((option[len("--qemu="):] for option in options if option.startswith("--qemu=")), "")
    return [option for option in options if not option.startswith("--qemu=")], shlex.split(passed)


class Lines(unittest.TestCase):
    def gives(self, text, *wanted):
        """Those of the launcher's options, side by side."""
        options, _ = translate(text)
        self.assertIn(" ".join(wanted), " ".join(options))

    def passes(self, text, wanted):
        self.assertEqual(translate(text)[1], shlex.split(wanted))

    def refuses(self, words, text):
        with self.assertRaisesRegex(Problem, words):
            translate(text)

    def test_machine(self):
        self.gives("", "--disk none --kernel Image --initrd none --reboot --smp 1 --mem 128M")
        self.gives("-initrd i -no-reboot", "--initrd i --no-reboot")
        self.gives("--append 'a b'", "--append=a b")
        self.gives("-dtb x.dtb -m 1G", "--reboot --dtb x.dtb")
        for given, mib in (("1024", 1024), ("2G", 2048), ("size=1g,maxmem=2g", 1024), ("512000K", 500),
                           ("slots=2", 128)):
            self.gives(f"-m {given}", f"--mem {mib}M")
        for given, count in (("4", 4), ("cpus=3,maxcpus=8", 3), ("2,sockets=2", 2), ("sockets=2,cores=3", 6)):
            self.gives(f"-smp {given}", f"--smp {count}")
        for given, model in (("max", "max,pauth-impdef=on"), ("max,pauth=off", "max,pauth=off"),
                             ("max,sve=off", "max,pauth-impdef=on,sve=off"), ("host", "max,pauth-impdef=on"),
                             ("cortex-a57", "cortex-a57")):
            self.gives(f"-cpu {given}", f"--cpu {model}")
        self.gives("-icount shift=0,sleep=off", "--icount")
        for plain in ("-M virt", "-machine virt-7.2,gic-version=3,accel=kvm:tcg", "-machine accel=tcg -M virt",
                      "-M virt,virtualization=off,secure=off", "-enable-kvm -accel kvm -nodefaults -name x",
                      "-object memory-backend-memfd,id=m,size=1G,share=on -numa node,memdev=m"):
            self.passes(plain, "")

    def test_machine_refused(self):
        for words, text in (("Traproom's machine is virt", "-M raspi3b"), ("is a GICv3", "-M virt,gic-version=2"),
                            ("begins at EL1", "-M virt,virtualization=on"), ("begins at EL1", "-M virt,secure=on"),
                            ("no IOMMU", "-M virt,iommu=smmuv3"), ("not known", "-M virt,foo=1"),
                            ("no size", "-m much"), ("no size", "-m 0"), ("one node", "-numa node,nodeid=1"),
                            ("shift=0,sleep=off", "-icount auto"), ("no fw_cfg", "-bios x"),
                            ("not known here", "-frobnicate"), ("value is missing", "-m"),
                            ("image without an option", "disk.img"), ("with &", "-daemonize")):
            self.refuses(words, text)
        with self.assertRaisesRegex(Problem, "-kernel is missing"):
            qemu_line.Line(["-m", "1G"])

    def test_disks(self):
        blk = "--device virtio-blk-device,drive="
        self.gives("-drive file=a.img", blk + "traproom-disk0")
        self.passes("-drive file=a.img", "-drive if=none,id=traproom-disk0,file=a.img")
        self.passes("-drive if=virtio,index=0,media=disk,file=a,,b,format=raw,readonly=on",
                    "-drive if=none,id=traproom-disk0,file=a,,b,format=raw,readonly=on")
        line = "-drive if=none,id=d,file=a.img -device virtio-blk-pci,drive=d,bus=pcie.0,addr=2,serial=x"
        self.gives(line, blk + "d,serial=x")
        self.passes(line, "-drive if=none,id=d,file=a.img")
        self.passes("-hda a -cdrom b", "-drive if=none,id=traproom-disk0,file=a "
                    "-drive if=none,id=traproom-disk1,file=b,readonly=on")
        self.gives("-device virtio-scsi-pci,id=s -device scsi-hd,drive=d,bus=s.0", "--device virtio-scsi-device,id=s")
        self.passes("-device virtio-scsi-pci,id=s -device scsi-hd,drive=d,bus=s.0", "-device scsi-hd,drive=d,bus=s.0")
        self.refuses("use if=virtio", "-drive if=ide,file=x")

    def test_flash(self):
        pflash = "-drive if=pflash,format=raw"
        node = "-blockdev driver=file,node-name=f{0},filename={1} -blockdev driver=raw,node-name=p{0},file=f{0},read-only={2} "
        nodes = node.format(0, "code", "on") + node.format(1, "kept", "off")
        for text, wanted in (("-bios /dir/edk2", "/dir/edk2"), ("-bios x.fd", "/usr/share/qemu/x.fd"),
                             ("-pflash code", "code"), ("-pflash code -pflash kept", "code,vars=kept"),
                             (f"{pflash},file=kept,unit=1 {pflash},file=code,unit=0,readonly=on", "code,vars=kept"),
                             (f"{pflash},file=a,,b,readonly=on {pflash},file=kept", "a,,b,vars=kept"),
                             (f"-M virt,pflash0=p0,pflash1=f1 {nodes}", "code,vars=kept")):
            options = qemu_line.Line(text.split()).arguments()
            self.assertIn("--disk none --firmware " + wanted, " ".join(options))
            self.assertNotIn("--kernel", options)
        for text, words in ((f"{pflash},file=x,unit=2", "unit=0 and unit=1"), (pflash, "no file="),
                            ("-bios /x -pflash x", "taken"), (f"-bios /x {pflash},file=x,unit=0", "taken"),
                            ("-pflash x -pflash y -pflash z", "two banks"),
                            ("-bios /x -drive if=pflash,file=x,unit=1,format=qcow2", "raw file, not qcow2"),
                            ("-pflash x -drive if=pflash,file=x,readonly=on", "is written to"),
                            (f"{pflash},file=x,unit=1", "none with firmware"), ("-M virt,pflash0=n", "no -blockdev"),
                            ("-M virt,pflash0=n -blockdev driver=raw,node-name=n", "names no file"),
                            ("-bios /x -append y", "-append: firmware can't"), ("-bios /x -kernel y", "-kernel: firmware")):
            with self.subTest(text):
                with self.assertRaisesRegex(Problem, words):
                    qemu_line.Line(text.split())

    def test_networks(self):
        for line in ("-netdev user,id=n -device virtio-net-pci,netdev=n", "-nic user,id=n",
                     "-nic user,id=n,model=virtio-net-pci"):
            self.gives(line, "--device virtio-net-device,netdev=n")
            self.passes(line, "-netdev user,id=n")
        line = "-net nic,model=virtio,macaddr=52:54:00:12:34:56 -net user,hostfwd=tcp::1-:2"
        self.gives(line, "--device virtio-net-device,netdev=traproom-net0,mac=52:54:00:12:34:56")
        self.passes(line, "-netdev user,id=traproom-net0,hostfwd=tcp::1-:2")
        self.passes("-net none -nic none", "")
        self.refuses("use virtio-net-pci", "-device e1000,netdev=n")
        self.refuses("model=virtio", "-nic user,model=e1000")

    def test_other_devices(self):
        line = "-virtfs local,path=/tmp,mount_tag=t,security_model=none"
        self.gives(line, "--device virtio-9p-device,fsdev=traproom-fs0,mount_tag=t")
        self.passes(line, "-fsdev local,id=traproom-fs0,path=/tmp,security_model=none")
        self.gives("-chardev socket,id=c,path=s -device vhost-user-fs-pci,queue-size=1024,chardev=c,tag=t",
                   "--device vhost-user-fs-device,queue-size=1024,chardev=c,tag=t")
        line = "-device virtio-serial -device virtserialport,name=p,chardev=c -chardev file,id=c,path=o"
        self.gives(line, "--device virtio-serial-device,id=traproom-serial0")
        self.passes(line, "-chardev file,id=c,path=o -device virtserialport,name=p,chardev=c,bus=traproom-serial0.0")
        self.passes("-device virtio-serial-pci,id=s -device virtconsole -device virtio-serial -device virtconsole,bus=s.0",
                    "-device virtconsole,bus=s.0 -device virtconsole,bus=s.0")
        self.gives("-device virtio-rng-pci-non-transitional,rng=r", "--device virtio-rng-device,rng=r")
        self.passes("-device pcie-root-port,id=p", "")
        for name in ("nvme", "usb-tablet", "qemu-xhci", "VGA"):
            self.refuses("only virtio devices", f"-device {name}")
        self.refuses("no mount_tag", "-virtfs local,path=/tmp")

    def test_console(self):
        for line, console in (("-nographic", ("stdio", None)), ("-serial stdio -nodefaults", ("stdio", None)),
                              ("-serial mon:stdio", ("stdio", None)), ("-serial file:out", ("file", "out")),
                              ("-nodefaults", ("null", None)), ("-serial none", ("null", None)), ("", ("stdio", None)),
                              ("-chardev stdio,id=c,mux=on -serial chardev:c -mon chardev=c", ("stdio", None)),
                              ("-serial chardev:c -chardev file,id=c,path=out", ("file", "out"))):
            parsed = qemu_line.Line(["-kernel", "x", *line.split()])
            self.assertEqual((parsed.console, parsed.passed), (console, []), line)
        self.passes("-monitor none -serial stdio", "")
        self.passes("-monitor unix:m,server,nowait", "-monitor unix:m,server,nowait")
        self.passes("-qmp unix:m,server -pidfile p -s", "-qmp unix:m,server -pidfile p -s")
        for words, line in (("can be stdio", "-serial pty"), ("one serial port", "-serial stdio -serial file:x"),
                            ("no -chardev with that id", "-serial chardev:c"),
                            ("stdin and stdout are", "-chardev stdio,id=c -device virtconsole,chardev=c"),
                            ("stdin and stdout are", "-chardev stdio,id=c -serial mon:stdio -device virtconsole")):
            self.refuses(words, line)

    def test_console_beside_stdio(self):
        """As virtme-ng has it: the guest's stdin is a port of virtio-serial's, its UART a file."""
        line = "-serial chardev:u -chardev file,id=u,path=/dev/null,append=on -chardev stdio,id=p"
        parsed = qemu_line.Line(["-kernel", "x", *line.split()])
        self.assertEqual((parsed.console, parsed.appends), (("file", "/dev/null"), True))
        self.assertEqual(parsed.passed, ["-chardev", "stdio,id=p"])
        self.passes("-serial file:x -monitor stdio", "-monitor stdio")

    def test_questions(self):
        for line in ("-version", "--help", "-cpu help", "-device virtio-blk-pci,help", "-M ?"):
            self.assertTrue(qemu_line.wants_qemu(line.split()), line)
        for line in ("-kernel helper", "-append help,me", "-append version"):
            self.assertFalse(qemu_line.wants_qemu(line.split()), line)


class Tool(DeviceTest):
    def tool(self, *options, program=OFF):
        done = subprocess.run([TOOL, *options], env=self.environment(program), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=LIMIT, check=False)
        return done.returncode, done.stdout, done.stderr

    def test_runs_the_other_qemu(self):
        """Though both have one name, and ours is the first on the PATH."""
        os.symlink(TOOL, self.path("qemu-system-aarch64"))
        packed = self.write("Image.gz", gzip.compress(image(3 * MIB)))
        environment = self.environment(OFF)
        environment["PATH"] = self.folder.name + ":" + environment["PATH"]
        done = subprocess.run(["qemu-system-aarch64", "-nodefaults", "-m", "1024", "-kernel", packed, "-append",
                               "kunit.enable=1", "-no-reboot", "-nographic", "-serial", "stdio"], env=environment,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT, check=False)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        self.assertEqual(self.loaded(self.tree().chosen, "traproom,kernel"), image(3 * MIB))
        self.assertIn("kunit.enable=1", self.tree().chosen.text("bootargs"))
        self.assertIn("virt,virtualization=on,gic-version=3", self.values("-M")[0])

    def test_status(self):
        kernel = self.path("build/images/Image")
        for program, options, status in ((OFF, [], 0), (RESET, ["-no-reboot"], 0),
                                         ("print('[traproom] exit: guest stopped', flush=True)", [], 3)):
            self.assertEqual(self.tool("-kernel", kernel, *options, program=program)[0], status)
        self.assertEqual(self.tool("-kernel", kernel, "-usbdevice", "x")[::2],
                         (1, "traproom: -usbdevice x: there is no USB: use virtio devices (virtio-keyboard-device, ...)\n"))
        self.assertEqual(self.tool("-kernel", self.path("none"))[0], 1)

    def test_console_in_a_file(self):
        kernel = self.path("build/images/Image")
        program = "print('a port'); uart = socket.socket(fileno=inherited('serial0')).makefile('w'); " \
                  "print('hello\\n[traproom] exit: {}', file=uart, flush=True)"
        options = ("-kernel", kernel, "-serial", "file:" + self.path("out"))
        self.assertEqual(self.tool(*options, program=program.format("guest powered off")), (0, "a port\n", ""))
        with open(self.path("out"), encoding="utf-8") as file:
            self.assertEqual(file.read(), "hello\n")
        self.assertEqual(self.tool(*options, program=program.format("hypervisor failed: x")),
                         (2, "a port\n", "traproom: [traproom] exit: hypervisor failed: x\n"))

    def test_asks_qemu(self):
        self.assertEqual(self.tool("--version")[:2], (0, "QEMU emulator version 7.2.22 (Debian)\n"))

    def test_damaged_kernel(self):
        packed = self.write("Image.gz", gzip.compress(image(MIB))[:-100])
        status, _, err = self.tool("-kernel", packed)
        self.assertEqual(status, 1)
        self.assertIn("can't be unpacked", err)


if __name__ == "__main__":
    unittest.main()
