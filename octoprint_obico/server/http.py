"""Requests to the Obico Server, each bounded in time and size."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Mapping
from typing import Any

import requests
import urllib3

from .address import Address
from .causes import Cause
from .deadline import Deadline
from .errors import ChannelError, Stage, cause_of_os_error, cause_of_tls_error, chain
from .pool import TransportAdapter
from .proxy import proxy_for, reach, reach_proxy
from .redact import redact
from .responses import Reply
from .token import check_token
from .transport import start_tls
from .trust import NO_EXTRA, Trust, build_ssl_context

API_BODY_CAP = 64 * 1024
"""Bytes of an answer that are read (DIAGNOSIS contract)."""

READ_TIMEOUT_S = 10.0
WHO_AM_I_TIMEOUT_S = 8.0
PRINTER_PATH = "/api/v1/octo/printer/"
CHANNEL = "http"
_CHUNK = 8 * 1024


def expect_printer(value: Any) -> bool:
    """Whether a JSON value is the answer of GET printer (PROTOCOL 2.2)."""
    return isinstance(value, dict) and isinstance(value.get("printer"), dict)


def expect_ok(value: Any) -> bool:
    """Whether a JSON value is the answer to a picture or an event (PROTOCOL 2.4, 2.5)."""
    return isinstance(value, dict) and value.get("result") == "ok"


class HttpClient:
    """Sends single requests to one server. Thread-safe; keeps connections alive between them.

    It neither follows redirects nor reads .netrc, sends the token to no other host, and answers
    with a Reply whatever the status is.
    """

    def __init__(self, address: Address, user_agent: str, trust: Trust = NO_EXTRA) -> None:
        self.address = address
        self._proxy = proxy_for(address)
        # one that is sent requests as they are stands for the server
        forwards = self._proxy is not None and self._proxy.forwards(address)
        self._forwarder = self._proxy if forwards else None
        self._user_agent = user_agent
        self._trust = trust
        # read once, and not before a connection is wanted: it takes a moment
        self._context: ssl.SSLContext | None = None
        self._adapter = TransportAdapter(self._open)
        # of the request under way on each thread: the adapter opens where it keeps nothing to use
        self._mine = threading.local()

    def _open(self, deadline: Deadline) -> Any:
        """Open the socket that requests are written to."""
        self._mine.has_opened = True
        if self._forwarder is not None:
            return reach_proxy(self._forwarder, deadline, self._trust)
        sock = reach(self.address, deadline, self._trust)
        if not self.address.is_tls:
            return sock
        if self._context is None:
            self._context = build_ssl_context(self._trust)
        return start_tls(sock, self.address.host, self._context, deadline)

    def request(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        timeout_s: float = READ_TIMEOUT_S,
        cap: int = API_BODY_CAP,
        extra_headers: Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> Reply:
        """Send one request and read its answer.

        Args:
            path: begins with a slash; relative to the address.
            token: sent as `Authorization: Token ...`.
            timeout_s: for all of it: connect, send, and the whole of the answer.
            kwargs: params, json, data, files as for `requests`.

        Raises:
            ChannelError: where no HTTP answer came.
        """
        check_token(token, self._facts)
        deadline = Deadline(timeout_s)
        url = self.address.join(path)
        headers = {"User-Agent": self._user_agent, "Accept": "application/json"}
        headers.update(extra_headers or {})
        if token:
            headers["Authorization"] = f"Token {token}"
        started = time.monotonic()
        try:
            response = self._send(method, url, headers, deadline, kwargs)
            with response:
                body, complete = _read_body(response, cap, deadline)
        except ChannelError as error:
            raise error.with_facts(**self._facts) from error.__cause__
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as e:
            raise self._converted(e, token) from e
        lower = {name.lower(): value for name, value in response.headers.items()}
        return Reply(
            url,
            response.status_code,
            lower,
            body,
            complete,
            time.monotonic() - started,
            (token,) if token else (),
        )

    def _send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        deadline: Deadline,
        kwargs: Mapping[str, Any],
    ) -> requests.Response:
        """Hand the request to the adapter itself.

        A session would follow or at least read redirects to their end, keep cookies, and look for
        credentials in files and the environment; none of it is wanted.
        """
        request = requests.Request(method, url, headers=dict(headers), **kwargs).prepare()
        proxies = {"http": self._forwarder.url_for_headers} if self._forwarder else {}
        for last in (False, True):
            self._mine.has_opened = False
            # the total holds for connecting and answering together
            left: Any = urllib3.Timeout(total=max(deadline.remaining(), 0.01))
            try:
                return self._adapter.send(
                    request, stream=True, timeout=left, verify=True, proxies=proxies
                )
            except requests.ConnectionError as error:
                # A kept connection that the server had closed meanwhile is no fault: once more,
                # but never for a call whose repetition would do something twice. A fresh one that
                # is closed is a fault, and nothing may hide it.
                was_kept = not self._mine.has_opened
                if last or method == "POST" or not (was_kept and _is_closed(error)):
                    raise
                self._adapter.close()
        raise AssertionError("unreachable")

    @property
    def _facts(self) -> dict[str, Any]:
        return {**self.address.facts, **(self._proxy.facts if self._proxy else {})}

    def _converted(self, error: BaseException, token: str | None) -> ChannelError:
        """What a library's exception means; the one place where `requests` is understood."""
        for item in chain(error):
            if isinstance(item, ChannelError):
                return item.with_facts(**self._facts)
        cause, stage = _meaning(error)
        message = redact(_leaf_message(error), token)
        facts = self._facts
        if self._forwarder and cause in _FAULTS_OF_A_FORWARDER:
            facts["reason"] = _FAULTS_OF_A_FORWARDER[cause]
            cause, stage = Cause.PROXY_UNREACHABLE, Stage.PROXY
        return ChannelError(cause, stage, message, facts)

    def close(self) -> None:
        self._adapter.close()


