"""The error tracker: every attempt counted once, in constant memory, from all threads."""

from __future__ import annotations

import threading

from octoprint_obico.server.causes import Cause
from octoprint_obico.server.errors import Attempt, ChannelError, Stage
from octoprint_obico.session import tracker as t


class Clock:
    """Unix seconds that stand still until told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def failure(channel: str = "http", cause: Cause = Cause.SERVER_ERROR) -> Attempt:
    return Attempt.failure(
        channel, ChannelError(cause, Stage.RESPONSE, "HTTP 500", {"status": 500})
    )


def story(outcomes: str, channel: str = "http") -> t.Figures:
    """The figures after attempts a second apart: `+` succeeded, `-` failed."""
    clock = Clock()
    tracker = t.Tracker(clock)
    for outcome in outcomes:
        clock.now += 1
        tracker.record(Attempt.success(channel) if outcome == "+" else failure(channel))
    return tracker.session().channel(channel)


def test_nothing_was_tried_yet() -> None:
    figures = t.Tracker(Clock()).session().channel("http")
    assert (figures.attempts, figures.errors, figures.error_rate) == (0, 0, 0.0)
    assert (figures.first_error_at, figures.failing, figures.okay_since) == (None, None, None)


def test_the_counts_and_times() -> None:
    figures = story("+--+-++")
    assert (figures.attempts, figures.errors, figures.episodes) == (7, 3, 2)
    assert (figures.first_error_at, figures.last_error_at) == (1002, 1005)
    assert figures.last_success_at == 1007
    assert figures.okay_since == 1006
    assert (figures.failing, figures.failing_since) == (None, None)
    assert figures.causes == {Cause.SERVER_ERROR: 3}
    assert figures.error_rate == 3 / 7


def test_while_it_fails() -> None:
    figures = story("+-+---")
    assert figures.failing is not None
    assert (figures.failing_since, figures.failing.at) == (1004, 1006)
    assert figures.okay_since is None
    assert figures.episodes == 2
    assert figures.failing.facts["status"] == 500
    assert (figures.failing.stage, figures.failing.message) == ("response", "HTTP 500")


def test_it_failed_from_the_beginning() -> None:
    figures = story("---")
    assert (figures.episodes, figures.error_rate, figures.last_success_at) == (1, 1.0, None)


def test_errors_since_a_moment() -> None:
    figures = story("-+-+-")
    assert [figures.errors_since(moment) for moment in (0, 1003, 1005, 1006)] == [3, 2, 1, 0]


def test_the_ring_is_bounded_and_keeps_the_newest() -> None:
    figures = story("-" * (t.RECENT + 50))
    assert figures.errors == t.RECENT + 50
    assert len(figures.recent) == t.RECENT
    assert figures.recent[-1].at == figures.last_error_at


def test_each_attempt_counts_into_its_channel_and_its_part() -> None:
    tracker = t.Tracker(Clock())
    for channel in ("http", "websocket", "webcam:a", "webcam:b"):
        tracker.record(failure(channel))
        tracker.record(Attempt.success(channel))
    session = tracker.session()
    assert {name: item.attempts for name, item in session.parts.items()} == {
        "server": 4,
        "webcam": 4,
    }
    assert {name: item.errors for name, item in session.channels.items()} == dict.fromkeys(
        ("http", "websocket", "webcam:a", "webcam:b"), 1
    )


def test_unknown_channels_are_bounded() -> None:
    tracker = t.Tracker(Clock())
    tracker.record(failure("http"))
    for number in range(1000):
        tracker.record(failure(f"webcam:{number}"))
    tracker.record(failure("http"))
    session = tracker.session()
    assert len(session.channels) <= 32
    assert session.channel("http").errors == 2


def test_what_was_handed_out_does_not_change() -> None:
    tracker = t.Tracker(Clock())
    facts = {"status": 500}
    error = ChannelError(Cause.SERVER_ERROR, Stage.RESPONSE, "x", facts)
    tracker.record(Attempt.failure("http", error))
    before = tracker.session()
    facts["status"] = 1
    error.facts["status"] = 2
    tracker.record(failure("http"))
    assert before.channel("http").errors == 1
    assert before.channel("http").causes == {Cause.SERVER_ERROR: 1}
    assert before.channel("http").recent[0].facts["status"] == 500


def test_all_threads_may_record() -> None:
    tracker = t.Tracker()
    start = threading.Barrier(8)

    def work() -> None:
        start.wait(5)
        for number in range(500):
            tracker.record(failure() if number % 5 == 0 else Attempt.success("http"))
            tracker.session()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    figures = tracker.session().channel("http")
    assert (figures.attempts, figures.errors) == (4000, 800)
    assert sum(figures.causes.values()) == 800
    assert 1 <= figures.episodes <= 800


def test_a_failure_without_a_cause_is_unknown() -> None:
    tracker = t.Tracker(Clock())
    tracker.record(Attempt("http", False))
    assert tracker.session().channel("http").causes == {Cause.UNKNOWN_ERROR: 1}
