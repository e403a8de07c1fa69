"""The certificate that a server shows, for people to look at: who, by whom, until when.

OpenSSL says of a refused certificate only why. To tell more, and to let an administrator accept it,
it is fetched once more by a handshake that verifies nothing. That weakens nothing: over such a
connection no secret is ever sent, and what comes back is shown, compared and never believed.
"""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import Any, TypeVar

from .address import Address
from .causes import Cause
from .deadline import Deadline
from .proxy import reach
from .redact import redact
from .tls_in_tls import TlsInTls
from .transport import start_tls
from .trust import NO_EXTRA, Trust
from .words import iso

ACCEPTABLE = frozenset(
    {Cause.TLS_SELF_SIGNED, Cause.TLS_UNTRUSTED_ISSUER, Cause.TLS_HOSTNAME_MISMATCH}
)
"""Refusals that an administrator can overrule for one certificate; dates are none of them."""

_SHOWN_NAMES = 20
_SHOWN_PARTS = 12
_SHOWN_LENGTH = 100
"""What is shown of a certificate: enough for a real one, and a bound for a hostile one."""

_HEAD_CAP = 16 * 1024
"""Bytes of an answer that are read in search of its Date."""

_PARTS = (
    ("common_name", "commonName", "CN"),
    ("organization_name", "organizationName", "O"),
    ("organizational_unit_name", "organizationalUnitName", "OU"),
)
"""The telling parts of a name: as asn1crypto, as Python's ssl, and as people call them."""

T = TypeVar("T")


@dataclass(frozen=True)
class Certificate:
    """What a certificate says; all but the fingerprint is empty where it cannot be read.

    Attributes:
        pem: the certificate itself.
        sha256: its fingerprint, as `openssl x509 -fingerprint -sha256` prints it.
        subject, issuer: "CN=..., O=...", redacted and bounded.
        names: host names and IP addresses it is made out to; the first few.
        not_before, not_after: Unix seconds.
        chain_length: certificates that the server sent, where Python can tell (3.13).
    """

    pem: str
    sha256: str
    subject: str = ""
    issuer: str = ""
    names: tuple[str, ...] = ()
    not_before: float | None = None
    not_after: float | None = None
    chain_length: int | None = None

    @property
    def evidence(self) -> dict[str, Any]:
        """All of it, for programs."""
        seen: dict[str, Any] = {
            "subject": self.subject,
            "issuer": self.issuer,
            "names": list(self.names),
            "not_before": None if self.not_before is None else iso(self.not_before),
            "not_after": None if self.not_after is None else iso(self.not_after),
            "sha256": self.sha256,
        }
        length = self.chain_length
        return seen if length is None else {**seen, "chain_length": length}

    @property
    def facts(self) -> dict[str, Any]:
        """The same for the texts: dates as days in UTC."""
        days = {"not_before": self.not_before, "not_after": self.not_after}
        return {
            "subject": self.subject,
            "issuer": self.issuer,
            "names": ", ".join(self.names),
            "sha256": self.sha256,
            **{name: "" if when is None else iso(when)[:10] for name, when in days.items()},
        }

    def covers(self, moment: float) -> bool:
        """Whether it is valid at that time (Unix seconds), as far as its dates are known."""
        before, after = self.not_before, self.not_after
        return before is not None and after is not None and before <= moment <= after


def verified_certificate(sock: ssl.SSLSocket | TlsInTls) -> Certificate:
    """The certificate behind a verified connection; Python has read it already."""
    der = sock.getpeercert(binary_form=True) or b""
    seen: dict[str, Any] = dict(sock.getpeercert() or {})
    return Certificate(
        **_identity(der),
        subject=_joined(_pairs(seen.get("subject"))),
        issuer=_joined(_pairs(seen.get("issuer"))),
        names=_bounded(str(name) for _, name in seen.get("subjectAltName", ())),
        not_before=_attempt(lambda: ssl.cert_time_to_seconds(seen["notBefore"])),
        not_after=_attempt(lambda: ssl.cert_time_to_seconds(seen["notAfter"])),
        chain_length=_chain_length(sock),
    )


def parse_certificate(der: bytes, chain_length: int | None = None) -> Certificate:
    """What a certificate says that nobody has verified. Never raises: it may be hostile.

    Python's ssl reads verified certificates only, hence asn1crypto; loaded here, because it takes
    a moment that a healthy start need not wait for.
    """
    from asn1crypto.x509 import Certificate as Parsed

    parsed: Any = _attempt(lambda: Parsed.load(der))

    def read(what: Callable[[], T], otherwise: T) -> T:
        found = _attempt(what)
        return otherwise if found is None else found

    return Certificate(
        **_identity(der),
        subject=read(lambda: _joined(_attributes(parsed.subject)), ""),
        issuer=read(lambda: _joined(_attributes(parsed.issuer)), ""),
        names=read(lambda: _bounded(_alternative_names(parsed)), ()),
        not_before=_attempt(lambda: _seconds(parsed.not_valid_before)),
        not_after=_attempt(lambda: _seconds(parsed.not_valid_after)),
        chain_length=chain_length,
    )


def _identity(der: bytes) -> dict[str, str]:
    digest = hashlib.sha256(der).hexdigest().upper()
    pairs = ":".join(digest[at : at + 2] for at in range(0, len(digest), 2))
    return {"pem": ssl.DER_cert_to_PEM_cert(der), "sha256": pairs}


