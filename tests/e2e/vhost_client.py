#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A vhost-user front end without a guest: brings queue pairs up, sends a frame, then misbehaves.

usage: vhost_client.py SOCKET shrink|rings|packed-rings|garbage|toggle
       vhost_client.py SOCKET pairs|packed OWN-MAC OTHER-MAC OTHER-ADDRESS
  shrink   takes its memory away while the switch works on it, and notifies
  rings    fills its rings with nonsense, and notifies
  garbage  sends bytes that are no message
  toggle   enables and disables queues that it has and has not, with nonsense in their rings
  pairs    behaves: pings OTHER from four queue pairs, each with an address of its own, 100 and up, and
           expects each answer on the pair it asked from
  packed   behaves: pings OTHER from packed rings, for more than two laps; in between it goes away and
           comes back with its memory, where it was

Source: the vhost-user protocol of QEMU, docs/interop/vhost-user.rst.
"""
import array, mmap, os, random, socket, struct, sys, time

SIZE, MEMORY = 256, 1 << 21
F_PROTOCOL, VERSION_1, F_PACKED, F_MQ, PROTOCOL_MQ = 1 << 30, 1 << 32, 1 << 34, 1 << 22, 1
(GET_FEATURES, SET_FEATURES, SET_OWNER, SET_MEM_TABLE, NUM, ADDR, BASE, KICK, CALL,
 GET_PROTOCOL, SET_PROTOCOL, QUEUE_NUM, ENABLE) = (1, 2, 3, 5, 8, 9, 10, 12, 13, 15, 16, 17, 18)
PAIRS, ROUNDS = 4, 600
WRITE, AVAIL, USED = 2, 0x80, 0x8000


def rings(q):
    """Where the descriptors, the avail and the used ring of a queue are."""
    return q * 0x4000, q * 0x4000 + 0x1000, q * 0x4000 + 0x2000


def buffer(q, i=0):
    return 0x100000 + q * 0x10000 + i * 0x800


class Client:
    def __init__(self, path, pairs=1, packed=False):
        self.queues = 2 * pairs
        self.packed = packed
        self.at = [0] * self.queues  # packed: slots offered and returned, all told
        self.path = path
        self.connect()
        self.fd = os.memfd_create("guest")
        os.ftruncate(self.fd, MEMORY)
        self.mem = mmap.mmap(self.fd, MEMORY)
        self.kick = [os.eventfd(0, os.EFD_NONBLOCK) for _ in range(self.queues)]
        self.call = [os.eventfd(0, os.EFD_NONBLOCK) for _ in range(self.queues)]

    def connect(self):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.settimeout(5)
        self.s.connect(self.path)

    def send(self, request, payload=b"", fds=()):
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        self.s.sendmsg([struct.pack("<III", request, 1, len(payload)) + payload], ancillary)

    def ask(self, request):
        self.send(request)
        return struct.unpack("<Q", self.s.recv(20)[12:])[0]

    def enable(self, q, on):
        self.send(ENABLE, struct.pack("<II", q, on))

    def up(self):
        self.send(SET_OWNER)
        self.send(SET_PROTOCOL, struct.pack("<Q", self.ask(GET_PROTOCOL) & PROTOCOL_MQ))
        if self.ask(QUEUE_NUM) < self.queues // 2:
            sys.exit("too few queue pairs")
        wanted = F_PROTOCOL | VERSION_1 | (F_MQ if self.queues > 2 else 0) | (F_PACKED if self.packed else 0)
        features = self.ask(GET_FEATURES) & wanted
        if features != wanted:
            sys.exit("a feature is missing")
        self.send(SET_FEATURES, struct.pack("<Q", features))
        self.send(SET_MEM_TABLE, struct.pack("<IIQQQQ", 1, 0, 0, MEMORY, 0, 0), [self.fd])
        for q in range(self.queues):
            desc, avail, used = rings(q)
            self.send(NUM, struct.pack("<II", q, SIZE))
            # Of a packed queue always the first, as QEMU says after its peer was killed.
            self.send(BASE, struct.pack("<II", q, 0x8000 if self.packed else 0))
            self.send(ADDR, struct.pack("<IIQQQQ", q, 0, desc, used, avail, 0))
            self.send(KICK, struct.pack("<Q", q), [self.kick[q]])
            self.send(CALL, struct.pack("<Q", q), [self.call[q]])
        for q in range(self.queues):
            self.enable(q, 1)
        self.ask(GET_FEATURES)  # answered: all of it has been handled

    def offer(self, q, i, at, length, flags):
        """Buffer number i of a queue."""
        desc, avail, _ = rings(q)
        self.mem[desc + 16 * i:desc + 16 * (i + 1)] = struct.pack("<QIHH", at, length, flags, 0)
        self.mem[avail + 4 + 2 * i:avail + 6 + 2 * i] = struct.pack("<H", i)
        self.mem[avail + 2:avail + 4] = struct.pack("<H", i + 1)
        self.notify(q)

    def offer_packed(self, q, ahead, at, length, flags):
        """A buffer in the slot so far ahead; its number is the slot's."""
        n = self.at[q] + ahead
        flags |= USED if n // SIZE % 2 else AVAIL
        slot = rings(q)[0] + 16 * (n % SIZE)
        self.mem[slot:slot + 14] = struct.pack("<QIH", at, length, n % SIZE)
        self.mem[slot + 14:slot + 16] = struct.pack("<H", flags)
        self.notify(q)

    def returned(self, q, what):
        """Packed: wait for the next slot's return. Return: bytes in it."""
        slot, lap = rings(q)[0] + 16 * (self.at[q] % SIZE), self.at[q] // SIZE % 2
        end = time.monotonic() + 5
        while True:
            length, number, flags = struct.unpack("<IHH", self.mem[slot + 8:slot + 16])
            if flags & (AVAIL | USED) == (0 if lap else AVAIL | USED):
                break
            if time.monotonic() > end:
                sys.exit(f"queue {q}, {self.at[q]}: {what}")
            time.sleep(0.0005)
        if number != self.at[q] % SIZE:
            sys.exit(f"queue {q}: number {number} in slot {self.at[q] % SIZE}")
        self.at[q] += 1
        return length

    def used(self, q):
        at = rings(q)[2]
        return struct.unpack("<H", self.mem[at + 2:at + 4])[0]

    def wait_used(self, q, n, what):
        end = time.monotonic() + 5
        while self.used(q) < n:
            if time.monotonic() > end:
                sys.exit(f"queue {q}: {what}")
            time.sleep(0.01)

    def frame(self, data, q=1):
        """One frame from a queue, behind its header."""
        data = bytes(12) + data
        self.mem[buffer(q):buffer(q) + len(data)] = data
        self.offer(q, 0, buffer(q), len(data), 0)
        self.wait_used(q, 1, "the frame was not taken")
        print("sent")

    def notify(self, q):
        try:
            os.eventfd_write(self.kick[q], 1)
        except BlockingIOError:
            pass


