# SPDX-License-Identifier: Apache-2.0
"""hspeer.py SOCKET USERID ADDRESS LAYER: a host of HiperSockets in a process of its own, by docs/port-protocol.md.
It registers its address, prints "online", and answers ARP and ICMP echo; before that it sends a frame to nobody and prints what came
of it. SIGUSR1 makes it stop reading, SIGUSR2 go on."""
import array
import select
import signal
import socket
import struct
import sys

path, user, address, layer = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
IP = socket.inet_aton(address)
ATTACH_HIPERS, START, MAC_ADD, LAYER, IP_ADD, WANTS, LINK = 14, 2, 4, 10, 11, 15, 65


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack(">H", ~total & 0xFFFF)


def request(kind, body):
    control.send(struct.pack("<HHI", kind, 8 + len(body), 7) + body)
    while struct.unpack("<H", (reply := control.recv(256))[:2])[0] == LINK:
        pass
    error = struct.unpack_from("<i", reply, 8)[0]
    if error:
        sys.exit(reply[24:].rstrip(b"\0").decode())


def attach():
    control.send(struct.pack("<HHI IHH8s", ATTACH_HIPERS, 24, 1, 0x5A4C5054, 5, 0x0700, user.encode()))
    msg, anc, _, _ = control.recvmsg(256, socket.CMSG_SPACE(8))
    _, _, _, error, version, mac, coupled, mfs, text = struct.unpack("<HHI iH6sBB2x128s", msg)
    if error:
        sys.exit(text.rstrip(b"\0").decode())
    print("version", version, "coupled", coupled, "mfs", mfs, flush=True)
    fds = array.array("i", anc[0][2])
    return mac, socket.socket(fileno=fds[0]), open(fds[1], "rb", buffering=0)


def echoed(ip):
    icmp = b"\0\0\0\0" + ip[24:]
    icmp = icmp[:2] + checksum(icmp) + icmp[4:]
    return ip[:12] + ip[16:20] + ip[12:16] + icmp


def answer2(frame):
    if frame[12:14] == b"\x08\x06" and frame[20:22] == b"\0\1" and frame[38:42] == IP:
        return frame[6:12] + MAC + frame[12:20] + b"\0\2" + MAC + IP + frame[22:32]
    if frame[12:14] == b"\x08\0" and frame[23] == 1 and frame[30:34] == IP and frame[34] == 8:
        length = struct.unpack(">H", frame[16:18])[0]
        return frame[6:12] + MAC + b"\x08\0" + echoed(frame[14:14 + length])
    return None


def receive2(unit):
    out = b""
    while unit:
        length = struct.unpack(">H", unit[6:8])[0]
        if unit[0] != 2:
            sys.exit("not a header of layer 2")
        frame = answer2(unit[32:32 + length])
        if frame:
            out += struct.pack(">B5xH24x", 2, len(frame)) + frame
        unit = unit[32 + length:]
    return out


def receive3(unit):
    out = b""
    while unit:
        length = struct.unpack(">H", unit[8:10])[0]
        packet = unit[32:32 + length]
        if unit[0] != 1:
            sys.exit("not a header of layer 3")
        if packet[9] == 1 and packet[16:20] == IP and packet[20] == 8:
            out += struct.pack(">BB6xH18x4s", 1, 6, length, packet[12:16]) + echoed(packet)
        unit = unit[32 + length:]
    return out


control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
control.connect(path)
MAC, data, results = attach()
request(LAYER, bytes(16) + bytes([layer, 0]) + bytes(6))
request(START, bytes(16))
request(MAC_ADD, MAC + bytes(10))
if layer == 3:
    request(IP_ADD, bytes(10) + b"\xff\xff" + IP + bytes(8))
    request(WANTS, bytes(8) + b"\1\0\0" + bytes(5))
signal.signal(signal.SIGUSR1, lambda *_: signal.pause())
signal.signal(signal.SIGUSR2, lambda *_: None)
NOBODY = bytes.fromhex("020909090909")
if layer == 3:
    data.send(struct.pack(">BB6xH18x4s", 1, 6, 20, socket.inet_aton("10.99.99.99")) + bytes(20))
else:
    data.send(struct.pack(">B5xH24x", 2, 60) + NOBODY + MAC + b"\x88\xb5" + bytes(46))
select.select([results], [], [], 10)
print("to nobody:", results.read(16).hex(), flush=True)
print("online", flush=True)
while unit := data.recv(65536):
    reply = receive3(unit) if layer == 3 else receive2(unit)
    if reply:
        try:
            data.send(reply, socket.MSG_DONTWAIT)
        except BlockingIOError:
            pass  # zland is too slow: lost
