# SPDX-License-Identifier: Apache-2.0
"""Programs for a bare machine: what they have in common. An image is loaded at 0; its program stops
the processor with the address 600D in its PSW, or BAD where something is not as it should be.
"""
import struct

# Places below 4096 need no base register.
PROGRAM, ORB, SCHIB, IRB, CCW, CONSTANTS = 0x200, 0x800, 0x840, 0x900, 0x9C0, 0xA00
GOOD, BAD, HANDLER = 0xA80, 0xA88, 0xA90


class Code:
    """Instructions in hexadecimal digits; a branch's target goes into their last two bytes."""

    def __init__(self):
        self.out, self.labels, self.fixes = bytearray(), {}, []

    def op(self, hexes, target=None):
        if target:
            self.fixes.append((len(self.out) + 2, target))
        self.out.extend(bytes.fromhex(hexes.replace(' ', '')))

    def label(self, name):
        self.labels[name] = PROGRAM + len(self.out)

    def assembled(self):
        for at, target in self.fixes:
            struct.pack_into('>H', self.out, at, self.labels[target])
        assert PROGRAM + len(self.out) <= ORB
        return self.out


class Image:
    def __init__(self, size, code, parameter, after_check):
        """parameter: the ORB's. after_check: the instruction that a program check leads to."""
        self.bytes = bytearray(size)
        self.put(0, bytes.fromhex('0008000080000200'))  # initial PSW: disabled, 31 bits
        self.put(0x68, struct.pack('>II', 0x00080000, 0x80000000 | HANDLER))
        self.put(HANDLER, bytes.fromhex(after_check))
        self.put(GOOD, bytes.fromhex('000A00008000600D'))
        self.put(BAD, bytes.fromhex('000A000080000BAD'))
        self.put(PROGRAM, code.assembled())
        self.put(ORB, struct.pack('>III', parameter, 0x00C28000 | 0x00020000, CCW))

    def put(self, at, data):
        self.bytes[at:at + len(data)] = data

    def queues(self, n, qdr, qib, slib, sl, slsb):
        """A queue descriptor record of one input queue and n - 1 output queues."""
        self.put(qdr, struct.pack('>12B', 0, 0, 0, 0, 0, 1, 0, n - 1, 0, 8, 0, 8))
        self.put(qdr + 0x30, struct.pack('>Q', qib))
        for q in range(n):
            self.put(qdr + 0x40 + 32 * q, struct.pack('>QQQ', slib + 2048 * q, sl + 1024 * q, slsb + 256 * q))

    def write(self, path):
        with open(path, 'wb') as f:
            f.write(self.bytes)
