# SPDX-License-Identifier: Apache-2.0
"""The scenarios of the kernel's bridge forwarding self-tests, on a kernel bridge and on zlan at once.

bridge.py ZLAN DIR   run in the namespace where zland has its TAP; ZLAN -d DIR talks to it

Every scenario is set up twice: on a kernel bridge with veth pairs, and on a virtual switch with
NICs of TYPE STREAM (guests that register nothing: their ports learn as a bridge's do). The same frames are
sent into both; who gets them, and with which tag, must be the same on both and as the scenario says.
A scenario mostly waits for frames that should not come, so some run at once, each with names of its own (Place).
Lines: "ok NAME", "FAILED NAME: why", "skipped NAME: why".
"""
import itertools
import os
import re
import select
import socket
import struct
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import frames

PATIENCE = float(os.environ.get("ZLAN_PATIENCE", "10"))
GRACE = 0.1  # for frames that should not come
AT_ONCE = 5  # scenarios
BROADCAST = b"\xff" * 6
UNKNOWN = bytes.fromhex("02ee00000001")
GROUP, OTHER_GROUP = "239.1.1.1", "239.1.1.2"


def mac(n):
    return bytes([2, 0, 0, 0, 0xA0, n])


def sh(*command):
    return subprocess.run(command, capture_output=True, text=True)


def need(*command):
    done = sh(*command)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr or done.stdout}")


# ---- stations: what hangs on a port ---------------------------------------------------


class Packet:
    """A packet socket on an interface: the far end of a veth pair, or a TAP."""

    def __init__(self, ifname):
        self.s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(frames.ETH_P_ALL))
        self.s.setsockopt(frames.SOL_PACKET, frames.PACKET_AUXDATA, 1)
        self.s.bind((ifname, frames.ETH_P_ALL))

    def send(self, frame):
        self.s.send(frame)

    def recv(self):
        frame, anc, _, addr = self.s.recvmsg(2048, 256)
        if addr[2] == frames.PACKET_OUTGOING:
            return []
        tci = frames.tci_of(anc)
        if tci is not None:
            frame = frame[:12] + struct.pack("!HH", 0x8100, tci) + frame[12:]
        return [frame]

    def close(self):
        self.s.close()


class Stream:
    """A guest on a NIC of TYPE STREAM: frames with their length in front."""

    def __init__(self, path):
        self.s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.s.connect(path)
        self.data = b""

    def send(self, frame):
        self.s.sendall(struct.pack("!I", len(frame)) + frame)

    def recv(self):
        self.data += self.s.recv(65536)
        out = []
        while len(self.data) >= 4:
            n = struct.unpack("!I", self.data[:4])[0]
            if len(self.data) < 4 + n:
                break
            out.append(self.data[4:4 + n])
            self.data = self.data[4 + n:]
        return out

    def close(self):
        self.s.close()


# ---- the two switches -----------------------------------------------------------------


def until(ready, why):
    end = time.monotonic() + PATIENCE
    while not ready():
        if time.monotonic() > end:
            raise RuntimeError(why)
        time.sleep(0.02)


def forwards(dev):
    """Is a port of a kernel bridge in that state?"""
    return "state forwarding" in sh("bridge", "link", "show", "dev", dev).stdout


class Bridge:
    """A kernel bridge with ports h1, h2 ... and up."""

    name = "kernel"

    def __init__(self, place, ports, options):
        self.place, self.ports = place, ports
        need("ip", "link", "add", place.bridge, "type", "bridge", *options)
        self.station = {}
        for p in ports:
            need("ip", "link", "add", self.dev(p), "type", "veth", "peer", "name", f"e{self.dev(p)}")
            need("ip", "link", "set", self.dev(p), "master", place.bridge, "up")
            need("ip", "link", "set", f"e{self.dev(p)}", "up")
            self.station[p] = Packet(f"e{self.dev(p)}")
        need("ip", "link", "set", place.bridge, "up")
        until(lambda: forwards(self.dev(ports[-1])), "the bridge's ports do not forward")

    def dev(self, p):
        return f"k{self.place.n}{p}"

    def port(self, p, *options):
        need("ip", "link", "set", "dev", self.dev(p), "type", "bridge_slave", *options)

    def entry(self, p, address, *options):
        need("bridge", "fdb", "replace", frames.mac_text(address), "dev", self.dev(p), "master", "static", *options)

    def close(self):
        for s in self.station.values():
            s.close()
        for p in self.ports:
            sh("ip", "link", "del", self.dev(p))
        sh("ip", "link", "del", self.place.bridge)


