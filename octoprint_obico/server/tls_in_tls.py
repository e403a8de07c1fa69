"""TLS to the server within the TLS of an https:// proxy, as far as a socket is used here."""

from __future__ import annotations

import io
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from .deadline import Deadline

_CHUNK = 16 * 1024 + 512
"""A little more than one TLS record (RFC 8446 section 5.1)."""

Result = TypeVar("Result")


class TlsInTls:
    """A TLS connection over another one: Python wraps only sockets of the operating system.

    Like ssl.SSLSocket, a time-out holds for one call; the handshake has a deadline of its own.
    """

    def __init__(self, outer: ssl.SSLSocket, context: ssl.SSLContext, host: str) -> None:
        self._outer = outer
        self._timeout: float | None = outer.gettimeout()
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)

    def __enter__(self) -> TlsInTls:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def do_handshake(self) -> None:
        self._run(self._tls.do_handshake)

    def _run(self, step: Callable[[], Result]) -> Result:
        """Do a step of TLS, passing bytes between it and the proxy until it is done."""
        deadline = None if self._timeout is None else Deadline(self._timeout)
        while True:
            try:
                result = step()
            except ssl.SSLWantReadError:
                self._flush(deadline)
            except ssl.SSLError:
                with suppress(OSError):  # the alert that says why; it need not arrive
                    self._flush(deadline)
                raise
            else:
                self._flush(deadline)
                return result
            self._arm(deadline)
            received = self._outer.recv(_CHUNK)
            if received:
                self._incoming.write(received)
            else:
                self._incoming.write_eof()

    def _flush(self, deadline: Deadline | None) -> None:
        if self._outgoing.pending:
            self._arm(deadline)
            self._outer.sendall(self._outgoing.read())

    def _arm(self, deadline: Deadline | None) -> None:
        if deadline is None:
            return
        left = deadline.remaining()
        if left <= 0:
            raise socket.timeout("timed out")
        self._outer.settimeout(left)

    # ---- as a socket -----------------------------------------------------------------------------

    def recv(self, size: int) -> bytes:
        try:
            return self._run(lambda: self._tls.read(size))
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""

    def recv_into(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        data = self.recv(len(view))
        view[: len(data)] = data
        return len(data)

    def send(self, data: Any) -> int:
        return self._run(lambda: self._tls.write(data))

    def sendall(self, data: Any) -> None:
        rest = memoryview(data).cast("B")
        while rest:
            rest = rest[self.send(rest) :]

    def makefile(self, mode: str = "rb", buffering: int | None = None) -> io.RawIOBase:
        """An unbuffered reader, which is all that the HTTP client asks for."""
        return _Reader(self)

    def pending(self) -> int:
        """Bytes that have arrived, and of which no selector knows."""
        return self._tls.pending() or self._incoming.pending or self._outer.pending()

    def settimeout(self, seconds: float | None) -> None:
        self._timeout = seconds
        self._outer.settimeout(seconds)

    def gettimeout(self) -> float | None:
        return self._timeout

    def getpeercert(self, binary_form: bool = False) -> Any:
        return self._tls.getpeercert(binary_form)

    def cipher(self) -> Any:
        return self._tls.cipher()

    def version(self) -> str | None:
        return self._tls.version()

    def fileno(self) -> int:
        return self._outer.fileno()

    def shutdown(self, how: int) -> None:
        self._outer.shutdown(how)

    def close(self) -> None:
        self._outer.close()


class _Reader(io.RawIOBase):
    def __init__(self, sock: TlsInTls) -> None:
        super().__init__()
        self._sock = sock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._sock.recv_into(buffer)
