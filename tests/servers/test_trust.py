"""What is trusted: a CA file, one accepted certificate; and what is told of a refused one."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from octoprint_obico._version import RELEASED
from octoprint_obico.diagnosis.checks.tls import clock_error
from octoprint_obico.server.address import Address, parse_address
from octoprint_obico.server.certificate import (
    Certificate,
    Shown,
    parse_certificate,
    shown_certificate,
    shown_with_time,
)
from octoprint_obico.server.deadline import Deadline
from octoprint_obico.server.errors import ChannelError, Stage
from octoprint_obico.server.http import HttpClient
from octoprint_obico.server.proxy import reach
from octoprint_obico.server.trust import (
    NO_EXTRA,
    Accepted,
    CaFileProblem,
    Trust,
    build_ssl_context,
    ca_file_problem,
    trust_for,
)
from octoprint_obico.server.websocket import open_connection

from . import faults as f
from . import wsfaults as w
from .certificates import Certificates, HomeMade
from .live import AGENT, TOKEN
from .results import evidence_of, outcome_of, run

Serve = Callable[[f.Behaviour], f.FaultServer]
Opener = Callable[[Address, Trust], None]
DAY_S = 86400.0


def open_http(address: Address, trust: Trust) -> None:
    client = HttpClient(address, AGENT, trust)
    try:
        client.request("GET", "/api/v1/octo/printer/", token=TOKEN, timeout_s=f.LIMIT_S)
    finally:
        client.close()


def open_websocket(address: Address, trust: Trust) -> None:
    open_connection(address, TOKEN, AGENT, trust=trust).close()


BOTH = pytest.mark.parametrize("opener", [open_http, open_websocket], ids=["http", "websocket"])


def behaviour_for(opener: Opener) -> f.Behaviour:
    return w.opened(w.answer_pings) if opener is open_websocket else f.answer()


def url_of(server: f.FaultServer) -> str:
    return f"https://localhost:{server.port}"


def requests_at(server: f.FaultServer) -> list[bytes]:
    """What was asked; a connection without a request leaves an empty head."""
    return [head for head in server.heads if head]


def refusal(opener: Opener, address: Address, trust: Trust) -> str:
    with pytest.raises(ChannelError) as caught:
        opener(address, trust)
    assert caught.value.stage is Stage.TLS
    return caught.value.cause.value


# ---- a CA file -----------------------------------------------------------------------------------


@BOTH
def test_a_ca_file_is_trusted(serve: Serve, certificates: Certificates, opener: Opener) -> None:
    server = serve(f.over_tls(certificates.good(), behaviour_for(opener)))
    address = parse_address(url_of(server))
    assert refusal(opener, address, NO_EXTRA) == "tls_untrusted_issuer"
    opener(address, Trust(ca_file=str(certificates.ca_file)))


@BOTH
def test_a_ca_file_does_not_switch_the_name_off(
    serve: Serve, certificates: Certificates, opener: Opener
) -> None:
    server = serve(f.over_tls(certificates.wrong_name(), f.answer()))
    trust = Trust(ca_file=str(certificates.ca_file))
    assert refusal(opener, parse_address(url_of(server)), trust) == "tls_hostname_mismatch"
    assert requests_at(server) == []


def test_a_ca_file_that_cannot_be_used_is_named(
    serve: Serve, certificates: Certificates, tmp_path: Path
) -> None:
    """It neither ends anything nor is it passed over in silence."""
    server = serve(f.over_tls(certificates.good(), f.answer()))
    gone = str(tmp_path / "gone.pem")
    assert refusal(open_http, parse_address(url_of(server)), Trust(gone)) == "tls_untrusted_issuer"
    result = run(url_of(server), None, trust=Trust(gone))
    assert result["cause"] == "tls_untrusted_issuer"
    assert evidence_of(result, "tls")["ca_file"] == {"path": gone, "problem": "missing"}
    summary = next(check["summary"] for check in result["checks"] if check["id"] == "tls")
    assert gone in summary


def test_what_is_wrong_with_a_ca_file(certificates: Certificates, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no certificate")
    (tmp_path / "empty").touch()
    (tmp_path / "broken").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----")
    assert ca_file_problem(str(certificates.ca_file)) is None
    assert ca_file_problem("ca.pem") is CaFileProblem.NOT_ABSOLUTE
    assert ca_file_problem(str(tmp_path)) is CaFileProblem.MISSING
    assert ca_file_problem("/nowhere/ca.pem") is CaFileProblem.MISSING
    assert ca_file_problem("/nowhere\0/ca.pem") is CaFileProblem.MISSING
    for name in ("text", "empty", "broken"):
        assert ca_file_problem(str(tmp_path / name)) is CaFileProblem.NOT_PEM, name


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_bundle_of_the_environment_that_is_broken_ends_nothing(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "text").write_text("no certificate")
    monkeypatch.setenv(variable, str(tmp_path / "text"))
    assert build_ssl_context().check_hostname


# ---- one accepted certificate --------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("kind", ["self_signed", "unknown_issuer", "wrong_name", "home_made"])
def test_an_accepted_certificate_is_trusted_whatever_its_name(
    serve: Serve, certificates: Certificates, opener: Opener, kind: str
) -> None:
    made = getattr(certificates, kind)
    context = made.context() if isinstance(made, HomeMade) else made()
    server = serve(f.over_tls(context, behaviour_for(opener)))
    address = parse_address(url_of(server))
    refusal(opener, address, NO_EXTRA)
    pem = made.pem if isinstance(made, HomeMade) else pem_of(serve, context)
    before = server.connections
    opener(address, Trust(accepted_certificate=pem))
    assert server.connections == before + 1, "one handshake for each connection"


def pem_of(serve: Serve, context: Any) -> str:
    """The certificate of a server's context."""
    other = serve(f.over_tls(context, f.silence))
    return shown_certificate(parse_address(url_of(other)), Deadline(5.0)).certificate.pem


