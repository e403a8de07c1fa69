"""The checks, in the order of the layers. Each is one function: what is known in, a finding out."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..server.address import Address, parse_address
from ..server.causes import Cause
from ..server.deadline import Deadline
from ..server.errors import AddressError, ChannelError
from ..server.http import PRINTER_PATH, HttpClient, expect_printer
from ..server.redact import redact
from ..server.responses import Reply, judge
from ..server.transport import (
    Target,
    Tried,
    connect,
    reach_proxy,
    resolve,
    start_tls,
    through_proxy,
    tls_failure,
)
from ..server.trust import build_ssl_context, proxy_for
from ..webcam.snapshot import Webcam, take_picture
from .catalogue import N_
from .result import Finding, Outcome

CLOCK_TOLERANCE_S = 300.0
"""A difference above this makes certificates look invalid (DIAGNOSIS contract)."""

WebSocketProbe = Callable[[Deadline], Mapping[str, Any]]
"""Proves the WebSocket and returns the evidence, or raises ChannelError."""


@dataclass
class Findings:
    """What a run is about, and what its checks have found for each other."""

    address_text: str
    token: str | None
    user_agent: str
    websocket: WebSocketProbe | None
    address: Address | None = None
    proxy: str | None = field(default=None, repr=False)
    targets: list[Target] = field(default_factory=list)
    reply: Reply | None = None
    refusal: ChannelError | None = None

    @property
    def known_address(self) -> Address:
        """The address; only for checks that require the address check to have passed."""
        assert self.address is not None
        return self.address


def failed(error: ChannelError, summary: str, **more: Any) -> Finding:
    """The finding for a ChannelError: its cause, and its facts as evidence."""
    facts = {**error.facts, **more}
    evidence = {**facts, "stage": error.stage.value, "error": error.message}
    return Finding(Outcome.FAILED, summary, facts, error.cause, evidence)


def skipped(summary: str, **facts: Any) -> Finding:
    return Finding(Outcome.SKIPPED, summary, facts)


def check_address(known: Findings, deadline: Deadline) -> Finding:
    """Is the server address usable as it stands?"""
    try:
        address = parse_address(known.address_text)
    except AddressError as error:
        summary = N_("{address}: cannot be used") if "address" in error.facts else N_("empty")
        return Finding(Outcome.FAILED, summary, error.facts, error.cause, error.facts)
    known.address, known.proxy = address, proxy_for(address)
    return Finding(Outcome.PASSED, N_("{address}"), address.facts, None, address.facts)


def check_name(known: Findings, deadline: Deadline) -> Finding:
    """Does the operating system find the server's name?"""
    address = known.known_address
    if known.proxy:
        return skipped(N_("{host}: left to the proxy"), host=address.host)
    try:
        known.targets = resolve(address.host, address.port, deadline)
    except ChannelError as error:
        return failed(error, N_("{host}: not found"), host=address.host)
    ips = [target.ip for target in known.targets]
    facts = {"host": address.host, "ips": ", ".join(ips[:4])}
    return Finding(
        Outcome.PASSED, N_("{host} is {ips}"), facts, None, {"host": address.host, "addresses": ips}
    )


def check_connect(known: Findings, deadline: Deadline) -> Finding:
    """Does anything take the connection?"""
    address = known.known_address
    started = time.monotonic()
    tried: list[Tried] = []
    try:
        if known.proxy:
            # a plain request goes to the proxy as it is, TLS through a tunnel
            reach = through_proxy if address.is_tls else reach_proxy
            reach(known.proxy, address, deadline).close()
        else:
            sock, tried = connect(known.targets, address.host, address.port, deadline)
            sock.close()
    except ChannelError as error:
        return failed(error, N_("{host}, port {port}: no connection"), **address.facts)
    milliseconds = round((time.monotonic() - started) * 1000)
    facts = {**address.facts, "ms": milliseconds, "ip": tried[-1].ip if tried else ""}
    evidence = {
        "addresses": [{"ip": t.ip, "ms": round(t.seconds * 1000), "error": t.error} for t in tried],
        "port": address.port,
    }
    summary = N_("{ip}, port {port} answers after {ms} ms") if tried else N_("through the proxy")
    return Finding(Outcome.PASSED, summary, facts, None, evidence)


