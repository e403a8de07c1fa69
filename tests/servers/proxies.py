"""Proxies: such as work, such as misbehave, and real ones from Debian."""

from __future__ import annotations

import contextlib
import shutil
import socket
import ssl
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import NOT_TESTED_HERE

from . import faults as f

SOCKS_USER, SOCKS_PASSWORD = "me", "pa ss"


def forwarding_proxy(peer: f.Peer) -> None:
    """A proxy for plain requests: it asks the server that the request line names."""
    head = peer.read_head()
    method, url, rest = head.split(b" ", 2)
    host, _, path = url.partition(b"://")[2].partition(b"/")
    name, _, port = host.decode().rpartition(":")
    with socket.create_connection((name, int(port)), f.LIMIT_S) as upstream:
        upstream.sendall(b" ".join((method, b"/" + path, rest)))
        f.relay(peer.sock, upstream)


def answers_only_nonsense(peer: f.Peer) -> None:
    """Refuse what names no server at once, and wait for ever for anything else."""
    if b"\r\nHost:\r\n" in peer.read_head():
        peer.send(f.http_bytes("400 Bad Request"))
        peer.finish()
    peer.hold()


def drips(data: bytes, interval_s: float) -> f.Behaviour:
    """A server that sends this one byte at a time, unasked."""
    return lambda peer: peer.drip(data, interval_s)


def tls_in_front(context: ssl.SSLContext, port: int) -> f.Behaviour:
    """A reverse proxy: it speaks TLS, and passes all on to this port."""

    def behave(peer: f.Peer) -> None:
        peer.start_tls(context)
        with socket.create_connection((f.LOOPBACK, port), f.LIMIT_S) as upstream:
            f.relay(peer.sock, upstream)

    return behave


# ---- SOCKS ---------------------------------------------------------------------------------------


def socks5(
    *, reply: bytes | None = None, method: int = 0, accepted: bool = True, greeting: int = 5
) -> f.Behaviour:
    """A SOCKS 5 proxy; `reply` is sent in place of a connection."""

    def behave(peer: f.Peer) -> None:
        version, count = peer.read(2)
        methods = peer.read(count)
        peer.server.note(b"methods " + methods)
        peer.send(bytes((greeting, method)))
        if method == 2:
            sign_in(peer)
            peer.send(bytes((1, 0 if accepted else 1)))
        elif method == 255:
            peer.finish()
            return
        _, _, _, kind = peer.read(4)
        host, port = target_of(peer, kind)
        peer.server.note(f"connect {host}:{port}".encode())
        if reply is not None:
            peer.send(reply)
            peer.finish()
            return
        with socket.create_connection((host, port), f.LIMIT_S) as upstream:
            # a name as bound address is allowed, and seldom read right
            peer.send(b"\x05\x00\x00\x03\x05proxy\x00\x00")
            f.relay(peer.sock, upstream)

    return behave


def waits_in_vain(peer: f.Peer) -> None:
    """Take the request to connect up, and never answer it."""
    peer.read(peer.read(2)[1])
    peer.send(b"\x05\x00")
    peer.hold()


def sign_in(peer: f.Peer) -> None:
    _, size = peer.read(2)
    user = peer.read(size)
    password = peer.read(peer.read(1)[0])
    peer.server.note(b"sign in " + user + b"/" + password)


def target_of(peer: f.Peer, kind: int) -> tuple[str, int]:
    if kind == 3:
        host = peer.read(peer.read(1)[0]).decode()
    else:
        family, size = (socket.AF_INET, 4) if kind == 1 else (socket.AF_INET6, 16)
        host = socket.inet_ntop(family, peer.read(size))
    return host, struct.unpack("!H", peer.read(2))[0]


def socks5_reply(code: int) -> bytes:
    return bytes((5, code, 0, 1, 0, 0, 0, 0, 0, 0))


def socks4(reply: int | None = None) -> f.Behaviour:
    """A SOCKS 4a proxy; `reply` is sent in place of a connection."""

    def behave(peer: f.Peer) -> None:
        _, _, port = struct.unpack("!BBH", peer.read(4))
        packed = peer.read(4)
        user = until_zero(peer)
        named = packed[:3] == b"\0\0\0" and packed[3] != 0
        host = until_zero(peer).decode() if named else socket.inet_ntoa(packed)
        peer.server.note(b"user " + user + f" connect {host}:{port}".encode())
        if reply is not None:
            peer.send(bytes((0, reply)) + bytes(6))
            peer.finish()
            return
        with socket.create_connection((host, port), f.LIMIT_S) as upstream:
            peer.send(bytes((0, 90)) + bytes(6))
            f.relay(peer.sock, upstream)

    return behave


def until_zero(peer: f.Peer) -> bytes:
    data = b""
    while not data.endswith(b"\0"):
        data += peer.read(1)
    return data[:-1]


# ---- real ones -----------------------------------------------------------------------------------


def program(name: str, package: str) -> str:
    """Where a program is; the test that needs it is left out aloud where it is not."""
    path = shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/bin:/opt/homebrew/bin")
    if path is None:
        pytest.skip(f"{NOT_TESTED_HERE}: not installed: {package} (sh tools/system_packages.sh)")
    return path


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind((f.LOOPBACK, 0))
        return int(sock.getsockname()[1])


@contextlib.contextmanager
def running(command: list[str], port: int, log: Path) -> Iterator[int]:
    """A program that listens on this port of loopback, until the block ends."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        wait_until(lambda: listens(port), lambda: f"{command}: {log.read_text()}")
        yield port
    finally:
        process.terminate()
        try:
            process.wait(f.LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(f.LIMIT_S)


def listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((f.LOOPBACK, port), 1.0):
        return True
    return False


def wait_until(condition: Callable[[], bool], complaint: Callable[[], str]) -> None:
    end = time.monotonic() + 2 * f.LIMIT_S
    while not condition():
        assert time.monotonic() < end, complaint()
        time.sleep(0.05)  # another program: nothing to wait on but looking again


_TINYPROXY = """
Listen 127.0.0.1
Port {port}
Timeout 30
LogFile "{folder}/tinyproxy.log"
LogLevel Info
BasicAuth me {password}
"""


@contextlib.contextmanager
def tinyproxy(folder: Path, password: str) -> Iterator[int]:
    """A real proxy for tunnels and for plain requests; its port. The user is "me"."""
    port, configuration = free_port(), folder / "tinyproxy.conf"
    configuration.write_text(_TINYPROXY.format(port=port, folder=folder, password=password))
    command = [program("tinyproxy", "tinyproxy-bin"), "-d", "-c", str(configuration)]
    with running(command, port, folder / "output.log"):
        yield port


@contextlib.contextmanager
def microsocks(folder: Path, *arguments: str) -> Iterator[int]:
    """A real SOCKS 5 proxy; its port."""
    port = free_port()
    command = [program("microsocks", "microsocks"), "-i", f.LOOPBACK, "-p", str(port), *arguments]
    with running(command, port, folder / "microsocks.log"):
        yield port
