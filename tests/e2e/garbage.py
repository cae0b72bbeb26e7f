# SPDX-License-Identifier: Apache-2.0
"""garbage.py channel|control SOCKET: what a confused or hostile client might say.

Every connection is dropped or answered by zland; that it lives is for the caller to see. The
structures are those of docs/channel-protocol.md.
"""
import array
import os
import random
import socket
import struct
import sys

SEED = 33
MAGIC = 0x5A4C4348
ATTACH = 1


def header(kind, length, tag=1):
    return struct.pack("=HHI", kind, length, tag)


def attach(user=b"ONE", vdev=0x600, magic=MAGIC, version=1, regions=((0, 4096, 0),), claim=None):
    body = struct.pack("=IHH8sII", magic, version, vdev, user, len(regions) if claim is None else claim, 0)
    table = b"".join(struct.pack("=QQQ", *r) for r in regions)[: 4 * 24].ljust(4 * 24, b"\0")
    message = body + table
    return header(ATTACH, 8 + len(message)) + message


def connect(path, kind):
    s = socket.socket(socket.AF_UNIX, kind)
    s.settimeout(5)
    s.connect(path)
    return s


def say(path, *messages, fds=()):
    """One connection that sends and reads what comes until zland hangs up or is silent."""
    s = connect(path, socket.SOCK_SEQPACKET)
    try:
        for m in messages:
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
            s.sendmsg([m], rights)
        s.settimeout(0.05)
        while s.recv(4096):
            pass
    except OSError:
        pass
    s.close()


def channel(path):
    rng = random.Random(SEED)
    unsealed = os.memfd_create("unsealed", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(unsealed, 4096)
    pipe, _ = os.pipe()
    say(path, b"")
    say(path, b"\0")
    say(path, attach())  # no descriptor
    say(path, attach(), fds=[unsealed])  # not sealed
    say(path, attach(), fds=[pipe])  # not a memfd
    say(path, attach(), fds=[unsealed] * 50)
    say(path, attach(magic=1), fds=[unsealed])
    say(path, attach(version=0), fds=[unsealed])
    say(path, attach(version=999), fds=[unsealed])
    say(path, attach(claim=0xFFFFFFFF), fds=[unsealed])
    say(path, attach(regions=((1, 4096, 0),)), fds=[unsealed])
    say(path, attach(regions=((0, 2**64 - 4096, 0),)), fds=[unsealed])
    say(path, attach(regions=((2**64 - 4096, 8192, 0),)), fds=[unsealed])
    say(path, attach(regions=((0, 4096, 2**63),)), fds=[unsealed])
    say(path, attach(user=b"\xff" * 8), fds=[unsealed])
    say(path, attach(user=b"NOBODY"), fds=[unsealed])
    for kind in range(0, 80):  # every request before ATTACH
        say(path, header(kind, 64) + bytes(56))
    for _ in range(300):
        say(path, rng.randbytes(rng.randrange(0, 1200)))
    held = [connect(path, socket.SOCK_SEQPACKET) for _ in range(64)]
    for s in held:
        s.close()


def control(path):
    rng = random.Random(SEED)
    kind = socket.SOCK_STREAM
    try:
        connect(path, kind).close()
    except OSError:
        kind = socket.SOCK_SEQPACKET
    for payload in (
        b"",
        b"\0" * 10,
        b"{",
        b"[" * 100000,
        b'{"command":' + b'"' + b"A" * 500000,
        b'{"command": 7}\n',
        b'{"command": null}\n',
        b'"QUERY"\n',
        b"\xff\xfe\n" * 1000,
        *(rng.randbytes(rng.randrange(1, 3000)) for _ in range(200)),
    ):
        s = connect(path, kind)
        try:
            s.sendall(payload)
            s.shutdown(socket.SHUT_WR)
            s.settimeout(0.2)
            while s.recv(65536):
                pass
        except OSError:
            pass
        s.close()
    held = [connect(path, kind) for _ in range(64)]
    for s in held:
        s.close()


if __name__ == "__main__":
    print(f"seed {SEED}")
    {"channel": channel, "control": control}[sys.argv[1]](sys.argv[2])
