"""Memory stays flat when what is answered never ends: every way of not ending, at every door.

The stand-alone command runs in a process of its own, whose highest memory use is compared with that
of a healthy run. What is sent comes at full speed, so that a missing cap shows at once.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Any

import psutil
import pytest

from octoprint_obico.webcam.snapshot import url_webcam
from sandbox import SandboxServer, SandboxWebcam

from . import faults as f
from . import wsfaults as w
from .live import TOKEN
from .pictures import made_up
from .results import check_result, run

Serve = Callable[[f.Behaviour], f.FaultServer]
ROOT = Path(__file__).resolve().parent.parent.parent
ALLOWED = 16 << 20
"""Bytes above a healthy run: a snapshot's cap of 5 MB, part of it twice, and buffers."""
DEADLINE_S = 2.0

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
PIECE = b"x" * 65536

# Runs the command as `python -m` does, then tells the highest memory use in bytes. The kernel's
# figure for children would count what the parent had before exec.
MEASURED = """
import atexit, re, resource, runpy, sys
def peak():
    try:
        with open("/proc/self/status") as status:
            kilobytes = int(re.search(r"VmHWM:\\s*(\\d+)", status.read()).group(1))
    except OSError:
        kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print("peak", kilobytes * 1024, file=sys.stderr)
atexit.register(peak)
sys.argv[0] = "diagnosis"
runpy.run_module("octoprint_obico.diagnosis", run_name="__main__")
"""


@dataclass(frozen=True)
class Run:
    """What a run of the command said, and the most memory it had, in bytes."""

    result: dict[str, Any]
    peak: int


