"""Measures how soon a fault shows in the status, and how soon the agent is back after it.

usage: make benchmark, or python -m benchmarks.recovery [FILE]

The agent runs without OctoPrint, with its outbox, against servers on loopback; all rows side by
side, because they are waits. Takes five to nine minutes. As root on Linux each row has a network of
its own: then its packets can really be dropped, and no other row's addresses end its pauses.
"""

from __future__ import annotations

import contextlib
import logging
import os
import platform
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from benchmarks.recovery_faults import FAULTS, Fault, Scene, isolate
from octoprint_obico.agent import Agent
from octoprint_obico.session.status import ServerState, Status
from tests.servers.hosts import FakeHost

PAGE = Path(__file__).with_name("recovery.md")
REPEATS = 3
LOOK_EVERY_S = 5.0
POLL_S = 0.2
"""The agent announces most changes; what it does not is seen so much later at the most."""

START_LIMIT_S = 30.0
BACK_LIMIT_S = 330.0
"""Longer than the longest pause between two attempts."""

SETTLE_S = 5.0
REGULAR_S = {True: 10.0, False: 60.0}
"""How often the agent asks over HTTP, watched or not. The faults of the repeats begin spread over
it, so that their median is that of a fault that begins at any moment."""


@dataclass(frozen=True)
class Run:
    """What came out once; None where it did not happen in the time."""

    noticed_s: float | None
    back_s: float | None
    cause: str | None


# ---- one run ---------------------------------------------------------------------------------


class _Host(FakeHost):
    """Tells a waiting thread of each notification."""

    def __init__(self, address: str, token: str) -> None:
        super().__init__(address, token)
        self.told = threading.Event()

    def notify(self, topic: str) -> None:
        super().notify(topic)
        self.told.set()


class _Watcher:
    """Looks at the status, as a page does where the run is watched."""

    def __init__(self, agent: Agent, host: _Host, watched: bool) -> None:
        self._agent, self._host, self._watched = agent, host, watched
        self._look_at = float("-inf")

    def until(self, condition: Callable[[Status], bool], limit_s: float) -> float | None:
        """Wait for a status; when it was there (monotonic), or None after `limit_s` seconds."""
        end = time.monotonic() + limit_s
        while True:
            self._host.told.clear()
            now = time.monotonic()
            if self._watched and now >= self._look_at:
                self._look_at = now + LOOK_EVERY_S
                self._agent.look()
            if condition(self._agent.status()):
                return time.monotonic()
            if now >= end:
                return None
            self._host.told.wait(min(POLL_S, end - now))

    def stay(self, seconds: float) -> None:
        """Go on looking for so long."""
        self.until(lambda status: False, seconds)


def is_okay(status: Status) -> bool:
    return status.server.state is ServerState.OKAY


def is_back(status: Status) -> bool:
    """Both channels work; the row may say for two minutes more that errors have occurred."""
    return status.server.reason in ("up", "recovering")


def measure(fault: Fault, watched: bool, repeat: int, isolated: bool) -> Run:
    """Let the fault happen once."""
    with contextlib.ExitStack() as stack:
        scene = stack.enter_context(fault.stage(isolated))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        host = _Host(scene.url, scene.token)
        agent = Agent(host, "3.0.0", outbox_file=folder / "outbox.sqlite")
        stack.callback(agent.stop)
        agent.start()
        watcher = _Watcher(agent, host, watched)
        if watcher.until(is_okay, START_LIMIT_S) is None:
            raise RuntimeError(f"not connected to begin with: {agent.status().server}")
        watcher.stay(SETTLE_S + REGULAR_S[watched] * repeat / REPEATS)
        return _during(fault, scene, watcher)


