"""One WebSocket to the Obico Server: open it, send, ping, and take in what comes.

The low-level class of `websocket-client` is used, on a socket that :mod:`.transport` connected:
its higher-level loop neither falls back from a dead IPv6 address nor, in 1.9.0, tells close codes.
An open :class:`Connection` belongs to one thread.
"""

from __future__ import annotations

import selectors
import socket
import ssl
import struct
import time
from contextlib import suppress
from typing import Any, NamedTuple, Union

import websocket

from .address import Address
from .causes import Cause
from .deadline import Cancel, Deadline
from .errors import ChannelError, Stage, chain
from .proxy import reach
from .redact import redact
from .responses import retry_after
from .tls_in_tls import TlsInTls
from .token import check_token
from .transport import start_tls
from .trust import NO_EXTRA, Trust, build_ssl_context

PATH = "/ws/dev/"
CHANNEL = "websocket"
OPEN_TIMEOUT_S = 8.0
"""For name, connect, TLS and handshake together."""

MESSAGE_CAP = 4 * 1024 * 1024
"""Bytes of one message that are taken in; a larger one closes the connection. What a server sends
has a few kilobytes; the library needs up to three times as much memory as the message has bytes."""

_HANDSHAKE_CAP = 64 * 1024
_IO_TIMEOUT_S = 8.0
"""Longest silence in the middle of a frame, and longest wait of a write."""

_MAX_LAST_WORDS = 50

CLOSE_REPLACED = 4321
"""Close code of the older of two sockets with one token (PROTOCOL 4.2)."""


class Message(NamedTuple):
    """A data frame: text or bytes."""

    data: str | bytes


class Pong(NamedTuple):
    """The answer to a ping of ours, with the ping's payload."""

    payload: bytes


class Closed(NamedTuple):
    """The connection has ended. `code` is None where no close frame came."""

    code: int | None
    reason: str = ""


Event = Union[Message, Pong, Closed]


class _GuardedSocket:
    """A socket that keeps a deadline and a budget of bytes over many reads.

    `websocket-client` reads headers byte by byte and error bodies by their announced length, each
    read with the whole time-out anew: a drip or a lie would hold it for ever.
    """

    def __init__(self, sock: socket.socket | TlsInTls) -> None:
        self._sock = sock
        self._deadline: Deadline | None = None
        self._left = 0
        self._lenient = False

    def guard(self, deadline: Deadline | None, budget: int, lenient: bool = False) -> None:
        """Allow `budget` bytes until `deadline` (None: each read has its own time limit).

        `lenient` forgives writes that fail: while a close frame is read, the library answers it at
        once, and a peer that is gone already must not cost us the close code.
        """
        self._deadline, self._left, self._lenient = deadline, budget, lenient

    def recv(self, size: int) -> bytes:
        if self._left <= 0:
            raise OSError("more bytes than allowed")
        self._sock.settimeout(self._timeout())
        data = self._sock.recv(min(size, self._left))
        self._left -= len(data)
        return data

    def send(self, data: bytes) -> int:
        try:
            self._sock.settimeout(self._timeout())
            return self._sock.send(data)
        except OSError:
            if not self._lenient:
                raise
            return len(data)

    def _timeout(self) -> float:
        if self._deadline is None:
            return _IO_TIMEOUT_S
        left = self._deadline.remaining()
        if left <= 0:
            raise socket.timeout("timed out")
        return left

    def pending(self) -> int:
        return self._sock.pending() if isinstance(self._sock, (ssl.SSLSocket, TlsInTls)) else 0

    def fileno(self) -> int:
        return self._sock.fileno()

    def gettimeout(self) -> float | None:
        return self._sock.gettimeout()

    def settimeout(self, timeout: float | None) -> None:
        self._sock.settimeout(timeout)

    def shutdown(self, how: int) -> None:
        self._sock.shutdown(how)

    def close(self) -> None:
        self._sock.close()