@BOTH
def test_another_certificate_is_refused_as_ever(
    serve: Serve, certificates: Certificates, opener: Opener, tmp_path: Path
) -> None:
    """One accepted certificate is no leave for others: neither unknown, nor for another name."""
    trust = Trust(str(certificates.ca_file), certificates.home_made.pem)
    twin = HomeMade.of(tmp_path / "twin.pem", "printer-server")
    for context, cause in (
        (twin.context(), "tls_self_signed"),
        (certificates.unknown_issuer(), "tls_untrusted_issuer"),
        (certificates.wrong_name(), "tls_hostname_mismatch"),
        (certificates.expired(), "tls_certificate_expired"),
    ):
        server = serve(f.over_tls(context, f.answer()))
        assert refusal(opener, parse_address(url_of(server)), trust) == cause
        assert requests_at(server) == [], "not a byte before the certificate is checked"


@BOTH
def test_a_verified_certificate_may_follow_an_accepted_one(
    serve: Serve, certificates: Certificates, opener: Opener
) -> None:
    """The server got a proper one meanwhile: no reason to refuse it."""
    server = serve(f.over_tls(certificates.good(), behaviour_for(opener)))
    trust = Trust(str(certificates.ca_file), certificates.home_made.pem)
    opener(parse_address(url_of(server)), trust)


@BOTH
@pytest.mark.parametrize(
    ("days", "cause"),
    [((-30, -1), "tls_certificate_expired"), ((1, 30), "tls_certificate_not_yet_valid")],
    ids=["expired", "future"],
)
def test_the_dates_of_an_accepted_certificate_count(
    serve: Serve, opener: Opener, days: tuple[int, int], cause: str, tmp_path: Path
) -> None:
    made = HomeMade.of(tmp_path / "dated.pem", "localhost", ("localhost",), days)
    server = serve(f.over_tls(made.context(), behaviour_for(opener)))
    trust = Trust(accepted_certificate=made.pem)
    assert refusal(opener, parse_address(url_of(server)), trust) == cause


