#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Boots in a row reach the shell; `make soak` has more of them."""

import unittest

from support import BootTest

BOOTS = 10


class Series(BootTest):
    def test_boots(self):
        for count in range(BOOTS):
            with self.subTest(boot=count):
                self.assertIn("\n4\n", self.command("echo; nproc"))


if __name__ == "__main__":
    unittest.main()
