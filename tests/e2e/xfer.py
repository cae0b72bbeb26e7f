# SPDX-License-Identifier: Apache-2.0
"""TCP with a checksummed payload.

xfer.py sink ADDRESS PORT                        receive one connection
xfer.py source ADDRESS PORT BYTES [RATE]         send BYTES (at most RATE bytes a second)

Both end by printing "bytes=N md5=DIGEST". The payload is pseudo-random, so that a
frame delivered twice, lost or mixed up changes the digest.
"""
import hashlib
import random
import socket
import sys
import time


def sink(address, port):
    listener = socket.create_server((address, port))
    print("listening", flush=True)
    listener.settimeout(60)
    connection, _ = listener.accept()
    connection.settimeout(60)
    digest, total, told, gap, before = hashlib.md5(), 0, 0, 0.0, None
    while data := connection.recv(1 << 18):
        now = time.monotonic()
        gap = max(gap, now - (before or now))
        before = now
        digest.update(data)
        total += len(data)
        if total - told >= 1 << 20:
            told = total
            print(f"progress {total}", flush=True)
    print(f"longest pause {gap * 1000:.1f} ms", flush=True)
    print(f"bytes={total} md5={digest.hexdigest()}", flush=True)


def source(address, port, size, rate=0):
    connection = socket.create_connection((address, port), timeout=60)
    block = random.Random(1).randbytes((1 << 20) + 7919)
    digest, total, start = hashlib.md5(), 0, time.monotonic()
    while total < size:
        at = total % len(block)
        data = block[at : at + min(1 << 16, size - total)]
        connection.sendall(data)
        digest.update(data)
        total += len(data)
        if rate:
            time.sleep(max(0, start + total / rate - time.monotonic()))
    connection.shutdown(socket.SHUT_WR)
    while connection.recv(4096):
        pass
    print(f"bytes={total} md5={digest.hexdigest()}", flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "sink":
        sink(sys.argv[2], int(sys.argv[3]))
    else:
        source(sys.argv[2], int(sys.argv[3]), *map(int, sys.argv[4:]))
