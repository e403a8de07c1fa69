"""Simulates 100,000 agents that lost one server, and writes benchmarks/reconnect.md.

usage: make benchmark, or python -m benchmarks.reconnect [FILE]

The pauses are those of the plugin itself (octoprint_obico/server/retry_policy.py), beside ways to
wait that others use. Two processes, about a minute.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from random import Random

from benchmarks.crowd import PATIENCE_S, Crowd, Outcome, Server, Wait, comeback, outage
from octoprint_obico.server.retry_policy import WEBSOCKET, Trouble, delay_s

PAGE = Path(__file__).with_name("reconnect.md")
AGENTS = 100_000
CAPACITY = 500
OUTAGE_S, RESTART_S = 3600, 10
LATE_S = 600
"""The end of an outage, over which its steady load is averaged."""

SEED = 5
WORKERS = 2
LOST = WEBSOCKET[Trouble.LOST]


def _fixed(draw: Random, watched: bool, tries: int, asked: float | None, took_s: float) -> float:
    return 5.0


def _plain(draw: Random, watched: bool, tries: int, asked: float | None, took_s: float) -> float:
    return min(2.0 ** min(tries - 1, 30), 90.0)


def _half(draw: Random, watched: bool, tries: int, asked: float | None, took_s: float) -> float:
    longest = min(2.0 ** min(tries - 1, 30), 6.0 if watched else 90.0)
    return draw.uniform(longest / 2, longest)


def _full(draw: Random, watched: bool, tries: int, asked: float | None, took_s: float) -> float:
    pace = LOST.pace(watched)
    return draw.uniform(pace.floor_s, pace.bounds(tries, took_s)[1])


def _ours(draw: Random, watched: bool, tries: int, asked: float | None, took_s: float) -> float:
    return delay_s(
        LOST, draw.uniform, watched=watched, tries=tries, retry_after=asked, took_s=took_s
    )


OURS = "the plugin"
SCHEMES: dict[str, Wait] = {
    "fixed, 5 s": _fixed,
    "exponential from 1 to 90 s, no jitter": _plain,
    "exponential from 1 to 90 s, half jitter": _half,
    "full jitter, at the cap as well": _full,
    OURS: _ours,
}
REFUSES, HANGS = Server(CAPACITY), Server(CAPACITY, hangs=True)
ASKED_S = (30.0, 120.0, 300.0)


@dataclass(frozen=True)
class Run:
    """One way to wait, an outage, and the return of one or more kinds of server."""

    title: str
    seconds: int
    servers: tuple[Server, ...]


@dataclass(frozen=True)
class Return:
    """The figures of one return; times in seconds."""

    server: Server
    peak: int
    half_s: float | None
    most_s: float | None
    watched_s: float | None
    in_vain: float
    back: float

    @classmethod
    def of(cls, server: Server, outcome: Outcome) -> Return:
        return cls(
            server,
            max(outcome.attempts),
            outcome.back_s(0.5),
            outcome.back_s(0.99),
            outcome.back_s(0.99, watched=True),
            outcome.in_vain / outcome.agents,
            len(outcome.back) / outcome.agents,
        )


@dataclass(frozen=True)
class Result:
    """The figures of a run; attempts per second."""

    run: Run
    peak_first: int
    late: float
    peak_late: int
    returns: tuple[Return, ...]


def simulate(run: Run, agents: int = AGENTS) -> Result:
    wait = SCHEMES[run.title]
    crowd: Crowd = outage(wait, agents, run.seconds, Random(SEED))
    late = crowd.attempts[-LATE_S:]
    ends = (
        Return.of(server, comeback(wait, crowd, server, Random(SEED + 1))) for server in run.servers
    )
    average = sum(late) / len(late)
    return Result(run, max(crowd.attempts[:LATE_S]), average, max(late), tuple(ends))


def runs() -> Iterator[Run]:
    """All that is simulated; what takes longest comes first."""
    for title in SCHEMES:
        asks = tuple(Server(CAPACITY, retry_after=asked) for asked in ASKED_S)
        extra = asks if title == OURS else ()
        yield Run(title, OUTAGE_S, (REFUSES, HANGS, *extra))
        yield Run(title, RESTART_S, (REFUSES,))


# ---- the page --------------------------------------------------------------------------------

_NEAR, _FAR = LOST.watched, LOST.unwatched
_INTRODUCTION = f"""\
# A crowd that comes back

Written by `make benchmark`; a simulation, not a measurement. Always the same random numbers.