BROADCAST = b"\xff" * 6 + b"\x02\x00\x00\x77\x00\x01" + b"\x88\xb5" + bytes(46)


def checksum(data):
    n = sum(struct.unpack(f">{len(data) // 2}H", data))
    n = (n & 0xFFFF) + (n >> 16)
    return ~((n & 0xFFFF) + (n >> 16)) & 0xFFFF


def ping(source, target, mac_from, mac_to):
    echo = struct.pack(">BBHHH", 8, 0, 0, 1, 1) + bytes(32)
    echo = echo[:2] + struct.pack(">H", checksum(echo)) + echo[4:]
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(echo), 1, 0, 64, 1, 0, source, target)
    ip = ip[:10] + struct.pack(">H", checksum(ip)) + ip[12:]
    return mac_to + mac_from + b"\x08\x00" + ip + echo


def pairs(c, own, other, address):
    own, other = (bytes.fromhex(m.replace(":", "")) for m in (own, other))
    target = socket.inet_aton(address)
    answers = [0] * PAIRS
    for k in range(PAIRS):
        for i in range(64):
            c.offer(2 * k, i, buffer(2 * k, i % 32), 2048, WRITE)
    for k in range(PAIRS):
        c.frame(ping(target[:3] + bytes([100 + k]), target, own, other), 2 * k + 1)
    end = time.monotonic() + 5
    while sum(answers) < PAIRS and time.monotonic() < end:
        for k in range(PAIRS):
            answers[k] = 0
            for i in range(min(c.used(2 * k), 32)):
                data = c.mem[buffer(2 * k, i):buffer(2 * k, i) + 54]
                if data[24:26] == b"\x08\x00" and data[35] == 1 and data[46] == 0:  # echo reply
                    if data[42:46] != target[:3] + bytes([100 + k]):
                        sys.exit(f"pair {k} has the answer of {data[45]}")
                    answers[k] += 1
        time.sleep(0.01)
    print("answers", answers)
    if answers != [1] * PAIRS:
        sys.exit(1)


