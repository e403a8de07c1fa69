"""Pauses between attempts: they grow, never in step, until a connection has proven itself."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from octoprint_obico.server.backoff import PROVEN_AFTER_S, Backoff
from octoprint_obico.server.causes import Cause
from octoprint_obico.server.errors import ChannelError, Stage
from octoprint_obico.server.retry_policy import HTTP, QUICK_TRIES, WEBSOCKET, Trouble, trouble_of


def highest(low: float, high: float) -> float:
    return high


LOST = ChannelError(Cause.CONNECTION_REFUSED, Stage.CONNECT)
DROPPED = ChannelError(Cause.WEBSOCKET_DROPPED, Stage.OPEN, facts={"code": 1000})
DENIED = ChannelError(Cause.WEBSOCKET_REFUSED, Stage.HANDSHAKE, facts={"status": 403})
MAINTENANCE = ChannelError(Cause.SERVER_UNAVAILABLE, Stage.RESPONSE, retry_after=600.0)


def failures(
    pauses: Backoff, count: int, error: ChannelError | None = LOST, *, watched: bool = False
) -> list[float]:
    return [pauses.failed(error, watched=watched) for _ in range(count)]


def test_pauses_grow_from_failure_to_failure() -> None:
    assert failures(Backoff(uniform=highest), 7) == [4, 8, 16, 32, 64, 80, 80]


def test_a_fault_of_ours_is_treated_as_a_loss() -> None:
    assert failures(Backoff(uniform=highest), 3, None) == [4, 8, 16]


def test_only_a_proven_connection_ends_the_growth() -> None:
    pauses = Backoff(uniform=highest)
    failures(pauses, 4)
    assert pauses.failed(DROPPED, watched=False) == 64, "closed at once, with no first message"
    assert pauses.failed(DROPPED, watched=False, lived_s=PROVEN_AFTER_S - 0.1) == 80
    assert pauses.failed(DROPPED, watched=False, lived_s=PROVEN_AFTER_S) == 4
    assert pauses.tries == 1
    assert pauses.failed(LOST, watched=False) == 8


def test_proven_by_an_answer() -> None:
    pauses = Backoff(HTTP, highest)
    assert failures(pauses, 6) == [4, 8, 16, 32, 50, 50]
    pauses.proven()
    assert pauses.tries == 0
    assert failures(pauses, 1) == [4]


def test_who_begins_to_watch_gets_short_pauses_and_who_stops_gets_long_ones() -> None:
    pauses = Backoff(uniform=highest)
    failures(pauses, 9)
    assert failures(pauses, 2, watched=True) == [6, 6]
    assert failures(pauses, 1) == [80]


def test_what_an_attempt_took_shortens_the_pause_after_it() -> None:
    pauses = Backoff(uniform=highest)
    failures(pauses, 9)
    assert pauses.failed(LOST, watched=True, took_s=2.5) == 3.5
    assert pauses.failed(LOST, watched=True, took_s=8.0) == 1.0
    assert pauses.failed(LOST, watched=False, took_s=8.0) == 72.0


def test_an_open_page_is_quick_for_a_while_where_access_is_denied() -> None:
    pauses = Backoff(uniform=highest)
    quick = failures(pauses, QUICK_TRIES, DENIED, watched=True)
    assert max(quick) == 6
    assert failures(pauses, 2, DENIED, watched=True) == [300, 300], "a page left open"
    assert failures(pauses, 1, DENIED) == [300]
    assert failures(pauses, 1, DENIED, watched=True) == [6], "opened anew"


def test_an_open_page_stays_quick_where_the_server_is_away() -> None:
    assert failures(Backoff(uniform=highest), QUICK_TRIES + 1, watched=True)[-1] == 6


def test_a_shared_token_is_not_competed_for_even_while_watched() -> None:
    pauses = Backoff()
    for error in (DROPPED, LOST, DENIED):
        assert 240 <= pauses.failed(error, watched=True, shared=True) <= 300


def test_what_the_server_asked_for_counts_while_watched_too() -> None:
    assert Backoff().failed(MAINTENANCE, watched=True) >= 600
    assert Backoff().failed(MAINTENANCE, watched=False) >= 600


def test_two_agents_are_not_in_step() -> None:
    one, other = Backoff(uniform=Random(1).uniform), Backoff(uniform=Random(2).uniform)
    assert failures(one, 20) != failures(other, 20)


ERRORS = st.none() | st.builds(
    ChannelError,
    st.sampled_from(Cause),
    st.just(Stage.OPEN),
    facts=st.fixed_dictionaries(
        {}, optional={"status": st.integers(100, 599), "code": st.integers(1000, 4999)}
    ),
    retry_after=st.none() | st.floats(0, 1e6),
)
ENDS = st.fixed_dictionaries(
    {
        "error": ERRORS,
        "watched": st.booleans(),
        "took_s": st.floats(0, 30),
        "lived_s": st.floats(0, 1000),
    }
)


@given(st.lists(ENDS, max_size=30), st.integers(0, 2**32))
def test_every_pause_is_in_bounds_whatever_happened_before(
    ends: list[dict[str, object]], seed: int
) -> None:
    pauses = Backoff(uniform=Random(seed).uniform)
    for end in ends:
        delay = pauses.failed(**end)  # type: ignore[arg-type]
        error = end["error"]
        assert error is None or isinstance(error, ChannelError)
        asked = (error.retry_after if error is not None else None) or 0.0
        trouble = trouble_of(error)
        if asked:
            assert min(asked, 3600) <= delay <= 3900
        elif trouble is Trouble.LOST:
            assert 0.5 <= delay <= (6 if end["watched"] else 80)
        else:
            pace = WEBSOCKET[trouble].pace(bool(end["watched"]))
            assert pace.floor_s <= delay <= pace.cap_s
