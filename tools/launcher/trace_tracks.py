# SPDX-License-Identifier: Apache-2.0
"""A trace as tracks: one for each vCPU with its exits, one for each device with the accesses to it and its interrupts,
one for the requests to each virtio device. Used by trace.py; trace_file.py and the report's page draw them."""

from typing import NamedTuple

from launcher.trace_ring import STAGE2

VCPU, DEVICE = "vcpu", "device"


class Slice(NamedTuple):
    start: int  # nanoseconds since the first exit
    duration: int
    name: str
    detail: str


class Track(NamedTuple):
    name: str
    kind: str
    slices: list


class Tracks:
    """`trace`: as trace.Trace; `names`: a kernel_names.KernelNames."""

    def __init__(self, trace, names):
        self._trace, self._names = trace, names
        self._tracks = {}
        self._requests = {}  # by device: when the first that is not answered came
        events = sorted(trace.events())
        self._begin = events[0].entered if events else 0
        for index in range(trace.vcpus):
            self._track(f"vCPU {index}", VCPU)
        for event in events:
            self._add(event)

    def __iter__(self):
        return iter(self._tracks.values())

    def _track(self, name, kind):
        return self._tracks.setdefault(name, Track(name, kind, []))

    def _time(self, counter):
        return self._trace.nanoseconds(counter - self._begin)

    def _add(self, event):
        words = self._trace.words.words(event)
        start = self._time(event.entered)
        if event.kind == STAGE2:
            self._track("stage 2", DEVICE).slices.append(
                Slice(start, 0, words.register, f"IPA 0x{event.address:x}, 0x{event.value:x} bytes, by vCPU {event.vcpu}"))
            return
        duration = self._time(event.left) - start if event.left else 0
        slices = self._track(f"vCPU {event.vcpu}", VCPU).slices
        slices.append(Slice(start, duration, title(words), self._detail(event, words)))
        if words.device:
            slices = self._track(words.device, DEVICE).slices
            behind = slices[-1].start + slices[-1].duration if slices else 0  # one at a time, by the device's lock
            slices.append(Slice(max(start, behind), max(0, start + duration - max(start, behind)), title(words),
                                f"vCPU {event.vcpu}, value 0x{event.value:x}"))
        if words.register == "QueueNotify":
            self._requests.setdefault(words.device, (start, event.value))
        self._add_given(event, start + duration)

    def _add_given(self, event, at):
        name = self._trace.words.given(event)
        if name is None or name not in self._tracks:
            return
        slices = self._tracks[name].slices
        behind = slices[-1].start + slices[-1].duration if slices else 0
        slices.append(Slice(max(at, behind), 0, "interrupt", f"to vCPU {event.vcpu}"))
        if name in self._requests:
            start, queue = self._requests.pop(name)
            self._track(f"{name} requests", DEVICE).slices.append(
                Slice(start, max(0, at - start), f"queue {queue}", "from QueueNotify to the interrupt"))

    def _detail(self, event, words):
        parts = [f"at 0x{event.pc:x} {self._names.name(event.pc)}".rstrip()]
        if event.address:
            parts.append(f"{'IPA' if words.device or words.reason.startswith('abort') else 'x1'} 0x{event.address:x}")
        if words.register:
            parts.append(f"{'wrote' if words.is_write else 'value'} 0x{event.value:x}")
        given = self._trace.words.given(event)
        if given:
            parts.append(f"gives {given}")
        return ", ".join(parts if event.left else parts + ["never came back"])


def title(words):
    return f"{words.register} {'write' if words.is_write else 'read'}" if words.device else \
        words.register or words.reason
