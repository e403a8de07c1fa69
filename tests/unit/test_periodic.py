"""Errors at fixed times: connections that live equally long, and the same hour each day."""

from __future__ import annotations

from collections.abc import Sequence
from math import pi
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from octoprint_obico.session import periodic as t
from octoprint_obico.session.pattern import ALPHA, Evidence, classify
from tests.unit.test_pattern import FALSE_ALARMS, RUNS

HOUR_S, DAY_S = 3600, 86400
EVENLY = (60,) * 24
NIGHTLY = [day * DAY_S + 3 * HOUR_S for day in range(6)]


def live(*seconds: float) -> Evidence:
    """A WebSocket that was dropped at these ages, and answered pings in between."""
    number = len(seconds)
    return Evidence("websocket", 20 * number, number, number, number, seconds)


# ---- lifetimes -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ages", "period_s"),
    [
        ([60.1, 60.0, 60.2, 60.1], 60.1),
        ([60.0] * 50, 60.0),
        ([300.0, 301.2, 299.5, 310.0, 305.0], 301.2),
        ([10.0, 10.1, 10.2, 10.0, 11.9], 10.1),
        ([60.1, 60.0, 60.2, 60.1, 412.0, 3.3], 60.1),
    ],
)
def test_connections_of_one_age(ages: list[float], period_s: float) -> None:
    found = classify(live(*ages))
    assert (found.kind, found.hour_of_day) == ("periodic", None)
    assert found.period_s == pytest.approx(period_s, abs=0.1)
    assert found.p_value is not None and found.p_value < ALPHA


@pytest.mark.parametrize(
    "ages",
    [
        [],
        [60.0, 60.0, 60.0],
        [60.0, 60.0, 60.0, 64.0],
        [60.0, 60.1, 60.2, 60.3, 5.0, 900.0, 300.0, 33.0],
        [0.2, 0.3, 0.2, 0.4, 0.9, 0.2, 0.1],
        [1.0, 2.0, 1.5, 2.8],
        [-1.0, 0.0, 0.0, 0.0, 0.0],
        [10.0, 80.0, 300.0, 4.0, 33.0, 190.0],
    ],
)
def test_no_one_age(ages: list[float]) -> None:
    """Too few, too far apart, only some of many, or closed at once as any server may do."""
    assert classify(live(*ages)).kind != "periodic"


def test_few_attempts_are_enough_for_one_age() -> None:
    few = Evidence("websocket", 8, 4, 4, 4, (60.0, 60.1, 60.1, 60.0))
    assert classify(few).kind == "periodic"
    assert classify(Evidence("websocket", 8, 4, 4, 4, (60.0, 9.0, 200.0, 31.0))).kind == "too_few"


def test_nothing_but_failures_is_constant_whatever_the_ages() -> None:
    assert classify(Evidence("websocket", 4, 4, 1, 1, (60.0,) * 4)).kind == "constant"


@pytest.mark.parametrize("mean_s", [1.0, 10.0, 60.0, 3600.0])
@pytest.mark.parametrize("number", [4, 8, 50])
def test_false_alarms_on_random_lifetimes(mean_s: float, number: int) -> None:
    chance, alarms = Random(f"{mean_s} {number}"), 0
    for _ in range(RUNS):
        ages = [round(chance.expovariate(1 / mean_s), 1) for _ in range(number)]
        found = t.lifetimes(ages)
        alarms += found is not None and found.p_value < ALPHA
    assert alarms <= FALSE_ALARMS


@given(st.lists(st.floats(-1e3, 1e12), max_size=60))
@example([1.0, 1.0, 1.0, 2.2250738585e-313])
def test_any_lifetimes(ages: list[float]) -> None:
    found = t.lifetimes(ages)
    if found is not None:
        assert 0.0 <= found.p_value <= 1.0
        assert min(ages) <= found.at <= max(ages)


# ---- the hour of the day -------------------------------------------------------------------------


def on_days(
    starts: Sequence[float], by_hour: Sequence[int] = EVENLY, started_at: float = 0.0
) -> Evidence:
    number = len(starts)
    return Evidence(
        "http", sum(by_hour), number, number, number, (), tuple(starts), tuple(by_hour), started_at
    )


def test_the_same_hour_each_night() -> None:
    found = classify(on_days(NIGHTLY))
    assert (found.kind, found.period_s, found.episodes) == ("periodic", None, 6)
    assert found.hour_of_day == pytest.approx(3.0)
    assert found.p_value is not None and found.p_value < 1e-3


