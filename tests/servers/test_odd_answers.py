"""Answers and settings that are odd, but possible: no crash, no secret, no wrong verdict."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Callable
from typing import Any

import pytest

from octoprint_obico.diagnosis.local.line import Sample, lost_packets
from octoprint_obico.server.causes import Cause
from octoprint_obico.server.deadline import Deadline
from octoprint_obico.server.errors import ChannelError
from octoprint_obico.server.proxy import parse_proxy, reach_proxy
from octoprint_obico.server.transport import Target, is_sent_home
from octoprint_obico.webcam.snapshot import shown_url, take_picture, url_webcam
from tests.provoked import provokes

from . import faults as f
from .certificates import Certificates
from .live import TOKEN
from .pictures import made_up
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


@pytest.mark.parametrize("scheme", ["quic", "ftp", "socks6"])
def test_a_proxy_that_is_not_supported_learns_no_password(serve: Serve, scheme: str) -> None:
    server = serve(f.silence)
    proxy = f"{scheme}://u:{PASSWORD}@127.0.0.1:{server.port}"
    with pytest.raises(ChannelError) as caught:
        reach_proxy(parse_proxy(proxy), Deadline(3.0))
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


# ---- what an acceptance test found ---------------------------------------------------------------


@provokes("tls_client_certificate_required")
def test_a_missing_client_certificate_with_tls_1_2(serve: Serve, trusted: Certificates) -> None:
    """TLS 1.2 has no alert of its own for it, but version and cipher had been agreed on."""
    context = trusted.client_certificate_wanted()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    server = serve(f.over_tls(context, f.silence))
    result = run(f"https://localhost:{server.port}", TOKEN, deadline_s=4.0)
    assert result["cause"] == "tls_client_certificate_required"


@provokes("https_required")
def test_a_tls_port_that_just_cuts_plain_http_off(serve: Serve, certificates: Certificates) -> None:
    """As haproxy does; even where its certificate is not trusted, it has spoken TLS."""

    def behave(peer: f.Peer) -> None:
        if peer.sock.recv(1, socket.MSG_PEEK) == b"\x16":
            peer.start_tls(certificates.self_signed())
            peer.hold()

    server = serve(behave)
    result = run(server.url, TOKEN, deadline_s=4.0)
    assert result["cause"] == "https_required"
    assert f"https://127.0.0.1:{server.port}" in result["remedy"][0]


@provokes("tls_client_certificate_required")
def test_nginx_says_in_words_that_a_client_certificate_is_missing(serve: Serve) -> None:
    page = b"<html><title>400 No required SSL certificate was sent</title></html>"
    result = run(serve(f.answer("400 Bad Request", page)).url, TOKEN, websocket=works)
    assert result["cause"] == "tls_client_certificate_required"


JPEG = made_up(b"picture" * 99)
IMAGE = "Content-Type: image/jpeg"
MULTIPART = b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace\r\n\r\n"


def _slow_pictures(peer: f.Peer) -> None:
    """One picture after the other under the type of a single one, as slowly as a webcam."""
    peer.read_head()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n\r\n")
    while not peer.pause(0.1):
        peer.send(JPEG)


def _frozen_stream(peer: f.Peer) -> None:
    peer.read_head()
    peer.send(MULTIPART + b"--frame\r\nContent-Type: image/jpeg\r\n\r\n" + JPEG[:9])
    peer.hold()


@pytest.mark.parametrize(
    ("behaviour", "cause"),
    [
        (f.raw(f.http_bytes("200 OK", JPEG[:50], IMAGE, length=500)), "webcam_corrupt"),
        (f.truncated(JPEG, 50), "webcam_corrupt"),
        (_slow_pictures, "webcam_stream_as_snapshot"),
        (_frozen_stream, "webcam_stream_as_snapshot"),
        (f.banner(), "webcam_not_an_image"),
    ],
)
def test_webcams_that_answer_oddly(serve: Serve, behaviour: f.Behaviour, cause: str) -> None:
    with pytest.raises(ChannelError) as caught:
        take_picture(url_webcam("Cam", serve(behaviour).url), Deadline(1.5))
    assert caught.value.cause.value == cause


def test_an_empty_webcam_url_is_not_configured() -> None:
    with pytest.raises(ChannelError) as caught:
        take_picture(url_webcam("Cam", " "), Deadline(1.0))
    assert caught.value.cause is Cause.WEBCAM_NOT_CONFIGURED


def test_webcams_come_in_the_order_of_the_arguments(serve: Serve) -> None:
    quick, silent = serve(f.raw(f.http_bytes("200 OK", JPEG, IMAGE))), serve(f.silence)
    webcams = [url_webcam("first", silent.url), url_webcam("second", quick.url)]
    result = run("", TOKEN, webcams, deadline_s=2.0)
    assert [webcam["name"] for webcam in result["webcams"]] == ["first", "second"]


@pytest.mark.parametrize(
    "status", ["403 Forbidden", "404 Not Found", "429 Too Many", "511 Network", "302 Found"]
)
def test_no_sentence_has_a_gap(serve: Serve, status: str) -> None:
    """A server that tells nothing of itself: no title, no name, no time."""
    result = run(serve(f.answer(status)).url, TOKEN, websocket=works)
    assert "–" not in " ".join([result["explanation"], *result["remedy"]])


def test_the_portal_is_named(serve: Serve) -> None:
    server = serve(f.answer("302 Found", b"", "Location: http://portal.example/login"))
    result = run(server.url, TOKEN, websocket=works)
    assert "http://portal.example/login" in result["explanation"]
    assert "127.0.0.1" in result["explanation"]
