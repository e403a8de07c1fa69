"""Do errors come at random, in bursts, at fixed times, or always?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import exp, lgamma
from typing import NamedTuple

FEWEST_ATTEMPTS = 30
FEWEST_ERRORS = 2
ALPHA = 0.01
"""Chance alone may call a channel, or a part, bursts or periodic this often, all tests together."""


class Pattern(NamedTuple):
    """How errors are spread.

    Attributes:
        kind: "too_few", "random", "bursts", "periodic" or "constant".
        p_value: chance of this, or of more of it, in any of the tests that were made, if errors
            fell at random; None if not tested.
        episodes: errors that lie close together count as one.
        burst_ratio: mean length of a run of errors by what it would be at random (McGowan 2005);
            None without errors, or without anything else.
        period_s: for how many seconds connections live, where that is always the same.
        hour_of_day: around which hour the episodes start (UTC, 0 to 24), where it is the same.
        channel: the channel that this is the pattern of; None where there is none.
    """

    kind: str
    p_value: float | None
    episodes: int
    burst_ratio: float | None = None
    period_s: float | None = None
    hour_of_day: float | None = None
    channel: str | None = None


class Evidence(NamedTuple):
    """What a channel's pattern is told by.

    Attributes:
        runs: errors in a row without a success between them.
        lifetimes: for how many seconds each of the last dropped connections had been open.
        starts: when the last episodes began, in seconds since the session's start.
        by_hour: attempts in each of the 24 hours of the day, counted from the session's start.
        started_at: Unix seconds of the session's start.
    """

    channel: str
    attempts: int
    errors: int
    runs: int
    episodes: int
    lifetimes: tuple[float, ...] = ()
    starts: tuple[float, ...] = ()
    by_hour: tuple[int, ...] = ()
    started_at: float = 0.0


# Test by test: what it finds, with its chance; None where there is too little to test.
_Test = Callable[[Evidence], "Pattern | None"]


def _bursts(evidence: Evidence) -> Pattern | None:
    """The exact test for the number of runs."""
    if evidence.errors < FEWEST_ERRORS or evidence.attempts < FEWEST_ATTEMPTS:
        return None
    chance = _chance_of_so_few_runs(evidence.attempts, evidence.errors, evidence.runs)
    return Pattern("bursts", chance, evidence.episodes)


def _lifetimes(evidence: Evidence) -> Pattern | None:
    """Connections that live for the same number of seconds."""
    from .periodic import lifetimes  # without errors, no statistics in memory

    found = lifetimes(evidence.lifetimes)
    if found is None:
        return None
    return Pattern("periodic", found.p_value, evidence.episodes, period_s=found.at)


def _daily(evidence: Evidence) -> Pattern | None:
    """Episodes that start at the same hour each day."""
    from .periodic import daily

    found = daily(evidence.starts, evidence.by_hour)
    if found is None:
        return None
    hour = (evidence.started_at / 3600 + found.at) % 24
    return Pattern("periodic", found.p_value, evidence.episodes, hour_of_day=hour)


_TESTS: tuple[_Test, ...] = (_lifetimes, _daily, _bursts)


def classify(evidence: Evidence, looks: int = 1) -> Pattern:
    """Return the pattern of a channel's errors.

    Constant comes first: where nothing ever succeeded there is no spread to speak of. Periodic
    comes before bursts, because what restarts each night fails in bursts as well, and the hour
    names the culprit. Bursts come before random, which is what is left when a test found nothing.

    Args:
        looks: how many channels are looked at to choose the most telling; with each test that is
            made, the chance grows that one of them finds something in mere chance (Bonferroni).
    """
    ratio = burst_ratio(evidence.attempts, evidence.errors, evidence.runs)
    base = Pattern("too_few", None, evidence.episodes, ratio, channel=evidence.channel)
    if evidence.errors and evidence.errors == evidence.attempts:
        return base._replace(kind="constant")
    made = _made(evidence)
    for found in sorted(made, key=lambda item: (item.kind != "periodic", item.p_value or 0.0)):
        chance = min(1.0, (found.p_value or 0.0) * len(made) * looks)
        told = found._replace(p_value=chance, burst_ratio=ratio, channel=evidence.channel)
        if chance < ALPHA:
            return told
        if found.kind == "bursts":
            return told._replace(kind="random")
    return base


def _made(evidence: Evidence) -> list[Pattern]:
    if not evidence.errors or evidence.errors == evidence.attempts:
        return []
    results = (test(evidence) for test in _TESTS)
    return [result for result in results if result is not None]


_TELLING = ("constant", "periodic", "bursts", "random", "too_few")


def most_telling(evidence: Sequence[Evidence], episodes: int) -> Pattern:
    """Return the pattern of the channel that says most: what succeeds on another dilutes nothing.

    Args:
        episodes: those of all channels together.
    """
    looks = sum(1 for item in evidence if _made(item))
    patterns = [classify(item, max(looks, 1)) for item in evidence if _says_much(item, evidence)]
    best = min(patterns, key=_rank, default=Pattern("too_few", None, episodes))
    return best._replace(episodes=episodes)


def _says_much(item: Evidence, evidence: Sequence[Evidence]) -> bool:
    """Whether a channel can stand for its part: not by a single attempt, where others have more."""
    return item.attempts > 1 or all(other.attempts <= 1 for other in evidence)


def _rank(pattern: Pattern) -> tuple[int, float]:
    return _TELLING.index(pattern.kind), 1.0 if pattern.p_value is None else pattern.p_value


def burst_ratio(attempts: int, errors: int, runs: int) -> float | None:
    """Mean length of a run of errors, by that at random, which is 1 / (1 - error rate)."""
    if not runs or errors == attempts:
        return None
    return errors / runs * (1 - errors / attempts)


def _chance_of_so_few_runs(attempts: int, errors: int, runs: int) -> float:
    """Sum the probabilities of 1 to `runs` runs, in logarithms: the numbers are huge.

    The exact test for the number of runs (Wald and Wolfowitz): with e errors among n attempts in
    random order, j runs have the probability C(e-1, j-1) C(n-e+1, j) / C(n, e).
    """
    total = _log_comb(attempts, errors)
    most = min(runs, errors, attempts - errors + 1)
    chance = 0.0
    for number in range(most, 0, -1):
        log_ways = _log_comb(errors - 1, number - 1) + _log_comb(attempts - errors + 1, number)
        term = exp(log_ways - total)
        chance += term
        expected = errors * (attempts - errors + 1) / attempts
        if number < expected and term < chance * 1e-12:
            break  # below the mean the terms only shrink from here on
    return min(1.0, chance)


def _log_comb(n: int, k: int) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
