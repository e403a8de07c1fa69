"""Sessions that no test has the time to wait for, as lists of what was attempted and when.

A scene is plain data, so that it can be played into the tracker of a running OctoPrint as well as
into one of a unit test; both by `play`, under a clock that the scene turns.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from octoprint_obico.server.causes import Cause
from octoprint_obico.server.errors import Attempt, ChannelError, Stage
from octoprint_obico.session.clock import Clock
from octoprint_obico.session.tracker import Tracker

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0

HOSTILE = "<script>window.taken=1</script><img src=x onerror='window.taken=1'> & \"Co\""

#: seconds since the session's start, channel, cause or "" for a success, facts
Try = tuple[float, str, str, dict[str, Any]]


@dataclass(frozen=True)
class Scene:
    """A session: how long ago it began, and everything that was attempted in it."""

    age_s: float
    tries: tuple[Try, ...]


class SceneClock:
    """A time that is set by hand while a scene is played, and goes on by itself from its end."""

    def __init__(self, end: float, age_s: float) -> None:
        self._start, self._moment = end - age_s, 0.0
        self._runs_since: float | None = None

    def turn(self, moment: float) -> None:
        """It is so many seconds after the session's start."""
        self._moment = moment

    def run(self) -> None:
        """From now on it goes on by itself."""
        self._runs_since = time.monotonic()

    def monotonic(self) -> float:
        """Seconds since the session's start."""
        since = self._runs_since
        return self._moment + (0.0 if since is None else time.monotonic() - since)

    def wall(self) -> float:
        """Unix seconds."""
        return self._start + self.monotonic()


def play(scene: Scene, now: float, *, runs: bool = False) -> Tracker:
    """A tracker that has seen the scene, which ends at `now` (Unix seconds).

    Args:
        runs: whether the time goes on afterwards; else it stands still.
    """
    clock = SceneClock(now, scene.age_s)
    tracker = Tracker(Clock(clock.monotonic, clock.wall))
    for moment, channel, cause, facts in scene.tries:
        clock.turn(moment)
        tracker.record(attempt(channel, cause, facts))
    clock.turn(scene.age_s)
    if runs:
        clock.run()
    return tracker


def attempt(channel: str, cause: str, facts: dict[str, Any]) -> Attempt:
    """One attempt; of the plugin itself where its facts name the part of it."""
    if not cause:
        return Attempt.success(channel)
    if channel == "plugin":
        return Attempt.fault(facts["part"], facts["error"])
    return Attempt.failure(channel, ChannelError(Cause(cause), Stage.OPEN, "", facts))


def scene(age_s: float, *streams: Iterator[Try]) -> Scene:
    """A session out of several channels' attempts."""
    return Scene(age_s, tuple(sorted((each for one in streams for each in one), key=_moment)))


def _moment(each: Try) -> float:
    return each[0]


def steady(
    channel: str,
    age_s: float,
    every_s: float,
    cause: str,
    fails: Iterator[tuple[float, float]] | list[tuple[float, float]],
    **facts: Any,
) -> Iterator[Try]:
    """Attempts at regular times, of which those within the given outages (start, end) fail."""
    outages = list(fails)
    moment = every_s / 7
    while moment < age_s:
        down = any(start <= moment < end for start, end in outages)
        yield moment, channel, cause if down else "", facts
        moment += every_s


FACTS = {"host": "obico.lan", "port": 3334, "address": "http://obico.lan:3334"}


def calm() -> Scene:
    """Six hours without an error."""
    return scene(
        6 * HOUR,
        steady("http", 6 * HOUR, 120, "", []),
        steady("websocket", 6 * HOUR, 300, "", []),
        steady("webcam:classic", 6 * HOUR, 600, "", []),
    )


def few() -> Scene:
    """Nine of some two hundred attempts, in two episodes, the last hours ago."""
    outages = [(HOUR, HOUR + 6 * MINUTE), (3 * HOUR, 3 * HOUR + 6 * MINUTE)]
    return scene(
        6 * HOUR,
        steady("http", 6 * HOUR, 120, "connection_timed_out", outages, **FACTS),
        steady("websocket", 6 * HOUR, 600, "connection_reset", outages, **FACTS),
        steady("webcam:classic", 6 * HOUR, 600, "", []),
    )


