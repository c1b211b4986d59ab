# SPDX-License-Identifier: Apache-2.0
"""--net: a network card on a network of QEMU's own ("user networking"), from which the guest gets
out, and into which ports of this machine can lead. Used by devices.py."""

import errno
import re
import socket

from launcher import Problem
from launcher.device import Device
from launcher.words import Words, escape, split

NET = "--net"
USER = "user"
FORWARD = re.compile(r"(?P<kind>tcp|udp|):(?P<host>[^:]*):(?P<port>\d+)-(?P<guest>[^:]*):(?P<guest_port>\d+)")
LOCAL = "127.0.0.1"  # not to be reached from other machines unless the user says so
KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}


def make(said, text, index, _work):
    """The Device of a --net."""
    kind, *rest = split(text)
    if kind != USER:
        raise Problem(f"{said}: it is 'user' or 'none'; a network of another kind is had by --device "
                      "virtio-net-device,netdev=n --qemu '-netdev KIND,id=n,...'")
    words = Words(said, rest, (), ("hostfwd",))
    rules = "".join(f",hostfwd={escape(forward(said, rule))}" for rule in words.values["hostfwd"])
    return Device(said, backend=["-netdev", f"user,id=traproom-net{index}{rules}"], front=f"virtio-net-device,netdev=traproom-net{index}",
                  modules=("virtio_net", "af_packet"))


def forward(said, rule):
    """A rule as QEMU wants it, of a port that is free."""
    found = FORWARD.fullmatch(rule)
    if not found:
        raise Problem(f"{said}: 'hostfwd={rule}' is not like hostfwd=tcp:127.0.0.1:2222-:22, of which 'tcp' and "
                      "the addresses may be left out")
    kind, host = found["kind"] or "tcp", found["host"] or LOCAL
    for port in found["port"], found["guest_port"]:
        if not 0 < int(port) < 1 << 16:
            raise Problem(f"{said}: {port} is no port: they are 1 to 65535")
    check_free(said, kind, host, int(found["port"]))
    return f"{kind}:{host}:{found['port']}-{found['guest']}:{found['guest_port']}"


def check_free(said, kind, host, port):
    with socket.socket(socket.AF_INET, KINDS[kind]) as ours:
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, kind == "tcp")
        try:
            socket.inet_aton(host)
            ours.bind((host, port))
            if kind == "tcp":
                ours.listen()
        except OSError as error:
            why = {errno.EADDRINUSE: "another program has it: does another run go on?",
                   errno.EACCES: "only root may have it: take one above 1023",
                   errno.EADDRNOTAVAIL: "this machine has no such address"}
            raise Problem(f"{said}: {kind} port {port} of {host} can't be had: "
                          f"{why.get(error.errno, 'the address must be four numbers, as 127.0.0.1')}") from error