class Connection:
    """An open WebSocket. Use it from one thread; only `abort` may come from another.

    Attributes:
        round_trip_s: seconds from the last ping that was answered to its pong; None before.
    """

    def __init__(self, ws: Any, guarded: _GuardedSocket) -> None:
        self._ws = ws
        self._sock = guarded
        self._selector = selectors.DefaultSelector()
        self._selector.register(guarded.fileno(), selectors.EVENT_READ)
        self._ended: Closed | None = None
        self._pinged: tuple[bytes, float] | None = None
        self.round_trip_s: float | None = None
        self.opened_at = time.monotonic()

    @property
    def age_s(self) -> float:
        """Seconds since the handshake."""
        return time.monotonic() - self.opened_at

    def watch(self, wake: socket.socket) -> None:
        """Let `poll` return as soon as `wake` becomes readable as well."""
        self._selector.register(wake, selectors.EVENT_READ)

    def poll(self, timeout_s: float) -> Event | None:
        """Wait for the next event, up to `timeout_s` seconds; None where there was none.

        Raises:
            ChannelError: `websocket_invalid_handshake` for a violation of the protocol.
        """
        if self._ended is not None:
            return self._ended
        if not self._sock.pending():
            ready = self._selector.select(max(timeout_s, 0.0))
            if all(key.fd != self._sock.fileno() for key, _ in ready):
                return None
        self._sock.guard(None, MESSAGE_CAP, lenient=True)
        try:
            opcode, frame = self._ws.recv_data_frame(control_frame=True)
        except websocket.WebSocketTimeoutException:
            raise ChannelError(
                Cause.WEBSOCKET_UNRESPONSIVE,
                Stage.OPEN,
                "silence in the middle of a frame",
                {"seconds": round(self.age_s, 1)},
            ) from None
        except (OSError, websocket.WebSocketConnectionClosedException) as error:
            return Closed(None, redact(error))
        except (websocket.WebSocketException, ValueError) as error:
            facts = {"detail": redact(error)[:120]}
            raise ChannelError(
                Cause.WEBSOCKET_INVALID_HANDSHAKE, Stage.OPEN, error, facts
            ) from error
        event = _event(opcode, frame)
        if isinstance(event, Pong):
            self._note_pong(event)
        return event

    def _note_pong(self, pong: Pong) -> None:
        # a pong may come unasked (RFC 6455 section 5.5.3): only the payload tells which is meant
        if self._pinged is not None and self._pinged[0] == pong.payload:
            self.round_trip_s = time.monotonic() - self._pinged[1]
            self._pinged = None

    def send_text(self, text: str) -> None:
        """Send one text frame. Where that fails, the next `poll` tells how it ended."""
        self._send(websocket.ABNF.OPCODE_TEXT, text)

    def ping(self, payload: bytes) -> None:
        """Send a ping; the answer comes as a Pong with the same payload."""
        self._pinged = (payload, time.monotonic())
        self._send(websocket.ABNF.OPCODE_PING, payload)

    def _send(self, opcode: int, payload: str | bytes) -> None:
        if self._ended is not None:
            return
        self._sock.guard(Deadline(_IO_TIMEOUT_S), MESSAGE_CAP)
        try:
            self._ws.send(payload, opcode)
        except (OSError, websocket.WebSocketException) as error:
            self._ended = self._last_words() or Closed(None, redact(error))

    def _last_words(self) -> Closed | None:
        """The close frame that the peer had sent before a write noticed the end, if it had."""
        for _ in range(_MAX_LAST_WORDS):
            try:
                event = self.poll(0)
            except ChannelError:
                return None
            if event is None or isinstance(event, Closed):
                return event
        return None

    def close(self, wait_s: float = 0.0) -> None:
        """Say good-bye, and close. Never raises.

        Args:
            wait_s: how many seconds the peer has to close as well. What it sends by then is read:
                closing a socket that holds unread bytes resets the connection (RFC 1122 section
                4.2.2.13), and the reset may overtake our good-bye.
        """
        self._sock.guard(Deadline(0.5), 1024)
        with suppress(OSError, ValueError, websocket.WebSocketException):  # it may be gone
            self._ws.send_close()
            self._sock.guard(Deadline(wait_s), MESSAGE_CAP)
            while wait_s > 0 and self._sock.recv(65536):
                pass
        self.abort()
        self._selector.close()

    def abort(self) -> None:
        """Close the socket at once; a thread that waits in `poll` gets Closed. Never raises."""
        with suppress(OSError):  # not connected any more
            self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()