def ping_packed(c, own, other, address):
    own, other = (bytes.fromhex(m.replace(":", "")) for m in (own, other))
    target = socket.inet_aton(address)
    question = bytes(12) + ping(target[:3] + bytes([100]), target, own, other)
    c.mem[buffer(1):buffer(1) + len(question)] = question
    for i in range(ROUNDS):
        if i == ROUNDS // 2 + 7:
            c.s.close()
            for _ in range(100):  # a second guest is turned away until the first one's end is noticed
                try:
                    c.connect()
                    c.up()
                    break
                except (ConnectionError, struct.error):
                    time.sleep(0.05)
        c.offer_packed(0, 0, buffer(0), 2048, WRITE)
        c.offer_packed(1, 0, buffer(1), len(question), 0)
        c.returned(1, "the frame was not taken")
        while True:
            length = c.returned(0, "no answer")
            data = c.mem[buffer(0):buffer(0) + length]
            if data[24:26] == b"\x08\x00" and data[35] == 1 and data[46] == 0:
                break  # an echo reply
            c.offer_packed(0, 0, buffer(0), 2048, WRITE)
        if length != len(question) or data[54:] != question[54:]:
            sys.exit(f"answer {i} is {data.hex()}")
    print("answers", ROUNDS)


def nonsense_packed(c):
    rng = random.Random(4)
    for _ in range(200):
        for q in range(c.queues):
            at = rings(q)[0]
            c.mem[at:at + 16 * SIZE] = rng.randbytes(16 * SIZE)
            c.mem[rings(q)[1]:rings(q)[1] + 4] = rng.randbytes(4)
            c.notify(q)
        time.sleep(0.001)


def toggle(c):
    rng = random.Random(3)
    for _ in range(300):
        c.enable(rng.choice([0, 1, 2, 3, 5, 6, 7]), rng.randrange(2))
        q = rng.randrange(c.queues)
        at = rings(q)[0]
        c.mem[at:at + 0x2000] = rng.randbytes(0x2000)
        c.notify(q)
    c.ask(GET_FEATURES)
    try:
        for q in (40, 255, 256, 0xFFFFFFFF):
            c.enable(q, 1)
    except (BrokenPipeError, ConnectionResetError):
        pass  # it was turned away already


def main():
    path, what = sys.argv[1:3]
    packed = what in ("packed", "packed-rings")
    c = Client(path, PAIRS if what in ("pairs", "toggle", "rings", "packed-rings") else 1, packed)
    if what == "garbage":
        rng = random.Random(1)
        c.s.sendall(rng.randbytes(4096))
        return
    c.up()
    if what == "pairs":
        pairs(c, *sys.argv[3:])
        return
    if what == "packed":
        ping_packed(c, *sys.argv[3:])
        return
    if what == "packed-rings":
        c.mem[buffer(1):buffer(1) + 72] = bytes(12) + BROADCAST
        c.offer_packed(1, 0, buffer(1), 72, 0)
        c.returned(1, "the frame was not taken")
        print("sent")
        nonsense_packed(c)
        return
    c.frame(BROADCAST)
    if what == "toggle":
        toggle(c)
        return
    if what == "shrink":
        os.ftruncate(c.fd, 0)
        c.notify(1)
    else:
        rng = random.Random(2)
        for _ in range(200):
            q = rng.randrange(c.queues)
            desc, avail, used = rings(q)
            c.mem[desc:used] = rng.randbytes(used - desc)
            at = avail + 2
            c.mem[at:at + 2] = struct.pack("<H", (c.used(q) + rng.randrange(300)) & 0xFFFF)
            c.notify(q)
            time.sleep(0.001)
    time.sleep(0.5)
    print("done")


main()
