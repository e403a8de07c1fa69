"""Time in the session's record: clocks that jump, time down and at rest, episodes."""

from __future__ import annotations

import time

import pytest

from octoprint_obico.server.causes import Cause
from octoprint_obico.server.moments import seconds_since_boot
from octoprint_obico.session.clock import TOLERANCE_S, Clock
from octoprint_obico.session.episodes import EPISODE_GAP_S, KEPT
from octoprint_obico.session.figures import Episode
from tests.unit.session_time import STARTED_AT, Story

DAY_S = 86400.0


# ---- the clock -----------------------------------------------------------------------------------


def test_the_clock_counts_from_the_sessions_start() -> None:
    clock = Clock(lambda: 7000.0, lambda: 1000.0)
    assert (clock.moment(), clock.start()) == (0.0, 1000.0)


def test_the_systems_clock_grows_and_knows_the_time() -> None:
    clock = Clock()
    first = clock.moment()
    assert 0.0 <= first <= clock.moment()
    assert clock.start() + clock.moment() == pytest.approx(time.time(), abs=5)
    assert seconds_since_boot() <= seconds_since_boot()


def test_without_a_clock_that_counts_suspended_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(time, "CLOCK_BOOTTIME", raising=False)
    assert seconds_since_boot() == pytest.approx(time.monotonic(), abs=5)


def test_small_corrections_do_not_let_the_times_wobble() -> None:
    story = Story().tells("-")
    before = story.channel().first_error_at
    for by in (0.9, 0.9, -1.5, -1.0):
        story.time.set_clock(by)
        assert story.channel().first_error_at == before
    story.time.set_clock(-TOLERANCE_S)
    assert story.channel().first_error_at == pytest.approx((before or 0.0) - 2.7, abs=1e-3)


@pytest.mark.parametrize("by", [40 * DAY_S, -40 * DAY_S, 3600.0, -3600.0, 5.0])
def test_a_clock_that_jumps_falsifies_no_duration(by: float) -> None:
    """As at the boot of a Raspberry Pi: what happened before the jump is dated anew."""
    story = Story().tells("+-", every_s=10)
    story.time.set_clock(by)
    story.tells("-+", every_s=10)
    session = story.tracker.session()
    figures = session.channel("http")
    started = STARTED_AT + by
    assert (session.started_at, session.now) == (started, started + 40)
    assert (figures.first_error_at, figures.last_error_at) == (started + 20, started + 30)
    assert figures.last_success_at == figures.okay_since == started + 40
    assert [failure.at for failure in figures.recent] == [started + 20, started + 30]
    assert figures.recent_episodes == (Episode(started + 20, started + 40, 2, Cause.SERVER_ERROR),)
    assert (figures.down_s, figures.observed_s) == (20.0, 30.0)
    assert story.tracker.series(None, 10)["http"].start == started


def test_the_figures_handed_out_before_the_jump_stay() -> None:
    story = Story().tells("-")
    before = story.tracker.session()
    story.time.set_clock(DAY_S)
    assert before.channel("http").first_error_at == STARTED_AT + 1


def test_a_clock_that_goes_back_although_it_must_not() -> None:
    story = Story().tells("+-", every_s=10)
    story.time.passed -= 15
    figures = story.fails().channel()
    assert (figures.errors, figures.observed_s, figures.down_s) == (2, 10.0, 0.0)


# ---- availability --------------------------------------------------------------------------------


def test_between_two_attempts_it_is_what_the_last_one_found() -> None:
    story = Story().go(100).succeeds().go(60).fails().go(30).fails().go(10).succeeds().go(100)
    figures = story.channel()
    assert (figures.observed_s, figures.down_s) == (200.0, 40.0)
    assert figures.availability == pytest.approx(0.8)
    assert figures.availability_24h == pytest.approx(0.8)


def test_an_outage_that_goes_on_counts_until_now() -> None:
    figures = Story().succeeds().go(10).fails().go(30).channel()
    assert (figures.observed_s, figures.down_s, figures.availability) == (40.0, 30.0, 0.25)


def test_a_long_outage_with_one_attempt_is_not_a_small_one() -> None:
    story = Story().tells("+" * 99).fails().go(3600)
    assert story.channel().error_rate == 0.01
    assert story.channel().availability == pytest.approx(98 / 3698, abs=0.001)


