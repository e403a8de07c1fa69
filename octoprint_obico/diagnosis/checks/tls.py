"""Does the server prove its identity?"""

from __future__ import annotations

import socket
import ssl
import time
from contextlib import suppress
from typing import Any

from ..._version import RELEASED
from ...server.causes import Cause
from ...server.certificate import (
    Certificate,
    Shown,
    shown_certificate,
    shown_with_time,
    verified_certificate,
)
from ...server.deadline import Deadline
from ...server.errors import ChannelError
from ...server.proxy import through_proxy
from ...server.tls_in_tls import TlsInTls
from ...server.transport import connect, start_tls, tls_failure
from ...server.trust import build_ssl_context, ca_file_problem
from ..catalogue import N_
from ..result import Finding, Outcome
from .clock import CLOCK_TOLERANCE_S, clock_facts
from .findings import Findings, failed, skipped

_LOOK_LIMIT_S = 3.0
_LOOK_LEAST_S = 0.3
"""Time for a second look at a refused certificate; with less, the cause stands without it."""

_LOOK_SHARE = 0.8
"""Of the time that is left; the cause must not be late for the look's sake."""

_ABOUT_DATES = frozenset({Cause.TLS_CERTIFICATE_EXPIRED, Cause.TLS_CERTIFICATE_NOT_YET_VALID})


def check_tls(known: Findings, deadline: Deadline) -> Finding:
    """Does the server prove its identity?"""
    address = known.known_address
    if not address.is_tls:
        return skipped(N_("not used: the address begins with http://"))
    try:
        certificate, version = _handshake(known, deadline)
    except ChannelError as error:
        return _refused(error, known, deadline)
    facts = {**certificate.facts, "version": version, "issuer": _short(certificate.issuer)}
    evidence = {"version": version, "certificate": certificate.evidence}
    return Finding(Outcome.PASSED, N_("{version}, certificate of {issuer}"), facts, None, evidence)


def _short(name: str) -> str:
    """The telling part of "CN=..., O=...": who it is, for one line."""
    parts = dict(part.partition("=")[::2] for part in name.split(", "))
    return parts.get("O") or parts.get("CN") or "?"


def _handshake(
    known: Findings, deadline: Deadline, listen: bool = False
) -> tuple[Certificate, str]:
    """The verified certificate, and the TLS version.

    With `listen`, wait for what the server has to say after the handshake.
    """
    address = known.known_address
    context = build_ssl_context(known.trust)
    with start_tls(_connected(known, deadline), address.host, context, deadline) as sock:
        if listen:
            _listen(sock, address.host, deadline)
        return verified_certificate(sock), sock.version() or ""


def _connected(known: Findings, deadline: Deadline) -> socket.socket:
    """A socket to the server, by what the checks before have found."""
    address = known.known_address
    if known.proxy:
        return through_proxy(known.proxy, address, deadline, known.trust)
    kept = known.take_connected()
    return kept or connect(known.targets, address.host, address.port, deadline)[0]


def _listen(sock: ssl.SSLSocket | TlsInTls, host: str, deadline: Deadline) -> None:
    sock.settimeout(max(deadline.remaining(), 0.01))
    try:
        sock.recv(1)
    except OSError as error:
        raise tls_failure(error, host) from error


# ---- what was refused ----------------------------------------------------------------------------


def _refused(error: ChannelError, known: Findings, deadline: Deadline) -> Finding:
    """The finding for a failed handshake, with the certificate where there was one."""
    address = known.known_address
    shown = _second_look(error, known, deadline)
    evidence: dict[str, Any] = {}
    if shown is not None:
        error.facts = {**error.facts, **shown.certificate.facts}
        evidence["certificate"] = shown.certificate.evidence
    evidence.update(_ca_file_evidence(known))
    if error.cause in _ABOUT_DATES:
        off_s = clock_error(time.time(), shown)
        if shown is not None and shown.server_time is not None:
            evidence["server_time_difference_s"] = round(time.time() - shown.server_time)
        if off_s is not None:
            error = ChannelError(
                Cause.CLOCK_WRONG, error.stage, error.message, {**error.facts, **clock_facts(off_s)}
            )
    finding = failed(error, _summary(error, evidence), **address.facts)
    return Finding(
        finding.outcome,
        finding.summary,
        {**finding.facts, **_flat(evidence.get("ca_file"))},
        finding.cause,
        {**finding.evidence, **evidence},
    )


def _summary(error: ChannelError, evidence: dict[str, Any]) -> str:
    if error.cause is Cause.CLOCK_WRONG:
        return N_("{host}: not accepted, as this computer's clock is {amount} {unit} {direction}")
    if "ca_file" in evidence:
        return N_("{host}: not accepted ({reason}); the CA file {ca_file} cannot be used")
    return N_("{host}: not accepted ({reason})")


def _flat(ca_file: dict[str, str] | None) -> dict[str, str]:
    return {} if ca_file is None else {"ca_file": ca_file["path"]}


def _ca_file_evidence(known: Findings) -> dict[str, Any]:
    """That the CA file of the settings is at fault, where it cannot be used."""
    path = known.trust.ca_file
    problem = ca_file_problem(path) if path else None
    return {} if problem is None else {"ca_file": {"path": path, "problem": problem.value}}


def _second_look(error: ChannelError, known: Findings, deadline: Deadline) -> Shown | None:
    """The refused certificate, where the server shows it again in the time that is left."""
    refused = isinstance(error.__cause__, ssl.SSLCertVerificationError)
    if not refused or deadline.remaining() < _LOOK_LEAST_S:
        return None
    limit = deadline.within(min(_LOOK_LIMIT_S, _LOOK_SHARE * deadline.remaining()))
    look = shown_with_time if error.cause in _ABOUT_DATES else shown_certificate
    with suppress(ChannelError):
        return look(known.known_address, limit, lambda: _connected(known, limit))
    return None


def clock_error(now: float, shown: Shown | None) -> float | None:
    """By how many seconds the local clock is ahead, where that explains a refusal for dates.

    Args:
        now: the local clock, in Unix seconds.

    Returns:
        None where the clock is right, or where nothing says that it is wrong. A negative number is
        a clock that is behind; where only the plugin's own age gives it away, by that much at
        least.
    """
    theirs = shown.server_time if shown is not None else None
    if shown is None or theirs is None:
        return now - RELEASED if now < RELEASED else None
    # valid at the local time, it was refused for another certificate's dates: an intermediate's
    explained = shown.certificate.covers(theirs) and not shown.certificate.covers(now)
    return now - theirs if explained and abs(now - theirs) > CLOCK_TOLERANCE_S else None


# ---- a late alert --------------------------------------------------------------------------------


def late_alert(error: ChannelError, known: Findings, deadline: Deadline) -> ChannelError:
    """Ask once more why TLS broke off, without sending anything.

    A TLS 1.3 server tells of a missing client certificate only after the handshake; a request that
    is on its way by then can make a reset out of it.
    """
    if not known.known_address.is_tls or error.cause not in _BROKEN_OFF:
        return error
    try:
        _handshake(known, deadline.within(2.0), listen=True)
    except ChannelError as alert:
        if alert.cause is Cause.TLS_CLIENT_CERTIFICATE_REQUIRED:
            return alert
    return error


_BROKEN_OFF = frozenset({Cause.TLS_HANDSHAKE_FAILED, Cause.CONNECTION_RESET})
