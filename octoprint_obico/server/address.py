"""The server address: what a person typed, turned into something that can be connected to."""

from __future__ import annotations

import ipaddress
import re
from typing import Any, NamedTuple
from urllib.parse import SplitResult, urlsplit

from .causes import Cause
from .errors import AddressError, ChannelError, Stage
from .redact import REDACTED, redact

DEFAULT_ADDRESS = "https://app.obico.io"
RETIRED_HOST = "app.thespaghettidetective.com"
"""The service's former name; it is `DEFAULT_ADDRESS` now."""

DEFAULT_PORTS = {"http": 80, "https": 443}
_SELF_HOSTED_PORT = 3334
"""The port of the server's own docker set-up, which speaks plain HTTP."""

# What people type in place of "http://" and "https://": missing or doubled colons and slashes
_SCHEME = re.compile(r"^(https?)(?::/*|/{2,})(?=[^/])", re.IGNORECASE)
_SECOND_SCHEME = re.compile(r"^https?:/", re.IGNORECASE)
_OTHER_SCHEME = re.compile(r"^([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
_LABEL = re.compile(r"^(?!-)[a-z0-9_-]{1,63}(?<!-)$", re.IGNORECASE)
_IP_RULE = "the IP address is not complete or not valid"
_PORT_RULE = "the port must be a number from 1 to 65535"
LOCAL_SUFFIXES = (
    ".local",
    ".localhost",
    ".lan",
    ".home",
    ".internal",
    ".home.arpa",
    ".localdomain",
    ".box",
)


class Address(NamedTuple):
    """Where the Obico Server is.

    Attributes:
        scheme: "http" or "https".
        host: ASCII (IDNA) name or IP address, without brackets.
        port: 1 to 65535.
        path: "" or "/some/path", without a slash at its end.
    """

    scheme: str
    host: str
    port: int
    path: str = ""

    @property
    def netloc(self) -> str:
        """Host and port as they stand in a URL; the scheme's own port is left out."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The address as one would enter it: no slash at its end."""
        return f"{self.scheme}://{self.netloc}{self.path}"

    @property
    def is_tls(self) -> bool:
        return self.scheme == "https"

    def join(self, path: str) -> str:
        """The URL of `path` (with a leading slash) on this server."""
        return self.url + path

    def websocket_url(self, path: str) -> str:
        """The same for the WebSocket: ws for http, wss for https (PROTOCOL section 1)."""
        return f"{'wss' if self.is_tls else 'ws'}://{self.netloc}{self.path}{path}"

    @property
    def facts(self) -> dict[str, Any]:
        """What the texts say of an address."""
        return {"address": self.url, "host": self.host, "port": self.port}

    def __str__(self) -> str:
        return self.url


def parse_address(text: str | None) -> Address:
    """Return the address that `text` means, mending what can be mended without a guess.

    White space, quotes, a slash at the end, a query and a missing or mistyped scheme are mended.

    Raises:
        AddressError: `address_missing`, `address_malformed` or `address_retired`; its facts tell
            the text as typed (without user name and password) and what is wrong with it.
    """
    typed = (text or "").strip().strip("\"'<>").strip()
    if not typed:
        raise AddressError(Cause.ADDRESS_MISSING)
    shown = shown_text(typed)
    try:
        parts = urlsplit(_with_scheme(typed, shown))
    except ValueError as error:
        raise _malformed(shown, _IP_RULE) from error
    if "@" in typed:
        raise _malformed(shown, "it holds a user name or a password")
    host = _checked_host(parts.hostname or "", shown)
    if ("[" in parts.netloc) is not (":" in host):  # Python 3.9 takes anything in brackets
        raise _malformed(shown, _IP_RULE)
    port = _checked_port(parts, shown)
    if host == RETIRED_HOST:
        raise AddressError(Cause.ADDRESS_RETIRED, {"address": shown, "new": DEFAULT_ADDRESS})
    path = parts.path.rstrip("/")
    if re.search(r"[\s<>\"'\\^`{|}]", path) or "//" in path:
        raise _malformed(shown, "the path after the host has characters that are not allowed")
    return Address(parts.scheme, host, port or DEFAULT_PORTS[parts.scheme], path)


def shown_text(text: str) -> str:
    """An address as it may be shown when it cannot be parsed: without what may be a password."""
    typed = text.strip()
    _, at, host = typed.rpartition("@")
    scheme = _SCHEME.match(typed)
    start = f"{scheme.group(1).lower()}://" if scheme else ""
    return redact(f"{start}{REDACTED}@{host}" if at else typed)


def _malformed(shown: str, problem: str) -> AddressError:
    return AddressError(Cause.ADDRESS_MALFORMED, {"address": shown, "problem": problem})


def _with_scheme(typed: str, shown: str) -> str:
    found = _SCHEME.match(typed)
    if found:
        rest = typed[found.end() :]
        if _SECOND_SCHEME.match(rest):
            raise _malformed(shown, "it begins with http twice")
        return f"{found.group(1).lower()}://{rest}"
    if _OTHER_SCHEME.match(typed):
        raise _malformed(shown, "it must begin with http:// or https://")
    return f"{_likely_scheme(typed)}://{typed}"


def _likely_scheme(typed: str) -> str:
    """http for a server at home (an IP address, a local name, the self-hosted port), else https."""
    try:
        parts = urlsplit("//" + typed)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "https"
    local = port == _SELF_HOSTED_PORT or "." not in host or host.endswith(LOCAL_SUFFIXES)
    return "http" if local or literal_ip(host) else "https"


def _checked_port(parts: SplitResult, shown: str) -> int | None:
    try:
        port = parts.port
    except ValueError as error:
        raise _malformed(shown, _PORT_RULE) from error
    if port == 0 or parts.netloc.endswith(":"):
        raise _malformed(shown, _PORT_RULE)
    return port


_ZONE = re.compile(r"[A-Za-z0-9._~-]{1,32}")


def literal_ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The IP address that `host` is, without its zone; None where it is a name."""
    bare, percent, zone = host.partition("%")
    try:
        ip = ipaddress.ip_address(bare)
    except ValueError:
        return None
    # A zone is an interface's name, and only IPv6 has one (RFC 4007 section 11)
    return None if percent and (ip.version == 4 or not _ZONE.fullmatch(zone)) else ip


def _checked_host(host: str, shown: str) -> str:
    """Return the host in ASCII, or raise AddressError."""
    if not host:
        raise _malformed(shown, "there is no host name in it")
    if literal_ip(host) is not None:
        return host
    if ":" in host or re.fullmatch(r"[0-9.]+", host):
        raise _malformed(shown, _IP_RULE)
    try:
        ascii_host = host.rstrip(".").encode("idna").decode("ascii").lower()
    except UnicodeError as error:
        raise _malformed(shown, "the host name has characters that are not allowed") from error
    if re.fullmatch(r"[0-9.]+", ascii_host):  # full-width digits become plain ones
        raise _malformed(shown, _IP_RULE)
    if len(ascii_host) > 253 or not all(_LABEL.match(label) for label in ascii_host.split(".")):
        raise _malformed(shown, "the host name has characters that are not allowed")
    return ascii_host


def address_error(typed: str) -> ChannelError | None:
    """Why there can be no channels: an address that cannot be used; None where it can."""
    try:
        parse_address(typed)
    except AddressError as error:
        return ChannelError(error.cause, Stage.ADDRESS, error, error.facts)
    return None