def test_the_hour_is_that_of_the_world() -> None:
    """The session began at 22:00 UTC, and five hours later it was three."""
    starts = [day * DAY_S + 5 * HOUR_S for day in range(5)]
    found = classify(on_days(starts, started_at=1_700_000_000 // DAY_S * DAY_S + 22 * HOUR_S))
    assert found.hour_of_day == pytest.approx(3.0)


@pytest.mark.parametrize("minutes", [0, 10, 30])
def test_four_nights_are_enough(minutes: int) -> None:
    apart = [0, minutes * 60, -minutes * 60, minutes * 30]
    starts = [start + more for start, more in zip(NIGHTLY, apart)]
    found = classify(on_days(starts))
    assert found.kind == "periodic"
    assert found.hour_of_day == pytest.approx(3.0, abs=0.5)


def test_around_midnight_is_one_hour() -> None:
    starts = [day * DAY_S + (600 if day % 2 else -600) for day in range(1, 7)]
    found = classify(on_days(starts))
    assert found.kind == "periodic"
    assert found.hour_of_day is not None
    assert min(found.hour_of_day, 24 - found.hour_of_day) < 0.1


@pytest.mark.parametrize(
    "starts",
    [
        NIGHTLY[:3],
        [NIGHTLY[0] + minute * 600 for minute in range(8)],
        [*NIGHTLY[:2], *(NIGHTLY[1] + minute * 600 for minute in range(6))],
        [day * DAY_S + day * 5 * HOUR_S for day in range(6)],
    ],
)
def test_no_same_hour(starts: list[float]) -> None:
    """Too few, all in one night, in two, or each day at another hour."""
    assert classify(on_days(starts)).kind != "periodic"


def test_one_odd_episode_does_not_hide_the_night() -> None:
    nights = [day * DAY_S + 3 * HOUR_S for day in range(10)]
    assert classify(on_days([*nights, 4 * DAY_S + 15 * HOUR_S])).kind == "periodic"


@pytest.mark.parametrize("days", [2.2, 3.5, 7.0, 30.0])
@pytest.mark.parametrize("number", [4, 6, 12, 50])
@pytest.mark.parametrize("by_day", [False, True], ids=["evenly", "printing by day"])
def test_false_alarms_on_random_episodes(days: float, number: int, by_day: bool) -> None:
    """Attempts are ten times as frequent from 9 to 17 o'clock where something prints by day."""
    chance, alarms = Random(f"{days} {number} {by_day}"), 0
    weights = [10 if by_day and 9 <= hour % 24 < 17 else 1 for hour in range(round(days * 24))]
    by_hour = [60 * sum(weights[hour::24]) for hour in range(24)]
    for _ in range(RUNS // 3):
        hours = chance.choices(range(len(weights)), weights, k=number)
        found = t.daily([(hour + chance.random()) * HOUR_S for hour in hours], by_hour)
        alarms += found is not None and found.p_value < ALPHA
    assert alarms <= FALSE_ALARMS / 3 + 4


def test_false_alarms_where_all_tests_are_made() -> None:
    """Four days, an attempt each minute, random losses: some are dropped connections as well."""
    chance, alarms = Random("all tests"), 0
    for _ in range(RUNS // 2):
        number = 4 * 24 * 60
        minutes = sorted(chance.sample(range(number), 12))
        runs = sum(1 for one, other in zip([-9, *minutes], minutes) if other - one > 1)
        starts = [minute * 60.0 for minute in minutes]
        ages = tuple((b - a) for a, b in zip(starts, starts[1:]))
        evidence = Evidence("websocket", number, 12, runs, 12, ages, tuple(starts), (240,) * 24)
        alarms += classify(evidence).kind != "random"
    assert alarms <= FALSE_ALARMS / 2 + 5


@given(
    st.lists(st.floats(0, 180 * DAY_S), max_size=50),
    st.lists(st.integers(0, 10**6), min_size=24, max_size=24),
)
def test_any_episodes(starts: list[float], by_hour: list[int]) -> None:
    by_hour = [*by_hour]
    for start in starts:
        by_hour[int(start % DAY_S // HOUR_S)] += 1
    found = t.daily(starts, by_hour)
    if found is not None:
        assert 0.0 <= found.p_value <= 1.0
        assert 0.0 <= found.at < 24.0


@pytest.mark.parametrize("number", [4, 5, 6, 8, 12, 30])
def test_the_chance_of_the_resultant_is_not_too_small(number: int) -> None:
    """Against the share among random directions. It may be too cautious, but not too bold."""
    chance, runs = Random(number), 20_000
    lengths = sorted(
        t._resultant([chance.random() * 2 * pi for _ in range(number)])[1] for _ in range(runs)
    )
    for share in (0.05, 0.01, 0.005, 0.001):
        length = lengths[round(runs * (1 - share))]
        allowed = 3 * (share / runs) ** 0.5
        assert t._rayleigh(number, length) >= share - allowed
