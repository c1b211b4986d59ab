#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Debian's kernel, and the one of `make guest-kernel` where it has been built."""

import os
import unittest

from support import BUILD, BootTest

OWN = os.path.join(BUILD, "guest-kernel", "Image")
CHECK = """
set -e
uname -r
[ "$(nproc)" = 4 ]
echo probe >/mnt/disk/probe
[ -z "$(dmesg | grep -E 'BUG:|WARNING:|Oops|rcu.*stall|soft lockup')" ] || { dmesg | tail -n 60; exit 20; }
"""


class Kernels(BootTest):
    def test_debian(self):
        self.assertIn("-arm64", self.command(CHECK))

    @unittest.skipUnless(os.path.exists(OWN), "no own kernel: make guest-kernel builds it")
    def test_own(self):
        self.command(CHECK, "--kernel", OWN)

    @unittest.skipUnless(os.path.exists(OWN), "no own kernel: make guest-kernel builds it")
    def test_own_on_other_models(self):
        for model in ("cortex-a53", "neoverse-n1"):
            self.command(CHECK, "--kernel", OWN, "--cpu", model)


if __name__ == "__main__":
    unittest.main()
