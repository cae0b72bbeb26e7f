# SPDX-License-Identifier: Apache-2.0
"""A guest that talks nonsense: a program for a bare machine, as an image to be loaded at 0.

usage: nonsense.py SEED FILE

It walks through a table of cases on three subchannels - random and half valid commands, HALT and
CLEAR at any time, queues of random contents, SIGA of any kind - and never looks at how they
end. Then every subchannel is cleared and must still answer SENSE ID. The processor stops with
the address 600D in its PSW, or 0BAD if a subchannel did not answer. No interruptions: it polls.
"""
import random
import struct
import sys

from bare import BAD, CCW, CONSTANTS, GOOD, IRB, ORB, SCHIB, Code, Image

TABLE, IDAWS, RANDOM, QDR, QIB, SLIB, SL, SLSB, SBALS, SENSE = (
    0x60000, 0x68000, 0x20000, 0x30000, 0x31000, 0x32000, 0x38000, 0x40000, 0x48000, 0x70000)
FIRST = 1  # the console's is 0
DEVICES = (FIRST, FIRST + 1, FIRST + 2)
SSCH, HSCH, CSCH, SIGA, EXPECT = range(5)
# TSCHs until a READ that is held is left alone, and until a clear must have ended.
SHORT, LONG = 20000, 200000000


def assemble():
    """The loop: R9 the case, R10 how many are left, R1 the subchannel, R8 patience."""
    code = Code()
    op, label = code.op, code.label

    op('5890 %04X' % CONSTANTS)                  # L    9,=table
    op('58A0 %04X' % (CONSTANTS + 4))            # L    10,=count
    label('case')
    op('5810 9000')                              # L    1,0(9)
    # While a start is pending: 3.13 itself loses a HALT that comes before its thread has begun.
    label('begun')
    op('B234 %04X' % SCHIB)                      # STSCH
    op('9104 %04X' % (SCHIB + 30))               # TM
    op('4710 0000', 'begun')                     # BO
    op('9680 %04X' % (SCHIB + 5))                # OI   enabled
    op('B232 %04X' % SCHIB)                      # MSCH
    op('B235 %04X' % IRB)                        # TSCH
    op('D207 %04X 9004' % CCW)                   # MVC  ccw(8),4(9)
    op('5820 900C')                              # L    2,12(9)
    op('5880 %04X' % (CONSTANTS + 12))           # L    8,=long
    for fn, name in ((HSCH, 'hsch'), (CSCH, 'csch'), (SIGA, 'siga')):
        op('5920 %04X' % (CONSTANTS + 16 + 4 * fn))  # C  2,=fn
        op('4780 0000', name)                    # BE
    op('5920 %04X' % (CONSTANTS + 16 + 4 * EXPECT))
    op('4780 0000', 'start')
    op('5880 %04X' % (CONSTANTS + 8))            # L    8,=short
    label('start')
    op('B233 %04X' % ORB)                        # SSCH
    op('47F0 0000', 'look')
    label('hsch')
    op('B231 0000')
    op('47F0 0000', 'look')
    label('csch')
    op('B230 0000')
    op('47F0 0000', 'look')
    label('siga')
    op('5800 9004')                              # L    0,4(9)
    op('5820 9008')                              # L    2,8(9)
    op('5830 9008')                              # L    3,8(9)
    op('B274 0000')                              # SIGA
    op('47F0 0000', 'next')
    label('look')
    op('B235 %04X' % IRB)                        # TSCH
    op('4780 0000', 'ended')                     # cc 0: it was pending
    op('4680 0000', 'look')                      # BCT  8
    op('5920 %04X' % (CONSTANTS + 16 + 4 * SSCH))
    op('4770 0000', 'bad')                       # BNE: a halt or clear has no end
    label('ended')
    op('5920 %04X' % (CONSTANTS + 16 + 4 * EXPECT))
    op('4770 0000', 'next')                      # BNE
    op('950C %04X' % (IRB + 8))                  # CLI  device status: CE, DE
    op('4770 0000', 'bad')
    label('next')
    op('4190 9010')                              # LA   9,16(9)
    op('46A0 0000', 'case')                      # BCT  10
    op('8200 %04X' % GOOD)                       # LPSW
    label('bad')
    op('8200 %04X' % BAD)
    return code


