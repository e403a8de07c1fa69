"""WebSocket servers that misbehave (RFC 6455), on the raw sockets of `faults`."""

from __future__ import annotations

import base64
import hashlib
import re
import struct
from collections.abc import Callable

from .faults import Behaviour, Peer, http_bytes

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
GREETING = b'{"remote_status": {"viewing": false, "should_watch": false}}'


def accept_key(head: bytes) -> bytes:
    """The Sec-WebSocket-Accept that belongs to a handshake."""
    found = re.search(rb"(?i)sec-websocket-key: *(\S+)", head)
    assert found is not None, head
    return base64.b64encode(hashlib.sha1(found.group(1) + _GUID).digest())


def switching(accept: bytes) -> bytes:
    """The answer that opens a WebSocket."""
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )


def frame(opcode: int, payload: bytes = b"", *, final: bool = True) -> bytes:
    """One frame of a server, which does not mask."""
    first = bytes([(0x80 if final else 0) | opcode])
    size = len(payload)
    if size < 126:
        return first + bytes([size]) + payload
    if size < 65536:
        return first + b"\x7e" + struct.pack("!H", size) + payload
    return first + b"\x7f" + struct.pack("!Q", size) + payload


def close_frame(code: int, reason: bytes = b"") -> bytes:
    return frame(CLOSE, struct.pack("!H", code) + reason)


def read_frame(peer: Peer) -> tuple[int, bytes]:
    """Read one masked frame of a client: opcode and payload. Raises ConnectionError at the end."""
    first, second = peer.read(2)
    size = second & 0x7F
    if size == 126:
        (size,) = struct.unpack("!H", peer.read(2))
    elif size == 127:
        (size,) = struct.unpack("!Q", peer.read(8))
    mask = peer.read(4)
    data = peer.read(size)
    return first & 0x0F, bytes(byte ^ mask[i % 4] for i, byte in enumerate(data))


def opened(behaviour: Callable[[Peer], None], greeting: bytes | None = GREETING) -> Behaviour:
    """Shake hands, greet as an Obico Server does (unless told not to), then behave."""

    def behave(peer: Peer) -> None:
        head = peer.read_head()
        if not head:
            return  # the client did not like our certificate
        peer.send(switching(accept_key(head)))
        if greeting is not None:
            peer.send(frame(TEXT, greeting))
        behaviour(peer)

    return behave


PRINTER = http_bytes(
    "200 OK", b'{"user": {}, "printer": {"id": 1, "name": "P"}}', "Content-Type: application/json"
)
"""The API's answer to a linked printer."""


def beside_api(shake_hands: Callable[[Peer, bytes], None]) -> Behaviour:
    """An API in good health; a handshake's head is handed on to `shake_hands`."""

    def behave(peer: Peer) -> None:
        while head := peer.read_head():
            if b"pgrade: websocket" in head:
                shake_hands(peer, head)
                return
            peer.send(PRINTER)

    return behave


def answer_pings(peer: Peer) -> None:
    """A healthy socket: each ping is answered, a close frame too."""
    while True:
        opcode, payload = read_frame(peer)
        if opcode == PING:
            peer.send(frame(PONG, payload))
        elif opcode == CLOSE:
            peer.send(frame(CLOSE, payload))
            return


def close_with(code: int, *, reset: bool = False) -> Behaviour:
    """Send a close frame, then close, or reset at once."""

    def behave(peer: Peer) -> None:
        peer.send(close_frame(code))
        if reset:
            peer.reset()
        else:
            peer.finish()

    return behave


def say(*frames: bytes) -> Behaviour:
    """Send these bytes, then keep the connection open."""

    def behave(peer: Peer) -> None:
        for data in frames:
            peer.send(data)
        peer.hold()

    return behave
