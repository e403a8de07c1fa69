"""What holds of the session's record whatever happens, in any order and with any clock."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from octoprint_obico.server.causes import Cause
from octoprint_obico.session.figures import Figures, Series, Session, part_of
from tests.unit.session_time import Story

CHANNELS = ("http", "websocket", "plugin", "webcam:a", "webcam:b")
DAYS_S = 6 * 86400.0
"""Sessions here stay within the minutes that are kept."""

Event = tuple[str, str, float]

EVENTS = st.lists(
    st.tuples(
        st.sampled_from(
            ["succeed", "fail", "fail", "late", "rest", "go", "go", "jump", "session", "series"]
        ),
        st.sampled_from(CHANNELS),
        st.one_of(st.floats(0, 10), st.floats(0, 2000), st.sampled_from([0.0, 60.0, 300.0])),
    ),
    max_size=80,
)


def play(events: list[Event]) -> Story:
    """Let it happen; the number is a pause, a jump of the clock, or how late it was noticed."""
    story = Story()
    for what, channel, number in events:
        if what == "succeed":
            story.succeeds(channel)
        elif what == "fail":
            story.fails(channel, Cause.WEBSOCKET_DROPPED, seconds=number)
        elif what == "late":
            story.fails(channel, Cause.WEBSOCKET_UNRESPONSIVE, down_for_s=number)
        elif what == "rest":
            story.rests(channel)
        elif what == "go":
            story.go(number)
        elif what == "jump":
            story.time.set_clock((number - 1000) * 1e4)
        elif what == "session":
            story.tracker.session()
        else:
            story.tracker.series(number, 50)
    return story


def check(figures: Figures, session: Session) -> None:
    assert 0 <= figures.episodes <= figures.runs <= figures.errors <= figures.attempts
    assert (figures.errors == 0) == (figures.runs == 0) == (figures.episodes == 0)
    assert sum(figures.causes.values()) == figures.errors
    assert 0.0 <= figures.down_s <= figures.observed_s + 1e-6
    assert figures.observed_s <= session.now - session.started_at + 1e-6
    for share in (figures.availability, figures.availability_24h):
        assert share is None or 0.0 <= share <= 1.0
    assert sum(item.errors for item in figures.recent_episodes) == figures.errors
    moments = [figures.first_error_at, figures.last_error_at, figures.last_success_at]
    moments += [figures.failing_since, figures.okay_since, *(f.at for f in figures.recent)]
    before = session.started_at
    for episode in figures.recent_episodes:
        assert before - 1e-6 <= episode.start <= episode.end + 1e-6
        before = episode.end
        moments += [episode.start, episode.end]
    for moment in moments:
        assert moment is None or session.started_at - 1e-6 <= moment <= session.now + 1e-6
    assert figures.pattern.episodes == figures.episodes


def check_series(series: Series, figures: Figures) -> None:
    assert len(series.attempts) == len(series.errors) == len(series.down_s)
    assert sum(series.attempts) == figures.attempts
    assert sum(series.errors) == figures.errors
    assert sum(series.down_s) == pytest.approx(figures.down_s, rel=1e-4, abs=0.1)
    for seconds in series.down_s:
        assert -1e-3 <= seconds <= series.step_s * (1 + 1e-5) + 1e-3


@settings(max_examples=200, deadline=None)
@given(EVENTS, st.integers(1, 300))
def test_it_adds_up_whatever_happens(events: list[Event], most: int) -> None:
    story = play(events)
    assert story.time.passed < DAYS_S
    session, series = story.tracker.session(), story.tracker.series(None, most)
    assert set(session.channels) == set(series)
    for name, figures in session.channels.items():
        check(figures, session)
        check_series(series[name], figures)
        if session.now - session.started_at < 86400 and figures.availability is not None:
            assert figures.availability_24h == pytest.approx(figures.availability, abs=1e-4)
    for part, whole in session.parts.items():
        check(whole, session)
        inside = [item for name, item in session.channels.items() if part_of(name) == part]
        assert whole.attempts == sum(item.attempts for item in inside)
        assert whole.errors == sum(item.errors for item in inside)
        assert whole.episodes <= sum(item.episodes for item in inside)
        # what is noticed late counts only as far back as the part was up without a break
        late_s = sum(number for what, _, number in events if what == "late")
        longest = max((item.down_s for item in inside), default=0.0) - late_s
        assert longest - 1e-6 <= whole.down_s <= sum(item.down_s for item in inside) + 1e-6


@settings(max_examples=50, deadline=None)
@given(EVENTS)
def test_looking_changes_nothing(events: list[Event]) -> None:
    """Whoever reads the figures in between finds the same ones at the end."""
    seen = play(events)
    unseen = play([event for event in events if event[0] not in ("session", "series")])
    one, other = seen.tracker.session(), unseen.tracker.session()
    for name, figures in one.channels.items():
        assert figures.down_s == pytest.approx(other.channel(name).down_s, abs=1e-6)
        assert figures.errors == other.channel(name).errors
        assert figures.episodes == other.channel(name).episodes


@settings(max_examples=50, deadline=None)
@given(EVENTS)
def test_setting_the_clock_changes_no_duration(events: list[Event]) -> None:
    jumped = play(events)
    steady = play([event for event in events if event[0] != "jump"])
    one, other = jumped.tracker.session(), steady.tracker.session()
    for name, figures in one.channels.items():
        same = other.channel(name)
        assert (figures.down_s, figures.observed_s) == (same.down_s, same.observed_s)
        lengths = [[e.end - e.start for e in item.recent_episodes] for item in (figures, same)]
        assert lengths[0] == pytest.approx(lengths[1], abs=1e-3)
