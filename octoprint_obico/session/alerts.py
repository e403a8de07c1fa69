"""What people are told of by themselves: trouble that matters, once, and that it is over, once.

A state machine without clock, thread or network: it is shown the status again and again, and says
what has changed. One alert is current at a time, as the connection to the server comes first:
without it nobody could see the webcam's pictures anyway.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ..server.causes import Cause
from ..server.words import Word
from .figures import Session
from .status import ServerState, Status
from .trouble import AT_ONCE, MATTERS_AFTER_S, SERVER, Condition, Trouble, read

ANEW_AFTER_S = 600.0
"""Trouble that comes back sooner is the same that was told: it is shown again, but not told."""

TOLD_EVERY_S = 3600.0
"""Trouble that comes back again and again is told anew so often at the most."""

OVER_SHOWN_S = 60.0
"""How long the end of trouble is shown: pages that are open see it within seconds."""

LOOK_EVERY_S = 5.0
"""What only time changes is noticed so soon; what a channel tells of, at once."""

STATUS, HEALTH = "status", "health"
"""The topics: pages fetch the status; OctoPrint's Health Check looks again."""


class Kind(Word):
    """What an alert is about."""

    SERVER = "server"
    WEBCAM = "webcam"


class Alert(NamedTuple):
    """What people are told. Who has seen an id is not told of it again.

    Attributes:
        subject: the webcam's name; "" for the server.
        since: when the trouble began, in Unix seconds, as far as known.
        lasted_s: how long it lasted, in seconds, once it is over.
    """

    id: str
    kind: Kind
    subject: str
    cause: Cause
    facts: Mapping[str, Any]
    since: float | None
    over: bool = False
    lasted_s: float | None = None


class _Told(NamedTuple):
    """The last alert of a kind. Moments are those of the clock that never jumps."""

    alert: Alert
    told_at: float
    began: float
    at_once: bool
    over_at: float | None = None
    is_shown: bool = True


class Alerts:
    """Holds the current alert and all troubles. One thread observes; any thread reads.

    Args:
        session: part of each alert's id; differs from one start of OctoPrint to the next.
    """

    def __init__(self, session: str) -> None:
        self._session, self._count = session, 0
        self._conditions: dict[str, Condition] = {}
        self._told: dict[Kind, _Told] = {}
        self._recovering = False
        self.current: Alert | None = None
        self.troubles: tuple[Trouble, ...] = ()

    def observe(
        self,
        status: Status,
        session: Session,
        printing: bool,
        now: float,
        after_s: float = MATTERS_AFTER_S,
    ) -> frozenset[str]:
        """Take what is true at `now`; return the topics of which somebody has to be told.

        Args:
            now: seconds of a clock that never jumps.
            after_s: how long trouble has to last before it matters.
        """
        self._look(status, session, printing, now, after_s)
        webcam = _webcam_for_pictures(status)
        self._tell(Kind.SERVER, "", SERVER, now)
        self._tell(Kind.WEBCAM, webcam, f"webcam:{webcam}", now)
        return self._changes(status, now)

    def _look(
        self, status: Status, session: Session, printing: bool, now: float, after_s: float
    ) -> None:
        readings = read(status, session, printing)
        for name in set(self._conditions) - set(readings):
            del self._conditions[name]
        for name, reading in readings.items():
            condition = self._conditions.setdefault(name, Condition(name))
            condition.observe(reading, now, after_s)

    def _trouble(self, name: str) -> Trouble | None:
        condition = self._conditions.get(name)
        return condition.trouble if condition is not None else None

    def _tell(self, kind: Kind, subject: str, name: str, now: float) -> None:
        """Bring the last alert of a kind in line with the trouble there is, or is not."""
        told, trouble = self._told.get(kind), self._trouble(name)
        if trouble is None:
            if told is not None and told.over_at is None:
                is_known = name in self._conditions and told.alert.subject == subject
                self._told[kind] = _ended(told, now, is_known)
        elif told is None or _is_new(told, subject, trouble, now):
            self._told[kind] = self._begun(kind, subject, trouble, now)
        else:
            self._told[kind] = _continued(told, trouble)

    def _begun(self, kind: Kind, subject: str, trouble: Trouble, now: float) -> _Told:
        self._count += 1
        number = f"{self._session}-{self._count}"
        cause, facts, since = trouble.cause, trouble.facts, trouble.since
        alert = Alert(number, kind, subject, cause, facts, since)
        return _Told(alert, now, trouble.began, cause in AT_ONCE)

    def _changes(self, status: Status, now: float) -> frozenset[str]:
        topics = set()
        current, self.current = self.current, self._foremost(now)
        okay = status.server.state is ServerState.OKAY
        # of what the clock alone has changed nobody else tells
        if current != self.current or (self._recovering and okay):
            topics.add(STATUS)
        self._recovering = status.server.reason == "recovering"
        before, self.troubles = self.troubles, self._all_troubles()
        if _names(before) != _names(self.troubles):
            topics.add(HEALTH)
        return frozenset(topics)

    def _foremost(self, now: float) -> Alert | None:
        """The one to show: a webcam's waits for the server's, and for the news of its end."""
        for told in (self._told[kind] for kind in Kind if kind in self._told):
            if told.over_at is None or (told.is_shown and now - told.over_at < OVER_SHOWN_S):
                return told.alert
        return None

    def _all_troubles(self) -> tuple[Trouble, ...]:
        """Those of the channels, by name; the server's row only sums them up."""
        conditions = sorted(self._conditions.items())
        troubles = (each.trouble for name, each in conditions if name != SERVER)
        return tuple(trouble for trouble in troubles if trouble is not None)


def _is_new(told: _Told, subject: str, trouble: Trouble, now: float) -> bool:
    """Whether trouble is told anew, rather than as a part of what was told last."""
    if told.alert.subject != subject or (trouble.cause in AT_ONCE and not told.at_once):
        return True
    if told.over_at is None:
        return False
    return trouble.began - told.over_at >= ANEW_AFTER_S or now - told.told_at >= TOLD_EVERY_S


def _ended(told: _Told, now: float, is_shown: bool) -> _Told:
    alert = told.alert._replace(over=True, lasted_s=now - told.began)
    return told._replace(alert=alert, over_at=now, is_shown=is_shown)


def _continued(told: _Told, trouble: Trouble) -> _Told:
    """The same alert, with what is known now; shown again where it was over."""
    alert = told.alert._replace(
        cause=trouble.cause,
        facts=trouble.facts,
        since=trouble.since,
        over=False,
        lasted_s=None,
    )
    return told._replace(alert=alert, began=trouble.began, over_at=None)


def _webcam_for_pictures(status: Status) -> str:
    """The name of the webcam whose pictures are sent: the first of which one was ever taken."""
    tried = (webcam.name for webcam in status.webcams if webcam.state in ("okay", "error"))
    return next(tried, "")


def _names(troubles: tuple[Trouble, ...]) -> list[tuple[str, Cause]]:
    return [(trouble.name, trouble.cause) for trouble in troubles]
