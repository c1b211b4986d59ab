#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Twenty boots in a row reach the shell."""

import unittest

from support import BootTest

BOOTS = 20


class Series(BootTest):
    def test_boots(self):
        for count in range(BOOTS):
            with self.subTest(boot=count):
                self.assertIn("\n4\n", self.command("echo; nproc"))


if __name__ == "__main__":
    unittest.main()
