#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""EDK2, GRUB and Debian from an EFI disk: to a login, a reboot, and off. Too long for `make test`; `make
efi-debian` runs it."""

import unittest

from firmware import DEBIAN_DISK, EDK2, FirmwareTest


class Debian(FirmwareTest):
    def log_in(self, child):
        self.expect(child, "GNU GRUB")
        self.expect(child, "efi-guest login: ")
        child.send("root\r")
        self.expect(child, r"root@efi-guest:~# ")

    def test_login_reboot_and_off(self):
        child = self.start(EDK2, "--flash", self.path("flash"), "--disk", DEBIAN_DISK + ",snapshot", "--net", "user")
        self.log_in(child)
        child.send("touch /kept; systemctl is-system-running --wait; networkctl --no-pager; date +year=%Y\r")
        self.expect(child, r"[\r\n](running|degraded)\r")
        self.expect(child, r"ether\s+\S*routable")
        self.expect(child, r"year=20[2-9]\d")
        child.send("reboot\r")
        self.expect(child, "guest resets")
        self.log_in(child)
        child.send("ls /kept; poweroff\r")
        self.expect(child, r"[\r\n]/kept\r")
        self.ends(child)


if __name__ == "__main__":
    unittest.main()
