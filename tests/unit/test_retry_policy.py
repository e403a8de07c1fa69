"""The pause before the next try: a table, its bounds, and what a crowd does with it."""

from __future__ import annotations

from itertools import islice
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.crowd import Server, comeback, outage
from benchmarks.reconnect import OURS, SCHEMES
from octoprint_obico.server import retry_policy as p
from octoprint_obico.server.causes import Cause
from octoprint_obico.server.errors import ChannelError, Stage
from octoprint_obico.server.http import WHO_AM_I_TIMEOUT_S
from octoprint_obico.server.retry_policy import HTTP, WEBSOCKET, Pace, Paces, Trouble, delay_s
from octoprint_obico.server.websocket import CLOSE_REPLACED, OPEN_TIMEOUT_S

TABLES = [WEBSOCKET, HTTP]
SUCCESS_S = 1.0
"""An attempt that succeeds takes no longer: connect, TLS, handshake, first message."""


def highest(low: float, high: float) -> float:
    return high


def lowest(low: float, high: float) -> float:
    return low


def longest(paces: Paces, watched: bool, tries: int, took_s: float = 0.0) -> float:
    return delay_s(paces, highest, watched=watched, tries=tries, took_s=took_s)


def failure(cause: Cause, **facts: object) -> ChannelError:
    return ChannelError(cause, Stage.RESPONSE, "", facts)


# ---- the table -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "trouble"),
    [
        (None, Trouble.LOST),
        (failure(Cause.CONNECTION_REFUSED), Trouble.LOST),
        (failure(Cause.WEBSOCKET_DROPPED, code=1000), Trouble.LOST),
        (failure(Cause.WEBSOCKET_DROPPED, code="none"), Trouble.LOST),
        (failure(Cause.SERVER_UNAVAILABLE, status=503), Trouble.LOST),
        (failure(Cause.WEBSOCKET_REFUSED, status=500), Trouble.LOST),
        (failure(Cause.WEBSOCKET_REFUSED, status=401), Trouble.DENIED),
        (failure(Cause.WEBSOCKET_REFUSED, status=403), Trouble.DENIED),
        (failure(Cause.CREDENTIALS_INVALID, status=401), Trouble.DENIED),
        (failure(Cause.ACCESS_DENIED, status=451), Trouble.DENIED),
        (failure(Cause.PROXY_AUTHENTICATION_REQUIRED, status=407), Trouble.DENIED),
        (failure(Cause.NOT_LINKED), Trouble.DENIED),
        (failure(Cause.THROTTLED, status=429), Trouble.THROTTLED),
        (failure(Cause.WEBSOCKET_REFUSED, status=429), Trouble.THROTTLED),
        (failure(Cause.WEBSOCKET_DROPPED, code=CLOSE_REPLACED), Trouble.REPLACED),
        (failure(Cause.CREDENTIALS_SHARED, code=CLOSE_REPLACED), Trouble.SHARED),
    ],
)
def test_what_a_failure_means_for_the_next_try(
    error: ChannelError | None, trouble: Trouble
) -> None:
    assert p.trouble_of(error) is trouble


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_has_a_pace(cause: Cause) -> None:
    for table in TABLES:
        assert p.trouble_of(failure(cause)) in table


@pytest.mark.parametrize(
    ("trouble", "watched", "ceilings"),
    [
        (Trouble.LOST, True, [2, 4, 6, 6]),
        (Trouble.LOST, False, [4, 8, 16, 32, 64, 80, 80]),
        (Trouble.THROTTLED, True, [10, 20, 40, 60, 60]),
        (Trouble.THROTTLED, False, [30, 60, 120, 240, 300, 300]),
        (Trouble.DENIED, True, [2, 4, 6, 6]),
        (Trouble.DENIED, False, [120, 240, 300, 300]),
        (Trouble.REPLACED, True, [8, 8]),
        (Trouble.REPLACED, False, [10, 20, 40, 80, 80]),
        (Trouble.SHARED, True, [300, 300]),
        (Trouble.SHARED, False, [300, 300]),
    ],
)
def test_ceilings_double_up_to_the_cap(
    trouble: Trouble, watched: bool, ceilings: list[float]
) -> None:
    paces = WEBSOCKET[trouble]
    assert [longest(paces, watched, tries + 1) for tries in range(len(ceilings))] == ceilings


def test_full_jitter_while_the_pauses_grow_and_half_at_the_cap() -> None:
    pace = WEBSOCKET[Trouble.LOST].unwatched
    assert [pace.bounds(tries, 0.0)[0] for tries in range(1, 8)] == [0.5] * 5 + [40, 40]


def test_a_pace_alone_gives_its_pauses() -> None:
    assert list(islice(Pace(0.25, 1.0, 10.0).pauses(lambda low, high: high), 6)) == [
        1,
        2,
        4,
        8,
        10,
        10,
    ]


def test_denied_is_one_try_every_few_minutes() -> None:
    pace = WEBSOCKET[Trouble.DENIED].unwatched
    assert pace.bounds(1, 0.0) == (60, 120)
    assert pace.bounds(9, 0.0) == (150, 300)


# ---- how soon a server that is back is found -----------------------------------------------------


def found_after_s(paces: Paces, watched: bool, timeout_s: float) -> float:
    """The latest moment, after the return, at which an attempt has succeeded.

    The one under way at the return may hang for any part of the time limit, and fail all the same.
    """
    took = [timeout_s * part / 16 for part in range(17)]
    worst = max(
        took_s + longest(paces, watched, tries, took_s) for took_s in took for tries in range(1, 40)
    )
    return worst + SUCCESS_S


