"""What goes wrong in the soak, at random: a table of faults, and who lets them happen."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass
from pathlib import Path
from random import Random

from sandbox import SandboxServer
from tests.soak.line import Line

_SNMP = Path("/proc/thread-self/net/snmp")


def refused() -> int:
    """Connections that were refused in this thread's network so far (RFC 4022, tcpAttemptFails)."""
    names, values = (
        line.split() for line in _SNMP.read_text("ascii").splitlines() if line.startswith("Tcp:")
    )
    return int(dict(zip(names, values))["AttemptFails"])


@dataclass(frozen=True)
class Scene:
    """What can be broken."""

    line: Line
    server: SandboxServer


@dataclass(frozen=True)
class Fault:
    """One way of going wrong: how it begins, how it ends, and how long it lasts, in seconds."""

    begin: Callable[[Scene], None]
    end: Callable[[Scene], None] = lambda scene: None
    least_s: float = 0.0
    most_s: float = 0.0


def _meeting(fault: str) -> Fault:
    """What is open is reset, and what comes then meets that."""

    def begin(scene: Scene) -> None:
        scene.line.meet(fault)
        scene.line.reset()

    return Fault(begin, lambda scene: scene.line.meet(""), 1.0, 6.0)


FAULTS: Mapping[str, Fault] = {
    "reset": Fault(lambda scene: scene.line.reset()),
    "close": Fault(lambda scene: scene.line.close()),
    "truncate": Fault(lambda scene: scene.line.truncate()),
    "freeze": Fault(lambda scene: scene.line.freeze()),
    "kick": Fault(lambda scene: scene.line.kicked(lambda: scene.server.kick(1011))),
    "delay": Fault(
        lambda scene: scene.line.delay(0.4), lambda scene: scene.line.delay(0.0), 2.0, 8.0
    ),
    "refuse": Fault(lambda scene: scene.line.refuse(), lambda scene: scene.line.listen(), 1.0, 8.0),
    "restart": Fault(
        lambda scene: scene.server.set_fault("unreachable"),
        lambda scene: scene.server.clear(),
        1.0,
        8.0,
    ),
    "meet resets": _meeting("reset"),
    "meet silence": _meeting("silence"),
    "meet 502": _meeting("502"),
}


class Chaos:
    """Lets faults happen, one after another, with a calm between them.

    Attributes:
        happened: how often each fault has.
        refused: connections that met nobody who listens.
    """

    def __init__(self, scene: Scene, random: Random, names: list[str]) -> None:
        self._scene, self._random, self._names = scene, random, names
        self._round: list[str] = []
        self.happened: dict[str, int] = dict.fromkeys(names, 0)
        self.refused = 0

    def reign(self, seconds: float, work: Future[None]) -> None:
        """Go on for so long, or until the work beside it ends. Nothing is broken afterwards."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not work.done():
            self._happen(self._next(), work)
            wait([work], self._random.uniform(0.5, 8.0))

    def _next(self) -> str:
        """Each fault once in a round, in a new order each time."""
        if not self._round:
            self._round = self._random.sample(self._names, len(self._names))
        return self._round.pop()

    def _happen(self, name: str, work: Future[None]) -> None:
        fault, before = FAULTS[name], refused() if name == "refuse" else 0
        fault.begin(self._scene)
        try:
            wait([work], self._random.uniform(fault.least_s, fault.most_s))
        finally:
            fault.end(self._scene)
        self.happened[name] += 1
        if name == "refuse":
            self.refused += refused() - before
