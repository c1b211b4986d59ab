#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""--dtb: trees of one's own, and QEMU's."""

import os
import subprocess
import unittest

from support import BUILD, BootTest

# As the kernel shows them; %s: the first address of each piece of RAM.
RAM = "echo ram=$(sed -n 's/^\\([0-9a-f]*\\)-.*System RAM/\\1/p' /proc/iomem | tr '\\n' ' ')"

KERNEL = "echo kernel=$(sed -n 's/^ *\\([0-9a-f]*\\)-.*Kernel code/\\1/p' /proc/iomem)"


class Trees(BootTest):
    def test_from_qemu(self):
        """RAM at 0x40000000, many devices that are not offered, the disk behind the first slot."""
        path = self.path("dump.dtb")
        subprocess.run(["qemu-system-aarch64", "-M", f"virt,gic-version=3,dumpdtb={path}", "-cpu",
                        "max", "-smp", "2", "-m", "384", "-nodefaults", "-display", "none"],
                       check=True, capture_output=True)
        out = self.command(f"nproc; {RAM}; head -c 20 /mnt/disk/hello.txt; echo", "--dtb", path,
                           "--append", "console=ttyAMA0")
        self.assertIn("40000000", self.value(out, "ram"))
        self.assertIn("This file lies", out)
        self.assertIn("warning: ", out)

    def test_memory_elsewhere(self):
        path = self.own_tree(("memory@48000000", "memory@80000000"),
                             ("0x48000000 0x0 0x20000000", "0x80000000 0x0 0x10000000"))
        out = self.command(RAM, "--dtb", path)
        self.assertIn("80000000", self.value(out, "ram"))

    def test_memory_far_up_and_in_pieces(self):
        path = self.own_tree(("0x48000000 0x0 0x20000000>", "0x48000000 0x0 0x10000000>, "
                              "<0x4 0x00000000 0x0 0x10000000>"))
        out = self.command(f"{RAM}; dd if=/dev/zero of=/tmp/big bs=1M count=200 && rm /tmp/big",
                           "--dtb", path)
        self.assertIn("400000000", self.value(out, "ram"))

    def test_memory_from_an_odd_megabyte(self):
        """The kernel goes to a multiple of 2 MiB all the same."""
        path = self.own_tree(("0x48000000 0x0 0x20000000>", "0x48100000 0x0 0x1ff00000>"))
        out = self.command(f"{RAM}; {KERNEL}; ! dmesg | grep -i misaligned", "--dtb", path)
        self.assertEqual(self.value(out, "ram"), "48100000")
        self.assertRegex(self.value(out, "kernel"), "^482")

    def test_memory_highest_first(self):
        """And the lowest piece is too small for the kernel."""
        path = self.own_tree(("0x48000000 0x0 0x20000000>", "0x80000000 0x0 0x10000000>, "
                              "<0x0 0x54000000 0x0 0x10000000>, <0x0 0x50000000 0x0 0x400000>"))
        out = self.command(f"{RAM}; {KERNEL}", "--dtb", path)
        self.assertEqual(self.value(out, "ram"), "50000000 54000000 80000000")
        self.assertRegex(self.value(out, "kernel"), "^540")

    def test_reserved_memory(self):
        """Where the kernel and the initramfs would go otherwise, by a node and by /memreserve/."""
        path = self.own_tree(
            ("/dts-v1/;", "/dts-v1/;\n/memreserve/ 0x48000000 0x1000;"),
            ("\tchosen {", "\treserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;\n"
             "fw@54000000 { reg = <0 0x54000000 0 0x1000000>; no-map; }; };\n\tchosen {"))
        out = self.command(f"{KERNEL}; dmesg | grep -ci 'failed to reserve'; grep vda /proc/mounts",
                           "--dtb", path)
        self.assertRegex(self.value(out, "kernel"), "^482")
        self.assertIn("\n0\n", out)

    def test_reserved_memory_where_the_tree_puts_the_initramfs(self):
        path = self.own_tree(
            ("\tchosen {", "\treserved-memory { #address-cells = <2>; #size-cells = <2>; ranges;\n"
             "fw@54000000 { reg = <0 0x54000000 0 0x1000000>; }; };\n\tchosen {\n"
             "linux,initrd-start = <0x53ff0000>; linux,initrd-end = <0x53ff1000>;"))
        status, out, err = self.launch("--dtb", path)
        self.assertEqual((status, out), (1, ""))
        self.assertRegex(err, "initramfs .*0x53ff0000.* overlaps /reserved-memory/fw@54000000 at")

    def test_node_of_the_users_own(self):
        """With registers that keep what is written, or with nothing behind it."""
        path = self.own_tree(("\tvirtio_mmio@a000000 {", "\ttdrv@b000000 { compatible = \"acme,tdrv\"; "
                              "reg = <0x0 0x0b000000 0x0 0x1000>; };\n\tvirtio_mmio@a000000 {"))
        access = "ls /sys/bus/platform/devices; devmem 0xb000004 32 0x1234; devmem 0xb000004 32"
        out = self.command(access, "--dtb", path, "--registers", "tdrv")
        self.assertIn("b000000.tdrv\n", out)
        self.assertIn("0x00001234\n", out)
        out = self.command(access, "--dtb", path, "--pass", "/tdrv@b000000", status=135)  # SIGBUS
        self.assertIn("b000000.tdrv\n", out)

    def test_cpus_with_aff0_above_15(self):
        """They come, SGIs reach them, and Linux is told so."""
        path = self.own_tree(("cpu@2", "cpu@11"), ("reg = <2>", "reg = <0x11>"),
                             ("cpu@3", "cpu@c8"), ("reg = <3>", "reg = <0xc8>"))
        out = self.command("echo cpus=$(nproc); "
                           "echo ipis=$(awk '/IPI1:/ {print ($4 > 0), ($5 > 0)}' /proc/interrupts); "
                           "dmesg | grep 'GICv3 features'; ! dmesg | grep \"can't SGI\"", "--dtb", path)
        self.assertEqual(self.value(out, "cpus"), "4")
        self.assertEqual(self.value(out, "ipis"), "1 1")
        self.assertRegex(out, "GICv3 features:.* RSS")

    def test_disk_behind_what_the_guest_sees(self):
        """The first slot is on a bus that is disabled."""
        path = self.own_tree(("\tvirtio_mmio@a000000 {", "\tbus { compatible = \"simple-bus\"; "
                              "#address-cells = <2>; #size-cells = <2>; ranges; status = \"disabled\";\n"
                              "\tvirtio_mmio@a000000 {"),
                             ("\t};\n\n\tvirtio_mmio@a000200", "\t}; };\n\n\tvirtio_mmio@a000200"))
        out = self.command("readlink /sys/block/vda", "--dtb", path)
        self.assertIn("/a000200.", out)

    def test_nothing_to_be_seen(self):
        """A tree with no word on the console: said so before, and mended by --append."""
        path = self.own_tree(("stdout-path = &uart;", ""), ("bootargs = \"console=ttyAMA0\";", ""))
        status, out, err = self.launch("--dtb", path, "--cmd", "true")
        self.assertEqual((status, out), (1, ""))
        self.assertIn("--append console=ttyAMA0", err)
        self.command("true", "--dtb", path, "--append", "console=ttyAMA0")

    def test_nodes_of_the_user(self):
        """What needs nothing of the machine passes, the rest as its node says."""
        path = self.own_tree(("\tchosen {", """\ttdrv { compatible = "acme,tdrv"; };
            soc { compatible = "simple-bus"; #address-cells = <1>; #size-cells = <1>;
                  ranges = <0 0 0x20000000 0x100000>;
                  a@1000 { compatible = "acme,a"; reg = <0x1000 0x100>; traproom,registers; };
                  b@2000 { compatible = "acme,b"; reg = <0x2000 0x100>; traproom,pass; };
                  c@3000 { compatible = "acme,c"; reg = <0x3000 0x100>; }; };\n\tchosen {"""))
        out = self.command("cd /proc/device-tree; ls -d tdrv; "
                           "echo off=$(echo soc/*/status); "
                           "busybox devmem 0x20001010 32 0x1234abcd; "
                           "echo value=$(busybox devmem 0x20001012 16); "
                           "busybox devmem 0x20002000 || echo pass=$?", "--dtb", path)
        self.assertEqual(self.value(out, "off"), "soc/c@3000/status")
        self.assertEqual(self.value(out, "value"), "0x1234")
        self.assertNotEqual(self.value(out, "pass"), "0")
        self.assertIn("/soc/c@3000 (acme,c) is not offered", out)

    def test_initramfs_where_the_tree_says(self):
        path = self.own_tree(("stdout-path", "linux,initrd-start = <0x5a345000>; "
                              "linux,initrd-end = <0x5a345000>; stdout-path"))
        out = self.command("od -An -tx1 /proc/device-tree/chosen/linux,initrd-start", "--dtb", path)
        self.assertIn(" 00 00 00 00 5a 34 50 00\n", out)

    def test_slot_without_a_disk(self):
        """Two slots, both empty: no device, and no complaint."""
        self.command("[ ! -e /dev/vda ]", "--dtb", self.own_tree(), "--disk", "none")

    def test_properties_are_kept_from_the_guest(self):
        out = self.command("find /proc/device-tree/ -name 'traproom*' | wc -l")
        self.assertIn("\n0\n", out)

    def test_hypervisor_as_an_image(self):
        """QEMU then puts the machine's tree to where the guest's RAM is to be: Traproom has read it by then."""
        image = os.path.join(BUILD, "hyp", "traproom.img")
        self.assertIn("\n4\n", self.command("echo; nproc", "--hypervisor", image))

    def test_contradiction(self):
        """A tree that can't be honoured is refused by name, before the guest runs."""
        path = self.own_tree(("reg = <0x0 0x09000000 0x0 0x1000>",
                              "reg = <0x0 0x08000000 0x0 0x1000>"))
        status, out, err = self.launch("--dtb", path)
        self.assertEqual(status, 1, out + err)
        self.assertIn("[traproom] error: ", out)
        self.assertIn("pl011", out)
        self.assertNotIn("Booting Linux", out)


if __name__ == "__main__":
    unittest.main()
