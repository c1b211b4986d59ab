#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""--inject: devices that misbehave as rules say, and what Linux's own drivers do about it. The table in
docs/driver-testing.md has the results."""

import os
import re
import shlex
import subprocess
import unittest

from support import BUILD, LAUNCHER, LIMIT, BootTest, tail

SILENT = 118  # exit status

# A read or write of one block of 4 KiB; sector 1024 is the one of the rules.
SCRIPT = r"""
take() { dd if=/dev/$1 of=/tmp/$1 bs=4k skip=${2:-128} count=1 iflag=direct 2>/dev/null; }
give() { tr '\0' $3 </dev/zero | dd of=/dev/$1 bs=4k seek=${2:-128} count=1 iflag=fullblock oflag=direct 2>/dev/null; }
say() { echo "$1=$2"; }
flies() { [ "$(tr -d ' 0' </sys/block/$1/inflight)" ]; }
# Begun in the background, and not at its end.
begin() {
    take $1 ${2:-128} & eval $1=$!
    for i in $(seq 1000); do flies $1 && return; usleep 10000; done
    say $1 "nothing is in flight"
}
end() { eval wait \$$1; say $1 $?; }
now() { tr -d . </proc/uptime | cut -d" " -f1; }
byte() { dd if=/tmp/$1 bs=1 skip=$2 count=1 2>/dev/null | od -An -tu1 | tr -d ' '; }
"""

SOME_READS = """
for i in 1 2 3 4; do dd if=/dev/vda of=/dev/null bs=4k count=40 skip=$i iflag=direct 2>&1 & done
wait
date
grep virtio /proc/interrupts
cat /proc/sys/kernel/random/uuid
"""


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


class Disks(InjectTest):
    """Each disk has a rule of its own, about sector 1024."""
    rules = (
        "disk0 read sector=1024 : fail unsupp",
        "disk1 write sector=1024 : drop",
        "disk2 read sector=1024 : lose",
        "disk3 read sector=1024 : delay=300ms",
        "disk4 read sector=1024 : hold",
        "disk4 write sector=1040 : release",
        "disk5 read sector=1024 : reorder=1",
        "disk6 read sector=1024 : twice",
        "disk7 read sector=1024 : id=9999",
        "disk8 read sector=1024 : len=0",
        "disk9 read sector=1024 : short=1",
        "disk10 read sector=1024 : corrupt=5/0x10",
        "disk10 write sector=1040 : corrupt=3/0x01",
        "disk11 read sector=1024 : lose-irq",
        "disk12 read sector=1024 : add-irq",
        "disk13 read sector=1024 : needs-reset",
        "disk14 read sector=1024 : config=0/0004000000000000",
        "disk15 read sector=1024 : unplug",
    )
    script = SCRIPT + r"""
