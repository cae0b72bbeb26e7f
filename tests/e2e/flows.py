# SPDX-License-Identifier: Apache-2.0
"""UDP conversations whose frames are numbered: what was lost, overtaken, and for how long.

  flows.py sink ADDRESS PORT            until SIGTERM or a frame that ends it; prints one line
  flows.py wire PORT                    until SIGTERM; prints one line: conversations that pass through this namespace
  flows.py source ADDRESS PORT FLOWS RATE SECONDS    RATE: frames a second of all together; ends on SIGTERM, too

A conversation is a source port. The line: frames=N lost=N reordered=N gap_ms=X flows=N dup=N, where
gap_ms is the longest time without a frame, and dup counts those that came before. Of wire: in=N in_reordered=N out=N
out_reordered=N, where one packet socket hears all interfaces, so that frames have one order.
"""
import signal
import socket
import struct
import sys
import time

HEAD = struct.Struct("!IIB")  # conversation, number, last


def sink(address, port):
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
            elif not ended:
                gap = max(gap, now - before)
                if now - before > 0.5:
                    print(f"again after {now - before:.1f} s", flush=True)
            before = now
            if number < seen.get(flow, 0):
                reordered += 1
            else:
                seen[flow] = number + 1
    except (KeyboardInterrupt, socket.timeout):
        pass
    lost = sum(total.get(f, seen.get(f, 0)) for f in set(total) | set(seen)) - frames
    print(f"frames={frames} lost={lost} reordered={reordered} gap_ms={gap * 1000:.1f}"
          f" flows={len(seen)} dup={dup}", flush=True)


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
    time.sleep(0.2)
    for _ in range(3):
        for f in range(flows):
            try:
                socks[f].send(HEAD.pack(f, numbers[f], 1) + pad)
            except OSError:
                pass
    print(f"sent={sum(numbers)}", flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "sink":
        sink(sys.argv[2], int(sys.argv[3]))
    elif sys.argv[1] == "wire":
        wire(int(sys.argv[2]))
    else:
        source(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5]),
               float(sys.argv[6]))
