# SPDX-License-Identifier: Apache-2.0
"""A GVRP registrar on scapy's dissector: which VIDs the other side has declared.

registrar.py IF
  prints "listening", then after every change "registered VID..."; on SIGUSR1 it asks all again
  (LeaveAll), and its table is empty until they have answered.
"""
import logging
import select
import signal
import socket
import sys

logging.getLogger("scapy").setLevel(logging.ERROR)
from scapy.contrib.gxrp import GARP, GARP_ATTRIBUTE, GARP_MESSAGE, LLC_GARP  # noqa: E402
from scapy.layers.l2 import Dot3  # noqa: E402

GROUP = "01:80:c2:00:00:21"
LEAVE_ALL, JOIN_EMPTY, JOIN_IN, LEAVE_EMPTY, LEAVE_IN = range(5)


def main():
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    s.bind((sys.argv[1], 0))
    read, write = socket.socketpair()
    signal.signal(signal.SIGUSR1, lambda *_: write.send(b"a"))
    vids = set()
    print("listening", flush=True)
    while True:
        ready, _, _ = select.select([s, read], [], [])
        if read in ready:
            read.recv(1)
            vids.clear()
            ask = Dot3(dst=GROUP, src="02:00:00:00:bb:01") / LLC_GARP(dsap=0x42, ssap=0x42, ctrl=3) \
                / GARP(msgs=[GARP_MESSAGE(attrs=[GARP_ATTRIBUTE(event=LEAVE_ALL)])])
            s.send(bytes(ask).ljust(60, b"\0"))
            print("asked all", flush=True)
            continue
        data, where = s.recvfrom(2048)
        if where[2] == socket.PACKET_OUTGOING or data[:6] != bytes.fromhex(GROUP.replace(":", "")):
            continue
        frame = Dot3(data)
        if GARP not in frame:
            continue
        before = set(vids)
        for message in frame[GARP].msgs:
            for attribute in message.attrs:
                if attribute.event in (JOIN_EMPTY, JOIN_IN):
                    vids.add(attribute.payload.vlan)
                elif attribute.event in (LEAVE_EMPTY, LEAVE_IN):
                    vids.discard(attribute.payload.vlan)
        if vids != before:
            print("registered", *sorted(vids), flush=True)


main()
