"""Bursts or random: the exact test, against counting all the orders there are."""

from __future__ import annotations

from itertools import combinations, groupby
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octoprint_obico.session import pattern as p


def runs_of(n: int, where: tuple[int, ...]) -> int:
    """Episodes: runs of errors at these places among n attempts."""
    failed = [place in where for place in range(n)]
    return sum(1 for error, _ in groupby(failed) if error)


@pytest.mark.parametrize(("n", "errors"), [(n, e) for n in range(2, 13) for e in range(1, n)])
def test_the_chance_is_that_of_all_orders(n: int, errors: int) -> None:
    counts = [runs_of(n, where) for where in combinations(range(n), errors)]
    for episodes in range(1, errors + 1):
        expected = sum(1 for count in counts if count <= episodes) / comb(n, errors)
        assert p._chance_of_so_few_runs(n, errors, episodes) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("attempts", "errors", "episodes", "kind"),
    [
        (0, 0, 0, "too_few"),
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
def test_the_kinds(attempts: int, errors: int, episodes: int, kind: str) -> None:
    found = p.classify(attempts, errors, episodes)
    assert (found.kind, found.episodes) == (kind, episodes)
    assert (found.p_value is None) is (kind in ("too_few", "constant"))
    if found.p_value is not None:
        assert (found.p_value < p.ALPHA) is (kind == "bursts")


@given(st.integers(0, 10**6), st.data())
def test_whatever_is_counted_has_a_pattern(attempts: int, data: st.DataObject) -> None:
    errors = data.draw(st.integers(0, attempts))
    episodes = data.draw(st.integers(min(errors, 1), min(errors, attempts - errors + 1, 3000)))
    found = p.classify(attempts, errors, episodes)
    assert found.kind in ("too_few", "random", "bursts", "constant")
    assert found.p_value is None or 0.0 <= found.p_value <= 1.0
