"""Attempts that fail at random, and in bursts, for the tests of what the figures say of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from random import Random

from octoprint_obico.session.pattern import Evidence


def random_losses(chance: Random, attempts: int, rate: float) -> list[bool]:
    """True for each attempt that failed, each on its own."""
    return [chance.random() < rate for _ in range(attempts)]


def bursts(chance: Random, attempts: int, rate: float, length: float) -> list[bool]:
    """Gilbert's chain: bad states of a mean length in which all fails, good ones in which nothing.

    The chain starts in its lasting distribution, and fails at `rate` in the long run.
    """
    leave, enter = 1 / length, rate / (length * (1 - rate))
    return list(_chain(chance, attempts, rate, leave, enter, 1.0, 0.0))


def gilbert_elliott(chance: Random, attempts: int, rate: float, length: float) -> list[bool]:
    """The chain with states that are not quite so bad and good: 80 % and 1 % fail."""
    bad = (rate - 0.01) / (0.8 - 0.01)
    leave, enter = 1 / length, bad / (length * (1 - bad))
    return list(_chain(chance, attempts, bad, leave, enter, 0.8, 0.01))


def _chain(
    chance: Random,
    attempts: int,
    bad_share: float,
    leave: float,
    enter: float,
    fails_bad: float,
    fails_good: float,
) -> Iterator[bool]:
    bad = chance.random() < bad_share
    for _ in range(attempts):
        yield chance.random() < (fails_bad if bad else fails_good)
        bad = chance.random() >= leave if bad else chance.random() < enter


def evidence_of(failed: Sequence[bool], channel: str = "http") -> Evidence:
    """What a channel knows after these attempts, as far as their order goes."""
    runs = sum(1 for error, _ in groupby(failed) if error)
    return Evidence(channel, len(failed), sum(failed), runs, runs)
