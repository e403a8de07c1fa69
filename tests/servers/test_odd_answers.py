"""Answers and settings that are odd, but possible: no crash, no secret, no wrong verdict."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from typing import Any

import pytest

from octoprint_obico.diagnosis.local.line import Sample, lost_packets
from octoprint_obico.server.address import DEFAULT_ADDRESS, parse_address
from octoprint_obico.server.causes import Cause
from octoprint_obico.server.deadline import Deadline
from octoprint_obico.server.errors import ChannelError
from octoprint_obico.server.transport import Target, is_sent_home, reach_proxy
from octoprint_obico.webcam.snapshot import shown_url, take_picture, url_webcam

from . import faults as f
from .live import TOKEN
from .results import evidence_of, run

Serve = Callable[[f.Behaviour], f.FaultServer]
JSON = "Content-Type: application/json"
PASSWORD = "S3cretX"


def works(*_: Any) -> dict[str, Any]:
    return {"round_trip_ms": 1}


@pytest.mark.parametrize("number", ["[" * 700 + "]" * 700, "NaN", "Infinity", '"x"', "{}"])
def test_a_printer_with_an_odd_id(serve: Serve, number: str) -> None:
    body = f'{{"printer": {{"id": {number}, "name": "x"}}}}'.encode()
    result = run(serve(f.answer("200 OK", body, JSON)).url, TOKEN, websocket=works)
    assert result["verdict"] == "succeeded"
    assert evidence_of(result, "credentials")["id"] is None
    json.dumps(result, allow_nan=False)


@pytest.mark.parametrize(
    "url",
    [
        f"u:{PASSWORD}@127.0.0.1:1/shot.jpg",
        f"u:{PASSWORD}@127.0.0.1",
        f"http://127.0.0.1:1/shot?user=me&{PASSWORD}",
        f"http://127.0.0.1:1/shot?x={PASSWORD}",
    ],
)
def test_a_webcams_password_is_nowhere(url: str) -> None:
    assert PASSWORD not in shown_url(url)
    with pytest.raises(ChannelError) as caught:
        take_picture(url_webcam("Cam", url), Deadline(3.0))
    assert PASSWORD not in f"{caught.value} {caught.value.facts}"


@pytest.mark.parametrize("scheme", ["https", "socks5", "socks5h"])
def test_a_proxy_that_is_not_supported_learns_no_password(serve: Serve, scheme: str) -> None:
    server = serve(f.silence)
    proxy = f"{scheme}://u:{PASSWORD}@127.0.0.1:{server.port}"
    with pytest.raises(ChannelError) as caught:
        reach_proxy(proxy, parse_address(DEFAULT_ADDRESS), Deadline(3.0))
    assert caught.value.cause is Cause.PROXY_UNREACHABLE
    assert f"{scheme}:// proxies are not supported" in str(caught.value.facts["reason"])
    assert PASSWORD not in f"{caught.value} {caught.value.facts}"
    assert server.connections == 0


@pytest.mark.parametrize(
    ("host", "blocked"),
    [("obico.example", True), ("obico.home.arpa", False), ("obico.lan", False)],
)
def test_a_name_at_home_is_not_blocked(host: str, blocked: bool) -> None:
    """RFC 8375: home.arpa is for homes."""
    here = [Target(socket.AF_INET, ("127.0.0.1", 80))]
    assert is_sent_home(host, here) is blocked


def test_a_computer_that_stalls_has_lost_no_packet() -> None:
    """The kernel says that none was sent again."""
    assert lost_packets(Sample(1.2, 0, True), 0.01) == 0
    assert lost_packets(Sample(1.2, None, True), 0.01) == 1
