"""The errors of the channels and what becomes of a library's exceptions.

::

    ObicoError                 every error of ours
    ├── AddressError           the server address cannot be used
    └── ChannelError           an attempt on a channel failed: stage, cause, facts

A library's exception is converted once, at the boundary, with ``raise ... from``. From there on
only these errors travel. The tables below are the only place that knows how `socket`, `ssl`,
`requests` and `websocket-client` say things.
"""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from .causes import Cause
from .redact import redact
from .words import Word


class Stage(Word):
    """How far an attempt had come when it failed."""

    ADDRESS = "address"
    NAME = "name"
    CONNECT = "connect"
    PROXY = "proxy"
    TLS = "tls"
    REQUEST = "request"
    RESPONSE = "response"
    HANDSHAKE = "handshake"
    OPEN = "open"


PLUGIN_CHANNEL = "plugin"
"""The channel of what goes wrong in the plugin itself, and not on the way to anything."""


class ObicoError(Exception):
    """Base of all errors that this plugin raises on purpose."""


class AddressError(ObicoError):
    """The server address cannot be used as it stands. `cause` is one of the address causes."""

    def __init__(self, cause: Cause, facts: Mapping[str, Any] | None = None) -> None:
        super().__init__(cause.value)
        self.cause = cause
        self.facts: dict[str, Any] = dict(facts or {})


class ChannelError(ObicoError):
    """An attempt on a channel failed.

    Attributes:
        cause: the id of what is wrong.
        stage: how far the attempt had come.
        facts: what was seen (host, port, status ...), for the texts and the evidence; no secrets.
        retry_after: seconds that the server asked us to wait, or None.
        down_for_s: seconds since the last sign of life, where the failure was noticed late.
    """

    def __init__(
        self,
        cause: Cause,
        stage: Stage,
        message: object = "",
        facts: Mapping[str, Any] | None = None,
        retry_after: float | None = None,
        down_for_s: float = 0.0,
    ) -> None:
        self.cause = cause
        self.stage = stage
        self.message = redact(message)
        self.facts: dict[str, Any] = {"error": self.message, **(facts or {})}
        self.retry_after, self.down_for_s = retry_after, down_for_s
        super().__init__(f"{cause.value} at {stage.value}: {self.message}")

    def with_facts(self, **facts: Any) -> ChannelError:
        """Add facts that only the caller knows; facts already there win. Returns itself."""
        self.facts = {**facts, **self.facts}
        return self


NO_FACTS: Mapping[str, Any] = {}


class Attempt(NamedTuple):
    """One attempt on a channel and how it ended: the tracker's only input.

    Attributes:
        channel: "http", "websocket", "webcam:<name>", or "plugin" for what the plugin itself does.
        ok: whether it succeeded.
        cause, stage, message, facts: of the failure; None and empty on success.
        down_for_s: seconds since the last sign of life, where the failure was noticed late.
    """

    channel: str
    ok: bool
    cause: Cause | None = None
    stage: Stage | None = None
    message: str = ""
    facts: Mapping[str, Any] = NO_FACTS
    down_for_s: float = 0.0

    @classmethod
    def success(cls, channel: str) -> Attempt:
        return cls(channel, True)

    @classmethod
    def failure(cls, channel: str, error: ChannelError) -> Attempt:
        facts = dict(error.facts)
        return cls(channel, False, error.cause, error.stage, error.message, facts, error.down_for_s)

    @classmethod
    def fault(cls, part: str, error: str | Exception) -> Attempt:
        """A fault of the plugin itself, in the part of it that is named.

        Args:
            error: a text of ours, or an exception, of which only the class is told: what it says
                may hold anything.
        """
        kind = error if isinstance(error, str) else type(error).__name__
        facts = {"part": part, "error": kind}
        return cls(PLUGIN_CHANNEL, False, Cause.UNKNOWN_ERROR, None, f"{part}: {kind}", facts)


# ---------------------------------------------------------------------------------------------
# What the libraries' exceptions mean

_CONNECT_ERRNOS: Mapping[int, Cause] = {
    errno.ECONNREFUSED: Cause.CONNECTION_REFUSED,
    errno.ETIMEDOUT: Cause.CONNECTION_TIMED_OUT,
    errno.EHOSTUNREACH: Cause.HOST_UNREACHABLE,
    errno.EHOSTDOWN: Cause.HOST_UNREACHABLE,
    errno.ENETUNREACH: Cause.NETWORK_DOWN,
    errno.ENETDOWN: Cause.NETWORK_DOWN,
    errno.EADDRNOTAVAIL: Cause.NETWORK_DOWN,
    errno.ECONNRESET: Cause.CONNECTION_RESET,
    errno.ECONNABORTED: Cause.CONNECTION_RESET,
    errno.EPIPE: Cause.CONNECTION_RESET,
}

