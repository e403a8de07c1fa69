"""What the server's answer to an API call means: a status, some headers and a body, judged."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple, Optional
from urllib.parse import urljoin, urlsplit

from .address import DEFAULT_PORTS, Address
from .causes import Cause
from .errors import ChannelError, Stage
from .recognise import looks_like
from .redact import redact

_LONGEST_WAIT_S = 86400.0

BODY_START = 200
"""Characters of a body that are kept as evidence (DIAGNOSIS contract)."""


class Reply(NamedTuple):
    """An HTTP answer, read to its end or to the cap.

    Attributes:
        url: what was asked, without the query.
        headers: names in lower case.
        complete: False where the body was cut off by the server, the cap or the time limit.
        seconds: from sending the request to the end of the body.
    """

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    complete: bool = True
    seconds: float = 0.0
    secrets: tuple[str, ...] = ()

    def __repr__(self) -> str:  # neither body nor secrets
        return f"Reply({self.url!r}, {self.status}, {len(self.body)} bytes)"

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    @property
    def body_start(self) -> str:
        """The first characters of the body, redacted and on one line, as evidence."""
        return redact(self.text[: BODY_START * 4], *self.secrets)[:BODY_START]

    def json(self) -> Any:
        """The body as JSON, or None where it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    @property
    def is_html(self) -> bool:
        kind = self.headers.get("content-type", "")
        return "html" in kind or self.text.lstrip()[:15].lower().startswith(("<!doctype", "<html"))

    @property
    def title(self) -> str:
        found = re.search(r"(?is)<title[^>]{0,200}>(.{0,500}?)</title>", self.text[:20000])
        return self._shown(found.group(1)) if found else ""

    def _shown(self, text: str) -> str:
        return redact(text, *self.secrets)[:80]

    @property
    def date(self) -> float | None:
        """The server's clock in Unix seconds, from its Date header."""
        return _timestamp(self.headers.get("date", ""))

    @property
    def looks_like(self) -> str:
        """What kind of web server answers, for people."""
        return looks_like(self.headers, self.title, self.text)

    @property
    def facts(self) -> dict[str, Any]:
        """What was seen, for the evidence."""
        return {
            "status": self.status,
            "server": self._shown(self.headers.get("server", "")),
            "content_type": self._shown(self.headers.get("content-type", "")),
            "title": self.title,
            "body": self.body_start,
        }


Expect = Callable[[Any], bool]
"""Tells whether a JSON value has the form that a call's success has."""


