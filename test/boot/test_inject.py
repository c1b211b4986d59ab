#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""--inject: devices that misbehave as rules say, and what Linux's own drivers do about it. The table in
docs/driver-testing.md has the results."""

import re
import unittest

from support import BootTest, tail


class InjectTest(BootTest):
    def disk(self, name, mib=8):
        """An image, its bytes the numbers of their sectors."""
        with open(self.path(name), "wb") as file:
            for sector in range(mib * 2048):
                file.write(sector.to_bytes(4, "little") * 128)
        return self.path(name)

    def injected(self, command, rules, *options, status=0):
        """(What the guest printed, the lines of the log)."""
        with open(self.path("rules"), "w", encoding="utf-8") as file:
            file.write("\n".join(rules))
        out = self.command(command, "--inject", self.path("rules"), "--inject-log", self.path("log"), *options,
                           status=status)
        return out, self.log()

    def log(self):
        with open(self.path("log"), encoding="utf-8") as file:
            return file.read().splitlines()

    def acted(self, log, number, at_least=1):
        """The rule did something, and its lines say when and to what."""
        lines = [line for line in log if re.match(rf"[0-9]+\.[0-9]{{9}} s: rule {number} \(", line)]
        self.assertGreaterEqual(len(lines), at_least, tail("\n".join(log)))
        return lines


class Failing(InjectTest):
    def test_io_error(self):
        """In memory and on a disk of the machine's, the sector that the rule names and no other."""
        rules = [f"{name} read sector=0x40 : fail ioerr" for name in ("disk0", "disk1")]
        script = "for d in vda vdb; do dd if=/dev/$d of=/dev/null bs=512 skip=72 count=64 iflag=direct && " \
                 "! dd if=/dev/$d of=/dev/null bs=512 skip=64 count=1 iflag=direct || exit 1; done; dmesg"
        out, log = self.injected(script, rules, "--disk", self.disk("a") + ",ram", "--disk", self.disk("b"))
        for index, name in enumerate(("vda", "vdb"), 1):
            self.assertIn(f"I/O error, dev {name}, sector 64 op 0x0:(READ)", out)
            for line in self.acted(log, index):
                self.assertTrue(line.endswith("read, sector 64"), line)


if __name__ == "__main__":
    unittest.main()