def _attempt(what: Callable[[], T]) -> T | None:
    """What `what` returns; None where the certificate is not what it should be.

    asn1crypto promises no set of exceptions, and it is fed by strangers. (A certificate nested
    without end is a RecursionError, which is an Exception as well.)
    """
    try:
        return what()
    except Exception:
        return None


def _attributes(name: Any) -> dict[str, str]:
    """The telling attributes of a name; the first of each kind, among the first few."""
    found: dict[str, str] = {}
    for group in islice(name.chosen, _SHOWN_PARTS):
        for attribute in islice(group, _SHOWN_PARTS):
            found.setdefault(_native(attribute["type"]), _native(attribute["value"]))
    return {short: found[long] for long, _, short in _PARTS if found.get(long)}


def _alternative_names(parsed: Any) -> Iterable[str]:
    for name in islice(parsed.subject_alt_name_value or (), _SHOWN_NAMES + 1):
        if name.name in ("dns_name", "ip_address"):
            yield _native(name)


def _native(item: Any) -> str:
    """A value of asn1crypto as text; empty where it is not what its type says."""
    return _attempt(lambda: str(item.native)) or ""


def _pairs(groups: Any) -> dict[str, str]:
    """The telling attributes of a name in the form of `getpeercert`."""
    found = {key: str(value) for group in groups or () for key, value in group}
    return {short: found[long] for _, long, short in _PARTS if found.get(long)}


def _joined(parts: dict[str, str]) -> str:
    return ", ".join(f"{short}={_cut(value)}" for short, value in parts.items())


def _bounded(names: Iterable[str]) -> tuple[str, ...]:
    """The first names, and an ellipsis where there are more."""
    shown = [_cut(name) for name in islice(names, _SHOWN_NAMES + 1)]
    return tuple(shown if len(shown) <= _SHOWN_NAMES else [*shown[:_SHOWN_NAMES], "…"])


def _cut(text: str) -> str:
    shown = redact(text)
    return shown if len(shown) <= _SHOWN_LENGTH else shown[: _SHOWN_LENGTH - 1] + "…"


def _seconds(moment: datetime) -> float:
    return moment.astimezone(timezone.utc).timestamp()


def _chain_length(sock: ssl.SSLSocket | TlsInTls) -> int | None:
    sent = getattr(sock, "get_unverified_chain", None)  # from Python 3.13 on
    return None if sent is None else len(sent())


# ---- fetching it --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shown:
    """What a server showed without being verified: its certificate, and the time it claims."""

    certificate: Certificate
    server_time: float | None = None


def shown_certificate(
    address: Address,
    deadline: Deadline,
    connect: Callable[[], Any] | None = None,
    trust: Trust = NO_EXTRA,
) -> Shown:
    """Fetch the certificate that the server shows, trusted or not; nothing is sent.

    Args:
        connect: gives a socket to the server; by default name and proxy are looked up anew.
        trust: for a proxy on the way; the server's certificate is not verified.

    Raises:
        ChannelError: the server could not be reached, or shook no hands.
    """
    return _look(address, deadline, connect or _opener(address, deadline, trust), ask=False)


def shown_with_time(address: Address, deadline: Deadline, connect: Callable[[], Any]) -> Shown:
    """The same, and ask for the server's time.

    That takes a request: an anonymous one, with nothing in it but the host's name. Who answers is
    not verified, so the time serves for saying what is wrong, and never for setting a clock.
    """
    return _look(address, deadline, connect, ask=True)


def _opener(address: Address, deadline: Deadline, trust: Trust) -> Callable[[], Any]:
    return lambda: reach(address, deadline, trust)


def _look(address: Address, deadline: Deadline, connect: Callable[[], Any], *, ask: bool) -> Shown:
    with start_tls(connect(), address.host, _looking_context(), deadline) as sock:
        der = sock.getpeercert(binary_form=True) or b""
        length = _chain_length(sock)
        told = _ask_time(sock, address, deadline) if ask else None
    return Shown(parse_certificate(der, length), told)


def _looking_context() -> ssl.SSLContext:
    """A context that verifies nothing, for looking only; the one place where there is such."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_alpn_protocols(["http/1.1"])
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _ask_time(sock: ssl.SSLSocket | TlsInTls, address: Address, deadline: Deadline) -> float | None:
    """The Date of the server's answer (RFC 9110 section 6.6.1) in Unix seconds, or None."""
    lines = ("HEAD / HTTP/1.1", f"Host: {address.netloc}", "Connection: close", "", "")
    head = b""
    try:
        sock.settimeout(max(deadline.remaining(), 0.01))
        sock.sendall("\r\n".join(lines).encode("ascii"))
        while b"\r\n\r\n" not in head and len(head) < _HEAD_CAP and not deadline.over:
            sock.settimeout(max(deadline.remaining(), 0.01))
            received = sock.recv(1024)
            if not received:
                break
            head += received
    except OSError:
        pass  # it says nothing, or no more: what has come may have a Date
    return _date_in(head[:_HEAD_CAP])


def _date_in(head: bytes) -> float | None:
    for line in head.split(b"\r\n\r\n", 1)[0].split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"date":
            return _http_date(value.decode("latin-1").strip())
    return None


def _http_date(text: str) -> float | None:
    return _attempt(lambda: parsedate_to_datetime(text).timestamp())