@BOTH
def test_an_accepted_certificate_through_a_proxy(
    serve: Serve, certificates: Certificates, opener: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(f.over_tls(certificates.home_made.context(), behaviour_for(opener)))
    proxy = serve(f.working_proxy)
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
    address = parse_address(url_of(server))
    opener(address, Trust(accepted_certificate=certificates.home_made.pem))
    assert refusal(opener, address, NO_EXTRA) == "tls_self_signed"


def test_tls_to_a_proxy_is_verified_by_the_same_authorities(
    serve: Serve, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the CA file; a certificate that was accepted for the server is none for the proxy."""
    server = serve(f.answer())
    proxy = serve(f.over_tls(certificates.good(), f.answer()))
    monkeypatch.setenv("HTTP_PROXY", f"https://localhost:{proxy.port}")
    address = parse_address(server.url)
    open_http(address, Trust(str(certificates.ca_file)))
    assert len(requests_at(proxy)) == 1
    own = Trust(accepted_certificate=pem_of(serve, certificates.good()))
    with pytest.raises(ChannelError):
        open_http(address, own)
    assert len(requests_at(proxy)) == 1


@pytest.mark.parametrize("pem", ["garbage", "-----BEGIN CERTIFICATE-----\n!\n", "é" * 99])
def test_a_damaged_accepted_certificate_is_passed_over(pem: str) -> None:
    context = build_ssl_context(Trust(accepted_certificate=pem))
    assert context.check_hostname


def test_an_accepted_certificate_belongs_to_one_server(certificates: Certificates) -> None:
    pem = certificates.home_made.pem
    accepted = Accepted("obico.home:443", pem)
    for text, expected in (
        ("https://obico.home", pem),
        ("https://OBICO.home/path", pem),
        ("https://obico.home:8443", None),
        ("https://other.home", None),
    ):
        assert trust_for(parse_address(text), "", accepted).accepted_certificate == expected, text


# ---- what is told of a refused certificate -------------------------------------------------------

REFUSED = {
    "self_signed": "tls_self_signed",
    "unknown_issuer": "tls_untrusted_issuer",
    "wrong_name": "tls_hostname_mismatch",
    "expired": "tls_certificate_expired",
    "not_yet_valid": "tls_certificate_not_yet_valid",
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_refused_certificate_is_evidence(serve: Serve, trusted: Certificates, kind: str) -> None:
    context = getattr(trusted, kind)()
    server = serve(f.over_tls(context, f.answer()))
    result = run(url_of(server), TOKEN)
    assert result["cause"] == REFUSED[kind]
    seen = evidence_of(result, "tls")["certificate"]
    assert set(seen) - {"chain_length"} == {
        *("subject", "issuer", "names", "not_before", "not_after", "sha256")
    }
    assert "Authority" in seen["issuer"]
    assert seen["not_before"] < seen["not_after"]
    assert seen["not_before"].endswith("Z")
    assert len(seen["sha256"]) == 32 * 3 - 1
    if kind == "wrong_name":
        assert seen["names"] == ["other.example", "www.other.example"]
        assert "other.example, www.other.example" in result["explanation"]
    about_dates = kind in ("expired", "not_yet_valid")
    assert all(head.startswith(b"HEAD / HTTP/1.1\r\n") for head in requests_at(server))
    assert bool(requests_at(server)) is about_dates
    assert TOKEN.encode() not in b"".join(server.heads)


def test_an_accepted_certificate_is_evidence_on_success(
    serve: Serve, certificates: Certificates
) -> None:
    made = certificates.home_made
    server = serve(f.over_tls(made.context(), f.answer()))
    result = run(url_of(server), None, trust=Trust(accepted_certificate=made.pem))
    assert outcome_of(result, "tls") == "passed"
    seen = evidence_of(result, "tls")["certificate"]
    shown = shown_certificate(parse_address(url_of(server)), Deadline(5.0)).certificate
    assert seen == shown.evidence, "read by Python and read by asn1crypto it is the same"
    printed = subprocess.run(
        ["openssl", "x509", "-noout", "-fingerprint", "-sha256", "-in", str(made.pem_file)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert printed.strip().partition("=")[2] == seen["sha256"], "as the dialog says"


def test_without_time_the_cause_stands_alone(serve: Serve, certificates: Certificates) -> None:
    """The second look never costs the answer."""
    hellos: list[int] = []

    def behave(peer: f.Peer) -> None:
        if not peer.sock.recv(1, socket.MSG_PEEK):
            return  # connected, to see whether that is possible
        hellos.append(1)
        if len(hellos) > 1:
            peer.hold()
        peer.start_tls(certificates.self_signed())

    server = serve(behave)
    started = time.monotonic()
    result = run(url_of(server), None, deadline_s=3.0)
    assert result["cause"] == "tls_self_signed"
    assert "certificate" not in evidence_of(result, "tls")
    assert time.monotonic() - started < 3.5


HOSTILE = {
    "markup": ("<script>alert(1)</script>", ("<img src=x onerror=alert(1)>.example",)),
    "control": ("a\x00b\x1b[31m\r\nSet-Cookie: x\u202e", ("c\x07.example",)),
    "huge": ("x" * 5000, ("y" * 5000,)),
    "many": ("many", tuple(f"n{number}.example" for number in range(10_000))),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_certificate_gives_bounded_evidence(kind: str, tmp_path: Path) -> None:
    common_name, names = HOSTILE[kind]
    made = HomeMade.of(tmp_path / "hostile.pem", common_name, names)
    started = time.monotonic()
    seen = parse_certificate(made.der)
    assert time.monotonic() - started < 3.0
    text = json.dumps(seen.evidence, ensure_ascii=False)
    assert len(text) < 4000
    assert all(character.isprintable() for character in text)
    assert len(seen.names) <= 21
    assert seen.subject.startswith("CN=")
    assert seen.not_after is not None


def test_garbage_is_never_an_exception(certificates: Certificates) -> None:
    der = certificates.home_made.der
    nested = b"\x30\x80" * 40_000
    for garbage in (b"", b"\x30", b"garbage", nested, der[: len(der) // 2], der[10:]):
        seen = parse_certificate(garbage)
        assert len(seen.sha256) == 95
        assert json.dumps(seen.evidence)
    for place in range(0, len(der), 3):  # one byte of each part changed
        damaged = der[:place] + bytes([der[place] ^ 0xFF]) + der[place + 1 :]
        assert json.dumps(parse_certificate(damaged).evidence)


# ---- the clock -----------------------------------------------------------------------------------


def dated(offset_s: float) -> f.Behaviour:
    """A server whose Date is so far from now."""
    return f.answer("200 OK", b"", f"Date: {formatdate(time.time() + offset_s, usegmt=True)}")


@pytest.mark.parametrize(
    ("days", "server_days", "cause"),
    [
        ((-100, -10), -50, "clock_wrong"),
        ((10, 100), 50, "clock_wrong"),
        ((-100, -10), 0, "tls_certificate_expired"),
        ((10, 100), 0, "tls_certificate_not_yet_valid"),
        # its own clock is wrong, but that explains nothing
        ((-100, -10), -500, "tls_certificate_expired"),
        ((10, 100), -50, "tls_certificate_not_yet_valid"),
    ],
)
def test_a_wrong_clock_outranks_the_certificate(
    serve: Serve,
    trusted: Certificates,
    days: tuple[float, float],
    server_days: float,
    cause: str,
) -> None:
    server = serve(f.over_tls(trusted.valid_days(*days), dated(server_days * DAY_S)))
    result = run(url_of(server), TOKEN)
    assert (result["verdict"], result["cause"]) == ("failed_to_contact_server", cause)
    evidence = evidence_of(result, "tls")
    assert evidence["certificate"]["sha256"]
    if cause == "clock_wrong":
        minutes = round(abs(server_days) * 24 * 60)
        assert abs(evidence["minutes"] - minutes) <= 1
        assert evidence["direction"] == ("ahead" if server_days < 0 else "behind")
        assert f"{evidence['amount']} {evidence['unit']}" in result["explanation"]


@pytest.mark.parametrize("date", ["", "Date: yesterday", "Date: " + "9" * 400, "Dat\xe9: x"])
def test_a_server_that_does_not_tell_the_time(
    serve: Serve, trusted: Certificates, date: str
) -> None:
    headers = [date] if date else []
    server = serve(f.over_tls(trusted.expired(), f.answer("200 OK", b"", *headers)))
    assert run(url_of(server), TOKEN)["cause"] == "tls_certificate_expired"


@pytest.mark.parametrize(
    "behaviour",
    [f.silence, f.close_at_once, f.endless(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 999)],
    ids=["silence", "close", "endless"],
)
def test_asking_for_the_time_ends(
    serve: Serve, trusted: Certificates, behaviour: f.Behaviour
) -> None:
    server = serve(f.over_tls(trusted.expired(), behaviour))
    started = time.monotonic()
    address, limit = parse_address(url_of(server)), Deadline(1.0)
    shown = shown_with_time(address, limit, lambda: reach(address, limit))
    assert time.monotonic() - started < 2.0
    assert shown.server_time is None
    assert shown.certificate.not_after is not None


def _shown(first: float, last: float, server_time: float | None) -> Shown:
    return Shown(Certificate("", "", not_before=first, not_after=last), server_time)


NOW = RELEASED + 100 * DAY_S


@pytest.mark.parametrize(
    ("now", "shown", "expected"),
    [
        (NOW, None, None),
        (RELEASED - 60.0, None, -60.0),
        (0.0, _shown(NOW, NOW + 9, None), -RELEASED),
        (NOW, _shown(NOW + 1, NOW + DAY_S, NOW + 301), -301.0),
        (NOW, _shown(NOW + 1, NOW + DAY_S, NOW + 299), None),
        (NOW, _shown(NOW - DAY_S, NOW - 1, NOW - 301), 301.0),
        # the leaf is valid now: it was another certificate of the chain
        (NOW, _shown(NOW - DAY_S, NOW + DAY_S, NOW - 600), None),
        (NOW, Shown(Certificate("", ""), NOW - 600), None),
    ],
)
def test_when_the_clock_is_to_blame(
    now: float, shown: Shown | None, expected: float | None
) -> None:
    assert clock_error(now, shown) == expected


def test_the_command_under_a_clock_that_is_behind(
    serve: Serve, trusted: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    faketime = shutil.which("faketime")
    assert faketime, "the tests need the command faketime: apt-get install faketime"
    server = serve(f.over_tls(trusted.valid_days(-5, 80), dated(0.0)))
    done = subprocess.run(
        [
            *(faketime, "-f", "-400d", sys.executable, "-m", "octoprint_obico.diagnosis"),
            *("--server", url_of(server), "--json"),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        # time limits are measured by the other clock, which nobody sets
        env={**os.environ, "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"},
    )
    result = json.loads(done.stdout)
    assert (done.returncode, result["cause"]) == (1, "clock_wrong"), done.stderr
    evidence = evidence_of(result, "tls")
    assert evidence["direction"] == "behind"
    assert abs(evidence["minutes"] - 400 * 24 * 60) <= 2


# ---- the one place -------------------------------------------------------------------------------


def test_verification_is_switched_off_in_one_place_only() -> None:
    """Where a certificate is looked at, and nothing but looked at."""
    package = Path(__file__).parents[2] / "octoprint_obico"
    lax = ("CERT_NONE", "_create_unverified_context", "verify=False", "check_hostname = False")
    found = {
        (path.name, word)
        for path in package.rglob("*.py")
        for word in lax
        if word in path.read_text(encoding="utf-8")
    }
    assert found == {
        ("certificate.py", "CERT_NONE"),
        ("certificate.py", "check_hostname = False"),
        ("trust.py", "check_hostname = False"),
    }