class Zlan:
    """A virtual switch with a STREAM NIC for every port but up, which is its uplink."""

    name = "zlan"

    def __init__(self, place, ports, options=(), nics=None):
        self.place, self.ports = place, ports
        uplink = ["UPLINK", "TAP", place.tap] if "up" in ports else []
        self.command("DEFINE", "VSWITCH", place.switch, *options, *uplink)
        self.station = {}
        for p in ports:
            if p == "up":
                need("ip", "link", "set", place.tap, "up")
                self.station[p] = Packet(place.tap)
                continue
            self.command("NICDEF", p.upper(), place.vdev, "TYPE", "STREAM", "LAN", "SYSTEM", place.switch,
                         *(nics or {}).get(p, []))
            self.station[p] = Stream(f"{place.folder}/{p.upper()}-{place.vdev}.sock")
            until(lambda p=p: "Attached by" in self.query(p, "DETAILS"), f"{p} does not attach")

    def command(self, *words):
        need(self.place.zlan, "-d", self.place.folder, *words)

    def nic(self, p):
        return f"{p.upper()}/{self.place.vdev}"

    def query(self, p, *words):
        return sh(self.place.zlan, "-d", self.place.folder, "QUERY", "NIC", self.nic(p), *words).stdout

    def mac(self, p):
        """The address of a NIC."""
        text = re.search(r"((?:[0-9A-F]{2}-){5}[0-9A-F]{2})", self.query(p)).group(1)
        return bytes.fromhex(text.replace("-", ""))

    def close(self):
        for s in self.station.values():
            s.close()
        for p in self.ports:
            if p != "up":
                sh(self.place.zlan, "-d", self.place.folder, "DETACH", self.nic(p))
        sh(self.place.zlan, "-d", self.place.folder, "DETACH", "VSWITCH", self.place.switch)
        sh("ip", "link", "del", self.place.tap)


class Place:
    """Where a scenario is set up: the names of its interfaces, switch and devices are nobody else's."""

    def __init__(self, zlan, folder, n, kernel=True):
        self.zlan, self.folder, self.n, self.kernel = zlan, folder, n, kernel
        self.bridge, self.tap, self.switch, self.vdev = f"kbr{n}", f"tapb{n}", f"KBR{n}", f"{0x600 + 16 * n:04X}"

    def make(self, name, ports, kernel_options=("mcast_snooping", "0"), zlan_options=(), nics=None):
        switches = []
        try:
            if self.kernel:
                switches.append(Bridge(self, ports, kernel_options))
            switches.append(Zlan(self, ports, zlan_options, nics))
        except RuntimeError:
            for s in switches:
                s.close()
            raise
        return Scenario(name, switches)


# ---- frames and verdicts --------------------------------------------------------------

serial = itertools.count(1)


def frame_of(dst, src, tci=None, body=None, kind=0x88B5, known=None):
    """Return: the frame, and bytes by which it is known again."""
    mark = b"mark%08d" % next(serial)
    tag = struct.pack("!HH", 0x8100, tci) if tci is not None else b""
    return dst + src + tag + struct.pack("!H", kind) + (body or b"") + mark.ljust(64, b"."), known or mark


def checksum(data):
    s = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while s >> 16:
        s = (s & 0xFFFF) + (s >> 16)
    return struct.pack("!H", ~s & 0xFFFF)


def group_mac(group):
    b = socket.inet_aton(group)
    return bytes([1, 0, 0x5E, b[1] & 0x7F, b[2], b[3]])


