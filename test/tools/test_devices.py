#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The options for virtio devices but disks: what QEMU and the guest's tree get, and what is refused."""

import json
import os
import select
import socket
import subprocess
import unittest
import unittest.mock

from support import LAUNCHER, LIMIT, MIB, OFF, VIRT_DTS, DeviceTest, compile_dts, image


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class Net(DeviceTest):
    def test_user(self):
        self.runs("--net", "user", "--disk", "none")
        self.assertEqual(self.values("-netdev"), ["user,id=traproom-net0"])
        self.assertEqual(self.devices(), ["virtio-net-device,netdev=traproom-net0,bus=virtio-mmio-bus.0"])
        self.assertEqual(self.slots(), [0, None])
        self.runs("--net", "none")
        self.assertEqual(self.devices(), [])
        self.runs("--net", "user", "--net", "user")
        self.assertEqual(self.slots(), [None, 1, 2])

    def test_forwarding(self):
        port = free_port()
        for given, rule in ((f"tcp::{port}-:22", f"tcp:127.0.0.1:{port}-:22"), (f":0.0.0.0:{port}-:22",
                            f"tcp:0.0.0.0:{port}-:22"), (f"udp:127.0.0.1:{port}-10.0.2.9:53",) * 2):
            self.runs("--net", f"user,hostfwd={given}")
            self.assertEqual(self.values("-netdev"), [f"user,id=traproom-net1,hostfwd={rule}"])

    def test_refused(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            self.refused(f"tcp port {port} of 127.0.0.1 can't be had: another program", "--net",
                         f"user,hostfwd=tcp::{port}-:22")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(("127.0.0.1", 0))
            self.refused("another program", "--net", f"user,hostfwd=udp::{taken.getsockname()[1]}-:22")
        for words_, text in (("'user' or 'none'", "tap"), ("is not like", "user,hostfwd=22"), ("no port", "user,hostfwd="
                             "tcp::0-:22"), ("no port", "user,hostfwd=tcp::22-:99999"), ("'x' is none of", "user,x"),
                             ("no such address", "user,hostfwd=tcp:192.0.2.1:2222-:22"),
                             ("four numbers", "user,hostfwd=tcp:localhost:2222-:22")):
            self.refused(words_, "--net", text)
        self.refused("none does not go with", "--net", "none", "--net", "user")

    def test_port_taken_at_the_last_moment(self):
        complaint = "qemu: -netdev user,id=traproom-net1: Could not set up host forwarding rule 'tcp::1-:2'"
        status, _, err = self.run_launcher("--net", "user", program=f"import sys; sys.exit({complaint!r})")
        self.assertEqual(status, 1)
        self.assertIn("another program", err.splitlines()[-1])


class Passed(DeviceTest):
    def test_names(self):
        """All that a device is called by means the one for virtio-mmio."""
        for given, front in (("virtio-serial", "virtio-serial-device"), ("virtio-serial-pci", "virtio-serial-device"),
                             ("virtio-serial-device,id=s,max_ports=4", "virtio-serial-device,id=s,max_ports=4"),
                             ("virtio-serial-pci-non-transitional,id=s", "virtio-serial-device,id=s"),
                             ("virtio-mem-pci,memdev=m", "virtio-mem,memdev=m")):
            self.runs("--device", given)
            self.assertEqual(self.devices(), [front + ",bus=virtio-mmio-bus.1"])

    def test_order(self):
        self.runs("--rng", "--device", "virtio-keyboard", "--disk", "none", "--device", "virtio-serial", "--qemu",
                  "-device virtconsole,chardev=c -chardev null,id=c")
        self.assertEqual(self.devices(), ["virtio-rng-device,bus=virtio-mmio-bus.0", "virtio-keyboard-device,"
                         "bus=virtio-mmio-bus.1", "virtio-serial-device,bus=virtio-mmio-bus.2"])
        self.assertEqual(self.values("-device")[-1], "virtconsole,chardev=c")

    def test_shared_memory(self):
        for options in ([], ["--bare"]):
            self.runs("--device", "vhost-user-i2c,chardev=c", *options)
            size = self.values("-m")[0]
            self.assertEqual(self.values("-object"), [f"memory-backend-memfd,id=ram,size={size},share=on"])
            self.assertTrue(self.values("-M")[0].endswith(",memory-backend=ram"))

    def test_refused(self):
        self.refused("no such virtio device .* it has vhost-user-i2c, virtio-blk, ", "--device", "virtio-foo")
        self.refused("no such virtio device", "--device", "ramfb")
        self.refused("no such virtio device", "--device", "")
        self.refused("leave out bus=", "--device", "virtio-serial,bus=virtio-mmio-bus.3")


class Share(DeviceTest):
    SERVER = """#!/usr/bin/python3
import json, os, sys, time
if sys.argv[1:] == ["--help"]:
    print(os.environ.get("FAKE_HELP", ""))
    sys.exit()
with open(os.environ["FAKE_FOLDER"] + "/server", "w") as file:
    json.dump([os.getpid(), sys.argv[1:]], file)
if "FAKE_COMPLAINT" in os.environ:
    sys.exit(os.environ["FAKE_COMPLAINT"])
time.sleep(999)
"""

    # QEMU finds the server's socket there, and the server.
    PROGRAM = """
import socket, time
found = re.search(r"path=([^, ]*)", " ".join(sys.argv)).group(1)
socket.socket(socket.AF_UNIX).connect(found)
while not os.path.exists(FOLDER + "/server"):
    time.sleep(0.01)
""" + OFF

    def setUp(self):
        super().setUp()
        os.chmod(self.write("bin/virtiofsd", self.SERVER.encode()), 0o755)
        self.shared = self.path("shared")
        os.mkdir(self.shared)

    def server(self):
        with open(self.path("server"), encoding="utf-8") as file:
            return json.load(file)

    def test_virtiofs(self):
        self.runs("--share", self.shared, program=self.PROGRAM)
        self.assertEqual(self.devices(), ["vhost-user-fs-device,chardev=traproom-share1,tag=host,bus=virtio-mmio-bus.1"])
        self.assertEqual(self.values("-object"), [f"memory-backend-memfd,id=ram,size={self.values('-m')[0]},share=on"])
        pid, arguments = self.server()
        self.assertIn(f"source={self.shared}", arguments)
        with self.assertRaises(ProcessLookupError):
            os.kill(pid, 0)
        self.assertIn(b"virtiofs host rw\n", self.loaded(self.tree().chosen, "traproom,initrd"))

    def test_later_server(self):
        with unittest.mock.patch.dict(os.environ, FAKE_HELP="--shared-dir <SHARED_DIR>"):
            self.runs("--share", self.shared, program=self.PROGRAM)
        self.assertEqual(self.server()[1][1:3], ["--shared-dir", self.shared])

    def test_server_fails(self):
        """Its own words are in the launcher's last line."""
        with unittest.mock.patch.dict(os.environ, FAKE_COMPLAINT="first\nno such luck"):
            status, _, err = self.run_launcher("--share", self.shared, program=self.PROGRAM +
                                               "\nsys.exit('Failed to read msg header')")
        self.assertEqual(status, 1)
        self.assertTrue(err.endswith(f"--share {self.shared}: virtiofsd can't serve the folder: no such luck\n"), err)

    def test_killed(self):
        """The server does not outlive a launcher that can't end it."""
        with subprocess.Popen([LAUNCHER, "run", "--share", self.shared], stdin=subprocess.DEVNULL,
                              env=self.environment(self.PROGRAM + "\ntime.sleep(999)"),
                              stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            process.kill()
        server = os.pidfd_open(self.server()[0]) if os.path.exists(f"/proc/{self.server()[0]}") else None
        self.assertTrue(server is None or select.select([server], [], [], LIMIT)[0])

    def test_9p(self):
        self.runs("--share", self.shared + ",9p", "--share", self.shared + ",9p,ro,tag=a.b")
        path = f"path={self.shared},security_model=none,multidevs=remap"
        self.assertEqual(self.values("-fsdev"), [f"local,id=traproom-share1,{path}", f"local,id=traproom-share2,{path},readonly=on"])
        self.assertEqual(self.devices()[1], "virtio-9p-device,fsdev=traproom-share2,mount_tag=a.b,bus=virtio-mmio-bus.2")
        mounts = self.loaded(self.tree().chosen, "traproom,initrd")
        self.assertRegex(mounts, rb"9p host trans=virtio,\S*[0-9]\n9p a.b trans=virtio,\S*,ro\n")
        self.assertEqual(self.values("-object"), [])

    def test_tags(self):
        self.runs(*(["--share", self.shared + ",9p"] * 3))
        self.assertEqual([device.split(",")[2] for device in self.devices()],
                         ["mount_tag=host", "mount_tag=host2", "mount_tag=host3"])

    def test_refused(self):
        for words_, text in (("No such file", self.path("missing")), ("Not a directory", self.path("bin/virtiofsd")),
                             ("name is empty", ""), ("'rw' is none of ro, 9p, tag=", self.shared + ",rw"),
                             ("can't be one", self.shared + ",tag=disk"), ("can't be one", self.shared + ",tag=a/b"),
                             ("can't be one", self.shared + ",tag=" + "a" * 32), ("can't be one", self.shared + ",tag=.")):
            self.refused(words_, "--share", text)
        self.refused("has the tag 'host'", "--share", self.shared, "--share", self.shared + ",tag=host")

    def test_no_driver(self):
        """The kernel's modules are known, and it has none for 9p; of another kernel it is a guess."""
        linux = self.write("linux", image(MIB)[:-100] + b"Linux version 9.9.9-test (me)" + b"\0" * 71)
        self.write("build/images/modules/lib/modules/9.9.9-test/kernel/fs/fuse/virtiofs.ko", b"")
        for name, data in ("dep", b"kernel/fs/fuse/virtiofs.ko:\n"), ("builtin", b"kernel/drivers/net/virtio_net.ko\n"):
            self.write(f"build/images/modules/lib/modules/9.9.9-test/modules.{name}", data)
        self.refused("Linux 9.9.9-test has no 9p, .*: leave out ,9p, for virtiofs, or give a kernel",
                     "--kernel", linux, "--share", self.shared + ",9p")
        self.refused("has no virtio_rng", "--kernel", linux, "--rng")
        err = self.runs("--kernel", linux, "--device", "virtio-serial", "--net", "user")
        self.assertRegex(err, "warning: --device virtio-serial: Linux 9.9.9-test has no virtio_console")
        self.assertNotIn("virtio_net", err)
        self.write("linux", image(MIB)[:-100] + b"Linux version 9.9.8-test (me)\0virtio_rng\0" + b"\0" * 59)
        err = self.runs("--kernel", linux, "--rng", "--net", "user", "--share", self.shared + ",9p")
        self.assertRegex(err, "warning: .*Linux 9.9.8-test, whose drivers for --net user and --share [^ ]*,9p are not built")


class Tree(DeviceTest):
    """A tree of the user's own."""

    def own(self, *changes):
        with open(VIRT_DTS, encoding="utf-8") as file:
            text = file.read()
        for old, new in changes:
            self.assertIn(old, text)
            text = text.replace(old, new)
        return self.write("own.dtb", compile_dts(text))

    def setUp(self):
        super().setUp()
        self.one = ["--disk", self.write("one", b"d" * 512)]
        self.two = [*self.one, "--disk", self.write("two", b"d" * 512)]

    def test_nodes_in_order(self):
        tree = self.own(("virtio_mmio@a000000 {", "virtio_mmio@a000000 { status = \"disabled\";"))
        self.runs("--dtb", tree, *self.one)
        self.assertEqual(self.slots(), [0])
        os.remove(self.path("arguments"))
        self.refused("--disk .*two: .*own.dtb has only 1 virtio,mmio node in use", "--dtb", tree, *self.two)

    def test_bare_goes_by_place(self):
        tree = self.own(("virtio_mmio@a000000 {", "virtio_mmio@a000000 { status = \"disabled\";"))
        self.runs("--dtb", tree, "--bare", *self.one)
        self.assertTrue(self.devices()[0].endswith("bus=virtio-mmio-bus.1"), self.devices())
        os.remove(self.path("arguments"))
        for change in ("0x0a000000 0x0 0x200", "0x0b000000 0x0 0x200"), ("<0 16 1>", "<0 26 1>"):
            tree = self.own(change)
            self.refused("--bare, or change the tree", "--dtb", tree, "--bare", *self.one)
            self.runs("--dtb", tree, *self.one)
            self.runs("--dtb", tree, "--bare")
            self.assertEqual(self.devices(), [])
            os.remove(self.path("arguments"))

    def test_dumped(self):
        """What was staged for it then is forgotten when it is used."""
        dump = self.path("dump.dtb")
        self.runs("--dump-dtb", dump, "--disk", self.path("one") + ",ram,ro", "--disk", self.path("two"))
        self.runs("--dtb", dump, "--disk", "none")
        for node in self.tree().virtio_nodes():
            self.assertFalse([name for name in node.properties if name.startswith("traproom,")])

    def test_slots_of_ones_own(self):
        """Those of --dump-dtb are forgotten, unless QEMU may have been given their devices; then ours
        are elsewhere."""
        self.runs(*self.one, "--dump-dtb", self.path("tree"))
        tree = ("--dtb", self.path("tree"))
        its = ("--qemu", "-device virtio-rng-device,bus=virtio-mmio-bus.0")
        self.runs(*tree, "--disk", "none")
        self.assertEqual(self.slots(), [None, None])
        self.runs(*tree, "--disk", "none", *its)
        self.assertEqual(self.slots(), [0, None])
        self.runs(*tree, *self.one, *its)
        self.assertEqual(self.slots(), [0, 1])
        os.remove(self.path("arguments"))
        self.refused("only 1 virtio,mmio node in use", *tree, *self.two, *its)


if __name__ == "__main__":
    unittest.main()
