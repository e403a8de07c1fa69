"""Random, bursts, periodic, constant: the exact test against all orders there are, and simulations.

The simulations have fixed seeds: they show the same figures each time. How far off the true share
a share of N runs may be is stated as three standard deviations of the binomial distribution.
"""

from __future__ import annotations

from itertools import combinations, groupby
from math import comb, sqrt
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octoprint_obico.session import pattern as p
from octoprint_obico.session.pattern import Evidence
from tests.unit.losses import bursts, evidence_of, gilbert_elliott, random_losses

RUNS = 3000
FALSE_ALARMS = round(RUNS * p.ALPHA + 3 * sqrt(RUNS * p.ALPHA * (1 - p.ALPHA)))
"""46 of 3000: with a true share of 1 %, more are met once in 700 times."""

KINDS = ("too_few", "random", "bursts", "periodic", "constant")


def evidence(attempts: int, errors: int, runs: int, channel: str = "http") -> Evidence:
    return Evidence(channel, attempts, errors, runs, runs)


def runs_of(n: int, where: tuple[int, ...]) -> int:
    """Runs of errors at these places among n attempts."""
    failed = [place in where for place in range(n)]
    return sum(1 for error, _ in groupby(failed) if error)


@pytest.mark.parametrize(("n", "errors"), [(n, e) for n in range(2, 13) for e in range(1, n)])
def test_the_chance_is_that_of_all_orders(n: int, errors: int) -> None:
    counts = [runs_of(n, where) for where in combinations(range(n), errors)]
    for runs in range(1, errors + 1):
        expected = sum(1 for count in counts if count <= runs) / comb(n, errors)
        assert p._chance_of_so_few_runs(n, errors, runs) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("attempts", "errors", "runs", "kind"),
    [
        (0, 0, 0, "too_few"),
        (100, 0, 0, "too_few"),
        (29, 5, 1, "too_few"),
        (1000, 1, 1, "too_few"),
        (30, 2, 2, "random"),
        (100, 10, 1, "bursts"),
        (100, 10, 10, "random"),
        (1, 1, 1, "constant"),
        (500, 500, 1, "constant"),
        (100_000, 5_000, 4_750, "random"),
        (100_000, 5_000, 300, "bursts"),
    ],
)
def test_the_kinds(attempts: int, errors: int, runs: int, kind: str) -> None:
    found = p.classify(evidence(attempts, errors, runs))
    assert (found.kind, found.channel) == (kind, "http")
    assert (found.p_value is None) is (kind in ("too_few", "constant"))
    if found.p_value is not None:
        assert (found.p_value < p.ALPHA) is (kind == "bursts")


@given(st.integers(0, 10**6), st.data())
def test_whatever_is_counted_has_a_pattern(attempts: int, data: st.DataObject) -> None:
    errors = data.draw(st.integers(0, attempts))
    runs = data.draw(st.integers(min(errors, 1), min(errors, attempts - errors + 1, 3000)))
    found = p.classify(evidence(attempts, errors, runs))
    assert found.kind in ("too_few", "random", "bursts", "constant")
    assert found.p_value is None or 0.0 <= found.p_value <= 1.0


@pytest.mark.parametrize(
    ("attempts", "errors", "runs", "ratio"),
    [
        (100, 0, 0, None),
        (10, 10, 1, None),
        (100, 20, 20, 0.8),
        (100, 20, 5, 3.2),
        (1000, 1, 1, 0.999),
    ],
)
def test_the_burst_ratio(attempts: int, errors: int, runs: int, ratio: float | None) -> None:
    found = p.classify(evidence(attempts, errors, runs)).burst_ratio
    assert found == (None if ratio is None else pytest.approx(ratio))


def test_the_burst_ratio_of_random_losses_is_one() -> None:
    failed = random_losses(Random(1), 200_000, 0.3)
    assert p.classify(evidence_of(failed)).burst_ratio == pytest.approx(1.0, abs=0.01)