def igmp_packet(msg, to, src):
    msg = msg[:2] + checksum(msg) + msg[4:]
    # The identification makes it known again: a bridge may cut what follows the packet.
    ip = struct.pack("!BBHHHBBH4s4s4s", 0x46, 0, 24 + len(msg), next(serial), 0, 1, 2, 0,
                     socket.inet_aton(f"10.0.0.{src[5]}"), socket.inet_aton(to), b"\x94\x04\0\0")
    ip = ip[:10] + checksum(ip) + ip[12:]
    return group_mac(to), src, None, ip + msg, 0x0800, ip[:6]


def igmp(kind, group, to, src, code=1):
    return igmp_packet(struct.pack("!BBH", kind, code, 0) + socket.inet_aton(group), to, src)


def group_mac6(group):
    return b"\x33\x33" + socket.inet_pton(socket.AF_INET6, group)[12:]


def mld_packet(msg, to, src):
    src_ip = bytes.fromhex("fe80000000000000000000000000") + src[4:]
    dst_ip = socket.inet_pton(socket.AF_INET6, to)
    msg = msg[:2] + checksum(src_ip + dst_ip + struct.pack("!II", len(msg), 58) + msg) + msg[4:]
    ip = struct.pack("!IHBB", 0x60000000 | next(serial), 8 + len(msg), 0, 1)
    return group_mac6(to), src, None, ip + src_ip + dst_ip + b"\x3a\0\5\2\0\0\0\0" + msg, 0x86DD, ip


class V4:
    """IGMPv3, with the addresses of bridge_igmp.sh."""

    name = "IGMPv3"

    def group(n):
        return f"239.10.10.{10 + n}"

    def source(n):
        return f"192.0.2.{n}"

    def query(src):
        return igmp(0x11, "0.0.0.0", "224.0.0.1", src)

    def report(kind, group, sources, src):
        record = struct.pack("!BBH", kind, 0, len(sources)) + socket.inet_aton(group)
        record += b"".join(map(socket.inet_aton, sources))
        return igmp_packet(struct.pack("!BBHHH", 0x22, 0, 0, 0, 1) + record, "224.0.0.22", src)

    def data(group, source, src):
        return udp(group, src, source)


class V6:
    """MLDv2, with those of bridge_mld.sh, its group in another scope: more than one is wanted."""

    name = "MLDv2"

    def group(n):
        return f"ff0e::cc:{n + 1}"

    def source(n):
        return f"2001:db8:1::{n}"

    def query(src):
        return mld_packet(struct.pack("!BBHHH16x", 130, 0, 0, 100, 0), "ff02::1", src)

    def report(kind, group, sources, src):
        record = struct.pack("!BBH", kind, 0, len(sources)) + socket.inet_pton(socket.AF_INET6, group)
        record += b"".join(socket.inet_pton(socket.AF_INET6, s) for s in sources)
        return mld_packet(struct.pack("!BBHHH", 143, 0, 0, 0, 1) + record, "ff02::16", src)

    def data(group, source, src):
        ip = struct.pack("!IHBB", 0x60000000, 8 + 64, 17, 1) + socket.inet_pton(socket.AF_INET6, source)
        ip += socket.inet_pton(socket.AF_INET6, group)
        return group_mac6(group), src, None, ip + struct.pack("!HHHH", 9, 9, 8 + 64, 0), 0x86DD


def udp(group, src, source=None):
    """A datagram to a group; frame_of's mark is its content."""
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + 8 + 64, 1, 0, 1, 17, 0,
                     socket.inet_aton(source or f"10.0.0.{src[5]}"), socket.inet_aton(group))
    ip = ip[:10] + checksum(ip) + ip[12:]
    return group_mac(group), src, None, ip + struct.pack("!HHHH", 9, 9, 8 + 64, 0), 0x0800


def arrivals(station, marks, wanted, limit, more=GRACE):
    """Who gets a frame with one of the marks, and with which VID: set of (port, vid or None)."""
    seen = {}
    end = time.monotonic() + limit
    grace = None
    while time.monotonic() < (grace or end):
        ready = select.select([s.s for s in station.values()], [], [], 0.02)[0]
        for port, s in station.items():
            if s.s not in ready:
                continue
            for f in s.recv():
                if marks in f:
                    vid = struct.unpack("!H", f[14:16])[0] & 0xFFF if f[12:14] == b"\x81\0" else None
                    seen[(port, vid)] = seen.get((port, vid), 0) + 1
        if grace is None and wanted <= set(seen):
            grace = time.monotonic() + more
    return seen


