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

# Places below 4096 need no base register.
PROGRAM, ORB, SCHIB, IRB, CCW, CONSTANTS = 0x200, 0x800, 0x840, 0x900, 0x9C0, 0xA00
GOOD, BAD, HANDLER = 0xA80, 0xA88, 0xA90
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
    out, labels, fixes = bytearray(), {}, []

    def op(hexes, target=None):
        if target:
            fixes.append((len(out) + 2, target))
        out.extend(bytes.fromhex(hexes.replace(' ', '')))

    def label(name):
        labels[name] = PROGRAM + len(out)

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
    for at, target in fixes:
        struct.pack_into('>H', out, at, labels[target])
    assert PROGRAM + len(out) <= ORB
    return out


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
    image = bytearray(0x70000)

    def put(at, data):
        image[at:at + len(data)] = data

    table = [struct.pack('>III', *row) for row in rows()]
    put(0, bytes.fromhex('0008000080000200'))           # initial PSW: disabled, 31 bits
    put(0x68, struct.pack('>II', 0x00080000, 0x80000000 | HANDLER))
    put(HANDLER, bytes.fromhex('8200%04X' % BAD))       # no program check is expected
    put(GOOD, bytes.fromhex('000A00008000600D'))
    put(BAD, bytes.fromhex('000A000080000BAD'))
    put(PROGRAM, assemble())
    put(ORB, struct.pack('>III', 0x600DF00D, 0x00C28000 | 0x00020000, CCW))
    put(CCW, struct.pack('>BBHI', 0x1B, 0x20, 4096, QDR))
    put(CONSTANTS, struct.pack('>III5III', DATA_DEVICE, 0xFE, 0x80000000, *range(5), TABLE, len(table)))
    put(TABLE, b''.join(table))
    put(QDR, struct.pack('>12B', 0, 0, 0, 0, 0, 1, 0, QUEUES - 1, 0, 8, 0, 8))
    put(QDR + 0x30, struct.pack('>Q', QIB))
    for q in range(QUEUES):
        put(QDR + 0x40 + 32 * q, struct.pack('>QQQ', SLIB + 2048 * q, SL + 1024 * q, SLSB + 256 * q))
        put(SL + 1024 * q, struct.pack('>128Q', *(SBALS + 256 * (i % 16) for i in range(128))))
    with open(path, 'wb') as f:
        f.write(image)


main(sys.argv[1])
