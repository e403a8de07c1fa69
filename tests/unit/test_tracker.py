"""The error tracker: every attempt counted once, in constant memory, from all threads."""

from __future__ import annotations

import gc
import threading
import tracemalloc
from random import Random

import pytest

from octoprint_obico.server.causes import Cause
from octoprint_obico.server.errors import Attempt, ChannelError, Stage
from octoprint_obico.session.figures import OTHER_WEBCAMS, PARTS, Figures, part_of
from octoprint_obico.session.recent import RECENT
from octoprint_obico.session.tracker import MOST_WEBCAMS, Tracker
from tests.unit.session_time import STARTED_AT, Story


def story(outcomes: str, channel: str = "http") -> Figures:
    """The figures after attempts a second apart: `+` succeeded, `-` failed."""
    return Story(0.0).tells(outcomes, channel=channel).channel(channel)


def failure(channel: str = "http", cause: Cause = Cause.SERVER_ERROR) -> Attempt:
    return Attempt.failure(
        channel, ChannelError(cause, Stage.RESPONSE, "HTTP 500", {"status": 500})
    )


def test_nothing_was_tried_yet() -> None:
    figures = Story().channel("http")
    assert (figures.attempts, figures.errors, figures.error_rate) == (0, 0, 0.0)
    assert (figures.first_error_at, figures.failing, figures.okay_since) == (None, None, None)
    assert (figures.up, figures.availability, figures.availability_24h) == (None, None, None)
    assert (figures.pattern.kind, figures.recent_episodes) == ("too_few", ())


def test_the_counts_and_times() -> None:
    figures = story("+--+-++")
    assert (figures.attempts, figures.errors, figures.runs, figures.episodes) == (7, 3, 2, 1)
    assert (figures.first_error_at, figures.last_error_at) == (2, 5)
    assert figures.last_success_at == 7
    assert figures.okay_since == 6
    assert (figures.failing, figures.failing_since, figures.up) == (None, None, True)
    assert figures.causes == {Cause.SERVER_ERROR: 3}
    assert figures.error_rate == 3 / 7


def test_while_it_fails() -> None:
    figures = story("+-+---")
    assert figures.failing is not None
    assert (figures.failing_since, figures.failing.at) == (4, 6)
    assert (figures.okay_since, figures.up) == (None, False)
    assert figures.runs == 2
    assert figures.failing.facts["status"] == 500
    assert (figures.failing.stage, figures.failing.message) == ("response", "HTTP 500")


def test_it_failed_from_the_beginning() -> None:
    figures = story("---")
    assert (figures.runs, figures.error_rate, figures.last_success_at) == (1, 1.0, None)


def test_the_ring_is_bounded_and_keeps_the_newest() -> None:
    figures = story("-" * (RECENT + 50))
    assert figures.errors == RECENT + 50
    assert len(figures.recent) <= RECENT
    assert [failure.at for failure in figures.recent[-3:]] == [148.0, 149.0, 150.0]
    assert figures.recent[-1].at == figures.last_error_at


def test_each_attempt_counts_into_its_channel_and_its_part() -> None:
    told = Story()
    names = ("http", "websocket", "plugin", "webcam:a", "webcam:b")
    for channel in names:
        told.fails(channel).succeeds(channel)
    session = told.tracker.session()
    assert {name: (item.attempts, item.errors) for name, item in session.parts.items()} == {
        "server": (4, 2),
        "webcam": (4, 2),
        "plugin": (2, 1),
    }
    assert {name: item.errors for name, item in session.channels.items()} == dict.fromkeys(names, 1)
    assert tuple(session.parts) == PARTS


def test_a_part_is_as_bad_as_any_of_its_channels() -> None:
    told = Story(0.0).tells("+-", channel="http").tells("+", channel="websocket")
    part = told.part()
    assert part.failing is not None
    assert (part.failing.channel, part.failing_since, part.up) == ("http", 2.0, False)
    assert (part.first_error_at, part.last_success_at, part.okay_since) == (2.0, 3.0, None)
    part = told.go(1).succeeds("http").part()
    assert (part.failing, part.failing_since, part.up) == (None, None, True)
    assert part.okay_since == 4.0


def test_a_parts_failures_are_in_the_order_of_time() -> None:
    told = Story(0.0)
    for channel in ("http", "websocket", "http", "websocket"):
        told.go(1).fails(channel)
    assert [(item.at, item.channel) for item in told.part().recent] == [
        (1.0, "http"),
        (2.0, "websocket"),
        (3.0, "http"),
        (4.0, "websocket"),
    ]


# ---- channels ------------------------------------------------------------------------------------


def test_further_webcams_share_a_channel() -> None:
    told = Story().fails("http")
    for number in range(1000):
        told.fails(f"webcam:{number}")
    session = told.fails("http").tracker.session()
    assert list(session.channels) == [
        "http",
        *(f"webcam:{number}" for number in range(MOST_WEBCAMS - 1)),
        OTHER_WEBCAMS,
    ]
    assert session.channel("http").errors == 2
    assert session.channel(OTHER_WEBCAMS).errors == 1000 - (MOST_WEBCAMS - 1)
    assert session.parts["webcam"].errors == 1000


