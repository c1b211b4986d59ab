# SPDX-License-Identifier: Apache-2.0
"""Tracks as a file in the trace-event format (Perfetto, "Trace Event Format"), which https://ui.perfetto.dev and
Chromium's about:tracing open. Used by trace.py."""

import json

from launcher.trace_tracks import VCPU

PROCESSES = {VCPU: (1, "vCPUs"), "device": (2, "devices")}
PER_MICROSECOND = 1000


def trace_events(tracks):
    """Each as the format's dictionary."""
    for process, name in PROCESSES.values():
        yield {"ph": "M", "name": "process_name", "pid": process, "args": {"name": name}}
    for number, track in enumerate(tracks, start=1):
        process, _ = PROCESSES[track.kind]
        place = {"pid": process, "tid": number}
        yield {"ph": "M", "name": "thread_name", **place, "args": {"name": track.name}}
        yield {"ph": "M", "name": "thread_sort_index", **place, "args": {"sort_index": number}}
        for piece in track.slices:
            yield {"ph": "X", "name": piece.name, **place, "ts": piece.start / PER_MICROSECOND,
                   "dur": piece.duration / PER_MICROSECOND, "args": {"what": piece.detail}}


def write(path, tracks):
    with open(path, "w", encoding="utf-8") as file:
        file.write('{"displayTimeUnit": "ns", "traceEvents": [')
        for index, event in enumerate(trace_events(tracks)):
            file.write((",\n" if index else "\n") + json.dumps(event))
        file.write("\n]}\n")
