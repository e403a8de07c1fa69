"""How long to wait before the next try: a table by what went wrong, and one pure function.

While the pauses grow they are uniform between a small floor and a ceiling that doubles with each
try ("full jitter"): that is what spreads a crowd. Once the ceiling is at its cap the crowd is
spread, and what counts is the mean: from there on no pause is shorter than half of the longest.
benchmarks/reconnect.md shows what both do to a server that a hundred thousand printers had lost.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from typing import NamedTuple

from .causes import CREDENTIAL_CAUSES, Cause
from .errors import ChannelError
from .words import Word

Uniform = Callable[[float, float], float]
"""Returns a random number between the two; `random.uniform`."""

LONGEST_WAIT_S = 3600.0
"""A Retry-After beyond it is cut down to it."""

LONGEST_SPREAD_S = 300.0
QUICK_TRIES = 200
"""Tries in a row at the pace of an open page where the server denies access: a quarter of an
hour. A page that is left open for a week must not turn into a week of them."""

_SPREAD = 0.25
"""Part of a Retry-After over which the return is spread: everybody was told the same."""


class Trouble(Word):
    """What a failed attempt means for the next one."""

    LOST = "lost"
    """The server is away, or what is between: nothing speaks against trying again."""
    THROTTLED = "throttled"
    """The server asks for fewer calls (HTTP 429)."""
    DENIED = "denied"
    """The token, or the password of a proxy, is not accepted: only a person can mend that."""
    REPLACED = "replaced"
    """Another connection with the same token took over, for the first time."""
    SHARED = "shared"
    """Another printer uses the same token, again and again."""


class Pace(NamedTuple):
    """How quickly tries follow each other, in seconds.

    Attributes:
        floor_s: shortest pause.
        first_s: longest pause before the first retry; it doubles with each further one.
        cap_s: longest time from the start of an attempt to that of the next. What an attempt that
            hangs takes is part of it, so that the return of the server is found in time.
    """

    floor_s: float
    first_s: float
    cap_s: float

    def bounds(self, tries: int, took_s: float) -> tuple[float, float]:
        """The shortest and the longest pause after `tries` failed attempts, the last of `took_s`.

        The pause is random even where an attempt took longer than the cap: then it is at most
        twice the floor.
        """
        ceiling = self.first_s * 2.0 ** min(max(tries, 1) - 1, _MOST_DOUBLINGS)
        longest = min(ceiling, self.cap_s - max(took_s, 0.0))
        longest = max(longest, min(2 * self.floor_s, self.cap_s))
        grown = ceiling >= self.cap_s
        return (max(self.floor_s, longest / 2) if grown else self.floor_s), longest

    def pauses(self, uniform: Uniform = random.uniform) -> Iterator[float]:
        """Yield the seconds to wait after the first failure, the second and so on, without end."""
        return (uniform(*self.bounds(tries, 0.0)) for tries in count(1))


_MOST_DOUBLINGS = 30
"""Beyond every cap, and far from where a float ends."""


class Paces(NamedTuple):
    """The pace for one kind of trouble: while somebody looks at the status, and otherwise."""

    watched: Pace
    unwatched: Pace

    def pace(self, watched: bool) -> Pace:
        return self.watched if watched else self.unwatched


Table = Mapping[Trouble, Paces]

# The return of the server is found within 10 s while watched, and within 90 s otherwise. An attempt
# may have begun just before it and hang for 8 s (OPEN_TIMEOUT_S), or the next one may need as long:
# 8 + 2 x 0.5 + 1, and 80 + 8. One of 6 s leaves 4 s for the attempt that succeeds.
_QUICK = Pace(0.5, 2.0, 6.0)

# A single connection that the server closed is back within 5 s whether somebody looks or not, and a
# crowd that lost it in one second is spread over 4.
WEBSOCKET: Table = {
    Trouble.LOST: Paces(_QUICK, Pace(0.5, 4.0, 80.0)),
    Trouble.THROTTLED: Paces(Pace(5.0, 10.0, 60.0), Pace(10.0, 30.0, 300.0)),
    Trouble.DENIED: Paces(_QUICK, Pace(60.0, 120.0, 300.0)),
    # The command-line diagnosis, which may be the replacement, has then finished.
    Trouble.REPLACED: Paces(Pace(5.0, 8.0, 8.0), Pace(5.0, 10.0, 80.0)),
    Trouble.SHARED: Paces(Pace(240.0, 300.0, 300.0), Pace(240.0, 300.0, 300.0)),
}
"""The live channel."""

HTTP: Table = {
    **WEBSOCKET,
    # Errors of HTTP alone, with the socket open, are over within 60 s of their end: 50 + 8.
    Trouble.LOST: Paces(_QUICK, Pace(0.5, 4.0, 50.0)),
    Trouble.DENIED: Paces(_QUICK, Pace(60.0, 120.0, 180.0)),
}
"""The regular look at the server over HTTP."""

_BY_STATUS: Mapping[int, Trouble] = {
    401: Trouble.DENIED,
    403: Trouble.DENIED,
    407: Trouble.DENIED,  # some proxies lock out who tries too often
    429: Trouble.THROTTLED,
}
_BY_CAUSE: Mapping[Cause, Trouble] = {
    **dict.fromkeys(CREDENTIAL_CAUSES, Trouble.DENIED),
    Cause.ACCESS_DENIED: Trouble.DENIED,
    Cause.PROXY_AUTHENTICATION_REQUIRED: Trouble.DENIED,
    Cause.THROTTLED: Trouble.THROTTLED,
    Cause.CREDENTIALS_SHARED: Trouble.SHARED,
}
_REPLACED_CODE = 4321
"""Close code of the older of two sockets with one token (PROTOCOL 4.2)."""


def trouble_of(error: ChannelError | None) -> Trouble:
    """What a failed attempt means for the next one; None: a fault of ours."""
    if error is None:
        return Trouble.LOST
    if error.cause in _BY_CAUSE:
        return _BY_CAUSE[error.cause]
    if error.facts.get("code") == _REPLACED_CODE:
        return Trouble.REPLACED
    return _BY_STATUS.get(error.facts.get("status", 0), Trouble.LOST)


def delay_s(
    paces: Paces,
    uniform: Uniform,
    *,
    watched: bool,
    tries: int,
    retry_after: float | None = None,
    took_s: float = 0.0,
) -> float:
    """Seconds to wait before the next try.

    Args:
        watched: whether somebody looks at the status.
        tries: failed attempts since the last proven connection, with this one; at least 1.
        retry_after: what the server asked for. It is never undercut below an hour, and exceeded by
            up to a quarter of it, five minutes at the most: everybody was told the same.
        took_s: how long the failed attempt took.
    """
    pace = paces.pace(watched)
    delay = uniform(*pace.bounds(tries, took_s))
    if retry_after is None or not retry_after > 0:  # not a number is none
        return delay
    asked = min(retry_after, LONGEST_WAIT_S)
    # A fixed time of day leaves little to wait to those who ask late: the cap spreads them as well
    spread = min(max(asked * _SPREAD, pace.cap_s), LONGEST_SPREAD_S)
    return max(delay, uniform(asked, asked + spread))