def test_at_rest_it_is_neither_up_nor_down() -> None:
    story = Story().succeeds().go(10).fails().go(5).rests().go(1000)
    figures = story.channel()
    assert (figures.observed_s, figures.down_s, figures.up) == (15.0, 5.0, None)
    figures = story.succeeds().go(5).channel()
    assert (figures.observed_s, figures.down_s, figures.up) == (20.0, 5.0, True)


def test_resting_is_no_attempt_and_makes_no_channel() -> None:
    story = Story().rests().rests("webcam:x")
    assert story.tracker.session().channels == {}
    assert story.succeeds().rests().rests().channel().attempts == 1


def test_what_was_noticed_late_counts_from_the_last_sign_of_life() -> None:
    story = Story().succeeds().go(8).succeeds().go(13)
    assert story.channel().down_s == 0.0, "read in the meantime, when nobody knew"
    figures = story.fails(down_for_s=13.0).go(2).channel()
    assert (figures.observed_s, figures.down_s) == (23.0, 15.0)
    assert figures.failing_since == STARTED_AT + 8
    assert figures.recent_episodes[0].start == STARTED_AT + 8


@pytest.mark.parametrize("down_for_s", [1e9, 20.0, 13.1])
def test_it_was_not_down_before_its_last_attempt(down_for_s: float) -> None:
    figures = Story().succeeds().go(8).succeeds().go(13).fails(down_for_s=down_for_s).channel()
    assert (figures.down_s, figures.failing_since) == (13.0, STARTED_AT + 8)


def test_what_was_not_observed_was_not_down() -> None:
    """Of a webcam that is new, nobody knows whether it was down; the other one was not."""
    story = Story().succeeds("webcam:a").go(10).fails("webcam:b", down_for_s=5.0)
    assert (story.part("webcam").down_s, story.channel("webcam:b").down_s) == (0.0, 0.0)
    assert story.channel("webcam:b").failing_since == STARTED_AT + 10


def test_what_was_down_already_does_not_count_twice() -> None:
    figures = Story().succeeds().go(5).fails().go(10).fails(down_for_s=10.0).channel()
    assert (figures.down_s, figures.observed_s) == (10.0, 15.0)


def test_the_last_24_hours() -> None:
    story = Story().succeeds().go(3600).fails().go(3600).succeeds()
    assert story.channel().availability_24h == 0.5
    story.go(DAY_S - 1800)
    figures = story.channel()
    assert figures.availability_24h == pytest.approx(1 - 1800 / DAY_S, abs=1e-4)
    assert figures.availability == pytest.approx(1 - 3600 / (DAY_S + 5400))
    assert story.go(1800).channel().availability_24h == pytest.approx(1.0, abs=1e-4)
    assert story.go(30 * DAY_S).channel().availability_24h == 1.0
    assert story.fails().go(DAY_S).channel().availability_24h == pytest.approx(0.0, abs=1e-3)
    assert story.rests().go(DAY_S + 60).channel().availability_24h is None


def test_the_24_hours_end_in_the_midst_of_a_minute() -> None:
    story = Story().go(30).succeeds().go(DAY_S).fails().go(30)
    assert story.channel().availability_24h == pytest.approx(1 - 30 / DAY_S, abs=1e-5)


def test_a_part_is_down_while_any_of_its_channels_is() -> None:
    story = Story().succeeds("http").succeeds("websocket").go(10)
    story.fails("http").go(10).fails("websocket").go(10).succeeds("http").go(10)
    story.succeeds("websocket").go(10)
    part = story.part()
    assert (part.observed_s, part.down_s, part.availability) == (50.0, 30.0, 0.4)
    assert part.availability_24h == pytest.approx(0.4)
    assert len(part.recent_episodes) == 1
    assert part.recent_episodes[0].end == STARTED_AT + 40


def test_a_part_rests_when_all_of_its_channels_do() -> None:
    story = Story().succeeds("http").fails("websocket").go(10).rests("websocket").go(10)
    assert (story.part().down_s, story.part().up) == (10.0, True)
    story.rests("http").go(100)
    assert (story.part().observed_s, story.part().up) == (20.0, None)