def arrivals_of(station, wanted, limit, more=GRACE):
    """Of many frames at once. wanted: mark to ports that should get it. Return: mark to ports that did."""
    got = {mark: [] for mark in wanted}
    end = time.monotonic() + limit
    grace = None
    while time.monotonic() < (grace or end):
        ready = select.select([s.s for s in station.values()], [], [], 0.02)[0]
        for port, s in station.items():
            for f in s.recv() if s.s in ready else []:
                at = f.find(b"mark")
                if at >= 0 and f[at:at + 12] in got:
                    got[f[at:at + 12]].append(port)
        if grace is None and all(set(ports) <= set(got[mark]) for mark, ports in wanted.items()):
            grace = time.monotonic() + more
    return got


class Scenario:
    def __init__(self, name, switches):
        self.name, self.switches, self.bad = name, switches, []
        self.zlan = switches[-1]
        self.kernel = switches[0] if len(switches) > 1 else None

    def step(self, what, port, frame, want, limit=PATIENCE):
        """Send a frame into port; want: ports that get it, "h2" untagged, "h2:10" with tag 10."""
        expect = {tuple((w.split(":") + [None])[:2]) for w in want.split()}
        expect = {(p, int(v) if v else None) for p, v in expect}
        sent = []
        for s in self.switches:
            data, mark = frame_of(*frame)
            s.station[port].send(data)
            sent.append((s, mark))
        for i, (s, mark) in enumerate(sent):
            # What should not come has had its time on the second while the first was looked at.
            got = arrivals(s.station, mark, expect, limit, GRACE if i == 0 else 0.03)
            if set(got) != expect or any(n != 1 for n in got.values()):
                self.bad.append(f"{what}: {s.name} gave {sorted(map(str, got.items()))}, not {want}")

    def until(self, what, port, frame, want):
        """The same, for what takes its time: again and again until it is so."""
        before = len(self.bad)
        end = time.monotonic() + PATIENCE
        while True:
            del self.bad[before:]
            self.step(what, port, frame, want, 0.3)
            if len(self.bad) == before or time.monotonic() > end:
                return

    def all_at_once(self, port, wanted, limit):
        """wanted: (what, frame, ports that get it). Return: what came out otherwise, by what."""
        bad, sent = {}, []
        for s in self.switches:
            marks = {}
            for what, frame, ports in wanted:
                data, mark = frame_of(*frame)
                marks[mark] = (what, ports.split())
                s.station[port].send(data)
            sent.append((s, marks))
        for i, (s, marks) in enumerate(sent):
            got = arrivals_of(s.station, {m: p for m, (_, p) in marks.items()}, limit, GRACE if i == 0 else 0.03)
            for mark, (what, ports) in marks.items():
                if sorted(got[mark]) != sorted(ports):
                    bad.setdefault(what, []).append(f"{s.name} gave {got[mark]}, not {ports}")
        return bad

    def eventually_all(self, port, wanted, patience=PATIENCE):
        end = time.monotonic() + patience
        while bad := self.all_at_once(port, wanted, 0.3):
            if time.monotonic() > end:
                break
        return bad

    def send(self, port, frame):
        for s in self.switches:
            s.station[port].send(frame_of(*frame)[0])

    def close(self):
        for s in self.switches:
            s.close()

    def verdict(self, name, bad):
        """Return: the lines about something that was checked."""
        return [f"  {b}" for b in bad] + [
            f"{'FAILED' if bad else 'ok'} {name} ({' and '.join(s.name for s in self.switches)})"]

    def end(self):
        self.close()
        return self.verdict(self.name, self.bad)


# ---- the scenarios: each returns its lines ---------------------------------------------


