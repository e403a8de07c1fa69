"""How many packets a line loses and how long it takes, measured with connections that say nothing.

A TCP connect is one packet there and one back; the kernel counts the packets it had to send again
(TCP_INFO). So a connect measures what a ping would, without rights of its own, through firewalls
that drop pings, and to the very port that matters.
"""

from __future__ import annotations

import errno
import selectors
import socket
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ...server.deadline import Deadline
from ...server.transport import Target

FIRST_CONNECTS = 15
"""Three round trips in five lanes. They show a loss of 20 % with a probability of 96 %, one of 10 %
with 79 %."""

ALL_CONNECTS = 35
"""How many are made where one of the first got lost, so that 5 % can be told from chance."""

_LANES = 5
"""Connections that are opened at the same time while nothing is lost."""

_PACE_S = 0.002
_CAREFUL_PACE_S = 0.07
"""Between the starts of two connects. A server with a short queue drops what comes too fast: what
got lost at first counts only where something gets lost at the careful pace, too."""

_RESENT_S = 0.9
"""A lost SYN is sent again after 1 s (RFC 6298 section 2), and later again, so a connect that
needed a second one is at least this much slower than one that did not."""

_GIVEN_UP_S = 2.2
"""No connect is waited for longer than this beyond the fastest: it has lost two packets by then."""

_SLOWEST_LINE_S = 1.0
"""What the fastest connect counts as while none has been answered."""

_TOTAL_RETRANS = slice(100, 104)
"""tcpi_total_retrans in struct tcp_info of linux/tcp.h: eight bytes and 23 numbers of four bytes
stand before it, since Linux 2.6.3. The kernel only ever added fields behind it."""

_NOBODY = frozenset({errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETUNREACH})


@dataclass(frozen=True)
class Sample:
    """One connect.

    Attributes:
        seconds: until it was answered; None where it was not.
        resent: how many times its first packet was sent again; None where that is not counted.
        careful: whether it was made at the careful pace.
    """

    seconds: float | None
    resent: int | None
    careful: bool


@dataclass(frozen=True)
class Line:
    """A line to one address, as measured."""

    ip: str
    samples: tuple[Sample, ...]

    @property
    def times(self) -> list[float]:
        """Seconds of the connects that were answered at the first packet."""
        answered = [s.seconds for s in self.samples if s.seconds is not None]
        fast = min(answered, default=0.0)
        return [seconds for seconds in answered if seconds < fast + _RESENT_S]

    @property
    def median_s(self) -> float | None:
        return statistics.median(self.times) if self.times else None

    @property
    def lost(self) -> int:
        """Packets that were lost, there or back; 0 where the careful connects have lost none."""
        fast = min(self.times, default=0.0)
        by_pace = [(s.careful, lost_packets(s, fast)) for s in self.samples]
        return sum(n for _, n in by_pace) if any(n for careful, n in by_pace if careful) else 0

    @property
    def sent(self) -> int:
        """First packets that were sent, with those sent again."""
        return len(self.samples) + self.lost

    @property
    def percent(self) -> float:
        return 100 * self.lost / self.sent if self.samples else 0.0


def lost_packets(sample: Sample, fastest_s: float) -> int:
    """How many packets one connect has lost.

    A packet that was sent again only because the line is slower than 1 s was not lost.
    """
    if sample.seconds is None:
        return max(1, sample.resent or 0)
    late = sample.seconds - fastest_s
    if late < _RESENT_S:
        return 0
    # not counted: sent again after 1 s, and 2 s after that
    return sample.resent if sample.resent is not None else int(late > 2.9) + 1


def measure_line(target: Target, deadline: Deadline, on_loss: Callable[[], None]) -> Line:
    """Measure the line to `target`: quick where nothing gets lost, else with more connects.

    Args:
        on_loss: called once, when the first loss shows.
    """
    with _Meter(target, deadline, on_loss) as meter:
        return meter.run()


