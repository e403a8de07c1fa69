"""Where a printer stands as it pauses, out of what OctoPrint knows of the serial line."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from octoprint_obico.printer.pause_script import PausedAt


def load() -> Callable[[Any, Any], PausedAt]:
    """Our adapter; OctoPrint leaves a socket open when it is imported."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        from octoprint_obico.octoprint_host import printer
    return printer.paused_at


paused_at = load()


class Profiles:
    def get_current_or_default(self) -> dict[str, Any]:
        return {"volume": {"height": 200}}


@pytest.mark.parametrize(
    ("position", "known"),
    [
        ({"z": 30.5, "f": 1200, "t": 0}, PausedAt(169.5, 1200.0, 0)),
        ({"z": 30.5, "f": None, "t": None}, PausedAt(169.5, None, None)),
        ({"z": None, "f": None, "t": None}, PausedAt()),
        ({"z": "high", "f": 1200, "t": 0}, PausedAt()),
        ({}, PausedAt()),
    ],
)
def test_position_as_octoprint_has_it(position: dict[str, Any], known: PausedAt) -> None:
    """All None where the printer did not answer in time; whatever is odd is not known."""
    comm = SimpleNamespace(pause_position=SimpleNamespace(**position))
    assert paused_at(comm, Profiles()) == known


def test_position_of_a_line_that_tells_none() -> None:
    assert paused_at(SimpleNamespace(), Profiles()) == PausedAt()
    position = SimpleNamespace(z=1.0, f=None, t=0)
    assert paused_at(SimpleNamespace(pause_position=position), None) == PausedAt()
