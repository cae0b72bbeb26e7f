# SPDX-License-Identifier: Apache-2.0
"""Rates of NICs by the counters of zland, in bits a second.

rate.py SOCKET SECONDS USER/VDEV:in|out...
"""
import json
import socket
import sys
import time


def main():
    path, seconds, names = sys.argv[1], float(sys.argv[2]), sys.argv[3:]
    s = socket.socket(socket.AF_UNIX)
    s.connect(path)
    answers = s.makefile("r")

    def look(name):
        nic, way = name.split(":")
        request = {"command": "QUERY NIC " + nic, "json": True}
        begin = time.monotonic()
        s.sendall(json.dumps(request).encode() + b"\n")
        answer = json.loads(answers.readline())
        when = (begin + time.monotonic()) / 2
        return when, answer["json"]["nics"][0]["counters"][way]["bytes"]

    first = [look(n) for n in names]
    time.sleep(seconds)  # the interval that is measured
    for n, (t0, b0) in zip(names, first):
        t1, b1 = look(n)
        print(round((b1 - b0) * 8 / (t1 - t0)))


main()
