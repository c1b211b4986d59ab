#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""--disk: what QEMU and the guest's tree get, what is refused, and how QEMU is ended."""

import fcntl
import os
import signal
import struct
import subprocess
import unittest

from support import FIRST_SLOT, LAUNCHER, LIMIT, OFF, DeviceTest
from launcher import words

QCOW2 = struct.pack(">4sIQ", b"QFI\xfb", 3, 0) + bytes(496)
QCOW2_BACKED = struct.pack(">4sIQI", b"QFI\xfb", 3, 200, 4) + bytes(492)
QCOW2_DATA_FILE = struct.pack(">4sI64xQ", b"QFI\xfb", 3, 4) + bytes(432)


class Splitting(unittest.TestCase):
    def test_split(self):
        for text, parts in (("a", ["a"]), ("a,b", ["a", "b"]), ("a,,b,ro", ["a,b", "ro"]), ("a,,,ro", ["a,", "ro"]),
                            ("", [""]), (",ro", ["", "ro"]), ("a,", ["a", ""]), (",,,,a", [",,a"])):
            self.assertEqual(words.split(text), parts)
            self.assertEqual(words.split(",".join(words.escape(part) for part in parts)), parts)


class Disk(DeviceTest):
    def setUp(self):
        super().setUp()
        self.image = self.write("disk", b"d" * 1024)

    def drive(self, *flags):
        return ",".join((f"if=none,id=traproom-disk0,format=raw,file={self.image},cache=writeback,discard=unmap", *flags))

    def test_persistent(self):
        for options, queues in ([], 4), (["--smp", "2"], 2), (["--smp", "9"], 4), (["--bare"], 4):
            self.runs("--disk", self.image, *options)
            self.assertEqual(self.values("-drive"), [self.drive()])
            self.assertEqual(self.devices(),
                             [f"virtio-blk-device,drive=traproom-disk0,num-queues={queues},bus=virtio-mmio-bus.0"])
            self.assertEqual(self.values("-global"), ["virtio-mmio.force-legacy=false"])
            if not options:
                self.assertEqual(self.slots(), [0, None])

    def test_words(self):
        for text, flags in (",ro", ["readonly=on"]), (",snapshot", ["snapshot=on"]), (",format=raw", []):
            self.runs("--disk", self.image + text)
            self.assertEqual(self.values("-drive"), [self.drive(*flags)])

    def test_in_memory(self):
        for text, read_only in (",ram", False), (",ram,ro", True):
            self.runs("--disk", self.image + text)
            self.assertEqual(self.devices() + self.values("-global"), [])
            node = self.tree().virtio_nodes()[0]
            self.assertEqual(self.loaded(node, "traproom,disk"), b"d" * 1024)
            self.assertEqual("traproom,read-only" in node.properties, read_only)
        self.runs("--disk", self.image + ",ram", "--bare")
        self.assertEqual(self.values("-drive"), [self.drive("snapshot=on")])

    def test_several(self):
        other = self.write("a,b", b"e" * 512)
        self.runs("--disk", self.image, "--disk", other.replace(",", ",,") + ",ram",
                  "--disk", self.write("third", b"f" * 512) + ",ro")
        self.assertEqual(self.slots(), [0, None, 2])
        nodes = self.tree().virtio_nodes()
        self.assertEqual(self.loaded(nodes[1], "traproom,disk"), b"e" * 512)
        self.assertEqual(nodes[2].name, "virtio_mmio@a000400")
        self.assertEqual(nodes[2].properties["reg"], struct.pack(">2Q", FIRST_SLOT + 0x400, 0x200))
        self.assertEqual(nodes[2].properties["interrupts"], struct.pack(">3I", 0, 18, 1))
        self.assertEqual([device.split(",")[1] for device in self.devices()], ["drive=traproom-disk0", "drive=traproom-disk2"])

    def test_as_many_as_there_are_slots(self):
        for count in 32, 33:
            options = []
            for index in range(count):
                options += ["--disk", self.write(f"disk{index}", b"d" * 512)]
            if count == 32:
                self.runs(*options)
                self.assertEqual(self.slots(), list(range(32)))
                os.remove(self.path("arguments"))
            else:
                self.refused("disk32: .* has 32 virtio slots", *options)

    def test_qcow2_is_seen(self):
        self.runs("--disk", self.write("disk", QCOW2))
        self.assertIn(",format=qcow2,", self.values("-drive")[0])
        os.remove(self.path("arguments"))
        for data in QCOW2_BACKED, QCOW2_DATA_FILE:
            self.refused("names another file.* say format=qcow2", "--disk", self.write("disk", data))
            self.refused("in memory can only", "--disk", self.write("disk", QCOW2) + ",ram")
        self.write("disk", QCOW2_BACKED)
        self.runs("--disk", self.image + ",format=qcow2")
        self.assertIn(",format=qcow2,", self.values("-drive")[0])

    def test_other_formats(self):
        self.write("disk", b"KDMV" + b"x" * 508)
        self.refused("looks like a vmdk image: say format=vmdk", "--disk", self.image)
        self.refused("no qcow2 image", "--disk", self.image + ",format=qcow2")
        self.refused("the format 'ntfs' is none of raw, qcow2", "--disk", self.image + ",format=ntfs")
        self.runs("--disk", self.image + ",format=raw")

    def test_names(self):
        """A colon is no protocol, a comma none of QEMU's."""
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.folder.name)
        for name in "nbd:a", "json:{}", "a,b", "-x":
            self.write(name, b"d" * 512)
            self.runs("--disk=" + name.replace(",", ",,"))
            self.assertIn(",file=" + self.path(name).replace(",", ",,") + ",", self.values("-drive")[0])

    def test_refused(self):
        self.refused("'rw' is none of ro, snapshot, ram, format=.*written twice", "--disk", self.image + ",rw")
        self.refused("snapshot don't go together", "--disk", self.image + ",snapshot,ram")
        self.refused("ro and snapshot don't", "--disk", self.image + ",snapshot,ro")
        self.refused("more than once", "--disk", self.image + ",format=raw,format=raw")
        self.refused("is a folder", "--disk", self.folder.name)
        self.refused("name is empty", "--disk", "")
        self.refused("none does not go with another --disk", "--disk", "none", "--disk", self.image)
        self.refused("512-byte", "--disk", self.write("odd", b"x" * 513))
        self.refused("512-byte", "--disk", self.write("odd", b"x" * 513) + ",ram")
        self.refused("the file is empty", "--disk", self.write("empty", b""))
        self.refused("are one file", "--disk", self.image, "--disk", self.image + ",ro")
        os.link(self.image, self.path("same"))
        self.refused("are one file", "--disk", self.image + ",snapshot", "--disk", self.path("same"))
        os.mkfifo(self.path("fifo"))
        self.refused("is a pipe.*,ram", "--disk", self.path("fifo"))

    def test_one_file_for_readers(self):
        self.runs("--disk", self.image + ",ro", "--disk", self.image + ",snapshot")

    @unittest.skipIf(os.geteuid() == 0 and not os.path.exists("/usr/bin/setpriv"), "needs setpriv")
    def test_not_to_be_written(self):
        os.chmod(self.image, 0o444)
        os.chmod(self.folder.name, 0o777)
        user = ["setpriv", "--reuid", "65534", "--clear-groups"] if os.geteuid() == 0 else []
        for text, status in ("", 1), (",ro", 0), (",snapshot", 0):
            done = subprocess.run([*user, LAUNCHER, "run", "--disk", self.image + text], timeout=LIMIT,
                                  env=self.environment(OFF), stdin=subprocess.DEVNULL, capture_output=True,
                                  text=True, check=False)
            self.assertEqual(done.returncode, status, done.stderr)
            if status:
                self.assertRegex(done.stderr, r"\Atraproom: .* can't be written .*say .*,ro or .*,snapshot\n\Z")

    def test_locked(self):
        """By QEMU's own locks: who writes lets nobody else in, who reads no writer."""
        writes, reads = (101, 201, 203), (100, 201, 203)
        for held, refused, granted in (writes, ("", ",ro", ",snapshot"), ()), (reads, ("",), (",ro", ",snapshot")):
            with open(self.image, "rb") as file:
                for at in held:
                    fcntl.fcntl(file, 37, struct.pack("hhqqi4x", fcntl.F_RDLCK, os.SEEK_SET, at, 1, 0))
                for text in refused:
                    self.refused("another QEMU has this image open", "--disk", self.image + text)
                for text in granted:
                    self.runs("--disk", self.image + text)
                    os.remove(self.path("arguments"))

    def test_locked_at_the_last_moment(self):
        """QEMU's own words, when it finds what the launcher could not see yet."""
        for complaint, words_ in (('Failed to get "write" lock', "another QEMU has"),
                                  ("Could not open '/x': Image is not in qcow2 format", "format=")):
            status, _, err = self.run_launcher("--disk", self.image, program=f"import sys; sys.exit({complaint!r})")
            self.assertEqual(status, 1, err)
            self.assertIn(words_, err.splitlines()[-1])