@dataclass
class _Flight:
    started_at: float
    careful: bool


@dataclass
class _Meter:
    """Opens the connections, at its pace, and closes each as soon as it is answered."""

    target: Target
    deadline: Deadline
    on_loss: Callable[[], None]
    _selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    _flying: dict[socket.socket, _Flight] = field(default_factory=dict)
    _samples: list[Sample] = field(default_factory=list)
    _started: int = 0
    _next_at: float = 0.0
    _careful: bool = False

    def __enter__(self) -> _Meter:
        return self

    def __exit__(self, *_: object) -> None:
        for sock in self._flying:
            sock.close()
        self._selector.close()

    def run(self) -> Line:
        while not self.deadline.over and (self._flying or self._wants_more()):
            now = time.monotonic()
            if self._may_start() and now >= self._next_at:
                self._start(now)
            for key, _ in self._selector.select(self._patience()):
                assert isinstance(key.fileobj, socket.socket)
                self._land(key.fileobj, key.fileobj.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
            self._give_up()
            self._look_for_loss()
        for sock in list(self._flying):  # the time is up
            if self._is_late(self._flying[sock], _RESENT_S):
                self._take(sock, None)
        return Line(self.target.ip, tuple(self._samples))

    def _wants_more(self) -> bool:
        return self._started < (ALL_CONNECTS if self._careful else FIRST_CONNECTS)

    def _may_start(self) -> bool:
        return self._wants_more() and (self._careful or len(self._flying) < _LANES)

    def _patience(self) -> float:
        """Seconds until there is something to do besides waiting for an answer."""
        waits = [self.deadline.slice()]
        if self._may_start():
            waits.append(max(0.0, self._next_at - time.monotonic()))
        return min(waits)

    def _start(self, now: float) -> None:
        self._started += 1
        self._next_at = now + (_CAREFUL_PACE_S if self._careful else _PACE_S)
        sock = socket.socket(self.target.family, socket.SOCK_STREAM)
        sock.setblocking(False)
        self._flying[sock] = _Flight(now, self._careful)
        self._selector.register(sock, selectors.EVENT_WRITE)
        code = sock.connect_ex(self.target.sockaddr)
        if code not in (0, errno.EINPROGRESS, errno.EWOULDBLOCK):
            self._land(sock, code)

    def _land(self, sock: socket.socket, code: int) -> None:
        """An answer has come: also a refusal is one, but not the kernel's own giving up."""
        flight = self._flying[sock]
        self._take(sock, None if code in _NOBODY else time.monotonic() - flight.started_at)

    def _take(self, sock: socket.socket, seconds: float | None) -> None:
        flight = self._flying.pop(sock)
        self._samples.append(Sample(seconds, resent_packets(sock), flight.careful))
        self._selector.unregister(sock)
        sock.close()

    def _fastest(self) -> float:
        answered = (s.seconds for s in self._samples if s.seconds is not None)
        return min(answered, default=_SLOWEST_LINE_S)

    def _is_late(self, flight: _Flight, seconds: float) -> bool:
        return time.monotonic() - flight.started_at > self._fastest() + seconds

    def _give_up(self) -> None:
        for sock in [s for s, f in self._flying.items() if self._is_late(f, _GIVEN_UP_S)]:
            self._take(sock, None)

    def _look_for_loss(self) -> None:
        if self._careful:
            return
        fastest = self._fastest()
        if any(lost_packets(sample, fastest) for sample in self._samples) or any(
            self._is_late(flight, _RESENT_S) for flight in self._flying.values()
        ):
            self._careful = True
            self.on_loss()


def resent_packets(sock: socket.socket) -> int | None:
    """How many packets of a connection were sent again; None where the system does not tell."""
    if sys.platform != "linux":
        return None
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    except OSError:
        return None
    return int.from_bytes(info[_TOTAL_RETRANS], sys.byteorder) if len(info) >= 104 else None
