# SPDX-License-Identifier: Apache-2.0
"""A program for guests: the ioctl by which an SNMP agent asks an adapter. No program of busybox makes it.

usage: snmp.py FILE

It reads the name of the interface, padded with zeros to 40 bytes, and a request behind it, makes the
ioctl SIOC_QETH_ADP_SET_SNMP_CONTROL with that request, and writes what the driver has made of it.
Status: the error number, or 0.
"""
import struct
import sys

BASE, BUFFER, SIZE = 0x10000, 0x20000, 4096
REQUEST = 40
CODE = bytes.fromhex(''.join((
    'C0AF %08X' % BUFFER,               # llilf 10
    'A7290000 B904003A A7491000 0A03',  # read(0, r10, 4096)
    'A7190167 A7290002 A7390002 A7490000 0A00',  # socket(AF_INET, SOCK_DGRAM, 0)
    '4150A028 E350A0100024',            # the request is the interface's data
    'C03F000089F5 B904004A 0A36',       # ioctl(r2, SIOCDEVPRIVATE + 5, r10)
    'B90400B2',
    'A7290001 4130A028 A7490400 0A04',  # write(1, the request, 1024)
    'B903002B 0A01')).replace(' ', ''))  # exit(-result)


def main(path):
    header = struct.pack('>16sHHIQQQIHHHHHH', b'\x7fELF\2\2\1', 2, 22, 1, BASE + 64 + 56 * 2, 64, 0, 0,
                         64, 56, 2, 0, 0, 0)
    # 22: s390. The code, and a page for data.
    segments = struct.pack('>IIQQQQQQ', 1, 5, 0, BASE, BASE, 64 + 56 * 2 + len(CODE), 64 + 56 * 2 + len(CODE), 4096)
    segments += struct.pack('>IIQQQQQQ', 1, 6, 0, BUFFER, BUFFER, 0, 2 * SIZE, 4096)
    with open(path, 'wb') as f:
        f.write(header + segments + CODE)


main(sys.argv[1])