def check_tls(known: Findings, deadline: Deadline) -> Finding:
    """Does the server prove its identity?"""
    address = known.known_address
    if not address.is_tls:
        return skipped(N_("not used: the address begins with http://"))
    try:
        certificate, version = _certificate(known, build_ssl_context(), deadline)
    except ChannelError as error:
        if error.cause is Cause.TLS_HOSTNAME_MISMATCH:
            error.with_facts(names=_names_on_certificate(known, deadline))
        return failed(error, N_("{host}: not accepted ({reason})"), **address.facts)
    evidence = {
        "version": version,
        "subject": _name(certificate.get("subject")),
        "issuer": _name(certificate.get("issuer")),
        "not_before": certificate.get("notBefore"),
        "not_after": certificate.get("notAfter"),
    }
    return Finding(
        Outcome.PASSED, N_("{version}, certificate of {issuer}"), evidence, None, evidence
    )


def _certificate(
    known: Findings, context: ssl.SSLContext, deadline: Deadline, listen: bool = False
) -> tuple[dict[str, Any], str]:
    """The certificate that the server shows, and the TLS version.

    With `listen`, wait for what the server has to say after the handshake.
    """
    address = known.known_address
    if known.proxy:
        raw = through_proxy(known.proxy, address, deadline)
    else:
        raw, _ = connect(known.targets, address.host, address.port, deadline)
    with start_tls(raw, address.host, context, deadline) as sock:
        if listen:
            sock.settimeout(max(deadline.remaining(), 0.01))
            try:
                sock.recv(1)
            except OSError as error:
                raise tls_failure(error, address.host) from error
        return dict(sock.getpeercert() or {}), sock.version() or ""


def _names_on_certificate(known: Findings, deadline: Deadline) -> str:
    """The names that a trusted certificate is made out to; nothing is sent over this connection."""
    context = build_ssl_context()
    context.check_hostname = False  # the chain is verified all the same
    try:
        certificate, _ = _certificate(known, context, deadline)
    except ChannelError:
        return ""
    return redact(", ".join(str(value) for _, value in certificate.get("subjectAltName", ())))


def _name(parts: Any) -> str:
    """The telling part of a certificate's subject or issuer."""
    pairs = {key: value for group in parts or () for key, value in group}
    return redact(pairs.get("organizationName") or pairs.get("commonName") or "?")


def check_http(known: Findings, deadline: Deadline) -> Finding:
    """Does an Obico Server answer its API? Its own 401 is an answer, too."""
    address = known.known_address
    client = HttpClient(address, known.user_agent)
    try:
        reply = client.request(
            "GET", PRINTER_PATH, token=known.token, timeout_s=deadline.remaining()
        )
        known.reply = reply
        judge(reply, address, bool(known.token), expect_printer)
    except ChannelError as error:
        if error.cause in _ANSWERS_OF_THE_SERVER:
            known.refusal = error
        else:
            error = _refined(error, client, address, deadline)
            error = _late_alert(error, known, deadline)
            return failed(error, _http_summary(error), **address.facts)
    finally:
        client.close()
    if known.reply is None:  # the token cannot be sent; the credentials check says so
        return skipped(N_("no request was sent"))
    facts = {"status": known.reply.status, "ms": round(known.reply.seconds * 1000)}
    summary = N_("the API answers after {ms} ms (status {status})")
    return Finding(Outcome.PASSED, summary, facts, None, {**known.reply.facts, **facts})


_ANSWERS_OF_THE_SERVER = frozenset(
    {Cause.NOT_LINKED, Cause.CREDENTIALS_INVALID, Cause.AUTHORIZATION_STRIPPED}
)
_HEALTH_PATH = "/hc/"
_HEALTHY = b"okay"


def _http_summary(error: ChannelError) -> str:
    return N_("status {status}") if "status" in error.facts else N_("no answer to the request")


def _refined(
    error: ChannelError, client: HttpClient, address: Address, deadline: Deadline
) -> ChannelError:
    """Look closer where the API's path is not known: wrong path, old server, or no Obico at all."""
    if error.cause is not Cause.NOT_AN_OBICO_SERVER or error.facts.get("status") not in (404, 405):
        return error
    if _is_obico(client, deadline):
        return ChannelError(Cause.SERVER_TOO_OLD, error.stage, error.message, error.facts)
    if address.path:
        root = Address(address.scheme, address.host, address.port)
        at_root = HttpClient(root, "")
        try:
            if _is_obico(at_root, deadline):
                facts = {**error.facts, "suggestion": root.url}
                return ChannelError(Cause.ADDRESS_PATH_WRONG, error.stage, error.message, facts)
        finally:
            at_root.close()
    return error