take vda; say vda $?
give vdb 128 x; say vdb $?; take vdb; say vdb_byte $(byte vdb 1)
begin vdc
start=$(now); take vdd; say vdd $?; say vdd_time $(($(now) - start))
begin vde; give vde 130 x; end vde
begin vdf; take vdf 130; end vdf
take vdg; say vdg $?; take vdg 132; say vdg_then $?
begin vdh
take vdi; say vdi $?; take vdi 130; say vdi_then $?
take vdj; say vdj $?; take vdj 130; say vdj_then $?
take vdk; say vdk $?; say vdk_read $(byte vdk 5)
give vdk 130 A; take vdk 130; say vdk_written $(byte vdk 2)-$(byte vdk 3)
begin vdl
take vdm; say vdm $?
take vdn; say vdn $?; begin vdn 132
take vdo; until [ $(cat /sys/block/vdo/size) = 1024 ]; do usleep 10000; done
begin vdp
for disk in vdc vdh vdl vdn vdp; do flies $disk; say ${disk}_waits $?; done
dmesg
"""
    # Without an error; of the disks whose request never ends dd says nothing.
    well = ("vdb", "vdd", "vde", "vdf", "vdg", "vdi", "vdi_then", "vdj", "vdj_then", "vdk", "vdm", "vdn", "vdc_waits",
            "vdh_waits", "vdl_waits", "vdn_waits", "vdp_waits")

    def expect(self, form):
        disks = [part for index in range(16) for part in ("--disk", self.disk(f"disk{index}", 1) + form)]
        out, log = self.injected(self.script, self.rules, "--smp", "1", "--quiet", *disks)
        for number in range(1, len(self.rules) + 1):
            self.acted(log, number)
        for name in self.well:
            self.assertEqual(self.value(out, name), "0", name)
        self.assertNotEqual(self.value(out, "vda"), "0")
        self.assertNotEqual(self.value(out, "vdg_then"), "0")
        self.assertEqual(self.value(out, "vdb_byte"), "4")  # of the sector's number, as before
        self.assertGreaterEqual(int(self.value(out, "vdd_time")), 29)
        self.assertEqual(self.value(out, "vdk_read"), str(0x04 ^ 0x10))
        self.assertEqual(self.value(out, "vdk_written"), "65-64")
        self.assertIn("operation not supported error, dev vda, sector 1024", out)
        self.assertRegex(out, r"virtio6: req\.0:id [0-9]+ is not a head!")
        self.assertRegex(out, r"virtio7: req\.0:id 9999 out of range")
        self.assertIn("[vdo] new size: 1024 512-byte logical blocks", out)

    def test_in_memory(self):
        self.expect(",ram")

    def test_of_the_machine(self):
        self.expect("")


class Network(InjectTest):
    """Each card has a rule of its own, about a frame that comes once the card has its address, which takes ten at
    most. Then the guest sends 20 echoes by each, to QEMU's end of the network."""
    rules = (
        "net0 tx nth=12 : drop",
        "net1 tx nth=12 : lose",
        "net2 tx : delay=200ms",
        "net3 tx nth=12 : reorder=1",
        "net4 tx nth=12 : corrupt=60/0xff",
        "net5 tx nth=12 : needs-reset",
        "net6 tx nth=12 : config=6/0000",
        "net7 tx nth=12 : unplug",
        "net8 tx nth=12 : add-irq",
        "net9 rx nth=12 : len=0",
        "net10 rx nth=12 : lose",
        "net11 tx nth=12 : hold",
        "net11 tx nth=14 : release",
        "net12 rx nth=12 : lose-irq",
        "net13 tx nth=12 : lose-irq",
        "net14 rx nth=12 : short=1",
    )
    cards = 15
    script = r"""
for card in /sys/class/net/eth*; do arp -i ${card##*/} -s 10.0.2.2 52:55:0a:00:02:02; done
echoes() {
    ping -i 0.1 -c 20 -W 1 -I $1 10.0.2.2 >/tmp/$1
    echo $1=$(sed -n 's/.*, \([0-9]*\) packets received.*/\1/p' /tmp/$1)
}
for n in $(seq 0 14); do echoes eth$n & done
wait
echo fastest=$(sed -n 's,.*min/avg/max = \([0-9]*\).*,\1,p' /tmp/eth2)
echo carrier=$(cat /sys/class/net/eth6/carrier)
for n in 9 14; do echo errors$n=$(cat /sys/class/net/eth$n/statistics/rx_length_errors); done
"""

    def test_cards(self):
        cards = ("--net", "user") * self.cards
        out, log = self.injected(self.script, self.rules, "--smp", "1", "--quiet", "--append", "ipv6.disable=1", *cards)
        for number in range(1, len(self.rules) + 1):
            self.acted(log, number)
        received = [int(self.value(out, f"eth{index}")) for index in range(self.cards)]
        self.assertEqual([received[index] for index in (0, 1, 4, 9, 14)], [19] * 5)
        self.assertEqual([received[index] for index in (2, 3, 8, 10, 11, 12, 13)], [20] * 7)
        for index in (5, 6, 7):
            self.assertIn(received[index], range(1, 12))
        self.assertGreaterEqual(int(self.value(out, "fastest")), 200)
        self.assertEqual(self.value(out, "carrier"), "0")
        for name in "errors9", "errors14":
            self.assertEqual(self.value(out, name), "1")


class Registers(InjectTest):
    clock = (
        "mmio 0x09010000 read every=2 : flip=0x80000000",
        "mmio 0x09010000 read : delay=300ms",
        "mmio 0x09010008 write : drop",
        "mmio 0x0a000200 read : value=0",
    )
    script = SCRIPT + r"""
seconds() { cat /sys/class/rtc/rtc0/since_epoch; }
start=$(now); say first $(seconds); say second $(seconds); say time $(($(now) - start))
date -s @1000000000 >/dev/null; hwclock -w -u; say set $?
say third $(seconds); say fourth $(seconds)
dmesg
"""

    def test_wrong_values(self):
        """Of a clock each other value has a wrong bit, the others take their time, and it can't be set. A device
        without its magic number is none."""
        disks = ("--disk", self.disk("a", 1), "--disk", self.disk("b", 1))
        out, log = self.injected(self.script, self.clock, "--quiet", *disks)
        for number in range(1, len(self.clock) + 1):
            self.acted(log, number)
        first, second, third, fourth = (int(self.value(out, name)) for name in ("first", "second", "third", "fourth"))
        self.assertAlmostEqual(abs(first - second), 1 << 31, delta=LIMIT)
        self.assertAlmostEqual(abs(third - fourth), 1 << 31, delta=LIMIT)
        self.assertAlmostEqual(min(first, second), min(third, fourth), delta=LIMIT)
        self.assertGreaterEqual(int(self.value(out, "time")), 29)
        self.assertEqual(self.value(out, "set"), "0")
        self.assertIn("a000200.virtio_mmio: Wrong magic value 0x00000000!", out)

    def test_abort(self):
        """In a system call: the process ends there, or tries to."""
        out, log = self.injected("hwclock -w -u & until dmesg | grep -q 'end trace'; do sleep 1; done; dmesg",
                                 ["mmio 0x09010008 write : abort"], "--quiet")
        self.acted(log, 1)
        self.assertIn("Internal error: synchronous external abort", out)
        self.assertIn("pc : pl031_set_time", out)


