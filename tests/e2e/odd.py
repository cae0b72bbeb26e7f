# SPDX-License-Identifier: Apache-2.0
"""odd.py IF MAC ADDRESS: send frames no sane stack would send, to MAC and to everybody."""
import random
import socket
import sys

from scapy.all import ARP, ICMP, IP, TCP, UDP, Dot1Q, Ether, IPv6, Raw, fuzz

SEED = 20


def frames(mac, address):
    rng = random.Random(SEED)
    to = Ether(dst=mac)
    ip = IP(dst=address, src="10.88.0.77")
    yield from (bytes(to)[:14] + bytes(n) for n in range(0, 50))  # runts and short ones
    yield bytes(to / IP(dst=address, len=9))
    yield bytes(to / IP(dst=address, len=65535) / Raw(b"short"))
    yield bytes(to / IP(dst=address, ihl=15) / Raw(b"x"))
    yield bytes(to / IP(dst=address, ihl=1) / Raw(b"x"))
    yield bytes(to / IP(dst=address, version=7) / Raw(b"x"))
    yield bytes(to / IP(dst=address, frag=8191, flags="MF") / Raw(b"x" * 600))
    yield bytes(to / ip / UDP(len=65535) / Raw(b"x"))
    yield bytes(to / ip / UDP(len=3) / Raw(b"x"))
    yield bytes(to / ip / TCP(dataofs=15, flags="SAFRPU") / Raw(b"x"))
    yield bytes(to / ip / TCP(dataofs=1) / Raw(b"x"))
    yield bytes(to / ip / ICMP(chksum=1))
    yield bytes(to / IPv6(dst="ff02::1", plen=65535) / Raw(b"x"))
    yield bytes(to / ARP(hwlen=255, plen=255))
    yield bytes(to / ARP(op=2, psrc=address, hwsrc="ff:ff:ff:ff:ff:ff"))
    tags = to
    for vid in (0, 1, 4095, 4094, 7, 7, 7):
        tags = tags / Dot1Q(vlan=vid, prio=7)
    yield bytes(tags / ip)
    yield bytes(to / Dot1Q(vlan=4095))[:15]
    yield bytes(to / Dot1Q(vlan=4095))[:17]
    yield bytes(Ether(dst=mac, type=0x0026) / Raw(b"llc" * 20))  # IEEE 802.3 length field
    yield bytes(Ether(dst=mac, type=0x05DC) / Raw(b"x"))
    yield bytes(Ether(dst="01:80:c2:00:00:0e") / Raw(b"x" * 60))
    yield bytes(Ether(dst="00:00:00:00:00:00", src="00:00:00:00:00:00") / Raw(b"x" * 60))
    yield bytes(Ether(dst=mac, src="ff:ff:ff:ff:ff:ff") / Raw(b"x" * 60))
    yield bytes(Ether(dst=mac, src=mac) / Raw(b"x" * 60))
    yield bytes(to / Raw(bytes(1500)))
    yield bytes(to / Raw(bytes(4000)))  # longer than the MTU: the sender's kernel may refuse it
    random.seed(SEED)
    for _ in range(150):
        yield bytes(to / fuzz(ip / TCP()))[:1514]
        yield bytes(to) + rng.randbytes(rng.randrange(1, 1480))
        yield rng.randbytes(6) + bytes(to)[6:12] + rng.randbytes(rng.randrange(2, 200))


def main():
    ifname, mac, address = sys.argv[1:]
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    s.bind((ifname, 0))
    sent = refused = 0
    for frame in frames(mac, address):
        try:
            s.send(frame)
            sent += 1
        except OSError:  # the kernel's own limits: shorter than a header, longer than the MTU
            refused += 1
    print(f"seed {SEED}: {sent} sent, {refused} refused by the sender's kernel")
    return 0 if sent > 400 else 1


if __name__ == "__main__":
    sys.exit(main())