{AGENTS:,} agents lose their server within one second. Once it is back, it can take
{CAPACITY} connections a second, with one second's worth in reserve: {AGENTS // CAPACITY} s for
all of them at the best. One agent in a hundred has its page open. A refusal takes each agent its
own 0.02 to 0.2 s.

- *The plugin*: full jitter (uniform between {_FAR.floor_s:g} s and a ceiling of {_FAR.first_s:g},
  8, 16 ... s) while the pauses grow; once the ceiling is at its cap of {_FAR.cap_s:g} s, no pause
  is shorter than half of the longest. Watched, the ceiling goes from {_NEAR.first_s:g} to
  {_NEAR.cap_s:g} s.
- *Full jitter, at the cap as well* differs in the one point that its name says.
- *Half jitter* is what the plugin did before, with a cap of 6 s while watched.
- The others know no watched agents.
"""

_BOUND = """\
## What no jitter can do

That an unwatched agent finds its server within 90 s of its return means at least one attempt in
90 s from each: {least:,.0f} attempts a second from all, {ratio:.1f} times what this server can
take, however they are spread. The plugin's steady load is {late:,.0f} a second; what is too much
is refused and costs the server a TCP connection (and TLS, where it ends there). The return is
nearly as quick as the server allows all the same: 99 % are back after {most}, of {best:.0f} s at
the best.

That a single lost connection is back within 5 s means that a crowd tries once within 5 s, too:
{first:,.0f} attempts a second at the least, whatever comes after.

A server, or the proxy before it, can ask for less: 503 with `Retry-After`, which the plugin never
undercuts (up to an hour) and spreads by a quarter of it, at least by its cap. That lowers the
attempts in vain and delays the return; the first peak it cannot lower, as those attempts were due
before anybody was asked. It is right for maintenance that has an end, and not needed otherwise.
"""


def _time(value: float | None) -> str:
    return f"not in {PATIENCE_S / 60:.0f} min" if value is None else f"{value:,.0f} s"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


_RETURN_HEAD = (
    *("attempts per second, peak", "by capacity", "50 % back", "99 % back", "99 % of watched back"),
    *("attempts in vain, per agent", "back at all"),
)


def _return_row(first: str, end: Return) -> list[str]:
    return [
        first,
        f"{end.peak:,}",
        f"{end.peak / CAPACITY:.1f}",
        *map(_time, (end.half_s, end.most_s, end.watched_s)),
        f"{end.in_vain:.1f}",
        f"{end.back:.0%}",
    ]


def _returns(results: Sequence[Result], server: Server) -> str:
    head = ("pauses", *_RETURN_HEAD)
    rows = [
        _return_row(result.run.title, end)
        for result in results
        for end in result.returns
        if end.server == server
    ]
    return _table(head, rows)


def _outages(results: Sequence[Result]) -> str:
    head = (
        *("pauses", "attempts per second, peak after the loss"),
        *("mean of the last 10 min", "peak of the last 10 min"),
    )
    rows = [
        [result.run.title, f"{result.peak_first:,}", f"{result.late:,.0f}", f"{result.peak_late:,}"]
        for result in results
    ]
    return _table(head, rows)


def document(results: Sequence[Result]) -> str:
    """The whole page."""
    long = [result for result in results if result.run.seconds == OUTAGE_S]
    short = [result for result in results if result.run.seconds == RESTART_S]
    ours = next(result for result in long if result.run.title == OURS)
    bound = _BOUND.format(
        least=AGENTS / 90,
        first=AGENTS / 5,
        ratio=AGENTS / 90 / CAPACITY,
        late=ours.late,
        most=_time(ours.returns[0].most_s),
        best=0.99 * AGENTS / CAPACITY - 1,
    )
    asked = [
        _return_row(f"{end.server.retry_after:g} s", end)
        for end in ours.returns
        if end.server.retry_after is not None
    ]
    parts = (
        *(_INTRODUCTION, "## An outage of an hour: until the return\n", _outages(long)),
        "## After the return, when the server refuses at once what it cannot take\n",
        _returns(long, REFUSES),
        "## After the return, when it leaves that unanswered (8 s until the agent gives up)\n",
        _returns(long, HANGS),
        f"## A restart: away for {RESTART_S} s, then refusing what it cannot take\n",
        _returns(short, REFUSES),
        *(bound, _table(("Retry-After", *_RETURN_HEAD), asked)),
    )
    return "\n".join(parts)


def write(page: Path = PAGE) -> None:
    """Simulate, print and write."""
    with ProcessPoolExecutor(WORKERS) as pool:
        results = list(pool.map(simulate, runs()))
    text = document(results)
    page.write_text(text, encoding="utf-8")
    print(f"\n{text}")


def main() -> int:
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else PAGE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
