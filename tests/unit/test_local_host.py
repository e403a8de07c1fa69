"""What OctoPrint's Pi Support plugin tells of the power supply, by its public helper."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

# OctoPrint leaves a socket open when it is first imported
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)


class Plugins:
    """OctoPrint's plugin manager, as far as it is asked here."""

    def __init__(self, helpers: dict[str, Callable[[], Any]] | None) -> None:
        self._helpers = helpers

    def get_helpers(self, name: str, *helpers: str) -> dict[str, Callable[[], Any]] | None:
        assert (name, helpers) == ("pi_support", ("get_throttled",))
        return self._helpers


def broken() -> Any:
    raise RuntimeError("another plugin's fault")


@pytest.mark.parametrize(
    ("helpers", "bits"),
    [
        ({"get_throttled": lambda: {"raw_value": 0x50005, "past_undervoltage": True}}, 0x50005),
        ({"get_throttled": lambda: {"raw_value": 0}}, 0),
        ({"get_throttled": lambda: {"raw_value": -1}}, None),  # not asked yet
        ({"get_throttled": lambda: False}, None),  # switched off, or the command does not work
        ({"get_throttled": broken}, None),
        ({}, None),  # an older one
        (None, None),  # not on a Raspberry Pi, or switched off
    ],
)
def test_the_power_as_pi_support_knows_it(
    helpers: dict[str, Callable[[], Any]] | None, bits: int | None
) -> None:
    from octoprint_obico.octoprint_host import OctoPrintHost

    host = OctoPrintHost(None, None, Plugins(helpers), {}, lambda topic: None)
    assert host.throttled() == bits
