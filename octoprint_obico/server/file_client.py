"""Fetches a G-code file from an address that the server names (PROTOCOL 7.3), within limits.

The way out is that of all requests: name resolution, proxy and certificates. No credential is ever
sent.

The address is the server's word. A server that was taken over could name anything that this
computer reaches, also in the home's own network. That is why a server of the internet may name none
of a private network; why what comes is written to a file and never told to anybody (only that it
failed, and the status of the answer); and why it is refused where it begins like a web page or like
no text.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import Any, NamedTuple
from urllib.parse import urljoin, urlsplit

import requests
import urllib3

from .address import Address, parse_address
from .causes import Cause
from .deadline import Cancel, Deadline
from .errors import AddressError, ChannelError, ObicoError, Stage, chain
from .http import HttpClient
from .transport import resolve
from .trust import Trust, server_name

TIME_LIMIT_S, SILENCE_S = 1800.0, 60.0
MOST_REDIRECTS = 5
START = 1024
"""Bytes by which a file is judged."""

_OPEN_S = 20.0
_CHUNK = 64 * 1024

Write = Callable[[bytes], object]


class FileError(ObicoError):
    """A file cannot be had; its text is for whoever uses the app."""


class Cancelled(FileError):
    """The plugin ends."""


class Home(NamedTuple):
    """The server as this plugin reaches it.

    Attributes:
        trust: what is trusted there; elsewhere its accepted certificate is not.
    """

    address: Address
    trust: Trust
    user_agent: str


class Limits(NamedTuple):
    """Of one file.

    Attributes:
        size: bytes.
        time_s: for all of it, in seconds.
        silence_s: seconds without a byte.
    """

    size: int
    time_s: float = TIME_LIMIT_S
    silence_s: float = SILENCE_S


_TOO_LARGE = "The file is larger than the free space on OctoPrint's disk, or than 2 GB."
_TOO_SLOW = "The download was too slow, or came to a stop."
_CUT_OFF = "The download broke off."
_REFUSED = "The link to the file is not valid, or not any more."
_GONE = "The file is not on the server any more."
_NO_GCODE = "What the server sent is not a G-code file."
_BAD_ADDRESS = "The file's address cannot be used."
_NO_ANSWER = "The server that has the file did not answer."

_BY_STAGE: Mapping[Stage, str] = {
    Stage.NAME: "The name of the server that has the file was not found.",
    Stage.TLS: "The connection to the server that has the file is not safe: its certificate or its"
    " encryption is not right.",
    Stage.PROXY: "The proxy did not connect to the server that has the file.",
}
_BY_STATUS: Mapping[int, str] = {401: _REFUSED, 403: _REFUSED, 404: _GONE, 410: _GONE}

_NOT_REACHED = (Stage.NAME, Stage.CONNECT, Stage.PROXY, Stage.TLS)


def fetch(url: str, write: Write, home: Home, limits: Limits, cancel: Cancel) -> int:
    """Fetch a file; return its size in bytes.

    The site address of a self-hosted server, with which its links begin, is its administrator's
    choice and may mean nothing here: then the same path is asked at the address that is used.

    Args:
        write: takes the pieces; may raise OSError.

    Raises:
        FileError: for people; what was written by then is of no use.
    """
    deadline = Deadline(limits.time_s, cancel)
    requests_log, without_queries = logging.getLogger("urllib3.connectionpool"), _WithoutQueries()
    requests_log.addFilter(without_queries)
    try:
        return _fetch(url, write, home, limits, deadline)
    except ChannelError as error:
        if cancel.requested:
            raise Cancelled("The plugin was stopped.") from error
        raise FileError(_text(error)) from error
    except FileError:
        if cancel.requested:
            raise Cancelled("The plugin was stopped.") from None
        raise
    finally:
        requests_log.removeFilter(without_queries)


class _WithoutQueries(logging.Filter):
    """Keeps signed addresses out of urllib3's debug log: whoever reads one has the file."""

    def __init__(self) -> None:
        super().__init__()
        self._thread = threading.get_ident()

    def filter(self, record: logging.LogRecord) -> bool:
        if record.thread == self._thread and isinstance(record.args, tuple):
            record.args = tuple(
                item.partition("?")[0] if isinstance(item, str) else item for item in record.args
            )
        return True


def _fetch(url: str, write: Write, home: Home, limits: Limits, deadline: Deadline) -> int:
    try:
        client, response = _followed(url, home, limits, deadline)
    except ChannelError as error:
        other = _at_home(url, home)
        if error.stage not in _NOT_REACHED or other is None or deadline.over:
            raise
        client, response = _followed(other, home, limits, deadline)
    try:
        with response:
            return _read(response, write, limits, deadline)
    finally:
        client.close()


def _text(error: ChannelError) -> str:
    if error.cause in (Cause.RESPONSE_TIMED_OUT, Cause.CONNECTION_TIMED_OUT):
        return _TOO_SLOW if error.stage is Stage.RESPONSE else _NO_ANSWER
    return _BY_STAGE.get(error.stage, _NO_ANSWER)


# ---- the way to it -------------------------------------------------------------------------------


