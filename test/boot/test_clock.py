#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The clock under Linux: the date is right, and an alarm ends a `freeze`."""

import time
import unittest

from support import BootTest

FREEZE = """
before=$(date +%s)
echo +2 >/sys/class/rtc/rtc0/wakealarm
echo freeze >/sys/power/state
echo slept=$(($(date +%s) - before))
echo rung=$(grep rtc-pl031 /proc/interrupts | tr -s ' ' | cut -d ' ' -f 3)
"""


class Clock(BootTest):
    def test_date(self):
        now = time.time()
        out = self.command("echo date=$(date +%s); echo clock=$(cat /sys/class/rtc/rtc0/since_epoch)")
        for name in ("date", "clock"):
            self.assertLess(abs(int(self.value(out, name)) - now), 24 * 3600)

    def test_freeze(self):
        out = self.command(FREEZE, "--smp", "1")
        self.assertGreater(int(self.value(out, "slept")), 0)
        self.assertEqual(int(self.value(out, "rung")), 1)


if __name__ == "__main__":
    unittest.main()