def unaware(place):
    """bridge_vlan_unaware.sh: flooding, learning, broadcast; tags are payload."""
    t = place.make("vlan unaware: flooding and learning", ["h1", "h2", "h3"])
    t.step("unknown unicast floods", "h1", (UNKNOWN, mac(1)), "h2 h3")
    t.step("broadcast", "h2", (BROADCAST, mac(2)), "h1 h3")
    t.step("learned unicast", "h1", (mac(2), mac(1)), "h2")
    t.step("and back", "h2", (mac(1), mac(2)), "h1")
    t.step("tagged as it is", "h1", (BROADCAST, mac(1), 10), "h2:10 h3:10")
    t.step("priority tagged as it is", "h1", (BROADCAST, mac(1), 0xA000), "h2:0 h3:0")
    t.step("to itself", "h1", (mac(1), mac(1)), "")
    return t.end()


def learning(place):
    """bridge_learning_limit.sh, sticky_fdb.sh: a sticky entry does not move."""
    t = place.make("sticky forwarding entries", ["h1", "h2", "h3"])
    t.step("h2 is learned", "h2", (BROADCAST, mac(2)), "h1 h3")
    t.kernel.entry("h2", mac(2), "sticky")
    for s in t.switches:  # h3 says that it is h2
        s.station["h3"].send(frame_of(mac(9), mac(2))[0])
    t.step("the entry stays at h2", "h1", (mac(2), mac(1)), "h2")
    t.step("h3's own address is learned", "h3", (BROADCAST, mac(3)), "h1 h2")
    t.step("and found", "h1", (mac(3), mac(1)), "h3")
    return t.end()


def reserved(place):
    """br_group_fwd_mask at its default: link-local groups are not forwarded."""
    t = place.make("reserved addresses", ["h1", "h2", "h3"])
    for last in (0x01, 0x02, 0x03, 0x0E):  # 00 is for STP: forwarded by a bridge without it
        t.step(f"01-80-C2-00-00-{last:02X}", "h1",
               (bytes.fromhex("0180c20000") + bytes([last]), mac(1)), "")
    t.step("01-80-C2-00-00-10 is a group", "h1", (bytes.fromhex("0180c2000010"), mac(1)), "h2 h3")
    return t.end()


def isolation(place):
    """bridge_port_isolation.sh."""
    t = place.make("port isolation", ["h1", "h2", "h3", "up"])
    for p in ("h1", "h2", "h3"):
        t.kernel.port(p, "isolated", "on")
    t.zlan.command("SET", "VSWITCH", place.switch, "ISOLATION", "ON")
    t.step("broadcast of an isolated port", "h1", (BROADCAST, mac(1)), "up")
    t.step("another", "h2", (BROADCAST, mac(2)), "up")
    t.step("known unicast between them", "h1", (mac(2), mac(1)), "")
    t.step("to them from the port that is not", "up", (mac(1), mac(8)), "h1")
    t.step("broadcast from there", "up", (BROADCAST, mac(8)), "h1 h2 h3")
    t.step("unicast to there", "h1", (mac(8), mac(1)), "up")
    t.step("unknown unicast", "h1", (UNKNOWN, mac(1)), "up")
    return t.end()


def multicast(place):
    """bridge_igmp.sh, bridge_mdb.sh: flooding without a querier, then membership, reports, leave."""
    t = place.make("IGMP snooping", ["h1", "h2", "h3", "h4"], ("mcast_snooping", "1", "mcast_querier", "0"))
    data, other = udp(GROUP, mac(1)), udp(OTHER_GROUP, mac(1))
    t.step("without a querier a group floods", "h1", data, "h2 h3 h4")
    t.step("a query reaches all", "h4", igmp(0x11, "0.0.0.0", "224.0.0.1", mac(4)), "h1 h2 h3")
    # Both wait until all hosts have had the time of the query to answer.
    t.until("a report, now that there is a querier", "h2", igmp(0x16, GROUP, GROUP, mac(2)), "h4")
    t.until("the group goes to who joined and to the router", "h1", data, "h2 h4")
    t.step("a group nobody joined goes to the router", "h1", other, "h4")
    t.step("224.0.0.x floods", "h1", udp("224.0.0.5", mac(1)), "h2 h3 h4")
    t.step("another joins", "h3", igmp(0x16, GROUP, GROUP, mac(3)), "h4")
    t.step("both get it", "h1", data, "h2 h3 h4")
    t.step("h3 leaves", "h3", igmp(0x17, GROUP, "224.0.0.2", mac(3)), "h1 h2 h4")
    t.step("the querier asks who is left", "h4", igmp(0x11, GROUP, GROUP, mac(4)), "h1 h2 h3")
    t.step("h2 answers", "h2", igmp(0x16, GROUP, GROUP, mac(2)), "h4")
    t.until("and has its effect", "h1", data, "h2 h4")
    return t.end()


