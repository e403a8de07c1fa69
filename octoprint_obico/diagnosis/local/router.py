"""Does the router answer? By ping, by ARP, or by refusing a datagram."""

from __future__ import annotations

import json
import re
import socket
import time
from contextlib import suppress
from dataclasses import dataclass

from ...server.deadline import Deadline
from ...server.words import Word
from .commands import run_command
from .network import PROC_NET

_NEIGHBOUR_S = 0.5
_PING_S = 1.5
_SURE_S = 0.3
"""For a ping where the neighbour table already says that the router is there: only the time it
takes is missing then, and many routers ignore pings."""

_NOBODY_S = 1.2
"""ARP is asked once a second (net.ipv4.neigh.default.retrans_time_ms); a router of one's own
network answers within milliseconds, over bad Wi-Fi within tenths."""

_DISCARD_PORT = 9
_TIME = re.compile(r"time[=<]([\d.]+) ?ms")
_COUNTS = re.compile(r"(\d+) packets transmitted, (\d+)(?: packets)? received")


class Neighbour(Word):
    """What the kernel thinks of a machine in the own network (ip-neighbour(8)), in three words."""

    THERE = "there"
    NOT_THERE = "not there"
    UNKNOWN = "unknown"


_STATES = {
    "REACHABLE": Neighbour.THERE,
    "PERMANENT": Neighbour.UNKNOWN,
    "NOARP": Neighbour.UNKNOWN,
    "STALE": Neighbour.UNKNOWN,  # was there, and has not been asked again
    "DELAY": Neighbour.UNKNOWN,
    "PROBE": Neighbour.UNKNOWN,
    "INCOMPLETE": Neighbour.NOT_THERE,
    "FAILED": Neighbour.NOT_THERE,
}


@dataclass(frozen=True)
class Answer:
    """Whether the router answers, None where that cannot be told, and how that was seen."""

    answers: bool | None
    seconds: float | None
    seen: str


def ask_router(gateway: str, interface: str, deadline: Deadline) -> Answer:
    """Ask the router at `gateway` for a sign of life.

    Only a router that answers neither ARP (IPv6: neighbour discovery) nor ping counts as silent:
    one that merely ignores pings is well.
    """
    before = neighbour_state(gateway, interface, deadline)
    sure = before is Neighbour.THERE
    pinged = ping_once(gateway, min(_SURE_S if sure else _PING_S, deadline.remaining()))
    if pinged is not None and pinged.answers:
        return pinged
    if sure:
        return Answer(True, None, "neighbour table")
    if pinged is None:  # no ping here: something else has to make the kernel look for the router
        return _provoke(gateway, interface, deadline.within(_NOBODY_S))
    return _ARP_ANSWER[neighbour_state(gateway, interface, deadline)]


_ARP_ANSWER = {
    Neighbour.THERE: Answer(True, None, "neighbour table"),
    Neighbour.NOT_THERE: Answer(False, None, "neither ping nor neighbour table"),
    Neighbour.UNKNOWN: Answer(None, None, "no ping, neighbour table unsure"),
}


def ping_once(gateway: str, timeout_s: float) -> Answer | None:
    """Ping once; None where this machine has no ping, may not use it, or it took too long."""
    started = time.monotonic()
    text = run_command(["ping", "-n", "-c", "1", "-W", "1", gateway], timeout_s, accept=(0, 1))
    if text is None:
        return None
    _, received = parse_ping_counts(text) or (0, 0)
    if not received:
        return Answer(False, None, "ping")
    found = _TIME.search(text)
    seconds = float(found.group(1)) / 1000 if found else time.monotonic() - started
    return Answer(True, seconds, "ping")


def parse_ping_counts(text: str) -> tuple[int, int] | None:
    """Sent and received from ping's last lines (iputils, busybox, BSD); None where not there."""
    found = _COUNTS.search(text)
    return (int(found.group(1)), int(found.group(2))) if found else None


def ping_loss(gateway: str, count: int, interval_s: float, timeout_s: float) -> float | None:
    """Ping `count` times; the part that was lost (0 to 1), or None where ping cannot tell."""
    wait = max(1, int(timeout_s))
    argv = ["ping", "-n", "-q", "-c", str(count), "-i", f"{interval_s:g}", "-W", "1"]
    text = run_command([*argv, "-w", str(wait), gateway], timeout_s + 0.5, accept=(0, 1))
    sent, received = parse_ping_counts(text or "") or (0, 0)
    if not sent:
        return None
    lost = sent - received
    return lost / sent if lost > 1 else 0.0  # the last one may still have been on its way


def _provoke(gateway: str, interface: str, deadline: Deadline) -> Answer:
    """Send an empty datagram to the router's discard port, and see what becomes of it.

    The kernel has to look for the router then; a router without that service says so at once
    (ICMP port unreachable), which is an answer, too.
    """
    started = time.monotonic()
    try:
        family, _, _, _, target = socket.getaddrinfo(
            gateway, _DISCARD_PORT, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST
        )[0]
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.connect(target)
            sock.send(b"")
            return _listen(sock, gateway, interface, started, deadline)
    except OSError:  # no route any more
        return Answer(None, None, "nothing could be sent")


def _listen(
    sock: socket.socket, gateway: str, interface: str, started: float, deadline: Deadline
) -> Answer:
    state = Neighbour.UNKNOWN
    while not deadline.over:
        sock.settimeout(max(min(0.1, deadline.remaining()), 0.01))
        try:
            with suppress(socket.timeout):
                sock.recv(1)
        except ConnectionRefusedError:
            return Answer(True, time.monotonic() - started, "refused datagram")
        except OSError:  # EHOSTUNREACH: the kernel has found nobody
            return Answer(False, None, "neighbour table")
        state = neighbour_state(gateway, interface, deadline)
        if state is Neighbour.THERE:
            break
        if state is Neighbour.UNKNOWN and time.monotonic() - started > _SURE_S:
            break  # known from before: the kernel asks again only after seconds
    return _ARP_ANSWER[state]


def neighbour_state(gateway: str, interface: str, deadline: Deadline) -> Neighbour:
    """What the kernel's neighbour table says of the router: `ip neigh`, else /proc/net/arp."""
    host = gateway.partition("%")[0]
    argv = ["ip", "-j", "neigh", "show", "to", host, "dev", interface]
    text = run_command(argv, min(_NEIGHBOUR_S, deadline.remaining()))
    state = parse_ip_neighbours(text) if text is not None else None
    if state is None and ":" not in host:
        with suppress(OSError):
            table = (PROC_NET / "arp").read_text(encoding="ascii", errors="replace")
            state = parse_arp(table, host, interface)
    return state or Neighbour.UNKNOWN


def parse_ip_neighbours(text: str) -> Neighbour | None:
    """From `ip -j neigh show to ADDRESS`; None where it has no entry, or does not know -j."""
    try:
        entries = json.loads(text)
        return _STATES.get(entries[0]["state"][0]) if entries else None
    except (ValueError, LookupError, TypeError):
        return None


def parse_arp(text: str, host: str, interface: str) -> Neighbour | None:
    """From /proc/net/arp: flags 0x0 is an entry that nobody has answered, 0x2 one that was once."""
    for line in text.splitlines()[1:]:
        words = line.split()
        if len(words) == 6 and (words[0], words[5]) == (host, interface):
            return Neighbour.UNKNOWN if int(words[2], 16) else Neighbour.NOT_THERE
    return None