def _during(fault: Fault, scene: Scene, watcher: _Watcher) -> Run:
    causes: list[str] = []

    def shows(status: Status) -> bool:
        cause = status.server.cause.value if status.server.cause else ""
        if is_okay(status) or fault.cause not in (None, cause):
            return False
        causes.append(cause)
        return True

    began = time.monotonic()
    scene.begin()
    noticed = watcher.until(shows, fault.lasts_s or REGULAR_S[False])
    watcher.stay(began + fault.lasts_s - time.monotonic())
    ended = time.monotonic() if fault.lasts_s else began
    scene.end()
    back = None if noticed is None else watcher.until(is_back, BACK_LIMIT_S)
    return Run(
        None if noticed is None else noticed - began,
        None if back is None else back - ended,
        causes[0] if causes else None,
    )


# ---- all of them -----------------------------------------------------------------------------


class _Job(threading.Thread):
    """One run, on a thread that may have a network of its own."""

    def __init__(self, fault: Fault, watched: bool, repeat: int) -> None:
        super().__init__(daemon=True)
        self.fault, self.watched, self.repeat = fault, watched, repeat
        self.isolated = False
        self.outcome: Run | Exception = RuntimeError("did not end")

    def run(self) -> None:
        try:
            self.isolated = isolate()
            self.outcome = measure(self.fault, self.watched, self.repeat, self.isolated)
        except Exception as error:  # told by whoever reads the outcome
            self.outcome = error

    def result(self) -> Run:
        """Wait for the end. Raises what has ended it."""
        self.join()
        if isinstance(self.outcome, Exception):
            raise RuntimeError(f"{self.fault.title}: {self.outcome!r}") from self.outcome
        return self.outcome


@dataclass(frozen=True)
class Row:
    """One fault: the runs while somebody looks, and while nobody does."""

    fault: Fault
    watched: Sequence[Run]
    alone: Sequence[Run]

    def missed(self) -> list[str]:
        """Which targets are not met."""
        fault = self.fault
        if fault.harmless:
            shown = [run for run in (*self.watched, *self.alone) if run.noticed_s is not None]
            return ["shows a fault"] if shown else []
        pairs = (
            ("noticed, watched", [run.noticed_s for run in self.watched], fault.noticed_s),
            ("noticed, not watched", [run.noticed_s for run in self.alone], fault.noticed_s),
            ("back, watched", [run.back_s for run in self.watched], fault.back_s),
            ("back, not watched", [run.back_s for run in self.alone], fault.alone_s),
        )
        return [name for name, found, most in pairs if most is not None and middle(found) > most]

    def cells(self) -> Sequence[str]:
        """The row of the table."""
        fault, missed = self.fault, self.missed()
        runs = (*self.watched, *self.alone)
        causes = sorted({run.cause for run in runs if run.cause})
        return (
            fault.title,
            _shown([run.noticed_s for run in self.watched], fault.harmless),
            _shown([run.noticed_s for run in self.alone], fault.harmless),
            _target(fault.noticed_s, fault.harmless),
            "–" if fault.harmless else _shown([run.back_s for run in self.watched]),
            _target(fault.back_s),
            "–" if fault.harmless else _shown([run.back_s for run in self.alone]),
            _target(fault.alone_s),
            ", ".join(f"`{cause}`" for cause in causes) or "–",
            "**no**: " + "; ".join(missed) if missed else "yes",
        )


def middle(found: Sequence[float | None]) -> float:
    """The median; infinite where it did not happen."""
    return statistics.median(float("inf") if each is None else each for each in found)


def _shown(found: Sequence[float | None], harmless: bool = False) -> str:
    """The median, and the longest in brackets."""
    if harmless and not any(found):
        return "nothing"
    ordered = sorted(float("inf") if each is None else each for each in found)
    texts = ["never" if each == float("inf") else f"{each:.1f} s" for each in ordered]
    return f"{texts[len(texts) // 2]} ({texts[-1]})"


def _target(seconds: float | None, harmless: bool = False) -> str:
    return "nothing" if harmless else "–" if seconds is None else f"{seconds:.0f} s"


