"""Pauses between attempts: they grow, never in step, and never beyond the cap of the moment."""

from __future__ import annotations

from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from octoprint_obico.server import backoff as b


def highest(low: float, high: float) -> float:
    return high


def test_it_doubles_up_to_the_cap() -> None:
    delays = list(islice(b.backoff(lambda: 90.0, highest), 10))
    assert delays == [1, 2, 4, 8, 16, 32, 64, 90, 90, 90]


def test_half_of_each_delay_is_random() -> None:
    asked: list[tuple[float, float]] = []

    def note(low: float, high: float) -> float:
        asked.append((low, high))
        return low

    list(islice(b.backoff(lambda: 8.0, note), 5))
    assert asked == [(0.5, 1), (1, 2), (2, 4), (4, 8), (4, 8)]


def test_the_cap_of_the_moment_counts_and_the_growth_goes_on_behind_it() -> None:
    cap = [6.0]
    delays = b.backoff(lambda: cap[0], highest)
    assert list(islice(delays, 6)) == [1, 2, 4, 6, 6, 6]
    cap[0] = 300.0
    assert next(delays) == 64
    cap[0] = 0.0
    assert next(delays) == 1, "never faster than the first pause"


@given(st.floats(0, 1e6), st.integers(1, 40))
def test_every_delay_is_in_bounds(cap: float, count: int) -> None:
    for delay in islice(b.backoff(lambda: cap), count):
        assert b.FIRST_S / 2 <= delay <= max(cap, b.FIRST_S)
