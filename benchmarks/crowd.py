"""A crowd of agents that lost one server, and its return: a simulation of discrete events.

Nothing is connected to: agents and server are a few numbers each, and the clock jumps from attempt
to attempt. The same seed gives the same numbers.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import repeat
from random import Random
from typing import Optional

from octoprint_obico.server.websocket import OPEN_TIMEOUT_S

WATCHED_EVERY = 100
"""Of so many agents one has its page open."""

ANSWER_S = (0.02, 0.2)
"""How long a refusal takes, between these two: for each agent always the same, its round trip."""

LOST_WITHIN_S = 1.0
PATIENCE_S = 1800.0
"""After the server's return; who is not back by then counts as not back."""


Wait = Callable[[Random, bool, int, Optional[float], float], float]
"""(randomness, watched, failed attempts, Retry-After, seconds that the last one took) -> seconds to
wait; the meaning is that of `retry_policy.delay_s`. No object: it is called ten million times."""


@dataclass(frozen=True)
class Server:
    """What becomes of the attempts that are more than the server can take.

    Attributes:
        capacity: connections per second that it takes; a second's worth is in reserve.
        hangs: leaves the others unanswered until the agent gives up; otherwise it refuses at once.
        retry_after: what it says when it refuses.
    """

    capacity: int
    hangs: bool = False
    retry_after: float | None = None


@dataclass(frozen=True)
class Crowd:
    """The agents at the moment of the server's return.

    Attributes:
        due: for each its next attempt, in seconds after the return, and its number.
        tries, answer_s: for each its failed attempts, and how long a refusal takes.
        attempts: of all, in each second of the outage.
    """

    due: list[tuple[float, int]]
    tries: list[int]
    answer_s: list[float]
    attempts: list[int]


@dataclass
class Outcome:
    """How the return went. `back` has a moment and whether it was watched, for each agent."""

    agents: int
    attempts: list[int] = field(default_factory=list)
    back: list[tuple[float, bool]] = field(default_factory=list)
    in_vain: int = 0

    def back_s(self, part: float, *, watched: bool = False) -> float | None:
        """Seconds until this part of all agents, or of those watched, was back; None: never."""
        times = [moment for moment, looked in self.back if looked or not watched]
        total = len(range(0, self.agents, WATCHED_EVERY)) if watched else self.agents
        needed = round(total * part)
        return times[needed - 1] if len(times) >= needed else None


def is_watched(agent: int) -> bool:
    return agent % WATCHED_EVERY == 0


def outage(wait: Wait, agents: int, seconds: int, draw: Random) -> Crowd:
    """Let all agents lose the server within a second, and try in vain for so long.

    While nothing but refusals comes, no agent's attempts depend on another's.
    """
    crowd = Crowd([], [], [], [0] * seconds)
    attempts = crowd.attempts
    for agent in range(agents):
        watched, tries, answer_s = is_watched(agent), 1, draw.uniform(*ANSWER_S)
        moment = draw.uniform(0.0, LOST_WITHIN_S) + wait(draw, watched, tries, None, 0.0)
        while moment < seconds:
            attempts[int(moment)] += 1
            tries += 1
            moment += answer_s + wait(draw, watched, tries, None, answer_s)
        crowd.due.append((moment - seconds, agent))
        crowd.tries.append(tries)
        crowd.answer_s.append(answer_s)
    return crowd


def comeback(wait: Wait, crowd: Crowd, server: Server, draw: Random) -> Outcome:
    """Let the agents return to a server that takes so many a second."""
    due, tries = list(crowd.due), list(crowd.tries)
    outcome = Outcome(len(due))
    heapq.heapify(due)
    reserve, refilled = float(server.capacity), 0.0
    while due and due[0][0] < PATIENCE_S:
        moment, agent = due[0]
        second = int(moment)
        outcome.attempts.extend(repeat(0, second + 1 - len(outcome.attempts)))
        outcome.attempts[second] += 1
        gained = (moment - refilled) * server.capacity
        reserve, refilled = min(reserve + gained, float(server.capacity)), moment
        if reserve >= 1.0:
            reserve -= 1.0
            outcome.back.append((moment, is_watched(agent)))
            heapq.heappop(due)
            continue
        outcome.in_vain += 1
        tries[agent] += 1
        took_s = OPEN_TIMEOUT_S if server.hangs else crowd.answer_s[agent]
        pause = wait(draw, is_watched(agent), tries[agent], server.retry_after, took_s)
        heapq.heapreplace(due, (moment + took_s + pause, agent))
    return outcome
