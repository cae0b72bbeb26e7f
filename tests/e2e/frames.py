# SPDX-License-Identifier: Apache-2.0
"""Single Ethernet frames, tagged or not, without the kernel's VLAN devices.

frames.py listen IF
    print "listening", then one line for every frame received:
    DST SRC vid=VID|none pcp=N type=0xNNNN len=BYTES TEXT
frames.py send IF [--dst MAC] [--src MAC] [--vid V] [--pcp P] [--type T] [--text S]
               [--length N] [--count N]
    send; the source is the interface's own address unless given

The kernel takes the outer tag off before a packet socket sees the frame and tells it in
auxiliary data (packet(7), PACKET_AUXDATA); it is put back into the line here.
"""
import argparse
import errno
import socket
import struct

ETH_P_ALL = 3
SOL_PACKET = 263
PACKET_AUXDATA = 8
PACKET_OUTGOING = 4
TP_STATUS_VLAN_VALID = 1 << 4
AUXDATA = struct.Struct("=IIIHHHH")  # struct tpacket_auxdata
TEST_TYPE = 0x88B5  # IEEE local experimental ethertype 1


def mac_text(data):
    return ":".join(f"{b:02x}" for b in data)


def mac_bytes(text):
    return bytes(int(part, 16) for part in text.split(":"))


def tci_of(ancillary):
    for level, kind, data in ancillary:
        if level == SOL_PACKET and kind == PACKET_AUXDATA:
            aux = AUXDATA.unpack_from(data)
            if aux[0] & TP_STATUS_VLAN_VALID:
                return aux[5]
    return None


def line_of(frame, tci):
    dst, src, kind = frame[0:6], frame[6:12], struct.unpack("!H", frame[12:14])[0]
    body = frame[14:]
    if tci is None and kind == 0x8100:
        tci, kind = struct.unpack("!HH", body[:4])
        body = body[4:]
    vid = "none" if tci is None else str(tci & 0xFFF)
    pcp = 0 if tci is None else tci >> 13
    text = "".join(chr(b) if 32 <= b < 127 else "." for b in body[:64]).rstrip(".")
    return f"{mac_text(dst)} {mac_text(src)} vid={vid} pcp={pcp} type=0x{kind:04x} len={len(frame)} {text}"


def listen(args):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    s.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    s.bind((args.ifname, ETH_P_ALL))
    print("listening", flush=True)
    while True:
        try:
            frame, ancillary, _, address = s.recvmsg(70000, 256)
        except OSError as error:
            if error.errno == errno.ENETDOWN:  # told once; the socket goes on when it is up again
                continue
            raise
        if address[2] != PACKET_OUTGOING and len(frame) >= 14:
            print(line_of(frame, tci_of(ancillary)), flush=True)


def send(args):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    s.bind((args.ifname, 0))
    src = mac_bytes(args.src) if args.src else s.getsockname()[4][:6]
    frame = mac_bytes(args.dst) + src
    if args.vid is not None:
        frame += struct.pack("!HH", 0x8100, args.pcp << 13 | args.vid)
    frame += struct.pack("!H", args.type) + args.text.encode()
    frame = frame.ljust(args.length, b"\0")
    for _ in range(args.count):
        s.send(frame)


def main():
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(required=True)
    p = commands.add_parser("listen")
    p.add_argument("ifname")
    p.set_defaults(run=listen)
    p = commands.add_parser("send")
    p.add_argument("ifname")
    p.add_argument("--dst", default="ff:ff:ff:ff:ff:ff")
    p.add_argument("--src")
    p.add_argument("--vid", type=int)
    p.add_argument("--pcp", type=int, default=0)
    p.add_argument("--type", type=lambda v: int(v, 0), default=TEST_TYPE)
    p.add_argument("--text", default="hello")
    p.add_argument("--length", type=int, default=60)
    p.add_argument("--count", type=int, default=1)
    p.set_defaults(run=send)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
