# SPDX-License-Identifier: Apache-2.0
"""What a monitor and EL2 say to each other (docs/monitor.md; hyp/vm/monitor_wire.h is EL2's end). Used by
monitor_channel.py, which carries it, and by the commands, which ask."""

import dataclasses
import socket
import struct

HEAD = struct.Struct("<HHIIiQQQ")
DATA_MAX = 2048  # bytes behind a message
CHUNK = 65536
PATIENCE = 20  # seconds for an answer: EL2 itself waits less for a vCPU

HELLO, READ, REGS, AT, EXITS, WRITE, STOP, GO, STEP, IRQ, PEND, DEV = range(1, 13)
S2_LOOKUP, S2_MAP, S2_UNMAP, S2_PROTECT, S2_SPLIT, WATCH, UNWATCH, LOG, LOG_READ, TRACE = range(13, 23)
# Not EL2's but the launcher's: what EL2 has printed on the console; a file that is the machine's memory, and the path
# of the guest's symbols.
LINES, MEMORY = 0xFFFF, 0xFFFE
REGS_GROUPS = 3
AT_KINDS = ("s1e1r", "s1e1w", "s1e0r", "s1e0w", "s12e1r", "s12e1w", "s12e0r", "s12e0w")

STATUSES = {-1: "the request contradicts itself", -2: "EL2 has no room left for it",
            -3: "it is outside of what may be reached", -4: "something is in its way", -5: "there is no such thing",
            -6: "this Traproom does not do that"}


class Refused(Exception):
    """EL2 does not do what it was asked; says why."""

    def __init__(self, status, words=None):
        super().__init__(words or STATUSES.get(status, f"error {status}"))
        self.status = status


@dataclasses.dataclass
class Answer:
    type: int
    vcpu: int = 0
    tag: int = 0
    size: int = 0
    status: int = 0
    address: int = 0
    value: int = 0
    extra: int = 0
    data: bytes = b""

    def pack(self):
        return HEAD.pack(self.type, self.vcpu, self.tag, len(self.data), self.status, self.address, self.value,
                         self.extra) + self.data


class Reader:
    """Messages out of a stream that may be cut anywhere."""

    def __init__(self):
        self._bytes = bytearray()

    def feed(self, data):
        """The messages that are whole by now. ValueError: this is no such stream."""
        self._bytes += data
        while len(self._bytes) >= HEAD.size:
            message = Answer(*HEAD.unpack_from(self._bytes))
            if message.size > DATA_MAX:
                raise ValueError(f"a message with {message.size} bytes of data; {DATA_MAX} is the most")
            if len(self._bytes) < HEAD.size + message.size:
                return
            message.data = bytes(self._bytes[HEAD.size:HEAD.size + message.size])
            del self._bytes[:HEAD.size + message.size]
            yield message


def text_lines(data):
    return data.decode("utf-8", "replace").splitlines()


def numbers(data):
    """Lines of NAME=0x... as a dictionary."""
    pairs = (line.split("=", 1) for line in text_lines(data))
    return {name: int(value, 0) for name, value in pairs}


class Wire:
    """One who asks, at a socket."""

    def __init__(self, link, patience=PATIENCE):
        self._link = link
        self._patience = patience
        self._link.settimeout(patience)
        self._reader = Reader()
        self._tag = 0
        self._hello = None
        self._files = []  # that came with answers
        self.events = []  # EL2's own, in order, until somebody takes them

    def close(self):
        self._link.close()

    def fileno(self):
        return self._link.fileno()

    def ask(self, type, vcpu=0, address=0, value=0, extra=0, data=b""):  # pylint: disable=redefined-builtin
        """The answer; Refused says why there is none."""
        self._tag = self._tag % 0xFFFFFFFF + 1
        try:
            self._link.sendall(Answer(type, vcpu, self._tag, address=address, value=value, extra=extra,
                                      data=data).pack())
            answer = self._await(self._tag)
        except socket.timeout as late:
            raise Refused(0, "Traproom does not answer: is the guest still there?") from late
        except OSError as error:
            raise Refused(0, "the guest has ended") from error
        if answer.status:
            raise Refused(answer.status)
        return answer

    def _await(self, tag):
        while True:
            answers = [message for message in self._receive() if message.tag == tag]
            if answers:
                return answers[0]

    def _receive(self):
        """What has come; events are put aside."""
        data, files, _, _ = socket.recv_fds(self._link, CHUNK, 1)
        if not data:
            raise ConnectionResetError
        self._files += files
        messages = list(self._reader.feed(data))
        self.events += [message for message in messages if message.tag == 0]
        return messages

    def wait_event(self, seconds):
        """The next event of EL2's own, None: none has come within that time."""
        if not self.events:
            self._link.settimeout(seconds)
            try:
                self._receive()
            except socket.timeout:
                pass
            except OSError as error:
                raise Refused(0, "the guest has ended") from error
            finally:
                self._link.settimeout(self._patience)
        return self.events.pop(0) if self.events else None

    def hello(self):
        """What the VM is, by name; "ram": a list of (IPA, size, PA)."""
        if self._hello is None:
            found = dict(line.split("=", 1) for line in text_lines(self.ask(HELLO).data))
            pieces = [name for name in found if name.startswith("ram")]
            ram = [tuple(int(word, 0) for word in found.pop(name).split()) for name in pieces]
            self._hello = {name: int(value, 0) if value[:1].isdigit() and " " not in value and name != "version" else value
                           for name, value in found.items()}
            self._hello["ram"] = ram
        return self._hello

    def vcpus(self):
        return range(self.hello()["vcpus"])

    def read(self, pa, size):
        """Bytes of the machine's memory: of the guest's RAM, of the tables of its stage 2."""
        found = bytearray()
        while len(found) < size:
            found += self.ask(READ, address=pa + len(found), value=min(size - len(found), DATA_MAX)).data
        return bytes(found)

    def pa_of(self, ipa):
        """Where the machine has an address of the guest's RAM."""
        for start, size, pa in self.hello()["ram"]:
            if start <= ipa < start + size:
                return ipa - start + pa
        raise Refused(-5, f"0x{ipa:x} is not in the guest's RAM")

    def read_ipa(self, ipa, size):
        """Bytes of the guest's RAM, by its own physical address."""
        self.pa_of(ipa + size - 1)
        return self.read(self.pa_of(ipa), size)

    def memory(self):
        """(A descriptor of the file that is the machine's memory, to be read, from layout.MACHINE_RAM on; the guest's
        System.map or vmlinux as the run was told, or None)."""
        path = self.ask(MEMORY).data.decode("utf-8", "surrogateescape")
        return self._files.pop(), path or None

    def regs(self, vcpu):
        """A vCPU's registers by name, in lower case; "off" is 1 where it is off."""
        found = {}
        for group in range(REGS_GROUPS):
            found.update(numbers(self.ask(REGS, vcpu=vcpu, value=group).data))
        return found

    def translate(self, vcpu, va, kind):
        """PAR_EL1 after AT `kind`, which is one of AT_KINDS."""
        return self.ask(AT, vcpu=vcpu, address=va, value=AT_KINDS.index(kind)).value

    def exits(self, vcpu):
        """A vCPU's exits by reason."""
        pairs = (line.split(" ", 1) for line in text_lines(self.ask(EXITS, vcpu=vcpu).data))
        return {reason: int(count) for count, reason in pairs}
