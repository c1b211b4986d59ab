# SPDX-License-Identifier: Apache-2.0
"""The way from a run to EL2's monitor: a console of QEMU's in a slot that the guest does not see, and a socket at
which anybody of the same user may ask (monitor_wire.py). Used by cli.py and session.py.

Who asks is served by a thread: one request at a time goes to EL2, its answer goes back to who asked, and what EL2
says of its own accord goes to all.
"""

import collections
import contextlib
import errno
import os
import select
import shlex
import socket
import stat
import subprocess
import sys
import threading
import time

from launcher import Problem, slots, standard_files
from launcher.monitor_wire import CHUNK, DATA_MAX, LINES, MEMORY, PATIENCE, Answer, Reader

TRAPROOM = os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "traproom")
SUFFIX, STARTS = ".sock", ".starts"
CLIENTS_MAX = 32
LAST_MOMENT = 2  # seconds
ROOM = 1 << 20  # bytes of what EL2 says, if we may: QEMU drops what there is no room for

_mark = None  # the file by which this process says that it is starting


def folder():
    """Where the sockets of this user's runs are: his alone."""
    base = os.environ.get("XDG_RUNTIME_DIR")
    path = os.path.join(base, "traproom") if base and os.path.isdir(base) else f"/tmp/traproom-{os.getuid()}"
    os.makedirs(path, mode=0o700, exist_ok=True)
    found = os.lstat(path)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise Problem(f"{path}, where runs leave the sockets of their monitors, must be a folder of yours that nobody "
                      "else can reach: remove it")
    return path


def running(suffix=SUFFIX):
    """The sockets of this user's runs; those of runs that are gone are removed."""
    found = []
    for name in sorted(os.listdir(folder())):
        path = os.path.join(folder(), name)
        if name.endswith(suffix):
            if os.path.exists(f"/proc/{name[:-len(suffix)]}"):
                found.append(path)
            else:
                _remove(path)
    return found


def described(path):
    """The socket, and how its run was started."""
    with contextlib.suppress(OSError):
        pid = os.path.basename(path)[:-len(SUFFIX)]
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read().decode("utf-8", "replace").split("\0")[1:-1]  # without the interpreter
        return f"{path}\t{shlex.join(words)}"
    return path


def starting():
    """Is there a run that will have a socket?"""
    return bool(running(STARTS))


def _remove(path):
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


@contextlib.contextmanager
def announced(args):
    """A run that is to have a monitor says so by a file from its first moment on, until its socket is there."""
    global _mark  # pylint: disable=global-statement
    if args.monitor is not None or args.monitor_cmd or standard_files.has_terminal():
        with contextlib.suppress(Problem, OSError):
            _mark = _own(STARTS)
            with open(_mark, "w", encoding="ascii"):
                pass
    try:
        yield
    finally:
        _withdraw()


def _withdraw():
    if _mark is not None:
        _remove(_mark)


def _own(suffix):
    return os.path.join(folder(), f"{os.getpid()}{suffix}")


def connect(path):
    link = socket.socket(socket.AF_UNIX)
    try:
        link.connect(path)
    except OSError as error:
        link.close()
        raise Problem(f"no monitor at {path}: {error.strerror}") from error
    return link


def choose(args, staged):
    """The Channel of a run, None where it has none."""
    wanted = args.monitor is not None or args.monitor_cmd
    if args.bare or args.bundle is not None or not (wanted or args.attended):
        if wanted:
            raise Problem("--monitor needs Traproom and a tree of ours: it goes neither with --bare nor with --bundle")
        _withdraw()
        return None
    channel = Channel(args.monitor or None, args.monitor_cmd)
    if channel.take_slot(staged.tree, staged.placed):
        return channel
    if wanted:
        raise Problem("--monitor: devices have all the virtio slots of QEMU's machine")
    return None


def last_lines(lines):
    """As many of the last ones as an answer holds."""
    return "".join(f"{line}\n" for line in list(lines)).encode()[-DATA_MAX:]


class Client:
    def __init__(self, link):
        self.link = link
        self.reader = Reader()

    def send(self, data, files=()):
        """One that does not read misses what is said."""
        try:
            socket.send_fds(self.link, [data], files, socket.MSG_DONTWAIT)
        except OSError:
            pass


