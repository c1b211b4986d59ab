#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""CPUs that go and come back; the guest that starts again and finds its disk as it left it."""

import os
import sys
import unittest

from support import REPO, BootTest

sys.path.insert(0, os.path.join(REPO, "tools"))
from launcher import fdt, guest_tree  # noqa: E402

HOTPLUG = """
set -e
for round in 1 2 3 4 5; do
    for cpu in 1 2 3; do
        echo 0 >/sys/devices/system/cpu/cpu$cpu/online
        [ "$(nproc)" = 3 ]
        echo 1 >/sys/devices/system/cpu/cpu$cpu/online
        [ "$(nproc)" = 4 ]
        [ "$(taskset $((1 << cpu)) sh -c 'cut -d" " -f39 </proc/self/stat')" = $cpu ]
    done
done
for cpu in 1 2 3; do echo 0 >/sys/devices/system/cpu/cpu$cpu/online; done
echo alone=$(cat /sys/devices/system/cpu/online)
for cpu in 3 1 2; do echo 1 >/sys/devices/system/cpu/cpu$cpu/online; done
echo all=$(cat /sys/devices/system/cpu/online)
"""

BOOT_CPU = """
set -e
echo 0 >/sys/devices/system/cpu/cpu0/online
echo without=$(cat /sys/devices/system/cpu/online)
echo 1 >/sys/devices/system/cpu/cpu0/online
echo with=$(cat /sys/devices/system/cpu/online)
"""

REBOOT = """
count=$(cat /mnt/disk/count 2>/dev/null || echo 0)
echo "start=$count cpus=$(nproc)"
[ "$count" = 3 ] && exit 9
echo $((count + 1)) >/mnt/disk/count
reboot
sleep 100
"""


# The deeper state was tried, and the timer that shall end a sleep has ended it.
IDLE = """
set -e
for i in 1 2 3 4 5; do sleep 0.2; done
state=/sys/devices/system/cpu/cpu0/cpuidle/state1
echo tried=$(($(cat $state/usage) + $(cat $state/rejected)))
"""


def tree_with_idle_state():
    """The default tree, with a state in which a CPU may go off."""
    tree = guest_tree.compile_source(os.path.join(REPO, "dts", "virt.dts"))
    states, state = fdt.Node("idle-states"), fdt.Node("cpu-sleep")
    states.properties["entry-method"] = b"psci\0"
    state.properties["compatible"] = b"arm,idle-state\0"
    for name, value in (("arm,psci-suspend-param", 0x10000), ("entry-latency-us", 10),
                        ("exit-latency-us", 10), ("min-residency-us", 50), ("phandle", 0x100)):
        state.set_u32(name, value)
    states.children.append(state)
    for cpu in tree.cpus():
        cpu.set_u32("cpu-idle-states", 0x100)
    tree.root.child("cpus").children.append(states)
    return tree


class Power(BootTest):
    def test_idle_state(self):
        with open(self.path("tree"), "wb") as file:
            file.write(tree_with_idle_state().tree.pack())
        out = self.command(IDLE, "--dtb", self.path("tree"))
        self.assertGreater(int(self.value(out, "tried")), 0)

    def test_hotplug(self):
        out = self.command(HOTPLUG)
        self.assertEqual(self.value(out, "alone"), "0")
        self.assertEqual(self.value(out, "all"), "0-3")

    def test_boot_cpu_off(self):
        out = self.command(BOOT_CPU)
        self.assertEqual(self.value(out, "without"), "1-3")
        self.assertEqual(self.value(out, "with"), "0-3")

    def test_poweroff_from_another_cpu(self):
        out = self.command("echo 0 >/sys/devices/system/cpu/cpu0/online; exit 3", status=3)
        self.assertIn("[traproom] exit: guest powered off", out)

    def test_reboot(self):
        out = self.command(REBOOT, "--reboot", status=9)
        for count in range(4):
            self.assertIn(f"start={count} cpus=4", out)


if __name__ == "__main__":
    unittest.main()