_RESOLVER_ERRORS: Mapping[int, Cause] = {
    getattr(socket, name): cause
    for name, cause in (
        ("EAI_NONAME", Cause.DNS_NAME_NOT_FOUND),
        ("EAI_NODATA", Cause.DNS_NO_ADDRESS),
        ("EAI_ADDRFAMILY", Cause.DNS_NO_ADDRESS),
        ("EAI_AGAIN", Cause.DNS_TIMEOUT),
        ("EAI_FAIL", Cause.DNS_SERVER_FAILURE),
    )
    if hasattr(socket, name)
}

# X509_V_ERR_* of OpenSSL (x509_vfy.h); the same numbers in 1.1 and 3.x
_VERIFY_CODES: Mapping[int, Cause] = {
    2: Cause.TLS_UNTRUSTED_ISSUER,
    9: Cause.TLS_CERTIFICATE_NOT_YET_VALID,
    10: Cause.TLS_CERTIFICATE_EXPIRED,
    18: Cause.TLS_SELF_SIGNED,
    19: Cause.TLS_UNTRUSTED_ISSUER,
    20: Cause.TLS_UNTRUSTED_ISSUER,
    21: Cause.TLS_UNTRUSTED_ISSUER,
    24: Cause.TLS_UNTRUSTED_ISSUER,
    27: Cause.TLS_UNTRUSTED_ISSUER,
    62: Cause.TLS_HOSTNAME_MISMATCH,
    64: Cause.TLS_HOSTNAME_MISMATCH,
}

# Parts of OpenSSL's reason codes, first match wins
_TLS_REASONS: tuple[tuple[str, Cause], ...] = (
    ("WRONG_VERSION_NUMBER", Cause.TLS_NOT_SPOKEN),
    ("HTTP_REQUEST", Cause.TLS_NOT_SPOKEN),
    ("UNEXPECTED_MESSAGE", Cause.TLS_NOT_SPOKEN),
    ("RECORD_LAYER_FAILURE", Cause.TLS_NOT_SPOKEN),
    ("PACKET_LENGTH_TOO_LONG", Cause.TLS_NOT_SPOKEN),
    ("CERTIFICATE_REQUIRED", Cause.TLS_CLIENT_CERTIFICATE_REQUIRED),
    ("ALERT_BAD_CERTIFICATE", Cause.TLS_CLIENT_CERTIFICATE_REQUIRED),
    ("PROTOCOL_VERSION", Cause.TLS_VERSION_UNSUPPORTED),
    ("UNSUPPORTED_PROTOCOL", Cause.TLS_VERSION_UNSUPPORTED),
    ("INAPPROPRIATE_FALLBACK", Cause.TLS_VERSION_UNSUPPORTED),
    ("NO_SHARED_CIPHER", Cause.TLS_VERSION_UNSUPPORTED),
    ("NO_PROTOCOLS_AVAILABLE", Cause.TLS_VERSION_UNSUPPORTED),
    ("HANDSHAKE_FAILURE", Cause.TLS_VERSION_UNSUPPORTED),
)


def chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and everything it was raised from or wraps, each once.

    `requests` and `urllib3` keep the real cause in `args`, `reason`, `__cause__` or `__context__`.
    """
    waiting: list[BaseException] = [error]
    seen: set[int] = set()
    while waiting:
        current = waiting.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        inner = [getattr(current, "reason", None), *current.args]
        inner += [current.__cause__, current.__context__]
        waiting.extend(item for item in inner if isinstance(item, BaseException))


def cause_of_resolver_error(error: socket.gaierror) -> Cause:
    """What the operating system's name resolution says (getaddrinfo(3))."""
    return _RESOLVER_ERRORS.get(error.errno or 0, Cause.DNS_SERVER_FAILURE)


def cause_of_os_error(error: OSError) -> Cause | None:
    """What an error number of the socket layer means while connecting; None if it is another."""
    if isinstance(error, (TimeoutError, socket.timeout)):  # the same from Python 3.10 on
        return Cause.CONNECTION_TIMED_OUT
    return _CONNECT_ERRNOS.get(error.errno or 0)


def cause_of_tls_error(error: BaseException) -> Cause:
    """What OpenSSL's refusal, or a connection that ends in the midst of the handshake, means."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _VERIFY_CODES.get(error.verify_code, Cause.UNKNOWN_ERROR)
    if isinstance(error, ssl.SSLError):
        reason = (error.reason or str(error)).upper().replace(" ", "_")
        for part, cause in _TLS_REASONS:
            if part in reason:
                return cause
    return Cause.TLS_HANDSHAKE_FAILED


def proxy_refusal(status: int, facts: Mapping[str, Any], *, source: object = "") -> ChannelError:
    """The error for a proxy that answered CONNECT with `status`."""
    # 401 in place of 407 is how tinyproxy 1.11 refuses a wrong password
    wants_password = status in (401, 407)
    cause = Cause.PROXY_AUTHENTICATION_REQUIRED if wants_password else Cause.PROXY_REFUSED
    return ChannelError(
        cause,
        Stage.PROXY,
        source or f"proxy answered CONNECT with {status}",
        {**facts, "status": status},
    )