def parted(url: str) -> tuple[Address, str]:
    """The server that a URL names, and what to ask it for. Raises FileError."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and "@" not in parts.netloc
        if not usable or not url.isprintable() or " " in url:
            raise FileError(_BAD_ADDRESS)
        address = parse_address(f"{parts.scheme}://{parts.netloc}")
    except (ValueError, AddressError) as error:
        raise FileError(_BAD_ADDRESS) from error
    return address, (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _at_home(url: str, home: Home) -> str | None:
    """The same path at the address that is used; None where that is what was asked."""
    address, target = parted(url)
    if server_name(address) == server_name(home.address):
        return None
    is_below = target.startswith(f"{home.address.path}/")
    return home.address._replace(path="").url + ("" if is_below else home.address.path) + target


def _followed(
    url: str, home: Home, limits: Limits, deadline: Deadline
) -> tuple[HttpClient, requests.Response]:
    """Ask for a file, and wherever that leads; return the answer that is one, not read yet."""
    for _ in range(MOST_REDIRECTS + 1):
        address, target = parted(url)
        client = _FileClient(address, home, limits, deadline)
        response = client.get(target)
        if response.status_code == 200:
            return client, response
        location = response.headers.get("location", "") if response.is_redirect else ""
        response.close()
        client.close()
        if not location:
            raise FileError(
                _BY_STATUS.get(
                    response.status_code,
                    f"The server answered with an error (HTTP {response.status_code}).",
                )
            )
        url = _next_url(url, location, address)
    raise FileError("The file's address leads in circles.")


def _next_url(url: str, location: str, address: Address) -> str:
    try:
        following = urljoin(url, location[:4096])
    except ValueError as error:
        raise FileError(_BAD_ADDRESS) from error
    if address.is_tls and not parted(following)[0].is_tls:
        raise FileError("The file's address leads to a connection that is not encrypted.")
    return following


class _Patient:
    """A socket that waits for no more than so many seconds in one operation."""

    def __init__(self, sock: Any, most_s: float) -> None:
        self._sock, self._most_s = sock, most_s

    def settimeout(self, seconds: float | None) -> None:
        self._sock.settimeout(self._most_s if seconds is None else min(seconds, self._most_s))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


def _is_private(sock: Any) -> bool:
    """Whether the other end is in a private network, or is this computer."""
    try:
        return not ip_address(str(sock.getpeername()[0]).partition("%")[0]).is_global
    except (OSError, ValueError):
        return True


class _FileClient(HttpClient):
    """Sends one request whose answer may take long."""

    def __init__(self, address: Address, home: Home, limits: Limits, deadline: Deadline) -> None:
        is_home = server_name(address) == server_name(home.address)
        super().__init__(address, home.user_agent, home.trust if is_home else home.trust.of_others)
        self._home = home.address
        self._silence_s, self._total = limits.silence_s, deadline

    def _open(self, deadline: Deadline) -> Any:
        within = self._total.within(_OPEN_S)  # ours can be cancelled
        sock = super()._open(within)
        if self._proxy is None and _is_private(sock) and not self._is_local(within):
            sock.close()
            raise ChannelError(Cause.HOST_UNREACHABLE, Stage.CONNECT, "in a private network")
        return _Patient(sock, self._silence_s)

    def _is_local(self, deadline: Deadline) -> bool:
        """Whether the server is in a private network itself: then its files may be, as well."""
        if self.address.host == self._home.host:
            return True
        try:
            targets = resolve(self._home.host, self._home.port, deadline)
        except ChannelError:
            return False
        return any(not ip_address(target.ip.partition("%")[0]).is_global for target in targets)

    def get(self, target: str) -> requests.Response:
        """The answer, whose body is not read yet. Raises ChannelError."""
        headers = {
            "User-Agent": self._user_agent,
            "Accept": "*/*",
            "Accept-Encoding": "identity",
        }
        try:
            return self._send("GET", self.address.join(target), headers, self._total, {})
        except ChannelError:
            raise
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as e:
            raise self._converted(e, None) from e


# ---- the file ------------------------------------------------------------------------------------


def _read(response: requests.Response, write: Write, limits: Limits, deadline: Deadline) -> int:
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise FileError(_NO_GCODE)  # nobody has asked for it, and it may unpack to any size
    length = response.headers.get("content-length", "")
    announced = int(length) if length.isdecimal() and len(length) < 20 else None
    if announced is not None and announced > limits.size:
        raise FileError(_TOO_LARGE)
    start, size = b"", 0
    while piece := _next_piece(response.raw, deadline):
        size += len(piece)
        if size > limits.size:
            raise FileError(_TOO_LARGE)
        if len(start) < START:
            start += piece
            _judge(start)
        _write(write, piece)
    if announced is not None and size != announced:
        raise FileError(_CUT_OFF)
    if not start.strip():
        raise FileError("The file is empty.")
    return size


def _next_piece(raw: Any, deadline: Deadline) -> bytes:
    if deadline.over:
        raise FileError(_TOO_SLOW)
    try:
        if hasattr(raw, "read1"):
            return bytes(raw.read1(_CHUNK, decode_content=False))
        return bytes(raw.read(_CHUNK, decode_content=False))  # urllib3 1.26
    except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        timed_out = any("Timeout" in type(item).__name__ for item in chain(error))
        raise FileError(_TOO_SLOW if timed_out or deadline.over else _CUT_OFF) from error


def _judge(start: bytes) -> None:
    """Refuse what is a web page or no text, by its first bytes. Raises FileError."""
    text = start[:START].removeprefix(b"\xef\xbb\xbf").lstrip()
    controls = set(range(32)) - set(b"\t\n\r\f\v\x1b")
    if text.startswith(b"<") or not controls.isdisjoint(start[:START]):
        raise FileError(_NO_GCODE)


def _write(write: Write, piece: bytes) -> None:
    try:
        write(piece)
    except OSError as error:
        raise FileError("OctoPrint's disk is full, or cannot be written to.") from error
