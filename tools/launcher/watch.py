# SPDX-License-Identifier: Apache-2.0
"""When a run is over that does not end by itself: the time limit, a silent guest, a kernel that has come
to rest after a panic or an oops. Used by session.py, which asks; it has no clock of its own."""

TIME_UP, SILENT, AT_REST, OOPSED = "time is up", "silent", "at rest", "oopsed"
MODEL_FAILED = "a model has failed"  # session.py sees that itself
CALM = 2.0  # seconds of silence after which a report is over, though its end has not come


class Watch:
    def __init__(self, args, words, attended, now):
        """`words`: the KernelWords. `attended`: who sits at the terminal decides for themselves."""
        self._words = words
        self._attended = attended
        self._deadline = now + args.timeout if args.timeout else None
        self._silence = args.silence
        self._ends_at_oops = args.oops == "panic" and not attended
        self._heard = now
        self._oopsed = None  # when the report of it was complete

    def heard(self, now):
        """The guest has said something."""
        self._heard = now
        if self._ends_at_oops and self._words.oops and self._words.complete and self._oopsed is None:
            self._oopsed = now

    def left(self, now):
        """Seconds until why() may know more though nothing has come; None: never."""
        times = [time for time in (self._deadline, self._silent_at(), self._calm_at(), self._oops_at())
                 if time is not None]
        return max(0.0, min(times) - now) if times else None

    def why(self, now):
        """The reason to stop now, or None."""
        calm = self._calm_at() is not None and now >= self._calm_at()
        if self._deadline is not None and now >= self._deadline:
            return TIME_UP
        if self._words.panic and not self._attended:
            return AT_REST if self._words.rests or calm else None
        if calm or (self._oops_at() is not None and now >= self._oops_at()):
            return OOPSED
        if self._silent_at() is not None and now >= self._silent_at():
            return SILENT
        return None

    def _silent_at(self):
        return self._heard + self._silence if self._silence else None

    def _calm_at(self):
        """When nothing more is expected of a kernel that dies."""
        dies = self._words.panic or (self._ends_at_oops and self._words.oops)
        return self._heard + CALM if dies and not self._attended else None

    def _oops_at(self):
        """A kernel that panics for an oops does so right after."""
        return self._oopsed + CALM if self._oopsed is not None else None
