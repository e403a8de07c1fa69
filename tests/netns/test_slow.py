"""Slow lines: they get the time that they need, and no wrong verdict."""

from __future__ import annotations

import pytest

from tests.provoked import provokes

from .judging import assert_works, shown
from .lab import HTTP, HTTPS, Lab

pytestmark = pytest.mark.usefixtures("tun_devices")


@provokes("high_latency")
def test_600_ms_of_round_trip_are_a_warning(lab: Lab) -> None:
    lab.slow_link(delay_ms=300)
    assert_works(lab.diagnose(HTTPS), "high_latency", words=("obico.example", " ms"))


def test_200_ms_of_round_trip_are_nothing_to_speak_of(lab: Lab) -> None:
    lab.slow_link(delay_ms=100)
    result = lab.diagnose(HTTP)
    assert_works(result)
    assert result["warnings"] == [], shown(result)


@pytest.mark.parametrize("url", [HTTP, HTTPS, HTTP])
def test_a_slow_line_that_loses_packets_is_never_misjudged(lab: Lab, url: str) -> None:
    lab.slow_link(delay_ms=50, loss=0.05)
    result = lab.diagnose(url)
    assert_works(result)
    assert {item["cause"] for item in result["warnings"]} <= {"packet_loss"}, shown(result)
