"""Prints on the virtual printer during the soak, and what OctoPrint says of them."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from sandbox.octoprint_instance import LoopbackSession, OctoPrintInstance

STEP_S = 0.025
_LIMIT_S = 60.0


def gcode(seconds: float) -> str:
    """A print that takes about so long: forty commands in a second.

    Pauses, since the virtual printer takes exactly as long for them as they say.
    """
    return "M104 S60\nG28\n" + f"G4 P{STEP_S * 1000:.0f}\n" * int(seconds / STEP_S)


class Operator:
    """Somebody who prints again and again, pauses now and then, and cancels at times."""

    def __init__(
        self, octoprint: OctoPrintInstance, api: LoopbackSession, random: Random, print_s: float
    ) -> None:
        self._octoprint, self._api, self._random = octoprint, api, random
        for name, seconds in (("calm", print_s / 2), ("soak", print_s)):
            files = {"file": (f"{name}.gcode", gcode(seconds))}
            answer = api.post("/api/files/local", files=files)
            assert answer.status_code == 201, answer.text[:300]

    def print_calmly(self) -> None:
        """One whole print that nobody touches."""
        self._start("calm")
        self._octoprint.wait_until(lambda: self._state() == "Operational", "printed", _LIMIT_S * 3)

    def work(self, stop: threading.Event) -> None:
        """Print until told to stop; then end what is printed."""
        while not stop.is_set():
            if self._state() == "Operational":
                self._start("soak")
            stop.wait(self._random.uniform(3.0, 12.0))
            what = self._random.random()
            if what < 0.7:
                self._command("pause", action="pause")
                stop.wait(self._random.uniform(1.0, 4.0))
                self._command("pause", action="resume")
            elif what < 0.8:
                self._command("cancel")
        self._octoprint.wait_until(self._is_idle, "the last print has ended", _LIMIT_S)

    def _is_idle(self) -> bool:
        if self._state() in ("Printing", "Paused"):
            self._command("cancel")
        return self._state() == "Operational"

    def _start(self, name: str) -> None:
        body = {"command": "select", "print": True}
        self._api.post(f"/api/files/local/{name}.gcode", json=body)
        self._octoprint.wait_until(lambda: self._state() != "Operational", "it prints", _LIMIT_S)

    def _state(self) -> str:
        return str(self._api.get("/api/job").json()["state"])

    def _command(self, command: str, **more: Any) -> None:
        """What the print's state does not allow any more (409) is not done."""
        answer = self._api.post("/api/job", json={"command": command, **more})
        assert answer.status_code in (204, 409), answer.text[:300]


@dataclass(frozen=True)
class Seen:
    """What the observer in OctoPrint saw. Times are Unix seconds."""

    events: Sequence[tuple[str, float]]
    sent: Sequence[float]

    @classmethod
    def by(cls, api: LoopbackSession) -> Seen:
        found = api.get("/plugin/soak_observer/seen").json()
        return cls([(name, at) for name, at in found["events"]], found["sent"])

    def rate(self, start: float, end: float) -> Rate:
        """How the commands went out between the two, while it was printing undisturbed."""
        spans = [(a, b) for a, b in self._undisturbed() if start <= a and b <= end]
        return self._rate(spans)

    def between(self, start: float, end: float) -> Rate:
        """How they went out between the two, of a print that goes on all the time."""
        return self._rate([(start, end)])

    def _rate(self, spans: Sequence[tuple[float, float]]) -> Rate:
        commands, seconds, longest = 0, 0.0, 0.0
        for begin, until in spans:
            times = [at for at in self.sent if begin <= at <= until]
            gaps = [after - before for before, after in zip(times, times[1:])]
            commands, seconds = commands + len(gaps), seconds + sum(gaps)
            longest = max([longest, *gaps])
        return Rate(commands / seconds if seconds else 0.0, longest, seconds)

    def _undisturbed(self) -> Sequence[tuple[float, float]]:
        """From each start and resuming to what comes next, without a second at both ends."""
        pairs = zip(self.events, self.events[1:])
        begins = ("PrintStarted", "PrintResumed")
        spans = [(a + 1.0, b - 1.0) for (name, a), (_, b) in pairs if name in begins]
        return [(a, b) for a, b in spans if b - a > 1.0]


@dataclass(frozen=True)
class Rate:
    """Commands in a second, the longest gap between two in seconds, over how many seconds."""

    per_s: float
    longest_gap_s: float
    seconds: float
