#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A folder by 9p, which takes another kernel than the default one: the build's target full-kernel."""

import glob
import sys
import unittest

import test_devices
from support import BUILD

FOUND = glob.glob(f"{BUILD}/debian/full/boot/vmlinuz-*")
SKIPPED = 77


class Folder(test_devices.Folder):
    words, options = ",9p", ("--kernel", "".join(FOUND), "--modules", f"{BUILD}/debian/full")


if __name__ == "__main__":
    if not FOUND:
        sys.exit(SKIPPED)
    unittest.main()
