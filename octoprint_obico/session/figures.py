"""What is known of a session at one moment: immutable, all times in Unix seconds.

Channels are named "http", "websocket", "plugin" (the plugin's own faults) and "webcam:<name>". Each
belongs to one part of the report.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from ..server.causes import Cause
from ..server.errors import NO_FACTS
from .pattern import Evidence, Pattern, most_telling

SERVER, WEBCAM, PLUGIN = "server", "webcam", "plugin"
"""The parts of the report."""

PARTS = (SERVER, WEBCAM, PLUGIN)

OTHER_WEBCAMS = "webcam:(other webcams)"
"""The channel of all webcams beyond the first few. One that is really called so belongs there too,
so that the name can mean nothing else."""

LONGEST_NAME = 100
"""Characters of a channel's name that count: a webcam's name is people's."""

_PART_OF: Mapping[str, str] = {"http": SERVER, "websocket": SERVER, "plugin": PLUGIN}


_NO_CAUSES: Mapping[Cause, int] = MappingProxyType({})


def part_of(channel: str) -> str:
    """The part of the report that a channel belongs to."""
    return _PART_OF.get(channel, WEBCAM)


class Failure(NamedTuple):
    """A failed attempt and when it happened (Unix seconds)."""

    at: float
    channel: str
    cause: Cause
    stage: str
    message: str
    facts: Mapping[str, Any] = NO_FACTS


class Episode(NamedTuple):
    """Errors that belong together (Unix seconds).

    Attributes:
        start: when the outage began, as far as that is known.
        end: the success that ended it; the most recent error while there was none.
        cause: the most frequent one.
    """

    start: float
    end: float
    errors: int
    cause: Cause


class Figures(NamedTuple):
    """What is known of a channel, or of a part, at one moment. Times are Unix seconds or None."""

    name: str
    attempts: int = 0
    errors: int = 0
    runs: int = 0
    """Errors in a row, without a success of the same channel between them."""
    episodes: int = 0
    """Errors that lie close together count as one, whatever their channel."""
    recent_episodes: tuple[Episode, ...] = ()
    """The last 50, oldest first."""
    first_error_at: float | None = None
    last_error_at: float | None = None
    last_success_at: float | None = None
    failing: Failure | None = None
    """The most recent failure, while nothing has succeeded since."""
    failing_since: float | None = None
    """When the failures that go on now began."""
    okay_since: float | None = None
    """The first success after the most recent failure; None while failing or never tried."""
    up: bool | None = None
    """Whether the last attempt succeeded; None at rest, or where nothing was tried yet."""
    causes: Mapping[Cause, int] = _NO_CAUSES
    recent: tuple[Failure, ...] = ()
    """The most recent failures, oldest first."""
    down_s: float = 0.0
    """Seconds in which the last attempt had failed: an outage counts by time as well."""
    observed_s: float = 0.0
    """Seconds since the first attempt, less the time at rest."""
    availability: float | None = None
    """The share of the observed time that was not down, 0 to 1; None where none was observed."""
    availability_24h: float | None = None
    """The same of the last 24 hours."""
    evidence: tuple[Evidence, ...] = ()
    """What the pattern is told by; of a part, one for each of its channels."""

    @property
    def error_rate(self) -> float:
        """Failed attempts per attempt, 0 to 1."""
        return self.errors / self.attempts if self.attempts else 0.0

    @property
    def pattern(self) -> Pattern:
        """How the errors are spread; worked out each time it is asked for."""
        return most_telling(self.evidence, self.episodes)


class Session(NamedTuple):
    """The whole session at one moment: nobody sees the living counters."""

    started_at: float
    now: float
    channels: Mapping[str, Figures]
    parts: Mapping[str, Figures]

    def channel(self, name: str) -> Figures:
        """The figures of a channel; those of a new one where nothing was tried yet."""
        return self.channels.get(name[:LONGEST_NAME]) or Figures(name)


class Series(NamedTuple):
    """A channel's figures over time: one item per step, the last step not yet over.

    Attributes:
        start: when the first step began (Unix seconds).
        step_s: length of a step, a whole number of minutes.
        down_s: seconds in each step in which the last attempt had failed.
    """

    start: float
    step_s: int
    attempts: tuple[int, ...]
    errors: tuple[int, ...]
    down_s: tuple[float, ...]
