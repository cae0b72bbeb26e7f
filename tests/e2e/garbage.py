# SPDX-License-Identifier: Apache-2.0
"""garbage.py channel|guest|control SOCKET: what a confused or hostile client might say.

Every connection is dropped or answered by zland; that it lives is for the caller to see. The
structures are those of docs/channel-protocol.md.
"""
import array
import fcntl
import mmap
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


def orb(cpa, flags=0x0080FF00):
    """Operation-request block: parameter, format-1 CCWs on all paths, address of the program."""
    return struct.pack(">IIIIIIII", 0x1234, flags, cpa, 0, 0, 0, 0, 0)


def ccw(command, flags, count, address):
    return struct.pack(">BBHI", command, flags, count, address)


def ssch(dev, block):
    return header(3, 48) + bytes([dev]) + bytes(7) + block


PROGRAMS = {  # name: (address, bytes)
    "transfer in channel to itself": (0x1000, ccw(8, 0, 0, 0x1000)),
    "two transfers in a circle": (0x1100, ccw(8, 0, 0, 0x1108) + ccw(8, 0, 0, 0x1100)),
    "no-operations chained in a circle": (0x1200, ccw(3, 0x60, 1, 0x8000) + ccw(8, 0, 0, 0x1200)),
    "data chained in a circle": (0x1300, ccw(1, 0xA0, 65535, 0x8000) + ccw(8, 0, 0, 0x1300)),
    "data outside storage": (0x1400, ccw(1, 0, 65535, 0x7FFFF000)),
    "sense into the last byte of storage": (0x1500, ccw(0xE4, 0, 65535, 0xFFFFF)),
    "count of zero": (0x1600, ccw(1, 0, 0, 0x8000)),
    "unknown command": (0x1700, ccw(0x77, 0, 8, 0x8000)),
    "reserved flags": (0x1800, ccw(0xE4, 0xFF, 16, 0x8000)),
    "establish queues from noise": (0x1900, ccw(0x1B, 0, 4096, 0x10000)),
    "activate queues that are not there": (0x1A00, ccw(0x1F, 0, 0, 0)),
    "write noise": (0x1B00, ccw(1, 0, 4096, 0x10000)),
    "read": (0x1C00, ccw(2, 0, 4096, 0x20000)),
    "indirect addresses": (0x1D00, ccw(1, 0x04, 4096, 0x10000)),
}


def attached(path, size=1 << 20):
    """Attach as a user nobody else uses. Return: the connection and its storage."""
    fd = os.memfd_create("storage", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(fd, size)
    fcntl.fcntl(fd, 1033, 0x2 | 0x4)  # F_ADD_SEALS: F_SEAL_SHRINK, F_SEAL_GROW
    storage = mmap.mmap(fd, size)
    s = connect(path, socket.SOCK_SEQPACKET)
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))]
    s.sendmsg([attach(user=b"EVIL", regions=((0, size, 0),))], rights)
    answer, ancillary, _, _ = s.recvmsg(4096, 256)
    error = struct.unpack_from("=i", answer, 8)[0]
    if error:
        raise SystemExit(f"attach refused: {error} {answer[-128:]!r}")
    given = array.array("i")
    for _, _, data in ancillary:
        given.frombytes(data[: len(data) - len(data) % 4])
    os.close(fd)
    return s, storage, given


def guest(path):
    """A client that got in: its storage and its requests are what it likes."""
    rng = random.Random(SEED)
    answered = 0
    for turn in range(40):
        s, storage, given = attached(path)
        storage[0x10000:0x20000] = rng.randbytes(0x10000)
        for address, code in PROGRAMS.values():
            storage[address : address + len(code)] = code
        requests = [header(2, 16) + bytes([dev, 1, 3]) + bytes(5) for dev in range(4)]
        for address, _ in PROGRAMS.values():
            requests += [ssch(dev, orb(address)) for dev in (0, 1, 2, 3, 255)]
        requests += [ssch(2, orb(0xFFFFF8)), ssch(2, orb(0x7FFFFFF8)), ssch(2, orb(1))]
        requests += [ssch(rng.randrange(3), rng.randbytes(32)) for _ in range(20)]
        requests += [header(6, 16) + struct.pack("=Q", a) for a in (0, 0x10000, 1, 0xFF000, 2**64 - 4096)]
        requests += [header(7, 40) + struct.pack("=QQQQ", *(rng.getrandbits(64) for _ in range(4))) for _ in range(20)]
        requests += [header(7, 40) + struct.pack("=QQQQ", code, 0x10002, 1 << 63, 0) for code in range(5)]
        requests += [header(kind, 16) + bytes([2]) + bytes(7) for kind in (4, 5, 8)]
        requests += [attach(user=b"EVIL", regions=((0, 4096, 0),))]  # once more
        rng.shuffle(requests)
        for request in requests:
            storage[0x10000 + rng.randrange(0x10000)] = rng.randrange(256)
            try:
                s.settimeout(5)
                s.send(request)
                answered += 1 if s.recv(4096) else 0
                s.setblocking(False)
                while s.recv(4096):
                    answered += 1
            except BlockingIOError:
                pass
            except OSError:  # zland hung up on us
                break
        for fd in given:
            try:
                os.write(fd, struct.pack("=Q", 2**63))
            except OSError:
                pass
            os.close(fd)
        s.close()
        storage.close()
    print(f"{answered} messages came back")
    return 0 if answered > 0 else 1


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
    sys.exit({"channel": channel, "guest": guest, "control": control}[sys.argv[1]](sys.argv[2]))
