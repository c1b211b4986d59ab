#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""guest/module/, drivers built out of tree with what tools/headers fetched: into the guest by --put and
--module, bound to a node of the user's own, and out again."""

import os
import subprocess
import unittest

from support import BUILD, REPO, BootTest

# A node that the driver likes, and one that it refuses.
NODES = """
/ {
    widget { compatible = "acme,tdrv"; acme,label = "left"; };
    nameless { compatible = "acme,tdrv"; };
};
"""
MODULE = os.path.join(BUILD, "module", "tdrv.ko")
MISBEHAVE = os.path.join(BUILD, "module", "misbehave.ko")
NOT_LOADED = 114
CHECK = """
set -e
insmod tdrv.ko
dmesg | grep -q 'tdrv widget: probed: left'
echo label=$(cat /sys/bus/platform/drivers/tdrv/widget/label)
[ -z "$(dmesg | grep 'no acme,label' | grep -v nameless)" ]
[ ! -e /sys/bus/platform/drivers/tdrv/nameless ]
rmmod tdrv
[ ! -e /sys/bus/platform/drivers/tdrv ]
"""


@unittest.skipUnless(os.path.exists(MODULE), "the sample module is not built for this kernel")
class Module(BootTest):
    def tree(self):
        with open(os.path.join(REPO, "dts", "virt.dts"), encoding="utf-8") as file:
            text = file.read() + NODES
        subprocess.run(["dtc", "-q", "-O", "dtb", "-o", self.path("tree")], input=text.encode(),
                       check=True)
        return self.path("tree")

    def test_probe(self):
        out = self.command(CHECK, "--dtb", self.tree(), "--put", MODULE)
        self.assertEqual(self.value(out, "label"), "left")

    def test_loaded_by_the_launcher(self):
        out = self.command("echo label=$(cat /sys/bus/platform/drivers/tdrv/widget/label)",
                           "--dtb", self.tree(), "--module", MODULE)
        self.assertEqual(self.value(out, "label"), "left")

    def test_does_not_load(self):
        """Its parameter is one that it refuses; what comes after is not loaded, and nothing is run."""
        for more in ("--cmd", "echo ran=1"), ():
            status, out, err = self.launch("--module", MISBEHAVE + ",how=unheard-of", "--module", MODULE, *more)
            self.assertEqual(status, NOT_LOADED, err)
            self.assertRegex(err, "--module misbehave.ko did not load: .*Invalid argument")
            self.assertNotIn("ran=1", out)
            self.assertNotIn("tdrv", out)


if __name__ == "__main__":
    unittest.main()
