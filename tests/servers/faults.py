"""Servers that misbehave, on raw sockets: each connection is handed to a behaviour.

A behaviour is a function of a :class:`Peer`; what it does not answer stays open until the server
stops. Nothing here knows HTTP beyond the end of a request's head.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType

LOOPBACK = "127.0.0.1"
LIMIT_S = 10.0
"""Nothing in these tests waits longer for anything."""

# l_onoff = 1, l_linger = 0: close() sends a reset in place of a FIN
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Peer:
    """The server's end of one connection."""

    def __init__(self, sock: socket.socket, stopping: threading.Event, server: FaultServer) -> None:
        self.sock = sock
        self.server = server
        self._stopping = stopping

    def read_head(self) -> bytes:
        """Read up to the empty line that ends a request's head; what came where it ends early."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = self.sock.recv(1)
            if not byte:
                break
            head += byte
        self.server.note(head)
        return head

    def read(self, size: int) -> bytes:
        """Read exactly so many bytes. Raises ConnectionError where the client leaves before."""
        data = b""
        while len(data) < size:
            piece = self.sock.recv(size - len(data))
            if not piece:
                raise ConnectionError("the client has left")
            data += piece
        return data

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def pause(self, seconds: float) -> bool:
        """Let time pass, which is the fault itself; True where the server stops meanwhile."""
        return self._stopping.wait(seconds)

    def hold(self) -> None:
        """Keep the connection open and silent until the server stops or the client leaves."""
        with contextlib.suppress(OSError):
            while not self._stopping.is_set() and self.sock.recv(65536):
                pass

    def drip(self, data: Iterable[int], interval_s: float) -> None:
        """Send one byte at a time, for as long as the client stays."""
        for byte in data:
            self.send(bytes([byte]))
            if self.pause(interval_s):
                return

    def start_tls(self, context: ssl.SSLContext) -> None:
        """Go on encrypted, as the server's side."""
        self.sock = context.wrap_socket(self.sock, server_side=True)

    def finish(self) -> None:
        """Say no more, and wait for the client to close."""
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)
        self.hold()

    def reset(self) -> None:
        """End the connection with a reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.sock.close()


Behaviour = Callable[[Peer], None]


class FaultServer:
    """Listens on a free port of loopback. A context manager.

    Attributes:
        heads: the head of each request that a behaviour has read.
        connections: connections taken so far.
    """

    def __init__(self, behaviour: Behaviour, *, family: int = socket.AF_INET) -> None:
        self._behaviour = behaviour
        self._listener = socket.socket(family, socket.SOCK_STREAM)
        self._listener.bind(("::1" if family == socket.AF_INET6 else LOOPBACK, 0))
        self._listener.listen(32)
        self.port = int(self._listener.getsockname()[1])
        self.heads: list[bytes] = []
        self.connections = 0
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._peers: list[Peer] = []
        self._threads: list[threading.Thread] = []
        self._acceptor = threading.Thread(target=self._accept, name="fault-server", daemon=True)

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def note(self, head: bytes) -> None:
        with self._changed:
            self.heads.append(head)
            self._changed.notify_all()

    def wait_for(self, condition: Callable[[], bool], timeout_s: float = LIMIT_S) -> bool:
        """Wait until the condition holds; it is asked at each connection and each request."""
        with self._changed:
            return self._changed.wait_for(condition, timeout_s)

    def __enter__(self) -> FaultServer:
        self._acceptor.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stopping.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._acceptor.join(LIMIT_S)
        self._listener.close()
        for peer in self._peers:
            with contextlib.suppress(OSError):
                peer.sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(LIMIT_S)

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            peer = Peer(sock, self._stopping, self)
            self._peers.append(peer)
            with self._changed:
                self.connections += 1
                self._changed.notify_all()
            thread = threading.Thread(target=self._serve, args=(peer,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, peer: Peer) -> None:
        try:
            self._behaviour(peer)
        except OSError:
            pass  # the client has gone: ssl.SSLError is an OSError as well
        finally:
            peer.sock.close()


# ---- behaviours -----------------------------------------------------------------------------


def close_at_once(peer: Peer) -> None:
    """Take the connection and close it before any byte."""


def reset_at_once(peer: Peer) -> None:
    """Take the connection and reset it."""
    peer.reset()


def silence(peer: Peer) -> None:
    """Take everything and never answer."""
    peer.hold()


def close_after_request(peer: Peer) -> None:
    peer.read_head()


def reset_after_request(peer: Peer) -> None:
    peer.read_head()
    peer.reset()


def raw(data: bytes) -> Behaviour:
    """Send these bytes to whoever asks, then wait for the client to go."""

    def behave(peer: Peer) -> None:
        peer.read_head()
        peer.send(data)
        peer.finish()

    return behave


def banner(data: bytes = b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n") -> Behaviour:
    """Speak first, as no web server does."""

    def behave(peer: Peer) -> None:
        peer.send(data)
        peer.finish()

    return behave


def http_bytes(
    status: str = "200 OK", body: bytes = b"", *headers: str, length: int | None = None
) -> bytes:
    """An HTTP answer; `length` announces another length than that of the body."""
    announced = len(body) if length is None else length
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {announced}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def answer(status: str = "200 OK", body: bytes = b"", *headers: str) -> Behaviour:
    """Give the same answer to each request of a connection."""
    data = http_bytes(status, body, *headers)

    def behave(peer: Peer) -> None:
        while peer.read_head():
            peer.send(data)

    return behave


def truncated(body: bytes, missing: int) -> Behaviour:
    """Announce a whole JSON body, and close after a part of it."""

    def behave(peer: Peer) -> None:
        peer.read_head()
        kind = "Content-Type: application/json"
        peer.send(http_bytes("200 OK", body, kind, length=len(body) + missing))

    return behave


def drip_after_request(data: bytes, interval_s: float = 0.02) -> Behaviour:
    """Answer byte by byte, so slowly that it never gets done."""

    def behave(peer: Peer) -> None:
        peer.read_head()
        peer.drip(data, interval_s)
        peer.hold()

    return behave


def endless(head: bytes, piece: bytes) -> Behaviour:
    """Answer with a body that does not end."""

    def behave(peer: Peer) -> None:
        peer.read_head()
        peer.send(head)
        while not peer.pause(0.001):  # not so fast that a client without a cap eats all memory
            peer.send(piece)

    return behave


def over_tls(context: ssl.SSLContext, behaviour: Behaviour) -> Behaviour:
    """The same behaviour behind TLS."""

    def behave(peer: Peer) -> None:
        peer.start_tls(context)
        behaviour(peer)

    return behave


def tls_alert(description: int) -> Behaviour:
    """Answer the ClientHello with a fatal alert (RFC 8446 section 6)."""

    def behave(peer: Peer) -> None:
        peer.sock.recv(65536)
        peer.send(bytes([21, 3, 3, 0, 2, 2, description]))
        peer.finish()

    return behave


# ---- ports that nobody serves ----------------------------------------------------------------


@contextlib.contextmanager
def refused_port() -> Iterator[int]:
    """A port of ours where nothing listens: connections are refused."""
    with socket.socket() as holder:
        holder.bind((LOOPBACK, 0))
        yield int(holder.getsockname()[1])


@contextlib.contextmanager
def black_hole() -> Iterator[int]:
    """A port that answers a connection with nothing at all: its queue is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind((LOOPBACK, 0))
        listener.listen(0)
        for _ in range(16):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
            if not _connected(filler):
                break
        else:
            raise AssertionError("the queue of the listening socket does not fill up")
        yield int(listener.getsockname()[1])