def rows() -> tuple[list[Row], bool]:
    """Run everything side by side; the rows, and whether each run had a network of its own."""
    jobs = {
        (number, watched): [_Job(fault, watched, repeat) for repeat in range(REPEATS)]
        for number, fault in enumerate(FAULTS)
        for watched in (True, False)
    }
    for each in jobs.values():
        for job in each:
            job.start()
    found = []
    for number, fault in enumerate(FAULTS):
        runs = ([job.result() for job in jobs[number, watched]] for watched in (True, False))
        found.append(Row(fault, *runs))
        print(_line(found[-1].cells()), flush=True)
    isolated = {job.isolated for each in jobs.values() for job in each}
    if len(isolated) > 1:
        raise RuntimeError("only some rows had a network of their own")
    return found, isolated.pop()


_HEAD = (
    *("fault", "noticed, watched", "noticed, not watched", "target", "back, watched", "target"),
    *("back, not watched", "target", "cause shown first", "met"),
)

_PAGE = """\
# Noticing a fault, and coming back

Written by `make benchmark`; not a test. {machine}

The agent without OctoPrint, idle, linked, with its outbox and without a webcam, against servers on
loopback. {count} runs side by side, {seconds:.0f} s in all, so that the machine was busy with the
other rows (and with whatever else ran on it); the load average at the end was {load}.

*Noticed*: from the start of the fault until the status, which the page shows, is not Okay any more
(where a token is concerned: until it names the cause). *Back*: from the end of the fault (where it
has none: from its start) until both channels work again; the row then says for two minutes more
that errors have occurred. *Watched*: somebody looks at the page, every {look:.0f} s. Each is the
median of {repeats} (in brackets the longest), whose faults begin at moments spread over the
{often:.0f} or {seldom:.0f} s between two regular questions over HTTP. Nothing is shortened.

*Target* of "back" is that of the row in the issue where it has one, else that a server's return is
found within 10 s while somebody looks and within 90 s otherwise. Nobody is there to mend a token:
not watched, one try every few minutes is what is asked for.

{network}

{table}

{verdict}
"""

_REAL = """\
Each run has a network of its own: its packets are really dropped (iptables), on loopback, so that
nothing tells it of the network's return."""
_UNREAL = """\
Not run as root on Linux with iproute2 and iptables: in place of dropped packets the server takes
everything and says nothing."""


def document(found: Sequence[Row], isolated: bool, seconds: float) -> str:
    """The whole page."""
    missed = [row.fault.title for row in found if row.missed()]
    lines = [_line(_HEAD), _line(["---"] * len(_HEAD)), *(_line(row.cells()) for row in found)]
    return _PAGE.format(
        machine=(
            f"{datetime.now(timezone.utc):%Y-%m-%d}, {platform.system()} on {platform.machine()}, "
            f"{os.cpu_count()} cores, Python {platform.python_version()}."
        ),
        count=len(found) * REPEATS * 2,
        seconds=seconds,
        load=f"{os.getloadavg()[0]:.1f}",
        look=LOOK_EVERY_S,
        repeats=REPEATS,
        often=REGULAR_S[True],
        seldom=REGULAR_S[False],
        network=_REAL if isolated else _UNREAL,
        table="\n".join(lines),
        verdict=f"Targets missed: {'; '.join(missed)}." if missed else "All targets are met.",
    )


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def write(page: Path = PAGE) -> bool:
    """Measure, write the page, and return whether all targets are met."""
    logging.getLogger("octoprint").addHandler(logging.NullHandler())  # each row logs its faults
    logging.getLogger("octoprint").propagate = False
    started = time.monotonic()
    found, isolated = rows()
    page.write_text(document(found, isolated, time.monotonic() - started), encoding="utf-8")
    return not any(row.missed() for row in found)


def main() -> int:
    """Ends with 1 where a target is missed."""
    return 0 if write(Path(sys.argv[1]) if len(sys.argv) > 1 else PAGE) else 1


if __name__ == "__main__":
    sys.exit(main())
