# SPDX-License-Identifier: Apache-2.0
"""The server of a shared folder: virtiofsd, which QEMU's device vhost-user-fs leads to. It keeps
itself to that folder, by namespaces, for which an ordinary user needs one of users, too. Used by
shares.py and cli.py."""

import contextlib
import ctypes
import os
import shutil
import signal
import socket
import struct
import subprocess

from launcher import Problem, verdict
from launcher.session import die_with_parent, say

PLACES = ("/usr/libexec/virtiofsd", "/usr/lib/qemu/virtiofsd", "/usr/lib/virtiofsd")  # of Debian's releases, others
CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID = 0x00020000, 0x10000000, 0x20000000
MS_REC, MS_BIND, MS_PRIVATE = 1 << 14, 1 << 12, 1 << 18
SYS_MOUNT_SETATTR = 442  # on every architecture (Linux 5.12)
AT_FDCWD, AT_RECURSIVE, MOUNT_ATTR_RDONLY = -100, 0x8000, 1
FAILED = (verdict.WRONG_SETUP, verdict.HYPERVISOR_FAILED)
LIBC = ctypes.CDLL(None, use_errno=True)


class Server:
    def __init__(self, said, path, read_only, scratch):
        """`scratch`: a name for files of our own."""
        self.said = said
        self.path = path
        self.read_only = read_only
        self.socket = scratch + ".socket"
        self.log = scratch + ".log"
        self.program = find(said)
        self.process = None
        self.own_users = os.geteuid() != 0
        self.sandbox = choose_sandbox(said, read_only)

    def start(self):
        with socket.socket(socket.AF_UNIX) as listening, open(self.log, "wb") as log:
            listening.bind(self.socket)
            listening.listen(1)
            self.process = subprocess.Popen(
                [self.program, f"--fd={listening.fileno()}", *self.options()], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, pass_fds=[listening.fileno()], preexec_fn=self.confine)

    def options(self):
        """They differ between the server that came with QEMU up to 7.2 and the later one."""
        shown = subprocess.run([self.program, "--help"], capture_output=True, text=True, check=False).stdout
        if "--shared-dir" in shown:
            return ["--shared-dir", self.path, "--sandbox", self.sandbox, "--log-level", "error"]
        return ["-o", f"source={self.path}", "-o", f"sandbox={self.sandbox}", "-o", "log_level=err"]

    def confine(self):
        """In the server's process, before it is the server."""
        if self.own_users:
            enter_user_namespace()
        if self.read_only:
            make_read_only(self.path)
        die_with_parent()  # at last: new rights would undo it

    def stop(self):
        """It ends by itself when QEMU does; if QEMU never came, now."""
        if self.process:
            self.process.terminate()
            self.process.wait()

    def complaint(self):
        """Why it has ended, if it has failed, else None."""
        if self.process is None or self.process.poll() in (None, 0, -signal.SIGTERM):
            return None
        with open(self.log, encoding="utf-8", errors="replace") as log:
            lines = log.read().split("\n")
        why = next((line for line in reversed(lines) if line.strip()), f"status {self.process.returncode}")
        return f"{self.said}: virtiofsd can't serve the folder: {why}"


@contextlib.contextmanager
def serving(servers):
    """Servers that run meanwhile. Gives a function that makes of QEMU's failure that of a server."""
    servers = list(servers)

    def complain(status):
        complaints = [server.complaint() for server in servers if status in FAILED]
        for words in filter(None, complaints):
            say(words)
        return verdict.WRONG_SETUP if any(complaints) else status

    try:
        for server in servers:
            server.start()
        yield complain
    finally:
        for server in servers:
            server.stop()


def find(said):
    found = shutil.which("virtiofsd") or next((path for path in PLACES if os.access(path, os.X_OK)), None)
    if found is None:
        raise Problem(f"{said}: virtiofsd is not installed: run tools/setup run, or add ,9p, which needs none")
    return found


def may_unshare(flags):
    """Does this computer let us have such namespaces? Tried in a process of its own."""
    child = os.fork()
    if child == 0:
        os._exit(LIBC.unshare(flags) != 0)  # pylint: disable=protected-access
    return os.waitpid(child, 0)[1] == 0


def choose_sandbox(said, read_only):
    if os.geteuid() != 0 and not may_unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID):
        raise Problem(f"{said}: this computer lets ordinary users have no user namespaces, in which virtiofsd keeps "
                      "itself to the folder: add ,9p, or be root")
    if may_unshare(CLONE_NEWNS | CLONE_NEWPID) or os.geteuid() != 0:
        return "namespace"
    if read_only:  # as root in a container
        raise Problem(f"{said}: without mount namespaces virtiofsd can't keep a folder from being written: "
                      "add ,9p, or leave out ,ro")
    return "chroot"


def check(result, what):
    if result != 0:
        raise OSError(ctypes.get_errno(), what)


def enter_user_namespace():
    """Where we are root, with no more rights outside than before."""
    user, group = os.geteuid(), os.getegid()
    check(LIBC.unshare(CLONE_NEWUSER), "unshare")
    for name, text in ("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1"):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(text)


def make_read_only(path):
    """For us alone, with all that is mounted in it."""
    check(LIBC.unshare(CLONE_NEWNS), "unshare")
    check(LIBC.mount(None, b"/", None, MS_REC | MS_PRIVATE, None), "mount")
    name = os.fsencode(path)
    check(LIBC.mount(name, name, None, MS_REC | MS_BIND, None), "mount")
    attributes = struct.pack("4Q", MOUNT_ATTR_RDONLY, 0, 0, 0)
    check(LIBC.syscall(SYS_MOUNT_SETATTR, AT_FDCWD, name, AT_RECURSIVE, attributes, len(attributes)), "mount_setattr")
