"""Where OctoPrint is in the local network: the port that a browser there has to open."""

from __future__ import annotations

import warnings
from types import ModuleType
from typing import Any

import pytest

# OctoPrint leaves a socket open when it is first imported
pytestmark = pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning"
)


@pytest.fixture(scope="module")
def network() -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from octoprint_obico.octoprint_host import network
    return network


class Settings:
    def __init__(self, told: Any) -> None:
        self.told = told

    def global_get(self, path: list[str]) -> Any:
        assert path == ["plugins", "discovery"]
        if isinstance(self.told, Exception):
            raise self.told
        return self.told


class Profiles:
    def get_current_or_default(self) -> dict[str, Any]:
        return {"name": "Mine", "model": None}


@pytest.mark.parametrize(
    ("told", "host", "port", "expected"),
    [
        (None, "0.0.0.0", 5000, 5000),
        (None, "::", 5001, 5001),
        (None, "127.0.0.1", 5000, 80),
        (None, "::1", 5000, 80),
        (None, "localhost", 5000, 80),
        (None, "octopi.local", 5000, 5000),
        (None, None, None, 80),
        ({"publicPort": 8080}, "127.0.0.1", 5000, 8080),
        ({"publicPort": 8080}, "0.0.0.0", 5000, 8080),
        ({"publicPort": 0}, "0.0.0.0", 5000, 5000),
        ({"publicPort": 70000}, "0.0.0.0", 5000, 5000),
        ({"publicPort": "80"}, "0.0.0.0", 5000, 5000),
        ({"publicPort": True}, "0.0.0.0", 5000, 5000),
        ({}, "0.0.0.0", 5000, 5000),
        (RuntimeError("settings"), "0.0.0.0", 5000, 5000),
    ],
)
def test_the_port_to_open(
    network: ModuleType, told: Any, host: str | None, port: int | None, expected: int
) -> None:
    found = network.in_network(Settings(told), Profiles(), host, port)
    assert (found.port, found.profile, found.model) == (expected, "Mine", "")


def test_without_a_profile(network: ModuleType) -> None:
    found = network.in_network(Settings({"publicHost": "10.0.0.2"}), None, None, None)
    assert (found.host, found.profile, found.model) == ("10.0.0.2", "", "")