def _late_alert(error: ChannelError, known: Findings, deadline: Deadline) -> ChannelError:
    """Ask once more why TLS broke off, without sending anything.

    A TLS 1.3 server tells of a missing client certificate only after the handshake; a request that
    is on its way by then can make a reset out of it.
    """
    if not known.known_address.is_tls or error.cause not in _BROKEN_OFF:
        return error
    try:
        _certificate(known, build_ssl_context(), deadline.within(2.0), listen=True)
    except ChannelError as alert:
        if alert.cause is Cause.TLS_CLIENT_CERTIFICATE_REQUIRED:
            return alert
    return error


_BROKEN_OFF = frozenset({Cause.TLS_HANDSHAKE_FAILED, Cause.CONNECTION_RESET})


def _is_obico(client: HttpClient, deadline: Deadline) -> bool:
    """Whether the health path of an Obico Server answers as it does (FIELD_NOTES section 0)."""
    try:
        reply = client.request("GET", _HEALTH_PATH, timeout_s=min(4.0, deadline.remaining()))
    except ChannelError:
        return False
    return reply.status == 200 and reply.body.strip().lower()[:20] == _HEALTHY


def check_clock(known: Findings, deadline: Deadline) -> Finding:
    """Is this computer's clock right?"""
    theirs = known.reply.date if known.reply is not None else None
    if theirs is None:
        return skipped(N_("the server does not tell the time"))
    difference = time.time() - theirs
    facts = {
        "seconds": round(abs(difference)),
        "minutes": round(abs(difference) / 60),
        "tolerance": max(1, round(abs(difference))),
        "direction": "ahead" if difference > 0 else "behind",
    }
    evidence = {"difference_s": round(difference, 1)}
    if abs(difference) > CLOCK_TOLERANCE_S:
        return Finding(
            Outcome.WARNED, N_("wrong by {minutes} minutes"), facts, Cause.CLOCK_WRONG, evidence
        )
    return Finding(Outcome.PASSED, N_("right to within {tolerance} s"), facts, None, evidence)


def check_credentials(known: Findings, deadline: Deadline) -> Finding:
    """Does the server know this printer?"""
    if known.refusal is not None:
        summary = {
            Cause.NOT_LINKED: N_("no token is stored"),
            Cause.AUTHORIZATION_STRIPPED: N_("the token did not arrive at the server"),
        }.get(known.refusal.cause, N_("the server does not accept the token"))
        return failed(known.refusal, summary)
    value = known.reply.json() if known.reply is not None else None
    printer = value["printer"] if value is not None and expect_printer(value) else {}
    facts = {"printer": redact(printer.get("name") or "?")[:80]}
    return Finding(
        Outcome.PASSED,
        N_("linked as “{printer}”"),
        facts,
        None,
        {"printer": facts["printer"], "id": printer.get("id")},
    )


def check_websocket(known: Findings, deadline: Deadline) -> Finding:
    """Does the second connection hold, there and back?"""
    if known.websocket is None or not known.token:
        return skipped(N_("not tried: the printer is not linked"))
    try:
        evidence = known.websocket(deadline)
    except ChannelError as error:
        summary = N_("refused with status {status}") if "status" in error.facts else N_("failed")
        return failed(error, summary, **known.known_address.facts)
    summary = N_("open, answers a ping after {round_trip_ms} ms")
    if evidence.get("shared"):  # it holds just now, but the other user of the token may come back
        return Finding(Outcome.WARNED, summary, evidence, Cause.CREDENTIALS_SHARED, evidence)
    return Finding(Outcome.PASSED, summary, evidence, None, evidence)


def check_webcam(webcam: Webcam, deadline: Deadline) -> Finding:
    """Does a webcam give a picture?"""
    try:
        picture = take_picture(webcam, deadline)
    except ChannelError as error:
        return failed(error, N_("{webcam}: no picture"))
    facts = {
        "webcam": webcam.name,
        "kilobytes": round(len(picture.jpeg) / 1024),
        "ms": round(picture.seconds * 1000),
    }
    evidence = {**webcam.facts, **facts}
    return Finding(
        Outcome.PASSED,
        N_("{webcam}: a picture of {kilobytes} KB after {ms} ms"),
        facts,
        None,
        evidence,
    )
