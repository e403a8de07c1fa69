"""The live channels where the network fails them."""

from __future__ import annotations

import json
import time

import pytest

from octoprint_obico.server.supervisor import PING_INTERVAL_S, PONG_TIMEOUT_S
from tests.provoked import provokes, saw

from .lab import HTTP, SERVER, Lab
from .namespaces import Child

MARGIN_S = 3.0
OPENED_WITHIN_S = 3.0


def wait_for_state(channel: Child, state: str, limit_s: float) -> str | None:
    """Read states until that one; the cause beside it."""
    end = time.monotonic() + limit_s
    while True:
        seen = json.loads(channel.line(max(end - time.monotonic(), 0.01)))
        if seen["state"] == state:
            cause: str | None = seen["cause"]
            return cause


@pytest.mark.parametrize("url", ["http://six.example", "https://six.example"])
def test_they_open_quickly_where_ipv6_goes_nowhere(lab: Lab, url: str) -> None:
    opened = json.loads(lab.channels("once", url).line())
    assert (opened["status"], opened["greeted"]) == (200, True)
    assert max(opened["seconds"].values()) < OPENED_WITHIN_S, opened


@provokes("websocket_unresponsive")
def test_a_line_that_goes_dead_is_noticed_and_mended(lab: Lab) -> None:
    """From one moment to the next nothing passes any more, without an end of the connection."""
    channel = lab.channels("hold", HTTP)
    wait_for_state(channel, "connected", 5.0)
    lab.drop(f"-p tcp -d {SERVER}")
    limit_s = PING_INTERVAL_S + PONG_TIMEOUT_S + MARGIN_S
    cause = wait_for_state(channel, "waiting", limit_s)
    assert cause == "websocket_unresponsive"
    saw(cause)
    lab.heal()
    # the attempt that is under way, and the longest pause while somebody watches
    assert wait_for_state(channel, "connected", 20.0) is None
    channel.stop()


def test_an_address_that_comes_back_is_tried_at_once(lab: Lab) -> None:
    """As where a cable is plugged in again, or the Wi-Fi is back."""
    lab.client.configure("addr flush dev eth0")
    channel = lab.channels("patient", HTTP)
    assert wait_for_state(channel, "waiting", 12.0) is not None
    lab.heal()
    assert wait_for_state(channel, "connected", 10.0) is None
    channel.stop()