def judge(reply: Reply, address: Address, token_sent: bool, expect: Expect) -> None:
    """Return where the reply is the API's success; raise what it means otherwise.

    Raises:
        ChannelError: at stage RESPONSE, with the reply's facts.
    """
    verdict = _BY_STATUS.get(reply.status) or _BY_CLASS.get(reply.status // 100, _unknown)
    found = verdict(reply, address, token_sent, expect)
    if found is None:
        return
    cause, extra = found
    raise ChannelError(
        cause,
        Stage.RESPONSE,
        f"HTTP {reply.status} from {reply.url}",
        {
            **address.facts,
            **reply.facts,
            "looks_like": reply.looks_like,
            "portal": f"“{reply.title}”" if reply.title else "",
            **extra,
        },
        retry_after=retry_after(reply.headers),
    )


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds until the server wants to be asked again (RFC 9110 10.2.3), at most a day.

    Args:
        headers: of its answer, with names in lower case.
    """
    value = headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]+", value):
        return min(float(value[:9]), _LONGEST_WAIT_S)
    until, now = _timestamp(value), _timestamp(headers.get("date", ""))
    if until is None or now is None:
        return None
    return min(max(0.0, until - now), _LONGEST_WAIT_S)


def _timestamp(value: str) -> float | None:
    """An HTTP date in Unix seconds, or None where it is none."""
    try:
        return parsedate_to_datetime(value).timestamp()
    except (IndexError, OverflowError, OSError, TypeError, ValueError):
        return None


_Finding = Optional[tuple[Cause, dict[str, Any]]]
_Judge = Callable[[Reply, Address, bool, Expect], _Finding]

# compiled when a server first fails, not at OctoPrint's start
_LOGIN_PAGE = r"(?i)type=[\"']?password|log[ -]?in|sign[ -]?in|captive|hotspot|portal"
_PLAIN_TO_TLS = (
    r"(?i)plain HTTP request was sent to (an? )?(HTTPS|TLS|SSL)|HTTP request to an HTTPS server"
    r"|speaking plain HTTP to an SSL"
)

_NO_CLIENT_CERTIFICATE = r"(?i)no required SSL certificate was sent"
"""How nginx says it, after a handshake without one."""


def _success(reply: Reply, address: Address, token_sent: bool, expect: Expect) -> _Finding:
    value = reply.json()
    if value is not None and expect(value):
        return None
    if reply.is_html:
        login = re.search(_LOGIN_PAGE, reply.text)
        return (Cause.CAPTIVE_PORTAL if login else Cause.NOT_AN_OBICO_SERVER), {}
    if value is None and (not reply.complete or _looks_like_json(reply)):
        return Cause.INVALID_RESPONSE, {"complete": reply.complete}
    return Cause.NOT_AN_OBICO_SERVER, {}


def _looks_like_json(reply: Reply) -> bool:
    kind = reply.headers.get("content-type", "")
    return "json" in kind or reply.body.lstrip()[:1] in (b"{", b"[")


def _redirect(reply: Reply, address: Address, token_sent: bool, expect: Expect) -> _Finding:
    try:
        target = urlsplit(urljoin(reply.url, reply.headers.get("location", "")))
        port = target.port or DEFAULT_PORTS.get(target.scheme, 0)
    except ValueError:
        return Cause.NOT_AN_OBICO_SERVER, {}
    origin = f"{target.scheme}://{target.netloc}"
    facts = {"location": redact(f"{origin}{target.path}", *reply.secrets)}
    if (target.hostname or "").lower() != address.host:
        return Cause.CAPTIVE_PORTAL, {**facts, "portal": facts["location"]}
    asked = urlsplit(reply.url).path[len(address.path) :].rstrip("/")
    path = target.path.rstrip("/")
    kept = path.endswith(asked)
    suggestion = origin + path[: len(path) - len(asked)] if kept else origin
    moved = (target.scheme, port) != (address.scheme, address.port)
    usable = target.scheme in DEFAULT_PORTS and suggestion != address.url
    if not usable or not (kept or moved):
        return Cause.NOT_AN_OBICO_SERVER, facts
    return Cause.ADDRESS_REDIRECTED, {**facts, "suggestion": redact(suggestion, *reply.secrets)}


def _bad_request(reply: Reply, address: Address, token_sent: bool, expect: Expect) -> _Finding:
    if re.search(_NO_CLIENT_CERTIFICATE, reply.text):
        return Cause.TLS_CLIENT_CERTIFICATE_REQUIRED, {}
    if re.search(_PLAIN_TO_TLS, reply.text):
        return Cause.HTTPS_REQUIRED, {"suggestion": f"https://{address.host}:{address.port}"}
    return Cause.UNKNOWN_ERROR, {}


def _unauthorized(reply: Reply, address: Address, token_sent: bool, expect: Expect) -> _Finding:
    """Tell the Obico Server's own 401 (PROTOCOL 2.0) from that of a proxy in front of it."""
    value = reply.json()
    scheme = reply.headers.get("www-authenticate", "").strip().lower()
    if not isinstance(value, dict) or scheme.startswith(("basic", "digest", "negotiate")):
        return Cause.ACCESS_DENIED, {}
    if "error" in value and "is_authenticated" in value:
        return Cause.CREDENTIALS_INVALID, {}
    detail = str(value.get("detail", ""))
    if "not provided" in detail or "No credentials provided" in detail:
        return (Cause.AUTHORIZATION_STRIPPED if token_sent else Cause.NOT_LINKED), {}
    if scheme.startswith("token") or "token" in detail.lower():
        return Cause.CREDENTIALS_INVALID, {}
    return Cause.ACCESS_DENIED, {}


def _always(cause: Cause) -> _Judge:
    def verdict(reply: Reply, address: Address, token_sent: bool, expect: Expect) -> _Finding:
        return cause, {}

    return verdict


def _throttled(reply: Reply, address: Address, token_sent: bool, expect: Expect) -> _Finding:
    asked = retry_after(reply.headers)
    return Cause.THROTTLED, {"retry_after": None if asked is None else round(asked)}


_unknown = _always(Cause.UNKNOWN_ERROR)

_BY_STATUS: Mapping[int, _Judge] = {
    200: _success,
    201: _success,
    304: _unknown,
    400: _bad_request,
    401: _unauthorized,
    403: _always(Cause.ACCESS_DENIED),
    404: _always(Cause.NOT_AN_OBICO_SERVER),
    405: _always(Cause.NOT_AN_OBICO_SERVER),
    407: _always(Cause.PROXY_AUTHENTICATION_REQUIRED),
    429: _throttled,
    451: _always(Cause.ACCESS_DENIED),
    502: _always(Cause.SERVER_UNAVAILABLE),
    503: _always(Cause.SERVER_UNAVAILABLE),
    504: _always(Cause.SERVER_UNAVAILABLE),
    497: _bad_request,
    511: _always(Cause.CAPTIVE_PORTAL),
}

_BY_CLASS: Mapping[int, _Judge] = {
    2: _success,
    3: _redirect,
    5: _always(Cause.SERVER_ERROR),
}