def cases(rng):
    def ssch(dev, cmd, flags, count, address):
        return struct.pack('>IBBHII', 0x10000 | dev, cmd, flags, count, address, SSCH)

    def plain(dev, fn):
        return struct.pack('>IQI', 0x10000 | dev, 0, fn)

    def siga(dev, gr0, mask):
        return struct.pack('>IIII', 0x10000 | dev, gr0, mask, SIGA)

    def anything(dev):
        cmd = rng.choice((0x01, 0x01, 0x02, 0x03, 0x04, 0x1B, 0x1F, 0x81, 0x82, 0xE4, 0xFA, rng.randrange(256)))
        flags = rng.choice((0x20, 0x20, 0x00, 0x24, rng.randrange(256)))
        count = rng.choice((0, 1, 8, 64, 256, 4096, rng.randrange(65536)))
        address = rng.choice((RANDOM + 8 * rng.randrange(64), QDR, 0x7FFFF000, SENSE + 3))
        if flags & 0x04:  # where no answer is stored: a zero there would lead to the program
            address = rng.choice((IDAWS + 8 * rng.randrange(64), 0x7FFFF000, IDAWS + 3))
        return ssch(dev, cmd, flags, count, address)

    for _ in range(100):
        yield rng.choice((anything, anything, anything,
                          lambda d: plain(d, HSCH), lambda d: plain(d, CSCH)))(rng.choice(DEVICES))
    # Queues that are established well, with nonsense in them.
    data = DEVICES[2]
    for _ in range(4):
        yield plain(data, CSCH)
        yield ssch(data, 0x1B, 0x20, 4096, QDR)
        yield ssch(data, 0x1F, 0x20, 0, 0)
        for _ in range(8):
            yield siga(data, rng.choice((0, 0, 1, 2, 3, 4, 0x80, rng.getrandbits(32))), rng.getrandbits(32))
        yield anything(rng.choice(DEVICES))
        yield plain(data, rng.choice((HSCH, CSCH)))
    for dev in DEVICES:
        yield plain(dev, CSCH)
    for dev in DEVICES:
        yield struct.pack('>IBBHII', 0x10000 | dev, 0xE4, 0x20, 7, SENSE, EXPECT)


def main(seed, path):
    rng = random.Random(seed)
    image = Image(0x80000, assemble(), 0x0BADF00D, '82000028')  # after a program check go on behind it
    put = image.put
    table = list(cases(rng))
    put(CONSTANTS, struct.pack('>IIII5I', TABLE, len(table), SHORT, LONG, *range(5)))
    put(TABLE, b''.join(table))
    put(RANDOM, rng.randbytes(0x4000))
    put(IDAWS, struct.pack('>66Q', *(rng.choice((RANDOM + rng.randrange(0x3000), 0x7FFFF000, 1 << 31 | rng.getrandbits(40)))
                                     for _ in range(66))))
    queues = 5
    image.queues(queues, QDR, QIB, SLIB, SL, SLSB)
    for q in range(queues):
        entries = (rng.choice((SBALS + 256 * rng.randrange(256), SBALS + 256 * rng.randrange(256),
                               0x7FFFFF00, rng.getrandbits(40), 7)) for _ in range(128))
        put(SL + 1024 * q, struct.pack('>128Q', *entries))
        put(SLSB + 256 * q, bytes(rng.choice((0x41 if q == 0 else 0x62,) * 6 + (rng.randrange(256),))
                                  for _ in range(128)))
    for s in range(256):
        for e in range(16):
            put(SBALS + 256 * s + 16 * e, struct.pack(
                '>BBBBIQ', rng.choice((0, 0x40, 0x04, 0x08, 0x0C, rng.randrange(256))), 0, 0,
                rng.choice((0, 0x40)), rng.choice((0, 32, 64, 100, 1514, 4096, rng.getrandbits(32))),
                rng.choice((RANDOM + rng.randrange(0x3000), RANDOM + rng.randrange(0x3000),
                            rng.getrandbits(40), 0x1FFFFFF0))))
    # Some of the random bytes begin like a header of layer 2 or 3, or a control message.
    for at in range(RANDOM, RANDOM + 0x4000, 64):
        start = rng.choice((b'\2\0\0\1', b'\6\0\0\1', b'\1\2', b'\0\xE0\0\0', b''))
        put(at, start)
    image.write(path)


main(int(sys.argv[1]), sys.argv[2])
