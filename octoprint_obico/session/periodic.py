"""Two kinds of errors that come at fixed times, each with its chance at random."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from math import atan2, comb, cos, exp, hypot, lgamma, log, pi, sin, sqrt
from statistics import median
from typing import NamedTuple

FEWEST_LIFETIMES = 4
SPREAD_S, SPREAD = 2.0, 0.05
"""Connections live equally long where their lifetimes differ by no more than the larger of both."""

FEWEST_EPISODES, FEWEST_DAYS = 4, 3

_HOUR_S, _DAY_S = 3600.0, 86400.0


class Found(NamedTuple):
    """What a test found.

    Attributes:
        p_value: chance of this, or of more of it, at random.
        at: the seconds that connections live, or the hour of the day.
    """

    p_value: float
    at: float


def lifetimes(seconds: Sequence[float]) -> Found | None:
    """Test whether most connections lived for the same number of seconds; None if too few did.

    At random, a connection is as likely to be dropped at any age: lifetimes are exponential. Of n
    lifetimes, k lie within the spread of the shortest of these k. That k - 1 others do so by chance
    has at most the binomial tail P(X >= k - 1), X ~ B(n - 1, q), where q is the most that an
    exponential distribution, of whatever mean, has between two ages; and each of the n may be the
    shortest, so that n times it bounds the chance (Boole).
    """
    ages = sorted(age for age in seconds if age > 0)
    number = len(ages)
    if number < FEWEST_LIFETIMES:
        return None
    near = [[a for a in ages if age <= a <= age + _spread(age)] for age in ages]
    alike = max(near, key=len)
    if len(alike) < FEWEST_LIFETIMES or 2 * len(alike) <= number:
        return None
    share = _most_between(alike[0], alike[0] + _spread(alike[0]))
    chance = number * _binomial_tail(number - 1, len(alike) - 1, share)
    return Found(min(1.0, chance), median(alike))


def _spread(age: float) -> float:
    return max(SPREAD_S, SPREAD * age)


def _most_between(start: float, end: float) -> float:
    """The largest share that an exponential distribution, of any mean, has between two ages."""
    mean = (end - start) / (log(end) - log(start))
    return exp(-start / mean) - exp(-end / mean)


def _binomial_tail(n: int, k: int, p: float) -> float:
    return sum(comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k, n + 1))


def daily(starts: Sequence[float], by_hour: Sequence[int]) -> Found | None:
    """Test whether episodes start at the same hour each day; None if there are too few.

    Rayleigh's test (Mardia and Jupp, Directional Statistics, 6.3.1). What it takes for chance is
    that an episode is as likely at any attempt; attempts are more frequent while something prints
    and people print by day. Each start therefore stands at the share of the day's attempts that
    come before it, which is uniform then.

    Args:
        starts: seconds since the session's start.
        by_hour: attempts in each of the 24 hours of the day, counted from the session's start.

    Returns:
        the hour counted from the session's start.
    """
    days = {int(start // _DAY_S) for start in starts}
    if len(starts) < FEWEST_EPISODES or len(days) < FEWEST_DAYS:
        return None
    before = [0, *accumulate(by_hour)]
    angles = []
    for start in starts:
        hour, rest = divmod(start % _DAY_S / _HOUR_S, 1.0)
        share = (before[int(hour)] + rest * by_hour[int(hour)]) / before[-1]
        angles.append(2 * pi * share)
    _, length = _resultant(angles)
    direction, _ = _resultant([2 * pi * (start / _DAY_S) for start in starts])
    return Found(_rayleigh(len(starts), length), direction / (2 * pi) * 24 % 24)


def _resultant(angles: Sequence[float]) -> tuple[float, float]:
    """Direction and length of the sum of unit vectors."""
    x, y = sum(map(cos, angles)), sum(map(sin, angles))
    return atan2(y, x), hypot(x, y)


def _rayleigh(n: int, length: float) -> float:
    """The chance that n random unit vectors add up to at least `length`.

    The smaller of two: the usual approximation (Zar, Biostatistical Analysis, 27.1), which cannot
    fall far enough where few vectors all but coincide; and a bound for that. Since 1 - cos x is at
    least 2 (x/pi)^2, angles with that resultant lie within sqrt(n - length) pi / sqrt(2) of the
    line on which all are equal: a cylinder of length 2 pi sqrt(n) in a cube of edge 2 pi.
    """
    usual = exp(sqrt(1 + 4 * n + 4 * (n * n - length * length)) - (1 + 2 * n))
    radius = pi * sqrt(max(n - length, 0.0) / 2)
    if radius == 0.0:
        return 0.0
    ball = (n - 1) / 2 * log(pi) + (n - 1) * log(radius) - lgamma((n + 1) / 2)
    bound = exp(min(0.0, ball + log(n) / 2 - (n - 1) * log(2 * pi)))
    return min(1.0, usual, bound)