IS_IN, IS_EX, TO_EX, ALLOW, BLOCK = 1, 2, 4, 5, 6
FIRST = [1, 2, 3]  # every function begins with IS_INCLUDE of these,
THEN = [1, 2, 20, 21]  # those of EXCLUDE go on with IS_EXCLUDE of these
# name of the function, EXCLUDE, the report, sources that pass and that do not in the end
SOURCES = [
    ("include_test", False, None, [1, 2, 3], [100]),
    ("inc_allow_test", False, (ALLOW, [10, 11, 12]), [10, 11, 12, 1], [100]),
    ("inc_is_include_test", False, (IS_IN, [10, 11, 12]), [10, 11, 12], [100]),
    ("inc_is_exclude_test", True, None, [1, 2, 100], [20, 21]),
    ("inc_to_exclude_test", False, (TO_EX, [1, 20, 30]), [1, 100], [20, 30]),
    ("exc_allow_test", True, (ALLOW, [20, 30]), [1, 2, 20, 30, 100], [21]),
    ("exc_is_include_test", True, (IS_IN, [20, 30]), [1, 2, 20, 30, 100], [21]),
    ("exc_is_exclude_test", True, (IS_EX, [20, 30]), [30, 100], [20]),
    ("exc_to_exclude_test", True, (TO_EX, [1, 20, 30]), [1, 30, 100], [20]),
    ("exc_block_test", True, (BLOCK, [1, 20, 30]), [1, 2, 30, 100], [20, 21]),
    ("inc_block_test", False, (BLOCK, [1, 20, 30]), [2, 3], [100]),  # and 1 does not, 2 s later
]


def sources(place, ip, functions=None):
    """bridge_igmp.sh, bridge_mld.sh: reports with sources. Each function has a group of its own: all are done at once."""
    t = place.make(ip.name, ["h1", "h2", "h4"], ("mcast_snooping", "1", "mcast_querier", "0", "mcast_igmp_version", "3",
                                          "mcast_mld_version", "2"))
    bad = {}

    def wanted(rows, state):
        return [(name, ip.data(ip.group(n), ip.source(s), mac(2)), "h1 h4" if passes else "h4")
                for n, (name, *_) in rows for passes, some in zip((True, False), state) for s in some]

    def look(found):
        for what, errors in found.items():
            bad.setdefault(what, errors)

    rows = list(enumerate(r for r in SOURCES if functions is None or r[0] in functions))
    t.send("h4", ip.query(mac(4)))
    # Until all hosts have had the time of the query to answer, groups flood.
    look(t.eventually_all("h2", [("querier", ip.data(ip.group(99), ip.source(1), mac(2)), "h4")]))
    for n, _ in rows:
        t.send("h1", ip.report(IS_IN, ip.group(n), map_list(ip.source, FIRST), mac(1)))
    look(t.eventually_all("h2", wanted(rows, (FIRST, [100]))))
    excluding = [(n, r) for n, r in rows if r[1]]
    for n, _ in excluding:
        t.send("h1", ip.report(IS_EX, ip.group(n), map_list(ip.source, THEN), mac(1)))
    look(t.eventually_all("h2", wanted(excluding, ([1, 2, 100], [20, 21]))))
    for n, (_, _, report, _, _) in rows:
        if report:
            t.send("h1", ip.report(report[0], ip.group(n), map_list(ip.source, report[1]), mac(1)))
    # Sources that somebody else may still want have two seconds from here.
    look(t.eventually_all("h2", [w for row in rows for w in wanted([row], row[1][3:])], 1.5))
    blocked = [(n, r) for n, r in rows if r[0] == "inc_block_test"]
    look(t.eventually_all("h2", wanted(blocked, ([2, 3], [1, 100]))))
    t.close()
    return [line for name in ["querier"] + [r[0] for _, r in rows]
            for line in t.verdict(f"{ip.name} {name}", bad.get(name, []))]


