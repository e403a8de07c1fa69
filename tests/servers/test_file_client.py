"""Fetching a file that the server names: from wherever that leads, and never beyond the limits."""

from __future__ import annotations

import logging
import ssl
import threading
import time
from pathlib import Path

import pytest

from octoprint_obico.server.address import parse_address
from octoprint_obico.server.deadline import Cancel, Deadline
from octoprint_obico.server.errors import ChannelError
from octoprint_obico.server.file_client import (
    MOST_REDIRECTS,
    Cancelled,
    FileError,
    Home,
    Limits,
    _FileClient,
    fetch,
)
from octoprint_obico.server.trust import NO_EXTRA, Accepted, Trust, trust_for

from . import faults as f
from .certificates import Certificates
from .faults import Behaviour, FaultServer, Peer, http_bytes

GCODE = b"; made by a slicer\nG28\n" + b"G1 X10 Y10 E1\n" * 5000
LIMIT_S = 20.0
AGENT = "octoprint_obico/test"
ENOUGH = Limits(10**7, LIMIT_S, LIMIT_S)


def home_at(url: str, trust: Trust = NO_EXTRA) -> Home:
    return Home(parse_address(url), trust, AGENT)


def get(
    url: str, home: Home | None = None, limits: Limits = ENOUGH, cancel: Cancel | None = None
) -> bytes:
    """Fetch; the server's own address is the URL's unless said otherwise."""
    pieces: list[bytes] = []
    own = home or home_at("/".join(url.split("/")[:3]))
    size = fetch(url, pieces.append, own, limits, cancel or Cancel())
    content = b"".join(pieces)
    assert size == len(content)
    return content


def failure(behaviour: Behaviour, limits: Limits = ENOUGH) -> str:
    """What fetching from such a server fails with."""
    with FaultServer(behaviour) as server, pytest.raises(FileError) as error:
        get(f"{server.url}/a.gcode", limits=limits)
    text = str(error.value)
    assert 10 < len(text) < 200
    assert server.url not in text
    return text


def test_a_file_is_fetched_without_any_credential() -> None:
    with FaultServer(f.answer(body=GCODE)) as server:
        assert get(f"{server.url}/media/a%20b.gcode?digest=d%2F1&x=2") == GCODE
        (head,) = [head for head in server.heads if head]
    lines = head.decode().split("\r\n")
    assert lines[0] == "GET /media/a%20b.gcode?digest=d%2F1&x=2 HTTP/1.1"
    names = {line.partition(":")[0].lower() for line in lines[1:] if line}
    assert names == {"host", "user-agent", "accept", "accept-encoding"}


def test_a_signed_address_is_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with FaultServer(f.answer(body=GCODE)) as storage:
        leads = f.answer("302 Found", b"", f"Location: {storage.url}/b?sig=s3cr3t")
        with FaultServer(leads) as server:
            get(f"{server.url}/a?digest=s3cr3t")
    assert "GET /b" in caplog.text, "or nothing was measured"
    assert "s3cr3t" not in caplog.text
    assert not [
        item
        for item in logging.getLogger("urllib3.connectionpool").filters
        if type(item).__name__ == "_WithoutQueries"
    ]


def test_a_file_in_chunks() -> None:
    parts = b"".join(
        b"%x\r\n%s\r\n" % (len(part), part) for part in (GCODE[:70000], GCODE[70000:]) if part
    )
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    with FaultServer(f.raw(head + parts + b"0\r\n\r\n")) as server:
        assert get(f"{server.url}/a") == GCODE


def test_a_file_without_a_length_ends_with_the_connection() -> None:
    def behave(peer: Peer) -> None:
        peer.read_head()
        peer.send(b"HTTP/1.0 200 OK\r\n\r\n" + GCODE)

    with FaultServer(behave) as server:
        assert get(f"{server.url}/a") == GCODE


# ---- what is no file -----------------------------------------------------------------------------


def _closing(data: bytes) -> Behaviour:
    def behave(peer: Peer) -> None:
        peer.read_head()
        peer.send(data)

    return behave


