"""Takes snapshots when they are wanted and posts them to the server."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ..server.causes import Cause
from ..server.deadline import Deadline
from ..server.errors import Attempt, ChannelError, Stage
from ..server.faults import Faults
from ..server.http import expect_ok
from ..server.http_channel import HttpChannel
from ..server.journal import Limit, Line, write
from ..server.responses import Reply
from ..server.worker import Worker
from .hold import Hold
from .snapshot import TIMEOUT_S, Fetcher, Picture, Webcam

log = logging.getLogger("octoprint.plugins.obico.webcam")

PICTURE_PATH = "/api/v1/octo/pic/"
POST_TIMEOUT_S = 30.0
"""A picture is large and an uplink slow; the other calls have less."""


class Demand(NamedTuple):
    """What the printer and the viewers want just now.

    Attributes:
        printing: whether a print is current, running or paused.
        viewing, should_watch: as the server says (PROTOCOL 6.2).
        paused: whether the current print stands still.
    """

    printing: bool = False
    viewing: bool = False
    should_watch: bool = False
    paused: bool = False

    def told(self, viewing: bool | None, should_watch: bool | None) -> Demand:
        """The same after the server's word; None: as before."""
        return self._replace(
            viewing=self.viewing if viewing is None else viewing,
            should_watch=self.should_watch if should_watch is None else should_watch,
        )


def interval(demand: Demand) -> float | None:
    """Seconds between pictures, or None where nobody needs any (PROTOCOL section 9).

    Failure detection looks at no paused print: then only viewers count.
    """
    if not demand.printing:
        return None
    watched = demand.viewing or (demand.should_watch and not demand.paused)
    return 10.0 if watched else 120.0


TURN_S = 2.0
"""How often it is looked whether a picture is due."""


_MOST_TAKERS = 10


