"""Whatever a server sends over the WebSocket: it costs little, and its end is recorded."""

from __future__ import annotations

import contextlib
import struct
import zlib
from collections.abc import Callable, Iterator

import pytest

from octoprint_obico.server.errors import Attempt
from octoprint_obico.server.websocket import MESSAGE_CAP
from octoprint_obico.session.tracker import Tracker

from . import faults as f
from . import wsfaults as w
from .live import Live

Serve = Callable[[f.Behaviour], f.FaultServer]

HUGE = 100_000_000
PIECE = b"x" * 65536
IN_BUFFERS = 12_000_000
"""What the two ends of a loopback connection may hold on the way (tcp_rmem, tcp_wmem)."""

RSV1_TEXT = 0x40 | w.TEXT
"""A text frame that is marked as compressed (RFC 7692 section 6)."""


def one_frame() -> Iterator[bytes]:
    yield bytes([0x80 | w.TEXT]) + b"\x7f" + struct.pack("!Q", HUGE)
    yield from (PIECE for _ in range(HUGE // len(PIECE)))


def many_fragments() -> Iterator[bytes]:
    yield w.frame(w.TEXT, PIECE, final=False)
    yield from (w.frame(0, PIECE, final=False) for _ in range(HUGE // len(PIECE)))


def bomb() -> bytes:
    """A frame of less than 100 kB that would inflate to 64 MB; RFC 7692 section 7.2.1."""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = squeeze.compress(b" " * (64 << 20)) + squeeze.flush(zlib.Z_SYNC_FLUSH)
    return w.frame(RSV1_TEXT, data[:-4])


def first_drop(live: Live) -> Attempt:
    """The attempt that ended the first connection that was proved."""
    attempts = live.records.wait_for(lambda seen: len(seen) >= 2)
    assert attempts[0].ok, attempts
    return attempts[1]


def assert_tracked(attempt: Attempt, cause: str) -> None:
    """The session's figures name the cause."""
    tracker = Tracker()
    tracker.record(attempt)
    causes = tracker.session().channel("websocket").causes
    assert {item.value: count for item, count in causes.items()} == {cause: 1}


@pytest.mark.parametrize("pieces", [one_frame, many_fragments])
def test_a_message_of_100_mb_ends_the_connection(
    serve: Serve, live: Live, pieces: Callable[[], Iterator[bytes]]
) -> None:
    """It is not even taken off the line: the server gets rid of little more than the cap."""
    taken: list[int] = []

    def behave(peer: f.Peer) -> None:
        sent = 0
        with contextlib.suppress(OSError):
            for piece in pieces():
                peer.send(piece)
                sent += len(piece)
        taken.append(sent)
        peer.server.note(b"over")

    server = serve(w.opened(behave))
    live.connect(server.url)
    drop = first_drop(live)
    assert drop.cause == "websocket_dropped"
    assert "more bytes than allowed" in drop.facts["reason"]
    assert_tracked(drop, "websocket_dropped")
    assert server.wait_for(lambda: b"over" in server.heads)
    assert taken[0] <= MESSAGE_CAP + IN_BUFFERS < HUGE
    assert server.wait_for(lambda: server.connections >= 2), "it tries again"
    assert len(live.wait_for_messages(1)) == 1, "nothing of it was handed on"


@pytest.mark.parametrize("extension", [b"", b"Sec-WebSocket-Extensions: permessage-deflate\r\n"])
def test_nothing_is_inflated(serve: Serve, live: Live, extension: bytes) -> None:
    """No compression is offered; a server that compresses all the same violates the protocol."""

    def behave(peer: f.Peer) -> None:
        head = peer.read_head()
        assert b"sec-websocket-extensions" not in head.lower()
        answer = w.switching(w.accept_key(head))
        peer.send(answer[:-2] + extension + b"\r\n")
        peer.send(w.frame(w.TEXT, w.GREETING))
        peer.send(bomb())
        peer.hold()

    server = serve(behave)
    live.connect(server.url)
    drop = first_drop(live)
    assert drop.cause == "websocket_invalid_handshake"
    assert "rsv" in drop.facts["detail"].lower()
    assert_tracked(drop, "websocket_invalid_handshake")
    assert all(b"sec-websocket-extensions" not in head.lower() for head in server.heads)
    assert all(message.remote_status for message in live.wait_for_messages(1))
