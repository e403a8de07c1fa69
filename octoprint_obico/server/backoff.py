"""How long to wait before the next try."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

FIRST_S = 1.0
FACTOR = 2.0


def backoff(
    cap: Callable[[], float], uniform: Callable[[float, float], float] = random.uniform
) -> Iterator[float]:
    """Yield growing, randomised delays in seconds, never ending.

    Half of each delay is random, so that printers which lost one server do not return in step.

    Args:
        cap: asked for each delay: the longest one that is right just now (short while somebody
            watches, long otherwise).
        uniform: source of randomness, for tests.
    """
    ceiling = FIRST_S
    while True:
        limit = min(ceiling, max(cap(), FIRST_S))
        yield uniform(limit / 2, limit)
        ceiling = min(ceiling * FACTOR, 3600.0)
