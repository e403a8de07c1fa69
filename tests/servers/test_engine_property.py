"""Whatever a server, a webcam or a person sends: always a result in the contract's form, in time.

`make test` tries the same few hundred examples each time. A longer search, with other examples each
time: OBICO_PROPERTY_EXAMPLES=2000 python -m pytest tests/servers/test_engine_property.py
"""

from __future__ import annotations

import json
import logging
import os
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, event, example, given, settings
from hypothesis import strategies as st

from octoprint_obico.webcam.snapshot import url_webcam

from . import faults as f
from . import wsfaults as w
from .live import TOKEN
from .results import run

DEADLINE_S = 1.5
SLACK_S = 1.0
"""For a machine that runs other tests at the same time; a run without an end takes far longer."""

LONG = int(os.environ.get("OBICO_PROPERTY_EXAMPLES", "0"))
PRINTER = b'{"user": {}, "printer": {"id": 1, "name": "P"}}'
JSON = "Content-Type: application/json"


def tried(times: int) -> settings:
    """How often a property is tried: the same examples each time, unless a long search is on."""
    return settings(
        max_examples=LONG or times,
        derandomize=not LONG,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


pytestmark = pytest.mark.timeout(120 + LONG * 4)


# ---- keeping it on this machine, and what must not happen ------------------------------------


@pytest.fixture(scope="module", autouse=True)
def all_names_are_here() -> Iterator[None]:
    """Every name and number leads to one closed port of ours, except addresses of loopback."""
    real = socket.getaddrinfo
    with f.refused_port() as closed, pytest.MonkeyPatch.context() as patch:

        def here(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
            own = host in ("127.0.0.1", "localhost")
            return real("127.0.0.1", port if own else closed, *args, **kwargs)

        patch.setattr(socket, "getaddrinfo", here)
        yield


class Complaints(logging.Handler):
    """Collects what the plugin logs of its own faults, which it survives and must not have."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.found.append(self.format(record))


@pytest.fixture(scope="module")
def complaints() -> Iterator[Complaints]:
    handler = Complaints()
    logger = logging.getLogger("octoprint.plugins.obico")
    logger.addHandler(handler)
    yield handler
    logger.removeHandler(handler)


def diagnosed(complaints: Complaints, url: str, **options: Any) -> dict[str, Any]:
    """Run it, and see that it keeps what is promised of every run."""
    complaints.found.clear()
    started = time.monotonic()
    result = run(url, TOKEN, deadline_s=DEADLINE_S, **options)
    assert time.monotonic() - started <= DEADLINE_S + SLACK_S
    assert TOKEN not in json.dumps(result, ensure_ascii=False)
    assert complaints.found == []
    # what was reached, for --hypothesis-show-statistics
    event(f"{result['cause']}, webcam {[webcam['cause'] for webcam in result['webcams']]}")
    return result


# ---- what is sent ----------------------------------------------------------------------------

NOISE = st.binary(max_size=80)
#: What is sent comes back: the token at places where nobody expects it.
SNIPPETS = st.sampled_from(
    [TOKEN.encode(), b"\r\n", b"\0", b"\xff\xfe", b"%s{0}{host}", b"<title>", b"9" * 5000]
)
HEADERS = (
    b"Content-Length: -1",
    b"Content-Length: 99999999999999999999",
    b"Content-Length: 3, 5",
    b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: gzip, chunked",
    b"Content-Encoding: gzip",
    b"Content-Encoding: br, deflate, gzip",
    b"Content-Type: application/json; charset=no-such",
    b"Content-Type: text/html",
    b"Content-Type: multipart/x-mixed-replace",
    b"Date: Sun, 99 Foo 99999 99:99:99 GMT",
    b"Date: Thu, 01 Jan 1970 00:00:00 -9999",
    b"Retry-After: -5",
    b"Retry-After: 1e999",
    b"Retry-After: Fri, 31 Dec 9999 23:59:59 GMT",
    b"Location: http://[::1",
    b"Location: //x:99999/",
    b"Location: http://user:" + TOKEN.encode() + b"@elsewhere.example/",
    b"Location: \xff\xfe",
    b"WWW-Authenticate: Token",
    b"Set-Cookie: a=b",
    b": no name",
    b" folded",
    b"Upgrade: websocket",
)
BODIES = (
    PRINTER,
    b"okay",
    b"null",
    b"[[[[",
    b'{"printer": {"id": [], "name": {"a": 1}}}',
    b'{"printer": {"id": 1e999, "name": null}}',
    b'{"printer": {"name": "\\ud800"}}',
    b'{"detail": 5}',
    b'{"detail": "Invalid token."}',
    b"<!DOCTYPE html><title>" + TOKEN.encode() + b"</title><input type=password>",
    b"\x1f\x8b\x08\x00",
    b"\xff\xd8\xff\xe0\xff\xd9",
    b"--b\r\nContent-Type: image/jpeg\r\n\r\n",
    b"5\r\nab",
    b"zz\r\n\r\n",
)
STATUSES = st.one_of(
    st.sampled_from([b"200"] * 4 + [b"401"] * 2 + [b"301", b"404", b"429", b"502"]),
    st.sampled_from([b"101", b"100", b"204", b"304", b"999"]),
    st.integers(0, 99999).map(lambda number: b"%d" % number),
)


@st.composite
def http_answers(draw: st.DrawFn) -> bytes:
    """An HTTP answer that is nearly right, or wrong in every part."""
    version = draw(st.sampled_from([b"HTTP/1.1 "] * 6 + [b"HTTP/1.0 ", b"HTTP/9.9 ", b"ICY ", b""]))
    lines = [version + draw(STATUSES) + b" " + draw(st.binary(max_size=8))]
    lines += [JSON.encode()] * draw(st.integers(0, 1))
    lines += draw(st.lists(st.one_of(st.sampled_from(HEADERS), NOISE), max_size=4))
    body = draw(st.one_of(st.sampled_from(BODIES), NOISE))
    if draw(st.booleans()):
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join([*lines, b"", body])


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """These bytes, cut off, with other bytes put in, or as they are."""
    start = draw(st.integers(0, len(whole)))
    end = draw(st.integers(start, min(len(whole), start + 12)))
    return whole[:start] + draw(st.one_of(st.just(b""), NOISE, SNIPPETS)) + whole[end:]


def answers() -> st.SearchStrategy[bytes]:
    good = st.sampled_from([f.http_bytes("200 OK", PRINTER, JSON), f.http_bytes("502 Bad Gateway")])
    return st.one_of(http_answers(), good.flatmap(damaged), NOISE)


def end(peer: f.Peer, how: str) -> None:
    """Close, reset, or stay and be silent."""
    {"close": peer.finish, "reset": peer.reset, "hold": peer.hold}[how]()


ENDS = st.sampled_from(["close"] * 6 + ["reset", "hold"])


def sends(data: bytes, how: str) -> f.Behaviour:
    def behave(peer: f.Peer) -> None:
        peer.read_head()
        peer.send(data)
        end(peer, how)

    return behave


# ---- the properties --------------------------------------------------------------------------


@tried(90)
@given(data=answers(), how=ENDS)
@example(data=b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nRetry-After: 1e999\r\n\r\n", how="close")
def test_any_answer_to_a_request(complaints: Complaints, data: bytes, how: str) -> None:
    with f.FaultServer(sends(data, how)) as server:
        diagnosed(complaints, server.url)


RECORD = st.tuples(
    st.sampled_from([20, 21, 22, 23, 24, 0, 255]),
    st.sampled_from([b"\x03\x01", b"\x03\x03", b"\x03\x04", b"\0\0"]),
    NOISE,
).map(lambda r: bytes([r[0]]) + r[1] + len(r[2]).to_bytes(2, "big") + r[2])


@tried(30)
@given(data=st.one_of(RECORD, st.lists(RECORD, max_size=4).map(b"".join), answers()), how=ENDS)
def test_any_answer_to_a_client_hello(complaints: Complaints, data: bytes, how: str) -> None:
    def behave(peer: f.Peer) -> None:
        peer.sock.recv(65536)
        peer.send(data)
        end(peer, how)

    with f.FaultServer(behave) as server:
        result = diagnosed(complaints, f"https://127.0.0.1:{server.port}")
    assert result["verdict"] == "failed_to_contact_server"


WELL = st.sampled_from([b"", w.frame(w.TEXT, w.GREETING), w.frame(w.PONG, b"diagnosis")])
FRAMES = st.one_of(
    NOISE,
    st.tuples(st.integers(0, 255), NOISE).map(lambda f_: bytes([f_[0], len(f_[1])]) + f_[1]),
    st.binary(max_size=6).map(lambda payload: w.frame(w.CLOSE, payload)),
    st.sampled_from(
        [
            w.frame(w.TEXT, w.GREETING),
            w.frame(w.TEXT, b"\xff\xfe", final=False),
            w.frame(w.PONG, b"diagnosis"),
            w.frame(w.PING, b"x" * 200),
            w.close_frame(4321, TOKEN.encode()),
            w.close_frame(1005),
            b"\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\x82\xfe\x00\x01\0\0\0\0x",
        ]
    ),
)


def websocket_server(head: Callable[[bytes], bytes], frames: bytes, how: str) -> f.Behaviour:
    """Its API is well; `head` makes the answer to a handshake from the right one."""

    def shake_hands(peer: f.Peer, request: bytes) -> None:
        peer.send(head(w.switching(w.accept_key(request))) + frames)
        end(peer, how)

    return w.beside_api(shake_hands)


@tried(50)
@given(frames=st.tuples(WELL, st.lists(FRAMES, max_size=5).map(b"".join)).map(b"".join), how=ENDS)
@example(frames=w.frame(w.TEXT, w.GREETING) + w.frame(w.PONG, b"diagnosis"), how="hold")
@example(frames=b"", how="hold")
@example(frames=b"\x81", how="hold")
def test_any_frames_of_a_websocket(complaints: Complaints, frames: bytes, how: str) -> None:
    with f.FaultServer(websocket_server(lambda head: head, frames, how)) as server:
        result = diagnosed(complaints, server.url)
    assert result["channels"]["http"] == "okay"


@tried(40)
@given(data=st.data(), how=ENDS)
def test_any_answer_to_a_handshake(complaints: Complaints, data: st.DataObject, how: str) -> None:
    # drawn from a right answer of the right length, whose key differs from run to run
    sample = w.switching(b"A" * 28)
    wrong = data.draw(st.one_of(damaged(sample), answers()))
    with f.FaultServer(websocket_server(lambda _: wrong, b"", how)) as server:
        result = diagnosed(complaints, server.url)
    assert result["channels"] == {"http": "okay", "websocket": "failed"}


@tried(40)
@given(data=answers(), how=ENDS)
def test_any_answer_of_a_webcam(complaints: Complaints, data: bytes, how: str) -> None:
    with f.FaultServer(sends(data, how)) as camera, f.refused_port() as port:
        webcams = [url_webcam("Cam", f"{camera.url}/?action=snapshot")]
        result = diagnosed(complaints, f"http://127.0.0.1:{port}", webcams=webcams)
    assert result["cause"] == "connection_refused", "a webcam never changes the verdict"


SCHEMES = st.sampled_from(["http://", "https://", "http://127.0.0.1", ""])
ADDRESS_PARTS = st.sampled_from(
    ["http://", "https://", "HTTP:", "ftp://", "//", "/", ":", "@", "[::1]", "[", "]", "%25eth0"]
    + ["127.0.0.1", "example", ".", "..", "ü", "xn--", "\u2026", "\0", " ", "\n", "#", "?", "\\"]
    + [":0", ":443", ":99999", ":-1", "a" * 300, TOKEN, "me:" + TOKEN + "@"]
)


ADDRESSES = st.one_of(
    st.text(max_size=60),
    st.tuples(SCHEMES, st.text(max_size=30)).map("".join),
    st.tuples(SCHEMES, st.lists(ADDRESS_PARTS, max_size=5).map("".join)).map("".join),
)


@tried(150)
@given(text=ADDRESSES)
def test_any_address(complaints: Complaints, text: str) -> None:
    result = diagnosed(complaints, text)
    assert result["verdict"] == "failed_to_contact_server"


@tried(60)
@given(text=ADDRESSES)
def test_any_address_of_a_webcam(complaints: Complaints, text: str) -> None:
    with f.refused_port() as port:
        webcams = [url_webcam("Cam", text)]
        result = diagnosed(complaints, f"http://127.0.0.1:{port}", webcams=webcams)
    (webcam,) = result["webcams"]
    assert webcam["cause"] is not None


@tried(60)
@given(token=st.text(max_size=60), how=ENDS)
def test_any_token(complaints: Complaints, token: str, how: str) -> None:
    with f.FaultServer(websocket_server(lambda head: head, b"", how)) as server:
        started = time.monotonic()
        run(server.url, token, deadline_s=DEADLINE_S)
    assert time.monotonic() - started <= DEADLINE_S + SLACK_S
    assert complaints.found == []
