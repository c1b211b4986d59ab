#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the user brings along: files by --put, modules, a kernel through a pipe."""

import hashlib
import os
import shutil
import subprocess
import unittest

from support import BUILD, SYSROOT, BootTest

CHECK = """
set -e
tests/sub/run "$(printf '\\377')" | od -An -tx1
readlink tests/link
stat -c 'mode=%a' tests/sub
echo sum=$(sha256sum </opt/in/big)
grep '^dm_mod ' /proc/modules
modprobe loop
grep vda /proc/mounts
cat /root/over
"""


class Inputs(BootTest):
    def write(self, name, data, mode=0o644):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "wb") as file:
            file.write(data)
        os.chmod(self.path(name), mode)

    def test_files_modules_and_a_pipe(self):
        self.write("tests/sub/run", b"#!/bin/sh\nprintf '%s\\n' \"$1\"\n", 0o755)
        os.chmod(self.path("tests/sub"), 0o750)
        os.symlink("sub/run", self.path("tests/link"))
        big = os.urandom(1 << 20) * 20
        self.write("big", big)
        self.write("first/root/over", b"first\n")
        self.write("second", b"second\n")
        os.mkfifo(self.path("kernel"))
        with subprocess.Popen(["sh", "-c", 'cat "$0" >"$1"', os.path.join(BUILD, "images", "Image"),
                               self.path("kernel")]):
            out = self.command(CHECK, "--kernel", self.path("kernel"), "--put", self.path("tests"),
                               "--put", self.path("big") + ":/opt/in/",
                               "--put", self.path("first/.") + ":/",
                               "--put", self.path("second") + ":over",
                               "--modules", SYSROOT,
                               "--modprobe", "dm_mod", "--modprobe", "loop")
        self.assertIn(" ff 0a\n", out)
        self.assertIn("\nsub/run\n", out)
        self.assertEqual(self.value(out, "mode"), "750")
        self.assertTrue(self.value(out, "sum").startswith(hashlib.sha256(big).hexdigest()))
        self.assertIn("\nsecond\n", out)

    def test_root_of_ones_own(self):
        """No other initramfs at all: --put makes one."""
        busybox = os.path.join(SYSROOT, "usr", "bin", "busybox")
        if not os.path.exists(busybox):
            busybox = os.path.join(SYSROOT, "bin", "busybox")
        os.makedirs(self.path("root/bin"))
        shutil.copy(busybox, self.path("root/bin/sh"))
        self.write("root/init", b"#!/bin/sh\necho this is mine\n"
                   b"busybox poweroff -f\n", 0o755)
        os.symlink("sh", self.path("root/bin/busybox"))
        os.makedirs(self.path("root/dev"))
        status, out, err = self.launch("--initrd", "none", "--put", self.path("root/.") + ":/")
        self.assertEqual(status, 0, out + err)
        self.assertIn("this is mine", out)


if __name__ == "__main__":
    unittest.main()