def command(url: str, *arguments: str, **environment: str) -> Run:
    """Run the command and measure it."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    options = ("--server", url, "--json", "--deadline", str(DEADLINE_S), *arguments)
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *options],
        cwd=ROOT,
        env={**kept, "OBICO_TOKEN": TOKEN, **environment},
        capture_output=True,
        text=True,
        timeout=f.LIMIT_S * 3,
    )
    result = json.loads(done.stdout)
    check_result(result)
    assert result["duration_ms"] <= DEADLINE_S * 1000 + 500
    return Run(result, int(done.stderr.split("peak ")[1]))


@pytest.fixture(scope="module")
def healthy_peak() -> int:
    """The memory of a run in which nothing is wrong."""
    with SandboxServer() as server, SandboxWebcam() as webcam:
        done = command(
            server.url, "--webcam", webcam.snapshot_url, OBICO_TOKEN=server.printer.token
        )
    assert done.result["verdict"] == "succeeded"
    return done.peak


def assert_flat(done: Run, healthy_peak: int) -> None:
    grown = (done.peak - healthy_peak) / (1 << 20)
    assert done.peak - healthy_peak <= ALLOWED, f"{grown:.0f} MB more than a healthy run"


# ---- what does not end -----------------------------------------------------------------------


def forever(head: bytes, piece: bytes) -> f.Behaviour:
    """Answer a request with a beginning, then with the same again and again, at full speed."""

    def behave(peer: f.Peer) -> None:
        peer.read_head()
        flood(peer, head, piece)

    return behave


def flood(peer: f.Peer, head: bytes, piece: bytes) -> None:
    """Send until the client leaves."""
    peer.send(head)
    for each in repeat(piece):
        peer.send(each)


def chunks(size: int, total: int = 65536) -> bytes:
    """Chunks of so many bytes each, about `total` bytes of them."""
    return (b"%x\r\n" % size + b"x" * size + b"\r\n") * (total // (size + 6) + 1)


CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
#: 64 MB of spaces in about 64 KB, which is more than any cap lets pass.
BOMB = gzip.compress(b" " * (64 << 20), 9)
ZIPPED = OK + b"Content-Encoding: gzip\r\n"


def nested_bomb() -> bytes:
    """A bomb in a bomb, as two content codings: a few hundred bytes."""
    return gzip.compress(BOMB, 9)


ANSWERS: dict[str, f.Behaviour] = {
    "body": forever(OK + b"\r\n", PIECE),
    "body of a known length": forever(OK + b"Content-Length: 99999999999\r\n\r\n", PIECE),
    "JSON": forever(OK + b'\r\n{"printer": [', b"[1]," * 9999),
    "large chunks": forever(CHUNKED, chunks(1 << 20, 1 << 20)),
    "tiny chunks": forever(CHUNKED, chunks(1)),
    "one chunk": forever(CHUNKED + b"ffffffffffff\r\n", PIECE),
    "a chunk's size": forever(CHUNKED, b"0" * 65536),
    "trailers": forever(CHUNKED + b"0\r\n", b"X: y\r\n" * 9999),
    "headers": forever(b"HTTP/1.1 200 OK\r\n", b"X-Header: " + b"x" * 1000 + b"\r\n"),
    "a header": forever(b"HTTP/1.1 200 OK\r\nX-Header: ", PIECE),
    "a folded header": forever(b"HTTP/1.1 200 OK\r\nX-Header: x\r\n", b" " + b"x" * 1000 + b"\r\n"),
    "the status": forever(b"HTTP/1.1 200 ", PIECE),
    "100 Continue": forever(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 999),
    "103 with headers": forever(b"", b"HTTP/1.1 103 Early\r\nLink: </x>\r\n\r\n" * 999),
    "gzip": forever(ZIPPED + b"\r\n", BOMB),
    "gzip in gzip": forever(OK + b"Content-Encoding: gzip, gzip\r\n\r\n", nested_bomb()),
    "deflate": forever(
        OK + b"Content-Encoding: deflate\r\n\r\n", zlib.compress(b" " * (64 << 20), 9)
    ),
    "error page": forever(b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\n\r\n", PIECE),
    "redirect": forever(b"HTTP/1.1 302 Found\r\nLocation: /there\r\n\r\n", PIECE),
    "not HTTP": forever(b"", PIECE),
    "lines that are not HTTP": forever(b"", b"hello\r\n" * 9999),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_without_an_end(serve: Serve, healthy_peak: int, name: str) -> None:
    done = command(serve(ANSWERS[name]).url)
    assert_flat(done, healthy_peak)
    assert done.result["verdict"] == "failed_to_contact_server"


def test_a_handshake_without_an_end(serve: Serve, healthy_peak: int) -> None:
    """Bytes in place of TLS."""
    server = serve(lambda peer: flood(peer, b"\x16\x03\x03\x40\x00", PIECE))
    done = command(f"https://127.0.0.1:{server.port}")
    assert_flat(done, healthy_peak)
    assert done.result["cause"] in ("tls_handshake_failed", "tls_not_spoken")


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 403 No\r\n\r\n"])
def test_a_proxy_without_an_end(serve: Serve, healthy_peak: int, head: bytes) -> None:
    proxy = serve(forever(head, PIECE))
    done = command("https://obico.example", HTTPS_PROXY=f"http://127.0.0.1:{proxy.port}")
    assert_flat(done, healthy_peak)
    assert done.result["cause"] in ("proxy_unreachable", "proxy_refused")


# ---- WebSocket -------------------------------------------------------------------------------


def websocket(head: bytes | None, piece: bytes, start: bytes = b"") -> f.Behaviour:
    """The API is well; the answer to a handshake does not end.

    Args:
        head: what is answered in place of the right handshake.
        start: what follows the right handshake before the pieces.
    """

    def shake_hands(peer: f.Peer, request: bytes) -> None:
        opening = w.switching(w.accept_key(request)) if head is None else head
        flood(peer, opening + start, piece)

    return w.beside_api(shake_hands)


FRAME_OF_EXABYTES = b"\x82\x7f\x0f\xff\xff\xff\xff\xff\xff\xff"
GREETED = w.frame(w.TEXT, w.GREETING)
SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\n"
WEBSOCKETS: dict[str, f.Behaviour] = {
    "frame": websocket(None, PIECE, FRAME_OF_EXABYTES),
    "frame after the greeting": websocket(None, PIECE, GREETED + FRAME_OF_EXABYTES),
    "fragments": websocket(
        None, w.frame(0, b"x" * 60000, final=False), w.frame(w.TEXT, b"x", final=False)
    ),
    "tiny fragments": websocket(
        None, w.frame(0, b"x", final=False) * 9999, w.frame(w.TEXT, b"x", final=False)
    ),
    "messages": websocket(None, w.frame(w.BINARY, b"x" * 60000)),
    "pings": websocket(None, w.frame(w.PING, b"x" * 100) * 99),
    "pongs of others": websocket(None, w.frame(w.PONG, b"other") * 999),
    "headers of the handshake": websocket(SWITCHING, b"X-Header: " + b"x" * 1000 + b"\r\n"),
    "a header of the handshake": websocket(SWITCHING + b"X-Header: ", PIECE),
    "refusal": websocket(b"HTTP/1.1 403 Forbidden\r\n\r\n", PIECE),
    "refusal of a known length": websocket(
        b"HTTP/1.1 403 Forbidden\r\nContent-Length: 99999999999\r\n\r\n", PIECE
    ),
}


@pytest.mark.parametrize("name", WEBSOCKETS)
def test_a_websocket_without_an_end(serve: Serve, healthy_peak: int, name: str) -> None:
    done = command(serve(WEBSOCKETS[name]).url)
    assert_flat(done, healthy_peak)
    assert done.result["channels"]["http"] == "okay"


# ---- webcam ----------------------------------------------------------------------------------

JPEG = made_up(b"picture" * 999)
IMAGE = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n"
PART = b"--frame\r\nContent-Type: image/jpeg\r\n\r\n" + JPEG + b"\r\n"
WEBCAMS: dict[str, f.Behaviour] = {
    "stream": forever(
        b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace;boundary=frame\r\n\r\n", PART
    ),
    "stream of pictures": forever(IMAGE + b"\r\n", JPEG),
    "picture": forever(IMAGE + b"\r\n" + JPEG[:400], PIECE),
    "part of a stream": forever(IMAGE + b"\r\n--frame\r\n", PIECE),
    "gzip": forever(IMAGE + b"Content-Encoding: gzip\r\n\r\n", BOMB),
    "gzip in gzip": forever(IMAGE + b"Content-Encoding: gzip, gzip\r\n\r\n", nested_bomb()),
    "tiny chunks": forever(IMAGE + b"Transfer-Encoding: chunked\r\n\r\n", chunks(1)),
    "one chunk": forever(IMAGE + b"Transfer-Encoding: chunked\r\n\r\nffffffffff\r\n", PIECE),
    "headers": forever(b"HTTP/1.1 200 OK\r\n", b"X-Header: " + b"x" * 1000 + b"\r\n"),
    "a header": forever(b"HTTP/1.1 200 OK\r\nX-Header: ", PIECE),
    "error page": forever(b"HTTP/1.1 500 Error\r\n\r\n", PIECE),
    "redirect": forever(b"HTTP/1.1 302 Found\r\nLocation: /there\r\n\r\n", PIECE),
    "100 Continue": forever(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 999),
}


@pytest.mark.parametrize("name", WEBCAMS)
def test_a_webcam_without_an_end(serve: Serve, healthy_peak: int, name: str) -> None:
    camera = serve(WEBCAMS[name])
    with f.refused_port() as port:
        done = command(f"http://127.0.0.1:{port}", "--webcam", camera.url)
    assert_flat(done, healthy_peak)
    assert done.result["webcams"][0]["cause"]


# ---- inside the plugin -----------------------------------------------------------------------


@contextlib.contextmanager
def memory_watched() -> Iterator[Callable[[], int]]:
    """Look at this process' memory every few milliseconds; gives the growth up to now in bytes."""
    process, done = psutil.Process(), threading.Event()
    before = process.memory_info().rss
    highest = [before]

    def look() -> None:
        while not done.wait(0.005):
            highest[0] = max(highest[0], process.memory_info().rss)

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield lambda: highest[0] - before
    finally:
        done.set()
        watcher.join(f.LIMIT_S)


def test_many_runs_inside_one_process_keep_nothing(serve: Serve) -> None:
    """As TEST in OctoPrint, pressed again and again: no memory, no threads stay behind."""
    server, camera = serve(ANSWERS["body"]), serve(WEBCAMS["stream of pictures"])
    webcams = [url_webcam("Cam", camera.url)]

    def once() -> None:
        result = run(server.url, TOKEN, webcams, deadline_s=f.LIMIT_S)
        assert result["webcams"][0]["cause"] == "webcam_stream_as_snapshot"

    once()  # what is made once and stays
    with memory_watched() as growth:
        for _ in range(5):
            once()
        assert growth() <= 2 * ALLOWED, "the servers that flood live in this process as well"
    for thread in threading.enumerate():
        if thread.name.startswith("obico-"):
            thread.join(DEADLINE_S)
            assert not thread.is_alive(), thread.name
