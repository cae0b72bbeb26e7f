# SPDX-License-Identifier: Apache-2.0
"""A switch that speaks GVRP, on scapy's dissector: which VIDs the other side has declared.

registrar.py IF [VID...]
  prints "listening", then after every change "registered VID..."; on SIGUSR1 it asks all again
  (LeaveAll), its table is empty until they have answered, and when they all have it prints
  "answered MILLISECONDS". The VIDs are its own, declared at the start and whenever it is asked;
  on SIGUSR2 it gives them up.
"""
import logging
import select
import signal
import socket
import sys
import time

logging.getLogger("scapy").setLevel(logging.ERROR)
from scapy.contrib.gxrp import GARP, GARP_ATTRIBUTE, GARP_MESSAGE, GVRP, LLC_GARP  # noqa: E402
from scapy.layers.l2 import Dot3  # noqa: E402

GROUP = "01:80:c2:00:00:21"
LEAVE_ALL, JOIN_EMPTY, JOIN_IN, LEAVE_EMPTY, LEAVE_IN = range(5)


class Registrar:
    def __init__(self, ifname, own):
        self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.sock.bind((ifname, 0))
        self.own, self.vids, self.waits, self.asked = own, set(), set(), 0

    def send(self, attributes):
        frame = Dot3(dst=GROUP, src="02:00:00:00:bb:01") / LLC_GARP(dsap=0x42, ssap=0x42, ctrl=3) \
            / GARP(msgs=[GARP_MESSAGE(attrs=attributes)])
        self.sock.send(bytes(frame).ljust(60, b"\0"))

    def say(self, event):
        if self.own:
            self.send([GARP_ATTRIBUTE(event=event) / GVRP(vlan=vid) for vid in self.own])

    def signalled(self, what):
        if what == b"u":
            self.say(LEAVE_EMPTY)
            self.own = []
            print("gave up", flush=True)
            return
        self.waits, self.asked = set(self.vids), time.monotonic()
        self.vids.clear()
        self.send([GARP_ATTRIBUTE(event=LEAVE_ALL)])
        self.say(JOIN_IN)
        print("asked all", flush=True)

    def attribute(self, a):
        if a.event == LEAVE_ALL:
            self.say(JOIN_IN)
        elif a.event in (JOIN_EMPTY, JOIN_IN):
            self.vids.add(a.payload.vlan)
        elif a.event in (LEAVE_EMPTY, LEAVE_IN):
            self.vids.discard(a.payload.vlan)

    def received(self):
        data, where = self.sock.recvfrom(2048)
        if where[2] == socket.PACKET_OUTGOING or data[:6] != bytes.fromhex(GROUP.replace(":", "")):
            return
        frame, before = Dot3(data), set(self.vids)
        if GARP not in frame:
            return
        for message in frame[GARP].msgs:
            for attribute in message.attrs:
                self.attribute(attribute)
        if self.vids != before:
            print("registered", *sorted(self.vids), flush=True)
        if self.waits and self.waits <= self.vids:
            print("answered", round((time.monotonic() - self.asked) * 1000), flush=True)
            self.waits = set()


def main():
    r = Registrar(sys.argv[1], [int(vid) for vid in sys.argv[2:]])
    read, write = socket.socketpair()
    signal.signal(signal.SIGUSR1, lambda *_: write.send(b"a"))
    signal.signal(signal.SIGUSR2, lambda *_: write.send(b"u"))
    print("listening", flush=True)
    r.say(JOIN_EMPTY)
    while True:
        ready, _, _ = select.select([r.sock, read], [], [])
        if read in ready:
            r.signalled(read.recv(1))
        else:
            r.received()


main()
