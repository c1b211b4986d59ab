#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Devices that a program on this machine plays (docs/models.md), as Linux sees them."""

import os
import unittest

from support import REPO, BootTest

MODELS = os.path.join(REPO, "guest", "model")


class Models(BootTest):
    def model(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def test_one_register(self):
        out = self.command("busybox devmem 0xc000000; busybox devmem 0xc000ff0 16; ls /proc/device-tree/smallest@c000000",
                           "--quiet", "--model", os.path.join(MODELS, "smallest.py"))
        self.assertEqual(out.split(), ["0x20594F54", "0x0000", "compatible", "interrupts", "name", "reg"])

    def test_dies(self):
        status, _, err = self.launch("--cmd", "busybox devmem 0xc000000", "--model",
                                     self.model("toy.py", "COMPATIBLE = 'x'\ndef read(offset, size): exit(7)"))
        self.assertEqual(status, 119)
        self.assertIn("the model toy has ended, with status 7", err)

    def test_hangs(self):
        text = "COMPATIBLE = 'x'\ndef read(offset, size):\n    while True: pass"
        status, _, err = self.launch("--cmd", "busybox devmem 0xc000000", "--model", self.model("toy.py", text),
                                     "--model-timeout", "2")
        self.assertEqual(status, 119)
        self.assertIn("the model toy has not answered a read of 4 bytes at 0x0 for 2 s", err)


if __name__ == "__main__":
    unittest.main()
