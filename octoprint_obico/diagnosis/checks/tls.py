"""Does the server prove its identity?"""

from __future__ import annotations

import ssl
from typing import Any

from ...server.causes import Cause
from ...server.deadline import Deadline
from ...server.errors import ChannelError
from ...server.redact import redact
from ...server.transport import connect, start_tls, through_proxy, tls_failure
from ...server.trust import build_ssl_context
from ..catalogue import N_
from ..result import Finding, Outcome
from .findings import Findings, failed, skipped


def check_tls(known: Findings, deadline: Deadline) -> Finding:
    """Does the server prove its identity?"""
    address = known.known_address
    if not address.is_tls:
        return skipped(N_("not used: the address begins with http://"))
    try:
        certificate, version = read_certificate(known, build_ssl_context(), deadline)
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


def read_certificate(
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
        certificate, _ = read_certificate(known, context, deadline)
    except ChannelError:
        return ""
    return redact(", ".join(str(value) for _, value in certificate.get("subjectAltName", ())))


def _name(parts: Any) -> str:
    """The telling part of a certificate's subject or issuer."""
    pairs = {key: value for group in parts or () for key, value in group}
    return redact(pairs.get("organizationName") or pairs.get("commonName") or "?")


def late_alert(error: ChannelError, known: Findings, deadline: Deadline) -> ChannelError:
    """Ask once more why TLS broke off, without sending anything.

    A TLS 1.3 server tells of a missing client certificate only after the handshake; a request that
    is on its way by then can make a reset out of it.
    """
    if not known.known_address.is_tls or error.cause not in _BROKEN_OFF:
        return error
    try:
        read_certificate(known, build_ssl_context(), deadline.within(2.0), listen=True)
    except ChannelError as alert:
        if alert.cause is Cause.TLS_CLIENT_CERTIFICATE_REQUIRED:
            return alert
    return error


_BROKEN_OFF = frozenset({Cause.TLS_HANDSHAKE_FAILED, Cause.CONNECTION_RESET})