def test_a_webcam_with_the_name_of_the_others_is_one_of_them() -> None:
    told = Story().fails(OTHER_WEBCAMS)
    for number in range(100):
        told.fails(f"webcam:{number}")
    session = told.tracker.session()
    assert len(session.channels) == MOST_WEBCAMS - 1
    assert session.parts["webcam"].errors == 101


def test_a_name_without_end_is_cut() -> None:
    told = Story().fails("webcam:" + "x" * 10_000)
    (name,) = told.tracker.session().channels
    assert len(name) == 100
    assert told.channel("webcam:" + "x" * 10_000).errors == 1
    assert told.rests("webcam:" + "x" * 10_000).channel(name).up is None


@pytest.mark.parametrize(
    ("channel", "part"),
    [
        ("http", "server"),
        ("websocket", "server"),
        ("plugin", "plugin"),
        ("webcam:http", "webcam"),
        ("webcam:", "webcam"),
    ],
)
def test_the_parts(channel: str, part: str) -> None:
    assert part_of(channel) == part


# ---- what is handed out --------------------------------------------------------------------------


def test_what_was_handed_out_does_not_change() -> None:
    told = Story()
    facts = {"status": 500, "ips": ["::1"]}
    error = ChannelError(Cause.SERVER_ERROR, Stage.RESPONSE, "x", facts)
    told.tracker.record(Attempt.failure("http", error))
    before, series = told.tracker.session(), told.tracker.series(None, 10)
    facts["status"] = 1
    error.facts["status"] = 2
    error.facts["ips"].append("::2")
    told.go(1).fails()
    figures = before.channel("http")
    assert (figures.errors, figures.episodes, figures.down_s) == (1, 1, 0.0)
    assert figures.causes == {Cause.SERVER_ERROR: 1}
    assert figures.recent[0].facts == {"error": "x", "status": 500, "ips": ["::1"]}
    assert series["http"].errors == (1,)


def test_texts_are_cut_to_their_bounds() -> None:
    told = Story()
    facts = {
        "long": "x" * 9999,
        "list": ["y" * 9999] * 99,
        "number": 10**9999,
        "float": 1.5,
        "nothing": None,
        "flag": True,
        "k" * 999: 1,
        **{f"more {number}": number for number in range(99)},
    }
    told.tracker.record(Attempt("http", False, None, None, "m" * 9999, facts))
    (kept,) = told.channel().recent
    assert kept.message == "m" * 300
    assert kept.facts["long"] == "x" * 300
    assert kept.facts["list"] == ["y" * 300] * 8
    assert len(str(kept.facts["number"])) <= 300
    assert (kept.facts["float"], kept.facts["nothing"], kept.facts["flag"]) == (1.5, None, True)
    assert kept.facts["k" * 40] == 1
    assert len(kept.facts) == 12


def test_a_failure_without_a_cause_is_unknown() -> None:
    told = Story()
    told.tracker.record(Attempt("http", False))
    assert told.channel().causes == {Cause.UNKNOWN_ERROR: 1}


def test_a_fault_of_the_plugin_tells_no_text_of_an_exception() -> None:
    attempt = Attempt.fault("building the status", ValueError("token=abc"))
    assert (attempt.channel, attempt.cause) == ("plugin", Cause.UNKNOWN_ERROR)
    assert attempt.message == "building the status: ValueError"
    assert attempt.facts == {"part": "building the status", "error": "ValueError"}


# ---- memory and threads --------------------------------------------------------------------------


def hostile(chance: Random) -> Attempt:
    """A failure, or now and then a success, with all that may take memory."""
    channel = chance.choice(["http", "websocket", "plugin", f"webcam:{chance.random()}" * 9])
    if chance.random() < 0.2:
        return Attempt.success(channel)
    facts = {f"{number}{chance.random()}": chr(0x1F600) * 900 for number in range(20)}
    message = chr(0x1F600) * 900 + str(chance.random())
    cause = chance.choice(list(Cause))
    return Attempt(channel, False, cause, Stage.OPEN, message, {"seconds": 9.5, **facts})


@pytest.mark.parametrize(("records", "apart_s"), [(10_100, 60.0), (4_400, 3600.0), (5_000, 0.01)])
def test_memory_is_bounded_whatever_is_recorded(records: int, apart_s: float) -> None:
    """Two megabytes, with all minutes of a week full, or all hours of half a year."""
    chance, told = Random(apart_s), Story()
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(records):
            told.go(apart_s)
            told.tracker.record(hostile(chance))
        told.tracker.session()
        for name in told.tracker.session().channels:  # each minute and hour of each channel
            told.fails(name)
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(told.tracker.session().channels) == 10
    assert after - before < 2 * 1024 * 1024


def test_the_clock_of_the_system_is_taken() -> None:
    tracker = Tracker()
    tracker.record(failure())
    assert (tracker.session().channel("http").last_error_at or 0.0) > STARTED_AT


def test_all_threads_may_record() -> None:
    tracker = Tracker()
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
    assert 1 <= figures.episodes <= figures.runs <= 800
    assert sum(tracker.series(None, 60)["http"].attempts) == 4000