def map_list(f, numbers):
    return [f(n) for n in numbers]


def mld(place):
    """MLDv1, as multicast() for IGMPv2."""
    t = place.make("MLD snooping", ["h1", "h2", "h3", "h4"], ("mcast_snooping", "1", "mcast_querier", "0"))
    group = V6.group(0)
    about = socket.inet_pton(socket.AF_INET6, group)
    data = V6.data(group, V6.source(1), mac(1))

    def report(kind, src):
        return mld_packet(struct.pack("!BBHHH", kind, 0, 0, 0, 0) + about, group if kind == 131 else "ff02::2", src)

    t.step("without a querier a group floods", "h1", data, "h2 h3 h4")
    t.step("a query reaches all", "h4", V6.query(mac(4)), "h1 h2 h3")
    t.until("a report, now that there is a querier", "h2", report(131, mac(2)), "h4")
    t.until("the group goes to who joined and to the router", "h1", data, "h2 h4")
    t.step("a group nobody joined goes to the router", "h1", V6.data(V6.group(9), V6.source(1), mac(1)), "h4")
    t.step("all nodes are everybody", "h1", V6.data("ff02::1", V6.source(1), mac(1)), "h2 h3 h4")
    t.step("another joins", "h3", report(131, mac(3)), "h4")
    t.until("both get it", "h1", data, "h2 h3 h4")
    return t.end()


def locked(place):
    """bridge_locked_port.sh: on a locked port only a source with an entry is let in. Ours is MAC protection."""
    t = place.make("locked port", ["h1", "h2"])
    own = t.zlan.mac("h1")

    def lock(on):
        t.kernel.port("h1", "locked", on)
        t.zlan.command("SET", "NIC", t.zlan.nic("h1"), "MACPROTECT", on.upper())

    t.kernel.port("h1", "learning", "off")
    t.step("before it is locked", "h1", (BROADCAST, mac(7)), "h2")
    lock("on")
    t.step("locked, without an entry", "h1", (BROADCAST, mac(7)), "")
    t.kernel.entry("h1", own)
    t.step("with an entry", "h1", (BROADCAST, own), "h2")
    t.step("another still not", "h1", (BROADCAST, mac(7)), "")
    t.step("to it", "h2", (own, mac(2)), "h1")
    lock("off")
    t.step("unlocked", "h1", (BROADCAST, mac(7)), "h2")
    return t.end()


def vlan_aware(place):
    """bridge_vlan_aware.sh: PVID, membership at ingress and egress, tags."""
    t = place.make("vlan aware: PVID, ingress and egress filters", ["h1", "h2", "h3", "h4"],
             ("vlan_filtering", "1", "vlan_default_pvid", "0"),
             ("VLAN", "AWARE", "NATIVE", "NONE"),
             {"h1": ["VLAN", "10"], "h2": ["VLAN", "10"], "h3": ["VLAN", "20"],
              "h4": ["PORTTYPE", "TRUNK", "VLAN", "10", "20"]})
    if t.kernel:
        for p, v in (("h1", 10), ("h2", 10), ("h3", 20)):
            need("bridge", "vlan", "add", "vid", str(v), "dev", t.kernel.dev(p), "pvid", "untagged")
        for v in (10, 20):
            need("bridge", "vlan", "add", "vid", str(v), "dev", t.kernel.dev("h4"))
    t.step("untagged is the PVID's", "h1", (BROADCAST, mac(1)), "h2 h4:10")
    t.step("of another VLAN", "h3", (BROADCAST, mac(3)), "h4:20")
    t.step("priority tag is the PVID's", "h1", (BROADCAST, mac(1), 0x6000), "h2 h4:10")
    t.step("a VID the port is not in", "h1", (BROADCAST, mac(1), 20), "")
    t.step("tagged to an access port", "h4", (BROADCAST, mac(4), 10), "h1 h2")
    t.step("to another", "h4", (BROADCAST, mac(4), 20), "h3")
    t.step("a VID the trunk is not in", "h4", (BROADCAST, mac(4), 30), "")
    t.step("untagged on a port without PVID", "h4", (BROADCAST, mac(4)), "")
    t.step("learned in one VLAN", "h1", (mac(2), mac(1)), "h2 h4:10")
    t.step("after h2 has spoken", "h2", (mac(1), mac(2)), "h1")
    t.step("known in one VLAN is unknown in the other", "h3", (mac(2), mac(3)), "h4:20")
    return t.end()


