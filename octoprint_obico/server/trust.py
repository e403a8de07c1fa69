"""Which certificates are trusted: alike for HTTP and WebSocket."""

from __future__ import annotations

import os
import ssl
from typing import Any, NamedTuple

import certifi
from urllib3.util.ssl_match_hostname import match_hostname

from .address import Address
from .words import Word

_PARTIAL_CHAIN = 0x80000
"""X509_V_FLAG_PARTIAL_CHAIN of OpenSSL (x509_vfy.h): a trusted certificate ends a chain though it
is no authority's. Python names it from 3.10 on."""

_STRICT = 0x20
"""X509_V_FLAG_X509_STRICT, which Python 3.13 sets: it refuses small breaches of RFC 5280, as
home-made certificates have them."""

_HOSTNAME_MISMATCH = 62
"""X509_V_ERR_HOSTNAME_MISMATCH of OpenSSL (x509_vfy.h)."""


class Trust(NamedTuple):
    """What is trusted beside the operating system's certificates and certifi's.

    Attributes:
        ca_file: path of a file with the certificates of further authorities (PEM).
        accepted_certificate: one server's certificate that an administrator has accepted (PEM).
    """

    ca_file: str | None = None
    accepted_certificate: str | None = None
    context: ssl.SSLContext | None = None
    """Built already, by :meth:`prepared`."""

    @property
    def of_others(self) -> Trust:
        """The same for another machine than the server: a proxy."""
        return self._replace(accepted_certificate=None, context=None)

    def prepared(self) -> Trust:
        """The same, with the certificates read once, for many connections within a short time."""
        return self._replace(context=build_ssl_context(self))


NO_EXTRA = Trust()
"""Nothing beside the operating system's certificates and certifi's."""


class Accepted(NamedTuple):
    """A certificate that an administrator has accepted, and the one server it was accepted for.

    Attributes:
        server: host and port, as `server_name` gives them.
        pem: the certificate.
    """

    server: str
    pem: str


def server_name(address: Address) -> str:
    """What an accepted certificate is bound to. The path is left out: TLS knows none."""
    return f"{address.host}:{address.port}"


def trust_for(address: Address, ca_file: str | None, accepted: Accepted | None) -> Trust:
    """What is trusted at this address: a certificate that was accepted elsewhere is not."""
    applies = accepted is not None and accepted.server == server_name(address)
    return Trust(ca_file or None, accepted.pem if accepted is not None and applies else None)


class CaFileProblem(Word):
    """Why a CA file cannot be used."""

    NOT_ABSOLUTE = "not_absolute"
    MISSING = "missing"
    UNREADABLE = "unreadable"
    NOT_PEM = "not_pem"


def ca_file_problem(path: str) -> CaFileProblem | None:
    """What is wrong with a CA file; None where it can be used. Reads the file."""
    if not os.path.isabs(path):  # relative to what OctoPrint was started in, which nobody knows
        return CaFileProblem.NOT_ABSOLUTE
    if not os.path.isfile(path):
        return CaFileProblem.MISSING
    return _load(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), path)


def _load(context: ssl.SSLContext, place: str | None) -> CaFileProblem | None:
    """Trust the certificates in a file or folder, as far as they can be read."""
    try:
        if place and os.path.isdir(place):
            context.load_verify_locations(capath=place)
        elif place and os.path.isfile(place):
            context.load_verify_locations(cafile=place)
    except ssl.SSLError:
        return CaFileProblem.NOT_PEM
    except (OSError, ValueError):  # no permission; a name with a zero byte
        return CaFileProblem.UNREADABLE
    return None


def build_ssl_context(trust: Trust = NO_EXTRA) -> ssl.SSLContext:
    """Return a verifying context that trusts the operating system's certificates and certifi's.

    `SSL_CERT_FILE` and `SSL_CERT_DIR` are read by OpenSSL itself; `REQUESTS_CA_BUNDLE` and
    `CURL_CA_BUNDLE` name a file or folder as they do for `requests`. A file that cannot be used is
    passed over: what it would have trusted then shows as an untrusted certificate, with its name.
    """
    if trust.context is not None:
        return trust.context
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    extra = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    for place in (certifi.where(), extra, trust.ca_file):
        _load(context, place)
    if trust.accepted_certificate:
        _accept(context, trust.accepted_certificate)
    return context


def _accept(context: ssl.SSLContext, pem: str) -> None:
    """Trust this one certificate, whatever name it is made out to; its dates still count.

    OpenSSL can only check the name of all certificates or of none, so it is checked here, at the
    end of each handshake and before a byte is sent. The check belongs to the context's own sockets:
    nobody who uses the context can forget it.

    A certificate that cannot be read (somebody edited config.yaml) is passed over.
    """
    try:
        accepted = ssl.PEM_cert_to_DER_cert(pem)
        context.load_verify_locations(cadata=accepted)
    except (ValueError, OSError):  # ssl.SSLError is an OSError
        return
    context.verify_flags = ssl.VerifyFlags((context.verify_flags | _PARTIAL_CHAIN) & ~_STRICT)
    context.check_hostname = False

    class CheckedSocket(ssl.SSLSocket):
        def do_handshake(self, block: bool = False) -> None:
            super().do_handshake(block)
            _check_peer(self, accepted)

    class CheckedObject(ssl.SSLObject):
        def do_handshake(self) -> None:
            super().do_handshake()
            _check_peer(self, accepted)

    context.sslsocket_class, context.sslobject_class = CheckedSocket, CheckedObject


def _check_peer(peer: ssl.SSLSocket | ssl.SSLObject, accepted: bytes) -> None:
    """Raise as OpenSSL would, unless it is the accepted certificate or one for the right name.

    The second is a verified certificate that the server got later. (The accepted one might have
    issued it, where that is an authority's: no matter, as its owner is the server anyway.)
    """
    if peer.getpeercert(binary_form=True) == accepted:
        return
    names: Any = (peer.getpeercert() or {}).get("subjectAltName", ())
    try:
        match_hostname({"subjectAltName": names}, peer.server_hostname or "")
    except ValueError as mismatch:  # urllib3's own error is one in each of its versions
        message = f"hostname mismatch, certificate is not valid for {peer.server_hostname!r}"
        error = ssl.SSLCertVerificationError(1, message)
        error.verify_code, error.verify_message = _HOSTNAME_MISMATCH, message
        raise error from mismatch
