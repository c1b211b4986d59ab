#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Stands in for qemu-system-aarch64 in test_run.py: notes its arguments, keeps copies of the
files it was to load, and behaves as FAKE_QEMU, a Python program, says."""

import json
import os
import pty
import re
import select
import shutil
import socket
import subprocess
import sys

REPORT = ["[traproom] report: begins: asked for on the console", "[traproom] report: vCPU 0 is off", "[traproom] report: ends"]
FOLDER = os.environ["FAKE_FOLDER"]


def keep_files(arguments):
    """Copies by address; the launcher removes its own files when QEMU ends."""
    for argument in arguments:
        match = re.fullmatch(r"loader,file=(.*),addr=(0x[0-9a-f]+),force-raw=on", argument)
        if match:
            shutil.copy(match.group(1).replace(",,", ","), os.path.join(FOLDER, match.group(2)))


def staged(name):
    """The text of traproom/NAME in the initramfs's last archive, None if it is not there."""
    for file in os.listdir(FOLDER):
        if file.startswith("0x"):
            with open(os.path.join(FOLDER, file), "rb") as image:
                found = re.search(rb"traproom/%s\0+([^\0]*)\n" % name.encode(), image.read())
            if found:
                return found.group(1).decode()
    return None


def relay(between=b"", every=1 << 30):
    """
    What the default guest does without a terminal: FAKE_RELAY, which is relay.c for this machine, on
    a terminal whose other end is our stdin and stdout. `between` is printed into it, over and over.
    """
    command = staged("cmd")
    pid, console = pty.fork()
    if pid == 0:
        os.closerange(3, 256)  # what a guest starts does not hold QEMU's files
        os.execv(os.environ["FAKE_RELAY"], ["relay", staged("nonce"), "sh"] +
                 ([] if command is None else ["-c", command]))
    sources = [0, console]
    while True:
        ready = select.select(sources, [], [])[0]
        try:
            if console in ready:
                data = os.read(console, every)
                os.write(1, data + between)
        except OSError:  # the relay has ended
            break
        if 0 in ready:
            data = os.read(0, 512)
            sources = sources if data else [console]
            while data:
                data = data[os.write(console, data):]
    os.waitpid(pid, 0)
    print("\n[traproom] exit: guest powered off", flush=True)


def inherited(name):
    """The file descriptor of the -chardev of that name: "monitor" is QEMU's own console."""
    found = (re.fullmatch(rf"socket,id={name},fd=(\d+)", argument) for argument in sys.argv)
    return next(int(match.group(1)) for match in found if match)


def relay_by_port(noise="a kernel speaks"):
    """The same by the port of a virtio console, where nobody else writes."""
    command = staged("cmd")
    port = inherited("relay")
    arguments = ["relay", staged("nonce"), "sh"] + ([] if command is None else ["-c", command])
    print(noise, flush=True)
    subprocess.run(arguments, executable=os.environ["FAKE_RELAY"], stdin=port, stdout=port, check=True)
    print(noise, flush=True)
    print("[traproom] exit: guest powered off", flush=True)


def answer_breaks(lines, missed=0):
    """Traproom's answer to each break on its UART, but the first ones that it can't hear yet. It reports on the
    guest, too, if that does not end; the break after that lets it go on."""
    held = False
    with socket.socket(fileno=inherited("monitor")).makefile("rw") as control:
        print('{"QMP": {}}', file=control, flush=True)
        for line in control:
            request = json.loads(line)
            answer = {"return": {}, "id": request["id"]}
            print('{"event": "NONE"}\n' + json.dumps(answer), file=control, flush=True)
            if (request["execute"], request["arguments"]) == ("chardev-send-break", {"id": "serial0"}):
                missed -= 1
                if missed >= 0:
                    continue
                held = not held
                ends = "[traproom] exit: " in lines[-1]
                if held:
                    print("\r\n".join(lines if ends else lines + REPORT), flush=True)
                if ends:
                    return


def be_off(read_memory=lambda address, size: bytes(size)):
    """A machine that goes off, is looked at, and ends when it is told to."""
    with socket.socket(fileno=inherited("monitor")).makefile("rw") as control:
        print('{"QMP": {}}\n{"event": "SHUTDOWN"}', file=control, flush=True)
        for line in control:
            request = json.loads(line)
            if request["execute"] == "pmemsave":
                with open(request["arguments"]["filename"], "wb") as file:
                    file.write(read_memory(request["arguments"]["val"], request["arguments"]["size"]))
            print(json.dumps({"return": {}, "id": request["id"]}), file=control, flush=True)
            if request["execute"] == "quit":
                return


if sys.argv[1:] == ["--version"]:
    print("QEMU emulator version 7.2.22 (Debian)")
    sys.exit()
if sys.argv[1:] == ["-device", "help"]:
    for name, bus in (("virtio-blk-device", "virtio-bus"), ("virtio-blk-pci", "PCI"), ("virtio-mem", "virtio-bus"),
                      ("virtio-serial-device", "virtio-bus"), ("vhost-user-i2c-device", "virtio-bus"),
                      ("virtio-keyboard-device", "virtio-bus"), ("ramfb", "System")):
        print(f'name "{name}", bus {bus}' if bus != "System" else f'name "{name}"')
    sys.exit()
with open(os.path.join(FOLDER, "arguments"), "w", encoding="utf-8") as file:
    json.dump(sys.argv[1:], file)
keep_files(sys.argv[1:])
if not re.search("answer_breaks|be_off", os.environ.get("FAKE_QEMU", "")) and "-mon" in sys.argv:
    os.close(inherited("monitor"))  # nobody answers there
exec(os.environ.get("FAKE_QEMU", ""))  # pylint: disable=exec-used
