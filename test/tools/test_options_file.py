#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""traproom.toml: options of a run out of a file, by options_file.py and by the launcher as a whole."""

import os
import unittest

from support import DeviceTest, MIB

TEXT = """
smp = 2
append = "quiet"
quiet = true
device = ["virtio-serial", "virtio-mem"]

[small]
smp = 1
mem = "64M"
append = false
reboot = false
device = "virtio-keyboard"
"""


class OptionsFile(DeviceTest):
    def here(self, text, *options):
        """Runs where there is such a file: the guest's tree."""
        self.write("driver/traproom.toml", text.encode())
        status, _, err = self.run_launcher(*options, cwd=self.path("driver"))
        self.assertEqual(status, 0, err)
        return self.tree(), err

    def wrong(self, words, text, *options):
        self.write("driver/traproom.toml", text.encode())
        status, _, err = self.run_launcher(*options, cwd=self.path("driver"))
        self.assertEqual(status, 1, err)
        self.assertRegex(err, rf"\Atraproom: {words}.*\n\Z")

    def test_each_run_has_them(self):
        tree, err = self.here(TEXT)
        self.assertEqual((len(tree.cpus()), err), (2, ""))
        self.assertEqual(tree.chosen.text("bootargs").split()[-1], "quiet")
        self.assertEqual([value.partition(",")[0] for value in self.devices()], ["virtio-serial-device", "virtio-mem"])

    def test_profile(self):
        tree, _ = self.here(TEXT, "small")
        self.assertEqual((len(tree.cpus()), tree.ram()[0][1]), (1, 64 * MIB))
        self.assertNotIn("quiet", tree.chosen.text("bootargs"))
        self.assertIn("traproom,no-reboot", tree.chosen.properties)
        self.assertEqual([value.partition(",")[0] for value in self.devices()], ["virtio-keyboard-device"])

    def test_command_line_is_on_top(self):
        tree, err = self.here(TEXT, "small", "--smp", "3", "--verbose", "--device", "virtio-serial", "--reboot")
        self.assertEqual(len(tree.cpus()), 3)
        self.assertIn("with the options in traproom.toml", err)
        self.assertNotIn("traproom,no-reboot", tree.chosen.properties)
        self.assertEqual([value.partition(",")[0] for value in self.devices()],
                         ["virtio-keyboard-device", "virtio-serial-device"])

    def test_left_out(self):
        self.assertEqual(len(self.here(TEXT, "--options", "none")[0].cpus()), 4)

    def test_another_file(self):
        """Its relative names are relative to it."""
        self.write("a,b/here/data.img", b"d" * 512)
        self.write("a,b/traproom.toml", b'disk = "here/data.img,ram"\nput = ["here/.:/x", "/etc/hostname"]\nquiet = true')
        status, _, err = self.run_launcher("--options", "../a,b/traproom.toml", cwd=self.path("bin"))
        self.assertEqual(status, 0, err)
        self.assertEqual(self.loaded(self.tree().virtio_nodes()[0], "traproom,disk"), b"d" * 512)

    def test_wrong(self):
        for words, text in ((r"traproom\.toml: smpp: no option", "smpp = 2"),
                            (r"traproom\.toml: smp: '99' is not a number", "smp = 99"),
                            (r"traproom\.toml: \[a\] smp: '99' is not", "[a]\nsmp = 99"),
                            (r"traproom\.toml: quiet: it is true or false", "quiet = 1"),
                            (r"traproom\.toml: smp: it is given once", "smp = [1]"),
                            (r"traproom\.toml: oops: 'no' is none of panic", "oops = 'no'"),
                            (r"traproom\.toml: append: it is a text", "append = true"),
                            (r"traproom\.toml: help: no option", "help = true"),
                            (r"traproom\.toml: Invalid value", "smp =")):
            self.wrong(words, text)
        self.wrong(r"traproom\.toml has no profile \[b\]; it has a", "[a]", "b")
        os.remove(self.path("driver/traproom.toml"))
        self.assertRegex(self.run_launcher("b", cwd=self.path("driver"))[2], "there is none here")


if __name__ == "__main__":
    unittest.main()
