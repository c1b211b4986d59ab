#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""tools/traproom pack: what is in the file, and what is refused. Whether it boots is test/boot/test_bundle.py's."""

import gzip
import os
import random
import re
import struct
import subprocess
import unittest

from support import LAUNCHER, LIMIT, MIB, RunTest, compile_dts, image
from test_mutants import PYTHON, SEED, mutate
from launcher import Problem, bundle, fdt, fit, guest_tree, pack

ROUNDS = 1000  # of mutated files
IN_MEMORY = 0x9000  # of the hypervisor
VERSION = "9.9 (abcdef01)"
TREE = """/dts-v1/;
/ { #address-cells = <2>; #size-cells = <2>; compatible = "linux,dummy-virt";
    memory@48000000 { device_type = "memory"; reg = <0 0x48000000 0 0x10000000>; };
    cpus { #address-cells = <1>; #size-cells = <0>; cpu@0 { device_type = "cpu"; reg = <0>; }; };
    chosen { %s };
};"""


def elf(address, size=0x1000):
    """A static one of one segment, entered at its beginning."""
    header = struct.pack("<4s5B7x2HI3QI6H", b"\x7fELF", 2, 1, 1, 0, 0, 2, 183, 1, address, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<2I6Q", 1, 5, 0x1000, address, address, size, size, 0x1000)
    return (header + segment).ljust(0x1000, b"\0") + b"\x1f\x20\x03\xd5" * (size // 4)


class PackTest(RunTest):
    def setUp(self):
        super().setUp()
        hypervisor = image(5000, image_size=IN_MEMORY - 0x10) + f"Traproom {VERSION} on %s: ".encode()
        self.write("build/hyp/traproom.img", hypervisor)
        self.out = self.path("bundle.img")

    def run_pack(self, *options, epoch="1700000000", out=None):
        environment = dict(self.environment(""), SOURCE_DATE_EPOCH=epoch)
        done = subprocess.run([LAUNCHER, "pack", "-o", out or self.out, *options], env=environment,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT, check=False)
        return done.returncode, done.stdout, done.stderr

    def pack(self, *options, **more):
        """What it prints."""
        status, out, err = self.run_pack(*options, **more)
        self.assertEqual((status, err), (0, ""))
        return out

    def refused(self, words, *options):
        status, out, err = self.run_pack(*options)
        self.assertEqual((status, out), (1, ""))
        self.assertRegex(err, words)
        self.assertRegex(err, r"\Atraproom: .*\n\Z")
        self.assertFalse(os.path.exists(self.out))

    def data(self):
        with open(self.out, "rb") as file:
            return file.read()

    def guest(self, fit, name="tree"):
        return guest_tree.GuestTree(fdt.parse(fit.content(name), "tree"), "tree")


class Content(PackTest):
    def test_file(self):
        """Traproom as large as in memory, the FIT behind it, the header with the size of all."""
        self.pack("--quiet")
        data = self.data()
        self.assertEqual(struct.unpack_from("<Q", data, 16)[0], len(data))
        self.assertEqual(len(data) % 0x1000, 0)
        self.assertEqual(data[5000:5010], b"Traproom 9")
        self.assertEqual(data[5040:IN_MEMORY], bytes(IN_MEMORY - 5040))
        self.assertEqual(data[IN_MEMORY:IN_MEMORY + 4], b"\xd0\r\xfe\xed")

    def test_images(self):
        self.pack("--quiet")
        fit = bundle.read(self.out)
        self.assertEqual(fit.description, f"Traproom {VERSION}")
        self.assertEqual(fit.content("kernel"), image(3 * MIB))
        self.assertEqual(fit.content("ramdisk"), b"i" * 1001)
        self.assertEqual(fit.content("disk-0"), b"d" * 4096)
        vm = fit.configuration(None)
        self.assertEqual([vm.texts(name) for name in ("fdt", "kernel", "ramdisk", "loadables")],
                         [["tree"], ["kernel"], ["ramdisk"], ["disk-0"]])
        for node in fit.images.values():
            self.assertEqual(node.child("hash-1").text("algo"), "crc32")

    def test_tree(self):
        """It says no physical address: only which image a disk is."""
        self.pack("--quiet", "--append", "a=b", "--stats")
        fit = bundle.read(self.out)
        tree = self.guest(fit)
        names = {name for node in tree.root.walk() for name in node.properties}
        self.assertFalse(names & {"traproom,kernel", "traproom,initrd", "traproom,disk", "traproom,kernel-address",
                                  "traproom,dtb-address", "traproom,quiet", "traproom,unattended", "traproom,hang"})
        self.assertTrue({"traproom,stats", "traproom,report"} <= names)
        self.assertIn("a=b", tree.chosen.text("bootargs"))
        self.assertEqual([node.text("traproom,image") for node in tree.virtio_nodes()], ["disk-0", ""])
        self.assertEqual(int.from_bytes(fit.images["ramdisk"].properties["load"], "big"), tree.initrd_start())

    def test_aligned(self):
        self.pack("--quiet")
        data = self.data()
        for content in (image(3 * MIB), b"i" * 1001, b"d" * 4096):
            self.assertEqual(data.index(content) % 0x1000, 0)

    def test_same_bits(self):
        self.pack("--quiet", "--compress", "lz4")
        first = self.data()
        self.pack("--quiet", "--compress", "lz4", out=self.path("other"))
        with open(self.path("other"), "rb") as file:
            self.assertEqual(file.read(), first)
        self.pack("--quiet", "--compress", "lz4", epoch="1700000001")
        self.assertNotEqual(self.data(), first)

    def test_compressed(self):
        """The machine has room for what Traproom unpacks."""
        before = self.pack("--mem", "64M")
        after = self.pack("--mem", "64M", "--compress", "lz4", "--hash", "sha256")
        fit = bundle.read(self.out)
        for part, content in (("kernel", image(3 * MIB)), ("ramdisk", b"i" * 1001)):
            node = fit.images[part]
            self.assertEqual(node.text("compression"), "lz4")
            self.assertEqual(node.child("hash-1").text("algo"), "sha256")
            done = subprocess.run(["lz4", "-dc"], input=fit.content(part), capture_output=True, check=True)
            self.assertEqual(done.stdout, content)
        self.assertEqual(fit.images["disk-0"].text("compression"), "none")
        self.assertEqual(fit.unpacked_sizes(None), [0, 3 * MIB, 1001, 0])
        size = [int(re.search(r"-m (\d+)M", line)[1]) for line in (before, after)]
        self.assertEqual(size[1] - size[0], 4 + 2)

    def test_packed_before(self):
        initrd = self.write("i.gz", gzip.compress(b"070701" * 100))
        self.pack("--quiet", "--compress", "lz4", "--initrd", initrd)
        self.assertEqual(bundle.read(self.out).images["ramdisk"].text("compression"), "none")

    def test_line(self):
        """QEMU's, with the devices that are not in the file."""
        disk = self.write("my disk", bytes(4096))
        out = self.pack("--disk", disk, "--smp", "2", "--cpu", "cortex-a72")
        self.assertRegex(out, r"\Aqemu-system-aarch64 -M virt,virtualization=on,gic-version=3 -m \d+M "
                         f"-kernel {self.out} .*-cpu cortex-a72 -smp 2 .*-device virtio-blk-device.*\n\\Z")
        fit = bundle.read(self.out)
        self.assertNotIn("disk-0", fit.images)
        self.assertEqual(self.guest(fit).number(self.guest(fit).virtio_nodes()[0], "traproom,slot"), 0x0A000000)

    def test_options_file(self):
        """Options of a run in it are not pack's."""
        with open(self.path("traproom.toml"), "w", encoding="utf-8") as file:
            file.write("timeout = 5\ncmd = 'true'\nsmp = 3\n")
        status, _, err = self.run_pack("--options", self.path("traproom.toml"))
        self.assertEqual(status, 0, err)
        self.assertIn("3 CPUs", bundle.read(self.out).configuration(None).text("description"))


class Configurations(PackTest):
    def test_added(self):
        self.pack("--quiet")
        out = self.pack("--add", "--config", "small", "--smp", "1", "--mem", "64M", "--initrd", "none")
        self.assertIn(" -append traproom.config=small\n", out)
        fit = bundle.read(self.out)
        self.assertEqual((fit.default, list(fit.configurations)), ("conf-1", ["conf-1", "small"]))
        self.assertEqual(fit.configuration("small").text("description"), "Image, 1 CPU, 64 MiB")
        self.assertEqual(list(fit.images), ["kernel", "ramdisk", "disk-0", "tree", "tree-small"])
        vm = fit.configuration("small")
        self.assertEqual((vm.text("fdt"), vm.text("kernel"), vm.text("loadables")), ("tree-small", "kernel", "disk-0"))
        self.assertNotIn("ramdisk", vm.properties)
        self.assertEqual(len(self.guest(fit, "tree-small").cpus()), 1)
        self.assertEqual(fit.content("kernel"), image(3 * MIB))
        self.assertEqual(fit.configuration("conf-1").text("description"), "Image, 4 CPUs, 512 MiB")

    def test_third(self):
        """What was shared stays so, and what was compressed is not again."""
        self.pack("--quiet", "--compress", "lz4")
        self.pack("--quiet", "--compress", "lz4", "--add", "--config", "two", "--smp", "2")
        before = bundle.read(self.out)
        self.pack("--quiet", "--compress", "lz4", "--add", "--config", "one", "--smp", "1")
        fit = bundle.read(self.out)
        self.assertEqual(list(fit.images), [*before.images, "tree-one"])
        for name in before.images:
            self.assertEqual(fit.content(name), before.content(name))
            for prop in ("load", "entry", "compression", "os", "type"):
                self.assertEqual(fit.images[name].properties.get(prop), before.images[name].properties.get(prop))

    def test_refused(self):
        self.pack("--quiet")
        before = self.data()
        for words, options in (("a configuration 'conf-1' already", ["--add"]),
                               ("--add needs a bundle", ["--add", "--config", "x", "--format", "fit"])):
            status, _, err = self.run_pack(*options)
            self.assertEqual(status, 1)
            self.assertIn(words, err)
            self.assertEqual(self.data(), before)

    def test_no_bundle(self):
        for data, words in ((image(), "made without `tools/traproom pack`"), (b"x" * 100, "is no bundle"),
                            (image() + self.fit_of("/ { };"), "no FIT"), (b"\xd0\r\xfe\xed" + bytes(100), "bootm")):
            with self.assertRaisesRegex(Problem, words):
                bundle.read(self.write("x", data))

    def test_names(self):
        """A name must not become more of the source that mkimage reads."""
        self.refused("--config a b: a name has up to 31 letters", "--config", "a b")
        for part in ("images", "configurations"):
            nodes = {"images": "x {};", "configurations": "y {};"}
            tree = fdt.parse(self.fit_of("/ { " + " ".join(f"{name} {{ {node} }};" for name, node in nodes.items()) + "};"), "t")
            tree.root.child(part).children[0].name = 'a{};b=/incbin/("/etc/hostname");c'
            with self.assertRaisesRegex(Problem, "is no name of an image or a configuration"):
                bundle.read(self.write("x", image() + tree.pack()))

    def test_mutated(self):
        """Each can be taken in, or is refused in a sentence."""
        self.write("build/images/Image", image(0x2000))
        self.pack("--quiet")
        whole, chance = self.data()[IN_MEMORY:], random.Random(SEED)
        end = struct.unpack_from(">I", whole, 4)[0]
        for _ in range(ROUNDS):
            try:
                read = fit.Fit(mutate(whole[:end], chance) + whole[end:], "bundle")
                for name in read.configurations:
                    read.guest(name)
                    read.unpacked_sizes(name)
                taken = [read.image(name, self.path("taken")) for name in read.images]
                fit.source(read.description, taken, {name: [] for name in read.configurations}, [self.out] * len(taken))
            except Problem as problem:
                self.assertNotRegex(str(problem), PYTHON)

    @staticmethod
    def fit_of(text):
        return compile_dts("/dts-v1/; " + text)

    def test_cut_short(self):
        self.pack("--quiet")
        fit = bundle.read(self.write("x", self.data()[:-0x2000]))
        with self.assertRaisesRegex(Problem, r"cut short: the image 'tree' ends at byte \d+ of \d+"):
            fit.content("tree")


class Runs(PackTest):
    def test_run(self):
        """QEMU gets the file and nothing else to load; a device is where the tree has it."""
        disk = self.write("disk", bytes(4096))
        self.pack("--quiet", "--smp", "3")
        self.pack("--quiet", "--add", "--config", "two", "--smp", "2", "--disk", disk)
        status, _, err = self.run_launcher("--bundle", self.out)
        self.assertEqual(status, 0, err)
        arguments = self.arguments()
        self.assertEqual(arguments[arguments.index("-kernel") + 1], self.out)
        self.assertEqual(arguments[arguments.index("-smp") + 1], "3")
        self.assertNotIn("-device", arguments)
        status, _, err = self.run_launcher("--bundle", self.out, "--config", "two", "--disk", disk)
        self.assertEqual(status, 0, err)
        line = " ".join(self.arguments())
        self.assertIn("-append traproom.config=two", line)
        self.assertRegex(line, "-smp 2 .*bus=virtio-mmio-bus.0")

    def test_refused(self):
        self.pack("--quiet")
        for options, words in ((["--kernel", "x"], "--kernel is of the guest, which is in the file"),
                               (["--bare"], "--bare does not go with --bundle"),
                               (["--config", "x"], "has no configuration 'x': it has conf-1"),
                               (["--rng"], "has 0 devices of the machine's, and the options make 1")):
            status, _, err = self.run_launcher("--bundle", self.out, *options)
            self.assertEqual(status, 1)
            self.assertIn(words, err)
        self.assertIn("--config chooses one in a bundle", self.run_launcher("--config", "x")[2])


class Outer(PackTest):
    def test_fit(self):
        self.pack("--quiet")
        plain = self.data()
        self.assertIn("bootm", self.pack("--format", "fit"))
        listed = subprocess.run(["dumpimage", "-l", self.out], capture_output=True, text=True, check=True).stdout
        for words in ("(traproom)", "Load Address: 0x40200000", "Entry Point:  0x40200000", "Hash algo:    sha256"):
            self.assertIn(words, listed)
        again = self.path("again")
        self.pack("--quiet", "--format", "fit", "--bundle", self.write("plain", plain), out=again)
        with open(again, "rb") as one, open(self.out, "rb") as other:
            self.assertEqual(one.read(), other.read())
        inner = self.path("inner")
        subprocess.run(["dumpimage", "-T", "flat_dt", "-p", "0", "-o", inner, self.out], capture_output=True, check=True)
        with open(inner, "rb") as file:
            self.assertEqual(file.read(), plain)


class Elf(PackTest):
    def test_kernel_and_app(self):
        """They keep what their headers say: where the kernel's lowest byte goes is all that is told."""
        kernel, app = self.write("k.elf", elf(0x48400000)), self.write("a.elf", elf(0x400000))
        self.pack("--quiet", "--kernel", kernel, "--app", app, "--disk", "none")
        fit = bundle.read(self.out)
        self.assertEqual(list(fit.images), ["kernel", "app", "tree"])
        for name, load in (("kernel", 0x48400000), ("app", 0x48600000)):
            node = fit.images[name]
            self.assertEqual((node.text("os"), int.from_bytes(node.properties["load"], "big")), ("elf", load))
            self.assertNotIn("entry", node.properties)
        self.assertEqual(fit.configuration(None).text("app"), "app")
        self.assertEqual(self.guest(fit).number(self.guest(fit).chosen.child("app"), "start"), 0x48600000)
        self.assertNotIn("traproom,app", self.guest(fit).chosen.properties)


class Firmware(PackTest):
    """Nothing but the tree and what the banks of flash begin with."""

    def setUp(self):
        super().setUp()
        self.code = self.write("u-boot.bin", b"firmware" * 1000)

    def pack(self, *options, **more):
        status, out, err = self.run_pack("--firmware", *options, **more)
        self.assertEqual((status, err), (0, f"traproom: {pack.FORGETS}\n"))
        return out

    def flash(self, fit):
        """Its node."""
        return self.guest(fit).root.child("flash@0")

    def test_images(self):
        self.pack(self.code)
        fit = bundle.read(self.out)
        vm = fit.configuration(None)
        self.assertEqual((list(fit.images), vm.texts("loadables"), vm.text("kernel")), (["flash-0", "tree"], ["flash-0"], ""))
        self.assertEqual(fit.content("flash-0"), b"firmware" * 1000)
        self.assertEqual(fit.images["flash-0"].child("hash-1").text("algo"), "crc32")
        self.assertEqual(vm.text("description"), "u-boot.bin, 4 CPUs, 512 MiB")
        self.assertEqual(self.flash(fit).texts("traproom,image"), ["flash-0", ""])
        self.assertNotIn("traproom,flash", self.flash(fit).properties)
        self.assertEqual(self.guest(fit).kernel_address(), 0)
        self.assertEqual(int.from_bytes(fit.images["tree"].properties["load"], "big"), 0x40000000)

    def test_variables(self):
        """A copy, but for its erased end; the file stays as it is."""
        kept = self.write("kept", (b"v" * 999).ljust(64 * MIB, b"\xff"))
        os.chmod(kept, 0o444)
        self.pack(f"{self.code},vars={kept}", "--disk", self.write("d", bytes(512)) + ",ram")
        fit = bundle.read(self.out)
        self.assertEqual(fit.content("flash-1"), b"v" * 999)
        self.assertEqual(self.flash(fit).texts("traproom,image"), ["flash-0", "flash-1"])
        self.assertEqual(fit.configuration(None).texts("loadables"), ["disk-0", "flash-0", "flash-1"])
        self.pack(f"{self.code},vars={self.write('erased', MIB * bytes([255]))}")
        self.assertEqual(self.flash(bundle.read(self.out)).texts("traproom,image"), ["flash-0", ""])

    def test_alike(self):
        """What a guest writes to is not shared within it, but it is among configurations."""
        self.pack(f"{self.code},vars={self.code}")
        self.pack(f"{self.code},vars={self.code}", "--add", "--config", "two", "--smp", "1")
        fit = bundle.read(self.out)
        self.assertEqual(list(fit.images), ["flash-0", "flash-1", "tree", "tree-two"])
        for name in fit.configurations:
            self.assertEqual(fit.configuration(name).texts("loadables"), ["flash-0", "flash-1"])

    def test_machine(self):
        """It has room for the banks, by the line and by a run."""
        line = self.pack(self.code, "--mem", "64M")
        status, _, err = self.run_launcher("--bundle", self.out)
        self.assertEqual(status, 0, err)
        size = int(re.search(r"-m (\d+)M", line)[1])
        self.assertEqual(self.arguments()[self.arguments().index("-m") + 1], f"{size}M")
        self.assertGreater(size, 64 + 128)

    def test_refused(self):
        self.refused("u-boot.bin has 67108865 bytes, more than a bank of flash has, 67108864", "--firmware",
                     self.write("u-boot.bin", bytes(64 * MIB + 1)))
        self.write("u-boot.bin", b"f")
        self.refused("a bundle can't write to: its content goes into one by --firmware FILE,vars=FILE",
                     "--firmware", self.code, "--flash", self.path("kept"))
        self.refused("--kernel does not go with --firmware", "--firmware", self.code, "--kernel", "x")
        self.pack(self.code)
        for option, words in (("--flash", "the flash of a guest in a file is memory"), ("--firmware", "give it to `tools/traproom pack`")):
            status, _, err = self.run_launcher("--bundle", self.out, option, self.code)
            self.assertEqual(status, 1)
            self.assertIn(words, err)


class Refusals(PackTest):
    def test_options(self):
        for option, words in ((["--timeout", "5"], "--timeout is of a run"), (["--cmd", "true"], "--cmd needs the launcher"),
                              (["--tap"], "--tap is of a run"), (["--bare"], "leaves Traproom out"),
                              (["--gdb"], "--gdb is of a run"), (["--sign", "k.key"], "needs --format fit"),
                              (["--bundle", "x"], "--bundle goes with --format fit"),
                              (["--bundle", "x", "--format", "fit", "--smp", "2"], "--smp is of the guest, which is in"),
                              (["--share", self.folder.name], "add ,9p"), (["--smp", "2", "--dtb", "x"], "go with --dtb"),
                              (["--model", "x=unix:y"], "needs the model's program")):
            self.refused(words, *option)

    def test_hypervisor(self):
        for data in (b"\x7fELF" + bytes(100), image()):
            self.refused("is not Traproom's Image", "--hypervisor", self.write("h", data))

    def tree(self, chosen):
        return self.write("t.dtb", compile_dts(TREE % chosen))

    def test_places(self):
        common = ("--disk", "none", "--dtb")
        self.refused(r"the kernel, .*Image, at \[0x58000000, 0x582fffff\] is not within the guest's RAM, 256 MiB at "
                     "0x48000000", *common, self.tree("traproom,kernel-address = <0 0x58000000>;"))
        self.refused(r"the initramfs, .*, at \[0x57ffff00, 0x580002e8\] is not within", *common,
                     self.tree("linux,initrd-start = <0 0x57ffff00>; linux,initrd-end = <0 0x58000000>;"))
        self.refused(r"the initramfs .* at \[0x48200000, 0x482003e8\] overlaps the kernel .* at \[0x48000000, 0x482fffff\]",
                     *common, self.tree("traproom,kernel-address = <0 0x48000000>; linux,initrd-start = <0 0x48200000>; "
                                        "linux,initrd-end = <0 0x48300000>;"))

    def test_tools(self):
        """One that is not there."""
        os.makedirs(self.path("few"))
        for name in ("python3", "dtc", "sh"):
            os.symlink(subprocess.run(["which", name], capture_output=True, text=True, check=True).stdout.strip(),
                       self.path(f"few/{name}"))
        self.environment = lambda _: {"PATH": self.path("few"), "TRAPROOM_BUILD": self.path("build")}
        self.refused("mkimage is not installed: run tools/setup run", "--format", "fit")
        self.refused("lz4 is not installed: run tools/setup run", "--compress", "lz4")


if __name__ == "__main__":
    unittest.main()
