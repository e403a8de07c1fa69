"""What is in trouble, and since when that matters: not at a glitch, and until it is well again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ..server.causes import Cause
from ..server.channel_state import State
from ..server.errors import NO_FACTS
from ..server.http import CHANNEL as HTTP
from ..server.websocket import CHANNEL as WEBSOCKET
from ..server.words import Word
from .figures import Figures, Session
from .status import QUIET_S, ChannelStatus, ServerState, ServerStatus, Status, WebcamStatus

SERVER, PLUGIN = "server", "plugin"
"""The row "Connection to server", and the plugin's own faults; the others are channels' names."""

MATTERS_AFTER_S = 60.0
"""Trouble that lasts so long matters: a router or a server that restarts is back by then, and the
server calls a printer offline not before it was silent for 120 s (PROTOCOL 4.3)."""

SHAKY_MATTERS_AFTER_S = 600.0
"""A connection that never fails for long, but is not quiet for so long either, is no good."""

ENOUGH_FAILURES = 2
"""In a row. One alone may be a glitch, though nothing follows it for a minute: that is how often an
idle printer asks over HTTP, and twice as long is between two pictures of a print."""

PLUGIN_WINDOW_S = 3600.0
"""The plugin's own faults have no success that ends them; after so long without one they are over.
"""

AT_ONCE = frozenset({Cause.CREDENTIALS_INVALID, Cause.CREDENTIALS_SHARED})
"""No waiting mends them: somebody has to link again."""


class Signal(Word):
    """What something shows at one moment."""

    GOOD = "good"
    BAD = "bad"
    SHAKY = "shaky"
    """Works again, but not for long enough to be called good."""
    UNKNOWN = "unknown"
    """Cannot be judged just now: what was known of it before stays."""


class Reading(NamedTuple):
    """What something shows, and why. `since` is in Unix seconds.

    Attributes:
        confirmed: more than one attempt has told so.
    """

    signal: Signal
    cause: Cause | None = None
    facts: Mapping[str, Any] = NO_FACTS
    since: float | None = None
    confirmed: bool = True


class Trouble(NamedTuple):
    """Trouble that matters.

    Attributes:
        name: "server", "plugin", or the channel's name.
        since: when it began, in Unix seconds, as the status row says.
        began: the same by the clock that never jumps.
    """

    name: str
    cause: Cause
    facts: Mapping[str, Any]
    since: float | None
    began: float


_GOOD, _UNKNOWN = Reading(Signal.GOOD), Reading(Signal.UNKNOWN)


def read(status: Status, session: Session, printing: bool) -> dict[str, Reading]:
    """What everything shows just now, by name; what is not in use has no reading.

    A webcam is judged only while printing: before and after, nobody needs its pictures, and many a
    webcam is switched off then.
    """
    readings = {PLUGIN: _plugin(session.channel(PLUGIN), session.now)}
    if status.server.state is ServerState.NOT_LINKED:
        return readings
    readings[SERVER] = _server(status.server, session.channel(HTTP))
    okay = status.server.state is ServerState.OKAY
    for name, channel, up in (
        (HTTP, status.http, status.http.cause is None),
        (WEBSOCKET, status.websocket, status.websocket.state == State.CONNECTED.value),
    ):
        readings[name] = _channel(channel, session.channel(name), up, okay, session.now)
    for webcam in status.webcams:
        name = f"webcam:{webcam.name}"
        readings[name] = _webcam(webcam, session.channel(name), printing)
    return readings


def _server(row: ServerStatus, http: Figures) -> Reading:
    if row.state is ServerState.OKAY:
        return _GOOD
    signal = Signal.SHAKY if row.reason == "recovering" else Signal.BAD
    # a WebSocket that is down is no single attempt: it stays down until another one succeeds
    confirmed = row.reason != "failing" or _in_a_row(http) >= ENOUGH_FAILURES
    return Reading(signal, row.cause, row.facts, row.since, confirmed)


def _channel(channel: ChannelStatus, figures: Figures, up: bool, okay: bool, now: float) -> Reading:
    """One channel to the server. okay: whether the server's row is Okay."""
    if not up:
        confirmed = channel.state == "failing" and _in_a_row(figures) < ENOUGH_FAILURES
        return Reading(Signal.BAD, channel.cause, channel.facts, channel.since, not confirmed)
    last = figures.recent[-1] if figures.recent else None
    if okay or last is None or last.at < now - QUIET_S:
        return _GOOD
    return Reading(Signal.SHAKY, last.cause, last.facts, last.at)


def _webcam(webcam: WebcamStatus, figures: Figures, printing: bool) -> Reading:
    if webcam.state == "okay":
        return _GOOD
    if webcam.state != "error" or not printing:
        return _UNKNOWN
    facts = {"webcam": webcam.name, **webcam.facts}
    confirmed = _in_a_row(figures) >= ENOUGH_FAILURES
    return Reading(Signal.BAD, webcam.cause, facts, webcam.since, confirmed)


def _plugin(figures: Figures, now: float) -> Reading:
    recent = [failure for failure in figures.recent if failure.at >= now - PLUGIN_WINDOW_S]
    if not recent:
        return _GOOD
    first, last = recent[0], recent[-1]
    confirmed = len(recent) >= ENOUGH_FAILURES
    return Reading(Signal.BAD, last.cause, last.facts, first.at, confirmed)


def _in_a_row(figures: Figures) -> int:
    """Failures since the last success, as far as they are kept."""
    since = figures.failing_since
    if figures.failing is None or since is None:
        return 0
    return sum(1 for failure in figures.recent if failure.at >= since)


class Condition:
    """The state of one thing over time: in trouble that matters, or not."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._bad_since: float | None = None
        self._unwell_since: float | None = None
        self.trouble: Trouble | None = None

    def observe(self, reading: Reading, now: float, after_s: float) -> None:
        """Take what it shows at `now`, in seconds of a clock that never jumps.

        Args:
            after_s: how long it has to be bad before it matters.
        """
        signal = reading.signal
        if signal is not Signal.BAD:
            self._bad_since = None
        elif self._bad_since is None:
            self._bad_since = now
        if signal is Signal.GOOD:
            self.trouble = None
        if signal in (Signal.GOOD, Signal.UNKNOWN):
            self._unwell_since = None
            return
        if self._unwell_since is None:
            self._unwell_since = now
        if reading.cause is not None:
            self._note(reading.cause, reading, now, after_s, self._unwell_since)

    def _note(
        self, cause: Cause, reading: Reading, now: float, after_s: float, unwell_since: float
    ) -> None:
        old, facts = self.trouble, reading.facts
        if old is None:
            if self._matters(reading, now, after_s, unwell_since):
                self.trouble = Trouble(self._name, cause, facts, reading.since, unwell_since)
        elif old.cause is not cause and reading.signal is Signal.BAD:
            self.trouble = Trouble(self._name, cause, facts, old.since, old.began)

    def _matters(self, reading: Reading, now: float, after_s: float, unwell_since: float) -> bool:
        bad = reading.signal is Signal.BAD and self._bad_since is not None
        if bad and reading.cause in AT_ONCE:
            return True
        lasts = bad and now - (self._bad_since or now) >= after_s
        return reading.confirmed and (lasts or now - unwell_since >= SHAKY_MATTERS_AFTER_S)