def many() -> Scene:
    """A day on a bad line: every eighth attempt fails, for several reasons, webcam included."""
    dice = random.Random(4)
    causes = ("connection_timed_out", "dns_timeout", "connection_reset", "response_timed_out")

    def shaky(channel: str, every_s: float, share: float, kinds: tuple[str, ...]) -> Iterator[Try]:
        moment = 5.0
        while moment < DAY:
            failed = dice.random() < share
            facts = {**FACTS, "seconds": dice.randrange(5, 600), "code": 1006}
            yield moment, channel, dice.choice(kinds) if failed else "", facts
            moment += every_s

    return scene(
        DAY,
        shaky("http", 60, 0.12, causes),
        shaky("websocket", 120, 0.15, ("websocket_dropped", "websocket_unresponsive")),
        shaky("webcam:classic", 300, 0.3, ("webcam_timed_out", "webcam_corrupt")),
    )


def outage() -> Scene:
    """Few attempts, but the WebSocket was down for 40 % of ten hours."""
    return scene(
        10 * HOUR,
        steady("http", 10 * HOUR, 60, "", []),
        steady("websocket", 3 * HOUR, 60, "", []),
        iter([(3 * HOUR + 30, "websocket", "websocket_refused", {**FACTS, "status": 403})]),
        steady_from("websocket", 7 * HOUR, 10 * HOUR, 60),
    )


def steady_from(channel: str, start: float, end: float, every_s: float) -> Iterator[Try]:
    """Successes at regular times."""
    moment = start
    while moment < end:
        yield moment, channel, "", {}
        moment += every_s


def proxy() -> Scene:
    """Every connection is cut after a minute."""

    def cut() -> Iterator[Try]:
        moment = 10.0
        while moment < 3 * HOUR:
            yield moment, "websocket", "", {}
            yield (
                moment + 60,
                "websocket",
                "websocket_dropped",
                {"seconds": 60, "code": 1006, **FACTS},
            )
            moment += 65

    return scene(3 * HOUR, steady("http", 3 * HOUR, 120, "", []), cut())


def week() -> Scene:
    """Seven days; each night at the same hour something restarts."""
    age_s = 7 * DAY
    nights = [(day * DAY + 0.4 * DAY, day * DAY + 0.4 * DAY + 9 * MINUTE) for day in range(7)]
    return scene(
        age_s,
        steady("http", age_s, 120, "host_unreachable", nights, **FACTS),
        steady("websocket", age_s, 180, "connection_timed_out", nights, **FACTS),
        steady("webcam:classic", age_s, 300, "", []),
    )


def bursts() -> Scene:
    """Two days with so many episodes that not all of them are kept."""
    dice = random.Random(1)
    starts = sorted(dice.uniform(0, 2 * DAY) for _ in range(70))
    outages = [(start, start + dice.uniform(150, 400)) for start in starts]
    return scene(
        2 * DAY,
        steady("http", 2 * DAY, 60, "connection_timed_out", outages, **FACTS),
        steady("websocket", 2 * DAY, 90, "connection_timed_out", outages, **FACTS),
    )


def unreached() -> Scene:
    """Not one attempt succeeded."""
    always = [(0.0, HOUR)]
    return scene(
        HOUR,
        steady("http", HOUR, 60, "connection_refused", always, **FACTS),
        steady("websocket", HOUR, 60, "connection_refused", always, **FACTS),
        steady("webcam:classic", HOUR, 300, "", []),
    )


def webcam() -> Scene:
    """The server is fine; one of two webcams has a hostile name and gives no picture."""
    facts = {"url": "http://127.0.0.1:8080/?action=snapshot", "which": "snapshot URL"}
    return scene(
        2 * HOUR,
        steady("http", 2 * HOUR, 120, "", []),
        steady("websocket", 2 * HOUR, 300, "", []),
        steady("webcam:classic", 2 * HOUR, 60, "", []),
        steady(f"webcam:{HOSTILE}", 2 * HOUR, 60, "webcam_not_found", [(0, 9e9)], **facts),
    )


def faults() -> Scene:
    """The plugin itself fails, and nothing else."""
    facts = {"part": "building the status", "error": "AttributeError"}
    return scene(
        HOUR,
        steady("http", HOUR, 120, "", []),
        steady("websocket", HOUR, 120, "", []),
        steady("plugin", HOUR, 30, "unknown_error", [(0.5 * HOUR, HOUR)], **facts),
    )


SCENES = {
    make.__name__: make
    for make in (
        calm, few, many, outage, proxy, week, bursts, unreached, webcam, faults,
    )
}  # fmt: skip