def _read_body(response: requests.Response, cap: int, deadline: Deadline) -> tuple[bytes, bool]:
    """Read up to `cap` bytes; False where that was not all. A drip ends with the deadline."""
    body = b""
    try:
        while len(body) < cap:
            if deadline.over:
                raise _timed_out()
            chunk = _read_some(response.raw)
            if not chunk:
                return body, True
            body += chunk
    except urllib3.exceptions.ReadTimeoutError as error:
        raise _timed_out() from error
    except (urllib3.exceptions.HTTPError, OSError):
        return body, False  # cut off in the middle: the judge says what that means
    return body[:cap], False


def _read_some(raw: Any) -> bytes:
    """Return what has arrived, so that a drip cannot hold us beyond the deadline."""
    if hasattr(raw, "read1"):
        return bytes(raw.read1(_CHUNK, decode_content=True))
    return bytes(raw.read(1, decode_content=True))  # urllib3 1.26 has no read1


def _timed_out() -> ChannelError:
    return ChannelError(Cause.RESPONSE_TIMED_OUT, Stage.RESPONSE, "no complete answer in time")


def _is_closed(error: BaseException) -> bool:
    names = {type(item).__name__ for item in chain(error)}
    return "RemoteDisconnected" in names or "ConnectionResetError" in names


_TLS_ALERT = "\x15\x03"
"""How a TLS alert begins (RFC 8446 section 5.1: type 21, then the version)."""


def _leaf_message(error: BaseException) -> str:
    """The innermost message: the outer ones repeat the URL with its query."""
    leaf = list(chain(error))[-1]
    return f"{type(leaf).__name__}: {leaf}"


_FAULTS_OF_A_FORWARDER: Mapping[Cause, str] = {
    Cause.CONNECTION_RESET: "it closes the connection",
    Cause.NOT_HTTP: "it does not answer with HTTP",
    Cause.HTTPS_REQUIRED: "it wants encryption (https://)",
}
"""Where a proxy stands between, these are its own: what it cannot get from the server it tells of
with a status (RFC 9110 section 15.6, 502 and 504)."""

_Meaning = tuple[Cause, Stage]
_BY_TYPE: tuple[tuple[str, _Meaning], ...] = (
    ("BadStatusLine", (Cause.NOT_HTTP, Stage.RESPONSE)),
    ("LineTooLong", (Cause.NOT_HTTP, Stage.RESPONSE)),
    ("UnknownProtocol", (Cause.NOT_HTTP, Stage.RESPONSE)),
    ("InvalidHeader", (Cause.NOT_HTTP, Stage.RESPONSE)),
    ("HeaderParsingError", (Cause.NOT_HTTP, Stage.RESPONSE)),
    ("ReadTimeoutError", (Cause.RESPONSE_TIMED_OUT, Stage.RESPONSE)),
    ("ReadTimeout", (Cause.RESPONSE_TIMED_OUT, Stage.RESPONSE)),
    ("RemoteDisconnected", (Cause.CONNECTION_RESET, Stage.REQUEST)),
    ("ConnectionResetError", (Cause.CONNECTION_RESET, Stage.REQUEST)),
    ("BrokenPipeError", (Cause.CONNECTION_RESET, Stage.REQUEST)),
    ("ConnectTimeout", (Cause.CONNECTION_TIMED_OUT, Stage.CONNECT)),
)


def _meaning(error: BaseException) -> _Meaning:
    """Cause and stage of an exception, by the most telling member of its chain."""
    items = list(chain(error))
    tls_error = next((item for item in items if isinstance(item, ssl.SSLError)), None)
    if tls_error is not None:  # TLS 1.3 tells of a missing client certificate after the handshake
        return cause_of_tls_error(tls_error), Stage.TLS
    if any(str(getattr(item, "line", "")).startswith(_TLS_ALERT) for item in items):
        return Cause.HTTPS_REQUIRED, Stage.RESPONSE
    names = {type(item).__name__ for item in items}
    # RemoteDisconnected is a BadStatusLine, but means something else
    for name, meaning in _BY_TYPE:
        if name in names:
            return meaning
    for item in items:
        found = cause_of_os_error(item) if isinstance(item, OSError) else None
        if found is not None:
            return found, Stage.REQUEST
    return Cause.UNKNOWN_ERROR, Stage.REQUEST
