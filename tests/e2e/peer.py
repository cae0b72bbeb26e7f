# SPDX-License-Identifier: Apache-2.0
"""peer.py stream|dgram SOCKET ADDRESS MAC: a guest on a NIC of TYPE STREAM or DGRAM, as QEMU's
-netdev would connect it. It announces itself, prints "online", and answers ARP and ICMP echo."""
import os
import socket
import struct
import sys

kind, path, address, mac = sys.argv[1:]
IP = socket.inet_aton(address)
MAC = bytes.fromhex(mac.replace(":", ""))
BROADCAST = b"\xff" * 6


def connect():
    if kind == "stream":
        s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        s.connect(path)
    else:
        s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        os.umask(0)
        s.bind(f"{os.environ['PEER_DIR']}/peer-{os.getpid()}")
        s.connect(path)
    return s


def send(s, frame):
    s.send(struct.pack(">I", len(frame)) + frame if kind == "stream" else frame)


def frames(s):
    have = b""
    while data := s.recv(1 << 20):
        if kind == "dgram":
            yield data
            continue
        have += data
        while len(have) >= 4 and len(have) >= 4 + (n := struct.unpack(">I", have[:4])[0]):
            yield have[4:4 + n]
            have = have[4 + n:]


def arp(op, to_mac, to_ip):
    body = struct.pack(">HHBBH", 1, 0x0800, 6, 4, op) + MAC + IP + to_mac + to_ip
    return (BROADCAST if op == 1 else to_mac) + MAC + b"\x08\x06" + body


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data if len(data) % 2 == 0 else data[:-1]))
    total += data[-1] << 8 if len(data) % 2 else 0
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def echo(frame):
    ip, icmp = frame[14:34], frame[34:14 + struct.unpack(">H", frame[16:18])[0]]
    icmp = b"\0\0\0\0" + icmp[4:]
    icmp = icmp[:2] + struct.pack(">H", checksum(icmp)) + icmp[4:]
    return frame[6:12] + MAC + b"\x08\x00" + ip[:12] + ip[16:20] + ip[12:16] + icmp


def answer(frame):
    if frame[12:14] == b"\x08\x06" and frame[20:22] == b"\0\1" and frame[38:42] == IP:
        return arp(2, frame[22:28], frame[28:32])
    if frame[12:15] == b"\x08\x00\x45" and frame[23] == 1 and frame[30:34] == IP and frame[34] == 8:
        return echo(frame)
    return None


sock = connect()
send(sock, arp(1, b"\0" * 6, IP))
print("online", flush=True)
for received in frames(sock):
    if reply := answer(received):
        send(sock, reply)
