"""A slow, lossy link in user space: two TUN devices, and this process that carries the packets.

``python -m tests.netns.slow_link NAMESPACE DELAY_MS [LOSS]``, run in one namespace: ``slow0`` stays
there, ``slow1`` goes to NAMESPACE. DELAY_MS is for one way; LOSS (0 to 1) for each packet. For
kernels without netem. TUN: Linux, Documentation/networking/tuntap.rst.
"""

from __future__ import annotations

import fcntl
import heapq
import os
import random
import selectors
import struct
import subprocess
import sys
import time

_TUNSETIFF = 0x400454CA
_IFF_TUN_WITHOUT_HEADER = 0x0001 | 0x1000
_PACKET = 65536
_SEED = 20260131
"""The same packets get lost in each run."""


def open_tun(name: str) -> int:
    """Make a TUN device in this process's namespace; it lives as long as the descriptor."""
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    request = struct.pack("16sH22x", name.encode(), _IFF_TUN_WITHOUT_HEADER)
    fcntl.ioctl(descriptor, _TUNSETIFF, request)
    return descriptor


def carry(first: int, second: int, delay_s: float, loss: float) -> None:
    """Take packets from each end to the other, late, in order, and not all of them. For ever."""
    chance = random.Random(_SEED)
    other_end = {first: second, second: first}
    under_way: list[tuple[float, int, int, bytes]] = []
    sent = 0
    selector = selectors.DefaultSelector()
    for descriptor in other_end:
        selector.register(descriptor, selectors.EVENT_READ)
    while True:
        wait_s = max(0.0, under_way[0][0] - time.monotonic()) if under_way else None
        for key, _ in selector.select(wait_s):
            packet = os.read(key.fd, _PACKET)
            if chance.random() >= loss:
                sent += 1
                arrival = time.monotonic() + delay_s
                heapq.heappush(under_way, (arrival, sent, other_end[key.fd], packet))
        while under_way and under_way[0][0] <= time.monotonic():
            _, _, descriptor, packet = heapq.heappop(under_way)
            try:
                os.write(descriptor, packet)
            except OSError:
                continue  # that end is down: what was under way to it is lost


def main(namespace: str, delay_ms: str, loss: str = "0") -> None:
    first, second = open_tun("slow0"), open_tun("slow1")
    subprocess.run(["ip", "link", "set", "slow1", "netns", namespace], check=True)
    print("ready", flush=True)
    carry(first, second, float(delay_ms) / 1000, float(loss))


if __name__ == "__main__":
    main(*sys.argv[1:])
