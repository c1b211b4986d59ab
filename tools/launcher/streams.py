# SPDX-License-Identifier: Apache-2.0
"""What QEMU prints, on its way to our stdout and stderr; and what it tells of the guest. Used by
session.py; console.py and relay.py take the bytes apart, verdict.py judges."""

from launcher import console, relay

STDOUT, STDERR = 1, 2
LAST_WORDS = 1 << 16  # bytes of a quiet run's console that are kept


class Streams:
    """Of a guest that is watched as it is: its console is our stdout."""

    def __init__(self, shown):
        self.console = shown
        self.status = None  # the command's
        self.garbled = False
        self.complaints = b""  # QEMU's last ones
        self.by_port = False  # input goes to the port

    def feed(self, data):
        """Take what QEMU printed; returns (file descriptor, bytes) of what goes out now."""
        return [(STDOUT, self.console.feed(data))]

    def waiting(self):
        return self.console.waiting()

    def release(self):
        return [(STDOUT, self.console.release())]

    def close(self):
        return [(STDOUT, self.console.close())]

    def last_words(self, well):
        """What was not shown, but matters at the end of a run that went well, or did not."""
        return b""


class RelayedStreams(Streams):
    """
    Of a guest with relay.c: the program's stdout and stderr are ours, whether they come by the port or,
    where the guest has no driver for that, by the console. What else is on the console goes to
    stdout, too, with plain newlines; or, when quiet, nowhere, but its end is kept.
    """

    def __init__(self, shown, nonce, quiet):
        super().__init__(shown)
        self.quiet = quiet
        self.pieces = None  # of input, since the guest's end is there
        self._frames = relay.Frames(nonce)  # of the console
        self._port_frames = relay.Frames(nonce)
        self._mid_line = False  # the program has begun a line on stdout
        self._begun = b""  # a line of the console's without its end: what the program says must not come into it
        self._kept = bytearray()

    def feed(self, data):
        out = []
        for kind, payload in self._frames.feed(data):
            if kind is relay.TEXT:
                out += self._text(self.console.feed(payload))
            else:
                out += self._frame(kind, payload, False)
        self._judge()
        return out

    def feed_port(self, data):
        """The same of what has come by the port, where nobody else writes."""
        out = []
        for kind, payload in self._port_frames.feed(data):
            if kind is not relay.TEXT:
                out += self._frame(kind, payload, True)
        self._judge()
        return out

    def _frame(self, kind, payload, by_port):
        if kind in (relay.OUTPUT, relay.ERRORS):
            if kind == relay.OUTPUT:
                self._mid_line = not payload.endswith(b"\n")
                if self.console.results:
                    self.console.results.feed_output(payload)
            return [(STDOUT if kind == relay.OUTPUT else STDERR, payload)]
        if kind == relay.HELLO:
            self.pieces = relay.Pieces(relay.PORT_WINDOW if by_port else relay.WINDOW)
            self.by_port, self.status = by_port, None
        elif kind == relay.TAKEN and self.pieces:
            self.pieces.taken = int.from_bytes(payload, "big")
        elif kind == relay.STATUS:
            self.status = payload[0]
        return []

    def _judge(self):
        self.garbled = self._frames.garbled or self._port_frames.garbled

    def waiting(self):
        return bool(self._begun) or super().waiting()

    def release(self):
        return self._text(self.console.release(), whole=True)

    def close(self):
        rest = self._frames.close()
        self._port_frames.close()
        self._judge()
        return self._text(self.console.feed(rest) + self.console.close(), whole=True)

    def last_words(self, well):
        lines = self._kept.splitlines(keepends=True)
        return b"".join(line for line in lines if not well or line.startswith(console.OWN))

    def _text(self, text, whole=False):
        """What of the console's text goes out: lines, or, if `whole`, what is begun, too."""
        text = text.replace(b"\r", b"")
        if self.quiet:
            self._kept = (self._kept + text)[-LAST_WORDS:]
            return []
        text = self._begun + text
        end = len(text) if whole else text.rfind(b"\n") + 1
        text, self._begun = text[:end], text[end:]
        if text and self._mid_line:
            text = b"\n" + text
            self._mid_line = False
        return [(STDOUT, text)]
