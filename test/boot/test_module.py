#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""guest/module/, drivers built out of tree with what tools/headers fetched: into the guest by --put and
--module, bound to a node of the user's own, and out again."""

import os
import shutil
import subprocess
import unittest

from support import BUILD, LAUNCHER, REPO, BootTest

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

# A driver whose init function gives that, in a repository of its own; what `git bisect run` asks of each commit.
KBUILD = "obj-m := hello.o\n"
HELLO = """#include <linux/module.h>

static int __init hello_init(void)
{{
    return {}; /* version {} */
}}
module_init(hello_init);
MODULE_LICENSE("GPL");
"""
BISECT = f"""
make -s -C {BUILD}/headers/linux M=$PWD || exit 125
{LAUNCHER} run --quiet --append quiet --module hello.ko --cmd true
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

    @unittest.skipUnless(shutil.which("git"), "no git")
    def test_bisection(self):
        """git finds the commit since which a module does not load."""
        def git(*words):
            return subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@localhost", *words], cwd=self.folder,
                                  env={name: value for name, value in os.environ.items() if name != "MAKEFLAGS"},
                                  check=True, capture_output=True, text=True).stdout
        git("init", "-q")
        for version, result in enumerate(("0", "0", "-EINVAL", "-EINVAL")):
            for name, text in (("Kbuild", KBUILD), ("hello.c", HELLO.format(result, version))):
                with open(self.path(name), "w", encoding="utf-8") as file:
                    file.write(text)
            git("add", "Kbuild", "hello.c")
            git("commit", "-qm", f"version {version}")
        git("bisect", "start", "HEAD", "HEAD~3")
        out = git("bisect", "run", "sh", "-c", BISECT)
        self.assertIn("is the first bad commit", out)
        self.assertRegex(out, r"(?m)^ +version 2$")


if __name__ == "__main__":
    unittest.main()
