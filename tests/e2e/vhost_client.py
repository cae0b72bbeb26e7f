#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A hostile vhost-user front end: brings one queue pair up, sends a frame, then misbehaves.

usage: vhost_client.py SOCKET shrink|rings|garbage
  shrink   takes its memory away while the switch works on it, and notifies
  rings    fills its rings with nonsense, and notifies
  garbage  sends bytes that are no message

Source: the vhost-user protocol of QEMU, docs/interop/vhost-user.rst.
"""
import array, mmap, os, random, socket, struct, sys, time

SIZE, MEMORY = 256, 1 << 21
F_PROTOCOL, VERSION_1 = 1 << 30, 1 << 32
(GET_FEATURES, SET_FEATURES, SET_OWNER, SET_MEM_TABLE, NUM, ADDR, BASE, KICK, CALL, ENABLE) = (
    1, 2, 3, 5, 8, 9, 10, 12, 13, 18)


class Client:
    def __init__(self, path):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.settimeout(5)
        self.s.connect(path)
        self.fd = os.memfd_create("guest")
        os.ftruncate(self.fd, MEMORY)
        self.mem = mmap.mmap(self.fd, MEMORY)
        self.kick = [os.eventfd(0, os.EFD_NONBLOCK) for _ in range(2)]
        self.call = [os.eventfd(0, os.EFD_NONBLOCK) for _ in range(2)]

    def send(self, request, payload=b"", fds=()):
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        self.s.sendmsg([struct.pack("<III", request, 1, len(payload)) + payload], ancillary)

    def features(self):
        self.send(GET_FEATURES)
        return struct.unpack("<Q", self.s.recv(20)[12:])[0]

    def up(self):
        self.send(SET_OWNER)
        self.send(SET_FEATURES, struct.pack("<Q", self.features() & (F_PROTOCOL | VERSION_1)))
        self.send(SET_MEM_TABLE, struct.pack("<IIQQQQ", 1, 0, 0, MEMORY, 0, 0), [self.fd])
        for q in range(2):
            at = q * 0x4000
            self.send(NUM, struct.pack("<II", q, SIZE))
            self.send(BASE, struct.pack("<II", q, 0))
            self.send(ADDR, struct.pack("<IIQQQQ", q, 0, at, at + 0x2000, at + 0x1000, 0))
            self.send(KICK, struct.pack("<Q", q), [self.kick[q]])
            self.send(CALL, struct.pack("<Q", q), [self.call[q]])
        for q in range(2):
            self.send(ENABLE, struct.pack("<II", q, 1))
        self.features()  # answered: all of it has been handled

    def frame(self):
        """One broadcast frame from queue 1."""
        data = bytes(12) + b"\xff" * 6 + b"\x02\x00\x00\x77\x00\x01" + b"\x88\xb5" + bytes(46)
        self.mem[0x10000:0x10000 + len(data)] = data
        self.mem[0x4000:0x4010] = struct.pack("<QIHH", 0x10000, len(data), 0, 0)
        self.mem[0x5004:0x5006] = struct.pack("<H", 0)
        self.mem[0x5002:0x5004] = struct.pack("<H", 1)
        self.notify(1)
        end = time.monotonic() + 5
        while struct.unpack("<H", self.mem[0x6002:0x6004])[0] != 1:
            if time.monotonic() > end:
                sys.exit("the frame was not taken")
            time.sleep(0.01)
        print("sent")

    def notify(self, q):
        try:
            os.eventfd_write(self.kick[q], 1)
        except BlockingIOError:
            pass


def main():
    path, what = sys.argv[1:3]
    c = Client(path)
    if what == "garbage":
        rng = random.Random(1)
        c.s.sendall(rng.randbytes(4096))
        return
    c.up()
    c.frame()
    if what == "shrink":
        os.ftruncate(c.fd, 0)
        c.notify(1)
    else:
        rng = random.Random(2)
        for _ in range(200):
            c.mem[0:0x8000] = rng.randbytes(0x8000)
            c.mem[0x5002:0x5004] = struct.pack("<H", rng.randrange(65536))
            c.notify(1)
            time.sleep(0.001)
    time.sleep(0.5)
    print("done")


main()
