# SPDX-License-Identifier: Apache-2.0
"""When a run is over that does not end by itself: the time limit, a silent guest, a kernel that has
panicked, oopsed or stalls. Used by session.py, which asks; it has no clock of its own."""

TIME_UP, SILENT, AT_REST, OOPSED, STALLED = "time is up", "silent", "at rest", "oopsed", "stalled"
ASK = "ask"  # whether the guest lives, that is, and go on
BY_WORDS = (ASK, AT_REST, OOPSED, STALLED)  # that the kernel has said, or somebody else
MODEL_FAILED = "a model has failed"  # session.py sees that itself
CALM = 2.0  # seconds of silence after which a report is over, though its end has not come
ANSWER = 60.0  # seconds, on a busy machine, that Traproom has for its answer


class Watch:
    def __init__(self, args, words, can_ask, now):
        """`words`: the KernelWords; `can_ask`: Traproom is there to be asked."""
        self._words = words
        self._attended = args.attended  # who sits at the terminal decides for themselves
        self._can_ask = can_ask
        self._deadline = now + args.timeout if args.timeout else None
        self._silence = args.silence
        self._at_oops = args.oops == "panic"
        self._at_stall = args.warn == "fail"
        self._heard = now
        self._complete = None  # since when a report that ends the run is
        self._asked = None

    def heard(self, now):
        """The guest has said something."""
        self._heard = now
        if self._fatal() and self._words.complete and self._complete is None:
            self._complete = now
        if not self._words.panic:
            self._asked = None

    def corrected(self):
        """Some of the words were lies, and are forgotten."""
        self._complete = self._asked = None

    def asked(self, now):
        self._asked = now

    def left(self, now):
        """Seconds until why() may know more though nothing has come; None: never."""
        times = [time for time in (self._deadline, self._silent_at(), self._rest_at(), self._fatal_at())
                 if time is not None]
        return max(0.0, min(times) - now) if times else None

    def why(self, now):
        """The reason to stop now, or None."""
        if is_due(self._deadline, now):
            return TIME_UP
        if is_due(self._rest_at(), now):
            return ASK if self._can_ask and self._asked is None else AT_REST
        if is_due(self._fatal_at(), now):
            return self._fatal()
        if is_due(self._silent_at(), now):
            return SILENT
        return None

    def _silent_at(self):
        return self._heard + self._silence if self._silence else None

    def _rest_at(self):
        """When a panic is over: it has come to its end, or nothing more is expected."""
        if self._attended or not self._words.panic:
            return None
        if self._asked is not None:
            return self._asked + ANSWER
        return self._heard + (0 if self._words.end else CALM)

    def _fatal(self):
        """What the kernel has got into that ends the run, though it lives."""
        if self._attended or self._words.panic:
            return None
        if self._at_oops and self._words.oops:
            return OOPSED
        return STALLED if self._at_stall and self._words.stall() else None

    def _fatal_at(self):
        """A kernel that panics for it does so right after."""
        if not self._fatal():
            return None
        return (self._heard if self._complete is None else self._complete) + CALM


def is_due(time, now):
    return time is not None and now >= time
