#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""QEMU's devices in the guest, but disks (test_disk.py) and 9p (test_9p.py): each moves real data, by the option that
makes it."""

import hashlib
import os
import socket
import subprocess
import threading
import unittest

from support import LAUNCHER, LIMIT, DeviceTest

MIB = 1 << 20
# With TRAPROOM_LARGE set, so much that a fault that is rare shows.
LARGE = bool(os.environ.get("TRAPROOM_LARGE"))
SENT, WRITTEN = (256 * MIB, 256 * MIB) if LARGE else (16 * MIB, 64 * MIB)
THERE, CREATED = 5000, 5000 if LARGE else 500

NETWORK = """
set -e
ip addr show eth0 | grep -q 'inet 10.0.2.15/24'
grep -q '^nameserver 10.0.2.3$' /etc/resolv.conf
ping -c 1 10.0.2.2 >/dev/null
nc 10.0.2.2 {0} </dev/null | nc 10.0.2.2 {1} >/dev/null
"""

SERVED = """
nc -l -p 7 -e cat &
until netstat -ltn | grep -q ':7 '; do sleep 0.1; done
echo listening
wait
"""

FOLDER = """
set -e
cd /mnt/host
[ "$(cat there)" = before ]
echo after >>there
rm gone
mkdir new new/empty
echo x >new/a
mv new/a new/b
ln -s b new/link
ln new/b new/hard
chmod 751 new/b
touch -d '2001-02-03 04:05:06' new/b
rmdir new/empty
set -- many/*
[ $# = {0} ]
i=0
while [ $i -lt {1} ]; do : >new/$i; i=$((i + 1)); done
rm many/1??
dd if=/dev/urandom of=big bs=1M count={2} iflag=fullblock 2>/dev/null
sync
echo 3 >/proc/sys/vm/drop_caches
cat big host >both
cat /mnt/kept/there
mount -o remount,rw /mnt/kept
if touch /mnt/kept/there 2>/dev/null || rm /mnt/kept/there 2>/dev/null; then exit 9; fi
"""

ANY = """
set -e
[ "$(cat /sys/class/misc/hw_random/rng_current)" = virtio_rng.0 ]
[ $(head -c 100000 /dev/hwrng | gzip | wc -c) -gt 100000 ]
[ "$(cat /sys/class/input/event0/device/name)" = 'QEMU Virtio Keyboard' ]
echo through a port >/dev/vport3p1
dd if=/dev/sda bs=512 count=1 2>/dev/null
tr '\\0' x </dev/zero | dd of=/dev/sda bs=64k count=16 iflag=fullblock 2>/dev/null
sync
"""


class Peer:
    """A server for one client: sends it `data`, if any, and makes a sum of what it sends."""

    def __init__(self, data=b""):
        self.data = data
        self.sum = hashlib.sha256()
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        with self.server, self.server.accept()[0] as client:
            if self.data:
                client.sendall(self.data)
                client.shutdown(socket.SHUT_WR)
            while piece := client.recv(MIB):
                self.sum.update(piece)


class Network(DeviceTest):
    def test_out(self):
        """DHCP, ping, and bytes from one server of ours through the guest to another."""
        data = os.urandom(MIB) * (SENT // MIB)
        source, sink = Peer(data), Peer()
        self.command(NETWORK.format(source.port, sink.port), "--net", "user")
        sink.thread.join(LIMIT)
        self.assertEqual(sink.sum.hexdigest(), hashlib.sha256(data).hexdigest())

    def test_in(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        command = [LAUNCHER, "run", "--quiet", *self.machine, "--timeout", str(LIMIT), "--cmd", SERVED,
                   "--net", f"user,hostfwd=tcp::{port}-:7"]
        data = os.urandom(SENT // 4)
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
            self.assertEqual(process.stdout.readline(), b"listening\n")
            with socket.create_connection(("127.0.0.1", port)) as client:
                sender = threading.Thread(target=lambda: (client.sendall(data), client.shutdown(socket.SHUT_WR)))
                sender.start()
                back = b"".join(iter(lambda: client.recv(MIB), b""))
                sender.join()
            self.assertEqual(process.wait(timeout=LIMIT), 0)
        self.assertEqual(hashlib.sha256(back).digest(), hashlib.sha256(data).digest())


class Folder(DeviceTest):
    words, options = "", ()

    def test_folder(self):
        self.share()

    @unittest.skipIf(os.geteuid() != 0, "the other test is the same then")
    def test_ordinary_user(self):
        os.chmod(self.folder, 0o777)
        self.user = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "env", "TMPDIR=" + self.folder]
        self.share(owner=65534)

    def share(self, owner=os.geteuid()):
        """The guest does all sorts of things to a folder, in which many files are."""
        shared, kept = self.path("shared"), self.path("kept")
        for path in shared, shared + "/many", kept:
            os.mkdir(path)
        for name, text in ("shared/there", "before\n"), ("shared/gone", ""), ("kept/there", "kept\n"):
            with open(self.path(name), "w", encoding="ascii") as file:
                file.write(text)
        for index in range(THERE):
            os.close(os.open(f"{shared}/many/{index}", os.O_CREAT | os.O_WRONLY))
        with open(shared + "/host", "wb") as file:
            file.write(os.urandom(WRITTEN // 2))
        for parent, folders, files in os.walk(self.folder):
            for name in (".", *folders, *files):
                os.chown(os.path.join(parent, name), owner, -1)
        out = self.command(FOLDER.format(THERE, CREATED, WRITTEN // MIB), *self.options, "--share", shared + self.words,
                           "--share", f"{kept},ro,tag=kept{self.words}")
        self.assertEqual(out, "kept\n")
        self.check(shared, owner)

    def check(self, shared, owner):
        with open(shared + "/there", encoding="ascii") as file:
            self.assertEqual(file.read(), "before\nafter\n")
        self.assertEqual(sorted(os.listdir(shared)), ["big", "both", "host", "many", "new", "there"])
        self.assertEqual(os.readlink(shared + "/new/link"), "b")
        status = os.stat(shared + "/new/b")
        self.assertEqual((status.st_mode & 0o7777, status.st_nlink, status.st_size, status.st_uid), (0o751, 2, 2, owner))
        self.assertEqual(int(status.st_mtime), 981173106)
        self.assertEqual(len(os.listdir(shared + "/new")), CREATED + 3)
        self.assertEqual(len(os.listdir(shared + "/many")), THERE - 100)
        self.assertEqual(os.path.getsize(shared + "/big"), WRITTEN)
        # What the guest has read again is compared here: sums are slow to make there.
        subprocess.run("cat big host | cmp - both", cwd=shared, shell=True, check=True)


class Others(DeviceTest):
    def test_several(self):
        with open(self.path("disk"), "wb") as file:
            file.write(b"found\n" + bytes(MIB - 6))
        out = self.command(ANY, "--rng", "--device", "virtio-keyboard", "--device", "virtio-serial-pci", "--qemu",
                           f"-chardev file,id=c,path={self.path('out')} -device virtserialport,chardev=c,name=out",
                           "--device", "virtio-scsi,id=s", "--qemu", f"-drive if=none,id=d,format=raw,file="
                           f"{self.path('disk')} -device scsi-hd,bus=s.0,drive=d")
        self.assertEqual(out.rstrip("\0"), "found\n")
        with open(self.path("out"), encoding="ascii") as file:
            self.assertEqual(file.read(), "through a port\n")
        with open(self.path("disk"), "rb") as file:
            self.assertEqual(file.read(), b"x" * MIB)


if __name__ == "__main__":
    unittest.main()