class Storm(InjectTest):
    def test_nobody_cared(self):
        """Of so many interrupts for nothing Linux turns theirs off, and goes on."""
        out, log = self.injected("until dmesg | grep -q 'Disabling IRQ'; do sleep 1; done; dmesg",
                                 ["irq 48 at=1ms every=10us : storm"], "--icount", "--smp", "1", "--quiet")
        self.assertEqual(len(self.acted(log, 1)), 1)
        self.assertRegex(out, "irq [0-9]+: nobody cared")
        self.assertIn("vm_interrupt [virtio_mmio]", out)


class Deterministic(InjectTest):
    def once(self, seed):
        """The whole console of a run, as bytes."""
        done = subprocess.run(
            [LAUNCHER, "run", "--timeout", str(LIMIT), "--icount", "--smp", "2", "--inject-seed", str(seed), "--inject",
             "disk0 read p=0.05 : fail; disk0 read p=0.2 : delay=3ms", "--cmd", SOME_READS],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=LIMIT + 60, check=False)
        self.assertEqual(done.returncode, 0, tail(done.stdout.decode()))
        return done.stdout

    def test_twice_the_same(self):
        """Byte for byte, times and random numbers of the guest's included; and with another seed not."""
        first = self.once(1)
        self.assertIn(b"I/O error, dev vda", first)
        self.assertRegex(first, rb"inject: rule 2 at [0-9]+ ns")
        self.assertEqual(first, self.once(1))
        self.assertNotEqual(first, self.once(2))


class Hunt(InjectTest):
    """tools/traproom hunt with guests: the first seed with which the rule acts, and no rule but that."""
    rules = "disk0 read sector=1024 p=0.5 : fail; disk0 write sector=1 : delay=1ms"
    read = "dd if=/dev/vda of=/dev/null bs=4k count=1 skip=128 iflag=direct 2>/dev/null || exit 9"

    def test_first_that_fails(self):
        done = subprocess.run(
            [LAUNCHER, "hunt", "--seeds", "8", "--", "run", "--quiet", "--append", "quiet", "--timeout", str(LIMIT),
             "--disk", self.disk("image", 1) + ",ram", "--inject", self.rules, "--cmd", self.read],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=8 * LIMIT, check=False)
        self.assertEqual(done.returncode, 9, done.stderr)
        self.assertNotIn("delay", done.stdout)
        again = subprocess.run(shlex.split(done.stdout), stdin=subprocess.DEVNULL, capture_output=True,
                               timeout=LIMIT + 60, check=False)
        self.assertEqual(again.returncode, 9, again.stderr)


class Driver(InjectTest):
    """guest/module/tblk.c: the bug that it has had, and the driver without it."""
    script = """
umount /mnt/disk; rmmod virtio_blk; insmod tblk.ko keep_lock={}
! dd if=/dev/tblk0 of=/dev/null bs=4k count=1 skip=10 iflag=direct && echo failed
dd if=/dev/tblk0 of=/dev/null bs=4k count=1 iflag=direct && echo well
"""

    def ends(self, keep_lock, status, *options):
        module = os.path.join(BUILD, "module", "tblk.ko")
        if not os.path.exists(module):
            self.skipTest(f"{module} is not there: make headers")
        return self.injected(self.script.format(keep_lock), ["disk0 read sector=80 : fail"], "--quiet", "--smp", "1",
                             "--put", module, *options, status=status)

    def test_the_bug_is_found(self):
        """The request after one that has failed waits for ever: nothing is printed any more."""
        out, log = self.ends(1, SILENT, "--silence", "60")
        self.acted(log, 1)
        self.assertNotIn("well", out)

    def test_and_mended(self):
        out, log = self.ends(0, 0)
        self.acted(log, 1)
        self.assertIn("failed\n", out)
        self.assertIn("well\n", out)


class PowerCut(InjectTest):
    def test_torn_write(self):
        """Three of eight sectors were written, nothing after them, and nobody was told."""
        image = self.disk("image", 1)
        with open(image, "rb") as file:
            before = file.read()
        script = "tr '\\0' x </dev/zero | dd of=/dev/vda bs=4k seek=128 count=1 iflag=fullblock oflag=direct; echo survived"
        out, log = self.injected(script, ["disk0 write sector=1024 : power-cut=3"], "--disk", image, status=3)
        self.assertNotIn("survived", out)
        self.acted(log, 1)
        with open(image, "rb") as file:
            after = file.read()
        at = 1024 * 512
        self.assertEqual(after[at:at + 3 * 512], b"x" * 3 * 512)
        self.assertEqual(after[:at] + after[at + 3 * 512:], before[:at] + before[at + 3 * 512:])


if __name__ == "__main__":
    unittest.main()
