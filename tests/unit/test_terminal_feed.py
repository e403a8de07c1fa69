"""The app's terminal: who gets which lines, how many, and when it switches itself off."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from octoprint_obico.printer import terminal_feed as t
from octoprint_obico.printer.arguments import RefusedError, switch
from octoprint_obico.server.errors import Attempt
from octoprint_obico.server.faults import Faults
from octoprint_obico.server.messages import encode

LIMIT_S = 20.0


class Bench:
    """A feed, its viewers, its clock, and what it has sent."""

    def __init__(self) -> None:
        self.viewed, self.now, self.wall = True, 0.0, 1_700_000_000.0
        self.queued: int | None = 0
        self.attempts: list[Attempt] = []
        self.messages: list[Mapping[str, Any]] = []
        self.came = threading.Condition()
        faults = Faults(self.attempts.append, logging.getLogger("octoprint.plugins.obico"))
        self.feed = t.TerminalFeed(
            lambda: self.viewed, self._send, faults, lambda: self.now, lambda: self.wall
        )

    def _send(self, message: Mapping[str, Any]) -> int | None:
        encode(message)
        with self.came:
            if self.queued is not None:
                self.messages.append(message)
            self.came.notify_all()
        return self.queued

    def texts(self) -> list[str]:
        return [message["passthru"]["terminal_feed"]["msg"] for message in self.messages]

    def stamps(self) -> list[float]:
        return [message["passthru"]["terminal_feed"]["_ts"] for message in self.messages]

    def wait(self, condition: Callable[[], bool]) -> None:
        with self.came:
            assert self.came.wait_for(condition, LIMIT_S), self.texts()


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """One whose thread does nothing by itself: the test has the turns."""
    monkeypatch.setattr(t, "TURN_S", 3600.0)
    bench = Bench()
    yield bench
    bench.feed.stop(LIMIT_S)
    assert not [each for each in threading.enumerate() if each.name == "obico-terminal"]


def test_it_is_off_at_the_start_and_says_how_it_is(bench: Bench) -> None:
    assert bench.feed.toggle("get") is False
    assert bench.feed.toggle("on") is True
    assert bench.feed.toggle("get") is True
    assert bench.feed.toggle("on") is True
    assert bench.feed.toggle("off") is False
    assert bench.feed.toggle("get") is False


@pytest.mark.parametrize("wanted", [None, True, "", "ON", "toggle", ["on"], {}, 1])
def test_other_words_are_refused(wanted: object) -> None:
    with pytest.raises(RefusedError):
        switch(wanted)


def test_while_off_nothing_is_kept(bench: Bench) -> None:
    bench.feed.take("ok")
    bench.feed.toggle("on")
    bench.feed._turn()
    assert bench.texts() == []


def test_lines_come_in_order_with_times_that_differ(bench: Bench) -> None:
    bench.feed.toggle("on")
    for line in ("M105", "ok T:20.0", "", "G28", "ok"):
        bench.feed.take(line)
    bench.wall -= 3600  # the clock is set
    bench.feed.take("late")
    bench.feed._turn()
    assert bench.texts() == ["M105", "ok T:20.0", "G28", "ok", "late"]
    assert bench.stamps() == sorted(set(bench.stamps()))
    assert bench.stamps()[0] == 1_700_000_000.0


def test_nobody_views_nothing_is_sent(bench: Bench) -> None:
    bench.feed.toggle("on")
    bench.feed.take("before he left")
    bench.viewed = False
    bench.feed._turn()
    bench.feed.take("while he is away")
    bench.feed._turn()
    bench.viewed = True
    bench.feed._turn()
    assert bench.texts() == []
    bench.feed.take("he is back")
    bench.feed._turn()
    assert bench.texts() == ["he is back"]


def test_it_switches_itself_off_when_nobody_views_for_long(bench: Bench) -> None:
    bench.feed.toggle("on")
    bench.viewed = False
    bench.now = t.UNWATCHED_S - 1
    bench.feed._turn()
    assert bench.feed.toggle("get") is True
    bench.now = t.UNWATCHED_S
    bench.feed._turn()
    assert bench.feed.toggle("get") is False
    bench.viewed = True
    bench.feed._turn()
    bench.feed.take("nobody asked")
    bench.feed._turn()
    assert bench.texts() == []
    assert bench.feed.toggle("on") is True


def test_to_switch_on_counts_as_viewing(bench: Bench) -> None:
    bench.viewed = False
    bench.now = 10 * t.UNWATCHED_S
    bench.feed.toggle("on")
    bench.feed._turn()
    assert bench.feed.toggle("get") is True


def test_of_too_many_lines_the_latest_are_shown(bench: Bench) -> None:
    bench.feed.toggle("on")
    for number in range(10 * t.MOST_WAITING):
        bench.feed.take(f"G1 X{number}")
    for _ in range(10):
        bench.feed._turn()
    first, *rest = bench.texts()
    assert first == f"... {9 * t.MOST_WAITING} lines left out"
    assert rest == [f"G1 X{number}" for number in range(9 * t.MOST_WAITING, 10 * t.MOST_WAITING)]


def test_one_turn_sends_no_more_than_it_may(bench: Bench) -> None:
    bench.feed.toggle("on")
    for number in range(t.MOST_WAITING):
        bench.feed.take(f"G1 X{number}")
    bench.feed._turn()
    assert len(bench.texts()) == t.MOST_PER_TURN


def test_a_slow_connection_gets_one_line_at_a_time(bench: Bench) -> None:
    """Its queue has room for a hundred, and answers to the app are among them."""
    bench.feed.toggle("on")
    bench.queued = 60
    for number in range(t.MOST_WAITING):
        bench.feed.take(f"G1 X{number}")
    bench.feed._turn()
    assert bench.texts() == ["G1 X0"]


def test_a_lost_connection_ends_the_turn(bench: Bench) -> None:
    bench.feed.toggle("on")
    for line in ("a", "b"):
        bench.feed.take(line)
    bench.queued = None
    bench.feed._turn()
    bench.queued = 0
    bench.feed._turn()
    assert bench.texts() == ["b"]


ODD = (
    ("  ok \r\n", "ok"),
    ("a\x1b[31mb\x00c\u2028d", "a [31mb c d"),
    ("x" * 100_000, "x" * t.MOST_LENGTH),
    ("M117 Grüße", "M117 Grüße"),
    ("<script>", "<script>"),  # the app shows text
    ('M587 S"home" P"secret"', "M587 (not shown)"),
    ('m587 S"home" P"secret"', "M587 (not shown)"),
    ('M551 P"secret"', "M551 (not shown)"),
)


@pytest.mark.parametrize(("line", "shown"), ODD)
def test_lines_are_data(bench: Bench, line: str, shown: str) -> None:
    bench.feed.toggle("on")
    bench.feed.take(line)
    bench.feed._turn()
    assert bench.texts() == [shown]


def test_its_own_thread_sends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent on the thread that OctoPrint calls from; a fault does not end it."""
    monkeypatch.setattr(t, "TURN_S", 0.02)
    bench, senders, broken = Bench(), set(), [True]
    send = bench.feed._send

    def watched(message: Mapping[str, Any]) -> int | None:
        senders.add(threading.current_thread().name)
        if broken.pop() if broken else False:
            raise RuntimeError("no socket")
        return send(message)

    monkeypatch.setattr(bench.feed, "_send", watched)
    monkeypatch.setattr("octoprint_obico.server.faults.RESTART_S", 0.01)
    bench.feed.toggle("on")
    try:
        bench.feed.take("lost")
        bench.feed.take("ok")
        bench.wait(lambda: bench.texts() == ["ok"])
    finally:
        bench.feed.stop(LIMIT_S)
    assert senders == {"obico-terminal"}
    assert len(bench.attempts) == 1
    assert not [each for each in threading.enumerate() if each.name == "obico-terminal"]
