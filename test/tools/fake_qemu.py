#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Stands in for qemu-system-aarch64 in test_run.py: notes its arguments, keeps copies of the
files it was to load, and behaves as FAKE_QEMU, a Python program, says."""

import json
import os
import re
import shutil
import sys

FOLDER = os.environ["FAKE_FOLDER"]


def keep_files(arguments):
    """Copies by address; the launcher removes its own files when QEMU ends."""
    for argument in arguments:
        match = re.fullmatch(r"loader,file=(.*),addr=(0x[0-9a-f]+),force-raw=on", argument)
        if match:
            shutil.copy(match.group(1).replace(",,", ","), os.path.join(FOLDER, match.group(2)))


def nonce():
    """The one of --cmd, from the last archive of the initramfs."""
    for name in os.listdir(FOLDER):
        if name.startswith("0x"):
            with open(os.path.join(FOLDER, name), "rb") as image:
                found = re.search(rb"traproom/nonce\0+([0-9a-f]{16})\n", image.read())
            if found:
                return found.group(1).decode()
    return None


with open(os.path.join(FOLDER, "arguments"), "w", encoding="utf-8") as file:
    json.dump(sys.argv[1:], file)
keep_files(sys.argv[1:])
exec(os.environ.get("FAKE_QEMU", ""))  # pylint: disable=exec-used