def vepa(place):
    """Reflective relay: the guests' switch is zlan, the one outside a kernel bridge with hairpin."""
    s = Zlan(place, ["h1", "h2", "h3", "up"])
    s.name = "zlan by way of kernel"
    s.command("SET", "VSWITCH", place.switch, "VEPA", "ON")
    s.station.pop("up").close()
    bridge, tap, out = place.bridge, place.tap, f"k{place.n}out"
    need("ip", "link", "add", bridge, "type", "bridge", "mcast_snooping", "0")
    need("ip", "link", "set", tap, "master", bridge)
    need("ip", "link", "set", "dev", tap, "type", "bridge_slave", "hairpin", "on")
    need("ip", "link", "add", out, "type", "veth", "peer", "name", f"e{out}")
    need("ip", "link", "set", out, "master", bridge, "up")
    need("ip", "link", "set", f"e{out}", "up")
    need("ip", "link", "set", bridge, "up")
    s.station["out"] = Packet(f"e{out}")
    until(lambda: forwards(tap) and forwards(out), "the bridge's ports do not forward")
    t = Scenario("VEPA and reflective relay", [s])
    t.step("a broadcast comes back to all but its sender", "h1", (BROADCAST, mac(1)), "h2 h3 out")
    t.step("another", "h2", (BROADCAST, mac(2)), "h1 h3 out")
    t.step("guest to guest, relayed back", "h1", (mac(2), mac(1)), "h2")
    t.step("and the answer", "h2", (mac(1), mac(2)), "h1")
    t.step("from outside", "out", (mac(1), mac(9)), "h1")
    t.step("to outside", "h1", (mac(9), mac(1)), "out")
    need("ip", "link", "set", "dev", tap, "type", "bridge_slave", "hairpin", "off")
    t.step("without relay guests do not reach each other", "h1", (mac(2), mac(1)), "")
    t.step("nor by broadcast", "h1", (BROADCAST, mac(1)), "out")
    sh("ip", "link", "del", out)
    sh("ip", "link", "del", bridge)
    return t.end()


def has_vlan_filtering():
    done = sh("ip", "link", "add", "kprobe", "type", "bridge", "vlan_filtering", "1")
    sh("ip", "link", "del", "kprobe")
    return done.returncode == 0


def main():
    zlan, folder = sys.argv[1:3]
    filtering = has_vlan_filtering()
    if not filtering:
        print("skipped vlan aware on a kernel bridge: the kernel has no VLAN filtering;"
              " zlan is held to the self-test's verdicts", flush=True)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        scenarios = [
            # Those that take longest are first.
            lambda place: sources(place, V4),
            multicast, mld, isolation,
            lambda place: sources(place, V6, ["include_test", "inc_allow_test", "inc_is_include_test",
                                              "inc_is_exclude_test", "inc_to_exclude_test", "exc_allow_test"]),
            vlan_aware, vepa, reserved, locked, learning, unaware]
        running = [pool.submit(scenario, Place(zlan, folder, n, filtering or scenario is not vlan_aware))
                   for n, scenario in enumerate(scenarios)]
        for scenario in running:
            for line in scenario.result():
                print(line, flush=True)


main()