def _event(opcode: int, frame: Any) -> Event | None:
    data = frame.data
    if opcode == websocket.ABNF.OPCODE_TEXT:
        return Message(data.decode("utf-8", "replace") if isinstance(data, bytes) else data)
    if opcode == websocket.ABNF.OPCODE_BINARY:
        return Message(bytes(data))
    if opcode == websocket.ABNF.OPCODE_PONG:
        return Pong(bytes(data))
    if opcode == websocket.ABNF.OPCODE_CLOSE:
        payload = bytes(data)
        if len(payload) < 2:
            return Closed(None)
        code = struct.unpack("!H", payload[:2])[0]
        return Closed(code, redact(payload[2:].decode("utf-8", "replace")))
    return None  # a ping of the server's: websocket-client has answered it


def open_connection(
    address: Address,
    token: str,
    user_agent: str,
    timeout_s: float = OPEN_TIMEOUT_S,
    cancel: Cancel | None = None,
    trust: Trust = NO_EXTRA,
) -> Connection:
    """Connect and shake hands; the server's first message is still to come.

    Args:
        cancel: ends the attempt from another thread.

    Raises:
        ChannelError: how far it came and why it failed. What fails after TLS has a websocket_*
            cause; before, it has the same cause as it has for HTTP.
    """
    deadline = Deadline(timeout_s, cancel)
    check_token(token, address.facts)
    try:
        sock = _connected_socket(address, deadline, trust)
    except ChannelError as error:
        raise error.with_facts(**address.facts) from error.__cause__
    guarded = _GuardedSocket(sock)
    guarded.guard(deadline, _HANDSHAKE_CAP)
    ws: Any = websocket.WebSocket(skip_utf8_validation=True, enable_multithread=False)
    try:
        ws.connect(
            address.websocket_url(PATH),
            # The word is lower case on purpose: the server takes no other (PROTOCOL 4.1)
            header=[f"Authorization: bearer {token}", f"User-Agent: {user_agent}"],
            socket=guarded,
            redirect_limit=0,
            suppress_origin=True,
            timeout=max(deadline.remaining(), 0.01),
        )
        status = ws.handshake_response.status
        if status != 101:  # 1.8 takes a redirect for an open WebSocket
            raise _refused(status, {}, b"", address, token)
    except ChannelError:
        guarded.close()
        raise
    except Exception as error:  # websocket-client lets IndexError and others out (FIELD_NOTES)
        guarded.close()
        raise _handshake_failure(error, ws, address, token, deadline) from error
    return Connection(ws, guarded)


def _connected_socket(
    address: Address, deadline: Deadline, trust: Trust
) -> socket.socket | TlsInTls:
    sock = reach(address, deadline, trust)
    if address.is_tls:
        return start_tls(sock, address.host, build_ssl_context(trust), deadline)
    return sock


def _refused(status: int, headers: Any, body: bytes, address: Address, token: str) -> ChannelError:
    facts = {
        **address.facts,
        "status": status,
        "server": redact((headers or {}).get("server", ""), token)[:80],
        "body": redact(body.decode("utf-8", "replace"), token)[:200],
    }
    why = f"handshake answered with HTTP {status}"
    asked = retry_after(headers) if headers else None
    return ChannelError(Cause.WEBSOCKET_REFUSED, Stage.HANDSHAKE, why, facts, asked)


def _handshake_failure(
    error: Exception, ws: Any, address: Address, token: str, deadline: Deadline
) -> ChannelError:
    answered = getattr(ws, "handshake_response", None)
    if answered is not None and answered.status != 101:  # 1.9 has no status in this exception
        return _refused(answered.status, {}, b"", address, token)
    if isinstance(error, websocket.WebSocketBadStatusException) and error.status_code:
        body = error.resp_body if isinstance(error.resp_body, bytes) else b""
        return _refused(error.status_code, error.resp_headers, body, address, token)
    items = list(chain(error))
    if deadline.over or any(
        isinstance(item, (socket.timeout, websocket.WebSocketTimeoutException)) for item in items
    ):
        cause = Cause.WEBSOCKET_HANDSHAKE_TIMED_OUT
    elif any(
        isinstance(
            item, (ConnectionError, ssl.SSLError, websocket.WebSocketConnectionClosedException)
        )
        for item in items
    ):
        cause = Cause.WEBSOCKET_RESET
    else:
        cause = Cause.WEBSOCKET_INVALID_HANDSHAKE
    message = redact(error, token)
    return ChannelError(cause, Stage.HANDSHAKE, message, {**address.facts, "detail": message[:120]})
