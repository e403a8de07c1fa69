"""Do errors come at random or in bursts?"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, lgamma

FEWEST_ATTEMPTS = 30
FEWEST_ERRORS = 2
ALPHA = 0.01
"""A pattern is called bursts where chance alone would show it less often than this."""


@dataclass(frozen=True)
class Pattern:
    """How errors are spread.

    Attributes:
        kind: "too_few", "random", "bursts" or "constant".
        p_value: chance of so few episodes, or fewer, if errors fell at random; None if not tested.
        episodes: runs of errors without a success between them.
    """

    kind: str
    p_value: float | None
    episodes: int


def classify(attempts: int, errors: int, episodes: int) -> Pattern:
    """Return the pattern of `errors` among `attempts` that came in `episodes` runs.

    The test is the exact one for the number of runs (Wald and Wolfowitz): with e errors among n
    attempts in random order, j runs have the probability C(e-1, j-1) C(n-e+1, j) / C(n, e).
    """
    if errors and errors == attempts:
        return Pattern("constant", None, episodes)
    if errors < FEWEST_ERRORS or attempts < FEWEST_ATTEMPTS:
        return Pattern("too_few", None, episodes)
    p_value = _chance_of_so_few_runs(attempts, errors, episodes)
    return Pattern("bursts" if p_value < ALPHA else "random", p_value, episodes)


def _chance_of_so_few_runs(attempts: int, errors: int, episodes: int) -> float:
    """Sum the probabilities of 1 to `episodes` runs, in logarithms: the numbers are huge."""
    total = _log_comb(attempts, errors)
    most = min(episodes, errors, attempts - errors + 1)
    chance = 0.0
    for runs in range(most, 0, -1):
        log_ways = _log_comb(errors - 1, runs - 1) + _log_comb(attempts - errors + 1, runs)
        term = exp(log_ways - total)
        chance += term
        expected = errors * (attempts - errors + 1) / attempts
        if runs < expected and term < chance * 1e-12:
            break  # below the mean the terms only shrink from here on
    return min(1.0, chance)


def _log_comb(n: int, k: int) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