class Ending(DeviceTest):
    """QEMU must be able to write back what it has, however the run ends."""

    # Told to end it takes longer than the launcher waits for a QEMU that has nothing to write.
    PROGRAM = """
import signal, time
def end(*_):
    sys.stderr.write('qemu-system-aarch64: terminating on signal 15 from pid 1 (x)\\n')
    print('x' * 200000, flush=True)
    time.sleep(1.5)
    open(os.path.join(FOLDER, 'written'), 'w').close()
    sys.exit()
signal.signal(signal.SIGTERM, end)
print('up', flush=True)
while True:
    time.sleep(99)
"""

    def test_time_limit(self):
        image = self.write("disk", b"d" * 512)
        for text, written in ("", True), (",snapshot", False), (",ram", False):
            status, _, err = self.run_launcher("--disk", image + text, "--timeout", "1", program=self.PROGRAM)
            self.assertEqual(status, 124)
            self.assertNotIn("terminating", err)
            self.assertEqual(os.path.exists(self.path("written")), written, text)
            if written:
                os.remove(self.path("written"))

    def test_signal(self):
        image = self.write("disk", b"d" * 512)
        for number in signal.SIGTERM, signal.SIGHUP:
            with subprocess.Popen([LAUNCHER, "run", "--disk", image], env=self.environment(self.PROGRAM),
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
                self.assertEqual(process.stdout.readline(), b"up\n")
                process.send_signal(number)
                self.assertEqual(process.wait(timeout=LIMIT), 128 + number)
            os.remove(self.path("written"))


if __name__ == "__main__":
    unittest.main()