class Channel:
    """A run's, from before QEMU starts until it has ended."""

    def __init__(self, path, commands=()):
        """`path`: of the socket, None: in the folder. `commands` are done once the guest's there."""
        self._commands = list(commands)
        self._doing = None  # the process that does them
        self.path = _own(SUFFIX) if path is None else path
        self._ours, self.its = socket.socketpair()
        self.its.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, ROOM)
        self.own_lines = ()  # Traproom's on the console, the last ones
        self._memory = None  # a descriptor of the file that is the machine's
        self._symbols = ""  # the path of a System.map or vmlinux
        self._slot = None
        self._listener = None
        self._thread = None
        self._stop, self._stopped = os.pipe()
        self._clients = {}  # by file descriptor
        self._waiting = collections.deque()  # (client, request)
        self._asked = None  # the (client, request) that EL2 has
        self._lost = 0  # when its answer won't come any more
        self._tag = 0

    def take_slot(self, tree, placed):
        """In the guest's tree, too. False: there is none left."""
        free = slots.free(tree, placed)
        if not free:
            return False
        self._slot = free[-1]
        tree.chosen.set_u64s("traproom,monitor", slots.address(self._slot))
        return True

    def arguments(self):
        """QEMU's."""
        return [*slots.MODERN, "-chardev", f"socket,id=monitor-el2,fd={self.its.fileno()}",
                "-device", f"virtio-serial-device,id=monitor-el2,max_ports=1,bus=virtio-mmio-bus.{self._slot}",
                "-device", "virtconsole,bus=monitor-el2.0,chardev=monitor-el2"]

    def __enter__(self):
        """The socket is there from here on, whether QEMU runs already or not: nobody finds one that does not listen."""
        self._listener = socket.socket(socket.AF_UNIX)
        new = self.path + ".new"
        try:
            if os.path.exists(self.path) and not stat.S_ISSOCK(os.stat(self.path).st_mode):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
            _remove(new)
            self._listener.bind(new)
            os.chmod(new, 0o600)
            self._listener.listen(CLIENTS_MAX)
            os.rename(new, self.path)
        except OSError as error:
            raise Problem(f"--monitor {self.path}: {error.strerror}") from error
        _withdraw()
        return self

    def keep(self, memory, symbols):
        """For who asks for names: the file that is the machine's memory, and the run's --symbols."""
        self._memory = os.open(f"/proc/self/fd/{memory.fileno()}", os.O_RDONLY)
        self._symbols = os.path.abspath(symbols) if symbols else ""

    def start(self):
        """QEMU has its end."""
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        if self._commands:
            self._doing = subprocess.Popen([sys.executable, "-B", TRAPROOM, "monitor", "--early", "--socket", self.path,
                                            *self._commands], stdin=subprocess.DEVNULL, stdout=sys.stderr.fileno())

    def __exit__(self, *_):
        if self._doing:
            self._end_commands()
        if self._thread:
            os.write(self._stopped, b"x")
            self._thread.join()
        for link in [self._ours, *[client.link for client in self._clients.values()]]:
            link.close()
        os.close(self._stop)
        os.close(self._stopped)
        if self._memory is not None:
            os.close(self._memory)
        if self._listener:
            self._listener.close()
            os.unlink(self.path)

    def _end_commands(self):
        """They are told that the guest has ended, but for one that waits."""
        try:
            self._doing.wait(LAST_MOMENT)
        except subprocess.TimeoutExpired:
            self._doing.kill()
            self._doing.wait()

    def _serve(self):
        reader = Reader()
        while True:
            patience = max(0, self._lost - time.monotonic()) if self._asked else None
            ready = select.select([self._stop, self._ours, self._listener, *self._clients], [], [], patience)[0]
            if self._stop in ready:
                return
            if self._ours in ready:
                data = self._receive(self._ours)
                if not data:
                    self._send_all_away()
                    return
                for message in reader.feed(data):
                    self._answer(message)
            if self._listener in ready:
                self._accept()
            for number in [number for number in ready if number in self._clients]:
                self._hear(self._clients[number])
            if self._asked and time.monotonic() >= self._lost:
                self._asked = None
            while self._waiting and not self._asked:
                self._pass_on()

    def _send_all_away(self):
        """The guest has ended: nobody is to wait for an answer."""
        for client in self._clients.values():
            client.link.shutdown(socket.SHUT_RDWR)

    def _accept(self):
        link = self._listener.accept()[0]
        if len(self._clients) < CLIENTS_MAX:
            self._clients[link.fileno()] = Client(link)
        else:
            link.close()

    @staticmethod
    def _receive(link):
        try:
            return link.recv(CHUNK)
        except OSError:
            return b""

    def _hear(self, client):
        data = self._receive(client.link)
        try:
            self._waiting += [(client, message) for message in client.reader.feed(data)]
        except ValueError:
            data = b""
        if not data:
            self._waiting = collections.deque(one for one in self._waiting if one[0] is not client)
            del self._clients[client.link.fileno()]
            client.link.close()

    def _pass_on(self):
        """The next one to EL2, unless it is for us."""
        client, request = self._waiting.popleft()
        if request.type == LINES:
            client.send(Answer(LINES, tag=request.tag, data=last_lines(self.own_lines)).pack())
            return
        if request.type == MEMORY:
            client.send(Answer(MEMORY, tag=request.tag, data=os.fsencode(self._symbols)).pack(), [self._memory])
            return
        self._asked, self._lost = (client, request), time.monotonic() + PATIENCE
        self._tag = self._tag % 0xFFFFFFFF + 1
        theirs, request.tag = request.tag, self._tag
        self._ours.sendall(request.pack())
        request.tag = theirs

    def _answer(self, message):
        if message.tag == 0:
            for client in self._clients.values():
                client.send(message.pack())
        elif self._asked and message.tag == self._tag:
            client, request = self._asked
            self._asked = None
            message.tag = request.tag
            client.send(message.pack())
