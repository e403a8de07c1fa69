"""Which test provokes which cause, and the proof that it did.

A test that breaks something for real says so: ``@pytest.mark.provokes("dns_timeout")``, in a table
``pytest.param(..., marks=provokes(...))`` or :func:`provoking`. Marked so, it fails where no result
that it saw named that cause. Causes are seen by :func:`witness`, which ``check_result`` calls.

Loaded as a plugin (``-p tests.provoked``), this module prints what a collection would provoke.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any

import pytest

MARK = "provokes"
LISTING = "provoked causes: "

# one set for the test that runs, in the thread that runs it
_seen: ContextVar[set[str] | None] = ContextVar("seen causes", default=None)


def provokes(*causes: str) -> pytest.MarkDecorator:
    """The mark of a test that provokes these causes by a real fault."""
    return pytest.mark.provokes(*causes)


def provoking(causes: Mapping[str, str | None]) -> list[Any]:
    """Parameters for a table of faults: each name is marked with the cause that it provokes."""
    return [
        pytest.param(name, marks=provokes(cause) if cause else ()) for name, cause in causes.items()
    ]


def witness(result: Mapping[str, Any]) -> None:
    """Note the causes that a result names: the root, the warnings and the webcams'.

    What a check says beside these is an echo, and no proof.
    """
    parts = [result, *result["warnings"], *result["webcams"]]
    saw(*(part["cause"] for part in parts if part["cause"]))


def saw(*causes: str) -> None:
    """Note causes that a test has seen in another way, e.g. in the live channel's records."""
    seen = _seen.get()
    if seen is not None:
        seen.update(causes)


def causes_of(item: pytest.Item) -> Iterator[str]:
    """The causes that a test is marked with."""
    for mark in item.iter_markers(MARK):
        yield from mark.args


def watched(item: pytest.Function) -> Generator[None, object, object]:
    """Run a test and fail it where it did not see what it is marked with."""
    token = _seen.set(set())
    try:
        outcome = yield
        unseen = set(causes_of(item)) - (_seen.get() or set())
        assert not unseen, f"marked with causes that no result has named: {sorted(unseen)}"
        return outcome
    finally:
        _seen.reset(token)


def listing(items: Iterable[pytest.Item]) -> dict[str, list[str]]:
    """The tests that provoke each cause."""
    found: dict[str, list[str]] = {}
    for item in items:
        for cause in causes_of(item):
            found.setdefault(cause, []).append(item.nodeid)
    return found


def pytest_collection_finish(session: pytest.Session) -> None:
    """Print the listing, where this module is loaded as a plugin."""
    print(LISTING + json.dumps(listing(session.items)))
