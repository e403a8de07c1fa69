"""A name server that fails: ``python -m tests.netns.failing_resolver ADDRESS PORT RCODE``.

Answers each question over UDP with that code (RFC 1035 section 4.1.1: 2 is SERVFAIL).
"""

from __future__ import annotations

import socket
import sys

_RESPONSE = 0x80


def main(address: str, port: str, rcode: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((address, int(port)))
        print("ready", flush=True)
        while True:
            question, sender = sock.recvfrom(4096)
            flags = bytes([question[2] | _RESPONSE, 0x80 | int(rcode)])
            sock.sendto(question[:2] + flags + question[4:], sender)


if __name__ == "__main__":
    main(*sys.argv[1:])