class SnapshotPoster:
    """The thread that takes and posts pictures, and looks after the webcams while idle.

    Args:
        webcams: OctoPrint's webcams as they are configured now, the one for snapshots first.
        http: the live HTTP channel, or None while the printer is not linked.
        demand: what is wanted now.
        watched: whether somebody looks at the status: then the webcams are looked at more often.
        rest: told of a channel of a webcam at which nobody looks any more.
    """

    IDLE_LOOK_S, WATCHED_LOOK_S = 300.0, 10.0

    def __init__(
        self,
        webcams: Callable[[], Sequence[Webcam]],
        http: Callable[[], HttpChannel | None],
        demand: Callable[[], Demand],
        watched: Callable[[], bool],
        record: Callable[[Attempt], None],
        on_state: Callable[[], None],
        rest: Callable[[str], None],
    ) -> None:
        self._webcams, self._http, self._demand = webcams, http, demand
        self._watched, self._record, self._on_state = watched, record, on_state
        self._rest = rest
        self._looked_after: set[str] = set()
        self._fetcher = Fetcher()
        self._boost, self._hold = threading.Event(), Hold()
        self._takers: deque[Callable[[bytes | None], object]] = deque(maxlen=_MOST_TAKERS)
        self._may_be_others = True
        self._set_up: list[Webcam] | None = None
        self._last_post = self._last_look = float("-inf")
        self._failing: dict[str, bool] = {}
        self._limit = Limit()
        self._worker = Worker(
            "obico-webcam",
            self._turn,
            Faults(record, log),
            "taking a picture",
            after_fault_s=TURN_S,
        )

    def start(self) -> None:
        self._worker.start()

    def stop(self, timeout_s: float = 2.0) -> None:
        self._worker.stop(timeout_s)

    def nudge(self, *, boost: bool = False) -> None:
        """Look again at what is wanted; with `boost`, post a picture for a viewer at once."""
        if boost:
            self._boost.set()
        self._worker.wake()

    def take_for(self, taker: Callable[[bytes | None], object]) -> None:
        """Take a picture and hand it over, or None where there is none. Returns at once."""
        self._takers.append(taker)
        self._worker.wake()

    def look_now(self) -> None:
        """Look after the webcams without waiting for the next regular look: the link is another."""
        self._last_look = float("-inf")
        self._hold.end()
        self._worker.wake()

    def settings_changed(self) -> None:
        """Somebody has saved settings: look after the webcams at once if they are others now."""
        self._may_be_others = True
        self._worker.wake()

    def _are_others(self) -> bool:
        """Whether the webcams are set up differently since this was asked last."""
        before = self._set_up
        self._set_up = [webcam._replace(take=None) for webcam in self._webcams()]
        return before is not None and before != self._set_up

    def _turn(self) -> float:
        self._do_what_is_due()
        return TURN_S

    def _do_what_is_due(self) -> None:
        http, now = self._http(), time.monotonic()
        self._serve_takers()
        if http is None:
            self._look_after(())
            return
        if self._may_be_others:
            self._may_be_others = False
            if self._are_others():
                self._last_look = float("-inf")
        boost = self._boost.is_set()
        self._boost.clear()  # before the demand is read, so that no viewer is missed
        demand = self._demand()
        boost, every = boost and demand.viewing, interval(demand)
        due = every is not None and now - self._last_post >= every
        if (boost or due) and self._hold.over:
            self._last_post = self._last_look = now
            # a paused print stands still: neither detection nor timelapse gain by its pictures
            self._post(http, boost or demand.paused)
            return
        if boost:
            self._boost.set()
        pause = self.WATCHED_LOOK_S if self._watched() else self.IDLE_LOOK_S
        if now - self._last_look >= pause:
            self._last_look = now
            webcams = self._webcams()
            self._look_after(webcams)
            for webcam in webcams:
                self._take(webcam)

    def _post(self, http: HttpChannel, boost: bool) -> None:
        webcam = self._for_snapshots()
        self._look_after([webcam] if webcam is not None else ())
        picture = self._fetch(webcam) if webcam is not None else None
        if webcam is None or picture is None:
            return
        fault = None
        try:
            http.call(
                "POST",
                PICTURE_PATH,
                expect_ok,
                timeout_s=POST_TIMEOUT_S,
                refused=_damaged,
                files={"pic": ("snapshot.jpg", _small(picture), "image/jpeg")},
                data={"viewing_boost": "true" if boost else "false", "is_primary_camera": "true"},
            )
        except ChannelError as error:
            log.debug("A picture could not be posted: %s", error)
            if error.cause is Cause.WEBCAM_CORRUPT:
                fault = error.with_facts(**webcam.facts)
            else:
                self._hold.failed(error, watched=self._watched())
        finally:
            self._note(webcam, fault)

    def _for_snapshots(self) -> Webcam | None:
        return next((cam for cam in self._webcams() if cam.take is not None), None)

    def _serve_takers(self) -> None:
        """Hand one picture to all who have asked for one."""
        if not self._takers:
            return
        jpeg = None
        try:
            webcam = self._for_snapshots()
            picture = self._take(webcam) if webcam is not None else None
            jpeg = _small(picture) if picture is not None else None
        finally:  # who waits for a picture must not wait in vain
            while self._takers:
                self._takers.popleft()(jpeg)

    def _look_after(self, webcams: Sequence[Webcam]) -> None:
        """From now on look after these; what was looked after before is at rest."""
        channels = {webcam.channel for webcam in webcams if webcam.take is not None}
        for channel in self._looked_after - channels:
            self._rest(channel)
        self._looked_after = channels

    def _take(self, webcam: Webcam) -> Picture | None:
        """Take one picture and record how that went; a webcam without snapshots is no attempt."""
        picture = self._fetch(webcam)
        if picture is not None:
            self._note(webcam, None)
        return picture

    def _fetch(self, webcam: Webcam) -> Picture | None:
        """Take one picture; record only that there is none."""
        if webcam.take is None:
            return None
        try:
            return self._fetcher.fetch(webcam, Deadline(TIMEOUT_S))
        except ChannelError as error:
            self._note(webcam, error)
            return None

    def _note(self, webcam: Webcam, error: ChannelError | None) -> None:
        """Record how an attempt on a webcam ended."""
        failed = error is not None
        self._record(
            Attempt.success(webcam.channel)
            if error is None
            else Attempt.failure(webcam.channel, error)
        )
        if self._failing.get(webcam.name, False) is failed:
            return
        self._failing[webcam.name] = failed
        line = Line(logging.INFO, f"Webcam {webcam.name}: {error or 'okay'}")
        write(log, self._limit.take(line))
        self._on_state()


def _small(picture: Picture) -> bytes:
    """A picture as it goes to the server."""
    from .scale import scaled  # not before there is a picture

    return scaled(picture.jpeg)


def _damaged(reply: Reply) -> ChannelError | None:
    """What a picture is that the server cannot open (PROTOCOL 2.4): a fault of the webcam.

    A list is the server's own word; other 400s are from whatever stands before it.
    """
    if reply.status != 400 or not isinstance(reply.json(), list):
        return None
    seen = {"looks_like": "a JPEG that the server cannot open", "status": reply.status}
    return ChannelError(Cause.WEBCAM_CORRUPT, Stage.RESPONSE, "HTTP 400", seen)
