"""Figures over time: minutes, hours, and the steps that are made of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octoprint_obico.session.buckets import HOURS, MINUTES, Counts, Seconds
from octoprint_obico.session.series import window_of
from tests.unit.session_time import STARTED_AT, Story

DAY_S = 86400.0


# ---- rings ---------------------------------------------------------------------------------------


def test_counts() -> None:
    counts = Counts(60, 10)
    for moment in (0, 59.9, 60, 250):
        counts.add(moment)
    assert counts.between(0, 5) == [2, 1, 0, 0, 1, 0]
    assert counts.between(-2, 1) == [0, 0, 2, 1]
    assert counts.between(20, 22) == [0, 0, 0]


def test_the_oldest_steps_make_room() -> None:
    counts = Counts(60, 10)
    for step in range(25):
        counts.add(step * 60)
    assert counts.between(13, 25) == [0, 0, *[1] * 10, 0]
    counts.add(31 * 60)
    assert counts.between(20, 31) == [0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 1]
    counts.add(500 * 60)
    assert sum(counts.between(0, 600)) == 1


def test_counts_have_no_bound() -> None:
    counts = Counts(60, 3)
    for _ in range(3 * 65536 + 5):
        counts.add(60)
    assert counts.between(0, 2) == [0, 3 * 65536 + 5, 0]
    counts.add(120)
    counts.add(240)
    assert counts.between(0, 4) == [0, 0, 1, 0, 1]


def test_seconds_are_spread_over_the_steps() -> None:
    seconds = Seconds(60, 10)
    seconds.add(30, 200)
    seconds.add(210, 220)
    assert seconds.between(0, 4) == [30, 60, 60, 30, 0]
    assert seconds.since(90) == pytest.approx(30 + 60 + 30)
    assert seconds.since(1000) == 0.0
    seconds.add(0, 6000)
    assert seconds.between(90, 100) == [0, *[60] * 9, 0]


@given(
    st.lists(st.tuples(st.floats(0, 500), st.floats(0, 500)), max_size=30),
    st.integers(1, 40),
)
def test_spans_add_up_while_they_are_kept(spans: list[tuple[float, float]], most: int) -> None:
    """Against the sum of what each span has in each step."""
    seconds, now, told = Seconds(60, most), 0.0, []
    for pause, lasted in spans:
        told.append((now + pause, now + pause + lasted))
        now += pause + lasted
        seconds.add(*told[-1])
    newest = int(now // 60)
    for step, value in enumerate(seconds.between(0, newest)):
        kept = step > newest - most
        expected = sum(
            max(0.0, min(end, step * 60 + 60) - max(start, step * 60)) for start, end in told
        )
        assert value == pytest.approx(expected if kept else 0.0, abs=0.01)


def test_a_copy_does_not_change() -> None:
    counts, seconds = Counts(60, 3), Seconds(60, 3)
    counts.add(0)
    seconds.add(0, 10)
    twins = counts.copy(), seconds.copy()
    for _ in range(70_000):
        counts.add(1)
    seconds.add(10, 20)
    assert twins[0].between(0, 0) == [1]
    assert twins[1].between(0, 0) == [10]


# ---- steps ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moment", "seconds", "most", "step_s", "first", "last"),
    [
        (0, None, 240, 60, 0, 0),
        (59.9, None, 240, 60, 0, 0),
        (3600, None, 240, 60, 0, 60),
        (3600, None, 60, 120, 0, 30),
        (6 * 3600, None, 240, 120, 0, 180),
        (DAY_S, None, 240, 600, 0, 144),
        (6.9 * DAY_S, None, 240, 3600, 0, 165),
        (30 * DAY_S, None, 240, 6 * 3600, 0, 120),
        (179 * DAY_S, None, 240, DAY_S, 0, 179),
        (400 * DAY_S, None, 240, DAY_S, 221, 400),
        (400 * DAY_S, None, 10, 18 * DAY_S, 13, 22),
        (400 * DAY_S, 3600, 60, 60, 400 * 1440 - 59, 400 * 1440),
        (1800, 3600, 60, 60, 0, 30),
        (5 * 3600 + 30, 3600, 60, 60, 241, 300),
        (5 * 3600, 3600, 25, 300, 49, 60),
        (20 * DAY_S, DAY_S, 48, 1800, 913, 960),
        (20 * DAY_S, 8 * DAY_S, 240, 3600, 289, 480),
        (100, 0, 0, 60, 1, 1),
    ],
)
def test_the_windows(
    moment: float, seconds: float | None, most: int, step_s: int, first: int, last: int
) -> None:
    window = window_of(moment, seconds, most)
    assert (window.step_s, window.first, window.last) == (step_s, first, last)


@given(
    st.floats(0, 2000 * DAY_S),
    st.one_of(st.none(), st.floats(0, 3000 * DAY_S)),
    st.integers(1, 500),
)
def test_any_window(moment: float, seconds: float | None, most: int) -> None:
    window = window_of(moment, seconds, most)
    assert 1 <= window.last - window.first + 1 <= most
    assert window.step_s % window.base_s == window.step_s % 60 == 0
    assert window.last * window.step_s <= moment < (window.last + 1) * window.step_s
    kept = MINUTES if window.base_s == 60 else HOURS
    assert (window.last - window.first - 1) * window.step_s <= kept * window.base_s


# ---- out of the tracker --------------------------------------------------------------------------


def test_the_series_of_a_session() -> None:
    story = Story().succeeds().go(30).fails().go(60).fails("webcam:a").go(30).succeeds().go(61)
    series = story.tracker.series(None, 240)
    assert set(series) == {"http", "webcam:a"}
    http = series["http"]
    assert (http.start, http.step_s) == (STARTED_AT, 60)
    assert (http.attempts, http.errors) == ((2, 0, 1, 0), (1, 0, 0, 0))
    assert http.down_s == (30.0, 60.0, 0.0, 0.0)
    assert series["webcam:a"].down_s == (0.0, 30.0, 60.0, 1.0)


def test_minutes_become_hours_after_a_week() -> None:
    story = Story()
    for _ in range(8 * 24):
        story.tells("+-", every_s=1800)
    week = story.tracker.series(None, 240)["http"]
    assert (week.step_s, len(week.attempts)) == (3600, 193)
    assert sum(week.attempts) == story.channel().attempts
    assert sum(week.errors) == story.channel().errors == 192
    assert sum(week.down_s) == pytest.approx(story.channel().down_s)
    day = story.tracker.series(DAY_S, 48)["http"]
    assert (day.step_s, sum(day.attempts)) == (1800, 48)
    assert day.start == STARTED_AT + 7 * DAY_S + 1800


def test_what_is_older_than_half_a_year_is_in_the_totals() -> None:
    story = Story().tells("-+").go(400 * DAY_S).tells("+")
    assert story.channel().errors == 1
    series = story.tracker.series(None, 240)["http"]
    assert (sum(series.errors), sum(series.attempts)) == (0, 1)
