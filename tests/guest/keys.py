# SPDX-License-Identifier: Apache-2.0
"""Storage keys: a program for a bare machine, as an image to be loaded at 0.

usage: keys.py FILE

It establishes queues on the data device with control blocks in pages of known keys, and looks at
how the command ends and at the reference and change bits of each page afterwards. The processor
stops with the address 600D in its PSW, or with that of the row of the table that was not as it
should be.
"""
import struct
import sys

from bare import BAD, CCW, CONSTANTS, GOOD, IRB, ORB, SCHIB, Code, Image

# A page each.
TABLE, QDR, QIB, SLIB, SL, SLSB, SBALS, OTHER = (
    0x60000, 0x30000, 0x31000, 0x32000, 0x33000, 0x34000, 0x35000, 0x36000)
DATA_DEVICE = 0x10003  # behind the console's subchannel and two of the adapter
KEY, BITS, BYTE, ESTABLISH, CLEAR = range(5)
SUBCHANNEL, NO_CHANGE, MODE, OPS = CONSTANTS, CONSTANTS + 4, CONSTANTS + 8, CONSTANTS + 12
PROTECTED, REFERENCED, CHANGED = 0x08, 0x04, 0x02
ENDED, REFUSED = 0x0C, 0x0E  # device status
QUEUES = 2


def assemble():
    """R9 the row, R10 how many are left."""
    code = Code()
    op, label = code.op, code.label

    op('5890 %04X' % (OPS + 20))          # L    9,=table
    op('58A0 %04X' % (OPS + 24))          # L    10,=count
    op('5810 %04X' % SUBCHANNEL)          # L    1
    label('row')
    op('5820 9000')                       # L    2,0(9)
    op('5840 9004')                       # L    4,4(9)
    op('5850 9008')                       # L    5,8(9)
    for what, name in ((KEY, 'key'), (BITS, 'bits'), (BYTE, 'byte'), (CLEAR, 'clear')):
        op('5920 %04X' % (OPS + 4 * what))  # C  2
        op('4780 0000', name)             # BE
    op('B234 %04X' % SCHIB)               # STSCH
    op('9680 %04X' % (SCHIB + 5))         # OI   enabled
    op('B232 %04X' % SCHIB)               # MSCH
    op('B233 %04X' % ORB)                 # SSCH
    label('wait')
    op('B235 %04X' % IRB)                 # TSCH
    op('4770 0000', 'wait')               # BNZ
    op('D500 %04X 900B' % (IRB + 8))      # CLC  device status
    op('4770 0000', 'bad')                # BNE
    op('47F0 0000', 'next')
    label('key')
    op('B22B 0054')                       # SSKE 5,4
    op('47F0 0000', 'next')
    label('bits')
    op('1B66')                            # SR   6,6
    op('B229 0064')                       # ISKE 6,4
    op('5460 %04X' % NO_CHANGE)           # N    6
    op('1965')                            # CR   6,5
    op('4770 0000', 'bad')                # BNE
    op('47F0 0000', 'next')
    label('byte')
    op('4250 4000')                       # STC  5,0(4)
    op('47F0 0000', 'next')
    label('clear')
    op('B230 0000')                       # CSCH
    label('cleared')
    op('B235 %04X' % IRB)                 # TSCH
    op('4770 0000', 'cleared')
    label('next')
    op('4190 900C')                       # LA   9,12(9)
    op('46A0 0000', 'row')                # BCT  10
    op('8200 %04X' % GOOD)                # LPSW
    label('bad')
    op('5690 %04X' % MODE)                # O    9
    op('5090 %04X' % (BAD + 4))           # ST   9
    op('8200 %04X' % BAD)
    return code


def rows():
    def keys(qib=0, slib=0, slsb=0, sbals=0):
        for page, key in ((QIB, qib), (SLIB, slib), (SL, 0), (SLSB, slsb), (SBALS, sbals), (OTHER, 0)):
            yield KEY, page, key

    def queues(slib_sl, sbal_slsb):
        for q in range(QUEUES):
            yield BYTE, QDR + 0x40 + 32 * q + 28, slib_sl
            yield BYTE, QDR + 0x40 + 32 * q + 29, sbal_slsb

    def establish(status):
        yield ESTABLISH, 0, status
        yield CLEAR, 0, 0

    # What is only fetched, what is stored into too, what is left alone.
    yield from keys()
    yield from queues(0, 0)
    yield from establish(ENDED)
    for page in (SLIB, SL):
        yield BITS, page, REFERENCED
    for page in (QIB, SLSB, SBALS):
        yield BITS, page, REFERENCED | CHANGED
    yield BITS, OTHER, 0
    # Another key may fetch, but not from a page that is protected against it.
    yield from keys(slib=0x10)
    yield from queues(0x20, 0)
    yield from establish(ENDED)
    yield BITS, SLIB, 0x10 | REFERENCED
    yield from keys(slib=0x10 | PROTECTED)
    yield from establish(REFUSED)
    yield BITS, SLIB, 0x10 | PROTECTED
    yield from queues(0x10, 0)
    yield from establish(ENDED)
    # Nor store: the states of buffers; the header of all queues.
    yield from keys(slsb=0x10)
    yield from queues(0, 0x02)
    yield from establish(REFUSED)
    yield BITS, SLSB, 0x10
    yield from queues(0, 0x01)
    yield from establish(ENDED)
    yield BITS, SLSB, 0x10 | REFERENCED | CHANGED
    yield from keys(qib=0x30)
    yield from queues(0, 0)
    yield BYTE, QDR + 0x3C, 0x40
    yield from establish(REFUSED)
    yield BITS, QIB, 0x30
    yield BYTE, QDR + 0x3C, 0x30
    yield from establish(ENDED)
    yield BYTE, QDR + 0x3C, 0
    # A buffer list that cannot be stored into spoils its buffer, not the queues: untouched.
    yield from keys(sbals=0x10)
    yield from queues(0, 0x20)
    yield from establish(ENDED)
    yield BITS, SBALS, 0x10


def main(path):
    image = Image(0x70000, assemble(), 0x600DF00D, '8200%04X' % BAD)  # no program check is expected
    table = [struct.pack('>III', *row) for row in rows()]
    image.put(CCW, struct.pack('>BBHI', 0x1B, 0x20, 4096, QDR))
    image.put(CONSTANTS, struct.pack('>III5III', DATA_DEVICE, 0xFE, 0x80000000, *range(5), TABLE, len(table)))
    image.put(TABLE, b''.join(table))
    image.queues(QUEUES, QDR, QIB, SLIB, SL, SLSB)
    for q in range(QUEUES):
        image.put(SL + 1024 * q, struct.pack('>128Q', *(SBALS + 256 * (i % 16) for i in range(128))))
    image.write(path)


main(sys.argv[1])
