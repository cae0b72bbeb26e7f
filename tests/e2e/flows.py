# SPDX-License-Identifier: Apache-2.0
"""UDP conversations whose frames are numbered: what was lost, overtaken, and for how long.

  flows.py sink ADDRESS PORT [SECONDS]  until SIGTERM, a frame that ends it, or so long without any; prints one line
  flows.py wire PORT                    until SIGTERM; prints one line: conversations that pass through this namespace
  flows.py silence PORT                 until SIGTERM; "heard IF", and at the end a line for each interface with LACP
  flows.py source ADDRESS PORT FLOWS RATE SECONDS    RATE: frames a second of all together; ends on SIGTERM, too

A conversation is a source port. The line: frames=N lost=N reordered=N gap_ms=X flows=N dup=N, where
gap_ms is the longest time without a frame, and dup counts those that came before. Of wire: in=N in_reordered=N out=N
out_reordered=N, where one packet socket hears all interfaces, so that frames have one order. Of silence, by the kernel's
times of frames: how long after the last LACPDU that came by the interface an LACPDU left by it that no longer says
"distributing" (given_up, or -), and the last of its conversations went on by another interface (moved, or -).
"""
import signal
import socket
import struct
import sys
import time

HEAD = struct.Struct("!IIB")  # conversation, number, last


def sink(address, port, silence_s=None):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, 33, 16 << 20)
    s.bind((address, port))
    print("listening", flush=True)
    seen, total, reordered, gap, before, ended = {}, {}, 0, 0.0, None, False
    frames, dup, got = 0, 0, set()

    def stop(*_):
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    try:
        while True:
            data = s.recv(2048)
            now = time.monotonic()
            flow, number, last = HEAD.unpack_from(data)
            if last:
                ended = True
                total[flow] = number
                s.settimeout(0.3)
                continue
            if (flow, number) in got:
                dup += 1
                continue
            got.add((flow, number))
            frames += 1
            if before is None:
                print("first", flush=True)
                s.settimeout(silence_s)
            elif not ended:
                gap = max(gap, now - before)
                if now - before > 0.5:
                    print(f"again after {now - before:.1f} s", flush=True)
            before = now
            if number < seen.get(flow, 0):
                reordered += 1
            else:
                seen[flow] = number + 1
    except KeyboardInterrupt:
        ended = True
    except socket.timeout:
        pass
    lost = sum(total.get(f, seen.get(f, 0)) for f in set(total) | set(seen)) - frames
    print(f"frames={frames} lost={lost} reordered={reordered} gap_ms={gap * 1000:.1f}"
          f" flows={len(seen)} dup={dup}", flush=True)
    if not ended:
        sys.exit(f"no frame for {silence_s} s, and none said that it was the last")


def wire(port):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    s.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)

    def stop(*_):
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    print("listening", flush=True)
    seen, frames, reordered = {}, [0, 0], [0, 0]
    try:
        while True:
            data, addr = s.recvfrom(2048)
            # IPv4 without options, UDP to the port
            if data[12:15] != b"\x08\x00\x45" or data[23] != 17 or data[36:38] != struct.pack("!H", port):
                continue
            flow, number, last = HEAD.unpack_from(data, 42)
            if last:
                continue
            out = addr[2] == socket.PACKET_OUTGOING
            frames[out] += 1
            if number < seen.get((out, flow), 0):
                reordered[out] += 1
            else:
                seen[out, flow] = number + 1
    except KeyboardInterrupt:
        pass
    print(f"in={frames[0]} in_reordered={reordered[0]} out={frames[1]} out_reordered={reordered[1]}", flush=True)


SO_TIMESTAMPNS = 35
DISTRIBUTING = 0x20


class Link:
    """An interface: when its last LACPDU came, and what became of it since."""

    def __init__(self):
        self.heard, self.given_up, self.moved = None, None, None

    def after(self, when):
        return when - self.heard if self.heard else None

    def lacpdu(self, out, state, when):
        if not out:
            self.heard, self.given_up, self.moved = when, None, None
        elif self.given_up is None and not state & DISTRIBUTING:
            self.given_up = self.after(when)


def shown(seconds):
    return "-" if seconds is None else f"{seconds:.3f}"


def silence(port):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    s.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)
    s.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)

    def stop(*_):
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    print("listening", flush=True)
    links, by = {}, {}  # by: the interface of a conversation
    try:
        while True:
            data, anc, _, addr = s.recvmsg(2048, 64)
            sec, nsec = struct.unpack("ll", anc[0][2][:16])
            when, out = sec + nsec / 1e9, addr[2] == socket.PACKET_OUTGOING
            if data[12:15] == b"\x88\x09\x01":
                link = links.setdefault(addr[0], Link())
                if not out and not link.heard:
                    print(f"heard {addr[0]}", flush=True)
                link.lacpdu(out, data[32], when)
            elif out and data[12:15] == b"\x08\x00\x45" and data[23] == 17 and data[36:38] == struct.pack("!H", port):
                flow = HEAD.unpack_from(data, 42)[0]
                before = links.get(by.get(flow))
                if before and by[flow] != addr[0]:
                    before.moved = before.after(when)
                by[flow] = addr[0]
    except KeyboardInterrupt:
        pass
    for name, link in sorted(links.items()):
        print(f"{name} given_up={shown(link.given_up)} moved={shown(link.moved)}", flush=True)


def source(address, port, flows, rate, seconds):
    socks = []
    for _ in range(flows):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.connect((address, port))
        socks.append(s)
    numbers = [0] * flows
    start = time.monotonic()
    sent = 0
    told = False
    pad = bytes(200)
    ended = []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
    while (now := time.monotonic()) - start < seconds and not ended:
        if not told and now - start > seconds / 3:
            print("a third of the time", flush=True)
            told = True
        due = int((now - start) * rate)
        if sent >= due:
            time.sleep(0.0005)
            continue
        while sent < due:
            f = sent % flows
            try:
                socks[f].send(HEAD.pack(f, numbers[f], 0) + pad)
                numbers[f] += 1
            except OSError:
                pass
            sent += 1
    time.sleep(0.1)
    for _ in range(3):
        time.sleep(0.05)
        for f in range(flows):
            try:
                socks[f].send(HEAD.pack(f, numbers[f], 1) + pad)
            except OSError:
                pass
    print(f"sent={sum(numbers)}", flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "sink":
        sink(sys.argv[2], *map(int, sys.argv[3:]))
    elif sys.argv[1] == "wire":
        wire(int(sys.argv[2]))
    elif sys.argv[1] == "silence":
        silence(int(sys.argv[2]))
    else:
        source(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5]),
               float(sys.argv[6]))