# ---- how often the classification is right -------------------------------------------------------


@pytest.mark.parametrize(
    ("attempts", "rate"),
    [(30, 0.2), (100, 0.05), (100, 0.2), (100, 0.5), (1000, 0.02), (1000, 0.2), (1000, 0.9)],
)
def test_false_alarms_on_random_losses(attempts: int, rate: float) -> None:
    chance = Random(f"random {attempts} {rate}")
    kinds = [
        p.classify(evidence_of(random_losses(chance, attempts, rate))).kind for _ in range(RUNS)
    ]
    assert kinds.count("bursts") + kinds.count("periodic") <= FALSE_ALARMS


def test_a_part_of_several_channels_has_no_more_false_alarms() -> None:
    """Looking at more channels must not make one of them more likely to stand out."""
    chance, alarms = Random("part"), 0
    for _ in range(RUNS):
        channels = [evidence_of(random_losses(chance, 1000, 0.2), f"webcam:{n}") for n in range(4)]
        alarms += p.most_telling(channels, 1).kind != "random"
    assert alarms <= FALSE_ALARMS


@pytest.mark.parametrize("seed", range(3))
def test_bursts_of_four_at_a_fifth_of_a_hundred_attempts_are_found(seed: int) -> None:
    """Of sessions with as many errors as that: those with none, or nothing else, tell nothing."""
    chance = Random(f"bursts {seed}")
    found = [p.classify(evidence_of(bursts(chance, 100, 0.2, 4.0))).kind for _ in range(1000)]
    assert found.count("bursts") >= 950


@pytest.mark.parametrize(
    ("attempts", "rate", "length", "share"), [(300, 0.2, 4.0, 0.95), (300, 0.1, 8.0, 0.9)]
)
def test_bursts_with_successes_in_them_are_found(
    attempts: int, rate: float, length: float, share: float
) -> None:
    chance = Random("gilbert-elliott")
    found = [
        p.classify(evidence_of(gilbert_elliott(chance, attempts, rate, length))).kind
        for _ in range(1000)
    ]
    assert found.count("bursts") >= 1000 * share


@given(st.lists(st.booleans(), max_size=300))
def test_any_order_has_a_pattern(failed: list[bool]) -> None:
    found = p.classify(evidence_of(failed))
    assert found.kind in KINDS
    assert (found.kind == "constant") is (bool(failed) and all(failed))


# ---- which channel stands for a part -------------------------------------------------------------


def test_the_most_telling_channel_stands_for_the_part() -> None:
    healthy = evidence(1000, 0, 0, "http")
    random = evidence(100, 10, 10, "websocket")
    bursty = evidence(100, 10, 1, "webcam:a")
    more_bursty = evidence(1000, 100, 1, "webcam:b")
    never = evidence(5, 5, 1, "webcam:c")
    once = evidence(1, 1, 1, "webcam:d")

    def told(*items: Evidence) -> tuple[str, str | None, int]:
        found = p.most_telling(items, 7)
        return found.kind, found.channel, found.episodes

    assert told() == ("too_few", None, 7)
    assert told(healthy) == ("too_few", "http", 7)
    assert told(healthy, random) == ("random", "websocket", 7)
    assert told(random, bursty) == ("bursts", "webcam:a", 7)
    assert told(bursty, random) == ("bursts", "webcam:a", 7)
    assert told(bursty, more_bursty) == ("bursts", "webcam:b", 7)
    assert told(bursty, never) == ("constant", "webcam:c", 7)
    assert told(healthy, bursty, once) == ("bursts", "webcam:a", 7), "one attempt says nothing"
    assert told(once) == ("constant", "webcam:d", 7)


def test_the_successes_of_another_channel_dilute_nothing() -> None:
    """Together they are 40 runs among 4000 attempts, out of which nothing could be told."""
    errors = evidence(100, 40, 3, "websocket")
    assert p.most_telling([errors, evidence(3900, 39, 39, "http")], 40).kind == "bursts"