def _connected(sock: socket.socket) -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(sock, selectors.EVENT_WRITE)
        return bool(selector.select(0.2))


# ---- proxies ---------------------------------------------------------------------------------


def proxy_answer(data: bytes) -> Behaviour:
    """A proxy that answers CONNECT with these bytes."""
    return raw(data)


def working_proxy(peer: Peer) -> None:
    """A proxy that connects as it is asked (CONNECT only) and passes bytes both ways."""
    target = peer.read_head().split(b" ")[1].decode("ascii")
    host, _, port = target.rpartition(":")
    with socket.create_connection((host.strip("[]"), int(port)), LIMIT_S) as upstream:
        peer.send(b"HTTP/1.1 200 Connection established\r\nVia: 1.1 test\r\n\r\n")
        relay(peer.sock, upstream)


def relay(left: socket.socket, right: socket.socket) -> None:
    with selectors.DefaultSelector() as selector:
        selector.register(left, selectors.EVENT_READ, right)
        selector.register(right, selectors.EVENT_READ, left)
        while True:
            for key, _ in selector.select(LIMIT_S):
                source, target = key.fileobj, key.data
                assert isinstance(source, socket.socket)
                data = source.recv(65536)
                while isinstance(source, ssl.SSLSocket) and source.pending():
                    data += source.recv(65536)
                if not data:
                    return
                target.sendall(data)