NO_FILE: tuple[tuple[str, Behaviour, str], ...] = (
    ("404", f.answer("404 Not Found", b"<html>"), "not on the server any more"),
    ("403", f.answer("403 Forbidden"), "not valid"),
    ("500", f.answer("500 Oops", b"G28"), "HTTP 500"),
    ("206", f.answer("206 Partial Content", b"G28"), "HTTP 206"),
    ("redirect to nowhere", f.answer("302 Found"), "HTTP 302"),
    ("a page", f.answer(body=b" \n<!DOCTYPE html><html>"), "not a G-code"),
    ("a page behind a mark", f.answer(body=b"\xef\xbb\xbf<html>"), "not a G-code"),
    ("XML", f.answer(body=b"<?xml version='1.0'?><Error/>"), "not a G-code"),
    ("an archive", f.answer(body=b"PK\x03\x04" + b"G28\n" * 9), "not a G-code"),
    ("zeros later", f.answer(body=b"G28\n" * 20 + b"\0" * 50), "not a G-code"),
    ("a picture", f.answer(body=b"\xff\xd8\xff\xe0\0\x10JFIF"), "not a G-code"),
    ("packed", f.answer("200 OK", GCODE, "Content-Encoding: gzip"), "not a G-code"),
    ("nothing", f.answer(body=b""), "empty"),
    ("white space", f.answer(body=b"\n \n"), "empty"),
    ("cut off", f.truncated(GCODE, 9), "broke off"),
    ("closed", f.close_after_request, "did not answer"),
    ("reset", f.reset_after_request, "did not answer"),
    ("another language", f.banner(), "did not answer"),
    (
        "cut off in a chunk",
        _closing(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\nG28\n"),
        "broke off",
    ),
    ("too large, as announced", f.answer(body=b"G28\n" * 3 * 10**6), "larger than"),
    (
        "too large, and endless",
        f.endless(b"HTTP/1.1 200 OK\r\n\r\n", b"G1 X1\n" * 20000),
        "larger than",
    ),
)  # fmt: skip


@pytest.mark.parametrize(
    ("behaviour", "text"), [row[1:] for row in NO_FILE], ids=[row[0] for row in NO_FILE]
)
def test_what_is_no_file(behaviour: Behaviour, text: str) -> None:
    assert text in failure(behaviour)


def _stopping(peer: Peer) -> None:
    """Answer with the beginning of a file, and with nothing more."""
    peer.read_head()
    peer.send(http_bytes(body=b"G28\n", length=99))
    peer.hold()


@pytest.mark.parametrize("behaviour", [f.silence, _stopping])
def test_silence_ends_it_long_before_the_total(behaviour: Behaviour) -> None:
    began = time.monotonic()
    assert "too slow" in failure(behaviour, Limits(10**7, 600.0, 0.3))
    assert time.monotonic() - began < LIMIT_S


def test_a_drip_ends_with_the_total() -> None:
    data = b"HTTP/1.1 200 OK\r\n\r\n" + b"G" * 100_000
    began = time.monotonic()
    text = failure(f.drip_after_request(data), Limits(10**7, 1.0, 0.5))
    assert "too slow" in text
    assert time.monotonic() - began < LIMIT_S


@pytest.mark.parametrize("behaviour", [f.silence, f.endless(b"HTTP/1.1 200 OK\r\n\r\n", b"G1\n")])
def test_it_is_cancelled_at_once(behaviour: Behaviour) -> None:
    cancel, ended = Cancel(), threading.Event()
    errors: list[BaseException] = []

    def work(url: str) -> None:
        try:
            get(url, limits=Limits(10**9, 600.0, 600.0), cancel=cancel)
        except FileError as error:
            errors.append(error)
        ended.set()

    with FaultServer(behaviour) as server:
        threading.Thread(target=work, args=(f"{server.url}/a",), daemon=True).start()
        assert server.wait_for(lambda: server.connections > 0)
        cancel.cancel()
        assert ended.wait(LIMIT_S)
    assert isinstance(errors[0], Cancelled)


def test_a_full_disk() -> None:
    with (
        FaultServer(f.answer(body=GCODE)) as server,
        Path("/dev/full").open("wb", 0) as full,
        pytest.raises(FileError, match="disk is full"),
    ):
        fetch(f"{server.url}/a", full.write, home_at(server.url), ENOUGH, Cancel())


# ---- where it leads ------------------------------------------------------------------------------


def test_redirects_are_followed_also_elsewhere() -> None:
    with FaultServer(f.answer(body=GCODE)) as storage:
        to_storage = f.answer("302 Found", b"x" * 50, f"Location: {storage.url}/b?sig=1")
        with FaultServer(to_storage) as server:
            assert get(f"{server.url}/a") == GCODE
        assert storage.heads[0].startswith(b"GET /b?sig=1 ")
        assert b"uthorization" not in storage.heads[0]


def test_a_redirect_to_another_path() -> None:
    def behave(peer: Peer) -> None:
        first = b"GET /a " in peer.read_head()
        moved = http_bytes("301 Moved", b"", "Location: ../b")
        peer.send(moved if first else http_bytes(body=GCODE))
        peer.finish()

    with FaultServer(behave) as server:
        assert get(f"{server.url}/a") == GCODE


def test_circles_have_an_end() -> None:
    with FaultServer(f.answer("302 Found", b"", "Location: /a")) as server:
        with pytest.raises(FileError, match="circles"):
            get(f"{server.url}/a")
        assert len([head for head in server.heads if head]) == MOST_REDIRECTS + 1


BAD_TARGETS = (
    "file:///etc/passwd",
    "ftp://127.0.0.1/x",
    "gopher://127.0.0.1:70/x",
    "http://user:secret@127.0.0.1/x",
    "http:///x",
    "http://[::1/x",
    "http://127.0.0.1:99999/x",
    "http://127.0.0.1/\x01",
)


@pytest.mark.parametrize("target", BAD_TARGETS)
def test_other_addresses_are_refused_at_once_and_in_a_redirect(target: str) -> None:
    with pytest.raises(FileError, match="cannot be used"):
        get(target, home_at("http://127.0.0.1:1"))
    leads = f.answer("302 Found", b"", f"Location: {target}")
    with FaultServer(leads) as server, pytest.raises(FileError):
        get(f"{server.url}/a")


def test_a_site_address_that_means_nothing_here() -> None:
    """The same path is asked at the address that is used, with its path before it."""
    with FaultServer(f.answer(body=GCODE)) as server, f.refused_port() as port:
        for site in (f"http://127.0.0.1:{port}", "http://no-such-name.invalid"):
            assert get(f"{site}/media/a?d=1", home_at(server.url)) == GCODE
        assert get(f"http://127.0.0.1:{port}/a", home_at(f"{server.url}/obico")) == GCODE
        heads = [head.split(b" ")[1] for head in server.heads if head]
    assert heads == [b"/media/a?d=1", b"/media/a?d=1", b"/obico/a"]


def test_a_site_that_answers_is_believed() -> None:
    with FaultServer(f.answer("404 Not Found")) as site, FaultServer(f.answer(body=GCODE)) as own:
        with pytest.raises(FileError, match="any more"):
            get(f"{site.url}/a", home_at(own.url))
        assert own.connections == 0


def test_a_server_that_cannot_be_reached_at_all() -> None:
    with f.refused_port() as port, pytest.raises(FileError, match="did not answer"):
        get(f"http://127.0.0.1:{port}/a")


@pytest.mark.parametrize("home", ["https://obico.invalid", "https://93.184.215.14"])
def test_a_server_of_the_internet_names_nothing_in_the_home(home: str) -> None:
    """Neither at once nor by a redirect; not even a byte is sent there."""
    with FaultServer(f.answer(body=GCODE)) as own:
        client = _FileClient(parse_address(own.url), home_at(home), ENOUGH, Deadline(LIMIT_S))
        with pytest.raises(ChannelError, match="private"):
            client.get("/a")
        assert not any(own.heads)


def test_a_server_at_home_may_have_its_files_beside_it() -> None:
    with FaultServer(f.answer(body=GCODE)) as storage:
        assert get(f"{storage.url}/a", home_at("http://localhost:1")) == GCODE


# ---- certificates --------------------------------------------------------------------------------


def test_certificates_are_checked(certificates: Certificates) -> None:
    trust = Trust(str(certificates.ca_file))
    for context, is_good in (
        (certificates.good(), True),
        (certificates.unknown_issuer(), False),
        (certificates.wrong_name(), False),
        (certificates.expired(), False),
    ):
        with FaultServer(f.over_tls(context, f.answer(body=GCODE))) as server:
            url = f"https://localhost:{server.port}"
            if is_good:
                assert get(f"{url}/a", home_at(url, trust)) == GCODE
                continue
            with pytest.raises(FileError, match="not safe"):
                get(f"{url}/a", home_at(url, trust))


def test_an_accepted_certificate_counts_for_the_server_alone(certificates: Certificates) -> None:
    with FaultServer(f.over_tls(certificates.unknown_issuer(), f.answer(body=GCODE))) as server:
        url, name = f"https://localhost:{server.port}", f"localhost:{server.port}"
        pem = ssl.get_server_certificate(("localhost", server.port))
        trust = trust_for(parse_address(url), None, Accepted(name, pem))
        assert get(f"{url}/a", home_at(url, trust)) == GCODE
        with f.refused_port() as port, pytest.raises(FileError, match="not safe|did not answer"):
            # another server is home; it has the same certificate accepted
            other = Home(parse_address(f"https://localhost:{port}"), trust, AGENT)
            get(f"{url}/a", other)


def test_encryption_is_not_given_up(certificates: Certificates) -> None:
    with FaultServer(f.answer(body=GCODE)) as plain:
        behave = f.answer("302 Found", b"", f"Location: {plain.url}/a")
        with FaultServer(f.over_tls(certificates.good(), behave)) as server:
            url = f"https://localhost:{server.port}"
            with pytest.raises(FileError, match="not encrypted"):
                get(f"{url}/a", home_at(url, Trust(str(certificates.ca_file))))
        assert plain.connections == 0


def test_the_proxy_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with FaultServer(f.answer(body=GCODE)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        assert get("http://storage.invalid/a", home_at("http://obico.invalid")) == GCODE
        assert proxy.heads[0].startswith(b"GET http://storage.invalid/a ")