@pytest.mark.parametrize(
    ("table", "watched", "timeout_s", "limit_s"),
    [
        (WEBSOCKET, True, OPEN_TIMEOUT_S, 10.0),
        (WEBSOCKET, False, OPEN_TIMEOUT_S, 90.0),
        (HTTP, True, WHO_AM_I_TIMEOUT_S, 10.0),
        (HTTP, False, WHO_AM_I_TIMEOUT_S, 60.0),
    ],
)
def test_the_return_of_the_server_is_found_in_time(
    table: p.Table, watched: bool, timeout_s: float, limit_s: float
) -> None:
    assert found_after_s(table[Trouble.LOST], watched, timeout_s) <= limit_s


def test_a_mended_token_is_found_in_time_while_watched() -> None:
    assert found_after_s(WEBSOCKET[Trouble.DENIED], True, OPEN_TIMEOUT_S) <= 10.0


@pytest.mark.parametrize("watched", [True, False])
def test_a_single_lost_connection_is_back_within_5_s(watched: bool) -> None:
    assert longest(WEBSOCKET[Trouble.LOST], watched, 1) + SUCCESS_S <= 5.0


# ---- what the server asked for -------------------------------------------------------------------


def asked(seconds: float, uniform: p.Uniform, watched: bool = False) -> float:
    paces = WEBSOCKET[Trouble.LOST]
    return delay_s(paces, uniform, watched=watched, tries=1, retry_after=seconds)


@pytest.mark.parametrize(
    ("seconds", "shortest", "longest"),
    [
        (1, 1, 81),
        (120, 120, 200),
        (1000, 1000, 1250),
        (3600, 3600, 3900),
        (86400, 3600, 3900),
        (float("inf"), 3600, 3900),
    ],
)
def test_retry_after_is_kept_and_spread(seconds: float, shortest: float, longest: float) -> None:
    assert asked(seconds, lowest) == shortest
    assert asked(seconds, highest) == longest


def test_it_is_spread_less_while_watched() -> None:
    assert (asked(10, lowest, True), asked(10, highest, True)) == (10, 16)


@pytest.mark.parametrize("seconds", [None, 0, -5, float("nan")])
def test_without_one_the_pace_counts(seconds: float | None) -> None:
    paces = WEBSOCKET[Trouble.LOST]
    assert delay_s(paces, highest, watched=False, tries=1, retry_after=seconds) == 4


# ---- for any input -------------------------------------------------------------------------------


@given(
    table=st.sampled_from(TABLES),
    trouble=st.sampled_from(Trouble),
    watched=st.booleans(),
    tries=st.integers(0, 10**9),
    retry_after=st.none() | st.floats(),
    took_s=st.floats(0, 1e9),
    seed=st.integers(0, 2**32),
)
def test_every_delay_is_within_its_bounds(
    table: p.Table,
    trouble: Trouble,
    watched: bool,
    tries: int,
    retry_after: float | None,
    took_s: float,
    seed: int,
) -> None:
    paces, uniform = table[trouble], Random(seed).uniform
    pace = paces.pace(watched)
    delay = delay_s(
        paces, uniform, watched=watched, tries=tries, retry_after=retry_after, took_s=took_s
    )
    assert pace.floor_s <= delay <= max(pace.cap_s, p.LONGEST_WAIT_S + p.LONGEST_SPREAD_S)
    if retry_after is None:
        assert delay <= pace.cap_s
        assert took_s + delay <= max(pace.cap_s, took_s + 2 * pace.floor_s)
    elif retry_after > 0:
        assert delay >= min(retry_after, p.LONGEST_WAIT_S)


@given(
    floor_s=st.floats(0.01, 10),
    first_s=st.floats(0.1, 100),
    cap_s=st.floats(10, 1000),
    tries=st.integers(1, 100),
    took_s=st.floats(0, 100),
)
def test_bounds_are_in_order_and_grow(
    floor_s: float, first_s: float, cap_s: float, tries: int, took_s: float
) -> None:
    pace = Pace(floor_s, first_s, cap_s)
    low, high = pace.bounds(tries, took_s)
    later_low, later_high = pace.bounds(tries + 1, took_s)
    assert floor_s <= low <= high <= cap_s
    assert low <= later_low
    assert high <= later_high


# ---- a crowd -------------------------------------------------------------------------------------

AGENTS, CAPACITY = 4000, 20


def test_a_crowd_is_spread_and_comes_back_as_quickly_as_the_server_takes_it() -> None:
    wait = SCHEMES[OURS]
    crowd = outage(wait, AGENTS, 600, Random(1))
    assert max(crowd.attempts) < 0.4 * AGENTS, "at the loss"
    assert max(crowd.attempts[-200:]) < 2 * AGENTS / 60, "no steps are left; the mean pause is 60 s"
    outcome = comeback(wait, crowd, Server(CAPACITY), Random(2))
    most = outcome.back_s(0.99)
    assert most is not None
    assert most < 1.2 * AGENTS / CAPACITY
    assert outcome.in_vain < 2 * AGENTS


def test_retry_after_lowers_the_attempts_in_vain() -> None:
    wait = SCHEMES[OURS]
    crowd = outage(wait, AGENTS, 600, Random(1))
    plain = comeback(wait, crowd, Server(CAPACITY), Random(2))
    asking = comeback(wait, crowd, Server(CAPACITY, retry_after=120.0), Random(2))
    assert asking.in_vain < 0.8 * plain.in_vain
    assert asking.back_s(1.0) is not None