def test_a_frozen_websocket_counts_in_the_part_too() -> None:
    story = Story().succeeds("http").succeeds("websocket").go(13)
    story.fails("websocket", down_for_s=13.0)
    assert story.part().down_s == 13.0


# ---- episodes ------------------------------------------------------------------------------------


def episodes(story: Story, channel: str = "http") -> list[tuple[float, float, int]]:
    found = story.channel(channel).recent_episodes
    return [(item.start - STARTED_AT, item.end - STARTED_AT, item.errors) for item in found]


def test_a_lucky_success_does_not_part_an_episode() -> None:
    story = Story().tells("+-+-+", every_s=100)
    assert episodes(story) == [(200.0, 500.0, 2)]
    assert (story.channel().runs, story.channel().episodes) == (2, 1)


def test_errors_that_lie_apart_are_two_episodes() -> None:
    story = Story().tells("-+").go(EPISODE_GAP_S - 3).tells("-")
    assert story.channel().episodes == 1
    story = Story().tells("-+").go(EPISODE_GAP_S - 2).tells("-+")
    assert episodes(story) == [(1.0, 2.0, 1), (EPISODE_GAP_S + 1, EPISODE_GAP_S + 2, 1)]


def test_an_outage_is_one_episode_however_seldom_it_is_tried() -> None:
    story = Story().tells("---+", every_s=10 * EPISODE_GAP_S)
    assert episodes(story) == [(3000.0, 12000.0, 3)]


def test_an_episode_that_goes_on_ends_with_its_last_error() -> None:
    assert episodes(Story().tells("--").go(50)) == [(1.0, 2.0, 2)]


def test_the_most_frequent_cause() -> None:
    story = Story().fails(cause=Cause.DNS_TIMEOUT)
    story.go(1).fails(cause=Cause.SERVER_ERROR).go(1).fails(cause=Cause.SERVER_ERROR)
    assert story.channel().recent_episodes[0].cause is Cause.SERVER_ERROR


def test_two_channels_in_one_episode_are_one_event() -> None:
    story = Story().succeeds("http").succeeds("websocket").go(10)
    story.fails("websocket").go(20).fails("http").go(60).succeeds("http").go(5)
    story.succeeds("websocket").go(EPISODE_GAP_S).fails("http")
    part = story.part()
    assert (part.episodes, part.runs, part.pattern.episodes) == (2, 3, 2)
    first, second = part.recent_episodes
    assert (first.start, first.end, first.errors) == (STARTED_AT + 10, STARTED_AT + 95, 2)
    assert second.errors == 1


def test_a_channel_that_never_works_makes_one_episode_of_its_part() -> None:
    story = Story().fails("websocket").tells("+-" * 20, every_s=EPISODE_GAP_S)
    assert (story.channel().episodes, story.part().episodes) == (20, 1)


def test_the_last_episodes_are_kept_and_all_are_counted() -> None:
    story = Story().tells("-+" * (KEPT + 20), every_s=EPISODE_GAP_S)
    figures = story.channel()
    assert (figures.episodes, len(figures.recent_episodes)) == (KEPT + 20, KEPT)
    starts = [item.start for item in figures.recent_episodes]
    assert starts == sorted(starts)
    assert starts[-1] == figures.last_error_at


# ---- the pattern, through the tracker ------------------------------------------------------------


def test_connections_that_live_equally_long() -> None:
    story = Story()
    for _ in range(6):
        story.succeeds("websocket").go(60.1)
        story.fails("websocket", Cause.WEBSOCKET_DROPPED, seconds=60.1).go(3)
    pattern = story.part().pattern
    assert (pattern.kind, pattern.period_s, pattern.channel) == ("periodic", 60.1, "websocket")


def test_the_same_hour_each_night() -> None:
    """From noon on, a minute of it at three each night, found among thousands of attempts."""
    story = Story()
    for minute in range(6 * 24 * 60):
        night = minute % 1440 in (900, 901)
        _ = story.fails() if night else story.succeeds()
        story.go(60)
    pattern = story.channel().pattern
    assert (pattern.kind, pattern.episodes) == ("periodic", 6)
    assert pattern.hour_of_day == pytest.approx(3.0, abs=0.1)
    story.time.set_clock(2 * 3600)
    assert story.channel().pattern.hour_of_day == pytest.approx(5.0, abs=0.1)
