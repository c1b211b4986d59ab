#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The same Linux on each CPU model, with few and many CPUs, little and much RAM; what is said of a
machine that will not do."""

import os
import subprocess
import sys
import tempfile
import unittest

from support import BUILD, LIMIT, REPO, BootTest

sys.path.insert(0, os.path.join(REPO, "tools"))
from launcher import fdt  # noqa: E402

# Floating point in several processes at once, each of which must see its own registers.
WORK = """
set -e
echo cpus=$(nproc)
for i in 1 2 3 4; do
    awk -v i=$i 'BEGIN { for (n = 0; n < 3000; n++) s += sqrt(n * i); printf "%.6f\\n", s }' \
        >/tmp/first$i &
done
wait
for i in 1 2 3 4; do
    awk -v i=$i 'BEGIN { for (n = 0; n < 3000; n++) s += sqrt(n * i); printf "%.6f\\n", s }' |
        cmp - /tmp/first$i
done
echo mem=$(sed -n 's/^MemTotal: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo)
"""


class Models(BootTest):
    def check(self, model):
        self.assertEqual(self.value(self.command(WORK, "--cpu", model), "cpus"), "4")

    def test_max(self):
        self.check("max,pauth-impdef=on")

    def test_cortex_a53(self):
        self.check("cortex-a53")

    def test_cortex_a72(self):
        self.check("cortex-a72")

    def test_neoverse_n1(self):
        self.check("neoverse-n1")


class Sizes(BootTest):
    def check(self, cpus, memory, megabytes):
        out = self.command(WORK, "--smp", cpus, "--mem", memory)
        self.assertEqual(self.value(out, "cpus"), cpus)
        # Linux keeps some for itself before it counts.
        self.assertGreater(int(self.value(out, "mem")), (megabytes * 85 // 100 - 80) * 1024)
        self.assertLess(int(self.value(out, "mem")), megabytes * 1024)

    def test_one_cpu_little_memory(self):
        self.check("1", "192M", 192)

    def test_two_cpus_more_memory(self):
        self.check("2", "3G", 3072)

    def test_many_cpus(self):
        self.check("16", "1G", 1024)


class Unfit(unittest.TestCase):
    """QEMU by hand, with the hypervisor alone: it says what is missing, and powers off."""

    def qemu(self, *options):
        return subprocess.run(
            ["qemu-system-aarch64", "-cpu", "cortex-a72", "-nodefaults", "-display", "none",
             "-serial", "stdio", *options, "-kernel", os.path.join(BUILD, "hyp", "traproom.elf")],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT, check=True)

    def check(self, words, *options):
        done = self.qemu(*options)
        self.assertRegex(done.stdout, words)
        self.assertRegex(done.stdout.splitlines()[-1], r"^\[traproom\] exit: ")

    def test_gic_version_2(self):
        self.check('no enabled "arm,gic-v3"', "-M", "virt,virtualization=on", "-m", "512")

    def test_gic_version_2_and_a_far_uart(self):
        """It can't be said: the first map does not reach so far. Nothing touches the UART."""
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "tree")
            self.qemu("-M", f"virt,virtualization=on,dumpdtb={path}", "-m", "512")
            with open(path, "rb") as file:
                tree = fdt.parse(file.read(), path)
            uart = next(node for node in tree.root.children if node.name.startswith("pl011@"))
            uart.set_u64s("reg", 1 << 44, 0x1000)
            with open(path, "wb") as file:
                file.write(tree.pack())
            done = self.qemu("-M", "virt,virtualization=on", "-m", "512", "-dtb", path, "-d", "int")
        self.assertEqual(done.stdout, "")
        self.assertNotIn("Data Abort", done.stderr)

    def test_image_across_a_gib(self):
        """Loaded as a boot loader would, the last page of a GiB and on: both are mapped."""
        image = os.path.join(BUILD, "hyp", "traproom.img")
        done = subprocess.run(
            ["qemu-system-aarch64", "-cpu", "cortex-a72", "-nodefaults", "-display", "none",
             "-serial", "stdio", "-M", "virt,virtualization=on,gic-version=3", "-m", "2G",
             "-device", f"loader,file={image},addr=0x7ffff000,force-raw=on",
             "-device", "loader,addr=0x7ffff000,cpu-num=0"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=True)
        self.assertRegex(done.stdout, "no bundle: .* there is none at 0x47000000")

    def test_no_guest(self):
        self.check("no bundle: .* there is none at 0x47000000", "-M", "virt,virtualization=on,gic-version=3",
                   "-m", "512")

    def test_no_room_for_a_guest(self):
        self.check("no bundle: .* there is none at 0x47000000", "-M", "virt,virtualization=on,gic-version=3",
                   "-m", "64")


if __name__ == "__main__":
    unittest.main()
